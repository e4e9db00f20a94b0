"""Fixtures that several test files share."""

from __future__ import annotations

import importlib
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from legacy_nets.types import Graph

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
os.environ["LEGACY_NETS_CACHE"] = "off"  # tests change nets and tables

_REPOSITORY = Path(__file__).parent.parent
_MARKERS = {"torch_python": "torch", "ray": "ray", "oracle": "oracle"}  # fixture -> marker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that need PyTorch, Ray or TensorFlow 1.15.5: the Makefile selects them."""
    for item in items:
        for fixture, marker in _MARKERS.items():
            if isinstance(item, pytest.Function) and fixture in item.fixturenames:
                item.add_marker(marker)


@pytest.fixture(scope="module")
def tiny_nets() -> Iterator[None]:
    """The little nets of tiny.py are in the registry."""
    import tiny

    undo = tiny.register()
    yield
    undo()


@pytest.fixture
def graph() -> Iterator[Graph]:
    """A new default graph for the test; files use it by ``pytestmark``."""
    from legacy_nets import tf1 as tf

    with tf.Graph().as_default() as new_graph:
        yield new_graph


@pytest.fixture
def with_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands take TensorFlow to compute with oneDNN, as in a new process."""
    from legacy_nets import processor
    from legacy_nets import tf1 as tf  # noqa: F401  # turns it off

    monkeypatch.setattr(processor, "_is_onednn_off", False)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)


@pytest.fixture
def optimiser(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """oneDNN is asked for; after the test that and TensorFlow's optimiser are what they were."""
    from legacy_nets import tf1 as tf

    options = tf.config.optimizer.get_experimental_options()
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    yield
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": options.get("disable_meta_optimizer", False)}
    )


@pytest.fixture
def in_one_process(monkeypatch: pytest.MonkeyPatch, optimiser: None) -> None:
    """Runs in this process what ports run in a child: TensorFlow is imported once.

    A port that runs a second time turns the optimiser and oneDNN off: for this test alone.
    """
    from legacy_nets.port.imported import convert

    monkeypatch.setattr(
        convert, "run_sandboxed", lambda function, *arguments, **_: function(*arguments)
    )


@pytest.fixture(scope="session")
def script() -> Callable[[str], ModuleType]:
    """Imports a file of scripts/ by its name."""

    def load(name: str) -> ModuleType:
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(_REPOSITORY / "scripts" / "corpus"))
            return importlib.import_module(name)

    return load


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Command (a path) of a Python with real TensorFlow 1.15.5; skips where there is none."""
    stated = os.environ.get("LEGACY_NETS_ORACLE")
    python = Path(stated) if stated else _REPOSITORY / ".oracle" / "bin" / "python"
    if not python.is_file():
        assert not stated, f"LEGACY_NETS_ORACLE={stated} is no file"
        pytest.skip(f"no TensorFlow 1.15.5: neither LEGACY_NETS_ORACLE nor {python}")
    # TensorFlow 2 leaves TF2_BEHAVIOR=1 in the environment, which would make 1.15 eager.
    command = tmp_path_factory.mktemp("oracle") / "python"
    command.write_text(f'#!/bin/sh\nunset TF2_BEHAVIOR\nexec {shlex.quote(str(python))} "$@"\n')
    command.chmod(0o755)
    return str(command)


@pytest.fixture(scope="session")
def torch_python() -> str:
    """Path of a Python with torch, torchvision and timm; skips where there is none."""
    stated = os.environ.get("LEGACY_NETS_TORCH")
    if not stated:
        pytest.skip("no PyTorch: LEGACY_NETS_TORCH names no Python that has it")
    assert Path(stated).is_file(), f"LEGACY_NETS_TORCH={stated} is no file"
    return stated


@pytest.fixture(scope="session")
def ray() -> None:
    """Skips where Ray is not installed."""
    pytest.importorskip("ray")
