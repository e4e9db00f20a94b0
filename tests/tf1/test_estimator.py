"""tf.estimator and contrib.tpu: equal to TensorFlow 1.15.5, and what is not offered is named."""

import importlib
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from oracle_client import GOLDEN, ORACLE, assert_close

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError

estimators = importlib.import_module("estimators")  # in scripts/oracle
SCRIPT = ORACLE / "estimators.py"
OURS = [sys.executable, "-m", "legacy_nets", "run"]
WANTED = json.loads((GOLDEN / "tf1_estimators.json").read_text())


def answer(*command):
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.partition("ANSWER ")[2])


def assert_equal(got, want, what):
    assert got["variables"] == want["variables"], what
    assert_close(got["losses"], want["losses"], 1e-5, f"{what} losses")
    assert_judged(got, want, what)


def assert_judged(got, want, what):
    assert_close(got["predictions"], want["predictions"], 1e-5, f"{what} predictions")
    assert list(got["metrics"]) == list(want["metrics"])
    for name, value in want["metrics"].items():
        assert got["metrics"][name] == pytest.approx(value, rel=1e-5), (what, name)


def test_a_model_function_trains_as_in_1_15(tmp_path):
    got = estimators.measure(tf, "model_fn", str(tmp_path))
    assert_equal(got, WANTED["model_fn"], "model_fn")


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A folder of checkpoints, and what their training reported."""
    folder = tmp_path_factory.mktemp("ours")
    return folder, answer(*OURS, SCRIPT, "measure", folder)


@pytest.mark.slow
def test_every_estimator_trains_as_in_1_15(ours):
    _, got = ours
    assert list(got) == list(WANTED) == list(estimators.CASES)
    for case, want in WANTED.items():
        assert_equal(got[case], want, case)


@pytest.mark.slow
def test_checkpoints_go_both_ways(tmp_path, ours, oracle):
    folder, reported = ours
    for case, got in answer(oracle, SCRIPT, "judge", folder).items():
        assert_judged(got, reported[case], f"{case} of ours in 1.15.5")
    reported = answer(oracle, SCRIPT, "measure", tmp_path)
    for case, got in answer(*OURS, SCRIPT, "judge", tmp_path).items():
        assert_judged(got, reported[case], f"{case} of 1.15.5 here")


def receiver():
    given = tf.placeholder(tf.float32, [None, 4])
    return tf.estimator.export.ServingInputReceiver({"x": given}, {"x": given})


@pytest.mark.slow
def test_train_and_evaluate_exports_a_saved_model(tmp_path):
    estimator = estimators.build(tf, "model_fn", str(tmp_path / "model"))
    exporters = [
        tf.estimator.FinalExporter("final", receiver),
        tf.estimator.LatestExporter("latest", receiver),
        tf.estimator.BestExporter("best", receiver),
    ]
    found, paths = tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(estimators.input_fn(tf, None), max_steps=5),
        tf.estimator.EvalSpec(estimators.input_fn(tf, 1), exporters=exporters, throttle_secs=0),
    )
    assert found["global_step"] == 5
    assert [pathlib.Path(p.decode()).parent.name for p in paths] == ["final", "latest", "best"]
    features, _ = estimators.data()
    want = [int(p["class"]) for p in estimator.predict(estimators.input_fn(tf, 1))]
    with tf.Session(graph=tf.Graph()) as session:
        loaded = tf.saved_model.loader.load(session, ["serve"], paths[0].decode())
        signature = loaded.signature_def["serving_default"]
        got = session.run(signature.outputs["class"].name,
                          {signature.inputs["x"].name: features})  # fmt: skip
    assert got.tolist() == want


@pytest.mark.slow
def test_warm_start_begins_where_the_other_ended(tmp_path):
    column = tf.feature_column.numeric_column("x", shape=(4,))
    folder = str(tmp_path / "first")
    first = tf.estimator.DNNClassifier([3], [column], n_classes=3, model_dir=folder)
    first.train(estimators.input_fn(tf, None), steps=3)
    second = tf.estimator.DNNClassifier(
        [3], [column], n_classes=3, warm_start_from=folder,
        optimizer=tf.train.GradientDescentOptimizer(0.0), model_dir=str(tmp_path / "second"),
    )  # fmt: skip
    second.train(estimators.input_fn(tf, None), steps=1)
    name = "dnn/hiddenlayer_0/kernel"
    assert np.array_equal(first.get_variable_value(name), second.get_variable_value(name))


def test_what_stands_in_is_seen_by_nobody_else():
    tf.estimator  # noqa: B018  (imports it)
    assert type(sys.modules["tensorflow"]).__name__ != "_Extended"
    for name in ("tensorflow.python.distribute.estimator_training",
                 "tensorflow.python.tpu.session_support",
                 "tensorflow_estimator.python.estimator.estimator_export"):  # fmt: skip
        assert name not in sys.modules


def test_private_paths_of_1_15_lead_to_the_same_classes():
    from legacy_nets.tf1.python.estimator import estimator as private
    from legacy_nets.tf1.python.estimator.run_config import RunConfig

    from legacy_nets.tf1.estimator import ModeKeys

    assert private.Estimator is tf.estimator.Estimator
    assert RunConfig is tf.estimator.RunConfig
    assert ModeKeys is tf.estimator.ModeKeys


def test_boosted_trees_are_gone_and_say_so():
    with pytest.raises(AttributeError, match="BoostedTreesClassifier is not offered.*sklearn"):
        tf.estimator.BoostedTreesClassifier  # noqa: B018


@pytest.mark.slow
def test_a_tpu_estimator_without_tpu_gives_batch_sizes(tmp_path):
    tpu = tf.contrib.tpu
    features, labels = estimators.data()
    sizes = []

    def input_fn(params):
        sizes.append(params["batch_size"])
        data = tf.data.Dataset.from_tensor_slices(({"x": features}, labels))
        return data.repeat(3).batch(params["batch_size"], drop_remainder=True)

    def model_fn(features, labels, mode, params):
        logits = tf.layers.dense(features["x"], 3)
        if mode == tf.estimator.ModeKeys.PREDICT:
            return tpu.TPUEstimatorSpec(mode, predictions={"class": tf.argmax(logits, 1)})
        loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
        if mode == tf.estimator.ModeKeys.EVAL:

            def metrics(labels, logits):
                return {"accuracy": tf.metrics.accuracy(labels, tf.argmax(logits, 1))}

            return tpu.TPUEstimatorSpec(mode, loss=loss, eval_metrics=(metrics, [labels, logits]))
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        train_op = optimizer.minimize(loss, tf.train.get_global_step())
        return tpu.TPUEstimatorSpec(mode, loss=loss, train_op=train_op)

    per_host = tpu.InputPipelineConfig.PER_HOST_V2
    config = tpu.RunConfig(
        model_dir=str(tmp_path),
        tpu_config=tpu.TPUConfig(iterations_per_loop=5, per_host_input_for_training=per_host),
    )
    options = {"train_batch_size": 6, "eval_batch_size": 8, "predict_batch_size": 4}
    estimator = tpu.TPUEstimator(model_fn, config=config, use_tpu=False, **options)
    estimator.train(input_fn, max_steps=4)
    assert estimator.evaluate(input_fn, steps=2)["global_step"] == 4
    assert len(list(estimator.predict(input_fn))) == 192
    assert sizes == [6, 8, 4]


def test_what_needs_a_tpu_says_so():
    with pytest.raises(BadInputError, match="use_tpu=True.*use_tpu=False"):
        tf.contrib.tpu.TPUEstimator(None, use_tpu=True, train_batch_size=8)
    with pytest.raises(BadInputError, match="initialize_system needs a TPU"):
        tf.contrib.tpu.initialize_system()
    assert tf.contrib.cluster_resolver.TPUClusterResolver.__name__ == "TPUClusterResolver"


@pytest.mark.slow
def test_a_missing_package_is_one_line():
    code = (
        "import sys; sys.modules['tensorflow_estimator'] = None\n"
        "from legacy_nets import tf1\n"
        "try:\n    tf1.estimator\n"
        "except ImportError as error:\n    print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    assert line.startswith("SetupError tf.estimator needs the package tensorflow-estimator 2.15")
    assert line.endswith("pip install tensorflow-estimator==2.15.0")
