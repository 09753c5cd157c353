"""Status codes of an invocation, each caused by a real process."""

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

from .support import APPLICATION, Run


def write_source(folder: Path, code: str) -> Path:
    """Create a source folder with this entry file."""
    folder.mkdir()
    (folder / "index.py").write_text(code)
    return folder


values: list[Any] = [None, 0, "text", [1, 2.5, True], {"é": None}, "\ud800"]


def test_returned_value_is_json(run: Run) -> None:
    function = run()
    for value in values:
        invocation = function.invoke({"do": "give", "value": value})
        assert (invocation.status, invocation.succeeded) == (200, True)
        assert invocation.returned == value
        assert json.loads(invocation.text) == value
        assert invocation.error is None


def test_decimal_is_returned_as_text(run: Run) -> None:
    assert run().invoke({"do": "give_decimal"}).returned == "1.10"


def test_exception_is_430(run: Run) -> None:
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


def test_value_that_json_cannot_hold_is_430(run: Run) -> None:
    error = run().invoke({"do": "give_time"}).error
    assert error is not None
    assert error["statusCode"] == 430
    assert error["stackTrace"].endswith("Object of type datetime is not JSON serializable")


def test_return_value_has_at_most_6_mb(run: Run) -> None:
    function = run(memory=256)
    largest = 6 * 1024 * 1024 - 2  # with its quotes
    assert function.invoke({"do": "give_large", "size": largest}).status == 200
    invocation = function.invoke({"do": "give_large", "size": largest + 1})
    assert invocation.status == 407
    assert invocation.error is not None
    assert invocation.error["errorMessage"] == "The size of response exceeds the upper limit (6MB)"
    assert function.invoke({"do": "count"}).returned["events"] == 3


def test_function_over_timeout_is_433(run: Run) -> None:
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


def test_function_over_memory_limit_is_434(run: Run) -> None:
    function = run(memory=64)
    invocation = function.invoke({"do": "hoard"})
    assert invocation.status == 434
    assert invocation.memory > 64 * 1024 * 1024
    assert invocation.error is not None
    assert invocation.error["errorMessage"] == "Memory limit of 64 MB exceeded"
    assert function.instances == []


def test_short_memory_peak_counts(run: Run) -> None:
    function = run(memory=128)
    assert function.invoke({"do": "allocate", "megabytes": 64}).status == 200
    assert function.invoke({"do": "allocate", "megabytes": 128}).status == 434


def test_missing_memory_limits_cause_warning(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="NOT ENFORCED"):
        warn_if_unlimited(tmp_path)
    assert MemoryGauge(1, tmp_path).peak() == 0


def test_sys_exit_is_439(run: Run) -> None:
    function = run()
    invocation = function.invoke({"do": "leave"})
    assert invocation.status == 439
    assert invocation.error is not None
    assert invocation.error["errorMessage"] == "Process exited before completing request"
    assert "leaving" in invocation.records
    assert function.instances == []
    assert function.invoke({"do": "count"}).returned["events"] == 1


def test_crash_is_439_with_last_output(run: Run) -> None:
    invocation = run().invoke({"do": "crash"})
    assert invocation.status == 439
    assert invocation.records[-1] == "about to crash\n"


def test_failed_import_is_443_every_time(run: Run, tmp_path: Path) -> None:
    function = run(write_source(tmp_path / "source", "import requests\n"))
    first, second = function.invoke(), function.invoke()
    assert (first.status, first.cold) == (443, True)
    assert (second.status, second.cold) == (443, False)
    assert second.error is not None
    lines = second.error["errorMessage"].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ModuleNotFoundError: No module named 'requests'"
    assert second.error["requestId"] == second.request_id


@pytest.mark.parametrize("loader", ["imp", "path"])
def test_missing_handler_is_443(run: Run, loader: str) -> None:
    error = run(handler="index.main", loader=loader).invoke().error
    assert error is not None
    assert error["statusCode"] == 443
    assert error["errorMessage"].endswith("has no attribute 'main'")


def test_missing_entry_file_is_437(run: Run) -> None:
    error = run(handler="main.main_handler").invoke().error
    assert error is not None
    assert error["statusCode"] == 437
    assert error["errorMessage"] == "entry file main.py is missing in the root of the code"


def test_exit_while_loading_is_439(run: Run, tmp_path: Path) -> None:
    function = run(write_source(tmp_path / "source", "raise SystemExit\n"))
    invocation = function.invoke()
    assert (invocation.status, invocation.cold) == (439, True)
    assert function.instances == []


def test_loading_is_limited_by_init_timeout(run: Run, tmp_path: Path) -> None:
    function = run(write_source(tmp_path / "source", "while True: pass\n"), init_timeout=3)
    invocation = function.invoke()
    assert invocation.status == 433
    assert invocation.seconds == 0
    assert invocation.init_seconds is not None
    assert 3 <= invocation.init_seconds < 4
    assert invocation.error is not None
    assert invocation.error["errorMessage"] == "Initialization timed out after 3 seconds"


def test_event_that_is_not_json_is_400(run: Run) -> None:
    function = run()
    for accept in (function.invoke, function.push):
        with pytest.raises(InvocationRejected, match="JSON") as caught:
            accept(text="{'do': 'count'}")
        assert caught.value.status == 400
        with pytest.raises(InvocationRejected, match="JSON"):
            accept({"do": object()})
    assert function.invocations == []


def test_event_may_be_text_or_bytes(run: Run) -> None:
    text = json.dumps({"do": "give", "value": "é"}, ensure_ascii=False)
    function = run()
    for form in (text, *(text.encode(name) for name in ("utf-8", "utf-8-sig", "utf-16"))):
        assert function.invoke(text=form).returned == "é"


def test_synchronous_event_may_have_6_mb(run: Run) -> None:
    function = run(memory=256)
    event = json.dumps({"do": "count", "x": ""})
    largest = event.replace('""', f'"{"x" * (6 * 1024 * 1024 - len(event))}"')
    assert function.invoke(text=largest).status == 200
    with pytest.raises(InvocationRejected, match="6291457") as caught:
        function.invoke(text=largest + " ")
    assert caught.value.status == 406


def test_missing_credentials_are_platform_failure(run: Run) -> None:
    def no_keys() -> tuple[str, str, str]:
        raise LookupError("no such role")

    invocation = run(credentials=no_keys).invoke({"do": "count"})
    assert (invocation.status, invocation.instance) == (500, 0)
    assert invocation.error is not None
    assert invocation.error["errorMessage"] == "LookupError: no such role"


def test_missing_interpreter_is_platform_failure(run: Run, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nprintf '3.11\\ncpython\\n{python}\\n'\n")
    python.chmod(0o755)
    function = run(python=python)
    python.unlink()
    assert function.invoke({"do": "count"}).status == 500
    assert function.instances == []


def test_broken_interpreter_is_439_with_output(run: Run, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = -c ]; then printf "3.11\\ncpython\\n{python}\\n"; else echo broken; fi\n'
    )
    python.chmod(0o755)
    invocation = run(python=python).invoke({"do": "count"})
    assert (invocation.status, invocation.records) == (439, ("broken\n",))


def test_function_not_started_refuses_events() -> None:
    function = LocalFunction(APPLICATION)
    with pytest.raises(RuntimeError, match="not running"):
        function.invoke({"do": "count"})
    with pytest.raises(RuntimeError, match="not running"):
        function.push({"do": "count"})
    function.close()


def test_closed_function_refuses_events() -> None:
    with LocalFunction(APPLICATION) as function:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        function.invoke({"do": "count"})


def test_log_is_as_on_scf(run: Run) -> None:
    function = run(memory=256)
    success, failure = function.invoke({"do": "write"}), function.invoke({"do": "fail"})
    name = f"RequestId: {success.request_id}"
    lines = success.log.splitlines()
    assert lines[0] == f"START {name}"
    assert lines[1].startswith(f"Init Report {name} Coldstart: ")
    assert lines[-2] == f"END {name}"
    assert lines[-1].startswith(
        f"Report {name} Duration:{success.milliseconds}ms Memory: 256MB Mem"
    )
    assert "in detail" in lines[2:-2]
    assert 5 * 1024 * 1024 < success.memory < 256 * 1024 * 1024
    assert success.seconds * 1000 <= success.milliseconds < success.seconds * 1000 + 1
    assert failure.error["errorMessage"] == "user code exception caught"
    assert json.loads(failure.text)["statusCode"] == 430
    assert "Init Report" not in failure.log
    assert (
        f"ERROR RequestId: {failure.request_id} Result:{failure.text}" in failure.log.splitlines()
    )


def test_source_is_copied_at_start(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(APPLICATION, source)
    function = run(source, python=sys.executable)
    shutil.rmtree(source)
    assert function.invoke({"do": "count"}).status == 200
