"""Interprets a pickle without executing it: plain containers, and calls that a table allows.

Python's own ``pickle`` imports and calls whatever a file names; this one looks the name up in
a table, and refuses a file that names anything else. Opcodes: the standard library's pickletools.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from typing import Any

from legacy_nets.checkpoints.formats.wire import Damaged

_VALUES = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "INT", "LONG", "BINFLOAT", "FLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"),
    *("BINSTRING", "SHORT_BINSTRING", "STRING", "BINBYTES", "SHORT_BINBYTES"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list}
_PUT = {"BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"}
_GET = {"BINGET", "LONG_BINGET", "GET"}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK = object()


class Refused(Exception):
    """A pickle that names something that the table does not allow; the text is that name."""


class Global(str):
    """A name of the pickle, "module name", that has been looked up and not yet been called."""


def unpickle(
    data: Any, calls: Mapping[str, Callable[..., Any]], persistent: Callable[[Any], Any]
) -> Any:
    """The object that a pickle describes.

    Args:
      data: bytes, or an open file or mmap, which is left behind the pickle's end.
      calls: "module name" -> what is called in its place.
      persistent: makes an object of a persistent id.

    Raises Refused for another name, Damaged for bytes that are no such pickle.
    """
    try:
        return _run(pickletools.genops(data), calls, persistent)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        raise Damaged(f"no such pickle: {error}") from error


def _run(
    operations: Any, calls: Mapping[str, Callable[..., Any]], persistent: Callable[[Any], Any]
) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for operation, value, _ in operations:
        name = operation.name
        if name in _VALUES:
            stack.append(value)
        elif name in _PUT:
            memo[len(memo) if value is None else value] = stack[-1]
        elif name in _GET:
            stack.append(memo[value])
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _TUPLES:
            count = _TUPLES[name]
            stack.append(tuple(_pop(stack) for _ in range(count))[::-1])
        elif name == "TUPLE":
            stack.append(tuple(_pop_marked(stack)))
        elif name in ("LIST", "DICT"):
            items = _pop_marked(stack)
            stack.append(items if name == "LIST" else dict(_pairs(items)))
        elif name in ("SETITEM", "SETITEMS"):
            items = _pop_marked(stack) if name == "SETITEMS" else [_pop(stack), _pop(stack)][::-1]
            _of(dict, stack[-1]).update(_pairs(items))
        elif name in ("APPEND", "APPENDS"):
            items = _pop_marked(stack) if name == "APPENDS" else [_pop(stack)]
            _of(list, stack[-1]).extend(items)
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            if name == "STACK_GLOBAL":
                last = _of(str, _pop(stack))
                value = f"{_of(str, _pop(stack))} {last}"
            if value not in calls:
                raise Refused(".".join(value.split()))
            stack.append(Global(value))
        elif name == "REDUCE":
            arguments = _of(tuple, _pop(stack))
            stack.append(calls[_of(Global, _pop(stack))](*arguments))
        elif name == "BINPERSID":
            stack.append(persistent(_pop(stack)))
        elif name == "BUILD":  # attributes of an OrderedDict (_metadata): nothing needs them
            _pop(stack)
            _of(dict, stack[-1])
        elif name == "STOP":
            return _pop(stack)
        elif name not in ("PROTO", "FRAME"):
            raise Refused(f"the opcode {name}")
    raise Damaged("the pickle has no end")


def _pop(stack: list[Any]) -> Any:
    value = stack.pop()
    if value is _MARK:
        raise Damaged("a pickle that pops a mark")
    return value


def _pop_marked(stack: list[Any]) -> list[Any]:
    """What lies above the topmost mark; the mark goes too."""
    at = len(stack) - 1
    while stack[at] is not _MARK:  # IndexError where there is none
        at -= 1
        if at < 0:
            raise Damaged("a pickle without its mark")
    items = stack[at + 1 :]
    del stack[at:]
    return items


def _pairs(items: list[Any]) -> zip[tuple[Any, Any]]:
    return zip(items[::2], items[1::2], strict=True)


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise Damaged(f"a {type(value).__name__} where the pickle needs a {kind.__name__}")
    return value
