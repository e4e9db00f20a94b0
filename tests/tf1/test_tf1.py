"""The tf1 namespace: what it offers, that it flips nothing, and its errors."""

import ast
import importlib
import pathlib
import subprocess
import sys
import textwrap
import types

import numpy as np
import pytest

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.errors import SetupError
from legacy_nets.tf1.late_import import import_late

ROOT = pathlib.Path(legacy_nets.__file__).parent


def run_python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )


def test_layers_and_slim_name_their_variables_as_tf1_did():
    slim = tf.contrib.slim
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 8, 8, 3])
        with tf.variable_scope("a"):
            x = tf.layers.conv2d(x, 4, 3)
            x = tf.layers.batch_normalization(x, training=True)
        x = slim.conv2d(x, 5, [3, 3], normalizer_fn=slim.batch_norm, scope="b")
        sequence = tf.reshape(x, [-1, 6, 30])
        cell = tf.nn.rnn_cell.MultiRNNCell([tf.contrib.rnn.LSTMCell(7)])
        tf.nn.dynamic_rnn(cell, sequence, dtype=tf.float32)
        found = [(v.op.name, tuple(v.shape.as_list())) for v in tf.global_variables()]
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    assert found == [
        ("a/conv2d/kernel", (3, 3, 3, 4)),
        ("a/conv2d/bias", (4,)),
        ("a/batch_normalization/gamma", (4,)),
        ("a/batch_normalization/beta", (4,)),
        ("a/batch_normalization/moving_mean", (4,)),
        ("a/batch_normalization/moving_variance", (4,)),
        ("b/weights", (3, 3, 4, 5)),
        ("b/BatchNorm/beta", (5,)),
        ("b/BatchNorm/moving_mean", (5,)),
        ("b/BatchNorm/moving_variance", (5,)),
        ("rnn/multi_rnn_cell/cell_0/lstm_cell/kernel", (37, 28)),
        ("rnn/multi_rnn_cell/cell_0/lstm_cell/bias", (28,)),
    ]
    assert len(updates) == 4


@pytest.fixture
def sklearn_folder(tmp_path):
    """A folder with a package ``sklearn`` of this test."""
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "__init__.py").write_text("")
    (tmp_path / "sklearn" / "metrics.py").write_text("def v_measure_score(*given): return given\n")
    return tmp_path


def test_slim_imports_sklearn_only_for_the_scores_of_clusters(sklearn_folder):
    code = f"""
        import sys
        sys.path.insert(0, {str(sklearn_folder)!r})
        from legacy_nets import tf1 as tf
        metric_learning = tf.contrib.slim.losses.metric_learning
        print(metric_learning.HAS_SKLEARN, sorted(n for n in sys.modules if "sklearn" in n))
        print(metric_learning.metrics.v_measure_score(3, 4))
        print(sys.modules["sklearn.metrics"].__file__)
    """
    done = run_python(code)
    assert done.stdout.splitlines() == [
        "True []",
        "(3, 4)",
        str(sklearn_folder / "sklearn" / "metrics.py"),
    ]


@pytest.mark.parametrize("stand_in", ["None", "types.ModuleType('sklearn')"])
def test_slim_without_sklearn(stand_in):
    code = f"""
        import sys
        import types
        sys.modules["sklearn"] = {stand_in}  # not installed, or replaced by a script
        from legacy_nets import tf1 as tf
        metric_learning = tf.contrib.slim.losses.metric_learning
        print(metric_learning.HAS_SKLEARN, hasattr(metric_learning, "metrics"))
    """
    assert run_python(code).stdout == "False False\n"


def test_a_module_is_imported_late_unless_it_is_there(monkeypatch):
    real = types.ModuleType("sklearn.metrics")
    monkeypatch.setitem(sys.modules, "sklearn.metrics", real)
    with import_late("sklearn.metrics"):
        assert sys.modules["sklearn.metrics"] is real
    assert sys.modules["sklearn.metrics"] is real
    monkeypatch.delitem(sys.modules, "json.tool", raising=False)
    with pytest.raises(ValueError, match="in the block"), import_late("json.tool"):
        late = importlib.import_module("json.tool")
        assert not hasattr(late, "__file__") and not hasattr(late, "main")
        raise ValueError("in the block")
    assert not hasattr(late, "__file__") and "json.tool" not in sys.modules
    assert late.main is importlib.import_module("json.tool").main


def test_slim_batch_norm_normalizes():
    slim = tf.contrib.slim
    values = np.random.RandomState(0).normal(3, 2, [16, 5, 5, 4]).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        normal = slim.batch_norm(tf.constant(values), is_training=True, epsilon=1e-5)
        session.run(tf.global_variables_initializer())
        got = session.run(normal)
    want = (values - values.mean((0, 1, 2))) / np.sqrt(values.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_everything_of_compat_v1_is_there():
    import tensorflow

    names = [name for name in dir(tensorflow.compat.v1) if not name.startswith("_")]
    assert len(names) > 600
    assert [name for name in names if not hasattr(tf, name)] == []
    assert tf.nn.relu is tensorflow.compat.v1.nn.relu
    assert tf.__version__ == tf.VERSION == tf.version.VERSION == "1.15.5"
    assert tensorflow.__version__ in tf.GIT_VERSION


def test_contrib_layers_is_the_whole_package():
    layers = tf.contrib.layers
    for name in ("conv2d", "fully_connected", "xavier_initializer", "l2_regularizer"):
        assert callable(getattr(layers, name))
    with tf.Graph().as_default(), tf.Session() as session:
        penalty = layers.l2_regularizer(0.5)(tf.constant([3.0, 4.0]))
        assert session.run(penalty) == pytest.approx(0.5 * 25 / 2)


def test_contrib_says_what_it_offers():
    with pytest.raises(AttributeError, match=r"tf\.contrib\.nothing is not offered"):
        _ = tf.contrib.nothing


@pytest.mark.slow
def test_import_flips_no_switch():
    code = """
        import os
        before = dict(os.environ)
        import tensorflow as tf
        state = lambda: (
            tf.executing_eagerly(),
            tf.compat.v1.resource_variables_enabled(),
            tf.compat.v1.control_flow_v2_enabled(),
            tf.compat.v1.get_default_graph() is tf.compat.v1.get_default_graph(),
            tf.config.experimental_functions_run_eagerly(),
        )
        first = state()
        from legacy_nets import tf1
        tf1.contrib.slim.conv2d, tf1.layers.dense
        assert state() == first and first[0], (first, state())
        assert {k: v for k, v in os.environ.items() if k.startswith("TF_USE")} == {
            k: v for k, v in before.items() if k.startswith("TF_USE")}
        assert float(tf.constant(2.0) + 1) == 3.0
        assert tf.keras.__name__.startswith("keras."), "tf.keras stays what the user has"
        print("fine")
    """
    done = run_python(code)
    assert done.stdout.strip() == "fine", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("given", [None, "0"])
def test_keras_3_is_imported_on_its_first_use(given):
    code = f"""
        import os, sys
        os.environ.pop("TF_USE_LEGACY_KERAS", None)
        if {given!r}:
            os.environ["TF_USE_LEGACY_KERAS"] = {given!r}
        from legacy_nets import tf1
        assert "keras" not in sys.modules, "it takes half a second"
        assert os.environ.get("TF_USE_LEGACY_KERAS") == {given!r}
        import tensorflow as tf
        from tensorflow.keras.layers import Dense
        import keras
        assert keras.__version__.startswith("3.")
        assert tf.keras.layers.Dense is Dense is keras.layers.Dense
        assert tf.optimizers.Adam is keras.optimizers.Adam
        assert tf1.keras.layers.Dense is not Dense
        print("fine")
    """
    done = run_python(code)
    assert done.stdout.strip() == "fine", done.stderr


@pytest.mark.slow
def test_a_script_of_ones_own_can_ask_for_quiet():
    code = """
        import os
        os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)
        import legacy_nets.quiet
        assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ, "importing changes nothing"
        legacy_nets.quiet.quiet_tensorflow()
        from legacy_nets import tf1 as tf
        with tf.Graph().as_default(), tf.Session() as session:
            print(session.run(tf.layers.flatten(tf.ones([1, 2, 3]))))
    """
    done = run_python(code)
    assert (done.stdout, done.stderr) == ("[[1. 1. 1. 1. 1. 1.]]\n", "")


@pytest.mark.slow
def test_keras_3_bound_first_is_one_clear_error():
    done = run_python("import tensorflow as tf; tf.keras.Model; from legacy_nets import tf1")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("legacy_nets.errors.SetupError: Keras 3 is already bound as tf.keras")
    assert "TF_USE_LEGACY_KERAS=1" in last


@pytest.mark.slow
@pytest.mark.parametrize("package", ["tf_keras", "tf_slim", "tensorflow"])
def test_missing_package_is_one_clear_error(package):
    done = run_python(
        f"""
        import sys
        sys.modules["{package}"] = None
        from legacy_nets import tf1
        tf1.contrib.slim
        """
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("legacy_nets.errors.SetupError: ")
    assert f"pip install '{package.replace('tf_slim', 'tf-slim')}>=" in last


@pytest.mark.parametrize(
    ("version", "fits"), [("2.20.1", False), ("2.22.0", False), ("2.21.3", True)]
)
def test_tensorflow_outside_the_tested_range(version, fits):
    other = types.ModuleType("tensorflow")
    other.__version__ = version
    other.keras = types.SimpleNamespace()
    if fits:
        tf._check_versions(other)
        return
    with pytest.raises(SetupError, match=rf"TensorFlow {version} is outside .* pip install"):
        tf._check_versions(other)


def test_only_tf1_imports_tensorflow():
    """One door to TensorFlow: every other file goes through legacy_nets.tf1."""
    offenders = []
    for path in ROOT.rglob("*.py"):
        if path.relative_to(ROOT).parts[0] in ("tf1", "types.py"):  # types.py: annotations alone
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                if top == "keras" and path.match("port/formats/keras/*.py"):  # the Keras 3 target
                    continue
                if top in {"tensorflow", "tf_keras", "tf_slim", "keras"}:
                    offenders.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
    assert offenders == []


def default_weights(initializer=None):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(3)
        x = tf.placeholder(tf.float32, [2, 8, 8, 3])
        with tf.variable_scope("a", initializer=initializer):
            tf.layers.conv2d(x, 2, 3)
            tf.layers.dense(x, 2)
            cell = tf.nn.rnn_cell.LSTMCell(3)
            tf.nn.dynamic_rnn(cell, tf.reshape(x, [2, 8, 24]), dtype=tf.float32)
        session.run(tf.global_variables_initializer())
        return {v.op.name: session.run(v) for v in tf.global_variables()}


def test_default_weights_follow_the_graphs_seed_as_in_tf1():
    first, second = default_weights(), default_weights()
    assert len(first) == 6
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
    limit = np.sqrt(6 / (27 + 18))  # Glorot: fan in 3x3x3, fan out 3x3x2
    assert 0.8 * limit < abs(first["a/conv2d/kernel"]).max() <= limit


def test_default_weights_follow_the_variable_scope_as_in_tf1():
    values = default_weights(tf.constant_initializer(7.0))
    assert {name for name, value in values.items() if (value == 7).all()} == {
        "a/conv2d/kernel",
        "a/dense/kernel",
        "a/rnn/lstm_cell/kernel",
    }
