"""Damages weight files, and records what ``legacy-nets inspect --digest`` answers to each.

``python damage.py ORIGINALS OUT.json EVERY`` damages each folder of ``damage_originals.make`` in
COUNT ways, always the same, and reads every EVERY-th in its own process. That process may take
2 GiB and 20 seconds of processor time. It is forked from this one, which has imported the reader
and no TensorFlow: a thousand take a minute instead of ten.
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

import damage_attacks as attacks
import h5py
import numpy as np
from damage_formats import (
    build_table,
    encode_field,
    encode_varint,
    list_blocks,
    make_checksum,
    parse_fields,
)

from legacy_nets.checkpoints import formats
from legacy_nets.checkpoints.formats.sstable import TABLE_MAGIC, read_table
from legacy_nets.cli import main

COUNT = 200  # variants of each folder
MEMORY = 2 << 30  # bytes of address space
SECONDS = 20  # of the processor
HANGS = 120  # seconds after which it is killed; far more than SECONDS, as the machine may be busy
PATHS = {  # folder of ORIGINALS -> what is inspected there
    **{"bundle": "model", "shards": "model", "sliced": "model", "objects": "ckpt-1"},
    **{"v1": "model.ckpt", "weights": "model.h5", "model": "model.h5", "npz": "model.npz"},
    **{"safetensors": "model.safetensors", "zip": "model.pth", "legacy": "model.pth"},
    **{"frozen": "model.pb", "onnx": "model.onnx", "tflite": "model.tflite"},
    **{"pickle": "model.npy", "pickles": "model.npz"},
}
CHECKED = ("bundle", "shards", "sliced", "objects", "v1", "npz", "zip")  # have checksums
_MODULES = {file.stem for file in Path(formats.__path__[0]).glob("[!_]*.py")}
_HUGE = (0, 1, 255, 1 << 20, (1 << 31) - 1, 1 << 32, 1 << 40, 1 << 62, 1 << 63, (1 << 64) - 1)


class Variant(NamedTuple):
    """One way to damage one file of a folder; ``forged``: its checksums match the damage."""

    name: str
    folder: str
    forged: bool
    apply: Callable[[Path], None]


def variants(folder: Path, files: Sequence[Path], count: int = COUNT) -> Iterator[Variant]:
    """Yields variants of a folder: its files by turns, for each its kinds of damage by turns."""
    for number in range(count):
        file = files[number % len(files)]
        damages = _list_damages(file, len(list(file.parent.glob("*.data-*"))))
        damage = damages[number // len(files) % len(damages)]
        inner = file.relative_to(folder)
        name = f"{number}: {folder.name}/{inner} {damage.__name__.strip('_')}"
        chance = random.Random(name)

        def apply(copy: Path, inner=inner, damage: Callable = damage, chance=chance) -> None:
            if damage in (_delete_shard, _swap_shards):
                damage(copy / inner, chance)
            else:
                data = (copy / inner).read_bytes()
                (copy / inner).write_bytes(damage(data, chance))

        yield Variant(name, folder.name, damage in _FORGERIES, apply)


def _list_damages(file: Path, shards: int) -> list[Callable]:
    """Lists the damages of damage that a file can take."""
    damages = [
        _flip_bit,
        _truncate,
        _flip_edge_bit,
        _fill_with_ones,
        _fill_with_zeros,
        _flip_bits,
        _shorten,
        _append_bytes,
    ]
    damages += [_insert_bytes, _remove_bytes, _clear]
    data = file.read_bytes()
    if data.endswith(TABLE_MAGIC):
        damages += [_forge_table, _forge_block, _forge_table, _forge_handle, _forge_table]
    elif data.startswith(b"PK"):
        damages += [_forge_zip, _forge_zip, _forge_zip]
    elif file.suffix == ".safetensors":
        damages += [_forge_header, _forge_header, _forge_header]
    elif file.suffix in (".pb", ".onnx"):
        damages += [_forge_message, _forge_message, _forge_message, _forge_message]
    elif file.suffix == ".npy":
        damages += [attacks.call_in_pickle, attacks.call_in_pickle]
    elif file.suffix == ".h5":
        damages += [_forge_attribute, _forge_attribute, _forge_attribute]
    elif file.suffix == ".meta":
        damages += [_forge_graph, _forge_message, *[_forge_graph] * 6]
    if file.name == "saved_model.pb":
        damages += [attacks.write_file_in_graph, attacks.write_file_in_graph]
    elif file.parent.name == "keras":
        damages += [attacks.lambda_in_keras, attacks.lambda_in_keras]
    if shards:
        damages.append(_delete_shard)
    if shards > 1:
        damages.append(_swap_shards)
    return damages


# Damage of bytes


def _flip_bit(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _flip_low_bit(data: bytes, chance: random.Random) -> bytes:
    """Flips a low bit, which turns a letter into another letter."""
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(3)]) + data[at + 1 :]


def _flip_bits(data: bytes, chance: random.Random) -> bytes:
    for _ in range(8):
        data = _flip_bit(data, chance)
    return data


def _flip_edge_bit(data: bytes, chance: random.Random) -> bytes:
    """Flips a bit in the first or last bytes, which hold sizes and magic numbers."""
    edge = min(64, len(data))
    if chance.random() < 0.5:
        return _flip_bit(data[:edge], chance) + data[edge:]
    return data[:-edge] + _flip_bit(data[-edge:], chance)


def _truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _shorten(data: bytes, chance: random.Random) -> bytes:
    return data[: -chance.randint(1, min(16, len(data)))]


def _append_bytes(data: bytes, chance: random.Random) -> bytes:
    return data + chance.randbytes(chance.randint(1, 64))


def _fill_with_ones(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + b"\xff" * min(8, len(data) - at) + data[at + 8 :]


def _fill_with_zeros(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes(min(64, len(data) - at)) + data[at + 64 :]


def _insert_bytes(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.randint(1, 16)) + data[at:]


def _remove_bytes(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.randint(1, 16) :]


def _clear(data: bytes, chance: random.Random) -> bytes:
    return b""


# Damage of folders


def _delete_shard(file: Path, chance: random.Random) -> None:
    file.unlink()


def _swap_shards(file: Path, chance: random.Random) -> None:
    shards = [shard for shard in sorted(file.parent.glob("*.data-*")) if shard != file]
    other = chance.choice(shards)
    data = file.read_bytes()
    file.write_bytes(other.read_bytes())
    other.write_bytes(data)


# Forgeries: damage under checksums that match it


def _forge_block(data: bytes, chance: random.Random) -> bytes:
    """Flips a bit of a table's block, and corrects the block's checksum."""
    forged = bytearray(_flip_bit(data[:-48], chance) + data[-48:])
    for start, size in list_blocks(data):
        end = start + size + 1
        forged[end : end + 4] = make_checksum(bytes(forged[start:end]))
    return bytes(forged)


def _forge_table(data: bytes, chance: random.Random) -> bytes:
    """Writes a table again, with one number of one value changed."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        pairs = list(read_table(Path(file.name)))
    at = chance.randrange(len(pairs))
    pairs[at] = (pairs[at][0], _forge_message(pairs[at][1], chance))
    return build_table(pairs)


def _forge_handle(data: bytes, chance: random.Random) -> bytes:
    """Changes the handles in a footer, or makes a block claim to be compressed."""
    if chance.random() < 0.5:
        handles = [chance.choice((*_HUGE, len(data))) for _ in range(4)]
        return data[:-48] + b"".join(map(encode_varint, handles))[:40].ljust(40, b"\0") + data[-8:]
    start, size = chance.choice(list_blocks(data))
    promised = encode_varint(chance.choice(_HUGE))
    block = promised + data[start + len(promised) : start + size] + b"\x01"
    return data[:start] + block + make_checksum(block) + data[start + size + 5 :]


def _forge_zip(data: bytes, chance: random.Random) -> bytes:
    """Writes an archive again, with one member damaged."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        headers = [name for name in names if name.endswith((".pkl", ".npy"))]
        target = chance.choice(headers)
        for name in names:
            member = old.read(name)
            if name == target:
                damage = chance.choice(
                    (_flip_edge_bit, _flip_bit, _fill_with_ones, _truncate, _forge_digits)
                )
                member = damage(member, chance)
            new.writestr(name, member)
    return out.getvalue()


def _forge_header(data: bytes, chance: random.Random) -> bytes:
    """Changes a number of a safetensors header, and corrects the header's size."""
    size = int.from_bytes(data[:8], "little")
    header = _forge_digits(data[8 : 8 + size], chance)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


def _forge_attribute(data: bytes, chance: random.Random) -> bytes:
    """Changes a number or a letter in a text of a Keras file, such as the model's JSON."""
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        groups = [file, *(item for item in file.values() if isinstance(item, h5py.Group))]
        group, name = chance.choice([(group, name) for group in groups for name in group.attrs])
        value = group.attrs[name]
        text = value if isinstance(value, (bytes, str)) else chance.choice(list(value) or [b"x"])
        text = text.encode() if isinstance(text, str) else bytes(text)
        change = chance.choice((_forge_digits, _flip_low_bit))
        group.attrs[name] = np.bytes_(change(text or b"0", chance))
    return buffer.getvalue()


def _forge_digits(data: bytes, chance: random.Random) -> bytes:
    """Changes a number that is written in digits."""
    numbers = list(re.finditer(rb"\d+", data[:4096]))
    if not numbers:
        return data
    number = chance.choice(numbers)
    value = chance.choice((*_HUGE, -1, 1 << 200))
    return data[: number.start()] + str(value).encode() + data[number.end() :]


def _forge_message(data: bytes, chance: random.Random, text: Callable = _fill_with_ones) -> bytes:
    """Changes a number, or damages a text, anywhere in a protocol buffer."""
    fields = parse_fields(data)
    if not fields:
        return encode_varint(1 << 3) + encode_varint(chance.choice(_HUGE))
    at = chance.randrange(len(fields))
    number, wire_type, value = fields[at]
    if wire_type == 0 or (wire_type != 2 and chance.random() < 0.5):
        fields[at] = (number, 0, chance.choice(_HUGE))
    elif wire_type == 2 and parse_fields(value):
        fields[at] = (number, 2, _forge_message(value, chance, text))
    else:
        fields[at] = (number, wire_type, text(value, chance) if value else value)
    return b"".join(map(encode_field, fields))


def _forge_graph(data: bytes, chance: random.Random) -> bytes:
    """As ``_forge_message``, but only in the graph of a .meta; texts stay texts."""
    fields = parse_fields(data)
    at = next(index for index, field in enumerate(fields) if field[0] == 2)
    fields[at] = (2, 2, _forge_message(fields[at][2], chance, _flip_low_bit))
    return b"".join(map(encode_field, fields))


_FORGERIES = (_forge_block, _forge_table, _forge_handle, _forge_zip, _forge_header, _forge_message)


# Reading


def ask(arguments: Sequence[str], memory: int = MEMORY) -> dict[str, object]:
    """Runs legacy-nets in a forked process; returns its answers and the memory it took."""
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
    """Ends a forked process with the command's exit code; leaves cleaning up to its parent."""
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
    """Yields the answers for the originals and for every ``every``-th variant."""

    def read(path: Path) -> dict[str, object]:
        return ask(["inspect", "--digest", str(path)])

    for folder, name in PATHS.items():
        yield {"name": folder, "folder": folder, "forged": False} | read(originals / folder / name)
    everything = []
    for folder in PATHS:
        files = sorted((originals / folder).iterdir())
        files = [file for file in files if file.name != "checkpoint"]
        everything += variants(originals / folder, files)
    for variant in everything[::every]:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, variant.folder)
            shutil.copytree(originals / variant.folder, folder)
            variant.apply(folder)
            answer = read(folder / PATHS[variant.folder])
        yield {
            "name": variant.name,
            "folder": variant.folder,
            "forged": variant.forged,
        } | answer


if __name__ == "__main__":
    importlib.import_module("legacy_nets.cli.inspect")  # once, before the forks
    for module in _MODULES:
        importlib.import_module(f"legacy_nets.checkpoints.formats.{module}")
    answers = list(run(Path(sys.argv[1]), int(sys.argv[3])))
    Path(sys.argv[2]).write_text(json.dumps(answers))
