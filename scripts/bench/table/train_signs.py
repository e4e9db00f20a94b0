"""Trains hand_signs on synthetic signs: ``python train_signs.py FOLDER``.

``FOLDER/signs`` is the model folder, ``FOLDER/examples`` has 90 of the pictures that it learned
from, to measure ranges of integers on. Does nothing where they are there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

from legacy_nets.data.signs import make_signs, make_signs_path, needs_synthetic_signs, read_signs


def main(folder: Path) -> None:
    """Trains, then writes the examples."""
    data, model, examples = folder / "signs_data", folder / "signs", folder / "examples"
    if examples.exists():
        return
    data.mkdir(parents=True, exist_ok=True)
    if needs_synthetic_signs(data):
        make_signs(data)
    command = [sys.executable, "-m", "legacy_nets", "train", "hand_signs", "--data", data]
    command += ["--model-dir", model, "--resume"]
    subprocess.run([str(word) for word in command], check=True)
    images, _, _ = read_signs(make_signs_path(data, "train"), "train")
    staging = folder / "examples.unfinished"
    staging.mkdir(exist_ok=True)
    for number, picture in enumerate(images.pictures[:90]):
        Image.fromarray(picture).save(staging / f"{number:02d}.png")
    staging.rename(examples)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
