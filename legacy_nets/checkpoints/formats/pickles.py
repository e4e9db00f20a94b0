"""Interprets a pickle without executing it: plain containers, and calls from an allowed table.

The standard ``pickle.Unpickler`` is no substitute, even if ``find_class`` refuses every other
name: its BUILD sets attributes of allowed functions (their ``__defaults__``, for instance), and
its memo is an array, so that 12 bytes of a file can make it take 2 GiB. Both happen inside
``load``, where no hook is called. Opcodes: the standard library's pickletools.
"""

from __future__ import annotations

import mmap
import pickletools
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from legacy_nets.wire import FormatError

_Item = TypeVar("_Item")
Call = Callable[..., object]  # type: ignore[explicit-any]  # each name has its own arguments

_VALUES = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "INT", "LONG", "BINFLOAT", "FLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"),
    *("BINSTRING", "SHORT_BINSTRING", "STRING", "BINBYTES", "SHORT_BINBYTES", "BYTEARRAY8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], object]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list}
_PUT = {"BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"}
_GET = {"BINGET", "LONG_BINGET", "GET"}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK = object()
_SCALARS = (str, bytes, int, float, type(None))


class RefusedPickleError(Exception):
    """A pickle that names something outside the allowed table; the text is that name."""


class StatefulObject:
    """What a call may build, if the pickle gives it a state afterwards (opcode BUILD)."""

    def set_state(self, state: object) -> None:
        """Takes the state. Raises FormatError, or what ``unpickle`` reports as one."""
        raise NotImplementedError


class GlobalName(str):
    """A name in the pickle, "module name", that the table allows; it has not been called yet."""


def unpickle(
    data: bytes | mmap.mmap, calls: Mapping[str, Call], persistent: Callable[[object], object]
) -> object:
    """Interprets a pickle and returns the object that it describes.

    Args:
      data: bytes, or an open mmap, which is left at the pickle's end.
      calls: "module name" -> the function that is called instead.
      persistent: makes an object from a persistent id.

    Raises RefusedPickleError for another name, FormatError for bytes that are no such pickle.
    """
    try:
        return _Machine(calls, persistent).run(data)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        raise FormatError(f"not a pickle of plain containers: {error}") from error


def build_dict(pairs: Iterable[Iterable[object]]) -> dict[object, object]:
    """Builds a dictionary from (key, value) pairs.

    Raises FormatError for a key that is neither a scalar nor a flat tuple of scalars: hashing a
    deeply nested one overflows the C stack.
    """
    items: dict[object, object] = {}
    for key, value in pairs:
        parts = key if isinstance(key, tuple) else (key,)
        if not all(isinstance(part, _SCALARS) for part in parts):
            raise FormatError(f"a dictionary key of type {type(key).__name__}")
        items[key] = value
    return items


class _Machine:
    """The stack machine that a pickle is a program for."""

    def __init__(self, calls: Mapping[str, Call], persistent: Callable[[object], object]) -> None:
        self._calls = calls
        self._persistent = persistent
        self._stack: list[object] = []
        self._memo: dict[object, object] = {}

    def run(self, data: bytes | mmap.mmap) -> object:
        """Runs the opcodes up to STOP."""
        for opcode, argument, _ in pickletools.genops(data):  # type: ignore[arg-type]  # reads mmap
            if opcode.name == "STOP":
                return self._pop()
            self._apply(opcode.name, argument)
        raise FormatError("the pickle has no end")

    def _apply(self, opcode: str, argument: object) -> None:
        """Applies one opcode to the stack."""
        stack = self._stack
        if opcode in _VALUES:
            stack.append(argument)
        elif opcode in _PUT:
            self._memo[len(self._memo) if argument is None else argument] = stack[-1]
        elif opcode in _GET:
            stack.append(self._memo[argument])
        elif opcode in _CONSTANTS:
            stack.append(_CONSTANTS[opcode])
        elif opcode in _EMPTY:
            stack.append(_EMPTY[opcode]())
        elif opcode == "MARK":
            stack.append(_MARK)
        elif opcode in _TUPLES:
            stack.append(tuple(self._pop() for _ in range(_TUPLES[opcode]))[::-1])
        elif opcode == "TUPLE":
            stack.append(tuple(self._pop_marked()))
        elif opcode == "LIST":
            stack.append(self._pop_marked())
        elif opcode == "DICT":
            stack.append(build_dict(_pair(self._pop_marked())))
        elif opcode in ("APPEND", "APPENDS"):
            items = self._pop_marked() if opcode == "APPENDS" else [self._pop()]
            _require(list, stack[-1]).extend(items)
        elif opcode in ("SETITEM", "SETITEMS"):
            items = self._pop_marked() if opcode == "SETITEMS" else [self._pop(), self._pop()][::-1]
            _require(dict, stack[-1]).update(build_dict(_pair(items)))
        else:
            self._apply_call(opcode, argument)

    def _apply_call(self, opcode: str, argument: object) -> None:
        """Applies an opcode that names or calls something; refuses all that are left."""
        stack = self._stack
        if opcode in ("GLOBAL", "STACK_GLOBAL"):
            if opcode == "STACK_GLOBAL":
                name = _require(str, self._pop())
                argument = f"{_require(str, self._pop())} {name}"
            name = _require(str, argument)
            if name not in self._calls:
                raise RefusedPickleError(".".join(name.split()))
            stack.append(GlobalName(name))
        elif opcode == "REDUCE":
            arguments = _require(tuple, self._pop())
            stack.append(self._calls[_require(GlobalName, self._pop())](*arguments))
        elif opcode == "BINPERSID":
            stack.append(self._persistent(self._pop()))
        elif opcode == "BUILD":
            state = self._pop()
            if isinstance(stack[-1], StatefulObject):
                stack[-1].set_state(state)
            else:  # attributes of an OrderedDict (_metadata), which nothing needs
                _require(dict, stack[-1])
        elif opcode not in ("PROTO", "FRAME"):
            raise RefusedPickleError(f"the opcode {opcode}")

    def _pop(self) -> object:
        value = self._stack.pop()
        if value is _MARK:
            raise FormatError("a pickle that pops a mark")
        return value

    def _pop_marked(self) -> list[object]:
        """Pops the items above the topmost mark, and the mark."""
        stack = self._stack
        at = len(stack) - 1
        while stack[at] is not _MARK:  # IndexError if the stack is empty
            at -= 1
            if at < 0:
                raise FormatError("a pickle without its mark")
        items = stack[at + 1 :]
        del stack[at:]
        return items


def _pair(items: list[object]) -> Iterable[tuple[object, object]]:
    """Pairs keys with the values that follow them."""
    return zip(items[::2], items[1::2], strict=True)


def _require(required: type[_Item], value: object) -> _Item:
    """Returns the value. Raises FormatError if it is of another type."""
    if not isinstance(value, required):
        raise FormatError(f"a {type(value).__name__} where the pickle needs a {required.__name__}")
    return value
