"""What a time series model knows from one batch to the next."""

from __future__ import annotations

import abc
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.errors import BadInputError
from legacy_nets.tf1.contrib.timeseries.math_utils import (
    InputStatistics,
    TupleOfTensorsLookup,
    replicate_state,
)
from legacy_nets.tf1.contrib.timeseries.model import STATE_TUPLE, TIMES, VALUES, ModelOutputs
from legacy_nets.types import Structure, Tensor, TensorLike


class PassthroughStateManager:
    """Every batch begins with the model's start state."""

    def __init__(self) -> None:
        self._input_statistics: InputStatistics | None = None

    def initialize_graph(self, model: Any, input_statistics: InputStatistics | None = None) -> None:
        """Begins a graph."""
        self._input_statistics = input_statistics

    def define_loss(self, model: Any, features: dict[str, Tensor], mode: str) -> ModelOutputs:
        """The model's; raises BadInputError where the features hold a state."""
        if STATE_TUPLE in features:
            raise BadInputError(
                f"this model begins with its own state: leave {STATE_TUPLE!r} out of the features"
            )
        outputs: ModelOutputs = model.define_loss(features, mode)
        return outputs


class _OverridableStateManager(PassthroughStateManager, abc.ABC):
    """Evaluation may begin with a state among the features."""

    def define_loss(self, model: Any, features: dict[str, Tensor], mode: str) -> ModelOutputs:
        """From the given state if there is one, which training must not have (BadInputError)."""
        if STATE_TUPLE not in features:
            return self._define_loss_with_saved_state(model, features, mode)
        if mode == "train":
            raise BadInputError(f"training begins with its own state: leave {STATE_TUPLE!r} out")
        others = {name: value for name, value in features.items() if name != STATE_TUPLE}
        outputs: ModelOutputs = model.get_batch_loss(
            features=others, mode=mode, state=features[STATE_TUPLE]
        )
        return outputs

    @abc.abstractmethod
    def _define_loss_with_saved_state(
        self, model: Any, features: dict[str, Tensor], mode: str
    ) -> ModelOutputs:
        """What to do where no state is given."""


class FilteringOnlyStateManager(_OverridableStateManager):
    """Training takes no state, as ARModel's; evaluation may."""

    def _define_loss_with_saved_state(
        self, model: Any, features: dict[str, Tensor], mode: str
    ) -> ModelOutputs:
        outputs: ModelOutputs = model.define_loss(features, mode)
        return outputs


class ChainingStateManager(_OverridableStateManager):
    """Each window begins with the state that an earlier batch left for its time.

    Windows of a batch belong to one series. States are kept for every ``state_saving_interval``
    times, and with ``checkpoint_state`` in checkpoints, too.
    """

    def __init__(self, state_saving_interval: int = 20, checkpoint_state: bool = False) -> None:
        super().__init__()
        self._interval = state_saving_interval
        self._checkpoint = checkpoint_state
        self._start_state: Any = None
        self._saved: Any = None

    def initialize_graph(self, model: Any, input_statistics: InputStatistics | None = None) -> None:
        """Begins a graph with empty tables."""
        super().initialize_graph(model, input_statistics)
        self._start_state = model.get_start_state()
        self._saved = TupleOfTensorsLookup(
            self._start_state, -1, -2, "cached_states", self._checkpoint
        )

    def _begin(self, times: TensorLike) -> Structure:
        """States for windows that begin at times [N].

        The first of the series takes the model's start state itself, so that it is trained.
        """
        known = self._input_statistics
        first = 0 if known is None else known.start_time
        numbers = times // self._interval
        is_first = tf.equal(numbers, first // self._interval)
        start = replicate_state(self._start_state, tf.shape(times)[0])
        saved = self._saved.lookup(numbers)
        return tf.nest.map_structure(lambda new, old: tf.where(is_first, new, old), start, saved)

    def _define_loss_with_saved_state(
        self, model: Any, features: dict[str, Tensor], mode: str
    ) -> ModelOutputs:
        if self._saved is None:
            raise BadInputError("this state manager has no graph yet: call initialize_graph()")
        times = tf.cast(features[TIMES], tf.int64)
        loss, states, predictions = model.per_step_batch_loss(
            features=features, mode=mode, state=self._begin(times[:, 0])
        )
        # A state is for the time that follows, and never for its own part of the series.
        following = tf.concat([times[:, 1:], times[:, -1:] + 1], 1)
        numbers = tf.maximum(following // self._interval, times // self._interval + 1)
        with tf.control_dependencies([self._saved.insert(numbers, states)]):
            loss = tf.identity(loss)
        end = tf.nest.map_structure(lambda value: value[-1:, -1], states)
        return ModelOutputs(
            loss, end, {**predictions, "observed": features[VALUES]}, features[TIMES]
        )
