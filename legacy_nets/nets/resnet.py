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
import functools
from collections.abc import Callable, Sequence
from typing import ClassVar

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.keras_style import Names, auto_names, document_net
from legacy_nets.nets.parts.torch_style import check_maps, check_option, pad_both_sides
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Tensor

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
EPSILON, SHORTCUT_EPSILON = 1e-5, 1.001e-5  # 004-E23


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


def conv(
    x: Tensor,
    filters: int,
    size: int,
    stride: int = 1,
    *,
    name: str,
    variant: Variant = DOCUMENT,
) -> Tensor:
    """Convolves without bias: float32 [N, H, W, C] -> [N, ceil(H/stride), ..., filters]."""
    padding = "same"
    if stride > 1 and size > 1 and variant.padding != "same":
        x, padding = pad_both_sides(x, size), "valid"
    return tf.layers.conv2d(x, filters, size, stride, padding, use_bias=False, name=name)


def batch_norm(
    x: Tensor,
    is_training: IsTraining,
    name: str,
    variant: Variant = DOCUMENT,
    epsilon: float = EPSILON,
) -> Tensor:
    """Normalizes the channels of [N, H, W, C] with the momentum of ``variant``."""
    return tf.layers.batch_normalization(
        x, momentum=variant.momentum, epsilon=epsilon, training=is_training, name=name
    )


class Residual:
    """A block: ReLU of the sum of its input, perhaps projected, and ``main_path`` of it.

    Args:
      out_channel: channels of the convolutions; the result has ``expansion`` times as many.
      strides: of the block.
      downsample: a function of (inputs, is_training) that projects the input, or None.
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

    def main_path(self, x: Tensor, is_training: IsTraining) -> Tensor:
        """Builds the convolutions, up to the last batch norm."""
        raise NotImplementedError

    def __call__(self, inputs: Tensor, is_training: IsTraining = False) -> Tensor:
        """float32 [N, H, W, C] -> [N, ceil(H/strides), ..., out_channel * expansion].

        Raises: BadInputError where the sum has two shapes: without ``downsample`` the strides
        must be 1 and C the channels of the result.
        """
        with tf.variable_scope(self.name):
            identity = self.downsample(inputs, is_training) if self.downsample else inputs
            x = self.main_path(inputs, is_training)
            if (self.strides != 1 and not self.downsample) or identity.shape[-1] != x.shape[-1]:
                raise BadInputError(
                    f"{self.name} adds {identity.shape} to {x.shape}: give it a downsample that "
                    f"projects its input to {x.shape[-1]} channels with strides={self.strides}"
                )
            return tf.nn.relu(identity + x)


class BasicBlock(Residual):
    """Two 3x3 convolutions, the first with the stride."""

    expansion = 1
    auto_name = "basic_block"

    def main_path(self, x: Tensor, is_training: IsTraining) -> Tensor:
        """Builds 3x3, batch norm, ReLU, 3x3, batch norm on [N, H, W, C]."""
        for number, stride in enumerate((self.strides, 1)):
            x = tf.nn.relu(x) if number else x
            name = self.names("conv2d")
            x = conv(x, self.out_channel, 3, stride, name=name, variant=self.variant)
            x = batch_norm(x, is_training, self.names("batch_normalization"), self.variant)
        return x


class Bottleneck(Residual):
    """1x1 to fewer channels, 3x3 with the stride, 1x1 to four times as many."""

    expansion = 4
    auto_name = "bottleneck"

    def main_path(self, x: Tensor, is_training: IsTraining) -> Tensor:
        """Builds three convolutions on [N, H, W, C], each with batch norm, ReLU between them."""
        # (N, H, W, out_channel); with stride_in=1 (N, H/strides, W/strides, out_channel)
        x = self._unit(x, 1, self.out_channel, is_training, "conv1")
        x = self._unit(tf.nn.relu(x), 3, self.out_channel, is_training, "conv2")
        filters = self.out_channel * self.expansion
        return self._unit(tf.nn.relu(x), 1, filters, is_training, "conv3")

    def _unit(
        self, x: Tensor, size: int, filters: int, is_training: IsTraining, name: str
    ) -> Tensor:
        strided = name == ("conv2" if self.variant.stride_in == 3 else "conv1")
        stride = self.strides if strided else 1
        x = conv(x, filters, size, stride, name=name, variant=self.variant)
        return batch_norm(x, is_training, f"{name}/BatchNorm", self.variant)


def _make_layer(
    block: type[Residual],
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

    It takes (x, is_training=False, end_points=None): float32 [N, H, W, in_channel] ->
    [N, ceil(H/strides), ..., channel * block.expansion]. Units go into the end points.
    """
    counted = names or auto_names()
    filters = channel * block.expansion

    def shortcut(x: Tensor, is_training: IsTraining) -> Tensor:
        with tf.variable_scope("shortcut"):
            x = conv(x, filters, 1, strides, name="conv1", variant=variant)
            return batch_norm(x, is_training, "BatchNorm", variant, SHORTCUT_EPSILON)

    def layer(
        x: Tensor, is_training: IsTraining = False, end_points: EndPoints | None = None
    ) -> Tensor:
        projected = strides != 1 or in_channel != filters
        with tf.variable_scope(name):
            for number in range(1, block_num + 1):
                unit = block(
                    channel,
                    strides if number == 1 else 1,
                    shortcut if number == 1 and projected else None,
                    name=f"unit_{number}",
                    names=counted,
                    variant=variant,
                )
                x = unit(x, is_training)
                if end_points is not None:
                    end_points[f"{name}/{unit.name}"] = x
        return x

    return layer


def residual_net(
    net: str,
    block: type[Residual],
    blocks_num: Sequence[int],
    images: Tensor,
    num_classes: int | None,
    is_training: IsTraining,
    reuse: Reuse,
    scope: str,
    variant: Variant,
) -> NetOutputs:
    """Builds a stem, four blocks of ``blocks_num`` units, global average pool, dense layer.

    Shapes are for images of 224x224 and Bottlenecks; a BasicBlock gives a quarter of the
    channels. Arguments, result and errors as ``resnet_sizes.resnet50``.
    """
    check_maps(images, net)
    check_option(net, "padding", variant.padding, PADDINGS)
    end_points: EndPoints = {}
    names = auto_names()
    head_is_training = is_training
    if variant.frozen:
        is_training = False
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        x = conv(images, 64, 7, 2, name="conv1", variant=variant)  # (N, 112, 112, 64)
        x = tf.nn.relu(batch_norm(x, is_training, "conv1/BatchNorm", variant))
        end_points["conv1"] = x
        if variant.padding == "torch":  # zeros do not change the maximum: nothing here is negative
            x = tf.layers.max_pooling2d(pad_both_sides(x, 3), 3, 2, "valid")
        else:
            x = tf.layers.max_pooling2d(x, 3, 2, "same")
        end_points["pool1"] = x  # (N, 56, 56, 64)
        make_layer = functools.partial(_make_layer, names=names, variant=variant)
        layer1 = make_layer(block, int(x.shape[-1]), 64, blocks_num[0], "block1")
        x = layer1(x, is_training, end_points)  # (N, 56, 56, 256) or (N, 56, 56, 64)
        layer2 = make_layer(block, int(x.shape[-1]), 128, blocks_num[1], "block2", 2)
        x = layer2(x, is_training, end_points)  # (N, 28, 28, 512) or (N, 28, 28, 128)
        layer3 = make_layer(block, int(x.shape[-1]), 256, blocks_num[2], "block3", 2)
        x = layer3(x, is_training, end_points)  # (N, 14, 14, 1024) or (N, 14, 14, 256)
        layer4 = make_layer(block, int(x.shape[-1]), 512, blocks_num[3], "block4", 2)
        x = layer4(x, is_training, end_points)  # (N, 7, 7, 2048) or (N, 7, 7, 512)
        if num_classes is None:
            return x, end_points
        x = tf.reduce_mean(x, axis=[1, 2])
        end_points["global_pool"] = x  # (N, 2048) or (N, 512)
        if variant.dense:
            x = tf.layers.dropout(x, 0.5, training=head_is_training)
            x = tf.layers.dense(
                x, variant.dense, tf.nn.relu, name="dense"
            )  # (N, 1024) in the train script
            end_points["dense"] = x
            x = tf.layers.dropout(x, 0.5, training=head_is_training)
        logits = tf.layers.dense(x, num_classes, name="logits")  # (N, num_classes)
        end_points["logits"] = logits
        end_points["predictions"] = tf.nn.softmax(logits)
    return logits, end_points


def _resnet(
    block: type[Residual],
    blocks_num: Sequence[int],
    im_width: int = 224,
    im_height: int = 224,
    num_classes: int = 1000,
    include_top: bool = True,
) -> Callable[..., NetOutputs]:
    """Returns a net of any blocks: a function of the images (see ``keras_style``)."""

    def net(
        images: Tensor, classes: int | None, is_training: IsTraining, *, reuse: Reuse
    ) -> NetOutputs:
        about = ("the model", block, blocks_num, images)
        return residual_net(*about, classes, is_training, reuse, "", DOCUMENT)

    classes = num_classes if include_top else None  # 004-E26
    return document_net(net, classes, (im_height, im_width))


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
