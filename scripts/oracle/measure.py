"""Measures a net, written for TensorFlow 1.

``measure`` runs on either side: with TensorFlow 1.15.5 and the documents' nets (the oracle), or
with legacy_nets.tf1 and the nets of this package (the tests). Both are arguments:
the module and the net.

A request is a dict:
  net, height, width, batch, num_classes   what to build (no classes: no training)
  frames        of clips [N, T, H, W, C], missing for images [N, H, W, C]
  channels      3 if missing
  options       more arguments of the net, {} if missing
  modes         any of "inference" and "training"
  steps         training steps, 0 if missing; the mode "training" measures before the first
  learning_rate of the steps, which are gradient descent with momentum 0.9
  salt          other values for all variables and images
  restore, save a checkpoint prefix to read the variables from in place of filling them, or to
                write them to ("inference" only)
"""

from __future__ import annotations

import collections

import fill
import numpy as np

MOMENTUM = 0.9
AUX_WEIGHT = 0.4  # of the auxiliary head's loss


def summary(array):
    """What a golden file keeps of a tensor.

    ``probe`` is the mean of the values times uniform numbers in [-1, 1): a value in the wrong
    place changes it.
    """
    x = np.asarray(array, np.float64)
    flat = x.reshape(-1)
    return collections.OrderedDict(
        shape=list(x.shape),
        mean=_short(flat.mean()),
        deviation=_short(flat.std()),
        largest=_short(np.abs(flat).max()),
        probe=_short((flat * fill.uniform("probe", flat.size)).mean()),
        first=[_short(v) for v in flat[:8]],
    )


def _short(number):
    return float("%.8g" % number)


def measure(tf, build, request):
    """Answers a request: {"variables": [...], "inference": {...}, "training": {...}}.

    Args:
      tf: TensorFlow 1, the real one or legacy_nets.tf1.
      build: (images, num_classes, is_training, **options) -> (logits, end_points).
      request: see the head of this file.

    Tensors come as float32 arrays: ``logits`` and ``end_points`` of each mode.
    """
    answer = collections.OrderedDict(net=request["net"])
    for mode in request["modes"]:
        with tf.Graph().as_default():
            _measure_mode(tf, build, request, mode, answer)
    return answer


def _measure_mode(tf, build, request, mode, answer):
    training = mode == "training"
    salt = request.get("salt", "")
    shape = [request[key] for key in ("batch", "frames", "height", "width") if key in request]
    shape.append(request.get("channels", 3))
    images = tf.placeholder(tf.float32, shape)
    logits, end_points = build(
        images,
        num_classes=request["num_classes"],
        is_training=training,
        **request.get("options", {}),
    )
    variables = tf.global_variables()
    trainable = tf.trainable_variables()
    answer["variables"] = [
        collections.OrderedDict(
            name=v.op.name,
            shape=v.shape.as_list(),
            dtype=v.dtype.base_dtype.name,
            trainable=any(v is t for t in trainable),
        )
        for v in variables
    ]
    feed = {images: fill.images(shape, salt)}
    result = answer[mode] = collections.OrderedDict()
    if training:
        labels = fill.labels(request["batch"], request["num_classes"], salt)
        loss = _loss(tf, logits, end_points, tf.one_hot(labels, request["num_classes"]))
        # Gated: TensorFlow 1 else updates a kernel that the gradient of its input has yet to read.
        gradients = tf.gradients(loss, trainable, gate_gradients=True)
        optimizer = tf.train.MomentumOptimizer(request.get("learning_rate", 0.0), MOMENTUM)
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            step = optimizer.apply_gradients(zip(gradients, trainable))
    with tf.Session() as session:
        if request.get("restore"):
            tf.train.Saver().restore(session, request["restore"])
        else:
            assign(session, variables, salt)
        if request.get("save"):
            tf.train.Saver().save(session, request["save"], write_meta_graph=False)
        points = list(end_points.values())
        outputs = session.run([logits] + points, feed)
        result["logits"] = outputs[0]
        result["end_points"] = collections.OrderedDict(
            (key, collections.OrderedDict(tensor=point.name, value=value))
            for key, point, value in zip(end_points, points, outputs[1:])
        )
        if training:
            norms = session.run([tf.norm(g) for g in gradients], feed)
            result["gradient_norms"] = {v.op.name: n for v, n in zip(trainable, norms)}
            slots = [v for v in tf.global_variables() if not any(v is w for w in variables)]
            session.run(tf.variables_initializer(slots))
            moving = [v for v in variables if v.op.name.rsplit("/", 1)[-1].startswith("moving_")]
            result["losses"] = []
            for number in range(request.get("steps", 0)):
                result["losses"].append(session.run([loss, step], feed)[0])
                if number == 0:
                    values = session.run(moving)
                    result["moving"] = {v.op.name: x for v, x in zip(moving, values)}


def assign(session, variables, salt=""):
    """Sets every variable to values computed from its name, without adding ops to the graph."""
    feed = {
        v.initializer.inputs[1]: fill.variable(v.op.name, v.shape.as_list(), salt)
        for v in variables
    }
    session.run([v.initializer for v in variables], feed)


def _loss(tf, logits, end_points, one_hot):
    """Cross-entropy, 0.4 times that of the auxiliary head, and the weight decay."""

    def cross_entropy(scores):
        if scores.shape.ndims == 4:  # a map of scores: their mean
            scores = tf.reduce_mean(scores, [1, 2])
        return tf.losses.softmax_cross_entropy(one_hot, scores)

    loss = cross_entropy(logits)
    if "AuxLogits" in end_points:
        loss += AUX_WEIGHT * cross_entropy(end_points["AuxLogits"])
    decay = tf.losses.get_regularization_losses()
    return loss + tf.add_n(decay) if decay else loss


def golden(answer, request):
    """The answer as a golden file keeps it: the request, and numbers in place of tensors."""
    kept = collections.OrderedDict(request=request)
    training = answer.get("training", {})
    rows = []
    for row in answer["variables"]:
        row = collections.OrderedDict(row)
        name = row["name"]
        if name in training.get("gradient_norms", {}):
            row["gradient_norm"] = _short(training["gradient_norms"][name])
        if name in training.get("moving", {}):
            row["after_step"] = summary(training["moving"][name])
            before = fill.variable(name, row["shape"])
            row["change"] = summary(training["moving"][name] - before)["largest"]
            del row["after_step"]["shape"]
            row["after_step"]["first"] = row["after_step"]["first"][:2]
        rows.append(row)
    kept["variables"] = rows
    for mode in request["modes"]:
        kept[mode] = collections.OrderedDict(
            logits=summary(answer[mode]["logits"]),
            end_points=collections.OrderedDict(
                (key, collections.OrderedDict(tensor=point["tensor"], **summary(point["value"])))
                for key, point in answer[mode]["end_points"].items()
            ),
        )
        if mode == "training":
            kept[mode]["losses"] = [_short(x) for x in training["losses"]]
    return kept
