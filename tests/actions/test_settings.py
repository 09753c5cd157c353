"""Settings from environment variables, and the report of all mistakes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from scf_mps import ConfigurationError
from scf_mps.actions import Notify, Publish, Settings
from scf_mps.actions.settings import split_options
from scf_mps.cli import cli
from tests.support.sample_data import ROOT

VOD = "cos://player-1250000000.ap-guangzhou/vod/"


def number(text):
    if not text.isdecimal():
        raise ValueError("expected a number")
    return int(text)


def test_settings_create_object_from_variable():
    settings = Settings({"MPS_TIMES": " 3 "})
    assert settings.read("MPS_TIMES", number) == 3
    settings.check()


@pytest.mark.parametrize("environment", [{}, {"MPS_TIMES": ""}, {"MPS_TIMES": "  "}])
def test_settings_return_none_for_empty_variable(environment):
    settings = Settings(environment)
    assert settings.read("MPS_TIMES", number) is None
    settings.check()


def test_settings_return_no_items_for_missing_list():
    for environment in ({}, {"MPS_NOTIFY": ""}):
        settings = Settings(environment)
        assert settings.read_all("MPS_NOTIFY", str) == []
        settings.check()


@pytest.mark.parametrize("text", [",", " ", " ,\n, "])
def test_settings_reject_list_without_items(text):
    settings = Settings({"MPS_NOTIFY": text, "MPS_BUCKETS": text})
    assert settings.read_all("MPS_NOTIFY", str) == []
    with pytest.raises(ConfigurationError) as caught:
        settings.check()
    assert [line.split(":")[0] for line in str(caught.value).splitlines()[1:]] == [
        "  MPS_NOTIFY",
        "  MPS_BUCKETS",
    ]


def test_settings_read_process_environment_by_default(monkeypatch):
    monkeypatch.setenv("MPS_TIMES", "4")
    assert Settings().read("MPS_TIMES", number) == 4


def test_settings_split_list_of_addresses():
    settings = Settings({"MPS_NOTIFY": "wecom://KEY,mailto:a@b.cn?types=x,y\n slack://T/B/x,"})
    assert settings.read_all("MPS_NOTIFY", str) == [
        "wecom://KEY",
        "mailto:a@b.cn?types=x,y",
        "slack://T/B/x",
    ]


def test_settings_keep_colons_in_option_values():
    text = "scf://a.ap-guangzhou?session=order:*,invoice:*"
    settings = Settings({"MPS_FORWARD": f"{text},scf://b.ap-guangzhou"})
    assert settings.read_all("MPS_FORWARD", str) == [text, "scf://b.ap-guangzhou"]


@pytest.mark.parametrize("option", ["types=ImageSprite", "bucket=media"])
def test_mistake_names_variable_without_line_of_code(option):
    settings = Settings({"MPS_NOTIFY": f"wecom://k?{option}", "MPS_PUBLISH": f"{VOD}?{option}"})
    settings.read_all("MPS_NOTIFY", Notify)
    settings.read("MPS_PUBLISH", Publish)
    with pytest.raises(ConfigurationError) as caught:
        settings.check()
    first, second = str(caught.value).splitlines()[1:]
    assert first.removeprefix("  MPS_NOTIFY: ") == second.removeprefix("  MPS_PUBLISH: ")
    assert ".py" not in first


def test_settings_report_all_mistakes_by_variable():
    settings = Settings({"MPS_A": "one", "MPS_B": "2", "MPS_C": "x://1,y://2"})
    assert settings.read("MPS_A", number) is None
    assert settings.read("MPS_B", number) == 2
    assert settings.read_all("MPS_C", number) == []
    with pytest.raises(ConfigurationError) as caught:
        settings.check()
    assert str(caught.value).splitlines() == [
        "invalid environment variables:",
        "  MPS_A: expected a number",
        "  MPS_C (number 1 of 2): expected a number",
        "  MPS_C (number 2 of 2): expected a number",
    ]


def test_options_follow_question_mark():
    assert split_options("cos://b.r/p/?acl=public-read&note=a%26b+c", ("acl", "note")) == (
        "cos://b.r/p/",
        {"acl": "public-read", "note": "a&b+c"},
    )


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("alc=private", "acl=?"),
        ("acl", "acl="),
        ("acl=", "acl="),
        ("acl=a&acl=b", "acl="),
        ("secret=hush&HUSH99=1", "unknown"),
    ],
)
def test_options_reject_unknown_repeated_and_empty_ones(query, word):
    with pytest.raises(ValueError, match=re.escape(word)) as caught:
        split_options(f"x://y?{query}", ("acl", "secret"))
    assert "hush" not in str(caught.value).lower()


def test_options_reject_any_option_if_none_known():
    with pytest.raises(ValueError, match="no options"):
        split_options("x://y?z=1", ())


@given(st.text(max_size=40))
def test_option_errors_never_show_values(secret):
    hidden = f"5ecret{secret}"
    with pytest.raises(ValueError, match="option") as caught:
        split_options(f"x://y?key={hidden}&key={hidden}&{hidden}", ("key",))
    assert "5ecret" not in str(caught.value)


def test_actions_are_loaded_by_name():
    from scf_mps import actions

    names = {"Archive", "Moderate", "Notify", "NotifyError", "Publish", "Settings"}
    assert {*names, "compute_verdict"} <= set(dir(actions))
    assert actions.Notify is Notify
    assert not hasattr(actions, "Publisher")


def test_settings_report_mistakes_of_http_channel():
    settings = Settings({"MPS_A": "one", "MPS_REREAD": "yes"})
    settings.read("MPS_A", number)
    with pytest.raises(ConfigurationError, match=r"(?s)MPS_A: .*MPS_REREAD: "):
        settings.check()


def test_command_line_reports_mistakes_without_traceback(monkeypatch, application):
    with pytest.raises(ConfigurationError):
        application(MPS_ARCHIVE="s3://nowhere/", MPS_RESUBMIT="9")
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(cli, ["routes"])
    assert result.exit_code == 2
    assert "MPS_ARCHIVE: " in result.output
    assert "MPS_RESUBMIT: " in result.output


def test_application_registers_no_action_without_variables(application):
    names = {route.name.split(".")[1] for route in application().app.routes}
    actions = {"archiving", "forwarding", "moderation", "notifying", "publishing", "resubmitting"}
    assert not names & actions
