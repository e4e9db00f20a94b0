"""The modules in PyTorch: what a port runs there, and that they train as the graphs do."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from oracle_client import CHANGE, REPOSITORY, TRAINING, assert_close, fill
from port_cases import job, save

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.nets.build import build_by_name
from legacy_nets.nets.weights import torch_rule
from legacy_nets.port.formats.torch import module, run_pytorch, target
from legacy_nets.port.pipeline import port
from legacy_nets.port.weights import list_weights

pytestmark = pytest.mark.slow
SIZES = {  # sides that leave something over, where a net strides
    **{"demo_cnn": (28, 31), "alexnet_v1": (67, 99), "alexnet_v2": (99, 67)},
    **{"googlenet": (200, 193), "cnn_lstm": (29, 30), "cnn_lstm_resnet": (30, 29)},
    **{"resnet_3d": (5, 17, 22), "resnet_2plus1d": (3, 18, 23)},
    **{"resnet_3d_2plus1d": (4, 19, 16), "hand_signs": (33, 46), "inception_v3": (120, 107)},
    **dict.fromkeys([f"resnet_v2_{depth}" for depth in (50, 101, 152, 200)], (40, 33)),
}
NARROW = {"inception_v3": {"depth_multiplier": 0.1}}
VARIANTS = [
    *(
        (net, NARROW.get(net, {}))
        for net in registry.list_nets()
        if module.find_family(registry.get_net(net))
    ),
    ("cnn_lstm_resnet", {"lstm_map": "tile"}),
    ("googlenet", {"aux_logits": True}),
    ("hand_signs", {"shortcut_batch_norm": True}),
    ("inception_v3", {"depth_multiplier": 0.2, "create_aux_logits": False}),
]


@pytest.fixture(autouse=True)
def with_pytorch(torch_python, monkeypatch):
    monkeypatch.setattr(run_pytorch, "PYTHON", torch_python)
    monkeypatch.setattr(run_pytorch, "list_missing_packages", lambda net, path: [])


@pytest.mark.parametrize(("net", "options"), VARIANTS, ids=lambda value: str(value))
def test_the_module_says_what_the_graph_says(net, options, tmp_path):
    size = SIZES[net]
    prefix = save(tmp_path, net, size, options, num_classes=6)
    given = job(prefix, net, "torch", tmp_path / "x.pth", size, options, label_offset=1)
    report = port(given)
    assert report.passed, report.verdict
    rows = {row.name: row for row in report.comparisons if row.side == "PyTorch"}
    assert set(rows) == {"logits", "probabilities"} and rows["logits"].relative < 1e-5
    assert (rows["logits"].shape, rows["probabilities"].shape) == ((2, 6), (2, 5))
    assert report.notes == ('its code is x.py: from x import load; net = load("x.pth")',)


@pytest.mark.parametrize(("padding", "alike"), [("torch", True), ("same", False)])
def test_torchvisions_net_says_it_where_it_is_alike(padding, alike, tmp_path):
    options = {"padding": padding, "epsilon": 1e-5}
    prefix = save(tmp_path, "mobilenet_v2", (49, 64), options)
    out = tmp_path / "x.safetensors" if alike else tmp_path / "x.pth"
    report = port(job(prefix, "mobilenet_v2", "torch", out, (49, 64), options))
    assert report.passed, report.verdict
    assert any(row.side == "PyTorch" for row in report.comparisons) == alike
    assert any("its outputs will differ" in note for note in report.notes) != alike


def test_the_golden_names_and_shapes_are_those_of_the_modules(torch_python):
    script = REPOSITORY / "scripts" / "peers" / "torch_modules.py"
    assert subprocess.run([torch_python, str(script)]).returncode == 0


TRAIN = """
import runpy, sys
import numpy as np, torch
module, weights, images, answers = sys.argv[1:]
net = runpy.run_path(module)["load"](weights).train()
outputs = net(torch.from_numpy(np.moveaxis(np.load(images), -1, 1).copy()))
outputs = outputs if isinstance(outputs, tuple) else (outputs,)
target = torch.zeros(len(outputs[0]), dtype=torch.long)
sum(torch.nn.functional.cross_entropy(logits, target) for logits in outputs).backward()
values = {name: p.grad.numpy() for name, p in net.named_parameters()}
values |= {name: b.numpy() for name, b in net.named_buffers()}
np.savez(answers, *[logits.detach().numpy() for logits in outputs], **values)
"""
TRAINED = {  # dropout off
    **{"demo_cnn": {}, "alexnet_v1": {"dropout": 0.0}, "cnn_lstm_resnet": {}},
    **{"googlenet": {"aux_logits": True, "dropout": 0.0, "aux_dropout": 0.0}, "resnet_2plus1d": {}},
    **{"hand_signs": {"keep_prob": 1.0}, "resnet_v2_50": {}},
    "inception_v3": {"dropout_keep_prob": 1.0, "depth_multiplier": 0.1},
}


@pytest.mark.parametrize("net", TRAINED)
def test_the_module_trains_as_the_graph(net, tmp_path, torch_python):
    size, options, record = SIZES[net], TRAINED[net], registry.get_net(net)
    prefix = save(tmp_path, net, size, options)
    given = job(prefix, net, "torch", tmp_path / "x.pth", size, options)
    tensors = list_weights(open_weights(prefix), False)
    assert all(
        row.absolute == 0 for row in target.write(given.out, tensors, given.build_metadata(False))
    )
    images = fill.images([4, *size, record.channels])
    np.save(tmp_path / "images.npy", images)
    files = [tmp_path / name for name in ("x.py", "x.pth", "images.npy", "answers.npz")]
    subprocess.run([torch_python, "-c", TRAIN, *map(str, files)], check=True)
    got = np.load(files[-1])
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.constant(images)
        logits, points = build_by_name(net, x, num_classes=5, is_training=True, **options)
        heads = [logits, *(points[name] for name in record.heads if name != "logits")]
        labels = tf.zeros([4], tf.int32)
        losses = [
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=head)
            for head in heads
        ]
        trained = tf.trainable_variables()
        gradients = tf.gradients(tf.add_n(list(map(tf.reduce_mean, losses))), trained)
        tf.train.Saver().restore(session, prefix)
        before = session.run(tf.global_variables())
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        want, slopes, _ = session.run([heads, gradients, updates])
        variables = tf.global_variables()
        after = session.run(variables)
    ranks = {v.op.name: len(v.shape) for v in variables}
    entries = {e.name: e for e in torch_rule.apply_rule(ranks, record.scope)}
    for number, head in enumerate(want):
        assert_close(got[f"arr_{number}"], head, TRAINING, f"head {number}")
    # As a whole: a value near 0 may fall on either side of its ReLU, and move single entries.
    apart, length = 0.0, 0.0
    for variable, slope in zip(trained, slopes, strict=True):
        entry = entries[variable.op.name]
        gradient = entry.transform.to_graph(got[entry.stored])
        assert gradient.shape == slope.shape and np.any(gradient) == np.any(slope), entry.name
        apart += float(np.sum(np.square(gradient - slope, dtype=np.float64)))
        length += float(np.sum(np.square(slope, dtype=np.float64)))
    assert apart <= 0.02**2 * length
    moved = set(ranks) - {variable.op.name for variable in trained}
    for variable, old, new in zip(variables, before, after, strict=True):
        if variable.op.name in moved:
            largest = np.abs(new - old).max()
            name = entries[variable.op.name].stored
            assert_close(got[name], new, CHANGE, name, largest)
    assert len(got.files) == len(want) + len(variables)
