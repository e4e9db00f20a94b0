"""Reads the shapes that comments in legacy_nets/nets state, and watches the tensors they describe.

A comment at the end of a line describes that statement, one above a line the next statement.

One shape is that of every tensor that the statement makes: ``# (N, 7, 7, 512)``. A list is what a
statement in a loop makes, in order: ``# (N, 56, 56, 24) twice, (N, 28, 28, 32) three times``.
";" and "or" part what different nets, options or inputs make: ``# (N, 512) or (N, 256)``. T, H, W
and C are sides of the function's first tensor; other names are its whole numbers.
"""

from __future__ import annotations

import ast
import io
import itertools
import math
import pathlib
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import legacy_nets
from legacy_nets import get_net
from legacy_nets import tf1 as tf

NETS = pathlib.Path(legacy_nets.__file__).parent / "nets"
FILES = [
    path
    for path in sorted(NETS.rglob("*.py"))
    if path.parent.name != "weights" and path.name not in ("__init__.py", "build.py")
]
COUNTS = ("twice", *(f"{n} times" for n in "three four five six seven eight nine".split()))
STATED = re.compile(rf"(\((?:\d+, )?N, [^()]+\)|\d+ x \d+ x \d+)(?: ({'|'.join(COUNTS)})\b)?")
OTHER_FORMS = re.compile(r"\[(N|B|None|\?),|\((B|None|\?|-1),")  # a shape that STATED would miss
ARITHMETIC = re.compile(r"(\(?\d[\d ()+/*-]*) = (\d+)")
SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return)
LETTERS = {3: "TC", 4: "HWC", 5: "THWC"}  # sides of a tensor by its rank, without the batch

Shape = tuple[int | None, ...]
Sizes = dict[str, int]  # what letters and names in a comment mean


@dataclass(frozen=True)
class Stated:
    """A shape as a comment states it, and how many times in a row; None: any number of times."""

    text: str
    count: int | None = None

    @property
    def has_names(self) -> bool:
        """Whether it says more than numbers, so that it holds for any size."""
        return re.search(r"[A-Za-z]", re.sub(r"\bN\b|\bx\b", "", self.text)) is not None

    def agrees(self, shape: Shape, sizes: Sizes) -> bool:
        """Whether this is the shape of a tensor; its batch may be unknown."""
        if self.text.startswith("("):
            parts = [part.strip() for part in self.text[1:-1].split(",")]
        else:
            parts = ["N", *self.text.split(" x ")]
        return len(parts) == len(shape) and all(
            side is None if part == "N" else _compute(part, sizes) == side
            for part, side in zip(parts, shape, strict=True)
        )


List = tuple[Stated, ...]  # one shape, or several that a loop makes in order


@dataclass
class Comment:
    """What one comment states, and what its statement made in each build, in order."""

    path: pathlib.Path
    line: int
    words: str
    lists: tuple[List, ...]
    statement: ast.stmt
    seen: list[list[tuple[Shape, Sizes]]] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"{self.path.name}:{self.line} {self.words}"


def read_lists(words: str) -> tuple[List, ...]:
    """Reads the shapes in a comment's words: what ";" and "or" part are lists of their own."""
    lists: list[list[Stated]] = []
    end = 0
    for found in STATED.finditer(words):
        between = words[end : found.start()]
        if not lists or re.search(r";|\bor\b", between):
            lists.append([])
        count = COUNTS.index(found[2]) + 2 if found[2] else None
        lists[-1].append(Stated(found[1], count))
        end = found.end()
    return tuple(
        tuple(replace(item, count=item.count or 1) for item in items)
        if len(items) > 1
        else tuple(items)
        for items in lists
    )


def _compute(side: str, sizes: Sizes) -> int | None:
    """Computes a side such as ``H/2``; a division rounds up. None where a name means nothing."""

    class RoundUp(ast.NodeTransformer):
        def visit_BinOp(self, node):
            self.generic_visit(node)
            if not isinstance(node.op, ast.Div):
                return node
            call = ast.Call(ast.Name("up", ast.Load()), [node.left, node.right], [])
            return ast.copy_location(call, node)

    tree = ast.fix_missing_locations(RoundUp().visit(ast.parse(side, mode="eval")))
    names = {**sizes, "up": lambda a, b: math.ceil(a / b)}
    try:
        return eval(compile(tree, "shape", "eval"), {}, names)
    except NameError:
        return None


def read_comments(path: pathlib.Path) -> Iterator[Comment]:
    """Finds the comments of a file that state a shape, and the statement of each."""
    text = path.read_text("utf-8")
    simple = [node for node in ast.walk(ast.parse(text)) if isinstance(node, SIMPLE)]
    simple.sort(key=lambda node: node.lineno)
    for first, last, words, alone in _read_blocks(text):
        lists = read_lists(words)
        if not lists:
            continue
        if alone:
            statement = next(node for node in simple if node.lineno > last)
        else:
            around = [node for node in simple if node.lineno <= last <= node.end_lineno]
            assert around, f"{path.name}:{last}: a shape beside what is no statement"
            statement = around[-1]
        yield Comment(path, first, words, lists, statement)


def _read_blocks(text: str) -> list[tuple[int, int, str, bool]]:
    """Reads comments, joined over lines: (first line, last line, words, has no code before it)."""
    blocks: list[tuple[int, int, str, bool]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        alone = not token.line[: token.start[1]].strip()
        line, words = token.start[0], token.string.lstrip("# ")
        if alone and blocks and blocks[-1][3] and blocks[-1][1] == line - 1:
            first, _, before, _ = blocks.pop()
            blocks.append((first, line, f"{before} {words}", True))
        else:
            blocks.append((line, line, words, alone))
    return blocks


def find_fault(comment: Comment, lists: tuple[List, ...]) -> str | None:
    """Tells what is wrong with ``lists`` as what a comment states; None where all is right."""
    if not comment.seen:
        return f"{comment.place}: no tensor answers"
    answered: set[List] = set()
    for made in comment.seen:
        whole = [items for items in lists if items[0].count and _agrees_in_order(items, made)]
        answered |= set(whole)
        for shape, sizes in [] if whole else made:
            single = [items for items in lists if not items[0].count]
            agreeing = [items for items in single if items[0].agrees(shape, sizes)]
            if not agreeing:
                shapes = [f"{len(list(run))}x {shape}" for shape, run in _group(made)]
                return f"{comment.place}: the tensors are {', '.join(shapes)}"
            answered |= set(agreeing)
    for items in lists:
        if items not in answered:
            return f"{comment.place}: no tensor is {' '.join(item.text for item in items)}"
    return None


def _agrees_in_order(items: List, made: list[tuple[Shape, Sizes]]) -> bool:
    wanted = [item for item in items for _ in range(item.count or 1)]
    return len(wanted) == len(made) and all(
        item.agrees(*tensor) for item, tensor in zip(wanted, made, strict=True)
    )


def _group(made: list[tuple[Shape, Sizes]]) -> Iterator[tuple[Shape, Iterator[Shape]]]:
    return itertools.groupby(shape for shape, _ in made)


def _to_shape(value: object) -> Shape | None:
    while isinstance(value, (tuple, list)) and value:
        value = value[0]
    if not isinstance(value, tf.Tensor) or value.shape.rank is None:
        return None
    return tuple(value.shape.as_list())


class Watcher:
    """Watches the statements of comments while a net is built."""

    def __init__(self, comments: list[Comment]) -> None:
        self.by_file: dict[str, dict[int, list[Comment]]] = {}
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
        first = next((shape for shape in shapes if shape and len(shape) in LETTERS), ())
        letters = dict(zip(LETTERS.get(len(first), ""), first[1:], strict=True))
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
                        record(comment, frame, _get_value(comment.statement, frame))
                pending = current
            if event == "return":
                for comment in returns:
                    record(comment, frame, arg)
            return follow

        def record(comment, frame, value):
            shape = _to_shape(value)
            if shape is not None:
                comment.seen[-1].append((shape, {**letters, **_get_sizes(frame)}))

        return follow


def _get_value(statement, frame):
    """The value that an assignment has just made."""
    targets = getattr(statement, "targets", None) or [statement.target]
    names = [target for target in targets if isinstance(target, ast.Name)]
    return eval(ast.unparse((names or targets)[0]), frame.f_globals, frame.f_locals)


def _get_sizes(frame) -> Sizes:
    """The whole numbers that a function has as locals, and those of its object."""
    owner = getattr(frame.f_locals.get("self"), "__dict__", {})
    return {key: n for key, n in {**owner, **frame.f_locals}.items() if isinstance(n, int)}


def watch(builds: list[tuple[str, tuple[int, ...] | None, dict]]) -> list[Comment]:
    """Builds nets of (name, image size or None, options); returns all comments, with what was seen.

    None is the size of the net's document.
    """
    comments = [comment for path in FILES for comment in read_comments(path)]
    for name, size, options in builds:
        for comment in comments:
            comment.seen.append([])
        net = get_net(name)
        with tf.Graph().as_default(), Watcher(comments):
            images = tf.placeholder(tf.float32, [None, *(size or net.image_size), net.channels])
            legacy_nets.build(name, images, **options)
    for comment in comments:
        comment.seen = [made for made in comment.seen if made]
    return comments


def change_by_one(comment: Comment) -> Iterator[tuple[List, ...]]:
    """What a comment states, with one change: a number larger by one, a count, an order."""
    for index, items in enumerate(comment.lists):
        for changed in _change_list(items):
            yield (*comment.lists[:index], changed, *comment.lists[index + 1 :])


def _change_list(items: List) -> Iterator[List]:
    for index, item in enumerate(items):
        before, after = items[:index], items[index + 1 :]
        for number in re.finditer(r"(?<![\w.])\d+(?!\w)", item.text):
            larger = f"{item.text[: number.start()]}{int(number[0]) + 1}{item.text[number.end() :]}"
            yield (*before, replace(item, text=larger), *after)
        if item.count:
            yield (*before, replace(item, count=item.count + 1), *after)
        if after:
            yield (*before, after[0], item, *after[1:])
            yield (*before, *after)
