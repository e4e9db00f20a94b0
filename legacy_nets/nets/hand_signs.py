"""ResNet-50 for 64x64 hand signs, written on tf.nn.

Papers:  [1] Deep Residual Learning, arXiv:1512.03385  [2] batch norm, arXiv:1502.03167
Source:  tutorial document 001, sections 3 to 5
Input:   NHWC float32, 64x64, RGB in [0, 1]
Names:   reference/Variable, reference/batch_normalization/gamma, reference/res2a/Variable_1,
         reference/dense_1/kernel, ...
Differs: 001-E01 the last layer is linear: its softmax would have been taken twice
         001-E02 the projections have no batch norm (the code; shortcut_batch_norm=True: the figure)
         001-E05 ``classes`` is used
         001-E06, E07 the last pool takes the mean of the whole map: any size from 5 pixels works
         001-E13 dropout is told its rate
         001-E23 the top is dense 50 + dense classes; the stem's pool is VALID: 15x15, not 16x16
         001-E24 the placeholders have defaults (training False, keep_prob 1)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.data.signs import random_mini_batches
from legacy_nets.errors import BadInputError

# stage: filters of the three convolutions, stride of the first block, letters of its blocks
STAGES = {
    2: ((64, 64, 256), 1, "abc"),
    3: ((128, 128, 512), 2, "abcd"),
    4: ((256, 256, 1024), 2, "abcdef"),
    5: ((512, 512, 2048), 2, "abc"),
}
SMALLEST = 5  # pixels: below, the VALID pool of the stem has nothing to look at


@dataclasses.dataclass(frozen=True)
class Variant:
    """Where a net may leave the document; the defaults are the document's code.

    ``shortcut_batch_norm``: batch norm on the four projections too (001-E02, 16 more variables).
    ``initial_std``: of every kernel (001-E08); None scales it with a unit's inputs.
    ``momentum``: of the moving statistics; 0.99 needs some hundred steps to follow (001-E14).
    """

    shortcut_batch_norm: bool = False
    initial_std: float | None = 0.1
    momentum: float = 0.99


DOCUMENT = Variant()


def weight_variable(shape: list[int], stddev: float | None = 0.1, name: str | None = None) -> Any:
    """A convolution kernel, drawn from a truncated normal of ``stddev``.

    ``stddev=None`` scales with the inputs of a unit, sqrt(2 / fan_in) (arXiv:1502.01852).
    Without a name it is a plain ``tf.Variable``, which TF1 calls Variable, Variable_1, ... in
    the order of creation; with a name it obeys the ``reuse`` of the variable scope.
    """
    if stddev is None:
        stddev = float(np.sqrt(2 / np.prod(shape[:-1])))
    if name is None:
        return tf.Variable(tf.truncated_normal(shape, stddev=stddev))
    return tf.get_variable(name, shape, initializer=tf.truncated_normal_initializer(stddev=stddev))


def _number(name: str, index: int) -> str:
    """The name that TF1 gives to the index-th variable or layer of a kind in one scope."""
    return f"{name}_{index}" if index else name


def _conv(
    x: Any, index: int, size: int, filters: int, stride: int, padding: str, variant: Variant
) -> Any:
    shape = [size, size, int(x.shape[-1]), filters]
    kernel = weight_variable(shape, variant.initial_std, _number("Variable", index))
    return tf.nn.conv2d(x, kernel, strides=[1, stride, stride, 1], padding=padding)


def _batch_norm(x: Any, index: int, training: Any, variant: Variant) -> Any:
    return tf.layers.batch_normalization(
        x,
        axis=3,
        momentum=variant.momentum,
        training=training,
        name=_number("batch_normalization", index),
    )


def _check_channels(x: Any, in_filter: int, block: str) -> None:
    if x.shape[-1] != in_filter:
        raise BadInputError(
            f"{block} was told in_filter={in_filter}, but its input has {x.shape[-1]} channels"
        )


def _main_path(
    x: Any, kernel_size: int, filters: Any, training: Any, stride: int, variant: Variant
) -> Any:
    f1, f2, f3 = filters
    x = _conv(x, 0, 1, f1, stride, "VALID", variant)  # (N, H/s, W/s, f1)
    x = tf.nn.relu(_batch_norm(x, 0, training, variant))
    x = _conv(x, 1, kernel_size, f2, 1, "SAME", variant)  # (N, H/s, W/s, f2)
    x = tf.nn.relu(_batch_norm(x, 1, training, variant))
    x = _conv(x, 2, 1, f3, 1, "VALID", variant)  # (N, H/s, W/s, f3)
    return _batch_norm(x, 2, training, variant)


def identity_block(
    X_input: Any,
    kernel_size: int,
    in_filter: int,
    out_filters: Sequence[int],
    stage: int,
    block: str,
    training: Any,
    *,
    variant: Variant = DOCUMENT,
) -> Any:
    """Three convolutions whose sum with the input goes through a ReLU.

    Args:
      X_input: float32 [N, H, W, in_filter]; in_filter must equal out_filters[2].
      kernel_size: side of the middle kernel.
      in_filter: channels of the input.
      out_filters: channels of the three convolutions.
      stage, block: name the variable scope, ``res<stage><block>``.
      training: bool or bool tensor, for batch norm.
      variant: see there.

    Returns: float32 [N, H, W, out_filters[2]].
    """
    name = f"res{stage}{block}"
    _check_channels(X_input, in_filter, name)
    if in_filter != out_filters[2]:
        raise BadInputError(
            f"{name} adds its input ({in_filter} channels) to {out_filters[2]} channels: "
            "they must be equal, or use convolutional_block"
        )
    with tf.variable_scope(name):
        x = _main_path(X_input, kernel_size, out_filters, training, 1, variant)
        return tf.nn.relu(tf.add(x, X_input))


def convolutional_block(
    X_input: Any,
    kernel_size: int,
    in_filter: int,
    out_filters: Sequence[int],
    stage: int,
    block: str,
    training: Any,
    stride: int = 2,
    *,
    variant: Variant = DOCUMENT,
) -> Any:
    """As ``identity_block``, with a stride in the first convolution and a 1x1 projection.

    Returns: float32 [N, ceil(H/stride), ceil(W/stride), out_filters[2]].
    """
    name = f"res{stage}{block}"
    _check_channels(X_input, in_filter, name)
    with tf.variable_scope(name):
        x = _main_path(X_input, kernel_size, out_filters, training, stride, variant)
        shortcut = _conv(X_input, 3, 1, out_filters[2], stride, "VALID", variant)
        if variant.shortcut_batch_norm:  # 001-E02: the document's figure has it, its code has not
            shortcut = _batch_norm(shortcut, 3, training, variant)
        return tf.nn.relu(tf.add(shortcut, x))


def _trunk(images: Any, training: Any, variant: Variant) -> dict[str, Any]:
    """Stem and the four stages, in the current variable scope; returns the end points."""
    for side in images.shape[1:3].as_list():
        if side is not None and side < SMALLEST:
            raise BadInputError(
                f"images of {images.shape[1]}x{images.shape[2]} are too small for hand_signs: "
                f"the smallest is {SMALLEST}x{SMALLEST}"
            )
    end_points = {}
    x = tf.pad(images, [[0, 0], [3, 3], [3, 3], [0, 0]])  # (N, 70, 70, 3)
    x = _conv(x, 0, 7, 64, 2, "VALID", variant)  # (N, 32, 32, 64)
    x = tf.nn.relu(_batch_norm(x, 0, training, variant))
    end_points["conv1"] = x
    x = tf.nn.max_pool(x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="VALID")
    end_points["pool1"] = x  # (N, 15, 15, 64)
    for stage, (filters, stride, letters) in STAGES.items():
        # (N, 15, 15, 256), (N, 8, 8, 512), (N, 4, 4, 1024), (N, 2, 2, 2048)
        for letter in letters:
            where = (stage, letter, training)
            if letter == "a":
                x = convolutional_block(x, 3, x.shape[-1], filters, *where, stride, variant=variant)
            else:
                x = identity_block(x, 3, x.shape[-1], filters, *where, variant=variant)
            end_points[f"res{stage}{letter}"] = x
    return end_points


def _top(end_points: dict[str, Any], classes: int, keep_prob: Any = None) -> tuple[Any, Any]:
    """Pool and two dense layers with dropout between them; adds to the end points.

    Without a ``keep_prob`` it makes the document's placeholder. Returns (logits, keep_prob).
    """
    last = next(reversed(end_points.values()))
    x = tf.reduce_mean(last, axis=[1, 2], keepdims=True, name="AvgPool")  # (N, 1, 1, 2048)
    end_points["pool5"] = x
    x = tf.layers.flatten(x)  # (N, 2048)
    x = tf.layers.dense(x, units=50, activation=tf.nn.relu, name="dense")  # (N, 50)
    end_points["fc50"] = x
    with tf.name_scope("dropout"):
        if keep_prob is None:
            keep_prob = tf.placeholder_with_default(np.float32(1), [], name="Placeholder")
        x = tf.nn.dropout(x, rate=1 - keep_prob)
    logits = tf.layers.dense(x, units=classes, name="dense_1")  # (N, classes)
    end_points["logits"] = logits
    end_points["predictions"] = tf.nn.softmax(logits, name="predictions")
    return logits, keep_prob


def hand_signs(
    images: Any,
    num_classes: int = 6,
    is_training: Any = False,
    *,
    reuse: Any = None,
    scope: str = "reference",
    keep_prob: float = 0.5,
    shortcut_batch_norm: bool = DOCUMENT.shortcut_batch_norm,
    initial_std: float | None = DOCUMENT.initial_std,
    momentum: float = DOCUMENT.momentum,
) -> tuple[Any, dict[str, Any]]:
    """The document's net in the net contract of this package.

    Args:
      images: float32 [N, H, W, 3] in [0, 1]; the document uses 64x64.
      num_classes: units of the last layer.
      is_training: bool or bool tensor; batch norm and dropout follow it.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope.
      keep_prob: share of units that dropout keeps in training.
      shortcut_batch_norm, initial_std, momentum: see ``Variant``.

    Returns: logits [N, num_classes], and the end points in order of construction.
    Raises: BadInputError for images below 5x5 pixels.
    """
    variant = Variant(shortcut_batch_norm, initial_std, momentum)
    with tf.variable_scope(scope, reuse=reuse):
        end_points = _trunk(images, is_training, variant)
        if isinstance(is_training, bool):
            keep: Any = keep_prob if is_training else 1.0
        else:
            keep = tf.where(is_training, keep_prob, 1.0)
        logits, _ = _top(end_points, num_classes, keep)
    return logits, end_points


def deepnn(x_input: Any, classes: int = 6, *, variant: Variant = DOCUMENT) -> tuple[Any, Any, Any]:
    """The document's own entry: ``(logits, keep_prob, training)``.

    ``keep_prob`` and ``training`` are placeholders, ``reference/dropout/Placeholder:0`` with
    default 1 and ``reference/training:0`` with default False. The logits are linear (001-E01).
    """
    with tf.variable_scope("reference"):
        training = tf.placeholder_with_default(False, [], name="training")
        end_points = _trunk(x_input, training, variant)
        logits, keep_prob = _top(end_points, classes)
    return logits, keep_prob, training


def cost(logits: Any, labels: Any) -> Any:
    """Mean softmax cross-entropy (no L2 term); labels are one-hot [N, classes] of any dtype."""
    with tf.name_scope("loss"):
        return tf.losses.softmax_cross_entropy(onehot_labels=labels, logits=logits)


def accuracy(logits: Any, labels: Any) -> Any:
    """Share of examples whose largest logit stands where the one-hot label does."""
    with tf.name_scope("accuracy"):
        correct = tf.equal(tf.argmax(logits, 1), tf.argmax(labels, 1))
        return tf.reduce_mean(tf.cast(correct, tf.float32))


class HandClassifier:
    """The document's class: builds, trains, saves and evaluates the net.

    Each call of ``train`` and ``evaluate`` builds its own graph (001-E12). For progress bars,
    resuming and events use ``legacy-nets train hand_signs``: same net, same checkpoint names.
    """

    def __init__(
        self,
        model_save_path: str = "./model_saving/hand_classifier",
        *,
        ema_decay: float | None = None,
        seed: int = 0,
    ) -> None:
        self.model_save_path = model_save_path
        self.ema_decay = ema_decay  # 001-E22: the averaging that the document's end proposes
        self.seed = seed  # 001-E04

    weight_variable = staticmethod(weight_variable)
    identity_block = staticmethod(identity_block)
    convolutional_block = staticmethod(convolutional_block)
    deepnn = staticmethod(deepnn)
    cost = staticmethod(cost)
    accuracy = staticmethod(accuracy)

    def train(
        self,
        X_train: np.ndarray,
        Y_train: np.ndarray,
        *,
        iterations: int = 1000,
        mini_batch_size: int = 32,
        learning_rate: float = 1e-4,
        save_every: int = 200,
    ) -> None:
        """Trains with Adam and saves to ``model_save_path``, every ``save_every`` steps (001-E18).

        Args:
          X_train: float [M, H, W, 3] in [0, 1].
          Y_train: one-hot [M, classes].

        Prints the mean training-mode cost of each 20 steps (001-E14), over batches that are
        drawn anew every epoch (001-E03).
        """
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(self.seed)
            features = tf.placeholder(tf.float32, [None, *X_train.shape[1:]])
            labels = tf.placeholder(tf.float32, [None, Y_train.shape[1]])  # 001-E16
            logits, keep_prob, train_mode = self.deepnn(features, Y_train.shape[1])
            cross_entropy = self.cost(logits, labels)
            with tf.name_scope("adam_optimizer"):
                with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
                    train_step = tf.train.AdamOptimizer(learning_rate).minimize(cross_entropy)
            if self.ema_decay is not None:
                average = tf.train.ExponentialMovingAverage(self.ema_decay)
                with tf.control_dependencies([train_step]):
                    train_step = average.apply(tf.trainable_variables())
            saver = tf.train.Saver()
            session.run(tf.global_variables_initializer())
            step, costs = 0, []
            while step < iterations:
                epoch_seed = self.seed + step
                for X, Y in random_mini_batches(X_train, Y_train, mini_batch_size, epoch_seed):
                    feed = {features: X, labels: Y, keep_prob: 0.5, train_mode: True}
                    costs.append(session.run([cross_entropy, train_step], feed)[0])
                    if step % 20 == 0:
                        print(f"step {step}, training cost {np.mean(costs):g}", flush=True)
                        costs = []
                    step += 1
                    if step % save_every == 0 or step == iterations:
                        saver.save(session, self.model_save_path)
                    if step == iterations:
                        break

    def evaluate(
        self, test_features: np.ndarray, test_labels: np.ndarray, name: str = "test "
    ) -> float:
        """Restores the saved net, prints and returns its accuracy, in batches of 64 (001-E19).

        Where ``ema_decay`` is set, the averaged weights are used.
        """
        with tf.Graph().as_default(), tf.Session() as session:
            features = tf.placeholder(tf.float32, [None, *test_features.shape[1:]])
            logits, _, _ = self.deepnn(features, test_labels.shape[1])
            variables = None
            if self.ema_decay is not None:
                variables = tf.train.ExponentialMovingAverage(0).variables_to_restore()
            tf.train.Saver(variables).restore(session, self.model_save_path)
            scores = [
                session.run(logits, {features: test_features[start : start + 64]})
                for start in range(0, len(test_features), 64)
            ]
        correct = np.concatenate(scores).argmax(1) == test_labels.argmax(1)
        print(f"{name} accuracy {correct.mean():g}")
        return float(correct.mean())


hand_classifier = HandClassifier  # the document's spelling
