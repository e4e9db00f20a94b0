"""Writes the synthetic moving hands as frame folders, and trains a net on them where asked.

python scripts/sign_clips.py [FOLDER] [--train NET --model-dir DIR [--steps N]]
"""

import argparse
import pathlib
import sys

from legacy_nets.cli import main as command
from legacy_nets.data.draw_clips import make_clips
from legacy_nets.errors import LegacyNetsError

# Found by trial: on two cores a (2+1)D net is right on nine clips of ten within two minutes.
RECIPE = ["--frames", "8", "--image-size", "32", "--pixels", "inception"]
RECIPE += ["--batch-size", "16", "--learning-rate", "3e-4", "--evaluate-every", "50"]


def main() -> int:
    """Draws, then trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default="datasets/clips", type=pathlib.Path)
    parser.add_argument("--train", metavar="NET", help="for instance resnet_2plus1d")
    parser.add_argument("--model-dir", default="clips_model")
    parser.add_argument("--steps", default="350")
    given = parser.parse_args()
    if not (given.train and given.folder.exists()):
        try:
            make_clips(given.folder)
        except LegacyNetsError as error:
            print(error, file=sys.stderr)
            return 2
        print(f"synthetic clips of moving hands are in {given.folder}/train and /test")
    if given.train:
        place = ["--data", str(given.folder), "--model-dir", given.model_dir]
        command(["train", given.train, *place, "--steps", given.steps, *RECIPE])
    return 0


if __name__ == "__main__":
    sys.exit(main())
