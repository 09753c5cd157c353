"""Functions that are run by the official client of SCF."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from scf_mps.local.api import CloudApi, Scf

from .conftest import REGION, credential, profile


@dataclass
class Outcome:
    status: int = 200
    returned: str | None = '"done"'
    error: str = ""
    log: str = ""
    request_id: str = "run-1"
    seconds: float = 0.0125
    memory: int = 3_207_168


@dataclass
class Function:
    """Remembers what it was given."""

    name: str = "events"
    namespace: str = "default"
    outcome: Outcome = field(default_factory=Outcome)
    invoked: list[str] = field(default_factory=list)
    pushed: list[str] = field(default_factory=list)

    def invoke(self, payload: str) -> Outcome:
        self.invoked.append(payload)
        return self.outcome

    def push(self, payload: str) -> str:
        self.pushed.append(payload)
        return "push-1"


@pytest.fixture
def function(scf):
    one = Function()
    scf.add(one)
    return one


@pytest.fixture
def official(api):
    return ScfClient(credential(api), REGION, profile(api))


def invoke(official, **fields):
    request = models.InvokeRequest()
    request.from_json_string(json.dumps({"FunctionName": "events", **fields}))
    return official.Invoke(request).Result


def invoke_function(official, **fields):
    request = models.InvokeFunctionRequest()
    request.from_json_string(json.dumps({"FunctionName": "events", **fields}))
    return official.InvokeFunction(request).Result


def refused(work, *arguments, **named):
    with pytest.raises(TencentCloudSDKException) as caught:
        work(*arguments, **named)
    return caught.value.code


@pytest.mark.parametrize("kind", [{}, {"InvocationType": "RequestResponse"}])
def test_a_synchronous_call_tells_how_the_function_ended(official, function, kind):
    result = invoke(official, ClientContext='{"a": 1}', **kind)

    assert function.invoked == ['{"a": 1}']
    assert (result.RetMsg, result.ErrMsg, result.Log) == ('"done"', "", "")
    assert (result.Duration, result.BillDuration) == (12.5, 13)
    assert (result.MemUsage, result.FunctionRequestId) == (3_207_168, "run-1")
    assert result.InvokeResult == 0


def test_a_call_without_an_event_has_an_empty_one(official, function):
    invoke(official)
    invoke_function(official)

    assert function.invoked == ["{}", "{}"]


def test_a_failed_function_is_no_failed_call(official, function):
    function.outcome = Outcome(status=430, returned=None, error="ValueError: no")

    result = invoke(official)

    assert (result.RetMsg, result.ErrMsg, result.InvokeResult) == ("", "ValueError: no", 430)


def test_the_end_of_the_log_is_told_to_those_who_ask(official, function):
    function.outcome = Outcome(log="早" * 2000 + "last line")

    result = invoke(official, LogType="Tail")

    assert result.Log.endswith("早last line")
    assert 4093 <= len(result.Log.encode()) <= 4096
    assert invoke(official, LogType="None").Log == ""
    assert invoke_function(official, LogType="Tail").Log == result.Log


def test_the_newer_action_runs_a_function_as_well(official, function):
    result = invoke_function(official, Event='{"b": 2}', Qualifier="$DEFAULT")

    assert function.invoked == ['{"b": 2}']
    assert result.RetMsg == '"done"'


def test_an_asynchronous_call_hands_the_event_over(official, function):
    result = invoke(official, InvocationType="Event", ClientContext='{"a": 1}', LogType="Tail")

    assert (function.pushed, function.invoked) == (['{"a": 1}'], [])
    assert result.FunctionRequestId == "push-1"
    assert (result.RetMsg, result.Log, result.MemUsage, result.Duration) == ("", "", 0, 0)


def test_an_event_has_at_most_128_kilobytes_and_a_synchronous_one_6_megabytes(official, function):
    def event(size):
        return json.dumps("x" * (size - 2))

    invoke(official, InvocationType="Event", ClientContext=event(128 * 1024))
    code = refused(invoke, official, InvocationType="Event", ClientContext=event(128 * 1024 + 1))
    assert code == "InvalidParameter.RequestTooLarge"
    invoke(official, ClientContext=event(6 * 1024 * 1024))
    code = refused(invoke, official, ClientContext=event(6 * 1024 * 1024 + 1))
    assert code == "InvalidParameter.RequestTooLarge"
    code = refused(invoke_function, official, Event=event(6 * 1024 * 1024 + 1))
    assert code == "InvalidParameter.RequestTooLarge"
    assert [len(payload) for payload in function.pushed] == [128 * 1024]
    assert [len(payload) for payload in function.invoked] == [6 * 1024 * 1024]


def test_what_cannot_be_run_is_refused_by_the_code_for_it(official, function, scf):
    assert refused(invoke, official, FunctionName="other") == "ResourceNotFound.Function"
    assert refused(invoke, official, Namespace="other") == "ResourceNotFound.Function"
    assert refused(invoke, official, FunctionName=None) == "MissingParameter"
    assert refused(invoke, official, Qualifier="3") == "ResourceNotFound.Qualifier"
    assert refused(invoke, official, ClientContext="{") == "InvalidParameterValue.Param"
    code = refused(invoke, official, InvocationType="Later")
    assert code == "InvalidParameterValue.InvokeType"
    assert function.invoked == []
    scf.remove("events")
    assert refused(invoke, official) == "ResourceNotFound.Function"


def test_functions_of_one_name_live_in_different_namespaces():
    one, two = Function(), Function(namespace="live")
    with CloudApi([Scf([one, two])]) as api:
        official = ScfClient(credential(api), REGION, profile(api))
        invoke(official, Namespace="live", Qualifier="$LATEST")

    assert (len(one.invoked), len(two.invoked)) == (0, 1)
