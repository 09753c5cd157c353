"""Sizes of outputs, and the filters that turn, scale and fill."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.local.engine.scale import (
    Scaler,
    Shape,
    Size,
    compute_size,
    fit_inside,
    list_filters,
    round_turn,
)

SIDES = st.integers(2, 4096)
WANTED = st.one_of(st.just(0), st.integers(128, 4096))


@pytest.mark.parametrize(
    ("shown", "spec", "expected"),
    [
        # Presets give the short side (page 1041/33476), the sample event of 583/39163 the long one.
        ((1280, 720), {"height": 360}, (640, 360)),
        ((720, 1280), {"height": 360}, (360, 640)),
        ((720, 1280), {"width": 320}, (180, 320)),
        ((1280, 720), {"width": 320}, (320, 180)),
        ((720, 1280), {"width": 640, "height": 360}, (360, 640)),
        ((720, 1280), {"width": 640, "height": 360, "adaptive": False}, (640, 360)),
        ((720, 1280), {"height": 360, "adaptive": False}, (202, 360)),
        ((720, 720), {"height": 360}, (360, 360)),
        ((1280, 720), {}, (1280, 720)),
        ((1281, 721), {"width": 0, "height": 0}, (1280, 720)),
        ((4096, 16), {"height": 720}, (4096, 16)),
        ((320, 240), {"height": 480}, (640, 480)),
    ],
)
def test_size_follows_the_rules_of_templates(
    shown: tuple[int, int], spec: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert compute_size(Size(*shown), spec) == expected


def test_size_of_a_picture_may_be_odd() -> None:
    assert compute_size(Size(321, 181), {}, even=False) == (321, 181)


@given(SIDES, SIDES, WANTED, WANTED, st.booleans(), st.booleans())
def test_size_is_even_and_proportional(
    source_width: int, source_height: int, width: int, height: int, adaptive: bool, even: bool
) -> None:
    shown = Size(source_width, source_height)
    size = compute_size(shown, {"width": width, "height": height, "adaptive": adaptive}, even)
    assert min(size) >= (2 if even else 1)
    assert max(size) <= 4096
    if even:
        assert size.width % 2 == size.height % 2 == 0
    if width and height:
        turned = adaptive and source_width < source_height
        wanted = (height, width) if turned else (width, height)
        assert all(abs(a - b) <= 1 for a, b in zip(size, wanted, strict=True))
    else:
        longer, shorter = max(size), min(size)
        exact = longer * min(shown) / max(shown)
        assert abs(shorter - exact) <= 2 + min(shown) / max(shown)
        assert (size.width > size.height) <= (source_width > source_height)


@given(SIDES, SIDES, SIDES, SIDES)
def test_picture_fits_inside_its_box(
    width: int, height: int, box_width: int, box_height: int
) -> None:
    inner = fit_inside(Size(width, height), Size(box_width, box_height))
    assert 1 <= inner.width <= box_width
    assert 1 <= inner.height <= box_height
    assert inner.width >= box_width - 1 or inner.height >= box_height - 1


@given(st.sampled_from([0, 90, 180, 270]), SIDES, SIDES, st.fractions(Fraction(1, 4), 4))
def test_shown_size_is_turned_and_has_square_pixels(
    rotation: int, width: int, height: int, aspect: Fraction
) -> None:
    shown = Shape(width, height, rotation, aspect).shown
    if rotation % 180:
        shown = Size(shown.height, shown.width)
    assert shown == (max(1, round(width * aspect)), height)


@pytest.mark.parametrize(
    ("degrees", "expected"), [(0, 0), (-90, 270), (90, 90), (180, 180), (-180, 180), (88.7, 90)]
)
def test_rotation_is_a_quarter_turn(degrees: float, expected: int) -> None:
    assert round_turn(degrees) == expected


def make_frame(width: int, height: int, value: int = 100) -> av.VideoFrame:
    """Return a grey picture whose upper left quarter is white."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([128]) * plane.buffer_size)
    luma = frame.planes[0]
    rows = [
        bytes([235 if y < height / 2 and x < width / 2 else value for x in range(width)])
        + bytes(luma.line_size - width)
        for y in range(height)
    ]
    luma.update(b"".join(rows))
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return frame


def read_grey(frame: av.VideoFrame, x: int, y: int) -> int:
    """Return the brightness of a pixel."""
    plane = frame.reformat(format="gray").planes[0]
    return bytes(plane)[y * plane.line_size + x]


@pytest.mark.parametrize(
    ("fill", "below", "above"),
    [("black", 0, 0), ("white", 255, 255), ("stretch", 98, 255), ("gauss", 98, 240)],
)
def test_fill_decides_about_the_border(fill: str, below: int, above: int) -> None:
    scaled = Scaler(Size(100, 200), fill).scale(make_frame(200, 100, 100), Fraction(1))
    assert (scaled.width, scaled.height) == (100, 200)
    assert abs(read_grey(scaled, 75, 190) - below) <= 20
    assert abs(read_grey(scaled, 25, 20) - above) <= 20
    # The middle shows the picture.
    assert abs(read_grey(scaled, 75, 112) - 98) <= 4


def test_picture_of_nearly_the_same_proportions_is_not_filled() -> None:
    assert list_filters(Shape(320, 181), Size(320, 180), "black") == [["scale=320:180"]]


def test_scaler_follows_a_change_of_the_source() -> None:
    scaler = Scaler(Size(64, 64), "stretch", "rgb24")
    for width, height in ((100, 100), (100, 100), (50, 80)):
        scaled = scaler.scale(make_frame(width, height), Fraction(1))
        assert (scaled.width, scaled.height, scaled.format.name) == (64, 64, "rgb24")
