"""Credentials of an invocation."""

import pickle

import pytest

from scf_mps.context import Context
from scf_mps.cos import Credentials
from scf_mps.tencent.credentials import load_credentials


def test_credentials_are_read_for_each_invocation(monkeypatch):
    names = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
    sdk_names = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN")
    for name in (*names, *sdk_names):
        monkeypatch.delenv(name, raising=False)
    assert load_credentials() is None
    for name in sdk_names:
        monkeypatch.setenv(name, "sdk")
    assert (load_credentials().secret_id, load_credentials().token) == ("sdk", "sdk")
    context_text = ";".join(f"{name}=context-{name[-3:]}" for name in names)
    context = Context({"environ": f"broken;SCF_NAMESPACE=default;{context_text}"})
    keys = load_credentials(context)
    assert keys.secret_id == "context-TID"
    assert (keys.secret_key, keys.token) == ("context-KEY", "context-KEN")
    for name in names[:2]:
        monkeypatch.setenv(name, "environment")
    assert load_credentials().secret_id == "environment"
    assert load_credentials(Context({"environ": {"TENCENTCLOUD_SECRETID": "half"}})).token == ""
    assert load_credentials(Context({"environ": dict.fromkeys(names, "dict")})).token == "dict"
    assert load_credentials(Context({"environ": 5})).secret_id == "environment"


def test_credentials_are_not_shown_or_pickled():
    credentials = Credentials("AKIDabcdefghijkl", "the-secret", "the-token")
    assert "the-secret" not in repr(credentials)
    assert "the-token" not in repr(credentials)
    assert "temporary" in repr(credentials)
    assert "permanent" in repr(Credentials("a", "b"))
    with pytest.raises(TypeError):
        pickle.dumps(credentials)


def test_credentials_are_immutable():
    credentials = Credentials("id", "secret", "token")
    with pytest.raises(AttributeError):
        credentials.secret_id = "new-id"
    assert credentials.secret_id == "id"
