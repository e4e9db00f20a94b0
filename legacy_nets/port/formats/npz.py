"""NumPy's .npz, names with their slashes, with the metadata in ``metadata.json``."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from legacy_nets.checkpoints.formats.npz import METADATA, read_npz
from legacy_nets.port.jobs import Metadata
from legacy_nets.port.report import Comparison
from legacy_nets.port.weights import Weight, compare_file


def write(path: Path, weights: Sequence[Weight], metadata: Metadata) -> Iterator[Comparison]:
    """Writes the file, then compares every tensor of it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for weight in weights:
            with archive.open(f"{weight.name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(weight.load()), allow_pickle=False)
        archive.writestr(METADATA, json.dumps(metadata, indent=1))
    yield from compare_file(read_npz(path), weights)
