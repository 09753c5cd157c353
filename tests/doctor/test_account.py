"""`scf-mps doctor --account` against emulators: each problem is one finding, and nothing is changed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from functools import partial
from operator import methodcaller

import pytest

pytest.importorskip("aiohttp", reason="the emulators need it")

from typer.testing import CliRunner

from scf_mps.cli import cli
from scf_mps.cos import Cos, Credentials, Pool
from scf_mps.cos.request import Request, Target
from scf_mps.deploy.account import ENDPOINT_VARIABLE
from scf_mps.deploy.deploy import DeployOptions, load_function, prepare_deployment
from scf_mps.doctor import Examination
from scf_mps.doctor.account import CHECKS as ACCOUNT_CHECKS
from scf_mps.doctor.account import read_account
from scf_mps.doctor.buckets import CHECKS as BUCKET_CHECKS
from scf_mps.doctor.buckets import inspect_buckets
from scf_mps.doctor.project import open_project
from scf_mps.local.api import CloudApi, Cls, FunctionRecord, FunctionVersion, Mps, Scf
from scf_mps.local.cos import CosEmulator, Fault, Key
from tests.cos.support import RecordingProxy
from tests.support.log_capture import restore_loggers

from .projects import CHECKS, LEDGER, OFFLINE_AREAS, SampleProject

REGION = "ap-guangzhou"
BUCKET = "ledger-1250000000"
SECRET = "hush-hush"
LOGS = "scf-mps-ap-guangzhou-default-shop-events"
NOTES = "cos://gone-1250000000.ap-guangzhou/"
RULE = (
    "<LifecycleConfiguration><Rule><ID>all</ID><Status>{status}</Status><Filter><Prefix>{prefix}</Prefix></Filter>"
    "{action}</Rule></LifecycleConfiguration>"
)
EXPIRES = "<Expiration><Days>30</Days></Expiration>"


@dataclass
class DeployedProject:
    """A deployed project, and the emulators it is deployed to."""

    project: SampleProject
    scf: Scf
    cls: Cls
    api: CloudApi
    cos: CosEmulator
    environment: dict[str, str]

    @property
    def function(self):
        return self.scf.account.functions[REGION, "default", "shop-events"]

    @property
    def settings(self):
        return self.function.latest.settings

    @property
    def credentials(self):
        return Credentials(self.cos.key.secret_id, self.cos.key.secret_key)

    def deploy(self):
        function = load_function(self.project.path, environment=self.environment, pause=0.001)
        options = DeployOptions(alarm_notice="on call")
        with prepare_deployment(function, options, lambda _: None) as deployment:
            deployment.apply(lambda _: None)
        self.api.requests.clear()

    def create_notice_group(self):
        """Create the notice group that the alarm notifies."""
        function = load_function(self.project.path, environment=self.environment, pause=0.001)
        function.cloud.call("CreateAlarmNotice", {"Name": "on call", "Type": "All"}, "cls")

    def get_resource(self, noun):
        """Return the only CLS resource of a kind."""
        [record] = self.cls.resources[noun].values()
        return record

    def set_rule(self, prefix="", status="Enabled", action=EXPIRES):
        """Set the lifecycle rule of the ledger's bucket."""
        self.put_document("lifecycle", RULE.format(status=status, prefix=prefix, action=action))

    def put_document(self, name, text):
        """Put a configuration document of the ledger's bucket."""
        pool = Pool()
        client = Cos(self.credentials, proxy=self.cos.url, pool=pool)._client
        client.call(Request(Target(BUCKET, REGION), "PUT", {name: ""}, body=text.encode()))
        pool.clear()

    def list_objects(self):
        pool = Pool()
        cos = Cos(self.credentials, proxy=self.cos.url, pool=pool)
        objects = [str(entry.object) for entry in cos.list(LEDGER)]
        pool.clear()
        return objects

    def get_trigger(self, type_):
        [trigger] = [one for one in self.function.triggers if one["Type"] == type_]
        return trigger

    def add_function(self):
        """Add another function to the account."""
        version = FunctionVersion("$LATEST", {"Runtime": "Python3.10", "Type": "Event"}, b"")
        function = FunctionRecord(REGION, "default", "other", version, 0.0, 0.0)
        function.aliases["$DEFAULT"] = {"FunctionVersion": "$LATEST"}
        self.scf.account.functions[REGION, "default", "other"] = function
        return function

    def examine(self, archive=None, write=True):
        """Examine the project and the cloud without importing the application."""
        with open_project(self.project.path, "", archive, self.environment) as project:
            findings = [finding for area in OFFLINE_AREAS for finding in area.run(project)]
            account = read_account(project, pause=0.001)
            findings += ACCOUNT_CHECKS.run(account)
            if account.credentials:
                inspected = inspect_buckets(project, account.credentials, write)
                findings += BUCKET_CHECKS.run(inspected)
            return Examination(tuple(findings), tuple(project.seen))


@pytest.fixture
def deployed(tmp_path):
    scf, cls = Scf(), Cls()
    folder = tmp_path / "project"
    folder.mkdir()
    project = SampleProject(folder)
    project.write_handlers("def main_handler(event, context): ...\n")
    with (
        restore_loggers(),
        CloudApi([scf, cls, Mps(functions=scf.account)]) as api,
        CosEmulator(tmp_path / "cos", keys=[Key("AKIDlocal", SECRET)]) as cos,
    ):
        api.keys.add(type(api.key)("AKIDlocal", SECRET))
        cos.create_bucket(BUCKET, REGION)
        environment = {
            "TENCENT_SECRET_ID": "AKIDlocal",
            "TENCENT_SECRET_KEY": SECRET,
            ENDPOINT_VARIABLE: api.url,
            "MPS_COS_PROXY": cos.url,
        }
        deployed = DeployedProject(project, scf, cls, api, cos, environment)
        deployed.create_notice_group()
        deployed.set_rule(prefix="mps/")
        deployed.deploy()
        yield deployed


def test_valid_function_has_no_findings(deployed):
    before = json.dumps([deployed.settings, deployed.function.triggers])

    examination = deployed.project.examine(cloud=True, environment=deployed.environment)

    assert examination.findings == ()
    asked = {request.action for request in deployed.api.requests}
    assert all(action.startswith(("Get", "List", "Describe")) for action in asked)
    assert json.dumps([deployed.settings, deployed.function.triggers]) == before
    assert deployed.list_objects() == []
    assert any(
        "shop-events is Active; MPS triggers: WorkflowTask for ap-guangzhou/default/shop-events ($DEFAULT)"
        in fact
        for fact in examination.seen
    )
    assert f"{BUCKET} in {REGION}, named by MPS_LEDGER: exists" in examination.seen


def _bind_trigger_elsewhere(deployed):
    trigger = deployed.get_trigger("mps")
    deployed.function.triggers.remove(trigger)
    deployed.add_function().triggers.append(trigger)


def _fail_update(deployed):
    deployed.function.status = deployed.function.next_status = "UpdateFailed"
    deployed.function.reasons = [{"ErrorCode": "InternalError.System", "ErrorMessage": "disk full"}]


def _publish(deployed):
    deployed.project.write_inputs(publish=True)
    deployed.deploy()
    deployed.settings["Timeout"] = 90
    deployed.project.write_inputs(timeout=90)


rule = partial(methodcaller, "set_rule")


def settings(**changed):
    return lambda deployed: deployed.settings.update(changed)


def trigger(type_, **changed):
    return lambda deployed: deployed.get_trigger(type_).update(changed)


def resource(noun, **changed):
    return lambda deployed: deployed.get_resource(noun).update(changed)


def refuse(operation, code, status=403):
    """Return an edit after which COS refuses an operation."""
    fault = Fault("error", status=status, code=code, operation=operation)
    return lambda deployed: deployed.cos.faults.add(fault)


PROBLEMS = [
    ("account_unknown", lambda w: w.environment.pop("TENCENT_SECRET_ID"), "TENCENT_SECRET_ID"),
    (
        "account_unknown",
        lambda w: w.api.faults.add("GetFunction", code="AuthFailure.SignatureExpire"),
        "AuthFailure.SignatureExpire",
    ),
    (
        "function_missing",
        lambda w: w.scf.account.functions.clear(),
        "ap-guangzhou/default/shop-events",
    ),
    ("function_not_active", _fail_update, "UpdateFailed: InternalError.System: disk full"),
    (
        "function_not_active",
        lambda w: (setattr(w.scf.account, "polls", 9), w.scf.account.begin(w.function, "Updating")),
        "Updating",
    ),
    (
        "code_differs",
        lambda w: w.project.write_files({"build/index.py": "from handlers import *\n"}),
        "sha256",
    ),
    (
        "settings_differ",
        settings(MemorySize=512),
        "memory: 512 in the cloud, 256 in serverless.yml",
    ),
    ("settings_differ", settings(Role=""), "role: - in the cloud, Mps_ScfRole in serverless.yml"),
    ("runtime_differs", settings(Runtime="Python3.12"), "Python3.12 in the cloud"),
    ("retries_off", lambda w: w.function.invoke_config.update(RetryConfig=[{"RetryNum": 0}]), "0"),
    ("ttl_short", lambda w: w.function.invoke_config.update(MsgTTL=600), "600 s"),
    (
        "trigger_not_bound",
        lambda w: w.function.triggers.remove(w.get_trigger("mps")),
        "WorkflowTask is missing",
    ),
    ("trigger_not_bound", trigger("mps", BindStatus="off"), "WorkflowTask is disabled"),
    (
        "trigger_not_bound",
        trigger("mps", Qualifier="$LATEST"),
        "WorkflowTask points to $LATEST in the cloud, to $DEFAULT in serverless.yml",
    ),
    ("trigger_taken", _bind_trigger_elsewhere, "ap-guangzhou/default/other"),
    (
        "timer_differs",
        trigger("timer", CustomArgument="reconcile 1h"),
        "timer reconcile: 0 0 */6 * * * * 'reconcile 1h'",
    ),
    (
        "timer_differs",
        lambda w: w.function.triggers.remove(w.get_trigger("timer")),
        "timer reconcile: - in the cloud",
    ),
    (
        "trigger_not_written",
        lambda w: w.function.triggers.append({**w.get_trigger("timer"), "TriggerName": "hourly"}),
        "timer hourly",
    ),
    ("version_behind", _publish, "version 1"),
    ("log_topic_default", settings(ClsTopicId=""), "sets no CLS topic"),
    ("log_topic_default", settings(ClsTopicId="gone"), "CLS has no topic gone"),
    (
        "log_topic_default",
        resource("Topic", TopicName="SCF_LogTopic_x1"),
        "the function's topic is SCF_LogTopic_x1",
    ),
    ("alarm_missing", lambda w: w.cls.resources["Alarm"].clear(), "has no enabled alarm"),
    ("alarm_missing", resource("Alarm", Status=False), f"no enabled alarm, only {LOGS}"),
    ("alarm_missing", resource("Alarm", AlarmNoticeIds=[]), f"{LOGS} notify nobody: {LOGS}"),
    (
        "bucket_missing",
        lambda w: (
            w.project.write_files({f"{top}handlers/notes.txt": NOTES for top in ("", "build/")}),
            w.project.write_handlers(
                "PLACE = 'cos://player-1250000000.ap-guangzhou/vod/'\n"
                "def main_handler(event, context): ...\n"
            ),
            w.deploy(),
        ),
        "player-1250000000 in ap-guangzhou, named by handlers/__init__.py",
    ),
    (
        "bucket_denied",
        refuse("HeadBucket", "AccessDenied"),
        f"{BUCKET} in {REGION}, named by MPS_LEDGER: ",
    ),
    ("bucket_denied", refuse("GetBucketVersioning", "AccessDenied"), "AccessDenied"),
    ("bucket_unreachable", refuse("GetBucketVersioning", "MalformedXML", 400), "MalformedXML"),
    (
        "ledger_versioned",
        lambda w: w.put_document(
            "versioning",
            "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
        ),
        "Suspended",
    ),
    ("ledger_unwritable", refuse("PutObject", "AccessDenied"), "AccessDenied"),
    ("ledger_expiry_missing", rule(prefix="other/"), "<Prefix>mps/</Prefix>"),
    ("ledger_expiry_missing", rule(status="Disabled"), "<Days>30</Days>"),
    (
        "ledger_expiry_missing",
        rule(
            action="<AbortIncompleteMultipartUpload><DaysAfterInitiation>1"
            "</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
        ),
        "<LifecycleConfiguration>",
    ),
]


@pytest.mark.parametrize(("name", "edit", "what"), PROBLEMS)
def test_problem_in_cloud_is_one_finding(deployed, name, edit, what):
    edit(deployed)

    examination = deployed.examine()

    [finding] = examination.findings
    check = CHECKS[name]
    assert what in finding.what
    assert (finding.name, finding.level, finding.advice) == (name, check.level, check.advice)
    assert SECRET not in str(examination)
    assert deployed.cos.requests


def test_refused_topic_is_a_fact(deployed):
    deployed.api.faults.add("DescribeTopics", code="UnauthorizedOperation")

    examination = deployed.examine()

    assert examination.findings == ()
    assert any("the CLS topic was not checked" in fact for fact in examination.seen)


def list_names(examination):
    return [finding.name for finding in examination.findings]


def test_different_retries_are_reported(deployed):
    deployed.project.write_inputs(retryNum=1)

    findings = {finding.name: finding.what for finding in deployed.examine().findings}

    assert findings["retries_differ"] == "retries: 2 in the cloud, 1 in serverless.yml"
    assert findings.keys() == {"retries_differ", "retries_without_effect"}


def test_different_handler_is_reported(deployed):
    deployed.settings["Handler"] = "index.other"

    [finding] = deployed.examine().findings

    assert finding.what == "handler: index.other in the cloud, index.main_handler in serverless.yml"


def test_values_of_variables_are_hidden(deployed):
    deployed.settings["Environment"] = {"Variables": [{"Key": "PLACE", "Value": "hush-1"}]}
    deployed.project.set_variables(PLACE="hush-2")

    examination = deployed.examine()

    assert set(list_names(examination)) == {"settings_differ"}
    assert "hush" not in str(examination)


def test_taken_trigger_is_reported_before_first_deployment(deployed):
    _bind_trigger_elsewhere(deployed)
    del deployed.scf.account.functions[REGION, "default", "shop-events"]

    assert list_names(deployed.examine()) == ["function_missing", "trigger_taken"]


def test_zip_is_compared_with_deployed_code(deployed, tmp_path):
    path = tmp_path / "function.zip"
    path.write_bytes(deployed.function.latest.code)
    assert list_names(deployed.examine(archive=path)) == []

    deployed.project.write_files({"build/other.py": ""})
    assert list_names(deployed.examine(archive=path)) == []
    [finding] = deployed.examine().findings
    running = hashlib.sha256(deployed.function.latest.code).hexdigest()
    assert running[:12] in finding.what


def test_sources_are_not_compared_with_deployed_code(deployed):
    deployed.project.write_inputs(src="./")

    assert list_names(deployed.examine()) == ["source_unbuilt"]


def test_account_is_skipped_when_project_is_invalid(deployed):
    deployed.project.set_trigger(type=None)
    examination = deployed.examine()
    assert list_names(examination) == ["trigger_type_missing", "account_unknown"]
    assert not deployed.api.requests

    deployed.project.set_trigger()
    deployed.project.write_inputs(layers=[{"name": "libraries", "src": "layer.zip"}])
    [finding] = deployed.examine().findings
    assert (finding.name, "layer.zip" in finding.what) == ("account_unknown", True)


def test_account_is_skipped_without_credentials(deployed):
    examination = deployed.project.examine(cloud=True)

    assert list_names(examination) == ["account_unknown"]
    assert "TENCENTCLOUD_SECRET_ID" in examination.findings[0].what
    assert not deployed.api.requests


def test_new_layer_is_reported(deployed):
    deployed.project.write_inputs(layers=[{"name": "libraries", "src": "layer.zip"}])
    with zipfile.ZipFile(deployed.project.folder / "layer.zip", "w") as archive:
        archive.writestr("library.py", "")

    assert set(list_names(deployed.examine())) == {"settings_differ"}


def test_no_write_option_writes_nothing(deployed):
    deployed.cos.requests.clear()
    assert list_names(deployed.examine(write=False)) == []
    assert {request.method for request in deployed.cos.requests} <= {"HEAD", "GET"}

    deployed.cos.requests.clear()
    assert list_names(deployed.examine()) == []
    written = {
        request.key for request in deployed.cos.requests if request.method in ("PUT", "DELETE")
    }
    assert len(written) == 1
    assert written.pop().startswith("mps/doctor/")


def test_bucket_without_rules_is_reported(deployed):
    with CosEmulator(deployed.project.folder / "empty", keys=[Key("AKIDlocal", SECRET)]) as cos:
        cos.create_bucket(BUCKET, REGION)
        deployed.environment["MPS_COS_PROXY"] = cos.url

        assert list_names(deployed.examine()) == ["ledger_expiry_missing"]


@pytest.mark.parametrize(
    ("filtered", "forgets"),
    [
        ("<And><Prefix>mps/</Prefix></And>", True),
        ("<And><Prefix>logs/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And>", False),
        ("<And><Prefix>mps/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And>", False),
        ("<Tag><Key>a</Key><Value>b</Value></Tag>", False),
        ("", True),
    ],
)
def test_lifecycle_rule_must_cover_ledger(deployed, filtered, forgets):
    deployed.put_document(
        "lifecycle",
        f"<LifecycleConfiguration><Rule><ID>all</ID><Status>Enabled</Status><Filter>{filtered}</Filter>{EXPIRES}"
        "</Rule></LifecycleConfiguration>",
    )

    assert list_names(deployed.examine()) == ([] if forgets else ["ledger_expiry_missing"])


def test_buckets_in_comments_and_docstrings_are_ignored(deployed):
    deployed.project.write_handlers(
        f'"""As {NOTES}."""\n\n\ndef main_handler(event, context):\n    """{NOTES}"""  # {NOTES}\n'
    )
    deployed.deploy()
    assert list_names(deployed.examine()) == []

    deployed.project.write_files({"handlers/broken.py": f"PLACE = '{NOTES}'\ndef :\n"})
    assert "bucket_missing" not in list_names(deployed.examine())


def test_overwritable_ledger_is_reported(deployed):
    with RecordingProxy(deployed.cos) as recorder:
        puts = []

        def delete_object(head: str) -> None:
            """Delete the object of the first PUT before the second."""
            if head.startswith("PUT "):
                puts.append(head)
            if len(puts) == 2:
                pool = Pool()
                cos = Cos(Credentials("AKIDlocal", SECRET), proxy=deployed.cos.url, pool=pool)
                cos.delete([one.object for one in cos.list(LEDGER)])
                pool.clear()

        recorder.before = delete_object
        deployed.environment["MPS_COS_PROXY"] = recorder.url

        [finding] = deployed.examine().findings

    assert finding.name == "ledger_unwritable"
    assert "x-cos-forbid-overwrite" in finding.what
    assert deployed.list_objects() == []


def test_other_ledgers_are_not_inspected(deployed):
    deployed.project.set_variables(MPS_LEDGER="none", MPS_PUBLISH=f"cos://{BUCKET}.{REGION}/vod/")
    deployed.deploy()

    examination = deployed.examine()

    assert list_names(examination) == ["ledger_none"]
    assert f"{BUCKET} in {REGION}, named by MPS_PUBLISH: exists" in examination.seen

    deployed.project.set_variables(MPS_LEDGER="redis://cache.example:6379/0")
    deployed.project.write_files({"build/redis/__init__.py": ""})
    deployed.deploy()
    assert list_names(deployed.examine()) == ["redis_unchecked"]


def test_command_checks_account(deployed, monkeypatch):
    for name, value in deployed.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    deployed.settings["Timeout"] = 90
    arguments = ["doctor", "--config", str(deployed.project.path), "--account", "--no-write"]

    ran = CliRunner().invoke(cli, arguments)

    assert ran.exit_code == 0
    assert "timeout: 90 in the cloud, 60 in serverless.yml (settings_differ)" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "1 warning"
    assert SECRET not in ran.output

    deployed.settings["Runtime"] = "Python3.12"
    assert CliRunner().invoke(cli, arguments).exit_code == 1
