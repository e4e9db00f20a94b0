"""The synthetic hands: shape, balance, determinism, and what can be measured on the pictures."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from legacy_nets.data.synthetic.hands import draw_hand, draw_signs
from legacy_nets.errors import BadInputError

COUNT = 12


@pytest.fixture(scope="module")
def signs() -> tuple[np.ndarray, np.ndarray]:
    return draw_signs(COUNT, seed=7)


def digest(count: int, seed: int) -> str:
    images, labels = draw_signs(count, seed)
    return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()


def skin(images: np.ndarray) -> np.ndarray:
    """Where a pixel is clearly redder than blue, which no wall and no shadow is: bool."""
    images = images.astype(int)
    return images[..., 0] * 10 > images[..., 2] * 13


def test_shapes_dtypes_and_balance(signs: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = signs
    assert images.shape == (6 * COUNT, 64, 64, 3)
    assert images.dtype == np.uint8
    assert labels.shape == (6 * COUNT,)
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [COUNT] * 6


def test_every_six_hold_each_class_once_in_varying_order(
    signs: tuple[np.ndarray, np.ndarray],
) -> None:
    blocks = signs[1].reshape(COUNT, 6)
    assert (np.sort(blocks, axis=1) == np.arange(6)).all()
    assert len({tuple(block) for block in blocks}) > COUNT // 2


def test_same_seed_gives_same_bytes_here_and_in_another_process() -> None:
    code = (
        "import hashlib; from legacy_nets.data.synthetic.hands import draw_signs;"
        "i, l = draw_signs(2, 3); print(hashlib.sha256(i.tobytes() + l.tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert digest(2, 3) == digest(2, 3) == other.stdout.strip()


def test_other_seed_gives_other_pictures_and_order() -> None:
    images, labels = draw_signs(4, 0)
    others, other_labels = draw_signs(4, 1)
    assert (labels != other_labels).any()
    assert (images != others).any(axis=(1, 2, 3)).all()


def test_picture_depends_on_seed_and_index_only(signs: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = signs
    few, few_labels = draw_signs(2, seed=7)
    assert (few == images[:12]).all()
    assert (few_labels == labels[:12]).all()
    rng = np.random.default_rng(np.random.SeedSequence([7, 29]))
    assert (draw_hand(int(labels[29]), rng) == images[29]).all()


def test_no_two_pictures_are_equal(signs: tuple[np.ndarray, np.ndarray]) -> None:
    assert len({image.tobytes() for image in signs[0]}) == 6 * COUNT


@pytest.mark.parametrize("size", [16, 50, 96])
def test_other_sizes(size: int) -> None:
    images, _ = draw_signs(1, 0, size)
    assert images.shape == (6, size, size, 3)
    assert (np.abs(skin(images).mean((1, 2)) - 0.22) < 0.18).all()


def test_hand_covers_a_plausible_part_and_leaves_by_the_border(
    signs: tuple[np.ndarray, np.ndarray],
) -> None:
    hand = skin(signs[0])
    area = hand.mean((1, 2))
    assert area.min() > 0.06
    assert area.max() < 0.5
    border = hand[:, -2:].any((1, 2)) | hand[:, :, 0].any(1) | hand[:, :, -1].any(1)
    assert border.all()  # the forearm; the fingers end inside
    assert hand[:, 0].mean() < 0.01


def test_more_fingers_more_skin_and_more_edges(signs: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = signs
    hand = skin(images)
    area = np.array([hand[labels == fingers].mean() for fingers in range(6)])
    assert area[5] > area[1] * 1.1
    assert area[5] > area[0] * 1.1
    # Outlines crossed by a row of the picture: each finger apart from the others adds two.
    crossings = (hand[:, :, 1:] != hand[:, :, :-1]).sum(2).max(1)
    mean = np.array([crossings[labels == fingers].mean() for fingers in range(6)])
    assert mean[4:].min() > mean[:4].max() + 2  # 4 and 5 show a row of fingers side by side


def test_wall_is_light_and_skin_tones_differ(signs: tuple[np.ndarray, np.ndarray]) -> None:
    images = signs[0].astype(float)
    hand = skin(signs[0])
    wall = np.array([image[~mask].mean() for image, mask in zip(images, hand, strict=True)])
    tones = np.array([image[mask].mean() for image, mask in zip(images, hand, strict=True)])
    assert wall.min() > 160.0
    assert (wall - tones > 15.0).all()
    assert tones.std() > 10.0


@pytest.mark.parametrize(("fingers", "size"), [(6, 64), (-1, 64), (2, 15)])
def test_draw_hand_refuses_what_it_cannot_draw(fingers: int, size: int) -> None:
    with pytest.raises(BadInputError, match=f"fingers={fingers}, size={size}; ask for"):
        draw_hand(fingers, np.random.default_rng(0), size)


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (1, -1)])
def test_draw_signs_refuses_bad_numbers(count: int, seed: int) -> None:
    with pytest.raises(BadInputError, match=f"count_per_class={count}, seed={seed}; ask for"):
        draw_signs(count, seed)
