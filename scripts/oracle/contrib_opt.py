"""Cases of ``tf.contrib.opt``: a few steps of each optimizer on a small sum of squares."""

from __future__ import annotations

import importlib

from contrib_graph import join_texts
from contrib_rnn import data


def _steps(name, made, sparse=False, after=None, linear=False):
    def case(tf):
        """Five steps in a session of its own; all variables with their slots."""
        table = tf.get_variable("table", initializer=data(tf, "first", [4, 3]))
        bias = tf.get_variable("bias", initializer=data(tf, "second", [3]))
        wanted = data(tf, "wanted", [4, 3])
        if sparse:
            rows = tf.gather(table, [2, 0, 2]) + bias
            loss = tf.reduce_sum(tf.square(rows - tf.gather(wanted, [2, 0, 2])))
        else:
            loss = tf.reduce_sum(tf.square(table + bias - wanted))
        if linear:  # decay races with what reads the variables: let the gradients read none
            count = tf.cast(tf.train.get_or_create_global_step(), tf.float32)
            total = tf.gather(table, [2, 0, 2]) if sparse else table * wanted
            loss = tf.reduce_sum(total + bias) * tf.cos(count)
        optimizer = made(tf)
        step = optimizer.minimize(loss, tf.train.get_or_create_global_step())
        variables = tf.global_variables()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for _ in range(5):
                session.run(step)
            found = {variable.op.name: session.run(variable) for variable in variables}
        found["names"] = join_texts(sorted(found))
        if after is not None:
            found.update(after(tf, optimizer))
        return found

    case.__name__ = name
    return case


def _swapped(tf, optimizer):
    saver = optimizer.swapping_saver()
    return {"saver": join_texts([type(saver).__name__])}


def _sign_decay(tf, name):
    path = tf.contrib.opt.__name__ + ".python.training.sign_decay"
    return getattr(importlib.import_module(path), "get_{}_decay_fn".format(name))


def _avoid_slots(tf):
    """An optimizer whose updates do not change its slots."""
    optimizer = tf.contrib.opt.RegAdagradOptimizer(0.1)
    optimizer._should_update_slots = False
    return optimizer


CASES = [
    _steps("average", lambda tf: tf.contrib.opt.MovingAverageOptimizer(
        tf.train.MomentumOptimizer(0.05, 0.9), 0.7), after=_swapped),
    _steps("average_early", lambda tf: tf.contrib.opt.MovingAverageOptimizer(
        tf.train.GradientDescentOptimizer(0.05), 0.9, num_updates=3)),
    _steps("adamw", lambda tf: tf.contrib.opt.AdamWOptimizer(0.02, 0.1), linear=True),
    _steps("adamw_sparse", lambda tf: tf.contrib.opt.AdamWOptimizer(0.02, 0.1),
           sparse=True, linear=True),
    _steps("momentumw", lambda tf: tf.contrib.opt.MomentumWOptimizer(0.02, 0.1, 0.9), linear=True),
    _steps("lazy_adam", lambda tf: tf.contrib.opt.LazyAdamOptimizer(0.1), sparse=True),
    _steps("lazy_adam_dense", lambda tf: tf.contrib.opt.LazyAdamOptimizer(0.1)),
    _steps("nadam", lambda tf: tf.contrib.opt.NadamOptimizer(0.1)),
    _steps("nadam_sparse", lambda tf: tf.contrib.opt.NadamOptimizer(0.1), sparse=True),
    _steps("extended", lambda tf: tf.contrib.opt.extend_with_decoupled_weight_decay(
        tf.train.AdagradOptimizer)(weight_decay=0.1, learning_rate=0.1), linear=True),
    _steps("adamax", lambda tf: tf.contrib.opt.AdaMaxOptimizer(0.1)),
    _steps("adamax_sparse", lambda tf: tf.contrib.opt.AdaMaxOptimizer(0.1), sparse=True),
    _steps("powersign", lambda tf: tf.contrib.opt.PowerSignOptimizer(0.02)),
    _steps("powersign_sparse", lambda tf: tf.contrib.opt.PowerSignOptimizer(
        0.02, sign_decay_fn=_sign_decay(tf, "cosine")(4)), sparse=True),
    _steps("addsign", lambda tf: tf.contrib.opt.AddSignOptimizer(
        0.02, sign_decay_fn=_sign_decay(tf, "linear")(4))),
    _steps("addsign_sparse", lambda tf: tf.contrib.opt.AddSignOptimizer(
        0.02, sign_decay_fn=_sign_decay(tf, "restart")(3, 2, 0.5)), sparse=True),
    _steps("lars", lambda tf: tf.contrib.opt.LARSOptimizer(
        0.5, weight_decay=0.01, eeta=0.1, skip_list=["bias"], use_nesterov=True)),
    _steps("lars_sparse", lambda tf: tf.contrib.opt.LARSOptimizer(0.05), sparse=True),
    _steps("reg_adagrad", _avoid_slots),
    _steps("reg_adagrad_sparse", lambda tf: tf.contrib.opt.RegAdagradOptimizer(0.1), sparse=True),
    _steps("ggt", lambda tf: tf.contrib.opt.GGTOptimizer(0.01, window=3, svd_eps=0.01)),
]  # fmt: skip
