"""Commands that run a net: evaluate and predict."""
