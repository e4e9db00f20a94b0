"""Numbers of training steps and of evaluations."""

from __future__ import annotations

import numpy as np

from legacy_nets.types import Array


class Meter:
    """Means over the steps since the last row of the log."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.accuracies: list[float] = []
        self.images = 0
        self.seconds = 0.0

    def add(self, loss: float, accuracy: float, images: int, seconds: float) -> None:
        """Adds one step."""
        self.losses.append(loss)
        self.accuracies.append(accuracy)
        self.images += images
        self.seconds += seconds

    def make_row(self) -> dict[str, float]:
        """Makes a row of the log."""
        return {
            "loss": float(np.mean(self.losses)),
            "train_accuracy": float(np.mean(self.accuracies)),
            "images_per_second": self.images / self.seconds,
        }


def compute_loss_and_accuracy(probabilities: Array, labels: Array) -> tuple[float, float]:
    """Computes cross entropy and accuracy of probabilities [N, classes]; labels int64 [N]."""
    of_true_class = probabilities[np.arange(len(labels)), labels]
    accuracy = float((probabilities.argmax(1) == labels).mean())
    return float(-np.log(np.maximum(of_true_class, 1e-12)).mean()), accuracy
