"""Decisions of the local MPS that Tencent Cloud does not document, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Assumption(NamedTuple):
    """An assumption.

    Attributes:
        text: what the local MPS does.
        effect: what may differ in Tencent Cloud.
    """

    text: str
    effect: str


ASSUMPTIONS: Mapping[str, Assumption] = {
    "teshd": Assumption(
        "TESHD presets are encoded as plain H.264.",
        "MPS's files are smaller at the same quality.",
    ),
    "segment-seconds": Assumption(
        "HLS segments last 5 s unless HlsTime says otherwise.",
        "MPS chooses the length by the GOP, so it may make more or fewer segments.",
    ),
    "segment-extension": Assumption(
        "fMP4 segments end in .mp4, and the init segment has `init` in place of the number.",
        "MPS may use another extension or name.",
    ),
    "relative-names": Assumption(
        "Names of segments, substreams and WebVTT files are relative to the folder of the main file.",
        "With an absolute OutputObjectPath they may be below OutputDir.",
    ),
    "name-extension": Assumption(
        "A name without `.{format}` gets its extension.",
        "MPS may store the name without one, or refuse the request.",
    ),
    "file-names": Assumption(
        "Unknown variables remain in names. Files with one name replace each other.",
        "MPS may refuse the task.",
    ),
    "engine-limits": Assumption(
        "Containers, codecs, formats and sources that the local MPS lacks fail with InternalError.",
        "MPS has them.",
    ),
    "path-refused": Assumption(
        "An OutputDir without slashes at both ends and an invalid ObjectNumberFormat are refused.",
        "MPS may refuse them with another code than InvalidParameterValue, or fail the subtask.",
    ),
    "definition-not-exist": Assumption(
        "An unknown Definition fails its subtask with InvalidInput.DefinitionNotExist.",
        "MPS may refuse the request.",
    ),
    "error-numbers": Assumption(
        "ErrCode is 30009 for a bad source, 40000 for bad input and 30010 otherwise.",
        "MPS documents ErrCodeExt only. Compare that.",
    ),
    "collision": Assumption(
        "Of two outputs with one name the later one remains.",
        "Which one remains in MPS is undocumented.",
    ),
    "first-frame": Assumption(
        "SnapshotByTimeOffset without time points gives the first frame.",
        "Seen in the sample event of page 583/39163 only.",
    ),
    "snapshot-definition": Assumption(
        "Output.Definition of SnapshotByTimeOffset is 0, as in the sample event. Use Input.Definition.",
        "MPS may send the Definition.",
    ),
    "hls-size": Assumption(
        "Output.Size of HLS is that of the playlist, as in two published events.",
        "The SDK calls it the sum of playlist and segments.",
    ),
    "sprite-count": Assumption(
        "TotalCount of sprites is the number of all pictures, as in the sample event.",
        "The SDK calls it the number of pictures in a sheet.",
    ),
    "sprite-sheet": Assumption(
        "A sheet that is not full is padded with black.",
        "MPS may crop it.",
    ),
    "waiting-subtask": Assumption(
        "Subtasks that wait are PROCESSING in notifications of NotifyMode Change.",
        "MPS may leave them out until they begin.",
    ),
    "change-order": Assumption(
        "NotifyMode Change sends a notification as each subtask begins and ends, then FINISH.",
        "MPS may join several changes.",
    ),
    "source-missing": Assumption(
        "A source that cannot be read gives ErrCode 30009 without results.",
        "MPS may list its subtasks as failed.",
    ),
    "abort": Assumption(
        "An aborted task finishes with InternalError and sends no notification.",
        "MPS may notify.",
    ),
    "scripted": Assumption(
        "AI results are scripted: no model runs. Reviews pass unless you choose otherwise.",
        "MPS computes them from the video.",
    ),
    "ai-definition": Assumption(
        "A custom AI template has the results of preset 10.",
        "MPS sends results for what the template switches on.",
    ),
    "custom-definition": Assumption(
        "Custom templates have ids from 2000001.",
        "MPS's ids are undocumented.",
    ),
    "adaptive-bitrates": Assumption(
        "Adaptive preset 10 uses MPS's page: 512 kbit/s for 720p and 1,024 for 1080p.",
        "VOD's page has 1,024 and 2,500.",
    ),
    "webp-size": Assumption(
        "The WebP preset 20001 is 320 pixels wide, as its list page contradicts the API.",
        "MPS may keep the size of the source.",
    ),
    "trigger": Assumption(
        "Put, Post, CompleteMultipartUpload and Copy trigger workflows. Outputs of MPS do not.",
        "Which COS events trigger MPS is undocumented.",
    ),
}
"""Every assumption by id. Tasks list the ids that had an effect."""
