# mypy: ignore-errors
"""A handler of the documentation's event with AWS Lambda Powertools, for `peers.py`.

It has a model of the fields that callbacks read, a processor that isolates each result, and a dict of callbacks by type and
status. Nothing is logged. It needs the packages that `peers.py` installs.
"""

from __future__ import annotations

import sys
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BasePartialProcessor
from aws_lambda_powertools.utilities.parser import BaseModel, parse

logger = Logger(service="mps", level="CRITICAL")


class Bucket(BaseModel):
    Bucket: str
    Region: str


class Storage(BaseModel):
    Type: str
    CosOutputStorage: Bucket


class Input(BaseModel):
    Definition: int
    OutputStorage: Storage
    OutputObjectPath: str


class Rendition(BaseModel):
    OutputStorage: Storage
    Path: str
    Bitrate: int
    Height: int
    Width: int
    Size: int
    Duration: float


class Animation(BaseModel):
    Storage: Storage
    Path: str


class Picture(BaseModel):
    TimeOffset: float
    Path: str


class Snapshots(BaseModel):
    Storage: Storage
    PicInfoSet: list[Picture]


class Sprites(BaseModel):
    Storage: Storage
    TotalCount: int
    ImagePathSet: list[str]
    WebVttPath: str


class Result(BaseModel):
    Status: str
    ErrCode: int
    Message: str
    Input: Input


class Transcode(Result):
    Output: Rendition | None


class AnimatedGraphics(Result):
    Output: Animation | None


class SnapshotByTimeOffset(Result):
    Output: Snapshots | None


class ImageSprites(Result):
    Output: Sprites | None


class Item(BaseModel):
    Type: str
    TranscodeTask: Transcode | None
    AnimatedGraphicTask: AnimatedGraphics | None
    SnapshotByTimeOffsetTask: SnapshotByTimeOffset | None
    ImageSpriteTask: ImageSprites | None


class Payload(BaseModel):
    TaskId: str
    Status: str
    ErrCode: int
    Message: str
    MediaProcessResultSet: list[Item]


class Notification(BaseModel):
    EventType: str
    WorkflowTaskEvent: Payload


FIELDS = {
    "Transcode": "TranscodeTask",
    "AnimatedGraphics": "AnimatedGraphicTask",
    "SnapshotByTimeOffset": "SnapshotByTimeOffsetTask",
    "ImageSprites": "ImageSpriteTask",
}


def on_result(result: Any) -> None: ...


CALLBACKS = {
    ("Transcode", "SUCCESS"): on_result,
    ("AnimatedGraphics", "FAIL"): on_result,
    ("SnapshotByTimeOffset", "SUCCESS"): on_result,
    ("ImageSprites", "SUCCESS"): on_result,
}


def on_item(item: Item) -> None:
    result = getattr(item, FIELDS[item.Type])
    CALLBACKS[item.Type, result.Status](result)


def on_raw_item(item: dict[str, Any]) -> None:
    result = item[FIELDS[item["Type"]]]
    CALLBACKS[item["Type"], result["Status"]](result)


class ResultProcessor(BasePartialProcessor):
    """Isolates each result, like the peer's own processors isolate the records of a queue."""

    def _prepare(self) -> None:
        self.success_messages.clear()
        self.fail_messages.clear()
        self.exceptions.clear()

    def _clean(self) -> None:
        if self.exceptions:
            raise RuntimeError(f"{len(self.exceptions)} results failed")

    def _process_record(self, record: Any) -> tuple[Any, ...]:
        try:
            return self.success_handler(record, self.handler(record))
        except Exception:
            return self.failure_handler(record, sys.exc_info())

    async def _async_process_record(self, record: Any) -> tuple[Any, ...]:
        raise NotImplementedError


processor = ResultProcessor()


def main_handler(event: dict[str, Any], context: Any) -> list[str]:
    """Parse the event, and route each isolated result."""
    notification = parse(event=event, model=Notification)
    with processor(notification.WorkflowTaskEvent.MediaProcessResultSet, on_item):
        return [outcome for outcome, *_ in processor.process()]


def raw_main_handler(event: dict[str, Any], context: Any) -> list[str]:
    """Route each isolated result without a model: callbacks get dicts."""
    with processor(event["WorkflowTaskEvent"]["MediaProcessResultSet"], on_raw_item):
        return [outcome for outcome, *_ in processor.process()]
