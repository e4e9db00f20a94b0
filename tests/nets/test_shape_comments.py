"""Every shape that a comment in legacy_nets/nets states is that of the tensor its line makes.

``shape_comments`` says how a comment is read. The test builds the nets, watches the statements that
have such comments, and compares.
"""

from __future__ import annotations

import functools
import io
import itertools
import re
import tokenize

import pytest
from shape_comments import (
    ARITHMETIC,
    FILES,
    OTHER_FORMS,
    STATED,
    Stated,
    change_by_one,
    find_fault,
    read_comments,
    read_lists,
    watch,
)

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.nets.parts.resnet_utils import conv2d_same

BUILDS = [  # each at its document's size
    ("cnn_lstm_resnet", None, {}),
    ("cnn_lstm_resnet", None, {"lstm_map": "tile"}),
    ("resnet_3d", None, {"num_classes": 10}),
    ("resnet_2plus1d", None, {"num_classes": 10}),
    ("resnet_3d_2plus1d", None, {"num_classes": 10}),
    ("r2plus1d_18", None, {}),
    ("mc3_18", None, {}),
    ("hand_signs", None, {}),
    ("inception_v3", None, {}),
    ("inception_v3", None, {"global_pool": True, "create_aux_logits": False}),
    ("resnet_v2_50", None, {}),
    ("demo_cnn", None, {}),
    ("alexnet_v1", None, {}),
    ("alexnet_v2", None, {}),
    ("vgg16", None, {}),
    ("googlenet", None, {"aux_logits": True}),
    ("resnet18", None, {}),
    ("resnet34", None, {}),
    ("resnet50", None, {"dense": 1024}),
    ("resnet50", None, {"stride_in": 1, "padding": "slim"}),
    ("resnext50_32x4d", None, {}),
    ("mobilenet_v1", None, {}),
    ("mobilenet_v2", None, {}),
    ("mobilenet_v3_small", None, {}),
    ("mobilenet_v3_large", None, {}),
    ("vit_base_patch16_224_in21k", None, {"depth": 1}),
    ("vit_hybrid_r50_base_224", None, {"depth": 1}),
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
    *((name, None, {"depth": 1}) for name in legacy_nets.list_nets("vit_*_in21k")),
    ("vit_hybrid_r50_base_224", (48, 48), {"depth": 1}),
]


@functools.cache
def watch_all():
    """Builds all nets at their documents' sizes and returns the comments with what was seen."""
    return watch(BUILDS)


def keep_what_any_size_has(stated, shape):
    """A stated map without its height and width, which follow the image; letters stay."""
    if stated.has_names:
        return stated
    channels = re.findall(r"\d+", stated.text)[-1]
    return Stated(f"({', '.join(['N', *map(str, shape[1:-1]), channels])})")


@pytest.mark.slow
def test_every_shape_in_a_comment_is_that_of_its_tensor():
    faults = [find_fault(comment, comment.lists) for comment in watch_all()]
    assert [fault for fault in faults if fault] == []
    assert len(faults) > 300


@pytest.mark.slow
def test_a_comment_with_one_change_fails():
    """A number that is larger by one, one time more, two of a list exchanged, one left out."""
    unnoticed = [
        (comment.place, changed)
        for comment in watch_all()
        for changed in change_by_one(comment)
        if find_fault(comment, changed) is None
    ]
    assert unnoticed == []


@pytest.mark.rare
def test_at_another_size_letters_and_channels_hold():
    """Literal heights, widths and tokens are those of the document's size: not compared here."""
    comments = watch(OTHER_SIZES)
    tensors = [
        (comment, shape, sizes)
        for comment in comments
        for shape, sizes in itertools.chain(*comment.seen)
        if len(shape) > 3 or comment.lists[0][0].has_names
    ]
    assert len(tensors) > 300
    for comment, shape, sizes in tensors:
        stated = [keep_what_any_size_has(item, shape) for item in itertools.chain(*comment.lists)]
        assert any(item.agrees(shape, sizes) for item in stated), (comment.place, shape)


def test_a_wrong_shape_is_found():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 9, 7, 3])
        shape = tuple(conv2d_same(x, 8, 3, 2).shape.as_list())
    sizes = {"H": 9, "W": 7, "stride": 2, "num_outputs": 8}
    assert Stated("(N, H/stride, W/stride, num_outputs)").agrees(shape, sizes)
    assert Stated("5 x 4 x 8").agrees(shape, sizes)
    for text in ("(N, H, W/stride, 8)", "(N, 5, 4, 9)", "5 x 4 x 7", "(N, 20)", "(N, 5, 4, f1)"):
        assert not Stated(text).agrees(shape, sizes)


@pytest.mark.parametrize(
    ("words", "lists"),
    [
        ("(N, 7, 7, 512)", [[("(N, 7, 7, 512)", None)]]),
        ("35 x 35 x 256; 002-E22", [[("35 x 35 x 256", None)]]),
        ("(N, 9), (N, 4) three times", [[("(N, 9)", 1), ("(N, 4)", 3)]]),
        ("(N, 9) twice", [[("(N, 9)", 2)]]),
        ("(N, 9) or (N, 4)", [[("(N, 9)", None)], [("(N, 4)", None)]]),
        (
            "large: (N, 9), (N, 4); small: (N, 5)",
            [[("(N, 9)", 1), ("(N, 4)", 1)], [("(N, 5)", None)]],
        ),
    ],
)
def test_lists_in_a_comment(words, lists):
    assert [[(item.text, item.count) for item in items] for items in read_lists(words)] == lists


@pytest.mark.parametrize(
    ("words", "is_right"),
    [
        ("(N, 2) twice, (N, 3)", True),
        ("(N, 2), (N, 3)", False),
        ("(N, 2), (N, 3) twice", False),
        ("(N, 3), (N, 2) twice", False),
        ("(N, 2) twice", False),
        ("(N, 2) or (N, 3)", True),
        ("(N, 2) twice, (N, 3); (N, 4)", False),
    ],
)
def test_a_list_is_compared_in_order_with_counts(words, is_right):
    (comment, *_) = read_comments(FILES[0])
    comment.seen = [[((None, side), {}) for side in (2, 2, 3)]]
    assert (find_fault(comment, read_lists(words)) is None) == is_right


def test_arithmetic_in_a_comment_is_right_and_ends_in_its_shape():
    comments = list(itertools.chain.from_iterable(map(read_comments, FILES)))
    found = [(c, *match) for c in comments for match in ARITHMETIC.findall(c.words)]
    assert len(found) >= 20
    for comment, sum_, result in found:
        assert eval(sum_) == int(result), comment.place
        assert result in re.findall(r"\d+", STATED.search(comment.words)[1]), comment.place


def test_no_comment_has_a_shape_in_another_form():
    words = [
        f"{path.name}: {token.string}"
        for path in FILES
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
        if token.type == tokenize.COMMENT
    ]
    assert len(words) > 400
    assert [text for text in words if OTHER_FORMS.search(text)] == []
    assert OTHER_FORMS.search("# [B, 197, 768]") and OTHER_FORMS.search("(None, 7)")


def test_comments_are_found_with_their_statements():
    comments = {path.name: list(read_comments(path)) for path in FILES}
    assert len(comments["inception_v3_modules.py"]) == 107
    assert sum(map(len, comments.values())) > 300
    assert all(c.statement.lineno for c in itertools.chain.from_iterable(comments.values()))
