"""Keys with leading, double and trailing slashes, and with dots."""

import pickle

import pytest

from scf_mps.cos import Conflict, CosObject, NotFound, SomeFailed, UnsafeKey, operations

from .support import MEDIA, PLAYER, REGION, at, list_keys, place

UNUSUAL_KEYS = ["/lead", "//two", "a//b", "a/./b", "a/../b", "./c", "../d", "e/", "f//", "/", "."]


def exact(key, bucket=MEDIA):
    return CosObject.exact(bucket, REGION, key)


def put(cos, item, data=b""):
    """Store bytes under any key. `Cos.upload` treats a key that ends in a slash as a folder."""
    operations.put(cos._client, item, data, {})
    return item


@pytest.fixture
def unusual_objects(cos):
    """Objects with unusual keys, each with its key as content."""
    return [put(cos, exact(key), key.encode()) for key in UNUSUAL_KEYS]


@pytest.mark.parametrize("key", UNUSUAL_KEYS)
def test_exact_key_survives_text_and_pickle(key):
    item = exact(key)
    assert item.key == key
    assert CosObject.parse(str(item)) == item
    assert pickle.loads(pickle.dumps(item)) == item


def test_exact_key_differs_from_stripped_key():
    assert exact("/a") != at("/a")
    assert at("/a") == at("a")
    with pytest.raises(ValueError, match="key"):
        exact("")


def test_list_returns_every_key(cos, unusual_objects):
    assert list_keys(cos, f"cos://{MEDIA}.{REGION}/") == sorted(UNUSUAL_KEYS)
    assert list_keys(cos, f"cos://{MEDIA}.{REGION}") == sorted(UNUSUAL_KEYS)
    assert list_keys(cos, exact("//")) == ["//two"]
    assert [entry.object for entry in cos.list(place("", MEDIA))] == sorted(
        unusual_objects, key=lambda item: item.key
    )


def test_unusual_keys_are_read(cos, unusual_objects):
    assert cos.read(unusual_objects) == [key.encode() for key in UNUSUAL_KEYS]
    assert [head.object for head in cos.head(entry for entry in cos.list(place("", MEDIA)))]
    assert cos.exists(str(exact("/lead")))
    assert not cos.exists(at("/lead"))


def test_unusual_keys_are_copied(cos, unusual_objects):
    copies = cos.copy(unusual_objects, place(), base="")
    assert [item.key for item in copies] == UNUSUAL_KEYS
    assert list_keys(cos, place()) == sorted(UNUSUAL_KEYS)
    below = cos.copy(unusual_objects, place("vod/"), base="")
    assert [item.key for item in below] == [f"vod/{key}" for key in UNUSUAL_KEYS]


def test_unusual_keys_are_moved_and_deleted(cos, unusual_objects):
    cos.move(cos.list(place("", MEDIA)), place(), base="")
    assert list_keys(cos, place("", MEDIA)) == []
    cos.delete(cos.list(place()))
    assert list_keys(cos, place()) == []


def test_delete_of_unusual_key_keeps_neighbour(cos):
    cos.upload(b"1", at("a"))
    cos.upload(b"2", exact("/a"))
    cos.delete(exact("/a"))
    assert list_keys(cos, place("", MEDIA)) == ["a"]
    with pytest.raises(NotFound):
        cos.read(str(exact("/a")))


def test_presigned_url_has_exact_key(cos):
    assert f"{REGION}.myqcloud.com//a?" in cos.url(exact("/a"))


def test_base_may_begin_with_a_slash(cos):
    items = [cos.upload(b"x", exact("/v/a")), cos.upload(b"x", exact("/v/b"))]
    assert [copy.key for copy in cos.copy(items, place("p/"), base="/v")] == ["p/a", "p/b"]
    assert [copy.key for copy in cos.copy(items, place("q/"))] == ["q/a", "q/b"]


def test_publish_finds_segments_below_leading_slash(cos):
    cos.upload(b"x", exact("/v/1.ts"))
    cos.upload(b"other", at("v/1.ts"))
    cos.upload(b"#EXTM3U\n#EXTINF:2,\n1.ts\n#EXT-X-ENDLIST\n", exact("/v/a.m3u8"))
    cos.publish(exact("/v/a.m3u8"), place("p/"))
    assert cos.read(at("p/1.ts", PLAYER)) == b"x"


def test_download_makes_folders_from_markers(cos, tmp_path):
    for key in ("z/", "z/sub/", "z/sub/a", "z/empty/"):
        put(cos, at(key), b"x" if key.endswith("a") else b"")
    paths = cos.download(cos.list(place("z/", MEDIA)), tmp_path / "out", base="z")
    names = sorted(str(path.relative_to(tmp_path / "out")) for path in paths)
    assert names == [".", "empty", "sub", "sub/a"]
    assert (tmp_path / "out/empty").is_dir()
    assert (tmp_path / "out/sub/a").read_bytes() == b"x"
    assert cos.download(cos.list(place("z/", MEDIA)), tmp_path / "out", base="z") == paths
    assert cos.download(at("z/sub/"), tmp_path) == tmp_path / "sub"


def test_download_refuses_folder_with_bytes(cos, tmp_path):
    put(cos, at("z/sub/"), b"not empty")
    with pytest.raises(UnsafeKey):
        cos.download(at("z/sub/"), tmp_path)
    assert cos.download(at("z/sub/"), tmp_path / "file").read_bytes() == b"not empty"


def test_download_makes_no_folder_through_link(cos, tmp_path):
    put(cos, at("z/link/sub/"))
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(SomeFailed):
        cos.download([at("z/link/sub/"), at("z/link/")], tmp_path, base="z")
    assert not (tmp_path / "sub").exists()


def test_move_keeps_marker_of_base(cos):
    items = [put(cos, at("z/")), cos.upload(b"x", at("z/a"))]
    moved = cos.move(items, place("y/"), base="z")
    assert [item.key for item in moved] == ["y/", "y/a"]


def test_upload_does_not_overwrite_unusual_key(cos):
    cos.upload(b"x", exact("/a"))
    cos.upload(b"x", at("a"), overwrite=False)
    with pytest.raises(Conflict):
        cos.upload(b"y", exact("/a"), overwrite=False)


def test_leading_slash_is_not_part_of_key(cos):
    cos.upload(b"x", at("a/b.ts"))
    assert list_keys(cos, place("/a/", MEDIA)) == ["a/b.ts"]
    cos.delete([at("/a/b.ts"), at("/a/c.ts")])
    assert not cos.exists(at("a/b.ts"))
