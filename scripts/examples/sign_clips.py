"""Writes the synthetic moving hands as frame folders, and trains a net on them where asked.

python scripts/examples/sign_clips.py [FOLDER] [--train NET --model-dir DIR [--steps N]]

A net of stills, cnn_lstm, is trained on FOLDER_strips: each clip as four strips of one picture.
"""

import argparse
import pathlib
import sys

from legacy_nets.cli import main as command
from legacy_nets.data.row_strips import make_strips
from legacy_nets.data.synthetic.clips import make_clips
from legacy_nets.errors import LegacyNetsError
from legacy_nets.registry import get_net

# Found by trial: on two cores either net is right on nine clips of ten within two minutes.
CLIPS = ["--frames", "8", "--image-size", "32", "--batch-size", "16", "--learning-rate", "3e-4"]
STRIPS = ["--batch-size", "32", "--learning-rate", "5e-4", "--cosine", "--ema", "0.98", "--augment"]
BOTH = ["--pixels", "inception", "--evaluate-every", "50"]


def main() -> int:
    """Draws, then trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default="datasets/clips", type=pathlib.Path)
    parser.add_argument("--train", metavar="NET", help="for instance resnet_2plus1d, cnn_lstm")
    parser.add_argument("--model-dir", default="clips_model")
    parser.add_argument("--steps", default="350")
    given = parser.parse_args()
    folder, recipe = given.folder, CLIPS
    try:
        if not (given.train and folder.exists()):
            make_clips(folder)
            print(f"synthetic clips of moving hands are in {folder}/train and /test")
        if given.train and len(get_net(given.train).image_size) == 2:
            folder, recipe = folder.with_name(f"{folder.name}_strips"), STRIPS
            if not folder.exists():
                make_strips(given.folder, folder)
    except LegacyNetsError as error:
        print(error, file=sys.stderr)
        return 2
    if given.train:
        place = ["--data", str(folder), "--model-dir", given.model_dir, "--steps", given.steps]
        command(["train", given.train, *place, *recipe, *BOTH])
    return 0


if __name__ == "__main__":
    sys.exit(main())
