"""Runs a function in a process of its own, with limits of time and memory.

C++ parsers (HDF5's, TensorFlow's) may crash, hang or fill the memory on a damaged or hostile
file. There it costs one line of error, and nothing of this process. It ends with this process,
too, however that ends.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from legacy_nets.errors import CheckpointError, LegacyNetsError, one_line

# -I keeps the working folder, which may be a stranger's, from lending its modules to the child.
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from legacy_nets.sandbox import _child, _end_with_parent;"
    "_end_with_parent(sys.argv[2]); _child(sys.argv[2])"
)
_SECONDS, _GIB = 120.0, 4.0  # that reading a graph may take, the file's own size aside
_COPIES = 12  # how many times what a file holds may lie in its reader's memory


def memory_for(*files: Path, least: float) -> float:
    """GiB of address space for a reader of files: ``least`` and what their sizes ask for."""
    return least + _COPIES * sum(file.stat().st_size for file in files if file.is_file()) / 2**30


def run_limited(
    function: Callable[..., Any], *arguments: Any, what: str, seconds: float = 20, gib: float = 4
) -> Any:
    """The result of ``function(*arguments)``, called in a new process.

    Args:
      function: of a module's top level; it and its arguments must be picklable.
      what: the file that is read, as errors name it.
      seconds: of wall clock, after which the process is killed.
      gib: 2**30 bytes of address space; TensorFlow alone takes 2. (No limit on Windows.)

    Raises: LegacyNetsErrors as the function raised them; CheckpointError in one line that begins
    with ``what`` where it raised anything else, died, or came to a limit.
    """
    with _sigterm_unwinds(), _lifeline() as stdin, tempfile.TemporaryDirectory() as folder:
        call = Path(folder, "call")
        call.write_bytes(pickle.dumps((function, arguments, seconds, gib)))
        paths = json.dumps([os.path.abspath(path) for path in sys.path])
        # stdout may be asked for by machines: only what the function returns is for them
        command = [sys.executable, "-I", "-c", _CHILD, paths, folder]
        try:
            done = subprocess.run(
                command,
                check=False,
                timeout=seconds,
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "MALLOC_ARENA_MAX": "2"},  # each arena reserves 64 MiB
            )
        except subprocess.TimeoutExpired:
            raise CheckpointError(
                f"{what}: damaged, or too large to be read within {seconds:g} seconds"
            ) from None
        result = Path(folder, "result")
        if done.returncode == 0 and result.is_file():
            error, value = pickle.loads(result.read_bytes())  # our own child's
            if error is not None:
                raise error
            return value
        raise CheckpointError(f"{what}: {_death(done.returncode, done.stderr, gib)}")


def read_apart(function: Callable[..., Any], path: str | Path, *arguments: Any) -> Any:
    """The result of ``function(path, *arguments)``, which has TensorFlow read a graph's file."""
    gib = memory_for(Path(path), least=_GIB)
    what = str(path)
    return run_limited(function, path, *arguments, what=what, seconds=_SECONDS, gib=gib)


@contextlib.contextmanager
def _sigterm_unwinds() -> Iterator[None]:
    """Makes SIGTERM a SystemExit, so that on the way out every folder is put away."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    free = threading.current_thread() is threading.main_thread()
    free = free and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if free:
        signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        if free:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def _lifeline() -> Iterator[int]:
    """The reading end of a pipe that nothing is written to: it ends when this process does."""
    end, held = os.pipe()
    try:
        yield end
    finally:
        os.close(end)
        os.close(held)


def _end_with_parent(folder: str) -> None:
    """In the new process: ends it, and puts the call's folder away, when its parent has ended."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _child(folder: str) -> None:
    """In the new process: sets the limits, calls the function, leaves its result or its error."""
    function, arguments, seconds, gib = pickle.loads(Path(folder, "call").read_bytes())
    _limit(seconds, gib)
    error: LegacyNetsError | None = None
    value = None
    try:
        value = function(*arguments)
    except LegacyNetsError as raised:
        error = type(raised)(str(raised))
    result = pickle.dumps((error, value))
    Path(folder, "result").write_bytes(result)
    sys.stderr.flush()
    os._exit(0)  # the destructors of a library that met a damaged file are not needed


def _limit(seconds: float, gib: float) -> None:
    try:
        import resource
    except ImportError:  # Windows: the clock alone
        return
    processor = math.ceil(seconds * (os.cpu_count() or 1)) + 1  # every thread counts
    for kind, most in (
        (resource.RLIMIT_AS, int(gib * 2**30)),
        (resource.RLIMIT_CPU, processor),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (least, hard))
        except (ValueError, OSError):  # macOS does not limit the address space
            continue


def _death(code: int, stderr: bytes, gib: float) -> str:
    """One line about a process that left no result."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    last = one_line(lines[-1])[:300] if lines else ""
    if "MemoryError" in last or "bad_alloc" in last:
        return f"damaged, or needs more than {gib:g} GiB of memory"
    if code < 0:
        name = signal.Signals(-code).name
        return f"damaged: its reader crashed on it ({name}); copy or download it again"
    return f"damaged, or its reader does not know such files ({last or f'exit code {code}'})"
