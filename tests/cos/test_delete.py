"""Deletions."""

import pytest

from scf_mps.context import Context
from scf_mps.cos import CosObject, NotFound, Retry, SomeFailed, Unavailable
from scf_mps.local.cos import Fault

from .support import PLAYER, REGION, at, place, upload_film, upload_many


def test_delete_takes_one_or_many_objects(emulator, cos):
    items = [*upload_many(cos, 3), upload_film(cos, "x", PLAYER), upload_film(cos, "y", PLAYER)]
    progress = []
    cos.delete(items[0])
    cos.delete(items, progress=progress.append)
    assert cos.exists(items) == [False] * 5
    assert progress[-1] == ("delete", 5, 5, 0)
    cos.delete([])
    cos.delete(iter([items[0]]))


def test_key_invalid_in_xml_is_deleted_separately(emulator, cos):
    items = [upload_film(cos, key) for key in ("a\1", "b & <c>\r", "d\ue000", "e")]
    emulator.requests.clear()
    cos.delete(items)
    assert cos.exists(items) == [False] * 4
    assert emulator.requests.count("DeleteObject") == 1
    assert emulator.requests.count("DeleteMultipleObjects") == 1
    with pytest.raises(SomeFailed):
        cos.delete([CosObject("none-1250000000", REGION, "a\1"), items[0]])


def test_temporary_failures_are_retried(emulator, cos):
    items = upload_many(cos, 5)
    emulator.faults.add(Fault("fail_keys", key="m/00[12]", count=3, code="InternalError"))
    cos.delete(items)
    assert cos.exists(items) == [False] * 5
    assert emulator.requests.count("DeleteMultipleObjects") == 3


def test_more_than_thousand_keys_take_several_batches(emulator, cos):
    cos.delete([at(f"n/{number}") for number in range(1001)])
    assert emulator.requests.counts() == {"DeleteMultipleObjects": 1, "DeleteObject": 1}


def test_missing_key_counts_as_deleted(emulator, cos):
    emulator.faults.add(Fault("fail_keys", code="NoSuchKey"))
    cos.delete([at("a"), at("b")])


def test_failed_batch_is_reported_for_each_key(emulator, cos):
    items = upload_many(cos, 3)
    emulator.faults.add(Fault("error", operation="DeleteMultipleObjects", status=403))
    with pytest.raises(SomeFailed) as raised:
        cos.delete(items)
    assert raised.value.objects == items
    with pytest.raises(NotFound):
        cos.delete(CosObject("none-1250000000", REGION, "a"))


def test_keys_are_not_retried_without_time(emulator, make_cos, cos):
    items = upload_many(cos, 3)
    emulator.faults.add(Fault("fail_keys", code="InternalError"))
    context = Context({"time_limit_in_ms": 5000})
    with pytest.raises(SomeFailed):
        make_cos(context=context, retry=Retry(base=10**6, cap=10**6)).delete(items)
    assert emulator.requests.count("DeleteMultipleObjects") == 1


def test_batch_is_tried_as_often_as_requests(emulator, make_cos, cos):
    items = [cos.upload(b"x", at(key)) for key in "abc"]
    emulator.faults.add(Fault("fail_keys", key="b"))
    emulator.requests.clear()
    with pytest.raises(SomeFailed) as raised:
        make_cos(retry=Retry(attempts=3, base=0.001)).delete(items)
    assert emulator.requests.count("DeleteMultipleObjects") == 3
    assert raised.value.objects == [at("b")]
    assert raised.value.done == 2


def test_error_in_body_of_200_raises(emulator, cos):
    items = [cos.upload(b"1", at("a")), cos.upload(b"1", at("b"))]
    emulator.faults.add(Fault("error_in_200"))
    with pytest.raises(SomeFailed) as raised:
        cos.delete(items)
    assert {type(error) for error in raised.value.exceptions} == {Unavailable}
    with pytest.raises(Unavailable):
        cos.copy(at("a"), to=place("a"))
