"""Runs unmodified TensorFlow 1 scripts: launcher, import hook, and what moved around them."""
