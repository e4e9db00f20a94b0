"""Which net of the registry a weight file fits best, and how its names map to the net's."""

from __future__ import annotations

import dataclasses
import math

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.contents import contents
from legacy_nets.checkpoints.hints import find_scope_rename
from legacy_nets.checkpoints.plan import Plan
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import BadInputError, LegacyNetsError
from legacy_nets.nets.build import build_by_name
from legacy_nets.nets.weights.translate_for_net import translate_for_net

_MOST = 0.5  # of the missing names that one renamed scope must explain
_CANDIDATES = 4  # nets that are built and tried, after the cheap look at names and sizes


@dataclasses.dataclass(frozen=True)
class Fit:
    """A net that was tried: its plan, and the mapping under which most variables fit."""

    net: str
    plan: Plan
    rename: tuple[tuple[str, str], ...]
    num_classes: int | None  # where the file has another number than the registry

    @property
    def share(self) -> float:
        """Of the net's variables, the part that the file has in the right shape."""
        return len(self.plan.matched) / max(1, len(self.plan.variables))


def best_fits(source: Source) -> list[Fit]:
    """The nets that fit best, best first. Raises BadInputError where nothing fits at all."""
    names = sorted(registry.list_nets(), key=lambda name: _distance(source, name))
    fits = [fit for name in names[:_CANDIDATES] for fit in [_try(source, name)] if fit]
    fits.sort(key=lambda fit: -fit.share)
    if not fits or fits[0].share < 0.1:
        raise BadInputError(
            f"{source.prefix} fits no net of the registry (tried: "
            f"{', '.join(names[:_CANDIDATES])}); see what is in it with legacy-nets inspect"
        )
    return fits


def _distance(source: Source, name: str) -> float:
    """How far a net's size is from the file's; nets named in the file come first."""
    net = registry.get_net(name)
    size = contents(source).parameters
    named = bool(net.scope) and any(f"{net.scope}/" in tensor for tensor in source.tensors)
    named |= source.metadata.get("net") == name
    return abs(math.log((size + 1) / (net.parameters + 1))) - 10.0 * named


def _try(source: Source, name: str) -> Fit | None:
    there = translate_for_net(source, name)
    try:
        plan = _match(there, name, (), None)
        scopes = find_scope_rename(plan, _MOST)
        rename = ((scopes.graph_scope, scopes.file_scope),) if scopes else ()
        plan = _match(there, name, rename, None) if rename else plan
        classes = _classes(plan)
        if classes is not None:
            plan = _match(there, name, rename, classes)
    except (LegacyNetsError, ValueError):
        return None
    return Fit(name, plan, rename, classes)


def _match(
    source: Source, name: str, rename: tuple[tuple[str, str], ...], classes: int | None
) -> Plan:
    net = registry.get_net(name)
    options = {} if classes is None else {"num_classes": classes}
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, *net.image_size, net.channels])
        build_by_name(name, images, **options)
        return match(tf.global_variables(), source, rename=rename)


def _classes(plan: Plan) -> int | None:
    """The number of classes in the file, where only the heads' last dimension differs."""
    sizes = {
        item.stored_shape[-1]
        for item in plan.mismatched
        if item.shape and item.stored_shape and item.shape[:-1] == item.stored_shape[:-1]
    }
    return sizes.pop() if len(sizes) == 1 else None
