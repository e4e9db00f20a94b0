"""Clusters of real processes that train the tiny net: sync and async, lost tasks, wrong tasks."""

import json
import os
import signal

import numpy as np
import pytest
import small_signs
from commands import call
from marked_processes import LOOPBACK, wait_for_connections
from small_cluster import Running, cluster

from legacy_nets.checkpoints.formats.bundle import list_complete_checkpoints, read_bundle
from legacy_nets.cluster.launch import Plan, assign_tasks
from legacy_nets.train.report import read_log

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def signs(tmp_path_factory):
    return small_signs.make(tmp_path_factory.mktemp("data") / "signs", train=32, test=4)


def arguments(signs, folder, *more, steps=50):
    return (
        *("--data", signs, "--model-dir", folder, "--steps", steps, "--batch-size", 16),
        *("--save-every", 10, "--evaluate-every", 50, "--wait", 60, *more),
    )


def test_async_with_two_ps_and_an_evaluator(signs, tmp_path, monkeypatch):
    """The dense layer has a part on each ps; its checkpoint is read as that of one machine."""
    monkeypatch.setenv("LEGACY_NETS_TEST_LARGE", "4000")
    folder = tmp_path / "run"
    with cluster(*arguments(signs, folder), ps=2, evaluator=True) as tasks:
        tasks["chief 0"].wait_for("starting from scratch")
        numbers = [task.process.pid for task in tasks.values()]
        connections = wait_for_connections(numbers)
        assert connections and set().union(*connections.values()) <= LOOPBACK, connections
        assert {name: task.finish() for name, task in tasks.items()} == dict.fromkeys(tasks, 0)
        assert "worker 0 finished" in tasks["worker 0"].lines
    assert list_complete_checkpoints(folder)[-1][0] == 50
    rows = read_log(folder / "evaluator" / "log.csv")
    assert rows[-1]["step"] == 50 and 0 <= rows[-1]["test_accuracy"] <= 1
    best = json.loads((folder / "best.json").read_text())
    assert best["test_accuracy"] == max(row["test_accuracy"] for row in rows)
    assert {"curve.png", "events", "training.json"} <= {path.name for path in folder.iterdir()}
    assert "test_accuracy" not in read_log(folder / "log.csv")[-1]  # the evaluator's work
    bundle = read_bundle(list_complete_checkpoints(folder)[-1][1])
    parts = {name: len(info.slices) for name, info in bundle.tensors.items()}
    dense = [f"tiny/dense/kernel{slot}" for slot in ("", "/Adam", "/Adam_1")]
    assert {name: count for name, count in parts.items() if count} == dict.fromkeys(dense, 2)
    assert not any("part_" in name for name in parts)
    given = ("tiny", "--checkpoint", folder)
    evaluated = json.loads(call("evaluate", *given, "--data", signs, "--json").stdout)
    assert evaluated["accuracy"] == pytest.approx(rows[-1]["test_accuracy"], abs=1e-6)
    ported = ("--net", "tiny", "--to", "npz", "--out", tmp_path / "w.npz")
    assert call("port", folder, *ported).exit_code == 0
    with np.load(tmp_path / "w.npz") as weights:
        np.testing.assert_array_equal(weights[dense[0]], bundle.read(dense[0]))
    alone = arguments(signs, folder, "--resume", steps=52)  # goes on with its optimizer slots
    assert call("train", "tiny", *alone).exit_code == 0
    again = read_bundle(list_complete_checkpoints(folder)[-1][1])
    assert set(again.tensors) == set(bundle.tensors) and not again.tensors[dense[0]].slices


def train_alone(signs, folder, *more):
    """Trains with batches of 32 in one process."""
    options = arguments(signs, folder, "--batch-size", 32, *more)
    alone = Running(assign_tasks(Plan(1, 0, False, False))[0], *options)
    assert alone.finish() == 0, alone.lines


@pytest.mark.rare
def test_sync_with_two_of_16_has_the_losses_of_one_of_32(signs, tmp_path):
    """192 pictures: an epoch is 6 steps. The losses of a step are the mean of both trainers'.

    The tiny net's batch norm is frozen: a batch of 16 has other statistics than one of 32.
    """
    names = {"alone": tmp_path / "alone", "sync": tmp_path / "sync"}
    more = ("--learning-rate", 0.003, "--evaluate-every", 1, "--save-every", 25)
    frozen = ("--option", "frozen=true")
    train_alone(signs, names["alone"], *more, *frozen)
    with cluster(*arguments(signs, names["sync"], *more, *frozen, "--sync")) as tasks:
        assert {name: task.finish() for name, task in tasks.items()} == dict.fromkeys(tasks, 0)
    alone, sync = (read_log(folder / "log.csv") for folder in names.values())
    assert [row["step"] for row in sync] == [row["step"] for row in alone] == list(range(1, 51))
    losses = np.array([[row["test_loss"] for row in rows] for rows in (alone, sync)])
    assert np.ptp(losses[0]) > 0.1  # the net learns
    np.testing.assert_allclose(losses[1], losses[0], rtol=0, atol=1e-4)
    first, second = (
        read_bundle(list_complete_checkpoints(folder)[-1][1]) for folder in names.values()
    )
    assert set(first.tensors) == set(second.tensors)
    for name in first.tensors:
        np.testing.assert_allclose(second.read(name), first.read(name), atol=1e-3, err_msg=name)


@pytest.mark.rare
@pytest.mark.parametrize("job", ["ps 0", "chief 0", "worker 0"])
@pytest.mark.parametrize("sync", [False, True])
def test_a_killed_task_that_is_started_again(signs, tmp_path, job, sync):
    folder = tmp_path / "run"
    more = ["--evaluate-every", 100000, *(["--sync"] if sync else [])]
    with cluster(*arguments(signs, folder, *more, steps=3000)) as tasks:
        while not list_complete_checkpoints(folder):
            assert tasks["chief 0"].process.poll() is None, tasks["chief 0"].lines
        tasks[job].process.kill()
        tasks[job].process.wait()
        tasks[job].start()
        codes = {name: task.finish() for name, task in tasks.items()}
        assert codes == dict.fromkeys(tasks, 0), {n: t.lines[-3:] for n, t in tasks.items()}
        chief = " ".join(tasks["chief 0"].lines)
        assert ("resumed from" in chief) == (job != "worker 0")
        assert ("lost a task at step" in chief) == (job == "ps 0")
    assert list_complete_checkpoints(folder)[-1][0] == 3000


@pytest.mark.rare
@pytest.mark.parametrize("sync", [False, True])
def test_a_worker_that_hangs_is_reported(signs, tmp_path, sync):
    """It is stopped, not ended: its connections stay open."""
    folder = tmp_path / "run"
    more = ["--evaluate-every", 100000, *(["--sync"] if sync else [])]
    with cluster(*arguments(signs, folder, *more, steps=1_000_000)) as tasks:
        while not list_complete_checkpoints(folder):
            assert tasks["chief 0"].process.poll() is None, tasks["chief 0"].lines
        os.kill(tasks["worker 0"].process.pid, signal.SIGSTOP)
        before = read_log(folder / "log.csv")[-1]["step"]
        tasks["chief 0"].wait_for("worker 0 has given no sign of life")
        steps = read_log(folder / "log.csv")[-1]["step"] - before
        assert (steps > 100) != sync, steps  # the others go on, or wait
        os.kill(tasks["worker 0"].process.pid, signal.SIGCONT)
        tasks["chief 0"].wait_for("worker 0 is back")


@pytest.mark.rare
def test_a_ps_that_hangs_is_reported(signs, tmp_path):
    """By every trainer; they go on with it, and no other task is reported."""
    folder = tmp_path / "run"
    given = arguments(signs, folder, "--evaluate-every", 100000, steps=1_000_000)
    with cluster(*given, ps=2) as tasks:
        while not list_complete_checkpoints(folder):
            assert tasks["chief 0"].process.poll() is None, tasks["chief 0"].lines
        os.kill(tasks["ps 1"].process.pid, signal.SIGSTOP)
        for name in ("chief 0", "worker 0"):
            tasks[name].wait_for("has given no answer for 2")
        os.kill(tasks["ps 1"].process.pid, signal.SIGCONT)
        for name in ("chief 0", "worker 0"):
            tasks[name].wait_for("ps 1 is back")
            assert not any("no sign of life" in line for line in tasks[name].lines)
        last = list_complete_checkpoints(folder)[-1][0]
        while list_complete_checkpoints(folder)[-1][0] <= last:
            assert tasks["chief 0"].process.poll() is None, tasks["chief 0"].lines


def run_wrong(task, *options, net="tiny"):
    """Runs a task that must fail; returns its line of error."""
    wrong = Running(task, *options, net=net)
    assert wrong.finish() == 2, wrong.lines
    wrong.wait_for("legacy-nets: ")
    [line] = [line for line in wrong.lines if line.startswith("legacy-nets: ")]
    assert not any("Traceback" in line for line in wrong.lines)
    return line


@pytest.mark.rare
def test_wrong_tasks_say_in_one_line_what_is_wrong(signs, tmp_path):
    folder = tmp_path / "run"
    ps, chief, worker = assign_tasks(Plan(1, 1, has_chief=True, has_evaluator=False))
    options = arguments(signs, folder)
    line = run_wrong(worker, *options, "--wait", 0.5)
    assert f"no route to ps 0 at {ps.address}: waited " in line and "start it, or correct" in line
    others = arguments(signs, folder, "--evaluate-every", 1000000, steps=1_000_000)
    running = [Running(ps, *others), Running(chief, *others)]
    try:
        running[1].wait_for("starting from scratch")
        line = run_wrong(chief, *options)
        assert f"{os.fspath(folder)}: wait for its end" in line  # two processes as one chief
        line = run_wrong(ps, *options)
        assert f"ps 0 cannot listen at {ps.address} (Address already in use)" in line
        line = run_wrong(worker, *options, net="demo_cnn")
        assert "the chief has the net tiny, worker 0 has demo_cnn: start all tasks" in line
        line = run_wrong(worker, *options, "--batch-size", 4)
        assert "the chief has batch_size 16, worker 0 has 4" in line
        line = run_wrong(worker, *options, "--sync")
        assert "the chief has --sync False, worker 0 has True" in line
    finally:
        for each in running:
            each.process.kill()
            each.process.wait()
