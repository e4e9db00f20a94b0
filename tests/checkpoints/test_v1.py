"""V1 checkpoints against the V2 ones of the same session, and against damage."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import read_bundle
from legacy_nets.checkpoints.formats.v1 import encode_slice_key
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.errors import CheckpointError

DTYPES = (
    *("float16", "float32", "float64", "complex64", "complex128", "bool"),
    *("int8", "uint8", "int16", "uint16", "int32", "int64"),
)


def _make() -> None:
    for dtype in DTYPES:
        values = ((np.arange(24) - 5) * 3000000001 % 251).reshape(2, 3, 4)
        values = values.astype(tf.as_dtype(dtype).as_numpy_dtype)
        tf.Variable(values, name=f"a/{dtype}")
        tf.Variable(values[0, 0, 1], name=f"scalar/{dtype}")
    tf.Variable(np.array([-1, -(2**31), 2**31 - 1], np.int32), name="negative")
    tf.Variable(np.array([-1, -(2**63), 2**63 - 1]), name="negative64")
    tf.Variable(np.array(["a", "", "long" * 99], object), name="strings")
    tf.Variable(np.arange(100_000, dtype=np.float32), name="large")
    tf.Variable(np.zeros((0, 5), np.float32), name="empty")
    fill, cut = tf.random_normal_initializer(seed=1), tf.fixed_size_partitioner
    tf.get_variable("cut/rows", [7, 3], initializer=fill, partitioner=cut(3))
    tf.get_variable("cut/columns", [2, 70], initializer=fill, partitioner=cut(70, axis=1))
    tf.get_variable("cut/far", [20_000, 2], initializer=fill, partitioner=cut(2))


def _save_both(folder: Path, make, config=None, **saver) -> tuple[str, str]:
    """One session's variables in both formats."""
    with tf.Graph().as_default():
        make()
        with tf.Session(config=config) as session:
            session.run(tf.global_variables_initializer())
            return tuple(
                tf.train.Saver(write_version=version, **saver).save(session, str(folder / name))
                for version, name in ((tf.train.SaverDef.V1, "one"), (tf.train.SaverDef.V2, "two"))
            )


def _assert_equal(old: str, new: str) -> None:
    """Every tensor bit by bit, against the V2 reader (which equals TensorFlow's)."""
    old, new = open_weights(old), read_bundle(new)
    assert list(old.tensors) == list(new.tensors)
    for name, info in new.tensors.items():
        got, want = old.read(name), new.read(name)
        assert tuple(old.tensors[name]) == (info.shape, info.dtype)
        assert got.dtype == want.dtype and got.shape == want.shape
        if got.dtype == object:
            assert got.tolist() == want.tolist()
        else:
            assert got.tobytes() == want.tobytes(), name


def _reason(call, *arguments) -> str:
    with pytest.raises(CheckpointError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_dtype_and_slice(tmp_path):
    one, two = _save_both(tmp_path, _make)
    _assert_equal(one, two)
    reader = tf.train.load_checkpoint(one)  # reads intact tensors of a few types only
    for name in ("a/float32", "scalar/int32", "large"):
        assert np.array_equal(open_weights(one).read(name), reader.get_tensor(name))


def test_shards(tmp_path):
    def make() -> None:
        for cpu in range(3):
            with tf.device(f"/cpu:{cpu}"):
                tf.Variable(tf.fill([5], float(cpu)), name=f"on_{cpu}", use_resource=False)

    config = tf.ConfigProto(device_count={"CPU": 3})
    _save_both(tmp_path, make, config, sharded=True)
    one = str(tmp_path / "one")
    _assert_equal(one, str(tmp_path / "two"))
    shard = tmp_path / "one-00001-of-00003"
    assert open_weights(shard).prefix == one
    shard.unlink()
    assert "1 of 3 shards are missing" in _reason(open_weights, one)


def test_restore_strictly_by_any_of_its_names(tmp_path):
    one, _ = _save_both(tmp_path, lambda: tf.Variable([1.0, 2.0], name="net/w"))
    for path in (one, one + ".meta", tmp_path / "one"):
        with tf.Graph().as_default(), tf.Session() as session:
            variable = tf.Variable([0.0, 0.0], name="net/w")
            plan = match([variable], path)
            plan.check()
            plan.apply(session)
            assert session.run(variable).tolist() == [1.0, 2.0]
    for file in tmp_path.glob("two*"):
        file.unlink()
    state = 'model_checkpoint_path: "/elsewhere/one"\n'
    (tmp_path / "checkpoint").write_text(state)
    assert open_weights(tmp_path).prefix == one


def test_keys_are_those_of_the_table():
    assert encode_slice_key("w", []) == b"\0w\0\1\0"
    assert encode_slice_key("w", [(0, -1)]) == b"\0w\0\1\1\1\x80\x7f"
    assert encode_slice_key("w", [(64, 8192)]) == b"\0w\0\1\1\1\xc0\x40\xe0\x20\x00"


def _values(path: Path) -> dict[str, bytes]:
    source = open_weights(path)
    return {name: source.read(name).tobytes() for name in source.tensors}


def test_flipped_bytes_and_truncations(tmp_path):
    def make() -> None:
        tf.Variable(np.arange(12, dtype=np.float32), name="net/w")
        tf.Variable([1, 2, 3], name="net/n")

    one, _ = _save_both(tmp_path, make)
    intact = Path(one).read_bytes()
    want, bad, caught = _values(Path(one)), tmp_path / "bad", 0
    for at in range(len(intact)):
        bad.write_bytes(intact[:at] + bytes([intact[at] ^ 0x41]) + intact[at + 1 :])
        try:
            assert _values(bad) == want, at
        except CheckpointError as error:
            assert str(bad) in str(error) and "\n" not in str(error)
            caught += 1
    assert caught > len(intact) - 8 - 5 - 40  # the empty metaindex block, the footer's padding
    for size in range(0, len(intact), 7):
        bad.write_bytes(intact[:size])
        assert str(bad) in _reason(open_weights, bad)


ORACLE = """
import sys
import numpy as np
import tensorflow as tf
cut = tf.fixed_size_partitioner(3)
tf.get_variable("net/rows", [7, 3], initializer=tf.random_normal_initializer(), partitioner=cut)
tf.Variable(np.arange(6, dtype=np.float64).reshape(2, 3) - 3, name="net/double")
tf.Variable(np.arange(6) - 3, name="net/long")
tf.Variable(np.arange(6) > 2, name="net/bool")
tf.Variable(tf.random_normal([3, 3, 4, 8], dtype=tf.float16), name="net/half")
tf.Variable(["text", ""], name="net/text")
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for version, name in ((tf.train.SaverDef.V1, "one"), (tf.train.SaverDef.V2, "two")):
        tf.train.Saver(write_version=version).save(session, sys.argv[1] + "/" + name)
"""


@pytest.mark.slow
def test_files_of_tensorflow_1_15_5(oracle, tmp_path):
    subprocess.run(
        [oracle, "-c", ORACLE, str(tmp_path)], check=True, capture_output=True, timeout=300
    )
    _assert_equal(str(tmp_path / "one"), str(tmp_path / "two"))
