"""Publish action: copy outputs to their destination, write a manifest, call the CDN and retire the originals.

Each step is a separate callback, so the ledger records it and SCF's retry repeats it alone.
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
    """All copies of an event. It is checked once, and its playlists are read once.

    Attributes:
        parts: published results with files.
    """

    def __init__(self, event: Event, publish: Publish, cos: Cos) -> None:
        self.event = event
        self.parts = publish._find_parts(event)
        self._destinations = destinations = publish._destinations
        self._site = publish._options.cdn.rpartition("/")[2].lower(), destinations.bucket
        self._cos: Cos = proxy(cos)
        self._trees: dict[str, Tree] = {}
        self._copies: dict[str, Copies] = {}
        self._is_checked = False
        self._problem = ""

    def get_tree(self, result: Result) -> Tree:
        """Return the files of a result, including those in its playlists. Raise as `Cos.files`.

        URLs of the ``cdn=`` site are files of the bucket if the outputs are in the bucket of the site.
        """
        if result.place not in self._trees:
            from ...cos import outputs

            self._trees[result.place] = outputs.build_tree(
                self._cos._client, find_files(result), outputs.Site(*self._site)
            )
        return self._trees[result.place]

    def get_copies(self, result: Result) -> Copies:
        """Return the destination of every file of a result. Raise as `get_tree` and `Destinations.map_files`."""
        if result.place not in self._copies:
            self._copies[result.place] = self._destinations.map_files(
                result, self.get_tree(result).items
            )
        return self._copies[result.place]

    def check(self, publish: Publish) -> None:
        """Raise ConfigurationError if two files share a destination, or a copy replaces a file of the event."""
        if self._problem:
            raise ConfigurationError(self._problem)
        if self._is_checked:
            return
        # In a folder that also holds the outputs, a copy may replace a file that is not copied yet.
        reserved = dict.fromkeys(self.event.files, "an output of the task: use another folder")
        sources = [source.object for source in self.event.inputs if source.object is not None]
        reserved.update(dict.fromkeys(sources, "a source of the task: use another folder"))
        manifest = publish._locate_manifest(self.event)
        if manifest:
            reserved[manifest] = "the manifest: use another name"
        try:
            self._destinations.check(
                self.parts, lambda result: self.get_tree(result).items, reserved
            )
        except ConfigurationError as error:
            self._problem = str(error)
            raise
        self._is_checked = True


class Publish:
    """Copies the outputs of successful results.

        publish = Publish("cos://player-1250000000.ap-guangzhou/vod/{source_name}/?manifest=manifest.json")
        for kind in publish.kinds:
            router.on(kind, **publish.filters)(publish.copy)
        for callback in publish.finishing:
            router.on_complete(Event, when=publish.concerns)(callback)

    Args:
        to: ``cos://bucket.region/`` and a key template (`Destinations`), with options after a ``?``, see
            docs/actions.md.
        when: returns True for results that may be published, in addition to the options.

    Attributes:
        kinds: classes of published results.
        filters: further filters for `Router.on`.
        finishing: callbacks for complete events: those of `write_manifest`, `refresh_cdn` and `retire_originals` that
            the options enable.

    Raises:
        ValueError: `to` is invalid.
    """

    def __init__(self, to: str, when: Callable[[Result], object] | None = None) -> None:
        self._options = options = PublishOptions(to, when)
        self._destinations = options.destinations
        self._plans: WeakKeyDictionary[Cos, _Plan] = WeakKeyDictionary()
        self.kinds = options.kinds
        self.filters = options.filters
        self.finishing: tuple[Callable[..., object], ...] = tuple(
            callback
            for callback, enabled in (
                (self.write_manifest, options.manifest),
                (self.refresh_cdn, options.cdn_do),
                (self.retire_originals, options.originals),
            )
            if enabled
        )

    def copy(self, result: Result, cos: Cos, log: logging.Logger) -> list[CosObject]:
        """Copy all files of a result, playlists last. A callback for `kinds`.

        A result without any output is logged as a warning.

        Returns:
            The copies.

        Raises:
            ConfigurationError: files of the event share a destination, or would replace a source or an output.
                Nothing is copied then.
            CosError, SomeFailed, NotInCos: as for `Cos.publish`.
        """
        from ...cos.copy import CopyOptions
        from ...cos.metadata import ObjectSettings
        from ...cos.outputs import find_named_objects

        plan = self._get_plan(get_event(result), cos)
        plan.check(self)
        options = self._options
        missing = self._destinations.find_missing_fields(result)
        if missing:
            target = self._destinations.get_target(result)
            log.warning("missing values for {%s} in %s", "}, {".join(missing), target)
        files = find_named_objects(result)
        if not files:
            return []
        targets = plan.get_copies(result)
        if len(targets) == 1:
            to = targets[files[0]]
            copies = [cos.copy(files[0], to, overwrite=options.overwrite, **options.headers)]
        else:
            rules = CopyOptions(ObjectSettings(**options.headers), options.overwrite)
            copies = cos._publish(plan.get_tree(result), targets, rules)
        log.info("published", extra={"files": [str(copy) for copy in copies]})
        return copies

    def links(self, result: Result) -> list[str]:
        """Return the URLs of the copies of the files that a result names, empty if it is not published.

        They use the ``cdn=`` site, else the bucket's domain, which works for public buckets. No request is sent.
        """
        if not self._is_wanted(result):
            return []
        return [self._build_url(copy) for copy in self._destinations.map_files(result).values()]

    def concerns(self, event: Event) -> bool:
        """Return True if an event has files to publish, or a successful result of a type in ``types=``."""
        if self._options.names_types:
            return bool(self._find_wanted(event))
        return bool(self._find_parts(event))

    def write_manifest(self, event: Event, cos: Cos, log: logging.Logger) -> CosObject | None:
        """Write the manifest of an event. A callback for `Router.on_complete`.

        Returns:
            The manifest, or None if nothing of the event is published or the option is missing.

        Raises:
            NotFound: a copy is missing.
            CosError: as for `Cos.upload`.
        """
        from .manifest import build_manifest

        target, parts = self._locate_manifest(event), self._find_parts(event)
        if target is None or not self.concerns(event):
            return None
        plan = self._get_plan(event, cos)
        published = [(part, plan.get_copies(part)) for part in parts]
        named = [
            copy
            for part, copies in published
            for source, copy in copies.items()
            if source in find_files(part)
        ]
        sizes = {head.object: head.size for head in cos.head(list(dict.fromkeys(named)))}
        wanted = self._find_wanted(event)
        manifest = build_manifest(event, published, wanted, sizes, self._build_url)
        cos.upload(
            encode_json(manifest, indent=1),
            target,
            content_type="application/json",
            acl=self._options.headers.get("acl"),
            cache_control=self._options.headers.get("cache_control"),
        )
        log.info("manifest written", extra={"files": [str(target)]})
        return target

    def refresh_cdn(self, event: Event, cos: Cos, cdn: Cdn) -> list[str]:
        """Purge, prefetch, or purge and then prefetch the published URLs of an event.

        Returns:
            The URLs.

        Raises:
            ApiError: as for `Cdn.purge`.
            CosError: a playlist cannot be read.
        """
        plan = self._get_plan(event, cos)
        copies = [copy for part in plan.parts for copy in plan.get_copies(part).values()]
        manifest = self._locate_manifest(event)
        if manifest and self.concerns(event):
            copies.append(manifest)
        urls = [self._build_url(copy) for copy in dict.fromkeys(copies)]
        if self._options.cdn_do in ("purge", "both"):
            cdn.purge(urls)
        if self._options.cdn_do in ("prefetch", "both"):
            cdn.prefetch(urls)
        return urls

    def retire_originals(self, event: Event, cos: Cos, log: logging.Logger) -> list[CosObject]:
        """Delete the sources of a task or change their storage class, if the whole task succeeded.

        Sources stay if they are outputs or playlists, if they are below a folder that was published to, or if they
        were replaced since.

        Returns:
            The retired sources, empty if a part of the task failed or a result to publish has no file.

        Raises:
            CosError, SomeFailed: as for `Cos.head`, `Cos.delete` and `Cos.set_storage_class`.
        """
        from .originals import find_replaced, find_retirable, has_succeeded, retire

        wanted = self._find_wanted(event)
        # A successful result without a file, or with one outside COS, is not published.
        if not (wanted and all(map(find_files, wanted)) and has_succeeded(event)):
            return []
        if any(map(find_unreachable_outputs, wanted)):
            return []
        published = [
            copy for part in wanted for copy in self._destinations.map_files(part).values()
        ]
        sources = find_retirable(event, published, cos)
        replaced = find_replaced(event, sources, cos)
        sources = [source for source in sources if source not in replaced]
        kept = [str(source) for source in event.sources if source not in sources]
        if kept:
            log.warning(
                "originals kept: outputs, playlists, replaced files or files in a published folder",
                extra={"files": kept},
            )
        if sources:
            retire(sources, cos, self._options.originals)
            log.info("originals retired", extra={"files": [str(source) for source in sources]})
        return sources

    def _get_plan(self, event: Event, cos: Cos) -> _Plan:
        """Return the plan of an event. A `Cos` belongs to one invocation."""
        plan = self._plans.get(cos)
        if plan is None or plan.event is not event:
            plan = self._plans[cos] = _Plan(event, self, cos)
        return plan

    def _find_wanted(self, event: Event) -> list[Result]:
        """Return the results to publish. An edit is its own result."""
        results: tuple[Result, ...] = (*event.subtasks, event)
        return [result for result in results if self._is_wanted(result)]

    def _find_parts(self, event: Event) -> list[Result]:
        """Return the results to publish that have files."""
        return [result for result in self._find_wanted(event) if find_files(result)]

    def _is_wanted(self, result: Result) -> bool:
        return (
            result.verb == "on"
            and isinstance(result, self.kinds)
            and all(test.matches(result) for test in self._options.tests)
        )

    def _build_url(self, item: CosObject) -> str:
        from ...cos.signature import encode_path

        site = self._options.cdn or f"https://{item.bucket}.cos.{item.region}.myqcloud.com"
        return f"{site}/{encode_path(item.key)}"

    def _locate_manifest(self, event: Event) -> CosObject | None:
        """Return the manifest of an event, or None without the option."""
        if self._options.manifest is None:
            return None
        from ..key_template import collect_event_values

        key = self._options.manifest.fill(collect_event_values(event, 0.0))
        return CosObject(self._destinations.bucket, self._destinations.region, key)
