"""The traps of TensorFlow 1, each in a few lines: what happens, and with ``mended`` the cure.

Every function gives the value that ``data/traps.csv`` states, or raises the error stated there.
"""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.nets.build import build_by_name
from legacy_nets.nets.inception_v3 import inception_v3_arg_scope

slim = tf.contrib.slim


@contextlib.contextmanager
def _graph() -> Iterator[Any]:
    with tf.Graph().as_default(), tf.Session() as session:
        yield session


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield str(pathlib.Path(folder) / "model.ckpt")


def _start(session: Any) -> None:
    session.run(tf.global_variables_initializer())


def _all_fives() -> Any:
    return 5 * np.ones([4, 1])


def update_ops(mended: bool) -> float:
    """The moving mean after ten steps of training on fives."""
    with _graph() as session:
        x = tf.placeholder(tf.float32, [None, 1])
        y = tf.layers.batch_normalization(x, momentum=0.9, training=True)
        mean = next(v for v in tf.global_variables() if "moving_mean" in v.name)
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS) if mended else []
        with tf.control_dependencies(updates):
            step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(y))
        _start(session)
        for _ in range(10):
            session.run(step, {x: _all_fives()})
        return float(session.run(mean)[0])


def moving_statistics(mended: bool) -> float:
    """The moving mean that comes back from a checkpoint; it was 5."""
    with _graph() as session, _folder() as path:
        tf.layers.batch_normalization(tf.placeholder(tf.float32, [None, 1]), name="bn")
        saver = tf.train.Saver(tf.global_variables() if mended else tf.trainable_variables())
        _start(session)
        mean = next(v for v in tf.global_variables() if "moving_mean" in v.name)
        session.run(mean.assign([5.0]))
        saver.save(session, path)
        _start(session)  # as in the process that evaluates
        saver.restore(session, path)
        return float(session.run(mean)[0])


def arg_scope(mended: bool) -> int:
    """Variables that come back from a checkpoint of a net with batch norm."""
    with _folder() as path:
        for scope in (inception_v3_arg_scope(), inception_v3_arg_scope() if mended else {}):
            with _graph() as session, slim.arg_scope(scope):
                slim.conv2d(tf.zeros([1, 9, 9, 3]), 4, [3, 3], scope="Conv2d_1a_3x3")
                if not tf.train.checkpoint_exists(path):
                    _start(session)
                    tf.train.Saver().save(session, path)
                tf.train.Saver().restore(session, path)
                count = len(tf.global_variables())
    return count


def classes(mended: bool) -> list[int]:
    """Logits of a net that restores a checkpoint of 1001: by its graph, and when it runs."""
    with _folder() as path:
        for number in (1001, 1001 if mended else 1000):
            with _graph() as session:
                logits = tf.layers.dense(tf.zeros([1, 2]), number, name="logits")
                if not tf.train.checkpoint_exists(path):
                    _start(session)
                    tf.train.Saver().save(session, path)
                tf.train.Saver().restore(session, path)
                counts = [int(logits.shape[-1]), session.run(logits).shape[-1]]
    return counts


def background(mended: bool) -> float:
    """Accuracy of a perfect net of 1001 classes on labels that count from 0."""
    labels = np.arange(1000)
    with _graph() as session:
        logits = tf.one_hot(labels + 1, 1001)  # class 0 is "background"
        offset = registry.get_net("inception_v3").label_offset if mended else 0
        right = tf.equal(tf.argmax(logits, 1), labels + offset)
        return float(session.run(tf.reduce_mean(tf.cast(right, tf.float32))))


def pixels(mended: bool) -> float:
    """Accuracy in telling dark from bright pictures, learned on pixels from -1 to 1."""
    pictures = np.arange(256, dtype=np.uint8)[:, None]
    labels = (pictures > 127).astype(np.float32)
    with _graph() as session:
        x = tf.placeholder(tf.float32, [None, 1])
        logits = tf.layers.dense(x, 1, kernel_initializer=tf.zeros_initializer())
        loss = tf.losses.sigmoid_cross_entropy(labels, logits)
        step = tf.train.GradientDescentOptimizer(1.0).minimize(loss)
        _start(session)
        for _ in range(20):
            session.run(step, {x: scale_pixels(pictures, "inception")})
        seen = scale_pixels(pictures, "inception" if mended else "unit")
        return float(((session.run(logits, {x: seen}) > 0) == labels).mean())


def padding(mended: bool) -> float:
    """The first value of a 3x3 convolution with stride 2; PyTorch's padding=1 gives 4."""
    with _graph() as session:
        image, kernel = tf.ones([1, 4, 4, 1]), tf.ones([3, 3, 1, 1])
        if mended:  # SAME would put its only row of zeros at the bottom
            image = tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]])
        y = tf.nn.conv2d(image, kernel, [1, 2, 2, 1], "VALID" if mended else "SAME")
        return float(session.run(y)[0, 0, 0, 0])


def made_twice(mended: bool) -> int:
    """Variables of a dense layer that is built for training and again for evaluation."""
    with _graph():
        for _ in ("training", "evaluation"):
            with tf.variable_scope("net", reuse=tf.AUTO_REUSE if mended else None):
                tf.get_variable("kernel", [2, 3])
        return len(tf.global_variables())


def another_layer(mended: bool) -> int:
    """The same, with a layer that has no name."""
    with _graph():
        for _ in ("training", "evaluation"):
            if mended:
                tf.layers.dense(tf.zeros([1, 2]), 3, name="dense", reuse=tf.AUTO_REUSE)
            else:
                tf.layers.dense(tf.zeros([1, 2]), 3)
        return len(tf.global_variables())


def variable_in_a_loop(mended: bool) -> int:
    """Weights of three steps that were meant to share one."""
    with _graph():
        x = tf.ones([2, 2])
        with tf.variable_scope("step", reuse=tf.AUTO_REUSE):
            for _ in range(3):
                if mended:
                    weight = tf.get_variable("weight", [2, 2])
                else:
                    weight = tf.Variable(tf.ones([2, 2]))
                x = tf.matmul(x, weight)
        return len(tf.global_variables())


def growing_graph(mended: bool) -> int:
    """Operations that twenty steps of a training loop add to the graph."""
    with _graph() as session:
        x, given = tf.get_variable("x", []), tf.placeholder(tf.float32, [])
        assign = x.assign(given)
        before = len(session.graph.get_operations())
        for i in range(20):
            session.run(assign, {given: i}) if mended else session.run(x.assign(float(i)))
        return len(session.graph.get_operations()) - before


def seeds(mended: bool) -> bool:
    """Whether two runs begin with the same weights."""
    drawn = []
    for _ in range(2):
        tf.set_random_seed(1)  # of the graph that is the default now, not of the next one
        with _graph() as session:
            if mended:
                tf.set_random_seed(1)
            weights = tf.get_variable("x", [9], initializer=tf.random_normal_initializer())
            _start(session)
            drawn.append(session.run(weights))
    return bool((drawn[0] == drawn[1]).all())


def channels_first(mended: bool) -> tuple[int, ...]:
    """Shape of what blocks of 2x2 pixels make of a map [N, C, H, W] on a CPU."""
    with _graph() as session, tf.device("/cpu:0"):
        image = tf.placeholder(tf.float32, [None, 3, 8, 8])
        if mended:
            there = tf.transpose(image, [0, 2, 3, 1])
            y = tf.transpose(tf.nn.space_to_depth(there, 2), [0, 3, 1, 2])
        else:
            y = tf.nn.space_to_depth(image, 2, data_format="NCHW")
        return session.run(y, {image: np.ones([1, 3, 8, 8])}).shape


def keeps_five(mended: bool) -> int:
    """Checkpoints that are left of seven."""
    with _graph() as session, _folder() as path:
        tf.get_variable("x", [])
        saver = tf.train.Saver(max_to_keep=None if mended else 5)  # 5 is the default
        _start(session)
        for step in range(7):
            saver.save(session, path, step, write_meta_graph=False)
        return len(list(pathlib.Path(path).parent.glob("*.index")))


def averages(mended: bool) -> float:
    """A weight as evaluation restores it; it was 1 in the last step, its average is 0.5."""
    with _graph() as session, _folder() as path:
        weight = tf.get_variable("weight", initializer=0.0)
        ema = tf.train.ExponentialMovingAverage(0.5)
        update = ema.apply([weight])
        _start(session)
        session.run(weight.assign(1.0))
        session.run(update)
        tf.train.Saver().save(session, path)
        tf.train.Saver(ema.variables_to_restore() if mended else None).restore(session, path)
        return float(session.run(weight))


def average_names(mended: bool) -> float:
    """The same weight, where evaluation asks for the average by another scope."""
    with _folder() as path:
        with _graph() as session:
            weight = tf.get_variable("weight", initializer=0.5)
            tf.train.ExponentialMovingAverage(0.5).apply([weight])
            _start(session)
            tf.train.Saver().save(session, path)
        with _graph() as session, tf.variable_scope("tower_0"):
            weight = tf.get_variable("weight", initializer=0.0)
            ema = tf.train.ExponentialMovingAverage(0.5)
            names = {"weight/ExponentialMovingAverage": weight}
            tf.train.Saver(names if mended else ema.variables_to_restore()).restore(session, path)
            return float(session.run(weight))


def wrong_shape(mended: bool) -> float:
    """The sum of one grey picture, fed into a placeholder for batches."""
    picture = np.ones([28, 28])
    with _graph() as session:
        x = tf.placeholder(tf.float32, [None, 28, 28, 1], name="images")
        fed = picture[None, :, :, None] if mended else picture
        return float(session.run(tf.reduce_sum(x), {x: fed}))


def initialized_too_early(mended: bool) -> float:
    """A weight that was made after the initializer."""
    with _graph() as session:
        if not mended:
            initializer = tf.global_variables_initializer()  # knows what there is so far: nothing
        weight = tf.get_variable("weight", initializer=2.0)
        if mended:
            initializer = tf.global_variables_initializer()
        session.run(initializer)
        return float(session.run(weight))


def batch_norm_at_evaluation(mended: bool) -> float:
    """What batch norm makes of a lone 3 at evaluation, with moving mean 0 and variance 1."""
    with _graph() as session:
        y = tf.layers.batch_normalization(tf.constant([[3.0]]), training=not mended)
        _start(session)
        return float(session.run(y)[0, 0])


def key_of_the_logits(mended: bool) -> tuple[int | None, ...]:
    """Shape of the logits out of the end points of a net."""
    with _graph():
        images = tf.placeholder(tf.float32, [None, 28, 28, 1])
        _, end_points = build_by_name("demo_cnn", images)
        key = registry.get_net("demo_cnn").heads[0] if mended else "Logits"
        return tuple(end_points[key].shape.as_list())


def other_optimizer(mended: bool) -> float:
    """A weight that was trained with gradient descent and goes on with Adam."""
    with _folder() as path:
        with _graph() as session:
            tf.get_variable("weight", initializer=2.0)
            _start(session)
            tf.train.Saver().save(session, path)
        with _graph() as session:
            weight = tf.get_variable("weight", initializer=0.0)
            weights = tf.global_variables()  # before the optimizer makes its own
            tf.train.AdamOptimizer().minimize(tf.square(weight))
            _start(session)
            tf.train.Saver(weights if mended else None).restore(session, path)
            return float(session.run(weight))


def excludes_nothing(mended: bool) -> int:
    """Variables of the head that are restored although they were to be left out."""
    with _graph():
        for scope in ("vgg_16/fc7", "vgg_16/fc8"):
            tf.get_variable(f"{scope}/weights", [2, 2])
        left_out = ["vgg_16/fc8"] if mended else ["fc8"]
        restored = slim.get_variables_to_restore(exclude=left_out)
        return sum("fc8" in v.op.name for v in restored)


def path_of_a_checkpoint(mended: bool) -> float:
    """A weight out of a checkpoint whose path was taken from the folder's listing."""
    with _graph() as session, _folder() as path:
        weight = tf.get_variable("weight", initializer=2.0)
        _start(session)
        tf.train.Saver().save(session, path)
        given = path if mended else f"{path}.data-00000-of-00001"
        tf.train.Saver().restore(session, given)
        return float(session.run(weight))


def weight_decay(mended: bool) -> float:
    """The loss of a net that is always right, with weight decay 0.1 on a kernel of four ones."""
    decay = slim.l2_regularizer(0.1)
    with _graph() as session:
        kernel = tf.get_variable("k", [4], initializer=tf.ones_initializer(), regularizer=decay)
        loss = tf.losses.mean_squared_error([4.0], [tf.reduce_sum(kernel)])
        _start(session)
        return float(session.run(tf.losses.get_total_loss() if mended else loss))
