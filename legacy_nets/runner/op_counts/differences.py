"""Functions of TensorFlow that made more or fewer ops in 1.15 than today: a table.

``differences.tsv`` is written by ``scripts/oracle/fit_op_counts.py``. A row is a function, and
the ops of 1.15 less those of 2.21: where the shapes of its tensors are known, and where not. Ops of
functions that it calls and that have a row of their own are not in its number.
"""

from __future__ import annotations

import csv
import functools
import importlib
import inspect
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

from legacy_nets import tf1
from legacy_nets.runner.seeds import add_missing_ops

TABLE = pathlib.Path(__file__).with_name("differences.tsv")


class Difference(NamedTuple):
    """Ops that 1.15 made more than 2.21, by whether the shapes of all tensors are known."""

    function: str  # below tf
    known: int
    unknown: int


def load_differences() -> list[Difference]:
    """Reads the table."""
    with open(TABLE, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [Difference(r["function"], int(r["known"]), int(r["unknown"])) for r in rows]


def list_wrappers() -> dict[Callable[..., Any], Callable[..., Any]]:
    """{function: the same, which counts the ops that 1.15 would have made more}."""
    return {
        function: _count_difference(function, difference)
        for difference in load_differences()
        for function in [_find(difference.function)]
        if not inspect.isclass(function)
    }


def wrap_layers() -> None:
    """Lets each call of a layer count its ops. The layer stays a class: files name it."""
    decorators = importlib.import_module("tensorflow.python.util.tf_decorator")
    for difference in load_differences():
        layer = _find(difference.function)
        is_layer = inspect.isclass(layer)
        if is_layer:
            counted = _count_difference(layer.call, difference)
            # Keras reads the arguments of the original.
            layer.call = decorators.make_decorator(layer.call, counted)


def _find(path: str) -> Any:  # a function, or a class of layers
    value: Any = tf1
    for name in path.split("."):
        value = getattr(value, name)
    return value


def _count_difference(function: Callable[..., Any], difference: Difference) -> Callable[..., Any]:
    @functools.wraps(function)
    def counted(*arguments: Any, **options: Any) -> object:
        is_known = all(_has_known_shape(value) for value in (*arguments, *options.values()))
        result = function(*arguments, **options)
        add_missing_ops(difference.known if is_known else difference.unknown)
        return result

    return counted


def _has_known_shape(value: object) -> bool:
    """Whether an argument has no tensor of a shape that is known in part only."""
    if isinstance(value, (list, tuple)):
        return all(_has_known_shape(item) for item in value)
    shape = getattr(value, "shape", None)
    is_fully_defined = getattr(shape, "is_fully_defined", None)
    return is_fully_defined is None or bool(is_fully_defined())
