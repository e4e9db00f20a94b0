"""Which convolution kernels of a Keras .h5 are laid out otherwise than TensorFlow's.

Theano convolves where TensorFlow correlates: its kernels are rotated by 180 degrees. Keras 1 also
wrote kernels in Theano's order of axes (``dim_ordering`` th), with either backend.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from legacy_nets.checkpoints.source import TensorSpec
from legacy_nets.types import Array, Shape

_KERAS1_KERNEL = re.compile(r"(_W|_[WU]_[icfo]|(^|/)param_0)(_\d+)?(:0)?$")
_ROTATED = (
    "{count} convolution kernels are rotated by 180 degrees: Keras wrote them on Theano, which "
    "convolves where TensorFlow correlates"
)
_TRANSPOSED = (
    "{count} convolution kernels are transposed: Keras 1 wrote them in Theano's order, [outputs, "
    "inputs, height, width]"
)
_UNKNOWN_ORDER = (
    "{count} convolution kernels of Keras 1 are as in the file, which does not tell their order of "
    "axes (first {first}): [height, width, inputs, outputs], or Theano's"
)
_UNKNOWN_BACKEND = (
    "this file of Keras 0 does not tell its backend: if that was Theano, its {count} convolution "
    "kernels are still to be rotated by 180 degrees"
)
_CHANNELS_FIRST = (
    "its layers are channels_first: the dense layer after Flatten has its inputs in another order "
    "than for channels_last"
)
_MAYBE_FLATTEN = (
    "its layers are channels_first (dim_ordering th), and a file of weights does not tell whether "
    "a dense layer follows Flatten, which has its inputs in another order then: save the complete "
    "model (model.save), or port the weights alone"
)


class Origin(NamedTuple):
    """What a file tells about the Keras that wrote it."""

    backend: str  # "" in files of Keras 1
    version: str  # "" in weight files of Keras 1
    config: str  # of the model, as JSON; "" in a weight file
    is_numbered: bool  # ``nb_layers``, as Keras 0 wrote it
    has_layers: bool  # ``layer_names``

    @property
    def is_keras1(self) -> bool:
        """Whether Keras 0 or 1 wrote the file."""
        is_old = not self.version or self.version.startswith(("0.", "1."))
        return not self.backend and is_old and (self.is_numbered or self.has_layers)


class Change(NamedTuple):
    """How the kernel of a file becomes TensorFlow's, [*window, inputs, outputs]."""

    is_transposed: bool  # it is [outputs, inputs, *window] in the file
    is_rotated: bool  # it is rotated by 180 degrees in the file

    def apply(self, kernel: Array) -> Array:
        """Makes TensorFlow's kernel."""
        if self.is_transposed:
            kernel = np.moveaxis(kernel, (0, 1), (-1, -2))
        if self.is_rotated:
            kernel = np.flip(kernel, tuple(range(kernel.ndim - 2)))
        return np.ascontiguousarray(kernel)

    def get_shape(self, shape: Shape) -> Shape:
        """Returns the shape of TensorFlow's kernel."""
        return (*shape[2:], shape[1], shape[0]) if self.is_transposed else tuple(shape)


class Changes(NamedTuple):
    """The kernels to change, and what the user must know."""

    kernels: Mapping[str, Change]  # by the weight's name
    notes: tuple[str, ...]
    unsupported: str  # why these are the weights of no net; "" where they may be


def find_changes(
    origin: Origin, paths: Mapping[str, str], datasets: Mapping[str, TensorSpec]
) -> Changes:
    """Finds the kernels that are laid out otherwise than TensorFlow's.

    Args:
      origin: of the file.
      paths: weight's name -> dataset, without what belongs to training.
      datasets: shapes and dtypes.
    """
    compact = origin.config.replace(" ", "")
    is_channels_first = any(
        text in compact for text in ('"data_format":"channels_first"', '"dim_ordering":"th"')
    )
    unsupported = ""
    if is_channels_first and '"class_name":"Flatten"' in compact:
        unsupported = _CHANNELS_FIRST
    is_theano = is_of_theano(origin, paths.values())
    if not origin.is_keras1:
        names = _list_keras2_kernels(paths, datasets) if is_theano else []
        changes = {name: Change(False, True) for name in names}
        return _describe(changes, (), unsupported)
    names = [
        name
        for name, path in paths.items()
        if _KERAS1_KERNEL.search(path) and len(datasets[path].shape) > 3
    ]
    orders = {name: _find_order(paths[name], datasets) for name in names}
    known = set(orders.values()) - {""}
    configured = [order for order in ("th", "tf") if f'"dim_ordering":"{order}"' in compact]
    common = known.pop() if len(known) == 1 else configured[0] if len(configured) == 1 else ""
    orders = {name: order or common for name, order in orders.items()}
    changes = {name: Change(order == "th", is_theano) for name, order in orders.items()}
    unknown = [name for name, order in orders.items() if not order]
    notes = []
    if unknown:
        notes.append(_UNKNOWN_ORDER.format(count=len(unknown), first=unknown[0]))
    if origin.is_numbered and names:
        notes.append(_UNKNOWN_BACKEND.format(count=len(names)))
    if any(change.is_transposed for change in changes.values()) and not origin.config:
        unsupported = _MAYBE_FLATTEN
    return _describe(
        {name: change for name, change in changes.items() if any(change)}, notes, unsupported
    )


def is_of_theano(origin: Origin, paths: Iterable[str]) -> bool:
    """Whether Keras wrote these datasets on Theano.

    Keras 2 records its backend. Keras 1 does not, but its names of TensorFlow end in ":0".
    """
    if not origin.is_keras1:
        return origin.backend == "theano"
    return not origin.is_numbered and not any(path.endswith(":0") for path in paths)


def _describe(changes: Mapping[str, Change], notes: Iterable[str], unsupported: str) -> Changes:
    """Adds notes about the changes to others."""
    transposed = sum(change.is_transposed for change in changes.values())
    rotated = sum(change.is_rotated for change in changes.values())
    described = [_TRANSPOSED.format(count=transposed)] * bool(transposed)
    described += [_ROTATED.format(count=rotated)] * bool(rotated)
    described += [*notes, *([unsupported] if unsupported else [])]
    return Changes(changes, tuple(described), unsupported)


def _find_order(path: str, datasets: Mapping[str, TensorSpec]) -> str:
    """Finds a kernel's order of axes by the bias of its layer: "th", "tf", "" where it is open."""
    group = path.rpartition("/")[0]
    biases = {
        spec.shape[0]
        for other, spec in datasets.items()
        if other.rpartition("/")[0] == group and len(spec.shape) == 1
    }
    shape = datasets[path].shape
    if (shape[0] in biases) == (shape[-1] in biases):
        return ""
    return "th" if shape[0] in biases else "tf"


def _list_keras2_kernels(paths: Mapping[str, str], datasets: Mapping[str, TensorSpec]) -> list[str]:
    """Lists the kernels that Keras 2's loader rotates for files of Theano: those of convolutions.

    It leaves depthwise and locally connected ones as they are.
    """
    return [
        name
        for name, path in paths.items()
        if name.rpartition("/")[2] in ("kernel", "recurrent_kernel")
        and len(datasets[path].shape) > 2
        and "locally_connected" not in path
    ]
