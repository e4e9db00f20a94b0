"""Rebuilds a model of Keras 2 from today's layers, with its weights.

Keras 3's own loader of .h5 files refuses nested models, recurrent layers and others. Here each
layer is made from its settings, and the layers are called as the configuration says. The result is
run and compared with the original: a layer that has come to compute something else is noticed.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from legacy_nets.errors import BadInputError, list_first
from legacy_nets.port.formats.keras.archive import (
    add_metadata,
    check_ending,
    save_archive,
    without_advice,
)
from legacy_nets.port.formats.keras.hard_sigmoid import HARD_SIGMOID, can_scale, scale_weights
from legacy_nets.port.jobs import Metadata
from legacy_nets.port.verify import Run
from legacy_nets.types import Array

if TYPE_CHECKING:
    from keras import KerasTensor, Layer, Model

_MODELS = ("Functional", "Model", "Sequential")
_MERGES = ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract")
_RECURRENT = ("RNN", "SimpleRNN", "GRU", "LSTM", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
_OF_EVERY_LAYER = {"name", "trainable", "dtype", "activity_regularizer"}
# Settings that today's layers do not have, and that change no output.
_LEFT_OUT = {
    *("batch_input_shape", "implementation", "input_length", "groups"),
    *("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
}
_NEW_NAMES = {("LeakyReLU", "alpha"): "negative_slope"}
_ADVICE = "port the model to onnx or saved_model, which keep it"

Settings: TypeAlias = "dict[str, object]"


class KerasModel(NamedTuple):
    """A model of Keras 2 as data."""

    class_name: str
    config: Settings
    weights: Mapping[tuple[str, ...], list[Array]]  # names of models and layer -> its weights
    inputs: tuple[str, ...]  # what its frozen graph calls them
    outputs: tuple[str, ...]


def rebuild_model(model: KerasModel, label: str) -> tuple[Model, tuple[str, ...]]:
    """Rebuilds a model; returns it and notes. ``label``: what errors call it.

    Raises BadInputError for a layer or setting that today's Keras does not have; it names it.
    """
    builder = _Builder(model, label)
    built = builder.build(model.class_name, model.config, ())
    scaled = builder.set_weights()
    note = f"weights before hard_sigmoid are multiplied by 1.2, as its slope is 1/6: {scaled}"
    return built, ((note,) if scaled else ())


class _Builder:
    """Builds one model and the models in it."""

    def __init__(self, model: KerasModel, label: str) -> None:
        self._model = model
        self._label = label
        self._layers: dict[tuple[str, ...], Layer] = {}  # names of models and layer -> the layer

    def build(self, class_name: str, config: Settings, path: tuple[str, ...]) -> Model:
        """Builds a model. ``path``: the names of the models that it is in, and its own."""
        layers = [item for item in _list(config.get("layers")) if isinstance(item, dict)]
        if class_name == "Sequential":
            return self._build_sequential(config, layers, path)
        return self._build_functional(config, layers, path)

    def _build_sequential(
        self, config: Settings, items: Sequence[Settings], path: tuple[str, ...]
    ) -> Model:
        import keras

        layers: list[Layer | KerasTensor] = []
        for item in items:
            settings = _get_settings(item)
            if not layers and "batch_input_shape" in settings:
                layers.append(self._make_input(settings))
            if item["class_name"] != "InputLayer":
                layers.append(self._make_layer(str(item["class_name"]), settings, path))
        return keras.Sequential(layers, name=_get_name(config))

    def _build_functional(
        self, config: Settings, items: Sequence[Settings], path: tuple[str, ...]
    ) -> Model:
        import keras

        layers: dict[str, Layer] = {}
        tensors: dict[tuple[str, int], list[KerasTensor]] = {}  # layer, number of its call
        waiting: list[tuple[str, int, object]] = []
        for item in items:
            name, settings = str(item["name"]), _get_settings(item)
            if item["class_name"] == "InputLayer":
                tensors[name, 0] = [self._make_input(settings)]
                continue
            layers[name] = self._make_layer(str(item["class_name"]), settings, path)
            calls = enumerate(_list(item.get("inbound_nodes")), _count_own_calls(item))
            waiting += [(name, number, call) for number, call in calls]
        classes = {str(item["name"]): str(item["class_name"]) for item in items}
        while waiting:
            later = []
            for name, number, call in waiting:
                sources = self._list_sources(name, call)
                if any(source[:2] not in tensors for source in sources):
                    later.append((name, number, call))
                    continue
                inputs = [tensors[source[:2]][source[2]] for source in sources]
                tensors[name, number] = _call(layers[name], classes[name], inputs)
            if len(later) == len(waiting):
                raise self._refuse(later[0][0], "is called on itself")
            waiting = later
        ends = [
            [tensors[name, number][index] for name, number, index in _list_ends(config.get(key))]
            for key in ("input_layers", "output_layers")
        ]
        inputs, outputs = (end[0] if len(end) == 1 else end for end in ends)
        return keras.Model(inputs, outputs, name=_get_name(config))

    def _list_sources(self, name: str, call: object) -> list[tuple[str, int, int]]:
        """Lists the tensors that a layer is called with: layer, number of its call, output."""
        sources = []
        for source in _list(call):
            match source:
                case [str(layer), int(number), int(index)]:
                    options: object = {}
                case [str(layer), int(number), int(index), options]:
                    pass
                case _:
                    raise self._refuse(name, "is called in a way that is not known")
            given = options.items() if isinstance(options, dict) else ()
            extra = [key for key, value in given if value not in (None, False)]
            if extra:
                raise self._refuse(name, f"is called with {', '.join(map(str, extra))}")
            sources.append((layer, number, index))
        return sources

    def _make_input(self, settings: Settings) -> KerasTensor:
        import keras

        shape = settings.get("batch_input_shape", settings.get("batch_shape"))
        if not isinstance(shape, (list, tuple)):
            raise self._refuse(settings.get("name"), "has no recorded shape of its input")
        dtype = settings.get("dtype")
        return keras.Input(
            batch_shape=tuple(shape),
            dtype=dtype if isinstance(dtype, str) else "float32",
            name=_get_name(settings),
        )

    def _make_layer(self, class_name: str, settings: Settings, path: tuple[str, ...]) -> Layer:
        import keras

        if class_name in _MODELS:
            return self.build(class_name, settings, (*path, str(settings["name"])))
        described = self._describe_layer(class_name, settings)
        name = str(settings.get("name"))
        try:
            layer = keras.layers.deserialize(described)
        except (TypeError, ValueError, NotImplementedError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise self._refuse(name, f"({class_name}) is refused: {reason}") from error
        self._layers[(*path, name)] = layer
        return layer

    def _describe_layer(self, class_name: str, settings: Settings) -> Settings:
        """Describes a layer as today's Keras writes it, with the settings that it has."""
        import keras

        name = settings.get("name")
        layer_class = vars(keras.layers).get(class_name)
        if layer_class is None:
            raise self._refuse(name, f"is a {class_name}, which today's Keras does not have")
        parameters = {*inspect.signature(layer_class.__init__).parameters} | _OF_EVERY_LAYER
        kept: Settings = {}
        for key, value in settings.items():
            key = _NEW_NAMES.get((class_name, key), key)
            if value == HARD_SIGMOID and not can_scale(class_name, key):
                raise self._refuse(name, f"has {key} {value}, which is another function today")
            if key in parameters:
                kept[key] = self._convert_setting(key, value)
            elif value not in (None, False) and key not in _LEFT_OUT:
                raise self._refuse(name, f"has {key}={value!r}, which today's Keras does not have")
        if name is not None:
            kept["name"] = _get_name(settings)
        return {
            "module": "keras.layers",
            "class_name": class_name,
            "config": kept,
            "registered_name": None,
        }

    def _convert_setting(self, key: str, value: object) -> object:
        """Converts a setting: layers in wrappers, cells, and the policy of dtypes."""
        if key in ("layer", "backward_layer", "cell") and isinstance(value, dict):
            return self._describe_layer(str(value["class_name"]), _get_settings(value))
        if key == "cells":
            return [self._convert_setting("cell", cell) for cell in _list(value)]
        if key == "dtype" and isinstance(value, dict):
            return _get_settings(value).get("name", "float32")
        if key == "axis" and isinstance(value, list) and len(value) == 1:
            return value[0]
        return value

    def set_weights(self) -> str:
        """Sets the weights of all layers, once the model is built; lists those with others."""
        changed = []
        for path, weights in self._model.weights.items():
            if not weights:
                continue
            layer = self._layers[path]
            scaled = scale_weights(layer, weights)
            if any(new is not old for new, old in zip(scaled, weights, strict=True)):
                changed.append(path[-1])
            try:
                layer.set_weights(scaled)
            except ValueError as error:
                raise self._refuse(path[-1], "has weights of other shapes today") from error
        return list_first(changed)

    def _refuse(self, name: object, reason: str) -> BadInputError:
        return BadInputError(f"{self._label}: the layer {name} {reason}; {_ADVICE}")


def _call(layer: Layer, class_name: str, inputs: list[KerasTensor]) -> list[KerasTensor]:
    """Calls a layer; the further inputs of a recurrent one are its first state."""
    if class_name in _RECURRENT and len(inputs) > 1:
        outputs = layer(inputs[0], initial_state=inputs[1:])
    elif len(inputs) == 1 and class_name not in _MERGES:
        outputs = layer(inputs[0])
    else:
        outputs = layer(inputs)
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def _count_own_calls(item: Settings) -> int:
    """Counts the calls of a layer that no configuration lists: a model with an input has one."""
    layers = _list(_get_settings(item).get("layers"))
    first = layers[0] if layers else None
    return int(isinstance(first, dict) and first["class_name"] == "InputLayer")


def _list_ends(config: object) -> list[tuple[str, int, int]]:
    """Lists inputs or outputs of a model: layer, number of its call, output."""
    ends = _list(config)
    if len(ends) == 3 and isinstance(ends[0], str):
        ends = [ends]
    return [(str(end[0]), int(end[1]), int(end[2])) for end in ends if isinstance(end, list)]


def _get_settings(item: Settings) -> Settings:
    settings = item.get("config")
    return settings if isinstance(settings, dict) else {}


def _get_name(settings: Settings) -> str:
    """Returns a layer's name without slashes, which today's names must not have."""
    return str(settings.get("name")).replace("/", "_")


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []


def write(path: Path, model: KerasModel, metadata: Metadata, label: str) -> tuple[str, ...]:
    """Writes a model as .keras; returns notes. Raises BadInputError as ``rebuild_model``."""
    check_ending(path)
    with without_advice():
        import keras

        rebuilt, notes = rebuild_model(model, label)
        save_archive(rebuilt, path)
        keras.backend.clear_session()
    add_metadata(path, {**metadata})
    return ("a model of today's Keras: its layers can be trained further", *notes)


def run(path: Path, model: KerasModel, inputs: Mapping[str, Array]) -> Iterator[Run]:
    """Loads the file as Keras does, and runs it on inputs of those names."""
    with without_advice():
        import keras

        loaded = keras.saving.load_model(path, compile=False)
    values = loaded([inputs[name] for name in model.inputs], training=False)
    outputs = values if isinstance(values, (list, tuple)) else [values]
    yield Run("", dict(zip(model.outputs, map(np.asarray, outputs), strict=True)))
