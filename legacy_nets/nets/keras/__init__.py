"""Nets of document 004 as Keras models, whose weights have the names of the graph nets."""
