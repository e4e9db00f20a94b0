"""ResNet 18, 34, 50, 101 and 152, version 1.5, as the TensorFlow 2 notes write them in Keras.

Papers:  [1] Deep Residual Learning, arXiv:1512.03385  [2] batch norm, arXiv:1502.03167
Source:  tutorial document 004, section ResNet (34, 50 and 101; 18 and 152 by the same code)
Input:   NHWC float32, 224x224, RGB from 0 to 255 less 123.68, 116.78, 103.94 (004-E28)
Names:   conv1/kernel, conv1/BatchNorm/gamma, block1/unit_1/shortcut/conv1/kernel,
         block1/unit_1/shortcut/BatchNorm/gamma, block1/unit_1/conv1/kernel,
         block1/unit_1/conv1/BatchNorm/gamma, ..., logits/kernel, logits/bias; 18 and 34:
         block1/unit_1/conv2d/kernel, block1/unit_1/batch_normalization/gamma, ...
Differs: 004-E04, E22 names are the full paths that TensorFlow 1.15 gives them in graph mode
         004-E23 kept: the batch norm of a projection has epsilon 1.001e-5, all others 1e-5
         004-E24 kept: SAME padding, one-sided at stride 2 on even sizes (``padding="same"``)
         004-E25 frozen features are built with is_training=False (``frozen=True``): in
         TensorFlow 1 trainable=False leaves batch norm normalising with the batch
         004-E26 ``num_classes`` counts for nothing without ``include_top``; so it does here
         004-E29 returns logits; the softmax is the end point "predictions"

The tables of names state names only. You state the arithmetic that the weights were trained with:

  weights                                     options
  the document's own (Keras .h5, TF format)   none; pixels "vgg_whole"
  those of its train script (resNet_50.ckpt)  dense=1024, frozen=True to train on; the same pixels
  torchvision                                 padding="torch"
  slim resnet_v1 (stride in the 1x1, [1])     padding="slim", stride_in=1

The document's pretrain_weights.ckpt is slim's resnet_v1_50 with its names changed to those above
and a fresh head of five classes. The document runs it with the stride in the 3x3 and with SAME
padding, for which it was not trained.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import ClassVar

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.keras_style import Names, auto_names, document_net
from legacy_nets.nets.parts.torch_style import check_maps, check_option, pad_window
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Tensor

layers = tf.layers

UNITS = {  # of the four blocks [1, table 1]
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
    "resnext50_32x4d": (3, 4, 6, 3),
    "resnext101_32x4d": (3, 4, 23, 3),
}
BASIC = ("resnet18", "resnet34")  # two 3x3 convolutions a unit, where others have three
PADDINGS = ("same", "torch", "slim")


@dataclasses.dataclass(frozen=True)
class Variant:
    """Where a net may leave the document; the defaults are the document's code.

    ``padding``: "same"; "torch" pads windows with a stride on both sides; "slim" convolutions
    only, not the pool.
    ``stride_in``: side of the kernel of a bottleneck that has the stride, 3 or 1.
    ``momentum``: of the moving statistics.
    ``frozen``: batch norm uses the moving statistics in training too, and leaves them (004-E25);
    train the head alone (``--trainable logits``), as the document's train script does.
    ``dense``: units of a layer before the logits, between two dropouts of 0.5; the script: 1024.
    """

    padding: str = "same"
    stride_in: int = 3
    momentum: float = 0.9
    frozen: bool = False
    dense: int = 0


DOCUMENT = Variant()


class Block:
    """What the document's blocks have in common.

    Args:
      out_channel: channels of the convolutions; the result has ``expansion`` times as many.
      strides: of the block.
      downsample: a function of (inputs, training) that projects the input, or None.
      name: variable scope.
      names: numbers the layers of the complete model that have no names of their own.
      variant: see there.
    """

    expansion: ClassVar[int]
    auto_name: ClassVar[str]

    def __init__(
        self,
        out_channel: int,
        strides: int = 1,
        downsample: Callable[..., Tensor] | None = None,
        *,
        name: str | None = None,
        names: Names | None = None,
        variant: Variant = DOCUMENT,
    ) -> None:
        self.out_channel = out_channel
        self.strides = strides
        self.downsample = downsample
        self.name = name or self.auto_name
        self.names = names or auto_names()
        self.variant = variant

    def __call__(self, inputs: Tensor, training: IsTraining = False) -> Tensor:
        """float32 [N, H, W, C] -> [N, ceil(H/strides), ..., out_channel * expansion].

        Raises: BadInputError where the sum has two shapes: without ``downsample`` the strides
        must be 1 and C the channels of the result.
        """
        raise NotImplementedError

    def check_sum(self, identity: Tensor, x: Tensor) -> None:
        """Raises BadInputError where the shortcut and the main path have two shapes."""
        if (self.strides != 1 and not self.downsample) or identity.shape[-1] != x.shape[-1]:
            raise BadInputError(
                f"{self.name} adds {identity.shape} to {x.shape}: give it a downsample that "
                f"projects its input to {x.shape[-1]} channels with strides={self.strides}"
            )


# fmt: off
class BasicBlock(Block):
    """Two 3x3 convolutions, the first with the stride; parameters as ``Block``'s."""

    expansion = 1
    auto_name = "basic_block"

    def __call__(self, inputs: Tensor, training: IsTraining = False) -> Tensor:
        """Builds the block: see ``Block``."""
        out_channel, strides, momentum = self.out_channel, self.strides, self.variant.momentum
        with tf.variable_scope(self.name):
            identity = inputs
            if self.downsample is not None:
                identity = self.downsample(inputs, training)

            x, padding = pad_window(inputs, 3, strides, self.variant.padding)
            # (N, H/strides, W/strides, out_channel)
            x = layers.conv2d(x, out_channel, kernel_size=3, strides=strides, padding=padding,
                              use_bias=False, name=self.names("conv2d"))
            x = layers.batch_normalization(x, momentum=momentum, epsilon=1e-5, training=training,
                                           name=self.names("batch_normalization"))
            x = tf.nn.relu(x)

            # (N, H/strides, W/strides, out_channel)
            x = layers.conv2d(x, out_channel, kernel_size=3, strides=1, padding="same",
                              use_bias=False, name=self.names("conv2d"))
            x = layers.batch_normalization(x, momentum=momentum, epsilon=1e-5, training=training,
                                           name=self.names("batch_normalization"))

            self.check_sum(identity, x)
            x = tf.nn.relu(identity + x)
        return x


class Bottleneck(Block):
    """1x1 to fewer channels, 3x3 with the stride, 1x1 to four times as many.

    Parameters as ``Block``'s. [1] has the stride in the first 1x1 (``stride_in=1``).
    """

    expansion = 4
    auto_name = "bottleneck"

    def __call__(self, inputs: Tensor, training: IsTraining = False) -> Tensor:
        """Builds the block: see ``Block``."""
        out_channel, strides, momentum = self.out_channel, self.strides, self.variant.momentum
        stride1, stride2 = (1, strides) if self.variant.stride_in == 3 else (strides, 1)
        with tf.variable_scope(self.name):
            identity = inputs
            if self.downsample is not None:
                identity = self.downsample(inputs, training)

            # (N, H/stride1, W/stride1, out_channel)
            x = layers.conv2d(inputs, out_channel, kernel_size=1, strides=stride1, use_bias=False,
                              name="conv1")
            x = layers.batch_normalization(x, momentum=momentum, epsilon=1e-5, training=training,
                                           name="conv1/BatchNorm")
            x = tf.nn.relu(x)

            x, padding = pad_window(x, 3, stride2, self.variant.padding)
            # (N, H/strides, W/strides, out_channel)
            x = layers.conv2d(x, out_channel, kernel_size=3, strides=stride2, padding=padding,
                              use_bias=False, name="conv2")
            x = layers.batch_normalization(x, momentum=momentum, epsilon=1e-5, training=training,
                                           name="conv2/BatchNorm")
            x = tf.nn.relu(x)

            # (N, H/strides, W/strides, 4*out_channel)
            x = layers.conv2d(x, out_channel * self.expansion, kernel_size=1, use_bias=False,
                              name="conv3")
            x = layers.batch_normalization(x, momentum=momentum, epsilon=1e-5, training=training,
                                           name="conv3/BatchNorm")

            self.check_sum(identity, x)
            x = tf.nn.relu(identity + x)
        return x
# fmt: on


def _make_layer(
    block: type[Block],
    in_channel: int,
    channel: int,
    block_num: int,
    name: str,
    strides: int = 1,
    *,
    names: Names | None = None,
    variant: Variant = DOCUMENT,
) -> Callable[..., Tensor]:
    """Returns the function that builds ``block_num`` units.

    The first unit has the stride and, where needed, a projection.

    It takes (x, training=False, end_points=None): float32 [N, H, W, in_channel] ->
    [N, ceil(H/strides), ..., channel * block.expansion]. Units go into the end points.
    """
    names = names or auto_names()
    filters = channel * block.expansion

    def shortcut(x: Tensor, training: IsTraining) -> Tensor:
        with tf.variable_scope("shortcut"):
            # (N, H/strides, W/strides, filters)
            x = layers.conv2d(
                x, filters, kernel_size=1, strides=strides, use_bias=False, name="conv1"
            )
            return layers.batch_normalization(
                x, momentum=variant.momentum, epsilon=1.001e-5, training=training, name="BatchNorm"
            )  # 004-E23

    downsample = None
    if strides != 1 or in_channel != filters:
        downsample = shortcut

    layers_list = []
    unit = block(channel, strides, downsample, name="unit_1", names=names, variant=variant)
    layers_list.append(unit)
    for index in range(1, block_num):
        layers_list.append(block(channel, name=f"unit_{index + 1}", names=names, variant=variant))

    def layer(
        x: Tensor, training: IsTraining = False, end_points: EndPoints | None = None
    ) -> Tensor:
        with tf.variable_scope(name):
            for unit in layers_list:
                x = unit(x, training)
                if end_points is not None:
                    end_points[f"{name}/{unit.name}"] = x
        return x

    return layer


def _resnet(
    block: type[Block],
    blocks_num: Sequence[int],
    im_width: int = 224,
    im_height: int = 224,
    num_classes: int = 1000,
    include_top: bool = True,
) -> Callable[..., NetOutputs]:
    """Returns a net of any blocks: a function of the images (see ``keras_style``).

    Its layers are the lines of ``_build_features`` and ``residual_net``.
    """

    def net(
        images: Tensor, classes: int | None, is_training: IsTraining, *, reuse: Reuse
    ) -> NetOutputs:
        return residual_net(
            "the model", block, blocks_num, images, classes, is_training, reuse, "", DOCUMENT
        )

    classes = num_classes if include_top else None  # 004-E26
    return document_net(net, classes, (im_height, im_width))


def _build_features(
    images: Tensor,
    block: type[Block],
    blocks_num: Sequence[int],
    training: IsTraining,
    variant: Variant,
    end_points: EndPoints,
) -> Tensor:
    """Builds a stem and four blocks of ``blocks_num`` units: [N, ceil(H/32), ceil(W/32), ...].

    Shapes are for images of 224x224, and Bottlenecks or BasicBlocks.
    """
    x, padding = pad_window(images, 7, 2, variant.padding)
    # (N, 112, 112, 64)
    x = layers.conv2d(
        x, filters=64, kernel_size=7, strides=2, padding=padding, use_bias=False, name="conv1"
    )
    x = layers.batch_normalization(
        x, momentum=variant.momentum, epsilon=1e-5, training=training, name="conv1/BatchNorm"
    )
    x = tf.nn.relu(x)
    end_points["conv1"] = x
    # zeros on both sides do not change the maximum: nothing here is negative
    x, padding = pad_window(x, 3, 2, "torch" if variant.padding == "torch" else "same")
    x = layers.max_pooling2d(x, pool_size=3, strides=2, padding=padding)
    end_points["pool1"] = x  # (N, 56, 56, 64)

    names = auto_names()
    layer = _make_layer(
        block, x.shape[-1], 64, blocks_num[0], name="block1", names=names, variant=variant
    )
    x = layer(x, training, end_points)  # (N, 56, 56, 256) or (N, 56, 56, 64)
    layer = _make_layer(
        block, x.shape[-1], 128, blocks_num[1], "block2", strides=2, names=names, variant=variant
    )
    x = layer(x, training, end_points)  # (N, 28, 28, 512) or (N, 28, 28, 128)
    layer = _make_layer(
        block, x.shape[-1], 256, blocks_num[2], "block3", strides=2, names=names, variant=variant
    )
    x = layer(x, training, end_points)  # (N, 14, 14, 1024) or (N, 14, 14, 256)
    layer = _make_layer(
        block, x.shape[-1], 512, blocks_num[3], "block4", strides=2, names=names, variant=variant
    )
    x = layer(x, training, end_points)  # (N, 7, 7, 2048) or (N, 7, 7, 512)
    return x


def residual_net(
    net: str,
    block: type[Block],
    blocks_num: Sequence[int],
    images: Tensor,
    num_classes: int | None,
    is_training: IsTraining,
    reuse: Reuse,
    scope: str,
    variant: Variant,
) -> NetOutputs:
    """Builds a net of any blocks, ``blocks_num`` units in each of four.

    Arguments, result and errors as ``resnet_sizes.resnet50``.
    """
    check_maps(images, net)
    check_option(net, "padding", variant.padding, PADDINGS)
    end_points: EndPoints = {}
    training = False if variant.frozen else is_training
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = _build_features(images, block, blocks_num, training, variant, end_points)
        if num_classes is None:  # include_top=False
            return x, end_points
        x = tf.reduce_mean(x, axis=[1, 2])
        end_points["global_pool"] = x  # (N, 2048) or (N, 512)
        if variant.dense:  # the train script's new head
            x = layers.dropout(x, 0.5, training=is_training)
            x = layers.dense(x, variant.dense, activation="relu", name="dense")
            end_points["dense"] = x  # (N, 1024)
            x = layers.dropout(x, 0.5, training=is_training)
        logits = layers.dense(x, num_classes, name="logits")
        end_points["logits"] = logits  # (N, num_classes)
        end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points


def resnet34(
    im_width: int = 224, im_height: int = 224, num_classes: int = 1000, include_top: bool = True
) -> Callable[..., NetOutputs]:
    """Returns the document's model: a function of the images (see ``keras_style``)."""
    return _resnet(BasicBlock, [3, 4, 6, 3], im_width, im_height, num_classes, include_top)


def resnet50(
    im_width: int = 224, im_height: int = 224, num_classes: int = 1000, include_top: bool = True
) -> Callable[..., NetOutputs]:
    """Returns the document's model: a function of the images (see ``keras_style``)."""
    return _resnet(Bottleneck, [3, 4, 6, 3], im_width, im_height, num_classes, include_top)


def resnet101(
    im_width: int = 224, im_height: int = 224, num_classes: int = 1000, include_top: bool = True
) -> Callable[..., NetOutputs]:
    """Returns the document's model: a function of the images (see ``keras_style``)."""
    return _resnet(Bottleneck, [3, 4, 23, 3], im_width, im_height, num_classes, include_top)
