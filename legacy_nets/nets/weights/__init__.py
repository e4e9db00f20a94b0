"""Weights of other frameworks: their names and layouts, and how they map to the nets' variables."""
