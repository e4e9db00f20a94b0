"""Translates the configuration of a Keras 1 model into that of Keras 2.

Source: keras/legacy/interfaces.py of Keras 2.3.1, and the layers of Keras 1.2.2. What only a new
training needs (initializers, regularizers, constraints) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from legacy_nets.errors import BadInputError

_CLASSES = {
    **{"Convolution1D": "Conv1D", "Convolution2D": "Conv2D", "Convolution3D": "Conv3D"},
    **{"AtrousConvolution1D": "Conv1D", "AtrousConvolution2D": "Conv2D"},
    **{"Deconvolution2D": "Conv2DTranspose", "SeparableConvolution2D": "SeparableConv2D"},
}
_MERGES = {
    **{"sum": "Add", "mul": "Multiply", "concat": "Concatenate", "ave": "Average"},
    "max": "Maximum",
}
_UNKNOWN = ("Highway", "MaxoutDense", "ParametricSoftplus", "SReLU")  # gone since Keras 2
_NAMES = {
    **{"nb_filter": "filters", "border_mode": "padding", "subsample": "strides"},
    **{"subsample_length": "strides", "stride": "strides", "pool_length": "pool_size"},
    **{"dim_ordering": "data_format", "bias": "use_bias", "atrous_rate": "dilation_rate"},
    **{"inner_activation": "recurrent_activation", "dropout_W": "dropout"},
    **{"dropout_U": "recurrent_dropout", "p": "rate", "sigma": "stddev", "length": "size"},
}
_LEFT_OUT = {
    *("init", "inner_init", "forget_bias_init", "consume_less", "input_dtype", "output_shape"),
    *("W_regularizer", "U_regularizer", "b_regularizer", "activity_regularizer"),
    *("gamma_regularizer", "beta_regularizer", "W_constraint", "b_constraint"),
}
_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}
_WITH_UNITS = ("Dense", "LSTM", "GRU", "SimpleRNN")


def translate_config(path: Path, config: Mapping[str, object]) -> dict[str, object]:
    """Translates the configuration of a model or layer, with what is in it.

    Raises BadInputError for a layer that Keras 2 does not have; it names the layer.
    """
    class_name, inner = str(config.get("class_name")), config.get("config")
    if class_name == "Sequential" and isinstance(inner, list):
        layers = [_translate_item(path, layer) for layer in inner]
        name = config.get("name", "sequential")
        return {**config, "config": {"name": name, "layers": layers}}
    if not isinstance(inner, dict):
        raise BadInputError(f"{path}: its model_config is damaged: {class_name} has no settings")
    if isinstance(inner.get("layers"), list) and class_name != "Merge":
        layers = [_translate_item(path, layer) for layer in inner["layers"]]
        new_class = "Functional" if class_name == "Model" else class_name
        return {**config, "class_name": new_class, "config": {**inner, "layers": layers}}
    return {**config, **_translate_layer(path, class_name, inner)}


def _translate_item(path: Path, item: object) -> dict[str, object]:
    if not isinstance(item, dict):
        raise BadInputError(f"{path}: its model_config is damaged: a layer is no JSON object")
    return translate_config(path, item)


def _translate_layer(
    path: Path, class_name: str, settings: Mapping[str, object]
) -> dict[str, object]:
    """Translates class and settings of one layer."""
    name = settings.get("name")
    if class_name in _UNKNOWN:
        raise BadInputError(
            f"{path}: the layer {name} is a {class_name}, which Keras has dropped: port its "
            "weights alone (--to npz)"
        )
    if class_name == "Merge":
        return _translate_merge(path, settings)
    new: dict[str, object] = {
        _NAMES.get(key, key): value for key, value in settings.items() if key not in _LEFT_OUT
    }
    if "data_format" in new:
        new["data_format"] = _DATA_FORMATS.get(str(new["data_format"]), new["data_format"])
    for key in ("layer", "forward_layer", "backward_layer"):  # of wrappers
        if key in new:
            new[key] = _translate_item(path, new[key])
    _join_sides(new)
    if class_name == "BatchNormalization" and new.pop("mode", 0) != 0:
        raise BadInputError(
            f"{path}: the layer {name} is a batch norm of mode {settings['mode']}, which Keras has "
            "dropped: port its weights alone (--to npz)"
        )
    if class_name in _WITH_UNITS:
        new["units"] = new.pop("output_dim", None)
        _remove(new, "input_dim", "input_length")
    elif class_name == "Embedding":
        _remove(new, "dropout")
    elif class_name.startswith(("Convolution1D", "AtrousConvolution1D")):
        _remove(new, "input_dim", "input_length")
    if class_name == "GRU":
        new["reset_after"] = False
    elif class_name == "TimeDistributedDense":
        dense: dict[str, object] = {"units": new.pop("output_dim", None)}
        for key in ("activation", "use_bias"):
            if key in new:
                dense[key] = new.pop(key)
        _remove(new, "input_dim", "input_length")
        new["layer"] = {"class_name": "Dense", "config": dense}
        class_name = "TimeDistributed"
    return {"class_name": _CLASSES.get(class_name, class_name), "config": new}


def _join_sides(settings: dict[str, object]) -> None:
    """Joins the settings that Keras 1 had one by one: the sides of a kernel, of a padding."""
    for keys in (
        ("filter_length",),
        ("nb_row", "nb_col"),
        ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
    ):
        if keys[0] in settings:
            settings["kernel_size"] = [settings.pop(key) for key in keys]
    padding = settings.get("padding")
    if isinstance(padding, dict):
        padding = [padding[f"{side}_pad"] for side in ("top", "bottom", "left", "right")]
    if isinstance(padding, list) and len(padding) == 4:
        settings["padding"] = [padding[:2], padding[2:]]


def _translate_merge(path: Path, settings: Mapping[str, object]) -> dict[str, object]:
    mode = settings.get("mode")
    class_name = _MERGES.get(str(mode))
    if class_name is None or settings.get("layers"):
        kind = "a Merge of models" if settings.get("layers") else f"a Merge by {str(mode)[:20]!r}"
        raise BadInputError(
            f"{path}: the layer {settings.get('name')} is {kind}, which Keras has dropped: port "
            "its weights alone (--to npz)"
        )
    axis = {"axis": settings.get("concat_axis", -1)} if class_name == "Concatenate" else {}
    return {"class_name": class_name, "config": {"name": settings.get("name"), **axis}}


def _remove(settings: dict[str, object], *keys: str) -> None:
    for key in keys:
        settings.pop(key, None)
