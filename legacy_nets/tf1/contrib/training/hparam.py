"""``tf.contrib.training.HParams``: named settings that keep their types."""

from __future__ import annotations

import json
import numbers
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from legacy_nets.types import Tensor, TensorLike

# One assignment of "a=1,b[2]=3,c=[1,2]": name, [index] or none, then a value or [values].
_ASSIGNMENT = re.compile(
    r"(?P<name>[a-zA-Z][\w.]*)"
    r"(\[\s*(?P<index>\d+)\s*\])?"
    r"\s*=\s*"
    r"((?P<value>[^,\[]*)|\[(?P<values>[^\]]*)\])"
    r"($|,\s*)"
)


def _parse_bool(text: str) -> bool:
    words = {"true": True, "True": True, "false": False, "False": False}
    return words[text] if text in words else bool(int(text))


def parse_values(
    values: str, type_map: Mapping[str, type], ignore_unknown: bool = False
) -> dict[str, Tensor]:
    """Parses ``"a=1,b[2]=3,c=[1,2]"`` to ``{"a": 1, "b": {2: 3}, "c": [1, 2]}``.

    Args:
      type_map: the type of each name, of a list that of its elements.
      ignore_unknown: leaves out names that have no type, instead of raising.

    Raises ValueError for what cannot be read, is unknown or is assigned twice.
    """
    assigned: dict[str, Any] = {}
    position = 0
    while position < len(values):
        match = _ASSIGNMENT.match(values, position)
        if match is None:
            raise ValueError(f"Malformed hyperparameter value: {values[position:]}")
        position = match.end()
        name = match["name"]
        if name in type_map:
            _assign(assigned, match, type_map[name], values)
        elif not ignore_unknown:
            raise ValueError(f"Unknown hyperparameter type for {name}")
    return assigned


def _assign(
    assigned: dict[str, TensorLike], match: re.Match[str], value_type: type, values: str
) -> None:
    name, index = match["name"], match["index"]
    if match["values"] is not None and index is not None:
        raise ValueError("Assignment of a list to a list index.")
    text = match["values"] if match["value"] is None else match["value"]
    parse: Callable[[str], Any] = _parse_bool if value_type is bool else value_type

    def reused(target: str) -> NoReturn:
        raise ValueError(f"Multiple assignments to variable '{target}' in {values}")

    try:
        if match["values"] is not None:
            value: Any = [parse(part) for part in re.split("[ ,]", text) if part]
        else:
            value = parse(text)
    except ValueError:
        raise ValueError(
            f"Could not parse hparam '{name}' of type '{value_type.__name__}' with value '{text}' "
            f"in {values}"
        ) from None
    if index is None:
        if name in assigned:
            reused(name)
        assigned[name] = value
        return
    elements = assigned.setdefault(name, {})
    if not isinstance(elements, dict):
        reused(name)
    if int(index) in elements:
        reused(f"{name}[{int(index)}]")
    elements[int(index)] = value


def _cast(name: str, value_type: type, value: TensorLike) -> object:
    """``value`` as ``kind`` where nothing is lost by it. Raises ValueError where there is."""
    if type(value) is value_type or value_type is type(None):
        return value
    text = (str, bytes)
    if (
        (issubclass(value_type, text) and not isinstance(value, text))
        or issubclass(value_type, bool) != isinstance(value, bool)
        or (issubclass(value_type, numbers.Integral) and not isinstance(value, numbers.Integral))
        or (issubclass(value_type, numbers.Number) and not isinstance(value, numbers.Number))
    ):
        raise ValueError(
            f"Could not cast hparam '{name}' of type '{value_type}' from value {value!r}"
        )
    return value_type(value)


class HParams:
    """Settings as attributes; each keeps the type of its first value."""

    def __init__(
        self, hparam_def: object = None, model_structure: object = None, **kwargs: object
    ) -> None:
        if hparam_def is not None:
            raise ValueError(
                "HParams(hparam_def=...) is not offered: give the values by name, or parse_json"
            )
        self._hparam_types: dict[str, tuple[type, bool]] = {}  # name -> (type, is it a list)
        self._model_structure = model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    def add_hparam(self, name: str, value: TensorLike) -> None:
        """Adds a setting. Raises ValueError for a name that is taken, or an empty list."""
        if getattr(self, name, None) is not None:
            raise ValueError(f"Hyperparameter name is reserved: {name}")
        is_list = isinstance(value, (list, tuple))
        if is_list and not value:
            raise ValueError(f"Multi-valued hyperparameters cannot be empty: {name}")
        self._hparam_types[name] = (type(value[0] if is_list else value), is_list)
        setattr(self, name, value)

    def set_hparam(self, name: str, value: TensorLike) -> None:
        """Changes a setting. Raises KeyError where there is none, ValueError for another type."""
        value_type, is_list = self._hparam_types[name]
        if isinstance(value, list) != is_list:
            raise ValueError(
                f"Must pass a list for multi-valued parameter: {name}."
                if is_list
                else f"Must not pass a list for single-valued parameter: {name}"
            )
        cast = (
            [_cast(name, value_type, v) for v in value]
            if is_list
            else _cast(name, value_type, value)
        )
        setattr(self, name, cast)

    def del_hparam(self, name: str) -> None:
        """Removes a setting, where there is one."""
        if hasattr(self, name):
            delattr(self, name)
            del self._hparam_types[name]

    def parse(self, values: str) -> HParams:
        """Changes settings by ``"name=value,name=value"``; see ``parse_values``."""
        types = {name: value_type for name, (value_type, _) in self._hparam_types.items()}
        return self.override_from_dict(parse_values(values, types))

    def override_from_dict(self, values_dict: Mapping[str, object]) -> HParams:
        """Changes settings by name."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    set_from_map = override_from_dict

    def parse_json(self, values_json: str) -> HParams:
        """Changes settings by a JSON object."""
        return self.override_from_dict(json.loads(values_json))

    def to_json(self, indent: Any = None, separators: Any = None, sort_keys: bool = False) -> str:
        """The settings as a JSON object."""
        return json.dumps(self.values(), indent=indent, separators=separators, sort_keys=sort_keys)

    def set_model_structure(self, model_structure: object) -> None:
        """Keeps any object with the settings."""
        self._model_structure = model_structure

    def get_model_structure(self) -> object:
        """The object kept by ``set_model_structure``."""
        return self._model_structure

    def values(self) -> dict[str, Tensor]:
        """All settings."""
        return {name: getattr(self, name) for name in self._hparam_types}

    def get(self, key: str, default: Any = None) -> Tensor:
        """One setting, or ``default``. Raises ValueError for a default of another type."""
        if key not in self._hparam_types:
            return default
        if default is not None:
            value_type, is_list = self._hparam_types[key]
            message = (
                f"Hparam '{key}' of type '{f'list<{value_type}>' if is_list else value_type}' is "
                f"incompatible with default={default}"
            )
            if is_list != isinstance(default, list):
                raise ValueError(message)
            try:
                for value in default if is_list else [default]:
                    _cast(key, value_type, value)
            except ValueError as error:
                raise ValueError(f"{message}. {error}") from None
        return getattr(self, key)

    def __contains__(self, key: str) -> bool:
        return key in self._hparam_types

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in self.values().items())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({sorted(self.values().items())})"
