"""``upgrade PATH``: the folder it writes runs with plain python; its report; bad input."""

import json
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner

from legacy_nets.cli import main

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
        path.write_text(textwrap.dedent(text).lstrip("\n"))
    return tmp_path / "project"


def call(*arguments):
    return CliRunner().invoke(main, ["upgrade", *(str(argument) for argument in arguments)])


@pytest.mark.slow
@pytest.mark.any_numpy
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
    assert repeated.exit_code == 2 and "exists and is not empty" in repeated.output


def test_the_report_says_what_was_changed_and_what_is_not_there(project):
    (project / "old.py").write_text(
        "import tensorflow as tf\nimport time\n"
        "print(tf.nn.relu, tf.nn.telu, tf.contrib.nothing.x)\ntime.clock()\n"
    )
    done = call(project, "--check")
    assert done.exit_code == 1 and not (project.parent / "today").exists()
    report = done.output.splitlines()
    switch = "from legacy_nets.runner.behaviour import enable_tf1_behavior; enable_tf1_behavior()"
    change = f"`import tensorflow as tf` -> `{switch}; from legacy_nets import tf1 as tf`"
    place = report.index("## old.py")
    assert report[place + 2] == f"- line 1: {change}"
    assert report[place + 3] == "- line 4: `time.clock` -> `time.perf_counter`"
    assert report[place + 4].startswith("- line 4, approximate: time.clock counted CPU time")
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
        (["data", "--check"], "data holds no Python file"),
        (["train.py"], "either --out DIR, or --check"),
        (["train.py", "--check", "--out", "x"], "either --out DIR, or --check"),
        ([".", "--out", "today"], "--out today is inside ."),
        (["train.py", "--out", "data"], "--out data exists and is not empty"),
        (["train.py", "--out", "train.py"], "--out train.py exists and is not empty"),
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
