"""Switches this process to TensorFlow 1.15's behaviour, for scripts (never for the library)."""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

# Deprecated functions that the script called, and where first: 1.15 warned once of each.
deprecated: dict[str, str] = {}
# Called with the seconds that the import of TensorFlow took, once it is there.
after_import: list[Callable[[float], None]] = []


def before_import() -> None:
    """What TensorFlow and libraries read once, when they are imported. The user's word rules."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    if sys.platform.startswith("linux") and not _has_display():
        os.environ.setdefault("MPLBACKEND", "Agg")  # plt.show() returns, as it did there


def _has_display() -> bool:
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


@functools.cache
def as_tf1() -> None:
    """Graph mode, reference variables, old control flow and ``Dimension``: as 1.15 began."""
    from legacy_nets import quiet
    from legacy_nets.runner import seeds

    before_import()
    # 1.15 had no oneDNN. With it, steps of small nets take 2.5 times as long as there, those of
    # convolutions a third; without, none takes longer. TF_ENABLE_ONEDNN_OPTS=1 turns it on.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    began = time.perf_counter()
    quiet.import_quietly()
    from legacy_nets import tf1

    logging.getLogger("tensorflow").addFilter(_not_advice)
    tf1.disable_v2_behavior()
    deprecated.clear()  # of that call
    seeds.count_as_tf1()
    _raise_for_another_rank()
    # TensorFlow of today is built with CUDA everywhere; scripts ask in order to use a GPU.
    tf1.test.is_built_with_cuda = lambda: bool(tf1.config.experimental.list_physical_devices("GPU"))
    vars(tf1.keras).setdefault("__version__", "2.2.4-tf")  # as tf.keras said in 1.15.5
    for tell in after_import:
        tell(time.perf_counter() - began)


def _raise_for_another_rank() -> None:
    """Lets convolutions raise, as in 1.15, where they are fed a tensor of another rank.

    oneDNN's kernels abort the process then. The rank is checked where the graph does not know it.
    """
    generated: Any = importlib.import_module("tensorflow.python.ops.gen_nn_ops")
    for name, rank in (("conv2d", 4), ("depthwise_conv2d_native", 4), ("conv3d", 5)):
        setattr(generated, name, _checked(getattr(generated, name), rank))


def _checked(convolution: Callable[..., Any], rank: int) -> Callable[..., Any]:
    from legacy_nets import tf1

    @functools.wraps(convolution)
    def checked(input: Any, *arguments: Any, **options: Any) -> Any:
        if getattr(getattr(input, "shape", None), "rank", rank) is None:
            input = tf1.ensure_shape(input, [None] * rank)
        return convolution(input, *arguments, **options)

    return checked


def _not_advice(record: logging.LogRecord) -> bool:
    """Keeps the advice to leave TensorFlow 1 for the report of a run."""
    text = str(record.msg)
    if text.startswith("From %s: ") and "deprecated" in text and isinstance(record.args, tuple):
        where, name = str(record.args[0]), str(record.args[1])
        deprecated.setdefault(name, where)
        return False
    return True
