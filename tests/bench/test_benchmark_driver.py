"""The benchmark's driver with peers that this file writes: values, failures, limits, resuming."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import driver
import goals
import pytest
import report
import rows

from legacy_nets import registry

TABLE = Path(driver.__file__).parent


@pytest.fixture
def runners(tmp_path, monkeypatch):
    """A folder of fake runners; a function that adds one and makes its task."""
    monkeypatch.setattr(driver, "RUNNERS", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(TABLE / "runners"))

    def add(name, body, *columns, python=sys.executable):
        (tmp_path / f"{name}.py").write_text(f"from protocol import *\n{body}\n")
        return driver.Task(name, python, f"{name}.py", {"start": 3}, columns)

    return add


COUNTING = """
values = iter(range(read_arguments()["start"], 100))
serve({("batch 1", "a fp32"): lambda: next(values), ("batch 8", "a fp32"): lambda: {"value": 7.5,
"flop": 2.0}}, {"A": "1.2"})
"""
NOISY = "print('a library says hello'); serve({('batch 1', 'b'): lambda: 2}, {}, {'c': 'no c'})"


def index(measured):
    return {(item.case, item.column): item for item in measured}


def test_each_measure_has_a_value_a_round(runners):
    tasks = (runners("a", COUNTING, "a fp32"), runners("b", NOISY, "b", "c"))
    lines = []
    measured, versions = driver.run_row(driver.Row("r", "g", "s", tasks), 3, lines.append)
    found = index(measured)
    assert found["batch 1", "a fp32"].values == [3, 4, 5]
    assert found["batch 8", "a fp32"].values == [7.5] * 3
    assert found["batch 8", "a fp32"].details == {"flop": 2.0}
    assert found["batch 1", "b"].values == [2, 2, 2]
    assert (found["batch 1", "c"].values, found["batch 1", "c"].reason) == ([], "no c")
    assert versions == {"A": "1.2"}
    assert lines[0] == "r: setting up a" and lines[-1] == "r: round 3 of 3"


TIMED = """
clock = [0.0]
time.perf_counter = lambda: clock[0]
costs = iter([9.0, 4.5, 3.0, 6.0])  # two calls of each measure: the first is not counted
freed = []
def run():
    clock[0] += next(costs)
def free():
    freed.append(clock[0])
serve({
    ("batch 1", "a"): count_per_second(run, 18, free=free),
    ("batch 8", "a"): lambda: freed[-1],
}, {})
"""


def test_the_first_call_of_each_measure_is_not_counted_and_its_memory_freed(runners):
    task = runners("a", f"import time\n{TIMED}", "a")
    found = index(driver.run_row(driver.Row("r", "g", "s", (task,)), 2)[0])
    assert found["batch 1", "a"].values == [4, 3]
    assert found["batch 8", "a"].values == [13.5, 22.5]  # after the calls


DEAD = "import sys; sys.exit('no such library')"
DIES_LATER = """
import os
serve({("batch 1", "d"): lambda: os._exit(3)}, {})
"""
RAISES = """
def fail():
    raise MemoryError("too large")
serve({("batch 1", "d"): fail, ("batch 8", "d"): lambda: 4}, {})
"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (DEAD, "d: it ended: no such library"),
        (DIES_LATER, "it ended"),
        (RAISES, "MemoryError: too large"),
    ],
)
def test_a_peer_that_fails_is_a_reason_and_the_others_go_on(runners, body, reason):
    tasks = (runners("d", body, "d"), runners("a", COUNTING, "a fp32"))
    found = index(driver.run_row(driver.Row("r", "g", "s", tasks), 2)[0])
    assert (found["batch 1", "d"].values, found["batch 1", "d"].reason) == ([], reason)
    assert found["batch 1", "a fp32"].values == [3, 4]
    if body is RAISES:
        assert found["batch 8", "d"].values == [4, 4]


def test_an_environment_that_is_missing_is_a_reason(runners):
    task = runners("a", COUNTING, "a fp32", python="/nowhere/python")
    [item] = driver.run_row(driver.Row("r", "g", "s", (task,)), 1)[0]
    assert (item.case, item.reason) == ("all", "a: /nowhere/python is not installed")


@pytest.mark.slow
@pytest.mark.parametrize("where", ["setup", "measure"])
def test_a_time_limit_ends_a_row_with_what_it_has(runners, where):
    wait = "import threading\nforever = threading.Event().wait"
    body = "forever()" if where == "setup" else "serve({('batch 1', 'slow'): forever}, {})"
    tasks = (runners("a", COUNTING, "a fp32"), runners("slow", f"{wait}\n{body}", "slow"))
    row = driver.Row("r", "g", "s", tasks, limit=6.0)
    found = index(driver.run_row(row, 1000 if where == "measure" else 1)[0])
    assert "time limit was reached" in found["batch 1", "slow"].reason
    assert where == "setup" or found["batch 1", "a fp32"].values[0] == 3


@pytest.mark.slow
def test_a_row_without_time_for_another_round_keeps_those_before(runners, tmp_path):
    wait = "import threading\nwait = lambda: threading.Event().wait(0.5) or 7"
    task = runners("a", f"{wait}\nserve({{('batch 1', 'a'): wait}}, {{}})", "a")
    row = driver.Row("r", "g", "s", (task,), limit=5.0)
    path = tmp_path / "full.json"
    results = driver.run_rows([row], 1000, path, dict)
    [item] = results["rows"]["r"]["measured"]
    assert item["reason"] == "" and set(item["values"]) == {7} and len(item["values"]) < 11
    assert driver.run_rows([row], 1000, path, dict) == results  # it is not measured again
    least = f"| least rounds of a row | {len(item['values'])} |"
    assert least in report.make_markdown(results)


def test_two_tasks_cannot_measure_the_same_column(runners):
    task = runners("a", COUNTING, "a fp32")
    with pytest.raises(ValueError, match="r: two tasks have the same column"):
        driver.Row("r", "g", "s", (task, task))


def test_rows_that_were_measured_are_passed_over(runners, tmp_path, capsys):
    path = tmp_path / "results" / "full.json"
    wanted = [
        driver.Row(name, "g", "s", (runners(name, COUNTING, "a fp32"),)) for name in ("x", "y")
    ]
    driver.run_rows(wanted[:1], 2, path, dict)
    path.write_text(path.read_text().replace("3", "30"))  # only a row that is kept has this
    results = driver.run_rows(wanted, 2, path, lambda: {"load": 0.5})
    assert results["rows"]["x"]["measured"][0]["values"] == [30, 4]
    assert results["rows"]["y"]["measured"][0]["values"] == [3, 4]
    assert results["rows"]["y"]["machine"] == {"load": 0.5}
    assert json.loads(path.read_text()) == results
    assert "x: measured before" in capsys.readouterr().out
    results = driver.run_rows(wanted[:1], 2, path, dict, again=True)
    assert results["rows"]["x"]["measured"][0]["values"] == [3, 4]
    assert list(path.parent.iterdir()) == [path]


def make_item(case, column, values, reason="", **details):
    common = {"row": "net", "group": "inference", "unit": "images/s"}
    return {
        **common,
        "case": case,
        "column": column,
        "values": values,
        "reason": reason,
        "details": details,
    }


def make_results():
    limits = make_item("matrix product, GFLOP/s", "fp32", [100.0, 100.0, 130.0])
    measured = [
        make_item("batch 8", "legacy_nets auto fp32", [30.0, 10.0, 20.0], flop=2e9, engine="x"),
        make_item("batch 8", "legacy_nets TensorFlow fp32", [12.0], flop=2e9),
        make_item("batch 8", "OpenVINO fp32", [15.0, 16.0, 20.0], flop=2e9),
        make_item("batch 8", "PyTorch bf16", [], "no such library"),
    ]
    rows = {"limits": {"measured": [limits | {"group": "limits"}]}, "net": {"measured": measured}}
    common = {"rounds": 3, "seconds": 1.0, "machine": {"model": "A", "cores": 2, "load": 0.1}}
    return {"rows": {name: row | common for name, row in rows.items()}, "versions": {"V": "1"}}


def test_the_page_has_medians_spreads_shares_ratios_and_reasons():
    text = report.make_markdown(make_results(), missing=["r2plus1d_18", "start"])
    assert "| rows that are missing | r2plus1d_18, start |" in text
    assert "missing" not in report.make_markdown(make_results())
    assert "| legacy_nets auto fp32 | 20 ± 50%, 40%, x |" in text
    assert "| OpenVINO fp32 | 16 ± 16%, 32% |" in text
    assert "| PyTorch bf16 | – |" in text
    assert "| **ours fp32 / best peer fp32** | 1.00 |" in text  # of the rounds: 2, 0.625, 1
    assert "- PyTorch bf16: `no such library`" in text
    assert "ours bf16" not in text
    assert "| **legacy_nets TensorFlow fp32 / OpenVINO fp32** | 0.80 |" in text  # of one round
    assert "/ OpenVINO bf16" not in text
    assert "| images/s | batch 8 |" in text
    assert "| processor | A |" in text and "| versions | V 1 |" in text
    assert "| processes that waited for a core when rows began | 0.1 – 0.1 |" in text


def test_a_table_of_many_cases_has_a_line_for_each():
    cases = [f"net_{number}" for number in range(11)]
    cells = [(case, column, [2.0]) for case in cases for column in ("ours", "theirs")]
    results = {"rows": {"build": make_row("build", "build", *cells[:-1])}, "versions": {}}
    text = report.make_markdown(results)
    assert "|  | ours | theirs |\n| --- | --- | --- |\n| net_0 | 2 | 2 |" in text
    assert "| net_10 | 2 | – |" in text


PROGRAMS = "legacy_nets|TensorFlow 1|tf_slim|Keras 3|ONNX Runtime|OpenVINO|PyTorch"
COMMANDS = "legacy-nets [^,]*$|python -c|import tensorflow|predict --fast|train( --bf16)?$"
DOCS = TABLE.parents[2] / "docs"


def list_words(page):
    """The titles, paragraphs, heads and first cells of a page: what a reader reads as words."""
    for block in page.split("\n\n")[1:]:
        if block.lstrip("\n").startswith("|"):
            rows = [row.strip("|").split("|") for row in block.strip("\n").splitlines()]
            yield from (cell.strip() for cell in rows[0])
            yield from (cells[0].strip() for cells in rows[2:])
        elif not block.startswith("- "):
            yield re.sub(r"^#+ ", "", " ".join(block.split()))


def test_words_of_the_page_have_a_chinese_text():
    """Names, commands and numbers need none; docs/_ext/benchmark_texts.md lists the rest."""
    texts = (DOCS / "_ext" / "benchmark_texts.md").read_text("utf-8").split("\n\n")
    translated = {text.strip().removeprefix("# ") for text in texts}
    words = set(list_words((DOCS / "benchmarks" / "full.md").read_text("utf-8")))
    environments = rows.Environments("a", "b", "c")
    names = {row.name for row in rows.list_rows(environments, Path("f"), is_short=False)}
    names |= {"", "inspect", *rows.TARGETS, *registry.list_nets()}
    named = re.compile(rf"\**({PROGRAMS}|{COMMANDS})")
    left = [word for word in words - translated - names if not named.match(word)]
    assert [word for word in left if not re.fullmatch(r"[\w.-]*[\d_][\w.-]*", word)] == []
    assert {"What it must show", "class of fp32", "processor", "seconds"} <= words


def make_row(name, group, *cells):
    """A row whose cells are (case, column, values)."""
    measured = [make_item(*cell) | {"row": name, "group": group, "unit": ""} for cell in cells]
    return {"measured": measured, "rounds": 1, "seconds": 1.0, "machine": {}}


def test_the_goals_are_ratios_of_the_run():
    rows = {
        "inception_v3": make_row(
            "inception_v3",
            "inference",
            ("batch 8", "legacy_nets TensorFlow fp32", [19.0]),
            ("batch 8", "OpenVINO fp32", [20.0]),
            ("batch 8", "PyTorch bf16", [40.0]),
            ("batch 8", "legacy_nets int8", [70.0]),
        ),
        "pictures": make_row(
            "pictures", "pictures", ("x", "predict --fast", [45.0]), ("x", "bare engine", [50.0])
        ),
        "train_hand_signs": make_row(
            "train_hand_signs",
            "train",
            ("x", "legacy_nets fp32", [60.0, 60.0, 66.0]),
            ("x", "legacy_nets bf16", [88.0, 96.0, 88.0]),
            ("x", "TensorFlow 1.15.5 fp32", [10.0, 12.0, 11.0]),
        ),
        "loop_hand_signs": make_row(
            "loop_hand_signs", "train", ("x", "bare step", [60.6]), ("x", "train", [60.0])
        ),
        "trained_hand_signs": make_row(
            "trained_hand_signs",
            "trained",
            ("accuracy", "legacy_nets fp32", [0.972]),
            ("accuracy", "train --bf16", [0.967]),
        ),
        "port": make_row("port", "port", ("onnx", "seconds", [7.5])),
    }
    text = goals.make_goals(rows)
    wanted = [
        "0.95, – | ≥ 0.97",
        "–, – | ≥ 0.95",
        "0.95 | ≥ 1",
        "– | ≥ 1",
    ]
    wanted += ["1.75, – | ≥ 1.8", "– | ≥ 0.99", "0.9 | ≥ 0.9"]
    wanted += ["6, 8 | ≥ 5.5 (AMX: 7)", "1.01 | ≤ 1.02", "0.005 | ≤ 0.01"]
    wanted += ["– | ≤ 3", "7.5 | ≤ 8"]
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert [line.split(" | ", 1)[1].removesuffix(" |") for line in lines] == wanted
    results = {"rows": rows, "versions": {}}
    assert text in report.make_markdown(results)


def test_growth_has_slopes_and_lines(tmp_path):
    cells = [("10", "a, seconds", [1.0]), ("100", "a, seconds", [10.0])]
    cells += [("1000", "a, seconds", [100.0]), ("10", "a, MiB", [3.0]), ("100", "a, MiB", [3.0])]
    cells += [("1000", "a, MiB", [3.0]), ("10", "b, MiB", [0.0]), ("100", "b, MiB", [2.0])]
    row = make_row("growth_x", "growth", *cells)
    row["measured"][0]["unit"] = "sizes of x"
    results = {"rows": {"growth_x": row}, "versions": {}}
    text = report.make_markdown(results)
    assert "| sizes of x | 10 | 100 | 1000 | slope |" in text
    assert "| a, seconds | 1 | 10 | 100 | 1.00 |" in text
    assert "| a, MiB | 3 | 3 | 3 | 0.00 |" in text
    assert "| b, MiB | 0 | 2 | – | – |" in text
    assert report.draw_charts(results, tmp_path, "full") == ["full_growth.svg"]
    drawn = (tmp_path / "full_growth.svg").read_text()
    assert "a, seconds" in drawn and "growth_x, sizes of x" in drawn


def test_each_task_of_growth_is_one_that_can_be_done(monkeypatch):
    monkeypatch.setenv("LEGACY_NETS_CACHE", "off")  # what importing it sets
    known = importlib.import_module("growing_work").TASKS
    assert {task for growing in rows.GROWTH.values() for task in growing.tasks} == set(known)
    environments = rows.Environments("a", "b", "c")
    full = rows.list_rows(environments, Path("f"), is_short=False)
    (row,) = rows.choose_rows(full, "growth_pictures")
    assert row.tasks[0].columns == ("predict, seconds", "predict, MiB")
    assert row.unit == "pictures"


def test_the_chart_is_drawn_of_inference_alone(tmp_path):
    assert report.draw_charts(make_results(), tmp_path, "full") == ["full_inference.svg"]
    assert "auto fp32" in (tmp_path / "full_inference.svg").read_text()
    assert report.draw_charts({"rows": {}, "versions": {}}, tmp_path, "short") == []


def test_every_row_has_its_scripts_and_can_be_chosen():
    environments = rows.Environments("a", "b", "c")
    full = rows.list_rows(environments, Path("f"), is_short=False)
    scripts = {task.script for row in full for task in row.tasks}
    assert scripts | {"protocol.py"} == {path.name for path in (TABLE / "runners").glob("*.py")}
    assert {row.name for row in full} >= {"limits", *rows.NETS, "train_cnn_lstm", "build", "port"}
    chosen = rows.choose_rows(full, "inference port")
    assert [row.name for row in chosen] == [*rows.NETS, "port"]
    assert rows.choose_rows(full, "") == full
    with pytest.raises(ValueError, match="no row 'resnet'; there are build, "):
        rows.choose_rows(full, "resnet")
