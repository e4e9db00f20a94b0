"""``upgrade``: source in, source out, exactly; the report; the written folder runs."""

import json
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner

from legacy_nets.cli import main
from legacy_nets.runner import ground
from legacy_nets.runner import rewrite
from legacy_nets.upgrade import rewriter
from legacy_nets.upgrade import table
from legacy_nets.upgrade.source import upgrade_source

SWITCH = "from legacy_nets.runner.behaviour import as_tf1\nas_tf1()\n"


def upgraded(source: str) -> str:
    """Of a source, which is dedented; what comes out is left alone by a second pass."""
    done = upgrade_source(textwrap.dedent(source).lstrip("\n").encode())
    assert done.broken is None
    again = upgrade_source(done.source)
    assert again.source == done.source and again.changes == []
    return done.source.decode()


def lines(source: str) -> str:
    return textwrap.dedent(source).lstrip("\n")


@pytest.mark.parametrize(
    "before, after",
    [
        ("import tensorflow as tf", "SWITCHfrom legacy_nets import tf1 as tf\n"),
        ("import tensorflow", "SWITCHfrom legacy_nets import tf1 as tensorflow\n"),
        (
            "import tensorflow.contrib.slim as slim",
            "SWITCHimport legacy_nets.tf1.contrib.slim as slim\n",
        ),
        (
            "import tensorflow.contrib.slim",
            "SWITCHimport legacy_nets.tf1.contrib.slim\n"
            "from legacy_nets import tf1 as tensorflow\n",
        ),
        (
            "from tensorflow.contrib import rnn as r, slim  # both",
            "SWITCHfrom legacy_nets.tf1.contrib import rnn as r, slim  # both\n",
        ),
        (
            "from tensorflow.python.framework import (\n    ops,  # one\n    dtypes,\n)",
            "SWITCH"
            "from legacy_nets.tf1.python.framework import (\n    ops,  # one\n    dtypes,\n)\n",
        ),
        (
            "from tensorflow.examples.tutorials.mnist import input_data",
            "SWITCHfrom legacy_nets.tf1.examples.tutorials.mnist import input_data\n",
        ),
        ("from tensorflow import *", "SWITCHfrom legacy_nets.tf1 import *\n"),
        (
            "import os, tensorflow as tf, sys  # all",
            "SWITCHimport os  # all\nfrom legacy_nets import tf1 as tf\nimport sys\n",
        ),
        (
            "import os; import tensorflow as tf; import sys",
            "import os; from legacy_nets.runner.behaviour import as_tf1; as_tf1(); "
            "from legacy_nets import tf1 as tf; import sys\n",
        ),
        (
            "if True: import tensorflow as tf",
            "if True: from legacy_nets.runner.behaviour import as_tf1; as_tf1(); "
            "from legacy_nets import tf1 as tf\n",
        ),
        ("import tensorflow_hub as hub", "import tensorflow_hub as hub\n"),
        ("from . import tensorflow", "from . import tensorflow\n"),
        ("from .tensorflow import x", "from .tensorflow import x\n"),
    ],
)
def test_each_form_of_import(before, after):
    assert upgraded(before + "\n") == after.replace("SWITCH", SWITCH)


def test_the_switch_stands_once_wherever_tensorflow_may_come_first():
    source = """
    #!/usr/bin/env python
    # -*- coding: utf-8 -*-
    '''What it does.'''
    from __future__ import print_function

    try:
        import tensorflow as tf   # may fail
        from tensorflow import flags
    except ImportError:
        tf = None

    def lazy():
        import tensorflow as tf
        return tf.constant(1)  # one


    import tensorflow.contrib.slim as slim
    import tensorflow.contrib.rnn as rnn

    def late():
        import tensorflow as tf
    """
    assert upgraded(source) == lines(
        """
    #!/usr/bin/env python
    # -*- coding: utf-8 -*-
    '''What it does.'''
    from __future__ import print_function

    try:
        from legacy_nets.runner.behaviour import as_tf1
        as_tf1()
        from legacy_nets import tf1 as tf   # may fail
        from legacy_nets.tf1 import flags
    except ImportError:
        tf = None

    def lazy():
        from legacy_nets.runner.behaviour import as_tf1
        as_tf1()
        from legacy_nets import tf1 as tf
        return tf.constant(1)  # one


    from legacy_nets.runner.behaviour import as_tf1
    as_tf1()
    import legacy_nets.tf1.contrib.slim as slim
    import legacy_nets.tf1.contrib.rnn as rnn

    def late():
        from legacy_nets import tf1 as tf
    """
    )


def test_what_is_gone_from_other_libraries_is_written_as_of_today():
    source = """
    import collections, inspect, time
    import numpy as np
    import scipy.misc
    import scipy.misc as misc
    from collections import Mapping, OrderedDict
    from scipy.misc import imread, imresize as resize
    from time import clock
    from PIL import Image
    from PIL.Image import ANTIALIAS
    import imp
    from sklearn.externals import joblib
    import xml.etree.cElementTree as ET

    a = np.zeros(3, np.int) + (np.float_(2)) + np.NINF  # numbers
    start = time.clock()
    isinstance(a, collections.Mapping), inspect.getargspec(len), np.asscalar(a)
    scipy.misc.imsave('a.png', misc.imread('b.png'))
    Image.open('a').resize((2, 2), Image.ANTIALIAS)
    np.float32, np.random.rand(), f"{np.bool(1)}"
    text = a[0].tostring() + ET.tostring(a)
    """
    assert upgraded(source) == lines(
        """
    import collections, inspect, time
    from legacy_nets.runner.stand_ins.small import NINF
    import collections.abc
    from legacy_nets.runner.stand_ins.small import getargspec
    from legacy_nets.runner.stand_ins.small import asscalar
    from legacy_nets.runner.stand_ins import scipy_misc
    import numpy as np
    import scipy
    from legacy_nets.runner.stand_ins import scipy_misc as misc
    from collections import OrderedDict
    from collections.abc import Mapping
    from legacy_nets.runner.stand_ins.scipy_misc import imread, imresize as resize
    from time import perf_counter as clock
    from PIL import Image
    from PIL.Image import Resampling
    ANTIALIAS = Resampling.LANCZOS
    from legacy_nets.runner.stand_ins import imp
    import joblib
    from xml.etree import ElementTree as ET

    a = np.zeros(3, int) + (np.float64(2)) + NINF  # numbers
    start = time.perf_counter()
    isinstance(a, collections.abc.Mapping), getargspec(len), asscalar(a)
    scipy_misc.imsave('a.png', misc.imread('b.png'))
    Image.open('a').resize((2, 2), Image.Resampling.LANCZOS)
    np.float32, np.random.rand(), f"{bool(1)}"
    text = a[0].tobytes() + ET.tostring(a)
    """
    )


def test_names_of_the_script_itself_are_left_alone():
    source = """
    import numpy as np
    import time as clock_module

    class time:
        clock = 3

    def f(np, collections):
        return np.int, time.clock, collections.Mapping

    np.long = np.float32
    """
    assert upgraded(source) == lines(source)


def test_a_name_that_is_taken_is_not_taken_again():
    source = """
    import fractions
    import numpy as np

    def f(int, gcd):
        return np.int, fractions.gcd(2, 4)
    """
    assert upgraded(source) == lines(
        """
    import fractions
    import builtins
    from math import gcd as legacy_gcd
    import numpy as np

    def f(int, gcd):
        return builtins.int, legacy_gcd(2, 4)
    """
    )


def test_a_method_that_the_script_may_have_of_its_own_goes_through_the_stand_in():
    source = """
    class Own:
        def tostring(self):
            return "own"

    Own().tostring()
    """
    assert upgraded(source) == lines(
        """
    from legacy_nets.runner.stand_ins.small import tostring as legacy_tostring
    class Own:
        def tostring(self):
            return "own"

    legacy_tostring(Own())
    """
    )


@pytest.mark.parametrize(
    "before, after",
    [
        (
            b"\xef\xbb\xbfimport tensorflow as tf\r\nif tf:\r\n\tx = 1 # \xc3\xa9\r\n",
            b"\xef\xbb\xbffrom legacy_nets.runner.behaviour import as_tf1\r\nas_tf1()\r\n"
            b"from legacy_nets import tf1 as tf\r\n"
            b"if tf:\r\n\tx = 1 # \xc3\xa9\r\n",
        ),
        (
            b"# -*- coding: latin-1 -*-\nimport numpy as np\nx = '\xe9', np.int \n",
            b"# -*- coding: latin-1 -*-\nimport numpy as np\nx = '\xe9', int \n",
        ),
        (b"import numpy as np\nnp.int", b"import numpy as np\nint"),
    ],
)
def test_encoding_line_ends_and_tabs_are_kept(before, after):
    assert upgrade_source(before).source == after


@pytest.mark.parametrize(
    "source, line",
    [
        (b"import tensorflow as tf\nprint 'x'\n", 2),
        (b"x = '\xe9'\n", 1),
        (b"# coding: klingon\n", 1),
        (b"import tensorflow as tf\n\n\nif x:\n\ty\n        z\n", 6),
    ],
)
def test_what_is_not_python_3_comes_back_as_it_is(source, line):
    done = upgrade_source(source)
    assert done.source == source and done.changes == [] and done.names == {}
    assert done.broken is not None and done.broken[0] == line


def test_what_cannot_be_seen_in_a_source_is_noted():
    source = b"""import numpy as np
from tensorflow import *
from sklearn.cross_validation import KFold
try:
    import scipy.misc as m
except ImportError:
    import imageio as m
np.array([1]), np.array(rows, np.int32), np.array(rows), np.array(more)
m.imread
"""
    notes = [tuple(note) for note in upgrade_source(source).approximate]
    assert notes == [
        (2, "from tensorflow import *: names that it brings are not counted"),
        (
            3,
            "sklearn.cross_validation KFold and its like take the data in split() now, "
            "not their number",
        ),
        (8, "np.array of rows of different lengths needs dtype=object"),
        (9, "m.imread may be another name: left as it is"),
    ]


def test_the_tables_are_those_of_the_launcher():
    assert set(table.STAND_INS) == {"tensorflow", *(row.path.strip(".") for row in ground.GONE)}
    assert set(table.APPROXIMATE) <= set(table.STAND_INS)
    assert set(rewriter.RENAMED) <= set(rewrite.METHODS)


PROJECT = {
    "train.py": """
        import numpy as np
        import tensorflow as tf
        import model
        slim = tf.contrib.slim
        tf.set_random_seed(1)

        def main(_):
            x = tf.placeholder(tf.float32, [None, 2])
            y = model.net(x)
            assert x.shape[1].value == 2
            with tf.Session() as session:
                session.run(tf.global_variables_initializer())
                print(session.run(y, {x: np.ones([1, 2], np.float)}), slim.conv2d.__name__)
            print(tf.flags.FLAGS.steps, tf.__version__)

        if __name__ == "__main__":
            tf.flags.DEFINE_integer("steps", 3, "How many.")
            tf.app.run()
        """,
    "model/__init__.py": """
        from tensorflow.contrib import layers

        def net(x):
            return layers.fully_connected(x, 1, weights_initializer=tf_ones(), scope="fc")

        def tf_ones():
            import tensorflow as tf
            return tf.ones_initializer()
        """,
    "old.py": "import tensorflow as tf\nprint tf.nn.relu\n",
    "data/notes.txt": "as it is\n",
    ".git/config": "left out\n",
    "__pycache__/train.pyc": "left out\n",
}


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    for name, text in PROJECT.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines(text))
    return tmp_path / "project"


def call(*arguments):
    return CliRunner().invoke(main, ["upgrade", *(str(argument) for argument in arguments)])


def test_the_written_folder_runs_with_plain_python(project):
    out = project.parent / "deep" / "today"
    done = call(project, "--out", out)
    assert done.exit_code == 0, done.output
    written = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    assert written == ["UPGRADE.md", "data/notes.txt", "model/__init__.py", "old.py", "train.py"]
    assert (out / "UPGRADE.md").read_text() == done.output
    assert (out / "old.py").read_text() == PROJECT["old.py"]
    assert os.listdir(out.parent) == ["today"]
    ran = subprocess.run(
        [sys.executable, "train.py", "--steps=7"],
        cwd=out,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.splitlines() == ["[[2.]] convolution2d", "7 1.15.5"], ran.stderr
    repeated = call(project, "--out", out)
    assert repeated.exit_code == 2 and "is there and not empty" in repeated.output


def test_the_report_says_what_was_changed_and_what_is_not_there(project):
    (project / "old.py").write_text(
        "import tensorflow as tf\nimport time\n"
        "print(tf.nn.relu, tf.nn.telu, tf.contrib.nothing.x)\ntime.clock()\n"
    )
    done = call(project, "--check")
    assert done.exit_code == 1 and not (project.parent / "today").exists()
    report = done.output.splitlines()
    switch = "from legacy_nets.runner.behaviour import as_tf1; as_tf1()"
    change = f"`import tensorflow as tf` -> `{switch}; from legacy_nets import tf1 as tf`"
    place = report.index("## old.py")
    assert report[place + 2] == f"- line 1: {change}"
    assert report[place + 3] == "- line 4: `time.clock` -> `time.perf_counter`"
    assert report[place + 4].startswith("- line 4, approximate: time.clock counted the processor's")
    missing = "- line 3, not offered: `tensorflow.nn.telu`: no such name in legacy_nets.tf1"
    assert report[place + 5] == missing
    assert report[place + 6].startswith("- line 3, not offered: `tensorflow.contrib.nothing`: ")
    assert "- line 13: `np.float` -> `float`" in report
    assert report[-2] == "files: 3 read, 3 changed, 0 not Python 3"
    # placeholder, float32, set_random_seed, Session, global_variables_initializer, contrib.slim,
    # contrib.slim.conv2d, flags.FLAGS, flags.DEFINE_integer, app.run, __version__,
    # contrib.layers and its fully_connected, ones_initializer, nn.relu; not: the two above
    assert report[-1] == "names: 15 of 17 resolve (88.2 %)"
    as_json = json.loads(call(project, "--check", "--json").output)
    assert as_json["names"]["used"] == 17 and as_json["names"]["resolved"] == 15
    assert list(as_json["names"]["missing"]) == ["tensorflow.contrib.nothing", "tensorflow.nn.telu"]
    (project / "old.py").unlink()
    assert call(project, "--check").exit_code == 0


def test_python_2_is_counted_and_points_to_2to3(project):
    done = call(project / "old.py", "--check")
    assert done.exit_code == 1
    assert "- line 2, not Python 3 (Missing parentheses in call to 'print'" in done.output
    assert "2to3" in done.output
    assert "files: 1 read, 0 changed, 1 not Python 3" in done.output


def test_a_lone_script_says_which_module_stays_behind(project):
    done = call(project / "train.py", "--out", project.parent / "today")
    assert done.exit_code == 0
    assert "legacy-nets: model, which" in done.output
    assert sorted(os.listdir(project.parent / "today")) == ["UPGRADE.md", "train.py"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["no_such", "--check"], "no_such: no such file or folder"),
        (["data", "--check"], "data: no Python file in it"),
        (["train.py"], "either --out DIR, or --check"),
        (["train.py", "--check", "--out", "x"], "either --out DIR, or --check"),
        ([".", "--out", "today"], "--out today lies in ."),
        (["train.py", "--out", "data"], "--out data is there and not empty"),
        (["train.py", "--out", "train.py"], "--out train.py is there and not empty"),
    ],
)
def test_bad_input_gets_one_line(project, monkeypatch, arguments, message):
    monkeypatch.chdir(project)
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.output and done.output.count("\n") == 1
    assert not (project / "today").exists()


def test_a_missing_libcst_is_named(monkeypatch, project):
    for name in [n for n in sys.modules if n.startswith("legacy_nets.upgrade.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("legacy_nets.upgrade.folder", raising=False)
    monkeypatch.setitem(sys.modules, "libcst", None)
    done = call(project, "--check")
    assert done.exit_code == 2
    assert done.output == (
        "legacy-nets: upgrade needs the package libcst: pip install 'legacy-nets[upgrade]'\n"
    )
