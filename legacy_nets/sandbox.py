"""Runs a function in a child process with limits of time and memory.

C++ parsers (HDF5's, TensorFlow's) may crash, hang or fill the memory on a damaged or hostile
file. In a child process that costs one line of error and does no harm to this process. The child
ends when this process ends, however that happens.
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
from typing import TypeVar

from legacy_nets.errors import CheckpointError, LegacyNetsError, join_lines
from legacy_nets.sigterm import end_on_sigterm

_Result = TypeVar("_Result")

# -I: modules of the working folder, which may hold untrusted files, are not imported.
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from legacy_nets.sandbox import _run_child, _end_with_parent;"
    "_end_with_parent(sys.argv[2]); _run_child(sys.argv[2])"
)
_GRAPH_SECONDS = 120.0  # for a graph's file
_GRAPH_GIB = 4.0  # for a graph's file, before its own size is added
_COPIES = 12  # of a file's contents, at most, in its reader's memory


def estimate_memory(*files: Path, least: float) -> float:
    """Computes how many GiB of address space a reader of files may take, from their sizes."""
    return least + _COPIES * sum(file.stat().st_size for file in files if file.is_file()) / 2**30


def run_sandboxed(
    function: Callable[..., _Result],
    *arguments: object,
    label: str,
    seconds: float = 20,
    gib: float = 4,
) -> _Result:
    """Returns the result of ``function(*arguments)``, called in a child process.

    Args:
      function: a function of a module's top level; it and its arguments must be picklable.
      label: the file that is read, as errors name it.
      seconds: of wall clock, after which the child is killed.
      gib: limit of its address space in GiB; TensorFlow alone takes 2. (No limit on Windows.)

    Raises: LegacyNetsErrors as the function raised them; CheckpointError of one line that begins
    with ``label`` where it raised anything else, died, or exceeded a limit.
    """
    with end_on_sigterm(), _open_lifeline() as stdin, tempfile.TemporaryDirectory() as folder:
        call = Path(folder, "call")
        call.write_bytes(pickle.dumps((function, arguments, seconds, gib)))
        paths = json.dumps([os.path.abspath(path) for path in sys.path])
        # Programs may read our stdout: the child must not write to it.
        command = [sys.executable, "-I", "-c", _CHILD, paths, folder]
        try:
            child = subprocess.run(
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
                f"{label}: damaged, or too large to be read within {seconds:g} seconds"
            ) from None
        result = Path(folder, "result")
        if child.returncode == 0 and result.is_file():
            error, value = pickle.loads(result.read_bytes())  # written by our own child
            if error is not None:
                raise error
            answer: _Result = value
            return answer
        reason = _explain_failure(child.returncode, child.stderr, gib)
        raise CheckpointError(f"{label}: {reason}")


def run_in_subprocess(
    function: Callable[..., _Result], path: str | Path, *arguments: object
) -> _Result:
    """Returns the result of ``function(path, *arguments)``, with the limits for a graph's file."""
    gib = estimate_memory(Path(path), least=_GRAPH_GIB)
    return run_sandboxed(
        function, path, *arguments, label=str(path), seconds=_GRAPH_SECONDS, gib=gib
    )


@contextlib.contextmanager
def _open_lifeline() -> Iterator[int]:
    """Yields the reading end of a pipe that reaches end-of-file when this process ends."""
    reading_end, writing_end = os.pipe()
    try:
        yield reading_end
    finally:
        os.close(reading_end)
        os.close(writing_end)


def _end_with_parent(folder: str) -> None:
    """Ends the child and removes the call's folder when the parent has ended."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _run_child(folder: str) -> None:
    """Sets the limits in the child, calls the function, writes its result or its error."""
    function, arguments, seconds, gib = pickle.loads(Path(folder, "call").read_bytes())
    _set_limits(seconds, gib)
    error: LegacyNetsError | None = None
    value: object = None
    try:
        value = function(*arguments)
    except LegacyNetsError as raised:
        error = type(raised)(str(raised))
    result = pickle.dumps((error, value))
    Path(folder, "result").write_bytes(result)
    sys.stderr.flush()
    os._exit(0)  # skips the destructors of a library that met a damaged file


def _set_limits(seconds: float, gib: float) -> None:
    """Limits address space, processor time and core dumps of this process."""
    try:
        import resource
    except ImportError:  # Windows: only the clock limits the child
        return
    processor_seconds = math.ceil(seconds * (os.cpu_count() or 1)) + 1  # every thread counts
    for limit, value in (
        (resource.RLIMIT_AS, int(gib * 2**30)),
        (resource.RLIMIT_CPU, processor_seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(limit, (soft, hard))
        except (ValueError, OSError):  # macOS does not limit the address space
            continue


def _explain_failure(code: int, stderr: bytes, gib: float) -> str:
    """Explains in one line why a child left no result."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    last = join_lines(lines[-1])[:300] if lines else ""
    if "MemoryError" in last or "bad_alloc" in last:
        return f"damaged, or needs more than {gib:g} GiB of memory"
    if code < 0:
        name = signal.Signals(-code).name
        return f"damaged: its reader crashed on it ({name}); copy or download it again"
    return f"damaged, or its reader does not know such files ({last or f'exit code {code}'})"
