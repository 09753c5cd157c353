"""Topics and queues of TDMQ, with the official client of any product."""

import pytest
from tencentcloud.common.common_client import CommonClient

from scf_mps.local.api import CloudApi, Tdmq

from .support import REGION, assert_error, credential, get_error_code, profile


@pytest.fixture
def tdmq():
    return Tdmq(topics=["media"], queues=["orders"])


@pytest.fixture
def client(tdmq):
    with CloudApi([tdmq]) as api:
        yield CommonClient("tdmq", "2020-02-17", credential(api), REGION, profile(api))


def call(client, action, **parameters):
    return client.call_json(action, parameters)["Response"]


def test_messages_are_stored_by_region_and_name(client, tdmq):
    first = call(client, "PublishCmqMsg", TopicName="media", MsgContent="one")
    second = call(client, "PublishCmqMsg", TopicName="media", MsgContent="two")
    call(client, "SendCmqMsg", QueueName="orders", MsgContent="three", DelaySeconds=0)
    assert first["Result"] is True
    assert first["MsgId"] != second["MsgId"]
    assert tdmq.sent == {
        (REGION, "topic/media"): ["one", "two"],
        (REGION, "queue/orders"): ["three"],
    }


def test_invalid_message_is_refused(client, tdmq):
    largest = "视" * (1024 * 1024 // 3) + "x"
    call(client, "PublishCmqMsg", TopicName="media", MsgContent=largest)
    code = get_error_code(
        call, client, "PublishCmqMsg", TopicName="media", MsgContent=f"{largest}x"
    )
    assert code == "InvalidParameterValue"
    code = get_error_code(call, client, "PublishCmqMsg", TopicName="orders", MsgContent="x")
    assert code == "ResourceNotFound"
    assert_error("MissingParameter", call, client, "PublishCmqMsg", TopicName="media")
    code = get_error_code(call, client, "SendCmqMsg", QueueName="orders", MsgContent="x")
    assert code == "MissingParameter"
    assert [len(texts) for texts in tdmq.sent.values()] == [1]


def test_wrong_key_is_refused(tdmq):
    with CloudApi([tdmq]) as api:
        keys = credential(api)
        keys.secret_key = "wrong"
        client = CommonClient("tdmq", "2020-02-17", keys, REGION, profile(api))
        code = get_error_code(call, client, "PublishCmqMsg", TopicName="media", MsgContent="x")
    assert code == "AuthFailure.SignatureFailure"
    assert tdmq.sent == {}
