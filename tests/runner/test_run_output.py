"""What ``run`` prints besides the script's own output: nothing of TensorFlow's and NumPy's."""

import pytest
from scripts_of_users import run, write

SCRIPT = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "1"
import tensorflow as tf
print(os.environ["TF_CPP_MIN_LOG_LEVEL"], tf.Session().run(tf.constant(1) + 1))
"""
LIBRARY_FIRST = """
import tf_slim  # a library, which imports TensorFlow before the script does
import tensorflow as tf
print(tf.Session().run(tf.constant(1) + 1))
"""
TF2 = """
import tensorflow as tf
print(int(tf.constant(1) + 1))
"""


@pytest.mark.parametrize(
    ("arguments", "source", "level", "printed"),
    [
        ([], SCRIPT, "2", "1 2\n"),
        ([], LIBRARY_FIRST, "0", "2\n"),
        (["--tf2"], TF2, "0", "2\n"),
    ],
)
def test_tensorflow_prints_no_start_up_lines(tmp_path, arguments, source, level, printed):
    script = write(tmp_path, script=source)
    done = run(*arguments, script, TF_CPP_MIN_LOG_LEVEL=level)
    assert (done.stdout, done.stderr) == (printed, "")
