"""What each notebook's kernel runs first: no log of TensorFlow among the outputs of cells."""

from legacy_nets.quiet import quiet_tensorflow

quiet_tensorflow()
