"""Runtime of a function: loaders, code, variables, context, keys and output."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scf_mps.cos import Credentials
from scf_mps.local.cos import Key
from scf_mps.local.scf import LocalFunction
from scf_mps.local.scf.bootstrap import decode_messages, encode_message
from tests.support.interpreters import VERSIONS, find
from tests.support.optional_programs import skip_without_python

from .support import APPLICATION, LAYER, Run

LOCAL_VARIABLES = ("MPS_OF_THE_DESK", "HTTP_PROXY", "PYTHONPATH")


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each supported version of CPython that is installed."""
    required: str = request.param
    if find(required) is None:
        skip_without_python(required)
    return required


@pytest.fixture(scope="module", params=["imp", "path"])
def surroundings(
    version: str, request: pytest.FixtureRequest
) -> Iterator[tuple[LocalFunction, Any]]:
    """A function and its description of its surroundings, on each CPython with each loader."""
    with pytest.MonkeyPatch.context() as patch:
        for name in LOCAL_VARIABLES:
            patch.setenv(name, "of this process")
        with LocalFunction(
            APPLICATION,
            layer=LAYER,
            python=version,
            loader=request.param,
            timeout=30,
            memory=256,
            environment={"MPS_PUBLISH": "cos://a.b/c=d;e/", "LANG": "C.UTF-8"},
            credentials=("id", "key", "token"),
            name="my-function",
            namespace="videos",
            region="ap-beijing",
        ) as function:
            yield function, function.invoke({"do": "describe"})


def test_loaders_work_on_every_cpython(surroundings: Any, version: str) -> None:
    function, invocation = surroundings
    is_registered = function.loader == "imp"
    assert invocation.status == 200, invocation.log
    assert invocation.returned["version"].startswith(f"{version}.")
    assert invocation.returned["registered"] is is_registered
    assert invocation.returned["name"] == ("index" if is_registered else "")
    assert "loaded" in invocation.records


def test_variables_are_those_of_scf_and_function(surroundings: Any, version: str) -> None:
    _, invocation = surroundings
    environment = dict(invocation.returned["environment"])
    code = invocation.returned["directory"]
    opt = str(Path(code).parent / "opt")
    folder = Path(environment.pop("HOME")).parent
    assert environment.pop("TMPDIR") == f"{folder}/tmp"
    assert str(folder) == str(Path(code).parent / "instances" / "1")
    environment.pop("LC_CTYPE", None)  # set by CPython if the locale is missing
    assert environment == {
        "PATH": os.defpath,
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "MPS_PUBLISH": "cos://a.b/c=d;e/",
        "TENCENTCLOUD_RUNENV": "SCF",
        "USER_CODE_ROOT": f"{code}/",
        "SCF_RUNTIME": f"Python{version}",
        "SCF_FUNCTIONNAME": "my-function",
        "SCF_FUNCTIONVERSION": "$LATEST",
        "SCF_NAMESPACE": "videos",
        "TENCENTCLOUD_REGION": "ap-beijing",
        "TENCENTCLOUD_APPID": "1250000000",
        "TENCENTCLOUD_UIN": "100000000001",
        "TENCENTCLOUD_TZ": "UTC",
        "TENCENTCLOUD_SECRETID": "id",
        "TENCENTCLOUD_SECRETKEY": "key",
        "TENCENTCLOUD_SESSIONTOKEN": "token",
        "PYTHONPATH": f"{code}:{opt}",
        "PYTHONDONTWRITEBYTECODE": "x",
        "PWD": code,
        "_SCF_SERVER_PORT": "28902",
    }


def test_context_is_that_of_scf(surroundings: Any) -> None:
    _, invocation = surroundings
    assert invocation.returned["context"] == {
        "memory_limit_in_mb": 256,
        "time_limit_in_ms": 30000,
        "request_id": invocation.request_id,
        "environment": '{"SCF_NAMESPACE":"videos"}',
        "environ": "SCF_NAMESPACE=videos;TENCENTCLOUD_SECRETID=id;TENCENTCLOUD_SECRETKEY=key;"
        "TENCENTCLOUD_SESSIONTOKEN=token",
        "function_version": "$LATEST",
        "function_name": "my-function",
        "namespace": "videos",
        "tencentcloud_region": "ap-beijing",
        "tencentcloud_appid": "1250000000",
        "tencentcloud_uin": "100000000001",
    }


def test_path_has_runtime_code_layer_and_library(surroundings: Any) -> None:
    _, invocation = surroundings
    returned = invocation.returned
    code = returned["directory"]
    top = Path(code).parent
    assert returned["path"][:3] == [str(top / "runtime"), code, str(top / "opt")]
    assert not [entry for entry in returned["path"] if "-packages" in entry]
    assert returned["packages"] == []
    assert returned["layered"] == str(top / "opt")
    assert returned["builtins"] is True
    own_modules = {name: file for name, file in returned["modules"].items() if file}
    assert own_modules["__main__"] == str(top / "runtime" / "bootstrap.py")
    assert "scf_mps" not in own_modules


def test_process_is_as_on_scf(surroundings: Any) -> None:
    _, invocation = surroundings
    returned = invocation.returned
    assert returned["threads"] == 1
    assert len(returned["arguments"]) == 1
    assert returned["offset"] == 0
    assert returned["root"] == [10, 1]
    assert returned["at_import"] == "id"


def test_no_byte_code_is_written(surroundings: Any) -> None:
    _, invocation = surroundings
    top = Path(invocation.returned["directory"]).parent
    files = {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}
    assert files == {"user/index.py", "opt/layered.py", "runtime/bootstrap.py"}


def test_keys_are_missing_without_role(run: Run) -> None:
    function = run()
    returned = function.invoke({"do": "describe"}).returned
    assert not [name for name in returned["environment"] if "SECRET" in name or "TOKEN" in name]
    assert returned["context"]["environ"] == "SCF_NAMESPACE=default"


def test_keys_rotate_between_warm_invocations(run: Run) -> None:
    triples = iter([("id1", "key1", "token1"), ("id2", "key2", "token2")])
    function = run(credentials=lambda: next(triples))
    first, second = [function.invoke({"do": "describe_keys"}) for _ in range(2)]
    assert first.returned == [["id1", "key1", "token1"], ["id1", "key1", "token1"], "id1"]
    assert second.returned == [["id2", "key2", "token2"], ["id2", "key2", "token2"], "id1"]
    assert (first.instance, second.instance, second.cold) == (1, 1, False)


@pytest.mark.parametrize(
    ("keys", "token"), [(Credentials("id", "key", "token"), "token"), (Key("id", "key"), "")]
)
def test_keys_may_be_cos_credentials(run: Run, keys: Any, token: str) -> None:
    for credentials in (keys, lambda: keys):
        function = run(credentials=credentials)
        assert function.invoke({"do": "describe_keys"}).returned[0] == ["id", "key", token]
        assert "token" not in repr(function)


def test_code_and_layer_are_read_only_for_root(run: Run) -> None:
    invocation = run().invoke({"do": "change_code"})
    assert invocation.returned is not None, invocation.log
    assert len(invocation.returned) == 7
    assert set(invocation.returned) == {errno.EROFS}


def test_code_files_have_no_write_mode(run: Run) -> None:
    directory = Path(run().invoke({"do": "describe"}).returned["directory"])
    for path in (directory, directory / "index.py", directory.parent / "opt" / "layered.py"):
        assert path.stat().st_mode & 0o222 == 0


def test_instance_keeps_its_files_to_itself(run: Run) -> None:
    function = run()
    assert function.invoke({"do": "write_files"}).returned["found"] == []
    assert function.invoke({"do": "write_files"}).returned["found"] == ["mine", "mine"]
    function.invoke({"do": "leave"})
    assert function.invoke({"do": "write_files"}).returned["found"] == []


def test_every_write_is_a_record(run: Run) -> None:
    records = run().invoke({"do": "write"}).records
    assert records[:2] == ("loaded", "\n")
    written = [record for record in records[2:] if record != "past it\n"]
    assert written == ["a", " ", "1", "\n", "of", " errors", "in detail\n"]
    assert "past it\n" in records


def test_record_is_truncated_at_8_kb(run: Run) -> None:
    records = run().invoke({"do": "write_much"}).records
    assert records[2:] == ("é" * 4096, "\n")


def test_output_of_fork_is_logged(run: Run) -> None:
    invocation = run().invoke({"do": "fork"})
    assert invocation.status == 200
    assert "from the fork\n" in invocation.records


messages = st.dictionaries(st.text(max_size=5), st.none() | st.text(), max_size=3)


@settings(max_examples=30)
@given(st.lists(messages, max_size=5), st.integers(1, 50))
def test_messages_survive_any_chunking(sent: list[dict[str, Any]], size: int) -> None:
    data = b"".join(map(encode_message, sent))
    buffer, received = bytearray(), []
    for start in range(0, len(data), size):
        buffer += data[start : start + size]
        received += decode_messages(buffer)
    assert received == json.loads(json.dumps(sent))
    assert not buffer
