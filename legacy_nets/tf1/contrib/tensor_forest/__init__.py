"""``tf.contrib.tensor_forest``: random forests that grow while batches come in.

1.15.5 grew them in C++ kernels, which TensorFlow has removed. Here NumPy grows another forest by
the same rules, with the same interface, and warns of that once. A leaf draws split candidates from
the examples that reach it, counts the examples on either side, and takes the best candidate after
``split_after_samples`` examples. Differences:

- All candidates of a leaf count the same examples. In 1.15.5 late ones had missed some, so that
  trees on small data grew more nodes. Whole numbers are compared by size, not by equality.
- The forest lives in this Python process, once for all sessions of a graph. Checkpoints carry it
  as one string, without what the leaves have counted; 1.15.5's trees cannot be read from its
  checkpoints, and a SavedModel does not hold the forest.
- Refused: sparse features and text, pruning, early finish, tree paths, ``param_file``.
"""

from legacy_nets.tf1.contrib.tensor_forest import client, python

__all__ = ["client", "python"]
