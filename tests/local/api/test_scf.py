"""Functions run by the official client of SCF."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import pytest
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from scf_mps.local.api import CloudApi, Scf
from scf_mps.local.scf import Invocation

from .support import REGION, assert_error, credential, get_error_code, profile

RESULT = Invocation("run-1", 200, '"done"', seconds=0.0125, memory=3_207_168)


@dataclass
class Function:
    """A function that records its events."""

    name: str = "events"
    namespace: str = "default"
    result: Invocation = RESULT
    invoked: list[str] = field(default_factory=list)
    pushed: list[str] = field(default_factory=list)

    def invoke(self, *, text):
        self.invoked.append(text)
        return self.result

    def push(self, *, text):
        self.pushed.append(text)
        return "push-1"


@pytest.fixture
def function(scf):
    first = Function()
    scf.add(first)
    return first


@pytest.fixture
def scf_client(api):
    return ScfClient(credential(api), REGION, profile(api))


def invoke(scf_client, **fields):
    request = models.InvokeRequest()
    request.from_json_string(json.dumps({"FunctionName": "events", **fields}))
    return scf_client.Invoke(request).Result


def invoke_function(scf_client, **fields):
    request = models.InvokeFunctionRequest()
    request.from_json_string(json.dumps({"FunctionName": "events", **fields}))
    return scf_client.InvokeFunction(request).Result


@pytest.mark.parametrize("kind", [{}, {"InvocationType": "RequestResponse"}])
def test_synchronous_call_returns_result(scf_client, function, kind):
    result = invoke(scf_client, ClientContext='{"a": 1}', **kind)

    assert function.invoked == ['{"a": 1}']
    assert (result.RetMsg, result.ErrMsg, result.Log) == ('"done"', "", "")
    assert (result.Duration, result.BillDuration) == (12.5, 13)
    assert (result.MemUsage, result.FunctionRequestId) == (3_207_168, "run-1")
    assert result.InvokeResult == 0


def test_missing_event_is_empty_object(scf_client, function):
    invoke(scf_client)
    invoke_function(scf_client)

    assert function.invoked == ["{}", "{}"]


def test_failed_function_is_successful_call(scf_client, function):
    function.result = replace(RESULT, status=430, text='{"errorMessage":"no"}')

    result = invoke(scf_client)

    assert (result.RetMsg, result.ErrMsg) == ("", '{"errorMessage": "no"}')
    assert result.InvokeResult == 430


def test_log_tail_is_returned_on_request(scf_client, function):
    function.result = replace(RESULT, records=("早" * 2000,))

    result = invoke(scf_client, LogType="Tail")

    assert function.result.log.endswith(result.Log)
    assert 4093 <= len(result.Log.encode()) <= 4096
    assert invoke(scf_client, LogType="None").Log == ""
    assert invoke_function(scf_client, LogType="Tail").Log == result.Log


def test_invoke_function_runs_function(scf_client, function):
    result = invoke_function(scf_client, Event='{"b": 2}', Qualifier="$DEFAULT")

    assert function.invoked == ['{"b": 2}']
    assert result.RetMsg == '"done"'


def test_asynchronous_call_queues_event(scf_client, function):
    result = invoke(scf_client, InvocationType="Event", ClientContext='{"a": 1}', LogType="Tail")

    assert (function.pushed, function.invoked) == (['{"a": 1}'], [])
    assert result.FunctionRequestId == "push-1"
    assert (result.RetMsg, result.Log, result.MemUsage, result.Duration) == ("", "", 0, 0)


def test_events_have_size_limits(scf_client, function):
    def event(size):
        return json.dumps("x" * (size - 2))

    invoke(scf_client, InvocationType="Event", ClientContext=event(128 * 1024))
    code = get_error_code(
        invoke, scf_client, InvocationType="Event", ClientContext=event(128 * 1024 + 1)
    )
    assert code == "InvalidParameter.RequestTooLarge"
    invoke(scf_client, ClientContext=event(6 * 1024 * 1024))
    code = get_error_code(invoke, scf_client, ClientContext=event(6 * 1024 * 1024 + 1))
    assert code == "InvalidParameter.RequestTooLarge"
    code = get_error_code(invoke_function, scf_client, Event=event(6 * 1024 * 1024 + 1))
    assert code == "InvalidParameter.RequestTooLarge"
    assert [len(payload) for payload in function.pushed] == [128 * 1024]
    assert [len(payload) for payload in function.invoked] == [6 * 1024 * 1024]


def test_invalid_call_is_refused(scf_client, function, scf):
    assert_error("ResourceNotFound.Function", invoke, scf_client, FunctionName="other")
    assert_error("ResourceNotFound.Function", invoke, scf_client, Namespace="other")
    assert_error("MissingParameter", invoke, scf_client, FunctionName=None)
    assert_error("ResourceNotFound.Qualifier", invoke, scf_client, Qualifier="3")
    assert_error("InvalidParameterValue.Param", invoke, scf_client, ClientContext="{")
    code = get_error_code(invoke, scf_client, InvocationType="Later")
    assert code == "InvalidParameterValue.InvokeType"
    assert function.invoked == []
    scf.remove("events")
    assert_error("ResourceNotFound.Function", invoke, scf_client)


def test_functions_of_one_name_differ_by_namespace():
    first, second = Function(), Function(namespace="live")
    with CloudApi([Scf([first, second])]) as api:
        scf_client = ScfClient(credential(api), REGION, profile(api))
        invoke(scf_client, Namespace="live", Qualifier="$LATEST")

    assert (len(first.invoked), len(second.invoked)) == (0, 1)
