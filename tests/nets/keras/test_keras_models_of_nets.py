"""keras_model: the names of the graph net, its outputs, and what Keras models are used for."""

from __future__ import annotations

import keras_plain_nets
import keras_resnet
import numpy as np
import pytest
from oracle_client import INFERENCE, assert_close, fill

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.keras.build import list_models

pytestmark = pytest.mark.filterwarnings(
    "ignore:You are saving your model as an HDF5 file:UserWarning"
)
SLOW = pytest.mark.slow
VGG = {"hidden": 16}
CASES = [  # net, image size, options
    ("demo_cnn", (28, 20), {}),
    ("alexnet_v2", (64, 83), {}),
    pytest.param("alexnet_v1", (64, 83), {}, marks=SLOW),
    ("vgg11", (32, 33), VGG),
    *(pytest.param(name, (32, 33), VGG, marks=SLOW) for name in ("vgg13", "vgg16", "vgg19")),
    pytest.param("googlenet", (193, 200), {}, marks=SLOW),
    *(pytest.param(f"resnet{n}", (64, 50), {}, marks=SLOW) for n in (34, 50)),
    pytest.param("resnet101", (64, 50), {}, marks=pytest.mark.rare),  # more of resnet50's blocks
]


def test_every_net_is_a_case():
    names = [getattr(case, "values", case)[0] for case in CASES]
    assert sorted(names) == sorted(list_models())


@pytest.mark.parametrize(("name", "size", "options"), CASES)
def test_names_order_and_outputs_are_those_of_the_graph_net(name, size, options):
    channels = legacy_nets.get_net(name).channels
    images = fill.images((2, *size, channels))
    with tf.Graph().as_default(), tf.Session() as session:
        place = tf.placeholder(tf.float32, [None, *size, channels])
        _, points = legacy_nets.build(name, place, num_classes=5, **options)
        variables = tf.global_variables()
        named = [(v.op.name, tuple(v.shape.as_list())) for v in variables]
        values = [fill.variable(name, shape) for name, shape in named]
        for variable, value in zip(variables, values, strict=True):
            variable.load(value, session)
        wanted = session.run(points["predictions"], {place: images})
    legacy_nets.keras_model(name, 5, size, **options)  # Keras has numbered layers before
    model = legacy_nets.keras_model(name, 5, size, **options)
    got = [(w.name.removesuffix(":0"), tuple(w.shape)) for w in model.weights]
    if name.startswith("resnet"):  # shortcuts come after the main path
        assert sorted(got) == sorted(named)
    else:
        assert got == named
    value_of = {name: value for (name, _), value in zip(named, values, strict=True)}
    model.set_weights([value_of[name] for name, _ in got])
    assert_close(model.predict(images, verbose=0), wanted, INFERENCE, name)


@pytest.mark.parametrize("name", [pytest.param(f"resnet{n}", marks=SLOW) for n in (34, 50)])
def test_files_of_the_documents_resnets_load(name, tmp_path):
    images = fill.images((2, 64, 50, 3))
    theirs = keras_resnet.resnet(tf.keras, name, 5, 64, 50)
    random = np.random.default_rng(0)
    values = {"kernel": (-0.05, 0.05), "variance": (0.5, 1), "gamma": (0.1, 0.3)}
    ranges = [
        values.get(w.name.split("/")[-1].split(":")[0].split("_")[-1]) for w in theirs.weights
    ]
    weights = zip(theirs.weights, ranges, strict=True)
    theirs.set_weights([random.uniform(*(span or (-0.1, 0.1)), w.shape) for w, span in weights])
    theirs.save_weights(str(tmp_path / "theirs.h5"))
    wanted = np.asarray(theirs(images, training=False))
    assert 1e-3 < wanted.min() and wanted.max() < 0.9  # it would show what is wrong
    model = legacy_nets.keras_model(name, 5, (64, 50))
    assert np.abs(model.predict(images, verbose=0) - wanted).max() > 1e-3
    model.load_weights(str(tmp_path / "theirs.h5"))
    assert_close(model.predict(images, verbose=0), wanted, INFERENCE, name)


@pytest.mark.parametrize(("name", "size", "options"), [CASES[0], CASES[1], CASES[3], CASES[2]])
def test_files_of_the_documents_model_load(name, size, options, tmp_path):
    channels = legacy_nets.get_net(name).channels
    images = fill.images((2, *size, channels))
    theirs = keras_plain_nets.MODELS[name](tf.keras, 5, *size, **options)
    wanted = np.asarray(theirs(images))
    theirs.save_weights(str(tmp_path / "theirs.h5"))
    model = legacy_nets.keras_model(name, 5, size, **options)
    assert np.abs(model.predict(images, verbose=0) - wanted).max() > 1e-4
    model.load_weights(str(tmp_path / "theirs.h5"))
    assert_close(model.predict(images, verbose=0), wanted, INFERENCE, name)
    model.save_weights(str(tmp_path / "ours.h5"))
    theirs.set_weights([np.zeros_like(w) for w in theirs.get_weights()])
    theirs.load_weights(str(tmp_path / "ours.h5"))
    assert_close(np.asarray(theirs(images)), wanted, INFERENCE, name)


@pytest.mark.slow
def test_summary_compile_and_fit(capsys):
    model = legacy_nets.keras_model("alexnet_v2", 2, (64, 64), dropout=0)
    random = np.random.default_rng(0)
    shapes = [weight.shape for weight in model.get_weights()]
    spans = [(6 / np.prod(shape[:-1])) ** 0.5 if len(shape) > 1 else 0 for shape in shapes]
    drawn = zip(shapes, spans, strict=True)
    model.set_weights([random.uniform(-span, span, shape) for shape, span in drawn])
    model.summary(expand_nested=True)
    text = capsys.readouterr().out
    assert "alex_net_v2/sequential/" in text and "Total params: " in text
    images = np.zeros([8, 64, 64, 3], np.float32)
    images[::2] = 1
    labels = np.eye(2)[np.arange(8) % 2]
    model.compile(tf.keras.optimizers.Adam(1e-4), "categorical_crossentropy", ["accuracy"])
    history = model.fit(images, labels, epochs=60, verbose=0).history
    assert history["loss"][-1] < 0.2 < 0.3 < history["loss"][0]
    assert history["accuracy"][-1] == 1


def test_what_cannot_be_built_is_refused():
    with pytest.raises(
        BadInputError, match=r"^inception_v3 has no Keras model: choose one of demo"
    ):
        legacy_nets.keras_model("inception_v3")
    with pytest.raises(BadInputError, match=r"alexnet_v1 takes no option 'hidden'; it takes drop"):
        legacy_nets.keras_model("alexnet_v1", hidden=3)
    with pytest.raises(BadInputError, match="32x64 are too small for alexnet_v2: the smallest is"):
        legacy_nets.keras_model("alexnet_v2", 5, (32, 64))
