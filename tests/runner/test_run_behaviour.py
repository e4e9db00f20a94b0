"""Scripts behave as under TensorFlow 1.15 where a name resolves and would act differently."""

import ast
import os
import re
import subprocess
import sys
import types

import pytest
from scripts_of_users import COMMAND, write

from legacy_nets.runner import report
from legacy_nets.runner.shims import functions

# One script for all, since each start of TensorFlow takes seconds; a line of output per matter.
SCRIPT = """
import io
import os
import numpy as np
import tensorflow as tf
import tensorflow.contrib.slim as slim
tf.logging.warn("mine")
tf.set_random_seed(1)
first = tf.Variable(tf.random_normal([3, 4]))
tf.Variable(tf.zeros([4]))
tf.Variable(tf.truncated_normal([4, 2], stddev=0.1))
second = tf.Variable(tf.random_uniform([4, 2], -1, 1))
ops = tf.get_default_graph().get_operations()
print("seeds", *[op.get_attr("seed2") for op in ops if "seed2" in op.node_def.attr])
fed = tf.placeholder(tf.float32)
conv = tf.nn.conv2d(fed, tf.ones([3, 3, 2, 2]), [1, 1, 1, 1], "SAME")
pairs = tf.placeholder(tf.float32, [None, 2])
dim = pairs.shape[1]
print("dim", type(dim).__name__, dim == 2, dim // 2, dim * 2, int(dim), dim.value + 1, dim > 3)
training = tf.placeholder(tf.bool)
norm = tf.contrib.layers.batch_norm(pairs, is_training=training)
local = tf.contrib.framework.local_variable(1.0)
print("local", local.dtype.base_dtype.name, np.int(2.5))
print("ragged", np.array([[1, 2], [3]]).dtype, np.array([1.5]).dtype)
print("zipped", np.array(list(zip([np.ones(3)] * 4, [np.ones(2)] * 4))).shape)
file = io.BytesIO()
np.savez(file, rows=[np.ones(2), np.ones(3)], numbers=[1.5, 2.5])
saved = np.load(io.BytesIO(file.getvalue()), allow_pickle=True)
print("saved", saved["rows"].dtype, saved["rows"][1].tolist(), saved["numbers"].dtype)
cube = tf.zeros([2, 3, 4])
total = tf.reduce_sum(cube, keep_dims=True)
tf.nn.softmax_cross_entropy_with_logits(labels=cube, logits=cube)
print("tensordot", tf.tensordot(cube, np.ones([4, 5], np.float32), axes=[[2], [0]]).shape)
for wrong in ((tf.ones([2], tf.int32), 0.5), (cube, [0.1, 0.2, 0.3, 0.4])):
    try:
        tf.nn.dropout(wrong[0], rate=tf.constant(wrong[1]))
    except ValueError as error:
        print("dropout", str(error)[:36])
print("process", os.environ["MPLBACKEND"], os.environ["TF_USE_LEGACY_KERAS"])
with tf.Session() as session:
    session.run([tf.initialize_all_variables(), tf.local_variables_initializer()])
    print("normal", *["%.5f" % value for value in session.run(first)[0]])
    print("uniform", *["%.5f" % value for value in session.run(second)[0]])
    print("norm", session.run(norm, {pairs: [[1.0, 2.0], [3.0, 6.0]], training: True}).round(2))
    try:
        session.run(conv, {fed: [[1.0, 2.0]]})
    except tf.errors.InvalidArgumentError:
        print("rank raised")
    try:
        session.run(norm, {pairs: [1.0], training: True})
    except ValueError as error:
        print("shape", str(error)[:26])
with tf.device("/gpu:7"):
    placed = tf.constant([1.0], name="placed") * 2
for soft in (False, True):
    try:
        with tf.Session(config=tf.ConfigProto(allow_soft_placement=soft)) as session:
            print("soft placement", session.run(placed))
    except tf.errors.InvalidArgumentError as error:
        print("placement", "assigned to /device:GPU:7 but available devices" in error.message)
"""

DEPRECATED = {  # name in the report -> what is in the line of the script that calls it first
    "initialize_all_variables": "tf.initialize_all_variables",
    "reduce_sum_v1": "keep_dims=True",
    "softmax_cross_entropy_with_logits": "softmax_cross_entropy_with_logits(",
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    script = write(tmp_path_factory.mktemp("run"), script=SCRIPT)
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {"DISPLAY": "", "WAYLAND_DISPLAY": "", "MPLBACKEND": "Agg"}
    finished = subprocess.run(
        [*COMMAND, "--report", str(script)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert finished.returncode == 0, finished.stderr
    return finished


@pytest.mark.parametrize(
    "line",
    [
        # TensorFlow 1.15.5's op seeds and first weights, under the same script.
        "seeds 3 16 25",
        "normal -0.67086 0.22357 0.79727 0.09617",
        "uniform 0.57730 0.55304",
        "dim Dimension True 1 4 2 3 False",
        "local float32 2",
        "norm [[-1. -1.]",
        "rank raised",  # oneDNN's kernel would have aborted the process
        "shape Cannot feed value of shape",
        "ragged object float64",
        "zipped (4, 2)",
        "saved object [1.0, 1.0, 1.0] float64",
        "tensordot (2, 3, 5)",
        "dropout x has to be a floating point tensor ",
        "dropout Shape (4,) must have rank 0",
        "process Agg 1",
        "placement True",  # on a machine without eight GPUs
        "soft placement [2.]",
    ],
)
def test_as_in_1_15(done, line):
    assert line in done.stdout.splitlines()


def test_nothing_but_the_script_and_its_report_speak(done):
    lines = done.stderr.splitlines()
    assert lines[0] == "WARNING:tensorflow:mine"
    assert lines[1].startswith("legacy-nets: numpy.int was removed in")
    assert lines[2] == "legacy-nets: report"


def test_the_report_lists_names_deprecations_and_shims(done):
    lines = done.stderr.splitlines()[3:]
    assert lines[0].endswith(" s in 8 session runs")
    found = {line.split()[0]: line for line in lines[1:]}
    assert "tf.contrib.layers.batch_norm (1)" in found["tf_slim"]
    assert "tf.placeholder (3)" in found["tensorflow"]
    for name, call in DEPRECATED.items():
        [line] = [line for line in lines if line.startswith(f"  deprecated  {name}, at ")]
        number = next(n for n, text in enumerate(SCRIPT.splitlines(), 1) if call in text)
        assert line.endswith(f"script.py:{number}")
    assert found["shim"].endswith("for numpy.int, removed in NumPy 1.24")


def test_the_report_is_in_the_language_of_the_command(tmp_path):
    script = write(tmp_path, script="import numpy as np\nprint(np.int(3))\n")
    command = [*COMMAND, "--lang", "zh", "--report", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()[-3:]
    assert lines[0] == "legacy-nets：报告"
    assert re.fullmatch(
        r"  时间        \d+\.\d 秒：导入 TensorFlow 0\.0 秒，Python 与构建计算图 \d+\.\d 秒，"
        r"0 次会话运行 0\.0 秒",
        lines[1],
    )
    assert re.fullmatch(
        r"  替代        用 .+ 代替 numpy\.int，后者自 NumPy 1\.24 起已移除", lines[2]
    )


def test_names_are_followed_through_their_imports():
    tree = ast.parse(
        "import tensorflow as tf\nimport tensorflow.contrib.slim as slim\n"
        "from tensorflow.contrib import layers as L\nimport numpy as np\n"
        "tf.nn.relu(slim.flatten(L.x), np.int)\n"
    )
    found = sorted(report._find_names(tree))
    assert found == ["tf.contrib.layers.x", "tf.contrib.slim.flatten", "tf.nn.relu"]


def test_an_array_method_of_other_owners_is_left_alone():
    owner = types.SimpleNamespace(array=lambda *given, **named: (given, named))
    assert functions.array(owner, 1, dtype=2) == ((1,), {"dtype": 2})


@pytest.mark.slow
def test_cells_of_a_notebook_see_tensorflow_1(tmp_path):
    source = """
    import types
    import legacy_nets
    shell = types.SimpleNamespace(
        ast_transformers=[], register_magic_function=lambda *given: None
    )
    legacy_nets.load_ipython_extension(shell)
    legacy_nets.load_ipython_extension(shell)  # as %reload_ext does
    cell = "import tensorflow as tf; import numpy as np; print(tf.__version__, np.int(2.5))"
    main = types.ModuleType("__main__")
    exec(compile(cell, "<ipython-input-1>", "exec"), vars(main))
    print(len(shell.ast_transformers))
    """
    script = write(tmp_path, script=source)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stdout == "1.15.5 2\n1\n", done.stderr
