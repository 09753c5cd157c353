"""Scripted results of AI tasks."""

from __future__ import annotations

from typing import Any

import pytest

from scf_mps.local.mps import scripted_results

from .support import ALL_AI, plan


def list_types(**request: Any) -> list[str]:
    return [subtask.type for subtask in plan(**request).subtasks]


@pytest.mark.parametrize(
    ("field", "definition", "types"),
    [
        ("AiContentReviewTask", 10, "Porn Terrorism Political"),
        (
            "AiContentReviewTask",
            20,
            "Porn Terrorism Political Porn.Asr Porn.Ocr Political.Asr Political.Ocr Terrorism.Ocr"
            " Prohibited.Asr Prohibited.Ocr",
        ),
        ("AiAnalysisTask", 10, "Classification Cover Tag"),
        ("AiAnalysisTask", 20, "Classification Cover Tag FrameTag"),
        ("AiRecognitionTask", 10, ""),
        ("SmartSubtitlesTask", 7, "AsrFullTextRecognition"),
    ],
)
def test_presets_have_documented_results(field: str, definition: int, types: str) -> None:
    prefix = field.removesuffix("Task")
    expected = [f"{prefix}.{type_}" for type_ in types.split()]
    planned = plan(**{field: {"Definition": definition}})
    assert [subtask.type for subtask in planned.subtasks] == expected
    assert planned.warnings == []


def test_unknown_template_is_scripted_with_warning() -> None:
    planned = plan(AiRecognitionTask={"Definition": 4711})
    assert [subtask.type for subtask in planned.subtasks] == [
        "AiRecognition.AsrFullTextRecognition",
        "AiRecognition.OcrFullTextRecognition",
    ]
    assert ["4711" in warning for warning in planned.warnings] == [True]
    assert "ai-definition" in planned.assumptions


def test_every_review_takes_choice() -> None:
    for subtask in plan(AiContentReviewTask={"Definition": 20}).subtasks:
        type_ = subtask.type.partition(".")[2]
        passed = scripted_results.build(subtask, {})
        assert (passed["Suggestion"], passed["Confidence"], passed["SegmentSet"]) == ("pass", 0, [])
        blocked = scripted_results.build(subtask, {type_: "review"})
        (segment,) = blocked["SegmentSet"]
        assert (blocked["Suggestion"], segment["Suggestion"]) == ("review", "review")
        assert blocked["Confidence"] == segment["Confidence"] == 80
        assert segment["EndTimeOffset"] == 1


def test_scripted_outputs_name_no_files() -> None:
    for subtask in plan(**ALL_AI).subtasks:
        output = scripted_results.build(subtask, {})
        paths = {name: value for name, value in output.items() if name.endswith("Path")}
        assert not any(paths.values())


def test_lists_of_classifications_and_tags_have_item() -> None:
    subtasks = {item.type: item for item in plan(AiAnalysisTask={"Definition": 10}).subtasks}
    tags = scripted_results.build(subtasks["AiAnalysis.Tag"], {})["TagSet"]
    assert [tag["Tag"] for tag in tags] == ["sample"]
    cover = scripted_results.build(subtasks["AiAnalysis.Cover"], {})
    assert cover["CoverSet"] == []
    assert cover["OutputStorage"]["CosOutputStorage"]["Bucket"] == "in-1250000000"


def test_choices_are_checked() -> None:
    scripted_results.check_choices({"Porn": "block", "Prohibited.Ocr": "review"})
    for choices in ({"Cats": "block"}, {"Porn": "maybe"}):
        with pytest.raises(ValueError, match="Use one of"):
            scripted_results.check_choices(choices)


def test_task_without_ai_has_no_scripted_results() -> None:
    assert list_types(AiContentReviewTask={}) == []
