"""What ``legacy-nets run`` was told that modules of ``legacy_nets.tf1`` ask for."""

from __future__ import annotations

synthetic_data = False  # --data synthetic: drawn data stand in for what is not there
tf2 = False  # --tf2: the script's own modules keep TensorFlow 2, with Keras 2
