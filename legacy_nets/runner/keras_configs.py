"""Configurations of models as Keras 2.3.1 wrote and reads them (``model.save``, ``to_json``)."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]  # JSON

# Initializers that are classes in tf_keras and were functions: (scale, mode, distribution).
_VARIANCE_SCALING = {
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "GlorotNormal": (1.0, "fan_avg", "normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "HeNormal": (2.0, "fan_in", "normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "normal"),
}
# Arguments that Keras 2.3.1 lacked. They are left out where they have the value that it computes.
_LATER_ARGUMENTS: Config = {
    "groups": 1,
    "keepdims": False,
    "time_major": False,
    "ragged": False,
    "optional": False,
    "output_shape_module": None,
    "zero_output_for_mask": False,
    "build_config": None,
    "shared_object_id": None,
}
_LATER_ARGUMENTS_OF_CLASSES = {
    "GaussianNoise": ("seed",),
    "GaussianDropout": ("seed",),
    "AlphaDropout": ("seed",),
    "Lambda": ("module",),
    "SeparableConv1D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "SeparableConv2D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "LocallyConnected1D": ("implementation",),
    "LocallyConnected2D": ("implementation",),
    "Functional": ("trainable",),
    "Sequential": ("trainable",),
    "Adagrad": ("initial_accumulator_value",),
    "RMSprop": ("momentum", "centered"),
}


def translate_config(value: Any) -> Any:
    """Returns a configuration as Keras 2.3.1 has it.

    Args:
      value: JSON of tf_keras: an object with class_name and config, or anything that holds some.
    """
    if isinstance(value, (list, tuple)):
        return [translate_config(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" in value and isinstance(value.get("config"), dict):
        return _translate_object(value)
    return {key: translate_config(item) for key, item in value.items()}


def _translate_object(entry: Config) -> Config:
    name, config = entry["class_name"], dict(entry["config"])
    later = _LATER_ARGUMENTS_OF_CLASSES.get(name, ())
    config = {
        key: item
        for key, item in config.items()
        if key not in later and not (key in _LATER_ARGUMENTS and item == _LATER_ARGUMENTS[key])
    }
    if name == "Functional":
        name = "Model"
    elif name == "Sequential":
        config["layers"] = _drop_input_layer(config["layers"])
    elif name == "BatchNormalization" and isinstance(config["axis"], (list, tuple)):
        (config["axis"],) = config["axis"]
    elif name in _VARIANCE_SCALING:
        scale, mode, distribution = _VARIANCE_SCALING[name]
        seed = config["seed"]
        config = {"scale": scale, "mode": mode, "distribution": distribution, "seed": seed}
        name = "VarianceScaling"
    elif name in ("L1", "L2"):
        config = {"l1": 0.0, "l2": 0.0, **config}
        name = "L1L2"
    elif name == "VarianceScaling":
        config["distribution"] = config["distribution"].replace("truncated_normal", "normal")
    if "learning_rate" in config:  # an optimizer
        config.pop("name", None)
    elif "name" not in config:  # an initializer
        config.pop("dtype", None)
    elif "dtype" in config and config["dtype"] is None:  # a layer that is not built yet
        config["dtype"] = "float32"
    others = {
        key: item for key, item in entry.items()
        if key not in ("class_name", "config", "shared_object_id", "build_config")
    }  # fmt: skip
    return {"class_name": name, "config": translate_config(config), **others}


def _drop_input_layer(layers: list[Config]) -> list[Config]:
    """Returns the layers of a Sequential: Keras 2.3.1 gave the shape to the first real layer."""
    if not layers or layers[0]["class_name"] != "InputLayer":
        return layers
    shape = layers[0]["config"]["batch_input_shape"]
    if len(layers) == 1:
        return layers
    first = {**layers[1], "config": {"batch_input_shape": shape, **layers[1]["config"]}}
    return [first, *layers[2:]]
