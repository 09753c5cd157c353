"""The parts that decide something by themselves: checksums, signatures, rates, retries, many at a time."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps.common.retry import Retry, parse_retry_after
from scf_mps.cos import Credentials, Denied, SomeFailed, bulk, crc64
from scf_mps.cos.metadata import parse_date
from scf_mps.cos.rate_limit import AdaptiveConcurrency, RateLimiter, find_region_rate
from scf_mps.local.cos import Fault

from .conftest import DESK, at

CHECK = 0x995DC9BBDF1939FA
"""The check value of CRC-64/XZ: that of ``123456789``."""


def test_the_checksum_has_the_published_check_value():
    assert crc64.update(b"123456789") == crc64.update_in_python(b"123456789", 0) == CHECK


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_checksums_continue_and_combine(first, second):
    whole = crc64.update(first + second)
    assert crc64.update(second, crc64.update(first)) == whole
    assert crc64.update_in_python(second, crc64.update_in_python(first, 0)) == whole
    assert crc64.combine(crc64.update(first), crc64.update(second), len(second)) == whole


def test_large_data_is_counted_side_by_side_to_the_same_end():
    data = os.urandom(200_001)
    start = crc64.update_in_python(b"before", 0)
    assert crc64.update_in_python(data, 0) == crc64.update(data)
    assert crc64.update_in_python(data, start) == crc64.update(b"before" + data)


def test_the_fastest_means_at_hand_is_taken(monkeypatch):
    data = os.urandom(1000)
    expected = crc64.update(data)
    monkeypatch.setitem(sys.modules, "fastcrc.crc64", None)
    pytest.importorskip("crcmod")
    module = importlib.import_module("crcmod.crcmod")
    if not module._usingExtension:  # crcmod was built without a C compiler
        monkeypatch.setattr(module, "_usingExtension", True)
        monkeypatch.setattr(
            module, "mkCrcFun", lambda *_, **__: lambda *args: crc64.update_in_python(*args)
        )
    by_crcmod = crc64._find_fastest()
    assert by_crcmod is not crc64.update_in_python
    assert by_crcmod(data, 0) == expected
    assert by_crcmod(data[500:], by_crcmod(data[:500], 0)) == expected
    monkeypatch.setattr(module, "_usingExtension", False)
    assert crc64._find_fastest() is crc64.update_in_python
    monkeypatch.setitem(sys.modules, "crcmod.crcmod", None)
    assert crc64._find_fastest() is crc64.update_in_python


def test_a_signature_is_the_one_the_official_sdk_makes(make_sdk, tap):
    """Both ask for the same; what one signed, the other signs alike for the same time."""
    from scf_mps.cos import signature

    sdk = make_sdk(proxy=tap.url)
    sdk.put_object(Bucket=DESK, Key="a b/ü.txt", Body=b"x", Metadata={"x-cos-meta-k": "v v/+"})
    sdk.list_objects(Bucket=DESK, Prefix="a b/", MaxKeys=5)
    assert len(tap.heads) == 2
    for head in tap.heads:
        method, url, _ = head.split("\n")[0].split()
        path = unquote(urlsplit(url).path)
        params = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        sent = dict(line.split(": ", 1) for line in head.splitlines()[1:])
        sent = {name.lower(): value for name, value in sent.items()}
        theirs = dict(pair.split("=", 1) for pair in sent["authorization"].split("&"))
        names = theirs["q-header-list"].split(";")
        names_of_params = filter(None, theirs["q-url-param-list"].split(";"))
        ours = signature.sign_request(
            Credentials("AKIDdesk", "desk-secret"),
            signature.SignedParts(
                method,
                path,
                {name: params[name] for name in names_of_params},
                {name: sent[name] for name in names},
            ),
            theirs["q-sign-time"],
        )
        assert dict(pair.split("=", 1) for pair in ours.split("&")) == theirs


def test_rates_are_those_of_the_region():
    assert find_region_rate("ap-guangzhou") == find_region_rate("ap-beijing") == 30_000
    assert find_region_rate("ap-singapore") == find_region_rate("na-ashburn") == 3_000


def test_a_rate_lets_a_burst_through_and_spreads_the_rest():
    now = [0.0]
    rates = RateLimiter(clock=lambda: now[0])
    assert rates.take("b", "ap-tokyo", "write", 300) == 0
    assert rates.take("b", "ap-tokyo", "write", 300) == pytest.approx(0.1)
    assert rates.take("b", "ap-tokyo", "read", 300) == 0
    now[0] = 10.0
    assert rates.take("b", "ap-tokyo", "write") == 0
    waits = [rates.take_key(at("a")) for _ in range(51)]
    assert waits[:50] == [0] * 50
    assert waits[50] == pytest.approx(0.02)
    for number in range(5000):
        assert rates.take_key(at(f"k/{number}")) == 0
    assert len(rates._keys) <= 4096


def test_a_window_halves_once_for_answers_of_one_time_and_grows_back():
    now = [0.0]
    window = AdaptiveConcurrency(8, clock=lambda: now[0])
    window.slow_down()
    window.slow_down()
    assert (window.size, window.halvings) == (4.0, 1)
    for _ in range(5):
        now[0] += 1
        window.slow_down()
    assert window.size == 1.0
    for _ in range(100):
        window.succeed()
    assert window.size == 8.0


def test_waits_are_drawn_from_nothing_to_twice_as_much_each_time():
    retry = Retry(base=1.0, cap=5.0)
    waits = [retry.wait(3) for _ in range(200)]
    assert 0 <= min(waits) < 1 < 4 < max(waits) <= 5
    assert retry.wait(1, retry_after=7) >= 7
    assert parse_retry_after(None) == parse_retry_after("never") == 0


def test_dates_are_read_in_both_forms_of_cos():
    assert parse_date("Sun, 22 Nov 2026 06:40:37 GMT") == 1795329637
    assert parse_date("2026-11-22T06:40:37.000Z") == 1795329637
    for wrong in ("", "yesterday", "2026-11-22T", "Sun, 22 Xxx 2026 06:40:37 GMT"):
        assert parse_date(wrong) == 0


def test_an_interrupted_worker_ends_all_and_the_interruption_is_raised(cos):
    def work(number):
        if number == 5:
            raise KeyboardInterrupt
        return number

    with pytest.raises(KeyboardInterrupt):
        bulk.try_each(cos._client, range(1000), work)
    assert not [thread for thread in threading.enumerate() if thread.name[4:].isdigit()]


def test_an_interruption_of_the_waiting_thread_ends_the_workers(cos, monkeypatch):
    joined = []
    real = threading.Thread.join

    def join(thread, *rest):
        if not joined:
            joined.append(thread)
            raise KeyboardInterrupt
        real(thread, *rest)

    monkeypatch.setattr(threading.Thread, "join", join)
    with pytest.raises(KeyboardInterrupt):
        bulk.try_each(cos._client, range(100), lambda number: number)


def test_an_error_that_is_none_of_cos_is_reported_with_the_others(cos):
    def work(number):
        return 1 // number

    with pytest.raises(SomeFailed) as failed:
        bulk.run_each(cos._client, range(3), work, "divide")
    assert [type(error) for error in failed.value.exceptions] == [ZeroDivisionError]
    assert failed.value.objects == []


def test_what_would_refuse_everything_is_asked_once(emulator, make_cos):
    emulator.faults.add(Fault("expired_token"))
    cos = make_cos(concurrency=1)
    items = [at(f"a/{number}") for number in range(10)]
    with pytest.raises(SomeFailed) as failed:
        cos.read(items)
    assert len(emulator.requests) == 1
    assert failed.value.objects == items
    assert {type(error) for error in failed.value.exceptions} == {Denied}
    assert failed.value.exceptions[1].__cause__ is failed.value.exceptions[0]


def test_workers_that_are_too_many_wait_until_there_is_room(cos):
    window = cos._client.concurrency
    window.slow_down()
    window.size = 1.0
    busy, most, lock = [0], [0], threading.Lock()

    def work(number):
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        with lock:
            busy[0] -= 1
        if number > 50:
            window.succeed()
        return number

    assert bulk.run_all(cos._client, range(200), work) == list(range(200))


def test_the_first_error_of_a_whole_is_raised_as_it_is(emulator, cos):
    def work(item):
        return cos.head(item)

    with pytest.raises(Exception, match="404") as failed:
        bulk.run_all(cos._client, [at("a"), at("b")], work)
    assert failed.value.__cause__ is None


def test_work_goes_on_when_no_thread_is_left(cos, monkeypatch):
    start, refused = threading.Thread.start, []

    def refuse(thread):
        if thread.name == "dns" or thread.name in ("cos-3", "cos-4"):
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    items = [at(f"{number}") for number in range(20)]
    assert cos.exists(items) == [False] * 20
    assert "cos-3" in refused
    assert "dns" in refused
    assert "cos-4" not in refused
