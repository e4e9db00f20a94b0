"""The checkpoint reader, compared with TensorFlow's own, and given every kind of damage."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from damage_formats import encode_varint

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import (
    explain_incomplete_checkpoints,
    find_checkpoint,
    list_complete_checkpoints,
    read_bundle,
)
from legacy_nets.checkpoints.formats.sstable import read_table
from legacy_nets.crc32c import compute_crc32c, mask_crc
from legacy_nets.errors import CheckpointError

DTYPES = (
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    *("int8", "uint8", "int16", "uint16", "int32", "int64", "bool"),
)
MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)


def _save(prefix: Path, make, step: int | None = None, config=None, **saver) -> str:
    """Saves the variables that ``make`` builds, under TensorFlow 2.21; returns the prefix."""
    with tf.Graph().as_default():
        make()
        with tf.Session(config=config) as session:
            session.run(tf.global_variables_initializer())
            return tf.train.Saver(**saver).save(session, str(prefix), global_step=step)


def _every_dtype() -> None:
    for dtype in DTYPES:
        values = (np.arange(24).reshape(2, 3, 4) % 7).astype(tf.as_dtype(dtype).as_numpy_dtype)
        tf.Variable(values, name=f"scope/{dtype}")
        tf.Variable(values[0, 0, 1], name=f"scalar/{dtype}")
    tf.Variable(np.zeros((0, 5), np.float32), name="empty")
    tf.Variable(np.float32(np.arange(200_000) * 0.37), name="large")


def _partitioned() -> None:
    cut = tf.fixed_size_partitioner
    fill = tf.random_normal_initializer(seed=1)
    tf.get_variable("a/rows", [7, 3], initializer=fill, partitioner=cut(3))
    tf.get_variable("a/columns", [2, 130], initializer=fill, partitioner=cut(130, axis=1))
    tf.get_variable("a", [4], initializer=fill)


def _two(value: float = 1.0):
    def make() -> None:
        tf.Variable(tf.fill([3, 4], value), name="layer/w")
        tf.Variable(tf.fill([4], value), name="layer/b")

    return make


def _assert_same_as_tensorflow(prefix: str) -> None:
    reader = tf.train.load_checkpoint(prefix)
    bundle = read_bundle(prefix)
    bundle.check_complete()
    shapes = reader.get_variable_to_shape_map()
    dtypes = reader.get_variable_to_dtype_map()
    assert list(bundle.tensors) == sorted(shapes)
    for name, info in bundle.tensors.items():
        assert (info.shape, info.dtype) == (tuple(shapes[name]), dtypes[name].name)
        got, want = bundle.read(name), reader.get_tensor(name)
        assert got.dtype == want.dtype and got.shape == want.shape
        assert got.tobytes() == np.asarray(want).tobytes(), name


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> str:
    return _save(tmp_path_factory.mktemp("small") / "model.ckpt", _two(), step=7)


def _copy(prefix: str, folder: Path) -> str:
    for file in Path(prefix).parent.glob(Path(prefix).name + ".*"):
        shutil.copy(file, folder)
    return str(folder / Path(prefix).name)


def _reason(call, *arguments) -> str:
    """The text of the CheckpointError that a call raises: one line."""
    with pytest.raises(CheckpointError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Equal to TensorFlow's reader


def test_every_dtype(tmp_path):
    _assert_same_as_tensorflow(_save(tmp_path / "model", _every_dtype))


def test_partitioned_variables(tmp_path):
    prefix = _save(tmp_path / "model", _partitioned)
    _assert_same_as_tensorflow(prefix)
    assert len(read_bundle(prefix).tensors["a/columns"].slices) == 130


def test_several_shards(tmp_path):
    def make() -> None:
        for cpu in range(3):
            with tf.device(f"/cpu:{cpu}"):
                tf.Variable(tf.fill([5], float(cpu)), name=f"on_{cpu}", use_resource=False)

    config = tf.ConfigProto(device_count={"CPU": 3})
    prefix = _save(tmp_path / "model", make, config=config, sharded=True)
    _assert_same_as_tensorflow(prefix)
    bundle = read_bundle(prefix)
    assert [shard.name for shard in bundle.shards] == [
        f"model.data-0000{number}-of-00003" for number in range(3)
    ]
    assert sorted(info.shard for info in bundle.tensors.values()) == [0, 1, 2]
    bundle.shards[1].unlink()
    assert "shard 2 of 3 is missing (model.data-00001-of-00003)" in _reason(bundle.check_complete)


TEXTS = np.array([["a", "", "long" * 33], ["\u00e4\0", "b", "c"]], object)


def test_strings(tmp_path):
    def make() -> None:
        tf.Variable("text", name="one")
        tf.Variable(TEXTS, name="many")
        cut = tf.fixed_size_partitioner(2)
        tf.get_variable("cut", [2, 3], tf.string, tf.constant_initializer("ab"), partitioner=cut)

    prefix = _save(tmp_path / "model", make)
    bundle, reader = read_bundle(prefix), tf.train.load_checkpoint(prefix)
    assert {info.dtype for info in bundle.tensors.values()} == {"string"}
    assert bundle.read("one").item() == reader.get_tensor("one") == b"text"
    assert bundle.read("many").tolist() == reader.get_tensor("many").tolist()
    assert bundle.read("many")[1, 0] == "\u00e4\0".encode()
    assert bundle.read("cut").tolist() == [[b"ab"] * 3] * 2  # which TensorFlow's does not read


def test_every_flipped_byte_of_strings(tmp_path):
    bundle = read_bundle(_save(tmp_path / "model", lambda: tf.Variable(TEXTS, name="s")))
    data = bundle.shards[0]
    intact = data.read_bytes()
    for at in range(len(intact)):
        data.write_bytes(intact[:at] + bytes([intact[at] ^ 0x81]) + intact[at + 1 :])
        assert str(data) in _reason(bundle.read, "s"), at


ORACLE = """
import sys
import numpy as np
import tensorflow as tf
cut = tf.fixed_size_partitioner(3)
tf.get_variable("net/rows", [7, 3], initializer=tf.random_normal_initializer(), partitioner=cut)
tf.Variable(np.arange(6, dtype=np.float64).reshape(2, 3), name="net/double")
tf.Variable(np.arange(6) > 2, name="net/bool")
tf.Variable(tf.random_normal([3, 3, 4, 8], dtype=tf.float16), name="net/half")
tf.Variable(tf.cast(tf.random_normal([5]), tf.bfloat16), name="net/bfloat")
x = tf.get_variable("net/w", [50, 60])
for dtype, size in (("qint8", 1), ("quint8", 1), ("qint16", 2), ("quint16", 2), ("qint32", 4)):
    bits = np.arange(8 * size, dtype=np.uint8).reshape([8, size][:size])
    tf.Variable(tf.bitcast(bits, getattr(tf, dtype)), name="net/" + dtype, use_resource=True)
tf.train.AdamOptimizer().minimize(tf.reduce_sum(x ** 2), tf.train.get_or_create_global_step())
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    tf.train.Saver().save(session, sys.argv[1], global_step=3)
"""


@pytest.mark.slow
def test_files_of_tensorflow_1_15_5(oracle, tmp_path):
    subprocess.run(
        [oracle, "-c", ORACLE, str(tmp_path / "model")],
        check=True,
        capture_output=True,
        timeout=300,
    )
    prefix = find_checkpoint(tmp_path)
    assert prefix == str(tmp_path / "model-3")
    _assert_same_as_tensorflow(prefix)
    assert read_bundle(prefix).tensors["net/w/Adam_1"].shape == (50, 60)


# Damage


def _write_table(path: Path, pairs: list[tuple[bytes, bytes]], snappy: bool = False) -> None:
    """Writes an SSTable of one data block."""
    out = b""

    def block(entries: list[tuple[bytes, bytes]]) -> bytes:
        nonlocal out
        data = b"".join(
            b"\0" + encode_varint(len(key)) + encode_varint(len(value)) + key + value
            for key, value in entries
        )
        data += struct.pack("<II", 0, 1)
        if snappy:
            data = encode_varint(len(data)) + b"\xf4" + struct.pack("<H", len(data) - 1) + data
        handle = encode_varint(len(out)) + encode_varint(len(data))
        data += bytes([snappy])
        out += data + struct.pack("<I", mask_crc(compute_crc32c(data)))
        return handle

    handles = block([]) + block([(pairs[-1][0], block(pairs))])
    path.write_bytes(out + handles.ljust(40, b"\0") + MAGIC)


def test_snappy_index_reads_as_tensorflow_reads_it(small, tmp_path):
    prefix = _copy(small, tmp_path)
    index = Path(f"{prefix}.index")
    _write_table(index, list(read_table(index)), snappy=True)
    _assert_same_as_tensorflow(prefix)
    assert read_bundle(prefix).tensors == read_bundle(small).tensors


def test_every_flipped_byte_of_an_index(small, tmp_path):
    prefix, intact = str(tmp_path / "m"), Path(f"{small}.index").read_bytes()
    want, caught = read_bundle(small).tensors, 0
    for at in range(len(intact)):
        for flip in (0x01, 0x80, 0xFF):
            bad = bytearray(intact)
            bad[at] ^= flip
            Path(f"{prefix}.index").write_bytes(bad)
            try:
                assert read_bundle(prefix).tensors == want, at
            except CheckpointError as error:
                assert "\n" not in str(error)
                caught += 1
    # What may be flipped unseen is the empty metaindex block and the padding of the footer.
    assert caught > 3 * (len(intact) - 8 - 5 - 40)


def test_every_truncation_of_an_index(small, tmp_path):
    intact = Path(f"{small}.index").read_bytes()
    for size in range(len(intact)):
        (tmp_path / "m.index").write_bytes(intact[:size])
        reason = _reason(read_bundle, tmp_path / "m")
        assert ("truncated" if size else "is empty") in reason


def test_flipped_bytes_of_the_data(small, tmp_path):
    prefix = _copy(small, tmp_path)
    data = Path(f"{prefix}.data-00000-of-00001")
    intact = data.read_bytes()
    bundle = read_bundle(prefix)
    for at in range(0, len(intact), 5):
        data.write_bytes(intact[:at] + bytes([intact[at] ^ 4]) + intact[at + 1 :])
        name = "layer/b" if at < 16 else "layer/w"
        assert f"bad checksum of {name}" in _reason(bundle.read, name)
        bundle.check_complete()
    data.write_bytes(intact[:-1])
    assert f"has {len(intact) - 1} bytes and needs {len(intact)}" in _reason(bundle.check_complete)
    assert "too short" in _reason(bundle.read, "layer/w")
    data.unlink()
    assert "shard 1 of 1 is missing" in _reason(bundle.read, "layer/b")


def _entry(dtype: int = 1, dims: bytes = b"\x12\x02\x08\x03", rest: bytes = b"\x28\x0c") -> bytes:
    """A BundleEntryProto: float32 [3] of 12 bytes unless told otherwise."""
    return bytes([8, dtype, 0x12, len(dims)]) + dims + rest


@pytest.mark.parametrize(
    ("header", "entry", "reason"),
    [
        (b"\x08\x01", _entry(rest=b"\x28\x0d"), r"w float32 \[3\] has 13 bytes"),
        (b"\x08\x01", _entry(rest=b"\x18\x01\x28\x0c"), "w is in shard 1 of 1"),
        (
            b"\x08\x01",
            _entry(dims=b"\x12\x0b\x08" + b"\xff" * 9 + b"\x01"),
            "not an integer from 0 on",
        ),
        (b"\x08\x01", _entry()[:-1], "a number has no end"),
        (b"\x08\x01", b"\x0b", "unknown wire type 3"),
        (b"\x08\x01", b"\x12\x09\x00", "extends past the end of its message"),
        (b"\x08\x01", _entry(rest=b"\x28\x0c\x3a\x04\x0a\x02\x10\x03"), "the parts of w do not"),
        (b"\x08\x01\x10\x01", _entry(), "big-endian"),
        (b"", _entry(), "0 shards"),
    ],
)
def test_an_index_whose_checksums_are_right_and_whose_content_is_not(
    tmp_path, header, entry, reason
):
    _write_table(tmp_path / "m.index", [(b"", header), (b"w", entry)])
    with pytest.raises(CheckpointError, match=reason):
        read_bundle(tmp_path / "m")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git-LFS pointer"),
        (b"\n<!DOCTYPE html><html>404</html>" * 3, "HTML"),
        (b"\x1f\x8b\x08" + bytes(90), "gzip"),
        (b"\x89HDF\r\n\x1a\n" + bytes(90), "HDF5"),
        (b"", "is empty"),
        (bytes(90), "truncated"),
    ],
)
def test_files_that_are_no_index(tmp_path, content, reason):
    (tmp_path / "m.index").write_bytes(content)
    assert reason in _reason(read_bundle, tmp_path / "m")


# Finding


def test_find_by_any_of_its_files(small, tmp_path):
    for end in ("", ".index", ".meta", ".data-00000-of-00001"):
        assert find_checkpoint(small + end) == small
    folder = Path(small).parent
    assert find_checkpoint(folder) == find_checkpoint(folder / "checkpoint") == small
    assert f"by its prefix, here {small}" in _reason(read_bundle, small + ".index")
    assert "; nearest: model.ckpt-7" in _reason(find_checkpoint, folder / "model.ckpt-8")
    assert "no such checkpoint" in _reason(find_checkpoint, tmp_path / "no" / "model")
    assert "no checkpoint in this folder" in _reason(find_checkpoint, tmp_path)
    prefix = _copy(small, tmp_path)
    os.unlink(f"{prefix}.index")
    for end in ("", ".index", ".meta", ".data-00000-of-00001"):
        assert ".index is missing" in _reason(find_checkpoint, prefix + end)


def _three(folder: Path, small: str) -> list[str]:
    """Copies of one checkpoint as steps 9, 10 and 200."""
    prefixes = [str(folder / f"model.ckpt-{step}") for step in (9, 10, 200)]
    for prefix in prefixes:
        for end in (".index", ".data-00000-of-00001"):
            shutil.copy(small + end, prefix + end)
    return prefixes


@pytest.mark.parametrize(
    "recorded",
    ["model.ckpt-10", "/another/machine/model.ckpt-10", r"C:\\runs\\one\\model.ckpt-10"],
)
def test_the_state_file_names_the_newest(small, tmp_path, recorded):
    prefixes = _three(tmp_path, small)
    (tmp_path / "checkpoint").write_text(
        f'model_checkpoint_path: "{recorded}"\nall_model_checkpoint_paths: "model.ckpt-9"\n'
    )
    assert find_checkpoint(tmp_path) == prefixes[1]
    os.unlink(prefixes[1] + ".data-00000-of-00001")
    assert find_checkpoint(tmp_path) == prefixes[2]


def test_without_state_file_the_highest_complete_step(small, tmp_path):
    assert list_complete_checkpoints(tmp_path / "new") == []  # a folder that training is to make
    prefixes = _three(tmp_path, small)
    assert list_complete_checkpoints(tmp_path) == list(zip((9, 10, 200), prefixes, strict=True))
    assert find_checkpoint(tmp_path) == prefixes[2]
    os.truncate(prefixes[2] + ".data-00000-of-00001", 3)
    os.truncate(prefixes[0] + ".index", 60)
    (tmp_path / "model.ckpt-300.data-00000-of-00001").write_bytes(b"killed while saving")
    assert list_complete_checkpoints(tmp_path) == [(10, prefixes[1])]
    assert find_checkpoint(tmp_path) == prefixes[1]
    reasons = explain_incomplete_checkpoints(tmp_path)
    assert list(reasons) == [str(tmp_path / f"model.ckpt-{step}") for step in (200, 300, 9)]
    for reason, part in zip(reasons.values(), ("too short", ".index", "truncated"), strict=True):
        assert part in reason
    os.unlink(prefixes[1] + ".index")
    reason = _reason(find_checkpoint, tmp_path)
    assert "no complete checkpoint" in reason and "too short" in reason


def test_checkpoints_without_step_numbers(small, tmp_path):
    for name in ("one", "two"):
        for end in (".index", ".data-00000-of-00001"):
            shutil.copy(small + end, tmp_path / f"{name}{end}")
    assert "name one of one, two" in _reason(find_checkpoint, tmp_path)
    os.unlink(tmp_path / "two.index")
    assert find_checkpoint(tmp_path) == str(tmp_path / "one")


def test_a_version_1_checkpoint_is_named_as_such(tmp_path):
    prefix = _save(tmp_path / "old", _two(), write_version=tf.train.SaverDef.V1)
    for call, path in (
        (find_checkpoint, prefix),
        (find_checkpoint, prefix + ".meta"),
        (find_checkpoint, tmp_path),
        (read_bundle, prefix),
    ):
        reason = _reason(call, path)
        assert "V1 checkpoint" in reason and "--warm-start read it" in reason
    shutil.copy(prefix, prefix + ".index")
    assert "V1 checkpoint" in _reason(read_bundle, prefix)
    os.rename(prefix, prefix + "-00000-of-00001")
    os.unlink(prefix + ".index")
    assert "V1 checkpoint" in _reason(read_bundle, prefix)
