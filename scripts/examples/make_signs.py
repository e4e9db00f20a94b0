"""Writes the synthetic hand signs into a folder: ``make_signs.py [FOLDER]``."""

import sys

from legacy_nets.data.signs import make_signs
from legacy_nets.errors import LegacyNetsError

if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "datasets"
    try:
        make_signs(folder)
    except LegacyNetsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    print(f"1080 + 120 synthetic images are in {folder}/train_signs.h5 and {folder}/test_signs.h5")
