"""Two seconds of what `make fuzz` does for ten minutes; and that it would notice."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("aiohttp", reason="COS and MPS are emulated by it")
pytest.importorskip("tencentcloud.common", reason="MPS is asked by it")

from .fuzzer import CORPUS, MALFORMED, Broken, Case, fuzzer, run, signature


def test_whatever_is_valid_is_dispatched_and_whatever_is_not_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with fuzzer() as one:
        assert run(one, 1, seconds=2) is None, capsys.readouterr().out
        assert one.tally.examples > 10
        assert one.tally.dispatched > 0
        assert str(one.tally.examples) in str(one.tally)


def test_an_end_before_mps_knows_of_it_is_no_finding() -> None:
    event = {**CORPUS["mps_workflow_processing_querydoc"], **signature("signed")}
    event["WorkflowTaskEvent"] = {**event["WorkflowTaskEvent"], "Status": "FINISH"}
    request = {"httpMethod": "POST", "headers": {}, "body": json.dumps(event)}
    with fuzzer() as one:
        one.check(Case("http-reread", request, [event], reread=True))
        assert one.tally.outcomes == {"http-reread: HTTP 503": 1}


def test_what_is_not_as_it_must_be_is_noticed_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    event = CORPUS["mps_workflow_seed_mixed"]
    with fuzzer() as one:
        one.check(Case("trigger", event, [event]))
        for case in (
            Case("trigger", event, [MALFORMED]),
            Case("trigger", {}, [event]),
            Case("queue", {"msgBody": json.dumps(event)}, [CORPUS["synth_batch_task"]]),
            Case("http", event, [event]),
            Case("junk", {"httpMethod": "POST", "headers": {}, "body": 0}, [event]),
        ):
            with pytest.raises(Broken):
                one.check(case)
        one.addresses = dict.fromkeys(
            one.addresses, b""
        )  # the fuzzer believes that nothing is there
        found = run(one, 7, seconds=60)
        assert found is not None
        assert (
            f"seed {found}: Broken: summary came, not ['InvalidEvent']" in capsys.readouterr().out
        )
