"""Forward action: addresses, selection of events, and independent targets."""

import logging
import re

import pytest

pytest.importorskip("aiohttp", reason="the emulator of the API needs it")
pytest.importorskip("tencentcloud.common", reason="events are forwarded through it")
from scf_mps import Context
from scf_mps.actions import Archive, Forward
from scf_mps.errors import CallbacksFailed, RegistrationError
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample

from .support import ARCHIVE, CONTEXT, get_outcomes


def test_failing_target_does_not_stop_others(application, api, function):
    handlers = application(MPS_FORWARD="scf://missing.ap-guangzhou, scf://thumbnails.ap-guangzhou")
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(sample(), CONTEXT)
    assert get_outcomes(caught.value.summary) == {
        "scf-missing.ap-guangzhou": "failed",
        "scf-thumbnails.ap-guangzhou": "done",
    }
    assert len(function.pushed) == 1


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("", {"Edit", "Sprites", "Transcode"}),
        ("?types=EditMediaTask", {"Edit"}),
        ("?types=ImageSprites,EditMediaTask", {"Edit", "Sprites"}),
        ("?types=HoloTranscode", set[str]()),
        ("?session=order-*", {"Transcode"}),
        ("?session=nothing, order-4?", {"Transcode"}),
        ("?types=EditMediaTask, ImageSprites", {"Edit", "Sprites"}),
        ("?bucket=out-1250000000&types=Transcode", {"Transcode"}),
        ("?bucket=other-1250000000", set[str]()),
        ("?path=*Sprites*", {"Sprites"}),
        ("?source=videos/*&types=ImageSprites,Transcode", {"Sprites", "Transcode"}),
    ],
)
def test_target_gets_events_selected_by_options(application, api, function, options, wanted):
    handlers = application(MPS_FORWARD=f"scf://thumbnails.ap-guangzhou{options}")
    events = {
        "Edit": sample("EditMediaTask"),
        "Sprites": sample("WorkflowTask", ImageSprites="SUCCESS"),
        "Transcode": sample("WorkflowTask", Transcode="FAIL", session_context="order-42"),
    }
    forwarded = set()
    for name, event in events.items():
        if get_outcomes(handlers.main_handler(event, CONTEXT)):
            forwarded.add(name)
    assert forwarded == wanted
    assert len(function.pushed) == len(wanted)


def test_name_option_separates_targets_of_equal_name(application):
    one = "scf://thumbnails.ap-guangzhou?types=Transcode"
    with pytest.raises(RegistrationError, match="name="):
        application(MPS_FORWARD=f"{one},scf://thumbnails.ap-guangzhou?types=ImageSprites")
    both = f"{one},scf://thumbnails.ap-guangzhou?types=ImageSprites&name=sprites"
    assert "handlers.forwarding.sprites" in {
        route.name for route in application(MPS_FORWARD=both).app.routes
    }


@pytest.mark.parametrize(
    ("to", "word"),
    [
        ("ftp://host/hidden", "scheme"),
        ("hidden", "scheme"),
        ("scf://thumbnails", "scf://FUNCTION.REGION"),
        ("scf://thumbnails.guangzhou", "scf://FUNCTION.REGION"),
        ("scf://2.ap-guangzhou", "scf://FUNCTION.REGION"),
        ("cmq-topic://media", "cmq-topic://NAME.REGION"),
        ("cmq-queue://a/b.ap-guangzhou", "cmq-queue://NAME.REGION"),
        ("https://host/hidden", "secret="),
        ("http://host/hidden?secret=hidden", "https://"),
        ("https://me:hidden@host/?secret=hidden", "user:password@"),
        ("https://host:x/?secret=hidden", "https://host/path"),
        ("https:///hidden?secret=hidden", "https://host/path"),
        ("scf://thumbnails.ap-guangzhou?qualifer=2", "qualifier=?"),
        ("cmq-topic://media.ap-guangzhou?secret=hidden", "'secret'"),
        ("scf://thumbnails.ap-guangzhou?types=ImageSprite", "'ImageSprites'"),
        ("scf://thumbnails.ap-guangzhou?bucket=media", "APPID"),
        ("scf://thumbnails.ap-guangzhou?path=/a/*", "slash"),
        ("scf://thumbnails.ap-guangzhou?session=,", "session="),
        ("scf://thumbnails.ap-guangzhou?types=,", "types="),
    ],
)
def test_forward_rejects_invalid_address_without_showing_secret(to, word):
    with pytest.raises(ValueError, match=re.escape(word)) as caught:
        Forward(to)
    assert "hidden" not in str(caught.value)


def test_forward_works_without_router(api, function, cos):
    forward = Forward("scf://thumbnails.ap-guangzhou/", Archive(ARCHIVE))
    assert forward.name == "scf-thumbnails.ap-guangzhou"
    event = parse_event(sample())
    assert forward.wants(event)
    assert forward.target.send(event, Context(), cos, logging.getLogger("t")) == "request-1"
    assert repr(Forward("https://hooks.example.com/x?secret=s").target._address) == (
        "<Address hooks.example.com>"
    )
