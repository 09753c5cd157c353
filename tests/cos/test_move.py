"""Moves of objects."""

import pytest

from scf_mps.cos import Denied, NotFound, SomeFailed
from scf_mps.local.cos import Fault

from .support import (
    MEDIA,
    PLAYER,
    at,
    build_response,
    catch_only_error,
    list_keys,
    place,
    upload_film,
    upload_many,
)


def test_move_deletes_in_batches(emulator, cos):
    items = upload_many(cos)
    emulator.requests.clear()
    progress = []
    moved = cos.move(items, to=place("p/"), progress=progress.append)
    assert emulator.requests.count("DeleteMultipleObjects") == 1
    assert emulator.requests.count("DeleteObject") == 0
    assert not any(cos.exists(items))
    assert all(cos.exists(moved))
    assert progress[-1].done == 25


def test_move_of_moved_object_succeeds(cos):
    source = upload_film(cos)
    moved = cos.move(source, to=place("p/"))
    assert (cos.exists(source), cos.exists(moved)) == (False, True)
    assert cos.move(source, to=place("p/")) == moved
    assert isinstance(catch_only_error(cos.move, at("never"), to=place("p/")), NotFound)


def test_move_continues_after_failed_deletion(emulator, cos):
    items = upload_many(cos)
    emulator.faults.add(Fault("fail_keys", key="m/01*", code="AccessDenied"))
    with pytest.raises(SomeFailed) as raised:
        cos.move(items, to=place("p/"))
    assert {type(error) for error in raised.value.exceptions} == {Denied}
    assert raised.value.objects == items[10:20]
    emulator.faults.clear()
    cos.move(items, to=place("p/"))
    assert list_keys(cos, place("m/", MEDIA)) == []
    assert len(list_keys(cos, place("p/"))) == 25


def test_move_from_missing_bucket_fails(cos):
    cos.upload(b"x", at("p/a", PLAYER))
    error = catch_only_error(cos.move, at("a", "nothere-1250000000"), at("p/a", PLAYER))
    assert isinstance(error, NotFound)


def test_repeated_move_needs_no_list_permission(server, scripted_cos):
    def respond(head):
        if head.startswith("GET"):
            return build_response(403, b"<Error><Code>AccessDenied</Code></Error>")
        is_copy = "myqcloud.com/b " in head
        return build_response(200, etag='"e"', content_length=1) if is_copy else build_response(404)

    server.responses = [respond]
    assert scripted_cos.move(at("a"), at("b")) == at("b")


def test_move_keeps_source_that_is_replaced(cos, make_cos, recorder):
    """The new version was not copied, so it must not be deleted."""
    items = [cos.upload(b"old", at(f"m/{number}")) for number in range(3)]

    def replace(head):
        if head.startswith("HEAD") and sum(sent.startswith("PUT") for sent in recorder.heads) == 3:
            recorder.before = lambda head: None
            cos.upload(b"new", items[0])

    recorder.before = replace
    with pytest.raises(SomeFailed) as raised:
        # A second worker could look up its source before the new version exists.
        make_cos(proxy=recorder.url, concurrency=1).move(items, to=place("m/"))
    assert {error.code for error in raised.value.exceptions} == {"Replaced"}
    assert cos.read(items) == [b"new", b"old", b"old"]
