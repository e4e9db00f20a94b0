"""Trains hand_signs on synthetic signs: ``python train_signs.py FOLDER``.

``FOLDER/signs`` is the model folder, ``FOLDER/signs_bf16`` that of a training with --bf16, of the
same seed. ``FOLDER/examples`` has 90 of the pictures that they learned from, to measure ranges of
integers on. Does nothing where they are there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

from legacy_nets.data.signs import make_signs, make_signs_path, needs_synthetic_signs, read_signs


def main(folder: Path) -> None:
    """Writes the examples, then trains."""
    data = write_data(folder)
    write_examples(data, folder / "examples")
    train(data, folder / "signs")
    train(data, folder / "signs_bf16", "--bf16")


def write_data(folder: Path) -> Path:
    """Draws the signs, and returns their folder."""
    data = folder / "signs_data"
    data.mkdir(parents=True, exist_ok=True)
    if needs_synthetic_signs(data):
        make_signs(data)
    return data


def write_examples(data: Path, examples: Path) -> None:
    """Writes some of the signs as files."""
    if examples.exists():
        return
    images, _, _ = read_signs(make_signs_path(data, "train"), "train")
    staging = examples.with_suffix(".unfinished")
    staging.mkdir(exist_ok=True)
    for number, picture in enumerate(images.pictures[:90]):
        Image.fromarray(picture).save(staging / f"{number:02d}.png")
    staging.rename(examples)


def train(data: Path, model: Path, *options: str) -> None:
    """Trains by the net's recipe to its end, or goes on. Raises CalledProcessError."""
    if model.exists():
        return
    staging = model.with_suffix(".unfinished")
    command = [sys.executable, "-m", "legacy_nets", "train", "hand_signs", "--data", str(data)]
    subprocess.run([*command, "--model-dir", str(staging), "--resume", *options], check=True)
    staging.rename(model)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
