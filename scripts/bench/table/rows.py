"""The rows of the benchmark as data: which peers measure what, in which environment."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from driver import Row, Task

NETS = (
    "inception_v3",
    "resnet_v2_50",
    "resnet_v2_152",
    "hand_signs",
    "mobilenet_v2",
    "vit_base_patch16_224_in21k",
    "r2plus1d_18",
)
SHORT_NETS = NETS[:2]
OF_CLIPS = ("r2plus1d_18",)  # nets whose inputs are clips
BATCHES = (1, 8, 32)
TRAINED = ("hand_signs", "inception_v3", "cnn_lstm")
TARGETS = ("frozen", "saved_model", "onnx", "tflite", "keras", "openvino", "npz", "safetensors")


@dataclasses.dataclass(frozen=True)
class Growing:
    """Work that is measured at growing sizes."""

    unit: str  # of the sizes
    tasks: tuple[str, ...]  # of growing_work.py
    sizes: tuple[int, ...]


GROWTH = {
    "growth_batch": Growing("images of a batch", ("inference",), (1, 4, 16, 64, 256)),
    "growth_layers": Growing("layers", ("graph", "describe"), (50, 101, 152, 200)),
    "growth_weights": Growing(
        "MiB of a checkpoint",
        ("inspect", "port to npz", "port to safetensors"),
        (16, 64, 256, 1024, 4096),
    ),
    "growth_pictures": Growing("pictures", ("predict",), (1000, 10_000, 100_000, 1_000_000)),
    "growth_models": Growing("models", ("port FOLDER",), (1, 4, 16, 64)),
}
OURS = tuple(
    f"legacy_nets {kind}"
    for kind in ("plain fp32", "TensorFlow fp32", "TensorFlow bf16", "auto fp32", "auto bf16")
)


@dataclasses.dataclass(frozen=True)
class Environments:
    """The interpreters: this package's and the peers'."""

    ours: str  # with TensorFlow 2, Keras 3, ONNX Runtime, OpenVINO, NNCF and tf_slim
    tensorflow1: str
    torch: str


def list_rows(environments: Environments, folder: Path, is_short: bool) -> list[Row]:
    """Lists the rows of the full or the short benchmark; ``folder`` keeps nets and pictures."""
    nets = SHORT_NETS if is_short else NETS
    batches = (8,) if is_short else BATCHES
    rows = [_make_limits(environments)]
    rows += [_make_inference(environments, folder, net, batches) for net in nets]
    trained = TRAINED[:1] if is_short else TRAINED
    rows += [_make_training(environments, net) for net in trained]
    rows.append(_make_loop(environments, folder))
    rows.append(_make_trained(environments, folder))
    if not is_short:
        rows.append(_make_build(environments))
        rows.append(_make_start(environments))
        rows += [_make_growth(environments, folder, name) for name in GROWTH]
    rows.append(_make_port(environments, folder, ("onnx",) if is_short else TARGETS))
    rows.append(_make_pictures(environments, folder, 1000 if is_short else 2000))
    return rows


def choose_rows(rows: list[Row], wanted: str) -> list[Row]:
    """Chooses rows whose name or group is among some words; "" chooses all.

    Raises ValueError for a word that chooses nothing.
    """
    words = wanted.split()
    known = {row.name for row in rows} | {row.group for row in rows}
    for word in words:
        if word not in known:
            raise ValueError(f"no row {word!r}; there are {', '.join(sorted(known))}")
    return [row for row in rows if not words or {row.name, row.group} & set(words)]


def _make_limits(environments: Environments) -> Row:
    task = Task("PyTorch", environments.torch, "limits.py", {}, ("fp32", "bf16", "int8", "bytes"))
    return Row("limits", "limits", "", (task,), 120)


def _make_inference(
    environments: Environments, folder: Path, net: str, batches: tuple[int, ...]
) -> Row:
    arguments = {"net": net, "folder": str(folder), "batches": list(batches)}
    ours = environments.ours

    def make(peer: str, python: str, script: str, *columns: str) -> Task:
        return Task(
            peer, python, f"inference_{script}.py", arguments | {"columns": columns}, columns
        )

    tasks = (
        make("legacy_nets", ours, "ours", *OURS),
        make("legacy_nets int8", ours, "ours", "legacy_nets int8"),
        make("TensorFlow 1.15.5", environments.tensorflow1, "tf1", "TensorFlow 1.15.5 fp32"),
        make("tf_slim", ours, "slim", "tf_slim fp32"),
        make("Keras", ours, "keras", "Keras 3 fp32"),
        make("ONNX Runtime", ours, "onnxruntime", "ONNX Runtime fp32"),
        make("OpenVINO", ours, "openvino", "OpenVINO fp32", "OpenVINO bf16"),
        make("PyTorch", environments.torch, "torch", "PyTorch fp32", "PyTorch bf16"),
    )
    prepare = (ours, "artefacts.py", net, str(folder), "onnx")
    limit = 3600  # a round of r2plus1d_18 takes minutes
    unit = "clips/s" if net in OF_CLIPS else "images/s"
    return Row(net, "inference", unit, tasks, limit, prepare)


def _make_training(environments: Environments, net: str) -> Row:
    arguments = {"net": net}
    tasks = (
        Task(
            "legacy_nets",
            environments.ours,
            "training_ours.py",
            arguments,
            ("legacy_nets fp32", "legacy_nets bf16"),
        ),
        Task(
            "TensorFlow 1.15.5",
            environments.tensorflow1,
            "training_tf1.py",
            arguments,
            ("TensorFlow 1.15.5 fp32",),
        ),
        Task(
            "PyTorch",
            environments.torch,
            "training_torch.py",
            arguments,
            ("PyTorch fp32", "PyTorch bf16"),
        ),
    )
    return Row(f"train_{net}", "train", "images/s", tasks, 300)


def _make_loop(environments: Environments, folder: Path) -> Row:
    arguments = {"python": environments.ours, "folder": str(folder)}
    task = Task("legacy_nets", environments.ours, "loop.py", arguments, ("bare step", "train"))
    prepare = (environments.ours, "train_signs.py", str(folder))  # minutes
    return Row("loop_hand_signs", "train", "images/s", (task,), 1500, prepare, most_rounds=5)


def _make_trained(environments: Environments, folder: Path) -> Row:
    columns = *(f"legacy_nets {p}" for p in ("fp32", "bf16", "int8")), "train --bf16"
    arguments = {"folder": str(folder)}
    task = Task("legacy_nets", environments.ours, "trained.py", arguments, columns)
    prepare = (environments.ours, "train_signs.py", str(folder))  # minutes
    return Row("trained_hand_signs", "trained", "", (task,), 1500, prepare, most_rounds=3)


def _make_growth(environments: Environments, folder: Path, name: str) -> Row:
    growing = GROWTH[name]
    arguments = {"tasks": growing.tasks, "sizes": growing.sizes, "folder": str(folder)}
    columns = tuple(f"{task}, {unit}" for task in growing.tasks for unit in ("seconds", "MiB"))
    task = Task("legacy_nets", environments.ours, "growth.py", arguments, columns)
    prepare = (environments.ours, "artefacts.py", "hand_signs", str(folder))
    return Row(name, "growth", growing.unit, (task,), 900, prepare, most_rounds=1)


def _make_build(environments: Environments) -> Row:
    tasks = (
        Task("legacy_nets", environments.ours, "build_ours.py", {}, ("legacy_nets", "tf_slim")),
        Task(
            "TensorFlow 1.15.5",
            environments.tensorflow1,
            "build_tf1.py",
            {},
            ("TensorFlow 1.15.5",),
        ),
    )
    return Row("build", "build", "CPU seconds", tasks, 400)


def _make_start(environments: Environments) -> Row:
    task = Task(
        "legacy_nets", environments.ours, "commands.py", {"python": environments.ours}, ("seconds",)
    )
    return Row("start", "start", "s", (task,), 300)


def _make_port(environments: Environments, folder: Path, targets: tuple[str, ...]) -> Row:
    net = "resnet_v2_152"
    arguments = {
        "python": environments.ours,
        "net": net,
        "folder": str(folder),
        "targets": list(targets),
    }
    columns = ("seconds", "peak memory / weights")
    task = Task("legacy_nets", environments.ours, "ports.py", arguments, columns)
    prepare = (environments.ours, "artefacts.py", net, str(folder))
    return Row("port", "port", "", (task,), 600, prepare, most_rounds=3)


def _make_pictures(environments: Environments, folder: Path, count: int) -> Row:
    net = "resnet_v2_50"
    arguments = {
        "python": environments.ours,
        "net": net,
        "folder": str(folder),
        "count": count,
    }
    columns = ("bare engine", "predict --fast", "reading alone")
    task = Task("legacy_nets", environments.ours, "pictures.py", arguments, columns)
    prepare = (environments.ours, "artefacts.py", net, str(folder))
    return Row("pictures", "pictures", "images/s", (task,), 600, prepare, most_rounds=3)
