"""``upgrade``: source in, source out, exactly."""

import subprocess
import sys
import textwrap

import pytest

from legacy_nets.runner import removed_names, rewrite
from legacy_nets.upgrade import rewriter, table
from legacy_nets.upgrade.source import upgrade_source

SWITCH = "from legacy_nets.runner.behaviour import enable_tf1_behavior\nenable_tf1_behavior()\n"


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
            "import os; from legacy_nets.runner.behaviour import enable_tf1_behavior; "
            "enable_tf1_behavior(); "
            "from legacy_nets import tf1 as tf; import sys\n",
        ),
        (
            "if True: import tensorflow as tf",
            "if True: from legacy_nets.runner.behaviour import enable_tf1_behavior; "
            "enable_tf1_behavior(); "
            "from legacy_nets import tf1 as tf\n",
        ),
        ("import tensorflow_hub as hub", "import tensorflow_hub as hub\n"),
        ("from . import tensorflow", "from . import tensorflow\n"),
        ("from .tensorflow import x", "from .tensorflow import x\n"),
    ],
)
def test_each_form_of_import(before, after):
    assert upgraded(before + "\n") == after.replace("SWITCH", SWITCH)


def test_the_switch_is_added_once_wherever_tensorflow_may_come_first():
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
        from legacy_nets.runner.behaviour import enable_tf1_behavior
        enable_tf1_behavior()
        from legacy_nets import tf1 as tf   # may fail
        from legacy_nets.tf1 import flags
    except ImportError:
        tf = None

    def lazy():
        from legacy_nets.runner.behaviour import enable_tf1_behavior
        enable_tf1_behavior()
        from legacy_nets import tf1 as tf
        return tf.constant(1)  # one


    from legacy_nets.runner.behaviour import enable_tf1_behavior
    enable_tf1_behavior()
    import legacy_nets.tf1.contrib.slim as slim
    import legacy_nets.tf1.contrib.rnn as rnn

    def late():
        from legacy_nets import tf1 as tf
    """
    )


def test_removed_names_of_other_libraries_are_rewritten():
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
    from legacy_nets.runner.shims.functions import NINF
    import collections.abc
    from legacy_nets.runner.shims.functions import getargspec
    from legacy_nets.runner.shims.functions import asscalar
    from legacy_nets.runner.shims import scipy_misc
    import numpy as np
    import scipy
    from legacy_nets.runner.shims import scipy_misc as misc
    from collections import OrderedDict
    from collections.abc import Mapping
    from legacy_nets.runner.shims.scipy_misc import imread, imresize as resize
    from time import perf_counter as clock
    from PIL import Image
    from PIL.Image import Resampling
    ANTIALIAS = Resampling.LANCZOS
    from legacy_nets.runner.shims import imp
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


def test_calls_that_python_refuses_today_are_rewritten():
    source = """
    import cgi, io, json, random
    import xml.etree.ElementTree as ET

    d = json.load(open('a', 'rU'), encoding='utf-8')
    e = json.loads(s, encoding='utf-8', cls=None)
    x = random.sample(set(d), 3) + random.sample(d.keys(), k=2) + random.sample(d, 1)
    io.open("b", mode="rbU"), open(f, mode), open('c', 'w')
    thread.isAlive(), cgi.escape(e)
    ET.parse('f').getroot().getchildren()
    self.assertEquals(1, 2)
    helper.assertEquals(encoding='utf-8')
    """
    assert upgraded(source) == lines(
        """
    import cgi, io, json, random
    from legacy_nets.runner.shims.stdlib import escape
    from legacy_nets.runner.shims.functions import getchildren
    import xml.etree.ElementTree as ET

    d = json.load(open('a', 'r'))
    e = json.loads(s, cls=None)
    x = random.sample(tuple(set(d)), 3) + random.sample(tuple(d.keys()), k=2) + random.sample(d, 1)
    io.open("b", mode="rb"), open(f, mode), open('c', 'w')
    thread.is_alive(), escape(e)
    getchildren(ET.parse('f').getroot())
    self.assertEqual(1, 2)
    helper.assertEqual(encoding='utf-8')
    """
    )
    own = "class Robot:\n    def isAlive(self): return True\nRobot().isAlive()\n"
    assert upgraded(own) == own


def test_modules_that_protoc_3_wrote_switch_protobuf():
    source = """
    from google.protobuf import descriptor as _descriptor
    from google.protobuf import service as _service
    DESCRIPTOR = _descriptor.FileDescriptor(name='x.proto', serialized_pb=b'')
    """
    assert upgraded(source) == lines(
        """
    from google.protobuf import descriptor as _descriptor
    from legacy_nets.runner.protobuf import install as install_protobuf
    install_protobuf()
    from legacy_nets.runner.shims import protobuf_service as _service
    DESCRIPTOR = _descriptor.FileDescriptor(name='x.proto', serialized_pb=b'')
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


def test_a_method_that_the_script_may_have_of_its_own_goes_through_the_shim():
    source = """
    class Own:
        def tostring(self):
            return "own"

    Own().tostring()
    """
    assert upgraded(source) == lines(
        """
    from legacy_nets.runner.shims.functions import tostring as legacy_tostring
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
            b"\xef\xbb\xbffrom legacy_nets.runner.behaviour import enable_tf1_behavior\r\n"
            b"enable_tf1_behavior()\r\n"
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
        (2, "from tensorflow import *: the names that it imports are not counted"),
        (
            3,
            "sklearn.cross_validation KFold and similar classes take the data in split(), "
            "not the number of examples",
        ),
        (8, "np.array of rows of different lengths needs dtype=object"),
        (9, "m.imread may be another name: left unchanged"),
    ]


def test_the_tables_are_those_of_the_launcher():
    assert set(table.REPLACEMENTS) == {
        "tensorflow",
        *(row.path for row in removed_names.REMOVED_NAMES),
    }
    assert set(table.APPROXIMATE) <= set(table.REPLACEMENTS)
    assert set(rewriter.RENAMED) <= set(rewrite.METHODS)


def test_names_that_earlier_upgraded_scripts_import():
    script = """
        from legacy_nets.runner.stand_ins.small import asscalar
        from legacy_nets.runner.stand_ins.scipy_misc import imresize
        from legacy_nets.runner.stand_ins import imp, scipy_misc
        from legacy_nets.runner.behaviour import as_tf1
        from legacy_nets.runner.shims import functions
        assert asscalar is functions.asscalar and imresize is scipy_misc.imresize
        assert callable(imp.load_source) and callable(as_tf1)
    """
    subprocess.run([sys.executable, "-c", lines(script)], check=True)
