"""Synthetic data sets, generated from a seed: hand signs, digits, flowers, video clips."""
