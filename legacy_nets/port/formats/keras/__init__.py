"""Target ``keras``: a graph of TensorFlow 1 as a Keras 3 model."""
