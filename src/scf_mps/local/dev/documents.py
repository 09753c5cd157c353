"""JSON documents of the console: results, files, messages and log lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from scf_mps.common.redaction import MASK
from scf_mps.events.base import Event, Subtask

from ..chat_webhooks import ReceivedMessage
from ..frames import describe_frames, shorten_paths, split_traceback
from ..mail_sink import ReceivedMail
from ..messages import read_mail, read_message
from ..mps.model import Failure, Location, MediaTask, SubtaskState
from ..mps.result_fields import find_place
from .objects import build_file, find_media_type

Document = dict[str, Any]

MEANINGS = {
    "InvalidInput": "a parameter of the task is invalid",
    "InvalidInput.InvalidTimeOffset": "a time is after the end of the source, or the end is before the start",
    "InvalidInput.DefinitionNotExist": "no template has this Definition",
    "SourceFileError": "the source is missing, not a media file, or damaged",
    "SourceFileError.NoVideoMedia": "the source has no video, which this kind of subtask needs",
    "SourceFileError.NoVideoResolution": "the video of the source has no width or height",
    "InternalError": "MPS itself failed: submit the task again",
}
"""Meanings of ``ErrCodeExt`` (page 862/50369)."""

_KINDS = {
    "Transcode": "video",
    "AdaptiveDynamicStreaming": "hls",
    "AnimatedGraphics": "image",
    "SnapshotByTimeOffset": "images",
    "SampleSnapshot": "images",
    "ImageSprites": "sprites",
}
"""Kinds of media by type of result, for results without a main file."""
_MAIN_ROLES = ("main", "playlist")


def build_task_results(task: MediaTask) -> list[Document]:
    """Return a Result for each subtask of a task of the local MPS."""
    counts: dict[str, int] = {}
    results = []
    for state in task.subtasks:
        place = find_place(state.plan.type)
        number = counts.get(place.set, 0)
        counts[place.set] = number + 1
        name = f"{place.set}[{number}]" if place.type else place.set
        results.append(_build_task_result(state, name))
    return results


def _build_task_result(state: SubtaskState, place: str) -> Document:
    plan = state.plan
    files = [build_file(location, role, size) for role, location, size in state.files]
    return _build_result(
        {"place": place, "type": plan.type, "definition": plan.definition or None},
        files,
        dict(state.output) if state.output is not None else None,
        status=state.status,
        progress=state.progress,
        error=build_failure(state.failure),
        scripted=plan.is_scripted and plan.failure is None,
    )


def build_event_results(event: Event) -> list[Document]:
    """Return a Result for each subtask of an event that another MPS sent."""
    results = []
    for subtask in event.subtasks:
        output = subtask.raw.get("Output")
        error = subtask.error
        failure = Failure(error.code or 0, error.name, error.message) if error else None
        done = subtask.status in ("SUCCESS", "FAIL")
        results.append(
            _build_result(
                {"place": subtask.place, "type": subtask.type, "definition": subtask.definition},
                list(_list_event_files(subtask)),
                output if isinstance(output, dict) else None,
                status=subtask.status,
                progress=1.0 if done else 0.0,
                error=build_failure(failure),
                scripted=False,
            )
        )
    return results


def _list_event_files(subtask: Subtask) -> Iterator[Document]:
    role = {"images": "picture", "sprites": "sheet"}.get(_KINDS.get(subtask.type, ""), "main")
    for item in subtask.files:
        is_vtt = item.key.lower().endswith(".vtt")
        location = Location(item.bucket, item.region, item.key)
        yield build_file(location, "vtt" if is_vtt else role, None)


def _build_result(
    identity: Document, files: list[Document], output: Document | None, **state: Any
) -> Document:
    """Return a Result.

    Args:
        identity: place, type and definition.
        files: its files.
        output: the ``Output`` of the event.
        state: status, progress, error and scripted.
    """
    details = output or {}
    streams = details.get("VideoStreamSet") or [{}]
    main = next((item for role in _MAIN_ROLES for item in files if item["role"] == role), None)
    media = _find_kind(main) if main else _KINDS.get(identity["type"], "data")
    url = main["url"] if main and media != "data" else None
    definition = identity["definition"]
    return {
        **identity,
        "name": f"{identity['type']} {definition or ''}".strip(),
        **state,
        "media": media,
        "files": files,
        "play": url,
        "play_mp4": f"{url}?as=mp4" if url and media == "hls" else None,
        "width": details.get("Width"),
        "height": details.get("Height"),
        "duration": details.get("Duration"),
        "codec": streams[0].get("Codec"),
        "bitrate": details.get("Bitrate"),
        "fps": streams[0].get("Fps"),
        "size": details.get("Size") or (main and main["size"]),
        "container": details.get("Container"),
        "output": output,
    }


def _find_kind(file: Document) -> str:
    """Return the kind of medium of a result's main file."""
    type_ = find_media_type(file["name"]) or ""
    if type_.endswith("mpegurl"):
        return "hls"
    kind = type_.partition("/")[0]
    return kind if kind in ("video", "audio", "image") else "data"


def build_failure(failure: Failure | None) -> Document | None:
    """Return the error of a task or subtask with its meaning, or None."""
    if failure is None:
        return None
    meaning = MEANINGS.get(failure.name, "")
    return {
        "code": failure.code,
        "name": failure.name,
        "message": failure.message,
        "meaning": meaning,
    }


def find_poster(results: Iterable[Document]) -> str | None:
    """Return the URL of the first picture of a task, or None."""
    done = [result for result in results if result["status"] == "SUCCESS" and result["files"]]
    for kind in ("images", "image"):  # a still before an animation
        for result in done:
            if result["media"] == kind:
                url: str = result["files"][0]["url"]
                return url
    return None


def explain_load_error(text: str) -> str:
    """Return the exception in the text of a traceback, and the user's frames below it."""
    _, frames = split_traceback(text)
    lines = shorten_paths(text).rstrip().split("\n")
    return "\n".join([lines[-1], describe_frames(frames)] if frames else lines)


def build_message(received: ReceivedMessage, at: float) -> Document:
    """Return a Message. Its signature is hidden."""
    body = received.message
    raw = {**body, "sign": MASK} if isinstance(body, dict) and "sign" in body else body
    title, text = read_message(received.channel, body)
    lines = text.strip().splitlines()
    return {
        "at": at,
        "channel": received.channel,
        "title": title or (lines[0].lstrip("# ") if lines else received.channel),
        "text": text,
        "lines": lines,
        "raw": raw,
    }


def build_mail(received: ReceivedMail, at: float) -> Document:
    """Return the Message of a mail."""
    subject, text = read_mail(received)
    return {
        "at": at,
        "channel": "mail",
        "title": subject,
        "text": text,
        "lines": text.splitlines(),
        "raw": {
            "from": received.sender,
            "to": list(received.recipients),
            "subject": subject,
            "text": text,
        },
    }


_COMMON_FIELDS = ("time", "level", "logger", "message", "request_id", "task_id")
"""Fields of a log record that are not extras."""


def parse_log_record(text: str, at: float) -> tuple[Document, Mapping[str, Any]]:
    """Return the document of a written text, and the fields of a JSON log record (else empty).

    Args:
        text: what the function wrote.
        at: the time of arrival, used without a time in the record.
    """
    try:
        fields = json.loads(text) if text.startswith("{") else None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not fields.keys() >= {"level", "logger", "message"}:
        line = text.removesuffix("\n")
        return {"at": at, "level": "", "message": line, "text": line, "fields": {}}, {}
    extras = {name: value for name, value in fields.items() if name not in _COMMON_FIELDS}
    exception = shorten_paths(str(extras.pop("exception", "")))
    return {
        "at": _parse_time(fields.get("time"), at),
        "level": fields["level"],
        "message": fields["message"],
        "text": exception,
        "fields": extras,
    }, fields


def _parse_time(text: Any, default: float) -> float:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return default


def read_call(fields: Mapping[str, Any]) -> Document | None:
    """Return the callback, place, type, outcome, ms and error in a log record of the framework, or None."""
    needed = {"callback", "place", "type", "outcome"}
    if fields.get("logger") != "scf_mps" or not fields.keys() >= needed:
        return None
    outcome = fields["outcome"]
    reason = str(fields["message"]).partition(": ")[2]
    return {
        "place": fields["place"],
        "type": fields["type"],
        "callback": fields["callback"],
        "outcome": outcome,
        "ms": fields.get("duration_ms"),
        "error": reason if outcome not in ("done", "skipped") else "",
    }


def build_source(location: Location) -> tuple[str, str]:
    """Return the ``cos://`` address and the file name of a source. For a URL, the URL and its last part."""
    name = location.key.rpartition("/")[2]
    if not location.bucket:
        return location.key, name
    return f"cos://{location.bucket}.{location.region}/{location.key}", name


def build_source_file(location: Location, metadata: Mapping[str, Any] | None) -> Document | None:
    """Return the File of a source, or None if it is not in COS."""
    if not location.bucket:
        return None
    return build_file(location, "main", (metadata or {}).get("Size"))
