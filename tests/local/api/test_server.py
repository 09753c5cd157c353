"""The server of the API: from a verified request to its action, faults, start and stop."""

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
from scf_mps.local.api.wire import build_tree
from scf_mps.local.request_log import RequestLog

from .support import REGION, assert_error, credential, get_error_code, profile, send


class Sample(Service):
    """A minimal service."""

    name = "sample"
    version = "2020-01-01"

    def __init__(self):
        self.calls = []
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
    """A later version with one more action."""

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
def call_api(api):
    def call_api(name, parameters=None, service="sample", version="2020-01-01", **options):
        region = options.pop("region", REGION)
        client = CommonClient(service, version, credential(api), region, profile(api, **options))
        return client.call_json(name, parameters or {})["Response"]

    return call_api


def wait_for(condition):
    """Wait until a condition holds, at most ten seconds."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def test_action_gets_call_and_returns_response(call_api, sample, api):
    response = call_api("CreateThing", {"Name": "a", "Parts": [{"Id": 1}]})

    assert (response["Name"], response["Size"]) == ("a", 7)
    (call,) = sample.calls
    assert call.request_id == response["RequestId"]
    assert (call.service, call.version, call.action) == ("sample", "2020-01-01", "CreateThing")
    assert (call.region, call.secret_id) == (REGION, api.key.secret_id)
    assert call.parameters == {"Name": "a", "Parts": [{"Id": 1}]}


@pytest.mark.parametrize(
    "options", [{"method": "GET"}, {"sign": "HmacSHA1"}, {"sign": "HmacSHA256", "method": "GET"}]
)
def test_flattened_parameters_become_tree(call_api, sample, options):
    parameters = {"Size": 3, "Tags": [{"Key": "a.b", "Values": ["x", "y"]}, {"Key": ""}]}

    response = call_api("CreateThing", parameters, **options)

    assert response["Size"] == 3
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
def test_flattened_trees_are_restored(parameters):
    assert build_tree(FLATTENER._fix_params(parameters)) == parameters


def test_contradictory_names_are_refused():
    for fields in ({"A": "1", "A.B": "2"}, {"A.B": "2", "A": "1"}):
        with pytest.raises(ApiError) as caught:
            build_tree(fields)
        assert caught.value.code == "InvalidParameter"


@pytest.mark.parametrize(
    ("code", "name", "options"),
    [
        ("InvalidAction", "ShrinkThing", {}),
        ("InvalidAction", "ShrinkThing", {"sign": "HmacSHA1"}),
        ("NoSuchProduct", "CreateThing", {"service": "cvm"}),
        ("NoSuchVersion", "CreateThing", {"version": "2019-01-01"}),
        ("NoSuchVersion", "CreateThing", {"version": "2019-01-01", "sign": "HmacSHA1"}),
        ("NoSuchVersion", "DescribeTasks", {"version": "2019-06-12", "service": "scf"}),
        ("UnsupportedRegion", "CreateThing", {"region": "mars-north"}),
        ("MissingParameter", "CreateThing", {"region": ""}),
    ],
)
def test_unknown_target_is_refused(call_api, code, name, options):
    assert_error(code, call_api, name, **options)


def test_later_version_may_have_more_actions(call_api):
    assert_error("InvalidAction", call_api, "DropThing")
    assert_error("FailedOperation.Heavy", call_api, "DropThing", version="2021-01-01")
    assert call_api("CreateThing", version="2021-01-01")["Name"] == "unnamed"


def test_duplicate_services_are_refused():
    with pytest.raises(ValueError, match="sample"):
        CloudApi([Sample(), Sample()])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_parameters_are_converted_to_their_type(call_api, method):
    assert call_api("CreateThing", {"Size": "12"}, method=method)["Size"] == 12
    assert call_api("FlipThing", {"Up": False}, method=method)["Up"] is False
    assert call_api("FlipThing", method=method)["Up"] is None
    assert_error("InvalidParameter", call_api, "CreateThing", {"Size": "big"}, method=method)
    assert_error("InvalidParameter", call_api, "CreateThing", {"Name": ["a"]}, method=method)
    assert_error("InvalidParameter", call_api, "FlipThing", {"Up": "maybe"}, method=method)


def test_null_parameter_is_missing(call_api):
    response = call_api("CreateThing", {"Name": None, "Size": None})

    assert (response["Name"], response["Size"]) == ("unnamed", 7)
    assert_error("InvalidParameter", call_api, "CreateThing", {"Size": True})


def test_exception_is_internal_error_and_logged(call_api, api, caplog):
    assert_error("InternalError", call_api, "BreakThing")

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
def test_body_must_be_json_object(api, built, body, content_type, code):
    client = CommonClient("sample", "2020-01-01", credential(api), REGION, profile(api))
    request = built("CreateThing", service="sample", version="2020-01-01")
    request.data = body
    request.header["Content-Type"] = content_type
    scope = request.header["Authorization"].partition("/")[2].split("/")
    signature = client._get_tc3_signature({}, request, scope[0], scope[1], api.key.secret_key)
    request.header["Authorization"] = request.header["Authorization"][:-64] + signature

    assert send(api, request).code == code


def test_form_with_json_type_is_accepted(api, built):
    request = built(parameters={"TaskId": "any"}, sign="HmacSHA1")
    request.header["Content-Type"] = "application/json"

    assert send(api, request).code == "InvalidParameterValue.TaskId"
    assert api.requests[-1].parameters == {"TaskId": "any"}


def test_other_methods_and_bodies_are_refused(api, built):
    request = built()
    request.method = "PUT"
    assert send(api, request).code == "UnsupportedProtocol"

    request = built(sign="HmacSHA1")
    request.header["Content-Type"] = "multipart/form-data"
    assert send(api, request).code == "UnsupportedProtocol"


def test_request_size_depends_on_signature_method(api, built, call_api):
    assert call_api("CreateThing", {"Name": "x" * 9_000_000})["Size"] == 7
    larger = {"Name": "x" * 11_000_000}
    thing = {"service": "sample", "version": "2020-01-01"}
    assert send(api, built("CreateThing", larger, **thing)).code == "RequestSizeLimitExceeded"
    large = {"Name": "x" * 1_100_000}
    form = built("CreateThing", large, sign="HmacSHA1", **thing)
    assert send(api, form).code == "RequestSizeLimitExceeded"
    query = built("CreateThing", {"Name": "x" * 40_000}, method="GET", **thing)
    assert send(api, query).code == "RequestSizeLimitExceeded"


@pytest.mark.parametrize(
    "host", ["mps.tencentcloudapi.com", "mps.ap-guangzhou.tencentcloudapi.com"]
)
@pytest.mark.parametrize("sign", ["TC3-HMAC-SHA256", "HmacSHA1"])
def test_host_names_product_for_proxied_clients(api, built, host, sign):
    request = built("DescribeTasks", {"Status": "FINISH"}, host=host, sign=sign)
    request.uri = f"http://{host}/"

    reply = send(api, request)

    assert reply.response["TotalCount"] == 0
    assert api.requests[-1].service == "mps"


def test_first_label_of_endpoint_may_be_product(api, built):
    request = built("DescribeTasks", {"Status": "FINISH"}, service="127")

    assert send(api, request).response["TotalCount"] == 0
    assert api.requests[-1].service == "mps"


def test_official_client_may_use_proxy_setting(api):
    by_proxy = profile(api)
    by_proxy.httpProfile.endpoint = None
    by_proxy.httpProfile.proxy = api.url
    client = CommonClient("mps", "2019-06-12", credential(api), REGION, by_proxy)

    assert client.call_json("DescribeTasks", {"Status": "FINISH"})["Response"]["TaskSet"] == []


def test_target_without_path_is_root(api, built):
    request = built("DescribeTasks", {"Status": "FINISH"}, host="mps.tencentcloudapi.com")
    request.uri = "http://mps.tencentcloudapi.com"

    assert send(api, request).code == ""


def test_signature_is_valid_for_one_product(api, built):
    request = built("DescribeTasks", host="scf.tencentcloudapi.com")

    assert send(api, request).code == "AuthFailure.SignatureFailure"


def test_request_log_is_bounded_and_has_no_secret(call_api, api):
    call_api("CreateThing", {"Name": "a"})
    get_error_code(call_api, "ShrinkThing")

    first, second = api.requests
    assert (first.action, first.parameters, first.code) == ("CreateThing", {"Name": "a"}, "")
    assert (second.action, second.code) == ("ShrinkThing", "InvalidAction")
    assert first.seconds > 0
    assert api.requests.of("ShrinkThing") == [second]
    assert api.key.secret_key not in repr(list(api.requests))
    api.requests.clear()
    assert len(api.requests) == 0
    short = RequestLog(size=1)
    for request in (first, second):
        short.add(request)
    assert list(short) == [second]


def test_clients_are_served_in_parallel(call_api, sample):
    waiting = threading.Thread(target=call_api, args=("WaitForThing",))
    waiting.start()
    assert sample.entered.wait(10)

    assert call_api("CreateThing")["Size"] == 7

    sample.leave.set()
    waiting.join(10)
    assert not waiting.is_alive()


def test_stop_does_not_wait_for_action(sample, caplog):
    with CloudApi([sample]) as api:
        client = CommonClient("sample", "2020-01-01", credential(api), REGION, profile(api))
        errors = []

        def call_api() -> None:
            try:
                client.call_json("WaitForThing", {})
            except Exception as error:
                errors.append(error)

        waiting = threading.Thread(target=call_api)
        waiting.start()
        assert sample.entered.wait(10)
    waiting.join(10)
    sample.leave.set()

    assert len(errors) == 1
    gc.collect()
    assert "pending" not in caplog.text  # asyncio's warning of tasks that were not finished
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", api.port))


def test_taken_port_is_an_error(api):
    with pytest.raises(OSError, match="in use"):
        CloudApi(port=api.port).__enter__()


@pytest.mark.parametrize("action_name", ["CreateThing", "*Thing", "*"])
def test_fault_returns_error_code(call_api, api, sample, action_name):
    api.faults.add(action_name, times=2, code="InternalError.Moon")

    assert_error("InternalError.Moon", call_api, "CreateThing")
    assert_error("InternalError.Moon", call_api, "CreateThing")
    assert call_api("CreateThing")["Size"] == 7
    assert len(sample.calls) == 1
    assert [request.code for request in api.requests] == ["InternalError.Moon"] * 2 + [""]


def test_faults_match_action_and_can_be_cleared(call_api, api):
    api.faults.add("FlipThing")
    api.faults.add("CreateThing")

    assert_error("RequestLimitExceeded", call_api, "CreateThing")
    assert call_api("CreateThing")["Size"] == 7
    api.faults.clear()
    assert call_api("FlipThing")["Up"] is None


def test_fault_returns_status(call_api, api):
    api.faults.add("CreateThing", kind="status", status=502)

    with pytest.raises(TencentCloudSDKException) as caught:
        call_api("CreateThing")

    assert caught.value.code == "ServerNetworkError"
    assert api.requests[-1].code == "(502)"


def test_fault_resets_connection_before_or_after_action(call_api, api, sample):
    for kind, done in (("hang_up", 0), ("lose_response", 1)):
        api.faults.add("CreateThing", kind=kind)

        with pytest.raises(TencentCloudSDKException) as caught:
            call_api("CreateThing")

        assert caught.value.code == "ClientNetworkError"
        assert len(sample.calls) == done
        assert api.requests[-1].code == "(hung up)"


def test_fault_delays_response(call_api, api):
    api.faults.add("CreateThing", kind="delay", seconds=0.1)

    assert call_api("CreateThing")["Size"] == 7
    assert api.requests[-1].seconds >= 0.1


def test_invalid_fault_is_refused(api):
    with pytest.raises(ValueError, match="fire"):
        api.faults.add("*", kind="fire")
    for seconds in (-1, 61):
        with pytest.raises(ValueError, match="delay"):
            api.faults.add("*", kind="delay", seconds=seconds)


def test_unsigned_requests_use_up_no_fault(api, built, call_api):
    api.faults.add("*")
    request = built("DescribeTasks")
    request.header["X-TC-Timestamp"] = "1"
    assert send(api, request).code == "AuthFailure.SignatureExpire"

    assert_error("RequestLimitExceeded", call_api, "CreateThing")


def test_response_is_lost_for_disconnected_client(api, built, sample, call_api):
    api.faults.add("WaitForThing", kind="lose_response")
    request = built("WaitForThing", service="sample", version="2020-01-01")
    connection = http.client.HTTPConnection("127.0.0.1", api.port)
    connection.request("POST", "/", request.data, request.header)
    assert sample.entered.wait(10)

    connection.close()
    # After the response to another request the server has noticed the disconnection.
    call_api("CreateThing")
    sample.leave.set()

    wait_for(lambda: api.requests.of("WaitForThing"))
    assert api.requests.of("WaitForThing")[0].code == "(hung up)"
    assert call_api("CreateThing")["Size"] == 7


def test_disconnected_client_does_not_break_server(api, call_api, sample):
    connection = http.client.HTTPConnection("127.0.0.1", api.port)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", "100")
    connection.endheaders(b"half")
    connection.close()

    assert call_api("CreateThing")["Size"] == 7


def test_connect_is_refused():
    with CloudApi([Sample()]) as api, socket.create_connection(("127.0.0.1", api.port)) as sent:
        sent.sendall(b"CONNECT mps.tencentcloudapi.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sent.recv(1000).startswith(b"HTTP/1.1 405 ")
