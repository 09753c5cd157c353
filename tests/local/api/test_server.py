"""From a request that is believed to the one action it asks for, and how the API is started and stopped."""

from __future__ import annotations

import gc
import http.client
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception import TencentCloudSDKException

from scf_mps.local.api import ApiError, Call, CloudApi, Mps, Scf, Service, action
from scf_mps.local.api.request_log import RequestLog
from scf_mps.local.api.wire import build_tree

from .conftest import REGION, Built, credential, profile, send


class Sample(Service):
    """A service of one's own is one class."""

    name = "sample"
    version = "2020-01-01"

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.entered = threading.Event()
        self.leave = threading.Event()

    @action("CreateThing")
    def create_thing(self, call: Call) -> Mapping[str, Any]:
        self.calls.append(call)
        return {"Name": call.text("Name", "unnamed"), "Size": call.integer("Size", 7)}

    @action("BreakThing")
    def break_thing(self, call: Call) -> Mapping[str, Any]:
        raise ZeroDivisionError("inside")

    @action("WaitForThing")
    def wait_for_thing(self, call: Call) -> Mapping[str, Any]:
        self.entered.set()
        self.leave.wait(30)
        return {}

    @action("FlipThing")
    def flip_thing(self, call: Call) -> Mapping[str, Any]:
        return {"Up": call.boolean("Up")}


class LaterSample(Sample):
    """What a service offers may be added to in a class below it."""

    version = "2021-01-01"

    @action("DropThing")
    def drop_thing(self, call: Call) -> Mapping[str, Any]:
        raise ApiError("FailedOperation.Heavy")


@pytest.fixture
def sample():
    return Sample()


@pytest.fixture
def api(sample):
    with CloudApi([sample, LaterSample(), Mps(), Scf()]) as running:
        yield running
        sample.leave.set()


@pytest.fixture
def ask(api):
    def ask(name, parameters=None, service="sample", version="2020-01-01", **chosen):
        region = chosen.pop("region", REGION)
        client = CommonClient(service, version, credential(api), region, profile(api, **chosen))
        return client.call_json(name, parameters or {})["Response"]

    return ask


def wait_for(condition):
    """Until it is so, ten seconds at most."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def refused(ask, *arguments, **named):
    with pytest.raises(TencentCloudSDKException) as caught:
        ask(*arguments, **named)
    assert caught.value.requestId
    return caught.value.code


def test_an_action_gets_its_call_and_its_answer_reaches_the_client(ask, sample, api):
    answer = ask("CreateThing", {"Name": "a", "Parts": [{"Id": 1}]})

    assert (answer["Name"], answer["Size"]) == ("a", 7)
    (call,) = sample.calls
    assert call.request_id == answer["RequestId"]
    assert (call.service, call.version, call.action) == ("sample", "2020-01-01", "CreateThing")
    assert (call.region, call.secret_id) == (REGION, api.key.secret_id)
    assert call.parameters == {"Name": "a", "Parts": [{"Id": 1}]}


@pytest.mark.parametrize(
    "chosen", [{"method": "GET"}, {"sign": "HmacSHA1"}, {"sign": "HmacSHA256", "method": "GET"}]
)
def test_flattened_parameters_become_the_tree_they_were(ask, sample, chosen):
    parameters = {"Size": 3, "Tags": [{"Key": "a.b", "Values": ["x", "y"]}, {"Key": ""}]}

    answer = ask("CreateThing", parameters, **chosen)

    assert answer["Size"] == 3
    assert sample.calls[0].parameters == {
        "Size": "3",
        "Tags": [{"Key": "a.b", "Values": ["x", "y"]}, {"Key": ""}],
    }


Names = st.sampled_from(["Name", "Value", "Filters", "Id"])
Trees = st.recursive(
    st.text(max_size=5),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3) | st.dictionaries(Names, inner, min_size=1)
    ),
    max_leaves=8,
)
FLATTENER = CommonClient("sample", "2020-01-01", None, REGION)


@given(st.dictionaries(Names, Trees))
def test_every_tree_that_the_official_client_flattens_comes_back(parameters):
    assert build_tree(FLATTENER._fix_params(parameters)) == parameters


def test_names_that_contradict_each_other_are_refused():
    for fields in ({"A": "1", "A.B": "2"}, {"A.B": "2", "A": "1"}):
        with pytest.raises(ApiError) as caught:
            build_tree(fields)
        assert caught.value.code == "InvalidParameter"


def test_what_is_not_offered_is_refused_by_the_code_for_it(ask):
    assert refused(ask, "ShrinkThing") == "InvalidAction"
    assert refused(ask, "CreateThing", service="cvm") == "NoSuchProduct"
    assert refused(ask, "CreateThing", version="2019-01-01") == "NoSuchVersion"
    assert refused(ask, "DescribeTasks", service="scf", version="2019-06-12") == "NoSuchVersion"
    assert refused(ask, "CreateThing", region="mars-north") == "UnsupportedRegion"
    assert refused(ask, "CreateThing", region="") == "MissingParameter"
    assert refused(ask, "CreateThing", sign="HmacSHA1", version="2019-01-01") == "NoSuchVersion"
    assert refused(ask, "ShrinkThing", sign="HmacSHA1") == "InvalidAction"


def test_a_service_may_have_a_later_version_with_more(ask):
    assert refused(ask, "DropThing") == "InvalidAction"
    assert refused(ask, "DropThing", version="2021-01-01") == "FailedOperation.Heavy"
    assert ask("CreateThing", version="2021-01-01")["Name"] == "unnamed"


def test_two_services_of_one_product_and_version_are_a_mistake():
    with pytest.raises(ValueError, match="sample"):
        CloudApi([Sample(), Sample()])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_parameters_have_the_types_they_are_asked_for_as(ask, method):
    assert ask("CreateThing", {"Size": "12"}, method=method)["Size"] == 12
    assert ask("FlipThing", {"Up": False}, method=method)["Up"] is False
    assert ask("FlipThing", method=method)["Up"] is None
    assert refused(ask, "CreateThing", {"Size": "big"}, method=method) == "InvalidParameter"
    assert refused(ask, "CreateThing", {"Name": ["a"]}, method=method) == "InvalidParameter"
    assert refused(ask, "FlipThing", {"Up": "maybe"}, method=method) == "InvalidParameter"


def test_a_null_is_a_parameter_that_is_not_given(ask):
    answer = ask("CreateThing", {"Name": None, "Size": None})

    assert (answer["Name"], answer["Size"]) == ("unnamed", 7)
    assert refused(ask, "CreateThing", {"Size": True}) == "InvalidParameter"


def test_what_breaks_inside_is_an_internal_error_and_in_the_log(ask, api, caplog):
    assert refused(ask, "BreakThing") == "InternalError"

    assert "BreakThing failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "inside" not in api.requests[-1].code


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ("[]", "application/json", "InvalidParameter"),
        ("{", "application/json", "InvalidParameter"),
        ("{}", "text/plain", "UnsupportedProtocol"),
        ("{}", "application/json; charset=utf-8", ""),
    ],
)
def test_a_body_is_a_json_object(api, built: Built, body, content_type, code):
    client = CommonClient("sample", "2020-01-01", credential(api), REGION, profile(api))
    request = built("CreateThing", service="sample", version="2020-01-01")
    request.data = body
    request.header["Content-Type"] = content_type
    scope = request.header["Authorization"].partition("/")[2].split("/")
    signature = client._get_tc3_signature({}, request, scope[0], scope[1], api.key.secret_key)
    request.header["Authorization"] = request.header["Authorization"][:-64] + signature

    assert send(api, request).code == code


def test_a_form_that_is_called_json_is_read_as_a_form(api, built: Built):
    request = built(parameters={"TaskId": "any"}, sign="HmacSHA1")
    request.header["Content-Type"] = "application/json"

    assert send(api, request).code == "InvalidParameterValue.TaskId"
    assert api.requests[-1].parameters == {"TaskId": "any"}


def test_other_methods_and_other_bodies_are_refused(api, built: Built):
    request = built()
    request.method = "PUT"
    assert send(api, request).code == "UnsupportedProtocol"

    request = built(sign="HmacSHA1")
    request.header["Content-Type"] = "multipart/form-data"
    assert send(api, request).code == "UnsupportedProtocol"


def test_requests_may_be_as_large_as_their_signature_allows(api, built: Built, ask):
    assert ask("CreateThing", {"Name": "x" * 9_000_000})["Size"] == 7
    larger = {"Name": "x" * 11_000_000}
    thing = {"service": "sample", "version": "2020-01-01"}
    assert send(api, built("CreateThing", larger, **thing)).code == "RequestSizeLimitExceeded"
    large = {"Name": "x" * 1_100_000}
    of_form = built("CreateThing", large, sign="HmacSHA1", **thing)
    assert send(api, of_form).code == "RequestSizeLimitExceeded"
    of_query = built("CreateThing", {"Name": "x" * 40_000}, method="GET", **thing)
    assert send(api, of_query).code == "RequestSizeLimitExceeded"


@pytest.mark.parametrize(
    "host", ["mps.tencentcloudapi.com", "mps.ap-guangzhou.tencentcloudapi.com"]
)
@pytest.mark.parametrize("sign", ["TC3-HMAC-SHA256", "HmacSHA1"])
def test_the_host_names_the_product_for_clients_that_come_by_a_proxy(api, built, host, sign):
    request = built("DescribeTasks", {"Status": "FINISH"}, host=host, sign=sign)
    request.uri = f"http://{host}/"

    reply = send(api, request)

    assert reply.response["TotalCount"] == 0
    assert api.requests[-1].service == "mps"


def test_a_client_may_take_the_first_word_of_its_endpoint_for_the_product(api, built: Built):
    request = built("DescribeTasks", {"Status": "FINISH"}, service="127")

    assert send(api, request).response["TotalCount"] == 0
    assert api.requests[-1].service == "mps"


def test_the_official_client_reaches_it_as_a_proxy(api):
    by_proxy = profile(api)
    by_proxy.httpProfile.endpoint = None
    by_proxy.httpProfile.proxy = api.url
    client = CommonClient("mps", "2019-06-12", credential(api), REGION, by_proxy)

    assert client.call_json("DescribeTasks", {"Status": "FINISH"})["Response"]["TaskSet"] == []


def test_a_target_without_a_path_is_the_root(api, built):
    request = built("DescribeTasks", {"Status": "FINISH"}, host="mps.tencentcloudapi.com")
    request.uri = "http://mps.tencentcloudapi.com"

    assert send(api, request).code == ""


def test_a_signature_for_one_product_is_none_for_another(api, built: Built):
    request = built("DescribeTasks", host="scf.tencentcloudapi.com")

    assert send(api, request).code == "AuthFailure.SignatureFailure"


def test_the_journal_keeps_the_last_requests_and_no_secret(ask, api):
    ask("CreateThing", {"Name": "a"})
    refused(ask, "ShrinkThing")

    one, two = api.requests
    assert (one.action, one.parameters, one.code) == ("CreateThing", {"Name": "a"}, "")
    assert (two.action, two.code) == ("ShrinkThing", "InvalidAction")
    assert one.seconds > 0
    assert api.requests.of("ShrinkThing") == [two]
    assert api.key.secret_key not in repr(list(api.requests))
    api.requests.clear()
    assert len(api.requests) == 0
    short = RequestLog(size=1)
    for request in (one, two):
        short.add(request)
    assert list(short) == [two]


def test_clients_are_served_side_by_side(ask, sample):
    waiting = threading.Thread(target=ask, args=("WaitForThing",))
    waiting.start()
    assert sample.entered.wait(10)

    assert ask("CreateThing")["Size"] == 7

    sample.leave.set()
    waiting.join(10)
    assert not waiting.is_alive()


def test_a_stop_does_not_wait_for_what_an_action_does(sample, caplog):
    with CloudApi([sample]) as api:
        client = CommonClient("sample", "2020-01-01", credential(api), REGION, profile(api))
        ends: list[Exception] = []

        def ask() -> None:
            try:
                client.call_json("WaitForThing", {})
            except Exception as error:
                ends.append(error)

        waiting = threading.Thread(target=ask)
        waiting.start()
        assert sample.entered.wait(10)
    waiting.join(10)
    sample.leave.set()

    assert len(ends) == 1
    gc.collect()
    assert "pending" not in caplog.text  # what asyncio says of tasks that nobody ended
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", api.port))


def test_a_port_that_is_taken_is_an_error_and_a_free_one_can_be_chosen(api):
    with pytest.raises(OSError, match="in use"):
        CloudApi(port=api.port).__enter__()


@pytest.mark.parametrize("action_name", ["CreateThing", "*Thing", "*"])
def test_an_error_code_can_be_asked_for(ask, api, sample, action_name):
    api.faults.add(action_name, times=2, code="InternalError.Moon")

    assert refused(ask, "CreateThing") == "InternalError.Moon"
    assert refused(ask, "CreateThing") == "InternalError.Moon"
    assert ask("CreateThing")["Size"] == 7
    assert len(sample.calls) == 1
    assert [request.code for request in api.requests] == ["InternalError.Moon"] * 2 + [""]


def test_faults_of_other_actions_stay_and_all_can_be_taken_back(ask, api):
    api.faults.add("FlipThing")
    api.faults.add("CreateThing")

    assert refused(ask, "CreateThing") == "RequestLimitExceeded"
    assert ask("CreateThing")["Size"] == 7
    api.faults.clear()
    assert ask("FlipThing")["Up"] is None


def test_a_status_can_be_asked_for(ask, api):
    api.faults.add("CreateThing", kind="status", status=502)

    with pytest.raises(TencentCloudSDKException) as caught:
        ask("CreateThing")

    assert caught.value.code == "ServerNetworkError"
    assert api.requests[-1].code == "(502)"


def test_a_connection_can_be_ended_before_or_after_the_work_is_done(ask, api, sample):
    for kind, done in (("hang_up", 0), ("lose_response", 1)):
        api.faults.add("CreateThing", kind=kind)

        with pytest.raises(TencentCloudSDKException) as caught:
            ask("CreateThing")

        assert caught.value.code == "ClientNetworkError"
        assert len(sample.calls) == done
        assert api.requests[-1].code == "(hung up)"


def test_an_answer_can_be_late(ask, api):
    api.faults.add("CreateThing", kind="delay", seconds=0.1)

    assert ask("CreateThing")["Size"] == 7
    assert api.requests[-1].seconds >= 0.1


def test_faults_that_there_are_not_are_a_mistake(api):
    with pytest.raises(ValueError, match="fire"):
        api.faults.add("*", kind="fire")
    for seconds in (-1, 61):
        with pytest.raises(ValueError, match="delay"):
            api.faults.add("*", kind="delay", seconds=seconds)


def test_strangers_use_up_no_fault(api, built: Built, ask):
    api.faults.add("*")
    request = built("DescribeTasks")
    request.header["X-TC-Timestamp"] = "1"
    assert send(api, request).code == "AuthFailure.SignatureExpire"

    assert refused(ask, "CreateThing") == "RequestLimitExceeded"


def test_an_answer_can_be_lost_that_nobody_waits_for(api, built: Built, sample, ask):
    api.faults.add("WaitForThing", kind="lose_response")
    request = built("WaitForThing", service="sample", version="2020-01-01")
    connection = http.client.HTTPConnection("127.0.0.1", api.port)
    connection.request("POST", "/", request.data, request.header)
    assert sample.entered.wait(10)

    connection.close()
    # What is answered after that has been served when the server knows that the connection is gone.
    ask("CreateThing")
    sample.leave.set()

    wait_for(lambda: api.requests.of("WaitForThing"))
    assert api.requests.of("WaitForThing")[0].code == "(hung up)"
    assert ask("CreateThing")["Size"] == 7


def test_a_client_that_goes_away_does_no_harm(api, ask, sample):
    connection = http.client.HTTPConnection("127.0.0.1", api.port)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", "100")
    connection.endheaders(b"half")
    connection.close()

    assert ask("CreateThing")["Size"] == 7


def test_connect_of_an_https_client_is_refused() -> None:
    with CloudApi([Sample()]) as api, socket.create_connection(("127.0.0.1", api.port)) as sent:
        sent.sendall(b"CONNECT mps.tencentcloudapi.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sent.recv(1000).startswith(b"HTTP/1.1 405 ")
