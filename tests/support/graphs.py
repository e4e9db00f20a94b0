"""What tests of nets write again and again about the current graph."""

from legacy_nets import tf1 as tf


def placeholder(*shape):
    """A float32 placeholder for a batch of any size: [N, *shape]."""
    return tf.placeholder(tf.float32, [None, *shape])


def get_vars():
    """Name -> variable of the current graph, in order of construction."""
    return {v.op.name: v for v in tf.global_variables()}


def get_shapes():
    """Name -> shape of each variable of the current graph, in order of construction."""
    return {v.op.name: v.shape.as_list() for v in tf.global_variables()}
