"""Times ``legacy-nets port --to keras`` and ``--to onnx``: seconds beyond the imports, by stage.

``python scripts/bench/port_graphs.py [NET ...] [--to keras] [--profile FILE]``

Each port, of a checkpoint at full size, is a process of its own, which first imports what the
target needs. Printed are CPU seconds (of all threads) of the imports and of the stages, and the
CPU and wall seconds of all stages together; what takes more than 15 CPU seconds is marked.
"run" is both sides' runs, the comparisons, and whatever is no other stage. ``--profile`` writes
what cProfile saw of the last port.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import fnmatch
import importlib
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ORACLE = Path(__file__).resolve().parents[1] / "oracle"
ALLOWED = 15.0  # seconds
LIBRARIES = {"keras": ("keras",), "onnx": ("onnx", "tf2onnx.convert", "onnxruntime")}
MODULES = {"keras": "formats.keras.target", "onnx": "formats.onnx"}
LOADERS = {"keras": ("keras.saving", "load_model"), "onnx": ("onnxruntime", "InferenceSession")}
STAGES = ("build", "restore", "write", "load", "run")
TOO_LARGE = ("vit_large*", "vit_huge*")  # hundreds of millions of weights: only where named


def save(net: str, prefix: str) -> None:
    """Writes a checkpoint of a net with its registered classes, weights drawn by name."""
    sys.path.insert(0, str(ORACLE))
    import measure

    from legacy_nets import registry
    from legacy_nets.nets.build import build_by_name
    from legacy_nets.quiet import quiet_tensorflow

    quiet_tensorflow()
    from legacy_nets import tf1 as tf

    record = registry.get_net(net)
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, *record.image_size, record.channels])
        build_by_name(net, images, num_classes=record.num_classes)
        measure.assign(session, tf.global_variables())
        tf.train.Saver().save(session, prefix, write_meta_graph=False, write_state=False)


def measured(net: str, prefix: str, target: str, profile: str | None) -> dict[str, float]:
    """One port: CPU seconds of "import" and of the stages, and the "wall" seconds of the latter.

    Raises RuntimeError where it was not verified.
    """
    from legacy_nets.quiet import quiet_tensorflow

    start = time.process_time()
    quiet_tensorflow()
    for library in LIBRARIES[target]:
        importlib.import_module(library)
    from legacy_nets import registry
    from legacy_nets import tf1 as tf
    from legacy_nets.checkpoints.plan import Plan
    from legacy_nets.port import restored_net
    from legacy_nets.port.jobs import Job
    from legacy_nets.port.pipeline import port

    tf.Graph  # noqa: B018  TensorFlow itself is imported when it is first asked for
    module = importlib.import_module(f"legacy_nets.port.{MODULES[target]}")
    seconds = dict.fromkeys(("import", *STAGES), 0.0)
    seconds["import"] = time.process_time() - start
    loading, loader = LOADERS[target]
    stages = (
        ("build", restored_net, "build_for_port"),
        ("build", module, "build_for_port"),
        ("restore", Plan, "apply"),
        ("write", module, "write"),
        ("load", importlib.import_module(loading), loader),
    )
    for stage, place, name in stages:
        setattr(place, name, timed(seconds, stage, getattr(place, name)))
    record = registry.get_net(net)
    out = Path(f"{prefix}.{target}")
    job = Job(
        prefix, record, target, out, record.num_classes, record.image_size, record.preprocessing
    )
    watch = cProfile.Profile() if profile else contextlib.nullcontext()
    start = time.perf_counter()
    with watch:
        report = timed(seconds, "run", port)(job)
    seconds["wall"] = time.perf_counter() - start
    if profile:
        watch.dump_stats(profile)
    out.unlink(missing_ok=True)
    if not report.passed:
        raise RuntimeError(f"{net} to {target}: {report.verdict}")
    return seconds


def timed(seconds: dict[str, float], stage: str, function: Callable[..., Any]) -> Any:
    """A function whose CPU seconds go to a stage, but for those of the stages within it."""

    def call(*arguments: Any, **named: Any) -> Any:
        start, known = time.process_time(), sum(seconds.values())
        try:
            return function(*arguments, **named)
        finally:
            within = sum(seconds.values()) - known
            seconds[stage] += time.process_time() - start - within

    return call


def main() -> None:
    """Prints one line per net and target."""
    from legacy_nets import registry

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", help="patterns of names [default: all but ViT-L and H]")
    parser.add_argument("--to", choices=list(LIBRARIES), action="append")
    parser.add_argument("--profile", metavar="FILE", help="cProfile's of the last port")
    given = parser.parse_args()
    nets = [
        name
        for name in registry.list_nets()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in given.nets)
        or (not given.nets and not any(fnmatch.fnmatchcase(name, p) for p in TOO_LARGE))
    ]
    print(f"{'net':28} {'to':5} import", *(f"{stage:>7}" for stage in STAGES), "    cpu    wall")
    slow = 0
    for net in nets:
        with tempfile.TemporaryDirectory() as folder:
            prefix = str(Path(folder, net))
            alone(save, net, prefix)
            for target in given.to or LIBRARIES:
                found = alone(measured, net, prefix, target, given.profile)
                parts = [found[stage] for stage in STAGES]
                slow += (beyond := sum(parts)) > ALLOWED
                numbers = " ".join(f"{part:7.2f}" for part in (*parts, beyond, found["wall"]))
                mark = " *" if beyond > ALLOWED else ""
                print(f"{net:28} {target:5} {found['import']:6.2f} {numbers}{mark}", flush=True)
    print(f"{slow} ports took more than {ALLOWED:.0f} CPU seconds beyond the imports")


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function answers in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


if __name__ == "__main__":
    main()
