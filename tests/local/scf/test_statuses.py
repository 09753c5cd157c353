"""Each status code of an invocation, by a process that really does what it stands for."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from scf_mps.local.scf import InvocationRejected, LocalFunction
from scf_mps.local.scf.memory import MemoryGauge, warn_if_unlimited

from .conftest import APPLICATION, Run


def written(folder: Path, code: str) -> Path:
    """A source with this as its entry file."""
    folder.mkdir()
    (folder / "index.py").write_text(code)
    return folder


values: list[Any] = [None, 0, "text", [1, 2.5, True], {"é": None}, "\ud800"]


def test_what_a_function_returns_comes_back_as_json(run: Run) -> None:
    function = run()
    for value in values:
        invocation = function.invoke({"do": "give", "value": value})
        assert (invocation.status, invocation.succeeded) == (200, True)
        assert invocation.returned == value
        assert json.loads(invocation.text) == value
        assert invocation.error is None


def test_a_decimal_is_returned_as_text_as_the_published_runtime_does(run: Run) -> None:
    assert run().invoke({"do": "give_decimal"}).returned == "1.10"


def test_an_exception_is_430_in_the_envelope_of_scf(run: Run) -> None:
    function = run()
    invocation = function.invoke({"do": "fail"})
    assert invocation.status == 430
    assert invocation.returned is None
    error = invocation.error
    assert error is not None
    stack = error.pop("stackTrace").splitlines()
    assert error == {
        "errorCode": 1,
        "errorMessage": "user code exception caught",
        "requestId": invocation.request_id,
        "statusCode": 430,
    }
    assert stack[0] == "Traceback (most recent call last):"
    assert re.search(r'/index\.py", line \d+, in main_handler$', stack[1])
    assert stack[-1] == "index.Left: not today"
    assert "bootstrap" not in "".join(stack)
    assert function.invoke({"do": "count"}).returned["events"] == 2


def test_what_json_cannot_hold_is_a_failure(run: Run) -> None:
    error = run().invoke({"do": "give_time"}).error
    assert error is not None
    assert error["statusCode"] == 430
    assert error["stackTrace"].endswith("Object of type datetime is not JSON serializable")


def test_a_return_of_6_mb_is_the_most_there_may_be(run: Run) -> None:
    function = run(memory=256)
    most = 6 * 1024 * 1024 - 2  # with its quotes
    assert function.invoke({"do": "give_large", "size": most}).status == 200
    invocation = function.invoke({"do": "give_large", "size": most + 1})
    assert invocation.status == 407
    assert invocation.error is not None
    assert invocation.error["errorMessage"] == "The size of response exceeds the upper limit (6MB)"
    assert function.invoke({"do": "count"}).returned["events"] == 3


def test_a_function_that_takes_too_long_is_killed_with_433(run: Run) -> None:
    function = run(timeout=1)
    pid = function.invoke({"do": "count"}).returned["pid"]
    invocation = function.invoke({"do": "spin"})
    assert invocation.status == 433
    assert 1 <= invocation.seconds < 2
    assert invocation.records == ("spinning", "\n")
    assert invocation.error == {
        "errorCode": -1,
        "errorMessage": "Invoking task timed out after 1 seconds",
        "requestId": invocation.request_id,
        "statusCode": 433,
    }
    assert function.instances == []
    after = function.invoke({"do": "count"})
    assert after.cold
    assert after.returned["pid"] != pid


def test_a_function_that_uses_too_much_memory_is_killed_with_434(run: Run) -> None:
    function = run(memory=64)
    invocation = function.invoke({"do": "hoard"})
    assert invocation.status == 434
    assert invocation.memory > 64 * 1024 * 1024
    assert invocation.error is not None
    assert invocation.error["errorMessage"] == "Memory limit of 64 MB exceeded"
    assert function.instances == []


def test_a_peak_of_memory_counts_although_it_is_over_when_somebody_looks(run: Run) -> None:
    function = run(memory=128)
    assert function.invoke({"do": "allocate", "megabytes": 64}).status == 200
    assert function.invoke({"do": "allocate", "megabytes": 128}).status == 434


def test_it_is_said_loudly_where_memory_limits_cannot_be_enforced(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="memory limits are NOT ENFORCED"):
        warn_if_unlimited(tmp_path)
    assert MemoryGauge(1, tmp_path).peak() == 0


def test_sys_exit_ends_the_process_and_is_439(run: Run) -> None:
    function = run()
    invocation = function.invoke({"do": "leave"})
    assert invocation.status == 439
    assert invocation.error is not None
    assert invocation.error["errorMessage"] == "Process exited before completing request"
    assert "leaving" in invocation.records
    assert function.instances == []
    assert function.invoke({"do": "count"}).returned["events"] == 1


def test_a_crash_is_439_and_its_last_words_are_in_the_log(run: Run) -> None:
    invocation = run().invoke({"do": "crash"})
    assert invocation.status == 439
    assert invocation.records[-1] == "about to crash\n"


def test_a_module_that_cannot_be_imported_is_443_on_every_invocation(
    run: Run, tmp_path: Path
) -> None:
    function = run(written(tmp_path / "source", "import requests\n"))
    first, second = function.invoke(), function.invoke()
    assert (first.status, first.cold) == (443, True)
    assert (second.status, second.cold) == (443, False)
    assert second.error is not None
    lines = second.error["errorMessage"].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ModuleNotFoundError: No module named 'requests'"
    assert second.error["requestId"] == second.request_id


@pytest.mark.parametrize("loader", ["imp", "path"])
def test_a_handler_that_is_not_in_its_module_is_443(run: Run, loader: str) -> None:
    error = run(handler="index.main", loader=loader).invoke().error
    assert error is not None
    assert error["statusCode"] == 443
    assert error["errorMessage"].endswith("has no attribute 'main'")


def test_a_missing_entry_file_is_437(run: Run) -> None:
    error = run(handler="main.main_handler").invoke().error
    assert error is not None
    assert error["statusCode"] == 437
    assert error["errorMessage"] == "expected the entry file main.py in the root of the code"


def test_a_module_that_leaves_the_process_is_439(run: Run, tmp_path: Path) -> None:
    function = run(written(tmp_path / "source", "raise SystemExit\n"))
    invocation = function.invoke()
    assert (invocation.status, invocation.cold) == (439, True)
    assert function.instances == []


def test_loading_may_take_the_init_timeout_and_no_longer(run: Run, tmp_path: Path) -> None:
    function = run(written(tmp_path / "source", "while True: pass\n"), init_timeout=3)
    invocation = function.invoke()
    assert invocation.status == 433
    assert invocation.seconds == 0
    assert invocation.init_seconds is not None
    assert 3 <= invocation.init_seconds < 4
    assert invocation.error is not None
    assert invocation.error["errorMessage"] == "Initialization timed out after 3 seconds"


def test_what_is_no_json_is_refused_with_400(run: Run) -> None:
    function = run()
    for take in (function.invoke, function.push):
        with pytest.raises(InvocationRejected, match="expected an event in JSON") as refused:
            take(text="{'do': 'count'}")
        assert refused.value.status == 400
        with pytest.raises(InvocationRejected, match="not JSON serializable"):
            take({"do": object()})
    assert function.invocations == []


def test_an_event_may_come_as_text_or_bytes(run: Run) -> None:
    text = json.dumps({"do": "give", "value": "é"}, ensure_ascii=False)
    function = run()
    for given in (text, *(text.encode(name) for name in ("utf-8", "utf-8-sig", "utf-16"))):
        assert function.invoke(text=given).returned == "é"


def test_a_synchronous_event_may_have_6_mb(run: Run) -> None:
    function = run(memory=256)
    event = json.dumps({"do": "count", "x": ""})
    most = event.replace('""', f'"{"x" * (6 * 1024 * 1024 - len(event))}"')
    assert function.invoke(text=most).status == 200
    with pytest.raises(InvocationRejected, match="at most 6291456 bytes, not 6291457") as refused:
        function.invoke(text=most + " ")
    assert refused.value.status == 406


def test_credentials_that_cannot_be_had_are_a_failure_of_the_platform(run: Run) -> None:
    def no_keys() -> tuple[str, str, str]:
        raise LookupError("no such role")

    invocation = run(credentials=no_keys).invoke({"do": "count"})
    assert (invocation.status, invocation.instance) == (500, 0)
    assert invocation.error is not None
    assert invocation.error["errorMessage"] == "LookupError: no such role"


def test_an_interpreter_that_has_gone_is_a_failure_of_the_platform(
    run: Run, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nprintf '3.11\\ncpython\\n{python}\\n'\n")
    python.chmod(0o755)
    function = run(python=python)
    python.unlink()
    assert function.invoke({"do": "count"}).status == 500
    assert function.instances == []


def test_an_interpreter_that_does_not_start_is_439_with_what_it_said(
    run: Run, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = -c ]; then printf "3.11\\ncpython\\n{python}\\n"; else echo broken; fi\n'
    )
    python.chmod(0o755)
    invocation = run(python=python).invoke({"do": "count"})
    assert (invocation.status, invocation.records) == (439, ("broken\n",))


def test_what_is_not_running_takes_no_events() -> None:
    function = LocalFunction(APPLICATION)
    with pytest.raises(RuntimeError, match="use it in `with`"):
        function.invoke({"do": "count"})
    with pytest.raises(RuntimeError, match="use it in `with`"):
        function.push({"do": "count"})
    function.close()


def test_what_was_closed_takes_no_events() -> None:
    with LocalFunction(APPLICATION) as function:
        pass
    with pytest.raises(RuntimeError, match="before it is closed"):
        function.invoke({"do": "count"})


def test_the_log_and_the_answer_of_the_api_say_what_scf_says(run: Run) -> None:
    function = run(memory=256)
    good, bad = function.invoke({"do": "write"}), function.invoke({"do": "fail"})
    name = f"RequestId: {good.request_id}"
    lines = good.log.splitlines()
    assert lines[0] == f"START {name}"
    assert lines[1].startswith(f"Init Report {name} Coldstart: ")
    assert lines[-2] == f"END {name}"
    assert lines[-1].startswith(f"Report {name} Duration:{good.milliseconds}ms Memory: 256MB Mem")
    assert "in detail" in lines[2:-2]
    result = good.to_api_result()
    assert result == {
        "FunctionRequestId": good.request_id,
        "InvokeResult": 0,
        "RetMsg": "null",
        "ErrMsg": "",
        "Log": good.log,
        "Duration": good.seconds * 1000,
        "BillDuration": good.milliseconds,
        "MemUsage": good.memory,
    }
    assert 5 * 1024 * 1024 < result["MemUsage"] < 256 * 1024 * 1024
    assert result["Duration"] <= result["BillDuration"] < result["Duration"] + 1
    result = bad.to_api_result()
    assert (result["InvokeResult"], result["ErrMsg"]) == (1, "user code exception caught")
    assert json.loads(result["RetMsg"])["statusCode"] == 430
    assert "Init Report" not in bad.log
    assert f"ERROR RequestId: {bad.request_id} Result:{bad.text}" in bad.log.splitlines()


def test_a_source_is_what_it_is_when_the_function_starts(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(APPLICATION, source)
    function = run(source, python=sys.executable)
    shutil.rmtree(source)
    assert function.invoke({"do": "count"}).status == 200
