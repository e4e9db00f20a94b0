"""Puts what would be executed into pickles, Keras models and SavedModels, for ``damage.py``.

Each would create the file MARKER in the folder where the process began.
"""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickletools
import random
from pathlib import Path

import h5py
import numpy as np
from damage_formats import encode_field, parse_fields

MARKER = Path.cwd() / "EXECUTED"
_STRING = 7  # DT_STRING


def call_in_pickle(data: bytes, chance: random.Random) -> bytes:
    """Calls os.system between two opcodes of the pickle in a .npy file."""
    start = data.index(b"\n") + 1
    at = start + chance.choice([position for _, _, position in pickletools.genops(data[start:])])
    call = f"cos\nsystem\n(S'touch {MARKER}'\ntR0".encode()
    return data[:at] + call + data[at:]


def lambda_in_keras(data: bytes, chance: random.Random) -> bytes:
    """Turns a layer of a Keras model into a Lambda whose code is in the file."""
    code = compile(f"lambda x: (open({str(MARKER)!r}, 'w'), x)[1]", "lambda", "eval").co_consts[0]
    function = [base64.b64encode(marshal.dumps(code)).decode(), None, None]
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        model = json.loads(file.attrs["model_config"])
        layer = chance.choice(model["config"]["layers"])
        layer["class_name"] = "Lambda"
        layer["config"] |= {"function": function, "function_type": "lambda", "arguments": {}}
        file.attrs["model_config"] = np.bytes_(json.dumps(model))
    return buffer.getvalue()


def write_file_in_graph(data: bytes, chance: random.Random) -> bytes:
    """Makes one operation of a SavedModel wait for another that writes a file."""
    saved = parse_fields(data)
    meta_at = next(at for at, field in enumerate(saved) if field[0] == 2)
    meta = parse_fields(saved[meta_at][2])
    graph_at = next(at for at, field in enumerate(meta) if field[0] == 2)
    graph = parse_fields(meta[graph_at][2])
    at = chance.choice([at for at, field in enumerate(graph) if field[0] == 1])
    graph[at] = (1, 2, graph[at][2] + encode_field((3, 2, b"^written")))
    write = _encode_node(b"written", b"WriteFile", (3, 2, b"marker"), (3, 2, b"marker"))
    graph += [(1, 2, _encode_text_constant()), (1, 2, write)]
    meta[graph_at] = (2, 2, b"".join(map(encode_field, graph)))
    saved[meta_at] = (2, 2, b"".join(map(encode_field, meta)))
    return b"".join(map(encode_field, saved))


def _encode_text_constant() -> bytes:
    tensor = (encode_field((1, 0, _STRING)), encode_field((2, 2, b"")))
    text = encode_field((8, 2, str(MARKER).encode()))
    attributes = {b"dtype": encode_field((6, 0, _STRING))}
    attributes[b"value"] = encode_field((8, 2, b"".join((*tensor, text))))
    fields = [
        (5, 2, encode_field((1, 2, key)) + encode_field((2, 2, value)))
        for key, value in attributes.items()
    ]
    return _encode_node(b"marker", b"Const", *fields)


def _encode_node(name: bytes, op_type: bytes, *fields: tuple[int, int, int | bytes]) -> bytes:
    return b"".join(map(encode_field, ((1, 2, name), (2, 2, op_type), *fields)))
