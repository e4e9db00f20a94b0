"""Upgrades one source file: bytes in, bytes out, and a list of changes."""

from __future__ import annotations

import dataclasses
import re
import warnings

import libcst as cst
from libcst.metadata import MetadataWrapper, ScopeProvider

from legacy_nets.runner.rewrite import METHODS
from legacy_nets.upgrade.rewriter import Rewriter, Upgraded
from legacy_nets.upgrade.survey import Survey
from legacy_nets.upgrade.table import RENAMED_METHODS, TOP_MODULES

_WORDS = [*sorted(TOP_MODULES), *METHODS, *RENAMED_METHODS, "open"]
_CANDIDATE = re.compile(rb"\b(" + "|".join(_WORDS).encode() + rb")\b")


def upgrade_source(source: bytes) -> Upgraded:
    """Rewrites a source so that plain ``python`` runs it today.

    Encoding, line ends, comments and formatting stay. A source that is not Python 3 is returned
    unchanged, with ``broken`` set.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the script's own string escapes
            compile(source, "script", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        return Upgraded(source, broken=(line, getattr(error, "msg", str(error))))
    if not _CANDIDATE.search(source):
        return Upgraded(source)
    try:
        wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    except (cst.ParserSyntaxError, UnicodeError, RecursionError) as error:
        message = getattr(error, "message", str(error))
        return Upgraded(source, broken=(getattr(error, "raw_line", 1), message))
    survey = Survey(wrapper.resolve(ScopeProvider))
    wrapper.module.visit(survey)
    rewriter = Rewriter(survey)
    module = wrapper.visit(rewriter)
    done = rewriter.done
    done.changes.sort(key=lambda change: change.line)
    return dataclasses.replace(done, source=module.bytes if done.changes else source)
