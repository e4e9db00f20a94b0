"""Ports graphs that users bring: a .meta with its checkpoint, a frozen .pb, a SavedModel."""
