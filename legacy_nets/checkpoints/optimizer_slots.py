"""Tells by TensorFlow's names which tensors of a checkpoint only training needs."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from pathlib import Path

from legacy_nets.checkpoints.formats.training_graph import list_optimizer_variables
from legacy_nets.checkpoints.source import Source

AVERAGE = "/ExponentialMovingAverage"  # suffix of tf.train's moving averages
_OPTIMIZERS = "Adam|AdamW|Adagrad|AdagradDA|Adadelta|Ftrl|Momentum|RMSProp"
_KERAS_OPTIMIZERS = "SGD|RMSprop|Adagrad|Adadelta|Adam|Adamax|Nadam|Ftrl|AdamW"
_BOOKKEEPING = re.compile(
    rf"(^|/)(beta[12]_power(_\d+)?|global_step)$|{AVERAGE}(/|$)|^_CHECKPOINTABLE_OBJECT_GRAPH$"
    r"|(^|/)fake_quantization_step$"
    rf"|^training(_\d+)?/({_KERAS_OPTIMIZERS})(_\d+)?/"  # Keras makes its slots in that scope
    rf"|^({_KERAS_OPTIMIZERS})(_\d+)?/"
    r"(iter|iterations|lr|learning_rate|decay|beta_1|beta_2|rho|momentum|schedule_decay)(_\d+)?$"
)
_SLOT = re.compile(  # a slot of a partitioned variable has the part's name, or its end
    rf"(?P<variable>.+?)(/(par)?t_\d+)?/(({_OPTIMIZERS})(_\d+)?"
    r"|adam_[mv]"  # of BERT and its like
    r"|biased(_\d+)?|local_step(_\d+)?"  # a moving average keeps them to remove its bias
    r")$"
)
_KERAS_SLOT = re.compile(  # Adam/dense/kernel/m
    rf"(.+/)?({_KERAS_OPTIMIZERS})(_\d+)?/(?P<variable>.+)/[^/]+$"
)


def has_averages(names: Iterable[str]) -> bool:
    """Whether any of the tensors is a moving average."""
    return any(name.endswith(AVERAGE) for name in names)


def find_average(name: str, names: Container[str]) -> str:
    """Returns the name of a variable's moving average; "" where it has none.

    Moving statistics of batch norms have none: restoring never takes an average of them.
    """
    is_statistic = name.rsplit("/", 1)[-1] in ("moving_mean", "moving_variance")
    return name + AVERAGE if name + AVERAGE in names and not is_statistic else ""


def list_slots(source: Source) -> frozenset[str]:
    """Lists the tensors that only training needs: by their names, and by the .meta next to them."""
    by_name = [name for name in source.tensors if is_slot(name, source.tensors)]
    by_graph = list_optimizer_variables(Path(f"{source.prefix}.meta"))
    return frozenset(by_name) | (by_graph & source.tensors.keys())


def is_slot(name: str, names: Container[str]) -> bool:
    """Whether a tensor is bookkeeping, a moving average, or an optimizer's slot.

    A slot is ``<variable>/Adam`` where the variable is one of ``names``, or of Keras
    ``Adam/<variable>/m``. The scopes that the optimizer was made in may precede it.
    """
    if _BOOKKEEPING.search(name):
        return True
    return any(
        "/".join(scopes[start:]) in names
        for slot in (_SLOT.match(name), _KERAS_SLOT.match(name))
        if slot
        for scopes in [slot["variable"].split("/")]
        for start in range(len(scopes))
    )
