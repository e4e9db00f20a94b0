"""What makes graph building faster changes no graph: ``legacy_nets/tf1/speed.py``."""

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.tf1.speed import without_initial_values


def test_a_bare_variable_is_one_operation_in_its_own_collections():
    with tf.Graph().as_default() as graph, without_initial_values():
        kernel = tf.get_variable("kernel", [3, 2])
        steps = tf.get_variable("steps", [], tf.int32, tf.zeros_initializer(), trainable=False)
        local = tf.get_variable("local", [4], collections=[tf.GraphKeys.LOCAL_VARIABLES])
        assert [op.type for op in graph.get_operations()] == ["VarHandleOp"] * 3
        assert [v.name for v in tf.global_variables()] == ["kernel:0", "steps:0"]
        assert [v.name for v in tf.local_variables()] == ["local:0"]
        assert [v.name for v in tf.trainable_variables()] == ["kernel:0", "local:0"]
        assert (kernel.shape.as_list(), kernel.dtype) == ([3, 2], tf.float32)
        assert (steps.shape.as_list(), steps.dtype.base_dtype) == ([], tf.int32)
        assert kernel == kernel and kernel != local and len({kernel, steps, local}) == 3
        with tf.variable_scope("", reuse=True):
            assert tf.get_variable("kernel", [3, 2]) is kernel
        read = tf.matmul(tf.zeros([1, 3]), kernel)
    assert read.op.inputs[1].op.type == "ReadVariableOp"
    assert read.op.inputs[1].op.inputs[0] is kernel.handle


def test_a_bare_variable_is_fed_and_frozen():
    with tf.Graph().as_default() as graph, tf.Session() as session:
        with without_initial_values(), tf.variable_scope("layer"):
            bias = tf.get_variable("bias", [2])
            total = tf.add(tf.zeros([2]), bias, name="total")
        with tf.name_scope("elsewhere"), tf.control_dependencies([total]):
            initializer = bias.initializer
        assert initializer is bias.initializer and initializer.name == "layer/bias/Assign"
        assert initializer.control_inputs == []
        session.run(initializer, {initializer.inputs[1]: [3.0, 4.0]})
        assert session.run(total).tolist() == [3.0, 4.0]
        frozen = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["layer/total"]
        )
    [constant] = [node for node in frozen.node if node.name == "layer/bias"]
    assert tf.make_ndarray(constant.attr["value"].tensor).tolist() == [3.0, 4.0]


def test_a_bare_variable_within_a_loop_stands_outside_of_it():
    def body(step, state):
        with tf.variable_scope("cell", reuse=tf.AUTO_REUSE):
            return step + 1, tf.matmul(state, tf.get_variable("kernel", [2, 2]))

    with tf.Graph().as_default() as graph, without_initial_values():
        tf.while_loop(lambda step, _: step < 3, body, (0, tf.ones([1, 2])))
        assert [v.name for v in tf.global_variables()] == ["cell/kernel:0"]
        assert graph.get_operation_by_name("cell/kernel").type == "VarHandleOp"


def test_layers_of_keras_have_the_bases_of_the_mode_they_are_made_in():
    """The bases are swapped back and forth, for subclasses of subclasses as well."""

    class Twice(tf.keras.layers.Dense):
        """A layer of a user."""

    def in_graph():
        with tf.Graph().as_default():
            layer = Twice(2)
            tensor = layer(tf.placeholder(tf.float32, [None, 3]))
            assert [v.op.name for v in tf.global_variables()] == [v.op.name for v in layer.weights]
        return type(layer).__mro__, tensor.shape.as_list()

    def eager():
        layer = Twice(2, kernel_initializer="ones")
        return type(layer).__mro__, layer(np.ones([1, 3], np.float32)).numpy().tolist()

    first, outside, again, still = in_graph(), eager(), in_graph(), in_graph()
    assert first == again == still
    assert first[1] == [None, 2]
    assert outside[1] == [[3.0, 3.0]]
    names = [[base.__module__ for base in mro[0]] for mro in (first, outside)]
    assert "tf_keras.src.engine.base_layer_v1" in names[0]
    assert "tf_keras.src.engine.base_layer_v1" not in names[1]
