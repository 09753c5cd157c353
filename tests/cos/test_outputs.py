"""Files of a result: playlists, sprites and what they name."""

import gzip
import zlib

import pytest

from scf_mps.cos import NotAPlaylist, NotFound, NotInCos, UnknownManifest
from scf_mps.cos.outputs import MAX_PLAYLIST_BYTES

from .support import (
    MANIFEST,
    PLAYER,
    at,
    build_master_playlist,
    build_media_playlist,
    build_storage,
    build_transcode,
    build_workflow,
    catch_only_error,
    place,
    upload_encoded,
    upload_hls,
    upload_texts,
)


def test_files_of_hls_output_end_with_manifest(cos):
    upload_hls(cos, segments=6)
    kind = "AdaptiveDynamicStreaming"
    output = {"Package": "hls", "Path": "/vod/show/master.m3u8", "Storage": build_storage()}
    event = build_workflow((kind, f"{kind}Task", output))
    keys = [item.key.removeprefix("vod/show/") for item in cos.files(event.subtasks[0])]
    assert keys[-1] == "master.m3u8"
    assert sorted(keys[-3:-1]) == ["high/index.m3u8", "low/index.m3u8"]
    assert "enc.key" in keys
    assert len(keys) == len(set(keys)) == 6 + 1 + 3
    assert cos.files(event) == cos.files(event.subtasks[0])


def test_files_of_sprite_are_pictures_then_webvtt(cos):
    cos.upload(b"WEBVTT\n\n0 --> 1\nb.jpg#xywh=0,0,1,1\n", at("s/s.vtt"))
    output = {"ImagePathSet": ["/s/a.jpg"], "WebVttPath": "/s/s.vtt", "Storage": build_storage()}
    event = build_workflow(("ImageSprites", "ImageSpriteTask", output))
    assert cos.files(event) == [at("s/a.jpg"), at("s/b.jpg"), at("s/s.vtt")]
    cos.delete(at("s/s.vtt"))
    assert cos.files(event) == [at("s/a.jpg"), at("s/s.vtt")]


def test_playlist_that_names_itself_is_read_once(cos):
    loop = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n#EXT-X-STREAM-INF:B=1\nb.m3u8\n"
    cos.upload(loop, at("a.m3u8"))
    cos.upload(loop, at("b.m3u8"))
    assert set(cos.files(at("a.m3u8"))) == {at("a.m3u8"), at("b.m3u8")}


@pytest.mark.parametrize(("levels", "fits"), [(4, True), (5, False)])
def test_playlist_levels_are_limited(cos, levels, fits):
    for number in range(levels):
        text = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{number + 1}\n"
        cos.upload(text.encode() if number + 1 < levels else b"#EXTM3U\n", at(f"{number}"))
    if fits:
        assert [item.key for item in cos.files(at("0"))] == ["3", "2", "1", "0"]
    else:
        with pytest.raises(UnknownManifest, match="levels"):
            cos.files(at("0"))


def test_missing_or_dash_manifest_raises(cos):
    assert isinstance(catch_only_error(cos.files, at("no.m3u8")), NotFound)
    with pytest.raises(UnknownManifest, match="DASH"):
        cos.files(at("a.mpd"))


def test_files_of_objects_are_expanded(cos):
    master = upload_hls(cos, segments=2)
    assert len(cos.files([master])) == 6
    assert cos.files(at("a.mp4")) == [at("a.mp4")]


def test_playlist_is_recognised_by_content(cos):
    upload_texts(cos, Manifest=build_master_playlist("720/Manifest", "LOW.M3U8", "x.m3u8?y=1"))
    for name in ("720__Manifest", "LOW_M3U8", "x_m3u8"):
        upload_texts(cos, **{name: build_media_playlist(f"{name}.ts")})
    names = ["720__Manifest.ts", "LOW_M3U8.ts", "x_m3u8.ts"]
    for name, folder in zip(names, ("720/", "", ""), strict=True):
        cos.upload(b"segment", at(f"vod/show/{folder}{name}"))
    keys = [item.key.removeprefix("vod/show/") for item in cos.files(at("vod/show/Manifest"))]
    assert set(keys[:3]) == {"720/720__Manifest.ts", "LOW_M3U8.ts", "x_m3u8.ts"}
    assert set(keys[3:6]) == {"720/Manifest", "LOW.M3U8", "x.m3u8"}
    assert keys[6:] == ["Manifest"]


@pytest.mark.parametrize("data", [b"", b"plain text", b"\x1f\x8b damaged", b"\x00\x01"])
def test_other_content_names_no_files(cos, data):
    cos.upload(data, at("notes"))
    assert cos.files(at("notes")) == [at("notes")]
    assert cos.files([at("missing")]) == [at("missing")]


def test_content_type_makes_playlist(cos):
    cos.upload(b"no playlist", at("Manifest"), content_type="application/x-mpegURL")
    error = catch_only_error(cos.files, at("Manifest"))
    assert isinstance(error, NotAPlaylist)
    assert error.object == at("Manifest")


@pytest.mark.parametrize("start", ["<MPD>", "<?xml version='1.0'?>\n<SmoothStreamingMedia>"])
@pytest.mark.parametrize("key", ["Manifest", "index.m3u8", "a.txt"])
def test_other_manifest_is_refused(cos, start, key):
    cos.upload(start.encode(), at(key))
    assert isinstance(catch_only_error(cos.files, at(key)), UnknownManifest)


def test_missing_optional_playlist_is_skipped(cos):
    upload_texts(cos, index_m3u8='#EXTM3U\n#EXT-X-V:URI="c.m3u8"\n#EXT-X-V:URI="d"\n')
    assert cos.files(MANIFEST) == [MANIFEST]


def test_media_instead_of_playlist_is_file(cos, caplog):
    upload_texts(cos, index_m3u8='#EXTM3U\n#EXT-X-MEDIA:TYPE=SUBTITLES,URI="s.srt"\n', s_srt="text")
    assert cos.files(MANIFEST) == [at("vod/show/s.srt"), MANIFEST]
    assert "s.srt" in caplog.text


@pytest.mark.parametrize(
    ("data", "encoding", "keyword"),
    [
        (gzip.compress(bytes(MAX_PLAYLIST_BYTES + 1)), "gzip", "more"),
        (gzip.compress(b"#EXTM3U\n")[:-9], "gzip", "truncated"),
        (b"\x1f\x8b\x08\x00damaged by something", "gzip", "damaged"),
        (zlib.compress(b"#EXTM3U\n"), "deflate", "deflate"),
    ],
)
def test_unreadable_encoding_raises_with_object(cos, data, encoding, keyword):
    upload_encoded(cos, MANIFEST, data, encoding)
    error = catch_only_error(cos.files, MANIFEST)
    assert isinstance(error, NotAPlaylist)
    assert error.object == MANIFEST
    assert keyword in str(error)
    assert str(error).isprintable()


@pytest.mark.parametrize(
    "event",
    [
        build_transcode(OutputStorage={"Type": "AWS-S3", "S3OutputStorage": {"S3SecretKey": "x"}}),
        build_transcode("https://example.com/a.vtt"),
    ],
)
def test_result_outside_cos_is_refused_before_requests(emulator, cos, event):
    for call in (cos.files, cos.verify, lambda of: cos.publish(of, to=place("p/"))):
        for of in (event, event.subtasks[0]):
            with pytest.raises(NotInCos):
                call(of)
    assert len(emulator.requests) == 0


def test_outputs_elsewhere_are_logged(cos, caplog):
    cos.upload(b"1", at("a.mp4"))
    paths = {"VideoPath": "/a.mp4", "ScriptPath": "https://h/s.json"}
    output = {"OutputStorage": build_storage(), **paths}
    event = build_workflow(("Reel", "ReelTask", output), field="AiAnalysisResultSet")
    assert cos.publish(event, to=place("p/")) == [at("p/a.mp4", PLAYER)]
    assert "https://h/s.json" in caplog.text
    empty = build_workflow(("Transcode", "TranscodeTask", None))
    assert cos.publish(empty, to=place("p/")) == cos.verify(empty.subtasks[0]) == []
    assert caplog.text.count("no file") == 2
