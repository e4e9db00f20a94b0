"""The registry: records, wildcards, and that reading it needs no TensorFlow."""

import subprocess
import sys

import numpy as np
import pytest

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.build import unroll_loops
from legacy_nets.nets.weights.families import get_family, get_layouts


def test_list_and_get():
    assert "hand_signs" in legacy_nets.list_nets()
    assert legacy_nets.list_nets("hand*") == ["hand_signs"]
    assert legacy_nets.list_nets("nothing*") == []
    net = legacy_nets.get_net("hand_signs")
    assert (net.document, net.image_size, net.num_classes, net.preprocessing) == (
        "001",
        (64, 64),
        6,
        "unit",
    )
    assert len(legacy_nets.list_nets()) == len(set(legacy_nets.list_nets()))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("002", "002 is a document, not a net; its nets: inception_v3 (all: legacy-nets nets)"),
        ("003", "its nets: resnet_v2_50, resnet_v2_101, resnet_v2_152 and 1 more (all:"),
        ("zzzz", "no net is called 'zzzz' (all: legacy-nets nets)"),
    ],
)
def test_a_document_and_a_name_that_is_near_to_none(name, message):
    with pytest.raises(BadInputError) as error:
        legacy_nets.get_net(name)
    assert message in str(error.value)


def test_unknown_net_offers_the_nearest():
    with pytest.raises(BadInputError, match="no net is called 'hand_sign'; nearest: hand_signs"):
        legacy_nets.get_net("hand_sign")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_prob": "zwei"}, "keep_prob takes a number, not 'zwei' (default: 0.5)"),
        ({"keep_prob": True}, "keep_prob takes a number, not True (default: 0.5)"),
        ({"initial_std": [1]}, "initial_std takes a number or null, not [1] (default: 0.1)"),
        ({"shortcut_batch_norm": "maybe"}, "shortcut_batch_norm takes true or false, not 'maybe'"),
        ({"num_classes": 2.5}, "num_classes takes a whole number, not 2.5"),
        ({"scope": 3}, "scope takes a text, not 3"),
    ],
)
def test_an_option_of_another_kind_is_refused(options, message):
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, 64, 64, 3])
        with pytest.raises(BadInputError) as caught:
            legacy_nets.build("hand_signs", images, **options)
        assert str(caught.value).startswith(f"hand_signs: option {message}")
        assert tf.global_variables() == []


def test_options_of_their_kinds_are_taken():
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, 28, 28, 1])
        keep = tf.placeholder_with_default(np.float32(0.5), [])
        legacy_nets.build("demo_cnn", images, num_classes=np.int64(4), scope="a")
        legacy_nets.build("cnn_lstm", images, num_classes=None, scope="b")
        colours = tf.placeholder(tf.float32, [None, 64, 64, 3])
        given = {
            "keep_prob": keep,
            "initial_std": None,
            "shortcut_batch_norm": 1,
            "momentum": 1,
        }  # 1.0
        legacy_nets.build("hand_signs", colours, is_training=True, **given)


@pytest.mark.parametrize(
    ("name", "predictions", "options"),
    [
        ("inception_v3", "Predictions", {"depth_multiplier": 0.1}),
        ("resnet_v2_50", "predictions", {}),
    ],
)
@pytest.mark.slow
def test_build_squeezes_the_logits_of_slim_s_nets(name, predictions, options):
    """TensorFlow 1.15.5 leaves those of resnet_v2: test_golden.py has its shapes."""
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 107, 107, 3])
        options = {"num_classes": 5, **options}
        squeezed, points = legacy_nets.build(name, images, **options)
        raw, raw_points = legacy_nets.build(
            name, images, reuse=True, spatial_squeeze=False, **options
        )
        assert squeezed.shape.as_list() == points[predictions].shape.as_list() == [None, 5]
        assert raw.shape.as_list() == raw_points[predictions].shape.as_list() == [None, 1, 1, 5]
        session.run(tf.global_variables_initializer())
        noise = np.random.default_rng(0).normal(size=[2, 107, 107, 3])
        one, two = session.run([squeezed, raw], {images: noise})
    np.testing.assert_array_equal(one, two[:, 0, 0])
    assert np.abs(one[0] - one[1]).max() > 0


def test_an_unknown_option_lists_those_of_the_net():
    with pytest.raises(BadInputError, match="'foo'; it takes scope, keep_prob, shortcut_batch_"):
        legacy_nets.build("hand_signs", None, foo=1)
    with pytest.raises(BadInputError) as caught:
        legacy_nets.build("inception_v3", None, foo=1)
    assert "create_aux_logits" in str(caught.value) and "prediction_fn" not in str(caught.value)


def test_records_cannot_be_changed():
    with pytest.raises(AttributeError):
        legacy_nets.get_net("hand_signs").num_classes = 7


@pytest.mark.parametrize("name", legacy_nets.list_nets())
def test_layouts_are_those_of_the_family(name):
    names = {layout.name for layout in get_family(legacy_nets.get_net(name)).layouts}
    assert set(legacy_nets.get_net(name).layouts) <= names
    assert all(layout.map_names(name) for layout in get_layouts(legacy_nets.get_net(name)))


def test_reading_the_registry_imports_no_tensorflow():
    code = (
        "import sys, legacy_nets; legacy_nets.get_net('hand_signs'); legacy_nets.list_nets();"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


LARGE = {  # some seconds to build
    *("resnet_v2_101", "resnet_v2_152", "resnet_v2_200", "vit_hybrid_r50_base_224"),
    *("resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x4d"),
    *(
        name
        for name in legacy_nets.list_nets("vit_*_in21k")
        if name != "vit_base_patch16_224_in21k"
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.slow if n in LARGE else ())
        for n in legacy_nets.list_nets()
    ],
)
def test_every_record_is_true_of_its_graph(name):
    net = legacy_nets.get_net(name)
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, *net.image_size, net.channels])
        logits, end_points = legacy_nets.build(name, images, num_classes=net.num_classes)
        assert logits.shape.as_list() == [None, net.num_classes]
        assert sum(int(np.prod(v.shape)) for v in tf.trainable_variables()) == net.parameters
        tops = {v.op.name.split("/")[0] for v in tf.global_variables()}
        assert tops == {net.scope} if net.scope else len(tops) > 1
        missing = [head for head in net.heads if head not in {"logits", *end_points}]
        assert missing == ([*net.heads[1:]] if net.aux_option else [])


def test_the_option_of_the_auxiliary_heads_builds_them():
    nets = [net for net in map(legacy_nets.get_net, legacy_nets.list_nets()) if net.aux_option]
    assert [net.name for net in nets] == ["googlenet"]
    for net in nets:
        with tf.Graph().as_default():
            images = tf.placeholder(tf.float32, [None, *net.image_size, net.channels])
            _, end_points = legacy_nets.build(net.name, images, **{net.aux_option: True})
            assert set(net.heads) <= end_points.keys()


@pytest.mark.parametrize("name", ["cnn_lstm", "cnn_lstm_resnet", "hand_signs"])
def test_loops_can_be_unrolled(name):
    net = legacy_nets.get_net(name)
    options = unroll_loops(net, {"scope": "here"})
    assert options == {"scope": "here", **({} if name == "hand_signs" else {"unroll": True})}
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [None, *net.image_size, net.channels])
        legacy_nets.build(name, images, **options)
        assert not any("While" in operation.type for operation in graph.get_operations())
