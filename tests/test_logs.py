"""Log lines for SCF's log service, without secrets."""

from __future__ import annotations

import asyncio
import contextvars
import io
import json
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scf_mps import App, Context, Transcode, WorkflowTask, logs
from scf_mps.local.samples import sample
from tests.support.log_capture import Stream, restore_loggers

KEY_ID = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
SECRET = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
TOKEN = "a1b2c3d4e5f6EXAMPLETOKEN"

log = logging.getLogger("tests.logs")


@pytest.fixture(autouse=True)
def _no_traces(monkeypatch):
    for variable in (
        "MPS_LOG_FORMAT",
        "MPS_LOG_LEVEL",
        "MPS_NOTIFY_KEY",
        "TENCENTCLOUD_RUNENV",
        "SCF_FUNCTIONNAME",
        "TENCENTCLOUD_SECRETID",
        "TENCENTCLOUD_SECRETKEY",
        "TENCENTCLOUD_SESSIONTOKEN",
    ):
        monkeypatch.delenv(variable, raising=False)
    with restore_loggers():
        yield


@pytest.fixture
def stream():
    """Return the stream of the configured root logger."""
    stream = Stream()
    logs.configure(stream)
    return stream


def read_line(stream):
    (line,) = stream.lines
    return line


# A line


def test_record_is_one_flat_json_object(stream):
    log.info("%d files", 3, extra={"files": ["cos://b.r/k"], "facts": {"a": 1}, "size": 4.5})
    line = read_line(stream)
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "logger": "tests.logs",
        "message": "3 files",
        "files": '["cos://b.r/k"]',
        "facts": '{"a": 1}',
        "size": 4.5,
    }


def test_record_is_one_write(stream):
    log.info("two\nlines")
    log.warning("another")
    assert len(stream.writes) == 2
    assert all(write.endswith("\n") and write.count("\n") == 1 for write in stream.writes)


def test_time_is_utc_with_milliseconds(stream):
    record = logging.makeLogRecord({"name": "x", "msg": "then", "levelno": 30})
    record.created, record.msecs = 1_767_225_609.25, 250.0
    logging.getLogger().handle(record)
    record.created, record.msecs = 1_767_225_609.007, 7.4
    logging.getLogger().handle(record)
    assert [line["time"] for line in stream.lines] == [
        "2026-01-01T00:00:09.250Z",
        "2026-01-01T00:00:09.007Z",
    ]


def test_numbers_booleans_and_null_keep_their_types(stream):
    log.info("x", extra={"i": -(2**63) + 1, "f": 0.5, "yes": True, "no": False, "none": None})
    line = read_line(stream)
    assert (line["i"], line["f"], line["yes"], line["no"]) == (-(2**63) + 1, 0.5, True, False)
    assert line["none"] is None


def test_numbers_out_of_range_are_text(stream):
    numbers = {"nan": float("nan"), "inf": float("-inf"), "big": 2**63, "huge": 10**5000}
    log.info("x", extra=numbers)
    line = read_line(stream)
    assert (line["nan"], line["inf"], line["big"]) == ("NaN", "-Infinity", str(2**63))
    assert line["huge"] == "<int>"


def test_chinese_is_not_escaped(stream):
    log.info("转码完成", extra={"会话": "订单四十二", "facts": {"名": ["值"]}})
    assert '"message": "转码完成"' in stream.writes[0]
    assert '"会话": "订单四十二"' in stream.writes[0]
    assert read_line(stream)["facts"] == '{"名": ["值"]}'


def test_lone_surrogate_is_escaped(stream):
    log.info("转码 \udc80", extra={"name\udc81": "\ud800"})
    assert stream.writes[0].encode()
    assert '"message": "转码 \\udc80"' in stream.writes[0]
    line = read_line(stream)
    assert (line["message"], line["name\udc81"]) == ("转码 \udc80", "\ud800")


def test_exception_is_a_field(stream):
    try:
        raise LookupError("no such bucket")
    except LookupError:
        log.exception("copying")
    line = read_line(stream)
    assert line["message"] == "copying"
    assert line["level"] == "ERROR"
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("LookupError: no such bucket")


def test_stack_is_a_field(stream):
    log.info("here", stack_info=True)
    line = read_line(stream)
    assert line["stack"].startswith("Stack (most recent call last):\n")
    assert "exception" not in line


def test_line_without_exception_has_no_such_field(stream):
    log.info("x")
    assert set(read_line(stream)) == {"time", "level", "logger", "message"}


def test_extra_field_does_not_replace_ours(stream):
    ours = ("time", "level", "logger", "request_id", "task_id", "exception", "stack", "truncated")
    with logs.bind("request"):
        log.warning("x", extra={**dict.fromkeys(ours, "theirs"), "time_": "another"})
    line = read_line(stream)
    assert line["level"] == "WARNING"
    assert line["request_id"] == "request"
    assert line["time"] != "theirs"
    assert [name for name in line if name.endswith("_")] == [
        *("time_", "level_", "logger_", "request_id_", "task_id_", "exception_", "stack_"),
        *("truncated_", "time__"),
    ]


def test_value_without_text_loses_no_line(stream):
    class Wordless:
        def __repr__(self) -> str:
            raise RuntimeError("no words")

    deep = []
    for _ in range(100_000):
        deep = [deep]
    log.info("x", extra={"what": Wordless(), "deep": deep, "plain": object, 5: "five"})
    line = read_line(stream)
    assert line["what"] == "<Wordless>"
    assert line["deep"] == "<list>"
    assert line["plain"] == "<class 'object'>"
    assert line["5"] == "five"


def test_wrong_log_call_loses_neither_line_nor_secret(stream, capsys):
    logs.configure(stream)
    log.info("got", {"environ": f"TENCENTCLOUD_SECRETKEY={SECRET}"}, 5)
    log.info("%d files", "three")
    log.info(["%d"], "three")
    assert [line["message"] for line in stream.lines] == [
        'got [{"environ": "TENCENTCLOUD_SECRETKEY=***"}, 5]',
        '%d files ["three"]',
        '["%d"] ["three"]',
    ]
    assert capsys.readouterr().err == ""


def test_view_as_extra_field_is_its_repr(stream):
    app = App()

    @app.on(Transcode)
    def show(transcode: Transcode) -> None:
        log.info("x", extra={"result": transcode})

    app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {})
    assert stream.lines[0]["result"] == "<Transcode Transcode 100030 SUCCESS>"


# Its length


def test_line_may_have_8192_bytes(stream):
    log.info("")
    room = logs.MAX_LINE_BYTES - len(stream.writes[0])
    log.info("x" * room)
    log.info("x" * (room + 1))
    whole, cut = stream.lines[1:]
    assert logs.MAX_LINE_BYTES == 8192
    assert len(stream.writes[1].encode()) == 8192
    assert whole["message"] == "x" * room
    assert "truncated" not in whole
    assert len(stream.writes[2].encode()) == 8192
    assert cut["message"].endswith("x…")
    assert cut["truncated"] is True


@pytest.mark.parametrize("text", ["x", "转", "\n", '"', "\\", "\x00", "\udc80", "😀"])
def test_long_message_is_truncated_to_the_limit(stream, text):
    log.info(text * 100_000)
    line = read_line(stream)
    kept = line["message"].removesuffix("…")
    assert kept == text * len(kept)
    assert 8192 - 6 <= len(stream.writes[0].encode()) <= 8192


def test_huge_exception_keeps_its_end(stream):
    try:
        raise ValueError("转" * 5000 + " the end")
    except ValueError:
        log.exception("x")
    line = read_line(stream)
    assert line["exception"].startswith("…转转")
    assert line["exception"].endswith("转 the end")
    assert line["truncated"] is True
    assert 8192 - 6 <= len(stream.writes[0].encode()) <= 8192


def test_long_texts_share_the_line(stream):
    log.info("m" * 50_000, extra={"short": "s" * 1000, "long": "l" * 50_000})
    line = read_line(stream)
    assert line["short"] == "s" * 1000
    assert abs(len(line["message"]) - len(line["long"])) <= 2
    assert line["message"].endswith("m…")
    assert line["long"].endswith("l…")
    assert len(stream.writes[0].encode()) == 8192


@pytest.mark.parametrize("count", [100, 400, 10_000])
def test_too_many_fields_omit_extra_ones(stream, count):
    request_id = "8d2a2f4a-9c5e-4f3e-8d2a-2f4a9c5e4f3e"
    task_id = "1250000000-WorkflowTask-a0000000000000000000000000000000tt0"
    with logs.bind(request_id):
        logs.bind_task(task_id)
        log.info("hello", extra={f"field_{index:05}": "v" * 90 for index in range(count)})
    line = read_line(stream)
    assert len(stream.writes[0].encode()) <= 8192
    assert line["message"] == "hello"
    assert line["time"]
    assert (line["request_id"], line["task_id"]) == (request_id, task_id)
    assert line["truncated"] is True
    extras = [name for name in line if name.startswith("field_")]
    assert extras == [f"field_{index:05}" for index in range(len(extras))]
    assert {line[name] for name in extras} == {"v" * 90}
    one_more = len(', "field_00000": ""') + 90
    assert len(stream.writes[0].encode()) > 8192 - one_more


def test_text_within_its_share_is_not_truncated(stream):
    for length in range(4000, 4050):
        log.info("m" * length, extra={"long": "l" * 50_000})
    cut = 0
    for length, line in enumerate(stream.lines, start=4000):
        share = len(json.dumps(line["message"], ensure_ascii=False).encode())
        was_cut = line["message"] != "m" * length
        assert was_cut == (length + len('""') > share)
        cut += was_cut
    assert 0 < cut < 50


def test_field_is_omitted_below_a_hundred_bytes(stream):
    for length in range(7900, 8050):
        log.info("m" * 5000, extra={"n" * length: 1})
    kept = [text for text in stream.writes if '"nnn' in text]
    assert [len(text.encode()) for text in kept] == [8192] * len(kept)
    assert len(json.loads(kept[-1])["message"].encode()) == 100 - len('""')
    assert 0 < len(kept) < 150


def test_field_with_huge_name_is_omitted(stream):
    log.info("x", extra={"n" * 10_000: 1, "after": "here"})
    line = read_line(stream)
    assert (line["message"], line["after"], line["truncated"]) == ("x", "here", True)
    assert len(line) == 6


def test_fields_of_truncated_line_keep_their_order(stream):
    try:
        raise ValueError("x" * 9000)
    except ValueError:
        log.exception("m", extra={"b": "x" * 300, "a": 1})
    assert list(read_line(stream)) == [
        *("time", "level", "logger", "message", "b", "a", "exception", "truncated")
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
TAKEN = {*vars(logging.makeLogRecord({})), "message", "asctime"}
NAMES = st.text().filter(lambda name: name not in TAKEN)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=st.text(st.characters()),
    times=st.sampled_from([1, 50, 3000]),
    extras=st.dictionaries(NAMES, ANYTHING, max_size=10),
)
def test_any_record_is_flat_json_within_8_kb(message, times, extras):
    stream = Stream()
    logs.configure(stream)
    log.error("%s", message * times, extra=extras)
    (text,) = stream.writes
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert len(text.encode()) <= 8192
    (line,) = stream.lines
    assert not any(isinstance(value, dict | list) for value in line.values())
    assert {"time", "level", "logger", "message"} <= set(line)


def test_very_long_word_takes_linear_time():
    # Where each letter is tried as the beginning of a name, this takes a quarter of an hour.
    assert logs.scrub("a" * 100_000) == "a" * 100_000
    assert logs.scrub("token" * 20_000) == "token" * 20_000
    assert logs.scrub("token" + " " * 100_000) == "token" + " " * 100_000


# The invocation


def test_request_id_is_on_every_line_inside_bind(stream):
    log.info("before")
    with logs.bind("request-1"):
        log.info("during")
    log.info("after")
    assert [line.get("request_id") for line in stream.lines] == [None, "request-1", None]


def test_ids_are_on_every_line_of_an_invocation(stream):
    app = App()

    @app.on(Transcode)
    def work(transcode: Transcode, log: logging.Logger) -> None:
        log.info("working")
        logging.getLogger("a.library").warning("careful")

    event = sample("WorkflowTask", Transcode="SUCCESS", ImageSprites="FAIL")
    app.main_handler(event, {"request_id": "request-2"})
    log.info("after")
    *during, after = stream.lines
    assert [line["message"] for line in during] == [
        "working",
        "careful",
        "unhandled: no callback for ImageSprites",
        "handled",
    ]
    task_id = event["WorkflowTaskEvent"]["TaskId"]
    assert {(line["request_id"], line["task_id"]) for line in during} == {("request-2", task_id)}
    assert not {"request_id", "task_id"} & set(after)


def test_failed_invocation_removes_its_fields(stream):
    with pytest.raises(ValueError, match="expected an MPS notification"):
        App().main_handler(None, {"request_id": "request-3"})
    log.info("after")
    refused, handled, after = stream.lines
    assert handled["request_id"] == "request-3"
    assert refused["request_id"] == "request-3"
    assert refused["level"] == "ERROR"
    assert refused["message"].startswith("invalid event: expected an MPS notification")
    assert "request_id" not in after


def test_nested_invocation_restores_outer_fields(stream):
    inner, outer = App(), App()

    @inner.on(Transcode)
    def work(transcode: Transcode) -> None:
        log.info("inside")

    @outer.on(Transcode)
    def replay(transcode: Transcode) -> None:
        inner.main_handler(transcode.event.raw, {"request_id": "inner"})
        log.info("outside")

    outer.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {"request_id": "outer"})
    log.info("after")
    values = {line["message"]: line.get("request_id") for line in stream.lines}
    assert values == {"inside": "inner", "handled": "outer", "outside": "outer", "after": None}


def test_threads_with_invocations_keep_their_fields(stream):
    ready = threading.Barrier(8)

    def invoke(number: int) -> None:
        with logs.bind(f"request-{number}"):
            ready.wait()
            for _ in range(20):
                log.info("%d", number)
            ready.wait()

    threads = [threading.Thread(target=invoke, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stream.lines) == 160
    assert all(line["request_id"] == f"request-{line['message']}" for line in stream.lines)


def run_in_pool(work):
    with ThreadPoolExecutor(2) as pool:
        pool.submit(work).result()


def run_in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


async def run_in_loop(work):
    await asyncio.create_task(asyncio.to_thread(work))
    await asyncio.get_running_loop().run_in_executor(None, work)
    asyncio.get_running_loop().call_soon(work)
    await asyncio.sleep(0)


@pytest.mark.parametrize("run", [run_in_pool, run_in_thread, run_in_loop])
def test_fields_follow_the_threads_of_a_callback(stream, run):
    app = App()
    app.on(Transcode)(lambda transcode: run(lambda: log.info("working")))
    event = sample("WorkflowTask", Transcode="SUCCESS")
    app.main_handler(event, {"request_id": "request-4"})
    lines = [line for line in stream.lines if line["message"] == "working"]
    task_id = event["WorkflowTaskEvent"]["TaskId"]
    assert lines
    assert {(line["request_id"], line["task_id"]) for line in lines} == {("request-4", task_id)}


def test_threads_of_several_invocations_have_no_fields(stream):
    app, together = App(), threading.Barrier(2, timeout=30)

    @app.on(Transcode)
    def work(transcode: Transcode, context: Context) -> None:
        together.wait()
        run_in_pool(lambda: log.info("pool"))
        carried = contextvars.copy_context()
        run_in_pool(lambda: carried.run(log.info, "carried %s", context.request_id))
        together.wait()

    handler = app.main_handler
    threads = [
        threading.Thread(
            target=handler,
            args=(sample("WorkflowTask", Transcode="SUCCESS"), {"request_id": f"request-{number}"}),
        )
        for number in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool = [line for line in stream.lines if line["message"] == "pool"]
    assert [line.get("request_id") for line in pool] == [None, None]
    carried = {
        line["message"]: line["request_id"] for line in stream.lines if "carried" in line["message"]
    }
    assert carried == {"carried request-0": "request-0", "carried request-1": "request-1"}


def test_secrets_of_every_invocation_are_hidden_in_threads(stream):
    first = logs.bind("a", Context({"environ": {"TENCENTCLOUD_SECRETKEY": "secret-of-a"}}))
    second = logs.bind("b", Context({"environ": {"TENCENTCLOUD_SECRETKEY": "secret-of-b"}}))
    outside = contextvars.Context()
    with first:
        outside.run(second.__enter__)
        run_in_thread(lambda: log.info("secret-of-a secret-of-b"))
        outside.run(second.__exit__)
    assert read_line(stream)["message"] == "*** ***"


# Our own lines


class BreakableStream(Stream):
    """A stream that a test breaks."""

    broken = False

    def write(self, text):
        if self.broken:
            raise OSError("gone")
        return super().write(text)


def deliver(times=3):
    app = App()
    app.on(Transcode, name="a")(lambda transcode: None)
    for _ in range(times):
        app.main_handler(sample("WorkflowTask", Transcode="SUCCESS"), {"request_id": "r"})


TIMES = dict.fromkeys(("time", "ms", "slowest_ms", "cold", "init_ms"))


def test_quick_line_has_the_fields_of_a_record(stream, request):
    """A line is built without a record if no handler of a user would get it."""
    logs.configure(stream)  # alone: pytest has added a handler
    deliver(1)
    ours = logging.getLogger("scf_mps")
    ours.addFilter(lambda record: True)
    request.addfinalizer(ours.filters.clear)
    deliver(1)
    quick, slow = stream.lines
    assert quick | TIMES == slow | TIMES
    assert list(quick)[:6] == ["time", "level", "logger", "message", "request_id", "task_id"]
    assert quick["time"][:10] == slow["time"][:10]
    assert len(quick["time"]) == len(slow["time"]) == 24


@pytest.mark.parametrize(
    "name", ["a" * 200, "ü", "s3cr3t-of-the-function", "AKIDz8krbsJ5yKBZQpn74WFkm"]
)
@pytest.mark.parametrize("times", [1, 2])
def test_quick_line_encodes_and_hides_texts(stream, monkeypatch, name, times):
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", "s3cr3t-of-the-function")
    logs.configure(stream)  # alone: pytest has added a handler
    template = logs.LineTemplate(log, "handled", ["callback"], ["ms"])
    with logs.bind(name):
        for _ in range(times):
            template.emit((name,), (1.25,))
    *_, line = stream.lines
    shown = name if name in ("a" * 200, "ü") else "***"
    assert (line["callback"], line["request_id"], line["ms"]) == (
        shown,
        shown,
        pytest.approx(1.25, abs=0.1),
    )


def test_quick_line_is_truncated_like_others(stream):
    logs.configure(stream)  # alone: pytest has added a handler
    template = logs.LineTemplate(log, "handled", ["callback"], [])
    with logs.bind("r"):
        template.emit(("x" * 9000,), ())
    assert read_line(stream)["truncated"] is True
    assert len(stream.writes[0]) <= logs.MAX_LINE_BYTES


def test_template_works_outside_an_invocation(stream):
    logs.configure(stream)  # alone: pytest has added a handler
    logs.LineTemplate(log, "handled", ["callback"], ["ms"]).emit(("a",), (1.0,))
    assert (read_line(stream)["callback"], read_line(stream)["ms"]) == ("a", 1.0)


@pytest.mark.parametrize("place", ["filter", "handler", "factory", "level"])
def test_filters_and_factories_of_users_get_every_record(stream, place, request):
    logs.configure(stream)  # alone: pytest has added a handler
    deliver()
    ours, seen = logging.getLogger("scf_mps"), []
    if place == "filter":

        def look(record: logging.LogRecord) -> bool:
            seen.append(record)
            return True

        ours.addFilter(look)
        request.addfinalizer(lambda: ours.removeFilter(look))
    elif place == "handler":
        handler = logging.Handler()
        handler.emit = seen.append
        logging.getLogger().addHandler(handler)
    elif place == "factory":

        def make(*args: Any, **more: Any) -> logging.LogRecord:
            seen.append(args)
            return logging.LogRecord(*args, **more)

        logging.setLogRecordFactory(make)
        request.addfinalizer(lambda: logging.setLogRecordFactory(logging.LogRecord))
    else:
        logging.getLogger().handlers[0].setLevel(logging.ERROR)
        deliver()
        assert len(stream.lines) == 3
        return
    deliver()
    assert len(seen) == 3
    assert len(stream.lines) == 6


def test_broken_stream_does_not_fail_callbacks(capsys):
    stream = BreakableStream()
    logs.configure(stream)
    deliver()
    stream.broken = True
    deliver()
    assert capsys.readouterr().err == "lost a log line of scf_mps: OSError\n" * 3


def test_cached_texts_are_bounded(stream):
    logs.configure(stream)  # alone: pytest has added a handler
    template = logs.LineTemplate(log, "handled", ["callback"], [])
    with logs.bind("r"):
        for number in range(3000):
            template.emit((f"callback {number}",), ())
    assert len(logs._texts[1]) <= logs._MAX_TEXTS + 1


# Other handlers and loggers


def test_debug_handler_of_a_runtime_is_replaced():
    root = logging.getLogger()
    installed = Stream()
    root.addHandler(logging.StreamHandler(installed))
    root.setLevel(logging.DEBUG)
    ours = Stream()
    logs.configure(ours)
    log.info("once")
    log.debug("not at all")
    assert installed.writes == []
    assert [line["message"] for line in ours.lines] == ["once"]
    assert len(root.handlers) == 1
    assert root.level == logging.INFO


def test_second_configure_leaves_one_handler(stream):
    again = Stream()
    logs.configure(again)
    log.info("x")
    assert (len(stream.writes), len(again.writes)) == (0, 1)


@pytest.mark.parametrize(
    "library",
    [
        "urllib3",
        "urllib3.connectionpool",
        "requests",
        "qcloud_cos",
        "qcloud_cos.cos_client",
        "tencentcloud_sdk_common",
        "asyncio",
    ],
)
def test_libraries_that_log_tokens_are_capped(library):
    stream = Stream()
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    logs.configure(stream, level="DEBUG")
    logging.getLogger(library).info("q-ak=…")
    logging.getLogger(library).warning("careful")
    assert [line["message"] for line in stream.lines] == ["careful"]


def test_level_is_argument_or_variable_or_info(monkeypatch):
    def level(**given: Any) -> int:
        logs.configure(Stream(), **given)
        return logging.getLogger().level

    assert level() == logging.INFO
    monkeypatch.setenv("MPS_LOG_LEVEL", "")
    assert level() == logging.INFO
    monkeypatch.setenv("MPS_LOG_LEVEL", "warning")
    assert level() == logging.WARNING
    assert level(level="ERROR") == logging.ERROR
    assert level(level=5) == 5
    assert level(level=0) == 0
    with pytest.raises(ValueError, match="Unknown level: 'LOUD'"):
        level(level="LOUD")


def test_level_of_a_logger_follows_that_of_all(monkeypatch, request):
    ours = logging.getLogger("scf_mps")
    request.addfinalizer(lambda: ours.setLevel(logging.NOTSET))
    monkeypatch.setenv("MPS_LOG_LEVEL", "warning, scf_mps=debug")
    logs.configure(Stream())
    assert (logging.getLogger().level, ours.level) == (logging.WARNING, logging.DEBUG)


@pytest.mark.parametrize("level", ["loud", "INFO,a.library=loud"])
def test_invalid_level_warns_and_means_info(monkeypatch, level):
    monkeypatch.setenv("MPS_LOG_LEVEL", level)
    stream = Stream()
    logs.configure(stream)
    assert logging.getLogger().level == logging.INFO
    line = read_line(stream)
    assert (line["level"], line["logger"]) == ("WARNING", "scf_mps")
    assert repr(level) in line["message"]


# Streams


def test_lines_go_to_stdout_by_default(capsys):
    logs.configure()
    log.info("x")
    captured = capsys.readouterr()
    assert json.loads(captured.out)["message"] == "x"
    assert captured.err == ""


def test_line_is_flushed():
    raw = io.BytesIO()
    logs.configure(io.TextIOWrapper(raw, "utf-8"))
    log.info("x")
    assert json.loads(raw.getvalue())["message"] == "x"


def test_stream_needs_only_write():
    class Writer:
        def __init__(self) -> None:
            self.writes = []

        def write(self, text: str) -> None:
            self.writes.append(text)

    writer = Writer()
    logs.configure(writer)
    log.info("x")
    (write,) = writer.writes
    assert json.loads(write)["message"] == "x"


class BrokenStream(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(32, f"Broken pipe, {SECRET}")


def test_broken_stream_is_reported_without_secrets(capsys):
    logs.configure(BrokenStream())
    log.error("the key is %s", SECRET)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "lost a log line of tests.logs: BrokenPipeError\n"


def test_broken_stderr_raises_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", BrokenStream())
    logs.configure(BrokenStream())
    log.error("x")


# Text for people


def test_record_is_text_on_a_terminal():
    stream = Stream(terminal=True)
    logs.configure(stream)
    record = logging.makeLogRecord({"name": "x", "msg": "%d files", "args": (3,), "levelno": 30})
    record.levelname, record.created, record.files = "WARNING", 1_767_225_609.25, ["a", "b"]
    record.definition = 10
    logging.getLogger().handle(record)
    assert stream.writes == ['00:00:09 WARNING 3 files  [files=["a", "b"] definition=10]\n']


def test_text_line_without_fields_ends_with_message():
    stream = Stream(terminal=True)
    logs.configure(stream)
    log.info("hello")
    assert stream.writes[0][8:] == " INFO    hello\n"


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("choice", ["text", "TEXT", "json", "JSON"])
def test_variable_chooses_text_or_json(monkeypatch, choice, terminal):
    monkeypatch.setenv("MPS_LOG_FORMAT", choice)
    stream = Stream(terminal=terminal)
    logs.configure(stream)
    log.info("hello")
    assert stream.writes[0].startswith("{") == (choice.lower() == "json")


def test_text_line_has_controls_escaped():
    stream = Stream(terminal=True)
    logs.configure(stream)
    log.warning("task %s", "\x1b[2J\n12:00:00 INFO    forged", extra={"place": "a\x9bb\r"})
    (text,) = stream.writes
    assert text.splitlines() == [text.removesuffix("\n")]
    assert "\\x1b[2J\\n12:00:00 INFO    forged  [place=a\\x9bb\\r]" in text


def test_text_exception_cannot_forge_a_line():
    stream = Stream(terminal=True)
    logs.configure(stream)
    try:
        raise LookupError("x\x1b]0;title\x07\n12:00:00 INFO    forged")
    except LookupError:
        log.exception("failed")
    (text,) = stream.writes
    assert "\x1b" not in text
    assert all(line.startswith("  ") for line in text.splitlines()[1:])


def test_text_exception_and_stack_are_one_write():
    stream = Stream(terminal=True)
    logs.configure(stream)
    try:
        raise LookupError(f"SecretKey={SECRET}")
    except LookupError:
        log.exception("copying %s", f"token={TOKEN}", stack_info=True)
    (text,) = stream.writes
    first, second, *_ = text.splitlines()
    assert first.endswith("ERROR   copying token=***")
    assert second == "  Traceback (most recent call last):"
    assert "\n  LookupError: SecretKey=***\n  Stack (most recent call last):\n" in text


def test_text_without_utf_8_form_is_escaped():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "utf-8")
    stream.isatty = lambda: True
    logs.configure(stream)
    log.info("转码 \udc80")
    assert raw.getvalue().decode().endswith(" 转码 \\udc80\n")


# Secrets


@pytest.mark.parametrize(
    "variable",
    [
        "TENCENTCLOUD_SECRETID",
        "TENCENTCLOUD_SECRETKEY",
        "TENCENTCLOUD_SESSIONTOKEN",
        "MPS_NOTIFY_KEY",
    ],
)
def test_credentials_of_the_function_are_hidden(monkeypatch, stream, variable):
    secret = "x/Y+z=of-the-environment"
    log.info("before %s", secret)
    monkeypatch.setenv(variable, secret)
    try:
        raise LookupError(f"with {secret}")
    except LookupError:
        log.exception("with %s", secret, extra={"a": f"<{secret}>", "b": [secret]})
    before, during = stream.lines
    assert before["message"] == f"before {secret}"
    assert secret not in stream.writes[1]
    assert during["message"] == "with ***"
    assert (during["a"], during["b"]) == ("<***>", '["***"]')
    assert during["exception"].endswith("LookupError: with ***")


def test_empty_credential_hides_nothing(monkeypatch):
    monkeypatch.setenv("TENCENTCLOUD_SESSIONTOKEN", "")
    assert logs.scrub("as it is") == "as it is"


AUTHORIZATION = (
    f"q-sign-algorithm=sha1&q-ak={KEY_ID}&q-sign-time=1;2&q-header-list=host&q-signature={SECRET}"
)


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        (f"S3SecretKey={SECRET}, Bucket=b", "S3SecretKey=***, Bucket=b"),
        (f"SecretId: {SECRET}", "SecretId: ***"),
        (f"secret_key = {SECRET} end", "secret_key = *** end"),
        (f"x-secret-id:{SECRET}", "x-secret-id:***"),
        (f'{{"S3SecretId": "{SECRET}", "a": 1}}', '{"S3SecretId": "***", "a": 1}'),
        (f"{{'S3SecretKey': '{SECRET}', 'a': 1}}", "{'S3SecretKey': '***', 'a': 1}"),
        (f"{{'SecretKey': b'{SECRET}'}}", "{'SecretKey': '***'}"),
        ('{"SecretKey": ""}', '{"SecretKey": "***"}'),
        ('{"password": 12345}', '{"password": ***}'),
        ("password='two words', a=1", "password='***', a=1"),
        (r'"password": "with \" in it", "a": 1', '"password": "***", "a": 1'),
        ("Password: '\nnext", "Password: '***\nnext"),
        (f"notify_key={SECRET}&a=1", "notify_key=***&a=1"),
        (f"NotifyKey={SECRET}", "NotifyKey=***"),
        (f"sessionToken={TOKEN};a=1", "sessionToken=***;a=1"),
        (f"x-cos-security-token: {TOKEN}\r\nHost: h", "x-cos-security-token: ***\r\nHost: h"),
        (f'"Token": "{TOKEN}"', '"Token": "***"'),
        (f"?a=1&q-signature={SECRET}&b=2", "?a=1&q-signature=***&b=2"),
        (f"q-ak={TOKEN}&b=2", "q-ak=***&b=2"),
        (f"Authorization: {AUTHORIZATION}\r\nHost: h", "Authorization: ***\r\nHost: h"),
        (f"Authorization: {AUTHORIZATION}\nHost: h", "Authorization: ***\nHost: h"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        (f"'Proxy-Authorization': 'Basic {TOKEN}', 'a': 1", "'Proxy-Authorization': '***', 'a': 1"),
        (
            f'"authorization": "TC3-HMAC-SHA256 Credential=a, Signature={TOKEN}", "a": 1',
            '"authorization": "***", "a": 1',
        ),
        (f"Signature={TOKEN}", "Signature=***"),
        (f"see {KEY_ID}.", "see ***."),
        (f"id_{KEY_ID}", "id_***"),
        ("AKIDabc_def-0123456789", "***"),
        ("akid" + "x" * 13, "***"),
        ("AKID" + "x" * 12, "AKID" + "x" * 12),
        ("MAKID" + "x" * 20, "MAKID" + "x" * 20),
        ("two tokens: 5", "two tokens: 5"),
        ("the token is missing", "the token is missing"),
        ("转码 token=转", "转码 token=***"),
    ],
)
def test_only_secrets_in_a_text_are_hidden(text, scrubbed):
    assert logs.scrub(text) == scrubbed


def test_secret_in_nested_json_text_is_hidden():
    text = {"S3SecretKey": SECRET, "Bucket": "b"}
    for _ in range(4):
        text = {"body": json.dumps(text)}
    scrubbed = logs.scrub(json.dumps(text))
    assert SECRET not in scrubbed
    assert "Bucket" in scrubbed


def test_s3_credentials_of_an_event_are_hidden(stream):
    storage = {"S3Bucket": "b", "S3SecretId": "AKIA4EXAMPLE", "S3SecretKey": SECRET}
    event = {"OutputStorage": {"Type": "AWS-S3", "S3OutputStorage": storage}}
    envelope = {"body": json.dumps(event), "headers": {}}
    log.info("%s", event, extra={"event": event, "text": repr(event), "envelope": envelope})
    (text,) = stream.writes
    assert "AKIA4EXAMPLE" not in text
    assert SECRET not in text
    line = read_line(stream)
    assert "'S3Bucket': 'b', 'S3SecretId': '***', 'S3SecretKey': '***'" in line["message"]
    assert '"S3Bucket": "b", "S3SecretId": "***", "S3SecretKey": "***"' in line["event"]


def test_environ_of_the_context_is_hidden(stream):
    environ = (
        f"SCF_NAMESPACE=default;TENCENTCLOUD_SECRETID={TOKEN};TENCENTCLOUD_SECRETKEY={SECRET};"
        f"TENCENTCLOUD_SESSIONTOKEN={TOKEN};A=1"
    )
    log.info("context %s", {"environ": environ}, extra={"environ": environ})
    shown = (
        "SCF_NAMESPACE=default;TENCENTCLOUD_SECRETID=***;TENCENTCLOUD_SECRETKEY=***;"
        "TENCENTCLOUD_SESSIONTOKEN=***;A=1"
    )
    line = read_line(stream)
    assert line["environ"] == shown
    assert line["message"] == f"context {{'environ': '{shown}'}}"


def test_field_with_secret_name_is_hidden(stream):
    values = {
        "password": "two words",
        "secret_key": 12345,
        "my_token": {"a": "b"},
        "secret": "not one of Tencent Cloud's",
        "Authorization": 'Bearer "x" y',
    }
    kept = {"tokens": 5, "token_count": 6, "secretary": "A", "token": None}
    log.info("x", extra={**values, **kept})
    line = read_line(stream)
    assert {name: line[name] for name in values} == dict.fromkeys(values, "***")
    assert {name: line[name] for name in kept} == kept


@given(secret=st.text("abcXYZ019/+=_-", min_size=4, max_size=60).filter(lambda s: "***" not in s))
def test_credential_is_hidden_in_every_form(secret):
    storage = {"S3SecretKey": f"<{secret}>"}
    for text in (json.dumps(storage), repr(storage), f"S3SecretKey=<{secret}>"):
        assert f"<{secret}>" not in logs.scrub(text)


# On SCF


@pytest.mark.parametrize(
    ("variable", "value", "taken"),
    [
        ("TENCENTCLOUD_RUNENV", "SCF", True),
        ("SCF_FUNCTIONNAME", "mps", True),
        ("TENCENTCLOUD_RUNENV", "WEB", False),
        ("UNRELATED", "SCF", False),
    ],
)
def test_main_handler_configures_logging_only_on_scf(monkeypatch, variable, value, taken):
    root = logging.getLogger()
    theirs = logging.StreamHandler(Stream())
    root.handlers[:] = [theirs]
    root.setLevel(logging.DEBUG)
    monkeypatch.setenv(variable, value)
    app = App()
    assert root.handlers == [theirs]
    app.main_handler  # noqa: B018
    assert logs.is_on_scf() is taken
    assert (root.handlers == [theirs]) is not taken
    assert root.level == (logging.INFO if taken else logging.DEBUG)


def test_invocation_on_scf_logs_json_to_stdout(monkeypatch, capsys):
    monkeypatch.setenv("TENCENTCLOUD_RUNENV", "SCF")
    app = App(ledger="none")

    @app.on(WorkflowTask)
    def look(task: WorkflowTask, context: Context, log: logging.Logger) -> None:
        log.info("in %s", context.function)

    app.main_handler(sample("WorkflowTask"), {"request_id": "r", "function_name": "mps"})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["level"] for line in lines] == ["INFO"] + ["WARNING"] * 6 + ["INFO"]
    assert lines[0]["message"] == "in mps"
    assert lines[0]["logger"].endswith(
        "test_logs.test_invocation_on_scf_logs_json_to_stdout.<locals>.look"
    )
    assert {line["request_id"] for line in lines} == {"r"}
