"""Cases of ``tf.contrib.rnn``: cells in ``dynamic_rnn``, fused cells, stacks."""

# ruff: noqa: D103 (a case is called what it is about)

from __future__ import annotations

import importlib

import fill
import numpy as np

BATCH, TIME, DEPTH = 3, 5, 4
LENGTHS = [5, 2, 3]


def data(tf, name, shape):
    """A constant in [-1, 1) by name."""
    return tf.constant(fill.uniform(name, int(np.prod(shape))).reshape(shape), tf.float32)


def _flat(tf, outputs, state):
    results = {"outputs": outputs}
    for i, part in enumerate(tf.contrib.framework.nest.flatten(state)):
        results[f"state{i}"] = part
    return results


def _dynamic(cell_of, name, depth=DEPTH, **options):
    def case(tf):
        x = data(tf, "x", [BATCH, TIME, depth])
        cell = cell_of(tf.contrib.rnn, tf)
        outputs, state = tf.nn.dynamic_rnn(cell, x, LENGTHS, dtype=tf.float32, **options)
        return _flat(tf, outputs, state)

    case.__name__ = name
    return case


def _conv(ndims):
    def case(tf):
        side = [4, 3, 2][:ndims]
        x = data(tf, "x", [BATCH, TIME] + side + [2])
        make = getattr(tf.contrib.rnn, f"Conv{ndims}DLSTMCell")
        cell = make(input_shape=side + [2], output_channels=3, kernel_shape=[3] * ndims)
        outputs, state = tf.nn.dynamic_rnn(cell, x, LENGTHS, dtype=tf.float32)
        return _flat(tf, outputs, state)

    case.__name__ = f"conv{ndims}"
    return case


def conv_skip(tf):
    x = data(tf, "x", [BATCH, 4, 3, 2])
    cell = tf.contrib.rnn.ConvLSTMCell(2, [4, 3, 2], 3, [2, 2], skip_connection=True, name="skip")
    output, state = cell(x, cell.zero_state(BATCH, tf.float32))
    return _flat(tf, output, state)


def old_style(tf):
    """A user's cell with ``__call__``, as of TensorFlow 1.0."""

    class Cell(tf.contrib.rnn.RNNCell):
        @property
        def state_size(self):
            return 3

        @property
        def output_size(self):
            return 3

        def __call__(self, inputs, state, scope=None):
            with tf.variable_scope(scope or type(self).__name__):
                kernel = tf.get_variable("w", [DEPTH + 3, 3])
                new = tf.tanh(tf.matmul(tf.concat([inputs, state], 1), kernel))
            return new, new

    x = data(tf, "x", [BATCH, TIME, DEPTH])
    outputs, state = tf.nn.dynamic_rnn(Cell(), x, dtype=tf.float32)
    return {"outputs": outputs, "state": state}


def user_cell(tf):
    """A user's cell with ``call`` and ``get_variable``, wrapped and stacked."""

    class Cell(tf.nn.rnn_cell.RNNCell):
        @property
        def state_size(self):
            return 3

        @property
        def output_size(self):
            return 3

        def call(self, inputs, state):
            kernel = tf.get_variable("w", [inputs.shape.as_list()[-1] + 3, 3])
            new = tf.tanh(tf.matmul(tf.concat([inputs, state], 1), kernel))
            return new, new

    x = data(tf, "x", [BATCH, TIME, DEPTH])
    cell = tf.contrib.rnn.MultiRNNCell([Cell(), tf.contrib.rnn.ResidualWrapper(Cell())])
    outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
    return _flat(tf, outputs, state)


def fused_lstm(tf):
    x = data(tf, "x", [TIME, BATCH, DEPTH])
    cell = tf.contrib.rnn.LSTMBlockFusedCell(3, forget_bias=0.5, cell_clip=0.3, use_peephole=True)
    outputs, state = cell(x, sequence_length=tf.constant(LENGTHS), dtype=tf.float32)
    back = tf.contrib.rnn.TimeReversedFusedRNN(tf.contrib.rnn.LSTMBlockFusedCell(2))
    turned, end = back(outputs, sequence_length=tf.constant(LENGTHS), dtype=tf.float32)
    return dict(_flat(tf, outputs, [state, end]), turned=turned)


def fused_adaptor(tf):
    x = data(tf, "x", [TIME, BATCH, DEPTH])
    results = {}
    for dynamic in (False, True):
        cell = tf.contrib.rnn.FusedRNNCellAdaptor(tf.nn.rnn_cell.GRUCell(3), dynamic)
        with tf.variable_scope("dynamic" if dynamic else "static"):
            outputs, state = cell(x, sequence_length=tf.constant(LENGTHS), dtype=tf.float32)
        results.update({f"outputs{int(dynamic)}": outputs, f"state{int(dynamic)}": state})
    return results


def phased(tf):
    x = data(tf, "x", [BATCH, TIME, DEPTH])
    times = tf.reshape(tf.range(0.0, 30.0, 2.0), [BATCH, TIME, 1])
    cell = tf.contrib.rnn.PhasedLSTMCell(3, use_peepholes=True)
    outputs, state = tf.nn.dynamic_rnn(cell, (times, x), dtype=tf.float32)
    return _flat(tf, outputs, state)


def embedding_wrapper(tf):
    ids = tf.constant(np.arange(BATCH * TIME).reshape(BATCH, TIME) % 7)
    steps = tf.unstack(ids, axis=1)
    cell = tf.contrib.rnn.EmbeddingWrapper(tf.nn.rnn_cell.BasicLSTMCell(3), 7, 4)
    outputs, state = tf.contrib.rnn.static_rnn(cell, steps, dtype=tf.float32)
    return _flat(tf, tf.stack(outputs), state)


def stack_dynamic(tf):
    x = data(tf, "x", [BATCH, TIME, DEPTH])
    cells = [[tf.nn.rnn_cell.LSTMCell(n) for n in (3, 2)] for _ in range(2)]
    outputs, forward, backward = tf.contrib.rnn.stack_bidirectional_dynamic_rnn(
        cells[0], cells[1], x, dtype=tf.float32, sequence_length=LENGTHS
    )
    return _flat(tf, outputs, [forward, backward])


def stack_static(tf):
    x = tf.unstack(data(tf, "x", [BATCH, TIME, DEPTH]), axis=1)
    cells = [[tf.nn.rnn_cell.GRUCell(n) for n in (3, 2)] for _ in range(2)]
    outputs, forward, backward = tf.contrib.rnn.stack_bidirectional_rnn(
        cells[0], cells[1], x, dtype=tf.float32
    )
    return _flat(tf, tf.stack(outputs), [forward, backward])


def functional(tf):
    recurrent = importlib.import_module(
        tf.contrib.__name__ + ".recurrent.python.ops.functional_rnn")  # fmt: skip
    x = data(tf, "x", [BATCH, TIME, DEPTH])
    cells = [tf.nn.rnn_cell.LSTMCell(3), tf.nn.rnn_cell.GRUCell(2), tf.nn.rnn_cell.GRUCell(2)]
    outputs, state = recurrent.functional_rnn(cells[0], x, LENGTHS, dtype=tf.float32)
    both, ends = recurrent.bidirectional_functional_rnn(
        cells[1], cells[2], outputs, sequence_length=LENGTHS, dtype=tf.float32)  # fmt: skip
    return dict(_flat(tf, outputs, [state, ends]), fw=both[0], bw=both[1])


CASES = [
    _dynamic(lambda rnn, tf: rnn.LSTMBlockCell(3, use_peephole=True, cell_clip=0.3), "lstm_block"),
    _dynamic(lambda rnn, tf: rnn.GRUBlockCell(3), "gru_block"),
    _dynamic(lambda rnn, tf: rnn.GRUBlockCellV2(3), "gru_block2"),
    _dynamic(lambda rnn, tf: rnn.LayerNormBasicLSTMCell(3), "layer_norm"),
    _dynamic(lambda rnn, tf: rnn.LayerNormBasicLSTMCell(3, layer_norm=False), "layer_norm_off"),
    _dynamic(lambda rnn, tf: rnn.NASCell(3, num_proj=2, use_bias=True), "nas"),
    _dynamic(lambda rnn, tf: rnn.UGRNNCell(3), "ugrnn"),
    _dynamic(
        lambda rnn, tf: rnn.CoupledInputForgetGateLSTMCell(
            3, use_peepholes=True, num_proj=2, proj_clip=0.1
        ),
        "coupled",
    ),
    _dynamic(
        lambda rnn, tf: rnn.CoupledInputForgetGateLSTMCell(3, layer_norm=True), "coupled_norm"
    ),
    _dynamic(
        lambda rnn, tf: rnn.AttentionCellWrapper(tf.nn.rnn_cell.BasicLSTMCell(3), 4), "attention"
    ),
    _dynamic(
        lambda rnn, tf: rnn.InputProjectionWrapper(tf.nn.rnn_cell.GRUCell(3), 5, tf.tanh), "inputs"
    ),
    _dynamic(lambda rnn, tf: rnn.OutputProjectionWrapper(tf.nn.rnn_cell.GRUCell(3), 5), "outputs"),
    _dynamic(lambda rnn, tf: rnn.HighwayWrapper(tf.nn.rnn_cell.GRUCell(DEPTH)), "highway"),
    _dynamic(
        lambda rnn, tf: rnn.HighwayWrapper(tf.nn.rnn_cell.GRUCell(DEPTH), False), "highway_free"
    ),
    _dynamic(lambda rnn, tf: rnn.IndRNNCell(3), "ind"),
    _dynamic(lambda rnn, tf: rnn.IndyGRUCell(3), "indy_gru"),
    _dynamic(lambda rnn, tf: rnn.IndyLSTMCell(3), "indy_lstm"),
    _dynamic(lambda rnn, tf: rnn.SRUCell(DEPTH), "sru"),
    _dynamic(lambda rnn, tf: tf.contrib.cudnn_rnn.CudnnCompatibleLSTMCell(3), "cudnn_lstm"),
    _dynamic(lambda rnn, tf: tf.contrib.cudnn_rnn.CudnnCompatibleGRUCell(3), "cudnn_gru"),
    _conv(1),
    _conv(2),
    _conv(3),
    conv_skip,
    old_style,
    user_cell,
    fused_lstm,
    fused_adaptor,
    phased,
    embedding_wrapper,
    stack_dynamic,
    stack_static,
    functional,
]
