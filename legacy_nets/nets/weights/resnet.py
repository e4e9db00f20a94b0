"""Weights of ResNet and ResNeXt from torchvision, slim and Keras."""

from __future__ import annotations

from collections.abc import Iterator

from legacy_nets.checkpoints.translate import CONV, DENSE, Entry, Layout
from legacy_nets.nets.parts.keras_style import auto_names
from legacy_nets.nets.resnet import BASIC, UNITS
from legacy_nets.nets.weights.entries import map_batch_norm, map_layer
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout

KERNEL = ("kernel",)
NORM = ("gamma", "beta", "moving_mean", "moving_variance")
SLIM_DENSE = Layout(  # [1, 1, in, out] <-> [in, out]
    "1x1 convolution", lambda x: x.reshape(x.shape[-2:]), lambda x: x.reshape(1, 1, *x.shape)
)


def _places(name: str) -> Iterator[tuple[str, str, str, str, str]]:
    """Of each convolution: itself and its norm here; the same in torch's names; in slim's."""
    yield "conv1", "conv1/BatchNorm", "conv1", "bn1", "conv1"
    names = auto_names()
    for block, count in enumerate(UNITS[name], 1):
        for unit in range(1, count + 1):
            here, there = f"block{block}/unit_{unit}", f"layer{block}.{unit - 1}"
            slim = f"{here}/bottleneck_v1"
            if unit == 1 and (block > 1 or name not in BASIC):
                projection = (f"{here}/shortcut/conv1", f"{here}/shortcut/BatchNorm")
                downsample = (f"{there}.downsample.0", f"{there}.downsample.1")
                yield *projection, *downsample, f"{slim}/shortcut"
            for number in range(1, 3 if name in BASIC else 4):
                if name in BASIC:
                    conv, norm = names("conv2d"), names("batch_normalization")
                else:
                    conv, norm = f"conv{number}", f"conv{number}/BatchNorm"
                torch = (f"{there}.conv{number}", f"{there}.bn{number}")
                yield f"{here}/{conv}", f"{here}/{norm}", *torch, f"{slim}/conv{number}"


def map_torch_names(name: str) -> tuple[Entry, ...]:
    """Names of torchvision (and timm) for each variable; run them with ``padding="torch"``."""
    entries = []
    for conv, norm, torch_conv, torch_norm, _ in _places(name):
        entries.append(Entry(f"{conv}/kernel", f"{torch_conv}.weight", CONV))
        entries += map_batch_norm(norm, torch_norm)
    return (*entries, *map_layer("logits", "fc", DENSE))


def map_slim_names(name: str) -> tuple[Entry, ...]:
    """Names of slim's resnet_v1; run them with ``padding="slim", stride_in=1``.

    The published checkpoints, which came from Caffe, have two more tensors: global_step and
    resnet_v1_50/mean_rgb. slim has no nets of basic blocks.
    """
    top = name.replace("resnet", "resnet_v1_")
    entries = []
    for conv, norm, _, _, slim in _places(name):
        entries.append(Entry(f"{conv}/kernel", f"{top}/{slim}/weights"))
        entries += [Entry(f"{norm}/{part}", f"{top}/{slim}/BatchNorm/{part}") for part in NORM]
    kernel = Entry("logits/kernel", f"{top}/logits/weights", SLIM_DENSE)
    return (*entries, kernel, Entry("logits/bias", f"{top}/logits/biases"))


def _keras_layers(name: str) -> Iterator[tuple[str, tuple[str, ...], str, str, str, bool]]:
    """Of each layer: its place here and its variables; its name in Keras' eager mode, its group
    in an .h5 file, its object path in the TF format, and whether no other layer has that name.
    """
    (stem, stem_norm, *_), *rest = _places(name)
    yield stem, KERNEL, "conv1", "conv1", "layer_with_weights-0", False  # as each projection
    yield stem_norm, NORM, stem_norm, stem_norm, "layer_with_weights-1", True
    for conv, norm, torch_conv, _, _ in rest:
        block, unit, part = conv.split("/")[:3]
        number = int(unit.removeprefix("unit_"))
        path = f"layer_with_weights-{int(block[-1]) + 1}/layer_with_weights-{number - 1}"
        if part == "shortcut":
            path += "/downsample/layer_with_weights-"
            yield conv, KERNEL, "conv1", block, f"{path}0", False
            yield norm, NORM, "BatchNorm", block, f"{path}1", False
            continue
        # Basic blocks number their layers over the whole model; of others a name is alone where
        # no other block has so many units.
        alone = name in BASIC or sum(count >= number for count in UNITS[name]) == 1
        conv_name, norm_name = (x.removeprefix(f"{block}/") for x in (conv, norm))
        yield conv, KERNEL, conv_name, block, f"{path}/conv{torch_conv[-1]}", alone
        yield norm, NORM, norm_name, block, f"{path}/bn{torch_conv[-1]}", alone


def _keras_names(name: str, by_group: bool, above: str, logits: str) -> tuple[Entry, ...]:
    """Names of an eager Keras file as ``open_weights`` gives them: where several layers share a
    name, by their group, or by their object path under ``above``."""
    entries = []
    for here, parts, called, group, path, alone in _keras_layers(name):
        stored = called if alone else f"{group}/{called}" if by_group else f"{above}{path}"
        entries += [Entry(f"{here}/{part}", f"{stored}/{part}") for part in parts]
    return (*entries, *(Entry(f"logits/{part}", f"{logits}/{part}") for part in ("kernel", "bias")))


def map_keras_h5_names(name: str) -> tuple[Entry, ...]:
    """The document's model as ``save_weights(".h5")`` of Keras in eager mode writes it.

    Names that TensorFlow 1.15 wrote in graph mode need no table. Layers of basic blocks are
    numbered as in a process that built no other model before.
    """
    return _keras_names(name, True, "", "logits")


def map_keras_tf_names(name: str) -> tuple[Entry, ...]:
    """The same in the TF format (``save_format="tf"``)."""
    return _keras_names(name, False, "", "logits")


def map_keras_transfer_names(name: str) -> tuple[Entry, ...]:
    """The model of the document's train script, features and a head of two dense layers, in the
    TF format. Run it with ``dense=1024``.
    """
    dense = (Entry(f"dense/{part}", f"dense/{part}") for part in ("kernel", "bias"))
    return (*_keras_names(name, False, "layer_with_weights-0/", "dense_1"), *dense)


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
