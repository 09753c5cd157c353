"""Plan of a task: the parameters of ProcessMedia become subtasks with engine jobs and names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import jobs, paths
from .errors import Refused
from .failures import SubtaskFailed
from .model import Failure, Location, Subtask
from .presets import Kind, Template
from .result_fields import build_storage, list_input_fields
from .scripted_results import list_types
from .template_rules import check_parameters, check_streams, override_parameters
from .templates import Templates

SETS: Mapping[str, Kind] = {
    "TranscodeTaskSet": "Transcode",
    "AnimatedGraphicTaskSet": "AnimatedGraphics",
    "SnapshotByTimeOffsetTaskSet": "SnapshotByTimeOffset",
    "SampleSnapshotTaskSet": "SampleSnapshot",
    "ImageSpriteTaskSet": "ImageSprites",
    "AdaptiveDynamicStreamingTaskSet": "AdaptiveDynamicStreaming",
}
"""The sets of ``MediaProcessTask`` and the kind of their subtasks, in the order of results in events."""

_MAIN_NAME = "OutputObjectPath"
_SECOND_NAMES = ("SegmentObjectName", "SubStreamObjectName", "WebVttObjectName")
_PATH_FIELDS = ("OutputStorage", "OutputObjectPath", *_SECOND_NAMES, "ObjectNumberFormat")
_EVENT_FIELDS: Mapping[Kind, Mapping[str, Any]] = {
    "Transcode": {"WatermarkSet": []},
    "AnimatedGraphics": {"StartTimeOffset": 0, "EndTimeOffset": 0},
    "SnapshotByTimeOffset": {"TimeOffsetSet": [], "WatermarkSet": []},
    "SampleSnapshot": {"WatermarkSet": []},
    "ImageSprites": {},
    "AdaptiveDynamicStreaming": {"WatermarkSet": []},
}
"""Fields of a result's ``Input`` that published events have even if the request did not."""

_NO_EFFECT = (
    "WatermarkSet",
    "BlindWatermark",
    "MosaicSet",
    "HeadTailParameter",
    "AddOnSubtitles",
    "SubtitleTemplate",
    "AddOnAudios",
    "DrmInfo",
    "KeyPTSList",
    "StdExtInfo",
    "ExtInfo",
)
_NO_EFFECT_REQUEST = ("ScheduleId", "Activities", "SkipMateData")


@dataclass(frozen=True, slots=True)
class Plan:
    """The subtasks of a task, texts for the developer, and the ids of assumptions that have an effect."""

    subtasks: list[Subtask] = field(default_factory=list[Subtask])
    warnings: list[str] = field(default_factory=list[str])
    assumptions: list[str] = field(default_factory=list[str])


def plan(
    request: Mapping[str, Any], source: Location, trigger: Location | None, templates: Templates
) -> Plan:
    """Return the plan of a task.

    Args:
        request: the parameters of ProcessMedia, or those of a workflow in that form.
        source: the input object.
        trigger: the bucket of the workflow's trigger, or None.
        templates: presets and custom templates.

    Raises:
        Refused: MPS refuses the request.
    """
    planner = _Planner(request, source, trigger or source, templates)
    planner.notes += ["trigger"] * (trigger is not None)
    planner.plan_media()
    planner.plan_ai()
    planner.check_request()
    return Plan(
        planner.subtasks, list(dict.fromkeys(planner.warnings)), list(dict.fromkeys(planner.notes))
    )


class _Planner:
    def __init__(
        self,
        request: Mapping[str, Any],
        source: Location,
        storage: Location,
        templates: Templates,
    ) -> None:
        self._request = request
        self._source = source
        self._storage = storage
        self._templates = templates
        self._folder = paths.read_output_dir(request, source)
        self.subtasks: list[Subtask] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def plan_media(self) -> None:
        """Plan the subtasks of ``MediaProcessTask``."""
        sets = self._request.get("MediaProcessTask") or {}
        for name, kind in SETS.items():
            for task in sets.get(name) or ():
                self.subtasks.append(self._plan_subtask(kind, task))

    def plan_ai(self) -> None:
        """Plan the scripted subtasks."""
        for type_, definition, problem in list_types(self._request):
            storage = self._read_storage({})
            shown = {"Definition": definition}
            self.subtasks.append(Subtask(type_, definition, shown, storage))
            self.notes.append("scripted")
            if problem:
                self.warnings.append(problem)
                self.notes.append("ai-definition")

    def check_request(self) -> None:
        """Warn about outputs with one name and about parameters without effect."""
        self.warnings += [
            f"{name} has no effect in the local MPS"
            for name in _NO_EFFECT_REQUEST
            if self._request.get(name)
        ]
        notify = self._request.get("TaskNotifyConfig")
        if isinstance(notify, Mapping) and notify.get("NotifyMode") == "Change":
            self.notes += ["change-order", "waiting-subtask"]
        collisions = paths.find_collisions(_list_files(self.subtasks), self._source)
        if collisions:
            self.warnings += collisions
            self.notes.append("collision")

    def _plan_subtask(self, kind: Kind, task: Mapping[str, Any]) -> Subtask:
        unknown = sorted(set(task) - list_input_fields(kind))
        if unknown:
            raise Refused("UnknownParameter", f"{kind} has no parameter {unknown[0]}")
        job, failure = None, None
        try:
            if not self._source.bucket:
                raise SubtaskFailed(
                    "InternalError", "the local MPS reads sources in COS only", "engine-limits"
                )
            job = jobs.build(self._find_template(kind, task), task)
        except SubtaskFailed as error:
            failure = error.failure
            self._warn(kind, task, [str(error)])
            self.notes.append(error.assumption)
        else:
            self._warn(kind, task, job.warnings)
            self.notes += job.assumptions
        self._check_fields(kind, task, job.several if job else [])
        return self._name_subtask(kind, task, job, failure)

    def _name_subtask(
        self, kind: Kind, task: Mapping[str, Any], job: jobs.Job | None, failure: Failure | None
    ) -> Subtask:
        extensions = job.extensions if job else {}
        planned = paths.plan_names(kind, task, self._source, self._folder, extensions)
        storage = self._read_storage(task)
        return Subtask(
            kind,
            task.get("Definition") or 0,
            _build_input(kind, task, storage, planned.input),
            storage,
            planned.names,
            job.parameters if job else None,
            failure,
        )

    def _find_template(self, kind: Kind, task: Mapping[str, Any]) -> Template:
        """Return the template of a subtask with its own parameters. Raise Refused or SubtaskFailed."""
        definition = task.get("Definition") or 0
        is_transcode = kind == "Transcode"
        raw = task.get("RawParameter") if is_transcode else None
        override = task.get("OverrideParameter") if is_transcode else None
        if not definition and raw:
            if override:
                self._warn(kind, task, ["OverrideParameter has no effect with Definition 0"])
            return Template(kind, 0, "RawParameter", check_parameters(kind, raw))
        if raw:
            self._warn(kind, task, ["RawParameter has an effect with Definition 0 only"])
        template = self._templates.get(kind, definition)
        if template is None:
            raise SubtaskFailed(
                "InvalidInput.DefinitionNotExist",
                f"{kind} has no template {definition}",
                "definition-not-exist",
            )
        if not template.is_preset:
            self.notes.append("custom-definition")
        streams = task.get("StdExtStreamInfos")
        if streams and kind == "AdaptiveDynamicStreaming":
            parameters = {**template.parameters, "StreamInfos": check_streams(streams)}
            template = replace(template, parameters=parameters)
        if override:
            parameters = override_parameters(template.parameters, override)
            template = replace(template, parameters=parameters)
        return template

    def _check_fields(self, kind: Kind, task: Mapping[str, Any], several: list[str]) -> None:
        problems = paths.find_problems(kind, task, several)
        if problems:
            self.notes.append("file-names")
        second_names = [task[name] for name in _SECOND_NAMES if task.get(name)]
        if second_names:
            self.notes.append("relative-names")
        names = [*second_names, task.get(_MAIN_NAME) or paths.SUFFIX]
        if not all(str(name).endswith(paths.SUFFIX) for name in names):
            self.notes.append("name-extension")
        ignored = [name for name in _NO_EFFECT if task.get(name)]
        problems += [f"{name} has no effect in the local MPS" for name in ignored]
        self._warn(kind, task, problems)

    def _warn(self, kind: Kind, task: Mapping[str, Any], problems: list[str]) -> None:
        definition = task.get("Definition") or 0
        self.warnings += [f"{kind} {definition}: {problem}" for problem in problems]

    def _read_storage(self, task: Mapping[str, Any]) -> Location:
        """Return the bucket of a subtask: its own, else the task's, else the trigger's or source's."""
        for owner in (task, self._request):
            storage = owner.get("OutputStorage")
            if storage:
                return _parse_storage(storage)
        return Location(self._storage.bucket, self._storage.region)


def _parse_storage(storage: Any) -> Location:
    kind = storage.get("Type", "COS") if isinstance(storage, Mapping) else storage
    if kind != "COS":
        raise Refused(
            "UnsupportedOperation", f"the local MPS stores in COS, not in {kind!r}. Use Type COS"
        )
    place = storage.get("CosOutputStorage")
    place = place if isinstance(place, Mapping) else {}
    bucket, region = place.get("Bucket"), place.get("Region")
    if not (isinstance(bucket, str) and isinstance(region, str) and bucket and region):
        raise Refused("InvalidParameterValue", "OutputStorage has no Bucket or Region")
    return Location(bucket, region)


def _build_input(
    kind: Kind, task: Mapping[str, Any], storage: Location, names: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the ``Input`` of a result: parameters as given, names rendered."""
    given = {
        name: value
        for name, value in task.items()
        if name not in _PATH_FIELDS and value is not None
    }
    return {
        "Definition": task.get("Definition") or 0,
        **_EVENT_FIELDS[kind],
        **given,
        "OutputStorage": build_storage(storage),
        **names,
    }


def _list_files(subtasks: list[Subtask]) -> Iterator[tuple[str, Location]]:
    """Yield a description and the place of each kind of file."""
    for index, subtask in enumerate(subtasks):
        if subtask.job is None or subtask.names is None:
            continue
        names = subtask.names
        for name in filter(None, (names.main, names.stream, names.vtt, names.segment)):
            place = Location(subtask.storage.bucket, subtask.storage.region, name)
            yield f"{subtask.type} {subtask.definition} (result {index + 1})", place
