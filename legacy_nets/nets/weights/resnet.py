"""Weights of ResNet and ResNeXt from torchvision, slim and Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from legacy_nets.checkpoints.translate import CONV, DENSE, Entry, Transform
from legacy_nets.nets.parts.keras_style import auto_names
from legacy_nets.nets.resnet import BASIC, UNITS
from legacy_nets.nets.weights.entries import map_batch_norm, map_layer
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout

KERNEL = ("kernel",)
NORM = ("gamma", "beta", "moving_mean", "moving_variance")
SLIM_DENSE = Transform(  # [1, 1, in, out] <-> [in, out]
    "1x1 convolution", lambda x: x.reshape(x.shape[-2:]), lambda x: x.reshape(1, 1, *x.shape)
)


class _Layer(NamedTuple):
    """A convolution with its batch norm, here and in other frameworks."""

    conv: str  # scope of the convolution
    norm: str  # scope of the batch norm
    torch_conv: str
    torch_norm: str
    slim: str  # scope of both in slim


class _KerasLayer(NamedTuple):
    """A layer and its names in files that Keras saved in eager mode."""

    scope: str
    parts: tuple[str, ...]  # of its variables
    name: str
    group: str  # in an .h5 file
    object_path: str  # in the TF format
    is_unique: bool  # whether no other layer has that name


def _list_layers(name: str) -> Iterator[_Layer]:
    """Lists the convolutions of a net, in the order of its variables."""
    yield _Layer("conv1", "conv1/BatchNorm", "conv1", "bn1", "conv1")
    names = auto_names()
    for block, count in enumerate(UNITS[name], 1):
        for unit in range(1, count + 1):
            scope, module = f"block{block}/unit_{unit}", f"layer{block}.{unit - 1}"
            slim = f"{scope}/bottleneck_v1"
            if unit == 1 and (block > 1 or name not in BASIC):
                projection = (f"{scope}/shortcut/conv1", f"{scope}/shortcut/BatchNorm")
                downsample = (f"{module}.downsample.0", f"{module}.downsample.1")
                yield _Layer(*projection, *downsample, f"{slim}/shortcut")
            for number in range(1, 3 if name in BASIC else 4):
                if name in BASIC:
                    conv, norm = names("conv2d"), names("batch_normalization")
                else:
                    conv, norm = f"conv{number}", f"conv{number}/BatchNorm"
                yield _Layer(
                    f"{scope}/{conv}",
                    f"{scope}/{norm}",
                    f"{module}.conv{number}",
                    f"{module}.bn{number}",
                    f"{slim}/conv{number}",
                )


def map_torch_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable to its tensor in torchvision and timm.

    Run such weights with ``padding="torch"``.
    """
    entries = []
    for layer in _list_layers(name):
        entries.append(Entry(f"{layer.conv}/kernel", f"{layer.torch_conv}.weight", CONV))
        entries += map_batch_norm(layer.norm, layer.torch_norm)
    return (*entries, *map_layer("logits", "fc", DENSE))


def map_slim_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable to its tensor in slim's resnet_v1.

    Run such weights with ``padding="slim", stride_in=1``. The published checkpoints, which came
    from Caffe, have two more tensors: global_step and resnet_v1_50/mean_rgb. slim has no nets of
    basic blocks.
    """
    top = name.replace("resnet", "resnet_v1_")
    entries = []
    for layer in _list_layers(name):
        entries.append(Entry(f"{layer.conv}/kernel", f"{top}/{layer.slim}/weights"))
        entries += [
            Entry(f"{layer.norm}/{part}", f"{top}/{layer.slim}/BatchNorm/{part}") for part in NORM
        ]
    kernel = Entry("logits/kernel", f"{top}/logits/weights", SLIM_DENSE)
    return (*entries, kernel, Entry("logits/bias", f"{top}/logits/biases"))


def _list_keras_layers(name: str) -> Iterator[_KerasLayer]:
    """Lists the layers of the document's Keras model except the dense ones."""
    stem, *layers = _list_layers(name)
    # The name conv1 is also that of every projection.
    yield _KerasLayer(stem.conv, KERNEL, "conv1", "conv1", "layer_with_weights-0", False)
    yield _KerasLayer(stem.norm, NORM, stem.norm, stem.norm, "layer_with_weights-1", True)
    for layer in layers:
        block, unit, part = layer.conv.split("/")[:3]
        number = int(unit.removeprefix("unit_"))
        path = f"layer_with_weights-{int(block[-1]) + 1}/layer_with_weights-{number - 1}"
        if part == "shortcut":
            path += "/downsample/layer_with_weights-"
            yield _KerasLayer(layer.conv, KERNEL, "conv1", block, f"{path}0", False)
            yield _KerasLayer(layer.norm, NORM, "BatchNorm", block, f"{path}1", False)
            continue
        # Basic blocks number their layers over the whole model. Of others, a name is unique where
        # only one block has so many units.
        is_unique = name in BASIC or sum(count >= number for count in UNITS[name]) == 1
        conv, norm = (scope.removeprefix(f"{block}/") for scope in (layer.conv, layer.norm))
        index = layer.torch_conv[-1]
        yield _KerasLayer(layer.conv, KERNEL, conv, block, f"{path}/conv{index}", is_unique)
        yield _KerasLayer(layer.norm, NORM, norm, block, f"{path}/bn{index}", is_unique)


def _map_keras(name: str, by_group: bool, parent: str, logits: str) -> tuple[Entry, ...]:
    """Maps each variable to its name in an eager Keras file, as ``open_weights`` shows it.

    Layers that share a name go by their group, or by their object path under ``parent``.
    """
    entries = []
    for layer in _list_keras_layers(name):
        stored = f"{layer.group}/{layer.name}" if by_group else f"{parent}{layer.object_path}"
        stored = layer.name if layer.is_unique else stored
        entries += [Entry(f"{layer.scope}/{part}", f"{stored}/{part}") for part in layer.parts]
    return (*entries, *(Entry(f"logits/{part}", f"{logits}/{part}") for part in ("kernel", "bias")))


def map_keras_h5_names(name: str) -> tuple[Entry, ...]:
    """Maps names of the document's model as ``save_weights(".h5")`` writes it in eager mode.

    Names that TensorFlow 1.15 wrote in graph mode need no table. Layers of basic blocks are
    numbered as in a process that built no other model before.
    """
    return _map_keras(name, True, "", "logits")


def map_keras_tf_names(name: str) -> tuple[Entry, ...]:
    """Maps names of the document's model in the TF format (``save_format="tf"``)."""
    return _map_keras(name, False, "", "logits")


def map_keras_transfer_names(name: str) -> tuple[Entry, ...]:
    """Maps names of the document's train script, in the TF format.

    Its model has features and a head of two dense layers. Run it with ``dense=1024``.
    """
    dense = (Entry(f"dense/{part}", f"dense/{part}") for part in ("kernel", "bias"))
    return (*_map_keras(name, False, "layer_with_weights-0/", "dense_1"), *dense)


_WHOLE_PICTURE = "vgg_whole"  # the document's scripts resize to 224x224; slim crops the middle
WEIGHTS = FamilyWeights(
    (
        WeightLayout(
            "torch", map_torch_names, options={"padding": "torch"}, preprocessing="imagenet"
        ),
        WeightLayout("keras_h5", map_keras_h5_names, preprocessing=_WHOLE_PICTURE),
        WeightLayout("keras_tf", map_keras_tf_names, preprocessing=_WHOLE_PICTURE),
        WeightLayout("keras_transfer", map_keras_transfer_names, preprocessing=_WHOLE_PICTURE),
        WeightLayout("slim", map_slim_names, options={"padding": "slim", "stride_in": 1}),
    )
)
