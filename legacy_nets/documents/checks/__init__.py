"""Measurements of what the documents state, one document a file."""
