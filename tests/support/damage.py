"""Damaged weight files: which, and what ``legacy-nets inspect --digest`` makes of each.

``python damage.py ORIGINALS OUT.json EVERY``: damages the files of ``damage_originals.make`` in
COUNT ways, always the same, and has every EVERY-th read by a process of its own that may take
2 GiB and 20 seconds of the processor. The processes are forked from this one, which has imported
the reader and no TensorFlow, so that a thousand take a minute and not ten.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from damage_formats import blocks_of, checksum, field_bytes, fields_of, table_of, varint

from legacy_nets.checkpoints import formats
from legacy_nets.checkpoints.formats.sstable import TABLE_MAGIC, read_table
from legacy_nets.cli import main

COUNT = 1000
MEMORY = 2 << 30  # bytes of address space
SECONDS = 20  # of the processor
HANGS = 120  # seconds after which it is killed: a machine that is busy with other things
PATHS = {  # folder of ORIGINALS -> what is inspected there
    **{"bundle": "model", "shards": "model", "sliced": "model", "objects": "ckpt-1"},
    **{"v1": "model.ckpt", "weights": "model.h5", "whole": "model.h5", "npz": "model.npz"},
    **{"safetensors": "model.safetensors", "zip": "model.pth", "legacy": "model.pth"},
    "frozen": "model.pb",
}
CHECKED = ("bundle", "shards", "sliced", "objects", "v1", "npz", "zip")  # have checksums
_MODULES = {file.stem for file in Path(formats.__path__[0]).glob("[!_]*.py")}
_HUGE = (0, 1, 255, 1 << 20, (1 << 31) - 1, 1 << 32, 1 << 40, 1 << 62, 1 << 63, (1 << 64) - 1)


class Variant(NamedTuple):
    """One way to damage one file of a folder; ``mended``: checksums say nothing of it."""

    name: str
    folder: str
    mended: bool
    apply: Callable[[Path], None]


def variants(files: Sequence[Path], count: int = COUNT) -> Iterator[Variant]:
    """So many variants: all files in turn, each by all that can be done to its kind in turn."""
    for number in range(count):
        file = files[number % len(files)]
        kinds = _kinds(file, len(list(file.parent.glob("*.data-*"))))
        kind = kinds[number // len(files) % len(kinds)]
        name = f"{number}: {file.parent.name}/{file.name} {kind.__name__.strip('_')}"
        chance = random.Random(name)

        def apply(
            folder: Path, file: str = file.name, kind: Callable = kind, chance=chance
        ) -> None:
            if kind in (_missing, _swapped):
                kind(folder / file, chance)
            else:
                data = (folder / file).read_bytes()
                (folder / file).write_bytes(kind(data, chance))

        yield Variant(name, file.parent.name, kind in _MENDED, apply)


def _kinds(file: Path, shards: int) -> list[Callable]:
    kinds = [_flipped, _cut, _flipped_edge, _ones, _zeros, _flips, _shorter, _longer]
    kinds += [_inserted, _removed, _empty]
    data = file.read_bytes()
    if data.endswith(TABLE_MAGIC):
        kinds += [_lying_table, _mended_block, _lying_table, _lying_handle, _lying_table]
    elif data.startswith(b"PK"):
        kinds += [_mended_zip, _mended_zip, _mended_zip]
    elif file.suffix == ".safetensors":
        kinds += [_lying_header, _lying_header, _lying_header]
    elif file.suffix == ".pb":
        kinds += [_lying, _lying, _lying, _lying]
    elif file.suffix == ".meta":
        kinds += [_lying_graph, _lying, *[_lying_graph] * 6]
    if shards:
        kinds.append(_missing)
    if shards > 1:
        kinds.append(_swapped)
    return kinds


# Damage of bytes


def _flipped(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _flipped_low(data: bytes, chance: random.Random) -> bytes:
    """A bit that makes another letter of a letter."""
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(3)]) + data[at + 1 :]


def _flips(data: bytes, chance: random.Random) -> bytes:
    for _ in range(8):
        data = _flipped(data, chance)
    return data


def _flipped_edge(data: bytes, chance: random.Random) -> bytes:
    """A bit in the first or last bytes, where sizes and marks lie."""
    edge = min(64, len(data))
    if chance.random() < 0.5:
        return _flipped(data[:edge], chance) + data[edge:]
    return data[:-edge] + _flipped(data[-edge:], chance)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _shorter(data: bytes, chance: random.Random) -> bytes:
    return data[: -chance.randint(1, min(16, len(data)))]


def _longer(data: bytes, chance: random.Random) -> bytes:
    return data + chance.randbytes(chance.randint(1, 64))


def _ones(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + b"\xff" * min(8, len(data) - at) + data[at + 8 :]


def _zeros(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes(min(64, len(data) - at)) + data[at + 64 :]


def _inserted(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.randint(1, 16)) + data[at:]


def _removed(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.randint(1, 16) :]


def _empty(data: bytes, chance: random.Random) -> bytes:
    return b""


# Damage of folders


def _missing(file: Path, chance: random.Random) -> None:
    file.unlink()


def _swapped(file: Path, chance: random.Random) -> None:
    shards = [shard for shard in sorted(file.parent.glob("*.data-*")) if shard != file]
    other = chance.choice(shards)
    data = file.read_bytes()
    file.write_bytes(other.read_bytes())
    other.write_bytes(data)


# Lies under checksums that hold


def _mended_block(data: bytes, chance: random.Random) -> bytes:
    """A bit of a table's block, and the block's checksum made good."""
    bad = bytearray(_flipped(data[:-48], chance) + data[-48:])
    for start, size in blocks_of(data):
        bad[start + size + 1 : start + size + 5] = checksum(bytes(bad[start : start + size + 1]))
    return bytes(bad)


def _lying_table(data: bytes, chance: random.Random) -> bytes:
    """A table written anew, one number of one value another."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        pairs = list(read_table(Path(file.name)))
    at = chance.randrange(len(pairs))
    pairs[at] = (pairs[at][0], _lying(pairs[at][1], chance))
    return table_of(pairs)


def _lying_handle(data: bytes, chance: random.Random) -> bytes:
    """A footer whose handles lie, or a block that claims to be packed."""
    if chance.random() < 0.5:
        handles = [chance.choice((*_HUGE, len(data))) for _ in range(4)]
        return data[:-48] + b"".join(map(varint, handles))[:40].ljust(40, b"\0") + data[-8:]
    start, size = chance.choice(blocks_of(data))
    promised = varint(chance.choice(_HUGE))
    block = promised + data[start + len(promised) : start + size] + b"\x01"
    return data[:start] + block + checksum(block) + data[start + size + 5 :]


def _mended_zip(data: bytes, chance: random.Random) -> bytes:
    """An archive with good checksums, one member of which is damaged."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        headers = [name for name in names if name.endswith((".pkl", ".npy"))]
        bad = chance.choice(headers)
        for name in names:
            member = old.read(name)
            if name == bad:
                kind = chance.choice((_flipped_edge, _flipped, _ones, _cut, _digits))
                member = kind(member, chance)
            new.writestr(name, member)
    return out.getvalue()


def _lying_header(data: bytes, chance: random.Random) -> bytes:
    """A number of a safetensors header is another; the header's size is right."""
    size = int.from_bytes(data[:8], "little")
    header = _digits(data[8 : 8 + size], chance)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


def _digits(data: bytes, chance: random.Random) -> bytes:
    """A number that is written in digits is another."""
    found = list(re.finditer(rb"\d+", data[:4096]))
    if not found:
        return data
    number = chance.choice(found)
    lie = chance.choice((*_HUGE, -1, 1 << 200))
    return data[: number.start()] + str(lie).encode() + data[number.end() :]


def _lying(data: bytes, chance: random.Random, text: Callable = _ones) -> bytes:
    """A protocol buffer one of whose numbers, anywhere in it, is another, or a text damaged."""
    fields = fields_of(data)
    if not fields:
        return varint(1 << 3) + varint(chance.choice(_HUGE))
    at = chance.randrange(len(fields))
    number, kind, value = fields[at]
    if kind == 0 or (kind != 2 and chance.random() < 0.5):
        fields[at] = (number, 0, chance.choice(_HUGE))
    elif kind == 2 and fields_of(value):
        fields[at] = (number, 2, _lying(value, chance, text))
    else:
        fields[at] = (number, kind, text(value, chance) if value else value)
    return b"".join(map(field_bytes, fields))


def _lying_graph(data: bytes, chance: random.Random) -> bytes:
    """As ``_lying``, in the graph of a .meta and not in the lists beside it; texts stay texts."""
    fields = fields_of(data)
    at = next(index for index, found in enumerate(fields) if found[0] == 2)
    fields[at] = (2, 2, _lying(fields[at][2], chance, _flipped_low))
    return b"".join(map(field_bytes, fields))


_MENDED = (_mended_block, _lying_table, _lying_handle, _mended_zip, _lying_header, _lying)


# Reading


def ask(arguments: Sequence[str], memory: int = MEMORY) -> dict[str, object]:
    """What legacy-nets says in a process of its own, and what it takes."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.setsid()
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            sys.argv = ["legacy-nets", *arguments]
            end(main)
        signal.signal(signal.SIGALRM, lambda *_: os.killpg(child, signal.SIGKILL))
        signal.alarm(HANGS)
        _, status, used = os.wait4(child, 0)
        signal.alarm(0)
        out.seek(0)
        err.seek(0)
        return {
            "exit": os.waitstatus_to_exitcode(status),
            "out": out.read().decode("utf-8", "replace"),
            "err": err.read().decode("utf-8", "replace"),
            "MB": used.ru_maxrss >> 10,
        }


def end(command: Callable[[], None]) -> NoReturn:
    """Ends a forked process as the command does; what its parent has to tidy up, it leaves."""
    code: object = 1
    try:
        command()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def run(originals: Path, every: int) -> Iterator[dict[str, object]]:
    """The answers for the originals and for every so many-th variant."""

    def read(path: Path) -> dict[str, object]:
        return ask(["inspect", "--digest", str(path)])

    for folder, name in PATHS.items():
        yield {"name": folder, "folder": folder, "mended": False} | read(originals / folder / name)
    files = [
        file
        for folder in PATHS
        for file in sorted((originals / folder).iterdir())
        if file.name != "checkpoint"
    ]
    for variant in list(variants(files))[::every]:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, variant.folder)
            shutil.copytree(originals / variant.folder, folder)
            variant.apply(folder)
            answer = read(folder / PATHS[variant.folder])
        yield {"name": variant.name, "folder": variant.folder, "mended": variant.mended} | answer


if __name__ == "__main__":
    importlib.import_module("legacy_nets.cli.inspect")  # once, before the forks
    for module in _MODULES:
        importlib.import_module(f"legacy_nets.checkpoints.formats.{module}")
    found = list(run(Path(sys.argv[1]), int(sys.argv[3])))
    Path(sys.argv[2]).write_text(json.dumps(found))
