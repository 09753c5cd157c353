"""Objects of a call, destinations and allowed buckets."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import App, ConfigurationError, Cos
from scf_mps.cos import CosObject, Denied, NotInCos, SomeFailed
from scf_mps.cos.locations import BucketAllowlist, find_common_directory, map_destinations

from .support import MEDIA, PLAYER, REGION, at, build_storage, build_transcode, place

KEYS = st.text(st.sampled_from("ab/._- %ü\n"), min_size=1, max_size=12).filter(
    lambda key: key.strip("/") != ""
)


def test_object_from_storage_drops_leading_slash():
    assert CosObject.from_storage(build_storage(), "/a/b.mp4") == at("a/b.mp4")
    view = build_transcode().subtasks[0].output.output_storage
    assert CosObject.from_storage(view, "/a/b.mp4") == at("a/b.mp4")


@pytest.mark.parametrize(
    ("where", "path", "reason"),
    [
        ({"Type": "AWS-S3", "S3OutputStorage": {"S3Bucket": "b"}}, "/a", "AWS-S3"),
        ({"Type": "VOD"}, "/a", "VOD"),
        ({"Type": "COS"}, "/a", "bucket"),
        (build_storage(), "https://example.com/a.vtt", "URL"),
    ],
)
def test_output_outside_cos_is_refused(where, path, reason):
    with pytest.raises(NotInCos, match=reason):
        CosObject.from_storage(where, path)


def test_objects_may_be_texts_or_entries(cos):
    cos.upload(b"1", at("a"))
    cos.upload(b"2", at("b"))
    assert cos.read(str(at("a"))) == b"1"
    assert cos.read([str(at("a")), str(at("b"))]) == [b"1", b"2"]
    assert cos.read(cos.list(place("", MEDIA))) == [b"1", b"2"]
    assert cos.read(next(cos.list(place("", MEDIA)))) == b"1"
    with pytest.raises(TypeError, match="int"):
        cos.read([3])
    with pytest.raises(ValueError, match="cos://bucket"):
        cos.read("a")


def test_single_object_takes_exact_key_or_prefix():
    objects = [at("v/a.mp4")]
    assert map_destinations(objects, place("x.mp4"), True) == [at("x.mp4", PLAYER)]
    assert map_destinations(objects, place("p/"), True) == [at("p/a.mp4", PLAYER)]
    assert map_destinations(objects, place(), True) == [at("a.mp4", PLAYER)]
    assert map_destinations(objects, at("x", PLAYER), True) == [at("x", PLAYER)]
    assert map_destinations(objects, place("p/"), True, base="") == [at("p/v/a.mp4", PLAYER)]


@pytest.mark.parametrize(
    ("objects", "to", "reason"),
    [
        ([at("a/1"), at("a/2")], place("x"), "slash"),
        ([at("a/1")], place("a/1", MEDIA), "itself"),
        ([at("v/1"), at("v/1", PLAYER)], place("p/"), "both"),
        ([at("a/1")], "http://example.com", "location"),
    ],
)
def test_impossible_copy_is_refused_before_requests(emulator, cos, objects, to, reason):
    with pytest.raises(ValueError, match=reason):
        cos.copy(objects if len(objects) > 1 else objects[0], to=to)
    assert len(emulator.requests) == 0


def test_base_must_hold_all_objects():
    with pytest.raises(ValueError, match="base"):
        map_destinations([at("a/1"), at("b/1")], place("p/"), False, base="a/")
    assert find_common_directory([]) == ""
    assert find_common_directory([at("a/"), at("a/b")]) == ""


@given(st.lists(KEYS, min_size=1, max_size=5, unique_by=lambda key: key.lstrip("/")))
def test_copies_keep_directories_below_common_one(keys):
    objects = [at(key) for key in keys]
    base = find_common_directory(objects)
    assert base == "" or base.endswith("/")
    copies = map_destinations(objects, place("to/"), False)
    assert [copy.key for copy in copies] == ["to/" + item.key[len(base) :] for item in objects]
    if len(objects) > 1:
        deeper = {item.key[len(base) :].partition("/")[0] for item in objects}
        assert len(deeper) > 1 or any("/" not in item.key[len(base) :] for item in objects)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_bucket_becomes_another_host(bucket, region):
    plain = set(string.ascii_lowercase + string.digits + "-")
    try:
        BucketAllowlist(None).check(bucket, region)
    except Denied:
        return
    assert set(bucket) <= plain
    assert set(region) <= plain


def test_only_allowed_buckets_get_requests(emulator, make_cos, monkeypatch):
    monkeypatch.setenv("MPS_BUCKETS", "media-*, other-1250000000")
    cos = make_cos()
    cos.upload(b"x", at("a"))
    count = len(emulator.requests)
    for attempt in (
        lambda: cos.head(at("a", PLAYER)),
        lambda: cos.copy(at("a"), to=place("a")),
        lambda: cos.copy(at("a", PLAYER), to=place("a", MEDIA)),
        lambda: cos.move([at("a")], to=place("b/")),
        lambda: cos.delete([at("a"), at("a", PLAYER)]),
        lambda: cos.upload(b"x", at("a", PLAYER)),
        lambda: list(cos.list(place())),
        lambda: cos.url(at("a", PLAYER)),
        lambda: cos.download(at("a", PLAYER), "/nowhere/x"),
        lambda: cos.head(CosObject("evil.com/#-1", REGION, "a")),
        lambda: cos.head(CosObject(MEDIA, "x.evil.com/?", "a")),
    ):
        with pytest.raises((Denied, SomeFailed)) as raised:
            attempt()
        failures = getattr(raised.value, "exceptions", (raised.value,))
        assert {error.code for error in failures} <= {"BucketNotAllowed", "InvalidBucketName"}
    assert len(emulator.requests) == count


@pytest.mark.parametrize("key", ["ü" * 426, "\ud800"])
def test_invalid_key_is_refused(cos, key):
    with pytest.raises(ValueError, match=r"850 bytes|surrogates"):
        cos.head([at(key)])


@pytest.mark.parametrize("buckets", [",", " ", " , ", "", [], (), [""], [" ,"]])
def test_empty_allowlist_is_refused(buckets):
    with pytest.raises(ConfigurationError, match="buckets="):
        Cos(buckets=buckets)


@pytest.mark.parametrize("value", [",", " ", "\t,\n", "\u3000,\x0b"])
def test_cold_start_refuses_empty_allowlist(monkeypatch, value):
    monkeypatch.setenv("MPS_BUCKETS", value)
    for start in (lambda: App().main_handler, Cos):
        with pytest.raises(ConfigurationError, match="MPS_BUCKETS"):
            start()


def test_empty_variable_allows_all_buckets(monkeypatch):
    monkeypatch.setenv("MPS_BUCKETS", "")
    _ = App().main_handler
    Cos()._client.allowlist.check("any-1250000000", "ap-guangzhou")


def test_bucket_glob_matches_any_appid():
    BucketAllowlist("media-*").check("media-9999999999", "ap-guangzhou")
    names = BucketAllowlist(["media-1250000000", "x-1, y-2"])
    names.check("y-2", "ap-guangzhou")
    with pytest.raises(Denied):
        names.check("media-9999999999", "ap-guangzhou")
