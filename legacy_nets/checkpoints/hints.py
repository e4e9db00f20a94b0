"""Why a checkpoint does not match, and how to fix it.

Each function looks at a plan for one well-known failure. It gives a hint, or "".
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from legacy_nets.checkpoints.optimizer_slots import AVERAGE, is_slot
from legacy_nets.checkpoints.plan import Plan

_BIASES = ("biases", "bias")
_RENAMED = {"kernel": "weights", "bias": "biases", "weights": "kernel", "biases": "bias"}
_AUXILIARY = {"aux_1": "aux_logits", "AuxLogits": "create_aux_logits"}  # scope -> net's option
_RENAME_SHARE = 0.9  # of the missing names that a rename rule must explain
_SAME_NET_SHARE = 0.1  # of the names in common, below which it is another net


class ScopeRename(NamedTuple):
    """A scope that has one name in the graph and another in the file."""

    graph_scope: str
    file_scope: str
    explained: int  # missing names that it explains


def find_hints(plan: Plan, trains: bool = False) -> tuple[str, ...]:
    """Finds the hints that apply, most likely cause first.

    ``trains``: the net is to be trained, and has at least the classes of its data.
    """
    if plan.is_complete:
        return ()
    hints = (
        _check_object_based(plan),
        _check_numbered(plan),
        _check_averages(plan),
        _check_auxiliary(plan),
        _check_dense(plan),
        _check_pre_logits(plan),
        _check_batch_norm(plan),
        _check_rnn_names(plan),
        _check_scope(plan),
        _check_classes(plan, trains),
        _check_slots(plan),
    )
    return tuple(filter(None, hints)) or tuple(filter(None, [_check_another_net(plan)]))


def _check_object_based(plan: Plan) -> str:
    if any("/.ATTRIBUTES/" in name for name in plan.extra):
        return (
            "the checkpoint is object-based (tf.train.Checkpoint or Keras, TensorFlow 2): its "
            "keys are object paths; open_weights reads it under its variables' names"
        )
    return ""


def _check_numbered(plan: Plan) -> str:
    if plan.extra and all(re.search(r"^layers/.+/vars/\d+$", name) for name in plan.extra):
        return (
            "a Keras before 3.6 saved it, which numbers weights and names no layer: load it with a "
            "newer Keras and save it again"
        )
    return ""


def _check_averages(plan: Plan) -> str:
    count = sum(item.stored + AVERAGE in plan.source.tensors for item in plan.missing)
    if count:
        return f"{count} of the missing exist as moving averages only: ema=True reads them"
    return ""


def _check_auxiliary(plan: Plan) -> str:
    """Heads that only training needs; without them GoogLeNet numbers its other layers again."""
    if _check_another_net(plan):
        return ""
    for scope, option in _AUXILIARY.items():
        in_graph = any(scope in name.split("/") for name in plan.variables)
        in_file = any(scope in name.split("/") for name in plan.source.tensors)
        if in_graph and not in_file:
            return (
                f"the checkpoint has no auxiliary heads ({scope}): build with {option}=False "
                f"(--option {option}=false)"
            )
        if in_file and not in_graph:
            return (
                f"the checkpoint has auxiliary heads ({scope}): build with {option}=True "
                f"(--option {option}=true)"
            )
    return ""


def _check_dense(plan: Plan) -> str:
    """The dense layer before the logits that document 004's train scripts add to a ResNet."""
    kernel = "dense/kernel"
    if plan.matched and "logits/kernel" in plan.variables:
        if kernel in plan.extra:
            units = plan.source.tensors[kernel].shape[-1]
            return (
                f"the checkpoint has a dense layer of {units} units before the logits: build with "
                f"dense={units} (--option dense={units})"
            )
        if any(item.stored == kernel for item in plan.missing):
            return (
                "the checkpoint has no dense layer before the logits: build with dense=0 (--option "
                "dense=0)"
            )
    return ""


def _check_pre_logits(plan: Plan) -> str:
    """The layer before a ViT's head that ImageNet-21k weights have."""
    layer, option = "pre_logits/kernel", "has_logits"
    if any(f"/{name}".endswith(f"/{layer}") for name in plan.extra):
        return f"the checkpoint has pre_logits: build with {option}=True (--option {option}=true)"
    if any(f"/{item.stored}".endswith(f"/{layer}") for item in plan.missing) and plan.matched:
        return (
            f"the checkpoint has no pre_logits: build with {option}=False (--option {option}=false)"
        )
    return ""


def _get_bias_scopes(names: Iterable[str]) -> set[str]:
    """Gives the scopes of the layers that have a bias."""
    pairs = [name.rpartition("/") for name in names]
    return {scope for scope, _, last in pairs if last in _BIASES}


def _get_norm_scopes(names: Iterable[str]) -> set[str]:
    """Gives the scopes of the layers that have a batch norm."""
    return {name.split("/BatchNorm/")[0] for name in names if "/BatchNorm/" in name}


def _check_batch_norm(plan: Plan) -> str:
    missing = [item.stored for item in plan.missing]
    count = len(_get_bias_scopes(missing) & _get_norm_scopes(plan.extra))
    if count:
        return (
            f"the graph has biases where the checkpoint has BatchNorm ({count} layers): batch norm "
            "was not built; open the net's arg_scope (normalizer_fn) around it"
        )
    count = len(_get_bias_scopes(plan.extra) & _get_norm_scopes(missing))
    if count:
        return (
            f"the graph has BatchNorm where the checkpoint has biases ({count} layers): it was "
            "saved without the net's arg_scope (no batch norm); build the graph without it too"
        )
    return ""


def _check_rnn_names(plan: Plan) -> str:
    extra = set(plan.extra)
    for item in plan.missing:
        scope, slash, last = item.stored.rpartition("/")
        old_name = scope + slash + _RENAMED.get(last, last)
        if old_name in extra and plan.source.tensors[old_name].shape == item.shape:
            return (
                f"the checkpoint uses the name {_RENAMED[last]} where the graph uses {last} (RNN "
                "cells were renamed in TensorFlow 1.2): pass the variables as a dict by checkpoint "
                f"name, {{{old_name!r}: variable, ...}}"
            )
    return ""


def _check_scope(plan: Plan) -> str:
    rename = find_scope_rename(plan)
    if rename is None:
        return ""
    new, old, count = rename
    return (
        f"{count} of the {len(plan.missing)} missing are in scope {old!r} where the graph "
        f"has {new!r}: rename=(({new!r}, {old!r}),)"
    )


def find_scope_rename(plan: Plan, min_share: float = _RENAME_SHARE) -> ScopeRename | None:
    """Finds the renamed scope that explains at least ``min_share`` of the missing names.

    A name is explained where the file has it under the other scope, in the same shape.
    """
    scopes_by_tail = defaultdict(list)  # inner end of a name -> the scopes before it
    for name in plan.extra:
        for scope, tail in _split_everywhere(name):
            scopes_by_tail[tail].append(scope)
    counts: Counter[tuple[str, str]] = Counter()
    for item in plan.missing:
        for graph_scope, tail in _split_everywhere(item.name):
            file_scopes = [
                scope
                for scope in scopes_by_tail.get(tail, [])
                if plan.source.tensors["/".join(filter(None, (scope, tail)))].shape == item.shape
            ]
            if file_scopes:  # the longest end that both have
                counts.update((graph_scope, scope) for scope in file_scopes)
                break
    if not counts:
        return None
    pair, count = counts.most_common(1)[0]
    return ScopeRename(*pair, count) if count >= min_share * len(plan.missing) else None


def _split_everywhere(name: str) -> list[tuple[str, str]]:
    """Splits a name into scope and inner end at every slash, the longest end first."""
    parts = name.split("/")
    return [("/".join(parts[:cut]), "/".join(parts[cut:])) for cut in range(len(parts))]


def _check_classes(plan: Plan, trains: bool) -> str:
    """Heads of another number of classes: only the last dimension differs."""
    heads = [
        item
        for item in plan.mismatched
        if item.shape and item.stored_shape and item.shape[:-1] == item.stored_shape[:-1]
    ]
    if not heads:
        return ""
    head = heads[-1]  # in order of construction, the head comes last
    wanted, stored = (head.shape or (0,))[-1], head.stored_shape[-1]
    if wanted is None or head.dtype != head.stored_dtype:
        return ""
    if stored - wanted == 1:
        return (
            f"the checkpoint has one class more ({stored}, slim's first is background): build with "
            f"num_classes={stored}, or drop it with label_offset=1 (--label-offset 1)"
        )
    if wanted - stored == 1 and not trains:
        return (
            f"the checkpoint has one class less: build with num_classes={stored} "
            f"(--num-classes {stored})"
        )
    same = [i for i in heads if i.shape and (i.shape[-1], i.stored_shape[-1]) == (wanted, stored)]
    scopes = tuple(dict.fromkeys(item.name.rpartition("/")[0] or item.name for item in same))
    problem = f"{scopes[-1]} has {wanted} classes, in the checkpoint {stored}"
    exclude = " --exclude ".join(("train", *scopes))
    if wanted > stored and trains:  # the data have more classes than the checkpoint
        return f"{problem}: leave it out with skip={scopes!r} ({exclude})"
    return (
        f"{problem}: build with num_classes={stored} (--num-classes {stored}), or leave it out "
        f"with skip={scopes!r} ({exclude})"
    )


def _check_slots(plan: Plan) -> str:
    names = {item.name for item in plan.missing} | {item.name for item in plan.matched}
    count = sum(is_slot(item.name, names) for item in plan.missing)
    if count:
        return (
            f"{count} of the missing belong to training (optimizer slots, averages, global_step): "
            "match the net's own variables only, before the optimizer is made"
        )
    return ""


def _check_another_net(plan: Plan) -> str:
    common = len(plan.matched) + len(plan.mismatched) + len(plan.offset)
    total = common + len(plan.missing)
    if not plan.missing or common >= _SAME_NET_SHARE * total:
        return ""
    scopes = list(dict.fromkeys(name.split("/")[0] for name in plan.extra))[:3]
    return (
        f"only {common} of {total} names in common: probably the checkpoint of another net "
        f"(its outermost scopes: {', '.join(scopes) or 'none'})"
    )
