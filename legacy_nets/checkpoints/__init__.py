"""Checkpoints: reading, restoring by a plan, saving whole or not at all."""
