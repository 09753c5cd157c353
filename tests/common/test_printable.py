"""Foreign text in one line, without characters that a terminal executes."""

import sys

import pytest

from scf_mps.common.printable import escape_controls


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("中文\u3000空格 é", "中文\u3000空格 é"),
        ("no\u00a0break", "no\u00a0break"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x7f\x85\x9b2J", "\\x7f\\x85\\x9b2J"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\u202egpj.exe\u200b", "\\u202egpj.exe\\u200b"),
        ("\U000e0041", "\\U000e0041"),
        ("\udce9", "\\udce9"),
    ],
)
def test_controls_are_escaped_and_text_remains(text, shown):
    assert escape_controls(text) == shown


def test_kept_controls_remain():
    assert escape_controls("a\nb\x1b", keep="\n") == "a\nb\\x1b"


def test_escaped_text_is_one_line_for_every_character():
    escaped = escape_controls("".join(map(chr, range(sys.maxunicode + 1))))
    assert len(escaped.splitlines()) == 1
    escaped.encode()
