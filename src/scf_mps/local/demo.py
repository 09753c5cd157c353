"""The demo: the project's function handles sample events on small real files in a COS emulator.

The SCF emulator runs the function of the project. The COS emulator is its proxy and stores its ledger.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from scf_mps.cos import Cos, Credentials, NotFound
from scf_mps.events.files import CosObject
from scf_mps.events.parser import parse_event
from scf_mps.ledger import open_ledger
from scf_mps.local.chat_webhooks import ChatWebhookStub
from scf_mps.local.cos import CosEmulator
from scf_mps.local.cos.errors import CosError
from scf_mps.local.cos.faults import Fault
from scf_mps.local.samples import create_task_id, sample
from scf_mps.local.scf import LifecycleEvent, LocalFunction
from scf_mps.local.variables import set_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Outcomes = dict[tuple[str, str], str]
    """The outcomes of one delivery by (place of the result, name of the callback)."""

MEDIA = Path(__file__).parent / "media"

PUBLISH_PREFIX = CosObject("player-1250000000", "ap-guangzhou", "published")
"""The bucket and prefix of published files."""

ARCHIVE_PREFIX = CosObject("archive-1250000000", "ap-guangzhou", "mps")
"""The bucket and prefix of archived notifications."""

LEDGER_PREFIX = CosObject("ledger-1250000000", "ap-guangzhou", "demo")
"""The bucket and prefix of the ledger."""

_FILES = {
    ".mp4": "rendition.mp4",
    ".gif": "animation.gif",
    ".jpg": "snapshot.jpg",
    ".vtt": "sprite.vtt",
    ".m3u8": "master.m3u8",
}

_STREAM_FILES = ("stream_0.m3u8", "stream_0_0.ts", "stream_0_1.ts")
"""The files that `master.m3u8` references, in the same folder."""


def list_events() -> list[dict[str, Any]]:
    """Return the events of the demo: the documentation's, and one with an HLS stream and an animation.

    The documentation masks digits of accounts (``125****654``). Zeros replace them to make valid bucket names.
    """
    text = json.dumps(sample(task_id=create_task_id("documentation")))
    documented: dict[str, Any] = json.loads(text.replace("****", "0000"))
    more = sample(
        "WorkflowTask",
        task_id=create_task_id("WorkflowTask"),
        AdaptiveDynamicStreaming="SUCCESS",
        AnimatedGraphics="SUCCESS",
    )
    return [documented, more]


@dataclass
class DemoResult:
    """The result of one event: its deliveries, and the new objects and messages.

    Attributes:
        event: the event.
        before: (address, size) of the objects before the event.
        created: (address, size) of the new objects.
        published: new addresses below `PUBLISH_PREFIX`.
        archived: new addresses below `ARCHIVE_PREFIX`.
        manifest: the manifest of the published files. Empty without one.
        messages: the chat messages about it.
        deliveries: the outcomes of each delivery.
        problems: the unexpected failures.
    """

    event: dict[str, Any]
    deliveries: list[Outcomes]
    before: list[tuple[str, int]] = field(default_factory=list)
    created: list[tuple[str, int]] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    manifest: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def outcomes(self) -> Outcomes:
        """The outcome of each callback in the last delivery."""
        return self.deliveries[-1] if self.deliveries else {}

    @property
    def failed(self) -> set[tuple[str, str]]:
        """The callbacks that failed in the first delivery."""
        first = self.deliveries[0] if self.deliveries else {}
        return {call for call, outcome in first.items() if outcome == "failed"}

    @property
    def waited(self) -> set[tuple[str, str]]:
        """The callbacks that did not run in the first delivery because others failed."""
        return set(self.outcomes) - set(self.deliveries[0] if self.deliveries else {})

    def find_problems(self) -> Iterator[str]:
        """Yield a message for each unexpected outcome."""
        if not self.deliveries:
            yield "the function did not run"
        for (_, callback), outcome in self.outcomes.items():
            if outcome not in ("done", "dropped", "skipped"):
                yield f"{callback} {outcome}"
        for earlier, later in pairwise(self.deliveries):
            for call, outcome in earlier.items():
                if outcome in ("done", "dropped", "skipped") and later[call] != "skipped":
                    yield f"{call[1]} ran again"


class DemoCloud:
    """A COS emulator with the files of events, and a chat webhook.

    Attributes:
        environment: the variables with which a function uses them.
        cos: a client of the emulator.
    """

    def __init__(self, emulator: CosEmulator, chat: ChatWebhookStub) -> None:
        key = emulator.key
        self.environment = {
            "TENCENTCLOUD_SECRETID": key.secret_id,
            "TENCENTCLOUD_SECRETKEY": key.secret_key,
            "MPS_COS_PROXY": emulator.url,
            "MPS_ARCHIVE": f"{ARCHIVE_PREFIX}/",
            "MPS_PUBLISH": f"{PUBLISH_PREFIX}/?manifest=manifest.json",
            "MPS_NOTIFY": f"wecom://demo?endpoint={chat.url}&lang=en",
        }
        self.cos = Cos(Credentials(key.secret_id, key.secret_key), proxy=emulator.url)
        self._emulator = emulator
        self._chat = chat
        for place in (LEDGER_PREFIX, ARCHIVE_PREFIX, PUBLISH_PREFIX):
            emulator.create_bucket(place.bucket, place.region)

    def store(self, event: dict[str, Any]) -> None:
        """Upload a file for each output of an event."""
        files = parse_event(event).files
        for bucket, region in {(file.bucket, file.region) for file in files}:
            with suppress(CosError):  # exists
                self._emulator.create_bucket(bucket, region)
        for file in files:
            folder, _, name = str(file).rpartition("/")
            suffix = Path(name).suffix
            media = "sprite.jpg" if suffix == ".jpg" and "prite" in name else _FILES[suffix]
            self.cos.upload(MEDIA / media, file)
            if suffix == ".m3u8":
                for stream_file in _STREAM_FILES:
                    self.cos.upload(MEDIA / stream_file, f"{folder}/{stream_file}")

    def refuse_copy(self, name: str) -> None:
        """Make COS refuse the next copy of an object."""
        self._emulator.faults.add(
            Fault("error", "CopyObject", key=f"*{name}", count=1, status=403, code="AccessDenied")
        )

    def _deliver(
        self,
        event: dict[str, Any],
        source: str | Path,
        variables: Mapping[str, str],
        settings: Mapping[str, Any],
    ) -> list[Outcomes]:
        """Push an event to a function and return the outcomes of each delivery.

        The retry interval of SCF, one minute, takes 0.1 s.
        """
        key = self._emulator.key
        ledger = f"{LEDGER_PREFIX}/"
        store = open_ledger(ledger)
        event_key = parse_event(event).key
        deliveries: list[Outcomes] = []

        def observe(lifecycle_event: LifecycleEvent) -> None:
            entry = store.find(event_key) if lifecycle_event.kind == "ended" else None
            if entry is not None:
                deliveries.append(
                    {
                        (record.place, record.callback): record.outcome
                        if record.delivery == entry.delivery
                        else "skipped"
                        for record in entry.records
                    }
                )

        with LocalFunction(
            source,
            **settings,
            environment={
                **{name: value for name, value in variables.items() if name[:4] != "MPS_"},
                **{name: os.environ[name] for name in self.environment if name[:4] == "MPS_"},
                "MPS_LEDGER": ledger,
                "MPS_LOG_LEVEL": "CRITICAL",
            },
            credentials=(key.secret_id, key.secret_key, ""),
            speed=600,
            dead_letter_queue=True,
        ) as function:
            function.observe(observe)
            function.push(event)
            function.settle()
        return deliveries

    def run_event(
        self,
        event: dict[str, Any],
        source: str | Path,
        *,
        variables: Mapping[str, str] = {},
        **settings: Any,
    ) -> DemoResult:
        """Store the files of an event, deliver it to a function, and verify the result.

        Args:
            event: the event.
            source: the project's folder.
            variables: variables of the function. Its ``MPS_*`` are ignored because they may name the cloud.
            settings: timeout, memory and Python of the function, see `LocalFunction`.
        """
        self.store(event)
        before = self.list_objects(event)
        message_count = len(self.list_messages())
        result = DemoResult(event, self._deliver(event, source, variables, settings), before)
        result.created = [item for item in self.list_objects(event) if item not in before]
        for address, _ in result.created:
            if address.startswith(f"{ARCHIVE_PREFIX}/"):
                result.archived.append(address)
            if address.startswith(f"{PUBLISH_PREFIX}/"):
                result.published.append(address)
        result.messages = self.list_messages()[message_count:]
        result.problems = [*result.find_problems(), *self._verify(event, result)]
        return result

    def _verify(self, event: dict[str, Any], result: DemoResult) -> Iterator[str]:
        """Yield a message for each published file that is missing or differs from its original."""
        sizes = {}
        for address in result.published:
            try:
                sizes[address] = self.cos.head(address).size
            except NotFound:
                yield f"{address} is listed but missing"
        if not any("publish" in callback for _, callback in result.outcomes):
            return
        place = f"{PUBLISH_PREFIX}/{parse_event(event).task_id}/manifest.json"
        if place in result.published:
            _, result.manifest = self.read_manifest(event)
        else:
            yield f"{place} is missing"
        for file in parse_event(event).files:
            copy = f"{PUBLISH_PREFIX}/{file.key.rpartition('/')[2]}"
            if copy not in sizes:
                yield f"{copy} is missing"
            elif sizes[copy] != self.cos.head(file).size:
                yield f"{copy} differs from {file}"

    def list_objects(self, event: dict[str, Any]) -> list[tuple[str, int]]:
        """Return (address, size) of every object in the event's buckets, the archive and the published files."""
        places = {
            (file.bucket, file.region)
            for file in (*parse_event(event).files, ARCHIVE_PREFIX, PUBLISH_PREFIX)
        }
        return [
            (str(entry.object), entry.size)
            for bucket, region in sorted(places)
            for entry in self.cos.list(f"cos://{bucket}.{region}/")
        ]

    def read_manifest(self, event: dict[str, Any]) -> tuple[CosObject, dict[str, Any]]:
        """Return the place and the content of an event's manifest."""
        place = CosObject.parse(f"{PUBLISH_PREFIX}/{parse_event(event).task_id}/manifest.json")
        return place, self.cos.read_json(place)

    def list_messages(self) -> list[str]:
        """Return the chat messages in WeCom's Markdown."""
        return [item.message["markdown_v2"]["content"] for item in self._chat.received]


@contextmanager
def start_demo_cloud(directory: str | Path) -> Iterator[DemoCloud]:
    """Start a DemoCloud with its objects in a directory. Set its variables during the block."""
    with CosEmulator(directory) as emulator, ChatWebhookStub() as chat:
        cloud = DemoCloud(emulator, chat)
        with set_variables(cloud.environment):
            yield cloud
