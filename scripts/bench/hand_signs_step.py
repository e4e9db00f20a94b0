"""Times document 001's training step: ours, the bare step, and real TensorFlow 1.15.5.

``python scripts/bench/hand_signs_step.py [--oracle .oracle/bin/python] [--steps 20]`` runs all of
them one after the other in one go, batch 32, and prints medians and ratios.
"""

import argparse
import dataclasses
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from typing import Any

import numpy as np
from rich.console import Console

from legacy_nets import tf1 as tf
from legacy_nets.data.augmentation import Augmentation
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.splits import Images
from legacy_nets.train import loop
from legacy_nets.train.graph import build_training
from legacy_nets.train.settings import Settings

ROOT = pathlib.Path(__file__).resolve().parents[2]
RNG = np.random.RandomState(0)
PICTURES = Images(RNG.randint(0, 256, (64, 64, 64, 3)).astype(np.uint8), np.arange(64) % 6)
SETTINGS = Settings("hand_signs", 6, (64, 64), tuple("012345"))


def bare_step(steps: int) -> float:
    """Median seconds of a bare ``session.run(train_step)`` on one batch fed again and again."""
    with tf.Graph().as_default(), tf.Session() as session:
        net = build_training(SETTINGS)
        session.run(tf.global_variables_initializer())
        feed = net.make_feed(PICTURES.pictures[:32])
        feed |= {net.labels: PICTURES.labels[:32], net.is_training: True}
        seconds = []
        for _ in range(steps + 2):
            start = time.perf_counter()
            session.run(net.train_step, feed)
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])


def whole_loop(steps: int) -> tuple[float, float]:
    """Wall seconds per step of ``loop.train``, and its share outside ``session.run``.

    With augmentation, log, events and all; no evaluation or save lies between. Both are read off
    the starts and ends of the calls, so that a machine whose speed wanders does not hide the
    share.
    """
    data = ImageData("noise", PICTURES, PICTURES, tuple("012345"), frozenset(range(6)))
    never = 10**9
    settings = dataclasses.replace(
        SETTINGS, steps=2 + steps, save_every=never, evaluate_every=never, augment=Augmentation()
    )
    calls: list[tuple[float, float]] = []
    run = tf.Session.run

    def timed(session: Any, fetches: Any, *more: Any, **options: Any) -> Any:
        start = time.perf_counter()
        result = run(session, fetches, *more, **options)
        if isinstance(fetches, list) and len(fetches) == 3:  # loss, accuracy, training step
            calls.append((start, time.perf_counter()))
        return result

    tf.Session.run = timed
    try:
        with tempfile.TemporaryDirectory() as folder:
            loop.train(settings, data, pathlib.Path(folder), console=Console(quiet=True))
    finally:
        tf.Session.run = run
    calls = calls[2:]  # the first ones set things up
    whole = calls[-1][0] - calls[0][0]
    inside = sum(end - start for start, end in calls[:-1])
    return whole / (len(calls) - 1), 1 - inside / whole


def tensorflow_1(python: str, steps: int) -> float:
    """Median seconds of the document's step under TensorFlow 1.15.5."""
    environment = {name: value for name, value in os.environ.items() if name != "TF2_BEHAVIOR"}
    done = subprocess.run(
        [python, str(ROOT / "scripts" / "oracle" / "document_001.py"), "time", str(steps)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return statistics.median(float(line) for line in done.stdout.split())


def main() -> None:
    """Runs the three and prints their medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oracle", default=str(ROOT / ".oracle" / "bin" / "python"))
    parser.add_argument("--steps", type=int, default=40)
    arguments = parser.parse_args()
    bare = bare_step(arguments.steps)
    print(f"bare step, TensorFlow {metadata.version('tensorflow')}   {bare:.3f} s")
    looped, outside = whole_loop(arguments.steps)
    print(
        f"training loop               {looped:.3f} s   {looped / bare:.3f} of the bare step; "
        f"{outside:.1%} of it outside session.run"
    )
    if not pathlib.Path(arguments.oracle).exists():
        sys.exit(f"no TensorFlow 1.15.5 at {arguments.oracle}: make oracle")
    old = tensorflow_1(arguments.oracle, max(5, arguments.steps // 2))
    print(f"bare step, TensorFlow 1.15.5 {old:.3f} s   ours takes {bare / old:.3f} of it")


if __name__ == "__main__":
    main()
