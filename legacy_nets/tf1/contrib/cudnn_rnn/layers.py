"""The layers CudnnLSTM, CudnnGRU, CudnnRNNTanh and CudnnRNNRelu, without cuDNN."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import ClassVar

import tensorflow.compat.v1 as tf
from tf_keras.src.legacy_tf_layers.base import Layer

from legacy_nets.tf1.contrib.cudnn_rnn import saveables
from legacy_nets.tf1.contrib.cudnn_rnn.run_layers import run_layers
from legacy_nets.tf1.contrib.cudnn_rnn.weights import (
    CUDNN_INPUT_LINEAR_MODE,
    CUDNN_RNN_BIDIRECTION,
    CUDNN_RNN_UNIDIRECTION,
    Layout,
)
from legacy_nets.types import DTypeLike, Initializer, ShapeLike, Tensor, TensorLike

__all__ = ["CudnnGRU", "CudnnLSTM", "CudnnRNNRelu", "CudnnRNNTanh"]


@functools.cache
def _say_once() -> None:
    tf.logging.warning(
        "tf.contrib.cudnn_rnn is computed without cuDNN, by TensorFlow's own operations"
    )


class _CudnnRNN(Layer):
    """Layers of one kind of cell.

    Args:
      num_layers: one upon the other.
      num_units: of each, in each direction.
      input_mode: ``linear_input``; the others are refused.
      direction: ``unidirectional`` or ``bidirectional``.
      dropout: the part of the outputs between layers that is dropped in training.
      seed: of the dropout and the first weights.
      dtype: float16, float32 or float64.
      kernel_initializer: of each matrix; Glorot's without.
      bias_initializer: of each bias; zeros without.
      name: of the layer.

    Raises:
      ValueError: an argument that cuDNN does not take.
    """

    _mode: ClassVar[str]
    _saveable_class: ClassVar[type[saveables._Saveable]]

    def __init__(
        self,
        num_layers: int,
        num_units: int,
        input_mode: str = CUDNN_INPUT_LINEAR_MODE,
        direction: str = CUDNN_RNN_UNIDIRECTION,
        dropout: float = 0.0,
        seed: int | None = None,
        dtype: DTypeLike = tf.float32,
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        if direction not in (CUDNN_RNN_UNIDIRECTION, CUDNN_RNN_BIDIRECTION):
            raise ValueError(
                f"Invalid direction: {direction}, expecting {CUDNN_RNN_UNIDIRECTION} or "
                f"{CUDNN_RNN_BIDIRECTION}"
            )
        if input_mode != CUDNN_INPUT_LINEAR_MODE:
            raise ValueError(
                f"tf.contrib.cudnn_rnn: the input_mode {input_mode!r} is not offered by "
                f"legacy_nets: take {CUDNN_INPUT_LINEAR_MODE!r}"
            )
        self.num_layers = num_layers
        self.num_units = num_units
        self.input_mode = input_mode
        self.direction = direction
        self.saveable: saveables._Saveable | None = None
        self._rate = dropout
        self._seed = seed
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer

    @property
    def num_dirs(self) -> int:
        """2, or 1."""
        return 2 if self.direction == CUDNN_RNN_BIDIRECTION else 1

    @property
    def rnn_mode(self) -> str:
        """The kind of cell, by cuDNN's name."""
        return self._mode

    @property
    def input_size(self) -> int:
        """The last size of the inputs. Raises ValueError before the layer is built."""
        if not self.built:
            raise ValueError("'input_size' is unknown since layer has not been built.")
        return self._layout.input_size

    @property
    def canonical_weight_shapes(self) -> list[tuple[int, int]]:
        """Shapes of all matrices, in cuDNN's order."""
        return self._layout.list_weight_shapes()

    @property
    def canonical_bias_shapes(self) -> list[list[int]]:
        """Shapes of all biases, in cuDNN's order."""
        return self._layout.list_bias_shapes()

    def build(self, input_shape: ShapeLike) -> None:
        """Makes the vector of all weights, for inputs [T, N, D]."""
        shape = tf.TensorShape(input_shape)
        if shape.rank != 3:
            raise ValueError(f"Expecting input_shape with 3 dims, got {shape.rank}")
        depth = shape.as_list()[-1]
        if depth is None:
            raise ValueError(
                "The last dimension of the inputs to `CudnnRNN` should be defined. Found `None`."
            )
        _say_once()
        self._layout = Layout(
            self._mode, self.num_layers, self.num_units, depth, self.num_dirs == 2
        )
        self.kernel = self.add_weight(
            "opaque_kernel", [self._count_weights()], initializer=self._initialize
        )
        if not tf.get_variable_scope().reuse:
            self.saveable = self._saveable_class(
                self.kernel, self.num_layers, self.num_units, depth, self.input_mode,
                self.direction, self._scope, f"{self.kernel.op.name}_saveable",
            )  # fmt: skip
            tf.add_to_collection(tf.GraphKeys.SAVEABLE_OBJECTS, self.saveable)
        self.built = True

    def _count_weights(self) -> int:
        shapes = [*self._layout.list_weight_shapes(), *self._layout.list_bias_shapes()]
        return sum(math.prod(shape) for shape in shapes)

    def _initialize(self, shape: ShapeLike, dtype: DTypeLike, **_options: object) -> Tensor:
        """Draws each matrix and bias by itself, in cuDNN's order."""
        kernel = self._kernel_initializer or tf.glorot_uniform_initializer(self._seed, dtype)
        bias = self._bias_initializer or tf.zeros_initializer(dtype)
        parts = [kernel(shape, dtype=dtype) for shape in self._layout.list_weight_shapes()]
        parts += [bias(shape, dtype=dtype) for shape in self._layout.list_bias_shapes()]
        return tf.concat([tf.reshape(part, [-1]) for part in parts], 0)

    def state_shape(self, batch_size: TensorLike) -> tuple[list[TensorLike], ...]:
        """Returns the shapes of the states: h and c of an LSTM, h of the others."""
        shape = [self.num_layers * self.num_dirs, batch_size, self.num_units]
        return (shape, shape) if self._mode == "lstm" else (shape,)

    def call(
        self,
        inputs: TensorLike,
        initial_state: tuple[TensorLike, ...] | None = None,
        sequence_lengths: TensorLike | None = None,
        time_major: bool = True,
        training: bool = True,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Runs the layers over a batch of sequences.

        Args:
          inputs: [T, N, D], or [N, T, D] where not ``time_major``.
          initial_state: tensors of ``state_shape``; zeros without.
          sequence_lengths: int32 [N]; outputs after the end of a sequence are 0.
          time_major: whether time comes first, in inputs and outputs.
          training: whether outputs between layers are dropped.

        Returns:
          The outputs [T, N, num_dirs * units], and the last states.

        Raises:
          TypeError: ``initial_state`` is no tuple.
        """
        if initial_state is not None and not isinstance(initial_state, tuple):
            raise TypeError(f"Invalid initial_state type: {initial_state}, expecting tuple.")
        outputs = tf.convert_to_tensor(inputs, self.dtype)
        if not time_major:
            outputs = tf.transpose(outputs, [1, 0, 2])
        if initial_state is None:
            shapes = self.state_shape(tf.shape(outputs)[1])
            initial_state = tuple(tf.zeros(shape, self.dtype) for shape in shapes)
        outputs, states = run_layers(
            self._layout,
            self.kernel,
            outputs,
            initial_state,
            sequence_lengths,
            self._drop(training),
        )
        return (outputs if time_major else tf.transpose(outputs, [1, 0, 2])), states

    def _drop(self, training: bool) -> Callable[[Tensor], Tensor] | None:
        """Returns what drops outputs between layers, if anything does."""
        if not training or not self._rate:
            return None
        return functools.partial(tf.nn.dropout, rate=self._rate, seed=self._seed)


class CudnnLSTM(_CudnnRNN):
    """LSTM layers without peepholes, clipping and forget bias."""

    _mode = "lstm"
    _saveable_class = saveables.CudnnLSTMSaveable


class CudnnGRU(_CudnnRNN):
    """GRU layers whose reset gate acts after the recurrent product."""

    _mode = "gru"
    _saveable_class = saveables.CudnnGRUSaveable


class CudnnRNNTanh(_CudnnRNN):
    """Layers of plain cells with tanh."""

    _mode = "rnn_tanh"
    _saveable_class = saveables.CudnnRNNTanhSaveable


class CudnnRNNRelu(_CudnnRNN):
    """Layers of plain cells with ReLU."""

    _mode = "rnn_relu"
    _saveable_class = saveables.CudnnRNNReluSaveable
