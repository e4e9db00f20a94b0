"""Images/s of the command ``train`` and of its bare step: hand_signs, batches of 32.

The rate of the command is from the difference between a long run and a short one, so that its
start, its evaluation and its checkpoint do not count. The bare step always takes the same batch.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from protocol import count_per_second, read_arguments, serve

from legacy_nets.quiet import quiet_tensorflow

quiet_tensorflow(uses_onednn=True)  # as the command train does

from legacy_nets import tf1 as tf
from legacy_nets.train.graph import build_training
from legacy_nets.train.precision import make_config
from legacy_nets.train.settings import load_settings

NET, BATCH = "hand_signs", 32
FEW, MANY = 5, 65  # steps

arguments = read_arguments()
data = Path(arguments["folder"]) / "signs_data"


def run_train(steps):
    """Returns the seconds of a training of some steps."""
    with tempfile.TemporaryDirectory() as folder:
        command = [arguments["python"], "-m", "legacy_nets", "train", NET, "--data", str(data)]
        command += ["--model-dir", folder, "--steps", str(steps), "--batch-size", str(BATCH)]
        start = time.perf_counter()
        done = subprocess.run(
            [*command, "--evaluate-every", str(MANY)], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError((done.stderr.strip() or "train ended").splitlines()[-1])
        return time.perf_counter() - start


def time_train():
    """Returns the images a second of ``train``."""
    few, many = run_train(FEW), run_train(MANY)
    if many <= few:
        raise RuntimeError("the machine is too busy: many steps took less time than a few")
    return (MANY - FEW) * BATCH / (many - few)


settings = load_settings(Path(arguments["folder"]) / "signs")
tf.disable_eager_execution()
net = build_training(settings)
pictures = np.random.default_rng(0).integers(0, 256, (BATCH, *settings.image_size, 3), np.uint8)
feed = net.make_feed(pictures)
feed |= {net.labels: np.arange(BATCH) % settings.num_classes, net.is_training: True}
session = tf.Session(config=make_config(False))
session.run(tf.global_variables_initializer())
time_step = count_per_second(
    lambda: session.run([net.loss, net.accuracy, net.next_step], feed), BATCH, seconds=15
)
case = f"batch {BATCH}"
serve({(case, "bare step"): time_step, (case, "train"): time_train}, {})
