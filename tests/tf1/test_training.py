"""tf.contrib.training: bucketed input and resampling (HParams: see test_tf1_learn.py)."""

import numpy as np
import pytest

from legacy_nets import tf1 as tf


def drain(*fetches):
    """All that queues give until they are empty."""
    found = []
    with tf.train.MonitoredSession() as session:
        while True:
            try:
                found.append(session.run(fetches))
            except tf.errors.OutOfRangeError:
                return found


def test_buckets_hold_alike_lengths():
    with tf.Graph().as_default():
        number = tf.train.range_input_producer(12, num_epochs=1, shuffle=False).dequeue()
        example = {"values": tf.range(number + 1), "number": number}
        lengths, batch = tf.contrib.training.bucket_by_sequence_length(
            number + 1, example, 2, [4, 8], dynamic_pad=True, allow_smaller_final_batch=True
        )
        found = drain(lengths, batch["values"], batch["number"])
    assert sorted(length for lengths, _, _ in found for length in lengths) == list(range(1, 13))
    for lengths, values, numbers in found:
        assert len({int(np.searchsorted([4, 8], length, "right")) for length in lengths}) == 1
        assert values.shape == (len(lengths), max(lengths))
        for length, row, number in zip(lengths, values, numbers, strict=True):
            assert row.tolist() == [*range(length), *[0] * (max(lengths) - length)]
            assert number == length - 1


def test_a_bucket_has_its_own_batch_size_and_drops_what_is_not_kept():
    with tf.Graph().as_default():
        number = tf.train.range_input_producer(13, num_epochs=1, shuffle=False).dequeue()
        which, (batch,) = tf.contrib.training.bucket(
            [number], number % 2, [2, 3], 2, keep_input=number > 0
        )
        found = drain(which, batch)
    assert sorted((int(w), b.tolist()) for w, b in found) == [
        (0, [2, 4]), (0, [6, 8]), (0, [10, 12]), (1, [1, 3, 5]), (1, [7, 9, 11]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("boundaries", "error"),
    [([], "must not be empty"), ([3, 3], "3 before 3"), (4, "must be a list"), ([1, 2.5], "2.5")],
)
def test_boundaries_must_rise(boundaries, error):
    with tf.Graph().as_default(), pytest.raises((TypeError, ValueError), match=error):
        tf.contrib.training.bucket_by_sequence_length(1, [tf.zeros([1])], 2, boundaries)


def test_samples_come_with_the_wanted_shares():
    training = tf.contrib.training
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        values, classes = tf.constant([1.0, 2.0, 3.0, 4.0]), tf.constant([0, 0, 0, 1])
        (drawn,), labels = training.stratified_sample(
            [values], classes, [0.5, 0.5], 400, init_probs=[0.75, 0.25], enqueue_many=True
        )
        (large,) = training.rejection_sample(
            [values], lambda v: tf.cast(v[0] > 2, tf.float32), 8, enqueue_many=True
        )
        (repeated,) = training.resample_at_rate([tf.range(3)], [0.0, 50.0, 0.0])
        (weighed,), rates = training.weighted_resample(
            [tf.range(2)], tf.constant([1.0, 3.0]), overall_rate=100.0
        )
        with tf.train.MonitoredSession() as session:
            found = session.run([drawn, labels, large, repeated, weighed, rates])
    drawn, labels, large, repeated, weighed, rates = found
    assert np.array_equal(labels, drawn > 3)
    assert abs(labels.mean() - 0.5) < 0.1  # four deviations
    assert set(large) == {3.0, 4.0}
    assert set(repeated) == {1} and 20 < len(repeated) < 80
    assert set(zip(weighed, np.rint(rates), strict=True)) == {(0, 50.0), (1, 150.0)}


def test_variables_are_placed_as_in_1_15():
    with tf.Graph().as_default():
        ops = [tf.get_variable(f"v{i}", [i + 1, 4], use_resource=False).op for i in range(4)]
        training = tf.contrib.training
        greedy = training.GreedyLoadBalancingStrategy(2, training.byte_size_load_fn)
        assert [greedy(op) for op in ops] == [0, 1, 0, 1]
        assert [training.RandomStrategy(2, seed=0)(op) for op in ops] == [1, 0, 0, 0]


def test_what_is_not_offered_names_what_to_take():
    with pytest.raises(AttributeError, match="batch_sequences_with_states is not offered.*take"):
        tf.contrib.training.batch_sequences_with_states  # noqa: B018


def test_training_and_evaluation_loops_are_there(tmp_path):
    training = tf.contrib.training
    with tf.Graph().as_default():
        tf.train.get_or_create_global_step()
        weight = tf.get_variable("weight", initializer=3.0)
        op = training.create_train_op(weight**2, tf.train.GradientDescentOptimizer(0.25))
        hook = tf.train.StopAtStepHook(3)
        training.train(op, str(tmp_path), hooks=[hook], save_summaries_steps=None)
    with tf.Graph().as_default():
        tf.train.get_or_create_global_step()
        weight = tf.get_variable("weight", initializer=0.0)
        found = training.evaluate_once(
            tf.train.latest_checkpoint(str(tmp_path)), final_ops={"weight": weight}
        )
    assert found["weight"] == pytest.approx(3 * 0.5**3)
