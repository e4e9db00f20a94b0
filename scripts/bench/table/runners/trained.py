"""A trained net in each precision: images/s, accuracy, and how often it gives the class of fp32.

The net that was trained in bf16 has its accuracy in fp32.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()  # choices of this run alone

from protocol import count_per_second, read_arguments, serve, try_each

from legacy_nets.quiet import quiet_tensorflow

quiet_tensorflow(uses_onednn=True)

from legacy_nets.data.splits import Images
from legacy_nets.data.synthetic.hands import draw_signs
from legacy_nets.engines.fast import fast

BATCH = 8
SEED = 1  # of other signs than those that the net has learned from, or was chosen by

folder = Path(read_arguments()["folder"])
pictures, labels = draw_signs(100, SEED)
signs = Images(pictures, labels)
expected = fast("hand_signs", str(folder / "signs"), engine="tensorflow").score(signs).argmax(1)


def make(precision):
    """Loads the net; measures of its speed and of its classes."""
    examples = folder / "examples" if precision == "int8" else None
    net = fast("hand_signs", str(folder / "signs"), precision, calibrate=examples)
    images = net.scale(pictures[:BATCH])
    classes = net.score(signs).argmax(1)
    column = f"legacy_nets {precision}"
    measure = count_per_second(lambda: net(images), BATCH)
    return {
        (f"batch {BATCH}, images/s", column): lambda: {"value": measure(), "engine": net.engine},
        ("class of fp32", column): lambda: float((classes == expected).mean()),
        ("accuracy", column): lambda: float((classes == labels).mean()),
    }


def make_bf16_trained():
    """Loads the net that was trained in bf16; the measure of its accuracy."""
    net = fast("hand_signs", str(folder / "signs_bf16"), engine="tensorflow")
    classes = net.score(signs).argmax(1)
    return {("accuracy", "train --bf16"): lambda: float((classes == labels).mean())}


makers = {f"legacy_nets {p}": lambda p=p: make(p) for p in ("fp32", "bf16", "int8")}
measures, failed = try_each(makers | {"train --bf16": make_bf16_trained})
serve(measures, {}, failed)
