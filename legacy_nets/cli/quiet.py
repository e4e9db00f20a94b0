"""What commands call before TensorFlow is needed: see ``legacy_nets/quiet.py``."""

from __future__ import annotations

from legacy_nets.quiet import quiet_tensorflow as quiet_tensorflow
