"""The launcher: an unmodified script runs as under python, with TensorFlow 1 in its modules."""

import json
import signal
import subprocess
import sys

import pytest
from scripts_of_users import run, write


def test_a_script_finds_what_python_would_give_it(tmp_path):
    source = """
    import json, sys
    import beside
    if __name__ == "__main__":
        main = sys.modules["__main__"]
        print(json.dumps([sys.argv, sys.path[0], __file__, main.__file__, beside.value]))
        print(__doc__, __spec__, __package__)
    """
    script = write(tmp_path / "a b", script=source, beside="value = 5")
    done = run(script.relative_to(tmp_path), "--flag", "-x", "3", cwd=tmp_path)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    given = "a b/script.py"
    folder = str(tmp_path / "a b")
    assert json.loads(first) == [[given, "--flag", "-x", "3"], folder, *[str(script)] * 2, 5]
    assert second == "None None None"
    plain = subprocess.run(
        [sys.executable, given, "--flag", "-x", "3"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout == plain.stdout


@pytest.mark.slow
def test_own_modules_see_tensorflow_1_and_libraries_the_real_one(tmp_path):
    source = """
    import tensorflow as tf
    import tensorflow.contrib.slim as slim
    from tensorflow.contrib import layers
    from tensorflow.contrib.slim.python.slim.nets import resnet_v1
    from tensorflow.python.framework import graph_util
    from tensorflow.core.framework import summary_pb2
    import deep.module
    import library
    print(tf.__version__, deep.module.version, library.version.split(".")[0])
    print(slim.conv2d.__name__, layers.l2_regularizer.__name__, resnet_v1.resnet_v1_50.__name__)
    print(graph_util.__name__, summary_pb2.Summary.__name__)
    print(tf.placeholder(tf.float32, [None, 4]).shape[1].value, tf.executing_eagerly())
    """
    write(
        tmp_path / "libraries",
        library="import tensorflow; version = tensorflow.__version__",
    )
    hidden = tmp_path / "site"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        f"import sys; sys.path.append({str(tmp_path / 'libraries')!r})"
    )
    script = write(
        tmp_path / "own",
        script=source,
        deep__in____init__="",
        deep__in__module="import tensorflow as tf; version = tf.VERSION",
    )
    done = run(script, PYTHONPATH=str(hidden))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "1.15.5 1.15.5 2",
        "convolution2d l2_regularizer resnet_v1_50",
        "tensorflow.python.framework.graph_util Summary",
        "4 False",
    ]


def test_a_traceback_shows_the_scripts_lines_and_none_of_ours(tmp_path):
    source = """
    import helper
    def main():
        helper.fail()
    main()
    """
    script = write(tmp_path, script=source, helper="def fail():\n    raise KeyError('lost')\n")
    done = run(script)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "KeyError: 'lost'"
    files = [line.strip() for line in lines if line.strip().startswith("File ")]
    assert files == [
        f'File "{script}", line 5, in <module>',
        f'File "{script}", line 4, in main',
        f'File "{tmp_path / "helper.py"}", line 2, in fail',
    ]


@pytest.mark.parametrize(
    ("statement", "code", "error"),
    [
        ("sys.exit(3)", 3, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit('no data')", 1, "no data\n"),
        ("raise SystemExit(4)", 4, ""),
        ("os._exit(5)", 5, ""),
    ],
)
def test_exit_codes(tmp_path, statement, code, error):
    script = write(tmp_path, script=f"import os, sys\n{statement}\n")
    done = run(script)
    assert (done.returncode, done.stderr) == (code, error)


def test_control_c_ends_as_python_does(tmp_path):
    source = """
    import atexit, os, signal
    atexit.register(print, "cleaned up", flush=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    os.kill(os.getpid(), signal.SIGINT)
    while True:
        pass
    """
    done = run(write(tmp_path, script=source))
    assert done.returncode == -signal.SIGINT
    assert done.stdout == "cleaned up\n"
    assert done.stderr.endswith("KeyboardInterrupt\n")
    assert "legacy_nets" not in done.stderr


def test_standard_input_and_change_of_folder(tmp_path):
    source = """
    import os, sys
    os.chdir("/")
    import beside
    print(sys.stdin.readline().strip(), beside.value)
    """
    write(tmp_path / "there", script=source, beside="value = 6")
    done = run("script.py", cwd=tmp_path / "there", stdin="typed\n")
    assert (done.returncode, done.stdout) == (0, "typed 6\n")


@pytest.mark.slow
@pytest.mark.any_numpy
def test_fork_and_spawn(tmp_path):
    source = """
    import multiprocessing, os
    def ask(queue):
        import tensorflow as tf
        queue.put(tf.__version__)
    if __name__ == "__main__":
        if os.fork() == 0:
            os._exit(0)
        print(os.wait()[1])
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        child = context.Process(target=ask, args=(queue,))
        child.start()
        print(queue.get())
        child.join()
        print(child.exitcode)
    """
    done = run(write(tmp_path, script=source))
    assert (done.returncode, done.stdout) == (0, "0\n1.15.5\n0\n"), done.stderr


def test_a_module_runs_as_with_python_m(tmp_path):
    source = """
    import sys
    from . import beside
    print(__name__, __package__, sys.argv[1:], beside.value)
    """
    folder = write(tmp_path / "package", script=source, beside="value = 7", __init__="").parent
    (folder / "__main__.py").write_text("print('whole package')\n")
    assert run("-m", "package.script", "a", cwd=tmp_path).stdout == "__main__ package ['a'] 7\n"
    assert run("-m", "package", cwd=tmp_path).stdout == "whole package\n"
    done = run("-m", "package.lost", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "legacy-nets: -m package.lost: no such module: run it from the folder above it\n"
    )


def test_no_such_script(tmp_path):
    done = run(tmp_path / "lost.py")
    assert done.returncode == 2
    assert done.stderr == (
        f"legacy-nets: {tmp_path / 'lost.py'}: cannot be read (No such file or directory): name a "
        "script\n"
    )


def test_python_2_syntax_points_to_2to3(tmp_path):
    script = write(tmp_path, script="x = 1\nprint 'old'\n")
    done = run(script)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"legacy-nets: {script}, line 2: not Python 3 (")
    assert "2to3" in last


def test_removed_names_work_in_own_modules_with_one_notice_each(tmp_path):
    source = """
    import collections, time, fractions
    import numpy as np
    import xml.etree.cElementTree as ET
    from numpy import random, float as real
    print(np.int is int, np.int(3.7), real is float, np.asscalar(np.array([2])))
    print(random is np.random, np.alltrue([1, 0]))
    print(np.array([1, 2], np.uint8).tostring())
    print(collections.Mapping is collections.abc.Mapping, fractions.gcd(12, 18))
    print(ET.fromstring("<a>b</a>").text, time.clock() <= time.perf_counter())
    print(hasattr(np, "nothing_of_that_name"))
    """
    done = run(write(tmp_path, script=source))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "True 3 True 2",
        "True False",
        "b'\\x01\\x02'",
        "True 6",
        "b True",
        "False",
    ]
    notices = done.stderr.splitlines()
    assert notices.count("legacy-nets: numpy.int was removed in NumPy 1.24; using int instead") == 1
    assert len(notices) == len(set(notices))
    assert all(line.startswith("legacy-nets: ") for line in notices)


def test_yaml_loads_without_a_loader_as_it_did(tmp_path):
    pytest.importorskip("yaml")
    script = write(tmp_path, script="import yaml\nprint(yaml.load('a: [1, b]'))\n")
    assert run(script).stdout == "{'a': [1, 'b']}\n"
    assert "Loader" in run("--strict", script).stderr.splitlines()[-1]


def test_strict_replaces_no_removed_name(tmp_path):
    done = run("--strict", write(tmp_path, script="import numpy as np\nnp.int\n"))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "AttributeError: numpy.int was removed in NumPy 1.24; use int instead, or run without "
        "--strict"
    )


@pytest.mark.slow
def test_a_path_that_is_not_offered_says_so(tmp_path):
    done = run(write(tmp_path, script="from tensorflow.contrib import nothing_such\n"))
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ") or last.startswith("ModuleNotFoundError: ")
    assert "nothing_such" in last
    assert "legacy_nets/runner" not in done.stderr


@pytest.mark.slow
@pytest.mark.any_numpy
def test_imports_by_name_give_tensorflow_1_to_own_modules(tmp_path):
    source = """
    import importlib
    from importlib import import_module
    import pydoc
    import tensorflow as tf
    print(importlib.import_module("tensorflow") is tf, import_module("json").__name__)
    print(__import__("tensorflow") is tf)
    print(import_module("tensorflow.contrib.slim").conv2d.__name__)
    print(import_module(".below", "tensorflow_of_ours").value)
    print(pydoc.locate("tensorflow.layers.dense") is tf.layers.dense)
    print(pydoc.locate("tensorflow.contrib.rnn.GRUCell") is tf.contrib.rnn.GRUCell)
    print(pydoc.locate("tensorflow.nothing.such"), pydoc.locate("json.dumps").__name__)
    """
    script = write(
        tmp_path,
        script=source,
        tensorflow_of_ours__in____init__="",
        tensorflow_of_ours__in__below="value = 5",
    )
    done = run(script)
    assert done.returncode == 0, done.stderr
    given = ["True json", "True", "convolution2d", "5", "True", "True", "None dumps"]
    assert done.stdout.splitlines() == given
