"""Registrations by the name of a type: known, misspelled and unknown names."""

import pytest

from scf_mps import RegistrationError, Router
from scf_mps.routing.type_names import find_classes, list_types


@pytest.mark.parametrize(
    ("name", "near", "classes"),
    [
        ("ImageSprite", "ImageSprites", "ImageSprites"),
        ("imagesprites", "ImageSprites", "ImageSprites"),
        ("AnimatedGraphic", "AnimatedGraphics", "AnimatedGraphics"),
        ("AnimatedGraphicTask", "AnimatedGraphics", "AnimatedGraphics"),
        ("ImageSpritesTask", "ImageSprites", "ImageSprites"),
        ("transcode", "Transcode", "Transcode"),
        ("PornAsr", "Porn.Asr", "PornAsr"),
        ("Face", "FaceRecognition", "FaceRecognition"),
        ("FaceTask", "FaceRecognition", "FaceRecognition"),
        (
            "AsrFullText",
            "AsrFullTextRecognition",
            "AsrFullTextRecognition, SmartSubtitlesAsrFullText",
        ),
        ("SmartSubtitlesTaskResultSet", "SmartSubtitles", "SmartSubtitles"),
        ("AiQualityControlTask", "AiQualityControl", "AiQualityControl"),
        ("EditMedia", "EditMediaTask", "EditMediaTask"),
        ("High", "Highlight", "Highlight"),
        ("Porn - Asr", "Porn.Asr", "PornAsr"),
        ("WorkflowTaskEvent", "WorkflowTask", "WorkflowTask"),
    ],
)
def test_misspelled_type_is_rejected_with_the_nearest(name, near, classes):
    with pytest.raises(RegistrationError) as raised:
        Router().on(name)
    text = raised.value.args[0]
    assert f"{name!r}. " in text
    assert f"{near!r} (class {classes})" in text
    assert f"when=lambda result: result.type == {name!r}" in text


@pytest.mark.parametrize(
    "name",
    [
        "HoloTranscode",
        "CoverBySnapshot",
        "AudioExtract",
        "Smell",
        "HoloTask",
        "X",
        "Po",
        "Hig",
        "CodeTrans",
    ],
)
def test_unknown_type_has_no_classes(name):
    assert find_classes(name) == ()


def test_every_type_has_its_classes():
    for name, classes in list_types().items():
        assert [kind.__name__ for kind in find_classes(name)] == list(classes)
