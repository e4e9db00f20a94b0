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
        height, width = (tf.cast(tf.shape(batch)[axis], tf.float32)[None] for axis in (1, 2))
        transforms = angles_to_projective_transforms(angles, height, width)
        return _drop_added_axes(transform(batch, transforms, interpolation), images)


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
        angles = tf.convert_to_tensor(angles, tf.float32, name="angles")
        if angles.shape.rank not in (0, 1):
            raise TypeError("Angles should have rank 0 or 1.")
        if angles.shape.rank == 0:
            angles = angles[None]
        x = (
            (image_width - 1)
            - (tf.cos(angles) * (image_width - 1) - tf.sin(angles) * (image_height - 1))
        ) / 2.0
        y = (
            (image_height - 1)
            - (tf.sin(angles) * (image_width - 1) + tf.cos(angles) * (image_height - 1))
        ) / 2.0
        count = tf.shape(angles)[0]
        columns = [tf.cos(angles)[:, None], -tf.sin(angles)[:, None], x[:, None],
                   tf.sin(angles)[:, None], tf.cos(angles)[:, None], y[:, None]]  # fmt: skip
        return tf.concat([*columns, tf.zeros((count, 2), tf.float32)], 1)


def translations_to_projective_transforms(
    translations: TensorLike, name: str | None = None
) -> Tensor:
    """Transforms [N, 8] that move by (dx, dy)."""
    with tf.name_scope(name, "translations_to_projective_transforms"):
        moves = tf.convert_to_tensor(translations, tf.float32, name="translations")
        if moves.shape.rank not in (1, 2):
            raise TypeError("Translations should have rank 1 or 2.")
        if moves.shape.rank == 1:
            moves = moves[None]
        count = tf.shape(moves)[0]
        columns = [
            tf.ones((count, 1), tf.float32), tf.zeros((count, 1), tf.float32), -moves[:, 0, None],
            tf.zeros((count, 1), tf.float32), tf.ones((count, 1), tf.float32), -moves[:, 1, None],
        ]  # fmt: skip
        return tf.concat([*columns, tf.zeros((count, 2), tf.float32)], 1)


def _add_missing_axes(images: TensorLike) -> Tensor:
    rank = images.shape.rank
    if rank not in (2, 3, 4):
        raise TypeError(f"Images should have rank between 2 and 4, got {images.shape}.")
    if rank == 4:
        return images
    return images[None, :, :, None] if rank == 2 else images[None, :, :, :]


def _drop_added_axes(result: TensorLike, images: TensorLike) -> Tensor:
    """The result for the images as they were given."""
    if images.shape.rank == 4:
        return result
    return result[0, :, :, 0] if images.shape.rank == 2 else result[0, :, :, :]


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
        images = tf.convert_to_tensor(images, name="images")
        transforms = tf.convert_to_tensor(transforms, tf.float32, name="transforms")
        batch = _add_missing_axes(images)
        sizes = [None, None] if output_shape is not None else batch.shape.as_list()[1:3]
        if output_shape is None:
            output_shape = tf.shape(batch)[1:3]
            known = tf.get_static_value(output_shape)
            output_shape = output_shape if known is None else known
        output_shape = tf.convert_to_tensor(output_shape, tf.int32, name="output_shape")
        if not output_shape.shape.is_compatible_with([2]):
            raise ValueError(
                "output_shape must be a 1-D Tensor of 2 elements: new_height, new_width"
            )
        if transforms.shape.rank not in (1, 2):
            raise TypeError(f"Transforms should have rank 1 or 2, got {transforms.shape}")
        if transforms.shape.rank == 1:
            transforms = transforms[None]
        result = tf.raw_ops.ImageProjectiveTransformV2(
            images=batch,
            transforms=transforms,
            output_shape=output_shape,
            interpolation=interpolation.upper(),
        )
        known = tf.get_static_value(output_shape)
        if known is not None:
            sizes = [int(size) for size in known]
        result.set_shape([batch.shape.as_list()[0], *sizes, batch.shape.as_list()[3]])
        return _drop_added_axes(result, images)


def flat_transforms_to_matrices(transforms: TensorLike) -> Tensor:
    """[N, 8] (or [8]) to matrices [N, 3, 3]."""
    with tf.name_scope("flat_transforms_to_matrices"):
        transforms = tf.convert_to_tensor(transforms, name="transforms")
        if transforms.shape.rank not in (1, 2):
            raise ValueError(f"Transforms should be 1D or 2D, got: {transforms}")
        flat = tf.reshape(transforms, tf.constant([-1, 8]))
        count = tf.shape(flat)[0]
        full = tf.concat([flat, tf.ones([count, 1])], axis=1)
        return tf.reshape(full, tf.constant([-1, 3, 3]))


def matrices_to_flat_transforms(transform_matrices: TensorLike) -> Tensor:
    """[N, 3, 3] to [N, 8]."""
    with tf.name_scope("matrices_to_flat_transforms"):
        matrices = tf.convert_to_tensor(transform_matrices, name="transform_matrices")
        if matrices.shape.rank not in (2, 3):
            raise ValueError(f"Matrices should be 2D or 3D, got: {matrices}")
        flat = tf.reshape(matrices, tf.constant([-1, 9]))
        flat /= flat[:, 8:9]
        return flat[:, :8]


def compose_transforms(*transforms: TensorLike) -> Tensor:
    """One transform [N, 8] that applies all, in the order they are given."""
    if not transforms:
        raise ValueError("transforms cannot be empty")
    with tf.name_scope("compose_transforms"):
        composed = flat_transforms_to_matrices(transforms[0])
        for transform in transforms[1:]:
            composed = tf.matmul(composed, flat_transforms_to_matrices(transform))
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
