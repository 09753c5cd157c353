"""CRC-64/XZ, the checksum of COS objects.

It is computed by `fastcrc` (12,400 MB/s, measured) or crcmod's C extension (490 MB/s) if installed, else in Python.
There the data is split into rows that advance in parallel, a byte at a time, by `bytes.translate` and one XOR of big
integers. That is about five times faster than a loop over the bytes.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Update = Callable[[bytes, int], int]

_POLYNOMIAL = 0xC96C5795D7870F42  # ECMA-182, reflected
_MASK = 0xFFFFFFFFFFFFFFFF
_ROW_BYTES = 2048
_MIN_ROWS = 32


def update(data: bytes, value: int = 0) -> int:
    """Return the CRC of some bytes with the CRC `value`, followed by `data`. The CRC of no bytes is 0."""
    global _update
    if _update is None:
        _update = _find_fastest()
    return _update(data, value)


_update: Update | None = None


def _find_fastest() -> Update:
    try:
        xz = import_module("fastcrc.crc64").xz
    except ImportError:
        pass
    else:
        return lambda data, value: int(xz(data, value))
    try:
        crcmod = import_module("crcmod.crcmod")
    except ImportError:
        return update_in_python
    if not crcmod._usingExtension:
        return update_in_python
    crcmod_update: Update = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, rev=True, xorOut=_MASK)
    return crcmod_update


@cache
def _build_table() -> list[int]:
    """Return the state after each byte, from an empty state."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


@cache
def _build_planes() -> tuple[bytes, ...]:
    """Return the table as eight tables of bytes, lowest byte first."""
    table = _build_table()
    return tuple(bytes([entry >> 8 * plane & 255 for entry in table]) for plane in range(8))


def update_in_python(data: bytes, value: int) -> int:
    """Return the CRC as `update` does, in Python."""
    state = value ^ _MASK
    row_count = len(data) // _ROW_BYTES
    start = 0
    if row_count >= _MIN_ROWS:
        state = _update_rows(data, state, row_count)
        start = row_count * _ROW_BYTES
    table = _build_table()
    for byte in data[start:]:
        state = table[(state ^ byte) & 255] ^ state >> 8
    return state ^ _MASK


def _update_rows(data: bytes, state: int, row_count: int) -> int:
    """Return the state after `row_count` rows of `_ROW_BYTES` bytes.

    Each row begins with an empty state. Byte `n` of all these states is kept as one integer, `planes[n]`.
    """
    tables = _build_planes()
    planes = [0] * 8
    end = row_count * _ROW_BYTES
    from_bytes = int.from_bytes
    for position in range(_ROW_BYTES):
        column = from_bytes(data[position:end:_ROW_BYTES], "little") ^ planes[0]
        indexes = column.to_bytes(row_count, "little")
        shifted = [*planes[1:], 0]
        planes = [
            plane ^ from_bytes(indexes.translate(table), "little")
            for plane, table in zip(shifted, tables, strict=True)
        ]
    columns = [plane.to_bytes(row_count, "little") for plane in planes]
    advance = _build_advance(_ROW_BYTES)
    for row_state in zip(*columns, strict=True):
        state = advance(state) ^ from_bytes(bytes(row_state), "little")
    return state


def _multiply(left: int, right: int) -> int:
    """Return the product of two polynomials modulo that of the CRC, in reflected bits."""
    product = 0
    bit = 1 << 63
    while left:
        if left & bit:
            product ^= right
            left ^= bit
        bit >>= 1
        right = right >> 1 ^ (_POLYNOMIAL if right & 1 else 0)
    return product


@cache
def _compute_power(bit: int) -> int:
    """Return x to the power of 8 x 2^`bit`, modulo the polynomial."""
    if bit == 0:
        return 1 << 63 - 8
    return _multiply(_compute_power(bit - 1), _compute_power(bit - 1))


def _compute_shift(length: int) -> int:
    """Return x to the power of 8 x `length`, modulo the polynomial."""
    factor = 1 << 63  # 1
    for bit in range(length.bit_length()):
        if length >> bit & 1:
            factor = _multiply(_compute_power(bit), factor)
    return factor


@cache
def _build_advance(length: int) -> Callable[[int], int]:
    """Return a function that advances a state by `length` zero bytes."""
    factor = _compute_shift(length)
    a, b, c, d, e, f, g, h = (
        [_multiply(byte << 8 * place, factor) for byte in range(256)] for place in range(8)
    )
    return lambda state: (
        a[state & 255]
        ^ b[state >> 8 & 255]
        ^ c[state >> 16 & 255]
        ^ d[state >> 24 & 255]
        ^ e[state >> 32 & 255]
        ^ f[state >> 40 & 255]
        ^ g[state >> 48 & 255]
        ^ h[state >> 56]
    )


def combine(first: int, second: int, length: int) -> int:
    """Return the CRC of two consecutive pieces from the CRC of each and the length in bytes of the second."""
    return _multiply(_compute_shift(length), first) ^ second if length else first
