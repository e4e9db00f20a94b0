"""Names and axes in PyTorch of the weights of a net that neither torchvision nor timm has.

One rule replaces a table: the net's scope is dropped, dots replace slashes, and the last part of a
name becomes what PyTorch calls it. The modules of ``port/formats/torch/modules`` have these names.

  resnet_v2_50/conv1/weights [7, 7, 3, 64]            conv1.weight [64, 3, 7, 7]
  my_model/dense/kernel [21632, 128]                  dense.weight [128, 21632]
  InceptionV3/Conv2d_1a_3x3/BatchNorm/moving_mean     Conv2d_1a_3x3.BatchNorm.running_mean
  reference/res2a/Variable_1 [3, 3, 64, 64]           res2a.Variable_1.weight [64, 64, 3, 3]
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from legacy_nets.checkpoints.translate import CONV, DENSE, SAME, Entry

_LAYER = {"weight": "kernel", "bias": "bias"}
_SLIM = {"weight": "weights", "bias": "biases"}
_NORM = {
    **{"weight": "gamma", "bias": "beta"},
    **{"running_mean": "moving_mean", "running_var": "moving_variance"},
}
_LEAVES = {
    variable: tensor for table in (_LAYER, _SLIM, _NORM) for tensor, variable in table.items()
}
_VARIABLE = re.compile(r"(^|\.)Variable(_\d+)?$")


def apply_rule(ranks: Mapping[str, int], scope: str) -> tuple[Entry, ...]:
    """Maps each variable to its name and axes in PyTorch.

    Args:
      ranks: name of a variable, without ":0" -> number of its axes.
      scope: the net's outermost variable scope, "" where it has none.
    """
    return tuple(_map_name(name, rank, scope) for name, rank in ranks.items())


def invert_rule(ranks: Mapping[str, int], scope: str) -> tuple[Entry, ...]:
    """Maps the tensors of a state_dict to variables.

    A name alone does not say what its layer is: the ranks of the other tensors do.

    Args:
      ranks: name of a tensor of such a net -> number of its axes.
      scope: outermost variable scope of the graph.
    """
    slim = any(".BatchNorm." in name for name in ranks)  # has weights, biases for kernel, bias
    names = {}
    for stored, rank in ranks.items():
        module, _, part = stored.rpartition(".")
        norm = ranks.get(f"{module}.weight", 1) == 1  # which may have no weight
        leaves = _NORM if norm else _SLIM if slim else _LAYER
        leaf = "" if _VARIABLE.search(module) else leaves.get(part, part)
        names["/".join(filter(None, (scope, *module.split("."), leaf)))] = rank
    return apply_rule(names, scope)


def _map_name(name: str, rank: int, scope: str) -> Entry:
    *scopes, leaf = name.removeprefix(f"{scope}/").split("/")
    # A variable that is no layer's (a kernel of tf.nn.conv2d) is the only weight of a module.
    stored = ".".join([*scopes, _LEAVES.get(leaf, f"{leaf}.weight")])
    transform = {0: SAME, 1: SAME, 2: DENSE}.get(rank, CONV)
    return Entry(name, stored, transform)
