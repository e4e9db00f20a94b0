"""The version of this package, its only copy."""

__version__ = "0.1.0"
