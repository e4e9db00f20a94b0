"""Finds the net of the registry that a weight file matches best, and how its names map to it."""

from __future__ import annotations

import dataclasses
import math

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.contents import list_contents
from legacy_nets.checkpoints.hints import find_scope_rename
from legacy_nets.checkpoints.plan import Plan
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import BadInputError, LegacyNetsError
from legacy_nets.nets.build import build_by_name
from legacy_nets.nets.weights.translate_for_net import find_head_options, translate_for_net
from legacy_nets.registry import get_net, list_nets

_MIN_EXPLAINED = 0.5  # share of the missing names that one renamed scope must explain
_MIN_SHARE = 0.1  # of the best net's variables that the file must have
_MAX_CANDIDATES = 4  # nets that are built and tried, after a cheap look at names and sizes


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A net that was tried: its plan, and the mapping under which most variables match."""

    net: str
    plan: Plan
    rename: tuple[tuple[str, str], ...]
    num_classes: int | None  # where the file has another number than the registry

    @property
    def share(self) -> float:
        """The share of the net's variables that the file has in the right shape."""
        return len(self.plan.matched) / max(1, len(self.plan.variables))


def find_nets(source: Source) -> list[Candidate]:
    """Finds the nets that match best, best first.

    Raises BadInputError where none matches.
    """
    names = sorted(list_nets(), key=lambda name: _measure_distance(source, name))
    names = names[:_MAX_CANDIDATES]
    tried = [_try_net(source, name) for name in names]
    candidates = [candidate for candidate in tried if candidate is not None]
    candidates.sort(key=lambda candidate: -candidate.share)
    if not candidates or candidates[0].share < _MIN_SHARE:
        raise BadInputError(
            f"{source.prefix} matches no net of the registry (tried: {', '.join(names)}); list "
            "its tensors with legacy-nets inspect"
        )
    return candidates


def _measure_distance(source: Source, name: str) -> float:
    """Measures how far a net's size is from the file's; nets named in the file come first."""
    net = get_net(name)
    size = list_contents(source).parameters
    is_named = bool(net.scope) and any(f"{net.scope}/" in tensor for tensor in source.tensors)
    is_named |= source.metadata.get("net") == name
    return abs(math.log((size + 1) / (net.parameters + 1))) - 10.0 * is_named


def _try_net(source: Source, name: str) -> Candidate | None:
    """Matches a source with a net; None where the net cannot be built or matched."""
    translated = translate_for_net(source, get_net(name))
    try:
        plan = _match_net(translated, name, (), None)
        scopes = find_scope_rename(plan, _MIN_EXPLAINED)
        rename = ((scopes.graph_scope, scopes.file_scope),) if scopes else ()
        plan = _match_net(translated, name, rename, None) if rename else plan
        num_classes = _infer_num_classes(plan)
        if num_classes is not None:
            plan = _match_net(translated, name, rename, num_classes)
    except (LegacyNetsError, ValueError):
        return None
    return Candidate(name, plan, rename, num_classes)


def _match_net(
    source: Source, name: str, rename: tuple[tuple[str, str], ...], num_classes: int | None
) -> Plan:
    """Builds a net in a graph of its own and matches its variables."""
    net = get_net(name)
    options = find_head_options(source, net)
    if num_classes is not None:
        options["num_classes"] = num_classes
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, *net.image_size, net.channels])
        build_by_name(name, images, **options)
        return match(tf.global_variables(), source, rename=rename)


def _infer_num_classes(plan: Plan) -> int | None:
    """Infers the number of classes in the file, where only the heads' last dimension differs."""
    sizes = {
        item.stored_shape[-1]
        for item in plan.mismatched
        if item.shape and item.stored_shape and item.shape[:-1] == item.stored_shape[:-1]
    }
    return sizes.pop() if len(sizes) == 1 else None
