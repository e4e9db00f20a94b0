"""JPEGs: the engine on decoded pictures, ``predict --fast``, and reading alone.

The rate of a command is that between its runs of all pictures and of 100, so that its start does
not count.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from protocol import read_arguments, serve

arguments = read_arguments()
name, count, work = arguments["net"], arguments["count"], Path(arguments["folder"])
os.environ["XDG_CACHE_HOME"] = str(work / "cache")  # the commands take the engine chosen here

import numpy as np
from PIL import Image

from legacy_nets.quiet import quiet_tensorflow

quiet_tensorflow(uses_onednn=True)

from legacy_nets.data.image_files import list_images
from legacy_nets.data.preprocessing import read_picture, resize_picture
from legacy_nets.data.splits import FileSplit
from legacy_nets.engines.fast import fast

FEW, BATCH = 100, 32
prefix = str(work / f"{name}.ckpt")
folder = work / f"jpegs_{count}"


def write_pictures():
    """Writes pictures with soft edges, of the size of photographs on the web: 400x300."""
    rng = np.random.default_rng(0)
    for number in range(count):
        small = rng.integers(0, 256, (6, 8, 3), np.uint8)
        path = folder / ("few" if number < FEW else "rest")
        path.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(small).resize((400, 300), Image.Resampling.BICUBIC)
        picture.save(path / f"{number}.jpg", quality=85)
    (folder / "ready").touch()


def run_predict(pictures):
    """Returns the seconds of ``predict`` over a folder."""
    command = [arguments["python"], "-m", "legacy_nets", "predict", name, "--checkpoint", prefix]
    command += ["--fast", "fp32", "--csv", str(work / "classes.csv"), str(pictures)]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def time_predict():
    """Returns the pictures a second of ``predict --fast --csv``."""
    seconds = run_predict(folder) - run_predict(folder / "few")
    if seconds <= 0:
        raise RuntimeError("the machine is too busy: all pictures took less time than a few")
    return (count - FEW) / seconds


def time_engine():
    """Returns the pictures a second of the engine alone, on decoded pictures."""
    start = time.perf_counter()
    for _ in range(5):
        net(images)
    return 5 * len(images) / (time.perf_counter() - start)


def load(path, preprocessing, size, channels):
    """Loads one picture as ``predict`` does."""
    return resize_picture(read_picture(path), preprocessing, size, channels)


def time_reading():
    """Returns the pictures a second of decoding and resizing alone."""
    paths = tuple(list_images(folder))[: 5 * FEW]
    split = FileSplit(paths, np.zeros(len(paths), np.int64), load, exact=True)
    split = split.resize(net.preprocessing, net.settings.image_size, 3)
    start = time.perf_counter()
    for _ in split.read(np.array_split(np.arange(len(paths)), len(paths) // BATCH)):
        pass
    return len(paths) / (time.perf_counter() - start)


if not (folder / "ready").exists():
    write_pictures()
net = fast(name, prefix)
size = net.settings.image_size
images = net.scale(np.random.default_rng(0).uniform(0, 255, (BATCH, *size, 3)).astype("f"))
net(images)
case = f"{count} JPEGs of 400x300"
serve(
    {
        (case, "bare engine"): time_engine,
        (case, "predict --fast"): time_predict,
        (case, "reading alone"): time_reading,
    },
    {},
)
