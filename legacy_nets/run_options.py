"""Options of ``legacy-nets run`` that modules of ``legacy_nets.tf1`` and the runner read."""

from __future__ import annotations

SYNTHETIC = "synthetic"  # the value of --data that is no folder

is_run = False  # whether this process runs a script by ``legacy-nets run``
data: str | None = None  # --data: "synthetic", or a folder with files of data sets
tf2 = False  # --tf2: the script's own modules keep TensorFlow 2, with Keras 2
