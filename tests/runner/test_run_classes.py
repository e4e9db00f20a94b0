"""Classes of tensors, variables, operations and sizes under ``run``, as TensorFlow 1.15.5 has them.

The values are what 1.15.5 prints for the same expressions.
"""

import pytest
from scripts_of_users import run, write

SETUP = """
import copy
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import ops
x = tf.placeholder(tf.float32, [None, 6], name="x")
images = tf.placeholder(tf.float32, [None, 8, 8, 4])
d = x.shape[1]
old = tf.Variable(2.0, name="old")
new = tf.get_variable("new", [2], use_resource=True)
sparse = tf.SparseTensor([[0, 0]], [1.0], [2, 2])
step = tf.while_loop(lambda i: i < 3, lambda i: i + 1, [0])
seen = []
def see(value):
    seen.append((type(value).__name__, isinstance(value, tf.Tensor)))
    return value
eager = tf.contrib.eager.py_func(see, [tf.constant(1.0)], tf.float32)
with tf.Session() as session:
    session.run(eager)
class Derived(tf.Tensor):
    pass
def fail(*arguments):
    raise KeyError("failed")
def make_after_error(trace):
    try:
        trace()
    except (KeyError, ValueError):
        return type(tf.Variable(1.0)).__name__
def show(text):
    try:
        return eval(text)
    except (TypeError, ValueError) as error:
        return type(error).__name__ + " " + str(error)
"""
CASES = {
    # A tensor's class
    "type(x) is tf.Tensor": "True",
    "type(x * 2).__name__, x.__class__ == tf.Tensor": "('Tensor', True)",
    "type(x), tf.Tensor is ops.Tensor": "(<class 'tensorflow.python.framework.ops.Tensor'>, True)",
    "type(step) in (tf.Tensor, tf.Variable), {tf.Tensor: 1}[type(x)]": "(True, 1)",
    "type(tf.get_default_graph().get_tensor_by_name('x:0')) is tf.Tensor": "True",
    "type(tf.gradients(x * 2, x)[0]) is type(copy.copy(x)) is tf.Tensor": "True",
    "tf.Tensor(x.op, 0, tf.float32)": 'Tensor("x:0", shape=(?, 6), dtype=float32)',
    "[isinstance(v, tf.Tensor) for v in (x, old.value(), sparse.values)]": "[True, True, True]",
    "[isinstance(v, tf.Tensor) for v in (old, new, sparse, d, 1, None)]": str([False] * 6),
    "issubclass(type(x), tf.Tensor), issubclass(tf.Variable, tf.Tensor)": "(True, False)",
    "isinstance(x, Derived), issubclass(Derived, tf.Tensor)": "(False, True)",
    "[isinstance(v, tf.Variable) for v in (old, new, x)]": "[True, True, False]",
    "seen": "[('EagerTensor', True)]",
    "make_after_error(lambda: tf.data.Dataset.range(3).map(fail))": "RefVariable",
    "make_after_error(lambda: tf.contrib.eager.defun(fail)())": "RefVariable",
    # Sizes
    "tf.get_variable('v', [1, True, 4], initializer=tf.initializers.random_normal()).shape": (
        "(1, 1, 4)"
    ),
    "tf.get_variable('w', [6 / 2, np.bool_(True)]).shape": "(3, 1)",
    "tf.TensorShape([True, False, 3.0, '4', b'5', np.float32(6), np.array([7]), None])": (
        "(1, 0, 3, 4, 5, 6, 7, ?)"
    ),
    "tf.TensorShape(True), tf.TensorShape(2.0)": (
        "(TensorShape([Dimension(1)]), TensorShape([Dimension(2)]))"
    ),
    "tf.placeholder(tf.float32, [None, 28 * 28 / 2]).shape": "(?, 392)",
    "tf.placeholder(tf.int32, [True]).shape": "(1,)",
    "tf.layers.conv2d(images, True, 3).shape": "(?, 6, 6, 1)",
    "tf.nn.rnn_cell.BasicLSTMCell(4.0).zero_state(2, tf.float32).c.shape": "(2, 4)",
    "tf.contrib.layers.embed_sequence([[1]], 3.0, True).shape": "(1, 1, 1)",
    "tf.FIFOQueue(10, [tf.float32], shapes=[[True]]).dequeue().shape": "(1,)",
    "d * 2.0, d // 2.0, d == 6.0, d == 6.5, d == '6'": (
        "(Dimension(12), Dimension(3), True, False, True)"
    ),
    "d * 0.5": "TypeError unsupported operand type(s) for *: 'Dimension' and 'float'",
    "tf.TensorShape([2.5])": "ValueError Ambiguous dimension: 2.5",
    "tf.TensorShape([-1])": "ValueError Dimension -1 must be >= 0",
    "tf.Dimension(tf.float32)": "TypeError Cannot convert <dtype: 'float32'> to Dimension",
    "tf.TensorShape('12')": (
        "TypeError A string has ambiguous TensorShape, please wrap in a list or convert to an int: "
        "12"
    ),
    # What is printed
    "[x]": "[<tf.Tensor 'x:0' shape=(?, 6) dtype=float32>]",
    "x": 'Tensor("x:0", shape=(?, 6), dtype=float32)',
    "tf.placeholder(tf.string, name='y')": 'Tensor("y:0", dtype=string)',
    "old": "<tf.Variable 'old:0' shape=() dtype=float32_ref>",
    "new": "<tf.Variable 'new:0' shape=(2,) dtype=float32>",
    "repr(x.op)": "<tf.Operation 'x' type=Placeholder>",
    "str(x.op).split()[4:10]": "['attr', '{', 'key:', '\"dtype\"', 'value', '{']",
    "repr(x.shape), str(x.shape)": "('TensorShape([Dimension(None), Dimension(6)])', '(?, 6)')",
    "repr(tf.TensorShape(None)), str(tf.TensorShape(None))": "('TensorShape(None)', '<unknown>')",
    "tf.TensorShape([]), str(tf.TensorShape([2]))": "(TensorShape([]), '(2,)')",
    "[d, x.shape[0]], '%s' % d": "([Dimension(6), Dimension(None)], '6')",
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    prints = "".join(f"print(show({text!r}))\n" for text in CASES)
    done = run(write(tmp_path_factory.mktemp("classes"), script=SETUP + prints))
    assert (done.returncode, done.stderr) == (0, "")
    return dict(zip(CASES, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("text", CASES)
def test_as_in_1_15(printed, text):
    assert printed[text] == CASES[text]


@pytest.mark.slow
def test_eager_tensors_are_tensors_and_libraries_see_their_own_class(tmp_path):
    source = """
    import tensorflow as tf
    from tf_keras.src import backend  # of a library
    tf.enable_eager_execution()
    eager = tf.constant([1.0, 2.0])
    print(isinstance(eager, tf.Tensor), type(eager).__name__, type(eager) is tf.Tensor)
    with tf.name_scope("scope", values=[eager]):
        print((eager * 2).numpy())
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32)
        print(type(x) is tf.Tensor, backend.tf.Tensor is tf.Tensor)
        print([isinstance(value, backend.tf.Tensor) for value in (x, eager, 1)])
        print([backend.tf.is_symbolic_tensor(value) for value in (x, eager)])
    """
    done = run(write(tmp_path, script=source))
    assert done.stdout.splitlines() == [
        "True EagerTensor False",
        "[2. 4.]",
        "True False",
        "[True, True, False]",
        "[True, False]",
    ], done.stderr
