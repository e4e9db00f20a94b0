"""Nets small enough for tests of the loop and the CLI, in the net contract.

``tiny`` takes colour images, ``tiny_grey`` grey images, ``tiny_clips`` video clips.

``python tests/support/tiny.py COMMAND ...`` is ``legacy-nets`` with these nets in the registry.
LEGACY_NETS_TEST_KILL=FUNCTION:N makes it kill itself (SIGKILL) at the N-th call of a function.
LEGACY_NETS_TEST_HANG=FUNCTION:N makes that call print "hangs" and last for an hour.
LEGACY_NETS_TEST_STEPS=FILE makes it count its training steps in that file.
LEGACY_NETS_TEST_LARGE=BYTES makes a cluster divide variables of more bytes among its ps.
"""

import dataclasses
import hashlib
import os
import signal
import sys
import types

from legacy_nets import registry, sigterm

RECORD = registry.Net(
    name="tiny",
    document="001",
    module="tiny",
    image_size=(64, 64),
    preprocessing="unit",
    num_classes=6,
    parameters=0,
    scope="tiny",
)
GREY = dataclasses.replace(RECORD, name="tiny_grey", image_size=(24, 24), channels=1)
CLIPS = dataclasses.replace(RECORD, name="tiny_clips", image_size=(4, 16, 16))


def tiny(
    images,
    num_classes=6,
    is_training=False,
    *,
    reuse=None,
    scope="tiny",
    explode=0,
    width=8,
    bare=False,
    frozen=False,
):
    from legacy_nets import tf1 as tf

    with tf.variable_scope(scope, reuse=reuse):
        x = tf.layers.average_pooling2d(images, 8, 8)
        rule = None if bare else tf.nn.relu
        x = tf.layers.conv2d(x, width, 3, activation=rule, use_bias=not bare, name="conv2d")
        mode = False if frozen else is_training
        x = tf.layers.batch_normalization(x, momentum=0.5, training=mode, name="bn")
        x = tf.layers.flatten(x)
        logits = tf.layers.dense(x, num_classes, name="dense")
        if explode:  # the loss is not finite from that step on
            step = tf.cast(tf.train.get_or_create_global_step(), tf.float32)
            logits = logits / tf.maximum(explode - 1 - step, 0.0)
    return logits, {"flat": x, "logits": logits}


def tiny_clips(clips, num_classes=6, is_training=False, *, reuse=None, scope="tiny"):
    from legacy_nets import tf1 as tf

    with tf.variable_scope(scope, reuse=reuse):
        x = tf.layers.conv3d(clips, 8, (3, 8, 8), (1, 8, 8), activation=tf.nn.relu, name="conv3d")
        x = tf.reduce_mean(x, [1, 2, 3])
        logits = tf.layers.dense(x, num_classes, name="dense")
    return logits, {"mean": x, "logits": logits}


def register():
    """Adds the nets to the registry of this process; returns a function that removes them."""
    before = registry._NETS
    registry._NETS = (*before, RECORD, GREY, CLIPS)
    module = types.ModuleType("legacy_nets.nets.tiny")
    module.tiny, module.tiny_grey, module.tiny_clips = tiny, tiny, tiny_clips
    sys.modules[module.__name__] = module
    return lambda: setattr(registry, "_NETS", before)


def count_steps(path):
    """Appends a byte to a file after each training step of this process."""
    from legacy_nets import tf1 as tf

    run = tf.Session.run
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def run_counted(self, fetches, *args, **options):
        result = run(self, fetches, *args, **options)
        if isinstance(fetches, list) and len(fetches) == 3:  # loss, accuracy, training step
            os.write(file, b".")
        return result

    tf.Session.run = run_counted


def kill():
    """Kills this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def hang():
    """Lasts for an hour in a native call, which Python's handlers of signals wait for."""
    sigterm.GRACE = 0.5
    signal.signal(signal.SIGTERM, lambda *_: None)  # it may come just before the call
    print("hangs", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)


def act_at(function, count, act):
    """Calls ``act`` before the count-th call of os.FUNCTION or Session.FUNCTION."""
    from legacy_nets import tf1 as tf

    owner = os if hasattr(os, function) else tf.Session
    real, calls = getattr(owner, function), []

    def run_counted(*args, **options):
        calls.append(1)
        if len(calls) == count:
            act()
        return real(*args, **options)

    setattr(owner, function, run_counted)


if __name__ == "__main__":
    from legacy_nets.cli import main

    register()
    if "LEGACY_NETS_TEST_STEPS" in os.environ:
        count_steps(os.environ["LEGACY_NETS_TEST_STEPS"])
    for variable, act in (("LEGACY_NETS_TEST_KILL", kill), ("LEGACY_NETS_TEST_HANG", hang)):
        if variable in os.environ:
            name, _, number = os.environ[variable].partition(":")
            act_at(name, int(number), act)
    if "LEGACY_NETS_TEST_LARGE" in os.environ:
        from legacy_nets.cluster import replica

        replica.LARGE = int(os.environ["LEGACY_NETS_TEST_LARGE"])
    main(prog_name="legacy-nets")
