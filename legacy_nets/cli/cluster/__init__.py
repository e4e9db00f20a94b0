"""What ``train`` does in a task of a cluster, and ``legacy-nets launch``."""
