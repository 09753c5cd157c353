"""The demo: real small files in a COS emulator under the names of sample events, and the application at work on them.

The application is the one that is deployed, run by the SCF emulator. It is given what SCF gives it, and, since there is
no COS behind its credentials here, the COS emulator as its proxy; its ledger is in that too. Showing what happens is
the command line's.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
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
from scf_mps.local.samples import new_task_id, sample
from scf_mps.local.scf import LifecycleEvent, LocalFunction
from scf_mps.local.variables import set_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Delivered = dict[tuple[str, str], str]
    """What came of each callback in one delivery: the result's place and the callback's name to the outcome."""

MEDIA = Path(__file__).parent / "media"

DELIVERY = CosObject("player-1250000000", "ap-guangzhou", "published")
"""The bucket that the demo publishes to, and the prefix there."""

ARCHIVE = CosObject("archive-1250000000", "ap-guangzhou", "mps")
"""Where the notifications are kept."""

LEDGER = CosObject("ledger-1250000000", "ap-guangzhou", "demo")
"""Where the function writes down what is done."""

_FILES = {
    ".mp4": "rendition.mp4",
    ".gif": "animation.gif",
    ".jpg": "snapshot.jpg",
    ".vtt": "sprite.vtt",
    ".m3u8": "master.m3u8",
}

_STREAM = ("stream_0.m3u8", "stream_0_0.ts", "stream_0_1.ts")
"""What `master.m3u8` names, beside it."""


def events() -> list[dict[str, Any]]:
    """The events of the demo: the documentation's, and one whose results are an HLS stream and an animation.

    The documentation masks the digits of accounts (``125****654``), which are no names of buckets: zeros fill them.
    """
    text = json.dumps(sample(task_id=new_task_id("documentation")))
    documented: dict[str, Any] = json.loads(text.replace("****", "0000"))
    more = sample(
        "WorkflowTask",
        task_id=new_task_id("WorkflowTask"),
        AdaptiveDynamicStreaming="SUCCESS",
        AnimatedGraphics="SUCCESS",
    )
    return [documented, more]


class Demonstration:
    """The result of one event: what each delivery did, and what is in COS and in the chat afterwards.

    Attributes:
        event: the event.
        before: address and size of the objects before the event.
        created: the same of the new ones.
        published: addresses below `DELIVERY`, each of which a HEAD request found.
        archived: addresses below `ARCHIVE`.
        manifest: the manifest of the published files, empty without one.
        messages: the chat's messages about it.
        deliveries: the outcome of each callback in each delivery.
        problems: what went wrong, other than the failure that was injected.
    """

    def __init__(self, event: dict[str, Any], deliveries: list[Delivered]) -> None:
        self.event = event
        self.deliveries = deliveries
        self.before: list[tuple[str, int]] = []
        self.created: list[tuple[str, int]] = []
        self.published: list[str] = []
        self.archived: list[str] = []
        self.manifest: dict[str, Any] = {}
        self.messages: list[str] = []
        self.problems: list[str] = []

    @property
    def outcomes(self) -> Delivered:
        """The outcome of each callback in the last delivery."""
        return self.deliveries[-1] if self.deliveries else {}

    @property
    def failed(self) -> set[tuple[str, str]]:
        """The callbacks that failed in the first delivery."""
        first = self.deliveries[0] if self.deliveries else {}
        return {call for call, outcome in first.items() if outcome == "failed"}

    @property
    def waited(self) -> set[tuple[str, str]]:
        """The callbacks that did not run in the first delivery, for others failed."""
        return set(self.outcomes) - set(self.deliveries[0] if self.deliveries else {})

    def find_problems(self) -> Iterator[str]:
        """Yield what went wrong with the callbacks."""
        if not self.deliveries:
            yield "the function did not run"
        for (_, callback), outcome in self.outcomes.items():
            if outcome not in ("done", "dropped", "skipped"):
                yield f"{callback} {outcome}"
        for earlier, later in pairwise(self.deliveries):
            for call, outcome in earlier.items():
                if outcome in ("done", "dropped", "skipped") and later[call] != "skipped":
                    yield f"{call[1]} ran again"


class Desk:
    """A COS emulator with the files of the events in it, and a robot of a chat.

    Attributes:
        environment: the variables by which a function finds it, and what the default application is to do.
        cos: reads and writes it.
    """

    def __init__(self, emulator: CosEmulator, robots: ChatWebhookStub) -> None:
        key = emulator.key
        self.environment = {
            "TENCENTCLOUD_SECRETID": key.secret_id,
            "TENCENTCLOUD_SECRETKEY": key.secret_key,
            "MPS_COS_PROXY": emulator.url,
            "MPS_ARCHIVE": f"{ARCHIVE}/",
            "MPS_PUBLISH": f"{DELIVERY}/?manifest=manifest.json",
            "MPS_NOTIFY": f"wecom://demo?endpoint={robots.url}&lang=en",
        }
        self.cos = Cos(Credentials(key.secret_id, key.secret_key), proxy=emulator.url)
        self._emulator = emulator
        self._robots = robots
        for place in (LEDGER, ARCHIVE, DELIVERY):
            emulator.create_bucket(place.bucket, place.region)

    def store(self, event: dict[str, Any]) -> None:
        """Put a file where each file of the event is said to be."""
        files = parse_event(event).files
        for bucket, region in {(file.bucket, file.region) for file in files}:
            with suppress(CosError):  # it is there
                self._emulator.create_bucket(bucket, region)
        for file in files:
            folder, _, name = str(file).rpartition("/")
            suffix = Path(name).suffix
            media = "sprite.jpg" if suffix == ".jpg" and "prite" in name else _FILES[suffix]
            self.cos.upload(MEDIA / media, file)
            if suffix == ".m3u8":
                for one in _STREAM:
                    self.cos.upload(MEDIA / one, f"{folder}/{one}")

    def refuse_a_copy(self, name: str) -> None:
        """Have COS refuse to copy one object, once."""
        self._emulator.faults.add(
            Fault("error", "CopyObject", key=f"*{name}", count=1, status=403, code="AccessDenied")
        )

    def deliver(
        self,
        event: dict[str, Any],
        source: str | Path,
        *,
        variables: Mapping[str, str] = {},
        timeout: int = 60,
        memory: int = 256,
        python: str | None = None,
    ) -> list[Delivered]:
        """Push an event to a function. Return the outcomes of each delivery, by result and callback.

        SCF's minute before a retry takes a tenth of a second.

        Args:
            event: the event.
            source: the project's folder.
            variables: of the function. Their ``MPS_*`` are left out: they may reach the cloud.
            timeout: time limit, in seconds.
            memory: memory limit, in MB.
            python: see `LocalFunction`.
        """
        key = self._emulator.key
        ledger = f"{LEDGER}/"
        kept = open_ledger(ledger)
        event_key = parse_event(event).key
        deliveries: list[Delivered] = []

        def look(moment: LifecycleEvent) -> None:
            entry = kept.find(event_key) if moment.kind == "ended" else None
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
            python=python,
            timeout=timeout,
            memory=memory,
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
            function.observe(look)
            function.push(event)
            function.settle()
        return deliveries

    def demonstrate(
        self, event: dict[str, Any], source: str | Path, **settings: Any
    ) -> Demonstration:
        """Store an event's files, deliver it to the function of a folder, and verify the result. See `deliver`."""
        self.store(event)
        before = self.objects(event)
        messages = len(self.messages())
        deliveries = self.deliver(event, source, **settings)
        one = Demonstration(event, deliveries)
        one.before = before
        one.created = [item for item in self.objects(event) if item not in before]
        addresses = [address for address, _ in one.created]
        one.archived = [address for address in addresses if address.startswith(f"{ARCHIVE}/")]
        one.published = [address for address in addresses if address.startswith(f"{DELIVERY}/")]
        one.messages = self.messages()[messages:]
        one.problems = [*one.find_problems(), *self._verify(event, one)]
        return one

    def _verify(self, event: dict[str, Any], one: Demonstration) -> Iterator[str]:
        """Yield each published file that is missing or differs from its original."""
        sizes = {}
        for address in one.published:
            try:
                sizes[address] = self.cos.head(address).size
            except NotFound:
                yield f"{address} is listed and not there"
        if not any("publish" in callback for _, callback in one.outcomes):
            return
        place = f"{DELIVERY}/{parse_event(event).task_id}/manifest.json"
        if place in one.published:
            _, one.manifest = self.manifest(event)
        else:
            yield f"{place} is missing"
        for file in parse_event(event).files:
            copy = f"{DELIVERY}/{file.key.rpartition('/')[2]}"
            if copy not in sizes:
                yield f"{copy} is missing"
            elif sizes[copy] != self.cos.head(file).size:
                yield f"{copy} differs from {file}"

    def objects(self, event: dict[str, Any]) -> list[tuple[str, int]]:
        """Address and size of every object in the event's buckets, the archive's and the delivery bucket."""
        places = {
            (file.bucket, file.region) for file in (*parse_event(event).files, ARCHIVE, DELIVERY)
        }
        return [
            (str(entry.object), entry.size)
            for bucket, region in sorted(places)
            for entry in self.cos.list(f"cos://{bucket}.{region}/")
        ]

    def manifest(self, event: dict[str, Any]) -> tuple[CosObject, dict[str, Any]]:
        """The manifest of what was published of an event: where it is, and what it says."""
        place = CosObject.parse(f"{DELIVERY}/{parse_event(event).task_id}/manifest.json")
        return place, self.cos.read_json(place)

    def messages(self) -> list[str]:
        """What the robot of the chat was sent, in WeCom's Markdown."""
        return [one.message["markdown_v2"]["content"] for one in self._robots.received]


@contextmanager
def desk(directory: str | Path) -> Iterator[Desk]:
    """A desk whose emulator keeps its objects in a directory; the function's variables are set meanwhile."""
    with CosEmulator(directory) as emulator, ChatWebhookStub() as robots:
        made = Desk(emulator, robots)
        with set_variables(made.environment):
            yield made
