"""The pitfalls of TensorFlow 1, each in a few lines, without and with the fix.

Each function returns a value of ``data/pitfalls.csv``, or raises the error in it.
"""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from collections.abc import Callable, Iterator

import numpy as np

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.nets.build import build_by_name
from legacy_nets.nets.inception_v3 import inception_v3_arg_scope
from legacy_nets.types import Array, Session

slim = tf.contrib.slim


@contextlib.contextmanager
def _open_session() -> Iterator[Session]:
    with tf.Graph().as_default(), tf.Session() as session:
        yield session


@contextlib.contextmanager
def _make_checkpoint_path() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield str(pathlib.Path(folder) / "model.ckpt")


def _initialize(session: Session) -> None:
    session.run(tf.global_variables_initializer())


def _make_fives() -> Array:
    return 5 * np.ones([4, 1])


def train_with_update_ops(with_fix: bool) -> float:
    """Returns the moving mean after ten steps of training on fives."""
    with _open_session() as session:
        x = tf.placeholder(tf.float32, [None, 1])
        y = tf.layers.batch_normalization(x, momentum=0.9, training=True)
        mean = next(v for v in tf.global_variables() if "moving_mean" in v.name)
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS) if with_fix else []
        with tf.control_dependencies(updates):
            step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(y))
        _initialize(session)
        for _ in range(10):
            session.run(step, {x: _make_fives()})
        return float(session.run(mean)[0])


def restore_moving_statistics(with_fix: bool) -> float:
    """Restores the moving mean from a checkpoint; it was 5."""
    with _open_session() as session, _make_checkpoint_path() as path:
        tf.layers.batch_normalization(tf.placeholder(tf.float32, [None, 1]), name="bn")
        saver = tf.train.Saver(tf.global_variables() if with_fix else tf.trainable_variables())
        _initialize(session)
        mean = next(v for v in tf.global_variables() if "moving_mean" in v.name)
        session.run(mean.assign([5.0]))
        saver.save(session, path)
        _initialize(session)  # as in the process that evaluates
        saver.restore(session, path)
        return float(session.run(mean)[0])


def restore_with_arg_scope(with_fix: bool) -> int:
    """Counts the variables that a checkpoint of a net with batch norm restores."""
    with _make_checkpoint_path() as path:
        for scope in (inception_v3_arg_scope(), inception_v3_arg_scope() if with_fix else {}):
            with _open_session() as session, slim.arg_scope(scope):
                slim.conv2d(tf.zeros([1, 9, 9, 3]), 4, [3, 3], scope="Conv2d_1a_3x3")
                if not tf.train.checkpoint_exists(path):
                    _initialize(session)
                    tf.train.Saver().save(session, path)
                tf.train.Saver().restore(session, path)
                count = len(tf.global_variables())
    return count


def restore_1001_classes(with_fix: bool) -> list[int]:
    """Counts the logits after a restore of 1001 classes: in the graph, and in a run."""
    with _make_checkpoint_path() as path:
        for number in (1001, 1001 if with_fix else 1000):
            with _open_session() as session:
                logits = tf.layers.dense(tf.zeros([1, 2]), number, name="logits")
                if not tf.train.checkpoint_exists(path):
                    _initialize(session)
                    tf.train.Saver().save(session, path)
                tf.train.Saver().restore(session, path)
                counts = [int(logits.shape[-1]), session.run(logits).shape[-1]]
    return counts


def compare_labels(with_fix: bool) -> float:
    """Computes the accuracy of a perfect net of 1001 classes on labels that count from 0."""
    labels = np.arange(1000)
    with _open_session() as session:
        logits = tf.one_hot(labels + 1, 1001)  # class 0 is "background"
        offset = registry.get_net("inception_v3").label_offset if with_fix else 0
        right = tf.equal(tf.argmax(logits, 1), labels + offset)
        return float(session.run(tf.reduce_mean(tf.cast(right, tf.float32))))


def predict_on_pixels(with_fix: bool) -> float:
    """Computes the accuracy in telling dark from bright, learned on pixels from -1 to 1."""
    pictures = np.arange(256, dtype=np.uint8)[:, None]
    labels = (pictures > 127).astype(np.float32)
    with _open_session() as session:
        x = tf.placeholder(tf.float32, [None, 1])
        logits = tf.layers.dense(x, 1, kernel_initializer=tf.zeros_initializer())
        loss = tf.losses.sigmoid_cross_entropy(labels, logits)
        step = tf.train.GradientDescentOptimizer(1.0).minimize(loss)
        _initialize(session)
        for _ in range(20):
            session.run(step, {x: scale_pixels(pictures, "inception")})
        values = scale_pixels(pictures, "inception" if with_fix else "unit")
        return float(((session.run(logits, {x: values}) > 0) == labels).mean())


def convolve_with_padding(with_fix: bool) -> float:
    """Computes the first value of a 3x3 convolution with stride 2; PyTorch's padding=1 gives 4."""
    with _open_session() as session:
        image, kernel = tf.ones([1, 4, 4, 1]), tf.ones([3, 3, 1, 1])
        if with_fix:  # SAME would put its only row of zeros at the bottom
            image = tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]])
        y = tf.nn.conv2d(image, kernel, [1, 2, 2, 1], "VALID" if with_fix else "SAME")
        return float(session.run(y)[0, 0, 0, 0])


def build_net_twice(with_fix: bool) -> int:
    """Counts the variables of a dense layer that is built for training and for evaluation."""
    with _open_session():
        for _ in ("training", "evaluation"):
            with tf.variable_scope("net", reuse=tf.AUTO_REUSE if with_fix else None):
                tf.get_variable("kernel", [2, 3])
        return len(tf.global_variables())


def call_layer_twice(with_fix: bool) -> int:
    """Counts the same variables for a layer without a name."""
    with _open_session():
        for _ in ("training", "evaluation"):
            if with_fix:
                tf.layers.dense(tf.zeros([1, 2]), 3, name="dense", reuse=tf.AUTO_REUSE)
            else:
                tf.layers.dense(tf.zeros([1, 2]), 3)
        return len(tf.global_variables())


def create_variables_in_loop(with_fix: bool) -> int:
    """Counts the weights of three steps that should share one."""
    with _open_session():
        x = tf.ones([2, 2])
        with tf.variable_scope("step", reuse=tf.AUTO_REUSE):
            for _ in range(3):
                if with_fix:
                    weight = tf.get_variable("weight", [2, 2])
                else:
                    weight = tf.Variable(tf.ones([2, 2]))
                x = tf.matmul(x, weight)
        return len(tf.global_variables())


def run_training_loop(with_fix: bool) -> int:
    """Counts the operations that twenty steps of a training loop add to the graph."""
    with _open_session() as session:
        x, value = tf.get_variable("x", []), tf.placeholder(tf.float32, [])
        assign = x.assign(value)
        before = len(session.graph.get_operations())
        for i in range(20):
            session.run(assign, {value: i}) if with_fix else session.run(x.assign(float(i)))
        return len(session.graph.get_operations()) - before


def draw_weights_twice(with_fix: bool) -> bool:
    """Returns whether two runs start with the same weights."""
    runs = []
    for _ in range(2):
        tf.set_random_seed(1)  # of the graph that is the default now, not of the next one
        with _open_session() as session:
            if with_fix:
                tf.set_random_seed(1)
            weights = tf.get_variable("x", [9], initializer=tf.random_normal_initializer())
            _initialize(session)
            runs.append(session.run(weights))
    return bool((runs[0] == runs[1]).all())


def rearrange_channels_first(with_fix: bool) -> tuple[int, ...]:
    """Returns the shape of space_to_depth of a map [N, C, H, W] on a CPU."""
    with _open_session() as session, tf.device("/cpu:0"):
        image = tf.placeholder(tf.float32, [None, 3, 8, 8])
        if with_fix:
            channels_last = tf.transpose(image, [0, 2, 3, 1])
            y = tf.transpose(tf.nn.space_to_depth(channels_last, 2), [0, 3, 1, 2])
        else:
            y = tf.nn.space_to_depth(image, 2, data_format="NCHW")
        return session.run(y, {image: np.ones([1, 3, 8, 8])}).shape


def save_seven_checkpoints(with_fix: bool) -> int:
    """Counts the checkpoints that remain of seven."""
    with _open_session() as session, _make_checkpoint_path() as path:
        tf.get_variable("x", [])
        saver = tf.train.Saver(max_to_keep=None if with_fix else 5)  # 5 is the default
        _initialize(session)
        for step in range(7):
            saver.save(session, path, step, write_meta_graph=False)
        return len(list(pathlib.Path(path).parent.glob("*.index")))


def restore_average(with_fix: bool) -> float:
    """Restores a weight for evaluation; its last value is 1, its average 0.5."""
    with _open_session() as session, _make_checkpoint_path() as path:
        weight = tf.get_variable("weight", initializer=0.0)
        ema = tf.train.ExponentialMovingAverage(0.5)
        update = ema.apply([weight])
        _initialize(session)
        session.run(weight.assign(1.0))
        session.run(update)
        tf.train.Saver().save(session, path)
        tf.train.Saver(ema.variables_to_restore() if with_fix else None).restore(session, path)
        return float(session.run(weight))


def restore_average_in_scope(with_fix: bool) -> float:
    """Restores the same weight where evaluation looks for the average in another scope."""
    with _make_checkpoint_path() as path:
        with _open_session() as session:
            weight = tf.get_variable("weight", initializer=0.5)
            tf.train.ExponentialMovingAverage(0.5).apply([weight])
            _initialize(session)
            tf.train.Saver().save(session, path)
        with _open_session() as session, tf.variable_scope("tower_0"):
            weight = tf.get_variable("weight", initializer=0.0)
            ema = tf.train.ExponentialMovingAverage(0.5)
            names = {"weight/ExponentialMovingAverage": weight}
            tf.train.Saver(names if with_fix else ema.variables_to_restore()).restore(session, path)
            return float(session.run(weight))


def feed_picture(with_fix: bool) -> float:
    """Sums one grey picture that is fed into a placeholder for batches."""
    picture = np.ones([28, 28])
    with _open_session() as session:
        x = tf.placeholder(tf.float32, [None, 28, 28, 1], name="images")
        fed = picture[None, :, :, None] if with_fix else picture
        return float(session.run(tf.reduce_sum(x), {x: fed}))


def initialize_variable(with_fix: bool) -> float:
    """Returns a weight that is created after the initializer."""
    with _open_session() as session:
        if not with_fix:
            initializer = tf.global_variables_initializer()  # knows what there is so far: nothing
        weight = tf.get_variable("weight", initializer=2.0)
        if with_fix:
            initializer = tf.global_variables_initializer()
        session.run(initializer)
        return float(session.run(weight))


def normalize_at_evaluation(with_fix: bool) -> float:
    """Normalizes a single 3 at evaluation, with moving mean 0 and variance 1."""
    with _open_session() as session:
        y = tf.layers.batch_normalization(tf.constant([[3.0]]), training=not with_fix)
        _initialize(session)
        return float(session.run(y)[0, 0])


def get_logits(with_fix: bool) -> tuple[int | None, ...]:
    """Returns the shape of the logits among the end points of a net."""
    with _open_session():
        images = tf.placeholder(tf.float32, [None, 28, 28, 1])
        _, end_points = build_by_name("demo_cnn", images)
        key = registry.get_net("demo_cnn").heads[0] if with_fix else "Logits"
        return tuple(end_points[key].shape.as_list())


def continue_with_adam(with_fix: bool) -> float:
    """Restores a weight of gradient descent to continue with Adam."""
    with _make_checkpoint_path() as path:
        with _open_session() as session:
            tf.get_variable("weight", initializer=2.0)
            _initialize(session)
            tf.train.Saver().save(session, path)
        with _open_session() as session:
            weight = tf.get_variable("weight", initializer=0.0)
            weights = tf.global_variables()  # before the optimizer makes its own
            tf.train.AdamOptimizer().minimize(tf.square(weight))
            _initialize(session)
            tf.train.Saver(weights if with_fix else None).restore(session, path)
            return float(session.run(weight))


def exclude_head(with_fix: bool) -> int:
    """Counts the variables of the head that are restored although they are excluded."""
    with _open_session():
        for scope in ("vgg_16/fc7", "vgg_16/fc8"):
            tf.get_variable(f"{scope}/weights", [2, 2])
        left_out = ["vgg_16/fc8"] if with_fix else ["fc8"]
        restored = slim.get_variables_to_restore(exclude=left_out)
        return sum("fc8" in v.op.name for v in restored)


def restore_from_path(with_fix: bool) -> float:
    """Restores a weight from a path out of the folder's listing."""
    with _open_session() as session, _make_checkpoint_path() as path:
        weight = tf.get_variable("weight", initializer=2.0)
        _initialize(session)
        tf.train.Saver().save(session, path)
        restored_path = path if with_fix else f"{path}.data-00000-of-00001"
        tf.train.Saver().restore(session, restored_path)
        return float(session.run(weight))


def compute_loss(with_fix: bool) -> float:
    """Computes the loss of a perfect net with weight decay 0.1 on a kernel of four ones."""
    decay = slim.l2_regularizer(0.1)
    with _open_session() as session:
        kernel = tf.get_variable("k", [4], initializer=tf.ones_initializer(), regularizer=decay)
        loss = tf.losses.mean_squared_error([4.0], [tf.reduce_sum(kernel)])
        _initialize(session)
        return float(session.run(tf.losses.get_total_loss() if with_fix else loss))


CHECKS: dict[str, Callable[[bool], object]] = {
    "build_net_twice": build_net_twice,
    "call_layer_twice": call_layer_twice,
    "compare_labels": compare_labels,
    "compute_loss": compute_loss,
    "continue_with_adam": continue_with_adam,
    "convolve_with_padding": convolve_with_padding,
    "create_variables_in_loop": create_variables_in_loop,
    "draw_weights_twice": draw_weights_twice,
    "exclude_head": exclude_head,
    "feed_picture": feed_picture,
    "get_logits": get_logits,
    "initialize_variable": initialize_variable,
    "normalize_at_evaluation": normalize_at_evaluation,
    "predict_on_pixels": predict_on_pixels,
    "rearrange_channels_first": rearrange_channels_first,
    "restore_1001_classes": restore_1001_classes,
    "restore_average": restore_average,
    "restore_average_in_scope": restore_average_in_scope,
    "restore_from_path": restore_from_path,
    "restore_moving_statistics": restore_moving_statistics,
    "restore_with_arg_scope": restore_with_arg_scope,
    "run_training_loop": run_training_loop,
    "save_seven_checkpoints": save_seven_checkpoints,
    "train_with_update_ops": train_with_update_ops,
}
