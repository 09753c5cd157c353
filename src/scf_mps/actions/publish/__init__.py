"""Publish: what MPS made, copied to where players get it, with a manifest, the CDN told and the originals put away.

Where each file goes is in `places.py`, what a manifest says in `manifest.py`, what the text of a publication may say
in `publish_options.py`. Each step is a callback of its own, so that the ledger records it and SCF's retry repeats it
alone.
"""

from __future__ import annotations

import logging
from weakref import WeakKeyDictionary, proxy

from ...cos import Cos, CosObject
from ...errors import ConfigurationError
from ...events.base import Event, Result, get_event
from ...events.files import find_files, find_unreachable_outputs
from ...logs import encode_json
from ...tencent.cdn import Cdn
from .options import PublishOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...cos.outputs import Tree
    from .destinations import Copies


class _Plan:
    """Everything of an event that is published. It is checked, and its playlists are read, once.

    Attributes:
        parts: the results with files.
    """

    def __init__(self, event: Event, publish: Publish, cos: Cos) -> None:
        self.event = event
        self.parts = publish._parts(event)
        self._places = places = publish._places
        self._site = publish._options.cdn.rpartition("/")[2].lower(), places.bucket
        self._cos: Cos = proxy(cos)
        self._trees: dict[str, Tree] = {}
        self._copies: dict[str, Copies] = {}
        self._is_checked = False
        self._problem = ""

    def tree(self, result: Result) -> Tree:
        """Return the files of a result, those in its playlists too. Raises as `Cos.files`.

        Where the outputs are in the bucket behind the ``cdn=`` site, its URLs are files of the bucket.
        """
        if result.place not in self._trees:
            from ...cos import outputs

            self._trees[result.place] = outputs.build_tree(
                self._cos._client, find_files(result), outputs.Site(*self._site)
            )
        return self._trees[result.place]

    def copies(self, result: Result) -> Copies:
        """Return where every file of a result goes. Raises as `tree` and `Places.of`."""
        if result.place not in self._copies:
            self._copies[result.place] = self._places.of(result, self.tree(result).items)
        return self._copies[result.place]

    def check(self, publish: Publish) -> None:
        """Raise ConfigurationError if two files would be one object, or one would replace another of the event."""
        if self._problem:
            raise ConfigurationError(self._problem)
        if self._is_checked:
            return
        # Where files are published beside the outputs, a copy may be about to replace what is not copied yet.
        taken = dict.fromkeys(self.event.files, "an output of the task: publish to another folder")
        sources = [source.object for source in self.event.inputs if source.object is not None]
        taken.update(dict.fromkeys(sources, "a source of the task: publish to another folder"))
        manifest = publish._manifest_of(self.event)
        if manifest:
            taken[manifest] = "the manifest: name that otherwise"
        try:
            self._places.check(self.parts, lambda result: self.tree(result).items, taken)
        except ConfigurationError as error:
            self._problem = str(error)
            raise
        self._is_checked = True


class Publish:
    """Copies the outputs of results that went well, and what belongs to that.

        publish = Publish("cos://player-1250000000.ap-guangzhou/vod/{source_name}/?manifest=manifest.json")
        for kind in publish.kinds:
            router.on(kind, **publish.filters)(publish.copy)
        for callback in publish.finishing:
            router.on_complete(Event, when=publish.concerns)(callback)

    Args:
        to: ``cos://bucket.region/`` and a key template (`places.Places`), with options behind a ``?``; see
            docs/actions.md.
        when: a function of a result that says whether it may be published, beside what the options say.

    Attributes:
        kinds: the classes of the results that are published.
        filters: what else narrows them, for `Router.on`.
        finishing: the callbacks for events that are complete: those of `write_manifest`, `refresh_cdn` and
            `retire_originals` that the options ask for.

    Raises:
        ValueError: if `to` is none of this.
    """

    def __init__(self, to: str, when: Callable[[Result], object] | None = None) -> None:
        self._options = options = PublishOptions(to, when)
        self._places = options.places
        self._plans: WeakKeyDictionary[Cos, _Plan] = WeakKeyDictionary()
        self.kinds = options.kinds
        self.filters = options.filters
        self.finishing: tuple[Callable[..., object], ...] = tuple(
            callback
            for callback, wanted in (
                (self.write_manifest, options.manifest),
                (self.refresh_cdn, options.cdn_do),
                (self.retire_originals, options.originals),
            )
            if wanted
        )

    def copy(self, result: Result, cos: Cos, log: logging.Logger) -> list[CosObject]:
        """Copy all files of a result, what names others last; a callback for `kinds`.

        Returns:
            The copies.

        Raises:
            ConfigurationError: files of the event would become one object, or take the place of a source or an
                output of it. Nothing is copied then.
            CosError, SomeFailed, NotInCos: as `Cos.publish`. A result without any output is a warning.
        """
        from ...cos.copy import CopyOptions
        from ...cos.metadata import ObjectSettings
        from ...cos.outputs import find_named_objects

        plan = self._plan(get_event(result), cos)
        plan.check(self)
        options = self._options
        missing = self._places.missing(result)
        if missing:
            where = self._places.target(result)
            log.warning("%s has no value for {%s}", where, "}, {".join(missing))
        files = find_named_objects(result)
        if not files:
            return []
        targets = plan.copies(result)
        if len(targets) == 1:
            to = targets[files[0]]
            copies = [cos.copy(files[0], to, overwrite=options.overwrite, **options.headers)]
        else:
            rules = CopyOptions(ObjectSettings(**options.headers), options.overwrite)
            copies = cos._publish(plan.tree(result), targets, rules)
        log.info("published", extra={"files": [str(copy) for copy in copies]})
        return copies

    def links(self, result: Result) -> list[str]:
        """The URLs of the copies of the files that a result names; none if it is not published.

        They are the CDN's with ``cdn=``, else the bucket's, and work where that is public. No request is made.
        """
        if not self._is_wanted(result):
            return []
        return [self._url(copy) for copy in self._places.of(result).values()]

    def concerns(self, event: Event) -> bool:
        """Return True if an event has files to publish, or a success of a type in ``types=``; for ``when=``."""
        return bool(self._wanted(event) if self._options.names_types else self._parts(event))

    def write_manifest(self, event: Event, cos: Cos, log: logging.Logger) -> CosObject | None:
        """Write down what of an event is published where; a callback for `Router.on_complete`.

        Returns:
            Where it is; None if nothing is published of the event, or no manifest is asked for.

        Raises:
            NotFound: one of the copies is not there.
            CosError: as `Cos.upload`.
        """
        from .manifest import build_manifest

        target, wanted, parts = self._manifest_of(event), self._wanted(event), self._parts(event)
        if target is None or not self.concerns(event):
            return None
        plan = self._plan(event, cos)
        published = [(part, plan.copies(part)) for part in parts]
        named = [
            copy
            for part, copies in published
            for source, copy in copies.items()
            if source in find_files(part)
        ]
        sizes = {head.object: head.size for head in cos.head(list(dict.fromkeys(named)))}
        cos.upload(
            encode_json(build_manifest(event, published, wanted, sizes, self._url), indent=1),
            target,
            content_type="application/json",
            acl=self._options.headers.get("acl"),
            cache_control=self._options.headers.get("cache_control"),
        )
        log.info("manifest written", extra={"files": [str(target)]})
        return target

    def refresh_cdn(self, event: Event, cos: Cos, cdn: Cdn) -> list[str]:
        """Have the CDN forget, fetch, or first forget and then fetch what is published of an event.

        Returns:
            The URLs.

        Raises:
            ApiError: as `Cdn.purge`.
            CosError: a playlist cannot be read.
        """
        plan = self._plan(event, cos)
        copies = [copy for part in plan.parts for copy in plan.copies(part).values()]
        manifest = self._manifest_of(event)
        if manifest and self.concerns(event):
            copies.append(manifest)
        urls = [self._url(copy) for copy in dict.fromkeys(copies)]
        if self._options.cdn_do in ("purge", "both"):
            cdn.purge(urls)
        if self._options.cdn_do in ("prefetch", "both"):
            cdn.prefetch(urls)
        return urls

    def retire_originals(self, event: Event, cos: Cos, log: logging.Logger) -> list[CosObject]:
        """Delete the sources of a task, or put them into a storage class, if all of the task went well.

        Sources that are outputs, playlists, below a folder that was published to, or another file by now are left.

        Returns:
            The sources; none if the task failed in part, or not every result that is to be published has a file.

        Raises:
            CosError, SomeFailed: as `Cos.head`, `Cos.delete` and `Cos.set_storage_class`.
        """
        from .originals import find_replaced, find_retirable, has_succeeded, retire

        wanted = self._wanted(event)
        # One that says SUCCESS and names no file, or one outside COS, is not published.
        if not (wanted and all(map(find_files, wanted)) and has_succeeded(event)):
            return []
        if any(map(find_unreachable_outputs, wanted)):
            return []
        published = [copy for part in wanted for copy in self._places.of(part).values()]
        sources = find_retirable(event, published, cos)
        others = find_replaced(event, sources, cos)
        sources = [source for source in sources if source not in others]
        kept = [str(source) for source in event.sources if source not in sources]
        if kept:
            log.warning(
                "originals are left: they are outputs, playlists, where the outputs are published, or were replaced",
                extra={"files": kept},
            )
        if sources:
            retire(sources, cos, self._options.originals)
            log.info("originals retired", extra={"files": [str(source) for source in sources]})
        return sources

    def _plan(self, event: Event, cos: Cos) -> _Plan:
        """Return the plan of an event for an invocation, which is what a `Cos` belongs to."""
        plan = self._plans.get(cos)
        if plan is None or plan.event is not event:
            plan = self._plans[cos] = _Plan(event, self, cos)
        return plan

    def _wanted(self, event: Event) -> list[Result]:
        """The results of an event that are to be published; an edit is its own."""
        every: tuple[Result, ...] = (*event.subtasks, event)
        return [one for one in every if self._is_wanted(one)]

    def _parts(self, event: Event) -> list[Result]:
        """Those of them that have files."""
        return [one for one in self._wanted(event) if find_files(one)]

    def _is_wanted(self, result: Result) -> bool:
        return (
            result.verb == "on"
            and isinstance(result, self.kinds)
            and all(test.matches(result) for test in self._options.tests)
        )

    def _url(self, item: CosObject) -> str:
        from ...cos.signature import encode_path

        site = self._options.cdn or f"https://{item.bucket}.cos.{item.region}.myqcloud.com"
        return f"{site}/{encode_path(item.key)}"

    def _manifest_of(self, event: Event) -> CosObject | None:
        """Where the manifest of an event is, if one is asked for."""
        if self._options.manifest is None:
            return None
        from ..key_template import collect_event_values

        key = self._options.manifest.fill(collect_event_values(event, 0.0))
        return CosObject(self._places.bucket, self._places.region, key)
