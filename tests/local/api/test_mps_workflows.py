"""Workflows, as the official client of MPS manages them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from scf_mps.local.api import CloudApi, Mps

from .support import REGION, credential, get_error_code, profile

BUCKET = "in-1250000000"
TASK = {"TranscodeTaskSet": [{"Definition": 100030}]}


@pytest.fixture
def mps_client(api: CloudApi) -> MpsClient:
    return MpsClient(credential(api), REGION, profile(api))


def build_workflow(name: str = "one", folder: str = "/in/", **fields: Any) -> dict[str, Any]:
    upload = {"Bucket": BUCKET, "Region": REGION, "Dir": folder, **fields}
    trigger = {"Type": "CosFileUpload", "CosFileUploadTrigger": upload}
    return {"WorkflowName": name, "Trigger": trigger, "MediaProcessTask": TASK, "OutputDir": "/o/"}


def call(client: MpsClient, action: str, **parameters: Any) -> Any:
    request = getattr(models, f"{action}Request")()
    request.from_json_string(json.dumps(parameters))
    return getattr(client, action)(request)


def create(client: MpsClient, **parameters: Any) -> int:
    return int(call(client, "CreateWorkflow", **parameters).WorkflowId)


def list_workflows(client: MpsClient, **parameters: Any) -> list[tuple[int, str, str]]:
    response = call(client, "DescribeWorkflows", **parameters)
    return [(flow.WorkflowId, flow.WorkflowName, flow.Status) for flow in response.WorkflowInfoSet]


def test_workflow_is_disabled_when_created(mps_client: MpsClient) -> None:
    number = create(mps_client, **build_workflow(), TaskPriority=3)

    (flow,) = call(mps_client, "DescribeWorkflows").WorkflowInfoSet
    assert (flow.WorkflowId, flow.WorkflowName, flow.Status) == (number, "one", "Disabled")
    assert flow.Trigger.CosFileUploadTrigger.Dir == "/in/"
    assert flow.MediaProcessTask.TranscodeTaskSet[0].Definition == 100030
    assert (flow.OutputDir, flow.TaskPriority, flow.AiAnalysisTask) == ("/o/", 3, None)
    assert flow.CreateTime == flow.UpdateTime
    assert flow.CreateTime.endswith("Z")


def test_enabled_workflow_cannot_be_edited_or_deleted(mps_client: MpsClient) -> None:
    number = create(mps_client, **build_workflow())
    call(mps_client, "EnableWorkflow", WorkflowId=number)

    for action, fields in (("ResetWorkflow", build_workflow("two")), ("DeleteWorkflow", {})):
        code = get_error_code(call, mps_client, action, WorkflowId=number, **fields)
        assert code == "FailedOperation"
    assert list_workflows(mps_client) == [(number, "one", "Enabled")]

    call(mps_client, "DisableWorkflow", WorkflowId=number)
    call(mps_client, "ResetWorkflow", WorkflowId=number, **build_workflow("two", "/other/"))
    assert list_workflows(mps_client) == [(number, "two", "Disabled")]
    call(mps_client, "DeleteWorkflow", WorkflowId=number)
    assert list_workflows(mps_client) == []


def test_workflows_are_listed_by_id_status_and_page(mps_client: MpsClient) -> None:
    ids = [create(mps_client, **build_workflow(str(n), f"/{n}/")) for n in range(4)]
    call(mps_client, "EnableWorkflow", WorkflowId=ids[2])

    assert list_workflows(mps_client, Status="Enabled") == [(ids[2], "2", "Enabled")]
    assert list_workflows(mps_client, WorkflowIds=[ids[1], 1]) == [(ids[1], "1", "Disabled")]
    page = call(mps_client, "DescribeWorkflows", Offset=1, Limit=2)
    assert [flow.WorkflowId for flow in page.WorkflowInfoSet] == ids[1:3]
    assert page.TotalCount == 4


def test_names_and_triggers_are_unique(mps_client: MpsClient) -> None:
    first = create(mps_client, **build_workflow())
    assert (
        get_error_code(create, mps_client, **build_workflow("one", "/b/"))
        == "InvalidParameterValue.Name"
    )
    second = create(mps_client, **build_workflow("two"))
    call(mps_client, "EnableWorkflow", WorkflowId=first)
    call(mps_client, "EnableWorkflow", WorkflowId=first)
    code = get_error_code(call, mps_client, "EnableWorkflow", WorkflowId=second)
    assert code == "FailedOperation.BucketNotifyAlreadyExist"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"WorkflowName": ""}, "InvalidParameterValue.Name"),
        ({"WorkflowName": "x" * 129}, "InvalidParameterValue.Name"),
        ({"Trigger": None}, "InvalidParameterValue.Type"),
        ({"Trigger": {"Type": "AwsS3FileUpload"}}, "InvalidParameterValue.Type"),
        ({"Trigger": {"Type": "CosFileUpload"}}, "InvalidParameterValue"),
        (build_workflow(Bucket=""), "InvalidParameterValue"),
        (build_workflow(folder="in"), "InvalidParameterValue"),
        ({"MediaProcessTask": None}, "InvalidParameter"),
    ],
)
def test_invalid_workflow_is_refused(
    mps_client: MpsClient, changes: dict[str, Any], code: str
) -> None:
    assert get_error_code(create, mps_client, **{**build_workflow(), **changes}) == code


def test_invalid_parameters_of_workflow_actions_are_refused(mps_client: MpsClient) -> None:
    for action in ("EnableWorkflow", "DisableWorkflow", "DeleteWorkflow"):
        assert get_error_code(call, mps_client, action, WorkflowId=7) == "InvalidParameterValue"
        assert get_error_code(call, mps_client, action) == "MissingParameter"
    for fields, code in (
        ({"Status": "Broken"}, "InvalidParameterValue"),
        ({"Limit": 101}, "InvalidParameterValue.Limit"),
    ):
        assert get_error_code(call, mps_client, "DescribeWorkflows", **fields) == code


def test_objects_match_by_bucket_folder_and_format(mps: Mps, mps_client: MpsClient) -> None:
    everything = create(mps_client, **build_workflow("all", "/", Formats=["*"]))
    chosen = create(mps_client, **build_workflow("chosen", "/in/", Formats=[".MP4", "mov"]))
    default = create(mps_client, **build_workflow("default", "/films/", Formats=[]))
    for number in (everything, chosen, default):
        call(mps_client, "EnableWorkflow", WorkflowId=number)

    def match(key: str, bucket: str = BUCKET) -> list[int]:
        found = mps.tasks.workflows.find_matching(bucket, REGION, key)
        return [flow["WorkflowId"] for flow in found]

    assert match("in/a.mp4") == match("in/deep/a.MOV") == [everything, chosen]
    assert match("in/a.txt") == match("in/mp4") == match("films/a.txt") == [everything]
    assert match("films/a.mkv") == [everything, default]
    assert match("in/a.mp4", "other-1250000000") == []
    call(mps_client, "DisableWorkflow", WorkflowId=everything)
    assert match("a.mp4") == []
