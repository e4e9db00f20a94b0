"""The record of runs of public scripts: its form, and the page written from it."""

import re

import pytest

DATA = {"run", "start", "path", "module"}  # wishes that the driver grants itself


@pytest.fixture(scope="module")
def driver(script):
    return script("run_legacy_scripts")


@pytest.mark.parametrize("table", ["TABLE", "PROGRAMS"])
def test_each_row_says_what_was_run_and_what_came_of_it(driver, table):
    rows = driver.read_table({"TABLE": driver.TABLE, "PROGRAMS": driver.PROGRAMS}[table])
    keys = [(row["repository"], row["path"], row["arguments"]) for row in rows]
    assert len(set(keys)) == len(keys)
    for row in rows:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", row["repository"]), row
        assert re.fullmatch(r"[0-9a-f]{40}", row["commit"]), row
        assert row["path"].endswith(".py"), row
        assert row["subject"], row
        assert row["result_tf1"] == "pass", row  # the table holds nothing else
        assert re.match(r"pass$|exit -?\d+: |not done in \d+ s$", row["result_legacy_nets"]), row
        for side in driver.SIDES.values():
            assert float(row[f"cpu_seconds_{side}"]) > 0, row
        for wish in row["setup"].split():
            kind = wish.partition(":")[0]
            assert kind in DATA or kind in driver.legacy_data._MAKERS, row
        assert "/tmp/tmp" not in "".join(row.values()), row


def test_the_table_has_40_scripts_of_25_repositories(driver):
    passed = [row for row in driver.read_table() if row["result_legacy_nets"] == "pass"]
    assert len(passed) >= 40
    assert len({row["repository"] for row in passed}) >= 25


def test_of_60_programs_57_pass(driver):
    rows = driver.read_table(driver.PROGRAMS)
    passed = [row for row in rows if row["result_legacy_nets"] == "pass"]
    assert len(rows) >= 60 and len(passed) / len(rows) >= 57 / 60
    scripts = {(row["repository"], row["path"]) for row in driver.read_table()}
    assert not scripts & {(row["repository"], row["path"]) for row in rows}  # others than those


def test_40_scripts_run_with_plain_python_when_upgraded(driver):
    rows = driver.read_upgraded()
    scripts = {tuple(row[name] for name in driver.KEY) for row in driver.read_table()}
    assert set(rows) <= scripts
    passed = {key for key, row in rows.items() if row["result"] == "pass"}
    assert len(passed) >= 40
    for key, row in rows.items():
        assert key in passed or re.match(r"exit -?\d+: ", row["result"]), row


def test_the_page_is_written_from_the_table(driver):
    assert driver.PAGE.read_text(encoding="utf-8") == driver.format_page(
        driver.read_table(),
        driver.read_same(),
        driver.read_upgraded(),
        driver.read_table(driver.PROGRAMS),
    )


def test_the_last_line_is_printable_and_short(driver):
    assert driver.last_line("one\n\x1b[1mtwo /tmp/tmpab_1/x\r\n\n") == " [1mtwo x"
    assert driver.last_line("from /a/lib/site-packages/b.py") == "from b.py"
    assert driver.last_line("") == ""
    assert len(driver.last_line("x" * 500)) == 120


def test_a_command_is_that_of_a_shell(driver):
    row = {"path": "a/b c.py", "folder": "a", "arguments": "--x 'y z'", "setup": ""}
    assert driver.command(row, "oracle", "py") == ["py", "-u", "b c.py", "--x", "y z"]
    row = {"path": "a/b.py", "folder": "", "arguments": "", "setup": "module"}
    assert driver.command(row, "ours", "ln") == ["ln", "run", "-m", "a.b"]
