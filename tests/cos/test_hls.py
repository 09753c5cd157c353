"""References in playlists and WebVTT."""

import posixpath
from time import process_time
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.cos import NotAPlaylist, UnknownManifest
from scf_mps.cos.hls import FILE, MAX_PROBLEMS, PLAYLIST, UNKNOWN, parse_document, resolve_uri

from .support import MEDIA, PLAYER, REGION, at

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

MEDIA_PLAYLIST = """\ufeff#EXTM3U
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


def list_uris(document, kind=None):
    """Return the URIs of a kind, without repeats."""
    uris = [reference.uri for reference in document.references if kind in (None, reference.kind)]
    return list(dict.fromkeys(uris))


def test_master_references_playlists_keys_and_data():
    document = parse_document(MASTER)
    assert list_uris(document, PLAYLIST) == [
        "audio/index.m3u8",
        "iframe.m3u8",
        "tiles.m3u8",
        "video/1080.m3u8?x=1",
    ]
    assert list_uris(document, FILE) == ["session.key"]
    assert list_uris(document, UNKNOWN) == ["data.json"]
    assert document.problems == []


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_media_playlist_references_every_kind(ending):
    document = parse_document(MEDIA_PLAYLIST.replace("\r", "").replace("\n", ending))
    assert list_uris(document) == ["init.mp4", "enc.key", "all.m4s", "spaced.ts", "part.m4s"]
    assert list_uris(document, PLAYLIST) == document.problems == []
    assert all(reference.required for reference in document.references)
    for reference in document.references:
        assert document.text[reference.start : reference.end] == reference.uri


@pytest.mark.parametrize("content", ["<html>", "", "seg.ts\n", "\x00\x01", "#EXTM3U\n\udcff.ts\n"])
def test_other_content_or_encoding_is_refused(content):
    with pytest.raises(NotAPlaylist):
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
def test_uri_of_each_tag_is_found(tag, kind, required, form):
    document = parse_document(f"#EXTM3U\r{tag}{form.format('x/a')}\rseg.ts")
    assert next(reference[:3] for reference in document.references) == ("x/a", kind, required)
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
def test_unknown_line_is_problem(line):
    (problem,) = parse_document(f"#EXTM3U\r\n{line}\r\n#EXTINF:1,\r\nseg.ts").problems
    assert "line 2" in problem


def test_tag_without_uri_is_no_problem():
    tags = '#EXT-X-KEY:METHOD=NONE\n#EXT-X-MEDIA:NAME="URI=x"\n#EXT-X-KEY:METHOD=NONE,URI=""'
    document = parse_document(f"#EXTM3U\n{tags}")
    assert (document.references, document.problems) == ([], [])


def test_segment_of_gap_is_optional():
    document = parse_document("#EXTM3U\n#EXT-X-GAP\n#EXTINF:1,\na.ts\n#EXTINF:1,\nb.ts\n")
    assert [(reference.uri, reference.required) for reference in document.references] == [
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
    assert list_uris(document) == ["x/y/init.mp4", "x/y/a.ts?t=1"]
    assert document.variables == {"base": "x/y", "token": "1"}
    assert list_uris(parse_document("#EXTM3U\n{$base}.ts")) == ["{$base}.ts"]


@pytest.mark.parametrize("define", ['QUERYPARAM="x"', 'IMPORT="x"', 'NAME="y",VALUE="1"'])
def test_variable_without_value_is_refused(define):
    with pytest.raises(UnknownManifest, match="variable"):
        parse_document(f"#EXTM3U\n#EXT-X-DEFINE:{define}\n{{$x}}/a.ts\n")


@pytest.mark.parametrize(
    "line", ["#EXT-X-V:" + "A" * 100_000 + " URI", '#EXT-X-V:URI="a"\n' * 20_000, "{$" * 100_000]
)
def test_hostile_lines_are_parsed_fast(line):
    start = process_time()
    document = parse_document(f"#EXTM3U\n#EXT-X-DEFINE:NAME=a,VALUE=b\n{line}")
    assert process_time() - start < 5.0  # well below a second on an idle machine
    assert len(document.problems) <= MAX_PROBLEMS


def test_ten_thousand_segments_are_parsed_fast():
    text = "#EXTM3U\n" + "".join(f"#EXTINF:2.0,\nseg-{n:05}.ts\n" for n in range(10_000))
    start = process_time()
    document = parse_document(text)
    assert all(resolve_uri(at("v/index.m3u8"), reference.uri) for reference in document.references)
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
        (f"https://{MEDIA}.cos.{REGION}.myqcloud.com/x/seg.ts?sign=1", "x/seg.ts"),
        (f"//{MEDIA}.cos-internal.{REGION}.tencentcos.cn/x/seg.ts", "x/seg.ts"),
        (f"http://{MEDIA}.cos.{REGION}.myqcloud.com:80/seg.ts", "seg.ts"),
        ("sub/..", "v/h/"),
        ("https://cdn.example.com/seg.ts", None),
        (f"https://{PLAYER}.cos.{REGION}.myqcloud.com/seg.ts", None),
        (f"https://{MEDIA}.cos.ap-beijing.myqcloud.com/seg.ts", None),
        ("skd://key", None),
        ("data:text/plain;base64,AAAA", None),
        ("https:seg.ts", None),
        (f"https://{MEDIA}.cos.{REGION}.myqcloud.com", None),
        ("?only=query", None),
        ("/", None),
    ],
)
def test_uri_resolves_against_playlist_in_its_bucket(uri, key):
    assert resolve_uri(at("v/h/index.m3u8"), uri) == (key and at(key))


STEPS = st.sampled_from(["a", "b.ts", "..", ".", "c d", "ü"])


@given(st.lists(STEPS, min_size=1, max_size=6), st.booleans())
def test_resolve_uri_agrees_with_urljoin(steps, rooted):
    uri = ("/" if rooted else "") + "/".join(quote(step) for step in steps)
    joined = urlsplit(urljoin("http://host/v/h/index.m3u8", uri)).path
    expected = posixpath.join("/", joined).lstrip("/")
    item = resolve_uri(at("v/h/index.m3u8"), uri)
    assert (item and item.key) == (unquote(expected) or None)


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=30), max_size=8))
def test_any_text_is_parsed(lines):
    try:
        document = parse_document("\n".join(["#EXTM3U", *lines]))
    except UnknownManifest:
        return
    for reference in document.references:
        item = resolve_uri(at("v/index.m3u8"), reference.uri)
        assert item is None or (item.bucket, item.region) == (MEDIA, REGION)


def build_webvtt(*payloads, ending="\n"):
    """Return WebVTT whose cues have these payloads."""
    blocks = [f"{n}\n00:0{n}.000 --> 00:0{n}.900\n{payload}" for n, payload in enumerate(payloads)]
    return "\n\n".join(["WEBVTT - title", *blocks, ""]).replace("\n", ending)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_sprite_references_pictures_of_cues(ending):
    text = build_webvtt("a.jpg#xywh=0,0,1,1", "a.jpg#xywh=1,0,1,1", "/s/b c.PNG", ending=ending)
    document = parse_document(f"\ufeff{text}")
    assert [resolve_uri(at("s/s.vtt"), reference.uri) for reference in document.references] == [
        at("s/a.jpg"),
        at("s/a.jpg"),
        at("s/b c.PNG"),
    ]
    assert all(reference.required for reference in document.references)
    assert document.problems == []


def test_subtitles_reference_no_files():
    text = build_webvtt("See photo.jpg now", "[music]", "Visit a.example") + (
        "\nNOTE b.jpg\n\nSTYLE\n::cue { background: url(c.jpg) }\n\nREGION\nid:a.jpg\n"
    )
    document = parse_document(text)
    assert (document.references, document.problems) == ([], [])


def test_picture_among_subtitles_is_optional():
    document = parse_document(
        build_webvtt("Hello", "photo.jpg", "s.jpg#xywh=0,0,1,1", "a photo.jpg")
    )
    assert [(reference.uri, reference.required) for reference in document.references] == [
        ("photo.jpg", False),
        ("s.jpg#xywh=0,0,1,1", True),
    ]


def test_pictures_outside_cues_are_found():
    assert list_uris(parse_document("WEBVTT\n\nx\n#xywh=1\nb.jpg#xywh=0,0,1,1")) == [
        "b.jpg#xywh=0,0,1,1"
    ]


@pytest.mark.parametrize("cue", ['{"src": "a.jpg"}', '<img src="a.jpg">', "see http://h/a.jpg now"])
def test_picture_inside_text_is_problem(cue):
    assert parse_document(build_webvtt(cue)).problems


@pytest.mark.parametrize("name", ["a.m3u8", "A.M3U8?x=1", "a.M3u#t"])
def test_segment_named_as_playlist_is_playlist(name):
    document = parse_document(f"#EXTM3U\n#EXTINF:-1,Channel\n{name}\n")
    assert list_uris(document, PLAYLIST) == [name]
