"""Training on several machines by TensorFlow's own cluster, as TF_CONFIG describes it."""
