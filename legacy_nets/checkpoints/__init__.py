"""Checkpoints: opens them, restores by a plan, saves completely or not at all."""
