"""tf.contrib.learn on a cluster: what TF_CONFIG means to its RunConfig, and an Experiment there."""

import json
import re
import subprocess
import sys

import pytest

from legacy_nets import tf1 as tf
from legacy_nets.tf1.contrib.learn.learn_runner import choose_schedule

PS_AND_WORKERS = {"ps": ["a:1"], "worker": ["b:1", "c:1"]}
WITH_MASTER = {**PS_AND_WORKERS, "master": ["m:1"]}

# cluster, job, index, environment -> job, index, master, ps, workers, is_chief, of 1.15.5
TASKS = [
    ({}, None, None, None, (None, 0, "", 0, 0, True)),
    (PS_AND_WORKERS, "worker", 1, None, ("worker", 1, "grpc://c:1", 1, 2, False)),
    (PS_AND_WORKERS, "worker", 0, None, ("worker", 0, "grpc://b:1", 1, 2, True)),
    (PS_AND_WORKERS, "worker", 0, "cloud", ("worker", 0, "grpc://b:1", 1, 2, False)),
    (WITH_MASTER, "master", 0, "cloud", ("master", 0, "grpc://m:1", 1, 3, True)),
    (WITH_MASTER, "master", 0, None, ("master", 0, "grpc://m:1", 1, 3, False)),
    (WITH_MASTER, "ps", 0, "cloud", ("ps", 0, "grpc://a:1", 1, 3, False)),
    (WITH_MASTER, "worker", "1", None, ("worker", 1, "grpc://c:1", 1, 3, False)),
    ({"worker": ["x:1"]}, "worker", 0, None, ("worker", 0, "", 0, 1, True)),
    (PS_AND_WORKERS, None, None, None, (None, 0, "", 1, 2, True)),
]


def make_config(monkeypatch, cluster, job, index, environment):
    task = {} if job is None else {"type": job, "index": index}
    text = {"cluster": cluster, "task": task}
    text |= {} if environment is None else {"environment": environment}
    monkeypatch.setenv("TF_CONFIG", json.dumps(text))
    return tf.contrib.learn.RunConfig()


@pytest.mark.parametrize(("cluster", "job", "index", "environment", "wanted"), TASKS)
def test_tf_config_means_what_it_meant(monkeypatch, cluster, job, index, environment, wanted):
    config = make_config(monkeypatch, cluster, job, index, environment)
    assert config.environment == (environment or "local")
    assert wanted == (
        config.task_type, config.task_id, config.master, config.num_ps_replicas,
        config.num_worker_replicas, config.is_chief,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("job", "index", "message"),
    [("chief", 0, "chief is not a valid task_type"), ("worker", 2, "2 is not a valid task_id")],
)
def test_a_task_that_the_cluster_lacks_is_named(monkeypatch, job, index, message):
    with pytest.raises(ValueError, match=message):
        make_config(monkeypatch, PS_AND_WORKERS, job, index, "cloud")


@pytest.mark.parametrize(
    ("job", "schedule"),
    [("master", "train_and_evaluate"), ("worker", "train"), ("ps", "run_std_server")],
)
def test_the_task_chooses_the_schedule(monkeypatch, job, schedule):
    assert choose_schedule(make_config(monkeypatch, WITH_MASTER, job, 0, "cloud")) == schedule
    assert choose_schedule(make_config(monkeypatch, {}, None, None, None)) == "train_and_evaluate"
    with pytest.raises(ValueError, match="Must specify a schedule"):
        choose_schedule(make_config(monkeypatch, WITH_MASTER, None, None, "cloud"))


SCRIPT = """
import tensorflow as tf
from tensorflow.contrib.learn.python.learn import learn_runner

def model_fn(features, labels, mode):
    loss = tf.reduce_mean(tf.square(tf.layers.dense(features, 1) - labels))
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    step = tf.train.get_global_step()
    train_op = optimizer.minimize(loss, step)
    print("variables on", sorted({v.device for v in tf.global_variables()}), flush=True)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

def input_fn():
    return tf.ones([4, 2]), tf.ones([4, 1])

def make(output_dir):
    config = tf.contrib.learn.RunConfig(model_dir=output_dir)
    estimator = tf.estimator.Estimator(model_fn, config=config)
    return tf.contrib.learn.Experiment(
        estimator, input_fn, input_fn, train_steps=400, eval_steps=1)

result = learn_runner.run(make, "out")
print("result", type(result).__name__, flush=True)
if isinstance(result, tuple):
    print("evaluated at step", result[0]["global_step"], flush=True)
"""


@pytest.mark.rare
def test_an_experiment_trains_on_a_cluster(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "legacy_nets", "launch", "--master", "--workers", "1"]
    finished = subprocess.run(
        [*command, "--", "run", "script.py"], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "[master 0] variables on ['/job:ps/task:0']" in finished.stdout
    assert "[worker 0] result Estimator" in finished.stdout
    assert "[master 0] result tuple" in finished.stdout
    [step] = re.findall(r"evaluated at step (\d+)", finished.stdout)
    assert 400 <= int(step) <= 402  # the steps of both; 1.15.5 passes the last one, too
