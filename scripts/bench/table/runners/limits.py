"""What the machine can do at most: matrix products, memory, files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch
from protocol import count_per_second, serve

SIDE = 2048
MEGABYTES = 256


def make_product(dtype):
    """Measures the product of two square matrices, GFLOP/s."""
    left, right = (torch.rand(SIDE, SIDE).to(dtype) for _ in range(2))
    return count_per_second(lambda: left @ right, 2 * SIDE**3 / 1e9)


def make_integer_product():
    """Measures the product of two matrices of int8, GOP/s."""
    left, right = (torch.randint(-128, 127, (SIDE, SIDE), dtype=torch.int8) for _ in range(2))
    return count_per_second(lambda: torch._int_mm(left, right), 2 * SIDE**3 / 1e9)


def make_memory():
    """Measures a copy in memory: bytes read and written, GB/s."""
    source = torch.rand(MEGABYTES * 2**18)
    target = torch.empty_like(source)
    return count_per_second(lambda: target.copy_(source), 2 * MEGABYTES * 2**20 / 1e9)


def make_file_copy():
    """Measures ``cp`` of a file that is in the system's cache, GB/s."""
    folder = Path(kept.name)
    (folder / "a").write_bytes(bytes(MEGABYTES * 2**20))
    copy = lambda: shutil.copyfile(folder / "a", folder / "b")  # noqa: E731
    return count_per_second(copy, MEGABYTES * 2**20 / 1e9)


kept = tempfile.TemporaryDirectory()
serve(
    {
        ("matrix product, GFLOP/s", "fp32"): make_product(torch.float32),
        ("matrix product, GFLOP/s", "bf16"): make_product(torch.bfloat16),
        ("matrix product, GFLOP/s", "int8"): make_integer_product(),
        ("copy in memory, GB/s", "bytes"): make_memory(),
        ("copy of a file, GB/s", "bytes"): make_file_copy(),
    },
    {"PyTorch": torch.__version__},
)
