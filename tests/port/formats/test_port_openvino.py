"""``--to openvino``: two files, names, metadata, what OpenVINO lacks."""

from __future__ import annotations

import json

import imported_models as models
import numpy as np
import pytest
from imported_models import create_job, get_port_error, save_model
from port_cases import job, save

from legacy_nets import tf1 as tf
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("tiny_nets", "in_one_process")
openvino = pytest.importorskip("openvino")
SIZE = (64, 64)


@pytest.mark.slow
def test_a_net_is_two_files_with_its_names_and_settings(tmp_path):
    prefix = save(tmp_path, "tiny", SIZE)
    folder = tmp_path / "out"
    folder.mkdir()
    out = folder / "x.xml"
    report = port(job(prefix, "tiny", "openvino", out, SIZE, class_names=tuple("abcdé")))
    assert report.passed and report.worst.relative < 1e-5
    assert sorted(path.name for path in folder.iterdir()) == ["x.bin", "x.xml"]
    model = openvino.Core().read_model(out)
    ends = [*model.inputs, *model.outputs]
    names = ["images", "logits", "probabilities"]
    assert [set(names) & value.get_names() for value in ends] == [{name} for name in names]
    assert [str(value.partial_shape) for value in model.inputs] == ["[?,64,64,3]"]
    metadata = json.loads(model.get_rt_info(["legacy_nets"]).value)
    assert metadata["preprocessing"] == "unit" and metadata["class_names"] == list("abcdé")
    assert port(job(prefix, "tiny", "openvino", out, SIZE)).passed  # takes the place of both


def build_two_outputs():
    """An output that another one is computed from; integers as input."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    ids = tf.placeholder(tf.int32, [None], name="ids")
    rows = tf.gather(models.create_weights(9, 4), ids)
    scores = tf.add(tf.matmul(x, models.create_weights(6, 4)), rows, name="scores")
    tf.argmax(scores, 1, name="answer")
    tf.identity(scores, name="same")


def test_an_output_may_be_inside_the_graph(tmp_path):
    meta, out = save_model(tmp_path, build_two_outputs), tmp_path / "x.xml"
    report = port(create_job(meta, out, "openvino", outputs=("answer", "scores", "same")))
    assert report.passed and [item.name for item in report.comparisons] == [
        *("answer", "scores", "same"),
    ]
    compiled = openvino.Core().compile_model(out, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    x = np.random.default_rng(0).random((3, 6), np.float32)
    results = compiled({"x": x, "ids": np.array([8, 0, 3], np.int32)})
    reader = tf.train.load_checkpoint(str(meta).removesuffix(".meta"))
    tensors = [reader.get_tensor(name) for name in reader.get_variable_to_shape_map()]
    [table] = [value for value in tensors if value.shape == (9, 4)]
    [kernel] = [value for value in tensors if value.shape == (6, 4)]
    want = x @ kernel + table[[8, 0, 3]]
    np.testing.assert_allclose(results[compiled.output("scores")], want, rtol=1e-5)
    assert (results[compiled.output("answer")] == want.argmax(1)).all()


def test_what_openvino_lacks_is_one_line(tmp_path):
    def build():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        tf.digamma(tf.matmul(x, models.create_weights(6, 2)), name="out")

    meta = save_model(tmp_path, build)
    message = get_port_error(meta, tmp_path / "x.xml", target="openvino")
    assert "OpenVINO cannot convert" in message and "Digamma" in message
    assert not (tmp_path / "x.bin").exists()
