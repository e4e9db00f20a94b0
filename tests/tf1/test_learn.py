"""tf.contrib.learn, the MNIST tutorial's files and HParams: equal to TensorFlow 1.15.5."""

import importlib
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from oracle_client import GOLDEN, ORACLE

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError

learn = importlib.import_module("learn")  # in scripts/oracle
OURS = [sys.executable, "-m", "legacy_nets", "run"]
WANTED = json.loads((GOLDEN / "tf1_learn.json").read_text())
FEATURES = np.random.RandomState(0).rand(60, 4)  # float64: becomes float32
LABELS = (FEATURES.sum(1) * 0.74).astype(np.int64)


def test_hparams_say_what_1_15_says():
    assert json.loads(json.dumps(learn.settings(tf))) == WANTED["settings"]


def test_vocabularies_are_those_of_1_15(tmp_path):
    assert json.loads(json.dumps(learn.texts(tf, str(tmp_path)))) == WANTED["texts"]
    again = tf.contrib.learn.preprocessing.VocabularyProcessor.restore(str(tmp_path / "vocabulary"))
    assert again.vocabulary_._mapping == WANTED["texts"]["numbers"]


@pytest.mark.slow
def test_batches_are_those_of_1_15(tmp_path):
    command = [*OURS, ORACLE / "learn.py", tmp_path]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.partition("ANSWER ")[2]) == WANTED


@pytest.mark.slow
def test_a_vocabulary_saved_by_1_15_is_restored(tmp_path, oracle):
    subprocess.run([oracle, str(ORACLE / "learn.py"), str(tmp_path)], check=True,
                   capture_output=True)  # fmt: skip
    again = tf.contrib.learn.preprocessing.VocabularyProcessor.restore(str(tmp_path / "vocabulary"))
    assert again.vocabulary_._mapping == WANTED["texts"]["numbers"]


def test_read_data_sets_says_what_to_put_where(tmp_path):
    with pytest.raises(
        BadInputError,
        match=r"nothing is downloaded: put mnist.npz there.*--data synthetic or --data FOLDER",
    ) as caught:
        tf.examples.tutorials.mnist.input_data.read_data_sets(str(tmp_path / "MNIST_data"))
    assert "\n" not in str(caught.value)


def test_module_paths_of_1_15_lead_here():
    from legacy_nets.tf1.contrib.learn.python.learn import learn_runner
    from legacy_nets.tf1.contrib.learn.python.learn.datasets import base
    from legacy_nets.tf1.contrib.learn.python.learn.datasets.mnist import read_data_sets
    from legacy_nets.tf1.contrib.learn.python.learn.estimators import model_fn
    from legacy_nets.tf1.contrib.learn.python.learn.estimators.estimator import SKCompat
    from legacy_nets.tf1.contrib.learn.python.learn.preprocessing.text import VocabularyProcessor
    from legacy_nets.tf1.contrib.learn.python.learn.utils import input_fn_utils
    from legacy_nets.tf1.contrib.training.python.training.hparam import HParams

    ours = tf.contrib.learn
    assert learn_runner is ours.learn_runner
    assert base.load_csv_with_header is ours.datasets.base.load_csv_with_header
    assert read_data_sets is tf.examples.tutorials.mnist.input_data.read_data_sets
    assert model_fn.ModelFnOps is ours.ModelFnOps
    assert SKCompat is ours.SKCompat
    assert VocabularyProcessor is ours.preprocessing.VocabularyProcessor
    assert input_fn_utils.InputFnOps is ours.InputFnOps
    assert HParams is tf.contrib.training.HParams


def test_csv_tables(tmp_path):
    base = tf.contrib.learn.datasets.base
    path = tmp_path / "table.csv"
    path.write_text("2,3,a,b\n1,2,3,0\n4,5,6,1\n")
    table = base.load_csv_with_header(str(path), target_dtype=np.int64, features_dtype=np.float32)
    assert table.data.tolist() == [[1, 2, 3], [4, 5, 6]] and table.data.dtype == np.float32
    assert table.target.tolist() == [0, 1]
    path.write_text("1,2,3,0\n4,5,6,1\n")
    table = base.load_csv_without_header(str(path), np.int64, np.float32, target_column=0)
    assert table.data.tolist() == [[2, 3, 0], [5, 6, 1]] and table.target.tolist() == [1, 4]
    path.write_text("a,b\n1,2\n")
    with pytest.raises(BadInputError, match="load_csv_without_header"):
        base.load_csv_with_header(str(path), np.int64, np.float32)
    with pytest.raises(BadInputError, match=r"nothing is downloaded: put http://x/y.zip there"):
        base.maybe_download("y.zip", str(tmp_path), "http://x/y.zip")
    with pytest.raises(ValueError, match="Name of dataset is not found: nothing"):
        tf.contrib.learn.datasets.load_dataset("nothing")


def test_iris_is_1_15s():
    pytest.importorskip("sklearn")
    iris = tf.contrib.learn.datasets.load_dataset("iris")
    assert iris.data.shape == (150, 4) and iris.target.tolist() == sorted([0, 1, 2] * 50)
    assert iris.data.sum(0) == pytest.approx([876.5, 458.1, 563.8, 179.8])


@pytest.mark.slow
def test_canned_estimators_take_arrays():
    learn = tf.contrib.learn
    columns = learn.infer_real_valued_columns_from_input(FEATURES)
    classifier = learn.DNNClassifier(hidden_units=[8], feature_columns=columns, n_classes=3)
    assert classifier.fit(FEATURES, LABELS, steps=5, batch_size=16) is classifier
    assert classifier.evaluate(FEATURES, LABELS)["global_step"] == 5
    chances = classifier.predict_proba(FEATURES[:4], as_iterable=False)
    assert list(classifier.predict(FEATURES[:4])) == chances.argmax(1).tolist()
    both = learn.SKCompat(classifier).predict(FEATURES[:4])
    assert both["probabilities"].shape == (4, 3) and both["classes"].shape == (4,)
    regressor = learn.SKCompat(learn.LinearRegressor(feature_columns=columns))
    target = FEATURES.sum(1)
    before = regressor.fit(FEATURES, target, steps=1).score(FEATURES, target)["loss"]
    assert regressor.fit(FEATURES, target, steps=50).score(FEATURES, target)["loss"] < before / 2
    assert regressor.predict(FEATURES[:3])["scores"].shape == (3,)
    with pytest.raises(BadInputError, match="gradient_clip_norm"):
        learn.DNNRegressor([8], columns, gradient_clip_norm=1.0)


def model_fn(features, labels, mode, params):
    logits = tf.layers.dense(features, 3)
    predictions, loss, train_op = {"class": tf.argmax(logits, 1)}, None, None
    if mode != tf.contrib.learn.ModeKeys.INFER:
        loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    if mode == tf.contrib.learn.ModeKeys.TRAIN:
        optimizer = tf.train.GradientDescentOptimizer(params.rate)
        train_op = optimizer.minimize(loss, tf.train.get_global_step())
    return tf.contrib.learn.ModelFnOps(mode, predictions, loss, train_op)


@pytest.mark.slow
def test_an_experiment_trains_evaluates_and_exports(tmp_path):
    learn = tf.contrib.learn

    def input_fn():
        return tf.constant(FEATURES, tf.float32), tf.constant(LABELS)

    def serving():
        given = tf.placeholder(tf.float32, [None, 4])
        return learn.InputFnOps(given, None, {"x": given})

    def make(run_config, hparams):
        return learn.Experiment(
            learn.Estimator(model_fn, config=run_config, params=hparams), input_fn, input_fn,
            eval_metrics={"accuracy": learn.MetricSpec(tf.metrics.accuracy, "class")},
            train_steps=6, eval_steps=1, check_interval_secs=0,
            export_strategies=[learn.utils.saved_model_export_utils.make_export_strategy(serving)],
        )  # fmt: skip

    config = learn.RunConfig(model_dir=str(tmp_path), save_checkpoints_steps=3)
    hparams = tf.contrib.training.HParams(rate=0.1)
    found, exports = learn.learn_runner.run(make, run_config=config, hparams=hparams)
    assert found["global_step"] == 6 and set(found) == {"accuracy", "loss", "global_step"}
    (path,) = exports
    assert pathlib.Path(path.decode()).parent == tmp_path / "export" / "Servo"
    assert (pathlib.Path(path.decode()) / "saved_model.pb").is_file()
    shutil.rmtree(tmp_path / "export")


@pytest.mark.slow
def test_a_validation_monitor_stops_what_gets_no_better():
    learn = tf.contrib.learn
    monitor = learn.monitors.ValidationMonitor(
        FEATURES, LABELS, every_n_steps=2, early_stopping_rounds=4, check_interval_secs=0
    )
    estimator = learn.Estimator(
        model_fn, params=tf.contrib.training.HParams(rate=0.0),
        config=learn.RunConfig(save_checkpoints_steps=2),
    )  # fmt: skip
    estimator.fit(FEATURES, LABELS, steps=30, batch_size=60, monitors=[monitor])
    assert monitor.early_stopped and monitor.best_step < 8
    assert estimator.get_variable_value("global_step") < 30
    with pytest.raises(AttributeError, match="SVM is not offered.*sklearn"):
        learn.SVM  # noqa: B018
