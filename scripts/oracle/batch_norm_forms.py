"""Writes graphs with batch norms of training, and what the same graphs built for inference compute.

  .oracle/bin/python scripts/oracle/batch_norm_forms.py FOLDER

``FORMS`` are the ways in which programs wrote batch norm. The tests build them with today's
TensorFlow, too. Each function takes the TensorFlow, a tensor [N, H, W, C] and ``is_training``.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

SHAPE = (3, 5, 4, 2)
DECAY = 0.9


def contrib(tf, x, is_training):
    return tf.contrib.layers.batch_norm(x, is_training=is_training, scale=True)


def contrib_fused(tf, x, is_training):
    return tf.contrib.layers.batch_norm(x, is_training=is_training, fused=True)


def contrib_zero_debias(tf, x, is_training):
    return tf.contrib.layers.batch_norm(
        x, is_training=is_training, fused=False, zero_debias_moving_mean=True
    )


def contrib_now(tf, x, is_training):
    """The outputs depend on the updates."""
    return tf.contrib.layers.batch_norm(x, is_training=is_training, updates_collections=None)


def layers_unfused(tf, x, is_training):
    return tf.layers.batch_normalization(x, training=is_training, fused=False)


def layers_fused(tf, x, is_training):
    return tf.layers.batch_normalization(x, training=is_training)


def layers_flat(tf, x, is_training):
    flat = tf.reshape(x, [-1, SHAPE[1] * SHAPE[2] * SHAPE[3]])
    return tf.reshape(tf.layers.batch_normalization(flat, training=is_training), tf.shape(x))


def resource(tf, x, is_training):
    with tf.variable_scope("resource", use_resource=True):
        return tf.layers.batch_normalization(x, training=is_training, fused=False)


def copied(tf, x, is_training):
    """The best moving averages are kept in other variables, and followed slowly by others."""
    y = tf.layers.batch_normalization(x, training=is_training, name="norm")
    with tf.variable_scope("norm", reuse=True):
        moving = tf.get_variable("moving_mean", [2])
    best, slow = get_norm_variables(tf, [2], ["best", "slow"])
    tf.assign(best, moving)
    tf.assign(slow, slow * DECAY + moving * (1 - DECAY))
    return y


def get_norm_variables(tf, shape, names):
    ones = tf.ones_initializer()
    return [tf.get_variable(name, shape, initializer=ones) for name in names]


def ema_of_moments(tf, x, is_training):
    """The moving averages are variables that tf.train.ExponentialMovingAverage makes."""
    beta, gamma = get_norm_variables(tf, [2], ["beta", "gamma"])
    mean, variance = tf.nn.moments(x, [0, 1, 2], name="moments")
    ema = tf.train.ExponentialMovingAverage(DECAY)
    update = ema.apply([mean, variance])
    if is_training:
        with tf.control_dependencies([update]):
            mean, variance = tf.identity(mean), tf.identity(variance)
    else:
        mean, variance = ema.average(mean), ema.average(variance)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)


def assigned(tf, x, is_training):
    """tf.assign with weights of both, moments that keep their axes."""
    pop_mean, pop_variance = get_norm_variables(tf, [2], ["pop_mean", "pop_variance"])
    mean, variance = tf.nn.moments(x, [0, 1, 2], keep_dims=True)
    flat = [tf.reshape(value, [2]) for value in (mean, variance)]
    updates = [
        tf.assign(pop, pop * DECAY + value * (1 - DECAY))
        for pop, value in zip((pop_mean, pop_variance), flat)
    ]
    if not is_training:
        return tf.nn.batch_normalization(x, pop_mean, pop_variance, None, None, 1e-3)
    with tf.control_dependencies(updates):
        return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


def branched(tf, x, is_training):
    """tf.cond on a constant flag."""
    pop_mean, pop_variance = get_norm_variables(tf, [2], ["pop_mean", "pop_variance"])
    batch = tf.nn.moments(x, [0, 1, 2])

    def update():
        updates = [
            tf.assign_sub(pop, (pop - value) * (1 - DECAY))
            for pop, value in zip((pop_mean, pop_variance), batch)
        ]
        with tf.control_dependencies(updates):
            return [tf.identity(value) for value in batch]

    def read():
        return [tf.identity(pop_mean), tf.identity(pop_variance)]

    mean, variance = tf.cond(tf.constant(is_training), update, read)
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


def half_precision(tf, x, is_training):
    y = tf.contrib.layers.batch_norm(tf.cast(x, tf.float16), is_training=is_training)
    return tf.cast(y, tf.float32)


def sums(tf, x, is_training):
    """Sums divided by a count, and Bessel's correction of what is averaged."""
    pop_mean, pop_variance = get_norm_variables(tf, [2], ["pop_mean", "pop_variance"])
    count = tf.cast(tf.size(x), tf.float32) / 2
    mean = tf.reduce_sum(x, [0, 1, 2]) / count
    variance = tf.reduce_sum(tf.square(x), [0, 1, 2]) / count - tf.square(mean)
    tf.assign_add(pop_mean, (mean - pop_mean) * (1 - DECAY))
    corrected = variance * (count / (count - 1))
    tf.assign_sub(pop_variance, (pop_variance - corrected) * (1 - DECAY))
    if not is_training:
        mean, variance = pop_mean, pop_variance
    return (x - mean) / tf.sqrt(variance + 1e-3)


FORMS = {
    form.__name__: form
    for form in (
        *(contrib, contrib_fused, contrib_zero_debias, contrib_now, layers_unfused, layers_fused),
        *(layers_flat, resource, copied, ema_of_moments, assigned, branched, half_precision, sums),
    )
}


def build(tf, form, is_training):
    """Builds a net with two batch norms of a form; returns its input and output."""
    x = tf.placeholder(tf.float32, (None,) + SHAPE[1:], name="x")
    y = x
    for index in range(2):
        with tf.variable_scope("block%d" % index):
            y = tf.nn.relu(form(tf, tf.layers.conv2d(y, 2, 3, padding="same"), is_training))
    return x, tf.identity(y, name="out")


def fill(tf, session):
    """Gives each variable values by its index."""
    for index, variable in enumerate(sorted(tf.global_variables(), key=lambda item: item.name)):
        random = np.random.RandomState(index)
        variable.load(random.uniform(0.2, 1, variable.shape.as_list()), session)


def save(tf, folder, name, form=None):
    """Saves a form as it trains; returns inputs and outputs of the same net built for inference."""
    form = form or FORMS[name]
    value = np.random.RandomState(99).uniform(size=SHAPE).astype(np.float32)
    prefix = os.path.join(str(folder), name)
    with tf.Graph().as_default(), tf.Session() as session:
        build(tf, form, True)
        session.run(tf.global_variables_initializer())
        fill(tf, session)
        tf.train.Saver().save(session, prefix, write_state=False)
    with tf.Graph().as_default(), tf.Session() as session:
        x, out = build(tf, form, False)
        tf.train.Saver().restore(session, prefix)
        return value, session.run(out, {x: value})


def main():
    """Saves every form, with the values of inference."""
    import tensorflow as tf

    for name in FORMS:
        x, out = save(tf, sys.argv[1], name)
        np.savez(os.path.join(sys.argv[1], name + ".npz"), x=x, out=out)


if __name__ == "__main__":
    main()
