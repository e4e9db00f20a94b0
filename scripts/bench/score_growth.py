"""Computes what scoring 10^9 pictures takes on 1 to 256 workers, from times measured here.

    python scripts/bench/score_growth.py --measure     times again (needs Ray), then all below
    python scripts/bench/score_growth.py               tables and chart from the times measured

Assumptions (docs/benchmarks/growth.md states them, too):
- A worker has one core; all are alike. Its pictures take the CPU seconds measured: decoding, the
  net in float32, its rows. The storage delivers the pictures as fast as they are decoded.
- The command gives out one shard after another, at the rate measured for shards that cost nothing.
- A worker is killed once a day on average, at any time: its shard begins again, after a new start.
  A shard whose worker was killed six times fails, and waits for the next run of the command.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from growth_options import parse_options
from matplotlib.figure import Figure
from PIL import Image

from legacy_nets.ray_data.run import LOCAL, RETRIES, open_cluster, run_on_ray

NETS = ("hand_signs", "mobilenet_v1", "resnet50", "inception_v3")
PICTURES = 10**9
WORKERS = tuple(2**power for power in range(9))  # 1 to 256
SHARDS = (100, 1000, 10_000, 100_000)  # pictures
KILLS = 1 / 86400  # of a worker, a second
TIMES, CHART = "score_growth.json", "score_growth.png"
_SIDES = (500, 375)  # width and height of a picture
_MEASURED, _BATCH = 48, 16  # pictures
_FEW, _MANY = 100, 1000  # shards
_ROUNDS = 5


class NetTimes(NamedTuple):
    """What a worker of one core takes."""

    start: float  # CPU seconds until the net is loaded and has run once
    decode: float  # CPU seconds a picture, from the file to the net's size
    score: float  # CPU seconds a picture, all in all
    memory: int  # bytes at the peak


class Times(NamedTuple):
    """What was measured on one machine."""

    nets: dict[str, NetTimes]
    picture: float  # bytes of a picture
    row: float  # bytes of a row of scores
    publish: float  # seconds a shard, without its pictures
    give: float  # seconds a shard that the command takes while it runs
    list: float  # seconds a shard that the command takes to find it
    hold: float  # bytes a shard in the memory of the command, without Ray's
    cluster: float  # seconds from the start of Ray to the first result
    respawn: float  # seconds from the end of a killed worker to the next one's first line


def make_pictures(folder: Path, count: int) -> list[Path]:
    """Makes JPEGs of smooth noise, about as large as photographs."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        coarse = rng.integers(0, 256, (_SIDES[1] // 4, _SIDES[0] // 4, 3), np.uint8)
        picture = Image.fromarray(coarse).resize(_SIDES, Image.Resampling.BICUBIC)
        paths.append(folder / f"{number:04}.jpg")
        picture.save(paths[-1], quality=85)
    return paths


def measure_net(net: str, prefix: str, pictures: list[Path], out: Path) -> tuple[NetTimes, float]:
    """Measures a worker in this process: its times, and seconds a shard without pictures."""
    begin = time.process_time()
    from legacy_nets.quiet import quiet_tensorflow

    quiet_tensorflow(uses_onednn=True)
    from legacy_nets.devices import use_device
    from legacy_nets.score.net import ScoreJob, open_network
    from legacy_nets.score.shard import read_pictures, score_shard
    from legacy_nets.score.shards import Shard
    from legacy_nets.train.evaluate import resolve_settings

    use_device("cpu")
    job = ScoreJob(resolve_settings(prefix, net), prefix, None, None, _BATCH, 5, "csv", out)
    first, shard = (
        Shard(name, tuple(files), False)
        for name, files in (("first", pictures[:_BATCH]), (net, pictures[_BATCH:]))
    )
    with open_network(job) as network:
        score_shard(job, network, first)
        start = time.process_time() - begin
        begin = time.process_time()
        for _ in read_pictures(network, shard):
            pass
        decode = (time.process_time() - begin) / _MEASURED
        begin = time.process_time()
        result = score_shard(job, network, shard)
        score = (time.process_time() - begin) / _MEASURED
        assert result.images == _MEASURED and not result.bad and not result.failure, result
        publish = min(
            score_shard(job, network, Shard("empty", (), False)).seconds for _ in range(_ROUNDS)
        )
    start -= _BATCH * score
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return NetTimes(start, decode, score, memory), publish


def measure_gives(shards: int) -> tuple[float, float]:
    """Measures shards that cost nothing on Ray: seconds until the first and the last result."""
    begin = time.monotonic()
    with open_cluster(LOCAL, 1):
        ends = [time.monotonic() - begin for _ in run_on_ray(abs, range(shards), 1)]
    return ends[0], ends[-1]


def measure_respawn(mark: Path) -> float:
    """Measures the seconds until a killed worker of Ray is there again."""

    def die_once(_: int) -> float:
        if not mark.exists():
            mark.write_text(repr(time.time()))
            os.kill(os.getpid(), signal.SIGKILL)
        return time.time() - float(mark.read_text())

    with open_cluster(LOCAL, 1):
        [seconds] = run_on_ray(die_once, [0], 1)
    return seconds


def measure_listing(folder: Path) -> tuple[float, float, float]:
    """Measures the command itself: seconds a shard to find it and to record it, bytes a shard."""
    from legacy_nets.data.records.tfrecord import write_record
    from legacy_nets.journal import open_journal
    from legacy_nets.score.run import JOURNAL
    from legacy_nets.score.shard import ShardResult
    from legacy_nets.score.shards import find_shards

    shards = folder / "shards"
    shards.mkdir()
    for number in range(_MANY):
        with open(shards / f"all-{number:05}.tfrecord", "wb") as file:
            write_record(file, b"record")
    begin = time.process_time()
    found = find_shards([str(shards)], 1).shards
    sizes = [shard.measure() for shard in found]
    listing = (time.process_time() - begin) / _MANY
    begin = time.process_time()
    with open_journal(folder / "scores" / JOURNAL, "", "") as journal:
        for shard, size in zip(found, sizes, strict=True):
            journal.write({"shard": shard.name, "digest": size.digest, "images": 1, "bad": 0})
    recording = (time.process_time() - begin) / _MANY
    tracemalloc.start()
    found = find_shards([str(shards)], 1).shards
    kept = {shard.name: (shard.measure(), ShardResult(shard.name)) for shard in found}
    size_of_all, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept) == len(sizes) == _MANY
    return listing, recording, size_of_all / _MANY


def measure() -> Times:
    """Measures all times on this machine."""
    from port_graphs import run_alone, save

    os.environ["OMP_NUM_THREADS"] = "1"  # a worker has one core
    nets: dict[str, NetTimes] = {}
    publishes = []
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        pictures = make_pictures(folder, _MEASURED + _BATCH)
        for net in NETS:
            prefix = str(folder / net)
            run_alone(save, net, prefix)
            nets[net], publish = run_alone(measure_net, net, prefix, pictures, folder / "out")
            publishes.append(publish)
            print(net, nets[net], flush=True)
        rows = (folder / "out" / f"{NETS[-1]}.csv").stat().st_size / _MEASURED
        listing, recording, hold = measure_listing(folder)
        respawn = run_alone(measure_respawn, folder / "killed")
        few, many = (run_alone(measure_gives, shards) for shards in (_FEW, _MANY))
        give = ((many[1] - many[0]) - (few[1] - few[0])) / (_MANY - _FEW)
        size = sum(path.stat().st_size for path in pictures) / len(pictures)
    return Times(
        nets,
        picture=size,
        row=rows,
        publish=min(publishes),
        give=give + recording,
        list=listing,
        hold=hold,
        cluster=few[0],
        respawn=respawn,
    )


def compute_shard(times: Times, net: str, pictures: int) -> float:
    """Computes the seconds that a shard takes in a worker."""
    return pictures * times.nets[net].score + times.publish


def compute_loss(times: Times, net: str, pictures: int) -> float:
    """Computes the seconds of a worker that its kill costs on average: a start, half a shard."""
    start = times.respawn + times.nets[net].start
    return start + compute_shard(times, net, pictures) / 2


def compute_disturbed(times: Times, net: str, pictures: int) -> float:
    """Computes the seconds that a shard takes on average, where workers are killed (exactly)."""
    start = times.respawn + times.nets[net].start
    return (1 / KILLS + start) * math.expm1(KILLS * compute_shard(times, net, pictures))


def compute_failed(times: Times, net: str, pictures: int) -> float:
    """Computes how many of all shards fail, since each of their workers was killed."""
    killed = -math.expm1(-KILLS * compute_shard(times, net, pictures))
    return count_shards(pictures) * killed ** (RETRIES + 1)


def count_shards(pictures: int) -> int:
    """Counts the shards of all pictures."""
    return -(-PICTURES // pictures)


def compute_run(times: Times, net: str, pictures: int, workers: int) -> float:
    """Computes the seconds of a run: the workers' share of the shards, or the command's time."""
    shards = count_shards(pictures)
    start = times.cluster + times.nets[net].start + shards * times.list
    by_workers = -(-shards // workers) * compute_disturbed(times, net, pictures)
    return start + max(by_workers, shards * times.give)


def find_limit(times: Times, net: str, pictures: int) -> float:
    """Finds the workers that keep the command busy all the time: more of them add nothing."""
    return compute_disturbed(times, net, pictures) / times.give


def draw(times: Times, path: Path) -> None:
    """Draws the days against the workers, and the share of work that kills and shards cost."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    days, losses = figure.subplots(1, 2)
    for number, net in enumerate(times.nets):
        for shard, style in ((1000, "-"), (100, ":")):
            seconds = [compute_run(times, net, shard, workers) for workers in WORKERS]
            label = f"{net}, shards of {shard}"
            days.plot(
                WORKERS,
                np.divide(seconds, 86400),
                style,
                marker=".",
                color=f"C{number}",
                label=label,
            )
        sizes = np.unique(np.geomspace(10, 1e6, 60).astype(int))
        shares = [
            compute_disturbed(times, net, size) / (size * times.nets[net].score) - 1
            for size in sizes
        ]
        losses.plot(sizes, np.multiply(shares, 100), color=f"C{number}", label=net)
    days.set(xscale="log", yscale="log", xlabel="workers of one core", ylabel="days")
    days.set_xticks(WORKERS, [str(count) for count in WORKERS])
    days.minorticks_off()
    days.set_title("10$^9$ pictures")
    losses.set(xscale="log", yscale="log", xlabel="pictures a shard", ylabel="% more work")
    losses.set_title("a worker is killed once a day")
    for panel in (days, losses):
        panel.grid(alpha=0.3)
        panel.legend(fontsize=7)
    figure.savefig(path, dpi=80)


def make_tables(times: Times) -> Iterator[str]:
    """Makes the tables in Markdown: of the nets, and of sizes of shards with 256 workers."""
    yield (
        "| net | decode, ms | all, ms | pictures/s | start, s | MB a worker | days, 1 worker "
        "| 16 | 64 | 256 | MB/s read by 256 |"
    )
    yield "| --- " * 11 + "|"
    for net, of_net in times.nets.items():
        seconds = [compute_run(times, net, 1000, workers) for workers in (1, 16, 64, 256)]
        days = " | ".join(f"{float(f'{value / 86400:.3g}'):g}" for value in seconds)
        yield (
            f"| {net} | {of_net.decode * 1e3:.1f} | {of_net.score * 1e3:.1f} | "
            f"{1 / of_net.score:.1f} | {of_net.start:.1f} | {of_net.memory / 1e6:.0f} | {days} | "
            f"{PICTURES / seconds[-1] * times.picture / 1e6:.0f} |"
        )
    yield ""
    yield (
        "| net | pictures a shard | shards | a shard | limit of workers | MB of the command "
        "| a killed worker costs | a killed command costs | more work | shards that fail |"
    )
    yield "| --- " * 10 + "|"
    for net in (next(iter(times.nets)), list(times.nets)[-1]):
        for size in SHARDS:
            yield make_row(times, net, size)


def make_row(times: Times, net: str, size: int) -> str:
    """Makes the row of a net and a size of shards."""
    shards, seconds = count_shards(size), compute_shard(times, net, size)
    again = times.cluster + shards * times.list + times.nets[net].start + seconds / 2
    more = compute_disturbed(times, net, size) / (size * times.nets[net].score) - 1
    limit = float(f"{find_limit(times, net, size):.2g}")
    return (
        f"| {net} | {size} | {shards} | {show(seconds)} | {limit:.0f} | "
        f"{shards * times.hold / 1e6:.0f} | {show(compute_loss(times, net, size))} | "
        f"{show(again)} | {more:.2%} | {compute_failed(times, net, size):.1g} |"
    )


def show(seconds: float) -> str:
    """Formats a time: "4.5 s", "12 min", "3.1 h"."""
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def read_times(path: Path) -> Times:
    """Reads what was measured."""
    fields = json.loads(path.read_text())
    nets = {net: NetTimes(*values) for net, values in fields.pop("nets").items()}
    return Times(nets, **fields)


def main() -> None:
    """Measures if asked to, then prints the tables and draws the chart."""
    options = parse_options(__doc__.partition("\n")[0])
    path = options.out / TIMES
    if options.measure:
        path.write_text(json.dumps(measure()._asdict(), indent=1) + "\n")
    times = read_times(path)
    for name, value in times._asdict().items():
        if name != "nets":
            print(f"{name}: {value:.4g}")
    print("\n".join(make_tables(times)))
    draw(times, options.out / CHART)


if __name__ == "__main__":
    main()
