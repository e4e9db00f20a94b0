"""Works out where the parameters of a layer come from: 7·7·3·64 + 4·64 = 9,664.

count = explain_parameters(layer, graph)
count.formula                  "7·7·3·64 + 4·64 = 9,664"
[term.role for term in count.terms]         ["kernel", "batch norm"]
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence, Set

from legacy_nets import tf1 as tf
from legacy_nets.anatomy.layers import Layer
from legacy_nets.language import translate
from legacy_nets.types import Graph, TensorShape

_AVERAGES = ("moving_mean", "moving_variance")
_NORM = ("gamma", "beta", *_AVERAGES)
_ROLES = {  # last part of a variable's name -> what it is called; other names are their own role
    "kernel": "kernel",
    "weights": "kernel",
    "depthwise_kernel": "kernel",
    "Variable": "kernel",  # tf.Variable without a name
    "bias": "bias",
    "biases": "bias",
}


@dataclasses.dataclass(frozen=True)
class Term:
    """Variables of a layer that are counted together."""

    role: str  # kernel, bias, batch norm, layer norm, or the variable's own name
    factors: tuple[int, ...]  # their product is the count
    trainable: int  # how many of these parameters gradients change
    variables: tuple[str, ...]  # last parts of the names, as gamma, beta

    @property
    def count(self) -> int:
        """Number of parameters."""
        return math.prod(self.factors)

    @property
    def product(self) -> str:
        """The factors with a sign between, as 7·7·3·64."""
        return "·".join(map(str, self.factors))


@dataclasses.dataclass(frozen=True)
class ParameterCount:
    """The parameters of a layer as a sum."""

    layer: str
    layer_type: str
    terms: tuple[Term, ...]

    @property
    def total(self) -> int:
        """Number of all parameters."""
        return sum(term.count for term in self.terms)

    @property
    def trainable(self) -> int:
        """Number of the parameters that gradients change."""
        return sum(term.trainable for term in self.terms)

    @property
    def formula(self) -> str:
        """The sum in one line: 7·7·3·64 + 4·64 = 9,664."""
        return f"{' + '.join(term.product for term in self.terms)} = {self.total:,}"

    @property
    def explanation(self) -> str:
        """What each term is, in one line.

        kernel 9,408; batch norm 256 (gamma, beta; moving_mean, moving_variance are not trained)
        """
        return translate("; ").join(map(_explain_term, self.terms))


def _explain_term(term: Term) -> str:
    text = f"{translate(term.role)} {term.count:,}"
    if len(term.variables) == 1:
        return text
    trained = [name for name in term.variables if name not in _AVERAGES]
    averages = [name for name in term.variables if name in _AVERAGES]
    names = ", ".join(trained)
    if averages:
        names += translate("; {names} are not trained").format(names=", ".join(averages))
    return translate("{term} ({names})").format(term=text, names=names)


def explain_parameters(layers: Iterable[Layer], graph: Graph) -> list[ParameterCount]:
    """Works out the parameters of layers from the shapes of their variables.

    Args:
      layers: of an analysis of ``graph``.
      graph: holds the variables. A variable whose shape is unknown counts as nothing.
    """
    with graph.as_default():
        shapes = {v.op.name: _get_sides(v.shape) for v in tf.global_variables()}
        trainable = {v.op.name for v in tf.trainable_variables()}
    return [_explain_layer(layer, shapes, trainable) for layer in layers]


def _explain_layer(
    layer: Layer, shapes: Mapping[str, tuple[int, ...]], trainable: Set[str]
) -> ParameterCount:
    terms: list[Term] = []
    for group in _group([name for name in layer.variables if name in shapes]):
        shape = shapes[group[0]]
        trained = sum(name in trainable for name in group) * math.prod(shape)
        names = tuple(name.rpartition("/")[2] for name in group)
        factors = shape if len(group) == 1 else (len(group), *shape)
        terms.append(Term(_get_role(names), factors, trained, names))
    return ParameterCount(layer.name, layer.layer_type, tuple(terms))


def select_first_of_each_kind(counts: Iterable[ParameterCount]) -> list[ParameterCount]:
    """Selects the first layer of each kind: a type of layer with the same roles of terms."""
    first: dict[tuple[str, ...], ParameterCount] = {}
    for count in counts:
        roles = (term.role for term in count.terms)
        if count.terms:
            first.setdefault((count.layer_type, *roles), count)
    return list(first.values())


def _get_sides(shape: TensorShape) -> tuple[int, ...]:
    return tuple(shape.as_list()) if shape.is_fully_defined() else (0,)


def _group(names: Sequence[str]) -> list[list[str]]:
    """Puts the variables of one norm into one group, and each other variable into its own."""
    groups: dict[str, list[str]] = {}
    for name in names:
        scope, _, last = name.rpartition("/")
        groups.setdefault(scope if last in _NORM else name, []).append(name)
    return list(groups.values())


def _get_role(names: Sequence[str]) -> str:
    """Names the variables of a group by the last parts of their names."""
    if set(names) & set(_NORM):
        return "batch norm" if set(names) & set(_AVERAGES) else "norm"
    plain = names[0].rstrip("_0123456789") if names[0].startswith("Variable") else names[0]
    return _ROLES.get(plain, names[0])
