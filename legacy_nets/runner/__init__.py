"""Runs unmodified TensorFlow 1 scripts: launcher, import hook, and shims for removed names."""
