"""A missing module of a script: one line names the package, and never a guessed one."""

import importlib.metadata
import sys

import pytest
from scripts_of_users import run, write

from legacy_nets.runner import missing_packages

REQUIREMENTS = [
    "pillow>=10",
    'scikit-learn<1.2,>=1.1.3; python_version < "3.12" and extra == "run"',
    'scikit-learn; python_version >= "3.13" and extra == "run"',
    "opencv-python-headless<4.12; (python_version < '3.13') and extra == 'run'",
    'tqdm; extra == "run"',
    'tensorflow-probability>=0.25; extra == "distributions"',
    'statsmodels; extra == "running"',
]
RUN = "install it with pip install 'legacy-nets[run]', with the other packages of that time"


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "requires", {"legacy-nets": REQUIREMENTS}.get)
    monkeypatch.setattr(missing_packages, "_is_installed", {"json_there"}.__contains__)


def explain(name):
    return missing_packages.explain_missing_module(ModuleNotFoundError("No module", name=name))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("cv2", RUN),
        ("sklearn.externals", RUN),
        ("tqdm", RUN),
        ("tensorflow_probability", "install it with pip install 'legacy-nets[distributions]'"),
        ("yaml", "install it with pip install pyyaml"),  # not in the extra of this test
        ("PIL", "install it with pip install pillow"),
        ("statsmodels.api", "install it with pip install statsmodels"),
        ("tensorflow_hub", "install it with pip install tensorflow-hub"),
        ("tflearn", "install it with pip install tflearn"),
        ("sonnet", "install it with pip install 'dm-sonnet<2'"),
    ],
)
def test_known_packages(name, advice):
    assert explain(name) == f"the module {name.partition('.')[0]} is missing: {advice}"


@pytest.mark.parametrize("name", ["utils", "my_library.part"])
def test_an_unknown_name_is_not_taken_for_a_package(name):
    top = name.partition(".")[0]
    assert explain(name) == (
        f"no module {top}: if it is the script's own, set PYTHONPATH to the folder that holds it; "
        "if it is a library, install it with pip"
    )


def test_modules_that_python_has_removed_since(monkeypatch):
    monkeypatch.setattr(sys, "stdlib_module_names", frozenset())
    monkeypatch.setattr(missing_packages, "_is_installed", lambda name: False)
    advice = "is missing: install it with pip install"
    assert explain("telnetlib") == f"the module telnetlib {advice} standard-telnetlib"
    assert explain("audioop") == f"the module audioop {advice} audioop-lts"


def test_a_library_that_goes_on_without_a_module():
    """Keras writes ``try: import scipy``, and fails when it uses the name."""
    error = NameError("name 'tqdm' is not defined", name="tqdm")
    assert missing_packages.explain_missing_module(error) == f"the module tqdm is missing: {RUN}"
    for name in ("images", "json_there", "json", None):
        assert missing_packages.explain_missing_module(NameError("x", name=name)) is None


def test_modules_of_python_2():
    assert explain("cPickle") == (
        "cPickle is a module of Python 2: convert the script with 2to3 (pip install 2to3)"
    )


@pytest.mark.parametrize("name", ["json_there.part", "tkinter", None])
def test_no_advice_on_what_is_installed(name):
    assert explain(name) is None
    assert missing_packages.explain_missing_module(ImportError("x", name="cv2")) is None


def test_without_metadata_the_package_is_named(monkeypatch):
    def refuse(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", refuse)
    assert explain("cv2").endswith("install it with pip install opencv-python-headless")


@pytest.mark.parametrize("tf2", [False, True])
def test_the_line_follows_the_traceback(tmp_path, tf2):
    script = write(
        tmp_path, script="def load():\n    import nibabel.nifti1\nload()  # tf.function\n"
    )
    done = run(*(["--tf2"] if tf2 else []), script)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "ModuleNotFoundError: No module named 'nibabel'",
        "legacy-nets: the module nibabel is missing: install it with pip install nibabel",
    ]
