"""What serverless.yml says, with its variables: everything that is wrong with it is told at once, by name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from tencentcloud.scf.v20180416 import models

from scf_mps.deploy.account import load_credentials, parse_endpoint
from scf_mps.deploy.desired_state import Layer, MpsTrigger, Source, Timer, parse_desired_state
from scf_mps.deploy.errors import DeployError
from scf_mps.deploy.template import read_template
from scf_mps.doctor.project import open_project
from tests.support.sample_data import ROOT
from tests.support.serverless_yml import INPUTS, MPS_TRIGGER, TIMER

from .conftest import Ran, changing


@pytest.fixture
def read(tmp_path):
    """Reads a serverless.yml of some inputs: what is wanted, and the warnings."""

    def reading(told=None, /, stage="", top=None, **inputs):
        path = tmp_path / "serverless.yml"
        keys = {"app": "shop", "component": "scf", "name": "events", **(top or {})}
        given = {name: value for name, value in {**INPUTS, **inputs}.items() if value is not ...}
        path.write_text(yaml.safe_dump({**keys, "inputs": given}))
        return parse_desired_state(read_template(path, stage, told or {}))

    return reading


def problems(read, **named):
    with pytest.raises(DeployError) as caught:
        read(**named)
    return list(caught.value.problems)


def test_the_projects_own_file_is_read_without_a_problem():
    wanted, warnings = parse_desired_state(read_template(ROOT / "serverless.yml", "", {}))

    assert (wanted.region, wanted.name) == ("ap-guangzhou", "scf-mps-dev-mps-events")
    assert wanted.mps == (MpsTrigger("WorkflowTask"),)
    assert wanted.source == Source(ROOT / "./", "make build", ROOT / "build")
    assert warnings == []


def test_variables_are_resolved_as_the_serverless_client_and_the_platform_do(read):
    wanted, _ = read(
        {"BUCKET": "b-1", "MEMORY": "512", "ON": "true"},
        top={"name": "${env:BUCKET}-events"},
        name="${app}-${stage}-events",
        memorySize="${env:MEMORY}",
        publish="${env:ON}",
        environment={"variables": {"MPS_PUBLISH": "cos://${env:BUCKET}.r/${name}/"}},
    )

    assert wanted.name == "shop-dev-events"
    assert wanted.configuration["MemorySize"] == 512
    assert wanted.publish is True
    [variable] = wanted.configuration["Environment"]["Variables"]
    assert variable["Value"] == "cos://b-1.r/b-1-events/"


def test_plain_words_are_read_as_the_serverless_client_reads_them_for_the_doctor_too(tmp_path):
    words = [
        "yes",
        "on",
        "n",
        "true",
        "FALSE",
        "0777",
        "1_000",
        "1.0",
        "1.5",
        "2026-01-02",
        "2026-01-02T03:04:05Z",
        "'1.0'",
    ]
    lines = "".join(f"      V{number:02}: {word}\n" for number, word in enumerate(words))
    path = tmp_path / "serverless.yml"
    path.write_text(
        f"inputs:\n  runtime: Python3.10\n  name: ab\n  handler: index.main_handler\n"
        f"  environment:\n    variables:\n{lines}"
    )
    expected = [
        "yes",
        "on",
        "n",
        "true",
        "false",
        "511",
        "1000",
        "1",
        "1.5",
        "2026-01-02",
        "2026-01-02T03:04:05Z",
        "1.0",
    ]

    wanted, _ = parse_desired_state(read_template(path, "", {}))

    told = wanted.configuration["Environment"]["Variables"]
    assert [one["Value"] for one in told] == expected
    with open_project(path, environment={}) as desk:
        assert list(desk.variables.values()) == expected


def nested(levels, opening, closing=""):
    return f"inputs:\n  x: {opening * levels}{closing * levels}\n"


BOMB = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 30)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{BOMB}inputs: *a29\n", 5),
        (f"{MERGES}inputs: *a29\n", 5),
        ("inputs: &a\n  x: *a\n", 2),
        ("inputs:\n  x: &a [1, [*a]]\n", 2),
        (nested(5000, "[", "]"), 2),
        (nested(5000, "{a: ", "}"), 2),
        (nested(5000, "- "), 2),
        ("".join(f"{' ' * level}k:\n" for level in range(200)), 50),
        ("inputs:\n" + "  - x\n" * 30_000, 20_001),
        ("inputs: {}\nname: a\nname: b\n", 3),
        ("inputs:\n  a: 1\n  'a': 2\n", 3),
        ("inputs:\n  x: !!python/object/apply:os.system [id]\n", 2),
        ("inputs:\n  x: !Ref y\n", 2),
        ("inputs:\n  x: !!binary aGVsbG8=\n", 2),
        ("inputs:\n  x: !!timestamp 2026-99-99\n", 2),
        ("inputs: {}\n---\ninputs: {}\n", 2),
        ("inputs:\n\tx: 1\n", 2),
        ('inputs:\n  x: "\x07"\n', 2),
        (f"inputs:\n  x: {'9' * 5000}\n", 2),
        ("inputs:\n  x: 0x_\n", 2),
        ('inputs:\n  x: "\\ud800"\n', 2),
        ("inputs:\n  x: *nowhere\n", 2),
        ("inputs:\n  ? [a, b]\n  : c\n", 2),
    ],
)
def test_template_refuses_hostile_yaml_with_its_line(tmp_path, text, line):
    path = tmp_path / "serverless.yml"
    path.write_text(text)

    with pytest.raises(DeployError) as caught:
        read_template(path, "", {})

    assert f"line {line}" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"- a\n",
        b"",
        b"null\n",
        b"text\n",
        b"inputs: []\n",
        b"inputs: {x: \xe9}\n",
        "inputs: {}\n".encode("utf-16"),
        b"inputs:\n  x: " + b"a" * 2_000_000,
    ],
)
def test_template_refuses_files_of_another_form(tmp_path, content):
    path = tmp_path / "serverless.yml"
    path.write_bytes(content)

    with pytest.raises(DeployError, match=r"serverless\.yml"):
        read_template(path, "", {})


def test_template_reads_aliases_merges_and_byte_order_mark(tmp_path):
    path = tmp_path / "serverless.yml"
    path.write_text(
        "\ufeffbase: &base {timeout: 60, memorySize: 256}\n"
        "inputs: {<<: *base, timeout: 30, list: [&a x, *a, *a]}\n"
    )

    inputs = read_template(path, "", {}).values["inputs"]

    assert inputs == {"timeout": 30, "memorySize": 256, "list": ["x", "x", "x"]}


def test_a_variable_that_is_not_set_is_an_error_that_names_it_and_its_place(read):
    assert problems(
        read,
        role="${env:ROLE}",
        environment={"variables": {"KEY": "a${env:NOPE}b"}},
        events=[{"timer": {"parameters": {"argument": "${output:other.x}"}}}],
        description="${org}",
    ) == [
        "inputs.description: nothing here says what ${org} is",
        "inputs.environment.variables.KEY: the variable NOPE of ${env:NOPE} is not set",
        "inputs.events[0].timer.parameters.argument: nothing here says what ${output:other.x} is",
        "inputs.role: the variable ROLE of ${env:ROLE} is not set",
    ]


def test_an_unset_variable_ends_the_command_before_anything_is_done(project, api):
    project.write(role="${env:UNSET_ROLE}")

    ran = Ran("deploy")

    assert ran.code == 2
    assert "the variable UNSET_ROLE of ${env:UNSET_ROLE} is not set" in ran.err
    assert len(list(api.requests)) == 0


def test_files_beside_it_give_variables_the_stages_own_first_and_the_environment_before_both(
    read, tmp_path
):
    (tmp_path / ".env").write_text("A=1\nB=2\nC='three $A'\nD\n")
    (tmp_path / ".env.test").write_text("export B=20\n")
    variables = {name: f"${{env:{name}}}" for name in "ABC"}

    wanted, _ = read({"A": "100"}, stage="test", environment={"variables": variables})

    told = [one["Value"] for one in wanted.configuration["Environment"]["Variables"]]
    assert told == ["100", "20", "three $A"]
    assert "D of ${env:D}" in problems(read, role="${env:D}")[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "expected a serverless.yml at"),
        (b"\xff\xfe\xff", "is not UTF-8"),
        (b"inputs: [hush\n", "not valid YAML, line 2"),
        (b"\x00", "not valid YAML"),
        (b"- 1", "expected `inputs:`"),
        (b"inputs: 3", "expected `inputs:`"),
    ],
)
def test_what_is_no_serverless_yml_is_told_without_a_word_of_what_is_in_it(tmp_path, text, why):
    path = tmp_path / "serverless.yml"
    if text is not None:
        path.write_bytes(text)

    with pytest.raises(DeployError, match=why) as caught:
        read_template(path)
    assert "hush" not in str(caught.value)


def test_keys_that_are_not_read_are_warned_of(read):
    _, warnings = read(
        top={"extra": 1},
        cfs=[],
        tags={"a": "b"},
        timeout=...,
        events=[
            {"mps": {"parameters": {"type": "ScheduleTask"}}},
            {"cos": {"parameters": {}}},
            {"timer": {"parameters": {"cronExpression": "0 0 0 * * * *", "argument": "tidy up"}}},
        ],
    )

    assert warnings == [
        "extra is not read",
        "inputs.cfs is not read by `scf-mps deploy`",
        "inputs.tags is not read by `scf-mps deploy`",
        "inputs.events[0].mps.parameters.type: ScheduleTask is none of WorkflowTask, EditMediaTask",
        "inputs.events[0].mps.parameters.enable: taken for true; write it",
        "inputs.events[1]: cos triggers are left alone",
        "inputs.events[2].timer.parameters.argument: the framework takes 'reconcile' or 'reconcile 6h',"
        " not 'tidy up'",
        "inputs.timeout: without it a new function has 3 seconds",
    ]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"type": "web"}, "inputs.type: expected event"),
        ({"asyncRunEnable": True}, "inputs.asyncRunEnable: SCF does not retry"),
        ({"name": "1st"}, "inputs.name: expected 2 to 60 letters"),
        ({"handler": "src/index.main"}, "inputs.handler: expected file.function"),
        ({"handler": ...}, "inputs.handler: expected file.function"),
        ({"runtime": "Nodejs18.15"}, "inputs.runtime: expected a Python"),
        ({"memorySize": 200}, "inputs.memorySize: expected 64, or a multiple of 128"),
        ({"memorySize": 4096}, "inputs.memorySize: expected a whole number from 64 to 3072"),
        ({"timeout": "soon"}, "inputs.timeout: expected a whole number from 1 to 900"),
        ({"timeout": True}, "inputs.timeout: expected a whole number from 1 to 900"),
        ({"retryNum": 3}, "inputs.retryNum: expected a whole number from 0 to 2"),
        ({"msgTTL": 5}, "inputs.msgTTL: expected a whole number from 60 to 21600"),
        ({"region": 3}, "inputs.region: expected a text"),
        ({"publicAccess": "no"}, "inputs.publicAccess: expected true or false"),
        ({"environment": [1]}, "inputs.environment: expected keys and values"),
        ({"events": {"mps": {}}}, "inputs.events: expected a list"),
        ({"events": ["mps"]}, "inputs.events[0]: expected one trigger"),
        ({"events": [{"mps": {}}]}, "inputs.events[0].mps.parameters.type: expected"),
        ({"events": [MPS_TRIGGER, MPS_TRIGGER]}, "inputs.events: an mps trigger for this type"),
        ({"events": [TIMER, TIMER]}, "inputs.events: a timer of this name more than once"),
        ({"publish": False, "aliasName": "live"}, "inputs.aliasName: an alias points to a version"),
        ({"publish": True, "aliasName": "$DEFAULT"}, "inputs.aliasName: expected letters"),
        ({"src": {"bucket": "b", "object": "o"}}, "inputs.src: expected a folder"),
        (
            {"layers": [{"name": "a"}]},
            "inputs.layers[0]: expected name and version, or name and src",
        ),
        ({"layers": ["a"]}, "inputs.layers[0]: expected name and version"),
        (
            {"environment": {"variables": {"A": "x", 1: "x"}}},
            "inputs.environment.variables: expected names of letters, digits and _, a letter first, not '1'",
        ),
        ({"layers": [{"name": "a", "version": 0}]}, "inputs.layers[0].version: expected"),
        ({"layers": [{"name": "a", "version": 1}] * 6}, "inputs.layers: expected 5 layers at most"),
    ],
)
def test_what_scf_would_refuse_is_refused_at_the_desk(read, inputs, expected):
    [told] = problems(read, **inputs)

    assert told.startswith(expected)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"name": "a b"}, "name: expected 1 to 100 letters"),
        ({"cronExpression": "0 0 * * *"}, "cronExpression: expected seven fields"),
        ({"argument": "reconcile sixhours"}, "argument: expected a span of time"),
    ],
)
def test_a_timer_that_would_never_do_what_it_says_is_refused(read, parameters, expected):
    timer = {"timer": {"parameters": {**TIMER["timer"]["parameters"], **parameters}}}

    [told] = problems(read, events=[timer])

    assert told.startswith(f"inputs.events[0].timer.parameters.{expected}")


@pytest.mark.parametrize("name", ["SCF_X", "QCLOUD_X", "TENCENTCLOUD_X"])
def test_reserved_variables_are_refused_by_name(read, name):
    [told] = problems(read, environment={"variables": {name: "hush"}})

    assert told == (
        f"inputs.environment.variables.{name}: SCF_, QCLOUD_, TENCENTCLOUD_ are reserved for SCF"
    )


def test_variables_beyond_4_kilobytes_empty_ones_and_odd_names_are_refused_without_their_values(
    read,
):
    assert problems(
        read, environment={"variables": {"A": "hush" * 1024, "B": "", "C": None, "D-1": "hush"}}
    ) == [
        "inputs.environment.variables.B: SCF takes no empty value; leave it out",
        "inputs.environment.variables.C: SCF takes no empty value; leave it out",
        "inputs.environment.variables: expected names of letters, digits and _, a letter first, not 'D-1'",
        "inputs.environment.variables: 4106 bytes in all, but SCF takes 4096 at most",
    ]
    wanted, _ = read(environment={"variables": {"A": "x" * 4095}})
    assert len(wanted.configuration["Environment"]["Variables"][0]["Value"]) == 4095


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (
            {"environment": {"variables": ["MPS_NOTIFY_KEY=hush"]}},
            "inputs.environment.variables: expected keys and values, not a list",
        ),
        (
            {"environment": {"variables": "MPS_NOTIFY_KEY=hush"}},
            "inputs.environment.variables: expected keys and values, not a text",
        ),
        ({"environment": ["hush"]}, "inputs.environment: expected keys and values, not a list"),
        ({"role": {"key": "hush"}}, "inputs.role: expected a text, not keys and values"),
        ({"layers": True}, "inputs.layers: expected a list, not bool"),
        (
            {"src": {"bucket": "hush"}},
            "inputs.src: expected a folder, or src, hook and dist; for a",
        ),
    ],
)
def test_what_has_another_form_is_told_without_what_is_in_it(read, inputs, told):
    [problem] = problems(read, **inputs)

    assert problem.startswith(told)
    assert "hush" not in problem


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_asked_of_the_cloud(project, api):
    project.write(timeout=0, handler="nothing", type="web")

    ran = Ran("deploy")

    assert ran.code == 2
    assert len(ran.err.splitlines()) == 3
    assert changing(api) == []


def test_another_component_is_refused(read):
    assert problems(read, top={"component": "express"}) == [
        "component: expected scf, not 'express'"
    ]
    read(top={"component": "scf@0.9.7"})


def test_a_file_is_read_whole(read, tmp_path):
    wanted, _ = read(
        layers=[{"name": "a", "version": 3}, {"name": "b", "src": "dist/layer.zip"}],
        events=[TIMER],
        src="./build",
        eip=True,
        cls={"logsetId": "l", "topicId": "t"},
    )

    assert wanted.layers == (Layer("a", 3), Layer("b", source=tmp_path / "dist/layer.zip"))
    assert wanted.timers == (Timer("reconcile", "0 0 */6 * * * *", "reconcile 6h"),)
    assert wanted.source == Source(tmp_path / "build")
    assert wanted.configuration["PublicNetConfig"] == {
        "PublicNetStatus": "ENABLE",
        "EipConfig": {"EipStatus": "ENABLE"},
    }
    assert (wanted.configuration["ClsLogsetId"], wanted.configuration["ClsTopicId"]) == ("l", "t")


def test_credentials_are_those_of_the_sdk_or_of_the_serverless_client():
    both = {"SECRET_ID": "id", "SECRET_KEY": "key", "TOKEN": "token"}
    for prefix in ("TENCENTCLOUD_", "TENCENT_"):
        found = load_credentials({f"{prefix}{name}": value for name, value in both.items()})
        assert (found.secret_id, found.secret_key, found.token) == ("id", "key", "token")

    with pytest.raises(DeployError, match="TENCENT_SECRET_KEY is not set"):
        load_credentials({"TENCENT_SECRET_ID": "id"})
    with pytest.raises(DeployError, match="TENCENTCLOUD_SECRET_ID is not set"):
        load_credentials({"TENCENTCLOUD_SECRET_KEY": "key"})
    with pytest.raises(DeployError, match="no credentials"):
        load_credentials({})


@pytest.mark.parametrize(
    ("told", "file", "expected"),
    [
        (
            {"TENCENT_SECRET_ID": "prod", "TENCENT_SECRET_KEY": "p"},
            "TENCENTCLOUD_SECRET_ID=dev\nTENCENTCLOUD_SECRET_KEY=d\n",
            ("prod", "p", ""),
        ),
        (
            {"TENCENTCLOUD_SECRET_ID": "prod", "TENCENTCLOUD_SECRET_KEY": "p"},
            "TENCENTCLOUD_TOKEN=old\nTENCENT_TOKEN=old\n",
            ("prod", "p", ""),
        ),
        (
            {"TENCENTCLOUD_SECRET_ID": "", "TENCENTCLOUD_TOKEN": ""},
            "TENCENTCLOUD_SECRET_ID=dev\nTENCENTCLOUD_SECRET_KEY=d\nTENCENTCLOUD_TOKEN=t\n",
            ("dev", "d", "t"),
        ),
        (
            {"TENCENTCLOUD_TOKEN": "of the process"},
            "TENCENT_SECRET_ID=dev\nTENCENT_SECRET_KEY=d\n",
            ("dev", "d", ""),
        ),
    ],
)
def test_a_key_is_taken_whole_from_the_environment_or_else_from_the_file(
    tmp_path, told, file, expected
):
    (tmp_path / ".env").write_text(file)
    (tmp_path / "serverless.yml").write_text("inputs: {}\n")

    found = load_credentials(read_template(tmp_path / "serverless.yml", "", told).environment)

    assert (found.secret_id, found.secret_key, found.token) == expected


def test_half_of_a_key_in_the_environment_is_not_completed_from_the_file(tmp_path):
    (tmp_path / ".env").write_text("TENCENT_SECRET_ID=dev\nTENCENT_SECRET_KEY=d\n")
    (tmp_path / "serverless.yml").write_text("inputs: {}\n")
    template = read_template(tmp_path / "serverless.yml", "", {"TENCENT_SECRET_ID": "prod"})

    with pytest.raises(DeployError, match="TENCENT_SECRET_KEY is not set"):
        load_credentials(template.environment)


def test_the_endpoint_is_tencents_an_emulators_or_another_domain():
    def of(value):
        return parse_endpoint({"TENCENTCLOUD_API_ENDPOINT": value})

    assert parse_endpoint({}) == ("https", "", "tencentcloudapi.com")
    assert of("http://127.0.0.1:8000")[:2] == ("http", "127.0.0.1:8000")
    assert of("https://intl.tencentcloudapi.com/") == ("https", "", "intl.tencentcloudapi.com")
    for value in ("127.0.0.1:8000", "ftp://host", "http://host/path", "http://user@host"):
        with pytest.raises(DeployError, match="expected http://host:port or https://domain"):
            of(value)


def test_a_file_elsewhere_is_read_with_its_own_folder(project, api, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    ran = Ran("deploy", "--dry-run", "--config", str(Path("..") / "serverless.yml"))

    assert ran.code == 0, ran.err


def test_a_bare_reconcile_is_what_the_framework_takes_and_empty_lists_are_none(read):
    timer = {"timer": {"parameters": {**TIMER["timer"]["parameters"], "argument": "reconcile"}}}

    wanted, warnings = read(events=[timer])

    assert (wanted.timers[0].argument, warnings) == ("reconcile", [])
    wanted, _ = read(events=None, layers=None)
    assert (wanted.mps, wanted.timers, wanted.layers) == ((), (), ())


def test_the_policy_in_the_documentation_allows_what_is_called_and_no_more():
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    policy = json.loads(page.partition("```json\n")[2].partition("```")[0])
    allowed = {action for one in policy["statement"] for action in one["action"]}
    folder = ROOT / "src" / "scf_mps" / "deploy"
    source = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    words = set(re.findall(r'"([A-Z][A-Za-z]+)"', source))

    called = {word for word in words if hasattr(models, f"{word}Request")}
    called |= {"BindTrigger", "UnbindTrigger"}

    assert {
        action.partition(":")[2] for action in allowed if action[:4] in ("scf:", "mps:")
    } == called
