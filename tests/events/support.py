"""Helpers of the event tests: notifications and results in short form."""

from __future__ import annotations

from scf_mps.events.parser import parse_event


def body(status="SUCCESS", **fields):
    """Return the body of a result."""
    return {"Status": status, **fields}


def workflow(**payload):
    """Return a WorkflowTask notification with these fields in its payload."""
    payload = {"TaskId": "t1", "Status": "FINISH", "ErrCode": 0, **payload}
    return {"EventType": "WorkflowTask", "WorkflowTaskEvent": payload}


def media(*items):
    """Return a WorkflowTask notification with these entries in its set of media results."""
    return workflow(MediaProcessResultSet=list(items))


def parse_subtasks(notification):
    """Return the subtasks of a notification."""
    return parse_event(notification).subtasks


def parse_transcode(result):
    """Return the subtask of a Transcode result."""
    (subtask,) = parse_subtasks(media({"Type": "Transcode", "TranscodeTask": result}))
    return subtask
