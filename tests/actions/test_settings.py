"""Variables of the environment: what they make, and every mistake in them at once."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from scf_mps import ConfigurationError
from scf_mps.actions import Notify, Publish, Settings
from scf_mps.actions.settings import split
from scf_mps.cli import cli
from tests.support.sample_data import ROOT

VOD = "cos://player-1250000000.ap-guangzhou/vod/"


def number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("expected a number")
    return int(text)


def test_a_variable_makes_what_it_says() -> None:
    settings = Settings({"MPS_TIMES": " 3 "})
    assert settings.read("MPS_TIMES", number) == 3
    settings.check()


@pytest.mark.parametrize("environment", [{}, {"MPS_TIMES": ""}, {"MPS_TIMES": "  "}])
def test_a_variable_that_is_not_set_makes_nothing(environment: dict[str, str]) -> None:
    settings = Settings(environment)
    assert settings.read("MPS_TIMES", number) is None
    settings.check()


def test_a_list_that_is_not_set_makes_nothing() -> None:
    for environment in ({}, {"MPS_NOTIFY": ""}):
        settings = Settings(environment)
        assert settings.read_all("MPS_NOTIFY", str) == []
        settings.check()


@pytest.mark.parametrize("text", [",", " ", " ,\n, "])
def test_list_that_names_nothing_is_a_mistake(text: str) -> None:
    settings = Settings({"MPS_NOTIFY": text, "MPS_BUCKETS": text})
    assert settings.read_all("MPS_NOTIFY", str) == []
    with pytest.raises(ConfigurationError) as caught:
        settings.check()
    assert [line.split(":")[0] for line in str(caught.value).splitlines()[1:]] == [
        "  MPS_NOTIFY",
        "  MPS_BUCKETS",
    ]


def test_the_variables_are_those_of_the_process_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPS_TIMES", "4")
    assert Settings().read("MPS_TIMES", number) == 4


def test_several_addresses_in_one_variable_are_made_one_by_one() -> None:
    settings = Settings({"MPS_NOTIFY": "wecom://KEY,mailto:a@b.cn?types=x,y\n slack://T/B/x,"})
    assert settings.read_all("MPS_NOTIFY", str) == [
        "wecom://KEY",
        "mailto:a@b.cn?types=x,y",
        "slack://T/B/x",
    ]


def test_the_values_of_an_option_may_have_colons() -> None:
    text = "scf://a.ap-guangzhou?session=order:*,invoice:*"
    settings = Settings({"MPS_FORWARD": f"{text},scf://b.ap-guangzhou"})
    assert settings.read_all("MPS_FORWARD", str) == [text, "scf://b.ap-guangzhou"]


@pytest.mark.parametrize("option", ["types=ImageSprite", "bucket=media"])
def test_mistake_names_variable_and_no_line_of_code(option: str) -> None:
    settings = Settings({"MPS_NOTIFY": f"wecom://k?{option}", "MPS_PUBLISH": f"{VOD}?{option}"})
    settings.read_all("MPS_NOTIFY", Notify)
    settings.read("MPS_PUBLISH", Publish)
    with pytest.raises(ConfigurationError) as caught:
        settings.check()
    first, second = str(caught.value).splitlines()[1:]
    assert first.removeprefix("  MPS_NOTIFY: ") == second.removeprefix("  MPS_PUBLISH: ")
    assert ".py" not in first


def test_every_mistake_is_told_at_once_by_its_variable() -> None:
    settings = Settings({"MPS_A": "one", "MPS_B": "2", "MPS_C": "x://1,y://2"})
    assert settings.read("MPS_A", number) is None
    assert settings.read("MPS_B", number) == 2
    assert settings.read_all("MPS_C", number) == []
    with pytest.raises(ConfigurationError) as caught:
        settings.check()
    assert str(caught.value).splitlines() == [
        "the environment says:",
        "  MPS_A: expected a number",
        "  MPS_C (number 1 of 2): expected a number",
        "  MPS_C (number 2 of 2): expected a number",
    ]


def test_options_stand_behind_a_question_mark() -> None:
    assert split("cos://b.r/p/?acl=public-read&note=a%26b+c", ("acl", "note")) == (
        "cos://b.r/p/",
        {"acl": "public-read", "note": "a&b+c"},
    )


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("alc=private", "there is no option 'alc', expected acl=, secret=: did you mean acl=?"),
        ("acl", "the option acl= is expected once, with a value"),
        ("acl=", "the option acl= is expected once, with a value"),
        ("acl=a&acl=b", "the option acl= is expected once, with a value"),
        ("secret=hush&HUSH99=1", "there is no option of that name"),
    ],
)
def test_an_option_that_cannot_be_meant_is_a_mistake(query: str, told: str) -> None:
    with pytest.raises(ValueError, match="option") as caught:
        split(f"x://y?{query}", ("acl", "secret"))
    assert told in str(caught.value)


def test_where_no_options_are_expected_that_is_said() -> None:
    with pytest.raises(ValueError, match="no options are expected"):
        split("x://y?z=1", ())


@given(st.text(max_size=40))
def test_no_value_of_an_option_is_ever_shown(secret: str) -> None:
    hidden = f"5ecret{secret}"
    with pytest.raises(ValueError, match="option") as caught:
        split(f"x://y?key={hidden}&key={hidden}&{hidden}", ("key",))
    assert "5ecret" not in str(caught.value)


def test_an_action_is_loaded_by_its_name_and_another_name_is_none() -> None:
    from scf_mps import actions

    assert {"Archive", "Moderate", "Publish", "compute_verdict"} <= set(dir(actions))
    assert not hasattr(actions, "Publisher")


def test_the_application_tells_all_mistakes_when_it_is_loaded(
    application: Callable[..., ModuleType],
) -> None:
    with pytest.raises(ConfigurationError, match=r"MPS_ARCHIVE"):
        application(MPS_ARCHIVE="s3://nowhere/")


def test_mistakes_of_the_http_channel_are_among_them() -> None:
    settings = Settings({"MPS_A": "one", "MPS_REREAD": "yes"})
    settings.read("MPS_A", number)
    with pytest.raises(ConfigurationError, match=r"(?s)MPS_A: .*MPS_REREAD: expected 1, 0"):
        settings.check()


def test_the_command_line_tells_mistakes_in_lines_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, application: Callable[..., ModuleType]
) -> None:
    with pytest.raises(ConfigurationError):
        application(MPS_ARCHIVE="s3://nowhere/", MPS_RESUBMIT="9")
    monkeypatch.chdir(ROOT)
    told = CliRunner().invoke(cli, ["routes"])
    assert told.exit_code == 2
    assert "MPS_ARCHIVE" in told.output
    assert "MPS_RESUBMIT: expected how many times" in told.output
