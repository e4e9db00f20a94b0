"""Options of ``legacy-nets run`` that modules of ``legacy_nets.tf1`` read."""

from __future__ import annotations

synthetic_data = False  # --data synthetic: replaces missing data by synthetic data
tf2 = False  # --tf2: the script's own modules keep TensorFlow 2, with Keras 2
