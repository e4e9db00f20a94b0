"""Modules that protoc 2 and 3 wrote (``*_pb2.py``), and values that protobuf 3 took.

Such a module makes each descriptor by hand, and completes it by assignments. Today's protobuf has
the constructors still. It refuses them, and has nothing to assign to: descriptors come complete
from the file that the module carries as bytes. So the constructors work again, and the assignments
do nothing.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

# What generated modules assign to a descriptor.
_ASSIGNED = {
    "FileDescriptor": ("has_options", "_options"),
    "Descriptor": ("containing_type", "has_options", "_options"),
    "FieldDescriptor": ("message_type", "enum_type", "containing_type", "containing_oneof")
    + ("extension_scope", "has_options", "_options"),
    "EnumDescriptor": ("containing_type", "has_options", "_options"),
    "EnumValueDescriptor": ("has_options", "_options"),
    "OneofDescriptor": ("containing_type", "has_options", "_options"),
    "ServiceDescriptor": ("has_options", "_options"),
    "MethodDescriptor": ("containing_service", "has_options", "_options"),
}


def install() -> None:
    """Changes this process's protobuf. Does nothing the second time."""
    if _import("internal.api_implementation").Type() != "upb":
        return
    base = _import("message").Message
    if hasattr(base, "RegisterExtension"):
        return
    base.RegisterExtension = staticmethod(_ignore)  # the pool knows the extensions of its files
    message = _import("descriptor_pb2").FileDescriptorProto
    _take_generated_code(message)
    _accept_values(message())


def _import(name: str) -> Any:  # its attributes are assigned to
    return importlib.import_module(f"google.protobuf.{name}")


def _encode(text: str | bytes) -> bytes:
    """Returns the bytes that protoc 2 wrote as a string of Python 2."""
    return text.encode("latin-1") if isinstance(text, str) else text


def _ignore(*arguments: object) -> None:
    """Does nothing."""


def _take_generated_code(message: Any) -> None:
    """Lets descriptors be constructed and assigned to.

    Args:
      message: a message class.
    """
    descriptor = _import("descriptor")
    message.__mro__[1]._CheckCalledFromGeneratedFile = staticmethod(_ignore)
    vars(descriptor)["_Deprecated"] = _ignore
    make_file, parse_options = descriptor.FileDescriptor.__new__, descriptor._ParseOptions

    def make_file_of_text(cls: type, *arguments: Any, **options: Any) -> Any:
        if "serialized_pb" in options:
            options["serialized_pb"] = _encode(options["serialized_pb"])
        return make_file(cls, *arguments, **options)

    descriptor.FileDescriptor.__new__ = staticmethod(make_file_of_text)
    vars(descriptor)["_ParseOptions"] = lambda message, text: parse_options(message, _encode(text))
    for name, attributes in _ASSIGNED.items():
        described = getattr(descriptor, name)._C_DESCRIPTOR_CLASS
        for attribute in attributes:
            real = getattr(described, attribute, None)
            read = real.__get__ if real is not None else _ignore
            setattr(described, attribute, property(read, _ignore))
    field = descriptor.FieldDescriptor._C_DESCRIPTOR_CLASS
    if not hasattr(field, "label"):
        field.label = property(lambda self: 3 if self.is_repeated else 2 if self.is_required else 1)
    type(message.DESCRIPTOR.fields_by_name).__setitem__ = _ignore
    type(message.DESCRIPTOR.fields).append = _ignore


def _accept_values(message: Any) -> None:
    """Lets fields take what protobuf 3 took: bools as integers, numbers as bools.

    Args:
      message: a message with a repeated field of numbers, "public_dependency".
    """
    base: Any = type(message).__mro__[1]
    repeated: Any = type(message.public_dependency)
    initialize, assign = base.__init__, base.__setattr__
    prepared: set[type] = set()

    @functools.wraps(initialize)
    def __init__(self: Any, *arguments: Any, **fields: Any) -> None:
        if type(self) not in prepared:
            _prepare(self.DESCRIPTOR, __setattr__, prepared)
        for name, value in fields.items():
            if hasattr(value, "__next__"):  # it can be read only once
                fields[name] = list(value)
        try:
            initialize(self, *arguments, **fields)
        except TypeError as error:
            self.Clear()
            known = self.DESCRIPTOR.fields_by_name
            converted = {name: _convert(known.get(name), fields[name]) for name in fields}
            _try_again(error, initialize, self, *arguments, **converted)

    @functools.wraps(assign)
    def __setattr__(self: Any, name: str, value: object) -> None:
        try:
            assign(self, name, value)
        except TypeError as error:
            field = self.DESCRIPTOR.fields_by_name.get(name)
            _try_again(error, assign, self, name, _convert(field, value))

    base.__init__ = __init__
    for name in ("append", "insert", "__setitem__"):
        setattr(repeated, name, _take_bool(getattr(repeated, name)))
    repeated.extend = _take_bools(repeated.extend)


def _prepare(described: Any, set_field: Callable[..., None], prepared: set[type]) -> None:
    """Gives the class of a message, and those of its fields, another ``__setattr__``.

    In their C base it could not be called any more, once it is replaced there.
    """
    message = _import("message_factory").GetMessageClass(described)
    if message not in prepared:
        prepared.add(message)
        message.__setattr__ = set_field
        for field in described.fields:
            if field.message_type is not None:
                _prepare(field.message_type, set_field, prepared)


def _try_again(
    error: Exception, function: Callable[..., None], *arguments: Any, **more: Any
) -> None:
    """Calls a function with other values; its first error is raised where it refuses them, too."""
    try:
        function(*arguments, **more)
    except (TypeError, ValueError):
        raise error from None


def _convert(field: Any, value: Any) -> Any:
    """Converts a value, or a list or dict of them, to those that a field of today's takes.

    Args:
      field: a FieldDescriptor; None of a field that does not exist.
    """
    if field is None:
        return value
    if isinstance(value, Mapping) and field.message_type is not None:
        fields = field.message_type.fields_by_name
        is_map = field.message_type.GetOptions().map_entry
        return {k: _convert(fields["value"] if is_map else fields.get(k), value[k]) for k in value}
    if field.is_repeated and isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [_convert_one(field, item) for item in value]
    return _convert_one(field, value)


def _convert_one(field: Any, value: Any) -> Any:
    if field.cpp_type == field.CPPTYPE_BOOL and isinstance(value, (float, np.floating)):
        return bool(int(value)) if np.isfinite(value) else value
    return _to_int(value)


def _to_int(value: Any) -> Any:
    """Returns a bool as 0 or 1, anything else as it is."""
    return int(value) if isinstance(value, (bool, np.bool_)) else value


def _take_bool(function: Callable[..., None]) -> Callable[..., None]:
    """Wraps a method of a repeated field: its last argument may be a bool."""

    @functools.wraps(function)
    def take(self: Any, *arguments: Any) -> None:
        try:
            function(self, *arguments)
        except TypeError as error:
            _try_again(error, function, self, *arguments[:-1], _to_int(arguments[-1]))

    return take


def _take_bools(extend: Callable[..., None]) -> Callable[..., None]:
    """Wraps ``extend`` of a repeated field in the same way."""

    @functools.wraps(extend)
    def take(self: Any, values: Any) -> None:
        values = list(values) if hasattr(values, "__next__") else values
        length = len(self)
        try:
            extend(self, values)
        except TypeError as error:
            del self[length:]  # those before the bool
            if not isinstance(values, Iterable):
                raise
            _try_again(error, extend, self, [_to_int(value) for value in values])

    return take
