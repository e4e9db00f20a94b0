"""The trained nets of the book: what docs/weights has of them, and what they compute of a picture.

``scripts/docs/train_book_nets.py`` trains them on synthetic data and writes the files, as float16.
Of a net of a document a file has the first layers alone: they were trained with a mean over the
map and a dense layer on them, so that the file is small and the training takes minutes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.data.synthetic.digits import draw_digit
from legacy_nets.data.synthetic.hands import draw_hand
from legacy_nets.nets.build import build_by_name
from legacy_nets.nets.vit_sizes import vit
from legacy_nets.types import Array, IsTraining, NetOutputs, Session, Tensor

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"


@dataclasses.dataclass(frozen=True)
class TrainedNet:
    """A net of the book.

    Args:
      build: (images, is_training) -> (logits, end points).
      picture: uint8 [H, W, C], not among those it was trained on.
      end_points: maps to draw, of which the file has all weights; () for the complete net.
    """

    build: Callable[[Tensor, IsTraining], NetOutputs]
    picture: Array
    end_points: tuple[str, ...]

    @property
    def pixels(self) -> Array:
        """What the net takes: float32 [1, H, W, C] from 0 to 1."""
        return self.picture[None].astype(np.float32) / 255


def build_vit_of_digits(images: Tensor, is_training: IsTraining) -> NetOutputs:
    """Builds a Vision Transformer of 0.16 million parameters: 14x14 patches of 2x2 pixels."""
    size = {"patch_size": 2, "embed_dim": 64, "depth": 3, "num_heads": 4}
    return vit(images, 10, is_training, scope="vit", has_logits=False, **size)


def _build_by_name(name: str) -> Callable[[Tensor, IsTraining], NetOutputs]:
    return lambda images, is_training: build_by_name(name, images, is_training=is_training)


def _draw_digit(digit: int) -> Array:
    return draw_digit(digit, np.random.default_rng([7, digit]))[..., None]


NETS = {
    "hand_signs": TrainedNet(
        _build_by_name("hand_signs"),
        draw_hand(3, np.random.default_rng(7)),
        ("conv1", "pool1", "res2a"),
    ),
    "cnn_lstm_resnet": TrainedNet(
        _build_by_name("cnn_lstm_resnet"),
        _draw_digit(4),
        ("conv1", "residual1", "pool1", "conv3"),
    ),
    "vit_of_digits": TrainedNet(build_vit_of_digits, _draw_digit(5), ()),
}


def compute(name: str, choose: Callable[[NetOutputs], dict[str, Tensor]]) -> dict[str, Array]:
    """Computes tensors of a trained net, of its picture.

    Args:
      name: a key of ``NETS``.
      choose: what ``build`` returns -> name -> tensor.
    """
    net = NETS[name]
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, *net.picture.shape])
        chosen = choose(net.build(images, False))
        load_weights(name, session)
        values = session.run(list(chosen.values()), {images: net.pixels})
    return dict(zip(chosen, values, strict=True))


def load_weights(name: str, session: Session) -> None:
    """Loads the file of a net into the variables of the session's graph that it has."""
    with np.load(WEIGHTS / f"{name}.npz") as weights:
        for variable in tf.global_variables():
            if variable.op.name in weights:
                variable.load(weights[variable.op.name].astype(np.float32), session)


def find_kernel() -> Tensor:
    """Finds the first kernel [height, width, inputs, outputs] of the default graph."""
    return next(variable for variable in tf.global_variables() if variable.shape.rank == 4)
