"""Tables, lines and JSON of commands."""

from __future__ import annotations

import json

import pytest

from scf_mps.cli import output

ROWS = [
    {"name": "handlers.first", "state": "done", "empty": "", "why": ""},
    {
        "name": "handlers.second_of_the_两",
        "state": "failed",
        "empty": "",
        "why": "no such bucket " * 3,
    },
]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output as at a terminal of 40 columns without colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(output.out, "_color_system", None)


@pytest.mark.usefixtures("terminal")
def test_columns_without_room_come_below_their_row(capsys: pytest.CaptureFixture[str]) -> None:
    output.show(ROWS, title="two")
    assert capsys.readouterr().out.splitlines() == [
        "two",
        "name                       state",
        "handlers.first             done",
        "handlers.second_of_the_两  failed",
        "  no such bucket no such bucket no such",
        "  bucket",
    ]


@pytest.mark.usefixtures("terminal")
def test_names_are_never_broken(capsys: pytest.CaptureFixture[str]) -> None:
    output.show([{"a": "x" * 50, "b": "y" * 50, "c": "z", "d": "z"}])
    assert capsys.readouterr().out.splitlines() == ["a", "x" * 50, "  " + "y" * 50, "  z  z"]


@pytest.mark.usefixtures("terminal")
def test_table_has_every_column_where_there_is_room(capsys: pytest.CaptureFixture[str]) -> None:
    output.show([{"a": "1", "b": "2"}])
    assert capsys.readouterr().out.splitlines() == ["a  b", "1  2"]


@pytest.mark.usefixtures("terminal")
def test_last_column_breaks_at_spaces_in_its_column(capsys: pytest.CaptureFixture[str]) -> None:
    output.show([{"a": "name", "b": "a text of some words that is too long"}, {"a": "x", "b": "y"}])
    assert capsys.readouterr().out.splitlines() == [
        "a     b",
        "name  a text of some words that is too",
        "      long",
        "x     y",
    ]


def test_pipe_gets_a_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    output.show([{"a": "1\t\n", "b": ""}, {"a": "2", "b": "3"}], title="not shown")
    assert capsys.readouterr().out == "1\\t\\n\t\n2\t3\n"


def test_empty_table_says_so_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output.show([], title="rows")
    output.show([], empty="no rows")
    assert capsys.readouterr() == ("", "rows: none\nno rows\n")


def test_json_is_escaped_and_stays_equal(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": "中\x9b2J\x7f\u202e\n", "more": ["🎬", "\ud800", "\U000e0041"]}
    output.print_json(value)
    printed = capsys.readouterr().out
    assert json.loads(printed) == value
    assert all(line.isprintable() for line in printed.splitlines())
    assert "中" in printed
    output.print_json({"a": "b"}, indent=None)
    assert capsys.readouterr().out == '{"a": "b"}\n'


def test_names_of_emoji_and_markup_are_printed_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.say("[bold]:bug:[/]")
    output.warn(":bug:\n[red]")
    assert capsys.readouterr() == ("[bold]:bug:[/]\n", ":bug:\n[red]\n")
