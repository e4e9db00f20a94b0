"""A small synthetic set of hand signs in files."""

from legacy_nets.data.signs import make_signs


def make(folder, train=4, test=2):
    """Writes so many pictures of each class; returns the folder."""
    make_signs(folder, per_class={"train": train, "test": test})
    return folder
