"""The layers of tf.contrib.cudnn_rnn equal the cells that stand in for them in 1.15.

A checkpoint has the cells' variables (their names are 1.15.5's); the cells themselves are
compared with 1.15.5 in test_rnn.py.
"""

from __future__ import annotations

import numpy as np
import pytest

from legacy_nets import tf1 as tf

pytestmark = pytest.mark.slow

RNN = "rnn/multi_rnn_cell/cell_{}/{}"
BOTH = "stack_bidirectional_rnn/cell_{}/bidirectional_rnn/{}/{}"
CELLS = {
    "CudnnLSTM": ("cudnn_compatible_lstm_cell", ("",)),
    "CudnnGRU": (
        "cudnn_compatible_gru_cell",
        ("gates", "candidate/input_projection", "candidate/hidden_projection"),
    ),
    "CudnnRNNTanh": ("basic_rnn_cell", ("",)),
    "CudnnRNNRelu": ("basic_rnn_cell", ("",)),
}
INPUTS = np.random.RandomState(0).normal(size=[5, 3, 4]).astype(np.float32)
LENGTHS = [5, 2, 4]


def make_layer(name, layers, direction="unidirectional", **options):
    return getattr(tf.contrib.cudnn_rnn, name)(
        layers, 6, direction=direction, name="net",
        bias_initializer=tf.random_normal_initializer(), **options,
    )  # fmt: skip


def make_cell(name):
    if name.startswith("CudnnRNN"):
        activation = tf.nn.relu if name.endswith("Relu") else tf.tanh
        return tf.nn.rnn_cell.BasicRNNCell(6, activation)
    return getattr(tf.contrib.cudnn_rnn, name.replace("Cudnn", "CudnnCompatible") + "Cell")(6)


def run_cells(name, layers, direction, lengths):
    """The outputs of the cells, time first, as scripts restored such a checkpoint on a CPU."""
    cells, inputs = [make_cell(name) for _ in range(layers)], tf.constant(INPUTS)
    with tf.variable_scope("net"):
        if direction == "unidirectional":
            cell = tf.nn.rnn_cell.MultiRNNCell(cells)
            return tf.nn.dynamic_rnn(cell, inputs, lengths, dtype=tf.float32, time_major=True)[0]
        return tf.contrib.rnn.stack_bidirectional_dynamic_rnn(
            cells, [make_cell(name) for _ in range(layers)], inputs, dtype=tf.float32,
            sequence_length=lengths, time_major=True,
        )[0]  # fmt: skip


@pytest.mark.parametrize("direction", ["unidirectional", "bidirectional"])
@pytest.mark.parametrize("name", CELLS)
def test_the_cells_restore_a_checkpoint_and_compute_the_same(tmp_path, name, direction):
    path = str(tmp_path / "model")
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        layer = make_layer(name, 2, direction)
        outputs, _ = layer(INPUTS)
        some, states = layer(INPUTS, sequence_lengths=LENGTHS)
        session.run(tf.global_variables_initializer())
        want, want_some, want_states = session.run([outputs, some, states])
        tf.train.Saver().save(session, path)
        session.run(layer.kernel.assign(tf.zeros_like(layer.kernel)))
        tf.train.Saver([layer.saveable]).restore(session, path)  # without the vector
        np.testing.assert_allclose(session.run(outputs), want, rtol=1e-5, atol=1e-6)
    cell, parts = CELLS[name]
    scopes = [
        scope
        for number in (0, 1)
        for scope in (
            [RNN.format(number, cell)]
            if direction == "unidirectional"
            else [BOTH.format(number, side, cell) for side in ("fw", "bw")]
        )
    ]
    names = {f"net/{scope}/{part}".rstrip("/") for scope in scopes for part in parts}
    stored = {name for name, _ in tf.train.list_variables(path)}
    assert stored == {"net/opaque_kernel"} | {f"{n}/{k}" for n in names for k in ("kernel", "bias")}
    assert len(want_states) == (2 if name == "CudnnLSTM" else 1)
    assert want_states[0].shape == (2 if direction == "unidirectional" else 4, 3, 6)
    with tf.Graph().as_default(), tf.Session() as session:
        run = [run_cells(name, 2, direction, None)]
        tf.get_variable_scope().reuse_variables()
        run.append(run_cells(name, 2, direction, LENGTHS))
        tf.train.Saver().restore(session, path)
        got, got_some = session.run(run)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got_some, want_some, rtol=1e-5, atol=1e-6)
    assert np.all(want_some[2:, 1] == 0) and np.any(want[2:, 1] != 0)


def test_the_vector_has_the_layout_of_cudnn():
    """All matrices in cuDNN's order, row by row, then all biases: so Keras makes it, too."""
    with tf.Graph().as_default(), tf.Session() as session:
        layer = make_layer("CudnnLSTM", 1, kernel_initializer=tf.random_normal_initializer(seed=3))
        outputs, (h, c) = layer(INPUTS)
        assert [v.name for v in tf.trainable_variables()] == ["net/opaque_kernel:0"]
        assert layer.canonical_weight_shapes == [(6, 4)] * 4 + [(6, 6)] * 4
        assert layer.canonical_bias_shapes == [[6]] * 8
        session.run(tf.global_variables_initializer())
        kernel, got, last_h, last_c = session.run([layer.kernel, outputs, h, c])
    w, r = kernel[: 24 * 4].reshape(24, 4), kernel[24 * 4 : 24 * 10].reshape(24, 6)
    bias = kernel[24 * 10 :].reshape(2, 24).sum(0)
    state, cell = np.zeros([3, 6]), np.zeros([3, 6])
    for step in INPUTS:
        i, f, g, o = np.split(step @ w.T + state @ r.T + bias, 4, axis=1)
        cell = cell / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        state = np.tanh(cell) / (1 + np.exp(-o))
    np.testing.assert_allclose(got[-1], state, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last_h[0], state, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last_c[0], cell, rtol=1e-5, atol=1e-6)


def test_training_drops_between_layers_and_gradients_flow():
    with tf.Graph().as_default(), tf.Session() as session:
        layer = make_layer("CudnnGRU", 2, dropout=0.5, seed=1)
        trained, (state,) = layer(INPUTS, training=True)
        served, _ = layer(INPUTS.transpose(1, 0, 2), training=False, time_major=False)
        again, _ = layer(INPUTS, initial_state=(state,), training=False)
        gradient = tf.gradients(tf.reduce_sum(served), layer.kernel)[0]
        session.run(tf.global_variables_initializer())
        one, two, three, slope = session.run([trained, served, again, gradient])
    assert one.shape == (5, 3, 6) and two.shape == (3, 5, 6)
    assert not np.allclose(one, two.transpose(1, 0, 2))
    assert not np.allclose(three, two.transpose(1, 0, 2))
    assert np.count_nonzero(slope) == slope.size


def test_arguments_that_cudnn_does_not_take():
    make = tf.contrib.cudnn_rnn.CudnnLSTM
    with pytest.raises(ValueError, match="Invalid direction: both"):
        make(1, 2, direction="both")
    with pytest.raises(ValueError, match="'skip_input' is not offered .* take 'linear_input'"):
        make(1, 2, input_mode="skip_input")
    with tf.Graph().as_default():
        with pytest.raises(TypeError, match="expecting tuple"):
            make(1, 4)(tf.zeros([3, 2, 4]), initial_state=tf.zeros([1, 2, 4]))
        with pytest.raises(ValueError, match="Expecting input_shape with 3 dims, got 2"):
            make(1, 4)(tf.zeros([3, 4]))
