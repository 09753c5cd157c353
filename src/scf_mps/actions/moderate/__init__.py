"""Moderate: what AI content review objects to is moved out of the way, into a quarantine.

What the reviews of an event come to is `verdict.py`'s. Here all that MPS made of the video, and on request the video
itself, is moved below one place, whole and verified, however often SCF delivers the event.
"""

from __future__ import annotations

import logging

from ...cos import Cos, CosObject
from ...events.base import Event, Result, Subtask, get_event
from ...routing.filters import create_filters
from ..filter_options import parse_filters
from ..key_template import DATE_FIELDS, EVENT_FIELDS, Template, collect_event_values
from ..settings import parse_cos_address, split
from .verdict import DECISIONS, Verdict, compute_review_verdict, compute_verdict, is_review

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

_NARROWING = ("bucket", "path", "session")  # source= says whether to move it
_OPTIONS = ("acl", "on", "source", *_NARROWING)
_LOGGED = 10  # findings on the log line, which is cut at 8 KB


class Moderate:
    """Holds back what content review objects to.

        moderate = Moderate("cos://quarantine-1250000000.ap-guangzhou/held/?on=block,fail")
        for verb in (router.on, router.on_failure):
            verb(Event, when=moderate.holds)(moderate.quarantine)
        router.on(Subtask, when=moderate.concerns)(moderate.record)

    Args:
        to: ``cos://bucket.region/folder/``, in which fields in braces stand for what the event tells
            (`templates.OF_EVENT`, but no dates: a redelivery must find what the one before moved). An object goes to
            its bucket's name and its key below that. Options behind a ``?``: ``on=`` the verdicts to act on
            (``block,review,fail``), ``source=move`` to move the source video too, ``acl=`` of the moved objects.
            ``bucket=``, ``path=`` and ``session=`` narrow it to some events, as `Router.on` does; of all others it
            holds nothing.

    Raises:
        ValueError: if `to` is none of this.
    """

    def __init__(self, to: str) -> None:
        address, given = split(to, _OPTIONS)
        place = parse_cos_address(address)
        if not place.is_directory:
            raise ValueError(f"expected a folder, ending in a slash: {address}")
        self._bucket, self._region = place.bucket, place.region
        self._folder = Template(
            place.prefix, [one for one in EVENT_FIELDS if one not in DATE_FIELDS]
        )
        self._acl = given.get("acl")
        self._on = frozenset(given.get("on", "block,review,fail").split(","))
        if not self._on < set(DECISIONS) or "pass" in self._on:
            raise ValueError(f"on= expects some of block,review,fail, not {given['on']!r}")
        if given.get("source", "move") != "move":
            raise ValueError(f"source= expects move, not {given['source']!r}")
        self._moves_source = "source" in given
        narrowing = {name: given[name] for name in _NARROWING if name in given}
        self._tests = create_filters(parse_filters(narrowing))
        self._latest: tuple[Event, Verdict | None] | None = None

    def holds(self, result: Result) -> bool:
        """Return True if anything that the reviews of a result's event find is acted on."""
        return self._is_held(self._verdict(get_event(result)))

    def permits(self, result: Result) -> bool:
        """The opposite of `holds`; for ``when=``, so that what is held is not published."""
        return not self.holds(result)

    def concerns(self, result: Subtask) -> bool:
        """Return True for a review and for every result of a held event: moderation takes care of them."""
        return self._verdict(result.event) is not None and (is_review(result) or self.holds(result))

    def record(self, result: Subtask) -> None:
        """Log what a review says, or that a result is held; a callback for results."""
        if is_review(result):
            log.info("reviewed: %s", compute_review_verdict(result))
        else:
            log.info("held", extra={"files": [str(file) for file in result.files]})

    def permits_again(self, result: Subtask) -> bool:
        """Whether a failed result may be submitted again: of what is held the reviews alone.

        The new task is one without reviews: what it makes would be published.
        """
        return is_review(result) or self.permits(result)

    def quarantine(self, event: Event, cos: Cos) -> list[CosObject]:
        """Move all files of a held event below the quarantine; a callback for events.

        HLS outputs go with all that their playlists name, a source as the one object it is. What an earlier delivery
        moved is found there and done; what lies below the quarantine already stays. Whatever can be moved is moved
        before anything is raised.

        Returns:
            Where the files are now; nothing for an event that is not held.

        Raises:
            SomeFailed: with the error of each that could not be moved: `NotFound` for one that is neither at its
                place nor in the quarantine, `NotInCos` for an output in AWS S3 or VOD, `UnknownManifest` for a DASH
                output, of which the manifest alone is moved.
        """
        verdict = self._verdict(event)
        if verdict is None or not self._is_held(verdict):
            return []
        folder = self._folder.fill(collect_event_values(event, 0.0))
        named = self._named(event, folder)
        log.warning(
            "%s: %s",
            verdict,
            "what MPS made goes to quarantine" if named else "the event names no file to move",
            extra={
                "verdict": verdict.decision,
                "why": [str(finding) for finding in verdict.why[:_LOGGED]],
                "pictures": [finding.url for finding in verdict.why[:_LOGGED] if finding.url],
                "quarantine": f"cos://{self._bucket}.{self._region}/{folder}",
                "session_context": event.session_context,
            },
        )
        move = _Move(cos, self._bucket, self._region, folder, self._acl)
        return move.all(named, event)

    def _verdict(self, event: Event) -> Verdict | None:
        """Return the verdict on an event, found once for all the results that ask for it one after the other.

        It is None for an event without reviews, and for one that the options leave to others.
        """
        latest = self._latest
        if latest is None or latest[0] is not event:
            is_ours = all(test.matches(event) for test in self._tests)
            latest = self._latest = (event, compute_verdict(event) if is_ours else None)
        return latest[1]

    def _is_held(self, verdict: Verdict | None) -> bool:
        """Return True if any finding is acted on: a review that failed does not release what another one blocks."""
        return verdict is not None and any(one.decision in self._on for one in verdict.why)

    def _named(self, event: Event, folder: str) -> list[CosObject]:
        """The objects that the event names and that are not below the folder; the source last."""
        files = list(event.files)
        for source in event.inputs if self._moves_source else ():
            if source.object is None:
                log.warning("the source is not in COS and stays where it is: %s", source)
            else:
                files.append(source.object)
        here = self._bucket, self._region
        return [
            file
            for file in dict.fromkeys(files)
            if (file.bucket, file.region) != here or not file.key.startswith(folder)
        ]


class _Move:
    """One event's files on their way; what goes wrong is kept until all had their turn."""

    def __init__(self, cos: Cos, bucket: str, region: str, folder: str, acl: str | None) -> None:
        self._cos = cos
        self._bucket = bucket
        self._region = region
        self._folder = folder
        self._acl = acl
        self._problems: list[Exception] = []

    def all(self, named: Sequence[CosObject], event: Event) -> list[CosObject]:
        """Move the files of what is named; returns where they are."""
        from ...cos import SomeFailed
        from ...events.files import find_unreachable_outputs

        buckets: dict[tuple[str, str], dict[CosObject, None]] = {}
        outputs = set(event.files)
        for one in named:
            # A source that is a playlist is an uploader's: it may name what is not theirs.
            files = self._files(one, set()) if one in outputs else [one]
            buckets.setdefault((one.bucket, one.region), {}).update(dict.fromkeys(files))
        moved = [copy for files in buckets.values() if files for copy in self._move(list(files))]
        for result in (event, *event.subtasks):
            self._problems += find_unreachable_outputs(result)
        if self._problems:
            count = len(self._problems)
            raise SomeFailed(f"quarantine: {count} could not be moved", self._problems)
        return moved

    def _files(self, one: CosObject, seen: set[CosObject]) -> list[CosObject]:
        """The object and what its playlist names, which is read wherever it is now; those seen are left out."""
        from ...cos import CosError, NotAPlaylist, NotFound, SomeFailed, UnknownManifest
        from ...cos.metadata import is_media_name

        try:
            files = self._cos.files([one])
            # One without the suffix of a playlist that an earlier delivery moved: there is nothing to tell that here.
            if files != [one] or is_media_name(one.key):
                return files
            errors: list[Exception] = []
        except (CosError, SomeFailed) as error:
            errors = _each(error)
        seen.add(one)
        named = self._named_by(one)
        if named:
            # One by one: a playlist that is nowhere must not keep what others name where everybody finds it.
            found = [file for each in named if each not in seen for file in self._files(each, seen)]
            return [*found, one]
        # Of the object itself its move will tell.
        self._problems += [
            error for error in errors if not isinstance(error, NotFound) or error.object != one
        ]
        final = (NotAPlaylist, NotFound, UnknownManifest)
        return [one] if all(isinstance(error, final) for error in errors) else []

    def _named_by(self, one: CosObject) -> list[CosObject]:
        """What a playlist names itself; an earlier delivery may have moved it."""
        from ...cos import CosError, hls, outputs

        for place in (one, CosObject(self._bucket, self._region, self._below(one) + one.key)):
            try:
                document = outputs.read_document(self._cos._client, place)
            except (CosError, ValueError):
                continue
            named: dict[CosObject, None] = {}
            for reference in document.references:
                item = hls.resolve_uri(one, reference.uri)
                if item is not None and (reference.required or self._cos.exists(item)):
                    named[item] = None
            return list(named)
        return []

    def _move(self, files: list[CosObject]) -> list[CosObject]:
        """Move objects of one bucket, the manifests last."""
        from ...cos import CosError, SomeFailed
        from ...cos.copy import CopyOptions
        from ...cos.metadata import ObjectSettings

        to = f"cos://{self._bucket}.{self._region}/{self._below(files[0])}"
        try:
            # As they are, whatever they name: moved back they are what they were.
            tasks = self._cos._plan_copies(files, to, False, "")
            return self._cos._move(tasks, CopyOptions(ObjectSettings(acl=self._acl)))
        except (CosError, SomeFailed, ValueError) as error:
            errors = _each(error)
        self._problems += errors
        # One that is nowhere, or cannot be copied, must not keep the others where everybody finds them.
        stuck = {getattr(error, "object", None) for error in errors}
        there = [file for file in files if file not in stuck]
        return self._move(there) if 0 < len(there) < len(files) else []

    def _below(self, one: CosObject) -> str:
        """What stands in front of the keys of an object's bucket in the quarantine."""
        return f"{self._folder}{one.bucket}/"


def _each(error: Exception) -> list[Exception]:
    return list(getattr(error, "exceptions", [error]))
