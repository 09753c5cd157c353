"""Fixtures of the publish action."""

from __future__ import annotations

import pytest

from scf_mps.cos import CosObject

from .support import OUT


@pytest.fixture
def hls(cos):
    """Return a function that stores an HLS output of one rendition and one segment."""

    def store(folder: str, name: str = "index") -> CosObject:
        cos.upload(
            b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv0.m3u8\n", f"{OUT}{folder}{name}.m3u8"
        )
        cos.upload(b"#EXTM3U\n#EXTINF:1,\nv0_0.ts\n#EXT-X-ENDLIST\n", f"{OUT}{folder}v0.m3u8")
        cos.upload(f"the segment of {folder}".encode(), f"{OUT}{folder}v0_0.ts")
        return CosObject.parse(f"{OUT}{folder}{name}.m3u8")

    return store
