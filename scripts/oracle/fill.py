"""Computes values of variables, images and labels from name and shape alone.

Both sides of a comparison import this file: the oracle (Python 3.7, NumPy 1.18) and the tests
(Python 3.10 to 3.13, NumPy 2). Every step is exact integer arithmetic or correctly rounded
IEEE arithmetic, so that both sides get the same bits on every machine.
"""

from __future__ import annotations

import hashlib

import numpy as np

# The last kernel of a residual branch is kept small: without, 50 units of bare sums would
# double the activations 50 times.
BRANCH_END = ("/conv3/weights", "/Variable_2")
BRANCH_SCALE = 0.25


def uniform(name, count):
    """float64 [count] in [-1, 1): SplitMix64 counted from SHA-256 of the name, upper 24 bits."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1.0


def variable(name, shape, salt=""):
    """float32 array for one variable.

    Args:
      name: name of the variable, without ":0".
      shape: its sizes.
      salt: any text; another salt gives other values.

    gamma and variances lie near 1, biases and means near 0. Kernels have variance 1.1 / fan in
    and beta lies near 0.6, so that ReLU cuts little off: with He's 2 / fan in and beta near 0,
    batch norm makes gradients (and rounding) grow by a fifth with each layer of a plain net.
    """
    u = uniform(salt + name, int(np.prod(shape))).reshape(shape)
    kind = name.rsplit("/", 1)[-1]
    if kind in ("gamma", "moving_variance"):
        values = 1 + 0.2 * u
    elif kind == "beta":
        values = 0.6 + 0.1 * u
    elif kind in ("moving_mean", "bias", "biases"):
        values = 0.1 * u
    else:
        values = u * np.sqrt(3.3 / np.prod(shape[:-1]))
        if name.endswith(BRANCH_END):
            values *= BRANCH_SCALE
    return values.astype(np.float32)


def images(shape, salt=""):
    """float32 images [N, H, W, C] or clips [N, T, H, W, C] in [-1, 1): patches of three sizes on
    top of each other. The frames of a clip are images of their own.

    Large patches make the images differ from each other deep in a net, as photographs do. On
    plain noise all places look alike there, and batch norm in training mode blows up rounding.
    """
    if len(shape) == 5:
        return images([shape[0] * shape[1]] + list(shape[2:]), salt).reshape(shape)
    count, height, width, channels = shape
    result = np.zeros(shape)
    for cells, weight in ((3, 0.5), (12, 0.25), (max(height, width), 0.25)):
        rows = np.arange(height) * min(cells, height) // height
        columns = np.arange(width) * min(cells, width) // width
        patches = uniform("%simages%d" % (salt, cells), count * cells * cells * channels)
        patches = patches.reshape(count, cells, cells, channels)
        result += weight * patches[:, rows][:, :, columns]
    return result.astype(np.float32)


def labels(batch, classes, salt=""):
    """int32 [batch] class numbers."""
    u = (uniform(salt + "labels", batch) + 1) / 2
    return (u * classes).astype(np.int32)
