"""Devices: which one is chosen, what is said where there is no GPU, memory as it is needed."""

from __future__ import annotations

import ctypes
import dataclasses
import importlib.metadata
import os
import subprocess
import sys

import pytest
from commands import call, refused

from legacy_nets import devices, packages
from legacy_nets import tf1 as tf
from legacy_nets.cli.inference.scoring import choose_device
from legacy_nets.engines.fast import Choice
from legacy_nets.errors import BadInputError
from legacy_nets.packages import Package

INSTALL = "pip install 'legacy-nets[cuda]'"
NO_DRIVER = (
    f"NVIDIA's driver (libcuda.so.1) was not found: install it, then {INSTALL}"  # the usual case
)


@dataclasses.dataclass(frozen=True)
class Gpu:
    """What TensorFlow lists."""

    name: str


@pytest.fixture
def machine(monkeypatch):
    """Makes this a machine with some GPUs; returns what is made visible."""
    config, visible = tf.config.experimental, []
    monkeypatch.setattr(config, "set_visible_devices", lambda gpus, kind: visible.append(gpus))
    monkeypatch.setattr(
        config, "get_device_details", lambda gpu: {"device_name": "A100"} if "0" in gpu.name else {}
    )
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def make(gpus=0, has_driver=False, libraries=True):
        listed = [Gpu(f"/physical_device:GPU:{number}") for number in range(gpus)]
        monkeypatch.setattr(config, "list_physical_devices", lambda kind: listed)

        def load(name):
            if not has_driver:
                raise OSError(name)

        monkeypatch.setattr(ctypes, "CDLL", load)
        package = Package("nvidia-cudnn-cu12", ">=9", "9.3" if libraries else None)
        monkeypatch.setattr(packages, "list_packages", lambda *_: [package])
        return visible

    return make


@pytest.mark.parametrize(
    ("wanted", "number", "description"),
    [
        ("auto", 0, "GPU:0 (A100)"),
        ("gpu", 0, "GPU:0 (A100)"),
        ("GPU:1", 1, "GPU:1 (/physical_device:GPU:1)"),
        ("cpu", None, "CPU"),
    ],
)
def test_one_device_is_visible(machine, wanted, number, description):
    visible = machine(gpus=2)
    assert devices.use_device(wanted) == description
    expected = [] if number is None else [Gpu(f"/physical_device:GPU:{number}")]
    assert visible == [expected]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("gpu:2", "device gpu:2: the last GPU is gpu:1"),
        *(
            (wrong, f"device {wrong!r} is not known: write auto, cpu, gpu or gpu:1")
            for wrong in ("tpu", "", "gpu:", "gpu:-1", "cpu:0", "gpu:1 ", "autocpu")
        ),
    ],
)
def test_devices_that_are_not_there(machine, wanted, message):
    visible = machine(gpus=2)
    with pytest.raises(BadInputError) as raised:
        devices.use_device(wanted)
    assert str(raised.value) == message and visible == []


def test_a_choice_after_tensorflow_has_begun(machine, monkeypatch):
    machine(gpus=1)

    def refuse(gpus, kind):
        raise RuntimeError("Visible devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config.experimental, "set_visible_devices", refuse)
    with pytest.raises(BadInputError, match="already uses another in this process: choose first"):
        devices.use_device("gpu")


def test_why_there_is_no_gpu(machine, monkeypatch):
    machine()
    assert devices.explain_missing_gpu() == NO_DRIVER
    with pytest.raises(BadInputError) as raised:
        devices.use_device("gpu")
    assert str(raised.value) == f"device gpu: {NO_DRIVER}"
    assert (
        devices.use_device("auto") == "CPU"
    )  # nothing to say on a machine without NVIDIA's driver
    machine(has_driver=True, libraries=False)
    lacks = f"TensorFlow lacks libraries of CUDA (nvidia-cudnn-cu12): {INSTALL}"
    assert devices.explain_missing_gpu() == lacks
    assert devices.use_device("auto") == f"CPU (no GPU: {lacks})"
    assert devices.use_device("cpu") == "CPU"
    machine(has_driver=True)
    assert devices.explain_missing_gpu().endswith("doctor, which shows TensorFlow's messages")
    for value in ("", "-1", " "):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert devices.explain_missing_gpu() == (
            f"CUDA_VISIBLE_DEVICES={value!r} hides the GPUs: unset it"
        )
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: False)
    assert devices.explain_missing_gpu().startswith("this TensorFlow is built for CPUs alone")


@pytest.mark.parametrize(
    ("number", "visible", "count"), [(0, "0", {}), (1, "1", {}), (None, "", {"GPU": 0})]
)
def test_a_session_of_its_own_configuration_has_the_same_device(
    machine, monkeypatch, number, visible, count
):
    machine(gpus=2)
    gpus = devices.list_gpus()
    chosen = [] if number is None else [gpus[number]]
    monkeypatch.setattr(tf.config.experimental, "get_visible_devices", lambda kind: chosen)
    config = tf.ConfigProto()
    devices.restrict_config(config)
    assert config.gpu_options.visible_device_list == visible
    assert dict(config.device_count) == count


def test_fast_engines_are_for_the_cpu():
    assert choose_device("gpu:1", None) == "gpu:1" and choose_device("auto", None) == "auto"
    assert choose_device("auto", Choice()) == choose_device("cpu", Choice()) == "cpu"
    with pytest.raises(BadInputError, match="for the CPU: leave out --fast or --device gpu:1"):
        choose_device("gpu:1", Choice())


@pytest.mark.parametrize("command", ["train", "evaluate", "predict"])
@pytest.mark.parametrize("wanted", ["gpu", "gpu:1", "tpu"])
def test_commands_refuse_it_before_they_begin(machine, tmp_path, monkeypatch, command, wanted):
    machine()
    monkeypatch.chdir(tmp_path)
    options = {
        "train": ("--model-dir", "run"),
        "evaluate": ("--checkpoint", "none"),
        "predict": ("--checkpoint", "none", "none.png"),
    }
    line = refused(command, "tiny", *options[command], "--device", wanted)
    assert line.startswith(
        f"legacy-nets: device {wanted!r}"
        if wanted == "tpu"
        else f"legacy-nets: device {wanted}: {NO_DRIVER}"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [None, "false"])
def test_memory_is_taken_as_it_is_needed_unless_the_user_says_otherwise(given):
    environment = {k: v for k, v in os.environ.items() if k != "TF_FORCE_GPU_ALLOW_GROWTH"}
    environment |= {} if given is None else {"TF_FORCE_GPU_ALLOW_GROWTH": given}
    code = (
        "import os; from legacy_nets import quiet; quiet.import_quietly = lambda: None\n"
        "quiet.quiet_tensorflow(); print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [given or "true"]


def test_doctor_says_why(machine):
    machine()
    lines = call("doctor").stdout.splitlines()
    assert any(line.split(maxsplit=1) == ["GPU", f"none: {NO_DRIVER}"] for line in lines)
    machine(gpus=2)
    lines = call("doctor").stdout.splitlines()
    assert ["GPU", "A100, /physical_device:GPU:1"] in [line.split(maxsplit=1) for line in lines]


def test_the_extra_counts_the_packages_of_tensorflows_own(monkeypatch):
    known = {
        "legacy-nets": ['tensorflow[and-cuda]>=2.21; extra == "cuda"', "numpy"],
        "tensorflow": ['nvidia-nonesuch<2; extra == "and-cuda"', "absl-py", 'gcs; extra == "gcs"'],
    }
    monkeypatch.setattr(importlib.metadata, "requires", known.__getitem__)
    found = packages.list_packages("cuda")
    assert [(p.name, p.wanted, p.fits) for p in found] == [
        ("tensorflow", ">=2.21", True),
        ("nvidia-nonesuch", "<2", False),
    ]
