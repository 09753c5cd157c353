"""Faults by the page: of MPS, COS, instances and webhooks."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from scf_mps.local.samples import sample
from tests.support.wait import wait_until

from .http_client import Page
from .projects import Start


def put(page: Page, document: Any) -> Any:
    return page.post("/api/faults", document, method="PUT")


def send_message(url: str) -> int:
    request = urllib.request.Request(f"{url}/hook", b"{}")
    try:
        with urllib.request.urlopen(request) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_faults_are_replaced_by_list(page: Page) -> None:
    assert page.read("/api/faults") == {"mps": [], "cos": [], "api": [], "webhooks": []}
    copy = {"kind": "error", "operation": "CopyObject", "status": 403, "code": "AccessDenied"}
    mps = {"kind": "fail", "type": "Transcode", "name": "InternalError", "times": 2}
    answer = put(page, {"cos": [copy], "mps": [mps]})
    (rule,) = answer["cos"]
    assert copy.items() <= rule.items()
    assert (rule["count"], rule["hits"]) == (None, 0)
    assert mps.items() <= answer["mps"][0].items()
    # An answer can be sent back. Lists that a document does not have stay.
    assert [each["operation"] for each in put(page, answer)["cos"]] == ["CopyObject"]
    answer = put(page, {"cos": []})
    assert (answer["cos"], len(answer["mps"])) == ([], 1)
    assert put(page, {"mps": []})["mps"] == []


def test_cos_fault_that_is_used_up_is_not_listed(page: Page) -> None:
    stack = page.console.stack
    rule = {
        "kind": "error",
        "operation": "PutObject",
        "count": 1,
        "status": 403,
        "code": "AccessDenied",
    }
    put(page, {"cos": [rule]})
    assert page.request("POST", "/api/videos?name=a.mp4", b"video").status == 502
    assert page.read("/api/faults")["cos"] == []
    assert stack.cos.faults.describe()["faults"] != []
    put(page, {"cos": []})
    assert stack.cos.faults.describe()["faults"] == []


def test_webhooks_answer_as_set(page: Page) -> None:
    url = page.console.stack.chat.url
    rules = [
        {"status": 500, "body": "no", "times": 2},
        {"status": 429, "headers": {"Retry-After": "1"}},
    ]
    answer = put(page, {"webhooks": rules})["webhooks"]
    assert [(rule["status"], rule["times"]) for rule in answer] == [(500, 2), (429, 1)]
    assert send_message(url) == 500
    assert [rule["times"] for rule in page.read("/api/faults")["webhooks"]] == [1, 1]
    assert put(page, {"webhooks": []})["webhooks"] == []
    assert send_message(url) == 204


def test_api_refuses_as_set(page: Page) -> None:
    stack = page.console.stack
    rules = [{"action": "Describe*", "code": "InternalError", "times": 2}, {"kind": "hang_up"}]
    answer = put(page, {"api": rules})["api"]
    assert [(rule["action"], rule["kind"], rule["times"]) for rule in answer] == [
        ("Describe*", "error", 2),
        ("*", "hang_up", 1),
    ]
    credential = Credential(stack.api.key.secret_id, stack.api.key.secret_key)
    http = HttpProfile(protocol="http", endpoint=stack.api.endpoint)
    client = CommonClient(
        "mps", "2019-06-12", credential, "ap-guangzhou", ClientProfile(httpProfile=http)
    )
    with pytest.raises(TencentCloudSDKException) as caught:
        client.call_json("DescribeTasks", {"Status": "FINISH"})
    assert caught.value.code == "InternalError"
    assert [rule["times"] for rule in page.read("/api/faults")["api"]] == [1, 1]
    assert put(page, {"api": []})["api"] == []
    assert client.call_json("DescribeTasks", {"Status": "FINISH"})["Response"]["TotalCount"] == 0


def test_killed_instance_is_replaced(start: Start) -> None:
    stack = start(has_console=True)
    page = Page(stack.console)
    page.post("/api/events", sample())
    stack.function.settle()
    (before,) = stack.function.instances
    assert "kill_instance" not in put(page, {"kill_instance": True})
    wait_until(lambda: not before.is_alive())
    page.post("/api/events", sample())
    stack.function.settle()
    assert [each.number for each in stack.function.instances] == [before.number + 1]


@pytest.mark.parametrize(
    "document",
    [
        {"other": []},
        {"cos": {}},
        {"cos": [1]},
        {"cos": [{"kind": "unknown"}]},
        {"cos": [{"operation": "PutObject"}]},
        {"cos": [{"kind": "error", "status": "500"}]},
        {"cos": [{"kind": "error", "unknown": 1}]},
        {"webhooks": [{"status": 42}]},
        {"webhooks": [{"times": 0}]},
        {"webhooks": [{"times": 1_000_000}]},
        {"webhooks": [{"body": 1}]},
        {"webhooks": [{"headers": []}]},
        {"mps": [{"kind": "unknown"}]},
        {"mps": [1]},
        {"mps": [{"kind": "fail", "type": "Transcode", "times": "x"}]},
    ],
)
def test_invalid_faults_change_nothing(shared_page: Page, document: Any) -> None:
    before = shared_page.read("/api/faults")
    valid = {"cos": [{"kind": "latency", "seconds": 0.0}], "webhooks": [{}]}
    reply = shared_page.request("PUT", "/api/faults", {**valid, **document})
    assert (reply.status, bool(reply.error)) == (400, True)
    assert shared_page.read("/api/faults") == before
