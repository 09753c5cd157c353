"""Looking and fetching: nothing is returned, and no file appears, that is not what COS has."""

from __future__ import annotations

import errno
import io
import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scf_mps.context import Context
from scf_mps.cos import (
    Conflict,
    Corrupt,
    CosObject,
    Credentials,
    Denied,
    NotFound,
    SomeFailed,
    Unavailable,
    UnsafeKey,
    bar,
)
from scf_mps.local.cos import Fault

from .conftest import DESK, at, place, reply
from .test_sdk_defects import fetch


def test_head_tells_what_cos_knows(cos):
    item = cos.upload(b"hello", at("a ü+%.txt"), metadata={"k": "ü"}, cache_control="no-cache")
    head = cos.head(item)
    assert (head.object, head.size, head.etag) == (item, 5, "5d41402abc4b2a76b9719d911017c592")
    assert head.crc64 == "11177612005948864433"
    assert (head.content_type, head.cache_control) == ("text/plain; charset=utf-8", "no-cache")
    assert head.metadata == {"k": "ü"}
    assert abs(head.last_modified - time.time()) < 60
    assert head.request_id
    assert head.is_readable


def test_many_are_reported_one_by_one(cos):
    items = [cos.upload(b"x", at(f"a/{number}")) for number in range(3)]
    assert [head.object for head in cos.head(items)] == items
    assert cos.exists([items[0], at("no")]) == [True, False]
    with pytest.raises(SomeFailed) as failed:
        cos.head([*items, at("no"), at("nor")])
    assert failed.value.objects == [at("no"), at("nor")]
    assert failed.value.done == 3
    assert {type(error) for error in failed.value.exceptions} == {NotFound}
    assert "2 of 5 objects failed" in str(failed.value)


def test_a_long_list_of_failures_is_cut_in_the_text_alone(cos):
    with pytest.raises(SomeFailed) as failed:
        cos.head([at(f"no/{number}") for number in range(25)])
    assert "and 5 more" in str(failed.value)
    assert len(failed.value.exceptions) == 25


def test_exists_does_not_take_a_refusal_for_a_no(emulator, cos):
    emulator.faults.add(Fault("error", status=403, code="AccessDenied"))
    with pytest.raises(Denied):
        cos.exists(at("a"))


def test_reading_as_bytes_text_and_json(cos):
    cos.upload('{"a": "ü"}'.encode(), at("a.json"))
    item = at("a.json")
    assert cos.read(item) == '{"a": "ü"}'.encode()
    assert cos.read_text(item) == '{"a": "ü"}'
    assert cos.read_text([item], encoding="latin-1") != ['{"a": "ü"}']
    assert cos.read_json(item) == {"a": "ü"}
    assert cos.read_json([item]) == [{"a": "ü"}]
    cos.upload(b"", at("empty"))
    assert cos.read(at("empty")) == b""
    with pytest.raises(NotFound):
        cos.read(at("no"))


def test_an_object_too_large_for_memory_is_refused_before_its_bytes_come(cos):
    cos.upload(b"12345", at("a"))
    with pytest.raises(ValueError, match="more than limit=4"):
        cos.read(at("a"), limit=4)


def test_a_damaged_body_is_asked_for_again_and_never_returned(emulator, cos, tmp_path):
    data = os.urandom(5000)
    cos.upload(data, at("a"))
    emulator.faults.add(Fault("corrupt", operation="GetObject", count=2))
    assert cos.read(at("a")) == data
    emulator.faults.add(Fault("corrupt", operation="GetObject", count=2))
    told = []
    cos.download(at("a"), tmp_path / "a", progress=told.append)
    assert (tmp_path / "a").read_bytes() == data
    assert told[-1] == ("download", 1, 1, len(data))
    emulator.faults.add(Fault("corrupt", operation="GetObject"))
    with pytest.raises(Corrupt, match="checksum"):
        cos.read(at("a"))
    with cos.open(at("a")) as file, pytest.raises(Corrupt):
        file.read()


def test_a_file_of_an_object_seeks_and_reads(cos):
    data = os.urandom(700_000)
    cos.upload(data, at("a"))
    with cos.open(at("a")) as file:
        assert file.readable()
        assert file.seekable()
        assert file.read(10) == data[:10]
        assert file.seek(-5, io.SEEK_END) == len(data) - 5
        assert file.read() == data[-5:]
        assert file.seek(3) == 3
        assert file.seek(4, io.SEEK_CUR) == 7
        assert file.read(3) == data[7:10]
        with pytest.raises(ValueError, match="negative"):
            file.raw.seek(-1)
        file.raw.seek(file.raw.tell())
    file.raw.close()
    many = cos.open([at("a")])
    assert many[0].read() == data
    many[0].close()


def test_a_list_gives_all_pages_and_one_directory_alone_if_asked(cos):
    from scf_mps.cos import bulk

    items = [at(f"d/{number:04}") for number in range(1001)] + [at("d/e/f"), at("d2/ü &.ts")]
    bulk.run_each(cos._client, items, lambda item: cos.upload(b"x", item), "put")
    assert [entry.object for entry in cos.list(place("d", DESK))] == items
    assert len(list(cos.list(place("d/", DESK), recursive=False))) == 1001
    assert next(cos.list(at("d/e/", DESK))).object == at("d/e/f")
    entry = next(cos.list(place("d2/", DESK)))
    assert (entry.size, entry.storage_class) == (1, "STANDARD")
    assert abs(entry.last_modified - time.time()) < 60


def test_a_list_without_its_xml_is_corrupt(wire, wired):
    wire.answers = [reply(200, b"<html>")]
    with pytest.raises(Corrupt, match="XML"):
        list(wired.list(place()))


def test_files_go_below_the_directory_with_their_directories(cos, tmp_path):
    items = [cos.upload(b"1", at("v/a/1")), cos.upload(b"2", at("v/b/2"))]
    told = []
    paths = cos.download(items, tmp_path / "new", progress=told.append)
    assert [path.relative_to(tmp_path) for path in paths] == [
        tmp_path.joinpath("new", "a", "1").relative_to(tmp_path),
        tmp_path.joinpath("new", "b", "2").relative_to(tmp_path),
    ]
    assert told[-1] == ("download", 2, 2, 2)
    assert cos.download(items[0], tmp_path) == tmp_path / "1"
    assert cos.download(items[0], f"{tmp_path}/sub/") == tmp_path / "sub" / "1"
    assert cos.download(items[0], f"{tmp_path}/sub/", base="/v") == tmp_path / "sub/a/1"
    with pytest.raises(ValueError, match="not below base"):
        cos.download(items, tmp_path, base="v/a/")


def test_a_file_that_is_there_already_is_not_fetched_again(emulator, cos, tmp_path):
    item = cos.upload(b"same", at("a"))
    cos.download(item, tmp_path / "a")
    emulator.requests.clear()
    cos.download(item, tmp_path / "a")
    assert emulator.requests.counts() == {"HeadObject": 1}
    (tmp_path / "a").write_bytes(b"else")
    cos.download(item, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"same"
    (tmp_path / "a").write_bytes(b"longer")
    cos.download(item, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"same"
    nested = [cos.upload(b"1", at("d/e/1")), cos.upload(b"2", at("d/2"))]
    cos.download(nested, tmp_path)
    emulator.requests.clear()
    cos.download(nested, tmp_path)
    assert emulator.requests.counts() == {"HeadObject": 2}


def test_an_empty_object_is_read_and_verified_as_well(cos):
    item = cos.upload(b"", at("empty"))
    with cos.open(item) as file:
        assert file.read() == b""
    assert cos.verify(item, content=True)[0].size == 0


KEYS = [
    "../up",
    "a/../../up",
    "a//b",
    "a/./b",
    "a//",
    "nul\0",
    "x" * 256,
    "a" * 200 + ("/" + "b" * 200) * 3 + "/..",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_names_no_file_below_the_directory_is_refused(emulator, cos, tmp_path, key):
    emulator.requests.clear()
    with pytest.raises(UnsafeKey):
        cos.download([at(key), at("zzz")], tmp_path / "out", base="")
    assert len(emulator.requests) == 0
    assert os.listdir(tmp_path) == ["cos"]


def test_an_object_with_an_unsafe_key_can_have_an_exact_path(cos, tmp_path):
    cos.upload(b"x", at("a/../b"))
    assert cos.download(at("a/../b"), tmp_path / "b").read_bytes() == b"x"
    with pytest.raises(UnsafeKey):
        cos.download([at("..")], tmp_path)


NAMES = st.lists(
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=6) | st.sampled_from(["..", "."]),
    min_size=1,
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(NAMES)
def test_no_key_leads_out_of_the_directory(tmp_path, names):
    from scf_mps.cos import download

    item = at("base/" + "/".join(names)) if "/".join(names) else at("base/x")
    try:
        (plan,) = download.plan_downloads([item], str(tmp_path) + "/", True, "base/")
    except UnsafeKey:
        return
    assert os.path.realpath(plan.path).startswith(os.path.realpath(tmp_path) + os.sep)


def test_a_link_on_the_way_leads_nowhere(cos, tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (inside / "dir").symlink_to(outside)
    (inside / "file").symlink_to(outside / "target")
    (inside / "pipe").mkdir()
    items = [cos.upload(b"x", at("v/dir/a")), cos.upload(b"x", at("v/file"))]
    with pytest.raises(SomeFailed) as failed:
        cos.download(items, inside)
    assert [type(error) for error in failed.value.exceptions] == [UnsafeKey]
    assert os.listdir(outside) == []
    assert (inside / "file").read_bytes() == b"x"
    assert not (inside / "file").is_symlink()


def test_a_pipe_or_directory_of_the_name_is_no_file_that_is_done(cos, tmp_path):
    item = cos.upload(b"x", at("a"))
    os.mkfifo(tmp_path / "a")
    assert cos.download(item, tmp_path / "a").read_bytes() == b"x"
    (tmp_path / "d" / "a").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        cos.download(item, tmp_path / "d" / "")
    assert os.listdir(tmp_path / "d") == ["a"]


def test_two_objects_never_become_one_file(cos, tmp_path):
    other = CosObject("player-1250000000", at("a").region, "v/a")
    with pytest.raises(UnsafeKey, match="the same file"):
        cos.download([at("v/a"), other], tmp_path)


def test_a_file_without_room_is_refused_before_its_bytes_come(wire, wired, tmp_path):
    wire.answers = [reply(200, b"x", content_length=1 << 59, etag='"e"')]
    with pytest.raises(OSError, match="space") as refused:
        wired.download(at("a"), tmp_path / "a")
    assert refused.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == ["cos"]


def test_a_directory_that_cannot_be_written_says_so(cos, tmp_path):
    item = cos.upload(b"x", at("v/a"))
    cos.upload(b"x", at("v/b/c"))
    (tmp_path / "b").write_text("a file")
    with pytest.raises(SomeFailed) as failed:
        cos.download([item, at("v/b/c")], tmp_path)
    assert isinstance(failed.value.exceptions[0], UnsafeKey)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError, match="exists"):
        cos.download(item, f"{tmp_path}/taken/")


def test_a_body_without_crc64_is_compared_by_its_md5(wire, wired):
    md5 = "5d41402abc4b2a76b9719d911017c592"
    wire.answers = [reply(200, b"hello", etag=f'"{md5}"')]
    assert wired.read(at("a")) == b"hello"
    wire.answers = [reply(200, b"hellO", etag=f'"{md5}"')]
    with pytest.raises(Corrupt):
        wired.read(at("a"))
    wire.answers = [reply(200, b"hello", etag='"parts-2"')]
    assert wired.read(at("a")) == b"hello"


def test_an_answer_to_another_range_than_was_asked_for_is_refused(wire, wired):
    wire.answers = [
        reply(200, b"01234", content_length=10, etag='"e-1"') + wire.END,
        reply(200, b"0123456789", etag='"e-1"'),
    ]
    with pytest.raises(Unavailable, match="bytes from 5"):
        wired.read(at("a"))
    assert "range: bytes=5-" in wire.heads[1]
    assert 'if-match: "e-1"' in wire.heads[1]


def test_a_body_that_never_comes_whole_ends(wire, wired):
    wire.answers = [
        reply(200, b"01234", content_length=10, etag='"e-1"') + wire.END,
        reply(206, b"", content_length=5, content_range="bytes 5-9/10") + wire.END,
    ]
    with pytest.raises(Unavailable, match="broke at byte 5"):
        wired.read(at("a"))


def test_an_answer_of_unknown_length_that_ends_early_is_taken_up_again(wire, wired):
    wire.answers = [
        reply(206, b"01234", content_length=None, content_range="bytes 0-9/10", etag='"e-1"')
        + wire.END,
        reply(206, b"56789", content_range="bytes 5-9/10"),
    ]
    assert wired.read(at("a")) == b"0123456789"


def test_the_time_of_the_invocation_ends_a_body(wire, make_cos):
    now = [0.0]

    def slow(head):
        now[0] += 5
        return reply(200, b"01234", content_length=10, etag='"e-1"') + wire.END

    wire.answers = [slow]
    context = Context({"time_limit_in_ms": 4000}, clock=lambda: now[0])
    with pytest.raises(Unavailable) as late:
        make_cos(proxy=wire.url, context=context).read(at("a"))
    assert late.value.code == "DeadlineExceeded"


def test_a_presigned_url_ends_with_its_credentials(emulator, make_cos, cos):
    cos.upload(b"x", at("a ü.txt"))
    url = cos.url(at("a ü.txt"), expires=60, params={"response-content-type": "text/x"})
    assert fetch(url, emulator.url) == (200, b"x")
    assert cos.url([at("a"), at("b")], method="PUT")[1].split("?")[0].endswith("/b")

    def end_of(url):
        return int(url.partition("q-sign-time=")[2].partition("&")[0].split("%3B")[1])

    now = time.time()
    keys = Credentials("id", "secret", "token", expires=now + 100)
    assert end_of(make_cos(keys).url(at("a"))) == int(now + 100)
    assert end_of(make_cos(keys).url(at("a"), expires=10)) <= now + 12
    with pytest.raises(Denied):
        make_cos(Credentials("id", "secret", "token", expires=now - 1)).url(at("a"))
    assert make_cos(proxy="").url(at("a")).startswith("https://desk-1250000000.cos.ap-guangzhou.")


def test_an_archived_object_is_to_be_restored_first(cos):
    item = cos.upload(b"x", at("a"), storage_class="ARCHIVE")
    assert not cos.head(item).is_readable
    with pytest.raises(Conflict) as refused:
        cos.read(item)
    assert refused.value.code == "InvalidObjectState"
    assert cos.restore(item, days=2, tier="Expedited") is False
    assert cos.restore([item]) == [True]
    assert cos.head(item).is_readable
    assert cos.read(item) == b"x"


def test_a_restore_that_is_under_way_is_no_error(wire, wired):
    body = b"<Error><Code>RestoreAlreadyInProgress</Code></Error>"
    wire.answers = [reply(409, body)]
    assert wired.restore(at("a")) is False
    wire.answers = [reply(409, b"<Error><Code>Else</Code></Error>")]
    with pytest.raises(Conflict):
        wired.restore(at("a"))


def test_a_bar_is_drawn_on_a_terminal_and_nowhere_else(cos, tmp_path):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    item = cos.upload(b"x" * 1000, at("a"))
    screen, file = Terminal(), io.StringIO()
    cos.download([item], tmp_path / "1", progress=bar(screen))
    cos.download([item], tmp_path / "2", progress=bar(file))
    assert "1/1 0.0 MB\n" in screen.getvalue()
    assert file.getvalue() == ""
    cos.delete([], progress=bar(screen))
    cos.delete(item, progress=bar(screen))
    assert "delete" in screen.getvalue()
