"""Two seconds of `make fuzz`, and checks of the fuzzer itself."""

import json

import pytest

pytest.importorskip("aiohttp", reason="the emulators need it")
pytest.importorskip("tencentcloud.common", reason="the client of MPS needs it")

from .fuzzer import CORPUS, MALFORMED, Case, WrongOutcome, create_fuzzer, create_signature, run


def test_fuzzer_finds_nothing_in_two_seconds(capsys):
    with create_fuzzer() as one:
        assert run(one, 1, seconds=2) is None, capsys.readouterr().out
        assert one.tally.examples > 10
        assert one.tally.dispatched > 0
        assert str(one.tally.examples) in str(one.tally)


def test_finish_before_mps_knows_is_accepted():
    event = {**CORPUS["mps_workflow_processing_querydoc"], **create_signature("signed")}
    event["WorkflowTaskEvent"] = {**event["WorkflowTaskEvent"], "Status": "FINISH"}
    request = {"httpMethod": "POST", "headers": {}, "body": json.dumps(event)}
    with create_fuzzer() as one:
        one.check(Case("http-reread", request, [event], reread=True))
        assert one.tally.outcomes == {"http-reread: HTTP 503": 1}


def test_fuzzer_reports_wrong_outcomes(capsys):
    event = CORPUS["mps_workflow_seed_mixed"]
    with create_fuzzer() as one:
        one.check(Case("trigger", event, [event]))
        for case in (
            Case("trigger", event, [MALFORMED]),
            Case("trigger", {}, [event]),
            Case("queue", {"msgBody": json.dumps(event)}, [CORPUS["synth_batch_task"]]),
            Case("http", event, [event]),
            Case("junk", {"httpMethod": "POST", "headers": {}, "body": 0}, [event]),
        ):
            with pytest.raises(WrongOutcome):
                one.check(case)
        one.addresses = dict.fromkeys(one.addresses, b"")  # the fuzzer expects no archived events
        found = run(one, 7, seconds=60)
        assert found is not None
        assert f"seed {found}: WrongOutcome: " in capsys.readouterr().out
