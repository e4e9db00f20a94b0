"""ResNet-50 for 64x64 hand signs, written on tf.nn.

Papers:  [1] Deep Residual Learning, arXiv:1512.03385  [2] batch norm, arXiv:1502.03167
Source:  tutorial document 001, sections 3 to 5
Input:   NHWC float32, 64x64, RGB in [0, 1]
Names:   reference/Variable, reference/batch_normalization/gamma, reference/res2a/Variable_1,
         reference/dense_1/kernel, ...
Differs: 001-E01 the last layer is linear: its softmax would have been taken twice
         001-E02 the projections have no batch norm (the code; shortcut_batch_norm=True: the figure)
         001-E05 ``classes`` is used
         001-E06, E07 the last pool averages the complete map: any size from 5 pixels works
         001-E13 dropout is told its rate
         001-E23 the head is dense 50 + dense classes; the first pool is VALID: 15x15, not 16x16
         001-E24 the placeholders have defaults (training False, keep_prob 1)
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.data.signs import random_mini_batches
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.hand_signs_blocks import (
    DOCUMENT,
    Mode,
    Variant,
    batch_norm,
    convolutional_block,
    identity_block,
    weight_variable,
)
from legacy_nets.types import Array, EndPoints, IsTraining, NetOutputs, Reuse, Tensor

SMALLEST = 5  # pixels: below, the VALID pool has no complete window


def _check_size(images: Tensor) -> None:
    """Raises BadInputError for images [N, H, W, C] known to be too small for the first pool."""
    height, width = images.shape[1:3].as_list()
    if any(side is not None and side < SMALLEST for side in (height, width)):
        raise BadInputError(
            f"images of {height}x{width} are too small for hand_signs: "
            f"the smallest is {SMALLEST}x{SMALLEST}"
        )


def deepnn(
    x_input: Tensor,
    classes: int = 6,
    *,
    variant: Variant = DOCUMENT,
    training: IsTraining | None = None,
    keep_prob: float | None = None,
    end_points: EndPoints | None = None,
    scope: str = "reference",
    reuse: Reuse = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Builds the document's net on images [N, H, W, C]; adds to the end points.

    Returns: (logits, keep_prob, training). The logits [N, classes] are linear (001-E01). Where
      they are not given, ``training`` is the placeholder ``reference/training:0`` with default
      False, and ``keep_prob`` is ``reference/dropout/Placeholder:0`` with default 1 (001-E24).
    Raises: BadInputError for images below 5x5 pixels.
    """
    _check_size(x_input)
    points: EndPoints = {} if end_points is None else end_points
    # (N, 70, 70, 3)
    x = tf.pad(x_input, tf.constant([[0, 0], [3, 3], [3, 3], [0, 0]]), "CONSTANT")
    with tf.variable_scope(scope, reuse=reuse):
        if training is None:
            training = tf.placeholder_with_default(False, [], name="training")
        mode = Mode(training=training, variant=variant)
        # stage 1
        w_conv1 = weight_variable([7, 7, int(x.shape[-1]), 64], variant.initial_std, "Variable")
        x = tf.nn.conv2d(x, w_conv1, strides=[1, 2, 2, 1], padding="VALID")  # (N, 32, 32, 64)
        x = batch_norm(x, training, variant, "batch_normalization")
        points["conv1"] = x = tf.nn.relu(x)
        # (N, 15, 15, 64), as the document asserts
        x = tf.nn.max_pool(x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="VALID")
        points["pool1"] = x
        # stage 2: (N, 15, 15, 256)
        points["res2a"] = x = convolutional_block(x, 3, 64, [64, 64, 256], 2, "a", stride=1, **mode)
        points["res2b"] = x = identity_block(x, 3, 256, [64, 64, 256], 2, "b", **mode)
        points["res2c"] = x = identity_block(x, 3, 256, [64, 64, 256], 2, "c", **mode)
        # stage 3: (N, 8, 8, 512)
        points["res3a"] = x = convolutional_block(x, 3, 256, [128, 128, 512], 3, "a", **mode)
        points["res3b"] = x = identity_block(x, 3, 512, [128, 128, 512], 3, "b", **mode)
        points["res3c"] = x = identity_block(x, 3, 512, [128, 128, 512], 3, "c", **mode)
        points["res3d"] = x = identity_block(x, 3, 512, [128, 128, 512], 3, "d", **mode)
        # stage 4: (N, 4, 4, 1024)
        points["res4a"] = x = convolutional_block(x, 3, 512, [256, 256, 1024], 4, "a", **mode)
        points["res4b"] = x = identity_block(x, 3, 1024, [256, 256, 1024], 4, "b", **mode)
        points["res4c"] = x = identity_block(x, 3, 1024, [256, 256, 1024], 4, "c", **mode)
        points["res4d"] = x = identity_block(x, 3, 1024, [256, 256, 1024], 4, "d", **mode)
        points["res4e"] = x = identity_block(x, 3, 1024, [256, 256, 1024], 4, "e", **mode)
        points["res4f"] = x = identity_block(x, 3, 1024, [256, 256, 1024], 4, "f", **mode)
        # stage 5: (N, 2, 2, 2048)
        points["res5a"] = x = convolutional_block(x, 3, 1024, [512, 512, 2048], 5, "a", **mode)
        points["res5b"] = x = identity_block(x, 3, 2048, [512, 512, 2048], 5, "b", **mode)
        points["res5c"] = x = identity_block(x, 3, 2048, [512, 512, 2048], 5, "c", **mode)
        logits, kept = _build_head(x, classes, training, keep_prob, points)
    return logits, kept, training


def _build_head(
    x: Tensor,
    classes: int,
    training: IsTraining,
    keep_prob: float | None,
    end_points: EndPoints,
) -> tuple[Tensor, Tensor]:
    """Builds pool, dense, dropout, dense on a map [N, H, W, 2048]: the logits, and keep_prob."""
    # (N, 1, 1, 2048): 001-E06, E07
    x = tf.reduce_mean(x, axis=[1, 2], keepdims=True, name="AvgPool")
    end_points["pool5"] = x
    flatten = tf.layers.flatten(x)  # (N, 2048)
    x = tf.layers.dense(flatten, units=50, activation=tf.nn.relu, name="dense")  # (N, 50)
    end_points["fc50"] = x
    kept: float | Tensor = 1.0
    if keep_prob is not None and training is not False:
        kept = keep_prob if training is True else tf.where(training, keep_prob, 1.0)
    with tf.name_scope("dropout"):
        if keep_prob is None:
            kept = tf.placeholder_with_default(np.float32(1), [], name="Placeholder")
        x = tf.nn.dropout(x, rate=1 - kept)  # (N, 50); 001-E13
    logits = tf.layers.dense(x, units=classes, name="dense_1")  # (N, 6); 001-E01, E05
    end_points["logits"] = logits
    end_points["predictions"] = tf.nn.softmax(logits, name="predictions")
    return logits, kept


def hand_signs(
    images: Tensor,
    num_classes: int = 6,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "reference",
    keep_prob: float = 0.5,
    shortcut_batch_norm: bool = DOCUMENT.shortcut_batch_norm,
    initial_std: float | None = DOCUMENT.initial_std,
    momentum: float = DOCUMENT.momentum,
) -> NetOutputs:
    """Builds the document's net in the net contract of this package.

    Args:
      images: float32 [N, H, W, 3] in [0, 1]; the document uses 64x64.
      num_classes: units of the last layer.
      is_training: bool or bool tensor; batch norm and dropout follow it.
      reuse, scope: as in ``tf.variable_scope``.
      keep_prob: share of units that dropout keeps in training.
      shortcut_batch_norm, initial_std, momentum: see ``Variant``.

    Returns: logits [N, num_classes], and the end points in order of construction.
    Raises: BadInputError for images below 5x5 pixels.
    """
    end_points: EndPoints = {}
    logits, _, _ = deepnn(
        images,
        num_classes,
        variant=Variant(shortcut_batch_norm, initial_std, momentum),
        training=is_training,
        keep_prob=keep_prob,
        end_points=end_points,
        scope=scope,
        reuse=reuse,
    )
    return logits, end_points


def create_placeholders(image_shape: Sequence[int], classes: int) -> tuple[Tensor, Tensor]:
    """Creates the placeholders of a batch: images [N, *image_shape] and labels [N, classes].

    Both are float32; the document's int64 cuts soft labels down to 0 (001-E16).
    """
    images = tf.placeholder(tf.float32, [None, *image_shape])
    return images, tf.placeholder(tf.float32, [None, classes])


def cost(logits: Tensor, labels: Tensor) -> Tensor:
    """Builds the mean softmax cross-entropy, without an L2 term.

    Both are [N, classes]; the labels are one-hot, of any dtype.
    """
    with tf.name_scope("loss"):
        return tf.losses.softmax_cross_entropy(onehot_labels=labels, logits=logits)


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Builds the share of examples [N, classes] whose largest logit is that of the label."""
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
        X_train: Array,
        Y_train: Array,
        *,
        iterations: int = 1000,
        mini_batch_size: int = 32,
        learning_rate: float = 1e-4,
        save_every: int = 200,
        print_every: int = 20,
    ) -> None:
        """Trains with Adam and saves to ``model_save_path``, every ``save_every`` steps (001-E18).

        Args:
          X_train: float [M, H, W, 3] in [0, 1].
          Y_train: one-hot [M, classes].

        Writes the graph to an event file, in a new temporary folder that it prints. Prints the
        mean training-mode cost of each ``print_every`` steps (001-E14). Every epoch has new
        batches (001-E03).
        """
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(self.seed)
            features, labels = create_placeholders(X_train.shape[1:], Y_train.shape[1])
            logits, keep_prob, train_mode = self.deepnn(features, Y_train.shape[1])
            cross_entropy = self.cost(logits, labels)
            with tf.name_scope("adam_optimizer"):
                with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
                    train_step = tf.train.AdamOptimizer(learning_rate).minimize(cross_entropy)
            if self.ema_decay is not None:
                average = tf.train.ExponentialMovingAverage(self.ema_decay)
                with tf.control_dependencies([train_step]):
                    train_step = average.apply(tf.trainable_variables())
            self._write_graph()
            saver = tf.train.Saver()
            session.run(tf.global_variables_initializer())
            step, costs = 0, []
            while step < iterations:
                epoch_seed = self.seed + step
                for X, Y in random_mini_batches(X_train, Y_train, mini_batch_size, epoch_seed):
                    feed = {features: X, labels: Y, keep_prob: 0.5, train_mode: True}
                    costs.append(session.run([cross_entropy, train_step], feed)[0])
                    if step % print_every == 0:
                        print(f"step {step}, training cost {np.mean(costs):g}", flush=True)
                        costs = []
                    step += 1
                    if step % save_every == 0 or step == iterations:
                        saver.save(session, self.model_save_path)
                    if step == iterations:
                        break

    def _write_graph(self) -> None:
        """Writes the current graph to an event file, as the document does (l.339 to 342)."""
        graph_location = tempfile.mkdtemp()
        print(f"Saving graph to: {graph_location}")
        with tf.summary.FileWriter(graph_location) as train_writer:
            train_writer.add_graph(tf.get_default_graph())

    def evaluate(self, test_features: Array, test_labels: Array, name: str = "test ") -> float:
        """Restores the saved net, prints and returns its accuracy, in batches of 64 (001-E19).

        Where ``ema_decay`` is set, the averaged weights are used.
        """
        with tf.Graph().as_default(), tf.Session() as session:
            features, _ = create_placeholders(test_features.shape[1:], test_labels.shape[1])
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
