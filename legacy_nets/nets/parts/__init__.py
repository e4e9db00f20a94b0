"""Blocks of nets whose file would be too long with them, and what several nets share."""
