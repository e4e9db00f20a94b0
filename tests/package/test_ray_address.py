"""Commands on a cluster of Ray that runs already: another process has started it, and ends it."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest
from marked_processes import LOOPBACK, MARK, find_marked, list_addresses, wait_for_end
from PIL import Image
from port_cases import write_models

from legacy_nets.cluster.network import find_free_ports

pytestmark = pytest.mark.rare
SECONDS = 60  # until the cluster answers
# without the last one Ray listens at all addresses of the machine
CLUSTER = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}
CLUSTER["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"


@pytest.fixture(scope="module")
def address(ray, tmp_path_factory):
    """The address of a cluster with two workers. Its processes have ended afterwards."""
    mark = str(tmp_path_factory.mktemp("mark"))
    [port] = find_free_ports(1)
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
        command += [f"--port={port}", "--num-cpus=2", f"--temp-dir={folder}"]
        command += ["--include-dashboard=false", "--disable-usage-stats"]
        with subprocess.Popen(
            command, env={**os.environ, **CLUSTER, MARK: mark}, stdout=subprocess.DEVNULL
        ) as cluster:
            try:
                wait_for_answer(port, cluster)
                yield f"127.0.0.1:{port}"
                commands = find_marked(mark)
                addresses = list_addresses(commands)
            finally:
                cluster.terminate()
                cluster.wait(timeout=SECONDS)
                left = wait_for_end(mark)
                for process in left:
                    os.kill(process, signal.SIGKILL)
    assert any("raylet" in command for command in commands.values())  # no command has ended it
    assert left == {}
    assert set().union(*addresses.values()) <= LOOPBACK, addresses


def wait_for_answer(port, cluster):
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert cluster.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)


def run(folder, *arguments, code=0, environment=CLUSTER):
    """Runs a command in a folder; returns what it prints, errors too where it must fail."""
    command = [sys.executable, "-m", "legacy_nets", *map(str, arguments)]
    environment = {**os.environ, **environment}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code == 2 else done.stdout


def test_score(address, tmp_path):
    run(tmp_path, "train", "demo_cnn", "--model-dir", "run", "--steps", 2)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(6):
        Image.fromarray(np.full((28, 28), number * 40, np.uint8)).save(pictures / f"{number}.png")
    (pictures / "3.png").write_bytes(b"no picture")
    given = ("score", "demo_cnn", "--checkpoint", "run", "--input", "pictures", "--shard-size", 2)
    run(tmp_path, *given, "--output", "here")
    line = run(tmp_path, *given, "--output", "there", "--ray-address", address, "--workers", 2)
    assert line.startswith("6 pictures in 3 shards; 1 could not be read; ")
    names = [f"pictures-0000{number}.csv" for number in range(3)]
    for name in names:
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


@pytest.fixture
def models(tmp_path):
    return write_models(tmp_path / "models")


def test_port(address, models, tmp_path):
    given = ("port", "models", "--to", "npz", "--out", "ported", "--ray-address", address)
    run(tmp_path, *given, "--jobs", 2, code=1)
    rows = json.loads((tmp_path / "ported" / "ports.json").read_text())["models"]
    assert [(row["name"], row["status"]) for row in rows] == [
        ("a.npz", "verified"),
        ("b.npz", "verified"),
        ("damaged.h5", "refused"),
    ]
    with np.load(tmp_path / "ported" / "a.npz.npz") as weights:
        np.testing.assert_array_equal(weights["a/weights"], np.ones((2, 3), np.float32))


def test_inspect(address, models, tmp_path):
    given = ("inspect", "models", "--json", "--jobs", 2, "--ray-address", address)
    rows = json.loads(run(tmp_path, *given, code=1))["models"]
    assert [(row["name"], row["parameters"], bool(row["problem"])) for row in rows] == [
        ("a.npz", 6, False),
        ("b.npz", 6, False),
        ("damaged.h5", 0, True),
    ]


def test_without_the_token(address, models, tmp_path):
    given = ("inspect", "models", "--jobs", 2, "--ray-address", address)
    others = {**CLUSTER, "RAY_AUTH_MODE": "disabled"}
    assert run(tmp_path, *given, code=2, environment=others).splitlines() == [
        f"legacy-nets: --ray-address {address}: the cluster of Ray asks for its token: set "
        "RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to what ray get-auth-token prints there"
    ]
