"""Tencent's client deploys this project's checkout to the emulated cloud, and the uploaded code runs.

The client is npm's @serverless/components in its own process, connected by HTTPS. npm's tencent-component-toolkit
processes its request. All requests are signed and verified.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from typer.testing import CliRunner

from scf_mps.cli import cli
from scf_mps.local.scf import LocalFunction
from tests.support.interpreters import find
from tests.support.optional_programs import skip_without_python
from tests.support.sample_data import ROOT, SUMMARY, payload

from .platform import REGION
from .support import Client, create_checkout

# The SDK uses a function that newer Pythons deprecate.
pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")

NAME = "scf-mps-dev-mps-events"
VARIABLES = [{"Key": "MPS_LOG_LEVEL", "Value": "INFO"}]
NET = {"PublicNetStatus": "ENABLE", "EipConfig": {"EipStatus": "DISABLE"}}

Changes = list[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Deployed:
    """The result of two deployments, one after the other."""

    first: Changes
    second: Changes
    run: Mapping[str, Any]
    """The first request of the client to the platform."""
    uploads: list[bytes]
    built: list[str]
    """The names in the zip of the build, sorted."""
    code: bytes
    """The zip of the deployed function."""


@pytest.fixture(scope="module")
def deployed(running_cloud, npm, tmp_path_factory):
    cloud, folder = running_cloud, tmp_path_factory.mktemp("deployed")
    cloud.reset()
    project = create_checkout(folder)
    client = Client(npm, cloud)
    completed = client(project)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    first = cloud.changes
    cloud.api.requests.clear()
    completed = client(project)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    with zipfile.ZipFile(project / "dist" / "function.zip") as archive:
        built = sorted(archive.namelist())
    return Deployed(
        first,
        cloud.changes,
        cloud.platform.runs[0],
        cloud.platform.uploads,
        built,
        cloud.function(NAME).latest.code,
    )


def test_first_deployment_creates_function_and_binds_trigger(deployed):
    code = {
        "CosBucketName": f"sls-cloudfunction-{REGION}-code",
        "CosObjectName": "/scf_component_1.zip",
    }
    assert deployed.first == [
        (
            "CreateFunction",
            {
                "FunctionName": NAME,
                "Namespace": "default",
                "Description": "Handles what MPS finishes, by decorated functions",
                "Type": "Event",
                "DeployMode": "code",
                "Code": code,
                "Handler": "index.main_handler",
                "Runtime": "Python3.10",
                "MemorySize": "256",
                "Timeout": "60",
                "InitTimeout": "65",
                "DiskSize": "512",
                "Role": "SCF_QcsRole",
                "Environment": {"Variables": VARIABLES},
                "PublicNetConfig": NET,
                "InstallDependency": "FALSE",
                "L5Enable": "FALSE",
            },
        ),
        (
            "BindTrigger",
            {
                "ScfRegion": REGION,
                "EventType": "WorkflowTask",
                "FunctionName": NAME,
                "Namespace": "default",
                "Qualifier": "$DEFAULT",
            },
        ),
    ]


def test_second_deployment_updates_function_only(deployed):
    actions = [action for action, _ in deployed.second]
    assert actions == ["UpdateFunctionCode", "UpdateFunctionConfiguration"]
    assert deployed.second[1][1]["Environment"] == {"Variables": VARIABLES}


def test_unchanged_code_is_uploaded_once(deployed):
    assert len(deployed.uploads) == 1


def test_platform_receives_settings_of_serverless_yml(deployed):
    instance = dict(deployed.run["instance"])
    inputs = instance.pop("inputs")
    assert instance == {
        "orgName": "1250000000",
        "appName": "scf-mps",
        "stageName": "dev",
        "instanceName": "mps-events",
        "componentName": "scf",
        "componentVersion": "",
    }
    original = inputs.pop("srcOriginal")
    assert original["hook"] == "make build"
    assert original["dist"] == f"{original['src']}/build"
    assert inputs.pop("src").startswith("https://")
    assert inputs == {
        "name": NAME,
        "description": "Handles what MPS finishes, by decorated functions",
        "type": "event",
        "handler": "index.main_handler",
        "runtime": "Python3.10",
        "region": REGION,
        "memorySize": 256,
        "timeout": 60,
        "initTimeout": 65,
        "role": "SCF_QcsRole",
        "environment": {"variables": {"MPS_LOG_LEVEL": "INFO"}},
        "events": [
            {
                "mps": {
                    "parameters": {"type": "WorkflowTask", "qualifier": "$DEFAULT", "enable": True}
                }
            }
        ],
        "originSrc": "./",
        "originDist": "./build",
    }


def test_upload_contains_build_only(deployed):
    with zipfile.ZipFile(io.BytesIO(deployed.uploads[0])) as archive:
        names = {member.filename for member in archive.infolist() if not member.is_dir()}
        index = archive.read("index.py")
    # The client adds the digests of all files.
    assert sorted(names - {"src.map"}) == deployed.built
    assert index.startswith(b"from handlers import main_handler")
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"index.py", "handlers", "scf_mps", "src.map", "__pycache__"}
    assert not [name for name in names if "local" in name.split("/") or name.endswith(".yml")]
    sources = {name for name in names if name.endswith(".py")}
    compiled = {name for name in names if name.endswith(".cpython-310.pyc")}
    if not find("3.10"):
        skip_without_python("3.10")
    assert len(compiled) == len(sources)


@pytest.mark.parametrize("version", ["3.10", "3.12"])
def test_uploaded_code_handles_documented_event(deployed, version, tmp_path):
    if not find(version):
        skip_without_python(version)
    created = deployed.first[0][1]
    zipped = tmp_path / "code.zip"
    zipped.write_bytes(deployed.code)
    with LocalFunction(
        zipped,
        python=version,
        name=created["FunctionName"],
        handler=created["Handler"],
        memory=int(created["MemorySize"]),
        timeout=int(created["Timeout"]),
        init_timeout=int(created["InitTimeout"]),
        environment={
            variable["Key"]: variable["Value"] for variable in created["Environment"]["Variables"]
        },
        region=REGION,
    ) as function:
        invocation = function.invoke(payload("mps_workflow_seed_mixed"))
    assert invocation.status == 200, invocation.log
    assert invocation.returned == SUMMARY


def test_wrong_key_deploys_nothing(components, small, cloud):
    completed = components(small, TENCENT_SECRET_KEY="wrong")
    assert completed.returncode == 1
    assert "signature" in completed.stdout
    assert {request.code for request in cloud.api.requests} == {"AuthFailure.SignatureFailure"}


def test_unbindable_trigger_fails_deployment(components, small, cloud):
    cloud.api.faults.add("BindTrigger", code="UnauthorizedOperation")
    completed = components(small)
    assert completed.returncode == 1
    assert "mps" in completed.stdout
    assert [action for action, _ in cloud.changes] == ["CreateFunction"]


def test_python_sdk_deploys_and_invokes_same_zip(deployed, cloud):
    if not find("3.10"):
        skip_without_python("3.10")
    http_profile = HttpProfile(
        proxy=cloud.proxy.url.removeprefix("http://"), certification=str(cloud.proxy.ca_file)
    )
    profile = ClientProfile(httpProfile=http_profile, signMethod="TC3-HMAC-SHA256")
    credential = Credential(cloud.api.key.secret_id, cloud.api.key.secret_key)
    scf = CommonClient("scf", "2018-04-16", credential, REGION, profile)
    mps = CommonClient("mps", "2019-06-12", credential, REGION, profile)
    names = ("FunctionName", "Handler", "Runtime", "Environment", "Type")
    settings = {name: deployed.first[0][1][name] for name in names}
    code = {"ZipFile": base64.b64encode(deployed.code).decode()}
    scf.call_json("CreateFunction", {**settings, "Timeout": 60, "MemorySize": 256, "Code": code})
    mps.call_json("BindTrigger", dict(deployed.first[1][1]))
    event = json.dumps(payload("mps_workflow_seed_mixed"))
    response = scf.call_json("Invoke", {"FunctionName": NAME, "ClientContext": event})["Response"]
    assert json.loads(response["Result"]["RetMsg"]) == SUMMARY
    assert [trigger["Type"] for trigger in cloud.function(NAME).triggers] == ["mps"]


def test_deploy_command_finds_nothing_to_change(cloud, tmp_path):
    cloud.deploy(yaml.safe_load((ROOT / "serverless.yml").read_text("utf-8"))["inputs"])
    zipped = tmp_path / "code.zip"
    zipped.write_bytes(cloud.function(NAME).latest.code)
    result = CliRunner().invoke(
        cli,
        [
            "deploy",
            "--dry-run",
            "--json",
            "--zip",
            str(zipped),
            "--config",
            f"{ROOT}/serverless.yml",
        ],
        env={
            "TENCENTCLOUD_API_ENDPOINT": cloud.api.url,
            "TENCENTCLOUD_SECRET_ID": cloud.api.key.secret_id,
            "TENCENTCLOUD_SECRET_KEY": cloud.api.key.secret_key,
        },
    )
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert (plan["steps"], plan["blocked"]) == ([], [])
