"""The processor of this machine: how many cores, and which numbers it computes fast with."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import sys
from collections.abc import Iterator

from legacy_nets.errors import BadInputError

FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
_BFLOAT16 = {"avx512_bf16", "amx_bf16"}
_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
_is_onednn_off = False  # in the TensorFlow of this process, by ``turn_onednn_off``


@dataclasses.dataclass(frozen=True)
class Processor:
    """The processor; what the system does not tell is None."""

    model: str | None
    cores: int | None  # that this process may use
    memory_gib: float | None
    features: list[str] | None  # which of FEATURES it has: they decide on bf16 and int8

    @property
    def has_bfloat16(self) -> bool:
        """Whether it multiplies bfloat16 itself; without, bfloat16 is slower than float32."""
        return not _BFLOAT16.isdisjoint(self.features or ())

    @property
    def emulates_bfloat16(self) -> bool:
        """Whether oneDNN computes bfloat16 on it, if only by float32.

        Without AVX512F TensorFlow computes in float32 where bfloat16 is asked for, and says
        nothing.
        """
        return "avx512f" in (self.features or ())


def examine_processor() -> Processor:
    """Asks the system for the processor and the memory."""
    flags = _read_cpu_field("flags")
    return Processor(
        _read_cpu_field("model name") or platform.processor() or None,
        _count_cores(),
        _read_memory(),
        None if flags is None else [name for name in FEATURES if name in flags.split()],
    )


def _count_cores() -> int | None:
    """Counts the cores that this process may use, by the system and by OMP_NUM_THREADS."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(limit)) if cores and limit.isdecimal() and int(limit) else cores


def require_bfloat16(option: str, advice: str, is_forced: bool = False) -> None:
    """Raises BadInputError where bfloat16 would be slower than float32.

    ``option``: what asked for it; ``advice``: what to do. ``is_forced``: only where TensorFlow
    would compute in float32.
    """
    processor = examine_processor()
    if is_forced and not processor.emulates_bfloat16:
        raise BadInputError(
            f"{option}: this processor has no AVX512F, so TensorFlow would compute in float32: "
            f"{advice}"
        )
    if not is_forced and not processor.has_bfloat16:
        raise BadInputError(
            f"{option}: this processor has neither AVX512-BF16 nor AMX, so it would be slower: "
            f"{advice}"
        )


@contextlib.contextmanager
def turn_onednn_off() -> Iterator[None]:
    """Turns oneDNN off in a TensorFlow that is imported inside, where the user has not chosen.

    TensorFlow reads the variable while it is imported. It is removed then: programs that this
    process starts have their own TensorFlow, which would be slower.
    """
    global _is_onednn_off
    if _ONEDNN in os.environ or "tensorflow" in sys.modules:
        yield
        return
    os.environ[_ONEDNN] = "0"
    try:
        yield
    finally:
        del os.environ[_ONEDNN]
    _is_onednn_off = True


def uses_onednn() -> bool:
    """Tells whether TensorFlow computes with oneDNN: legacy_nets.tf1 has turned it off, or a user.

    Without it TensorFlow computes in float32 where bfloat16 is asked for, and says nothing.
    """
    given = os.environ.get(_ONEDNN, "1")
    return not _is_onednn_off and given.lower() not in ("0", "false")


def _read_cpu_field(name: str) -> str | None:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = [line.partition(":") for line in file]
    except OSError:
        return None
    return next((value.strip() for key, _, value in lines if key.strip() == name), None)


def _read_memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None
