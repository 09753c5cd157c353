"""Playlists that are published or moved: their references resolve where the copy is, or nothing is done."""

from __future__ import annotations

import gzip
import zlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.cos import Conflict, NotAPlaylist, NotFound, SomeFailed, UnknownManifest, relocation
from scf_mps.cos.hls import build_relative_uri, parse_document, resolve_uri
from scf_mps.cos.locations import map_destinations
from scf_mps.cos.outputs import MAX_PLAYLIST_BYTES, Tree

from .conftest import DESK, PLAYER, REGION, at, keys_of, place
from .test_locations import storage, workflow

HOST = f"https://{DESK}.cos.{REGION}.myqcloud.com"
SHOW = at("vod/show/index.m3u8")


def media(*names):
    """A media playlist of segments."""
    return "\n".join(["#EXTM3U", *(f"#EXTINF:1,\n{name}" for name in names), "#EXT-X-ENDLIST\n"])


def master(*names):
    return "\n".join(["#EXTM3U", *(f"#EXT-X-STREAM-INF:BANDWIDTH=1\n{name}" for name in names)])


def put(cos, **texts):
    """Store texts below vod/show/ of the desk, by name; "__" stands for a slash, "_" for a dot."""
    for name, text in texts.items():
        key = name.replace("__", "/").replace("_", ".")
        cos.upload(text.encode(), at(f"vod/show/{key}"))


def published(cos, key="site/index.m3u8"):
    """Publish the show, verify it from where it is; the text of its playlist."""
    cos.publish(SHOW, to=place("site/"))
    cos.verify([at(key, PLAYER)])
    return cos.read_text(at(key, PLAYER))


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("a.ts", "a.ts"),
        ("a.ts?x=1#t", "a.ts?x=1#t"),
        ("../show/a.ts", "../show/a.ts"),
        ("/vod/show/a.ts", "a.ts"),
        ("/vod/show/a.ts?x=1#t=2", "a.ts?x=1#t=2"),
        (f"{HOST}/vod/show/a.ts?q-signature=1", "a.ts"),
        (f"//{DESK}.cos.{REGION}.tencentcos.cn/vod/./show/a.ts", "a.ts"),
        (f"http://{DESK}.cos.accelerate.myqcloud.com/vod/show/%61.ts", "a.ts"),
    ],
)
def test_a_published_playlist_finds_its_segment(cos, uri, expected):
    put(cos, index_m3u8=media(uri), a_ts="segment")
    copies = cos.publish(SHOW, to=place("site/show/"))
    assert copies == [at("site/show/a.ts", PLAYER), at("site/show/index.m3u8", PLAYER)]
    assert [head.object for head in cos.verify(copies[-1:])] == copies
    assert cos.read_text(copies[-1]) == media(expected)


NAMES = st.text(st.sampled_from("aB1 %#?+:&;'ü~,=(){$}\"[]<>-_."), min_size=1, max_size=6).filter(
    lambda name: name.strip(". ") == name and name.strip(".") != ""
)
KEYS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(KEYS, st.lists(KEYS, min_size=1, max_size=4, unique=True), st.data())
def test_every_reference_of_a_copy_finds_its_copy(playlist, segments, data):
    """Whatever the keys are, and however the references are written."""
    show = at(f"{playlist}.m3u8")
    forms = {
        "root": lambda key: f"/{quote(key)}",
        "url": lambda key: f"{HOST}/{quote(key)}?sign=1",
        "relative": lambda key: build_relative_uri(show, at(key), ""),
    }
    uris = [forms[data.draw(st.sampled_from(sorted(forms)))](key) for key in segments]
    items = [*map(at, segments), show]
    copies = map_destinations(items, place("x y/"), False)
    targets = dict(zip(items, copies, strict=True))
    tags = "".join(f'#EXT-X-MAP:URI="{uri}"\n' for uri in uris)
    document = parse_document(media(*uris).replace("#EXTINF", f"{tags}#EXTINF", 1))
    assert [resolve_uri(show, one.uri) for one in document.references] == items[:-1] * 2
    contents = relocation.rewrite_playlists(Tree([items], {show: document}), targets)
    copied = parse_document(contents[show].decode()) if show in contents else document
    found = [resolve_uri(targets[show], one.uri) for one in copied.references]
    assert found == copies[:-1] * 2
    assert (
        relocation.rewrite_playlists(
            Tree([copies], {copies[-1]: copied}), {one: one for one in copies}
        )
        == {}
    )


def test_a_rewritten_playlist_keeps_what_is_stored_with_it(cos):
    put(cos, a_ts="segment")
    text = media("/vod/show/a.ts")
    cos.upload(
        text.encode(), SHOW, content_type="x/y", cache_control="no-store", metadata={"a": "1"}
    )
    for _ in range(2):
        cos.publish(SHOW, to=place("site/"), overwrite=False, acl="keep")
        assert published(cos) == media("a.ts")
    head = cos.head(at("site/index.m3u8", PLAYER))
    assert (head.content_type, head.cache_control, head.metadata) == ("x/y", "no-store", {"a": "1"})
    cos.upload(b"other", at("site/index.m3u8", PLAYER))
    with pytest.raises(SomeFailed) as failed:
        cos.publish(SHOW, to=place("site/"), overwrite=False)
    assert isinstance(failed.value.exceptions[0], Conflict)


def test_references_of_every_tag_are_rewritten(cos):
    tags = '#EXT-X-KEY:METHOD=AES-128,URI="/vod/show/k",IV=0x1\n#EXT-X-MAP:URI=/vod/show/i.mp4\n'
    text = media("/vod/show/a.ts", "https://cdn.example.com/b.ts").replace(
        "#EXTINF", f"{tags}#EXTINF", 1
    )
    put(cos, index_m3u8=text, a_ts="a", k="key", i_mp4="init")
    assert published(cos) == text.replace("/vod/show/", "")


def test_files_above_the_playlist_are_published_and_found(cos):
    put(cos, index_m3u8=master("/vod/low/index.m3u8", "high/index.m3u8"))
    put(cos, high__index_m3u8=media("../../common/a b.ts"))
    cos.upload(media("/vod/common/a%20b.ts").encode(), at("vod/low/index.m3u8"))
    cos.upload(b"segment", at("vod/common/a b.ts"))
    assert published(cos, "site/show/index.m3u8") == master("../low/index.m3u8", "high/index.m3u8")
    assert cos.read_text(at("site/low/index.m3u8", PLAYER)) == media("../common/a%20b.ts")


def test_a_copy_that_no_relative_uri_can_name_is_refused():
    with pytest.raises(NotAPlaylist, match="relative"):
        build_relative_uri(at("site/index.m3u8"), at("site/./a.ts"), "/vod/show/%2e/a.ts")


def test_playlists_are_told_by_their_content(cos):
    put(cos, Manifest=master("720/Manifest", "LOW.M3U8", "x.m3u8?y=1"))
    for name in ("720__Manifest", "LOW_M3U8", "x_m3u8"):
        put(cos, **{name: media(f"{name}.ts")})
    names = ["720__Manifest.ts", "LOW_M3U8.ts", "x_m3u8.ts"]
    for name, folder in zip(names, ("720/", "", ""), strict=True):
        cos.upload(b"segment", at(f"vod/show/{folder}{name}"))
    found = [item.key.removeprefix("vod/show/") for item in cos.files(at("vod/show/Manifest"))]
    assert set(found[:3]) == {"720/720__Manifest.ts", "LOW_M3U8.ts", "x_m3u8.ts"}
    assert set(found[3:6]) == {"720/Manifest", "LOW.M3U8", "x.m3u8"}
    assert found[6:] == ["Manifest"]


@pytest.mark.parametrize("data", [b"", b"plain text", b"\x1f\x8b damaged", b"\x00\x01"])
def test_other_content_names_no_files(cos, data):
    cos.upload(data, at("notes"))
    assert cos.files(at("notes")) == [at("notes")]
    assert cos.files([at("missing")]) == [at("missing")]


def test_a_content_type_of_playlists_is_taken_at_its_word(cos):
    cos.upload(b"no playlist", at("Manifest"), content_type="application/x-mpegURL")
    with pytest.raises(SomeFailed) as failed:
        cos.files(at("Manifest"))
    (error,) = failed.value.exceptions
    assert isinstance(error, NotAPlaylist)
    assert error.object == at("Manifest")


@pytest.mark.parametrize("start", ["<MPD>", "<?xml version='1.0'?>\n<SmoothStreamingMedia>"])
@pytest.mark.parametrize("key", ["Manifest", "index.m3u8", "a.txt"])
def test_other_manifests_are_refused(cos, start, key):
    cos.upload(start.encode(), at(key))
    with pytest.raises(SomeFailed) as failed:
        cos.files(at(key))
    assert isinstance(failed.value.exceptions[0], UnknownManifest)


def test_a_gap_and_a_hint_need_not_exist(cos, caplog):
    text = media("a.ts").replace("#EXT-X-ENDLIST", "#EXT-X-GAP\n#EXTINF:1,\ngap.ts")
    put(
        cos, index_m3u8=f'{text}#EXT-X-PRELOAD-HINT:TYPE=PART,URI="b"\n#EXT-X-V:URI="c"\n', a_ts="a"
    )
    assert len(cos.publish(SHOW, to=place("site/"))) == 2
    assert "#EXT-X-V" in caplog.text
    put(cos, gap_ts="there after all")
    assert at("vod/show/gap.ts") in cos.files(SHOW)


def test_a_missing_playlist_that_is_optional_is_left_out(cos):
    put(cos, index_m3u8='#EXTM3U\n#EXT-X-V:URI="c.m3u8"\n#EXT-X-V:URI="d"\n')
    assert cos.files(SHOW) == [SHOW]


def test_a_playlist_that_is_replaced_after_it_was_read_is_refused(cos, monkeypatch):
    put(cos, index_m3u8=media("a.ts"), a_ts="a")
    rewrite = relocation.rewrite_playlists

    def replace(*args):
        put(cos, index_m3u8=media("a.ts", "b.ts"))
        return rewrite(*args)

    monkeypatch.setattr(relocation, "rewrite_playlists", replace)
    with pytest.raises(SomeFailed) as failed:
        cos.publish(SHOW, to=place("site/"))
    assert [error.code for error in failed.value.exceptions] == ["Replaced"]


def test_media_in_place_of_a_playlist_is_a_file(cos, caplog):
    put(cos, index_m3u8='#EXTM3U\n#EXT-X-MEDIA:TYPE=SUBTITLES,URI="s.srt"\n', s_srt="text")
    assert cos.files(SHOW) == [at("vod/show/s.srt"), SHOW]
    assert "s.srt" in caplog.text


def test_variables_of_a_master_reach_its_playlists(cos):
    define = '#EXT-X-DEFINE:NAME="at",VALUE="/vod/show"\n'
    put(cos, index_m3u8=master("{$at}/v.m3u8").replace("\n", f"\n{define}", 1))
    put(cos, v_m3u8=media("{$at}/a.ts").replace("\n", '\n#EXT-X-DEFINE:IMPORT="at"\n', 1), a_ts="a")
    assert "\nv.m3u8" in published(cos)
    assert "\na.ts\n" in cos.read_text(at("site/v.m3u8", PLAYER))


@pytest.mark.parametrize("members", [1, 2])
def test_a_gzip_playlist_is_read(cos, members):
    put(cos, a_ts="a", b_ts="b")
    parts = media("a.ts", "b.ts").partition("\n")
    data = b"".join(
        gzip.compress(part.encode()) for part in (parts if members > 1 else ["".join(parts)])
    )
    cos.upload(data, SHOW)
    assert len(cos.publish(SHOW, to=place("site/"))) == 3
    assert cos.read(at("site/index.m3u8", PLAYER)) == data


def encode(item, cos, data, encoding):
    """Store data with a Content-Encoding, which the helpers have no word for."""
    from scf_mps.cos import operations

    operations.put(cos._client, item, data, {"content-encoding": encoding})


def test_a_rewritten_gzip_playlist_is_plain(cos):
    put(cos, a_ts="a")
    encode(SHOW, cos, gzip.compress(media("/vod/show/a.ts").encode()), "gzip")
    assert published(cos) == media("a.ts")
    assert "content-encoding" not in cos.head(at("site/index.m3u8", PLAYER)).headers


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (gzip.compress(bytes(MAX_PLAYLIST_BYTES + 1)), "more than"),
        (gzip.compress(b"#EXTM3U\n")[:-9], "truncated"),
        (b"\x1f\x8b\x08\x00damaged by something", "damaged"),
        (zlib.compress(b"#EXTM3U\n"), "deflate"),
    ],
)
def test_an_unreadable_encoding_is_an_error_with_the_object(cos, data, reason):
    encode(SHOW, cos, data, "deflate" if reason == "deflate" else "gzip")
    with pytest.raises(SomeFailed) as failed:
        cos.files(SHOW)
    (error,) = failed.value.exceptions
    assert isinstance(error, NotAPlaylist)
    assert error.object == SHOW
    assert reason in str(error)
    assert str(error).isprintable()


@pytest.mark.parametrize("uri", ["/s/b c.jpg", f"{HOST}/s/b%20c.jpg", "b c.jpg"])
@pytest.mark.parametrize("part", ["#xywh=0,0,1,1", ""])
def test_the_pictures_of_a_published_webvtt_are_found(cos, uri, part):
    cos.upload(b"picture", at("s/b c.jpg"))
    cos.upload(f"WEBVTT\r\r0:00 --> 0:01\r{uri}{part}\r".encode(), at("s/s.vtt"))
    output = {"ImagePathSet": ["/s/b c.jpg"], "WebVttPath": "/s/s.vtt", "Storage": storage()}
    copies = cos.publish(workflow(("ImageSprites", "ImageSpriteTask", output)), to=place("site/"))
    assert copies == [at("site/b c.jpg", PLAYER), at("site/s.vtt", PLAYER)]
    assert [head.object for head in cos.verify(copies[-1:])] == copies
    name = "b c.jpg" if uri == "b c.jpg" else "b%20c.jpg"
    assert cos.read_text(copies[-1]) == f"WEBVTT\r\r0:00 --> 0:01\r{name}{part}\r"


@pytest.mark.parametrize("name", ["index_m3u8", "Manifest"])
def test_a_playlist_is_not_moved_away_from_its_files(cos, name):
    put(cos, **{name: media("/vod/show/a.ts")}, a_ts="a")
    show = at(f"vod/show/{name.replace('_', '.')}")
    for objects in (cos.files(show), [show]):
        with pytest.raises(SomeFailed) as failed:
            cos.move(objects, to=place("site/"))
        (error,) = failed.value.exceptions
        assert isinstance(error, Conflict)
        assert (error.code, error.object) == ("BrokenReference", show)
    assert keys_of(cos, place()) == []
    assert len(cos.files(show)) == 2


def test_a_playlist_moves_with_its_files_or_after_them(cos):
    put(cos, index_m3u8=media("a.ts", f"{HOST}/vod/show/stays.ts"), a_ts="a", stays_ts="b")
    cos.move([at("vod/show/a.ts")], to=place("vod/show/"))
    cos.move([SHOW], to=place("vod/show/"))
    put(cos, index_m3u8=media("a.ts"), a_ts="a")
    cos.move(cos.files(SHOW), to=place("site/"))
    assert keys_of(cos, place()) == [
        "site/a.ts",
        "site/index.m3u8",
        "vod/show/a.ts",
        "vod/show/index.m3u8",
    ]


def test_a_playlist_is_not_moved_where_its_files_are_missing(cos):
    put(cos, index_m3u8=media("a.ts"), a_ts="a")
    with pytest.raises(SomeFailed) as failed:
        cos.move(SHOW, to=at("other/index.m3u8"))
    assert "'a.ts'" in str(failed.value)


def test_what_only_looks_like_a_playlist_is_moved(cos):
    cos.upload(b"bytes", at("a.m3u8"))
    cos.move([at("a.m3u8")], to=place("site/"))
    with pytest.raises(SomeFailed) as failed:
        cos.move([at("b.m3u8")], to=place("site/"))
    assert isinstance(failed.value.exceptions[0], NotFound)
