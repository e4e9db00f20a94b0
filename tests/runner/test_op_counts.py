"""After a call of each public function, the next op gets the seed that 1.15.5 gave it."""

import re

import pytest
from oracle_client import GOLDEN, ORACLE
from scripts_of_users import run, write

pytestmark = pytest.mark.any_numpy
# {function: why}: a call is still off, or the function is not offered.
OFF = dict(line.split("\t") for line in (GOLDEN / "op_counts_off.tsv").read_text().splitlines()[1:])


def read_counts(path):
    """{call: count, or an error's text}; written by scripts/oracle/op_counts.py."""
    lines = path.read_text().splitlines()
    return {call: count for count, _, call in (line.partition("\t") for line in lines)}


EXPECTED = read_counts(GOLDEN / "op_counts.tsv")


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    out = tmp_path_factory.mktemp("op_counts") / "ours.tsv"
    done = run(ORACLE / "op_counts.py", "count", GOLDEN / "op_counts.tsv", out, cwd=out.parent)
    assert done.returncode == 0, done.stderr
    return read_counts(out)


def name_function(call):
    """The first function of TensorFlow in a call; the call itself for operators and slices."""
    name = re.search(r"tf\.[\w.]+", call)
    return name[0] if name else call


@pytest.mark.slow
def test_the_next_op_gets_the_seed_of_1_15(ours):
    assert list(ours) == list(EXPECTED)
    off = {call: (ours[call], count) for call, count in EXPECTED.items() if ours[call] != count}
    others = {call: counts for call, counts in off.items() if name_function(call) not in OFF}
    assert others == {}


@pytest.mark.slow
def test_the_list_of_functions_that_are_off_is_short(ours):
    # A function that is right now leaves the list.
    off = {name_function(call) for call, count in EXPECTED.items() if ours[call] != count}
    assert off == set(OFF)
    assert list(OFF.values()).count("off") < 0.05 * len({name_function(c) for c in EXPECTED})


@pytest.mark.slow
def test_functions_that_are_not_offered_raise(ours):
    # They do not count wrong in silence.
    refused = {name for name, reason in OFF.items() if reason == "not offered"}
    results = {call: ours[call] for call in EXPECTED if name_function(call) in refused}
    assert {call for call, text in results.items() if "AttributeError" not in text} == set()


PIPELINE = """
import numpy as np, tensorflow as tf
slim = tf.contrib.slim
tf.set_random_seed(42)
record = tf.placeholder(tf.string, [])
features = {"image": tf.FixedLenFeature([], tf.string), "label": tf.FixedLenFeature([], tf.int64)}
parsed = tf.parse_single_example(record, features)
image = tf.to_float(tf.image.decode_png(parsed["image"], 3))
image = tf.image.per_image_standardization(image)
image.set_shape([8, 8, 3])
labels = slim.one_hot_encoding(parsed["label"], 4)
with slim.arg_scope([slim.conv2d], weights_regularizer=slim.l2_regularizer(4e-4)):
    net = slim.conv2d(tf.expand_dims(image, 0), 8, [3, 3], scope="c1")
logits = slim.fully_connected(slim.flatten(net), 4, activation_fn=None, scope="fc")
tf.losses.softmax_cross_entropy(tf.expand_dims(labels, 0), logits)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for name in ("c1/weights", "fc/weights"):
        print("%.6f" % np.abs(session.run(name + ":0")).sum())
"""


TAGGER = """
import numpy as np, tensorflow as tf
tf.set_random_seed(42)
x = tf.placeholder(tf.float32, [None, None, 6])
n = tf.shape(x)[0]
w = tf.get_variable("w", [6, 4], regularizer=tf.contrib.layers.l2_regularizer(0.1))
scores = tf.einsum("abc,cd->abd", x[: n - 1], w)
steps = tf.tensordot(scores, tf.get_variable("v", [4, 4]), 1)[:, : tf.shape(x)[1]]
lengths = tf.fill([n - 1], 5)
tags = tf.zeros([n - 1, tf.shape(x)[1]], tf.int32)
likelihood, _ = tf.contrib.crf.crf_log_likelihood(steps, tags, lengths)
loss = tf.reduce_sum(w) + tf.add_n(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))
tf.get_variable("last", [3])
print([loss.name for loss in tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)])
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for name in ("w", "v", "transitions", "last"):
        print("%.6f" % np.abs(session.run(name + ":0")).sum())
    print("%.5f" % session.run(likelihood, {x: np.ones([3, 5, 6])}).sum())
"""


@pytest.mark.slow
def test_weights_after_an_input_pipeline(tmp_path):
    done = run(write(tmp_path, script=PIPELINE))
    assert done.returncode == 0, done.stderr
    # What 1.15.5 prints for this script.
    assert done.stdout.split() == ["26.537785", "110.278725"]


@pytest.mark.slow
def test_weights_and_scores_of_a_tagger_of_unknown_length(tmp_path):
    done = run(write(tmp_path, script=TAGGER))
    assert done.returncode == 0, done.stderr
    name, *values = done.stdout.splitlines()
    # What 1.15.5 prints for this script.
    assert name == "['w/Regularizer/l2_regularizer:0']"
    assert values == ["9.526190", "7.642037", "7.298491", "1.838692", "-18.62787"]


LAYERS = """
import numpy as np, tensorflow as tf
L = tf.keras.layers

class Mine(L.TimeDistributed):
    pass

tf.set_random_seed(42)
kept = L.TimeDistributed(L.Dense(3))
model = tf.keras.Sequential([L.Input((5, 4)), kept, L.LayerNormalization(), Mine(L.Dropout(0.5))])
model.add(L.Flatten())
model.add(L.Dense(2))
print(isinstance(kept, L.TimeDistributed), isinstance(model.layers[1], L.LayerNormalization))
model.save("model.h5")
names = {"Mine": Mine}
loaded = tf.keras.models.load_model("model.h5", custom_objects=names)
x = np.ones((2, 5, 4), np.float32)
print(np.array_equal(loaded.predict(x), model.predict(x)), type(loaded.layers[0]).__name__)
for layer in (kept, model.layers[-1]):
    print("%.6f" % np.abs(layer.get_weights()[0]).sum())
"""


@pytest.mark.slow
def test_layers_whose_ops_are_counted_are_classes(tmp_path):
    done = run(write(tmp_path, script=LAYERS), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # What 1.15.5 prints for this script.
    *texts, kernel, last = done.stdout.splitlines()
    assert texts == ["True True", "True TimeDistributed"]
    assert [kernel, last] == ["6.288993", "8.133665"]
