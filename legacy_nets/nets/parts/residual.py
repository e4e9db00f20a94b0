"""The check of the residual blocks of document 000, which add their input unchanged."""

from __future__ import annotations

import numpy as np

from legacy_nets.errors import BadInputError
from legacy_nets.types import Size, Tensor


def check_residual(inputs: Tensor, filters: int, strides: Size, padding: str, block: str) -> None:
    """Raises BadInputError where a block's result cannot be added to its input [..., C]."""
    if inputs.shape[-1] != filters:  # one channel would be broadcast, without an error: 000-E08
        raise BadInputError(
            f"{block} adds its input ({inputs.shape[-1]} channels) to {filters} filters: "
            "give it as many filters as channels"
        )
    if np.any(np.not_equal(strides, 1)) or padding.lower() != "same":
        raise BadInputError(
            f"{block} adds its input unchanged, so strides={strides}, padding={padding!r} cannot "
            "fit: use strides 1 and padding 'same', and a convolution before it to shrink"
        )
