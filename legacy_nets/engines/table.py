"""The engines that run a frozen net: what each of them needs and offers.

Reading the table imports nothing heavy; ``load`` imports the libraries of one engine.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from legacy_nets.errors import BadInputError

if TYPE_CHECKING:
    from legacy_nets.engines.prepare import FrozenNet, Run

PRECISIONS = ("fp32", "bf16", "int8")
AUTO = "auto"
BATCH = 8  # images that engines are measured with, and compared in


class Load(Protocol):
    """Loads a frozen net into an engine."""

    def __call__(self, net: FrozenNet, precision: str, threads: int) -> Run:
        """``threads``: how many operations may run at the same time; 0 where that is fixed."""


@dataclass(frozen=True)
class Offer:
    """A precision that an engine offers: packages beyond legacy_nets' own, and their extra."""

    packages: tuple[str, ...] = ()
    extra: str = ""

    def list_missing(self) -> list[str]:
        """Lists the packages that are not installed."""
        return [name for name in self.packages if importlib.util.find_spec(name) is None]


@dataclass(frozen=True)
class Engine:
    """An engine. ``threads``: the numbers to choose from by a measurement."""

    load: Load
    offers: Mapping[str, Offer]  # by precision
    threads: tuple[int, ...] = (0,)


def _load_tensorflow(net: FrozenNet, precision: str, threads: int) -> Run:
    from legacy_nets.engines import tensorflow

    return tensorflow.load(net, precision, threads)


def _load_onnxruntime(net: FrozenNet, precision: str, threads: int) -> Run:
    from legacy_nets.engines import onnxruntime

    return onnxruntime.load(net, precision, threads)


def _load_openvino(net: FrozenNet, precision: str, threads: int) -> Run:
    from legacy_nets.engines import openvino

    return openvino.load(net, precision, threads)


ENGINES: Mapping[str, Engine] = {
    "tensorflow": Engine(_load_tensorflow, {"fp32": Offer(), "bf16": Offer()}, threads=(1, 2)),
    "onnxruntime": Engine(
        _load_onnxruntime, {"fp32": Offer(("onnx", "onnxruntime", "tf2onnx"), "onnx")}
    ),
    "openvino": Engine(
        _load_openvino,
        {
            "fp32": Offer(("openvino",), "openvino"),
            "bf16": Offer(("openvino",), "openvino"),
            "int8": Offer(("openvino", "nncf"), "int8"),
        },
    ),
}


def list_engines(engine: str, precision: str) -> list[str]:
    """Lists the engines to choose from: the one that is named, or all that are installed.

    Raises BadInputError where there is no such engine or precision, or packages are missing.
    """
    if precision not in PRECISIONS:
        raise BadInputError(f"no precision {precision!r}; there are {', '.join(PRECISIONS)}")
    if engine != AUTO and engine not in ENGINES:
        raise BadInputError(f"no engine {engine!r}; there are {', '.join((AUTO, *ENGINES))}")
    offers = {
        name: row.offers[precision] for name, row in ENGINES.items() if precision in row.offers
    }
    if engine != AUTO and engine not in offers:
        raise BadInputError(f"{engine} has no {precision}: choose {' or '.join(offers)}")
    wanted = list(offers) if engine == AUTO else [engine]
    missing = {name: offers[name].list_missing() for name in wanted}
    found = [name for name in wanted if not missing[name]]
    if not found:
        name = wanted[0]
        raise BadInputError(
            f"{precision} by {name} needs {', '.join(missing[name])}: "
            f"pip install 'legacy-nets[{offers[name].extra}]'"
        )
    return found
