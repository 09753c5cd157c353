"""References of playlists that are published or moved."""

import gzip
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.cos import Conflict, NotAPlaylist, NotFound, relocation
from scf_mps.cos.hls import build_relative_uri, parse_document, resolve_uri
from scf_mps.cos.locations import map_destinations
from scf_mps.cos.outputs import Tree

from .support import (
    MANIFEST,
    MEDIA,
    PLAYER,
    REGION,
    at,
    build_master_playlist,
    build_media_playlist,
    build_storage,
    build_workflow,
    catch_only_error,
    list_keys,
    place,
    upload_encoded,
    upload_texts,
)

HOST = f"https://{MEDIA}.cos.{REGION}.myqcloud.com"


def publish_and_read(cos, key="site/index.m3u8"):
    """Publish `MANIFEST` and verify the copy. Return the text of its playlist."""
    cos.publish(MANIFEST, to=place("site/"))
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
        (f"//{MEDIA}.cos.{REGION}.tencentcos.cn/vod/./show/a.ts", "a.ts"),
        (f"http://{MEDIA}.cos.accelerate.myqcloud.com/vod/show/%61.ts", "a.ts"),
    ],
)
def test_published_playlist_finds_segment(cos, uri, expected):
    upload_texts(cos, index_m3u8=build_media_playlist(uri), a_ts="segment")
    copies = cos.publish(MANIFEST, to=place("site/show/"))
    assert copies == [at("site/show/a.ts", PLAYER), at("site/show/index.m3u8", PLAYER)]
    assert [head.object for head in cos.verify(copies[-1:])] == copies
    assert cos.read_text(copies[-1]) == build_media_playlist(expected)


NAMES = st.text(st.sampled_from("aB1 %#?+:&;'ü~,=(){$}\"[]<>-_."), min_size=1, max_size=6).filter(
    lambda name: name.strip(". ") == name and name.strip(".") != ""
)

KEYS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(KEYS, st.lists(KEYS, min_size=1, max_size=4, unique=True), st.data())
def test_every_reference_resolves_to_copy(playlist, segments, data):
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
    document = parse_document(build_media_playlist(*uris).replace("#EXTINF", f"{tags}#EXTINF", 1))
    assert [resolve_uri(show, reference.uri) for reference in document.references] == items[:-1] * 2
    contents = relocation.rewrite_playlists(Tree([items], {show: document}), targets)
    copied = parse_document(contents[show].decode()) if show in contents else document
    resolved = [resolve_uri(targets[show], reference.uri) for reference in copied.references]
    assert resolved == copies[:-1] * 2
    unmoved = {copy: copy for copy in copies}
    assert relocation.rewrite_playlists(Tree([copies], {copies[-1]: copied}), unmoved) == {}


def test_rewritten_playlist_keeps_metadata(cos):
    upload_texts(cos, a_ts="segment")
    text = build_media_playlist("/vod/show/a.ts")
    cos.upload(
        text.encode(), MANIFEST, content_type="x/y", cache_control="no-store", metadata={"a": "1"}
    )
    for _ in range(2):
        cos.publish(MANIFEST, to=place("site/"), overwrite=False, acl="keep")
        assert publish_and_read(cos) == build_media_playlist("a.ts")
    head = cos.head(at("site/index.m3u8", PLAYER))
    assert (head.content_type, head.cache_control, head.metadata) == ("x/y", "no-store", {"a": "1"})
    cos.upload(b"other", at("site/index.m3u8", PLAYER))
    error = catch_only_error(cos.publish, MANIFEST, to=place("site/"), overwrite=False)
    assert isinstance(error, Conflict)


def test_references_of_every_tag_are_rewritten(cos):
    tags = '#EXT-X-KEY:METHOD=AES-128,URI="/vod/show/k",IV=0x1\n#EXT-X-MAP:URI=/vod/show/i.mp4\n'
    text = build_media_playlist("/vod/show/a.ts", "https://cdn.example.com/b.ts").replace(
        "#EXTINF", f"{tags}#EXTINF", 1
    )
    upload_texts(cos, index_m3u8=text, a_ts="a", k="key", i_mp4="init")
    assert publish_and_read(cos) == text.replace("/vod/show/", "")


def test_files_above_playlist_are_published(cos):
    upload_texts(cos, index_m3u8=build_master_playlist("/vod/low/index.m3u8", "high/index.m3u8"))
    upload_texts(cos, high__index_m3u8=build_media_playlist("../../common/a b.ts"))
    cos.upload(build_media_playlist("/vod/common/a%20b.ts").encode(), at("vod/low/index.m3u8"))
    cos.upload(b"segment", at("vod/common/a b.ts"))
    assert publish_and_read(cos, "site/show/index.m3u8") == build_master_playlist(
        "../low/index.m3u8", "high/index.m3u8"
    )
    assert cos.read_text(at("site/low/index.m3u8", PLAYER)) == build_media_playlist(
        "../common/a%20b.ts"
    )


def test_copy_without_relative_uri_is_refused():
    with pytest.raises(NotAPlaylist, match="relative"):
        build_relative_uri(at("site/index.m3u8"), at("site/./a.ts"), "/vod/show/%2e/a.ts")


def test_gap_and_hint_are_optional(cos, caplog):
    text = build_media_playlist("a.ts").replace("#EXT-X-ENDLIST", "#EXT-X-GAP\n#EXTINF:1,\ngap.ts")
    upload_texts(
        cos, index_m3u8=f'{text}#EXT-X-PRELOAD-HINT:TYPE=PART,URI="b"\n#EXT-X-V:URI="c"\n', a_ts="a"
    )
    assert len(cos.publish(MANIFEST, to=place("site/"))) == 2
    assert "#EXT-X-V" in caplog.text
    upload_texts(cos, gap_ts="exists")
    assert at("vod/show/gap.ts") in cos.files(MANIFEST)


def test_playlist_replaced_after_read_is_refused(cos, monkeypatch):
    upload_texts(cos, index_m3u8=build_media_playlist("a.ts"), a_ts="a")
    rewrite = relocation.rewrite_playlists

    def replace(*args):
        upload_texts(cos, index_m3u8=build_media_playlist("a.ts", "b.ts"))
        return rewrite(*args)

    monkeypatch.setattr(relocation, "rewrite_playlists", replace)
    assert catch_only_error(cos.publish, MANIFEST, to=place("site/")).code == "Replaced"


def test_variables_of_master_reach_playlists(cos):
    define = '#EXT-X-DEFINE:NAME="at",VALUE="/vod/show"\n'
    master = build_master_playlist("{$at}/v.m3u8").replace("\n", f"\n{define}", 1)
    import_tag = '#EXT-X-DEFINE:IMPORT="at"\n'
    video = build_media_playlist("{$at}/a.ts").replace("\n", f"\n{import_tag}", 1)
    upload_texts(cos, index_m3u8=master, v_m3u8=video, a_ts="a")
    assert "\nv.m3u8" in publish_and_read(cos)
    assert "\na.ts\n" in cos.read_text(at("site/v.m3u8", PLAYER))


@pytest.mark.parametrize("members", [1, 2])
def test_gzip_playlist_is_published_unchanged(cos, members):
    upload_texts(cos, a_ts="a", b_ts="b")
    parts = build_media_playlist("a.ts", "b.ts").split("\n", members - 1)
    data = b"".join(gzip.compress(f"{part}\n".encode()) for part in parts)
    cos.upload(data, MANIFEST)
    assert len(cos.publish(MANIFEST, to=place("site/"))) == 3
    assert cos.read(at("site/index.m3u8", PLAYER)) == data


def test_rewritten_gzip_playlist_is_uncompressed(cos):
    upload_texts(cos, a_ts="a")
    data = gzip.compress(build_media_playlist("/vod/show/a.ts").encode())
    upload_encoded(cos, MANIFEST, data, "gzip")
    assert publish_and_read(cos) == build_media_playlist("a.ts")
    assert "content-encoding" not in cos.head(at("site/index.m3u8", PLAYER)).headers


@pytest.mark.parametrize("uri", ["/s/b c.jpg", f"{HOST}/s/b%20c.jpg", "b c.jpg"])
@pytest.mark.parametrize("part", ["#xywh=0,0,1,1", ""])
def test_published_webvtt_finds_pictures(cos, uri, part):
    cos.upload(b"picture", at("s/b c.jpg"))
    cos.upload(f"WEBVTT\r\r0:00 --> 0:01\r{uri}{part}\r".encode(), at("s/s.vtt"))
    output = {"ImagePathSet": ["/s/b c.jpg"], "WebVttPath": "/s/s.vtt", "Storage": build_storage()}
    event = build_workflow(("ImageSprites", "ImageSpriteTask", output))
    copies = cos.publish(event, to=place("site/"))
    assert copies == [at("site/b c.jpg", PLAYER), at("site/s.vtt", PLAYER)]
    assert [head.object for head in cos.verify(copies[-1:])] == copies
    name = "b c.jpg" if uri == "b c.jpg" else "b%20c.jpg"
    assert cos.read_text(copies[-1]) == f"WEBVTT\r\r0:00 --> 0:01\r{name}{part}\r"


@pytest.mark.parametrize("name", ["index_m3u8", "Manifest"])
def test_playlist_is_not_moved_without_files(cos, name):
    upload_texts(cos, **{name: build_media_playlist("/vod/show/a.ts")}, a_ts="a")
    show = at(f"vod/show/{name.replace('_', '.')}")
    for objects in (cos.files(show), [show]):
        error = catch_only_error(cos.move, objects, to=place("site/"))
        assert isinstance(error, Conflict)
        assert (error.code, error.object) == ("BrokenReference", show)
    assert list_keys(cos, place()) == []
    assert len(cos.files(show)) == 2


def test_playlist_moves_with_or_after_files(cos):
    playlist = build_media_playlist("a.ts", f"{HOST}/vod/show/stays.ts")
    upload_texts(cos, index_m3u8=playlist, a_ts="a", stays_ts="b")
    cos.move([at("vod/show/a.ts")], to=place("vod/show/"))
    cos.move([MANIFEST], to=place("vod/show/"))
    upload_texts(cos, index_m3u8=build_media_playlist("a.ts"), a_ts="a")
    cos.move(cos.files(MANIFEST), to=place("site/"))
    keys = [
        f"{folder}/{name}" for folder in ("site", "vod/show") for name in ("a.ts", "index.m3u8")
    ]
    assert list_keys(cos, place()) == keys


def test_playlist_is_not_moved_to_missing_files(cos):
    upload_texts(cos, index_m3u8=build_media_playlist("a.ts"), a_ts="a")
    error = catch_only_error(cos.move, MANIFEST, to=at("other/index.m3u8"))
    assert error.code == "BrokenReference"


def test_object_named_as_playlist_is_moved(cos):
    cos.upload(b"bytes", at("a.m3u8"))
    cos.move([at("a.m3u8")], to=place("site/"))
    error = catch_only_error(cos.move, [at("b.m3u8")], to=place("site/"))
    assert isinstance(error, NotFound)
