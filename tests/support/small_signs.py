"""A small synthetic set of hand signs in files."""

from legacy_nets.data import signs


def make(folder, train=4, test=2):
    """Writes so many pictures of each class; returns the folder."""
    before, signs.SYNTHETIC_PER_CLASS = signs.SYNTHETIC_PER_CLASS, {"train": train, "test": test}
    try:
        signs.make_signs(folder)
    finally:
        signs.SYNTHETIC_PER_CLASS = before
    return folder
