"""What came before: the logic of the official templates and of public handlers, written anew in a few lines each.

Every function here is wrong on purpose, in the one way that its docstring tells; `test_predecessors.py` shows how, and
that ours is not. Nothing of this is used elsewhere, and nothing is taken from anybody's code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from scf_mps.cos import Cos, CosError, Credentials

Notification = Mapping[str, Any]

# The official template that keeps callbacks in COS

PYTHON_2 = """\
def main_handler(event, context):
    print "received", event
"""
"""Written for Python 2.7, which no runtime of today has beside Python 3.10."""

TRIGGERS = """\
app: templates
component: scf
name: webhook
inputs:
  handler: index.main_handler
  runtime: Python3.10
  triggers:
    - type: mps
      parameters: {qualifier: $DEFAULT}
"""
"""A serverless.yml of the templates: `triggers` is a key that the component does not know."""


def text_of_message(event: Any) -> str:
    """Takes the event for a list of messages, as a CKafka trigger's sample does."""
    text: str = event[0].decode("unicode-escape")
    return text


def folder_of(seconds: float) -> str:
    """Uses a module that is never imported."""
    zone = pytz.timezone("Asia/Shanghai")  # type: ignore[name-defined]  # noqa: F821 - the defect
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d-%H")


class KeyInCode:
    """Holds a permanent key pair with an empty token, and a client that is made when the module is loaded."""

    def __init__(self, proxy: str, secret_id: str, secret_key: str) -> None:
        self.cos = Cos(Credentials(secret_id, secret_key, ""), proxy=proxy)

    def keep(self, event: Notification, to: str) -> None:
        self.cos.upload(json.dumps(event).encode(), to)


def random_name(seconds: int, chance: Random) -> str:
    """Tells objects of one second apart by a number from 1 to 200; every delivery is another object."""
    return f"{seconds}-{chance.randint(1, 200)}.txt"


def free_name(seconds: int, chance: Random, look: Callable[[str], object]) -> str:
    """Looks for a name that is not taken, by an error code that COS does not have, until it is found."""
    while True:
        name = random_name(seconds, chance)
        try:
            look(name)
        except CosError as error:
            if error.code == "NoSuchResource":
                return name


def append_and_upload(event: Notification, file: Path, upload: Callable[[bytes], object]) -> str:
    """Appends to one file of the instance, uploads it whole, and tells a failure in its return value."""
    with file.open("a") as kept:
        kept.write(json.dumps(event) + "\n")
    try:
        upload(file.read_bytes())
    except Exception:
        return "upload failed"
    file.unlink()
    return "uploaded"


# The official template that tells a group robot


def announcement(event: Notification) -> str:
    """Takes the first result, as if it were a transcode that succeeded, and announces that the task is completed."""
    task = event["WorkflowTaskEvent"]
    output = task["MediaProcessResultSet"][0]["TranscodeTask"]["Output"]
    bucket = output["OutputStorage"]["CosOutputStorage"]["Bucket"]
    return f"completed: {task['TaskId']} {output['Path']} in {bucket}, {task['Message']}"


def announcement_of_any(event: Notification) -> str:
    """Announces that the task is completed, without any look at its results."""
    task = event["WorkflowTaskEvent"]
    return f"completed: {task['TaskId']} {task['Status']} {task['Message']}"


def announce(event: Notification, post: Callable[[str], object]) -> None:
    """Posts with every delivery, and returns whether or not that went well."""
    with suppress(OSError):
        post(announcement(event))


ROBOT = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=00000000-1111-2222-3333-444444444444"
"""A robot's address in the code, with the key that lets anybody write to the group."""


def post_and_go(post: Callable[[str], int], text: str) -> list[Callable[[], int]]:
    """Begins a request and returns: what SCF does with work behind a return is frozen or lost."""
    return [lambda: post(text)]


def is_sent(status: int, _body: bytes) -> bool:
    """Believes the HTTP status, where robots tell an error in the body of a 200."""
    return status == 200


# VOD's official callback behind an API gateway


def swallowing(work: Callable[[], object]) -> dict[str, Any]:
    """Answers 200 whatever happened, so that nobody tries again."""
    try:
        work()
    except Exception as error:
        return {"statusCode": 200, "body": str(error)}
    return {"statusCode": 200, "body": "ok"}


def trusting(request: Mapping[str, Any], act: Callable[[Any], object]) -> dict[str, Any]:
    """Acts on the body of any HTTP request; ``Sign`` is not looked at."""
    act(json.loads(request["body"]))
    return {"statusCode": 200, "body": "ok"}


def answering_500(request: Mapping[str, Any], act: Callable[[Any], object]) -> dict[str, Any]:
    """Answers 500 to whatever it cannot handle, so that the sender repeats it for ever."""
    try:
        act(json.loads(request["body"]))
    except Exception as error:
        return {"statusCode": 500, "body": str(error)}
    return {"statusCode": 200, "body": "ok"}


# Public handlers

PUBLIC_FIELDS = {
    "Transcode": "TranscodeTask",
    "AnimatedGraphics": "AnimatedGraphicsTask",
    "ImageSprites": "ImageSpritesTask",
    "Face": "FaceTask",
    "AsrFullText": "AsrFullTextTask",
}
"""Names as they ought to be: neither the fields of the second and third line exist, nor the types of the last two."""

PUBLIC_SETS = ("MediaProcessResultSet", "SmartSubtitlesTaskResultSet")
"""Lists of results as they ought to be called: the second one is ``SmartSubtitlesTaskResult``."""


def payload_by_rule(event: Notification) -> Any:
    """Expects the payload below the event's type and ``Event``."""
    return event[f"{event['EventType']}Event"]


def result_by_rule(item: Mapping[str, Any]) -> Any:
    """Expects a result below its type and ``Task``; what is not there is nothing."""
    return item.get(f"{item['Type']}Task")


def results_by_name(event: Notification) -> list[Any]:
    """Collects results by the names above; any other is passed over without a word."""
    task = event["WorkflowTaskEvent"]
    items = [item for name in PUBLIC_SETS for item in task.get(name, [])]
    fields = [(item, PUBLIC_FIELDS.get(item["Type"], "")) for item in items]
    return [item[field] for item, field in fields if item.get(field)]


def has_succeeded_by_status(event: Notification) -> bool:
    """Compares the event's status with one that only results have."""
    return bool(event["WorkflowTaskEvent"]["Status"] == "SUCCESS")


def has_finished_well(event: Notification) -> bool:
    """Takes FINISH for success."""
    return bool(payload_by_rule(event)["Status"] == "FINISH")


def has_succeeded_by_message(event: Notification) -> bool:
    """Judges by the top-level message, which is meant for people and often empty."""
    return bool(payload_by_rule(event).get("Message") == "SUCCESS")


def has_succeeded_by_code(result: Mapping[str, Any]) -> bool:
    """Judges by an empty ErrCodeExt, which may be ``SUCCESS`` and which ten types do not have."""
    return bool(result["ErrCodeExt"] == "")


def path_of(result: Mapping[str, Any]) -> Any:
    """Means to be careful: the default is for a key that is not there, and this one is there and null."""
    return result.get("Output", {}).get("Path")


def first_path(event: Notification) -> Any:
    """Handles the first result and ignores the others."""
    return event["WorkflowTaskEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Output"]["Path"]


def url_of(path: str) -> str:
    """Puts a bucket from the code in front of a path."""
    return f"https://media-1250000000.cos.ap-guangzhou.myqcloud.com{path}"


def bucket_of(result: Mapping[str, Any]) -> Any:
    """Looks for the storage where a transcode has it."""
    return result["Output"].get("OutputStorage", {}).get("CosOutputStorage", {}).get("Bucket")


def region_of(event: Notification) -> Any:
    """Takes the region of the input for that of the outputs."""
    return event["WorkflowTaskEvent"]["InputInfo"]["CosInputInfo"]["Region"]


def key_of(path: str) -> str:
    """Takes a path for a key: with the slash in front, and be it a URL."""
    return path


def count_of_results(event: Notification) -> int:
    """Counts lists that may be null."""
    task = event["WorkflowTaskEvent"]
    return len(task["MediaProcessResultSet"]) + len(task["AiAnalysisResultSet"])


def strict_duration(output: Mapping[str, Any]) -> float:
    """Insists on the documented type, where MPS sends 60 for 60.0."""
    duration = output["Duration"]
    if type(duration) is not float:
        raise TypeError(f"expected a float, not {duration!r}")
    return duration


def modelled(result: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps the fields that a model had when it was written, and drops what MPS added since."""
    return {name: result.get(name) for name in ("Status", "ErrCode", "Message", "Input", "Output")}


def moment_of(text: str) -> datetime:
    """Expects a time in every field of a time."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def definition_of(result: Mapping[str, Any]) -> Any:
    """Takes the template from the output, where it may be 0."""
    return result["Output"]["Definition"]


def suggestion_of(activity: Mapping[str, Any]) -> Any:
    """Expects one review where an activity of a ScheduleTask has a list of them."""
    return activity["ActivityResItem"]["ReviewTask"]["Output"]["Suggestion"]


def type_by_task_id(task_id: str) -> str:
    """Reads the type of an event out of its task id."""
    return task_id.split("-")[1]


def log_line(event: Notification) -> str:
    """Logs the event as it came, with what a customer's storage is opened by."""
    return json.dumps(event)


def log_context(context: Mapping[str, Any]) -> str:
    """Logs the context as it came, with the function's own keys in its environment."""
    return json.dumps(context)
