"""Journals: what a killed process leaves is cut off, damage in the middle costs its line alone."""

import json

import pytest

from legacy_nets.errors import BadInputError
from legacy_nets.journal import open_journal, read_header

EVENTS = [{"writer": "test"}, *({"name": f"{number} é"} for number in range(3))]
LINES = [json.dumps(event).encode() + b"\n" for event in EVENTS]


def read(path):
    with open_journal(path, "--out x", "tests") as journal:
        return journal.events


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "out" / "test.jsonl"
    with open_journal(path, "--out x", "tests") as journal:
        assert journal.events == []
        for event in EVENTS:
            journal.write(event)
    assert path.read_bytes() == b"".join(LINES)
    return path


@pytest.mark.parametrize("left", [LINES[3][:-1], LINES[3][:5], b"\xff\xfe", b'{"name": "\xc3'])
def test_half_a_line_at_the_end_is_cut_off(path, left, capsys):
    path.write_bytes(b"".join(LINES[:3]) + left)
    assert read(path) == EVENTS[:3]
    assert path.read_bytes() == b"".join(LINES[:3])
    assert capsys.readouterr().err == ""
    with open_journal(path, "--out x", "tests") as journal:
        journal.write(EVENTS[3])
    assert read(path) == EVENTS


@pytest.mark.parametrize("damage", [b"", b"\xff\x00{", b"{}{}", b"3", LINES[2][4:-1]])
def test_a_damaged_line_costs_its_event(path, damage, capsys):
    path.write_bytes(b"".join([*LINES[:2], damage + b"\n", LINES[3]]))
    assert read(path) == [*EVENTS[:2], EVENTS[3]]
    assert capsys.readouterr().err == (
        f"note: {path}, line 3 is damaged: what it recorded is done again\n"
    )


@pytest.mark.parametrize("damage", [b"\n", b"3\n", b"\xff\n"])
def test_a_damaged_first_line(path, damage):
    path.write_bytes(damage + b"".join(LINES[1:]))
    assert read_header(path) is None
    with pytest.raises(BadInputError, match=r"test\.jsonl: its first line is damaged: name a new"):
        read(path)


def test_half_a_first_line_is_none(path):
    path.write_bytes(LINES[0][:-1])
    assert read(path) == [] and path.read_bytes() == b""
