"""The PyTorch file that ``port --to torch`` writes beside the weights, where it has the net.

It is text put together from text: a head, what the net needs of ``modules/same.py``, the net's
file of ``modules``, and ``load``. It imports PyTorch alone.
"""

from __future__ import annotations

import ast
import keyword
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from legacy_nets import registry
from legacy_nets.data.preprocessing import to_pixels
from legacy_nets.errors import BadInputError

MODULES = Path(__file__).with_name("modules")
_TAKEN = {*sys.stdlib_module_names, *keyword.kwlist, "torch", "numpy", "safetensors"}
_MARK = "written by legacy_nets"  # in the first line of every file of ours


def family_of(net: str) -> Path | None:
    """The file of ``modules`` that has a net; None where there is none."""
    path = MODULES / f"{registry.get_net(net).builder.split(':')[0]}.py"
    return path if path.is_file() else None


def place_of(weights: Path) -> Path:
    """The file beside the weights: of their name, as far as a module can be called so."""
    name = re.sub(r"\W|^(?=\d)", "_", weights.stem)
    return weights.with_name(f"{name}_net.py" if name in _TAKEN else f"{name}.py")


def check_room(net: str, weights: Path) -> None:
    """Raises BadInputError where the module would take the place of what is not its own.

    That is a file that no port wrote, or the code of other weights that are still there: of x.pth
    and x.safetensors.
    """
    place = place_of(weights)
    if family_of(net) is None or not place.exists():
        return
    text = "" if place.is_dir() else place.read_text("utf-8", "replace")
    loaded = re.search(r'^  net = load\("(.+)"\)$', text, re.M)
    if _MARK not in text.partition("\n")[0] or loaded is None:
        taken = "something else"
    elif loaded[1] != weights.name and weights.with_name(loaded[1]).exists():
        taken = f"the code of {loaded[1]}"
    else:
        return
    raise BadInputError(
        f"--out {weights}: the net's code would be written to {place}, where there is {taken}: "
        "name another --out"
    )


def unknown_options(net: str, options: Mapping[str, Any]) -> list[str]:
    """Options that the net was built with and that its module does not take."""
    family = family_of(net)
    known = {"scope", "reuse"}  # of names alone
    return sorted(set(options) - known - _parameters(family, net)) if family else []


def text_of(weights: Path, metadata: Mapping[str, Any]) -> str:
    """The whole file. ``metadata`` are those of the port."""
    net = metadata["net"]
    family = family_of(net)
    assert family is not None
    own = _parts(family)
    imports = sorted({*own.imports, *_parts(MODULES / "same.py").imports}, key=_order)
    loader = _LOAD
    if weights.suffix == ".safetensors":
        imports.append("from safetensors.torch import load_file")
        loader = loader.replace("torch.load(path, weights_only=True)", "load_file(path)")
    return "\n".join(
        [
            f'"""{_head(weights, metadata, own.docstring)}"""\n',
            "from __future__ import annotations\n",
            *imports,
            *_shared(own.shared),
            own.body,
            loader.format(call=_call(family, metadata)),
        ]
    )


_LOAD = '''

def load(path: str) -> nn.Module:
    """The net with the weights of a file, as it infers; ``.train()`` lets it learn on."""
    net = {call}
    net.load_state_dict(torch.load(path, weights_only=True), strict=True)
    return net.eval()
'''


class _Parts(NamedTuple):
    """A file of ``modules``: without its docstring and imports it is the body."""

    docstring: str
    imports: list[str]
    shared: list[str]  # names that it takes from same.py
    body: str


def _parts(path: Path) -> _Parts:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    nodes = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    of = {id(node): getattr(node, "module", "") for node in nodes}
    kept = [ast.unparse(node) for node in nodes if of[id(node)] not in ("__future__", "same")]
    shared = [node.names[0].name for node in nodes if of[id(node)] == "same"]
    body = "\n".join(text.splitlines()[nodes[-1].end_lineno :])
    return _Parts(ast.get_docstring(tree) or "", kept, shared, body)


def _shared(names: Iterable[str]) -> list[str]:
    """The functions and classes of same.py that are called so, and those that they use."""
    text = (MODULES / "same.py").read_text("utf-8")
    nodes = [n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    wanted = set(names)
    for node in reversed(nodes):  # what one uses stands before it
        if node.name in wanted:
            wanted |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    kept = [node for node in nodes if node.name in wanted]
    return [f"\n\n{ast.get_source_segment(text, node)}" for node in kept]


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from "), line


def _parameters(family: Path, net: str) -> set[str]:
    """What a net of ``modules`` takes: as its name is there, or the class that it is made of."""
    tree = ast.parse(family.read_text("utf-8"))  # PyTorch, which it imports, may be missing
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    made = {ast.unparse(n.targets[0]): n.value for n in tree.body if isinstance(n, ast.Assign)}
    names = [node.id for node in ast.walk(made[net]) if isinstance(node, ast.Name)]
    [of] = [classes[name] for name in names if name in classes]
    [init] = [n for n in of.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    return {argument.arg for argument in init.args.args}


def _call(family: Path, metadata: Mapping[str, Any]) -> str:
    net = metadata["net"]
    given = {
        "num_classes": metadata["label_offset"] + metadata["num_classes"],
        "image_size": tuple(metadata["image_size"]),
        "channels": registry.get_net(net).channels,
    }
    taken = _parameters(family, net)
    given |= {name: value for name, value in metadata["options"].items() if name in taken}
    arguments = "".join(f"        {name}={value!r},\n" for name, value in given.items())
    return f"{net}(\n{arguments}    )"


def _head(weights: Path, metadata: Mapping[str, Any], about: str) -> str:
    """The docstring: what the file is and how it is used."""
    net, pixels = metadata["net"], metadata["pixels"]
    channels = registry.get_net(net).channels
    sides = ", ".join(map(str, metadata["image_size"]))
    offset, classes = metadata["label_offset"], metadata["num_classes"]
    low, high = (to_pixels(np.full(channels, value), pixels).tolist() for value in (0, 255))
    lines = [
        f"{net} in PyTorch; {_MARK} with the weights of {metadata['checkpoint']}.",
        "",
        f"  from {place_of(weights).stem} import load",
        f'  net = load("{weights.name}")',
        f"  logits = net(images)  # [N, {channels}, {sides}] -> [N, {offset + classes}]",
        "",
        f"Pixels ({pixels}): a byte of 0 becomes {_numbers(low)}, one of 255 {_numbers(high)}.",
        *([f"Class k is logit k + {offset}: the first {offset} are no classes."] * bool(offset)),
        "",
        about,
        "",
    ]
    return "\n".join(lines).replace("\\", "/").replace('"""', "'''")


def _numbers(values: list[float]) -> str:
    """Values of the channels, once where they are equal."""
    values = values[:1] if len(set(values)) == 1 else values
    return ", ".join(f"{value:.6g}" for value in values)
