"""Routes of the console: the table of its HTTP API and the functions behind it.

A function returns a response, or a document that is sent as JSON. What may take longer than a few milliseconds runs
in a thread.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import hdrs, web

from scf_mps.common.redaction import redact

from ..api.service import Call
from ..mps.model import Location
from . import copies, faults, sent_events, uploads
from .request import Request
from .request_guard import SAFE_METHODS, Refusal
from .state import build_state
from .static_files import INDEX

if TYPE_CHECKING:
    from .server import Console

Handler = Callable[["Console", Request], Awaitable["web.StreamResponse | dict[str, Any]"]]


class Route(NamedTuple):
    """A row of the table. In a pattern ``{name}`` is one segment and ``{name*}`` all that follow."""

    method: str
    pattern: str
    handler: Handler


# The page


async def send_page(console: Console, request: Request) -> web.StreamResponse:
    """Send the page or one of its files."""
    name = request.parameters.get("name", INDEX)
    return console.static_files.respond(name, request.raw.headers)


async def send_changes(console: Console, request: Request) -> web.StreamResponse:
    """Send changes as they happen."""
    return await console.streams.serve(request)


async def send_object(console: Console, request: Request) -> web.StreamResponse | dict[str, Any]:
    """Send an object, its headers (``?meta``), or the MP4 of a playlist (``?as=mp4``)."""
    parameters = request.parameters
    location = Location(parameters["bucket"], parameters["region"], parameters["key"])
    if "meta" in request.query:
        headers: dict[str, Any] = await console.objects.read_headers(location)
        return headers
    form = request.query.get("as")
    if form is None:
        return await console.objects.send(request.raw, location)
    if form != "mp4":
        raise Refusal(400, f"unknown form as={form[:20]!r}. Use mp4")
    path = await console.remuxes.make_file(location)
    return web.FileResponse(path, headers={hdrs.CONTENT_TYPE: "video/mp4"})


# Tasks


async def get_state(console: Console, request: Request) -> dict[str, Any]:
    """Return the state of the stack."""
    return build_state(console.stack, console.objects)


async def list_tasks(console: Console, request: Request) -> dict[str, Any]:
    """Return a page of tasks, newest first."""
    query = request.query
    try:
        rows, before = await asyncio.to_thread(
            console.stack.activity.list_tasks,
            status=query.get("status", ""),
            failed=query.get("failed", "") not in ("", "0"),
            query=query.get("q", ""),
            before=query.get("before", ""),
        )
    except ValueError as error:
        raise Refusal(400, str(error)) from None
    return {"tasks": rows, "before": before}


async def get_task(console: Console, request: Request) -> dict[str, Any]:
    """Return everything about a task."""
    id_ = request.parameters["id"]
    document = await asyncio.to_thread(console.stack.activity.read_task, id_)
    if document is None:
        raise _build_unknown_task(id_)
    return document


async def submit_task(console: Console, request: Request) -> dict[str, Any]:
    """Submit a task with the parameters of ProcessMedia, as a client of the API does."""
    parameters = await request.read_fields()
    service, key = console.service, console.stack.cos.key
    id_ = str(uuid.uuid4())
    call = Call(service.name, service.version, "ProcessMedia", "", parameters, key.secret_id, id_)
    response = await asyncio.to_thread(service.perform, call)
    return {"task": response["TaskId"]}


async def repeat_task(console: Console, request: Request) -> dict[str, Any]:
    """Submit the request of a task again."""
    id_ = request.parameters["id"]
    try:
        return {"task": await asyncio.to_thread(console.stack.mps.again, id_)}
    except KeyError:
        raise Refusal(404, f"the local MPS has no task {id_[:80]!r}. Redeliver its event") from None


async def abort_task(console: Console, request: Request) -> dict[str, Any]:
    """End a task that waits."""
    await asyncio.to_thread(console.stack.mps.abort, request.parameters["id"])
    return {}


async def redeliver_task(console: Console, request: Request) -> dict[str, Any]:
    """Deliver the event of a task again, and run the named callbacks again."""
    id_ = request.parameters["id"]
    force = (await request.read_fields("force")).get("force") or []
    if not (isinstance(force, list) and all(isinstance(name, str) for name in force)):
        raise Refusal(400, "force is not a list of names of callbacks")
    try:
        return {"request_id": await asyncio.to_thread(console.stack.redeliver, id_, force)}
    except KeyError:
        raise Refusal(404, f"the task {id_!r} has no event to deliver") from None


async def copy_task(console: Console, request: Request) -> web.StreamResponse:
    """Return the event of a task in a form for another place."""
    stack, id_ = console.stack, request.parameters["id"]
    row = await asyncio.to_thread(stack.activity.find_row, id_)
    if row is None:
        raise _build_unknown_task(id_)
    task = await asyncio.to_thread(stack.mps.store.get, id_)
    source = copies.Source(
        id_,
        await asyncio.to_thread(stack.activity.read_event, id_),
        redact(task.request) if task else None,
        console.url,
        stack.api.endpoint,
        (stack.cos.key.secret_id, stack.cos.key.secret_key),
    )
    return web.Response(text=copies.build_copy(source, request.query.get("as", "json")))


def _build_unknown_task(id_: str) -> Refusal:
    return Refusal(404, f"no task {id_[:80]!r}: it may be older than the history")


# Videos and objects


async def upload_video(console: Console, request: Request) -> dict[str, Any]:
    """Store a video and return the task that processes it."""
    uploads.check_size(request.raw.content_length)
    key = uploads.build_key(console.stack.input.key, request.query.get("name", ""))
    return await _store(console, key, request.raw.content, request.query.get("workflow", ""))


async def upload_sample_clip(console: Console, request: Request) -> dict[str, Any]:
    """Store the sample clip, which is made at first use."""
    path = await asyncio.to_thread(console.stack.make_sample_clip)
    key = uploads.build_key(console.stack.input.key, path.name)
    content = uploads.FileContent(path)
    return await _store(console, key, content, request.query.get("workflow", ""))


async def _store(
    console: Console, key: str, content: uploads.Content, workflow: str
) -> dict[str, Any]:
    stack = console.stack
    location = Location(stack.input.bucket, stack.input.region, key)
    await uploads.store_video(stack.client, stack.cos.url, location, content)
    try:
        task = await asyncio.to_thread(stack.submit_object, location, workflow)
    except KeyError:
        raise Refusal(404, f"no workflow {workflow[:80]!r}. The video is stored") from None
    return {"task": task, "object": f"cos://{location.bucket}.{location.region}/{key}"}


async def list_objects(console: Console, request: Request) -> dict[str, Any]:
    """Return the objects and folders below a prefix."""
    query = request.query
    return console.objects.list_objects(
        query.get("bucket", ""), query.get("prefix", ""), query.get("after", "")
    )


# Events and faults


async def send_events(console: Console, request: Request) -> dict[str, Any]:
    """Push an event or a list of events."""
    body = await request.read_json()
    return await asyncio.to_thread(sent_events.send_events, console.stack, body)


async def get_sample(console: Console, request: Request) -> dict[str, Any]:
    """Return a sample event."""
    return sent_events.build_sample(request.parameters["name"], request.query)


async def redeliver_dead_letter(console: Console, request: Request) -> dict[str, Any]:
    """Deliver a dead letter again."""
    id_ = request.parameters["id"]
    try:
        new_id = await asyncio.to_thread(console.stack.redeliver_dead_letter, id_)
    except KeyError:
        raise Refusal(404, f"no dead letter {id_[:80]!r}") from None
    return {"request_id": new_id}


async def set_queue(console: Console, request: Request) -> dict[str, Any]:
    """Pause or resume the delivery of events, or set whether a reload delivers the last event again."""
    stack = console.stack
    setters = {"paused": stack.pause, "again_after_save": stack.set_again_after_save}
    fields = await request.read_fields(*setters)
    for name, value in fields.items():
        if not isinstance(value, bool):
            raise Refusal(400, f"invalid setting {name}={value!r}. Use true or false")
    for name, value in fields.items():
        await asyncio.to_thread(setters[name], value)
    return {"paused": stack.paused, "again_after_save": stack.again_after_save}


async def get_faults(console: Console, request: Request) -> dict[str, Any]:
    """Return the active faults."""
    return faults.describe_faults(console.stack)


async def put_faults(console: Console, request: Request) -> dict[str, Any]:
    """Replace faults, and return the active ones."""
    document = await request.read_fields(*faults.KEYS)
    await asyncio.to_thread(faults.apply_faults, console.stack, document)
    return faults.describe_faults(console.stack)


ROUTES = (
    Route("GET", "/", send_page),
    Route("GET", "/static/{name}", send_page),
    Route("GET", "/events", send_changes),
    Route("GET", "/cos/{bucket}/{region}/{key*}", send_object),
    Route("GET", "/api/state", get_state),
    Route("GET", "/api/tasks", list_tasks),
    Route("POST", "/api/tasks", submit_task),
    Route("GET", "/api/tasks/{id}", get_task),
    Route("GET", "/api/tasks/{id}/copy", copy_task),
    Route("POST", "/api/tasks/{id}/again", repeat_task),
    Route("POST", "/api/tasks/{id}/abort", abort_task),
    Route("POST", "/api/tasks/{id}/redeliver", redeliver_task),
    Route("POST", "/api/videos", upload_video),
    Route("POST", "/api/sample-clip", upload_sample_clip),
    Route("GET", "/api/objects", list_objects),
    Route("POST", "/api/events", send_events),
    Route("GET", "/api/samples/{name}", get_sample),
    Route("POST", "/api/dead-letters/{id}/redeliver", redeliver_dead_letter),
    Route("POST", "/api/queue", set_queue),
    Route("GET", "/api/faults", get_faults),
    Route("PUT", "/api/faults", put_faults),
)


def find_route(method: str, segments: list[str]) -> tuple[Handler, dict[str, str]]:
    """Return the function of a request and the parameters in its path.

    Raises:
        Refusal: 404 for an unknown path, 405 for a method that it does not have.
    """
    allowed = []
    for route in ROUTES:
        parameters = match_pattern(route.pattern, segments)
        if parameters is not None:
            if route.method == method or (route.method in SAFE_METHODS and method == "HEAD"):
                return route.handler, parameters
            allowed.append(route.method)
    path = f"/{'/'.join(segments)}"[:80]
    if allowed:
        methods = ", ".join(allowed)
        raise Refusal(405, f"{path!r} has no {method}. Use {methods}", {hdrs.ALLOW: methods})
    raise Refusal(404, f"the console has no {path!r}")


def match_pattern(pattern: str, segments: list[str]) -> dict[str, str] | None:
    """Return the parameters of a path that matches a pattern, or None for another path."""
    parts = pattern[1:].split("/")
    if parts[-1].endswith("*}"):
        if len(segments) < len(parts):
            return None
        segments = [*segments[: len(parts) - 1], "/".join(segments[len(parts) - 1 :])]
    if len(parts) != len(segments):
        return None
    parameters = {}
    for part, segment in zip(parts, segments, strict=True):
        if part.startswith("{"):
            if not segment:
                return None
            parameters[part.strip("{*}")] = segment
        elif part != segment:
            return None
    return parameters
