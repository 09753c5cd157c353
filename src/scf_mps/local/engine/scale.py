"""Size of outputs, and the filters that turn, scale and fill pictures."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from .settings import MAX_SIDE_PIXELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av import VideoFrame
    from av.filter import Graph
    from av.filter.context import FilterContext

TURNS = {90: ("transpose=cclock",), 180: ("hflip", "vflip"), 270: ("transpose=clock",)}
"""Filters by the counterclockwise rotation of a frame in degrees."""


def round_turn(degrees: float) -> int:
    """Return the nearest quarter turn of a rotation: 0, 90, 180 or 270."""
    return round(degrees / 90) % 4 * 90


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


class Shape(NamedTuple):
    """Size of the stored pictures, and how a player shows them.

    Attributes:
        width: of the stored picture.
        height: of the stored picture.
        rotation: counterclockwise in degrees: 0, 90, 180 or 270.
        pixel_aspect: width by height of a pixel.
    """

    width: int
    height: int
    rotation: int = 0
    pixel_aspect: Fraction = Fraction(1)

    @property
    def shown(self) -> Size:
        """The size on a screen with square pixels."""
        width = max(1, round(self.width * self.pixel_aspect))
        return Size(self.height, width) if self.rotation % 180 else Size(width, self.height)


def round_side(value: float, even: bool) -> int:
    """Return the nearest valid length of a side."""
    return max(2, 2 * round(value / 2)) if even else max(1, round(value))


def compute_size(shown: Size, spec: Mapping[str, Any], even: bool = True) -> Size:
    """Return the size of an output.

    Args:
        shown: the size of the source on a screen.
        spec: ``width`` and ``height``, 0 for in proportion. With ``adaptive`` they mean the long and the short side.
        even: whether both sides must be even, as 4:2:0 pictures of video are.
    """
    width, height = spec.get("width") or 0, spec.get("height") or 0
    if spec.get("adaptive", True) and shown.width < shown.height:
        width, height = height, width
    if not (width and height):
        scale = width / shown.width if width else height / shown.height if height else 1.0
        # A very long picture keeps its proportions within the largest side.
        scale = min(scale, MAX_SIDE_PIXELS / max(shown))
        width, height = width and shown.width * scale, height and shown.height * scale
        width, height = width or shown.width * scale, height or shown.height * scale
    return Size(round_side(width, even), round_side(height, even))


def fit_inside(shown: Size, box: Size) -> Size:
    """Return the largest size within the box in the proportions of the source, in even sides."""
    scale = min(box.width / shown.width, box.height / shown.height)
    return Size(
        *(
            min(side, round_side(length * scale, True))
            for side, length in zip(box, shown, strict=True)
        )
    )


def is_proportional(shown: Size, box: Size) -> bool:
    """Return True if scaling to the box distorts the picture by less than two pixels."""
    scale = min(box.width / shown.width, box.height / shown.height)
    return abs(box.width - shown.width * scale) <= 2 and abs(box.height - shown.height * scale) <= 2


def list_filters(shape: Shape, size: Size, fill: str) -> list[list[str]]:
    """Return chains of filters that turn a picture and scale it to a size.

    One chain processes the picture. Three make a blurred background: background, picture, and both together.
    """
    turns = list(TURNS.get(shape.rotation, ()))
    box = f"{size.width}:{size.height}"
    if fill == "stretch" or is_proportional(shape.shown, size):
        return [[*turns, f"scale={box}"]]
    inner = fit_inside(shape.shown, size)
    picture = f"scale={inner.width}:{inner.height}"
    if fill == "gauss":
        cover = [f"scale={box}:force_original_aspect_ratio=increase", f"crop={box}", "gblur=20"]
        # The turned picture still has its pixel aspect, which the cropped background ignores.
        return [[*turns, "split"], cover, [picture], ["overlay=(W-w)/2:(H-h)/2"]]
    color = "white" if fill == "white" else "black"
    return [[*turns, picture, f"pad={box}:(ow-iw)/2:(oh-ih)/2:{color}"]]


def build_graph(frame: VideoFrame, shape: Shape, size: Size, fill: str, pixel_format: str) -> Graph:
    """Return a graph that takes frames like this one and returns them in a size and pixel format."""
    from av.filter import Graph

    graph = Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1, 1000),
    )
    chains = list_filters(shape, size, fill)
    last = _add_chain(graph, source, chains[0])
    if len(chains) > 1:
        background = _add_chain(graph, last, chains[1])
        picture = _add_chain(graph, last, chains[2], output=1)
        overlay = _add_chain(graph, background, chains[3])
        picture.link_to(overlay, 0, 1)
        last = overlay
    last = _add_chain(graph, last, ["setsar=1", f"format={pixel_format}"])
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def _add_chain(
    graph: Graph, start: FilterContext, chain: list[str], output: int = 0
) -> FilterContext:
    """Add filters after an output of another one. Return the last."""
    for item in chain:
        name, _, arguments = item.partition("=")
        node = graph.add(name, arguments) if arguments else graph.add(name)
        start.link_to(node, output)
        start, output = node, 0
    return start


class Scaler:
    """Scaling of the frames of a stream, whose size and format may change.

    Attributes:
        size: of the returned frames.
    """

    def __init__(self, size: Size, fill: str, pixel_format: str = "yuv420p") -> None:
        self.size = size
        self._fill = fill
        self._pixel_format = pixel_format
        self._key: object = None
        self._graph: Graph | None = None

    def scale(self, frame: VideoFrame, pixel_aspect: Fraction) -> VideoFrame:
        """Return a frame in the size and format."""
        rotation = round_turn(frame.rotation)
        key = (frame.width, frame.height, frame.format.name, rotation, pixel_aspect)
        graph = self._graph
        if graph is None or key != self._key:
            shape = Shape(frame.width, frame.height, rotation, pixel_aspect)
            graph = build_graph(frame, shape, self.size, self._fill, self._pixel_format)
            self._graph, self._key = graph, key
        graph.vpush(frame)
        return graph.vpull()
