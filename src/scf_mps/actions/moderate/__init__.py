"""Moderate action: move everything that content review rejects into a quarantine.

Outputs, and on request the source, are moved below one folder, complete and verified, however often SCF delivers the
event.
"""

from __future__ import annotations

import logging

from ...cos import Cos, CosObject
from ...events.base import Event, Result, Subtask, get_event
from ...routing.filters import create_filters
from ..filter_options import parse_filters
from ..key_template import DATE_FIELDS, EVENT_FIELDS, Template, collect_event_values
from ..settings import parse_cos_address, split_options
from .verdict import DECISIONS, Verdict, compute_review_verdict, compute_verdict, is_review

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

_FILTER_OPTIONS = ("bucket", "path", "session")  # source= selects whether to move the source
_OPTIONS = ("acl", "on", "source", *_FILTER_OPTIONS)
_MAX_LOGGED_FINDINGS = 10  # a log line is cut at 8 KB


class Moderate:
    """Moves the files of rejected events into a quarantine.

        moderate = Moderate("cos://quarantine-1250000000.ap-guangzhou/held/?on=block,fail")
        for verb in (router.on, router.on_failure):
            verb(Event, when=moderate.holds)(moderate.quarantine)
        router.on(Subtask, when=moderate.concerns)(moderate.record)

    Args:
        to: ``cos://bucket.region/folder/``, with fields in braces (`key_template.EVENT_FIELDS` without dates, because
            a redelivery must find the objects of the previous one). Objects go to ``<bucket>/<key>`` below it.
            Options after a ``?``: ``on=`` decisions to act on (``block,review,fail``), ``source=move`` to move the
            source video too, ``acl=`` of the moved objects. ``bucket=``, ``path=`` and ``session=`` limit it to some
            events, as in `Router.on`. It holds nothing of other events.

    Raises:
        ValueError: `to` is invalid.
    """

    def __init__(self, to: str) -> None:
        address, options = split_options(to, _OPTIONS)
        location = parse_cos_address(address)
        if not location.is_directory:
            raise ValueError(f"{address} is not a folder: end it with a slash")
        self._bucket, self._region = location.bucket, location.region
        fields = [field for field in EVENT_FIELDS if field not in DATE_FIELDS]
        self._folder = Template(location.prefix, fields)
        self._acl = options.get("acl")
        self._on = frozenset(options.get("on", "block,review,fail").split(","))
        if not self._on < set(DECISIONS) or "pass" in self._on:
            raise ValueError(f"invalid on={options['on']}: use some of block,review,fail")
        if options.get("source", "move") != "move":
            raise ValueError(f"invalid source={options['source']}: use move")
        self._moves_source = "source" in options
        filter_options = {name: options[name] for name in _FILTER_OPTIONS if name in options}
        self._filters = create_filters(parse_filters(filter_options))
        self._latest: tuple[Event, Verdict | None] | None = None

    def holds(self, result: Result) -> bool:
        """Return True if the event of a result has a finding to act on."""
        return self._is_held(self._get_verdict(get_event(result)))

    def permits(self, result: Result) -> bool:
        """Return the opposite of `holds`. Use it as ``when=`` of callbacks that publish."""
        return not self.holds(result)

    def concerns(self, result: Subtask) -> bool:
        """Return True for a review and for every result of a held event."""
        return self._get_verdict(result.event) is not None and (
            is_review(result) or self.holds(result)
        )

    def record(self, result: Subtask) -> None:
        """Log the verdict of a review, or that a result is held. A callback for results."""
        if is_review(result):
            log.info("reviewed: %s", compute_review_verdict(result))
        else:
            log.info("held", extra={"files": [str(file) for file in result.files]})

    def permits_again(self, result: Subtask) -> bool:
        """Return True if a failed result may be resubmitted: of a held event only the reviews.

        The new task has no review, so its outputs would be published.
        """
        return is_review(result) or self.permits(result)

    def quarantine(self, event: Event, cos: Cos) -> list[CosObject]:
        """Move all files of a held event below the quarantine. A callback for events.

        HLS outputs are moved with everything their playlists name, a source as a single object. Objects that an
        earlier delivery moved, or that are below the quarantine already, are done. Everything that can be moved is
        moved before an error is raised.

        Returns:
            The objects in the quarantine, empty for an event that is not held.

        Raises:
            SomeFailed: with one error per object that could not be moved: `NotFound` if it is neither in its place nor in the
                quarantine, `NotInCos` for an output in AWS S3 or VOD, `UnknownManifest` for a DASH output, whose
                segments stay.
        """
        verdict = self._get_verdict(event)
        if verdict is None or not self._is_held(verdict):
            return []
        folder = self._folder.fill(collect_event_values(event, 0.0))
        objects = self._list_objects(event, folder)
        log.warning(
            "%s: %s",
            verdict,
            "moving files to the quarantine" if objects else "the event names no file to move",
            extra={
                "verdict": verdict.decision,
                "why": [str(finding) for finding in verdict.why[:_MAX_LOGGED_FINDINGS]],
                "pictures": [
                    finding.url for finding in verdict.why[:_MAX_LOGGED_FINDINGS] if finding.url
                ],
                "quarantine": f"cos://{self._bucket}.{self._region}/{folder}",
                "session_context": event.session_context,
            },
        )
        move = _Move(cos, self._bucket, self._region, folder, self._acl)
        return move.run(objects, event)

    def _get_verdict(self, event: Event) -> Verdict | None:
        """Return the verdict on an event, computed once for all its results.

        None for an event without reviews, or one that the options exclude.
        """
        latest = self._latest
        if latest is None or latest[0] is not event:
            is_included = all(test.matches(event) for test in self._filters)
            latest = self._latest = (event, compute_verdict(event) if is_included else None)
        return latest[1]

    def _is_held(self, verdict: Verdict | None) -> bool:
        """Return True for any finding to act on: a failed review does not release what another one blocks."""
        return verdict is not None and any(finding.decision in self._on for finding in verdict.why)

    def _list_objects(self, event: Event, folder: str) -> list[CosObject]:
        """Return the objects that the event names outside of the folder, the source last."""
        files = list(event.files)
        for source in event.inputs if self._moves_source else ():
            if source.object is None:
                log.warning("source not moved, it is not in COS: %s", source)
            else:
                files.append(source.object)
        here = self._bucket, self._region
        return [
            file
            for file in dict.fromkeys(files)
            if (file.bucket, file.region) != here or not file.key.startswith(folder)
        ]


class _Move:
    """The move of one event's files. Errors are collected until all files were tried."""

    def __init__(self, cos: Cos, bucket: str, region: str, folder: str, acl: str | None) -> None:
        self._cos = cos
        self._bucket = bucket
        self._region = region
        self._folder = folder
        self._acl = acl
        self._problems: list[Exception] = []

    def run(self, objects: Sequence[CosObject], event: Event) -> list[CosObject]:
        """Move objects with the files that they name. Return the moved objects."""
        from ...cos import SomeFailed
        from ...events.files import find_unreachable_outputs

        buckets: dict[tuple[str, str], dict[CosObject, None]] = {}
        outputs = set(event.files)
        for item in objects:
            # A source that is a playlist comes from an uploader: it may name files of others.
            files = self._expand(item, set()) if item in outputs else [item]
            buckets.setdefault((item.bucket, item.region), {}).update(dict.fromkeys(files))
        moved = [copy for files in buckets.values() if files for copy in self._move(list(files))]
        for result in (event, *event.subtasks):
            self._problems += find_unreachable_outputs(result)
        if self._problems:
            count = len(self._problems)
            raise SomeFailed(f"quarantine incomplete: {count} not moved", self._problems)
        return moved

    def _expand(self, item: CosObject, seen: set[CosObject]) -> list[CosObject]:
        """Return the object and what its playlist names, wherever the playlist is now, without those seen."""
        from ...cos import CosError, NotAPlaylist, NotFound, SomeFailed, UnknownManifest
        from ...cos.metadata import is_media_name

        try:
            files = self._cos.files([item])
            # A playlist without its suffix may have been moved by an earlier delivery: look in the quarantine too.
            if files != [item] or is_media_name(item.key):
                return files
            errors: list[Exception] = []
        except (CosError, SomeFailed) as error:
            errors = _list_errors(error)
        seen.add(item)
        named = self._list_named(item)
        if named:
            # One by one: a missing playlist must not keep the files of other playlists public.
            files = [
                file for each in named if each not in seen for file in self._expand(each, seen)
            ]
            return [*files, item]
        # The move of the object itself reports its own errors.
        self._problems += [
            error for error in errors if not isinstance(error, NotFound) or error.object != item
        ]
        final = (NotAPlaylist, NotFound, UnknownManifest)
        return [item] if all(isinstance(error, final) for error in errors) else []

    def _list_named(self, item: CosObject) -> list[CosObject]:
        """Return the objects that a playlist names directly. An earlier delivery may have moved it."""
        from ...cos import CosError, hls, outputs

        moved = CosObject(self._bucket, self._region, self._get_prefix(item) + item.key)
        for place in (item, moved):
            try:
                document = outputs.read_document(self._cos._client, place)
            except (CosError, ValueError):
                continue
            named: dict[CosObject, None] = {}
            for reference in document.references:
                target = hls.resolve_uri(item, reference.uri)
                if target is not None and (reference.required or self._cos.exists(target)):
                    named[target] = None
            return list(named)
        return []

    def _move(self, files: list[CosObject]) -> list[CosObject]:
        """Move objects of one bucket, manifests last."""
        from ...cos import CosError, SomeFailed
        from ...cos.copy import CopyOptions
        from ...cos.metadata import ObjectSettings

        to = f"cos://{self._bucket}.{self._region}/{self._get_prefix(files[0])}"
        try:
            # Without rewriting references: objects that are moved back are unchanged.
            tasks = self._cos._plan_copies(files, to, False, "")
            return self._cos._move(tasks, CopyOptions(ObjectSettings(acl=self._acl)))
        except (CosError, SomeFailed, ValueError) as error:
            errors = _list_errors(error)
        self._problems += errors
        # A missing object, or one that cannot be copied, must not keep the others public.
        failed = {getattr(error, "object", None) for error in errors}
        remaining = [file for file in files if file not in failed]
        return self._move(remaining) if 0 < len(remaining) < len(files) else []

    def _get_prefix(self, item: CosObject) -> str:
        """Return the prefix in the quarantine for objects of the same bucket."""
        return f"{self._folder}{item.bucket}/"


def _list_errors(error: Exception) -> list[Exception]:
    return list(getattr(error, "exceptions", [error]))
