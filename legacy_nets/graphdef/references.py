"""Repairs frozen graphs in which operations for variables read constants.

convert_variables_to_constants of TensorFlow 1 turned variables into constants, but left the
operations that take a variable by reference, such as the updates of batch norm in tf.cond. No
TensorFlow imports such a graph.
"""

from __future__ import annotations

from legacy_nets.graphdef.traverse import find_descendants, index_consumers, index_nodes
from legacy_nets.tf1.functions import definition_of
from legacy_nets.types import GraphDef, NodeDef

_OPS_ON_VALUES = {
    "RefSwitch": "Switch",
    "RefMerge": "Merge",
    "RefEnter": "Enter",
    "RefExit": "Exit",
    "RefNextIteration": "NextIteration",
    "RefIdentity": "Identity",
    "AssignAdd": "Add",
    "AssignSub": "Sub",
}


def replace_missing_references(definition: GraphDef) -> None:
    """Lets operations that take a variable by reference take the constant that replaced it.

    An update then computes the new value, and changes nothing: ``AssignSub`` becomes ``Sub``, and
    ``Assign`` the assigned value. What reads a variable, a stack, a queue or a table stays.
    """
    nodes = index_nodes(definition)
    takers = {name for name, node in nodes.items() if _takes_reference(node)}
    sources = [n for n, node in nodes.items() if n not in takers and _gives_reference(node)]
    references = find_descendants(index_consumers(nodes), sources, takers)
    for name in takers - references:
        node = nodes[name]
        if node.op == "Assign":
            node.op = "Identity"
            del node.input[0]
        elif node.op in _OPS_ON_VALUES:
            node.op = _OPS_ON_VALUES[node.op]
        else:
            continue
        for attribute in ("use_locking", "validate_shape"):
            node.attr.pop(attribute, None)


def _takes_reference(node: NodeDef) -> bool:
    op_def = definition_of(node.op)
    return bool(node.input and op_def and op_def.input_arg and op_def.input_arg[0].is_ref)


def _gives_reference(node: NodeDef) -> bool:
    op_def = definition_of(node.op)
    return bool(op_def and any(output.is_ref for output in op_def.output_arg))
