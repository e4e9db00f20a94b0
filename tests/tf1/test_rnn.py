"""tf.contrib.rnn against TensorFlow 1.15.5, and what is refused."""

from __future__ import annotations

import contrib_cases
import pytest

from legacy_nets import tf1 as tf

CASES = contrib_cases.names("rnn")
QUICK = ["rnn.fused_lstm", "rnn.nas", "rnn.old_style"]


@pytest.mark.parametrize("name", QUICK)
def test_same_as_golden(name):
    contrib_cases.assert_golden(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in QUICK])
def test_same_as_golden_too(name):
    contrib_cases.assert_golden(name)


@pytest.mark.slow
def test_same_as_the_live_oracle(oracle, tmp_path):
    for name, want in contrib_cases.ask(oracle, CASES, tmp_path).items():
        contrib_cases.assert_same(name, want)


def test_cells_are_cells_wherever_they_are_imported_from():
    from legacy_nets.tf1.python.ops import rnn_cell, rnn_cell_impl

    for module in (rnn_cell, rnn_cell_impl, tf.contrib.rnn):
        assert module.RNNCell is tf.nn.rnn_cell.RNNCell
        assert module.LSTMStateTuple is tf.nn.rnn_cell.LSTMStateTuple
        assert module.DropoutWrapper is tf.nn.rnn_cell.DropoutWrapper
    for cell in (tf.nn.rnn_cell.GRUCell(3), tf.contrib.rnn.NASCell(3)):
        assert isinstance(cell, rnn_cell_impl.RNNCell)
    assert isinstance(tf.contrib.rnn.UGRNNCell(3), rnn_cell.RNNCell)
    rnn_cell_impl.assert_like_rnncell("cell", tf.nn.rnn_cell.GRUCell(3))


def test_rare_cells_say_what_to_use():
    with pytest.raises(AttributeError, match=r"GridLSTMCell is not offered .*use instead: .*LSTM"):
        _ = tf.contrib.rnn.GridLSTMCell
    with pytest.raises(AttributeError, match=r"tf\.contrib\.rnn\.NoSuchCell is not offered"):
        _ = tf.contrib.rnn.NoSuchCell


def test_wrong_arguments():
    with pytest.raises(ValueError, match="Exactly one of num_units or cell_size"):
        tf.contrib.rnn.GRUBlockCell()
    with pytest.raises(ValueError, match="attn_length should be greater than zero, got 0"):
        tf.contrib.rnn.AttentionCellWrapper(tf.nn.rnn_cell.GRUCell(3), 0)
    with pytest.raises(ValueError, match="cells_bw must be a list as long as cells_fw"):
        cell = tf.nn.rnn_cell.GRUCell(3)
        tf.contrib.rnn.stack_bidirectional_dynamic_rnn([cell], [cell, cell], None)
