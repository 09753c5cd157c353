"""Parsing of serverless.yml: variables, desired state, and all problems at once."""

import json
import re
from pathlib import Path

import pytest
import yaml
from tencentcloud.scf.v20180416 import models

from scf_mps.deploy.account import ENDPOINT_VARIABLE, load_credentials, parse_endpoint
from scf_mps.deploy.desired_state import Layer, MpsTrigger, Source, Timer, parse_desired_state
from scf_mps.deploy.errors import DeployError
from scf_mps.deploy.template import read_template
from scf_mps.doctor.project import open_project
from tests.support.sample_data import ROOT
from tests.support.serverless_yml import INPUTS, MPS_TRIGGER, TIMER

from .support import list_writes, run_cli


@pytest.fixture
def read(tmp_path):
    """Return a function that parses a serverless.yml with changed inputs; `...` removes a key."""

    def parse(environment=None, /, stage="", top=None, **inputs):
        path = tmp_path / "serverless.yml"
        keys = {"app": "shop", "component": "scf", "name": "events", **(top or {})}
        values = {name: value for name, value in {**INPUTS, **inputs}.items() if value is not ...}
        path.write_text(yaml.safe_dump({**keys, "inputs": values}))
        return parse_desired_state(read_template(path, stage, environment or {}))

    return parse


def find_problems(read, **options):
    """Return (code, path) of every problem."""
    with pytest.raises(DeployError) as caught:
        read(**options)
    return [(problem.code, problem.path) for problem in caught.value.problems]


def catch_code(function, *arguments):
    """Return the code and path of the only problem that a call raises."""
    with pytest.raises(DeployError) as caught:
        function(*arguments)
    [problem] = caught.value.problems
    return problem.code, problem.path


def test_own_file_is_parsed_without_warnings():
    state, warnings = parse_desired_state(read_template(ROOT / "serverless.yml", "", {}))

    assert (state.region, state.name) == ("ap-guangzhou", "scf-mps-dev-mps-events")
    assert state.mps == (MpsTrigger("WorkflowTask"),)
    assert state.source == Source(ROOT / "./", "make build", ROOT / "build")
    assert warnings == []


def test_variables_are_replaced(read):
    state, _ = read(
        {"BUCKET": "b-1", "MEMORY": "512", "ON": "true"},
        top={"name": "${env:BUCKET}-events"},
        name="${app}-${stage}-events",
        memorySize="${env:MEMORY}",
        publish="${env:ON}",
        environment={"variables": {"MPS_PUBLISH": "cos://${env:BUCKET}.r/${name}/"}},
    )

    assert state.name == "shop-dev-events"
    assert state.configuration["MemorySize"] == 512
    assert state.publish is True
    [variable] = state.configuration["Environment"]["Variables"]
    assert variable["Value"] == "cos://b-1.r/b-1-events/"


def test_plain_words_are_read_like_the_client(tmp_path):
    words = {
        **{word: word for word in ("yes", "on", "n", "true", "1.5")},
        "FALSE": "false",
        "0777": "511",
        "1_000": "1000",
        "1.0": "1",
        "'1.0'": "1.0",
        **{date: date for date in ("2026-01-02", "2026-01-02T03:04:05Z")},
    }
    lines = "".join(f"      V{number:02}: {word}\n" for number, word in enumerate(words))
    path = tmp_path / "serverless.yml"
    path.write_text(
        f"inputs:\n  runtime: Python3.10\n  name: ab\n  handler: index.main_handler\n"
        f"  environment:\n    variables:\n{lines}"
    )

    state, _ = parse_desired_state(read_template(path, "", {}))

    variables = state.configuration["Environment"]["Variables"]
    assert [variable["Value"] for variable in variables] == list(words.values())
    with open_project(path, environment={}) as project:
        assert list(project.variables.values()) == list(words.values())


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
def test_template_rejects_hostile_yaml_with_its_line(tmp_path, text, line):
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
def test_template_rejects_invalid_files(tmp_path, content):
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


def test_unset_variables_are_reported_with_their_path(read):
    assert find_problems(
        read,
        role="${env:ROLE}",
        environment={"variables": {"KEY": "a${env:NOPE}b"}},
        events=[{"timer": {"parameters": {"argument": "${output:other.x}"}}}],
        description="${org}",
    ) == [
        ("unknown_variable", "inputs.description"),
        ("unset_variable", "inputs.environment.variables.KEY"),
        ("unknown_variable", "inputs.events[0].timer.parameters.argument"),
        ("unset_variable", "inputs.role"),
    ]


def test_unset_variable_stops_command_before_any_request(project, api):
    project.write(role="${env:UNSET_ROLE}")

    result = run_cli("deploy")

    assert result.code == 2
    assert "UNSET_ROLE" in result.err
    assert len(list(api.requests)) == 0


def test_environment_overrides_env_files(read, tmp_path):
    (tmp_path / ".env").write_text("A=1\nB=2\nC='three $A'\nD\n")
    (tmp_path / ".env.test").write_text("export B=20\n")
    variables = {name: f"${{env:{name}}}" for name in "ABC"}

    state, _ = read({"A": "100"}, stage="test", environment={"variables": variables})

    values = [variable["Value"] for variable in state.configuration["Environment"]["Variables"]]
    assert values == ["100", "20", "three $A"]
    assert find_problems(read, role="${env:D}") == [("unset_variable", "inputs.role")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "unreadable_file"),
        (b"\xff\xfe\xff", "not_utf8"),
        (b"inputs: [hush\n", "invalid_yaml"),
        (b"\x00", "invalid_yaml"),
        (b"- 1", "missing_inputs"),
        (b"inputs: 3", "missing_inputs"),
    ],
)
def test_template_errors_never_quote_the_file(tmp_path, text, code):
    path = tmp_path / "serverless.yml"
    if text is not None:
        path.write_bytes(text)

    with pytest.raises(DeployError) as caught:
        read_template(path)
    assert caught.value.problems[0].code == code
    assert "hush" not in str(caught.value)


def test_ignored_keys_are_warnings(read):
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

    assert [(warning.code, warning.path) for warning in warnings] == [
        ("ignored_key", "extra"),
        ("ignored_key", "inputs.cfs"),
        ("ignored_key", "inputs.tags"),
        ("unknown_trigger_type", "inputs.events[0].mps.parameters.type"),
        ("missing_enable", "inputs.events[0].mps.parameters.enable"),
        ("ignored_trigger", "inputs.events[1]"),
        ("unknown_timer_argument", "inputs.events[2].timer.parameters.argument"),
        ("missing_timeout", "inputs.timeout"),
    ]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"type": "web"}, "inputs.type"),
        ({"asyncRunEnable": True}, "async_execution inputs.asyncRunEnable"),
        ({"name": "1st"}, "inputs.name"),
        ({"handler": "src/index.main"}, "inputs.handler"),
        ({"handler": ...}, "inputs.handler"),
        ({"runtime": "Nodejs18.15"}, "inputs.runtime"),
        ({"memorySize": 200}, "inputs.memorySize"),
        ({"memorySize": 4096}, "inputs.memorySize"),
        ({"timeout": "soon"}, "inputs.timeout"),
        ({"timeout": True}, "inputs.timeout"),
        ({"retryNum": 3}, "inputs.retryNum"),
        ({"msgTTL": 5}, "inputs.msgTTL"),
        ({"region": 3}, "inputs.region"),
        ({"publicAccess": "no"}, "inputs.publicAccess"),
        ({"environment": [1]}, "inputs.environment"),
        ({"events": {"mps": {}}}, "inputs.events"),
        ({"events": ["mps"]}, "inputs.events[0]"),
        ({"events": [{"mps": {}}]}, "inputs.events[0].mps.parameters.type"),
        ({"events": [MPS_TRIGGER, MPS_TRIGGER]}, "duplicate_trigger inputs.events"),
        ({"events": [TIMER, TIMER]}, "duplicate_trigger inputs.events"),
        ({"publish": False, "aliasName": "live"}, "alias_without_version inputs.aliasName"),
        ({"publish": True, "aliasName": "$DEFAULT"}, "inputs.aliasName"),
        ({"src": {"bucket": "b", "object": "o"}}, "inputs.src"),
        ({"layers": [{"name": "a"}]}, "invalid_layer inputs.layers[0]"),
        ({"layers": ["a"]}, "invalid_layer inputs.layers[0]"),
        ({"environment": {"variables": {"A": "x", 1: "x"}}}, "inputs.environment.variables"),
        ({"layers": [{"name": "a", "version": 0}]}, "inputs.layers[0].version"),
        ({"layers": [{"name": "a", "version": 1}] * 6}, "inputs.layers"),
    ],
)
def test_invalid_setting_is_rejected(read, inputs, expected):
    code, _, path = expected.rpartition(" ")

    assert find_problems(read, **inputs) == [(code or "invalid_value", path)]


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ({"name": "a b"}, "name"),
        ({"cronExpression": "0 0 * * *"}, "cronExpression"),
        ({"argument": "reconcile sixhours"}, "argument"),
    ],
)
def test_invalid_timer_is_rejected(read, parameters, key):
    timer = {"timer": {"parameters": {**TIMER["timer"]["parameters"], **parameters}}}

    path = f"inputs.events[0].timer.parameters.{key}"
    assert find_problems(read, events=[timer]) == [("invalid_value", path)]


@pytest.mark.parametrize("name", ["SCF_X", "QCLOUD_X", "TENCENTCLOUD_X"])
def test_reserved_variable_is_rejected(read, name):
    path = f"inputs.environment.variables.{name}"
    assert find_problems(read, environment={"variables": {name: "hush"}}) == [
        ("reserved_variable", path)
    ]


def test_invalid_variables_are_rejected_without_their_values(read):
    variables = {"A": "hush" * 1024, "B": "", "C": None, "D-1": "hush"}

    with pytest.raises(DeployError) as caught:
        read(environment={"variables": variables})

    path = "inputs.environment.variables"
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [
        ("empty_variable", f"{path}.B"),
        ("empty_variable", f"{path}.C"),
        ("invalid_value", path),
        ("environment_too_large", path),
    ]
    assert "hush" not in str(caught.value)
    assert "4106" in str(caught.value)
    state, _ = read(environment={"variables": {"A": "x" * 4095}})
    assert len(state.configuration["Environment"]["Variables"][0]["Value"]) == 4095


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"environment": {"variables": ["MPS_NOTIFY_KEY=hush"]}}, "inputs.environment.variables"),
        ({"environment": {"variables": "MPS_NOTIFY_KEY=hush"}}, "inputs.environment.variables"),
        ({"environment": ["hush"]}, "inputs.environment"),
        ({"role": {"key": "hush"}}, "inputs.role"),
        ({"layers": True}, "inputs.layers"),
        ({"src": {"bucket": "hush"}}, "inputs.src"),
    ],
)
def test_value_of_wrong_type_is_never_quoted(read, inputs, path):
    with pytest.raises(DeployError) as caught:
        read(**inputs)

    [problem] = caught.value.problems
    assert (problem.code, problem.path) == ("invalid_value", path)
    assert "hush" not in str(problem)


def test_all_problems_are_reported_before_any_request(project, api):
    project.write(timeout=0, handler="nothing", type="web")

    result = run_cli("deploy")

    assert result.code == 2
    assert len(result.err.splitlines()) == 3
    assert list_writes(api) == []


def test_other_component_is_rejected(read):
    assert find_problems(read, top={"component": "express"}) == [("invalid_value", "component")]
    read(top={"component": "scf@0.9.7"})


def test_desired_state_contains_all_settings(read, tmp_path):
    state, _ = read(
        layers=[{"name": "a", "version": 3}, {"name": "b", "src": "dist/layer.zip"}],
        events=[TIMER],
        src="./build",
        eip=True,
        cls={"logsetId": "l", "topicId": "t"},
    )

    assert state.layers == (Layer("a", 3), Layer("b", source=tmp_path / "dist/layer.zip"))
    assert state.timers == (Timer("reconcile", "0 0 */6 * * * *", "reconcile 6h"),)
    assert state.source == Source(tmp_path / "build")
    assert state.configuration["PublicNetConfig"] == {
        "PublicNetStatus": "ENABLE",
        "EipConfig": {"EipStatus": "ENABLE"},
    }
    assert (state.configuration["ClsLogsetId"], state.configuration["ClsTopicId"]) == ("l", "t")


def test_credentials_come_from_sdk_or_client_variables():
    both = {"SECRET_ID": "id", "SECRET_KEY": "key", "TOKEN": "token"}
    for prefix in ("TENCENTCLOUD_", "TENCENT_"):
        key = load_credentials({f"{prefix}{name}": value for name, value in both.items()})
        assert (key.secret_id, key.secret_key, key.token) == ("id", "key", "token")

    for half, missing in (
        ({"TENCENT_SECRET_ID": "id"}, "TENCENT_SECRET_KEY"),
        ({"TENCENTCLOUD_SECRET_KEY": "key"}, "TENCENTCLOUD_SECRET_ID"),
    ):
        assert catch_code(load_credentials, half) == ("incomplete_credentials", missing)
    assert catch_code(load_credentials, {}) == ("no_credentials", "")


@pytest.mark.parametrize(
    ("environment", "file", "expected"),
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
def test_key_comes_entirely_from_one_source(tmp_path, environment, file, expected):
    (tmp_path / ".env").write_text(file)
    (tmp_path / "serverless.yml").write_text("inputs: {}\n")

    key = load_credentials(read_template(tmp_path / "serverless.yml", "", environment).environment)

    assert (key.secret_id, key.secret_key, key.token) == expected


def test_incomplete_key_is_not_completed_from_file(tmp_path):
    (tmp_path / ".env").write_text("TENCENT_SECRET_ID=dev\nTENCENT_SECRET_KEY=d\n")
    (tmp_path / "serverless.yml").write_text("inputs: {}\n")
    template = read_template(tmp_path / "serverless.yml", "", {"TENCENT_SECRET_ID": "prod"})

    code = catch_code(load_credentials, template.environment)
    assert code == ("incomplete_credentials", "TENCENT_SECRET_KEY")


def test_endpoint_is_parsed():
    def parse(value):
        return parse_endpoint({ENDPOINT_VARIABLE: value})

    assert parse_endpoint({}) == ("https", "", "tencentcloudapi.com")
    assert parse("http://127.0.0.1:8000")[:2] == ("http", "127.0.0.1:8000")
    assert parse("https://intl.tencentcloudapi.com/") == ("https", "", "intl.tencentcloudapi.com")
    for value in ("127.0.0.1:8000", "ftp://host", "http://host/path", "http://user@host"):
        assert catch_code(parse, value) == ("invalid_endpoint", ENDPOINT_VARIABLE)


def test_config_option_uses_folder_of_file(project, api, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    result = run_cli("deploy", "--dry-run", "--config", str(Path("..") / "serverless.yml"))

    assert result.code == 0, result.err


def test_reconcile_without_span_and_null_lists_are_valid(read):
    timer = {"timer": {"parameters": {**TIMER["timer"]["parameters"], "argument": "reconcile"}}}

    state, warnings = read(events=[timer])

    assert (state.timers[0].argument, warnings) == ("reconcile", [])
    state, _ = read(events=None, layers=None)
    assert (state.mps, state.timers, state.layers) == ((), (), ())


def test_documented_policy_allows_exactly_the_used_actions():
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    policy = json.loads(page.partition("```json\n")[2].partition("```")[0])
    allowed = {action for statement in policy["statement"] for action in statement["action"]}
    folder = ROOT / "src" / "scf_mps" / "deploy"
    source = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    words = set(re.findall(r'"([A-Z][A-Za-z]+)"', source))

    called = {word for word in words if hasattr(models, f"{word}Request")}
    called |= {"BindTrigger", "UnbindTrigger"}

    assert {
        action.partition(":")[2] for action in allowed if action[:4] in ("scf:", "mps:")
    } == called
