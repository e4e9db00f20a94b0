"""Types of numbers that few files have: quantised ones, float8, int4."""

from __future__ import annotations

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.errors import CheckpointError


def test_quantized_and_small_numbers(tmp_path):
    bits = np.arange(16, dtype=np.uint8)
    numpy_names = {
        **{"qint8": "int8", "quint8": "uint8", "qint16": "int16", "quint16": "uint16"},
        **{"qint32": "int32", "float8_e5m2": "float8_e5m2", "float8_e4m3fn": "float8_e4m3fn"},
        **{"int4": "int4", "uint4": "uint4"},
    }
    prefix, names = str(tmp_path / "model"), sorted(numpy_names)
    with tf.Graph().as_default(), tf.Session() as session:
        dtypes = [tf.as_dtype(name) for name in names]
        values = []
        for dtype in dtypes:
            if dtype.name.startswith("q"):
                values.append(tf.bitcast(bits.view(numpy_names[dtype.name]), dtype))
            else:  # no cast from uint8 exists
                wide = tf.float32 if dtype.is_floating else tf.int64
                values.append(tf.cast(tf.cast(bits, wide), dtype))
        arguments = {"prefix": prefix, "tensor_names": names, "shape_and_slices": [""] * len(names)}
        session.run(tf.raw_ops.SaveV2(**arguments, tensors=values))
        wanted = session.run(tf.raw_ops.RestoreV2(**arguments, dtypes=dtypes))
    source = open_weights(prefix)
    for name, want in zip(names, wanted, strict=True):
        got = source.read(name)
        assert (source.tensors[name].dtype, got.dtype.name) == (name, numpy_names[name])
        assert got.shape == want.shape and got.tobytes() == want.tobytes(), name


def test_float8_is_read_and_what_numpy_lacks_is_listed(tmp_path):
    values = {
        "F8_E4M3": (b"\x38\x7e", [1.0, 448.0]),
        "F8_E5M2": (b"\x3c\x7b", [1.0, 57344.0]),
        "F4": (bytes(2), None),
    }
    for code, (data, want) in values.items():
        header = f'{{"w":{{"dtype":"{code}","shape":[2],"data_offsets":[0,2]}}}}'.encode()
        (tmp_path / code).write_bytes(len(header).to_bytes(8, "little") + header + data)
        source = open_weights(tmp_path / code)
        assert source.tensors["w"].shape == (2,)
        if want:
            assert source.read("w").astype(np.float32).tolist() == want
        else:
            with pytest.raises(CheckpointError) as caught:
                source.read("w")
            assert "w is of type F4, which is not read" in str(caught.value)
