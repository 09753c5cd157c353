"""Keys that are no plain paths: with slashes in front, twice or at the end, and with steps of dots."""

from __future__ import annotations

import pickle

import pytest

from scf_mps.cos import Conflict, CosObject, NotFound, SomeFailed, UnsafeKey, operations

from .conftest import DESK, PLAYER, REGION, at, keys_of, place

ODD_KEYS = ["/lead", "//two", "a//b", "a/./b", "a/../b", "./c", "../d", "e/", "f//", "/", "."]


def exact(key, bucket=DESK):
    return CosObject.exact(bucket, REGION, key)


def put(cos, item, data=b""):
    """Store bytes under any key: `Cos.upload` takes a key that ends in a slash for a folder to upload into."""
    operations.put(cos._client, item, data, {})
    return item


@pytest.fixture
def odd(cos):
    """Objects of all the odd keys, each with its key as content."""
    return [put(cos, exact(key), key.encode()) for key in ODD_KEYS]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_exact_key_survives_text_and_pickle(key):
    item = exact(key)
    assert item.key == key
    assert CosObject.parse(str(item)) == item
    assert pickle.loads(pickle.dumps(item)) == item


def test_exact_key_differs_from_the_stripped_one():
    assert exact("/a") != at("/a")
    assert at("/a") == at("a")
    with pytest.raises(ValueError, match="needs a key"):
        exact("")


def test_list_names_every_key(cos, odd):
    assert keys_of(cos, f"cos://{DESK}.{REGION}/") == sorted(ODD_KEYS)
    assert keys_of(cos, f"cos://{DESK}.{REGION}") == sorted(ODD_KEYS)
    assert keys_of(cos, exact("//")) == ["//two"]
    assert [entry.object for entry in cos.list(place("", DESK))] == sorted(
        odd, key=lambda item: item.key
    )


def test_odd_keys_are_read_as_they_are(cos, odd):
    assert cos.read(odd) == [key.encode() for key in ODD_KEYS]
    assert [head.object for head in cos.head(entry for entry in cos.list(place("", DESK)))]
    assert cos.exists(str(exact("/lead")))
    assert not cos.exists(at("/lead"))


def test_odd_keys_are_copied_under_their_own_names(cos, odd):
    copies = cos.copy(odd, place(), base="")
    assert [item.key for item in copies] == ODD_KEYS
    assert keys_of(cos, place()) == sorted(ODD_KEYS)
    below = cos.copy(odd, place("vod/"), base="")
    assert [item.key for item in below] == [f"vod/{key}" for key in ODD_KEYS]


def test_odd_keys_are_moved_and_deleted(cos, odd):
    cos.move(cos.list(place("", DESK)), place(), base="")
    assert keys_of(cos, place("", DESK)) == []
    cos.delete(cos.list(place()))
    assert keys_of(cos, place()) == []


def test_delete_of_one_odd_key_leaves_its_neighbour(cos):
    cos.upload(b"1", at("a"))
    cos.upload(b"2", exact("/a"))
    cos.delete(exact("/a"))
    assert keys_of(cos, place("", DESK)) == ["a"]
    with pytest.raises(NotFound):
        cos.read(str(exact("/a")))


def test_presigned_url_names_the_exact_key(cos):
    assert f"{REGION}.myqcloud.com//a?" in cos.url(exact("/a"))


def test_base_may_begin_with_a_slash(cos):
    items = [cos.upload(b"x", exact("/v/a")), cos.upload(b"x", exact("/v/b"))]
    assert [copy.key for copy in cos.copy(items, place("p/"), base="/v")] == ["p/a", "p/b"]
    assert [copy.key for copy in cos.copy(items, place("q/"))] == ["q/a", "q/b"]


def test_publish_finds_the_segments_beside_a_leading_slash(cos):
    cos.upload(b"x", exact("/v/1.ts"))
    cos.upload(b"other", at("v/1.ts"))
    cos.upload(b"#EXTM3U\n#EXTINF:2,\n1.ts\n#EXT-X-ENDLIST\n", exact("/v/a.m3u8"))
    cos.publish(exact("/v/a.m3u8"), place("p/"))
    assert cos.read(at("p/1.ts", PLAYER)) == b"x"


def test_download_makes_folders_of_markers(cos, tmp_path):
    for key in ("z/", "z/sub/", "z/sub/a", "z/empty/"):
        put(cos, at(key), b"x" if key.endswith("a") else b"")
    paths = cos.download(cos.list(place("z/", DESK)), tmp_path / "out", base="z")
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in paths) == [
        ".",
        "empty",
        "sub",
        "sub/a",
    ]
    assert (tmp_path / "out/empty").is_dir()
    assert (tmp_path / "out/sub/a").read_bytes() == b"x"
    assert cos.download(cos.list(place("z/", DESK)), tmp_path / "out", base="z") == paths
    assert cos.download(at("z/sub/"), tmp_path) == tmp_path / "sub"


def test_download_refuses_a_folder_that_has_bytes(cos, tmp_path):
    put(cos, at("z/sub/"), b"not empty")
    with pytest.raises(UnsafeKey):
        cos.download(at("z/sub/"), tmp_path)
    assert cos.download(at("z/sub/"), tmp_path / "file").read_bytes() == b"not empty"


def test_download_makes_no_folder_beside_a_link(cos, tmp_path):
    put(cos, at("z/link/sub/"))
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(SomeFailed):
        cos.download([at("z/link/sub/"), at("z/link/")], tmp_path, base="z")
    assert not (tmp_path / "sub").exists()


def test_move_keeps_a_marker_that_is_the_base(cos):
    items = [put(cos, at("z/")), cos.upload(b"x", at("z/a"))]
    moved = cos.move(items, place("y/"), base="z")
    assert [item.key for item in moved] == ["y/", "y/a"]


def test_upload_forbids_to_replace_an_odd_key(cos):
    cos.upload(b"x", exact("/a"))
    cos.upload(b"x", at("a"), overwrite=False)
    with pytest.raises(Conflict):
        cos.upload(b"y", exact("/a"), overwrite=False)
