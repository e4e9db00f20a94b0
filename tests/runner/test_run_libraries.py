"""Installed libraries for TensorFlow 1: they see it, as the script's own modules do."""

import pytest
from scripts_of_users import run, write

LIBRARY = """
import tensorflow as tf

def dense(units):
    return tf.layers.dense(tf.placeholder(tf.float32, [None, 3]), units)
"""
SCRIPT = """
import tensorflow as tf
import {name}
print({name}.dense(2).shape, tf.trainable_variables()[0].name)
"""

pytestmark = [pytest.mark.slow, pytest.mark.any_numpy]


@pytest.fixture
def site(tmp_path):
    """A folder of installed libraries: Python finds it by ``sitecustomize``, as by a .pth file."""
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "sitecustomize.py").write_text(
        f"import sys; sys.path.append({str(tmp_path / 'site')!r})"
    )
    return tmp_path / "site"


def install(site, name, source=LIBRARY, **modules):
    """Writes a package of that name; returns a script that imports it."""
    files = {f"{name}__in__{module}": text for module, text in modules.items()}
    write(site, **{f"{name}__in____init__": source}, **files)
    return write(site.parent / "own", script=SCRIPT.format(name=name))


def run_with_site(site, *arguments):
    return run(*arguments, PYTHONPATH=str(site.parent / "start"))


def record_version(site, distribution, version):
    folder = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Name: {distribution}\nVersion: {version}\n")


@pytest.mark.parametrize(
    ("name", "distribution", "version"),
    [("tflearn", "tflearn", "0.5.0"), ("sonnet", "dm-sonnet", "1.36"), ("tensorpack", None, None)],
)
def test_a_known_library_sees_tensorflow_1(site, name, distribution, version):
    script = install(
        site,
        name,
        source="from .layers import dense",
        layers="import importlib\ntf = importlib.import_module('tensorflow')\n"
        "import tensorflow.contrib.layers\n" + LIBRARY,
    )
    if distribution:
        record_version(site, distribution, version)
    done = run_with_site(site, script)
    assert (done.stdout, done.stderr) == ("(?, 2) dense/kernel:0\n", "")


def test_the_same_library_for_tensorflow_2_keeps_it(site):
    script = install(site, "tensorlayer", "import tensorflow as tf\nversion = tf.__version__[:2]")
    script.write_text("import tensorlayer\nprint(tensorlayer.version)")
    record_version(site, "tensorlayer", "2.2.4")
    assert run_with_site(site, script).stdout == "2.\n"


def test_also_names_any_other_library(site):
    script = install(site, "old_nets")
    failed = run_with_site(site, script)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1] == (
        "legacy-nets: old_nets is an installed library, which sees today's TensorFlow: if it is "
        "for TensorFlow 1, run it again with --also old_nets"
    )
    done = run_with_site(site, "--also", "old_nets", script)
    assert (done.stdout, done.stderr) == ("(?, 2) dense/kernel:0\n", "")


def test_a_module_of_one_file_is_a_library_too(site):
    write(site, old_file="import tensorflow.contrib.slim as slim")
    script = write(site.parent / "own", script="import old_file\nprint(old_file.slim.__name__)")
    failed = run_with_site(site, script)
    assert failed.stderr.endswith("run it again with --also old_file\n")
    assert run_with_site(site, "--also", "old_file", script).stdout == "tf_slim\n"


@pytest.mark.parametrize(
    "source",
    ["import tensorflow.compat.v1 as tf\ntf.contrib", "import json\njson.loads('')"],
    ids=["knows both", "imports none"],
)
def test_the_failure_of_a_library_of_today_names_no_option(site, source):
    script = install(site, "new_nets", source)
    failed = run_with_site(site, script)
    assert failed.returncode == 1
    assert "--also" not in failed.stderr


def test_a_failure_in_our_own_modules_names_no_option(tmp_path):
    source = """
    import tensorflow as tf
    tf.contrib.distribute.MirroredStrategy(num_gpus=1, num_gpus_per_worker=1)
    """
    failed = run(write(tmp_path, script=source))
    assert failed.stderr.endswith("cannot specify both `num_gpus` and `num_gpus_per_worker`.\n")


def test_also_needs_a_module_that_exists(site):
    script = install(site, "old_nets")
    failed = run_with_site(site, "--also", "dm-sonnet", script)
    assert failed.returncode == 2
    assert failed.stderr == (
        "legacy-nets: --also dm-sonnet: no such module: name the library as the script imports it\n"
    )
