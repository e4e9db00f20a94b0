"""legacy_nets: TensorFlow 1 networks of five tutorials, on today's TensorFlow.

``list_nets`` and ``get_net`` answer without TensorFlow; ``build``, ``fast`` and ``legacy_nets.tf1``
import it.
"""

from __future__ import annotations

from legacy_nets.engines.fast import fast
from legacy_nets.nets.build import build_by_name as build
from legacy_nets.nets.keras.build import keras_model
from legacy_nets.registry import Net, get_net, list_nets
from legacy_nets.types import NotebookShell
from legacy_nets.version import __version__

__all__ = ["Net", "__version__", "build", "fast", "get_net", "keras_model", "list_nets"]


def load_ipython_extension(shell: NotebookShell) -> None:
    """``%load_ext legacy_nets``: cells see TensorFlow 1, as under ``run``, and have magics."""
    from legacy_nets.runner import launch

    launch.load_into_notebook(shell)
    from legacy_nets.cli import notebook  # imports TensorFlow: after the environment is set

    notebook.register_magics(shell)
