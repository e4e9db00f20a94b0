"""The PyTorch code that ``port --to torch`` writes next to the weights, where it has the net.

The file is assembled from source text: a docstring, the parts of ``modules/same.py`` that the net
needs, the net's file of ``modules``, and ``load``. It imports PyTorch alone.
"""

from __future__ import annotations

import ast
import keyword
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.errors import BadInputError
from legacy_nets.port.jobs import Metadata
from legacy_nets.registry import Net

MODULES = Path(__file__).with_name("modules")
_RESERVED = {*sys.stdlib_module_names, *keyword.kwlist, "torch", "numpy", "safetensors"}
_MARK = "written by legacy_nets"  # in the first line of every file that port wrote


def find_family(net: Net) -> Path | None:
    """Returns the file of ``modules`` that has a net; None where there is none."""
    path = MODULES / f"{net.module}.py"
    return path if path.is_file() else None


def get_code_path(weights: Path) -> Path:
    """Returns the file next to the weights with their name, as far as a module can have it."""
    name = re.sub(r"\W|^(?=\d)", "_", weights.stem)
    return weights.with_name(f"{name}_net.py" if name in _RESERVED else f"{name}.py")


def check_destination(net: Net, weights: Path) -> None:
    """Raises BadInputError where the net's code would replace a file of somebody else.

    That is a file that no port wrote, or the code of other weights that still exist: of x.pth
    and x.safetensors.
    """
    path = get_code_path(weights)
    if find_family(net) is None or not path.exists():
        return
    text = "" if path.is_dir() else path.read_text("utf-8", "replace")
    loaded = re.search(r'^  net = load\("(.+)"\)$', text, re.M)
    if _MARK not in text.partition("\n")[0] or loaded is None:
        content = "something else"
    elif loaded[1] != weights.name and weights.with_name(loaded[1]).exists():
        content = f"the code of {loaded[1]}"
    else:
        return
    raise BadInputError(
        f"--out {weights}: the net's code would be written to {path}, which is {content}: "
        "name another --out"
    )


def list_unknown_options(net: Net, options: Mapping[str, object]) -> list[str]:
    """Lists the options that the net was built with and that its module does not take."""
    family = find_family(net)
    if family is None:
        return []
    names_only = {"scope", "reuse", "unroll"}  # they change no values
    return sorted(set(options) - names_only - _list_parameters(family, net))


def render_module(net: Net, weights: Path, metadata: Metadata) -> str:
    """Returns the text of the file. ``metadata``: those of the port."""
    family = find_family(net)
    assert family is not None
    parts = _split(family)
    imports = sorted({*parts.imports, *_split(MODULES / "same.py").imports}, key=_import_order)
    loader = _LOAD
    if weights.suffix == ".safetensors":
        imports.append("from safetensors.torch import load_file")
        loader = loader.replace("torch.load(path, weights_only=True)", "load_file(path)")
    return "\n".join(
        [
            f'"""{_render_docstring(net, weights, metadata, parts.docstring)}"""\n',
            "from __future__ import annotations\n",
            *imports,
            *_list_shared(parts.shared),
            parts.body,
            loader.format(call=_render_call(net, family, metadata)),
        ]
    )


_LOAD = '''

def load(path: str) -> nn.Module:
    """Loads the net with the weights of a file, in inference mode; ``.train()`` trains it on."""
    net = {call}
    net.load_state_dict(torch.load(path, weights_only=True), strict=True)
    return net.eval()
'''


class _Parts(NamedTuple):
    """A file of ``modules``: the body is what follows the docstring and the imports."""

    docstring: str
    imports: list[str]
    shared: list[str]  # names that it imports from same.py
    body: str


def _split(path: Path) -> _Parts:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    imports, shared, end = [], [], 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "same":
            shared += [alias.name for alias in node.names]
        elif isinstance(node, ast.Import) or (
            isinstance(node, ast.ImportFrom) and node.module != "__future__"
        ):
            imports.append(ast.unparse(node))
        if isinstance(node, ast.Import | ast.ImportFrom):
            end = node.end_lineno or 0
    body = "\n".join(text.splitlines()[end:])
    return _Parts(ast.get_docstring(tree) or "", imports, shared, body)


def _list_shared(names: Iterable[str]) -> list[str]:
    """Lists the functions and classes of same.py with these names, and those that they use."""
    text = (MODULES / "same.py").read_text("utf-8")
    nodes = [n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    wanted = set(names)
    for node in reversed(nodes):  # a definition uses only those before it
        if node.name in wanted:
            wanted |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    kept = [node for node in nodes if node.name in wanted]
    return [f"\n\n{ast.get_source_segment(text, node)}" for node in kept]


def _import_order(line: str) -> tuple[bool, str]:
    return line.startswith("from "), line


def _list_parameters(family: Path, net: Net) -> set[str]:
    """Lists the parameters of a net of ``modules``: those of the class that it is made of."""
    tree = ast.parse(family.read_text("utf-8"))  # it imports PyTorch, which may be missing
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    values = {ast.unparse(n.targets[0]): n.value for n in tree.body if isinstance(n, ast.Assign)}
    names = [node.id for node in ast.walk(values[net.name]) if isinstance(node, ast.Name)]
    [definition] = [classes[name] for name in names if name in classes]
    functions = [node for node in definition.body if isinstance(node, ast.FunctionDef)]
    [init] = [function for function in functions if function.name == "__init__"]
    return {argument.arg for argument in init.args.args}


def _render_call(net: Net, family: Path, metadata: Metadata) -> str:
    arguments: dict[str, object] = {
        "num_classes": metadata["label_offset"] + metadata["num_classes"],
        "image_size": tuple(metadata["image_size"]),
        "channels": net.channels,
    }
    parameters = _list_parameters(family, net)
    arguments |= {name: value for name, value in metadata["options"].items() if name in parameters}
    lines = "".join(f"        {name}={value!r},\n" for name, value in arguments.items())
    return f"{net.name}(\n{lines}    )"


def _render_docstring(net: Net, weights: Path, metadata: Metadata, about: str) -> str:
    """Returns what the file is and how it is used."""
    preprocessing = metadata["preprocessing"]
    sides = ", ".join(map(str, metadata["image_size"]))
    offset, classes = metadata["label_offset"], metadata["num_classes"]
    low, high = (
        scale_pixels(np.full(net.channels, value), preprocessing).tolist() for value in (0, 255)
    )
    lines = [
        f"{net.name} in PyTorch; {_MARK} with the weights of {metadata['checkpoint']}.",
        "",
        f"  from {get_code_path(weights).stem} import load",
        f'  net = load("{weights.name}")',
        f"  logits = net(images)  # [N, {net.channels}, {sides}] -> [N, {offset + classes}]",
        "",
        f"Pixels ({preprocessing}): a byte of 0 becomes {_join_values(low)}, "
        f"one of 255 {_join_values(high)}.",
    ]
    if offset:
        lines.append(f"Class k is logit k + {offset}: the first {offset} are no classes.")
    lines += ["", about, ""]
    return "\n".join(lines).replace("\\", "/").replace('"""', "'''")


def _join_values(values: list[float]) -> str:
    """Joins the values of the channels; equal ones are written once."""
    values = values[:1] if len(set(values)) == 1 else values
    return ", ".join(f"{value:.6g}" for value in values)
