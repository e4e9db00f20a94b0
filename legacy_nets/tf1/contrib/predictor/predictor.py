"""The base class of predictors."""

from __future__ import annotations

from collections.abc import Mapping

from legacy_nets.types import Array, Graph, Session, Tensor, TensorLike

__all__ = ["Predictor"]


class Predictor:
    """Computes arrays from arrays, in a session that stays open.

    Attributes:
      graph: the graph.
      session: the session, with the weights.
      feed_tensors: the inputs by name.
      fetch_tensors: the outputs by name.
    """

    graph: Graph
    session: Session
    feed_tensors: dict[str, Tensor]
    fetch_tensors: dict[str, Tensor]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__} with feed tensors {self.feed_tensors} and fetch_tensors "
            f"{self.fetch_tensors}"
        )

    def __call__(self, input_dict: Mapping[str, TensorLike]) -> dict[str, Array]:
        """Returns the outputs for arrays by the names of the inputs.

        Raises ValueError where a name is not that of an input.
        """
        unexpected = set(input_dict) - set(self.feed_tensors)
        if unexpected:
            raise ValueError(
                f"Got unexpected keys in input_dict: {unexpected}\n"
                f"expected: {set(self.feed_tensors)}"
            )
        fed = {self.feed_tensors[k]: value for k, value in input_dict.items() if value is not None}
        return self.session.run(self.fetch_tensors, fed)
