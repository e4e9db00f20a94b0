"""Rewrites TensorFlow 1 scripts as source that plain ``python`` runs with legacy_nets."""
