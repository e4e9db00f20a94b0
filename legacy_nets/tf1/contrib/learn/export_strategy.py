"""``tf.contrib.learn.ExportStrategy``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from legacy_nets.types import Estimator


class ExportStrategy(NamedTuple):
    """A name, and the function ``(estimator, folder, checkpoint_path, eval_result)`` of it."""

    name: str
    export_fn: Callable[..., Any]
    strip_default_attrs: Any = None

    def export(
        self, estimator: Estimator, export_path: str, checkpoint_path: str | None = None,
        eval_result: object = None,
    ) -> object:  # fmt: skip
        """Calls the function with those of the last two that it takes."""
        offered = {"checkpoint_path": checkpoint_path, "eval_result": eval_result,
                   "strip_default_attrs": self.strip_default_attrs}  # fmt: skip
        wanted = inspect.signature(self.export_fn).parameters
        given = {name: value for name, value in offered.items() if name in wanted}
        return self.export_fn(estimator, export_path, **given)
