"""AddSign (arXiv:1709.07417)."""

from __future__ import annotations

from legacy_nets.tf1.contrib.opt.sign_decay import SignDecay
from legacy_nets.tf1.contrib.opt.sign_optimizer import SignOptimizer
from legacy_nets.types import Tensor, TensorLike

__all__ = ["AddSignOptimizer"]


class AddSignOptimizer(SignOptimizer):
    """Steps of ``alpha + sign_decay * sign(g) * sign(m)`` times the gradient g.

    Args:
      learning_rate: of a step.
      alpha: the factor where the signs count nothing.
      beta: decay of the moving average m.
      sign_decay_fn: the sign's weight by the global step; 1 without.
      use_locking: whether updates lock the variables.
      name: of the variables that it makes.
    """

    _kernel = "ApplyAddSign"
    _factor_name = "alpha"

    def __init__(
        self,
        learning_rate: TensorLike = 0.1,
        alpha: float = 1.0,
        beta: TensorLike = 0.9,
        sign_decay_fn: SignDecay | None = None,
        use_locking: bool = False,
        name: str = "AddSignOptimizer",
    ) -> None:
        super().__init__(learning_rate, alpha, beta, sign_decay_fn, use_locking, name)

    def _scale(self, numbers: dict[str, Tensor], agreement: Tensor) -> Tensor:
        return numbers["alpha"] + agreement
