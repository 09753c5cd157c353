"""What playlists name, and the files of a result."""

from __future__ import annotations

import posixpath
from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.cos import CosObject, NotAPlaylist, NotFound, SomeFailed, UnknownManifest
from scf_mps.cos.hls import pictures, resolve, scan

from .conftest import DESK, PLAYER, REGION, at, put_hls
from .test_objects import storage, transcode, workflow

MASTER = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x, URI=no",URI="audio/index.m3u8"
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="none"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="iframe.m3u8"
#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=1,URI="tiles.m3u8"
#EXT-X-SESSION-KEY:METHOD=AES-128,URI="session.key"
#EXT-X-SESSION-DATA:DATA-ID="d",URI="data.json"
#EXT-X-STREAM-INF:BANDWIDTH=1000
video/1080.m3u8?x=1
"""

MEDIA = """\ufeff#EXTM3U
#EXT-X-MAP:URI="init.mp4",BYTERANGE="100@0"
#EXT-X-KEY:METHOD=AES-128,URI="enc.key",IV=0x1
#EXT-X-KEY:METHOD=NONE
#EXTINF:2.0,
#EXT-X-BYTERANGE:100@0
all.m4s
#EXTINF:2.0,title with URI="no.ts"
#EXT-X-BYTERANGE:100@100
all.m4s
  spaced.ts\x20\x20\r

#EXT-X-PART:DURATION=1,URI="part.m4s"
# a comment URI="no.ts"
#EXT-X-ENDLIST"""


def test_a_master_names_playlists_keys_and_data():
    named = scan(MASTER)
    assert named.playlists == [
        "video/1080.m3u8?x=1",
        "audio/index.m3u8",
        "iframe.m3u8",
        "tiles.m3u8",
    ]
    assert named.files == ["session.key", "data.json"]


def test_a_media_playlist_names_segments_once_maps_keys_and_parts():
    named = scan(MEDIA)
    assert named.files == ["all.m4s", "spaced.ts", "init.mp4", "enc.key", "part.m4s"]
    assert named.playlists == []


def test_lines_may_end_as_on_windows():
    assert scan(MEDIA.replace("\n", "\r\n")) == scan(MEDIA)


def test_what_is_no_playlist_is_refused():
    with pytest.raises(NotAPlaylist, match="#EXTM3U"):
        scan("<html>")


def test_ten_thousand_segments_are_scanned_within_some_milliseconds():
    from time import process_time

    text = "#EXTM3U\n" + "".join(f"#EXTINF:2.0,\nseg-{n:05}.ts\n" for n in range(10_000))
    start = process_time()
    assert len(scan(text).files) == 10_000
    assert process_time() - start < 0.1  # 2 ms on an idle machine


@pytest.mark.parametrize(
    ("uri", "key"),
    [
        ("seg.ts", "v/h/seg.ts"),
        ("sub/seg.ts", "v/h/sub/seg.ts"),
        ("../seg.ts", "v/seg.ts"),
        ("../../../../seg.ts", "seg.ts"),
        ("./seg.ts", "v/h/seg.ts"),
        ("/top/seg.ts", "top/seg.ts"),
        ("seg.ts?token=a/../b", "v/h/seg.ts"),
        ("seg.ts#t=1", "v/h/seg.ts"),
        ("a%20b%2Fc.ts", "v/h/a b/c.ts"),
        ("100%.ts", "v/h/100%.ts"),
        (f"https://{DESK}.cos.{REGION}.myqcloud.com/x/seg.ts?sign=1", "x/seg.ts"),
        (f"//{DESK}.cos-internal.{REGION}.tencentcos.cn/x/seg.ts", "x/seg.ts"),
        (f"http://{DESK}.cos.{REGION}.myqcloud.com:80/seg.ts", "seg.ts"),
        ("sub/..", "v/h/"),
    ],
)
def test_a_uri_is_resolved_against_its_playlist(uri, key):
    assert resolve(at("v/h/index.m3u8"), [uri]) == [at(key)]


@pytest.mark.parametrize(
    "uri",
    [
        "https://cdn.example.com/seg.ts",
        f"https://{PLAYER}.cos.{REGION}.myqcloud.com/seg.ts",
        f"https://{DESK}.cos.ap-beijing.myqcloud.com/seg.ts",
        "skd://key",
        "data:text/plain;base64,AAAA",
        "https:seg.ts",
        f"https://{DESK}.cos.{REGION}.myqcloud.com",
        "?only=query",
        "/",
    ],
)
def test_what_is_elsewhere_is_no_file_of_ours(uri):
    assert resolve(at("v/h/index.m3u8"), [uri]) == []


STEPS = st.sampled_from(["a", "b.ts", "..", ".", "c d", "ü"])


@given(st.lists(STEPS, min_size=1, max_size=6), st.booleans())
def test_resolving_agrees_with_the_standard(steps, rooted):
    uri = ("/" if rooted else "") + "/".join(quote(step) for step in steps)
    joined = urlsplit(urljoin("http://host/v/h/index.m3u8", uri)).path
    expected = posixpath.join("/", joined).lstrip("/")
    from urllib.parse import unquote

    found = resolve(at("v/h/index.m3u8"), [uri])
    assert [item.key for item in found] == ([unquote(expected)] if expected else [])


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=30), max_size=8))
def test_any_text_is_scanned_without_an_accident(lines):
    named = scan("\n".join(["#EXTM3U", *lines]))
    for item in resolve(at("v/index.m3u8"), [*named.files, *named.playlists]):
        assert isinstance(item, CosObject)
        assert (item.bucket, item.region) == (DESK, REGION)


def test_the_pictures_of_a_sprite_are_those_its_cues_show():
    text = "WEBVTT\n\n00:00 --> 00:01\na.jpg#xywh=0,0,1,1\n\n00:01 --> 00:02\na.jpg#xywh=1,0,1,1\n"
    assert pictures(text + "\n#xywh=1\nb.jpg#xywh=0,0,1,1") == ["a.jpg", "b.jpg"]


def test_the_files_of_an_adaptive_output_come_before_what_names_them(cos):
    put_hls(cos, segments=6)
    event = workflow(
        (
            "AdaptiveDynamicStreaming",
            "AdaptiveDynamicStreamingTask",
            {"Package": "hls", "Path": "/vod/show/master.m3u8", "Storage": storage()},
        )
    )
    keys = [item.key.removeprefix("vod/show/") for item in cos.files(event.subtasks[0])]
    assert keys[-1] == "master.m3u8"
    assert sorted(keys[-3:-1]) == ["high/index.m3u8", "low/index.m3u8"]
    assert "enc.key" in keys
    assert len(keys) == len(set(keys)) == 6 + 1 + 3
    assert cos.files(event) == cos.files(event.subtasks[0])


def test_the_files_of_a_sprite_are_its_pictures_then_its_webvtt(cos):
    cos.upload(b"WEBVTT\n\n0 --> 1\nb.jpg#xywh=0,0,1,1\n", at("s/s.vtt"))
    output = {"ImagePathSet": ["/s/a.jpg"], "WebVttPath": "/s/s.vtt", "Storage": storage()}
    event = workflow(("ImageSprites", "ImageSpriteTask", output))
    assert cos.files(event) == [at("s/a.jpg"), at("s/b.jpg"), at("s/s.vtt")]
    cos.delete(at("s/s.vtt"))
    assert cos.files(event) == [at("s/a.jpg"), at("s/s.vtt")]


def test_a_playlist_that_names_itself_ends(cos):
    loop = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n#EXT-X-STREAM-INF:B=1\nb.m3u8\n"
    cos.upload(loop, at("a.m3u8"))
    cos.upload(loop, at("b.m3u8"))
    assert set(cos.files(at("a.m3u8"))) == {at("a.m3u8"), at("b.m3u8")}


def test_playlists_below_playlists_are_followed_so_far_and_no_further(cos):
    for number in range(7):
        text = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{number + 1}.m3u8\n"
        cos.upload(text.encode(), at(f"{number}.m3u8"))
    assert [item.key for item in cos.files(at("0.m3u8"))] == [f"{n}.m3u8" for n in range(4, -1, -1)]


def test_a_manifest_that_is_missing_or_unreadable_is_said(cos):
    with pytest.raises(SomeFailed) as failed:
        cos.files(at("no.m3u8"))
    assert isinstance(failed.value.exceptions[0], NotFound)
    with pytest.raises(UnknownManifest, match="DASH"):
        cos.files(at("a.mpd"))


def test_files_of_objects_are_expanded_as_well(cos):
    master = put_hls(cos, segments=2)
    assert len(cos.files([master])) == 6
    assert cos.files(at("a.mp4")) == [at("a.mp4")]


def test_verify_compares_what_the_event_says(cos):
    import hashlib

    data = b"a film"
    cos.upload(data, at("out/a.mp4"))
    right = {"Size": len(data), "Md5": hashlib.md5(data).hexdigest()}
    told = []
    heads = cos.verify(transcode(**right), content=True, progress=told.append)
    assert [head.size for head in heads] == [len(data)]
    assert told[-1].done == 1
    assert len(cos.verify(transcode(Size=0, Md5="?"))) == 1
    assert len(cos.verify([at("out/a.mp4")])) == 1
    for wrong in ({"Size": 5}, {"Md5": "0" * 32}):
        with pytest.raises(SomeFailed) as failed:
            cos.verify(transcode(**{**right, **wrong}))
        assert "the event says" in str(failed.value)
    cos.delete(at("out/a.mp4"))
    with pytest.raises(SomeFailed) as failed:
        cos.verify(transcode())
    assert isinstance(failed.value.exceptions[0], NotFound)


def test_verify_of_an_hls_output_makes_sure_that_all_files_are_there(cos):
    master = put_hls(cos, segments=4)
    event = transcode("/" + master.key, Size=1, Md5="0" * 32)
    assert len(cos.verify(event)) == 8
    cos.delete(at("vod/show/low/seg-00001.ts"))
    with pytest.raises(SomeFailed) as failed:
        cos.verify(event)
    assert failed.value.objects == [at("vod/show/low/seg-00001.ts")]
    assert failed.value.done == 7
