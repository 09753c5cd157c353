"""Copies of an event for other places: a command, a test, the request that made it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pprint import pformat
from typing import Any

from .request_guard import CUSTOM_HEADER, Refusal

_WIDTH = 96


@dataclass(frozen=True, slots=True)
class Source:
    """The material of a copy.

    Attributes:
        task_id: of the event.
        event: the redacted event, None before there is one.
        request: the parameters of ProcessMedia, None if the event is not of a task of the local MPS.
        console: ``http://host:port`` of the console.
        api: ``host:port`` of the API emulator.
        key: secret id and key of the emulators.
    """

    task_id: str
    event: Mapping[str, Any] | None
    request: Mapping[str, Any] | None
    console: str
    api: str
    key: tuple[str, str]


def _need_event(source: Source) -> Mapping[str, Any]:
    if source.event is None:
        raise Refusal(409, f"the task {source.task_id} has no event yet. Wait for its end")
    return source.event


def _need_request(source: Source) -> Mapping[str, Any]:
    if source.request is None:
        raise Refusal(
            409,
            f"the task {source.task_id} is not of the local MPS and has no request. Copy it as JSON",
        )
    return source.request


def _build_json(source: Source) -> str:
    return json.dumps(_need_event(source), indent=2, ensure_ascii=False) + "\n"


def _build_document(source: Source) -> str:
    """Return the event as a here document. JSON in ASCII is one line and never ends it."""
    return f"<<'EOF'\n{json.dumps(_need_event(source))}\nEOF\n"


def _build_invoke(source: Source) -> str:
    return f"scf-mps invoke - {_build_document(source)}"


def _build_curl(source: Source) -> str:
    return (
        f"curl -sS {source.console}/api/events -H 'Content-Type: application/json' "
        f"-H '{CUSTOM_HEADER}: 1' --data-binary @- {_build_document(source)}"
    )


def _build_pytest(source: Source) -> str:
    event = _need_event(source)
    type_ = str(event.get("EventType") or event.get("NotificationType") or "event")
    name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type_).lower()).strip("_")
    return f'''"""Delivery of the event of {json.dumps(source.task_id)[1:-1]}."""

from handlers import main_handler

EVENT = {_format(event)}


def test_{name}_is_handled():
    summary = main_handler(EVENT, {{}})
    assert {{call["outcome"] for call in summary["callbacks"]}} == {{"done"}}
'''


def _build_sdk(source: Source) -> str:
    secret_id, secret_key = source.key
    return f"""import json

from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models, mps_client

PARAMETERS = {_format(_need_request(source))}

# The local MPS. In the cloud, use your credentials and no profile.
local = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint={source.api!r}))
client = mps_client.MpsClient(Credential({secret_id!r}, {secret_key!r}), "ap-guangzhou", local)
request = models.ProcessMediaRequest()
request.from_json_string(json.dumps(PARAMETERS))
print(client.ProcessMedia(request).TaskId)
"""


def _format(value: Mapping[str, Any]) -> str:
    return pformat(dict(value), width=_WIDTH, sort_dicts=False)


_FORMATS: Mapping[str, Callable[[Source], str]] = {
    "json": _build_json,
    "invoke": _build_invoke,
    "curl": _build_curl,
    "pytest": _build_pytest,
    "sdk": _build_sdk,
}


def build_copy(source: Source, name: str) -> str:
    """Return the text of a copy.

    Args:
        source: the event and its request.
        name: ``json``, ``invoke`` (a shell command), ``curl``, ``pytest`` or ``sdk`` (Python with the official SDK).

    Raises:
        Refusal: 404 for another name, 409 if the task has no event or no request.
    """
    build = _FORMATS.get(name)
    if build is None:
        raise Refusal(404, f"no copy as {name!r}. Use one of {', '.join(_FORMATS)}")
    return build(source)
