"""GoogLeNet's auxiliary heads: on in training only, and read from the names in a checkpoint."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import call
from oracle_client import fill
from port_cases import save

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.source import TensorSpec, WeightFile
from legacy_nets.nets.weights.find_net import find_nets
from legacy_nets.nets.weights.googlenet import map_keras_names, map_keras_tf_names
from legacy_nets.nets.weights.translate_for_net import find_head_options, get_layout_options
from legacy_nets.registry import get_net
from legacy_nets.train.evaluate import resolve_settings, restore_net
from legacy_nets.train.provenance import read_recorded_settings
from legacy_nets.train.settings import FILE, SettingChanges, Settings, build_heads, load_settings

GOOGLENET = get_net("googlenet")
HEADS = {"aux_logits": True}


def file_of(names, metadata=None):
    tensors = {name: TensorSpec((1,), "float32") for name in names}
    return WeightFile("w", tensors, np.zeros, metadata=metadata or {})


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (["conv2d_1/kernel", "aux_1/conv2d_18/kernel", "aux_2/dense_2/bias"], HEADS),
        (["conv2d_1.weight", "aux_1.conv2d_18.weight"], HEADS),  # a state_dict of port
        ([entry.stored for entry in map_keras_names("googlenet")], HEADS),
        ([entry.stored for entry in map_keras_tf_names("googlenet")], HEADS),
        (["conv2d_1/kernel", "inception_4b/conv2d_18/kernel"], {}),
        (["my_aux_1/kernel", "aux_10/kernel"], {}),
    ],
)
def test_the_option_is_read_from_the_names_of_the_weights(names, options):
    assert find_head_options(file_of(names), GOOGLENET) == options
    assert get_layout_options(file_of(names), GOOGLENET) == options


def test_a_net_that_has_its_heads_by_default_needs_no_option():
    names = ["InceptionV3/AuxLogits/Conv2d_2b_1x1/weights", "aux_1/kernel"]
    assert find_head_options(file_of(names), get_net("inception_v3")) == {}


@pytest.mark.parametrize(
    ("net", "given", "trained"),
    [
        ("googlenet", {}, HEADS),
        ("googlenet", {"dropout": 0.1}, {"aux_logits": True, "dropout": 0.1}),
        ("googlenet", {"aux_logits": False}, {"aux_logits": False}),
        ("vgg11", {}, {}),
        ("inception_v3", {}, {}),
    ],
)
def test_training_json_without_the_option_is_of_a_training_with_heads(
    tmp_path, net, given, trained
):
    """Older versions did not record the default."""
    settings = Settings(net, 2, (193, 193), class_names=("a", "b"), options=given)
    settings.save(tmp_path)
    assert json.loads((tmp_path / FILE).read_text())["options"] == given
    loaded = load_settings(tmp_path)
    assert loaded.options == build_heads(settings).options == trained


def test_ported_weights_that_do_not_record_the_option():
    metadata = {
        **{"writer": "legacy_nets 0.1", "net": "googlenet", "num_classes": 2, "label_offset": 0},
        **{"image_size": [193, 193], "preprocessing": "unit", "options": {"dropout": 0.1}},
    }
    for names, heads in ((["aux_1/dense/bias"], HEADS), (["output_dense/bias"], {})):
        recorded = read_recorded_settings(file_of(names, metadata), GOOGLENET)
        assert recorded.options == {"dropout": 0.1, **heads}


@pytest.mark.slow
def test_a_checkpoint_with_heads_works_as_one_without_them(tmp_path):
    """Its numbers, its port and its search are those of the net that was trained."""
    size, logits = (193, 193), {}
    for name, options in (("heads", HEADS), ("none", {})):
        (tmp_path / name).mkdir()
        prefix = save(tmp_path / name, "googlenet", size, options)
        settings = resolve_settings(prefix, "googlenet", SettingChanges(5, image_size=size))
        assert settings.options == options
        with restore_net(settings, prefix) as (net, session, _):
            feed = {net.images: fill.images((1, *size, 3))}
            logits[name] = session.run(net.logits, feed)
            names = [variable.op.name for variable in net.variables]
        assert any(name.startswith("aux_") for name in names) == bool(options)
        best = find_nets(open_weights(prefix))[0]
        share = 126 / 128 if options else 1  # a head's first dense layer depends on the size
        assert (best.net, best.share) == ("googlenet", share)
        given = (prefix, "--net", "googlenet", "--num-classes", "5", "--image-size", "193")
        out = tmp_path / f"{name}.npz"
        done = call("port", *given, "--to", "npz", "--out", out)
        assert done.exit_code == 0, done.output
        assert sorted(open_weights(str(out)).tensors) == sorted(names)
    assert np.isfinite(logits["heads"]).all() and np.abs(logits["heads"]).max() > 0
