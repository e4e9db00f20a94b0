"""Runs a plain function on many items by Ray Data (extra [ray]): on this machine, or on a cluster.

Each item is a block of its own. Ray runs a block again whose worker was killed, on another worker.
The items, the function and its results are pickled.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import pickle
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.language.lines import say
from legacy_nets.processor import examine_processor
from legacy_nets.progress import show_status
from legacy_nets.quiet import hold_back_stderr

LOCAL = "local"  # the address of a cluster that is started here, and ends with this process
RETRIES = 5  # of a block whose worker was killed
_SECONDS = 10.0  # that the processes of a cluster here have to end
_OBJECTS = 256 << 20  # bytes of memory that a cluster here keeps objects in
_ENVIRONMENT = {  # read when Ray is imported
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # no warning of GPUs
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_LOG_LEVEL": "CRITICAL",
}
_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # "0": all addresses are 127.0.0.1
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def has_ray() -> bool:
    """Whether Ray and what Ray Data needs are installed."""
    return all(importlib.util.find_spec(name) for name in ("ray", "pyarrow", "pandas"))


def choose_cluster(workers: int, address: str | None) -> str | None:
    """Chooses the address of the cluster that --workers and --ray-address ask for; None: no Ray.

    Without Ray one process does the work, which a line says. Raises BadInputError where Ray is
    missing and an address is given.
    """
    if address is None and workers == 1:
        return None
    if has_ray():
        return address or LOCAL
    if address is not None:
        raise BadInputError(
            f"--ray-address {address} needs Ray: pip install 'legacy-nets[ray]', or leave it out"
        )
    say(
        f"--workers {workers} needs Ray (pip install 'legacy-nets[ray]'): one process does it all",
        err=True,
    )
    return None


class _Failure(NamedTuple):
    """What a function raised."""

    text: str


class _Worker:
    """A process of Ray that runs the function on one item after another."""

    def __init__(self, work: Callable[[object], object], folder: str) -> None:
        os.chdir(folder)  # paths count from where the command was started
        self._work = work

    def __call__(self, row: dict[str, bytes]) -> dict[str, bytes]:
        try:
            return {"result": pickle.dumps(self._work(pickle.loads(row["item"])))}
        except Exception as error:  # raised here, it would count as a killed worker
            return {"result": pickle.dumps(_Failure(f"{type(error).__name__}: {error}"))}


@contextlib.contextmanager
def open_cluster(address: str, workers: int) -> Iterator[None]:
    """Connects to a cluster, or starts one here on the loopback interface, for the block.

    No dashboard, no usage statistics, no process afterwards. Raises BadInputError where no
    cluster answers, or none can start here.
    """
    os.environ.update(_ENVIRONMENT)
    import ray

    logging.getLogger("ray").setLevel(logging.ERROR)
    others = _list_children()
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        _stay_on_loopback() if address == LOCAL else contextlib.nullcontext(),
    ):
        with show_status("connecting to Ray"), hold_back_stderr() as held_back:
            try:
                if address == LOCAL:
                    _start_here(workers, folder)
                else:
                    _connect(address)
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                raise _explain(address, error, held_back.take()) from None
        try:
            yield
        finally:
            if address == LOCAL:
                _shut_down_all(others)
            ray.shutdown()


def _explain(address: str, error: Exception, log: str) -> BadInputError:
    """Explains why there is no connection to a cluster. ``log``: what Ray wrote meanwhile."""
    reason = join_lines(error)[:200]
    if address == LOCAL:
        return BadInputError(
            f"no cluster of Ray can start here ({reason}): run the command without Ray"
        )
    if "InvalidAuthToken" in log or "authentication" in reason.lower():
        return BadInputError(
            f"--ray-address {address}: the cluster of Ray asks for its token: set "
            "RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to what ray get-auth-token prints there"
        )
    return BadInputError(
        f"--ray-address {address}: no cluster of Ray answers ({reason}): start it with "
        "ray start, or check the address"
    )


@contextlib.contextmanager
def _stay_on_loopback() -> Iterator[None]:
    """Lets Ray start on 127.0.0.1 alone in the block, which it does on macOS and Windows.

    Ray reads the variable when it is imported; that may have been earlier.
    """
    from ray._private import ray_constants

    is_enabled, before = ray_constants.ENABLE_RAY_CLUSTER, os.environ.get(_LOOPBACK)
    ray_constants.ENABLE_RAY_CLUSTER, os.environ[_LOOPBACK] = False, "0"
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = is_enabled
        del os.environ[_LOOPBACK]
        if before is not None:
            os.environ[_LOOPBACK] = before


def _connect(address: str) -> None:
    """Connects to a cluster that runs. Raises OSError where nothing listens at the address."""
    import ray

    _knock(address)
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)


def _knock(address: str) -> None:
    """Raises OSError where nothing listens at HOST:PORT or [IPV6]:PORT.

    Ray itself would wait for minutes.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()


def _start_here(workers: int, folder: str) -> None:
    """Starts a cluster here, whose workers share the cores."""
    import ray

    cores = examine_processor().cores or 1
    ray.init(
        address=LOCAL,
        num_cpus=workers,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=_OBJECTS,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env={"env_vars": {"OMP_NUM_THREADS": str(max(1, cores // workers))}},
        _temp_dir=folder,
    )


def _list_children() -> set[object]:
    """Lists the processes that this one has started, and theirs."""
    psutil = importlib.import_module("psutil")  # Ray brings its own along
    return set(psutil.Process().children(recursive=True))


def _shut_down_all(others: set[object]) -> None:
    """Shuts the cluster here down, and waits for the end of its processes; not for ``others``."""
    import ray

    psutil = importlib.import_module("psutil")
    processes = _list_children() - others
    ray.shutdown()
    for process in psutil.wait_procs(list(processes), timeout=_SECONDS)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def run_on_ray(
    work: Callable[[_Item], _Result], items: Sequence[_Item], workers: int
) -> Iterator[_Result]:
    """Yields the results as they come, in the cluster of ``open_cluster``.

    ``work`` may keep what it has loaded: each worker has its own. An item whose worker is killed
    again and again has no result. Raises BadInputError for what ``work`` raises.
    """
    if not items:
        return
    import ray
    from ray.data import ActorPoolStrategy, DataContext, from_items

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1
    context.execution_options.preserve_order = False
    rows = from_items(
        [{"item": pickle.dumps(item)} for item in items], override_num_blocks=len(items)
    )
    pool = ActorPoolStrategy(size=min(workers, len(items)), max_tasks_in_flight_per_actor=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this option has no other name in Ray 2.60
        rows = rows.map(
            _Worker,
            fn_constructor_args=(work, os.getcwd()),
            compute=pool,
            num_cpus=1,
            max_task_retries=RETRIES,
        )
    try:
        for row in rows.iter_rows():
            result: _Result | _Failure = pickle.loads(row["result"])
            if isinstance(result, _Failure):
                raise BadInputError(f"Ray: {join_lines(result.text)[:300]}")
            yield result
    except ray.exceptions.RayError as error:
        raise BadInputError(f"Ray: {join_lines(error)[-300:]}") from None
