"""Data sets, batches, pixels."""
