"""ResNet 18, 34, 50, 101 and 152 as functions of the images, in the net contract.

``resnet`` builds them and says what they are. It has the document's own ``resnet34``, ``resnet50``
and ``resnet101``, whose parameters are those of a Keras model.
"""

from __future__ import annotations

from legacy_nets.nets.parts.torch_style import check_option
from legacy_nets.nets.resnet import DOCUMENT, UNITS, BasicBlock, Bottleneck, Variant, residual_net
from legacy_nets.types import IsTraining, NetOutputs, Reuse, Tensor


def resnet50(
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    padding: str = DOCUMENT.padding,
    stride_in: int = DOCUMENT.stride_in,
    momentum: float = DOCUMENT.momentum,
    frozen: bool = DOCUMENT.frozen,
    dense: int = DOCUMENT.dense,
) -> NetOutputs:
    """Builds ResNet-50: 3 + 4 + 6 + 3 bottlenecks.

    Args:
      images: float32 [N, H, W, 3], any size, preprocessed as the docstring of ``resnet`` says.
      num_classes: units of the head (global average pool, dense layer); None leaves it out.
      is_training: bool or bool tensor. In training, batch norm uses the statistics of the batch,
        and ``tf.GraphKeys.UPDATE_OPS`` moves the averages.
      reuse: as in ``tf.variable_scope``.
      scope: outermost variable scope; "" is the current one.
      padding, stride_in, momentum, frozen, dense: see ``resnet.Variant``.

    Returns: logits [N, num_classes], or the last map without classes; and the end points in
      order of construction: conv1, pool1, each unit, global_pool, logits, predictions.
    Raises: BadInputError for anything but images, and for a value that an option does not take.
    """
    check_option("resnet50", "stride_in", stride_in, (3, 1))
    variant = Variant(padding, stride_in, momentum, frozen, dense)
    return residual_net(
        "resnet50",
        Bottleneck,
        UNITS["resnet50"],
        images,
        num_classes,
        is_training,
        reuse,
        scope,
        variant,
    )


def resnet18(
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    padding: str = DOCUMENT.padding,
    stride_in: int = DOCUMENT.stride_in,
    momentum: float = DOCUMENT.momentum,
    frozen: bool = DOCUMENT.frozen,
    dense: int = DOCUMENT.dense,
) -> NetOutputs:
    """Builds ResNet-18: 2 + 2 + 2 + 2 basic blocks.

    Arguments, result and errors as ``resnet50``. A basic block has no 1x1 convolution: stride_in
    is 3.
    """
    check_option("resnet18", "stride_in", stride_in, (3,))
    variant = Variant(padding, stride_in, momentum, frozen, dense)
    return residual_net(
        "resnet18",
        BasicBlock,
        UNITS["resnet18"],
        images,
        num_classes,
        is_training,
        reuse,
        scope,
        variant,
    )


def resnet34(
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    padding: str = DOCUMENT.padding,
    stride_in: int = DOCUMENT.stride_in,
    momentum: float = DOCUMENT.momentum,
    frozen: bool = DOCUMENT.frozen,
    dense: int = DOCUMENT.dense,
) -> NetOutputs:
    """Builds ResNet-34: 3 + 4 + 6 + 3 basic blocks.

    Arguments, result and errors as ``resnet50``. A basic block has no 1x1 convolution: stride_in
    is 3.
    """
    check_option("resnet34", "stride_in", stride_in, (3,))
    variant = Variant(padding, stride_in, momentum, frozen, dense)
    return residual_net(
        "resnet34",
        BasicBlock,
        UNITS["resnet34"],
        images,
        num_classes,
        is_training,
        reuse,
        scope,
        variant,
    )


def resnet101(
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    padding: str = DOCUMENT.padding,
    stride_in: int = DOCUMENT.stride_in,
    momentum: float = DOCUMENT.momentum,
    frozen: bool = DOCUMENT.frozen,
    dense: int = DOCUMENT.dense,
) -> NetOutputs:
    """Builds ResNet-101: 3 + 4 + 23 + 3 bottlenecks; see ``resnet50``."""
    check_option("resnet101", "stride_in", stride_in, (3, 1))
    variant = Variant(padding, stride_in, momentum, frozen, dense)
    return residual_net(
        "resnet101",
        Bottleneck,
        UNITS["resnet101"],
        images,
        num_classes,
        is_training,
        reuse,
        scope,
        variant,
    )


def resnet152(
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    padding: str = DOCUMENT.padding,
    stride_in: int = DOCUMENT.stride_in,
    momentum: float = DOCUMENT.momentum,
    frozen: bool = DOCUMENT.frozen,
    dense: int = DOCUMENT.dense,
) -> NetOutputs:
    """Builds ResNet-152: 3 + 8 + 36 + 3 bottlenecks; see ``resnet50``."""
    check_option("resnet152", "stride_in", stride_in, (3, 1))
    variant = Variant(padding, stride_in, momentum, frozen, dense)
    return residual_net(
        "resnet152",
        Bottleneck,
        UNITS["resnet152"],
        images,
        num_classes,
        is_training,
        reuse,
        scope,
        variant,
    )
