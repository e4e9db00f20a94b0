"""Tells by TensorFlow's names which tensors of a checkpoint only training needs."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

AVERAGE = "/ExponentialMovingAverage"  # suffix of tf.train's moving averages
_BOOKKEEPING = re.compile(
    rf"(^|/)(beta[12]_power(_\d+)?|global_step)$|{AVERAGE}(/|$)|^_CHECKPOINTABLE_OBJECT_GRAPH$"
)
_OPTIMIZERS = "Adam|AdamW|Adagrad|AdagradDA|Adadelta|Ftrl|Momentum|RMSProp"
_SLOT = re.compile(  # a slot of a partitioned variable has the part's name, or its end
    rf"(?P<variable>.+?)(/(par)?t_\d+)?/({_OPTIMIZERS})(_\d+)?$"
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


def is_slot(name: str, names: Container[str]) -> bool:
    """Whether a tensor is bookkeeping, a moving average, or an optimizer's slot.

    A slot is ``<variable>/Adam`` where the variable is one of ``names``. The scopes that the
    optimizer was made in may precede it.
    """
    if _BOOKKEEPING.search(name):
        return True
    slot = _SLOT.match(name)
    if not slot:
        return False
    scopes = slot["variable"].split("/")
    return any("/".join(scopes[start:]) in names for start in range(len(scopes)))
