"""Examples of docs/terraform.md and docs/ci.md, as far as they run without their services."""

import base64
import json
import re
import shlex
from pathlib import Path

import hcl2
import pytest
import yaml
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from typer.testing import CliRunner

from scf_mps.cli import cli
from scf_mps.deploy.log_queries import FIELD_TYPES, TOKENIZER, make_alarm
from scf_mps.deploy.log_topic import KEPT_DAYS, LOGSET_NAME
from scf_mps.deploy.plan import DEFAULT_RETRIES
from tests.support.cli_commands import count_commands
from tests.support.sample_data import ROOT

from .platform import REGION
from .support import HERE

# The SDK uses a function that newer Pythons deprecate.
pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")

OURS = yaml.safe_load((ROOT / "serverless.yml").read_text("utf-8"))["inputs"]

ARGUMENTS = {
    "tencentcloud_cls_alarm": {
        *("alarm_level", "alarm_notice_ids", "alarm_period", "alarm_targets", "analysis"),
        *("call_back", "classifications", "condition", "depends_on", "message_template"),
        *("monitor_time", "multi_conditions", "name", "status", "tags", "trigger_count"),
    },
    "tencentcloud_cls_index": {
        *("include_internal_fields", "metadata_flag", "rule", "status", "topic_id"),
    },
    "tencentcloud_cls_logset": {"logset_name", "tags"},
    "tencentcloud_cls_topic": {
        *("auto_split", "describes", "encryption", "extends", "hot_period", "is_web_tracking"),
        *("logset_id", "max_split_partitions", "partition_count", "period", "storage_type"),
        *("tags", "topic_name"),
    },
    "tencentcloud_cos_bucket_object": {"bucket", "key", "source"},
    "tencentcloud_scf_function": {
        *("name", "async_run_enable", "cfs_config", "cls_logset_id", "cls_topic_id"),
        *("cos_bucket_name", "cos_bucket_region", "cos_object_name", "description", "dns_cache"),
        *("enable_eip_config", "enable_public_net", "environment", "func_type", "handler"),
        *("image_config", "intranet_config", "l5_enable", "layers", "mem_size", "namespace"),
        *("role", "runtime", "subnet_id", "tags", "timeout", "triggers", "vpc_id", "zip_file"),
    },
    "tencentcloud_scf_function_event_invoke_config": {
        "async_trigger_config",
        "function_name",
        "namespace",
    },
}
"""Documented arguments of the provider (terraform-provider-tencentcloud, website/docs/r). Of the bucket's object only those
used.
"""


def find_examples(page, language):
    """Return the examples of a page in a language."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def unquote(value):
    """Return the parsed value without the parser's marks and the quotes of texts."""
    if isinstance(value, dict):
        return {
            unquote(key): unquote(item)
            for key, item in value.items()
            if not str(key).startswith("__")
        }
    if isinstance(value, list):
        return [unquote(item) for item in value]
    return value[1:-1] if isinstance(value, str) and value[:1] == '"' else value


@pytest.fixture(scope="module")
def resources():
    """The resources of main.tf, by type."""
    (text,) = find_examples("terraform.md", "hcl")
    parsed = unquote(hcl2.loads(text))["resource"]
    return {
        kind: body
        for resource in parsed
        for kind, named in resource.items()
        for body in named.values()
    }


def test_main_tf_uses_documented_arguments(resources):
    assert resources.keys() == ARGUMENTS.keys()
    for kind, body in resources.items():
        assert body.keys() <= ARGUMENTS[kind], kind


def test_main_tf_equals_serverless_yml(resources):
    function = resources["tencentcloud_scf_function"]
    assert "triggers" not in function
    assert function["mem_size"] == OURS["memorySize"]
    for name in ("name", "description", "handler", "runtime", "timeout"):
        assert function[name] == OURS[name]
    assert function["environment"] == OURS["environment"]["variables"]
    assert function["func_type"] == "Event"
    assert function["enable_public_net"] is True


def test_main_tf_sets_default_retries(resources):
    body = resources["tencentcloud_scf_function_event_invoke_config"]
    (config,) = body["async_trigger_config"]
    assert config["msg_ttl"] == 21600
    assert config["retry_config"] == [{"retry_num": 2}]


def test_main_tf_has_logs_of_deploy(resources):
    (text,) = find_examples("terraform.md", "hcl")
    values = {}
    for block in unquote(hcl2.loads(text))["locals"]:
        values |= block
    fields = {
        name: type_ for type_ in ("text", "long", "double") for name in values[f"{type_}_fields"]
    }
    assert fields == FIELD_TYPES
    assert json.loads(f'"{values["tokenizer"]}"') == TOKENIZER
    assert values["logs"] == f"scf-mps-${{var.region}}-default-{OURS['name']}"
    assert resources["tencentcloud_cls_logset"]["logset_name"] == LOGSET_NAME
    assert resources["tencentcloud_cls_topic"]["period"] == KEPT_DAYS
    alarm, body = make_alarm("", "", "", DEFAULT_RETRIES), resources["tencentcloud_cls_alarm"]
    for target, written in zip(alarm["AlarmTargets"], body["alarm_targets"], strict=True):
        assert (written["query"], written["number"]) == (target["Query"], target["Number"])
        assert written["syntax_rule"] == target["SyntaxRule"]
    for condition, written in zip(alarm["MultiConditions"], body["multi_conditions"], strict=True):
        assert written["condition"] == condition["Condition"]
        assert written["alarm_level"] == condition["AlarmLevel"]
    assert body["alarm_period"] == alarm["AlarmPeriod"]


def test_trigger_yml_binds_trigger_only(cloud, resources, tmp_path):
    function = resources["tencentcloud_scf_function"]
    key = cloud.api.key
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=cloud.api.endpoint))
    credential = Credential(key.secret_id, key.secret_key)
    scf = CommonClient("scf", "2018-04-16", credential, REGION, profile)
    zipped = cloud.any_code()
    scf.call_json(
        "CreateFunction",
        {
            "FunctionName": function["name"],
            "Handler": function["handler"],
            "Runtime": function["runtime"],
            "MemorySize": function["mem_size"],
            "Timeout": function["timeout"],
            "Description": function["description"],
            "Role": "a-role-of-its-own",
            "Code": {"ZipFile": base64.b64encode(zipped.read_bytes()).decode()},
        },
    )
    cloud.api.requests.clear()
    (text,) = find_examples("terraform.md", "yaml")
    (tmp_path / "trigger.yml").write_text(text)
    result = CliRunner().invoke(
        cli,
        ["deploy", "--config", str(tmp_path / "trigger.yml"), "--zip", str(zipped), "--json"],
        env={
            "TENCENTCLOUD_API_ENDPOINT": cloud.api.url,
            "TENCENTCLOUD_SECRET_ID": key.secret_id,
            "TENCENTCLOUD_SECRET_KEY": key.secret_key,
        },
    )
    assert result.exit_code == 0, result.output
    assert [action for action, _ in cloud.changes] == ["BindTrigger"]
    (trigger,) = cloud.function(function["name"]).triggers
    assert json.loads(trigger["TriggerDesc"]) == {"eventType": "WorkflowTask"}


@pytest.fixture(scope="module")
def jobs():
    """The jobs of docs/ci.md: `test`, `deploy`, and the other `deploy` as `serverless`."""
    workflow, other = (yaml.safe_load(text) for text in find_examples("ci.md", "yaml"))
    assert workflow["permissions"] == {"contents": "read"}
    return {**workflow["jobs"], "serverless": other["deploy"]}


def commands(job):
    """Yield the commands of a job, as lists of words."""
    for step in job["steps"]:
        for line in step.get("run", "").splitlines():
            yield shlex.split(line)


def test_pipeline_deploys_tested_build(jobs):
    assert [words[:2] for words in commands(jobs["test"])] == [
        ["pip", "install"],
        ["pytest"],
        ["scf-mps", "routes"],
        ["scf-mps", "build"],
        ["scf-mps", "invoke"],
    ]
    uploaded = jobs["test"]["steps"][-1]["with"]
    downloaded = jobs["deploy"]["steps"][-2]["with"]
    assert downloaded["name"] == uploaded["name"]
    zipped = f"{downloaded['path']}/{Path(uploaded['path']).name}"
    assert [words for words in commands(jobs["deploy"]) if words[0] == "scf-mps"] == [
        ["scf-mps", "deploy", "--zip", zipped, "--dry-run"],
        ["scf-mps", "deploy", "--zip", zipped],
    ]
    for name in ("deploy", "serverless"):
        assert jobs[name]["needs"] == "test"
        assert jobs[name]["if"] == "github.event_name == 'push'"
        assert jobs[name]["environment"] == "production"


def test_commands_of_docs_exist(jobs):
    lines = [words for job in jobs.values() for words in commands(job)]
    (shell,) = find_examples("terraform.md", "sh")
    lines += [shlex.split(line, comments=True) for line in shell.splitlines()]
    assert count_commands(lines) == 8


def test_pipeline_uses_python_of_function(jobs):
    versions = {
        step["with"]["python-version"]
        for job in jobs.values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/setup-python@")
    }
    assert versions == {OURS["runtime"].removeprefix("Python")}


def test_pipeline_passes_keys_to_deploy_steps_only(jobs):
    for name, job in jobs.items():
        assert "env" not in job
        with_keys = [step for step in job["steps"] if "secrets." in str(step)]
        assert len(with_keys) == (0 if name == "test" else 1)
        assert not any("secrets." in step["run"] for step in with_keys)


def test_pipeline_uses_tested_serverless_client(jobs):
    tested = json.loads((HERE / "package.json").read_text("utf-8"))["dependencies"]
    name = "@serverless/components"
    lines = [" ".join(words) for words in commands(jobs["serverless"])]
    assert f"npm install --global --ignore-scripts {name}@{tested[name]}" in lines
    assert "components deploy" in lines
    environment = jobs["serverless"]["steps"][-1]["env"]
    assert environment["SERVERLESS_PLATFORM_VENDOR"] == "tencent"
