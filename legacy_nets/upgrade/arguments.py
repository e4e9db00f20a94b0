"""Rewrites arguments that Python's own functions took in 3.7 and refuse today."""

from __future__ import annotations

import libcst as cst

from legacy_nets.runner.rewrite import drop_universal_newlines


def rewrite_arguments(call: cst.Call, path: str) -> cst.Call:
    """Rewrites the arguments of a call where today's Python refuses them; else returns it.

    Args:
      path: what is called: "open", "json.loads", "random.sample".
    """
    if path.rpartition(".")[2] == "open":
        return _rewrite_mode(call)
    if path in ("json.load", "json.loads"):
        kept = [arg for arg in call.args if _get_keyword(arg) != "encoding"]
        if len(kept) == len(call.args):
            return call
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return call.with_changes(args=kept)
    if path == "random.sample" and call.args and _is_set(call.args[0].value):
        population = cst.Call(cst.Name("tuple"), [cst.Arg(call.args[0].value)])
        return call.with_changes(args=[call.args[0].with_changes(value=population), *call.args[1:]])
    return call


def _get_keyword(arg: cst.Arg) -> str | None:
    return arg.keyword.value if arg.keyword else None


def _rewrite_mode(call: cst.Call) -> cst.Call:
    """Drops the U of a mode that is written out."""
    modes = [
        a for i, a in enumerate(call.args) if (_get_keyword(a) or (i == 1 and "mode")) == "mode"
    ]
    for arg in modes:
        literal = arg.value
        if isinstance(literal, cst.SimpleString) and isinstance(literal.evaluated_value, str):
            mode = literal.evaluated_value
            plain = drop_universal_newlines(mode)
            if plain != mode:
                return call.with_deep_changes(literal, value=literal.quote + plain + literal.quote)
    return call


def _is_set(value: cst.BaseExpression) -> bool:
    """Whether an expression is certainly a set, or the keys of a dict."""
    if not isinstance(value, cst.Call):
        return isinstance(value, (cst.Set, cst.SetComp))
    called = value.func
    if isinstance(called, cst.Attribute):
        return called.attr.value == "keys" and not value.args
    return isinstance(called, cst.Name) and called.value in ("set", "frozenset")
