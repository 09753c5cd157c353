"""Operations of the COS API and malformed responses to them."""

import logging
import time

import pytest

from scf_mps.cos import (
    Conflict,
    Corrupt,
    Denied,
    NotFound,
    SomeFailed,
    Unavailable,
    bulk,
    operations,
)
from scf_mps.cos.request import Target
from scf_mps.local.cos import Fault

from .support import MEDIA, at, build_response, place


def test_head_returns_metadata(cos):
    item = cos.upload(b"hello", at("a ü+%.txt"), metadata={"k": "ü"}, cache_control="no-cache")
    head = cos.head(item)
    assert (head.object, head.size, head.etag) == (item, 5, "5d41402abc4b2a76b9719d911017c592")
    assert head.crc64 == "11177612005948864433"
    assert (head.content_type, head.cache_control) == ("text/plain; charset=utf-8", "no-cache")
    assert head.metadata == {"k": "ü"}
    assert abs(head.last_modified - time.time()) < 60
    assert head.request_id
    assert head.is_readable


def test_bulk_head_reports_each_failure(cos):
    items = [cos.upload(b"x", at(f"a/{number}")) for number in range(3)]
    assert [head.object for head in cos.head(items)] == items
    assert cos.exists([items[0], at("no")]) == [True, False]
    with pytest.raises(SomeFailed) as raised:
        cos.head([*items, at("no"), at("nor")])
    assert raised.value.objects == [at("no"), at("nor")]
    assert raised.value.done == 3
    assert {type(error) for error in raised.value.exceptions} == {NotFound}
    assert "2 of 5 objects failed" in str(raised.value)
    with pytest.raises(SomeFailed) as raised:
        cos.head([at(f"no/{number}") for number in range(25)])
    assert "and 5 more" in str(raised.value)
    assert len(raised.value.exceptions) == 25


def test_exists_raises_when_denied(emulator, cos):
    emulator.faults.add(Fault("error", status=403, code="AccessDenied"))
    with pytest.raises(Denied):
        cos.exists(at("a"))


def test_list_returns_all_pages_or_one_directory(cos):
    items = [at(f"d/{number:04}") for number in range(1001)] + [at("d/e/f"), at("d2/ü &.ts")]
    bulk.run_each(cos._client, items, lambda item: cos.upload(b"x", item), "upload")
    assert [entry.object for entry in cos.list(place("d", MEDIA))] == items
    assert len(list(cos.list(place("d/", MEDIA), recursive=False))) == 1001
    assert next(cos.list(at("d/e/", MEDIA))).object == at("d/e/f")
    entry = next(cos.list(place("d2/", MEDIA)))
    assert (entry.size, entry.storage_class) == (1, "STANDARD")
    assert abs(entry.last_modified - time.time()) < 60


def test_archived_object_is_readable_after_restore(cos):
    item = cos.upload(b"x", at("a"), storage_class="ARCHIVE")
    assert not cos.head(item).is_readable
    with pytest.raises(Conflict) as raised:
        cos.read(item)
    assert raised.value.code == "InvalidObjectState"
    assert cos.restore(item, days=2, tier="Expedited") is False
    assert cos.restore([item]) == [True]
    assert cos.head(item).is_readable
    assert cos.read(item) == b"x"


def test_restore_in_progress_is_no_error(server, scripted_cos):
    body = b"<Error><Code>RestoreAlreadyInProgress</Code></Error>"
    server.responses = [build_response(409, body)]
    assert scripted_cos.restore(at("a")) is False
    server.responses = [build_response(409, b"<Error><Code>Else</Code></Error>")]
    with pytest.raises(Conflict):
        scripted_cos.restore(at("a"))


@pytest.mark.parametrize(
    ("status", "length", "error"),
    [
        (200, None, Unavailable),
        (200, "9" * 5000, Unavailable),
        (200, "-1", Unavailable),
        (200, "x", Unavailable),
        (404, None, NotFound),
    ],
)
def test_head_fails_without_size(server, hasty_cos, status, length, error):
    server.responses = [build_response(status, content_length=length, etag='"e"')]
    with pytest.raises(error):
        hasty_cos.head(at("a"))


def build_page(*entries, more=""):
    body = "".join(f"<Contents>{entry}</Contents>" for entry in entries)
    return build_response(200, f"<ListBucketResult>{body}{more}</ListBucketResult>".encode())


MARKER = "<IsTruncated>true</IsTruncated><NextMarker>{}</NextMarker>"


@pytest.mark.parametrize(
    "pages",
    [
        [build_page("<Key>a</Key>")],
        [build_page("<Size>1</Size>")],
        [build_page("<Key>a</Key><Size>x</Size>")],
        [build_page("<Key>a</Key><Size>-1</Size>")],
        [build_page(f"<Key>a</Key><Size>{'9' * 5000}</Size>")],
        [build_page("<Key></Key><Size>1</Size>")],
        [build_page(more=MARKER.format(marker)) for marker in "mm"],
        [build_page(more=MARKER.format(marker)) for marker in "mnm"],
        [build_page(more=MARKER.format(""))],
        [build_response(200, b"")],
        [build_response(200, b"<a")],
        [build_response(200, b"<?xml version='1.0' encoding='none'?><a/>")],
        [build_response(200, b"\xff\xfe<\0a\0")],
    ],
)
def test_list_fails_for_invalid_page(server, hasty_cos, pages):
    """An entry lacks its key or size, a marker repeats, or the XML is invalid."""
    server.responses = pages
    with pytest.raises(Corrupt):
        list(hasty_cos.list(place()))


def test_list_stops_after_max_pages(server, hasty_cos):
    entry = "<Key>a</Key><Size>1</Size>"
    server.responses = [build_page(entry, more=MARKER.format(number)) for number in range(9)]
    target = Target(at("a").bucket, at("a").region)
    assert len(list(operations.list_objects(hasty_cos._client, target, max_pages=2))) == 2
    assert len(server.heads) == 2


@pytest.mark.parametrize(
    "operation",
    [
        lambda cos: list(cos.list(place())),
        lambda cos: cos.delete([at("a"), at("b")]),
        lambda cos: cos.tag(at("a"), {"name": "value"}),
    ],
)
def test_operation_fails_for_html_page(server, hasty_cos, operation):
    server.responses = [build_response(200, b"<html><body>log in</body></html>")]
    with pytest.raises((Corrupt, SomeFailed)):
        operation(hasty_cos)


def test_object_without_tags_has_none(server, scripted_cos):
    server.responses = [build_response(404, b"<Error><Code>NoSuchTagSet</Code></Error>")]
    assert scripted_cos.tag(at("a"), {}) == {}
    server.responses = [build_response(404, b"<Error><Code>NoSuchKey</Code></Error>")]
    with pytest.raises(NotFound):
        scripted_cos.tag(at("a"), {})


def test_error_has_status_code_request_and_object(server, scripted_cos):
    server.responses = [build_response(403, b"<html>no</html>", x_cos_request_id="abc")]
    with pytest.raises(Denied) as raised:
        scripted_cos.read(at("a"))
    error = raised.value
    assert (error.status, error.code, error.request_id, error.object) == (403, "", "abc", at("a"))


def test_session_token_is_sent(cos, make_cos, temporary_credentials):
    cos.upload(b"x", at("a"))
    assert make_cos(temporary_credentials).read(at("a")) == b"x"


def test_no_token_is_logged(make_cos, temporary_credentials, caplog):
    caplog.set_level(logging.DEBUG)
    cos = make_cos(temporary_credentials)
    list(cos.list(place("", MEDIA)))
    assert temporary_credentials.token not in caplog.text
    shown = repr((temporary_credentials, cos, vars(cos._client)))
    assert temporary_credentials.secret_key not in shown


def test_proxy_of_environment_is_ignored(server, cos, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    assert list(cos.list(place("", MEDIA))) == []
    assert server.heads == []
