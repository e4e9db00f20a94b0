"""What ``run`` prints besides the script's own output: nothing of TensorFlow's and NumPy's."""

import numpy as np
import pytest
from scripts_of_users import run, write

from legacy_nets.runner import numpy_1

numpy_2 = pytest.mark.skipif(np.__version__ < "2", reason="NumPy 1 computes these")

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

UNSET = """
import os
import tensorflow as tf
print(os.environ.get("TF_CPP_MIN_LOG_LEVEL"), tf.Session().run(tf.constant(1) + 1))
"""

pytestmark = pytest.mark.slow


@pytest.mark.any_numpy
@pytest.mark.parametrize(
    ("arguments", "source", "level", "printed"),
    [
        ([], SCRIPT, "2", "1 2\n"),
        ([], UNSET, None, "None 2\n"),
        ([], LIBRARY_FIRST, "0", "2\n"),
        (["--tf2"], TF2, "0", "2\n"),
    ],
)
def test_tensorflow_prints_no_start_up_lines(tmp_path, arguments, source, level, printed):
    script = write(tmp_path, script=source)
    done = run(*arguments, script, TF_CPP_MIN_LOG_LEVEL=level)
    assert (done.stdout, done.stderr) == (printed, "")


REFUSED = [  # by NumPy 2; NumPy 1.26 computes each
    "np.array([1, 2], copy=False)",
    "np.arange(3).ptp()",
    "np.float64(3).itemset(4)",
    "int(np.array([1]))",
    "float(np.array([[1.0]]))",
    "'%d' % np.array([1])",
    "np.fromstring(b'ab', dtype=np.uint8)",
    "np.sctypes",
    "np.cast",
    "np.bool8",
    "np.math",
    "np.linalg.linalg",
    "np.lib.index_tricks",
    "np.reshape(np.arange(6), newshape=[2, 3])",
    "np.array([300], np.uint8)",
    "np.uint8(-1)",
    "np.arange(3, dtype=np.uint8) + 300",
    "np.full((2,), -1, dtype='uint8')",
    "np.nonzero(np.array(3))",
    "np.can_cast(1, np.uint8)",
]


@numpy_2
@pytest.mark.parametrize("text", REFUSED)
def test_errors_of_numpy_2_are_explained(text):
    with pytest.raises(Exception) as caught:
        eval(text)
    explanation = numpy_1.explain_error(caught.value)
    assert explanation is not None and "pip install 'legacy-nets[run]'" in explanation


@pytest.mark.parametrize(
    "text", ["np.nothing_such", "np.zeros(2) + np.zeros(3)", "int('a')", "np.zeros(2)[5]", "[][0]"]
)
def test_other_errors_are_not(text):
    with pytest.raises((AttributeError, ValueError, IndexError)) as caught:
        eval(text)
    assert numpy_1.explain_error(caught.value) is None


@numpy_2
def test_the_explanation_follows_the_traceback(tmp_path):
    done = run(write(tmp_path, script="import numpy as np\nprint(float(np.array([6.0])))\n"))
    assert done.returncode == 1
    error, explanation = done.stderr.splitlines()[-2:]
    assert error.startswith("TypeError: only 0-dimensional arrays")
    assert explanation.startswith(f"legacy-nets: NumPy {np.__version__} refuses what NumPy 1 did")


DEPRECATIONS = """
import warnings
library = {"__name__": "scipy.fake"}
exec('''
import warnings
def old():
    warnings.warn("old name", DeprecationWarning, stacklevel=2)
''', library)
library["old"]()
library["old"]()
in_c = getattr(warnings, "wa" + "rn")
in_c("from C", DeprecationWarning)
print(1 is "a", "\\d")
def warn_myself():
    warnings.warn("of the script", DeprecationWarning)
warn_myself()
library["__name__"] = "other"
library["old"]()
"""


def test_deprecations_of_numpy_and_scipy_are_counted_not_printed(tmp_path):
    script = write(tmp_path, script=DEPRECATIONS)
    done = run(script)
    warned = [line for line in done.stderr.splitlines() if "Warning: " in line]
    assert [line.rpartition("Warning: ")[2] for line in warned] == ["of the script", "old name"]
    reported = run("--report", script).stderr.splitlines()
    assert "  hidden      old name (2)" in reported and "  hidden      from C (1)" in reported
    assert [line for line in reported if "Warning: " in line] == warned
