"""Lists every tensor of checkpoints, as TensorFlow's own reader returns them.

  .oracle/bin/python scripts/oracle/read_checkpoints.py < prefixes

Takes a prefix a line, prints a line of JSON each: [name, dtype, shape, SHA-256] a tensor, or the
error of the reader where it failed. Runs under Python 3.7 with TensorFlow 1.15.5 (``make oracle``);
any later TensorFlow works, too.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def main():
    """Answers line by line."""
    for line in sys.stdin:
        prefix = line.rstrip("\n")
        try:
            answer = listing(tf.train.load_checkpoint(prefix))
        except Exception as error:  # whatever TensorFlow raises is the answer
            answer = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), flush=True)


def listing(reader):
    """[[name, dtype, shape, SHA-256 of the bytes], ...] in sorted order."""
    dtypes = reader.get_variable_to_dtype_map()
    rows = []
    for name in sorted(dtypes):
        value = reader.get_tensor(name)
        value = np.asarray(value, object if isinstance(value, bytes) else None)
        rows.append([name, dtypes[name].name, list(value.shape), _digest(value)])
    return rows


def _digest(value):
    if value.dtype != object:
        return hashlib.sha256(value.tobytes()).hexdigest()
    whole = hashlib.sha256()
    for item in value.reshape(-1):
        whole.update(len(item).to_bytes(8, "little") + item)
    return whole.hexdigest()


main()
