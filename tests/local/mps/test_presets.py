"""Presets of MPS: one row of a table for each, with the values of the pages."""

from __future__ import annotations

import pytest

from scf_mps.local.mps.presets import CURRENT, LEGACY, TEMPLATES
from scf_mps.local.mps.templates import KINDS, Templates

# definition, name, container, height, kbit/s, fps, codec, audio kbit/s (page 862/37042)
VIDEOS = """
100010 MP4 360p|mp4 360 400 25 h264 64
100020 MP4 540p|mp4 540 1000 25 h264 64
100030 MP4 720p|mp4 720 1800 25 h264 128
100040 MP4 1080p|mp4 1080 2500 25 h264 128
100070 MP4 1440p|mp4 1440 3000 25 h264 160
100080 MP4 2160p|mp4 2160 6000 25 h264 160
100210 HLS 360p|hls 360 400 25 h264 64
100220 HLS 540p|hls 540 1000 25 h264 64
100230 HLS 720p|hls 720 1800 25 h264 128
100240 HLS 1080p|hls 1080 2500 25 h264 128
100270 HLS 1440p|hls 1440 3000 25 h264 160
100280 HLS 2160p|hls 2160 6000 25 h264 160
100800 TESHD MP4|mp4 0 0 25 h264 0
100810 TESHD MP4 360p|mp4 360 0 25 h264 64
100820 TESHD MP4 540p|mp4 540 0 25 h264 64
100830 TESHD MP4 720p|mp4 720 0 25 h264 128
100840 TESHD MP4 1080p|mp4 1080 0 25 h264 128
"""

# definition, name, container, width, height, kbit/s, fps, codec, audio codec (English pages of 2020)
OLD_VIDEOS = """
10 Old MP4 FLU|mp4 320 0 256 24 h264 aac
20 Old MP4 SD|mp4 640 0 512 24 h264 aac
30 Old MP4 HD|mp4 1280 0 1024 24 h264 aac
40 Old MP4 FHD|mp4 1920 0 2500 24 h264 aac
70 Old MP4 2K|mp4 0 1440 3072 30 h264 aac
80 Old MP4 4K|mp4 0 2160 6144 30 h264 aac
210 Old HLS FLU|hls 320 0 256 24 h264 aac
220 Old HLS SD|hls 640 0 512 24 h264 aac
230 Old HLS HD|hls 1280 0 1024 24 h264 aac
240 Old HLS FHD|hls 1920 0 2500 24 h264 aac
270 Old HLS 2K|hls 0 1440 3072 30 h264 aac
280 Old HLS 4K|hls 0 2160 6144 30 h264 aac
10046 Old FLV FLU|flv 320 0 256 24 h264 mp3
10047 Old FLV SD|flv 640 0 512 24 h264 mp3
10048 Old FLV HD|flv 1280 0 1024 24 h264 mp3
10049 Old FLV FHD|flv 1920 0 2500 24 h264 mp3
370 Old FLV 2K|flv 0 1440 3072 30 h264 mp3
380 Old FLV 4K|flv 0 2160 6144 30 h264 mp3
510 Old MP4 H.265 FLU|mp4 0 240 250 15 h265 aac
520 Old MP4 H.265 SD|mp4 0 480 600 24 h265 aac
530 Old MP4 H.265 HD|mp4 0 720 800 25 h265 aac
540 Old MP4 H.265 FHD|mp4 0 1080 1400 30 h265 aac
570 Old MP4 H.265 2K|mp4 0 1440 2048 30 h265 aac
580 Old MP4 H.265 4K|mp4 0 2160 4096 30 h265 aac
610 Old HLS H.265 FLU|hls 0 240 250 15 h265 aac
620 Old HLS H.265 SD|hls 0 480 600 24 h265 aac
630 Old HLS H.265 HD|hls 0 720 800 25 h265 aac
640 Old HLS H.265 FHD|hls 0 1080 1400 30 h265 aac
670 Old HLS H.265 2K|hls 0 1440 2048 30 h265 aac
680 Old HLS H.265 4K|hls 0 2160 4096 30 h265 aac
710 Old FLV H.265 FLU|flv 0 240 250 15 h265 aac
720 Old FLV H.265 SD|flv 0 480 600 24 h265 aac
730 Old FLV H.265 HD|flv 0 720 800 25 h265 aac
740 Old FLV H.265 FHD|flv 0 1080 1400 30 h265 aac
770 Old FLV H.265 2K|flv 0 1440 2048 30 h265 aac
780 Old FLV H.265 4K|flv 0 2160 4096 30 h265 aac
"""

# definition, name, container, codec, kbit/s (page 862/37042)
AUDIOS = """
1100 M4A 24k|m4a aac 24
1110 M4A 48k|m4a aac 48
1120 M4A 96k|m4a aac 96
1130 M4A 192k|m4a aac 192
1140 M4A 256k|m4a aac 256
1010 MP3 128k|mp3 mp3 128
1020 MP3 320k|mp3 mp3 320
"""

OTHERS = {
    ("Transcode", 875): "MP4 remux",
    ("Transcode", 876): "HLS remux",
    ("Transcode", 9): "Old MP4 remux",
    ("Transcode", 6): "Old HLS remux",
    ("AnimatedGraphics", 20000): "GIF",
    ("AnimatedGraphics", 20001): "WebP",
    ("SnapshotByTimeOffset", 10): "JPG snapshots",
    ("SampleSnapshot", 10): "JPG every 10 %",
    ("ImageSprites", 10): "Sprites 142x80 every 10 s",
    ("AdaptiveDynamicStreaming", 10): "Adaptive HLS",
}


def read_rows(table: str) -> list[tuple[int, str, list[str]]]:
    rows = []
    for line in table.strip().splitlines():
        head, _, values = line.partition("|")
        definition, _, name = head.partition(" ")
        rows.append((int(definition), name, values.split()))
    return rows


def parametrize(table: str) -> pytest.MarkDecorator:
    rows = read_rows(table)
    return pytest.mark.parametrize(
        ("definition", "name", "values"), rows, ids=[str(row[0]) for row in rows]
    )


@parametrize(VIDEOS)
def test_video_preset_has_values_of_page(definition: int, name: str, values: list[str]) -> None:
    preset = TEMPLATES["Transcode", definition]
    video, audio = preset.parameters["VideoTemplate"], preset.parameters["AudioTemplate"]
    assert (preset.name, preset.source, preset.is_preset) == (name, CURRENT, True)
    assert [
        preset.parameters["Container"],
        *(str(video[field]) for field in ("Height", "Bitrate", "Fps", "Codec")),
        str(audio["Bitrate"]),
    ] == values
    assert (video["Width"], video["ResolutionAdaptive"]) == (0, "open")
    assert (audio["Codec"], audio["SampleRate"], audio["AudioChannel"]) == ("aac", 44100, 2)
    assert ("TEHDConfig" in preset.parameters) is name.startswith("TESHD")


@parametrize(OLD_VIDEOS)
def test_old_preset_has_values_of_page(definition: int, name: str, values: list[str]) -> None:
    preset = TEMPLATES["Transcode", definition]
    video, audio = preset.parameters["VideoTemplate"], preset.parameters["AudioTemplate"]
    assert (preset.name, preset.source) == (name, LEGACY)
    assert [
        preset.parameters["Container"],
        *(str(video[field]) for field in ("Width", "Height", "Bitrate", "Fps", "Codec")),
        audio["Codec"],
    ] == values
    assert (video["Gop"], audio["Bitrate"]) == (240, 48)


@parametrize(AUDIOS)
def test_audio_preset_has_values_of_page(definition: int, name: str, values: list[str]) -> None:
    preset = TEMPLATES["Transcode", definition]
    audio = preset.parameters["AudioTemplate"]
    assert preset.name == name
    assert [preset.parameters["Container"], audio["Codec"], str(audio["Bitrate"])] == values
    assert preset.parameters["RemoveVideo"] == 1
    assert "VideoTemplate" not in preset.parameters


@pytest.mark.parametrize(
    ("definition", "container"), [(875, "mp4"), (876, "hls"), (9, "mp4"), (6, "hls")]
)
def test_remux_preset_copies_streams(definition: int, container: str) -> None:
    parameters = TEMPLATES["Transcode", definition].parameters
    assert parameters["Container"] == container
    assert parameters["VideoTemplate"]["Codec"] == "copy"
    assert parameters["AudioTemplate"]["Codec"] == "copy"


def test_adaptive_preset_has_six_substreams() -> None:
    parameters = TEMPLATES["AdaptiveDynamicStreaming", 10].parameters
    videos = [stream["Video"] for stream in parameters["StreamInfos"]]
    assert [(video["Height"], video["Bitrate"]) for video in videos] == [
        (240, 256),
        (480, 512),
        (720, 512),
        (1080, 1024),
        (1440, 3072),
        (2160, 6144),
    ]
    assert {video["Fps"] for video in videos} == {24}
    assert {stream["Audio"]["Bitrate"] for stream in parameters["StreamInfos"]} == {48}
    assert (parameters["Format"], parameters["DisableHigherVideoResolution"]) == ("HLS", 1)


@pytest.mark.parametrize(
    ("kind", "definition", "expected"),
    [
        ("AnimatedGraphics", 20000, {"Format": "gif", "Width": 0, "Height": 0, "Fps": 2}),
        ("AnimatedGraphics", 20001, {"Format": "webp", "Width": 320, "Height": 0, "Fps": 2}),
        ("SnapshotByTimeOffset", 10, {"Format": "jpg", "Width": 0, "FillType": "stretch"}),
        ("SampleSnapshot", 10, {"SampleType": "Percent", "SampleInterval": 10, "Format": "jpg"}),
        ("ImageSprites", 10, {"SampleType": "Time", "SampleInterval": 10, "Format": "jpg"}),
        ("ImageSprites", 10, {"Width": 142, "Height": 80, "RowCount": 10, "ColumnCount": 10}),
    ],
)
def test_picture_preset_has_values_of_page(
    kind: str, definition: int, expected: dict[str, object]
) -> None:
    parameters = TEMPLATES[kind, definition].parameters
    assert {name: parameters[name] for name in expected} == expected


def test_every_preset_is_tested() -> None:
    tables = [*read_rows(VIDEOS), *read_rows(OLD_VIDEOS), *read_rows(AUDIOS)]
    rows = {("Transcode", definition): name for definition, name, _ in tables}
    assert {key: preset.name for key, preset in TEMPLATES.items()} == {**rows, **OTHERS}
    assert {kind for kind, _ in TEMPLATES} == set(KINDS)


def test_names_of_presets_are_unique_and_documented() -> None:
    presets = list(TEMPLATES.values())
    assert len({preset.name for preset in presets}) == len(presets)
    assert all(preset.source for preset in presets)
    assert Templates().get("ImageSprites", 10) is TEMPLATES["ImageSprites", 10]
    assert Templates().get("ImageSprites", 11) is None
