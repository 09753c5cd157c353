"""The local stack: emulators of COS, SCF and the API, a local MPS with a media engine, and the console."""

from __future__ import annotations

import secrets
import shutil
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from scf_mps.cos import Cos, Credentials
from scf_mps.cos.transport import Pool
from scf_mps.deploy.configuration import Configuration, read_configuration
from scf_mps.deploy.errors import DeployError
from scf_mps.errors import InvalidEvent
from scf_mps.events.files import CosObject
from scf_mps.events.parser import parse_event

from ..api import Cdn, CloudApi, Mps, Scf
from ..chat_webhooks import ChatWebhookStub
from ..cos import DEFAULT_KEY, CosEmulator, CosError, Key, StoredObject
from ..cos.emulator import format_exports
from ..demo import MEDIA
from ..engine import Engine
from ..http_server import HOST
from ..mail_sink import MailSink
from ..mps import CannedEngine, LocalMps, MpsSettings
from ..mps.assumptions import ASSUMPTIONS
from ..mps.model import Location, MediaTask
from ..mps.notifications import build_event
from ..mps.workflows import build_request, parse_trigger
from ..otlp import Receiver
from ..scf import LocalFunction
from ..scf.settings import Settings
from . import default_workflow, retention
from .activity import Activity
from .callbacks import CallbackList
from .documents import explain_load_error
from .environment import Addresses, Environment, build_environment
from .folder_lock import lock_folder
from .forced_calls import forget_calls
from .options import StackOptions
from .reload import Watcher
from .server import Console

if TYPE_CHECKING:
    from typing_extensions import Self


FOLDER = "dev"
"""The folder of the stack, in the project's folder of state."""

SAMPLE_SECONDS, SAMPLE_WIDTH = 20, 640
"""Length and width of the sample clip."""

_MAX_REMEMBERED_OBJECTS = 1000


class Stack:
    """Everything that `scf-mps dev` runs: `with Stack(options) as stack:`.

    Attributes:
        options: the options.
        configuration: the project's configuration, as of the last reload.
        folder: of the state.
        cos: the COS emulator.
        client: a client of it with the developer's key.
        api: the API emulator.
        chat: the stub of chat webhooks.
        mail: the sink of mails.
        otlp: the receiver of spans.
        engine: the media engine.
        mps: the local MPS.
        function: the function.
        activity: what happened.
        console: the page's server, None without it.
        input: the bucket and the folder (as its key) of uploads.
        notices: what differs from the project's variables.
        paused: whether pushed events wait.
        again_after_save: whether a reload delivers the last event again.
        reload_error: why the last change was not loaded, or empty.

    Raises:
        StackInUse: if another process uses the folder.
        OSError: if a port is taken.
        ValueError: for a function that cannot be laid out, or a refused workflow.
    """

    def __init__(self, options: StackOptions) -> None:
        self.options = options
        self.configuration = self._read_configuration()
        self.folder = self.configuration.state_folder / FOLDER
        self.console: Console | None = None
        self.notices: list[str] = []
        self.paused = False
        self.again_after_save = False
        self.reload_error = ""
        self._reload_seconds: float | None = None
        self._loaded_at = 0.0
        self._created: OrderedDict[Location, list[str]] = OrderedDict()
        self._uploads: dict[str, int] = {}
        self._notified: set[str] = set()
        self._lock = threading.Lock()
        self._parts = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything. Tasks and events in progress end as if the cloud had stopped."""
        self._parts.close()

    def _read_configuration(self) -> Configuration:
        return read_configuration(self.options.folder, self.options.variables)

    @property
    def url(self) -> str:
        """The address of the page, empty without it."""
        return self.console.url if self.console else ""

    def _start(self) -> None:
        enter = self._parts.enter_context
        self._prepare_folder()
        self.activity = Activity(
            self.folder / "activity.sqlite",
            name_template=self._name_template,
            describe_assumption=lambda name: ASSUMPTIONS[name].text,
        )
        self._parts.callback(self.activity.close)
        self._start_emulators()
        has_engine = not Engine.find_problem()
        self.engine = enter(Engine(fast=self.options.fast)) if has_engine else CannedEngine()
        self.mps = LocalMps(
            self.folder / "mps",
            self._create_client(self._mps_key),
            cast("Engine", self.engine),
            deliver=self._deliver,
            settings=MpsSettings(
                workers=self.options.workers,
                speed=self.options.speed,
                results=self.options.results,
            ),
        )
        # For a start that fails. Otherwise it stops before the function, see below.
        self._parts.callback(self.mps.close)
        self.input = self._set_up_workflow()
        self.scf = Scf()
        self.api = enter(
            CloudApi(
                [Mps(tasks=self.mps), self.scf, Cdn()], port=self._find_port(2), keys=self.cos.keys
            )
        )
        self.function = enter(self._create_function())
        self.scf.add(self.function)
        self._callbacks = enter(CallbackList(self.activity.report_state))
        self._list_callbacks()
        self._restore_tasks()
        self._observe()
        enter(self.mps)
        if self.options.watch:
            folder = self.configuration.folder
            enter(Watcher([folder, self.options.source or folder], self.reload))
        if self.options.has_console:
            self.console = enter(Console(self))

    def _prepare_folder(self) -> None:
        """Lock and create the folder."""
        self.folder.parent.mkdir(exist_ok=True)
        self._parts.enter_context(lock_folder(self.folder))
        if self.options.fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(exist_ok=True)

    def _start_emulators(self) -> None:
        enter = self._parts.enter_context
        role_secret, mps_secret = secrets.token_hex(16), secrets.token_hex(16)
        self._role_key = Key("AKIDrole", role_secret)
        self._mps_key = Key("AKIDmps", mps_secret)
        keys = (DEFAULT_KEY, self._role_key, self._mps_key)
        directory = self.folder / "cos"
        self.cos = enter(CosEmulator(directory, self._find_port(1), keys, create_buckets=True))
        self._pool = Pool()
        self._parts.callback(self._pool.clear)
        self.client = self._create_client(DEFAULT_KEY)
        self.chat = enter(ChatWebhookStub())
        self.mail = enter(MailSink())
        self.otlp = enter(Receiver())

    def _find_port(self, offset: int) -> int:
        """Return a port after that of the console if it is free, else 0."""
        port = self.options.port + offset
        if not self.options.port or port > 65535:
            return 0
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                return 0
        return port

    def _create_client(self, key: Key) -> Cos:
        credentials = Credentials(key.secret_id, key.secret_key)
        return Cos(credentials, proxy=self.cos.url, buckets="*", pool=self._pool)

    def _create_function(self) -> LocalFunction:
        options, configuration = self.options, self.configuration
        environment = self._build_environment(configuration)
        self.notices = environment.notices
        key = self._role_key
        self._loaded_at = time.time()
        return LocalFunction(
            options.source or configuration.folder,
            python=options.python,
            timeout=options.timeout or configuration.timeout,
            memory=options.memory or configuration.memory,
            environment=environment.variables,
            credentials=(key.secret_id, key.secret_key, ""),
            concurrency=options.concurrency,
            speed=options.speed,
            dead_letter_queue=True,
        )

    def _build_environment(self, configuration: Configuration) -> Environment:
        addresses = Addresses(
            self.cos.url,
            self.api.url,
            self.chat.url,
            self.mail.build_url,
            self._ledger.as_uri(),
            self.otlp.url,
        )
        return build_environment(configuration.variables, addresses, self.input.bucket)

    @property
    def _ledger(self) -> Path:
        return self.folder.resolve() / "ledger"

    def _observe(self) -> None:
        self.mps.observe(self._change_task)
        self.cos.observe(self._store_object)
        self.function.observe(self.activity.add_lifecycle_event)
        self.chat.observe(self.activity.add_message)
        self.mail.observe(self.activity.add_mail)
        self.otlp.observe(self.activity.add_spans)

    def _restore_tasks(self) -> None:
        """Show the tasks that an earlier run left unfinished as they are now."""
        for task_id, status in self.activity.list_own_tasks():
            task = self.mps.store.get(task_id) if status != "FINISH" else None
            if task is not None:
                self.activity.update_task(task, "finished")

    def _set_up_workflow(self) -> Location:
        """Create and enable the workflow for uploads, and return its bucket and folder."""
        own = self.options.workflow
        parameters = default_workflow.PARAMETERS if own is None else own
        number = default_workflow.put_workflow(self.mps.workflows, parameters)
        bucket, region, folder, _ = parse_trigger(parameters)
        storage = (parameters.get("OutputStorage") or {}).get("CosOutputStorage") or {}
        output = storage.get("Bucket") or bucket, storage.get("Region") or region
        for name, place in {(bucket, region), output}:
            with suppress(CosError):  # it exists
                self.cos.create_bucket(name, place)
        self.mps.workflows.set_status(number, "Enabled")
        self._workflow_id = number
        return Location(bucket, region, folder)

    def _name_template(self, type_: str, definition: int) -> str:
        template = self.mps.templates.get(type_, definition)
        return template.name if template else ""

    # Observers of the parts

    def _deliver(self, event: dict[str, Any]) -> str:
        with self.activity.deliver_for_mps():
            return self.function.push(event)

    def _change_task(self, task: MediaTask, kind: str) -> None:
        self.activity.update_task(task, kind)
        if kind in ("notified", "lost") and task.status == "FINISH":
            with self._lock:
                self._notified.add(task.task_id)
        if kind == "finished":
            retention.delete_oldest(self.cos.directory, self.client)

    def _store_object(self, stored: StoredObject) -> None:
        self.activity.add_object(stored)
        tasks = self.mps.object_created(
            stored.bucket, stored.region, stored.key, stored.size, stored.secret_id
        )
        if tasks:
            with self._lock:
                self._created[Location(stored.bucket, stored.region, stored.key)] = tasks
                while len(self._created) > _MAX_REMEMBERED_OBJECTS:
                    self._created.popitem(last=False)

    # Calls of the page

    def describe(self) -> dict[str, Any]:
        """Return project, engine, endpoints, function and workflows for the state of the page."""
        configuration, key = self.configuration, self.cos.key
        problem = Engine.find_problem()
        exports = format_exports(self.cos.url, key)
        exports.append(f"export MPS_API_ENDPOINT={self.api.url}")
        return {
            "project": {
                "folder": str(configuration.folder),
                "python": self.function.runtime.version,
                "timeout": self.function.timeout,
                "memory": self.function.memory,
                "variables": sorted(self.function.environment),
                "notices": self.notices,
            },
            "engine": {
                "available": not problem,
                "problem": problem or None,
                "fast": self.options.fast,
            },
            "endpoints": {
                "console": self.url,
                "cos": self.cos.url,
                "api": self.api.endpoint,
                "secret_id": key.secret_id,
                "exports": exports,
            },
            "function": {
                "paused": self.paused,
                "waiting": self.function.waiting,
                "again_after_save": self.again_after_save,
                "reload_ms": self._reload_seconds and round(self._reload_seconds * 1000, 1),
                "reload_error": self.reload_error or self._callbacks.problem or None,
                "loaded_at": self._loaded_at,
                "callbacks": self._callbacks.documents,
            },
            "workflows": [_describe_workflow(item) for item in self.mps.workflows.list_workflows()],
            "default_subtasks": default_workflow.MEDIA_TASKS,
        }

    def submit_object(self, location: Location, workflow: str = "") -> str | None:
        """Return the task that an upload created, or submit the object to another workflow.

        Args:
            location: of the object, which was written by a client of the emulator.
            workflow: the id of a workflow. Empty: that of the folder.

        Raises:
            KeyError: the workflow does not exist.
        """
        with self._lock:
            tasks = self._created.pop(location, [])
        if not workflow or workflow == str(self._workflow_id):
            return tasks[0] if tasks else None
        for item in self.mps.workflows.list_workflows():
            if str(item["WorkflowId"]) == workflow:
                request = build_request(item, location.bucket, location.region, location.key)
                return self.mps.submit(request)
        raise KeyError(workflow)

    def submit_video(self, path: Path) -> str:
        """Upload a file to the folder of the workflow, and return the task.

        Raises:
            ValueError: if the workflow processes no such files.
        """
        place = self.input
        key = f"{place.key}{path.name}"
        with self._lock:
            count = self._uploads[key] = self._uploads.get(key, 0) + 1
        if count > 1:  # a file of the same name from another folder
            key = f"{place.key}{count}/{path.name}"
        self.client.upload(path, CosObject(place.bucket, place.region, key))
        task = self.submit_object(Location(place.bucket, place.region, key))
        if task is None:
            raise ValueError(f"{path}: the Formats of the workflow do not include {path.suffix!r}")
        return task

    def is_settled(self, task_id: str) -> bool:
        """Return True if a task has ended and its event needs no further delivery.

        Raises:
            OSError: the state is unknown, because changes could not be written.
        """
        self.activity.check_writable()
        with self._lock:
            if task_id not in self._notified:
                return False
        detail = self.activity.read_task(task_id) or {"deliveries": []}
        return all(
            delivery["state"] not in ("queued", "running", "retrying")
            for delivery in detail["deliveries"]
        )

    def make_sample_clip(self) -> Path:
        """Return the sample clip, which is made on first use."""
        path = self.folder / "sample.mp4"
        if not isinstance(self.engine, Engine):
            return MEDIA / "rendition.mp4"
        with self._lock:
            if not path.exists():
                unfinished = path.with_suffix(".part.mp4")
                self.engine.make_sample_clip(unfinished, SAMPLE_SECONDS, SAMPLE_WIDTH)
                unfinished.rename(path)
        return path

    def push(self, event: object) -> str:
        """Push an event and return its request id. Raises InvocationRejected."""
        return self.function.push(event)

    def redeliver(self, task_id: str, force: Collection[str] | None = ()) -> str:
        """Push the last event of a task again, and return the request id.

        Args:
            task_id: of the task.
            force: names of callbacks to run although they completed. None: all.

        Raises:
            KeyError: the task has no event.
        """
        event = self.activity.read_event(task_id)
        if event is None:  # it was lost
            task = self.mps.store.get(task_id)
            if task is None or task.status != "FINISH":
                raise KeyError(task_id)
            event = build_event(task)
        if force is None or force:
            with suppress(InvalidEvent):
                forget_calls(self._ledger, parse_event(event).key, force)
        return self.function.push(event)

    def redeliver_dead_letter(self, request_id: str) -> str:
        """Push the event of a dead letter again, and return the new request id. Raises KeyError."""
        for letter in self.function.dead_letters:
            if letter["RequestId"] == request_id:
                return self.function.push(text=letter["Body"]["ClientContext"])
        # Of an earlier run: without its secrets.
        return self.function.push(self.activity.find_dead_letter(request_id))

    def pause(self, paused: bool) -> None:
        """Stop or resume the delivery of pushed events."""
        (self.function.pause if paused else self.function.resume)()
        self.paused = paused
        self.activity.report_state()

    def set_again_after_save(self, again: bool) -> None:
        """Set whether a reload delivers the last event again."""
        self.again_after_save = again
        self.activity.report_state()

    def reload(self) -> None:
        """Load the project's configuration and code again. An error is kept in `reload_error`."""
        started = time.perf_counter()
        try:
            configuration = self._read_configuration()
            timeout = self.options.timeout or configuration.timeout
            memory = self.options.memory or configuration.memory
            Settings(self.function.source, timeout=timeout, memory=memory)  # checks them
            environment = self._build_environment(configuration)
            self.function.reload(environment=environment.variables)
        except (ValueError, DeployError) as error:
            self.reload_error = explain_load_error(str(error))
            self.activity.report_state()
            self.options.show(f"not reloaded: {self.reload_error}")
            return
        self.function.timeout, self.function.memory = timeout, memory
        self.configuration, self.notices = configuration, environment.notices
        self.reload_error = ""
        self._reload_seconds = time.perf_counter() - started
        self._loaded_at = time.time()
        self.activity.report_state()
        self.options.show(f"reloaded in {self._reload_seconds * 1000:.0f} ms")
        last = self.activity.find_last_task() if self.again_after_save else None
        if last is not None:
            self.redeliver(last, None)
        self._list_callbacks()

    def _list_callbacks(self) -> None:
        function = self.function
        self._callbacks.refresh(
            Path(function.source), function.runtime.executable, function.environment
        )


def _describe_workflow(workflow: Mapping[str, Any]) -> dict[str, Any]:
    bucket, region, folder, formats = parse_trigger(workflow)
    return {
        "id": str(workflow["WorkflowId"]),
        "name": workflow["WorkflowName"],
        "enabled": workflow["Status"] == "Enabled",
        "bucket": bucket,
        "region": region,
        "dir": f"/{folder}",
        "formats": formats,
    }
