"""Builds a net of the registry by its name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping

from legacy_nets.errors import BadInputError
from legacy_nets.registry import Net, get_net
from legacy_nets.types import EndPoints, Tensor

SET_BY_COMMANDS = (
    "num_classes",
    "is_training",
    "reuse",
)  # no --option; ``build_by_name`` takes them
_TYPES = {  # of an option, as annotated -> in a user's words
    **{"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text"},
    "None": "null",
}


def build_by_name(name: str, images: Tensor, **options: object) -> tuple[Tensor, EndPoints]:
    """Builds a net in the current graph and returns ``(logits, end_points)``.

    slim nets (inception_v3, resnet_v2_*) open their own arg_scope, so that batch norm cannot be
    forgotten. Their logits are squeezed from [N, 1, 1, classes] to [N, classes], and predictions
    with them. TensorFlow 1.15.5 does that for inception_v3, not for resnet_v2_*:
    ``spatial_squeeze=False`` gives its own shape there.

    Args:
      name: a name of ``list_nets()``.
      images: float tensor [N, H, W, C], or [N, T, H, W, C] for a net of video clips;
        preprocessed as ``get_net(name).preprocessing`` says.
      **options: what the net's function takes (``num_classes``, ``is_training``, ...).

    Raises BadInputError for an unknown net, an option that its function does not take, or a value
    of another type than it takes.
    """
    return build_net(get_net(name), images, **options)


def build_net(net: Net, images: Tensor, **options: object) -> tuple[Tensor, EndPoints]:
    """Builds a net in the current graph, as ``build_by_name``, by its record."""
    return load_function(net)(images, **check_options(net, options))


def check_options(net: Net, options: Mapping[str, object]) -> dict[str, object]:
    """Checks names and types of options against the net's function. Imports TensorFlow.

    Returns them, integers converted where the function takes a float. Raises BadInputError as
    ``build_by_name``.
    """
    parameters = dict(list(inspect.signature(load_function(net)).parameters.items())[1:])
    for option in options:
        if option not in parameters:
            known = [
                parameter.name
                for parameter in parameters.values()
                if parameter.name not in SET_BY_COMMANDS
                and "Callable" not in str(parameter.annotation)
            ]
            raise BadInputError(
                f"{net.name} takes no option {option!r}; it takes {', '.join(known)}"
            )
    return {
        option: _convert(net.name, parameters[option], value) for option, value in options.items()
    }


def unroll_loops(net: Net, options: Mapping[str, object]) -> dict[str, object]:
    """Returns options that build each step of a net's loops; the same ones for a net without.

    The variables and their values are those of the loop. Imports TensorFlow.
    """
    has_loops = "unroll" in inspect.signature(load_function(net)).parameters
    return {**options, "unroll": True} if has_loops else dict(options)


def load_function(net: Net) -> Callable[..., tuple[Tensor, EndPoints]]:
    """Imports the module of a net (and TensorFlow) and returns the function that builds it.

    The registry states the module as data, so that listing the nets imports none of them.
    """
    module = importlib.import_module(f"legacy_nets.nets.{net.module}")
    function: Callable[..., tuple[Tensor, EndPoints]] = getattr(module, net.name)
    return function


def _convert(name: str, parameter: inspect.Parameter, value: object) -> object:
    """Checks an option's value; converts an integer to float where the function takes a float.

    Raises BadInputError for a plain value of another type than the function takes.
    """
    types = [annotation.strip() for annotation in str(parameter.annotation).split("|")]
    if not set(types) <= _TYPES.keys() or hasattr(value, "dtype"):  # not plain; a tensor
        return value
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    accepted = {
        "bool": isinstance(value, int) and value in (0, 1),
        "int": is_integer,
        "float": is_integer or isinstance(value, float),
        "str": isinstance(value, str),
        "None": value is None,
    }
    if not any(accepted[annotation] for annotation in types):
        raise BadInputError(
            f"{name}: option {parameter.name} takes "
            f"{' or '.join(_TYPES[annotation] for annotation in types)}, "
            f"not {value!r} (default: {parameter.default!r})"
        )
    if isinstance(value, int) and is_integer and "float" in types:
        return float(value)
    return value
