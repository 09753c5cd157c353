"""Tables, lines and JSON of commands."""

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
def terminal(monkeypatch):
    """Print as on a terminal of 40 columns without colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(output.out, "_color_system", None)


@pytest.mark.usefixtures("terminal")
def test_table_wraps_columns_below_row(capsys):
    output.print_table(ROWS, title="two")
    assert capsys.readouterr().out.splitlines() == [
        "two",
        "name                       state",
        "handlers.first             done",
        "handlers.second_of_the_两  failed",
        "  no such bucket no such bucket no such",
        "  bucket",
    ]


@pytest.mark.usefixtures("terminal")
def test_table_never_breaks_names(capsys):
    output.print_table([{"a": "x" * 50, "b": "y" * 50, "c": "z", "d": "z"}])
    assert capsys.readouterr().out.splitlines() == ["a", "x" * 50, "  " + "y" * 50, "  z  z"]


@pytest.mark.usefixtures("terminal")
def test_table_keeps_columns_when_they_fit(capsys):
    output.print_table([{"a": "1", "b": "2"}])
    assert capsys.readouterr().out.splitlines() == ["a  b", "1  2"]


@pytest.mark.usefixtures("terminal")
def test_table_wraps_last_column_at_spaces(capsys):
    output.print_table(
        [{"a": "name", "b": "a text of some words that is too long"}, {"a": "x", "b": "y"}]
    )
    assert capsys.readouterr().out.splitlines() == [
        "a     b",
        "name  a text of some words that is too",
        "      long",
        "x     y",
    ]


def test_table_is_tab_separated_in_pipe(capsys):
    output.print_table([{"a": "1\t\n", "b": ""}, {"a": "2", "b": "3"}], title="not shown")
    assert capsys.readouterr().out == "1\\t\\n\t\n2\t3\n"


def test_empty_table_is_reported_on_stderr(capsys):
    output.print_table([], title="rows")
    output.print_table([], empty="no rows")
    assert capsys.readouterr() == ("", "rows: none\nno rows\n")


def test_json_is_escaped_and_equal(capsys):
    value = {"text": "中\x9b2J\x7f\u202e\n", "more": ["🎬", "\ud800", "\U000e0041"]}
    output.print_json(value)
    printed = capsys.readouterr().out
    assert json.loads(printed) == value
    assert all(line.isprintable() for line in printed.splitlines())
    assert "中" in printed
    output.print_json({"a": "b"}, indent=None)
    assert capsys.readouterr().out == '{"a": "b"}\n'


def test_emoji_names_and_markup_are_printed_unchanged(capsys):
    output.print_line("[bold]:bug:[/]")
    output.print_error(":bug:\n[red]")
    assert capsys.readouterr() == ("[bold]:bug:[/]\n", ":bug:\n[red]\n")
