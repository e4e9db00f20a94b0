"""``import keras``, the package of that time, is Keras 2.3.1 in the script's own modules."""

import json

import h5py
import pytest
from oracle_client import GOLDEN, ORACLE
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
print(keras.__version__, tf.keras.__version__, K is keras.backend, Layer is keras.layers.Layer)
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
        "2.3.1 2.2.4-tf True True",
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


PACKAGES = {"keras": "keras_2_3_1", "tf.keras": "tf_keras_1_15"}
EXPECTED = {
    name: json.loads((GOLDEN / f"{file}.json").read_text()) for name, file in PACKAGES.items()
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """What each package answers under run: one process each, since keras changes tf.keras."""
    answers = {}
    for package in PACKAGES:
        out = tmp_path_factory.mktemp("keras") / "ours.json"
        done = run(ORACLE / "keras_names.py", package, out)
        assert done.returncode == 0, done.stderr
        answers[package] = json.loads(out.read_text())
    return answers


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in PACKAGES for name in EXPECTED[package]]
)
def test_names_and_defaults_are_those_of_that_time(ours, package, name):
    # Names and configurations are equal; losses and sums of weights to 5 digits.
    assert ours[package][name] == EXPECTED[package][name]


MODEL = "keras_2_3_1_model"  # written by scripts/oracle/keras_file.py under Keras 2.3.1


def _describe(file):
    """{path: attributes, or shape and dtype} of all in an h5 file; JSON is parsed."""
    described = {}

    def visit(path, item):
        described[path] = getattr(item, "shape", None), str(getattr(item, "dtype", None))
        for name, value in item.attrs.items():
            if name.endswith("_config"):
                value = json.loads(value)
            elif hasattr(value, "tolist"):
                value = [str(value.dtype), value.tolist()]
            described[f"{path}@{name}"] = value.decode() if isinstance(value, bytes) else value

    visit("", file)
    file.visititems(visit)
    # tf_keras has other slots, and adds an empty group that nobody reads.
    others = ("optimizer_weights", "model_weights/top_level_model_weights")
    return {path: value for path, value in described.items() if not path.startswith(others)}


@pytest.mark.slow
def test_files_are_those_of_keras_2_3_1(tmp_path):
    ours, theirs = tmp_path / "ours.h5", GOLDEN / f"{MODEL}.h5"
    expected = json.loads((GOLDEN / f"{MODEL}.json").read_text())["saved"]
    done = run(ORACLE / "keras_file.py", "write", ours, tmp_path / "write.json")
    assert done.returncode == 0, done.stderr
    # The same seed of NumPy gives the same weights, and the same training, to 5 digits.
    assert json.loads((tmp_path / "write.json").read_text())["saved"] == expected
    with h5py.File(ours) as file, h5py.File(theirs) as golden:
        written, wanted = _describe(file), _describe(golden)
    for layer in wanted["@model_config"]["config"]["layers"]:
        for inner in layer["config"].get("layers", []):
            if inner["class_name"] == "BatchNormalization":
                inner["config"]["axis"] = 2  # the last one, which Keras 2.3.1 wrote as -1
    assert written == wanted


@pytest.mark.slow
def test_a_file_of_keras_2_3_1_is_read(tmp_path):
    expected = json.loads((GOLDEN / f"{MODEL}.json").read_text())["saved"]
    done = run(ORACLE / "keras_file.py", "read", GOLDEN / f"{MODEL}.h5", tmp_path / "read.json")
    assert done.returncode == 0, done.stderr
    answers = json.loads((tmp_path / "read.json").read_text())
    assert answers.pop("steps") == 3
    assert list(answers) == ["by_name", "in_order", "load_model", "to_json"]
    assert all(outputs == expected for outputs in answers.values())


BACKENDS = "keras_2_3_1_backends"  # written by scripts/oracle/keras_theano.py under Keras 2.3.1
LOADS = """
import json, shutil, sys
import h5py
import numpy as np
import tensorflow as tf
golden, copy, package = sys.argv[1:]
if package == "keras":
    from keras.models import load_model, model_from_json
else:
    load_model, model_from_json = tf.keras.models.load_model, tf.keras.models.model_from_json
expected = json.load(open(golden + ".json"))
x = np.array(expected.pop("x"), np.float32)
for backend, wanted in expected.items():
    shutil.copy(golden + ".h5", copy)
    with h5py.File(copy, "r+") as file:
        for group in (file, file["model_weights"]):
            group.attrs["backend"] = backend.encode()
    model = load_model(copy)
    models = [model, model_from_json(model.to_json()), model_from_json(model.to_json())]
    models[1].load_weights(copy)
    models[2].load_weights(copy, by_name=True)
    near = [np.abs(m.predict(x, verbose=0) - wanted).max() < 1e-5 for m in models]
    print(tf.__version__[:4], backend, *near)
"""
LOADED = [f"{backend} True True True" for backend in ("tensorflow", "theano", "cntk")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "package"), [("1.15", "keras"), ("1.15", "tf.keras"), ("2.21", "tf.keras")]
)
def test_kernels_of_theano_are_rotated_as_keras_did(tmp_path, version, package):
    script, tf2 = write(tmp_path, script=LOADS), ["--tf2"] * (version == "2.21")
    done = run(*tf2, script, GOLDEN / BACKENDS, tmp_path / "copy.h5", package)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == [f"{version} {line}" for line in LOADED]
