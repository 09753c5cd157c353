"""CRC-64/XZ."""

import importlib
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.cos import crc64

CHECK = 0x995DC9BBDF1939FA
"""The check value of CRC-64/XZ: that of ``123456789``."""


def test_checksum_has_published_check_value():
    assert crc64.update(b"123456789") == crc64.update_in_python(b"123456789", 0) == CHECK


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_checksums_continue_and_combine(first, second):
    whole = crc64.update(first + second)
    assert crc64.update(second, crc64.update(first)) == whole
    assert crc64.update_in_python(second, crc64.update_in_python(first, 0)) == whole
    assert crc64.combine(crc64.update(first), crc64.update(second), len(second)) == whole


def test_large_data_has_same_checksum_in_rows():
    data = os.urandom(200_001)
    start = crc64.update_in_python(b"before", 0)
    assert crc64.update_in_python(data, 0) == crc64.update(data)
    assert crc64.update_in_python(data, start) == crc64.update(b"before" + data)


def test_fastest_installed_implementation_is_used(monkeypatch):
    data = os.urandom(1000)
    expected = crc64.update(data)
    monkeypatch.setitem(sys.modules, "fastcrc.crc64", None)
    pytest.importorskip("crcmod")
    module = importlib.import_module("crcmod.crcmod")
    if not module._usingExtension:  # crcmod was built without a C compiler
        monkeypatch.setattr(module, "_usingExtension", True)
        monkeypatch.setattr(
            module, "mkCrcFun", lambda *_, **__: lambda *args: crc64.update_in_python(*args)
        )
    by_crcmod = crc64._find_fastest()
    assert by_crcmod is not crc64.update_in_python
    assert by_crcmod(data, 0) == expected
    assert by_crcmod(data[500:], by_crcmod(data[:500], 0)) == expected
    monkeypatch.setattr(module, "_usingExtension", False)
    assert crc64._find_fastest() is crc64.update_in_python
    monkeypatch.setitem(sys.modules, "crcmod.crcmod", None)
    assert crc64._find_fastest() is crc64.update_in_python
