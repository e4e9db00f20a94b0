"""The figures of training and evaluation: what they show, and that nothing in them touches."""

import io
import itertools
import warnings

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from legacy_nets import drawing
from legacy_nets import tf1 as tf
from legacy_nets.drawing import label_classes, label_title, use_fonts
from legacy_nets.language import choose_language
from legacy_nets.train import report
from legacy_nets.train.report import Prediction


@pytest.fixture
def saved(monkeypatch):
    """Collects the figures that are saved."""
    figures = []
    monkeypatch.setattr(report, "save_figure", lambda figure, *_, **__: figures.append(figure))
    return figures


def draw_pixels(pictures, predictions, names):
    png = report.draw_grid(pictures, predictions, label_classes(names))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def find_red(pixels):
    return (pixels[..., 0] > 200) & (pixels[..., 1:] < 100).all(-1)


def test_grid_draws_every_picture():
    right = [Prediction(0, 0, 1.0)] * 3
    dark = [
        (draw_pixels(np.full((3, 8, 8, 3), value, np.uint8), right, [" a "]) < 64).mean()
        for value in (255, 0)
    ]
    assert dark[0] < 0.01 and dark[1] > 0.15


@pytest.mark.parametrize("names", [("notebook", "not a cat"), ("a", "b")])
def test_only_wrong_predictions_are_red(names):
    """A name that begins with "not" was taken for a mistake."""
    pictures = np.full((2, 8, 8, 3), 255, np.uint8)
    right = [Prediction(0, 0, 0.5), Prediction(1, 1, 0.9)]
    assert not find_red(draw_pixels(pictures, right, names)).any()
    assert find_red(draw_pixels(pictures, [right[0], Prediction(0, 1, 0.5)], names)).any()


def test_captions():
    assert Prediction(1, 1, 0.934).format(("a", "b")) == "b (93%)"
    assert Prediction(1, 0, 0.5).format(("a", "b")) == "not a (50%)\nbut b"


def test_predictions_of_a_batch():
    found = report.collect_predictions(np.array([1, 0]), np.array([[0.25, 0.75], [0.5, 0.5]]))
    assert found == [Prediction(1, 1, 0.75), Prediction(0, 0, 0.5)]


def list_overlaps(texts):
    """Lists the pairs of texts whose boxes share area."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    return [
        (a, b)
        for (a, first), (b, second) in itertools.pairwise(boxes)
        if min(first.x1, second.x1) - max(first.x0, second.x0) > 0
        and min(first.y1, second.y1) - max(first.y0, second.y0) > 0
    ]


@pytest.mark.parametrize("letter", ["l", "W"])
def test_captions_do_not_touch(monkeypatch, letter):
    figures = []

    def make_figure(**options):
        figures.append(Figure(**options))
        return figures[-1]

    monkeypatch.setattr(report, "Figure", make_figure)
    names = (letter * 17, letter * 18)
    pictures = np.zeros((10, 8, 24, 3), np.uint8)
    draw_pixels(pictures, [Prediction(0, 1, 1.0)] * 10, names)
    titles = [axes.title for axes in figures[0].axes[:10]]
    assert [title.get_text() for title in titles] == [f"not {names[1]} (100%)\nbut {names[0]}"] * 10
    assert list_overlaps(titles) == []


MATRICES = {  # names -> number of names shown, of numbers in cells
    "short": (["a", "b", "c"], 3, 9),
    "long": ([f"a long name {n}" for n in range(12)], 12, 144),
    "mathematics": (["$x_1$", "$", "_a", "a^b"], 4, 16),
    "one": (["alone"], 1, 1),
    "with numbers": ([f"name of class {n}" for n in range(20)], 20, 400),
    "without numbers": ([f"name of class {n}" for n in range(41)], 41, 0),
    "some names": ([f"name of class {n}" for n in range(350)], 117, 0),
}


@pytest.mark.parametrize("case", list(MATRICES))
def test_confusion_shows_names_that_do_not_touch_and_its_scale(saved, tmp_path, case):
    names, shown, numbers = MATRICES[case]
    labels = label_classes(names)
    counts = np.eye(len(names), dtype=np.int64) * 12345
    report.draw_confusion(counts, labels, tmp_path / "confusion.png")
    [figure] = saved
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        canvas.draw()
    matrix, scale = figure.axes
    step = -(-len(names) // 160)
    for axis in (matrix.xaxis, matrix.yaxis):
        ticks = axis.get_ticklabels()
        assert [tick.get_text() for tick in ticks] == list(labels.texts[::step])
        assert len(ticks) == shown and list_overlaps(ticks) == []
    assert len(matrix.texts) == numbers and list_overlaps(matrix.texts) == []
    assert scale.get_ylabel() == "count" and scale.get_ylim() == (0, 12345)
    assert max(figure.get_size_inches()) <= 18


def test_confusion_whose_cells_are_several_classes(saved, tmp_path):
    """Its scale counts the classes nevertheless."""
    labels = label_classes([str(number) for number in range(1000)])
    report.draw_confusion(np.eye(334, dtype=np.int64), labels, tmp_path / "confusion.png", 3)
    matrix, _ = saved[0].axes
    [image] = matrix.images
    assert list(image.get_extent()) == [-0.5, 1001.5, 1001.5, -0.5]
    assert [tick.get_text() for tick in matrix.get_xticklabels()] == [*map(str, range(0, 1000, 7))]
    assert list(matrix.get_yticks()) == [*range(0, 1000, 7)]


def test_confusion_of_nothing_is_drawn(saved, tmp_path):
    counts = np.zeros((2, 2), np.int64)
    report.draw_confusion(counts, label_classes("ab"), tmp_path / "confusion.png")
    assert saved[0].axes[1].get_ylim() == (0, 1)
    assert list(saved[0].axes[1].get_yticks()) == [0, 1]  # no part of a picture


def test_the_curve_has_its_title_as_it_is(tmp_path, saved):
    rows = [{"step": 1.0, "loss": 2.0, "train_accuracy": 0.5}]
    report.draw_curve(rows, label_title("tiny on $a_b$ and $c"), tmp_path / "curve.png")
    [figure] = saved
    assert figure.get_suptitle() == "tiny on $a_b$ and $c"
    assert figure._suptitle.get_parse_math() is False
    assert [axes.get_legend().texts[0].get_text() for axes in figure.axes] == [
        "loss",
        "train accuracy",
    ]


@pytest.mark.parametrize(
    ("losses", "labels"),
    [
        ((2.6, 1.3), {"1.4", "1.6", "1.8", "2", "2.2", "2.4", "2.6"}),
        ((3.0, 0.02), {"0.1", "1"}),
        ((0.05, 0.0002), {"0.001", "0.01"}),
    ],
)
def test_the_curve_has_plain_numbers_of_the_loss(tmp_path, saved, losses, labels):
    rows = [{"step": float(step), "loss": loss} for step, loss in enumerate(losses)]
    report.draw_curve(rows, label_title("tiny"), tmp_path / "curve.png")
    axes = saved[0].axes[0]
    FigureCanvasAgg(saved[0]).draw()
    low, high = axes.get_ylim()
    texts = axes.get_yticklabels() + axes.get_yticklabels(minor=True)
    shown = {text.get_text() for text in texts if low <= text.get_position()[1] <= high}
    assert shown - {""} == labels


CHINESE = {
    "训练步数",
    "损失",
    "测试损失",
    "训练准确率",
    "测试准确率",
    "预测类别（每 2 个名称显示一个）",
    "真实类别（每 2 个名称显示一个）",
    "数量",
}


def draw_in_chinese(tmp_path, saved):
    """Draws a curve, a large confusion matrix and a caption; returns their texts."""
    row = {"step": 1.0, "loss": 2.0, "test_loss": 2.0, "train_accuracy": 1.0, "test_accuracy": 1.0}
    labels = label_classes([str(number) for number in range(161)])
    with use_fonts():
        report.draw_curve([row], label_title("tiny"), tmp_path / "curve.png")
        report.draw_confusion(np.eye(161, dtype=np.int64), labels, tmp_path / "confusion.png")
        caption = Prediction(0, 1, 0.5).format("ab")
    texts = {text.get_text() for figure in saved for text in figure.findobj(Text)}
    return {text for text in texts if any(map(str.isalpha, text)) and text != "tiny"} | {caption}


@pytest.fixture
def chinese():
    choose_language("zh")
    yield
    choose_language("en")


@pytest.mark.usefixtures("chinese")
def test_the_words_of_figures_are_in_the_chosen_language(tmp_path, saved, monkeypatch):
    monkeypatch.setattr(drawing, "_LETTERS", {})  # a font is there
    texts = draw_in_chinese(tmp_path, saved)
    assert texts == CHINESE | {"不是 b（50%）\n而是 a"}


@pytest.mark.usefixtures("chinese")
def test_the_fonts_are_chosen_by_the_words_of_figures():
    letters = set("".join(CHINESE) + "不是而") - set("（）2 ")
    assert letters - set(drawing._LETTERS["zh"]) == set()


@pytest.mark.usefixtures("chinese")
def test_the_words_of_figures_are_english_where_no_font_has_them(tmp_path, saved, monkeypatch):
    monkeypatch.setattr(drawing, "_LETTERS", {"zh": "\U000f0000"})  # of private use: in no font
    texts = draw_in_chinese(tmp_path, saved)
    assert {"training step", "test accuracy", "not b (50%)\nbut a"} < texts
    assert not any(ord(letter) > 127 for text in texts for letter in text)


def test_a_resumed_run_leaves_the_rows_of_its_log_as_they_were(tmp_path):
    with tf.Graph().as_default() as graph:
        log = report.Log(tmp_path, graph, 0)
        log.write(10, loss=0.5, train_accuracy=0.25, images_per_second=100.0)
        log.write(20, loss=0.4, train_accuracy=0.5, images_per_second=100.0, test_accuracy=0.75)
        log.close()
        before = log.csv_path.read_text()
        report.Log(tmp_path, graph, 20).close()
        assert log.csv_path.read_text() == before
        report.Log(tmp_path, graph, 15).close()
        assert log.csv_path.read_text() == "".join(before.splitlines(keepends=True)[:2])
