"""Readers of weight files, one format a file. None of them executes what it reads."""
