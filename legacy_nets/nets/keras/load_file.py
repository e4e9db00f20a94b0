"""Loads a complete Keras model (.h5 of Keras 1 or 2) into a graph.

A Lambda layer holds Python code, which is never run: it is refused. Read untrusted files in a
sandboxed process.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.h5 import is_model_of_theano, read_attribute
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.graphdef.control_flow import use_old_control_flow
from legacy_nets.nets.keras.keras1_config import translate_config
from legacy_nets.runner.keras_1_15 import count_kernels, rotate_kernels
from legacy_nets.types import KerasModel as Model
from legacy_nets.types import Session

_LAMBDAS = ("Lambda", "__lambda__")  # a layer, and a function in the place of an activation
_KERAS_MODULE = re.compile(r"builtins$|(tf_)?keras(\.|$)|tensorflow\.(python\.)?keras(\.|$)")
_MAX_MESSAGE = 300


@contextlib.contextmanager
def load_keras_model(path: Path, unrolls_loops: bool = False) -> Iterator[tuple[Model, Session]]:
    """Loads a model for inference; yields it and the session that has its weights.

    Its graph is the default graph meanwhile. ``unrolls_loops``: recurrent layers of a known number
    of steps are no loops, which TensorFlow Lite needs.
    Raises BadInputError for a Lambda layer, and for what Keras cannot load.
    """
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        backend = tf.keras.backend
        backend.set_session(session)
        backend.set_learning_phase(0)
        config = _read_config(path)
        _check_layers(path, config)
        try:
            # ONNX has no lists of tensors, as today's loops use
            with use_old_control_flow(), _write_every_step():
                model = _load(path, config, unrolls_loops)
        except (BadInputError, MemoryError):
            raise
        except Exception as error:  # Keras and its layers raise anything for a damaged model
            version = _read_version(path)
            if version.startswith("3."):
                raise BadInputError(
                    f"{path}: Keras {version} wrote it, whose models Keras 2 cannot load: in Keras "
                    "3 export it (model.export), or port its weights alone (--to npz)"
                ) from error
            raise BadInputError(
                f"{path}: Keras cannot load it ({type(error).__name__}: "
                f"{join_lines(error)[:_MAX_MESSAGE]}): port its weights alone, or --net NAME"
            ) from error
        yield model, session


def _load(path: Path, config: dict[str, object], unrolls_loops: bool) -> Model:
    """Loads a model without what only training needs."""
    model = _load_as_tensorflow(path, config, unrolls_loops)
    if is_model_of_theano(path):
        _rotate_kernels(model)
    return model


def _load_as_tensorflow(path: Path, config: dict[str, object], unrolls_loops: bool) -> Model:
    """Loads a model whose kernels are as in the file."""
    if _is_keras1(path):
        config = translate_config(path, config)
    elif not unrolls_loops:
        return tf.keras.models.load_model(str(path), compile=False)
    for item in _iterate_objects(config) if unrolls_loops else ():
        settings = item.get("config")
        if isinstance(settings, dict) and "unroll" in settings:
            settings["unroll"] = True
    model = tf.keras.models.model_from_config(config)
    model.load_weights(str(path))  # translates recurrent layers and kernels in Theano's order
    return model


def _read_version(path: Path) -> str:
    """Reads the version of the Keras that wrote a file; "" where it recorded none."""
    version = read_attribute(path, "keras_version") or ""
    return version.decode() if isinstance(version, bytes) else str(version)


def _is_keras1(path: Path) -> bool:
    """Whether Keras 0 or 1 wrote a file: later ones record their version."""
    version = _read_version(path)
    return not version or version.startswith(("0.", "1."))


def _read_config(path: Path) -> dict[str, object]:
    """Reads the configuration of a model. Raises BadInputError."""
    text = read_attribute(path, "model_config")
    try:
        config = json.loads(text if isinstance(text, (str, bytes)) else "")
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: its model_config is damaged ({error})") from None
    if not isinstance(config, dict):
        raise BadInputError(f"{path}: its model_config is damaged: no JSON object")
    return config


def _check_layers(path: Path, config: dict[str, object]) -> None:
    """Raises BadInputError for Python code in a model, and for a layer of another module than
    Keras' or that no CPU computes; it names the layer.
    """
    for item in _iterate_objects(config):
        settings, class_name = item.get("config"), str(item.get("class_name"))
        settings = settings if isinstance(settings, dict) else {}
        name, module = settings.get("name", item.get("name")), item.get("module")
        if class_name in _LAMBDAS:
            raise BadInputError(
                f"{path}: the layer {name} is a Lambda, Python code in the file, which is not run: "
                "build the model in Python, save its weights (model.save_weights), or port the "
                "weights alone (--to npz)"
            )
        if module is not None and not _KERAS_MODULE.match(str(module)):
            raise BadInputError(
                f"{path}: {name or class_name} is of the module {str(module)[:40]}, code outside "
                "Keras, which is not run: port its weights alone (--to npz)"
            )
        is_first = "channels_first" in settings.values() or settings.get("dim_ordering") == "th"
        if is_first and ("Conv" in class_name or "Pool" in class_name):
            raise BadInputError(
                f"{path}: the layer {name} is channels_first, which TensorFlow computes on GPUs "
                "alone: port its weights alone (--to npz)"
            )


def _iterate_objects(config: object) -> Iterator[dict[str, object]]:
    """Yields every layer, model and other object of a configuration."""
    if isinstance(config, dict):
        if "class_name" in config or "module" in config:
            yield config
        for value in config.values():
            yield from _iterate_objects(value)
    elif isinstance(config, list):
        for value in config:
            yield from _iterate_objects(value)


def _rotate_kernels(model: Model) -> None:
    """Rotates the kernels of convolutions that Theano wrote.

    So did the loader of Keras 2 (``preprocess_weights_for_loading``); TensorFlow's has dropped it.
    Layers in wrappers and in models inside the model count once, however often they are called.
    """
    for layer in model.submodules:
        count = count_kernels(layer)
        if count:
            layer.set_weights(rotate_kernels(layer.get_weights(), count))


@contextlib.contextmanager
def _write_every_step() -> Iterator[None]:
    """Lets recurrent layers write each step to a place of its own, as Keras 2.3 did.

    Keras has come to write all steps to one place where only the last is asked for, which the
    loops of TensorFlow 1 refuse. The last step is the same.
    """
    module = sys.modules[tf.keras.backend.rnn.__module__]
    rnn = module.rnn

    @functools.wraps(rnn)
    def write_every_step(*arguments: object, **options: object) -> object:
        return rnn(*arguments, **{**options, "return_all_outputs": True})

    module.rnn = write_every_step  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.rnn = rnn  # type: ignore[attr-defined]
