"""``tf.contrib``: slim and layers from tf_slim, other packages from this folder."""

from __future__ import annotations

import importlib
import pathlib

from legacy_nets.errors import SetupError
from legacy_nets.tf1 import refused
from legacy_nets.tf1.late_import import import_late

try:
    with import_late("sklearn.metrics"):  # 0.9 s and 90 MB, for the scores of clusters alone
        import tf_slim as slim
        import tf_slim.nets  # noqa: F401  (slim.nets is not imported by tf_slim itself)
except ImportError as error:
    raise SetupError(
        f"tf.contrib needs the package tf_slim ({error}): pip install 'tf-slim>=1.1,<1.2'"
    ) from error

# Modules of tf_slim that use names which modules of tensorflow.python have lost since.
_NEED_OLD_MODULES = {
    "data.tfexample_decoder": ("array_ops", "control_flow_ops"),
    "layers.layers": ("array_ops",),
    "layers.optimizers": ("ops",),
    "layers.rev_block_lib": ("framework_ops",),
    "layers.utils": ("control_flow_ops", "ops"),
    "learning": ("ops",),
    "losses.metric_learning": ("control_flow_ops",),
    "metrics.histogram_ops": ("control_flow_ops",),
    "metrics.metric_ops": ("array_ops", "control_flow_ops"),
    "ops.variables": ("variable_scope",),
    "training.training": ("ops",),
}
for _module, _imports in _NEED_OLD_MODULES.items():
    _names = vars(importlib.import_module(f"tf_slim.{_module}"))
    for _name in _imports:
        _path = _names[_name].__name__.removeprefix("tensorflow")
        _names[_name] = importlib.import_module(f"legacy_nets.tf1{_path}")

_FOLDER = pathlib.Path(__file__).parent
_OFFERED = sorted(
    {path.stem for path in _FOLDER.glob("[a-z]*.py")}
    | {path.parent.name for path in _FOLDER.glob("[a-z]*/__init__.py")}
)
__all__ = ["slim", *_OFFERED]


def __getattr__(name: str) -> object:
    if name in _OFFERED:  # imported on first use
        return importlib.import_module(f"{__name__}.{name}")
    raise refused.make_error("", name)
