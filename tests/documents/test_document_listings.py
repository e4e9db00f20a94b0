"""The nets of document 000 have the document's statements, in its order, with its names.

Reads the listings where the documents are there (see ``cited_lines``). A statement that differs
has an erratum, or a reason, in ``CHANGED``.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re

import pytest
from cited_lines import find_documents, read_document

# first and last line in document 000, module under legacy_nets.nets, function
LISTINGS = [
    (19, 20, "cnn_lstm", "conv2d_layer"),
    (30, 33, "cnn_lstm", "residual_block"),
    (43, 46, "cnn_lstm", "lstm_layer"),
    (77, 97, "cnn_lstm", "_build_first_listing"),
    (110, 114, "cnn_lstm", "_build_second_listing"),
    (129, 131, "video_resnet", "conv3d_layer"),
    (141, 144, "video_resnet", "residual_3d_block"),
    (158, 165, "video_resnet", "residual_2plus1d_block"),
    (184, 194, "video_resnet", "three_layers_3d_resnet"),
    (217, 231, "video_resnet", "three_layers_2plus1d_resnet"),
    (241, 244, "video_resnet", "three_layers_3d_resnet_2plus1d"),
    (256, 257, "cnn_lstm", "_build_output_layer"),
]
CHANGED = {  # line of the document -> why our statement of the same name differs
    90: "000-E01",
    96: "000-E01: the map's own size",
    110: "000-E02",
    113: "000-E02",
    158: "000-E04",
    160: "000-E04",
    162: "000-E04",
    217: "000-E05",
    219: "000-E05",
    223: "000-E05",
    227: "000-E05",
    241: "the end points",
    242: "the end points",
    256: "either LSTM's output",
    257: "any number of classes",
}
DOCUMENTS = find_documents()
needs_documents = pytest.mark.skipif(
    not DOCUMENTS, reason="the documents are not here; LEGACY_NETS_DOCUMENTS names their folder"
)


def read_statements(first, last):
    """The assignments and the return of a listing: (line, name, value), in Python's own form."""
    lines = dict(enumerate(read_document(DOCUMENTS, "000")[first - 1 : last], first))
    number = first
    while number <= last:
        start, text = number, lines[number]
        while text.count("(") != text.count(")"):
            number += 1
            text += lines[number]
        number += 1
        if re.match(r"\w+(, \w+)? = |return ", text):
            (statement,) = ast.parse(f"def f():\n {text}").body[0].body
            yield start, *split(statement)


def split(statement):
    if isinstance(statement, ast.Return):
        return "return", ast.unparse(statement.value)
    return ast.unparse(statement.targets[-1]), ast.unparse(statement.value)


def list_our_statements(module, function):
    code = getattr(importlib.import_module(f"legacy_nets.nets.{module}"), function)
    nodes = ast.walk(ast.parse(inspect.getsource(code)))
    kept = [node for node in nodes if isinstance(node, (ast.Assign, ast.Return)) and node.value]
    return [split(node) for node in sorted(kept, key=lambda node: node.lineno)]


@needs_documents
@pytest.mark.parametrize(("first", "last", "module", "function"), LISTINGS)
def test_statements_are_the_document_s_in_order(first, last, module, function):
    ours = iter(list_our_statements(module, function))
    for line, name, value in read_statements(first, last):
        name = name.replace("state", "_state")  # 000-E18: it is not used
        matches = (found for known, found in ours if known == name)
        found = next(matches, None)
        assert found is not None, f"l.{line}: {name} is not there, or not in this order"
        assert (found == value) == (line not in CHANGED), f"l.{line}: {name} = {found}"


@needs_documents
def test_every_change_is_of_a_statement():
    statements = [row for first, last, *_ in LISTINGS for row in read_statements(first, last)]
    assert len(statements) == 69
    assert CHANGED.keys() <= {line for line, _, _ in statements}
