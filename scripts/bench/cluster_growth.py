"""Simulates training on 1 to 256 workers and 1 to 16 ps, from times measured on this machine.

    python scripts/bench/cluster_growth.py --measure     times again, then everything below
    python scripts/bench/cluster_growth.py               table and charts from the times measured

Assumptions (docs/benchmarks/growth.md states them, too):
- A worker's step takes three times the net's multiply-adds of its batch, at the measured rate.
- It reads every weight and sends every gradient, float32, over a link of 10 Gbit/s for each ps, or
  at the measured rate of TensorFlow's servers where that is slower; nothing is read from disk.
- The ps have equal shares of the weights; each serves one worker at a time: both transfers, then
  Adam's update at the measured rate. A worker waits for its reply before its next step.
- No task fails; all workers are alike, as if each had a machine like this one.

Async is a closed network with one queue (exact mean value analysis). With --sync, all workers reach
the ps at the same time in each step.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from growth_options import parse_options
from matplotlib.figure import Figure

from legacy_nets import registry
from legacy_nets.quiet import quiet_tensorflow

NETS = ("hand_signs", "demo_cnn", "alexnet_v1", "vgg16", "inception_v3", "resnet_v2_152")
NETS += ("mobilenet_v1", "googlenet", "vit_base_patch16_224_in21k", "r2plus1d_18")
BATCH = 32
WORKERS = tuple(2**power for power in range(9))  # 1 to 256
PARAMETER_SERVERS = (1, 2, 4, 8, 16)
LINK = 10e9 / 8  # bytes a second of each ps
TIMES = "cluster_growth.json"
_MEBIBYTES, _ROUNDS = 64, 7  # what is moved and updated to measure


class Times(NamedTuple):
    """What was measured on one machine."""

    multiply_adds: float  # a second, of a training step, three for each of a forward pass
    transfer: float  # bytes a second between two of TensorFlow's servers, on loopback
    update: float  # bytes of weights a second that Adam updates
    nets: dict[str, int]  # name -> multiply-adds of a forward pass of one input


def time_best(act: Callable[[], object]) -> float:
    """Times the fastest of several calls: other work on the machine makes the others longer."""
    seconds = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    print(f"  {min(seconds):.3f} s, median {statistics.median(seconds):.3f} s", flush=True)
    return min(seconds)


def measure() -> Times:
    """Measures all times on this machine, with oneDNN, as ``train`` computes."""
    quiet_tensorflow(uses_onednn=True)
    from legacy_nets import tf1 as tf
    from legacy_nets.anatomy import analyze_net
    from legacy_nets.cluster.network import find_free_ports
    from legacy_nets.train.graph import build_training
    from legacy_nets.train.settings import Settings

    nets = {}
    for name in NETS:
        print(f"multiply-adds of {name}", flush=True)
        nets[name] = int(analyze_net(name).multiply_adds or 0)
    print("a training step of hand_signs, batch 32", flush=True)
    settings = Settings("hand_signs", 6, (64, 64), tuple("012345"))
    with tf.Graph().as_default(), tf.Session() as session:
        net = build_training(settings)
        session.run(tf.global_variables_initializer())
        feed = net.make_feed(np.zeros((BATCH, 64, 64, 3), np.uint8))
        feed |= {net.labels: np.zeros(BATCH, int), net.is_training: True}
        step = time_best(lambda: session.run(net.train_step, feed))
    print(f"transfer of {_MEBIBYTES} MiB from a ps, and Adam's update of them", flush=True)
    size = _MEBIBYTES << 20
    spec = {job: [f"127.0.0.1:{find_free_ports(1)[0]}"] for job in ("ps", "worker")}
    servers = {job: tf.train.Server(spec, job_name=job, task_index=0) for job in spec}
    with tf.Graph().as_default():
        with tf.device("/job:ps/task:0"):
            weights = tf.Variable(tf.zeros([size // 4]))
            update = tf.train.AdamOptimizer().apply_gradients([(tf.ones([size // 4]), weights)])
        with tf.device("/job:worker/task:0"):
            received = tf.identity(weights.read_value())[0]
        with tf.Session(servers["worker"].target) as session:
            session.run(tf.global_variables_initializer())
            transfer = time_best(lambda: session.run(received))
            seconds = time_best(lambda: session.run(update))
    return Times(3 * BATCH * nets["hand_signs"] / step, size / transfer, size / seconds, nets)


class Load(NamedTuple):
    """What one worker's step takes."""

    compute: float  # seconds of the worker
    serve: float  # seconds of each ps


def compute_load(times: Times, net: str, servers: int) -> Load:
    """Computes what a step of a net takes with a number of ps."""
    share = registry.get_net(net).parameters * 4 / servers
    rate = min(LINK, times.transfer)
    compute = 3 * BATCH * times.nets[net] / times.multiply_adds
    return Load(compute, 2 * share / rate + share / times.update)


def simulate_async(load: Load, workers: int) -> float:
    """Computes the steps a second of all workers (mean value analysis, one queue)."""
    waiting, rate = 0.0, 0.0
    for count in range(1, workers + 1):
        response = load.serve * (1 + waiting)
        rate = count / (load.compute + response)
        waiting = rate * response
    return rate


def simulate_sync(load: Load, workers: int) -> float:
    """Computes the steps a second of all workers together, where all wait for the last."""
    return workers / (load.compute + workers * load.serve)


def find_limit(load: Load) -> float:
    """Finds the workers at which the ps is busy all the time: more of them add nothing."""
    return 1 + load.compute / load.serve


def draw_growth(times: Times, path: Path) -> None:
    """Draws the pictures a second against the workers, a panel for each number of ps."""
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for panel, servers in zip(panels, (1, 4, 16), strict=True):
        for number, net in enumerate(times.nets):
            load = compute_load(times, net, servers)
            alone = simulate_async(load, 1)
            speedup = [simulate_async(load, workers) / alone for workers in WORKERS]
            style = "-" if number < 5 else "--"
            panel.plot(WORKERS, speedup, style, marker=".", label=net, color=f"C{number % 5}")
        panel.plot(WORKERS, WORKERS, ":", color="grey", label="linear")
        panel.set(xscale="log", yscale="log", xlabel="workers", title=f"{servers} ps")
        panel.set_xticks(WORKERS, [str(count) for count in WORKERS])
        panel.set_yticks(WORKERS, [str(count) for count in WORKERS])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("speed, one worker = 1")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right", fontsize=8)
    figure.savefig(path, dpi=80)


def draw_limits(times: Times, path: Path) -> None:
    """Draws the number of workers that saturates the ps, for each net."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    panel = figure.subplots()
    for index, servers in enumerate(PARAMETER_SERVERS):
        limits = [find_limit(compute_load(times, net, servers)) for net in times.nets]
        places = np.arange(len(limits)) + (index - 2) * 0.16
        panel.bar(places, limits, 0.16, label=f"{servers} ps", color=f"C{index}")
    panel.set(yscale="log", ylabel="workers that saturate the ps")
    panel.axhline(256, color="grey", linestyle=":", label="256 workers")
    panel.set_xticks(range(len(times.nets)), times.nets, rotation=25, ha="right", fontsize=8)
    panel.legend(fontsize=8, ncols=2)
    panel.grid(axis="y", alpha=0.3)
    figure.savefig(path, dpi=80)


def print_table(times: Times) -> None:
    """Prints a row of Markdown for each net."""
    print(
        "| net | MB of weights | s a step | limit, 1 ps | 4 ps | 16 ps | 64 workers, 4 ps | sync |"
    )
    print("| --- " * 8 + "|")
    for net in times.nets:
        loads = {servers: compute_load(times, net, servers) for servers in (1, 4, 16)}
        limits = " | ".join(f"{find_limit(load):.0f}" for load in loads.values())
        speeds = [
            simulate(loads[4], 64) / simulate(loads[4], 1)
            for simulate in (simulate_async, simulate_sync)
        ]
        size = registry.get_net(net).parameters * 4e-6
        print(
            f"| {net} | {size:.0f} | {loads[1].compute:.2f} | {limits} | {speeds[0]:.1f} | "
            f"{speeds[1]:.1f} |"
        )


def main() -> None:
    """Measures if asked to, then prints the table and draws the charts."""
    options = parse_options(__doc__.partition("\n")[0])
    path = options.out / TIMES
    fields = json.loads(path.read_text()) if path.exists() else {}
    if options.measure:  # cluster_throughput.py has a field of its own there
        fields |= measure()._asdict()
        path.write_text(json.dumps(fields, indent=1) + "\n")
    times = Times(*(fields[name] for name in Times._fields))
    print(
        f"{times.multiply_adds / 1e9:.1f}e9 multiply-adds/s, {times.transfer / 1e6:.0f} MB/s "
        f"between servers, {times.update / 1e6:.0f} MB/s updated by Adam"
    )
    print_table(times)
    draw_growth(times, options.out / "cluster_growth.png")
    draw_limits(times, options.out / "cluster_limits.png")


if __name__ == "__main__":
    main()
