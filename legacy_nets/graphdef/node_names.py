"""Names of nodes and tensors, as a GraphDef writes them.

Among the inputs of a node, ``conv`` is the tensor conv:0, ``split:1`` the second output of split,
and ``^update`` a control edge. In a function's body, a tensor has three parts: ``split:output:1``.
"""

from __future__ import annotations

import re
from collections.abc import Container

_TF_GRADIENTS = re.compile(r"(^|/)gradients(_\d+)?/")
_TRAINING_GRADIENTS = re.compile(r"(^|/)gradients?(_\d+)?/")


def get_node_name(edge: str) -> str:
    """Returns the name of the node that an input names: "^a" and "a:1" belong to "a"."""
    return edge.lstrip("^").partition(":")[0]


def get_output_index(tensor: str) -> int:
    """Returns which output of its node a tensor is: 1 for "a:1", 0 for "a"."""
    return int(tensor.partition(":")[2] or 0)


def is_control_edge(edge: str) -> bool:
    """Whether an input orders two nodes and carries no tensor."""
    return edge.startswith("^")


def shorten_tensor_name(tensor: str) -> str:
    """Writes a tensor's name as a GraphDef does: "a:0" becomes "a"."""
    return tensor.removesuffix(":0")


def complete_tensor_name(tensor: str) -> str:
    """Writes a tensor's name as a session does: "a" becomes "a:0"."""
    return tensor if ":" in tensor else f"{tensor}:0"


def find_free_name(name: str, taken: Container[str]) -> str:
    """Appends underscores to a name until no other node has it."""
    while name in taken:
        name += "_"
    return name


def is_tf_gradient(node_name: str) -> bool:
    """Whether a node lies in a scope of tf.gradients.

    It calls its scopes "gradients". A layer of the net may well lie in a scope "gradient", such as
    the gradient of an image.
    """
    return _TF_GRADIENTS.search(node_name) is not None


def is_training_gradient(node_name: str) -> bool:
    """Whether a node lies in a scope "gradients" or "gradient", where code clips gradients."""
    return _TRAINING_GRADIENTS.search(node_name) is not None
