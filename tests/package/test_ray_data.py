"""Plain functions on Ray Data: when Ray is used, and what a killed worker costs."""

from __future__ import annotations

import os
import re
import signal
import socket
import tempfile
import time

import pytest
from marked_processes import LOOPBACK, MARK, find_marked, list_addresses, wait_for_end

from legacy_nets.errors import BadInputError
from legacy_nets.processor import examine_processor
from legacy_nets.ray_data import run as ray_data


@pytest.mark.parametrize(
    ("workers", "address", "chosen"),
    [(1, None, None), (2, None, "local"), (1, "local", "local"), (3, "host:6379", "host:6379")],
)
def test_the_cluster(monkeypatch, workers, address, chosen):
    monkeypatch.setattr(ray_data, "has_ray", lambda: True)
    assert ray_data.choose_cluster(workers, address) == chosen


def test_without_ray(monkeypatch, capsys):
    """One process does the work, and says so; an address is an error."""
    monkeypatch.setattr(ray_data, "has_ray", lambda: False)
    assert ray_data.choose_cluster(1, None) is None
    assert capsys.readouterr().err == ""
    assert ray_data.choose_cluster(4, None) is None
    assert capsys.readouterr().err == (
        "--workers 4 needs Ray (pip install 'legacy-nets[ray]'): one process does it all\n"
    )
    with pytest.raises(BadInputError) as refused:
        ray_data.choose_cluster(1, "host:6379")
    assert str(refused.value) == (
        "--ray-address host:6379 needs Ray: pip install 'legacy-nets[ray]', or leave it out"
    )


@pytest.mark.parametrize(("limit", "cores"), [("1", 1), ("0", None), ("", None), ("x", None)])
def test_workers_keep_to_their_share_of_the_cores(monkeypatch, limit, cores):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    every = examine_processor().cores
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert examine_processor().cores == (cores or every)


@pytest.mark.rare
@pytest.mark.usefixtures("ray")
def test_a_killed_worker_costs_its_item_alone(tmp_path, monkeypatch):
    """One item kills its worker once, and is done again; one kills it always, and has no result."""
    monkeypatch.setattr(ray_data, "RETRIES", 1)

    def work(number):
        mark = tmp_path / str(number)
        if number == 5 or (number == 3 and not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number, os.environ["OMP_NUM_THREADS"]

    monkeypatch.setenv(MARK, str(tmp_path))
    with ray_data.open_cluster(ray_data.LOCAL, 2):
        results = sorted(ray_data.run_on_ray(work, range(8), 2))
        assert find_marked(tmp_path)
    cores = str(max(1, (examine_processor().cores or 1) // 2))
    assert results == [(number, cores) for number in (0, 1, 2, 3, 4, 6, 7)]
    assert wait_for_end(tmp_path, 5) == {}


@pytest.mark.rare
@pytest.mark.usefixtures("ray")
def test_a_cluster_here_listens_on_the_loopback_interface(tmp_path, monkeypatch):
    """Every process of Ray, workers too; none of them stays, and no folder does."""
    monkeypatch.setenv(MARK, str(tmp_path))

    def work(number):
        time.sleep(1)  # so that both workers live while the first result is looked at
        return number

    with ray_data.open_cluster(ray_data.LOCAL, 2):
        results = ray_data.run_on_ray(work, range(4), 2)
        first = next(results)
        commands = find_marked(tmp_path)
        addresses = list_addresses([os.getpid(), *commands])
        assert sorted([first, *results]) == [0, 1, 2, 3]
    assert set().union(*addresses.values()) <= LOOPBACK, addresses
    listening = " ".join(commands.get(process, "this one") for process in addresses)
    for name in ("gcs_server", "raylet", "ray::MapWorker", "this one"):
        assert name in listening
    assert wait_for_end(tmp_path, 5) == {}
    [name] = set(re.findall(r"/(ray-\w+)/session", " ".join(commands.values())))
    assert not os.path.exists(os.path.join(tempfile.gettempdir(), name))


@pytest.mark.rare
@pytest.mark.usefixtures("ray")
def test_what_the_function_raises_is_raised():
    """It is no killed worker, and no item is missing in silence."""

    def work(number):
        if number == 2:
            raise ValueError("no such\nthing")
        return number

    with (
        ray_data.open_cluster(ray_data.LOCAL, 1),
        pytest.raises(BadInputError, match="^Ray: ValueError: no such thing$"),
    ):
        list(ray_data.run_on_ray(work, range(4), 1))


@pytest.mark.usefixtures("ray")
def test_no_cluster_can_start_here(monkeypatch):
    def fail(*_):
        raise RuntimeError("no room\nin /dev/shm")

    monkeypatch.setattr(ray_data, "_start_here", fail)
    with pytest.raises(BadInputError) as refused, ray_data.open_cluster(ray_data.LOCAL, 2):
        pass
    assert str(refused.value) == (
        "no cluster of Ray can start here (no room in /dev/shm): run the command without Ray"
    )


@pytest.mark.parametrize(
    ("family", "host", "prefix"),
    [
        (socket.AF_INET, "127.0.0.1", ""),
        (socket.AF_INET6, "::1", ""),
        (socket.AF_INET6, "::1", "ray://"),
    ],
)
def test_addresses_of_clusters(family, host, prefix):
    """An IPv6 address is in brackets."""
    with socket.socket(family) as listener:
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        listener.listen()
        port = listener.getsockname()[1]
        bracketed = f"[{host}]" if ":" in host else host
        ray_data._knock(f"{prefix}{bracketed}:{port}")
    with pytest.raises(ConnectionRefusedError):
        ray_data._knock(f"{prefix}{bracketed}:{port}")


@pytest.mark.usefixtures("ray")
def test_no_cluster_answers():
    with (
        pytest.raises(BadInputError, match="--ray-address 127.0.0.1:1024: no cluster of Ray"),
        ray_data.open_cluster("127.0.0.1:1024", 1),
    ):
        pass
