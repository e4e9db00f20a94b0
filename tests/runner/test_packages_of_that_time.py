"""The extra ``run``: NumPy 1 and the packages of old scripts behave as then (``make test-run``)."""

import sys

import numpy as np
import pytest
from scripts_of_users import run, write

pytestmark = pytest.mark.skipif(
    np.__version__ >= "2", reason="needs NumPy 1 and the extra run: make test-run"
)

NUMPY_CASES = {  # expression: what TensorFlow 1.15.5's NumPy 1.18 prints
    "np.array([1, 2], copy=False)": "[1 2]",
    "np.arange(3).ptp()": "2",
    "(lambda a: [a.itemset(0, 9), a])(np.arange(3))[1]": "[9 1 2]",
    "int(np.array([[3.5]]))": "3",
    "float(np.array([6.0]))": "6.0",
    "np.fromstring(b'ab', dtype=np.uint8)": "[97 98]",
    "np.float32 in np.sctypes['float']": "True",
    "np.reshape(np.arange(6), newshape=[2, 3]).shape": "(2, 3)",
    "np.array([300], np.uint8)": "[44]",
    "np.uint8(-1)": "255",
    "repr(np.float32(0.5))": "0.5",
    "np.in1d([1, 2], [2])": "[False  True]",
}
PACKAGE_CASES = {
    "(lambda game: [game.reset(), len(game.step(0))])(gym.make('CartPole-v1'))[1]": "4",
    "type(networkx.to_numpy_matrix(networkx.path_graph(2))).__name__": "matrix",
    "cv2.resize(np.ones([4, 4], np.float32), (2, 2)).sum()": "4.0",
    "skimage.transform.resize(np.ones([4, 4]), (2, 2)).mean()": "1.0",
    "scipy.misc.imresize(np.full([4, 4], 7, np.uint8), (2, 2)).tolist()": "[[7, 7], [7, 7]]",
    "matplotlib.cm.get_cmap('gray')(0)": "(0.0, 0.0, 0.0, 1.0)",
}
if sys.version_info < (3, 12):  # where pandas and scikit-learn still have these
    PACKAGE_CASES |= {
        "len(pandas.DataFrame([[1]]).append(pandas.DataFrame([[2]])))": "2",
        "sklearn.datasets.load_boston().data.shape": "(506, 13)",
    }
IMPORTS = """\
import numpy as np
import cv2, easydict, gym, matplotlib.cm, networkx, nltk, pandas, past, scipy.misc, six
import skimage.transform, sklearn.datasets, tqdm, yaml
import tensorflow as tf
"""


def test_old_code_prints_what_it_printed(tmp_path):
    cases = NUMPY_CASES | PACKAGE_CASES
    prints = "".join(f"print({expression})\n" for expression in cases)
    script = write(tmp_path, script=IMPORTS + prints)
    assert dict(zip(cases, run(script).stdout.splitlines(), strict=True)) == cases
