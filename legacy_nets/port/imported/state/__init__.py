"""The state of a user-supplied graph: variables and lookup tables."""
