"""The texts on the blocks of the nets: what a block is for, and which function builds it.

``data/blocks_NNN.csv``: id, nets (names or patterns of the registry, separated by blanks), blocks
(patterns of end points and layers without the net's scope, separated by blanks), source (the
function or class that builds the block, as ``nets.vgg.make_feature``; empty for the net's own
function), title, text. The first row that fits a name is the text of that name.
"""

from __future__ import annotations

import csv
import dataclasses
import fnmatch
import functools
import importlib
import inspect
import pathlib
from collections.abc import Callable, Iterable

from legacy_nets import registry
from legacy_nets.anatomy.layers import Layer
from legacy_nets.documents.catalogue import DATA
from legacy_nets.documents.texts import translate_row
from legacy_nets.errors import BadInputError
from legacy_nets.nets.build import load_function
from legacy_nets.types import Graph

PACKAGE = pathlib.Path(__file__).parents[1]
_NETS = PACKAGE / "nets"


@dataclasses.dataclass(frozen=True)
class Block:
    """What a kind of block is for; one row of the tables."""

    id: str
    nets: tuple[str, ...]  # names of the registry; the tables may hold shell patterns
    patterns: tuple[str, ...]  # of end points and layers
    source: str
    title: str
    text: str

    @property
    def document(self) -> str:
        """First three digits of the document."""
        return self.id[:3]


@dataclasses.dataclass(frozen=True)
class Source:
    """Lines of this package: of a function, or of one call."""

    name: str  # of the function or class
    path: str  # from the folder that holds the package, as legacy_nets/nets/vgg.py
    line: int  # first line, from 1
    last_line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@functools.cache
def _load() -> tuple[Block, ...]:
    blocks: list[Block] = []
    for path in sorted(DATA.glob("blocks_*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            blocks += [_parse(row) for row in csv.DictReader(file, strict=True)]
    return tuple(blocks)


def _parse(row: dict[str, str]) -> Block:
    patterns = row["nets"].split()
    nets = tuple(net for pattern in patterns for net in registry.list_nets(pattern))
    return Block(row["id"], nets, tuple(row["blocks"].split()), *(row[k] for k in _TEXTS))


_TEXTS = ("source", "title", "text")


def list_blocks(document: str | None = None) -> list[Block]:
    """Lists the texts of a document ("002"), or all, in the order of the tables."""
    blocks = [block for block in _load() if document in (None, block.document)]
    return [translate_row(block, "blocks") for block in blocks]


def find_blocks(net: str, names: Iterable[str]) -> list[Block]:
    """Finds the texts that belong to end points and layers of a net, in order, each once.

    Args:
      net: a name of the registry.
      names: of end points and layers, without the net's scope. Those without a text are passed
        over.
    """
    of_the_net = [block for block in _load() if net in block.nets]
    found = (_find_block(of_the_net, name) for name in names)
    unique = dict.fromkeys(block for block in found if block is not None)
    return [translate_row(block, "blocks") for block in unique]


def _find_block(blocks: list[Block], name: str) -> Block | None:
    return next(
        (
            block
            for block in blocks
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in block.patterns)
        ),
        None,
    )


def locate(block: Block, net: str) -> Source:
    """Finds the lines of the function that builds a block. Imports TensorFlow.

    Args:
      block: of ``find_blocks``.
      net: names the function where the block names none.

    Raises: BadInputError where the package has no such function.
    """
    if not block.source:
        return locate_function(load_function(registry.get_net(net)))
    module_name, _, name = block.source.rpartition(".")
    module = importlib.import_module(f"{PACKAGE.name}.{module_name}")
    function = vars(module).get(name)
    if not callable(function):
        raise BadInputError(f"block {block.id}: {block.source} is no function: correct its source")
    return locate_function(function)


def locate_layer(layer: Layer, graph: Graph) -> Source | None:
    """Finds the line of a net's source that builds a layer; None for an input.

    The graph's operations know the calls that made them; the innermost one in ``nets/`` counts.
    """
    operation = graph.get_operation_by_name(layer.tensor.partition(":")[0])
    calls = [call for call in operation.traceback if call.filename.startswith(str(_NETS))]
    if not calls:
        return None
    path = pathlib.Path(calls[-1].filename).relative_to(PACKAGE.parent).as_posix()
    return Source(calls[-1].name, path, calls[-1].lineno, calls[-1].lineno)


def locate_function(function: Callable[..., object]) -> Source:
    """Finds the lines of a function or class of this package."""
    plain = inspect.unwrap(function)
    lines, first = inspect.getsourcelines(plain)
    path = pathlib.Path(inspect.getfile(plain)).relative_to(PACKAGE.parent)
    return Source(plain.__name__, path.as_posix(), first, first + len(lines) - 1)
