"""Every shape that a comment in legacy_nets/nets states is that of the tensor its line makes.

A comment at the end of a line describes that statement, one above a line the next statement. The
test builds each net at its document's size, watches these statements, and compares. A comment
with several shapes describes a statement in a loop: each shape must occur, and no other.
"""

from __future__ import annotations

import ast
import functools
import io
import itertools
import math
import pathlib
import re
import sys
import tokenize
from dataclasses import dataclass, field

import pytest

import legacy_nets
from legacy_nets import get_net
from legacy_nets import tf1 as tf
from legacy_nets.nets.parts.resnet_utils import conv2d_same

NETS = pathlib.Path(legacy_nets.__file__).parent / "nets"
FILES = [
    path
    for path in sorted([*NETS.glob("*.py"), *(NETS / "parts").glob("*.py")])
    if path.name not in ("__init__.py", "build.py")
]
SHAPE = re.compile(r"\((?:N|3), [^()]+\)|\d+ x \d+ x \d+")
SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return)
BUILDS = [  # each at its document's size
    ("cnn_lstm_resnet", {}),
    ("cnn_lstm_resnet", {"lstm_map": "tile"}),
    ("resnet_3d", {"num_classes": 10}),
    ("resnet_2plus1d", {"num_classes": 10}),
    ("r2plus1d_18", {}),
    ("hand_signs", {}),
    ("inception_v3", {}),
    ("inception_v3", {"global_pool": True, "create_aux_logits": False}),
    ("resnet_v2_50", {}),
    ("demo_cnn", {}),
    ("alexnet_v1", {}),
    ("alexnet_v2", {}),
    ("vgg16", {}),
    ("googlenet", {"aux_logits": True}),
    ("resnet50", {"dense": 1024}),
    ("mobilenet_v1", {}),
    ("mobilenet_v2", {}),
    ("mobilenet_v3_small", {}),
    ("mobilenet_v3_large", {}),
    ("vit_base_patch16_224_in21k", {"depth": 1}),
    ("vit_hybrid_r50_base_224", {"depth": 1}),
]
OTHER_SIZES = [
    ("cnn_lstm_resnet", (33, 28), {}),
    ("resnet_3d", (5, 33, 40), {"num_classes": 10}),
    ("resnet_2plus1d", (16, 47, 64), {"num_classes": 10}),
    ("r2plus1d_18", (16, 47, 64), {}),
    ("hand_signs", (52, 61), {}),
    ("inception_v3", (331, 299), {}),
    ("resnet_v2_50", (97, 64), {}),
    ("demo_cnn", (32, 20), {}),
    ("alexnet_v1", (227, 131), {}),
    ("vgg16", (64, 96), {}),
    ("googlenet", (240, 193), {"aux_logits": True}),
    ("resnet50", (97, 64), {}),
    ("mobilenet_v1", (97, 64), {}),
    ("mobilenet_v2", (97, 64), {}),
    ("mobilenet_v3_large", (97, 64), {}),
]


@dataclass
class Comment:
    """The shapes that one comment states, and those that its statement made.

    ``seen`` holds pairs: the shape of a tensor, and the sizes that letters in the comment mean.
    """

    path: pathlib.Path
    line: int
    stated: tuple[str, ...]
    statement: ast.stmt
    seen: list[tuple[tuple[int | None, ...], dict[str, int]]] = field(default_factory=list)

    @property
    def place(self):
        return f"{self.path.name}:{self.line} {' '.join(self.stated)}"


class _Sizes(ast.NodeTransformer):
    """Makes a division in a stated shape one that rounds up."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        call = ast.Call(ast.Name("up", ast.Load()), [node.left, node.right], [])
        return ast.copy_location(call, node)


def read_comments(path):
    """Finds the comments of a file that state a shape, and the statement of each."""
    text = path.read_text("utf-8")
    simple = [node for node in ast.walk(ast.parse(text)) if isinstance(node, SIMPLE)]
    simple.sort(key=lambda node: node.lineno)
    blocks = []  # (first line, last line, text, stands alone) of comments, joined over lines
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            alone = not token.line[: token.start[1]].strip()
            line = token.start[0]
            if alone and blocks and blocks[-1][3] and blocks[-1][1] == line - 1:
                first, _, words, _ = blocks.pop()
                blocks.append((first, line, f"{words} {token.string}", True))
            else:
                blocks.append((line, line, token.string, alone))
    for first, last, words, alone in blocks:
        stated = tuple(SHAPE.findall(words))
        if stated:
            if alone:
                statement = next(node for node in simple if node.lineno > last)
            else:
                around = [node for node in simple if node.lineno <= last <= node.end_lineno]
                assert around, f"{path.name}:{last}: a shape beside what is no statement"
                statement = around[-1]
            yield Comment(path, first, stated, statement)


def agrees(stated, shape, sizes):
    """Whether a stated shape is that of a tensor; its batch may be unknown."""
    if stated.startswith("("):
        parts = [part.strip() for part in stated[1:-1].split(",")]
    else:
        parts = ["N", *stated.split(" x ")]
    if len(parts) != len(shape):
        return False
    for part, side in zip(parts, shape, strict=True):
        if part == "N":
            if side is not None:
                return False
            continue
        tree = ast.fix_missing_locations(_Sizes().visit(ast.parse(part, mode="eval")))
        names = {**sizes, "up": lambda a, b: math.ceil(a / b)}
        try:
            if eval(compile(tree, "shape", "eval"), {}, names) != side:
                return False
        except NameError:
            return False
    return True


def find_faults(comment, stated):
    """Tells what is wrong with the shapes ``stated`` at a comment; None where all is right."""
    if not comment.seen:
        return f"{comment.place}: no tensor answers"
    for shape, sizes in comment.seen:
        if not any(agrees(text, shape, sizes) for text in stated):
            return f"{comment.place}: the tensor is {shape} ({sizes})"
    for text in stated:
        if not any(agrees(text, shape, sizes) for shape, sizes in comment.seen):
            return f"{comment.place}: no tensor is {text}"
    return None


def _to_shape(value):
    while isinstance(value, (tuple, list)) and value:
        value = value[0]
    return tuple(value.shape.as_list()) if isinstance(value, tf.Tensor) else None


def _get_value(statement, frame, returned):
    if isinstance(statement, ast.Return):
        return returned
    targets = getattr(statement, "targets", None) or [statement.target]
    names = [target for target in targets if isinstance(target, ast.Name)]
    target = ast.unparse((names or targets)[0])
    return eval(target, frame.f_globals, frame.f_locals)


def _get_sizes(frame):
    """The numbers that a function has as locals, and H, W, C of its first tensor."""
    sizes = {key: n for key, n in frame.f_locals.items() if isinstance(n, int)}
    owner = frame.f_locals.get("self")
    sizes |= {key: n for key, n in getattr(owner, "__dict__", {}).items() if isinstance(n, int)}
    sizes |= {key: n for key, n in frame.f_locals.items() if isinstance(n, int)}
    return sizes


class Watcher:
    """Watches the statements of comments while a net is built."""

    def __init__(self, comments):
        self.by_file = {}
        for comment in comments:
            lines = self.by_file.setdefault(str(comment.path), {})
            node = comment.statement
            for line in range(node.lineno, node.end_lineno + 1):
                lines.setdefault(line, []).append(comment)

    def __enter__(self):
        sys.settrace(self._enter_function)

    def __exit__(self, *_):
        sys.settrace(None)

    def _enter_function(self, frame, event, arg):
        lines = self.by_file.get(frame.f_code.co_filename)
        if lines is None:
            return None
        shapes = map(_to_shape, list(frame.f_locals.values()))
        first = next((shape for shape in shapes if shape and len(shape) == 4), ())
        letters = dict(zip("HWC", first[1:], strict=False))
        pending: list[Comment] = []
        returns: list[Comment] = []  # their value comes with the event that ends the function

        def follow(frame, event, arg):
            nonlocal pending
            current = lines.get(frame.f_lineno, []) if event == "line" else []
            if current != pending:
                for comment in pending:
                    if isinstance(comment.statement, ast.Return):
                        returns.append(comment)
                    else:
                        record(comment, frame, arg)
                pending = current
            if event == "return":
                for comment in returns:
                    record(comment, frame, arg)
            return follow

        def record(comment, frame, returned):
            shape = _to_shape(_get_value(comment.statement, frame, returned))
            if shape is not None:
                comment.seen.append((shape, {**letters, **_get_sizes(frame)}))

        return follow


@functools.cache
def watch_all():
    """Builds all nets at their documents' sizes and returns the comments with what was seen."""
    return watch([(name, get_net(name).image_size, options) for name, options in BUILDS])


def watch(builds):
    """Builds nets of (name, image size, options) and returns all comments with what was seen."""
    comments = [comment for path in FILES for comment in read_comments(path)]
    for name, size, options in builds:
        with tf.Graph().as_default(), Watcher(comments):
            images = tf.placeholder(tf.float32, [None, *size, get_net(name).channels])
            legacy_nets.build(name, images, **options)
    return comments


def keep_what_any_size_has(stated, shape):
    """A stated map without its height and width, which follow the image; letters stay."""
    if re.search(r"[A-Za-z]", stated.replace("N", "").replace(" x ", "")):
        return stated
    channels = re.findall(r"\d+", stated)[-1]
    return f"({', '.join(['N', *map(str, shape[1:-1]), channels])})"


def change_by_one(comment):
    """The shapes of a comment with each of its numbers made larger by one, in turn."""
    for index, text in enumerate(comment.stated):
        for number in re.finditer(r"(?<![\w.])\d+(?!\w)", text):
            changed = f"{text[: number.start()]}{int(number[0]) + 1}{text[number.end() :]}"
            yield (*comment.stated[:index], changed, *comment.stated[index + 1 :])


@pytest.mark.slow
def test_every_shape_in_a_comment_is_that_of_its_tensor():
    faults = [find_faults(comment, comment.stated) for comment in watch_all()]
    assert [fault for fault in faults if fault] == []
    assert len(faults) > 300


@pytest.mark.slow
def test_a_comment_that_is_changed_by_one_fails():
    unnoticed = [
        (comment.place, changed)
        for comment in watch_all()
        for changed in change_by_one(comment)
        if find_faults(comment, changed) is None
    ]
    assert unnoticed == []


@pytest.mark.slow
def test_at_another_size_letters_and_channels_hold():
    """Literal heights and widths are those of the document's size; here they are not compared."""
    comments = watch(OTHER_SIZES)
    maps = [(c, shape, sizes) for c in comments for shape, sizes in c.seen if len(shape) > 3]
    assert len(maps) > 300
    for comment, shape, sizes in maps:
        texts = [keep_what_any_size_has(text, shape) for text in comment.stated]
        assert any(agrees(text, shape, sizes) for text in texts), (comment.place, shape)


def test_a_wrong_shape_is_found():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 9, 7, 3])
        shape = tuple(conv2d_same(x, 8, 3, 2).shape.as_list())
    sizes = {"H": 9, "W": 7, "stride": 2, "num_outputs": 8}
    assert agrees("(N, H/stride, W/stride, num_outputs)", shape, sizes)
    assert agrees("5 x 4 x 8", shape, sizes)
    for text in ("(N, H, W/stride, 8)", "(N, 5, 4, 9)", "5 x 4 x 7", "(N, 20)", "(N, 5, 4, f1)"):
        assert not agrees(text, shape, sizes)


def test_comments_are_found_with_their_statements():
    comments = {path.name: list(read_comments(path)) for path in FILES}
    assert len(comments["inception_v3_modules.py"]) == 107
    assert sum(map(len, comments.values())) > 300
    assert all(c.statement.lineno for c in itertools.chain.from_iterable(comments.values()))
