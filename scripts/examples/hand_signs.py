"""Document 001's script: trains the hand-sign ResNet-50, then evaluates it on both splits.

python scripts/examples/hand_signs.py [--data_dir FOLDER]

If the folder has no h5 files, a synthetic set is written into it first.
"""

import pathlib

from legacy_nets import tf1 as tf
from legacy_nets.data.signs import (
    load_dataset,
    make_signs,
    needs_synthetic_signs,
    process_orig_datasets,
)
from legacy_nets.nets.hand_signs import hand_classifier

flags = tf.app.flags
flags.DEFINE_string("data_dir", "datasets", "folder of train_signs.h5 and test_signs.h5")
flags.DEFINE_string("model", "./model_saving/hand_classifier", "prefix of the checkpoint")
flags.DEFINE_integer("iterations", 1000, "training steps, batches of 32")


def main(_):
    """Loads the data, trains, and prints the accuracy on test and training images."""
    options = flags.FLAGS
    if needs_synthetic_signs(pathlib.Path(options.data_dir)):
        make_signs(options.data_dir)
    X_train, Y_train, X_test, Y_test = process_orig_datasets(load_dataset(options.data_dir))
    model = hand_classifier(options.model)
    model.train(X_train, Y_train, iterations=options.iterations)
    model.evaluate(X_test, Y_test)
    model.evaluate(X_train, Y_train, "training data")


if __name__ == "__main__":
    tf.app.run(main=main)
