"""numpy's .npz, names with their slashes; the metadata lie in it as ``metadata.json``."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from legacy_nets.checkpoints.formats.npz import METADATA, read_npz
from legacy_nets.port.report import Comparison
from legacy_nets.port.weights import Tensor, check


def write(
    path: Path, tensors: Sequence[Tensor], metadata: Mapping[str, Any]
) -> Iterator[Comparison]:
    """Writes the file, then compares every tensor of it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for tensor in tensors:
            with archive.open(f"{tensor.name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(tensor.load()), allow_pickle=False)
        archive.writestr(METADATA, json.dumps(metadata, indent=1))
    yield from check(read_npz(path), tensors)
