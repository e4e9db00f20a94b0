"""The visible results of a run: CSV log, TensorBoard events, curves, picture grids."""

from __future__ import annotations

import csv
import io
import pathlib

import numpy as np
from matplotlib.figure import Figure

from legacy_nets import tf1 as tf
from legacy_nets.data.preprocessing import convert_channels
from legacy_nets.files import replace_on_success
from legacy_nets.types import Array, Graph

LOSSES, ACCURACIES = ("loss", "test_loss"), ("train_accuracy", "test_accuracy")
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
            writer.writerows(rows)
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


def draw_curve(rows: list[dict[str, float]], title: str, path: pathlib.Path) -> None:
    """Draws loss and accuracies over the steps into a PNG file."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    for axes, columns in ((loss, LOSSES), (accuracy, ACCURACIES)):
        for column in columns:
            points = [(row["step"], row[column]) for row in rows if column in row]
            if points:
                axes.plot(*zip(*points, strict=True), label=column.replace("_", " "), marker=".")
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    loss.set_yscale("log")
    accuracy.set_ylim(0, 1.02)
    figure.suptitle(title)
    with replace_on_success(path) as unfinished:
        figure.savefig(unfinished, dpi=120)


def draw_grid(pictures: Array, captions: list[str], columns: int = 8) -> bytes:
    """Draws pictures with a caption each (red where it begins with "not"): PNG bytes.

    Takes [N, H, W, C], grey or RGB; of clips [N, T, H, W, C] it draws the first, middle and last
    frame.
    """
    width = 1.3 * columns
    if pictures.ndim == 5:
        frames = pictures.shape[1]
        pictures = np.concatenate([pictures[:, t] for t in (0, frames // 2, frames - 1)], axis=2)
        columns = max(1, columns // 3)
    rows = max(1, -(-len(captions) // columns))
    figure = Figure(figsize=(width, 1.5 * rows), layout="constrained")
    cells = list(figure.subplots(rows, columns, squeeze=False).flat)
    for cell in cells:
        cell.axis("off")
    for cell, picture, caption in zip(cells, pictures, captions, strict=False):
        cell.imshow(convert_channels(np.asarray(picture, np.uint8), 3))
        cell.set_title(caption, fontsize=8, color="red" if caption.startswith("not") else "black")
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100)
    return png.getvalue()


def format_caption(true: int, predicted: int, probability: float, names: tuple[str, ...]) -> str:
    """Formats the caption of a picture in a grid: "b (93%)", or "not a (50%)" and "but b"."""
    if true == predicted:
        return f"{names[true]} ({probability:.0%})"
    return f"not {names[predicted]} ({probability:.0%})\nbut {names[true]}"


def draw_confusion(counts: Array, names: tuple[str, ...], path: pathlib.Path) -> None:
    """Draws the confusion matrix int64 [classes, classes] (rows: true class) into a PNG file."""
    side = 2.5 + 0.45 * len(names)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if count > counts.max() / 2 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=color)
    with replace_on_success(path) as unfinished:
        figure.savefig(unfinished, dpi=120)


def save_png(png: bytes, path: pathlib.Path) -> None:
    """Writes PNG bytes to a file, completely or not at all."""
    with replace_on_success(path) as unfinished:
        unfinished.write_bytes(png)
