"""ResNeXt 50 and 101 (32x4d), and its block in the three forms that its paper calls equal.

Papers:  [1] ResNeXt, arXiv:1611.05431  [2] ResNet, arXiv:1512.03385
Source:  tutorial document 004, section ResNeXt, which has text and figures and no code (004-E46)
Input:   NHWC float32, 224x224, RGB less mean, over deviation (torchvision's and timm's weights)
Names:   as ResNet-50's: conv1/kernel, block1/unit_1/shortcut/conv1/kernel,
         block1/unit_1/conv2/kernel [3, 3, 4, 128], block1/unit_1/conv2/BatchNorm/gamma, ...,
         logits/kernel
Differs: 004-E24 SAME padding as ResNet's; the weights of others need ``padding="torch"``
         004-E46 built from [1], with the stride in the 3x3 as in ``resnet``
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.keras_style import Names
from legacy_nets.nets.parts.torch_style import check_option, pad_window
from legacy_nets.nets.resnet import DOCUMENT, UNITS, Block, Variant, residual_net
from legacy_nets.processor import uses_onednn
from legacy_nets.types import IsTraining, NetOutputs, Operation, Reuse, Tensor

layers = tf.layers

_GRADIENT = "LegacyNetsGroupedConv2D"
FORMS = ("grouped", "concat", "paths")  # [1, figure 3]: (c), (b), (a)


def grouped_conv(
    x: Tensor, filters: int, groups: int, strides: int, *, name: str, variant: Variant = DOCUMENT
) -> Tensor:
    """Builds a 3x3 convolution without bias; each group of filters reads its share of channels.

    float32 [N, H, W, C] -> [N, ceil(H/strides), ..., filters]; kernel [3, 3, C/groups, filters].
    Raises: BadInputError where channels or filters do not divide into the groups.
    """
    channels = int(x.shape[-1])
    if channels % groups or filters % groups:
        raise BadInputError(
            f"{name}: {channels} channels and {filters} filters do not divide into {groups} groups"
        )
    x, padding = pad_window(x, 3, strides, variant.padding)
    with tf.variable_scope(name):
        kernel = tf.get_variable("kernel", [3, 3, channels // groups, filters])
    # tf.layers has no groups. The op counts them from the kernel's shape; on the CPU it runs since
    # TensorFlow 2 (1.15 raises UnimplementedError, 004-E46), its gradients with oneDNN alone.
    steps = [1, strides, strides, 1]
    with tf.get_default_graph().gradient_override_map({"Conv2D": _GRADIENT}):
        x = tf.nn.conv2d(x, kernel, strides=steps, padding=padding.upper())
    if uses_onednn():
        return x
    # Keeps the graph optimiser from fusing it with a ReLU, which Eigen does not implement.
    return tf.ensure_shape(x, [None, None, None, filters])


@tf.RegisterGradient(_GRADIENT)
def _differentiate_grouped_conv(operation: Operation, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Computes the gradients of images and kernel, group by group where oneDNN is off.

    oneDNN takes all groups at once: as fast where maps are large, several times faster where they
    are small.
    """
    x, kernel = operation.inputs
    groups = 1 if uses_onednn() else int(x.shape[-1]) // int(kernel.shape[2])
    strides, padding = operation.get_attr("strides"), operation.get_attr("padding").decode()
    images, kernels, gradients = (tf.split(tensor, groups, -1) for tensor in (x, kernel, gradient))
    of_images = [
        tf.nn.conv2d_backprop_input(tf.shape(image), part, change, strides, padding)
        for image, part, change in zip(images, kernels, gradients, strict=True)
    ]
    of_kernels = [
        tf.nn.conv2d_backprop_filter(image, tf.shape(part), change, strides, padding)
        for image, part, change in zip(images, kernels, gradients, strict=True)
    ]
    return tf.concat(of_images, -1), tf.concat(of_kernels, -1)


class ResNeXtBlock(Block):
    """A bottleneck whose 3x3 has ``cardinality`` groups, as one of the three ``FORMS``.

    ``form``: "grouped" is one path with a grouped convolution; "concat" splits the first two
    convolutions into paths, whose outputs are concatenated; "paths" splits all three and
    adds the outputs. ``split_weights`` carries weights from the first form to the others.
    Other arguments and errors as ``Block``'s.
    """

    expansion = 4
    auto_name = "resnext_block"

    def __init__(
        self,
        out_channel: int,
        strides: int = 1,
        downsample: Callable[..., Tensor] | None = None,
        *,
        cardinality: int = 32,
        form: str = "grouped",
        name: str | None = None,
        names: Names | None = None,
        variant: Variant = DOCUMENT,
    ) -> None:
        super().__init__(out_channel, strides, downsample, name=name, names=names, variant=variant)
        check_option("ResNeXtBlock", "form", form, FORMS)
        self.cardinality = cardinality
        self.form = form
        self.width = 2 * out_channel  # of all paths; 32 paths of 4 where out_channel is 64

    def __call__(self, inputs: Tensor, training: IsTraining = False) -> Tensor:
        """Builds 1x1, 3x3, 1x1 in the requested form; the last batch norm comes after the sum."""
        with tf.variable_scope(self.name):
            identity = inputs
            if self.downsample is not None:
                identity = self.downsample(inputs, training)
            if self.form == "grouped":
                x = self._build_first_two(inputs, training, self.width, self.cardinality)
                x = self._build_last(x)
            else:
                paths = []
                for number in range(1, self.cardinality + 1):
                    with tf.variable_scope(f"path_{number}"):
                        y = self._build_first_two(inputs, training, self.width // self.cardinality)
                        paths.append(self._build_last(y) if self.form == "paths" else y)
                x = (
                    tf.add_n(paths)
                    if self.form == "paths"
                    else self._build_last(tf.concat(paths, 3))
                )
            x = self._normalize(x, training, "conv3/BatchNorm")
            self.check_sum(identity, x)
            x = tf.nn.relu(identity + x)
        return x

    def _build_first_two(
        self, x: Tensor, training: IsTraining, width: int, groups: int = 1
    ) -> Tensor:
        """Builds 1x1 and 3x3, each with batch norm and ReLU: [N, ceil(H/strides), ..., width]."""
        # (N, H, W, width)
        x = layers.conv2d(x, width, kernel_size=1, use_bias=False, name="conv1")
        x = tf.nn.relu(self._normalize(x, training, "conv1/BatchNorm"))
        # (N, H/strides, W/strides, width)
        x = grouped_conv(x, width, groups, self.strides, name="conv2", variant=self.variant)
        return tf.nn.relu(self._normalize(x, training, "conv2/BatchNorm"))

    def _build_last(self, x: Tensor) -> Tensor:
        filters = self.out_channel * self.expansion
        return layers.conv2d(x, filters, kernel_size=1, use_bias=False, name="conv3")

    def _normalize(self, x: Tensor, training: IsTraining, name: str) -> Tensor:
        return layers.batch_normalization(
            x, momentum=self.variant.momentum, epsilon=1e-5, training=training, name=name
        )


def split_weights(
    grouped: Mapping[str, np.ndarray], form: str, cardinality: int = 32
) -> dict[str, np.ndarray]:
    """Splits the weights of a "grouped" block as one of the other forms names and shapes them.

    Args:
      grouped: name of a variable within the block (conv1/kernel, ...) -> its values.
      form: "concat" or "paths".
      cardinality: of the block.

    What comes before the sum is cut by its outputs; the last kernel, if at all, by its inputs.
    """
    check_option("split_weights", "form", form, FORMS[1:])
    split: dict[str, np.ndarray] = {}
    for name, values in grouped.items():
        if name.startswith("conv3") and (form == "concat" or name != "conv3/kernel"):
            split[name] = values
            continue
        axis = -2 if name == "conv3/kernel" else -1
        for number, piece in enumerate(np.split(values, cardinality, axis), 1):
            split[f"path_{number}/{name}"] = piece
    return split


def resnext50_32x4d(
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    padding: str = DOCUMENT.padding,
    momentum: float = DOCUMENT.momentum,
) -> NetOutputs:
    """Builds ResNeXt-50 (32x4d): 3 + 4 + 6 + 3 units of 32 paths.

    Arguments, result and errors as ``resnet_sizes.resnet50``, without stride_in, frozen and dense.
    """
    variant = Variant(padding, momentum=momentum)
    return residual_net(
        "resnext50_32x4d",
        ResNeXtBlock,
        UNITS["resnext50_32x4d"],
        images,
        num_classes,
        is_training,
        reuse,
        scope,
        variant,
    )


def resnext101_32x4d(
    images: Tensor,
    num_classes: int | None = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "",
    padding: str = DOCUMENT.padding,
    momentum: float = DOCUMENT.momentum,
) -> NetOutputs:
    """Builds ResNeXt-101 (32x4d): 3 + 4 + 23 + 3 units of 32 paths; see ``resnext50_32x4d``."""
    variant = Variant(padding, momentum=momentum)
    return residual_net(
        "resnext101_32x4d",
        ResNeXtBlock,
        UNITS["resnext101_32x4d"],
        images,
        num_classes,
        is_training,
        reuse,
        scope,
        variant,
    )
