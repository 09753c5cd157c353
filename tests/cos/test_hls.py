"""What playlists name, and the files of a result."""

from __future__ import annotations

import posixpath
from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.cos import NotAPlaylist, NotFound, SomeFailed, UnknownManifest
from scf_mps.cos.hls import FILE, MAX_PROBLEMS, PLAYLIST, UNKNOWN, parse_document, resolve_uri

from .conftest import DESK, PLAYER, REGION, at, put_hls
from .test_locations import storage, transcode, workflow

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


def uris(document, kind=None):
    """The URIs of a kind, without repeats."""
    found = [one.uri for one in document.references if kind in (None, one.kind)]
    return list(dict.fromkeys(found))


def test_a_master_names_playlists_keys_and_data():
    document = parse_document(MASTER)
    assert uris(document, PLAYLIST) == [
        "audio/index.m3u8",
        "iframe.m3u8",
        "tiles.m3u8",
        "video/1080.m3u8?x=1",
    ]
    assert uris(document, FILE) == ["session.key"]
    assert uris(document, UNKNOWN) == ["data.json"]
    assert document.problems == []


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_media_playlist_names_segments_maps_keys_and_parts(ending):
    document = parse_document(MEDIA.replace("\r", "").replace("\n", ending))
    assert uris(document) == ["init.mp4", "enc.key", "all.m4s", "spaced.ts", "part.m4s"]
    assert uris(document, PLAYLIST) == document.problems == []
    assert all(one.required for one in document.references)
    for one in document.references:
        assert document.text[one.start : one.end] == one.uri


@pytest.mark.parametrize("content", ["<html>", "", "seg.ts\n", "\x00\x01"])
def test_what_is_no_playlist_is_refused(content):
    with pytest.raises(NotAPlaylist, match="#EXTM3U"):
        parse_document(content)


@pytest.mark.parametrize(
    ("tag", "kind", "required"),
    [
        ("#EXT-X-KEY:METHOD=AES-128,URI=", FILE, True),
        ("#EXT-X-SESSION-KEY:METHOD=AES-128,URI=", FILE, True),
        ("#EXT-X-MAP:URI=", FILE, True),
        ("#EXT-X-PART:DURATION=1,INDEPENDENT=YES,URI=", FILE, True),
        ("#EXT-X-PART:DURATION=1,GAP=YES,URI=", FILE, False),
        ("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=", FILE, False),
        ("#EXT-X-RENDITION-REPORT:URI=", PLAYLIST, True),
        ('#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI=', PLAYLIST, True),
        ("#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=", PLAYLIST, True),
        ("#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=1,URI=", PLAYLIST, True),
        ('#EXT-X-SESSION-DATA:DATA-ID="a",URI=', UNKNOWN, True),
        ('#EXT-X-DATERANGE:ID="a",X-ASSET-URI=', UNKNOWN, True),
        ("#EXT-X-CONTENT-STEERING:SERVER-URI=", FILE, True),
    ],
)
@pytest.mark.parametrize("form", ['"{}"', "{}"])
def test_the_uri_of_each_tag_is_found(tag, kind, required, form):
    document = parse_document(f"#EXTM3U\r{tag}{form.format('x/a')}\rseg.ts")
    assert next(one[:3] for one in document.references) == ("x/a", kind, required)
    assert document.problems == []


@pytest.mark.parametrize(
    "line",
    [
        '#EXT-X-VENDOR:URI="a.bin"',
        '#EXT-X-DATERANGE:ID="1",X-COM-EXAMPLE-URI="a.bin"',
        '#EXT-X-DATERANGE:ID="1",X-ASSET-LIST="a.json"',
        '#EXT-X-MAP:URI="init.mp4',
        "#EXT-X-MAP:URI=",
        '#EXT-X-MAP:URI="foo:init.mp4"',
    ],
)
def test_a_line_that_is_not_understood_is_a_problem(line):
    (problem,) = parse_document(f"#EXTM3U\r\n{line}\r\n#EXTINF:1,\r\nseg.ts").problems
    assert problem.startswith("line 2: ")


def test_a_tag_without_a_uri_is_no_problem():
    lines = ["#EXT-X-KEY:METHOD=NONE", '#EXT-X-MEDIA:NAME="URI=x"', '#EXT-X-KEY:METHOD=NONE,URI=""']
    document = parse_document("\n".join(["#EXTM3U", *lines]))
    assert (document.references, document.problems) == ([], [])


def test_a_segment_of_a_gap_is_not_required():
    document = parse_document("#EXTM3U\n#EXT-X-GAP\n#EXTINF:1,\na.ts\n#EXTINF:1,\nb.ts\n")
    assert [(one.uri, one.required) for one in document.references] == [
        ("a.ts", False),
        ("b.ts", True),
    ]


def test_variables_are_replaced():
    lines = [
        '#EXT-X-DEFINE:NAME="base",VALUE="x/y"',
        '#EXT-X-DEFINE:IMPORT="token"',
        '#EXT-X-MAP:URI="{$base}/init.mp4"',
        "{$base}/a.ts?t={$token}",
    ]
    document = parse_document("\n".join(["#EXTM3U", *lines]), {"token": "1"})
    assert uris(document) == ["x/y/init.mp4", "x/y/a.ts?t=1"]
    assert document.variables == {"base": "x/y", "token": "1"}
    assert uris(parse_document("#EXTM3U\n{$base}.ts")) == ["{$base}.ts"]


@pytest.mark.parametrize("define", ['QUERYPARAM="x"', 'IMPORT="x"', 'NAME="y",VALUE="1"'])
def test_a_variable_without_a_value_is_refused(define):
    with pytest.raises(UnknownManifest, match="variable x"):
        parse_document(f"#EXTM3U\n#EXT-X-DEFINE:{define}\n{{$x}}/a.ts\n")


@pytest.mark.parametrize(
    "line", ["#EXT-X-V:" + "A" * 100_000 + " URI", '#EXT-X-V:URI="a"\n' * 20_000, "{$" * 100_000]
)
def test_hostile_lines_take_no_time(line):
    from time import process_time

    start = process_time()
    document = parse_document(f"#EXTM3U\n#EXT-X-DEFINE:NAME=a,VALUE=b\n{line}")
    assert process_time() - start < 5.0  # well below a second on an idle machine
    assert len(document.problems) <= MAX_PROBLEMS


def test_uris_that_are_not_utf8_are_refused():
    with pytest.raises(NotAPlaylist, match="UTF-8"):
        parse_document(b"#EXTM3U\n\xff.ts\n".decode("utf-8", "surrogateescape"))


def test_ten_thousand_segments_are_scanned_within_some_milliseconds():
    from time import process_time

    text = "#EXTM3U\n" + "".join(f"#EXTINF:2.0,\nseg-{n:05}.ts\n" for n in range(10_000))
    start = process_time()
    document = parse_document(text)
    assert all(resolve_uri(at("v/index.m3u8"), one.uri) for one in document.references)
    assert process_time() - start < 1.0  # 30 ms on an idle machine


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
    assert resolve_uri(at("v/h/index.m3u8"), uri) == at(key)


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
    assert resolve_uri(at("v/h/index.m3u8"), uri) is None


STEPS = st.sampled_from(["a", "b.ts", "..", ".", "c d", "ü"])


@given(st.lists(STEPS, min_size=1, max_size=6), st.booleans())
def test_resolving_agrees_with_the_standard(steps, rooted):
    uri = ("/" if rooted else "") + "/".join(quote(step) for step in steps)
    joined = urlsplit(urljoin("http://host/v/h/index.m3u8", uri)).path
    expected = posixpath.join("/", joined).lstrip("/")
    from urllib.parse import unquote

    found = resolve_uri(at("v/h/index.m3u8"), uri)
    assert (found and found.key) == (unquote(expected) or None)


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=30), max_size=8))
def test_any_text_is_scanned_without_an_accident(lines):
    try:
        document = parse_document("\n".join(["#EXTM3U", *lines]))
    except UnknownManifest:
        return
    for one in document.references:
        item = resolve_uri(at("v/index.m3u8"), one.uri)
        assert item is None or (item.bucket, item.region) == (DESK, REGION)


def cues(*payloads, ending="\n"):
    """WebVTT with these payloads of cues."""
    blocks = [f"{n}\n00:0{n}.000 --> 00:0{n}.900\n{payload}" for n, payload in enumerate(payloads)]
    return "\n\n".join(["WEBVTT - title", *blocks, ""]).replace("\n", ending)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_the_pictures_of_a_sprite_are_those_its_cues_show(ending):
    text = cues("a.jpg#xywh=0,0,1,1", "a.jpg#xywh=1,0,1,1", "/s/b c.PNG", ending=ending)
    document = parse_document(f"\ufeff{text}")
    assert [resolve_uri(at("s/s.vtt"), one.uri) for one in document.references] == [
        at("s/a.jpg"),
        at("s/a.jpg"),
        at("s/b c.PNG"),
    ]
    assert all(one.required for one in document.references)
    assert document.problems == []


def test_subtitles_name_no_files():
    text = cues("See photo.jpg now", "[music]", "Visit a.example") + (
        "\nNOTE b.jpg\n\nSTYLE\n::cue { background: url(c.jpg) }\n\nREGION\nid:a.jpg\n"
    )
    document = parse_document(text)
    assert (document.references, document.problems) == ([], [])


def test_a_lone_picture_among_subtitles_need_not_exist():
    document = parse_document(cues("Hello", "photo.jpg", "s.jpg#xywh=0,0,1,1", "a photo.jpg"))
    assert [(one.uri, one.required) for one in document.references] == [
        ("photo.jpg", False),
        ("s.jpg#xywh=0,0,1,1", True),
    ]


def test_pictures_outside_of_cues_are_found():
    assert uris(parse_document("WEBVTT\n\nx\n#xywh=1\nb.jpg#xywh=0,0,1,1")) == [
        "b.jpg#xywh=0,0,1,1"
    ]


@pytest.mark.parametrize("cue", ['{"src": "a.jpg"}', '<img src="a.jpg">', "see http://h/a.jpg now"])
def test_a_cue_with_a_picture_inside_is_a_problem(cue):
    assert parse_document(cues(cue)).problems


@pytest.mark.parametrize("name", ["a.m3u8", "A.M3U8?x=1", "a.M3u#t"])
def test_a_segment_named_as_a_playlist_is_one(name):
    document = parse_document(f"#EXTM3U\n#EXTINF:-1,Channel\n{name}\n")
    assert uris(document, PLAYLIST) == [name]


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


@pytest.mark.parametrize(("levels", "fits"), [(4, True), (5, False)])
def test_playlists_below_playlists_are_read_to_a_limit(cos, levels, fits):
    for number in range(levels):
        text = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{number + 1}\n"
        cos.upload(text.encode() if number + 1 < levels else b"#EXTM3U\n", at(f"{number}"))
    if fits:
        assert [item.key for item in cos.files(at("0"))] == ["3", "2", "1", "0"]
    else:
        with pytest.raises(UnknownManifest, match="deep"):
            cos.files(at("0"))


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
        assert [error.code for error in failed.value.exceptions] == ["ChecksumDiffers"]
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
