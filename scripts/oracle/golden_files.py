"""Compares and writes golden files, of any reference."""

from __future__ import annotations

import json
import os


def difference(old, new, largest=None):
    """Largest difference of two golden trees, relative to each number (for a tensor's numbers:
    to its largest value); infinite where their form differs."""
    if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
        largest = old.get("largest", largest)
        return max([0.0] + [difference(old[key], new[key], largest) for key in old])
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return max([0.0] + [difference(a, b, largest) for a, b in zip(old, new)])
    if isinstance(old, float) and isinstance(new, float):
        return abs(old - new) / max(abs(old) if largest is None else largest, 1e-6)
    return 0.0 if old == new else float("inf")


def compare_and_write(path, new, write):
    """Prints and returns the difference of ``new`` to the file (infinite where there is none),
    and writes the file where ``write``."""
    off = float("inf")
    if os.path.exists(path):
        with open(path) as file:
            old = json.load(file)
        if "peer" in old:  # another version of the judge may say the same
            old["peer"] = new.get("peer")
        off = difference(old, json.loads(json.dumps(new)))
    name = os.path.splitext(os.path.basename(path))[0]
    print("%s: largest relative difference to the file %.2g" % (name, off), flush=True)
    if write:
        _write(path, new)
    return off


def _write(path, new):
    """One line per variable and end point, so that a change shows as a small diff."""
    text = json.dumps(new, separators=(",", ":"))
    text = text.replace('{"name":', '\n{"name":').replace('"end_points":{', '"end_points":{\n')
    text = text.replace('},"', '},\n"')
    temporary = path + ".part"
    with open(temporary, "w") as file:
        file.write(text + "\n")
    os.replace(temporary, path)
