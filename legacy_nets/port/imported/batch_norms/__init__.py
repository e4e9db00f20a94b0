"""Batch norms that were built for training."""
