"""docs/transcripts: a session of every command, and the short ones still print what they say."""

from __future__ import annotations

import re

import pytest
import transcripts

from legacy_nets.cli import COMMANDS


def read_page(name):
    return (transcripts.PAGES / f"{name}.md").read_text(encoding="utf-8")


def test_every_command_has_a_session():
    assert list(transcripts.SESSIONS) == list(COMMANDS)
    pages = {path.stem for path in transcripts.PAGES.glob("*.md")}
    assert pages == {"index", *COMMANDS}
    assert read_page("index") == transcripts.write_index()
    for name, session in transcripts.SESSIONS.items():
        assert all(line.split()[0] == name for line in session.lines)
        for other in session.needs:
            assert list(COMMANDS).index(other) < list(COMMANDS).index(name)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_pages_have_the_lines_of_the_table_and_nothing_of_a_machine(name):
    """To renew them: python scripts/docs/transcripts.py"""
    page, session = read_page(name), transcripts.SESSIONS[name]
    assert page.startswith(f"{transcripts.FRONT}\n\n# legacy-nets {name}\n\n{session.about}\n")
    shown = re.findall(r"^\$ legacy-nets (.+)\n(.+)$", page, re.MULTILINE)
    assert [line for line, _ in shown] == list(session.lines)
    assert all(output != "```" for _, output in shown)  # something is printed
    assert "Traceback" not in page and not re.search(r"(?<![\w~.])/(work|tmp|root|home)/", page)


@pytest.mark.slow
def test_short_sessions_print_what_their_pages_say(tmp_path):
    pytest.importorskip("libcst")  # upgrade needs it
    transcripts.prepare(tmp_path)
    compared = [name for name, session in transcripts.SESSIONS.items() if session.is_compared]
    assert len(compared) >= 4
    for name in compared:
        assert transcripts.run_session(name, tmp_path) == read_page(name), name
