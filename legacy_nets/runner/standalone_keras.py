"""``import keras`` under ``run``: Keras 2.3.1's names, defaults and files, on tf_keras.

The package keras numbered layers from 1, where tf.keras of 1.15 began without a number, and had
other defaults. A process has one tf_keras: once the script imports keras, tf.keras follows it.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from legacy_nets import tf1
from legacy_nets.runner.keras_1_15 import import_module
from legacy_nets.runner.keras_configs import translate_config
from legacy_nets.types import DTypeLike, ShapeLike, TensorLike, Variable

VERSION = "2.3.1"


class Default(NamedTuple):
    """A default of Keras 2.3.1, where tf_keras has another."""

    path: str  # of a function below tf.keras, or of a class: its constructor
    parameter: str
    value: object


DEFAULTS = (
    Default("layers.LSTM", "recurrent_activation", "sigmoid"),
    Default("layers.LSTMCell", "recurrent_activation", "sigmoid"),
    Default("layers.GRU", "recurrent_activation", "sigmoid"),
    Default("layers.GRUCell", "recurrent_activation", "sigmoid"),
    Default("optimizers.Adadelta", "learning_rate", 1.0),
    Default("optimizers.Adagrad", "learning_rate", 0.01),
    Default("optimizers.Adagrad", "initial_accumulator_value", 0.0),
    Default("optimizers.Adamax", "learning_rate", 0.002),
    Default("optimizers.Nadam", "learning_rate", 0.002),
    Default("preprocessing.image.apply_affine_transform", "row_axis", 0),
    Default("preprocessing.image.apply_affine_transform", "col_axis", 1),
    Default("preprocessing.image.apply_affine_transform", "channel_axis", 2),
)
# Names that Keras 2.3.1 had for others, by module.
ALIASES = {
    "optimizers": {
        name.lower(): name
        for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam")
    },
    "initializers": {"zero": "zeros", "one": "ones"},
    "constraints": {"maxnorm": "max_norm", "nonneg": "non_neg", "unitnorm": "unit_norm"},
}


@functools.cache
def load() -> types.ModuleType:
    """Returns the package keras. The first call switches this process to Keras 2.3.1."""
    backend = import_module("tf_keras.src.backend")
    backend.unique_object_name = _number_from_1(backend.unique_object_name)
    utils = import_module("tf_keras.src.engine.base_layer_utils")
    utils.make_variable = _make_initial_value_first(utils.make_variable)
    training = import_module("tf_keras.src.engine.training_utils_v1")
    training.get_metric_name = _keep_metric_name(training.get_metric_name)
    import_module("tf_keras.src").__version__ = VERSION
    files = import_module("tf_keras.src.saving.legacy.hdf5_format")
    files.save_attributes_to_hdf5_group = _write_bytes(files.save_attributes_to_hdf5_group)
    backend.RandomGenerator.make_legacy_seed = _draw_seed(backend.RandomGenerator.make_legacy_seed)
    _order_weights(import_module("tf_keras.src.engine.training_v1").Model)
    saving = import_module("tf_keras.src.saving.legacy.saving_utils")
    saving.model_metadata = _translate_result(saving.model_metadata)
    model = import_module("tf_keras.src.engine.training").Model
    model._updated_config = _translate_result(model._updated_config)
    for path, parameter, value in DEFAULTS:
        _set_default(path, parameter, value)
    for name in ("LSTM", "LSTMCell", "GRU", "GRUCell"):
        layer = getattr(tf1.keras.layers, name)
        layer.__init__ = _choose_implementation_2(layer.__init__)
    for module, aliases in ALIASES.items():
        for alias, name in aliases.items():
            names = vars(getattr(tf1.keras, module))
            names.setdefault(alias, names[name])
    return tf1.ExtendedNamespace(tf1.keras, "keras", __version__=VERSION)


def _number_from_1(unique_object_name: Callable[..., str]) -> Callable[..., str]:
    """Numbers layers and models from 1; tf.layers has counters of its own."""

    @functools.wraps(unique_object_name)
    def numbered(
        name: str, name_uid_map: dict[tuple[str, str], int] | None = None, *arguments: object,
        zero_based: bool = False, **options: object,
    ) -> str:  # fmt: skip
        zero_based = zero_based and name_uid_map is not None
        return unique_object_name(name, name_uid_map, *arguments, zero_based=zero_based, **options)

    return numbered


def _keep_metric_name(get_metric_name: Callable[..., str]) -> Callable[..., str]:
    """Reports a metric by the name that the user gave: "accuracy", not "acc"."""

    @functools.wraps(get_metric_name)
    def named(metric: object, weighted: bool = False) -> str:
        return metric if isinstance(metric, str) else get_metric_name(metric, weighted)

    return named


def _write_bytes(save_attributes: Callable[..., None]) -> Callable[..., None]:
    """Writes names into h5 files as bytes of fixed length, as h5py 2 did, and Keras 2.3.1 reads."""

    @functools.wraps(save_attributes)
    def save(group: object, name: str, data: list[bytes]) -> None:
        save_attributes(group, name, np.asarray(data))

    return save


def _translate_result(describe: Callable[..., object]) -> Callable[..., object]:
    """Writes models into files with the class names and arguments of Keras 2.3.1."""

    @functools.wraps(describe)
    def translated(*arguments: object, **options: object) -> object:
        return translate_config(describe(*arguments, **options))

    return translated


def _order_weights(model: Any) -> None:
    """Lists the trainable weights of a model before the others; get_weights goes by layers."""
    backend = import_module("tf_keras.src.backend")

    def weights(self: Any) -> list[Variable]:
        return self._dedup_weights([*self.trainable_weights, *self.non_trainable_weights])

    def list_by_layers(self: Any) -> list[Variable]:
        listed = [weight for layer in self.layers for weight in layer.weights]
        own = [weight for weight in self.weights if all(weight is not one for one in listed)]
        return own + listed

    def get_weights(self: Any) -> list[np.ndarray]:
        return backend.batch_get_value(list_by_layers(self))

    def set_weights(self: Any, values: Sequence[np.ndarray]) -> None:
        variables = list_by_layers(self)
        if len(values) != len(variables):
            raise ValueError(
                f"model {self.name} has {len(variables)} weights, and set_weights got "
                f"{len(values)}: pass one array for each of get_weights()"
            )
        backend.batch_set_value(list(zip(variables, values, strict=True)))

    model.weights, model.get_weights, model.set_weights = (
        property(weights),
        get_weights,
        set_weights,
    )


def _set_default(path: str, parameter: str, value: object) -> None:
    """Changes the default of a parameter of a function, or of a class's constructor."""
    function: Any = tf1.keras
    for name in path.split("."):
        function = getattr(function, name)
    if inspect.isclass(function):
        function = function.__init__
    function = inspect.unwrap(function)
    code, defaults = function.__code__, list(function.__defaults__)
    positions = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    defaults[positions.index(parameter)] = value
    function.__defaults__ = tuple(defaults)


def _choose_implementation_2(init: Callable[..., None]) -> Callable[..., None]:
    """Lets a recurrent layer multiply by one matrix a step, as Keras 2.3 did by default."""

    @functools.wraps(init)
    def constructor(self: object, *arguments: object, **options: object) -> None:
        options.setdefault("implementation", 2)
        init(self, *arguments, **options)

    return constructor


def _make_initial_value_first(make_variable: Callable[..., Variable]) -> Callable[..., Variable]:
    """Draws a weight in its layer's name scope, with a seed from NumPy's global generator."""

    @functools.wraps(make_variable)
    def made(
        name: str, shape: ShapeLike = None, dtype: DTypeLike = None, initializer: object = None,
        **options: object,
    ) -> Variable:  # fmt: skip
        if callable(initializer) and not inspect.isclass(initializer) and shape is not None:
            initializer = _draw(initializer, shape, dtype)
        return make_variable(name, shape, dtype, initializer, **options)

    return made


def _draw_seed(make_legacy_seed: Callable[..., int | None]) -> Callable[..., int | None]:
    """Seeds dropout and noise from NumPy's global generator where the user gives no seed."""

    @functools.wraps(make_legacy_seed)
    def draw(self: object) -> int | None:
        seed = make_legacy_seed(self)
        return int(np.random.randint(10_000_000)) if seed is None else seed

    return draw


def _draw(initializer: Any, shape: ShapeLike, dtype: DTypeLike) -> TensorLike:
    """Returns an initial value as Keras 2.3.1 makes it: a tensor, or an array of NumPy."""
    sizes = tuple(int(size) for size in shape)
    kind = type(initializer).__name__
    if kind in ("Zeros", "Ones"):
        return tf1.constant(int(kind == "Ones"), dtype, sizes)
    if kind == "Constant" and np.ndim(initializer.value) == 0:
        return tf1.constant(initializer.value, dtype, sizes)
    if kind == "Orthogonal":
        return tf1.constant(_draw_orthogonal(initializer, sizes), dtype)
    if getattr(initializer, "seed", 0) is not None:
        value = initializer(shape, dtype=dtype)
        if isinstance(getattr(initializer, "seed", None), int):
            initializer.seed += 1  # the next weight gets other numbers
        return value
    initializer.seed = np.random.randint(10_000_000)
    try:
        return initializer(shape, dtype=dtype)
    finally:
        initializer.seed = None


def _draw_orthogonal(initializer: Any, shape: tuple[int, ...]) -> np.ndarray:
    generator: Any = np.random
    if initializer.seed is not None:
        generator = np.random.RandomState(initializer.seed)
        initializer.seed += 1
    flat = (int(np.prod(shape[:-1])), shape[-1])
    u, _, v = np.linalg.svd(generator.normal(0.0, 1.0, flat), full_matrices=False)
    matrix = (u if u.shape == flat else v).reshape(shape)
    return initializer.gain * matrix
