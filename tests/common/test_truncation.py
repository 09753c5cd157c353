"""Texts within a limit of characters or bytes."""

from scf_mps.common.truncation import truncate, truncate_bytes


def test_truncate_keeps_text_within_the_limit():
    assert truncate("视频", 2) == "视频"
    assert truncate("视频x", 2) == "视频…"


def test_truncate_bytes_cuts_between_characters():
    assert truncate_bytes("视频", 6) == "视频"
    assert truncate_bytes("视频x", 6) == "视…"
