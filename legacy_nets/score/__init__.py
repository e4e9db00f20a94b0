"""Scores any number of pictures: for each shard of them, one of classes."""
