"""The layers that stay in floating point when OpenVINO computes with integers."""

import numpy as np
import pytest

from legacy_nets.engines.openvino import find_outer_layers

openvino = pytest.importorskip("openvino")
ops = pytest.importorskip("openvino.opset13")


def convolve(inputs, name):
    kernel = np.ones((4, inputs.get_output_partial_shape(0)[1].get_length(), 1, 1), np.float32)
    ones, zeros = [1, 1], [0, 0]
    return ops.convolution(inputs, kernel, ones, zeros, zeros, ones, name=name)


def make_model(block_count):
    """A stem, residual blocks of two convolutions, and two dense layers side by side."""
    images = ops.parameter([1, 3, 8, 8], np.float32, name="images")
    x = ops.relu(convolve(ops.multiply(images, np.float32(0.5)), "stem"))
    for number in range(block_count):
        inner = ops.relu(convolve(x, f"block{number}/first"))
        x = ops.relu(ops.add(x, convolve(inner, f"block{number}/second")))
    features = ops.reduce_mean(x, np.array([2, 3]), False)
    weights = np.ones((4, 5), np.float32)
    heads = [ops.matmul(features, weights, False, False, name=name) for name in ("head", "aux")]
    logits = ops.add(ops.add(*heads), np.zeros(5, np.float32))
    return openvino.Model([logits, ops.softmax(logits, 1)], [images], "net")


@pytest.mark.parametrize(("block_count", "outer"), [(0, []), (2, ["aux", "head", "stem"])])
def test_the_first_and_the_last_layers_are_found(block_count, outer):
    assert find_outer_layers(make_model(block_count)) == outer


def test_they_alone_stay_in_floating_point():
    nncf = pytest.importorskip("nncf")
    model = make_model(2)
    examples = [{"images": np.random.default_rng(0).random((1, 3, 8, 8), np.float32)}]
    scope = nncf.IgnoredScope(names=find_outer_layers(model))
    quantized = nncf.quantize(model, nncf.Dataset(examples), subset_size=1, ignored_scope=scope)
    layers = [op for op in quantized.get_ops() if op.get_type_name() in ("Convolution", "MatMul")]
    floats = {op.get_friendly_name() for op in layers if not reads_integers(op)}
    assert floats == {"stem", "head", "aux"} and len(layers) == 7


def reads_integers(op):
    """Whether the weights are computed from integers."""
    node = op.input_value(1).get_node()
    while node.get_input_size() and node.get_type_name() != "FakeQuantize":
        node = node.input_value(0).get_node()
    return node.get_type_name() == "FakeQuantize" or node.get_element_type() == openvino.Type.i8
