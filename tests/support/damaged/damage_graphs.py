"""Damages models of graphs, and records what ``describe`` and ``port`` do with them.

``python damage_graphs.py ORIGINALS OUT.json EVERY MODEL ...`` does what ``damage.py`` does, for
COUNT variants of each MODEL, a folder that ``create_graphs`` saves. The commands give them to a
child process (``legacy_nets.sandbox``) that imports TensorFlow. Here that child is forked from a
process of one thread that has imported TensorFlow, so that a thousand take minutes and not an hour.
Limits and errors are those of the real child.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import damage
import damage_originals

from legacy_nets import sandbox

COUNT = 200  # variants of each model
HANGS = 150  # seconds: more than the sandbox gives
BOTH = ("describe", "frozen")  # a port to frozen restores, runs, writes and runs again


class Model(NamedTuple):
    """A folder; ``path``: what the commands get of it; ``files``: what is damaged of it."""

    folder: str
    path: str
    commands: tuple[str, ...] = BOTH
    files: tuple[str, ...] = ()


MODELS = (
    Model("dense", "model.meta"),
    Model("branches", "model.meta"),
    Model("loop", "model.meta"),
    Model("frozen", "model.pb"),
    Model("keras", "model.h5", ("frozen",)),
    Model("served", "saved_model.pb", ("frozen",), ("saved_model.pb", "variables/variables.index")),
    Model("onnx", "model.onnx", ("describe", "npz")),
    Model("tflite", "model.tflite", ("describe", "npz")),
    Model("pickle", "model.npy", ("npz",)),
)


def create_graphs(folder: Path) -> None:
    """Saves MODELS: a classifier, a queue with tf.cond, a loop, constants, other formats."""
    import imported_models as models

    from legacy_nets import tf1 as tf

    for name, build in (
        ("dense", models.build_classifier),
        ("branches", models.build_branches),
        ("loop", _build_loop),
    ):
        (folder / name).mkdir()
        models.save_model(folder / name, build, "model")
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 8, 8, 3], name="images")
        maps = tf.nn.relu(tf.layers.batch_normalization(tf.layers.conv2d(images, 4, 3)))
        tf.layers.dense(tf.layers.flatten(maps), 3, name="logits")
        session.run(tf.global_variables_initializer())
        frozen = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["logits/BiasAdd"]
        )
    (folder / "frozen").mkdir()
    (folder / "frozen" / "model.pb").write_bytes(frozen.SerializeToString())
    save_saved_model(folder / "served")
    damage_originals.save_keras_model(folder / "keras" / "model.h5")
    damage_originals.save_onnx(folder / "onnx")
    damage_originals.save_tflite(folder / "tflite")
    damage_originals.save_pickles(folder)


def save_saved_model(folder: Path) -> None:
    """Exports a small classifier into a new folder."""
    from legacy_nets import tf1 as tf

    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        scores = tf.layers.dense(tf.layers.dense(x, 5, tf.nn.relu), 3)
        session.run(tf.global_variables_initializer())
        tf.saved_model.simple_save(session, str(folder), {"x": x}, {"scores": scores})


def _build_loop() -> None:
    from legacy_nets import tf1 as tf

    x = tf.placeholder(tf.float32, [None, 5, 6], name="x")
    cell = tf.nn.rnn_cell.LSTMCell(4)
    outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
    tf.layers.dense(outputs[:, -1], 2, name="out")


def fork(command: list[str], timeout: float, **_: Any) -> subprocess.CompletedProcess:
    """Replaces ``subprocess.run`` in the sandbox: runs the same child, but forked."""
    with tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(err.fileno(), 2)
            damage.end(lambda: sandbox._run_child(command[-1]))

        def late(*_: Any) -> None:
            os.kill(child, signal.SIGKILL)
            raise subprocess.TimeoutExpired(command, timeout)

        signal.signal(signal.SIGALRM, late)
        signal.alarm(int(min(timeout, HANGS)))
        _, status = os.waitpid(child, 0)
        signal.alarm(0)
        err.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return subprocess.CompletedProcess(command, code, None, err.read())


def build_command(command: str, graph: Path) -> list[str]:
    """Builds the command line to try on a graph."""
    if command == "describe":
        return ["describe", str(graph)]
    source = ["--meta", str(graph)] if graph.suffix == ".meta" else [str(graph)]
    return ["port", *source, "--to", command, "--out", str(graph.with_name(f"out.{command}"))]


def ask_all(originals: Path, every: int, folders: Container[str]) -> Iterator[dict[str, object]]:
    """Yields the answers for the models in folders and for every n-th variant (``every``)."""
    everything, undamaged = [], []
    models = {model.folder: model for model in MODELS if model.folder in folders}
    for model in models.values():
        folder = originals / model.folder
        files = [folder / name for name in model.files or (model.path,)]
        everything += damage.variants(folder, files, COUNT)
        undamaged.append(damage.Variant(model.folder, model.folder, False, lambda folder: None))
    for variant in [*undamaged, *everything[::every]]:
        model = models[variant.folder]
        for command in model.commands:
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary, variant.folder)
                shutil.copytree(originals / variant.folder, folder)
                variant.apply(folder)
                before = set(os.listdir(folder))
                graph = folder / model.path
                answer = damage.ask(
                    build_command(command, graph), resource.RLIM_INFINITY
                )  # sandbox: limits
                named = str(folder if model.files else graph)  # in the message
                made = sorted(set(os.listdir(folder)) - before)
            yield {"name": variant.name, "kind": command, "file": named, "made": made} | answer


if __name__ == "__main__":
    for module in ("imported.targets", "imported.freeze", "formats.frozen"):
        importlib.import_module(f"legacy_nets.port.{module}")
    importlib.import_module("legacy_nets.anatomy")
    importlib.import_module("legacy_nets.port.keras_model")
    importlib.import_module("rich.table")
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        sys.exit(f"{threads} threads: a fork would not have them (set OPENBLAS_NUM_THREADS=1)")
    subprocess.run = fork  # only in this process
    answers = list(ask_all(Path(sys.argv[1]), int(sys.argv[3]), sys.argv[4:]))
    Path(sys.argv[2]).write_text(json.dumps(answers))
