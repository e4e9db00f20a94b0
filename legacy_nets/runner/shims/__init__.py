"""Shims for small parts of numpy, scipy and Python that were removed (``REMOVED_NAMES``)."""
