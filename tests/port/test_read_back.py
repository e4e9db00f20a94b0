"""What ``port`` wrote is read again as the checkpoint that it was written from."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from port_cases import ALL_SIZES, SMALL, job, save

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.keras3_names import (
    LSTM_BIAS,
    LSTM_KERNEL,
    make_entries,
    make_layer_names,
)
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.source import TensorSpec, WeightFile
from legacy_nets.errors import CheckpointError
from legacy_nets.nets.build import build_by_name
from legacy_nets.nets.weights import find_net, torch_rule
from legacy_nets.nets.weights.translate_for_net import adapt_to_graph, translate_for_net
from legacy_nets.port import restored_net
from legacy_nets.port.formats import frozen
from legacy_nets.port.formats.keras import target
from legacy_nets.port.pipeline import port
from legacy_nets.registry import get_net
from legacy_nets.train.evaluate import resolve_settings, restore_net
from legacy_nets.train.settings import SettingChanges

pytestmark = pytest.mark.usefixtures("tiny_nets")
SIZE = (64, 64)
FILES = {  # what a port writes -> its target
    **{"x.npz": "npz", "x.safetensors": "safetensors", "x.h5": "h5", "x.pth": "torch"},
    **{"y.safetensors": "torch", "x": "saved_model", "x.pb": "frozen", "x.keras": "keras"},
}
TOKENS = {"embed_dim": 32, "num_heads": 2, "depth": 2}
FEW = {  # one of each way to make layers
    "alexnet_v2": SMALL["alexnet_v2"],
    "vgg11": ((32, 32), {"hidden": 16}),
    "mobilenet_v3_small": SMALL["mobilenet_v3_small"],
    "vit_base_patch16_224_in21k": ((32, 32), TOKENS),
    "vit_hybrid_r50_base_224": ((32, 32), {"units": [1, 1, 1], "width": 32, **TOKENS}),
    "cnn_lstm_resnet": SMALL["cnn_lstm_resnet"],
    "resnet_2plus1d": SMALL["resnet_2plus1d"],
    "inception_v3": SMALL["inception_v3"],
}
NETS = SMALL | FEW
HEADS = ("aux_1/", "aux_2/", "InceptionV3/AuxLogits/")  # of training only


@pytest.fixture(scope="module")
def prefix(tiny_nets, tmp_path_factory):
    return save(tmp_path_factory.mktemp("tiny"), "tiny", SIZE)


@pytest.fixture(scope="module")
def keras_file(prefix, tmp_path_factory):
    out = tmp_path_factory.mktemp("keras") / "x.keras"
    assert port(job(prefix, "tiny", "keras", out, SIZE)).passed
    return out


def scores(checkpoint):
    settings = resolve_settings(checkpoint, "tiny", SettingChanges(num_classes=5))
    with restore_net(settings, checkpoint) as (net, session, _):
        return net.score(session, np.arange(12288, dtype=np.uint8).reshape(1, *SIZE, 3))


@pytest.fixture(scope="module")
def wanted(prefix):
    return values(open_weights(prefix)), scores(prefix)


def values(source):
    return {name: np.array(source.read(name)) for name in source.tensors}


def assert_same(got, want):
    assert set(got) == set(want)
    for name in want:
        assert got[name].dtype == want[name].dtype, name
        np.testing.assert_array_equal(got[name], want[name], err_msg=name)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.slow
def test_every_target_leads_back_to_the_checkpoint(prefix, wanted, tmp_path, name):
    port(job(prefix, "tiny", FILES[name], tmp_path / name, SIZE))
    path = str(tmp_path / name)
    assert port(job(path, "tiny", "ckpt", tmp_path / "back", SIZE)).passed
    assert_same(values(open_weights(tmp_path / "back")), wanted[0])
    np.testing.assert_array_equal(scores(path), wanted[1])


def test_a_keras_model_that_was_trained_on_comes_back(keras_file, tmp_path):
    import keras

    model = keras.saving.load_model(keras_file)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = model.get_weights()
    model.train_on_batch(np.ones((2, *SIZE, 3), np.float32), np.array([0, 1]))
    model.save(tmp_path / "z.keras")
    model.save_weights(tmp_path / "z.weights.h5")
    keras.Sequential([keras.Input((*SIZE, 3)), model]).save(tmp_path / "wrapped.keras")
    with h5py.File(tmp_path / "z.weights.h5", "a") as root:  # as some versions save it
        root["layers/dropout/seed_generator/vars/0"] = np.uint32([1, 2])
    want = {
        f"tiny/{layer}/{part}": weight.numpy()
        for layer, parts in (
            ("conv2d", ("kernel", "bias")),
            ("bn", ("gamma", "beta", "moving_mean", "moving_variance")),
            ("dense", ("kernel", "bias")),
        )
        for part, weight in zip(parts, model.get_layer(f"tiny.{layer}").weights, strict=True)
    }
    assert not all(map(np.array_equal, before, model.get_weights()))
    keras.backend.clear_session()
    for name in ("z.keras", "z.weights.h5", "wrapped.keras"):
        source = open_weights(tmp_path / name)
        assert_same(values(source), want)
        assert len(source.other_tensors) == 14 + name.endswith(".h5")  # Adam's, and the seed


def test_the_net_is_found_by_what_was_written(prefix, keras_file, tmp_path, monkeypatch):
    monkeypatch.setattr(find_net, "_MAX_CANDIDATES", 1)
    port(job(prefix, "tiny", "torch", tmp_path / "x.pth", SIZE))
    for file in (tmp_path / "x.pth", keras_file):
        [best] = find_net.find_nets(open_weights(file))
        assert (best.net, best.share, best.num_classes) == ("tiny", 1.0, 5)


SLIM = ("a/conv/weights", "a/conv/biases")


@pytest.mark.parametrize(
    ("layer_type", "variables", "shape", "names"),
    [
        ("Dense", ("a/b/kernel", "a/b/bias"), (), ("a/b", "a/b>kernel>bias")),
        ("Conv2D", ("a/b/kernel",), (), ("a/b", "a/b>kernel")),
        ("Conv2D", SLIM, (), ("a/conv>weights>biases",)),
        ("BatchNormalization", ("n/gamma", "n/moving_mean", "n/moving_variance"), (), None),
        ("BatchNormalization", ("n/beta", "n/moving_mean", "n/moving_variance"), (), None),
        ("LSTM", ("cell_0/kernel", "cell_0/bias"), (), ("cell_0>kernel>bias",)),
        ("Embedding", ("ViT-B_16/cls",), (1, 1, 4), ("ViT-B_16>cls>1x1x4",)),
        ("Dense", ("a/w/kernel", "a/bias_of/w"), (), ("a>w/kernel>bias_of/w",)),
    ],
)
def test_a_layers_name_tells_its_variables(layer_type, variables, shape, names):
    layer_names = make_layer_names(layer_type, variables, shape)
    assert layer_names == (names or ("n>" + ">".join(name[2:] for name in variables),))
    group = {"LSTM": "lstm_3/cell", "BatchNormalization": "batch_normalization"}.get(layer_type)
    group = f"layers/{group or layer_type.lower()}/vars"
    shapes = {"LSTM": [(3, 8), (2, 8), (8,)], "Embedding": [(1, 4)]}.get(layer_type)
    shapes = shapes or [(number + 2,) for number in range(len(variables))]
    tensors = {f"{group}/{number}": TensorSpec(s, "float32") for number, s in enumerate(shapes)}
    for name in layer_names:
        layers = {group: "cell", group.replace("/cell", ""): name.replace("/", ".")}
        entries = make_entries(layers, tensors)
        assert [entry.name for entry in entries] == list(variables)
        assert [part for entry in entries for part in entry.parts] == list(tensors)
        if layer_type == "Embedding":
            assert entries[0].transform.to_graph(np.ones((1, 4))).shape == shape


@pytest.mark.parametrize(
    ("path", "name", "shapes"),
    [
        ("conv2d/vars/0", "", [(1,)]),  # Keras before 3.6
        ("lstm/cell/vars/0", "lstm", [(3, 8), (2, 8), (8,)]),  # with Keras' own order of gates
        ("lstm/cell/vars/0", "a>kernel>bias", [(3, 8), (2, 4), (8,)]),
        ("batch_normalization/vars/0", "n", [(4,)] * 3),  # gamma or beta, who knows
        ("embedding/vars/0", "a>b>2x3", [(1, 7)]),
        ("embedding/vars/0", "a>b>c", [(1, 7)]),
    ],
)
def test_other_layers_keep_their_paths(path, name, shapes):
    group = f"layers/{path}".removesuffix("/0")
    tensors = {f"{group}/{number}": TensorSpec(s, "float32") for number, s in enumerate(shapes)}
    assert make_entries({group.replace("/cell", ""): name}, tensors) == []


def test_gates_come_back():
    kernel, bias = np.arange(40.0).reshape(5, 8), np.arange(8.0)
    parts = LSTM_KERNEL.to_file(kernel)
    assert [part.shape for part in parts] == [(3, 8), (2, 8)]
    np.testing.assert_array_equal(parts[0][0], [0, 1, 4, 5, 2, 3, 6, 7])  # i j f o -> i f j o
    np.testing.assert_array_equal(LSTM_BIAS.to_file(bias), [0, 1, 5, 6, 2, 3, 6, 7])
    np.testing.assert_array_equal(LSTM_KERNEL.to_graph(*parts), kernel)
    np.testing.assert_array_equal(LSTM_BIAS.to_graph(LSTM_BIAS.to_file(bias)), bias)


def test_weights_that_are_not_the_nets_own_are_refused(tmp_path):
    options = {"bare": True}
    prefix = save(tmp_path, "tiny", SIZE, options)
    out = tmp_path / "x.pb"
    assert port(job(prefix, "tiny", "frozen", out, SIZE, options)).passed
    wanted = r"x\.pb: its batch norms \(1\) are folded into .*: use the checkpoint"
    with pytest.raises(CheckpointError, match=wanted):
        port(job(str(out), "tiny", "ckpt", tmp_path / "back", SIZE, options))
    with pytest.raises(CheckpointError, match=wanted):
        translate_for_net(open_weights(out), get_net("tiny"))
    assert open_weights(out).notes[0].startswith("its batch norms (1) are folded")


RULE = {  # in PyTorch -> shape, in the graph
    "conv1.weight": ((8, 3, 3, 3), "weights"),
    "conv1.BatchNorm.bias": ((8,), "beta"),
    "conv1.BatchNorm.running_mean": ((8,), "moving_mean"),
    "conv1.BatchNorm.running_var": ((8,), "moving_variance"),
    "logits.bias": ((5,), "biases"),
    "logits.weight": ((5, 8), "weights"),
    "preact.weight": ((8,), "gamma"),
    "preact.bias": ((8,), "beta"),
    "res2a.Variable_1.weight": ((8,), ""),
}


@pytest.mark.parametrize(("net", "slim"), [("inception_v3", True), ("cnn_lstm", False)])
def test_a_state_dict_by_the_rule_is_read_as_the_graphs(net, slim):
    names = {name.replace("BatchNorm", "BatchNorm" if slim else "bn"): RULE[name] for name in RULE}
    tensors = {name: TensorSpec(shape, "float32") for name, (shape, _) in names.items()}
    scope = registry.get_net(net).scope
    want = {}
    for name, (shape, leaf) in names.items():
        leaf = leaf if slim else {"weights": "kernel", "biases": "bias"}.get(leaf, leaf)
        parts = [scope, *name.split(".")[:-1], leaf]
        shape = (3, 3, 3, 8) if len(shape) == 4 else shape[::-1]
        want["/".join(part for part in parts if part)] = shape
    tensors["conv1.BatchNorm.num_batches_tracked"] = TensorSpec((), "int64")
    source = WeightFile("x.pth", tensors, np.zeros)
    translated = translate_for_net(source, get_net(net)).tensors
    assert {name: info.shape for name, info in translated.items()} == want
    assert (
        translate_for_net(source, get_net("resnet18")) is source
    )  # of which torchvision has its own


def test_weights_by_number_alone_say_where_they_are_from():
    tensors = {"layers/conv2d/vars/0": TensorSpec((1,), "float32")}
    with tf.Graph().as_default():
        variable = tf.get_variable("conv1/kernel", [1])
        plan = match([variable], WeightFile("x.keras", tensors, np.zeros))
    assert plan.hints[0].startswith("a Keras before 3.6 saved it")


@pytest.mark.slow
@pytest.mark.parametrize("net", ["hand_signs", "resnet_v2_50", "googlenet", "resnet_3d_2plus1d"])
def test_the_rules_names_lead_back(net):
    record = registry.get_net(net)
    with tf.Graph().as_default():
        build_by_name(net, tf.placeholder(tf.float32, [None, *SMALL[net][0], record.channels]))
        ranks = {variable.op.name: variable.shape.rank for variable in tf.global_variables()}
    entries = torch_rule.apply_rule(ranks, record.scope)
    stored_ranks = {entry.stored: ranks[entry.name] for entry in entries}
    assert len(stored_ranks) == len(ranks)
    assert torch_rule.invert_rule(stored_ranks, record.scope) == entries


@pytest.mark.slow
def test_a_googlenet_without_heads_takes_the_weights_of_one_with_heads():
    names = []
    for heads in (True, False):
        with tf.Graph().as_default():
            images = tf.placeholder(tf.float32, [None, *SMALL["googlenet"][0], 3])
            build_by_name("googlenet", images, aux_logits=heads)
            variables = tf.global_variables()
            names.append([variable.op.name for variable in variables])
    ported = [name for name in names[0] if not name.startswith(HEADS)]
    tensors = {name: TensorSpec((number,), "float32") for number, name in enumerate(ported)}
    source = WeightFile("x.keras", tensors, np.zeros)
    adapted = adapt_to_graph(source, get_net("googlenet"), variables).tensors
    assert adapted == {name: TensorSpec((n,), "float32") for n, name in enumerate(names[1])}
    assert ported != names[1] and adapt_to_graph(source, get_net("vgg11"), variables) is source


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS if ALL_SIZES else FEW)
def test_every_family_comes_back(net, tmp_path):
    size, options = NETS[net]
    prefix = save(tmp_path, net, size, options)
    given = job(prefix, net, "keras", tmp_path / "x.keras", size, options)
    want = values(open_weights(prefix))
    has_norms = any(name.endswith("moving_mean") for name in want)
    with restored_net.restore_net(given, open_weights(prefix), False) as made:
        target.write(given.out, made, given.build_metadata(False))
    if not has_norms:  # which are folded
        with restored_net.restore_net(given, open_weights(prefix), False) as made:
            frozen.write(tmp_path / "x.pb", made, given.build_metadata(False))
    if "torch" not in registry.get_net(net).layouts:
        port(job(prefix, net, "torch", tmp_path / "x.pth", size, options))
        assert_same(values(translate_for_net(open_weights(tmp_path / "x.pth"), get_net(net))), want)
    want = {name: want[name] for name in want if not name.startswith(HEADS)}
    if not has_norms:
        assert_same(values(translate_for_net(open_weights(tmp_path / "x.pb"), get_net(net))), want)
    for name in want:
        if name.endswith("lstm_cell/bias"):  # 1 was added to it
            want[name] = LSTM_BIAS.to_graph(LSTM_BIAS.to_file(want[name]))
    assert_same(values(translate_for_net(open_weights(given.out), get_net(net))), want)
