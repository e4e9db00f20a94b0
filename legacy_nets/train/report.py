"""The visible results of a run: CSV log, TensorBoard events, curves, picture grids."""

from __future__ import annotations

import csv
import dataclasses
import io
import pathlib
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter
from rich.cells import cell_len

from legacy_nets import tf1 as tf
from legacy_nets.data.preprocessing import convert_channels
from legacy_nets.drawing import Labels, save_figure
from legacy_nets.files import replace_on_success
from legacy_nets.language import mark
from legacy_nets.language import translate as _
from legacy_nets.types import Array, Graph

LOSSES, ACCURACIES = ("loss", "test_loss"), ("train_accuracy", "test_accuracy")
CELL_WIDTH = 1.7  # inches of a picture in a grid: its caption needs them
MAX_CELLS = 40  # classes in a confusion matrix with numbers
CURVE_LABELS = {
    "loss": mark("loss"),
    "test_loss": mark("test loss"),
    "train_accuracy": mark("train accuracy"),
    "test_accuracy": mark("test accuracy"),
}
COLUMNS = ("step", "loss", *ACCURACIES, "images_per_second", "test_loss")


class Log:
    """Writes rows of numbers to ``log.csv`` and to TensorBoard events.

    Removes rows of steps after ``first_step`` from the CSV: a killed run may have left them.
    """

    def __init__(self, folder: pathlib.Path, graph: Graph, first_step: int) -> None:
        self.csv_path = folder / "log.csv"
        rows = [row for row in read_log(self.csv_path) if row["step"] <= first_step]
        with (
            replace_on_success(self.csv_path) as unfinished,
            open(unfinished, "w", newline="") as file,
        ):
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({**row, "step": int(row["step"])} for row in rows)
        self._events = tf.summary.FileWriter(str(folder / "events"), graph)

    def write(self, step: int, **numbers: float) -> None:
        """Adds one row; columns without a number stay empty."""
        with open(self.csv_path, "a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow({"step": step, **numbers})
        values = [tf.Summary.Value(tag=tag, simple_value=value) for tag, value in numbers.items()]
        self._events.add_summary(tf.Summary(value=values), step)
        self._events.flush()

    def write_picture(self, step: int, tag: str, png: bytes) -> None:
        """Adds a PNG to the events."""
        image = tf.Summary.Image(encoded_image_string=png)
        self._events.add_summary(tf.Summary(value=[tf.Summary.Value(tag=tag, image=image)]), step)

    def close(self) -> None:
        """Closes the events file."""
        self._events.close()


def read_log(path: pathlib.Path) -> list[dict[str, float]]:
    """Reads the rows of ``log.csv``, without empty cells and without a half-written last row."""
    if not path.exists():
        return []
    rows = []
    with open(path, newline="") as file:
        for cells in csv.DictReader(file):
            try:
                row = {name: float(cell) for name, cell in cells.items() if cell}
            except (TypeError, ValueError):
                continue
            if None not in cells.values() and "step" in row:
                rows.append(row)
    return rows


def draw_curve(rows: list[dict[str, float]], title: Labels, path: pathlib.Path) -> None:
    """Draws loss and accuracies over the steps into a PNG file, under a title."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    for axes, columns in ((loss, LOSSES), (accuracy, ACCURACIES)):
        for column in columns:
            points = [(row["step"], row[column]) for row in rows if column in row]
            if points:
                axes.plot(*zip(*points, strict=True), label=_(CURVE_LABELS[column]), marker=".")
        axes.set_xlabel(_("training step"))
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    loss.set_yscale("log")
    lowest, highest = loss.get_ylim()
    loss.yaxis.set_major_formatter("{x:g}")  # 1.4, not 1.4 x 10^0
    loss.yaxis.set_minor_formatter("{x:g}" if highest < 10 * lowest else NullFormatter())
    accuracy.set_ylim(0, 1.02)
    figure.suptitle(title.texts[0], **title.style)
    save_figure(figure, path, dpi=120)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a net makes of one picture: numbers of the classes."""

    true: int
    predicted: int
    probability: float

    def format(self, names: Sequence[str]) -> str:
        """Formats the caption in a grid: "b (93%)", or "not a (50%)" and "but b"."""
        if self.true == self.predicted:
            return f"{names[self.true]} ({self.probability:.0%})"
        return _("not {predicted} ({share:.0%})\nbut {true}").format(
            predicted=names[self.predicted], share=self.probability, true=names[self.true]
        )


def collect_predictions(labels: Array, probabilities: Array) -> list[Prediction]:
    """Collects the predictions of pictures with labels int [N] and probabilities [N, classes]."""
    return [
        Prediction(int(label), int(row.argmax()), float(row.max()))
        for label, row in zip(labels, probabilities, strict=True)
    ]


def draw_grid(
    pictures: Array, predictions: Sequence[Prediction], labels: Labels, columns: int = 8
) -> bytes:
    """Draws pictures, each under its prediction (red where it is wrong): PNG bytes.

    Takes [N, H, W, C], grey or RGB; of clips [N, T, H, W, C] it draws the first, middle and last
    frame.
    """
    width = CELL_WIDTH * columns
    if pictures.ndim == 5:
        frames = pictures.shape[1]
        pictures = np.concatenate([pictures[:, t] for t in (0, frames // 2, frames - 1)], axis=2)
        columns = max(1, columns // 3)
    rows = max(1, -(-len(predictions) // columns))
    figure = Figure(figsize=(width, 1.8 * rows), layout="constrained")
    cells = list(figure.subplots(rows, columns, squeeze=False).flat)
    for cell in cells:
        cell.axis("off")
    for cell, picture, prediction in zip(cells, pictures, predictions, strict=False):
        cell.imshow(convert_channels(np.asarray(picture, np.uint8), 3))
        color = "black" if prediction.true == prediction.predicted else "red"
        caption = cell.set_title(
            prediction.format(labels.texts), fontsize=7.5, color=color, **labels.style
        )
        excess = caption.get_window_extent().width / (0.96 * figure.bbox.width / columns)
        caption.set_fontsize(7.5 / max(excess, 1))
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100)
    return png.getvalue()


def draw_confusion(counts: Array, labels: Labels, path: pathlib.Path, every: int = 1) -> None:
    """Draws the confusion matrix int64 [classes, classes] (rows: true class) into a PNG file.

    ``every``: so many classes in turn share a row and a column of it.

    Of more than 40 classes, the cells have no numbers, and only as many names as fit are shown.
    """
    classes = len(labels.texts)
    has_numbers = classes <= MAX_CELLS
    side = 0.45 * min(classes, MAX_CELLS)
    step = -(-classes // (4 * MAX_CELLS))
    shown = range(0, classes, step)
    names = [labels.texts[index] for index in shown]
    some = "" if step == 1 else _(" (one name of {every} is shown)").format(every=step)
    size = 10 if has_numbers else 6
    figure = Figure(figsize=(side, side))  # the names and the scale lie around it
    axes = figure.add_axes((0, 0, 1, 1))
    end = every * len(counts) - 0.5  # the middle of a cell of one class is its number
    image = axes.imshow(
        counts,
        cmap="Blues",
        vmin=0,
        vmax=max(int(counts.max()), 1),
        extent=(-0.5, end, end, -0.5),
    )
    axes.set_xlabel(_("predicted class") + some)
    axes.set_ylabel(_("true class") + some)
    is_narrow = all(cell_len(name) <= 4 for name in names)
    turn = 0 if is_narrow and has_numbers else 90
    axes.set_xticks(shown, names, rotation=turn, fontsize=size, **labels.style)
    axes.set_yticks(shown, names, fontsize=size, **labels.style)
    if has_numbers:
        _write_counts(axes, counts)
    scale = figure.add_axes((1 + 0.2 / side, 0, 0.2 / side, 1))
    figure.colorbar(image, cax=scale, label=_("count"), ticks=MaxNLocator(integer=True))
    save_figure(figure, path, dpi=120 if has_numbers else 150, tight=True)


def _write_counts(axes: Axes, counts: Array) -> None:
    """Writes the numbers of a confusion matrix into its cells, as large as fits."""
    size = min(10, 48 / len(str(counts.max())))
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if count > counts.max() / 2 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=size)


def save_png(png: bytes, path: pathlib.Path) -> None:
    """Writes PNG bytes to a file, completely or not at all."""
    with replace_on_success(path) as unfinished:
        unfinished.write_bytes(png)
