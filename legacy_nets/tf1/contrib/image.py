"""``tf.contrib.image``: projective transforms, warping, matching.

A transform is eight numbers (a0, a1, a2, b0, b1, b2, c0, c1): the output point (x, y) takes its
value from ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k) with k = c0 x + c1 y + 1.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import refused
from legacy_nets.types import ShapeLike, Tensor, TensorLike

__all__ = [
    "angles_to_projective_transforms",
    "bipartite_match",
    "compose_transforms",
    "dense_image_warp",
    "flat_transforms_to_matrices",
    "matrices_to_flat_transforms",
    "rotate",
    "transform",
    "translate",
    "translations_to_projective_transforms",
]


def __getattr__(name: str) -> Any:
    raise refused.make_error("image", name)


def rotate(
    images: TensorLike, angles: TensorLike, interpolation: str = "NEAREST", name: str | None = None
) -> Tensor:
    """Images [N, H, W, C], [H, W, C] or [H, W] turned by radians, one or N."""
    with tf.name_scope(name, "rotate"):
        images = tf.convert_to_tensor(images)
        batch = _add_missing_axes(images)
        height, width = (tf.cast(tf.shape(batch)[axis], tf.float32) for axis in (1, 2))
        transforms = angles_to_projective_transforms(angles, height, width)
        return transform(images, transforms, interpolation)


def translate(
    images: TensorLike,
    translations: TensorLike,
    interpolation: str = "NEAREST",
    name: str | None = None,
) -> Tensor:
    """Images moved by (dx, dy), one pair or [N, 2]."""
    with tf.name_scope(name, "translate"):
        return transform(images, translations_to_projective_transforms(translations), interpolation)


def angles_to_projective_transforms(
    angles: TensorLike, image_height: TensorLike, image_width: TensorLike, name: str | None = None
) -> Tensor:
    """Transforms [N, 8] that turn about the centre, from radians."""
    with tf.name_scope(name, "angles_to_projective_transforms"):
        angles = tf.reshape(tf.convert_to_tensor(angles, tf.float32), [-1])
        cos, sin = tf.cos(angles), tf.sin(angles)
        right = tf.cast(image_width, tf.float32) - 1
        bottom = tf.cast(image_height, tf.float32) - 1
        x = (right - (cos * right - sin * bottom)) / 2
        y = (bottom - (sin * right + cos * bottom)) / 2
        zero = tf.zeros_like(angles)
        return tf.stack([cos, -sin, x, sin, cos, y, zero, zero], 1)


def translations_to_projective_transforms(
    translations: TensorLike, name: str | None = None
) -> Tensor:
    """Transforms [N, 8] that move by (dx, dy)."""
    with tf.name_scope(name, "translations_to_projective_transforms"):
        moves = tf.reshape(tf.convert_to_tensor(translations, tf.float32), [-1, 2])
        one, zero = tf.ones_like(moves[:, 0]), tf.zeros_like(moves[:, 0])
        return tf.stack([one, zero, -moves[:, 0], zero, one, -moves[:, 1], zero, zero], 1)


def _add_missing_axes(images: TensorLike) -> Tensor:
    rank = images.shape.rank
    if rank not in (2, 3, 4):
        raise TypeError(f"Images should have rank between 2 and 4, got {images.shape}.")
    return images[None, :, :, None] if rank == 2 else images[None] if rank == 3 else images


def transform(
    images: TensorLike,
    transforms: TensorLike,
    interpolation: str = "NEAREST",
    output_shape: ShapeLike | None = None,
    name: str | None = None,
) -> Tensor:
    """Images [N, H, W, C], [H, W, C] or [H, W] under transforms [8] or [N, 8].

    ``interpolation`` is "NEAREST" or "BILINEAR"; points from outside are 0.
    """
    with tf.name_scope(name, "transform"):
        images = tf.convert_to_tensor(images)
        transforms = tf.convert_to_tensor(transforms, tf.float32)
        if transforms.shape.rank not in (1, 2):
            raise TypeError(f"Transforms should have rank 1 or 2, got {transforms.shape}")
        if transforms.shape.rank == 1:
            transforms = transforms[None]
        batch = _add_missing_axes(images)
        size = tf.shape(batch)[1:3] if output_shape is None else output_shape
        result = tf.raw_ops.ImageProjectiveTransformV3(
            images=batch,
            transforms=transforms,
            output_shape=tf.cast(size, tf.int32),
            fill_value=0.0,
            interpolation=interpolation.upper(),
        )
        height, width = (
            (None, None)
            if (known := tf.get_static_value(size)) is None
            else (int(s) for s in known)
        )
        if output_shape is None:
            height, width = batch.shape.as_list()[1:3]
        result.set_shape([batch.shape.as_list()[0], height, width, batch.shape.as_list()[3]])
        if images.shape.rank == 2:
            return result[0, :, :, 0]
        return result[0] if images.shape.rank == 3 else result


def flat_transforms_to_matrices(transforms: TensorLike) -> Tensor:
    """[N, 8] (or [8]) to matrices [N, 3, 3]."""
    flat = tf.reshape(tf.convert_to_tensor(transforms, tf.float32), [-1, 8])
    return tf.reshape(tf.concat([flat, tf.ones_like(flat[:, :1])], 1), [-1, 3, 3])


def matrices_to_flat_transforms(transform_matrices: TensorLike) -> Tensor:
    """[N, 3, 3] to [N, 8]."""
    flat = tf.reshape(transform_matrices, [-1, 9])
    return flat[:, :8] / flat[:, 8:]


def compose_transforms(*transforms: TensorLike) -> Tensor:
    """One transform [N, 8] that applies all, in the order they are given."""
    if not transforms:
        raise ValueError("transforms cannot be empty")
    composed, *rest = [flat_transforms_to_matrices(transform) for transform in transforms]
    for matrix in rest:
        composed = tf.matmul(composed, matrix)
    return matrices_to_flat_transforms(composed)


def dense_image_warp(image: TensorLike, flow: TensorLike, name: str = "dense_image_warp") -> Tensor:
    """Pixels [N, H, W, C] from (row, column) minus flow [N, H, W, 2], bilinear, edges repeated."""
    with tf.name_scope(name):
        image, flow = tf.convert_to_tensor(image), tf.convert_to_tensor(flow)
        shape = tf.shape(image)
        columns, rows = tf.meshgrid(tf.range(shape[2]), tf.range(shape[1]))
        grid = tf.cast(tf.stack([rows, columns], 2), flow.dtype)
        points = grid[None] - flow
        last = tf.cast(shape[1:3], flow.dtype)
        low = tf.minimum(tf.maximum(tf.floor(points), 0.0), last - 2)
        share = tf.clip_by_value(points - low, 0.0, 1.0)
        corner = tf.cast(low, tf.int32)

        def at(down: int, right: int) -> Tensor:
            return tf.gather_nd(image, corner + [down, right], batch_dims=1)

        y, x = tf.split(tf.cast(share, image.dtype), 2, 3)
        top = at(0, 0) + x * (at(0, 1) - at(0, 0))
        bottom = at(1, 0) + x * (at(1, 1) - at(1, 0))
        return top + y * (bottom - top)


def bipartite_match(
    distance_mat: TensorLike,
    num_valid_rows: TensorLike,
    top_k: int = -1,
    name: str = "bipartite_match",
) -> tuple[Tensor, Tensor]:
    """Greedy matching by the smallest distance [rows, columns], among the first valid rows.

    Returns (the column of each row, the row of each column), int32, -1 where there is none.
    """
    with tf.name_scope(name):
        distances = tf.convert_to_tensor(distance_mat, tf.float32)
        rows, columns = tf.shape(distances)[0], tf.shape(distances)[1]
        valid = tf.range(rows) < tf.cast(tf.reshape(num_valid_rows, []), tf.int32)
        far = tf.fill([rows, columns], float("inf"))
        distances = tf.where(tf.broadcast_to(valid[:, None], [rows, columns]), distances, far)
        count = tf.minimum(tf.reduce_sum(tf.cast(valid, tf.int32)), columns)
        if top_k > 0:
            count = tf.minimum(count, top_k)

        def match(
            i: TensorLike, left: TensorLike, row_match: TensorLike, column_match: TensorLike
        ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
            index = tf.argmin(tf.reshape(left, [-1]), output_type=tf.int32)
            row, column = index // columns, index % columns
            is_row, is_column = tf.equal(tf.range(rows), row), tf.equal(tf.range(columns), column)
            taken = tf.logical_or(is_row[:, None], is_column[None])
            return (
                i + 1,
                tf.where(taken, far, left),
                tf.where(is_row, tf.fill([rows], column), row_match),
                tf.where(is_column, tf.fill([columns], row), column_match),
            )

        first = (0, distances, -tf.ones([rows], tf.int32), -tf.ones([columns], tf.int32))
        matches = tf.while_loop(lambda i, *_: i < count, match, first, back_prop=False)
        return matches[2], matches[3]
