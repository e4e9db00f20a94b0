"""Commands that run a net: evaluate, predict and score."""
