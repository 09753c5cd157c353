"""Functions created, changed, listed and deleted by the official client of SCF, and MPS's trigger."""

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

from .support import REGION, assert_error, credential, profile

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning"),
    # Tencent's toolkit reads deprecated fields of MPS's trigger.
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
    """The official client, called by the names of actions. Its models check every field."""

    def __init__(self, api, region=REGION, sign="TC3-HMAC-SHA256"):
        self.official = ScfClient(credential(api), region, profile(api, sign=sign))

    def __call__(self, action, **fields):
        request = getattr(models, f"{action}Request")()
        request.from_json_string(json.dumps({"FunctionName": "events", **fields}))
        return getattr(self.official, action)(request)

    def refuse(self, code, action, **fields):
        """Call an action that must fail with this code."""
        assert_error(code, self, action, **fields)


@pytest.fixture
def scf_client(api):
    return Client(api)


@pytest.fixture
def created(scf_client):
    scf_client("CreateFunction", **FUNCTION)
    return scf_client


@pytest.fixture
def bind(client):
    """MPS's undocumented actions, sent as the deployment toolkit does."""

    def call(action="BindTrigger", **fields):
        defaults = {"Qualifier": "$DEFAULT", "FunctionName": "events", "Namespace": "default"}
        if action == "BindTrigger":
            defaults |= {"ScfRegion": REGION, "EventType": "WorkflowTask"}
        else:
            defaults |= {"Type": "mps"}
        return client.call_json(action, {**defaults, **fields})["Response"]

    return call


def test_created_function_has_default_settings(created):
    function = created("GetFunction")

    assert (function.FunctionName, function.Namespace) == ("events", "default")
    assert function.Status == "Active"
    assert (function.MemorySize, function.Timeout, function.InitTimeout) == (128, 3, 65)
    assert (function.Runtime, function.Handler) == ("Python3.10", "index.main_handler")
    assert function.Type == "Event"
    assert function.PublicNetConfig.PublicNetStatus == "ENABLE"
    assert function.CodeSize == len(CODE)
    assert created("GetFunctionAddress").CodeSha256 == hashlib.sha256(CODE).hexdigest()
    assert created("GetAlias", Name="$DEFAULT").FunctionVersion == "$LATEST"
    config = created("GetFunctionEventInvokeConfig").AsyncTriggerConfig
    assert (config.RetryConfig[0].RetryNum, config.MsgTTL) == (2, 21600)


def test_changes_take_polls_and_block_others():
    scf = Scf(polls=2)
    with CloudApi([scf]) as api:
        scf_client = Client(api)
        scf_client("CreateFunction", **FUNCTION)
        scf_client.refuse("FailedOperation.FunctionStatusError", "UpdateFunctionCode", ZipFile=ZIP)
        scf_client.refuse("FailedOperation.FunctionStatusError", "PublishVersion")
        scf_client.refuse("FailedOperation.FunctionStatusError", "Invoke")
        assert [scf_client("GetFunction").Status for _ in range(3)] == [
            "Creating",
            "Creating",
            "Active",
        ]
        scf_client("UpdateFunctionConfiguration", Timeout=9)
        assert [scf_client("GetFunction").Status for _ in range(3)] == [
            "Updating",
            "Updating",
            "Active",
        ]
        assert scf_client("GetFunction").Timeout == 9


def test_changes_fail_on_demand(scf_client, scf):
    scf.account.failures.append("first")
    scf_client("CreateFunction", **FUNCTION)
    function = scf_client("GetFunction")
    assert (function.Status, function.StatusReasons[0].ErrorMessage) == ("CreateFailed", "first")
    scf_client.refuse("FailedOperation.FunctionStatusError", "UpdateFunctionCode", ZipFile=ZIP)
    scf_client("DeleteFunction")
    scf_client("CreateFunction", **FUNCTION)
    scf.account.failures.append("second")
    scf_client("UpdateFunctionCode", ZipFile=ZIP)
    assert scf_client("GetFunction").Status == "UpdateFailed"
    scf_client("UpdateFunctionCode", ZipFile=ZIP)
    function = scf_client("GetFunction")
    assert (function.Status, function.StatusReasons) == ("Active", [])


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
def test_create_function_refuses_invalid_fields(scf_client, fields, code):
    scf_client.refuse(code, "CreateFunction", **{**FUNCTION, **fields})
    assert scf_client("ListFunctions").TotalCount == 0


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
def test_variables_have_limits(scf_client, variables, code):
    environment = {"Variables": [{"Key": key, "Value": value} for key, value in variables]}

    scf_client.refuse(code, "CreateFunction", **FUNCTION, Environment=environment)


def test_updated_zip_has_at_most_20_megabytes(created):
    large = base64.b64encode(zipped(noise=os.urandom(20 * 1024 * 1024))).decode()

    created.refuse("InvalidParameterValue.ZipFile", "UpdateFunctionCode", ZipFile=large)


def test_zip_over_unpacked_limit_is_refused(scf_client):
    entry = bytearray(CODE)
    size = entry.index(b"PK\x01\x02") + 24  # the unpacked size in the zip's directory
    entry[size : size + 4] = (501 * 1024 * 1024).to_bytes(4, "little")
    code = {"ZipFile": base64.b64encode(entry).decode()}

    scf_client.refuse(
        "InvalidParameterValue.ZipFile", "CreateFunction", **{**FUNCTION, "Code": code}
    )


def test_other_services_keep_their_request_size():
    with CloudApi([Mps()]) as api:
        client = CommonClient("mps", "2019-06-12", credential(api), REGION, profile(api))
        large = {"Status": "x" * 11 * 1024 * 1024}
        assert_error("RequestSizeLimitExceeded", lambda: client.call_json("DescribeTasks", large))


def test_function_names_are_unique_and_limited(created, scf):
    created.refuse("ResourceInUse.FunctionName", "CreateFunction", **FUNCTION)
    for number in range(49):
        created("CreateFunction", **{**FUNCTION, "FunctionName": f"f-{number}"})
    created.refuse(
        "LimitExceeded.Function", "CreateFunction", **{**FUNCTION, "FunctionName": "one-more"}
    )
    response = created("ListFunctions", Limit=30, Offset=30)
    assert (len(response.Functions), response.TotalCount) == (20, 50)
    assert [item.Name for item in created("ListNamespaces").Namespaces] == ["default"]


def test_code_comes_from_cos(created):
    created("UpdateFunctionCode", CosBucketName="b", CosObjectName="/a/c.zip")
    created(
        "UpdateFunctionCode",
        Code={"CosBucketName": "b", "CosObjectName": "a/c.zip", "CosBucketRegion": REGION},
    )
    created("UpdateFunctionCode", Code={"ZipFile": ZIP}, Handler="index.other")

    assert created("GetFunction").Handler == "index.other"
    with CloudApi([Scf()]) as api:
        client_without_objects = Client(api)
        source = {"CosBucketName": "b", "CosObjectName": "/a/c.zip"}
        client_without_objects.refuse(
            "ResourceNotFound.CosObject", "CreateFunction", **{**FUNCTION, "Code": source}
        )


def test_older_signatures_send_flattened_parameters(api, scf):
    scf_client = Client(api, sign="HmacSHA256")
    variables = {"Variables": [{"Key": "A", "Value": "1"}, {"Key": "B", "Value": "2"}]}
    scf_client(
        "PublishLayerVersion",
        LayerName="base",
        CompatibleRuntimes=["Python3.10"],
        Content={"ZipFile": ZIP},
    )
    layers = [{"LayerName": "base", "LayerVersion": 1}]

    scf_client("CreateFunction", **FUNCTION, MemorySize=256, Environment=variables, Layers=layers)

    function = scf_client("GetFunction")
    assert (function.MemorySize, function.Layers[0].LayerVersion) == (256, 1)
    assert [item.Key for item in function.Environment.Variables] == ["A", "B"]


def test_empty_variable_and_layer_remove_all(created):
    created(
        "PublishLayerVersion",
        LayerName="base",
        CompatibleRuntimes=["Python3.10"],
        Content={"ZipFile": ZIP},
    )
    created(
        "UpdateFunctionConfiguration",
        Environment={"Variables": [{"Key": "A", "Value": "1"}]},
        Layers=[{"LayerName": "base", "LayerVersion": 1}],
        Description="说明",
        Runtime="Python3.9",
    )
    function = created("GetFunction")
    assert (len(function.Environment.Variables), len(function.Layers)) == (1, 1)
    assert function.Description == "说明"
    assert function.Runtime == "Python3.10"

    created(
        "UpdateFunctionConfiguration",
        Environment={"Variables": [{"Key": "", "Value": ""}]},
        Layers=[{"LayerName": "", "LayerVersion": 0}],
    )
    function = created("GetFunction")
    assert (function.Environment.Variables, function.Layers) == ([], [])


def test_aliases_point_to_immutable_versions(created):
    created("UpdateFunctionConfiguration", Timeout=10)
    assert created("PublishVersion", Description="one").FunctionVersion == "1"
    created("UpdateFunctionConfiguration", Timeout=20)
    created("PublishVersion")
    created("CreateAlias", Name="live", FunctionVersion="1")

    assert created("GetFunction", Qualifier="live").Timeout == 10
    assert created("ListVersionByFunction").FunctionVersion == ["$LATEST", "2", "1"]
    created("UpdateAlias", Name="live", FunctionVersion="2")
    assert created("GetFunction", Qualifier="live").Timeout == 20
    created.refuse("ResourceInUse.Alias", "CreateAlias", Name="live", FunctionVersion="1")
    created.refuse("InvalidParameterValue.Alias", "CreateAlias", Name="1", FunctionVersion="1")
    created.refuse("ResourceNotFound.Alias", "UpdateAlias", Name="no", FunctionVersion="1")
    created.refuse(
        "ResourceNotFound.FunctionVersion", "UpdateAlias", Name="live", FunctionVersion="9"
    )
    created.refuse("ResourceNotFound.Alias", "GetAlias", Name="no")
    created("DeleteFunction", Qualifier="1")
    created.refuse("ResourceNotFound.Qualifier", "DeleteFunction", Qualifier="1")
    created.refuse("ResourceNotFound.Qualifier", "GetFunction", Qualifier="1")


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (None, "InvalidParameterValue.AsyncTriggerConfig"),
        ({"RetryConfig": [{"RetryNum": 3}], "MsgTTL": 60}, "LimitExceeded.RetryNum"),
        ({"RetryConfig": [], "MsgTTL": 60}, "LimitExceeded.RetryNum"),
        ({"RetryConfig": [{"RetryNum": 1}], "MsgTTL": 59}, "LimitExceeded.MsgTTL"),
    ],
)
def test_retries_have_limits(created, config, code):
    created.refuse(code, "UpdateFunctionEventInvokeConfig", AsyncTriggerConfig=config)


def test_timers_are_created_changed_listed_and_deleted(created):
    timer = {"TriggerName": "t", "Type": "timer", "Qualifier": "$DEFAULT"}
    created(
        "CreateTrigger", **timer, TriggerDesc="0 0 */6 * * * *", Enable="CLOSE", CustomArgument="a"
    )
    [trigger] = created("ListTriggers").Triggers
    assert json.loads(trigger.TriggerDesc) == {"cron": "0 0 */6 * * * *"}
    assert (trigger.Enable, trigger.CustomArgument, trigger.Qualifier) == (0, "a", "$DEFAULT")

    created(
        "UpdateTrigger",
        **timer,
        TriggerDesc='{"cron": "1 0 0 * * * *"}',
        Enable="OPEN",
        CustomArgument="b",
    )
    [trigger] = created(
        "ListTriggers", Filters=[{"Name": "Qualifier", "Values": ["$DEFAULT"]}]
    ).Triggers
    assert json.loads(trigger.TriggerDesc) == {"cron": "1 0 0 * * * *"}
    assert (trigger.Enable, trigger.CustomArgument) == (1, "b")
    created("UpdateTrigger", **timer)
    assert created("ListTriggers", Filters=[{"Name": "Qualifier", "Values": ["1"]}]).TotalCount == 0

    created.refuse("ResourceNotFound.Trigger", "DeleteTrigger", **{**timer, "Qualifier": "$LATEST"})
    created("DeleteTrigger", **timer)
    assert created("ListTriggers").TotalCount == 0


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
def test_invalid_timer_is_refused(created, fields, code):
    timer = {"TriggerName": "t", "Type": "timer", "TriggerDesc": "0 0 0 * * * *"}
    created("CreateTrigger", **{**timer, "TriggerName": "there"})

    created.refuse(code, "CreateTrigger", **{**timer, **fields})


def test_function_has_at_most_ten_timers(created):
    timer = {"Type": "timer", "TriggerDesc": "0 0 0 * * * *"}
    for number in range(10):
        created("CreateTrigger", **timer, TriggerName=f"t{number}")

    created.refuse("LimitExceeded.Trigger", "CreateTrigger", **timer, TriggerName="more")
    created.refuse("UnsupportedOperation.Trigger", "UpdateTrigger", Type="http", TriggerName="x")


def test_layers_have_immutable_versions(scf_client):
    layer = {"LayerName": "base", "CompatibleRuntimes": ["Python3.10"], "Content": {"ZipFile": ZIP}}
    scf_client.refuse("ResourceNotFound.Layer", "ListLayerVersions", LayerName="base")
    assert [scf_client("PublishLayerVersion", **layer).LayerVersion for _ in range(2)] == [1, 2]

    versions = scf_client("ListLayerVersions", LayerName="base").LayerVersions
    assert [version.LayerVersion for version in versions] == [2, 1]
    layer_version = scf_client("GetLayerVersion", LayerName="base", LayerVersion=1)
    assert layer_version.CodeSha256 == hashlib.sha256(CODE).hexdigest()
    assert layer_version.Status == "Active"
    [newest] = scf_client("ListLayers").Layers
    assert (newest.LayerName, newest.LayerVersion) == ("base", 2)
    scf_client.refuse(
        "ResourceNotFound.LayerVersion", "GetLayerVersion", LayerName="base", LayerVersion=3
    )
    scf_client.refuse(
        "InvalidParameterValue.LayerName", "PublishLayerVersion", **{**layer, "LayerName": "-"}
    )
    scf_client.refuse(
        "InvalidParameterValue.CompatibleRuntimes",
        "PublishLayerVersion",
        **{**layer, "CompatibleRuntimes": ["Python9"]},
    )


def test_functions_exist_in_their_region_only(created, api):
    other_client = Client(api, "ap-shanghai")

    other_client.refuse("ResourceNotFound.Function", "GetFunction")
    assert other_client("ListFunctions").TotalCount == 0
    assert other_client("ListLayers").TotalCount == 0


def test_mps_binds_one_function_of_account(created, bind, scf):
    resource_id = bind()["ResourceId"]

    [trigger] = created("ListTriggers").Triggers
    assert (trigger.Type, trigger.TriggerName, trigger.Qualifier) == ("mps", "", "$DEFAULT")
    assert json.loads(trigger.TriggerDesc) == {"eventType": "WorkflowTask"}
    assert trigger.ResourceId == resource_id
    assert resource_id.endswith("TriggerType/WorkflowTaskEvent")
    assert_error("ResourceInUse.Trigger", bind)
    bind(EventType="EditMediaTask")
    created("CreateFunction", **{**FUNCTION, "FunctionName": "other"})
    assert_error("LimitExceeded.Trigger", bind, FunctionName="other")
    assert_error("InvalidParameterValue", bind, EventType="ScheduleTask")
    assert_error("ResourceNotFound.Qualifier", bind, EventType="EditMediaTask", Qualifier="9")
    assert_error("ResourceNotFound.Function", bind, FunctionName="none")


def test_unbound_trigger_is_off_until_bound_again(created, bind):
    resource_id = bind()["ResourceId"]
    bind("UnbindTrigger", ResourceId=resource_id)

    assert [listed.BindStatus for listed in created("ListTriggers").Triggers] == ["off"]
    assert_error("ResourceNotFound", bind, action="UnbindTrigger", ResourceId=resource_id)
    assert_error("ResourceNotFound", bind, action="UnbindTrigger", ResourceId="none")
    bind(Qualifier="$LATEST")
    [trigger] = created("ListTriggers").Triggers
    assert (trigger.BindStatus, trigger.Qualifier) == ("on", "$LATEST")
    mps = {"Type": "mps", "TriggerName": "", "Qualifier": "$LATEST"}
    created.refuse("ResourceNotFound.Trigger", "DeleteTrigger", **mps, TriggerDesc="{}")
    created("DeleteTrigger", **mps, TriggerDesc=trigger.TriggerDesc)
    assert created("ListTriggers").Triggers == []


def test_trigger_is_deleted_with_its_function(created, bind):
    bind()
    created("DeleteFunction")
    created("CreateFunction", **{**FUNCTION, "FunctionName": "other"})

    bind(FunctionName="other")


def test_mps_without_functions_binds_nothing():
    with CloudApi([Mps()]) as api:
        client = CommonClient("mps", "2019-06-12", credential(api), REGION, profile(api))
        with pytest.raises(TencentCloudSDKException, match="InvalidAction"):
            client.call_json("BindTrigger", {"EventType": "WorkflowTask"})


def test_invoke_fails_without_runner(created):
    created.refuse("UnsupportedOperation", "Invoke")
    created.refuse("ResourceNotFound.Function", "Invoke", FunctionName="none")


def test_logs_are_selected_ordered_and_filtered(created, scf):
    now = time.time()
    function = scf.account.get(REGION, "default", "events")
    write_log_entry(
        function, now - 3600, RequestId="old", Log="text", RetMsg="1", Duration=500, MemUsage=2**20
    )
    write_log_entry(function, now - 60, RequestId="bad", RetCode=430, RetryNum=1)
    write_log_entry(function, now - 30, RequestId="bad", RetCode=0, RetryNum=2)
    span = {"StartTime": beijing(now - 7200), "EndTime": beijing(now)}

    response = created("GetFunctionLogs", **span, Order="asc")
    assert [item.RequestId for item in response.Data] == ["old", "bad", "bad"]
    assert (response.TotalCount, response.Data[0].Log) == (3, "text")
    assert response.Data[0].Duration == 500
    assert [item.RetryNum for item in created("GetFunctionLogs").Data] == [2, 1, 0]
    assert created("GetFunctionLogs", Filter={"RetCode": "not0"}).Data[0].RetCode == 430
    assert created("GetFunctionLogs", Filter={"RetCode": "is0"}).TotalCount == 2
    assert created("GetFunctionLogs", FunctionRequestId="old").TotalCount == 1
    assert len(created("GetFunctionLogs", Limit=1, Offset=1).Data) == 1
    status = created("GetRequestStatus", FunctionRequestId="bad")
    assert [(item.RetryNum, item.RetCode) for item in status.Data] == [(1, -1), (2, 0)]
    assert created("GetRequestStatus", FunctionRequestId="old").TotalCount == 0


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
def test_invalid_log_query_is_refused(created, fields, code):
    created.refuse(code, "GetFunctionLogs", **fields)


def test_account_has_given_namespaces():
    assert Account(["a", "b"]).namespaces == ["a", "b"]


def beijing(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds + 8 * 3600))
