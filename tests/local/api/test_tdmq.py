"""Topics and queues that take messages, by the official client of any product."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception import TencentCloudSDKException

from scf_mps.local.api import CloudApi, Tdmq

from .conftest import REGION, credential, profile


@pytest.fixture
def tdmq() -> Tdmq:
    return Tdmq(topics=["media"], queues=["orders"])


@pytest.fixture
def client(tdmq: Tdmq) -> Iterator[CommonClient]:
    with CloudApi([tdmq]) as api:
        yield CommonClient("tdmq", "2020-02-17", credential(api), REGION, profile(api))


def ask(client: CommonClient, action: str, **parameters: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.call_json(action, parameters)["Response"]
    return answer


def refused(client: CommonClient, action: str, **parameters: Any) -> str:
    with pytest.raises(TencentCloudSDKException) as caught:
        ask(client, action, **parameters)
    return str(caught.value.code)


def test_what_is_sent_is_kept_by_region_and_name_in_order(client: CommonClient, tdmq: Tdmq) -> None:
    first = ask(client, "PublishCmqMsg", TopicName="media", MsgContent="one")
    second = ask(client, "PublishCmqMsg", TopicName="media", MsgContent="two")
    ask(client, "SendCmqMsg", QueueName="orders", MsgContent="three", DelaySeconds=0)
    assert first["Result"] is True
    assert first["MsgId"] != second["MsgId"]
    assert tdmq.sent == {
        (REGION, "topic/media"): ["one", "two"],
        (REGION, "queue/orders"): ["three"],
    }


def test_what_is_not_there_or_too_large_or_incomplete_is_refused(
    client: CommonClient, tdmq: Tdmq
) -> None:
    largest = "视" * (1024 * 1024 // 3) + "x"
    ask(client, "PublishCmqMsg", TopicName="media", MsgContent=largest)
    code = refused(client, "PublishCmqMsg", TopicName="media", MsgContent=f"{largest}x")
    assert code == "InvalidParameterValue"
    code = refused(client, "PublishCmqMsg", TopicName="orders", MsgContent="x")
    assert code == "ResourceNotFound"
    assert refused(client, "PublishCmqMsg", TopicName="media") == "MissingParameter"
    code = refused(client, "SendCmqMsg", QueueName="orders", MsgContent="x")
    assert code == "MissingParameter"
    assert [len(texts) for texts in tdmq.sent.values()] == [1]


def test_a_request_signed_with_another_key_is_refused(tdmq: Tdmq) -> None:
    with CloudApi([tdmq]) as api:
        keys = credential(api)
        keys.secret_key = "wrong"
        client = CommonClient("tdmq", "2020-02-17", keys, REGION, profile(api))
        code = refused(client, "PublishCmqMsg", TopicName="media", MsgContent="x")
    assert code == "AuthFailure.SignatureFailure"
    assert tdmq.sent == {}
