"""Writes synthetic video clips of moving hands, and trains a net on them if asked.

python scripts/examples/sign_clips.py [FOLDER] [--train NET --model-dir DIR [--steps N]]

cnn_lstm takes images: it is trained on FOLDER_strips, each clip as four row strips of one image.
"""

import argparse
import pathlib
import sys

from legacy_nets.cli import main as legacy_nets_command
from legacy_nets.data.row_strips import write_row_strips
from legacy_nets.data.synthetic.clips import make_clips
from legacy_nets.errors import LegacyNetsError
from legacy_nets.registry import get_net

# Found by trial: on two cores, either net classifies nine clips of ten within two minutes.
FOR_BOTH = ["--preprocessing", "inception", "--evaluate-every", "50"]
FOR_CLIPS = [
    *("--frames", "8", "--image-size", "32", "--batch-size", "16", "--learning-rate", "3e-4"),
    *FOR_BOTH,
]
FOR_STRIPS = [
    *("--batch-size", "32", "--learning-rate", "5e-4", "--cosine", "--ema", "0.98", "--augment"),
    *FOR_BOTH,
]


def parse_arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default="datasets/clips", type=pathlib.Path)
    parser.add_argument("--train", metavar="NET", help="for instance resnet_2plus1d, cnn_lstm")
    parser.add_argument("--model-dir", default="clips_model")
    parser.add_argument("--steps", default="350")
    return parser.parse_args()


def make_data(folder: pathlib.Path, net: str | None) -> tuple[pathlib.Path, list[str]]:
    """Makes the data that are missing; returns their folder, and the options to train a net."""
    if net is None or not folder.exists():
        make_clips(folder)
        print(f"synthetic clips of moving hands are in {folder}/train and /test")
    if net is None or len(get_net(net).image_size) == 3:
        return folder, FOR_CLIPS
    strips = folder.with_name(f"{folder.name}_strips")
    if not strips.exists():
        write_row_strips(folder, strips)
    return strips, FOR_STRIPS


def main() -> int:
    """Makes the data, and trains."""
    arguments = parse_arguments()
    try:
        folder, options = make_data(arguments.folder, arguments.train)
    except LegacyNetsError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.train:
        legacy_nets_command(
            [
                *("train", arguments.train, "--data", str(folder)),
                *("--model-dir", arguments.model_dir, "--steps", arguments.steps),
                *options,
            ]
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
