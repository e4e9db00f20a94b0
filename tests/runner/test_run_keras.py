"""``import keras``, the package of that time, is tf.keras of 1.15 in the script's own modules."""

import pytest
from scripts_of_users import run, write

SCRIPT = """
import keras
import keras.backend as K
from keras import optimizers
from keras.engine.topology import Layer
from keras.layers import Dense
from keras.layers.convolutional import Conv2D
from keras.models import Sequential
from keras.utils import np_utils
from keras.utils.np_utils import to_categorical
import numpy as np
import tensorflow as tf
print(keras.__version__, keras is tf.keras, K is keras.backend, Layer is keras.layers.Layer)
model = Sequential([Dense(3, input_dim=4, activation="relu"), Dense(2)])
model.compile(optimizers.SGD(0.1), "mse")
model.fit(np.ones([4, 4]), to_categorical([0, 1, 0, 1]), epochs=2, verbose=0)
print(model.count_params(), Conv2D is keras.layers.Conv2D, np_utils.to_categorical([1], 2))
print(K.get_session().run(tf.constant(2.0) + 1), model.predict(np.ones([5, 4])).shape)
try:
    import keras.nothing_such
except ImportError as error:
    print(error)
for line in ("from keras.layers import NoSuch", "from tensorflow.keras.utils import no_such"):
    try:
        exec(line)
    except ImportError as error:
        print(type(error).__name__)
"""
SCRIPT_2 = """
import tensorflow as tf
print(tf.keras.__version__[:2])
import keras
from keras.layers.core import Dense
from keras.engine.topology import Layer
from keras.utils import np_utils
print(keras.__version__[:2], issubclass(Dense, Layer), Dense is tf.keras.layers.Dense)
print(np_utils.to_categorical([1], 2), tf.function(lambda x: x + 1)(1).numpy())
try:
    import keras.nothing_such
except ImportError as error:
    print(error)
"""


@pytest.mark.slow
def test_keras_of_that_time_shares_the_graph(tmp_path):
    done = run(write(tmp_path, script=SCRIPT))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "2.2.4-tf True True True",
        "23 True [[0. 1.]]",  # (4 + 1) * 3 + (3 + 1) * 2 parameters
        "3.0 (5, 2)",
        "tensorflow.keras.nothing_such of TensorFlow 1.15 is not offered by legacy_nets",
        *["ImportError"] * 2,
    ]


@pytest.mark.slow
def test_keras_2_of_tensorflow_2(tmp_path):
    done = run("--tf2", write(tmp_path, script=SCRIPT_2))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "2.",
        "2. True True",
        "[[0. 1.]] 2",
        "Keras 2 has no module keras.nothing_such",
    ]


def test_a_keras_beside_the_script_is_its_own(tmp_path):
    done = run(write(tmp_path, script="import keras\nprint(keras.mine)\n", keras="mine = 5"))
    assert (done.returncode, done.stdout) == (0, "5\n"), done.stderr
