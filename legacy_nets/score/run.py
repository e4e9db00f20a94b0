"""Scores shards into a folder: plans, gives the shards out, keeps a journal and a summary."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, cast

import numpy as np

from legacy_nets.checkpoints.open import list_weight_files
from legacy_nets.engines.fast_net import COMPARED
from legacy_nets.errors import BadInputError, list_first
from legacy_nets.files import stamp_files
from legacy_nets.journal import Event, Journal, open_journal, read_header
from legacy_nets.progress import show_work
from legacy_nets.score.net import Network, ScoreJob, open_network
from legacy_nets.score.rows import FORMATS
from legacy_nets.score.shard import Report, ShardResult, read_pictures, score_shard
from legacy_nets.score.shards import Shard, Size
from legacy_nets.score.summary import Summary, count_shards
from legacy_nets.version import __version__

JOURNAL, SUMMARY = "scores.jsonl", "summary.json"
_CHANGES = {  # key of the header -> what a user calls it
    "writer": "version of legacy_nets",
    "net": "net",
    "checkpoint": "checkpoint",
    "files": "content of the checkpoint",
    "averages": "choice of --ema or --raw",
    "settings": "settings of the net",
    "top": "--top",
    "format": "--format",
    "batch_size": "--batch-size",
    "precision": "--fast",
    "engine": "--engine",
    "calibration": "--calibrate",
}
_UNFINISHED = re.compile(rf"\.\d+\..+\.({'|'.join(FORMATS)})")


class Distribute(Protocol):
    """Scores shards, in this process or elsewhere; yields the results as they come."""

    def __call__(
        self, job: ScoreJob, network: Network, shards: Sequence[Shard], report: Report
    ) -> Iterator[ShardResult]:
        """``network``: loaded in this process. ``report``: may stay unused."""


def score_here(
    job: ScoreJob, network: Network, shards: Sequence[Shard], report: Report
) -> Iterator[ShardResult]:
    """Scores shards one after another in this process."""
    for shard in shards:
        yield score_shard(job, network, shard, report)


def score_shards(
    job: ScoreJob,
    shards: Sequence[Shard],
    distribute: Distribute = score_here,
    announce: Callable[[str], None] = print,
) -> Summary:
    """Scores shards into ``job.out``; what an earlier run finished is not repeated.

    A shard whose input has changed since is scored again. Raises BadInputError, before anything
    is written, where the folder holds scores of another net, checkpoint or option, or other
    things; and CheckpointError for weights that do not match the net.
    """
    earlier = read_header(job.out / JOURNAL)
    with contextlib.ExitStack() as stack:
        network = None
        if earlier is None:
            network = stack.enter_context(open_network(job))
            job = job.fix_engine(network.fast.engine)
            header = _make_header(job, _compare_precision(network, shards))
        else:
            job = job.fix_engine(str(earlier.get("engine")))
            header = _make_header(job, str(earlier.get("agreement", "")))
        journal = stack.enter_context(
            open_journal(job.out / JOURNAL, f"--output {job.out}", "scores")
        )
        if journal.events:  # also those of a run that has ended since ``earlier`` was read
            _refuse_changes(job, journal.events[0], header)
        else:
            journal.write(header)
        sizes = {shard.name: shard.measure() for shard in shards}
        results = _list_finished(job, sizes, journal, announce)
        finished = len(results)
        waiting = [shard for shard in shards if shard.name not in results]
        announce(f"{count_shards(len(shards))}: {finished} finished, {len(waiting)} to do")
        start, pictures = time.monotonic(), 0
        if waiting:
            _remove_unfinished(job, waiting)
            network = network or stack.enter_context(open_network(job))
            start = time.monotonic()
            for result in _follow(job, network, waiting, sizes, distribute):
                results[result.name] = result
                pictures += result.images
                if not result.failure:
                    journal.write(_make_event(result, sizes[result.name]))
            _remove_unfinished(job, waiting)
        summary = Summary(header, results, finished, pictures, time.monotonic() - start)
        summary.save(job.out / SUMMARY)
    return summary


def _compare_precision(network: Network, shards: Sequence[Shard]) -> str:
    """Describes how near the net is to float32, on the first pictures; "" where it is float32."""
    if network.fast.precision == "fp32":
        return ""
    pictures = itertools.chain.from_iterable(read_pictures(network, shard) for shard in shards)
    readable = (picture.values for picture in pictures if picture.values is not None)
    values = list(itertools.islice(readable, COMPARED))
    return network.compare(np.stack(values)).warn() if values else ""


def _make_header(job: ScoreJob, agreement: str) -> Event:
    """Describes what the shards are scored with."""
    choice = job.choice
    header = {
        "writer": f"legacy_nets {__version__}",
        "net": job.settings.net,
        "checkpoint": os.path.abspath(job.checkpoint),
        "files": [stamp[1:] for stamp in stamp_files(list_weight_files(job.checkpoint))],
        "averages": job.ema,
        "settings": dataclasses.asdict(job.settings),
        "top": job.top,
        "format": job.format,
        "batch_size": job.batch_size,
        "precision": "" if choice is None else choice.precision,
        "engine": "" if choice is None else choice.engine,
        "calibration": "" if choice is None else str(choice.calibration or ""),
        "agreement": agreement,
    }
    return cast(Event, json.loads(json.dumps(header, default=str)))


def _refuse_changes(job: ScoreJob, earlier: Event, header: Event) -> None:
    """Raises BadInputError that names what has changed since an earlier run."""
    for key, name in _CHANGES.items():
        if earlier.get(key) != header[key]:
            values = [str(event.get(key)) for event in (earlier, header)]
            change = ", now ".join(values) if max(map(len, values)) < 80 else "it has changed"
            raise BadInputError(
                f"--output {job.out} holds scores of another {name} ({change}): name a new folder"
            )


def _list_finished(
    job: ScoreJob, sizes: Mapping[str, Size], journal: Journal, announce: Callable[[str], None]
) -> dict[str, ShardResult]:
    """Lists the shards that an earlier run finished; says which have changed since, or are gone."""
    finished = {str(event["shard"]): event for event in journal.events[1:] if "shard" in event}
    results = {}
    changed, unknown = [], []
    for name, event in finished.items():
        if name not in sizes:
            unknown.append(name)
        elif event["digest"] != sizes[name].digest:
            changed.append(name)
        elif job.get_output(name).is_file():
            images, bad = (int(str(event[key])) for key in ("images", "bad"))
            results[name] = ShardResult(name, images, bad)
    if changed:
        announce(f"scored again, the input has changed: {list_first(changed)}")
    if unknown:
        announce(f"outputs without an input now, left as they are: {list_first(unknown)}")
    return results


def _make_event(result: ShardResult, size: Size) -> Event:
    return {
        "shard": result.name,
        "digest": size.digest,
        "images": result.images,
        "bad": result.bad,
        "seconds": round(result.seconds, 3),
    }


def _follow(
    job: ScoreJob,
    network: Network,
    shards: Sequence[Shard],
    sizes: Mapping[str, Size],
    distribute: Distribute,
) -> Iterator[ShardResult]:
    """Yields the results, and shows the progress."""
    start = time.monotonic()
    finished_bytes = finished_pictures = finished = 0
    bytes_here = pictures_here = 0  # of the shard that this process scores
    with show_work(sum(sizes[shard.name].bytes for shard in shards)) as update:

        def show() -> None:
            pictures = finished_pictures + pictures_here
            rate = pictures / max(time.monotonic() - start, 1e-3)
            text = f"{finished} of {count_shards(len(shards))}, {rate:.1f} pictures/s"
            update(finished_bytes + bytes_here, text)

        def report(size: int, pictures: int) -> None:
            nonlocal bytes_here, pictures_here
            bytes_here += size
            pictures_here += pictures
            show()

        for result in distribute(job, network, shards, report):
            finished += 1
            finished_bytes += sizes[result.name].bytes
            finished_pictures += result.images
            bytes_here = pictures_here = 0
            show()
            yield result


def _remove_unfinished(job: ScoreJob, shards: Iterable[Shard]) -> None:
    """Removes what killed processes left of the outputs of some shards."""
    for folder in {job.get_output(shard.name).parent for shard in shards}:
        if folder.is_dir():
            for entry in os.scandir(folder):
                if _UNFINISHED.fullmatch(entry.name):
                    with contextlib.suppress(OSError):
                        os.unlink(entry)
