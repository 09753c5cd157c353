"""Helpers of the event tests: notifications and results in short form."""

from scf_mps import MissingField
from scf_mps.events.parser import parse_event
from scf_mps.events.view import View, get_schema

MAX_DEPTH = 12


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


def read_all_fields(view, depth=0):
    """Read every field of a view and of its nested views."""
    for attribute, (name, _, _) in get_schema(type(view)).items():
        try:
            value = getattr(view, attribute)
        except MissingField as error:
            assert name in str(error)  # noqa: PT017
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, View) and depth < MAX_DEPTH:
                read_all_fields(child, depth + 1)
