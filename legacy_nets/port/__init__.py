"""Ports checkpoints: from any readable weight file into a format that lives, with proof.

``job.port`` writes into a folder of its own beside the target, runs both sides on the same
inputs (or compares every tensor) and only then moves the result into place.
"""
