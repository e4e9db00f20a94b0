"""``port`` says on the spinner of its terminal which step it is at."""

import imported_models as models
import numpy as np
import pytest
from imported_models import create_job, save_model
from PIL import Image
from port_cases import job, save

from legacy_nets import progress
from legacy_nets.port.jobs import Precision, WeightsJob
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("tiny_nets", "in_one_process")
SIZE = (64, 64)


class Spinner:
    """A spinner that keeps its texts."""

    status = "porting"

    def __init__(self):
        self.texts = []

    def update(self, text):
        self.texts.append(str(text))


@pytest.fixture
def texts(monkeypatch):
    spinner = Spinner()
    monkeypatch.setattr(progress, "_shown", [spinner])
    return spinner.texts


@pytest.fixture(scope="module")
def prefix(tiny_nets, tmp_path_factory):
    return save(tmp_path_factory.mktemp("tiny"), "tiny", SIZE)


@pytest.mark.slow
def test_a_net_of_integers(prefix, tmp_path, texts):
    for number in range(3):
        values = np.random.default_rng(number).integers(0, 256, (*SIZE, 3), np.uint8)
        Image.fromarray(values).save(tmp_path / f"{number}.png")
    precision = Precision("int8", tmp_path)
    out = tmp_path / "x.tflite"
    port(job(prefix, "tiny", "tflite", out, SIZE, precision=precision, tolerance=1.0))
    assert texts == [
        f"building tiny and restoring {prefix}",
        f"loading examples of {tmp_path}",
        "running tiny on 3 inputs",
        "converting tiny to tflite, with ranges of 3 examples",
        "verifying: running tiny as tflite",
    ]


def test_weights_alone_and_a_graph_of_a_user(tmp_path, texts):
    meta = save_model(tmp_path, models.build_classifier)
    weights = WeightsJob(str(meta.with_suffix("")), "npz", tmp_path / "x.npz")
    count = len(port(weights).comparisons)
    port(create_job(meta, tmp_path / "x.pb"))
    assert count > 1 and texts == [
        f"writing and comparing {count} tensors",
        "restoring model.ckpt.meta, converting it to frozen and running both",
    ]
