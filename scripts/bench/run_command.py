"""Measures what ``legacy-nets run`` costs: its start, and a script's steps against 1.15.5's.

``python scripts/bench/run_command.py [--oracle .oracle/bin/python] [--rounds 5]`` prints CPU
seconds
(user and system, the least of the rounds, sides by turns): of a script that only imports
TensorFlow, under run and as plain ``import tensorflow`` (which imports Keras 3; once more with
Keras 2, which run chooses); and, with an oracle, of many small
``session.run`` calls beyond the start, on both sides, with their ratio.
"""

import argparse
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

IMPORT = "import tensorflow as tf\n"
STEPS = """
import numpy as np
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 4])
y = tf.placeholder(tf.float32, [None, 1])
hidden = tf.layers.dense(x, 16, tf.nn.relu)
loss = tf.losses.mean_squared_error(y, tf.layers.dense(hidden, 1))
train = tf.train.AdamOptimizer(0.01).minimize(loss)
tf.summary.scalar("loss", loss)
merged = tf.summary.merge_all()
points = np.random.RandomState(0).rand(32, 4)
feed = {x: points, y: points.sum(1, keepdims=True)}
with tf.Session() as session:
    writer = tf.summary.FileWriter("events", session.graph)
    session.run(tf.global_variables_initializer())
    for step in range(%d):
        _, value, summary = session.run([train, loss, merged], feed)
        writer.add_summary(summary, step)
"""
RUNS = 10_000


def cpu_seconds(command: list[str]) -> float:
    """CPU seconds of a command and its children. Raises CalledProcessError where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    given = {k: v for k, v in os.environ.items() if not k.startswith("TF") and k != "TF2_BEHAVIOR"}
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=given | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def least(commands: dict[str, list[str]], rounds: int) -> dict[str, float]:
    """The least CPU seconds of each command, all run by turns."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            found[name].append(cpu_seconds(command))
    return {name: min(seconds) for name, seconds in found.items()}


def main() -> None:
    """Runs both measurements and prints a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oracle", help="python with TensorFlow 1.15.5")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    run = [sys.executable, "-m", "legacy_nets", "run"]
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        start, steps = pathlib.Path("start.py"), pathlib.Path("steps.py")
        start.write_text(IMPORT)
        steps.write_text(STEPS % RUNS)
        commands = {
            "import tensorflow": [sys.executable, str(start)],
            "the same with tf_keras": ["env", "TF_USE_LEGACY_KERAS=1", sys.executable, str(start)],
        }
        found = least({"run": [*run, str(start)], **commands}, given.rounds)
        print(f"start: run {found['run']:.2f} s")
        for name in commands:
            print(f"  {name} {found[name]:.2f} s, beyond it {found['run'] - found[name]:+.2f} s")
        if given.oracle:
            commands = {
                "start": [*run, str(start)],
                "ours": [*run, str(steps)],
                "their start": [given.oracle, str(start)],
                "theirs": [given.oracle, str(steps)],
            }
            found = least(commands, given.rounds)
            ours = found["ours"] - found["start"]
            theirs = found["theirs"] - found["their start"]
            print(
                f"{RUNS} steps: ours {ours:.2f} s, 1.15.5 {theirs:.2f} s, ratio {ours / theirs:.2f}"
            )


if __name__ == "__main__":
    main()
