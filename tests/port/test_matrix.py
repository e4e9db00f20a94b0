"""The matrix of docs/: its page is what its table says, and its script really opens the ports."""

from __future__ import annotations

import os

import port_matrix
import pytest

from legacy_nets import registry
from legacy_nets.port.targets import TARGETS


def test_the_page_shows_the_table():
    assert port_matrix.PAGE.read_text(encoding="utf-8") == port_matrix.render()


def test_every_number_of_the_table_is_within_the_tolerance():
    cells = port_matrix.read_table().values()
    large = [cell.key for cell in cells if cell.difference and not port_matrix.is_good(cell)]
    assert large == [("full", "resnet18", "frozen", "tf2")]  # whose logits are near 1000
    small = [cell for cell in cells if cell.size == "small"]
    assert {cell.model for cell in small} <= set(registry.list_nets())
    assert {cell.target for cell in small} == set(TARGETS)
    assert len({cell.model for cell in cells if cell.size == "user"}) == 12
    weights = [cell for cell in cells if cell.target in ("npz", "safetensors", "h5", "ckpt")]
    assert {float(cell.difference) for cell in weights if cell.difference} == {0.0}


def test_a_cell_shows_its_number_or_the_number_of_its_reason():
    reasons = {}
    cell = port_matrix.Cell("small", "vgg11", "onnx", "onnxruntime", "1.2", "3.0e-07", "")
    shown = [
        cell,
        cell._replace(difference="0.0e+00"),
        cell._replace(difference="2.0e-02"),
        cell._replace(difference="", reason="port: too large"),
        cell._replace(difference="", reason="no memory"),
        cell._replace(difference="", reason="port: too large"),
        None,
    ]
    texts = [port_matrix.render_cell(cell, reasons) for cell in shown]
    assert texts == ["3.0e-07", "0", "**2.0e-02**", "(1)", "(2)", "(1)", "-"]
    assert reasons == {"port: too large": 1, "no memory": 2}


@pytest.mark.slow
def test_a_net_is_opened_by_every_reader(monkeypatch, tmp_path):
    monkeypatch.delenv("LEGACY_NETS_TORCH", raising=False)
    monkeypatch.setattr(port_matrix, "TABLE", tmp_path / "none.csv")
    cells = port_matrix.list_cells("small", "demo_cnn", again=False)
    assert (("frozen", "tf1") in cells) == bool(os.environ.get("LEGACY_NETS_ORACLE"))
    assert cells >= {("npz", "numpy"), ("h5", "h5py"), ("frozen", "tf2"), ("keras", "keras")}
    tasks = []
    for name, folder in (("demo_cnn", "good"), ("no_net", "bad")):
        (tmp_path / folder).mkdir()
        tasks.append(port_matrix.Task(name, name, cells, tmp_path / folder))
    made = port_matrix.run_tasks("small", tasks, 600)
    good = {(cell.target, cell.reader) for cell in made if port_matrix.is_good(cell)}
    assert good == cells
    reasons = {cell.reason[:19] for cell in made if cell.model == "no_net"}
    assert reasons == {"port: exit code 1: "}


@pytest.mark.rare
@pytest.mark.parametrize("net", registry.list_nets())
def test_the_page_is_true_at_full_size(net, monkeypatch, tmp_path):
    documented = port_matrix.read_table()
    monkeypatch.setattr(port_matrix, "TABLE", tmp_path / "none.csv")
    cells = port_matrix.list_cells("full", net, again=False)
    made = port_matrix.run_tasks("full", [port_matrix.Task(net, net, cells, tmp_path)], 3600)
    assert {(cell.target, cell.reader) for cell in made} == cells
    for cell in made:
        keys = [cell._replace(size=size).key for size in ("small", "full")]
        others = [documented[key] for key in keys if key in documented]
        if cell.difference:
            shares = [2 * float(other.difference) for other in others if other.difference]
            assert float(cell.difference) <= max(port_matrix.TOLERANCE, *shares, 0), cell
        else:
            is_too_large = "do not fit in a graph" in cell.reason  # ViT-H
            assert is_too_large or cell.reason in {other.reason for other in others}, cell
