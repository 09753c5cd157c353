"""Functions that are made, changed, listed and removed by the official clients of SCF, and MPS's trigger."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import time
import zipfile

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from scf_mps.local.api import Account, CloudApi, Mps, Scf, write_log_entry

from .conftest import REGION, credential, profile

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning"),
    # What the models call deprecated is what Tencent's own toolkit reads of MPS's trigger.
    pytest.mark.filterwarnings("ignore:parameter `.*` is deprecated:DeprecationWarning"),
]


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (files or {"index.py": "main_handler = print\n"}).items():
            archive.writestr(name, content)
    return buffer.getvalue()


CODE = zipped()
ZIP = base64.b64encode(CODE).decode()
FUNCTION = {
    "FunctionName": "events",
    "Handler": "index.main_handler",
    "Runtime": "Python3.10",
    "Code": {"ZipFile": ZIP},
}


@pytest.fixture
def scf():
    return Scf(
        objects=lambda bucket, region, key: {("b", REGION, "a/c.zip"): CODE}.get(
            (bucket, region, key)
        )
    )


@pytest.fixture
def mps(scf):
    return Mps(functions=scf.account)


class Client:
    """The official client, by the names of actions; its models check every field."""

    def __init__(self, api, region=REGION, sign="TC3-HMAC-SHA256"):
        self.official = ScfClient(credential(api), region, profile(api, sign=sign))

    def __call__(self, action, **fields):
        request = getattr(models, f"{action}Request")()
        request.from_json_string(json.dumps({"FunctionName": "events", **fields}))
        return getattr(self.official, action)(request)

    def refused(self, action, **fields):
        with pytest.raises(TencentCloudSDKException) as caught:
            self(action, **fields)
        return caught.value.code


@pytest.fixture
def ask(api):
    return Client(api)


@pytest.fixture
def made(ask):
    ask("CreateFunction", **FUNCTION)
    return ask


@pytest.fixture
def bind(client):
    """MPS's undocumented actions, as the deployment toolkit sends them."""

    def call(action="BindTrigger", **fields):
        told = {"Qualifier": "$DEFAULT", "FunctionName": "events", "Namespace": "default"}
        if action == "BindTrigger":
            told |= {"ScfRegion": REGION, "EventType": "WorkflowTask"}
        else:
            told |= {"Type": "mps"}
        return client.call_json(action, {**told, **fields})["Response"]

    return call


def code_of(work, **fields):
    with pytest.raises(TencentCloudSDKException) as caught:
        work(**fields)
    return caught.value.code


def test_a_function_is_made_with_what_scf_gives_those_that_say_little(made):
    told = made("GetFunction")

    assert (told.FunctionName, told.Namespace, told.Status) == ("events", "default", "Active")
    assert (told.MemorySize, told.Timeout, told.InitTimeout) == (128, 3, 65)
    assert (told.Runtime, told.Handler, told.Type) == ("Python3.10", "index.main_handler", "Event")
    assert told.PublicNetConfig.PublicNetStatus == "ENABLE"
    assert told.CodeSize == len(CODE)
    assert made("GetFunctionAddress").CodeSha256 == hashlib.sha256(CODE).hexdigest()
    assert made("GetAlias", Name="$DEFAULT").FunctionVersion == "$LATEST"
    config = made("GetFunctionEventInvokeConfig").AsyncTriggerConfig
    assert (config.RetryConfig[0].RetryNum, config.MsgTTL) == (2, 21600)


def test_making_and_changing_takes_as_many_looks_as_it_is_told_and_nothing_else_goes_meanwhile():
    scf = Scf(polls=2)
    with CloudApi([scf]) as api:
        ask = Client(api)
        ask("CreateFunction", **FUNCTION)
        assert (
            ask.refused("UpdateFunctionCode", ZipFile=ZIP) == "FailedOperation.FunctionStatusError"
        )
        assert ask.refused("PublishVersion") == "FailedOperation.FunctionStatusError"
        assert ask.refused("Invoke") == "FailedOperation.FunctionStatusError"
        assert [ask("GetFunction").Status for _ in range(3)] == ["Creating", "Creating", "Active"]
        ask("UpdateFunctionConfiguration", Timeout=9)
        assert [ask("GetFunction").Status for _ in range(3)] == ["Updating", "Updating", "Active"]
        assert ask("GetFunction").Timeout == 9


def test_making_and_changing_fail_when_they_are_told_to(ask, scf):
    scf.account.failures.append("first")
    ask("CreateFunction", **FUNCTION)
    told = ask("GetFunction")
    assert (told.Status, told.StatusReasons[0].ErrorMessage) == ("CreateFailed", "first")
    assert ask.refused("UpdateFunctionCode", ZipFile=ZIP) == "FailedOperation.FunctionStatusError"
    ask("DeleteFunction")
    ask("CreateFunction", **FUNCTION)
    scf.account.failures.append("second")
    ask("UpdateFunctionCode", ZipFile=ZIP)
    assert ask("GetFunction").Status == "UpdateFailed"
    ask("UpdateFunctionCode", ZipFile=ZIP)
    told = ask("GetFunction")
    assert (told.Status, told.StatusReasons) == ("Active", [])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"FunctionName": "1st"}, "InvalidParameterValue.FunctionName"),
        ({"FunctionName": None}, "MissingParameter"),
        ({"Handler": "src/index.main"}, "InvalidParameterValue.Handler"),
        ({"Runtime": "Python3.8"}, "InvalidParameterValue.Runtime"),
        ({"Namespace": "dark"}, "ResourceNotFound.Namespace"),
        ({"Description": "no; semicolons"}, "InvalidParameterValue.Description"),
        ({"MemorySize": 100}, "InvalidParameterValue.Memory"),
        ({"MemorySize": 3200}, "InvalidParameterValue.Memory"),
        ({"Timeout": 901}, "LimitExceeded.Timeout"),
        ({"InitTimeout": 2}, "LimitExceeded.InitTimeout"),
        ({"Code": {}}, "InvalidParameterValue.Code"),
        ({"Code": None}, "InvalidParameterValue.Code"),
        ({"Code": {"ZipFile": "?"}}, "InvalidParameterValue.ZipFileBase64BinasciiError"),
        ({"Code": {"ZipFile": base64.b64encode(b"no").decode()}}, "InvalidParameterValue.ZipFile"),
        ({"Code": {"CosBucketName": "b", "CosObjectName": "/n"}}, "ResourceNotFound.CosObject"),
        ({"Layers": [{"LayerName": "a", "LayerVersion": 1}]}, "ResourceNotFound.LayerVersion"),
        ({"Layers": [{"LayerName": "a", "LayerVersion": 1}] * 6}, "LimitExceeded.Layers"),
    ],
)
def test_what_scf_documents_as_impossible_is_refused(ask, fields, code):
    assert ask.refused("CreateFunction", **{**FUNCTION, **fields}) == code
    assert ask("ListFunctions").TotalCount == 0


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ([("A", "x" * 4096)], "InvalidParameterValue.EnvironmentExceededLimit"),
        ([("SCF_A", "x")], "InvalidParameterValue.EnvironmentSystemProtect"),
        ([("TENCENTCLOUD_A", "x")], "InvalidParameterValue.EnvironmentSystemProtect"),
        ([("A-B", "x")], "InvalidParameterValue.Environment"),
        ([("A", "")], "InvalidParameterValue.Environment"),
        ([("", ""), ("A", "x")], "InvalidParameterValue.Environment"),
    ],
)
def test_variables_have_limits(ask, variables, code):
    environment = {"Variables": [{"Key": key, "Value": value} for key, value in variables]}

    assert ask.refused("CreateFunction", **FUNCTION, Environment=environment) == code


def test_a_zip_that_comes_with_an_update_has_20_megabytes_at_most(made):
    large = base64.b64encode(zipped(noise=os.urandom(20 * 1024 * 1024))).decode()

    assert made.refused("UpdateFunctionCode", ZipFile=large) == "InvalidParameterValue.ZipFile"


def test_a_zip_that_unpacks_to_too_much_is_refused(ask):
    entry = bytearray(CODE)
    size = entry.index(b"PK\x01\x02") + 24  # of the file unpacked, in the directory at the end
    entry[size : size + 4] = (501 * 1024 * 1024).to_bytes(4, "little")
    code = {"ZipFile": base64.b64encode(entry).decode()}

    refused = ask.refused("CreateFunction", **{**FUNCTION, "Code": code})

    assert refused == "InvalidParameterValue.ZipFile"


def test_other_services_take_no_larger_requests_than_before():
    with CloudApi([Mps()]) as api:
        client = CommonClient("mps", "2019-06-12", credential(api), REGION, profile(api))
        large = {"Status": "x" * 11 * 1024 * 1024}
        assert code_of(lambda: client.call_json("DescribeTasks", large)) == (
            "RequestSizeLimitExceeded"
        )


def test_names_and_numbers_are_bounded(made, scf):
    assert made.refused("CreateFunction", **FUNCTION) == "ResourceInUse.FunctionName"
    for number in range(49):
        made("CreateFunction", **{**FUNCTION, "FunctionName": f"f-{number}"})
    assert made.refused("CreateFunction", **{**FUNCTION, "FunctionName": "one-more"}) == (
        "LimitExceeded.Function"
    )
    told = made("ListFunctions", Limit=30, Offset=30)
    assert (len(told.Functions), told.TotalCount) == (20, 50)
    assert [one.Name for one in made("ListNamespaces").Namespaces] == ["default"]


def test_code_comes_from_cos_too_and_in_both_places_of_an_update(made):
    made("UpdateFunctionCode", CosBucketName="b", CosObjectName="/a/c.zip")
    made(
        "UpdateFunctionCode",
        Code={"CosBucketName": "b", "CosObjectName": "a/c.zip", "CosBucketRegion": REGION},
    )
    made("UpdateFunctionCode", Code={"ZipFile": ZIP}, Handler="index.other")

    assert made("GetFunction").Handler == "index.other"
    with CloudApi([Scf()]) as api:
        alone = Client(api)
        where = {"CosBucketName": "b", "CosObjectName": "/a/c.zip"}
        assert alone.refused("CreateFunction", **{**FUNCTION, "Code": where}) == (
            "ResourceNotFound.CosObject"
        )


def test_older_signatures_send_the_same_flattened(api, scf):
    ask = Client(api, sign="HmacSHA256")
    variables = {"Variables": [{"Key": "A", "Value": "1"}, {"Key": "B", "Value": "2"}]}
    ask(
        "PublishLayerVersion",
        LayerName="base",
        CompatibleRuntimes=["Python3.10"],
        Content={"ZipFile": ZIP},
    )
    layers = [{"LayerName": "base", "LayerVersion": 1}]

    ask("CreateFunction", **FUNCTION, MemorySize=256, Environment=variables, Layers=layers)

    told = ask("GetFunction")
    assert (told.MemorySize, told.Layers[0].LayerVersion) == (256, 1)
    assert [one.Key for one in told.Environment.Variables] == ["A", "B"]


def test_the_last_variable_and_the_last_layer_are_removed_by_empty_ones(made):
    made(
        "PublishLayerVersion",
        LayerName="base",
        CompatibleRuntimes=["Python3.10"],
        Content={"ZipFile": ZIP},
    )
    made(
        "UpdateFunctionConfiguration",
        Environment={"Variables": [{"Key": "A", "Value": "1"}]},
        Layers=[{"LayerName": "base", "LayerVersion": 1}],
        Description="说明",
        Runtime="Python3.9",
    )
    told = made("GetFunction")
    assert (len(told.Environment.Variables), len(told.Layers), told.Description) == (1, 1, "说明")
    assert told.Runtime == "Python3.10"

    made(
        "UpdateFunctionConfiguration",
        Environment={"Variables": [{"Key": "", "Value": ""}]},
        Layers=[{"LayerName": "", "LayerVersion": 0}],
    )
    told = made("GetFunction")
    assert (told.Environment.Variables, told.Layers) == ([], [])


def test_versions_keep_what_was_and_aliases_point_to_them(made):
    made("UpdateFunctionConfiguration", Timeout=10)
    assert made("PublishVersion", Description="one").FunctionVersion == "1"
    made("UpdateFunctionConfiguration", Timeout=20)
    made("PublishVersion")
    made("CreateAlias", Name="live", FunctionVersion="1")

    assert made("GetFunction", Qualifier="live").Timeout == 10
    assert made("ListVersionByFunction").FunctionVersion == ["$LATEST", "2", "1"]
    made("UpdateAlias", Name="live", FunctionVersion="2")
    assert made("GetFunction", Qualifier="live").Timeout == 20
    assert made.refused("CreateAlias", Name="live", FunctionVersion="1") == "ResourceInUse.Alias"
    assert (
        made.refused("CreateAlias", Name="1", FunctionVersion="1") == "InvalidParameterValue.Alias"
    )
    assert made.refused("UpdateAlias", Name="no", FunctionVersion="1") == "ResourceNotFound.Alias"
    assert made.refused("UpdateAlias", Name="live", FunctionVersion="9") == (
        "ResourceNotFound.FunctionVersion"
    )
    assert made.refused("GetAlias", Name="no") == "ResourceNotFound.Alias"
    made("DeleteFunction", Qualifier="1")
    assert made.refused("DeleteFunction", Qualifier="1") == "ResourceNotFound.Qualifier"
    assert made.refused("GetFunction", Qualifier="1") == "ResourceNotFound.Qualifier"


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (None, "InvalidParameterValue.AsyncTriggerConfig"),
        ({"RetryConfig": [{"RetryNum": 3}], "MsgTTL": 60}, "LimitExceeded.RetryNum"),
        ({"RetryConfig": [], "MsgTTL": 60}, "LimitExceeded.RetryNum"),
        ({"RetryConfig": [{"RetryNum": 1}], "MsgTTL": 59}, "LimitExceeded.MsgTTL"),
    ],
)
def test_retries_have_bounds(made, config, code):
    assert made.refused("UpdateFunctionEventInvokeConfig", AsyncTriggerConfig=config) == code


def test_timers_are_made_changed_listed_and_removed(made):
    timer = {"TriggerName": "t", "Type": "timer", "Qualifier": "$DEFAULT"}
    made(
        "CreateTrigger", **timer, TriggerDesc="0 0 */6 * * * *", Enable="CLOSE", CustomArgument="a"
    )
    [told] = made("ListTriggers").Triggers
    assert json.loads(told.TriggerDesc) == {"cron": "0 0 */6 * * * *"}
    assert (told.Enable, told.CustomArgument, told.Qualifier) == (0, "a", "$DEFAULT")

    made(
        "UpdateTrigger",
        **timer,
        TriggerDesc='{"cron": "1 0 0 * * * *"}',
        Enable="OPEN",
        CustomArgument="b",
    )
    [told] = made("ListTriggers", Filters=[{"Name": "Qualifier", "Values": ["$DEFAULT"]}]).Triggers
    assert json.loads(told.TriggerDesc) == {"cron": "1 0 0 * * * *"}
    assert (told.Enable, told.CustomArgument) == (1, "b")
    made("UpdateTrigger", **timer)
    assert made("ListTriggers", Filters=[{"Name": "Qualifier", "Values": ["1"]}]).TotalCount == 0

    assert made.refused("DeleteTrigger", **{**timer, "Qualifier": "$LATEST"}) == (
        "ResourceNotFound.Trigger"
    )
    made("DeleteTrigger", **timer)
    assert made("ListTriggers").TotalCount == 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Type": "mps"}, "InvalidParameterValue.Type"),
        ({"Type": "cos"}, "UnsupportedOperation.Trigger"),
        ({"TriggerName": "a b"}, "InvalidParameterValue.TriggerName"),
        ({"TriggerDesc": "0 0 * * *"}, "InvalidParameterValue.TriggerDesc"),
        ({"TriggerDesc": "[1]"}, "InvalidParameterValue.TriggerDesc"),
        ({"Enable": "ON"}, "InvalidParameterValue.Enable"),
        ({"Qualifier": "7"}, "ResourceNotFound.Qualifier"),
        ({"TriggerName": "there"}, "ResourceInUse.Trigger"),
    ],
)
def test_what_is_no_timer_is_refused(made, fields, code):
    timer = {"TriggerName": "t", "Type": "timer", "TriggerDesc": "0 0 0 * * * *"}
    made("CreateTrigger", **{**timer, "TriggerName": "there"})

    assert made.refused("CreateTrigger", **{**timer, **fields}) == code


def test_a_function_has_ten_timers_at_most_and_others_are_not_changed_here(made):
    timer = {"Type": "timer", "TriggerDesc": "0 0 0 * * * *"}
    for number in range(10):
        made("CreateTrigger", **timer, TriggerName=f"t{number}")

    assert made.refused("CreateTrigger", **timer, TriggerName="more") == "LimitExceeded.Trigger"
    assert made.refused("UpdateTrigger", Type="http", TriggerName="x") == (
        "UnsupportedOperation.Trigger"
    )


def test_layers_have_versions_that_are_never_changed(ask):
    layer = {"LayerName": "base", "CompatibleRuntimes": ["Python3.10"], "Content": {"ZipFile": ZIP}}
    assert ask.refused("ListLayerVersions", LayerName="base") == "ResourceNotFound.Layer"
    assert [ask("PublishLayerVersion", **layer).LayerVersion for _ in range(2)] == [1, 2]

    versions = ask("ListLayerVersions", LayerName="base").LayerVersions
    assert [one.LayerVersion for one in versions] == [2, 1]
    told = ask("GetLayerVersion", LayerName="base", LayerVersion=1)
    assert (told.CodeSha256, told.Status) == (hashlib.sha256(CODE).hexdigest(), "Active")
    [newest] = ask("ListLayers").Layers
    assert (newest.LayerName, newest.LayerVersion) == ("base", 2)
    assert ask.refused("GetLayerVersion", LayerName="base", LayerVersion=3) == (
        "ResourceNotFound.LayerVersion"
    )
    assert ask.refused("PublishLayerVersion", **{**layer, "LayerName": "-"}) == (
        "InvalidParameterValue.LayerName"
    )
    assert ask.refused("PublishLayerVersion", **{**layer, "CompatibleRuntimes": ["Python9"]}) == (
        "InvalidParameterValue.CompatibleRuntimes"
    )


def test_functions_are_in_the_region_they_were_made_in(made, api):
    elsewhere = Client(api, "ap-shanghai")

    assert elsewhere.refused("GetFunction") == "ResourceNotFound.Function"
    assert elsewhere("ListFunctions").TotalCount == 0
    assert elsewhere("ListLayers").TotalCount == 0


def test_mps_is_bound_to_one_function_of_the_account(made, bind, scf):
    resource = bind()["ResourceId"]

    [told] = made("ListTriggers").Triggers
    assert (told.Type, told.TriggerName, told.Qualifier) == ("mps", "", "$DEFAULT")
    assert json.loads(told.TriggerDesc) == {"eventType": "WorkflowTask"}
    assert told.ResourceId == resource
    assert resource.endswith("TriggerType/WorkflowTaskEvent")
    assert code_of(bind) == "ResourceInUse.Trigger"
    bind(EventType="EditMediaTask")
    made("CreateFunction", **{**FUNCTION, "FunctionName": "other"})
    assert code_of(bind, FunctionName="other") == "LimitExceeded.Trigger"
    assert code_of(bind, EventType="ScheduleTask") == "InvalidParameterValue"
    assert code_of(bind, EventType="EditMediaTask", Qualifier="9") == "ResourceNotFound.Qualifier"
    assert code_of(bind, FunctionName="none") == "ResourceNotFound.Function"


def test_unbinding_leaves_a_trigger_that_is_off_until_it_is_bound_again_or_removed(made, bind):
    resource = bind()["ResourceId"]
    bind("UnbindTrigger", ResourceId=resource)

    assert [one.BindStatus for one in made("ListTriggers").Triggers] == ["off"]
    assert code_of(bind, action="UnbindTrigger", ResourceId=resource) == "ResourceNotFound"
    assert code_of(bind, action="UnbindTrigger", ResourceId="none") == "ResourceNotFound"
    bind(Qualifier="$LATEST")
    [told] = made("ListTriggers").Triggers
    assert (told.BindStatus, told.Qualifier) == ("on", "$LATEST")
    mps = {"Type": "mps", "TriggerName": "", "Qualifier": "$LATEST"}
    assert made.refused("DeleteTrigger", **mps, TriggerDesc="{}") == "ResourceNotFound.Trigger"
    made("DeleteTrigger", **mps, TriggerDesc=told.TriggerDesc)
    assert made("ListTriggers").Triggers == []


def test_a_trigger_goes_with_its_function(made, bind):
    bind()
    made("DeleteFunction")
    made("CreateFunction", **{**FUNCTION, "FunctionName": "other"})

    bind(FunctionName="other")


def test_an_mps_that_knows_of_no_functions_binds_nothing():
    with CloudApi([Mps()]) as api:
        client = CommonClient("mps", "2019-06-12", credential(api), REGION, profile(api))
        with pytest.raises(TencentCloudSDKException, match="InvalidAction"):
            client.call_json("BindTrigger", {"EventType": "WorkflowTask"})


def test_what_nothing_runs_is_not_run(made):
    assert made.refused("Invoke") == "UnsupportedOperation"
    assert made.refused("Invoke", FunctionName="none") == "ResourceNotFound.Function"


def test_logs_are_told_of_a_span_in_an_order_and_filtered(made, scf):
    now = time.time()
    function = scf.account.get(REGION, "default", "events")
    write_log_entry(
        function, now - 3600, request_id="old", log="text", returned="1", seconds=0.5, memory=2**20
    )
    write_log_entry(function, now - 60, request_id="bad", status=430, retry=1)
    write_log_entry(function, now - 30, request_id="bad", status=0, retry=2)
    span = {"StartTime": beijing(now - 7200), "EndTime": beijing(now)}

    told = made("GetFunctionLogs", **span, Order="asc")
    assert [one.RequestId for one in told.Data] == ["old", "bad", "bad"]
    assert (told.TotalCount, told.Data[0].Log, told.Data[0].Duration) == (3, "text", 500)
    assert [one.RetryNum for one in made("GetFunctionLogs").Data] == [2, 1, 0]
    assert made("GetFunctionLogs", Filter={"RetCode": "not0"}).Data[0].RetCode == 430
    assert made("GetFunctionLogs", Filter={"RetCode": "is0"}).TotalCount == 2
    assert made("GetFunctionLogs", FunctionRequestId="old").TotalCount == 1
    assert len(made("GetFunctionLogs", Limit=1, Offset=1).Data) == 1
    status = made("GetRequestStatus", FunctionRequestId="bad")
    assert [(one.RetryNum, one.RetCode) for one in status.Data] == [(1, -1), (2, 0)]
    assert made("GetRequestStatus", FunctionRequestId="old").TotalCount == 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Offset": 9_990, "Limit": 20}, "LimitExceeded.Offset"),
        ({"Order": "up"}, "InvalidParameterValue.Order"),
        ({"Filter": {"RetCode": "some"}}, "InvalidParameterValue.RetCode"),
        ({"StartTime": "yesterday"}, "InvalidParameterValue.DateTime"),
        (
            {"StartTime": "2024-01-01 00:00:00", "EndTime": "2024-01-03 00:00:00"},
            "InvalidParameterValue.StartTimeOrEndTime",
        ),
    ],
)
def test_what_cannot_be_asked_of_logs_is_refused(made, fields, code):
    assert made.refused("GetFunctionLogs", **fields) == code


def test_an_account_is_a_thing_of_its_own():
    assert Account(["a", "b"]).namespaces == ["a", "b"]


def beijing(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds + 8 * 3600))
