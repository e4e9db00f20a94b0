"""Chooses the device of this process, CPU or GPU; says why there is no GPU."""

from __future__ import annotations

import ctypes
import os
import re

from legacy_nets import packages
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.types import ConfigProto

_NAMES = re.compile(r"auto|cpu|gpu(:(?P<number>\d+))?")
_DRIVER = "libcuda.so.1"
_INSTALL = "pip install 'legacy-nets[cuda]'"


def use_device(wanted: str = "auto") -> str:
    """Makes every session of this process that is opened later compute on a device.

    Args:
      wanted: "cpu"; "gpu:N"; "gpu", the first one; or "auto", the first GPU where there is one,
        else the CPU.

    Returns: a description, "GPU:0 (NVIDIA A100)" or "CPU"; with "auto" also why a GPU with a
      driver is not used.
    Raises: BadInputError for a GPU that is not there, or where TensorFlow has opened another.
    """
    wanted = wanted.lower()
    match = _NAMES.fullmatch(wanted)
    if match is None:
        raise BadInputError(f"device {wanted!r} is not known: write auto, cpu, gpu or gpu:1")
    gpus = [] if wanted == "cpu" else list_gpus()
    number = int(match["number"] or 0)
    if wanted.startswith("gpu") and number >= len(gpus):
        found = f"the last GPU is gpu:{len(gpus) - 1}" if gpus else explain_missing_gpu()
        raise BadInputError(f"device {wanted}: {found}")
    try:
        tf.config.experimental.set_visible_devices(gpus[number : number + 1], "GPU")
    except RuntimeError as error:
        raise BadInputError(
            f"device {wanted}: TensorFlow already uses another in this process: choose first"
        ) from error
    if gpus:
        return f"GPU:{number} ({describe_gpu(gpus[number])})"
    is_broken = wanted == "auto" and has_driver()
    return f"CPU (no GPU: {explain_missing_gpu()})" if is_broken else "CPU"


def restrict_config(config: ConfigProto) -> None:
    """Restricts a session's own configuration to the device of ``use_device``.

    Sessions without a configuration need no such thing.
    """
    gpus = list_gpus()
    visible = tf.config.experimental.get_visible_devices("GPU")
    config.gpu_options.visible_device_list = ",".join(str(gpus.index(gpu)) for gpu in visible)
    if not visible:
        config.device_count["GPU"] = 0


def list_gpus() -> list[tf.config.PhysicalDevice]:
    """Lists the GPUs that TensorFlow finds."""
    return list(tf.config.experimental.list_physical_devices("GPU"))


def describe_gpu(gpu: tf.config.PhysicalDevice) -> str:
    """Returns the name of the product, where TensorFlow knows it, else that of the device."""
    details = tf.config.experimental.get_device_details(gpu)
    return str(details.get("device_name", gpu.name))


def has_driver() -> bool:
    """Whether NVIDIA's driver can be loaded."""
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        return False
    return True


def explain_missing_gpu() -> str:
    """Explains why TensorFlow finds no GPU, and what to do."""
    if not tf.test.is_built_with_cuda():
        return "this TensorFlow is built for CPUs alone; GPUs need Linux or WSL 2"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={hidden!r} hides the GPUs: unset it"
    if not has_driver():
        return f"NVIDIA's driver ({_DRIVER}) was not found: install it, then {_INSTALL}"
    missing = [p.name for p in packages.list_packages("and-cuda", "tensorflow") if not p.fits]
    if missing:
        return f"TensorFlow lacks libraries of CUDA ({', '.join(missing)}): {_INSTALL}"
    return (
        "NVIDIA's driver and the libraries of CUDA are there, but no GPU answers: try nvidia-smi, "
        "then TF_CPP_MIN_LOG_LEVEL=0 legacy-nets doctor, which shows TensorFlow's messages"
    )
