"""A folder of models is ported on Ray as without it."""

import json

import pytest
from commands import call, refused
from port_cases import write_models

from legacy_nets.ray_data import run as ray_data


@pytest.fixture
def models(tmp_path):
    return write_models(tmp_path / "models")


@pytest.mark.rare
@pytest.mark.usefixtures("ray")
def test_the_table_is_the_same(models, tmp_path):
    tables = []
    for name, more in (("plain", ()), ("ray", ("--ray-address", "local", "--jobs", "2"))):
        done = call("port", models, "--to", "npz", "--out", tmp_path / name, *more)
        assert done.exit_code == 1, done.output
        table = json.loads((tmp_path / name / "ports.json").read_text())
        tables.append([(row["name"], row["status"], row["out"]) for row in table["models"]])
    assert (
        tables[0]
        == tables[1]
        == [
            ("a.npz", "verified", "a.npz.npz"),
            ("b.npz", "verified", "b.npz.npz"),
            ("damaged.h5", "refused", ""),
        ]
    )


def test_misuses(models, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_data, "has_ray", lambda: False)
    given = ("port", models, "--to", "npz", "--out", tmp_path / "out", "--ray-address", "local")
    assert "--ray-address local needs Ray: pip install" in refused(*given)
    one = ("port", models / "a.npz", *given[2:])
    assert "--ray-address is for a folder of models: leave it out" in refused(*one)
    assert not (tmp_path / "out").exists()
