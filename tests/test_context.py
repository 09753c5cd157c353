"""The context of an invocation, whose keys may be missing."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import Context

WHOLE = {
    "memory_limit_in_mb": 128,
    "time_limit_in_ms": 3000,
    "request_id": "4f57f4f5-3c4b-11eb-8dcd-5254005dbf9e",
    "environment": '{"SCF_NAMESPACE":"default"}',
    "environ": "SCF_NAMESPACE=default;TENCENTCLOUD_SECRETKEY=do-not-show-me",
    "function_version": "$LATEST",
    "function_name": "mps-events",
    "namespace": "default",
    "tencentcloud_region": "ap-guangzhou",
    "tencentcloud_appid": "1250000000",
    "tencentcloud_uin": "100000000001",
}


class Clock:
    """A clock that a test sets."""

    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for variable in ("SCF_FUNCTIONNAME", "SCF_FUNCTIONVERSION", "TENCENTCLOUD_REGION"):
        monkeypatch.delenv(variable, raising=False)


def test_every_documented_key_is_read():
    context = Context(WHOLE)
    assert context.request_id == "4f57f4f5-3c4b-11eb-8dcd-5254005dbf9e"
    assert context.function == "mps-events"
    assert context.version == "$LATEST"
    assert context.namespace == "default"
    assert context.region == "ap-guangzhou"
    assert context.memory_limit == 128
    assert context.time_limit == 3.0
    assert context.raw is WHOLE


@pytest.mark.parametrize("raw", [None, {}, [], "text", 7, object()])
def test_missing_keys_have_defaults(raw):
    context = Context(raw)
    assert context.raw == {}
    texts = (context.request_id, context.function, context.version)
    assert (*texts, context.namespace, context.region) == ("",) * 5
    assert context.memory_limit is None
    assert context.time_limit == math.inf
    assert context.deadline == math.inf
    assert context.remaining() == math.inf
    assert repr(context) == "<Context>"


def test_context_without_dict_is_empty():
    assert Context().raw == {}


def test_missing_keys_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("SCF_FUNCTIONNAME", "from-environment")
    monkeypatch.setenv("SCF_FUNCTIONVERSION", "7")
    monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-shanghai")
    for raw in ({}, {"function_name": "", "function_version": None, "tencentcloud_region": 5}):
        context = Context(raw)
        assert context.function == "from-environment"
        assert context.version == "7"
        assert context.region == "ap-shanghai"
    context = Context(WHOLE)
    assert (context.function, context.version) == ("mps-events", "$LATEST")
    assert context.region == "ap-guangzhou"


def test_environment_is_read_at_each_access(monkeypatch):
    context = Context()
    monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-beijing")
    assert context.region == "ap-beijing"


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        (3000, 3.0),
        (1000, 1.0),
        (900_000, 900.0),
        (1500.5, 1.5005),
        (999, 999.0),  # the seconds that the emulator of PyPI scf 0.2.8 puts there
        (3, 3.0),
        (0.5, 0.5),
        (0, math.inf),
        (-1, math.inf),
        (None, math.inf),
        ("3000", math.inf),
        ([], math.inf),
    ],
)
def test_time_limit_below_1000_is_in_seconds(limit, seconds):
    context = Context({"time_limit_in_ms": limit}, clock=Clock())
    assert context.time_limit == seconds
    assert isinstance(context.time_limit, float)
    assert context.remaining() == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("limit", "megabytes"),
    [(256, 256), ("256", 256), (None, None), ("", None), ("256 MB", None), ("²", None), (-1, None)],
)
def test_memory_limit_may_be_text(limit, megabytes):
    assert Context({"memory_limit_in_mb": limit}).memory_limit == megabytes


def test_deadline_counts_from_the_beginning():
    clock = Clock(1000.0)
    context = Context({"time_limit_in_ms": 3000}, clock=clock)
    assert context.deadline == 1003.0
    assert context.clock is clock
    assert context.remaining() == 3.0
    clock.now = 1002.5
    assert context.remaining() == 0.5
    clock.now = 1004.0
    assert context.remaining() == -1.0


def test_clock_is_monotonic():
    context = Context({"time_limit_in_ms": 60_000})
    assert context.clock is time.monotonic
    assert 59 < context.remaining() <= 60


def test_repr_identifies_invocation_without_credentials():
    assert repr(Context(WHOLE)) == (
        "<Context request_id='4f57f4f5-3c4b-11eb-8dcd-5254005dbf9e' function_name='mps-events' "
        "function_version='$LATEST' namespace='default' tencentcloud_region='ap-guangzhou' "
        "memory_limit_in_mb=128 time_limit_in_ms=3000>"
    )
    assert repr(Context({"request_id": "r", "secret": "s"})) == "<Context request_id='r'>"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*WHOLE, "a_new_key"]), ANY_JSON) | ANY_JSON)
def test_any_values_can_be_read(raw):
    context = Context(raw, clock=Clock())
    texts = (context.request_id, context.function, context.version, context.namespace)
    assert all(isinstance(text, str) for text in (*texts, context.region, repr(context)))
    assert context.memory_limit is None or context.memory_limit >= 0
    assert context.time_limit > 0
    assert context.remaining() > 0 or math.isclose(context.remaining(), 0, abs_tol=1e-9)


@given(st.text(min_size=1))
def test_repr_has_no_text_of_environ(text):
    context = {"environ": f"<<{text}>>", "environment": f"<<{text}>>", "request_id": "r"}
    assert repr(Context(context)) == "<Context request_id='r'>"


def test_context_environ_keeps_values_with_semicolons():
    context = Context({"environ": "junk;A=1;MPS_NOTIFY=mailto:a@b.c;d@e.f;x?y=1;B=2;junk"})
    assert dict(context.environ) == {
        "A": "1",
        "MPS_NOTIFY": "mailto:a@b.c;d@e.f;x?y=1",
        "B": "2;junk",
    }
    assert dict(Context({"environ": {"A": "1", "B": 2}}).environ) == {"A": "1"}
    assert dict(Context({"environ": 5}).environ) == {}
