"""What commands printed, until the package's source or its libraries change."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
from pathlib import Path

from legacy_nets.cache.folder import Entries, read_entries, write_entries
from legacy_nets.packages import find_package
from legacy_nets.version import __version__

VARIABLE = "LEGACY_NETS_CACHE"  # "off": commands compute what they print again
MAX_OUTPUTS = 64  # the oldest are dropped
PACKAGE = Path(__file__).parents[1]
_FILE = "outputs.json"
_LIBRARIES = ("tensorflow", "tf-slim", "numpy", "click", "rich")


def keeps_outputs() -> bool:
    """Whether outputs are kept: the user may have turned that off."""
    return os.environ.get(VARIABLE) != "off"


def find_output(key: str) -> str | None:
    """Finds an output of this package's source and libraries; None where it is not kept."""
    output = _read_outputs().get(key)
    return output if isinstance(output, str) else None


def keep_output(key: str, output: str) -> None:
    """Keeps an output until the package's source or its libraries change."""
    kept = _read_outputs()
    kept.pop(key, None)
    kept[key] = output
    recent = dict(list(kept.items())[-MAX_OUTPUTS:])
    write_entries(_FILE, {"package": _identify_package(), "outputs": recent})


def _read_outputs() -> Entries:
    entries = read_entries(_FILE)
    outputs = entries.get("outputs")
    is_current = entries.get("package") == _identify_package()
    return outputs if is_current and isinstance(outputs, dict) else {}


@functools.cache
def _identify_package() -> str:
    """Computes a hash of the package's place and files, and of the versions that it runs on."""
    versions = [find_package(name).installed for name in _LIBRARIES]
    digest = hashlib.sha256(repr([PACKAGE, __version__, versions, sys.version]).encode())
    for folder, folders, names in os.walk(PACKAGE):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            with contextlib.suppress(OSError):  # an editor's file, which is gone again
                content = Path(folder, name).read_bytes()
                digest.update(f"{Path(folder, name).relative_to(PACKAGE)} {len(content)} ".encode())
                digest.update(content)
    return digest.hexdigest()
