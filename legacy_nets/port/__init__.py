"""Ports checkpoints and graphs to other formats, and verifies the result.

``pipeline.port`` writes the target into a staging directory and compares it with the original: the
outputs on the same inputs, or every tensor. Only a verified target is published.
"""
