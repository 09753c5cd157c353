"""Tests of the function with the fixture `mps`: see docs/testing.md of scf-mps."""

import pytest
from scf_mps.testing import MpsFixture
from scf_mps.testing import event as e

PLAYER = "cos://player-1250000000.ap-guangzhou/"


def test_documentation_event_is_handled(mps: MpsFixture) -> None:
    assert mps.deliver(e.documentation()).assert_done().unhandled == []


def test_pictures_and_renditions_reach_callbacks(mps: MpsFixture) -> None:
    delivery = mps.deliver(e.workflow(e.transcode(), e.image_sprites())).assert_done()
    assert delivery.done == ["record_rendition", "record_sprites"]


def test_failed_result_is_logged_as_error(mps: MpsFixture) -> None:
    delivery = mps.deliver(e.workflow(e.transcode(fails="InternalError")))
    errors = [record.getMessage() for record in delivery.logs if record.levelname == "ERROR"]
    assert any("Transcode failed" in message for message in errors)


@pytest.mark.parametrize("event", [e.workflow(), e.schedule(), e.batch(), e.edit(), e.watermark()])
def test_every_event_type_is_accepted(mps: MpsFixture, event: dict[str, object]) -> None:
    assert mps.deliver(event).ok


@pytest.mark.mps(MPS_PUBLISH=f"{PLAYER}vod/")
def test_only_the_failed_copy_is_retried(mps: MpsFixture) -> None:
    player = mps.bucket(PLAYER)
    mps.cos.refuse("*ImageSprites*", "CopyObject")
    task = e.workflow(e.transcode(), e.image_sprites())
    first, second = mps.push(task).assert_done()
    assert (first["publish"], second["publish"]) == (["done", "failed"], ["skipped", "done"])
    player.assert_same(task.files, under="vod/")


@pytest.mark.mps(MPS_NOTIFY="wecom://KEY?lang=en")
def test_chat_gets_failures(mps: MpsFixture) -> None:
    mps.deliver(e.workflow(e.transcode(fails="InternalError"))).assert_done()
    assert mps.messages.only.lines[0] == "## MPS task failed: demo.mp4"


def test_redelivery_to_a_process_is_skipped(mps: MpsFixture) -> None:
    with mps.process(timeout=10) as function:
        function.push(e.documentation())
        function.push(e.documentation())
        function.settle()
    first, second = function.invocations
    assert [first.status, second.status] == [200, 200]
    assert {call["outcome"] for call in second.returned["callbacks"]} == {"skipped"}
