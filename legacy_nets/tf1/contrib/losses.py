"""``tf.contrib.losses``: the losses before ``tf.losses``, which tf_slim still has."""

from tf_slim.losses import *  # noqa: F403
