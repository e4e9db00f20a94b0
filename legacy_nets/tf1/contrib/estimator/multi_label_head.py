"""A head of classes that do not exclude each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import estimator as core
from legacy_nets.tf1.contrib.estimator.head import Head, LossFn, WeightColumn
from legacy_nets.tf1.contrib.lookup import index_table_from_tensor
from legacy_nets.types import EstimatorSpec, Operation, Optimizer, Structure, Tensor

_heads = core.estimator_modules["canned.head"]
_keys = _heads.metric_keys.MetricKeys
_Reduction = tf.losses.Reduction


def multi_label_head(
    n_classes: int,
    weight_column: WeightColumn = None,
    thresholds: Sequence[float] | None = None,
    label_vocabulary: Sequence[str] | None = None,
    loss_reduction: str = _Reduction.SUM_OVER_BATCH_SIZE,
    loss_fn: LossFn | None = None,
    classes_for_class_based_metrics: Sequence[int | str] | None = None,
    name: str | None = None,
) -> Head:
    """Makes a head of classes that do not exclude each other: sigmoid cross entropy of each.

    Labels are int64 [N, n_classes] of 0 and 1, or sparse ids, or sparse words of the vocabulary.

    Raises ValueError for fewer than two classes, and for arguments that do not fit them.
    """
    if n_classes is None or n_classes < 2:
        raise ValueError(
            f"n_classes must be > 1 for multi-class classification. Given: {n_classes}"
        )
    for threshold in thresholds or ():
        if not 0.0 < threshold < 1.0:
            raise ValueError(f"thresholds must be in (0, 1) range. Given: {threshold}")
    if label_vocabulary is not None and len(label_vocabulary) != n_classes:
        raise ValueError(
            f"Length of label_vocabulary must be n_classes ({n_classes}). "
            f"Given: {len(label_vocabulary)}"
        )
    if loss_fn:
        _heads._validate_loss_fn_args(loss_fn)
    if loss_reduction not in _Reduction.all() or loss_reduction == _Reduction.NONE:
        raise ValueError(f"Invalid loss_reduction: {loss_reduction}")
    class_ids = []
    for given in classes_for_class_based_metrics or ():
        if isinstance(given, str) and not label_vocabulary:
            raise ValueError(
                "label_vocabulary must be provided when classes_for_class_based_metrics are sting."
            )
        number = (
            label_vocabulary.index(given)
            if label_vocabulary and given in label_vocabulary
            else given
        )
        if not isinstance(number, int) or not 0 <= number < n_classes:
            raise ValueError(
                f"All classes_for_class_based_metrics must be in range [0, {n_classes - 1}]. "
                f"Given: {given}"
            )
        class_ids.append(number)
    return _MultiLabelHead(
        n_classes, weight_column, tuple(thresholds or ()), label_vocabulary, loss_reduction,
        loss_fn, class_ids, name,
    )  # fmt: skip


class _MultiLabelHead:
    def __init__(
        self,
        n_classes: int,
        weight_column: WeightColumn,
        thresholds: Sequence[float],
        label_vocabulary: Sequence[str] | None,
        loss_reduction: str,
        loss_fn: LossFn | None,
        class_ids: Sequence[int],
        name: str | None,
    ) -> None:
        self._n_classes = n_classes
        self._weight_column = weight_column
        self._thresholds = thresholds
        self._vocabulary = label_vocabulary
        self._loss_reduction = loss_reduction
        self._loss_fn = loss_fn
        self._class_ids = class_ids
        self._name = name

    @property
    def name(self) -> str | None:
        """The prefix of its metrics."""
        return self._name

    @property
    def logits_dimension(self) -> int:
        """The number of classes."""
        return self._n_classes

    def _process_labels(self, labels: Tensor | None) -> Tensor:
        """Returns int64 [N, n_classes] of 0 and 1."""
        if labels is None:
            raise ValueError(
                "You must provide a labels Tensor. Given: None. Suggested troubleshooting steps: "
                "Check that your data contain your label feature. Check that your input_fn "
                "properly parses and returns labels."
            )
        if not isinstance(labels, tf.SparseTensor):
            message = "labels must be an integer indicator Tensor with values in [0, 1]"
            return _heads._assert_range(labels, 2, message=message)
        if labels.dtype == tf.string:
            table = index_table_from_tensor(tuple(self._vocabulary or ()), name="class_id_lookup")
            ids = tf.SparseTensor(labels.indices, table.lookup(labels.values), labels.dense_shape)
            return tf.to_int64(tf.sparse_to_indicator(ids, self._n_classes))
        message = f"labels must be an integer SparseTensor with values in [0, {self._n_classes})"
        checks = [
            tf.debugging.assert_integer(labels.values, message=message),
            tf.debugging.assert_less(
                labels.values, tf.cast(self._n_classes, labels.dtype), message=message
            ),
            tf.debugging.assert_non_negative(labels.values, message=message),
        ]
        with tf.control_dependencies([check for check in checks if check is not None]):
            return tf.to_int64(tf.sparse_to_indicator(labels, self._n_classes))

    def create_loss(
        self, features: Structure, mode: str, logits: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns (training loss, losses [N, 1], weights, labels [N, n_classes])."""
        logits = tf.convert_to_tensor(logits)
        processed = _heads._check_dense_labels_match_logits_and_reshape(
            self._process_labels(labels), logits, self._n_classes
        )
        if self._loss_fn:
            losses = _heads._call_loss_fn(
                self._loss_fn, processed, logits, features, expected_loss_dim=1
            )
        else:
            each = tf.losses.sigmoid_cross_entropy(processed, logits, reduction=_Reduction.NONE)
            losses = tf.reduce_mean(each, axis=-1, keepdims=True)
        weights = _heads._get_weights_and_check_match_logits(features, self._weight_column, logits)
        loss = tf.losses.compute_weighted_loss(losses, weights, reduction=self._loss_reduction)
        return _heads.LossSpec(loss, losses, weights, processed)

    def create_estimator_spec(
        self,
        features: Structure,
        mode: str,
        logits: Tensor,
        labels: Tensor | None = None,
        optimizer: Optimizer | None = None,
        train_op_fn: Callable[[Tensor], Operation] | None = None,
        regularization_losses: Sequence[Tensor] | None = None,
    ) -> EstimatorSpec:
        """Returns the EstimatorSpec of a model with these logits [N, n_classes].

        Raises ValueError where not one of optimizer and train_op_fn is given in training.
        """
        with tf.name_scope(self._name, "head"):
            logits = _heads._check_logits_final_dim(logits, self._n_classes)
            with tf.name_scope(None, "predictions", [logits]):
                probabilities = tf.sigmoid(logits, name="probabilities")
            predictions = {"logits": logits, "probabilities": probabilities}
            if mode == "infer":
                return self._predict(predictions)
            loss, losses, weights, labels = self.create_loss(features, mode, logits, labels)
            regularization = tf.add_n(regularization_losses) if regularization_losses else None
            total = loss if regularization is None else tf.add_n([loss, regularization])
            if mode == "eval":
                metrics = self._make_metrics(labels, probabilities, weights, losses)
                if regularization is not None:
                    key = _keys.LOSS_REGULARIZATION
                    metrics[self._key(key)] = tf.metrics.mean(regularization, name=key)
                return core.EstimatorSpec(
                    mode, predictions=predictions, loss=total, eval_metric_ops=metrics
                )
            train_op = _make_train_op(total, optimizer, train_op_fn)
            scalars = {_keys.LOSS: total}
            if self._loss_reduction == _Reduction.SUM:
                scalars[_keys.LOSS_MEAN] = loss / tf.reduce_sum(weights * tf.ones_like(losses))
            if regularization is not None:
                scalars[_keys.LOSS_REGULARIZATION] = regularization
        with tf.name_scope(""):
            for key, value in scalars.items():
                tf.summary.scalar(self._key(key), value)
        return core.EstimatorSpec(mode, predictions=predictions, loss=total, train_op=train_op)

    def _key(self, name: str) -> str:
        return _heads._summary_key(self._name, name)

    def _predict(self, predictions: dict[str, Tensor]) -> EstimatorSpec:
        classes = _heads._classification_output(
            predictions["probabilities"], self._n_classes, self._vocabulary
        )
        outputs = {
            tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: classes,
            "classification": classes,
            "predict": core.export.PredictOutput(predictions),
        }
        return core.EstimatorSpec("infer", predictions=predictions, export_outputs=outputs)

    def _make_metrics(
        self, labels: Tensor, probabilities: Tensor, weights: Tensor, losses: Tensor
    ) -> dict[str, tuple[Tensor, Operation]]:
        with tf.name_scope(None, "metrics", [labels, probabilities, weights, losses]):
            metrics = {
                _keys.LOSS_MEAN: tf.metrics.mean(losses, weights, name=_keys.LOSS_MEAN),
                _keys.AUC: tf.metrics.auc(labels, probabilities, weights, name=_keys.AUC),
                _keys.AUC_PR: tf.metrics.auc(
                    labels, probabilities, weights, curve="PR", name=_keys.AUC_PR
                ),
            }
            for threshold in self._thresholds:
                for key, make in (
                    (_keys.ACCURACY_AT_THRESHOLD, _heads._accuracy_at_threshold),
                    (_keys.PRECISION_AT_THRESHOLD, _heads._precision_at_threshold),
                    (_keys.RECALL_AT_THRESHOLD, _heads._recall_at_threshold),
                ):
                    name = key % threshold
                    metrics[name] = make(labels, probabilities, weights, threshold, name=name)
            for number in self._class_ids:
                names = _name_class_metrics(number, self._vocabulary)
                probability = probabilities[..., number : number + 1]
                label = labels[..., number : number + 1]
                metrics[names[0]] = _heads._predictions_mean(probability, weights, name=names[0])
                metrics[names[1]] = _heads._auc(label, probability, weights, name=names[1])
                metrics[names[2]] = _heads._auc(
                    label, probability, weights, curve="PR", name=names[2]
                )
        return {self._key(name): metric for name, metric in metrics.items()}


def _name_class_metrics(number: int, vocabulary: Sequence[str] | None) -> list[str]:
    """Returns the names of a class's mean, AUC and precision-recall AUC."""
    if vocabulary is None:
        keys = (_keys.PROBABILITY_MEAN_AT_CLASS, _keys.AUC_AT_CLASS, _keys.AUC_PR_AT_CLASS)
        return [key % number for key in keys]
    keys = (_keys.PROBABILITY_MEAN_AT_NAME, _keys.AUC_AT_NAME, _keys.AUC_PR_AT_NAME)
    return [key % vocabulary[number] for key in keys]


def _make_train_op(
    loss: Tensor,
    optimizer: Optimizer | None,
    train_op_fn: Callable[[Tensor], Operation] | None,
) -> Operation:
    if optimizer is not None and train_op_fn is not None:
        raise ValueError("train_op_fn and optimizer cannot both be set.")
    if optimizer is not None:
        train_op = optimizer.minimize(loss, global_step=tf.train.get_global_step())
    elif train_op_fn is not None:
        train_op = train_op_fn(loss)
    else:
        raise ValueError("train_op_fn and optimizer cannot both be None.")
    return _heads._append_update_ops(train_op)
