"""Switches this process to TensorFlow 1.15's behaviour, for scripts (never for the library)."""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
import time
import types
from collections.abc import Callable

from legacy_nets import quiet, run_options
from legacy_nets.runner import keras_datasets, seeds
from legacy_nets.types import Tensor, TensorLike

# Deprecated functions that the script called, and where first: 1.15 warned once of each.
deprecated_calls: dict[str, str] = {}
# Called with the seconds that the import of TensorFlow took.
import_listeners: list[Callable[[float], None]] = []
# Whether a file is one of the script's own modules; a run with --report sets it.
is_own_file: Callable[[str], bool] = lambda file: False  # noqa: E731


def set_environment() -> None:
    """Sets what TensorFlow and libraries read once, when they are imported.

    Variables that the user has set stay.
    """
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    if sys.platform.startswith("linux") and not _has_display():
        os.environ.setdefault("MPLBACKEND", "Agg")  # plt.show() returns, as it did there


def _has_display() -> bool:
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


@functools.cache
def enable_tf1_behavior() -> None:
    """Enables graph mode, reference variables, old control flow and ``Dimension``, as in 1.15."""
    set_environment()
    start = time.perf_counter()
    with quiet.silence_start_up():
        quiet.import_quietly()
    from legacy_nets import tf1
    from legacy_nets.runner import classes, keras_1_15, op_counts, placement, protobuf  # NumPy

    logging.getLogger("tensorflow").addFilter(_keep_record)
    tf1.disable_v2_behavior()
    deprecated_calls.clear()  # of disable_v2_behavior itself
    seeds.use_tf1_op_seeds()
    op_counts.install()
    classes.use_tf1_classes()
    keras_1_15.use_tf1_names()
    keras_1_15.rotate_kernels_of_theano()
    protobuf.install()
    placement.install()
    _check_ranks_of_convolutions()
    # TensorFlow of today is built with CUDA everywhere; scripts ask in order to use a GPU.
    tf1.test.is_built_with_cuda = lambda: bool(tf1.config.experimental.list_physical_devices("GPU"))
    vars(tf1.keras).setdefault("__version__", keras_1_15.VERSION)
    if run_options.is_run:
        keras_datasets.read_local_files()
    for listener in import_listeners:
        listener(time.perf_counter() - start)


as_tf1 = enable_tf1_behavior  # its former name, which upgraded scripts import


def _check_ranks_of_convolutions() -> None:
    """Makes convolutions raise, as in 1.15, where they are fed a tensor of another rank.

    oneDNN's kernels abort the process instead. The rank is checked where the graph does not know
    it.
    """
    functions = vars(importlib.import_module("tensorflow.python.ops.gen_nn_ops"))
    for name, rank in (("conv2d", 4), ("depthwise_conv2d_native", 4), ("conv3d", 5)):
        functions[name] = _check_rank(functions[name], rank)


def _check_rank(convolution: Callable[..., Tensor], rank: int) -> Callable[..., Tensor]:
    from legacy_nets import tf1

    @functools.wraps(convolution)
    def checked(input: TensorLike, *arguments: object, **options: object) -> Tensor:
        if getattr(getattr(input, "shape", None), "rank", rank) is None:
            input = tf1.ensure_shape(input, [None] * rank)
        return convolution(input, *arguments, **options)

    return checked


def _keep_record(record: logging.LogRecord) -> bool:
    """Moves the advice to leave TensorFlow 1 from the log into the report of a run."""
    text = str(record.msg)
    if text.startswith("From %s: ") and "deprecated" in text and isinstance(record.args, tuple):
        location, name = str(record.args[0]), str(record.args[1])
        deprecated_calls.setdefault(name, _find_own_line() or location)
        return False
    return True


def _find_own_line() -> str | None:
    """Finds the line of the script that is being run: TensorFlow names that of its own wrapper."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and not is_own_file(frame.f_code.co_filename):
        frame = frame.f_back
    return None if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
