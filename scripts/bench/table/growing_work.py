"""One piece of work at one size: ``python growing_work.py '{"task": ..., "size": ...}'``.

Prints its seconds, and how far its peak memory is above what was in use before, as JSON. The work
is done at a small size before, so that imports do not count.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["LEGACY_NETS_CACHE"] = "off"

import numpy as np
from click.testing import CliRunner

from legacy_nets.cli import main as run_command
from legacy_nets.quiet import quiet_tensorflow

MIB = 1 << 20
Work = Callable[[], object]


def read_status(field: str) -> int:
    """Reads a number of this process from the system, in bytes."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))


def invoke(*arguments: object) -> None:
    """Runs a command of legacy-nets in this process. Raises RuntimeError where it fails."""
    done = CliRunner().invoke(run_command, [str(argument) for argument in arguments])
    if done.exit_code:
        raise RuntimeError(done.output.strip().splitlines()[-1])


def make_batch(size: int, folder: Path) -> Work:
    """Inference of a batch by the TensorFlow engine."""
    from legacy_nets.engines.fast import fast

    net = fast("hand_signs", str(folder / "hand_signs.ckpt"), engine="tensorflow")
    images = np.random.default_rng(0).random((size, 64, 64, 3), np.float32)
    net(images)  # the first call sets it up
    return lambda: net(images)


def make_building(size: int, folder: Path) -> Work:
    """The graph of a ResNet v2 of some layers."""
    from legacy_nets.anatomy import build_net

    return lambda: build_net(f"resnet_v2_{size}")


def make_description(size: int, folder: Path) -> Work:
    """The layers of a ResNet v2 of some layers."""
    from legacy_nets.anatomy import analyze_net

    return lambda: analyze_net(f"resnet_v2_{size}")


def write_checkpoint(prefix: Path, megabytes: int) -> None:
    """Writes a checkpoint of random tensors of at most 4 MiB."""
    from legacy_nets.port.formats import ckpt
    from legacy_nets.port.weights import Weight

    def draw(number: int) -> np.ndarray:
        return np.random.default_rng(number).random(MIB, np.float32)

    tensors = [
        Weight(f"net/weights_{n:04d}", (MIB,), "float32", lambda n=n: draw(n), lambda n=n: draw(n))
        for n in range(max(1, megabytes // 4))
    ]
    list(ckpt.write(prefix, tensors, {}))


def make_inspection(size: int, folder: Path) -> Work:
    """``inspect`` of a checkpoint of some MiB."""
    prefix = folder / "model.ckpt"
    write_checkpoint(prefix, size)
    return lambda: invoke("inspect", prefix)


def make_port(target: str) -> Callable[[int, Path], Work]:
    """``port`` of the weights of a checkpoint of some MiB."""

    def make(size: int, folder: Path) -> Work:
        prefix, out = folder / "model.ckpt", folder / f"model.{target}"
        write_checkpoint(prefix, size)
        out.unlink(missing_ok=True)
        return lambda: invoke("port", prefix, "--to", target, "--out", out)

    return make


def make_pictures(size: int, folder: Path) -> Work:
    """A net that does next to nothing over pictures of a reader that does next to nothing."""
    from legacy_nets.data.splits import FileSplit
    from legacy_nets.train.graph import score_split

    picture = np.zeros((8, 8, 3), np.float32)
    split = FileSplit((folder,) * size, np.zeros(size, np.int64), lambda *_: picture, exact=True)
    return lambda: score_split(lambda batch: batch[:, 0, :2, 0].copy(), split, (224, 224), "unit")


def make_models(size: int, folder: Path) -> Work:
    """``port FOLDER`` of some small files of weights."""
    models, out = folder / f"models_{size}", folder / f"out_{size}"
    for number in range(size):
        path = models / str(number) / "weights.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, w=np.full((2, 2), number, np.float32))
    return lambda: invoke("port", models, "--to", "safetensors", "--out", out)


# task -> what makes the work, and the size that is done before
TASKS: dict[str, tuple[Callable[[int, Path], Work], int]] = {
    "inference": (make_batch, 1),
    "graph": (make_building, 50),
    "describe": (make_description, 50),
    "inspect": (make_inspection, 4),
    "port to npz": (make_port("npz"), 4),
    "port to safetensors": (make_port("safetensors"), 4),
    "predict": (make_pictures, 64),
    "port FOLDER": (make_models, 1),
}


def main(task: str, size: int, folder: Path) -> dict[str, float]:
    """Does the work at both sizes; measures the second."""
    quiet_tensorflow(uses_onednn=True)
    make, small = TASKS[task]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        place = folder if task == "inference" else Path(scratch)
        make(small, place)()
        work = make(size, place)
        before = read_status("VmRSS")
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "MiB": max(0, read_status("VmHWM") - before) / MIB}


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print("\n" + json.dumps(main(given["task"], given["size"], Path(given["folder"]))))
