"""What is probably wrong when a checkpoint does not fit, and how to mend it.

Each function looks at a plan for one well-known failure and gives its hint, or "".
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from legacy_nets.checkpoints.optimizer_slots import AVERAGE, is_slot

if TYPE_CHECKING:
    from legacy_nets.checkpoints.restore import Plan

_BIASES = ("biases", "bias")
_RENAMED = {"kernel": "weights", "bias": "biases", "weights": "kernel", "biases": "bias"}
_AUXILIARY = {"aux_1": "aux_logits", "AuxLogits": "create_aux_logits"}  # scope -> net's option
_MOST = 0.9  # of the missing names that a rule must explain
_FEW = 0.1  # of the names in common, below which it is another net


def hints(plan: Plan) -> list[str]:
    """The hints that apply, most likely cause first."""
    if not (plan.missing or plan.extra or plan.mismatched):
        return []
    found = [
        hint
        for hint in (
            _object_based(plan),
            _numbered(plan),
            _averages(plan),
            _auxiliary(plan),
            _batch_norm(plan),
            _rnn_names(plan),
            _scope(plan),
            _classes(plan),
            _slots(plan),
        )
        if hint
    ]
    return found or [hint for hint in (_another_net(plan),) if hint]


def _object_based(plan: Plan) -> str:
    if any("/.ATTRIBUTES/" in name for name in plan.extra):
        return (
            "the checkpoint is object-based (tf.train.Checkpoint or Keras, TensorFlow 2): its "
            "keys are object paths; open_weights reads it under its variables' names"
        )
    return ""


def _numbered(plan: Plan) -> str:
    if plan.extra and all(re.search(r"^layers/.+/vars/\d+$", name) for name in plan.extra):
        return (
            "a Keras before 3.6 saved it, which numbers weights and names no layer: load it with a "
            "newer Keras and save it again"
        )
    return ""


def _averages(plan: Plan) -> str:
    there = sum(item.stored + AVERAGE in plan.source.tensors for item in plan.missing)
    if there:
        return f"{there} of the missing are there as moving averages only: ema=True reads them"
    return ""


def _auxiliary(plan: Plan) -> str:
    """Heads that only training needs; without them GoogLeNet's other layers are numbered anew."""
    if _another_net(plan):
        return ""
    for scope, option in _AUXILIARY.items():
        here = any(scope in name.split("/") for name in plan.variables)
        there = any(scope in name.split("/") for name in plan.source.tensors)
        if here and not there:
            return (
                f"the checkpoint has no auxiliary heads ({scope}): build with {option}=False "
                f"(--option {option}=false)"
            )
        if there and not here:
            return (
                f"the checkpoint has auxiliary heads ({scope}): build with {option}=True "
                f"(--option {option}=true)"
            )
    return ""


def _stems(names: Iterable[str], ends: tuple[str, ...]) -> set[str]:
    """The scopes of the variables whose last name is one of ``ends``."""
    return {stem for stem, _, last in (name.rpartition("/") for name in names) if last in ends}


def _norm_scopes(names: Iterable[str]) -> set[str]:
    """The scopes of the layers that have a batch norm."""
    return {name.split("/BatchNorm/")[0] for name in names if "/BatchNorm/" in name}


def _batch_norm(plan: Plan) -> str:
    missing = [item.stored for item in plan.missing]
    for here, there, hint in (
        (
            missing,
            plan.extra,
            "the graph has biases where the checkpoint has BatchNorm ({count} layers): batch norm "
            "was not built; open the net's arg_scope (normalizer_fn) around it",
        ),
        (
            plan.extra,
            missing,
            "the graph has BatchNorm where the checkpoint has biases ({count} layers): it was "
            "saved without the net's arg_scope (no batch norm); build the graph without it too",
        ),
    ):
        count = len(_stems(here, _BIASES) & _norm_scopes(there))
        if count:
            return hint.format(count=count)
    return ""


def _rnn_names(plan: Plan) -> str:
    extra = set(plan.extra)
    for item in plan.missing:
        scope, slash, last = item.stored.rpartition("/")
        old = scope + slash + _RENAMED.get(last, last)
        if old in extra and plan.source.tensors[old].shape == item.shape:
            return (
                f"the checkpoint says {_RENAMED[last]} where the graph says {last} (RNN cells "
                "were renamed in TensorFlow 1.2): pass the variables as a dict by checkpoint "
                f"name, {{{old!r}: variable, ...}}"
            )
    return ""


def _scope(plan: Plan) -> str:
    found = scope_pair(plan)
    if found is None:
        return ""
    (here, there), count = found
    return (
        f"{count} of the {len(plan.missing)} missing are there in scope {there!r} where the graph "
        f"has {here!r}: rename=(({here!r}, {there!r}),)"
    )


def scope_pair(plan: Plan, most: float = _MOST) -> tuple[tuple[str, str], int] | None:
    """The (graph scope, file scope) that explains at least ``most`` of the missing names, shapes
    included, and how many it explains."""
    tails = defaultdict(list)  # inner end of a name -> the scopes before it
    for name in plan.extra:
        parts = name.split("/")
        for cut in range(len(parts)):
            tails["/".join(parts[cut:])].append("/".join(parts[:cut]))
    pairs: Counter[tuple[str, str]] = Counter()
    for item in plan.missing:
        parts = item.name.split("/")
        for cut in range(len(parts)):
            tail = "/".join(parts[cut:])
            scopes = [
                scope
                for scope in tails.get(tail, [])
                if plan.source.tensors["/".join(filter(None, (scope, tail)))].shape == item.shape
            ]
            if scopes:  # the longest end that both have
                pairs.update(("/".join(parts[:cut]), scope) for scope in scopes)
                break
    if not pairs:
        return None
    pair, count = pairs.most_common(1)[0]
    return (pair, count) if count >= most * len(plan.missing) else None


def _classes(plan: Plan) -> str:
    """A head of another number of classes: only the last dimension differs."""
    heads = [
        item
        for item in plan.mismatched
        if item.shape and item.stored_shape and item.shape[:-1] == item.stored_shape[:-1]
    ]
    if not heads:
        return ""
    head = heads[-1]  # in order of construction, the head comes last
    here, there = (head.shape or (0,))[-1], head.stored_shape[-1]
    if here is None or head.dtype != head.stored_dtype:
        return ""
    scope = head.name.rpartition("/")[0] or head.name
    if there - here == 1:
        return (
            f"the checkpoint has one class more ({there}, slim's first is background): build with "
            f"num_classes={there}, or drop it with label_offset=1 (--label-offset 1)"
        )
    if here - there == 1:
        return (
            f"the checkpoint has one class less: build with num_classes={there} "
            f"(--num-classes {there})"
        )
    return (
        f"{scope} has {here} classes, in the checkpoint {there}: build with num_classes={there} "
        f"(--num-classes {there}), or leave it out with skip=({scope!r},) (train --exclude {scope})"
    )


def _slots(plan: Plan) -> str:
    names = {item.name for item in plan.missing} | {item.name for item in plan.matched}
    count = sum(is_slot(item.name, names) for item in plan.missing)
    if count:
        return (
            f"{count} of the missing belong to training (optimizer slots, averages, global_step): "
            "match the net's own variables only, before the optimizer is made"
        )
    return ""


def _another_net(plan: Plan) -> str:
    common = len(plan.matched) + len(plan.mismatched) + len(plan.offset)
    total = common + len(plan.missing)
    if not plan.missing or common >= _FEW * total:
        return ""
    scopes = list(dict.fromkeys(name.split("/")[0] for name in plan.extra))[:3]
    return (
        f"only {common} of {total} names in common: probably the checkpoint of another net "
        f"(its outermost scopes: {', '.join(scopes) or 'none'})"
    )
