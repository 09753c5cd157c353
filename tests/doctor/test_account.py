"""`scf-mps doctor --account` against a cloud on the loopback: one trap there is one finding, and nothing is changed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="the emulators need it")

from typer.testing import CliRunner

from scf_mps.cli import cli
from scf_mps.cos import Cos, Credentials, Pool
from scf_mps.cos.request import Request, Target
from scf_mps.deploy.account import ENDPOINT_VARIABLE
from scf_mps.deploy.deploy import DeployOptions, load_function, prepare_deployment
from scf_mps.doctor import Examination
from scf_mps.doctor.account import account, read_account
from scf_mps.doctor.buckets import ask_buckets, buckets
from scf_mps.doctor.project import open_project
from scf_mps.local.api import CloudApi, FunctionRecord, FunctionVersion, Mps, Scf
from scf_mps.local.cos import CosEmulator, Fault, Key
from tests.cos.conftest import Tap
from tests.support.log_capture import loggers_put_back

from .projects import LEDGER, ON_THE_DESK, Patient
from .test_project import CHECKS

REGION = "ap-guangzhou"
BUCKET = "ledger-1250000000"
SECRET = "hush-hush-of-the-desk"
NOTES = "cos://gone-1250000000.ap-guangzhou/"
RULE = (
    "<LifecycleConfiguration><Rule><ID>all</ID><Status>{status}</Status><Filter><Prefix>{prefix}</Prefix></Filter>"
    "{action}</Rule></LifecycleConfiguration>"
)
EXPIRES = "<Expiration><Days>30</Days></Expiration>"


@dataclass
class World:
    """A project that is deployed, and the clouds that it is deployed to."""

    patient: Patient
    scf: Scf
    api: CloudApi
    cos: CosEmulator
    environment: dict[str, str]

    @property
    def function(self) -> FunctionRecord:
        return self.scf.account.functions[REGION, "default", "shop-events"]

    @property
    def settings(self) -> dict[str, Any]:
        return self.function.latest.settings

    def deploy(self) -> None:
        function = load_function(self.patient.path, environment=self.environment, pause=0.001)
        with prepare_deployment(function, DeployOptions(), lambda _: None) as ready:
            ready.apply(lambda _: None)
        self.api.requests.clear()

    def rule(self, prefix: str = "", status: str = "Enabled", action: str = EXPIRES) -> None:
        """The one lifecycle rule of the ledger's bucket."""
        self.document("lifecycle", RULE.format(status=status, prefix=prefix, action=action))

    def document(self, name: str, text: str) -> None:
        """Put a configuration document of the ledger's bucket."""
        pool = Pool()
        key = Credentials(self.cos.key.secret_id, self.cos.key.secret_key)
        client = Cos(key, proxy=self.cos.url, pool=pool)._client
        client.call(Request(Target(BUCKET, REGION), "PUT", {name: ""}, body=text.encode()))
        pool.clear()

    def objects(self) -> list[str]:
        pool = Pool()
        key = Credentials(self.cos.key.secret_id, self.cos.key.secret_key)
        found = [str(one.object) for one in Cos(key, proxy=self.cos.url, pool=pool).list(LEDGER)]
        pool.clear()
        return found

    def timer(self) -> dict[str, Any]:
        [found] = [one for one in self.function.triggers if one["Type"] == "timer"]
        return found

    def mps(self) -> dict[str, Any]:
        [found] = [one for one in self.function.triggers if one["Type"] == "mps"]
        return found

    def other(self) -> FunctionRecord:
        """A function that somebody else deployed."""
        version = FunctionVersion("$LATEST", {"Runtime": "Python3.10", "Type": "Event"}, b"")
        one = FunctionRecord(REGION, "default", "other", version, 0.0, 0.0)
        one.aliases["$DEFAULT"] = {"FunctionVersion": "$LATEST"}
        self.scf.account.functions[REGION, "default", "other"] = one
        return one

    def examined(self, archive: Path | None = None, write: bool = True) -> Examination:
        """What is found on the desk and in the cloud; the application, which is well, is not loaded each time."""
        with open_project(self.patient.path, "", archive, self.environment) as desk:
            found = [one for area in ON_THE_DESK for one in area.findings(desk)]
            live = read_account(desk, pause=0.001)
            found += account.findings(live)
            if live.credentials:
                found += buckets.findings(ask_buckets(desk, live.credentials, write))
            return Examination(tuple(found), tuple(desk.seen))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    scf = Scf()
    folder = tmp_path / "project"
    folder.mkdir()
    patient = Patient(folder)
    patient.handlers("def main_handler(event, context): ...\n")
    with (
        loggers_put_back(),
        CloudApi([scf, Mps(functions=scf.account)]) as api,
        CosEmulator(tmp_path / "cos", keys=[Key("AKIDdesk", SECRET)]) as cos,
    ):
        api.keys.add(type(api.key)("AKIDdesk", SECRET))
        cos.create_bucket(BUCKET, REGION)
        environment = {
            "TENCENT_SECRET_ID": "AKIDdesk",
            "TENCENT_SECRET_KEY": SECRET,
            ENDPOINT_VARIABLE: api.url,
            "MPS_COS_PROXY": cos.url,
        }
        made = World(patient, scf, api, cos, environment)
        made.rule(prefix="mps/")
        made.deploy()
        yield made


def test_a_function_that_is_well_has_no_findings_and_nothing_is_changed(world: World) -> None:
    before = json.dumps([world.settings, world.function.triggers])

    examination = world.patient.examined(cloud=True, environment=world.environment)

    assert examination.findings == ()
    asked = {request.action for request in world.api.requests}
    assert all(action.startswith(("Get", "List")) for action in asked)
    assert json.dumps([world.settings, world.function.triggers]) == before
    assert world.objects() == []
    assert any(
        "shop-events is Active; MPS triggers: WorkflowTask for ap-guangzhou/default/shop-events ($DEFAULT)"
        in one
        for one in examination.seen
    )
    assert f"{BUCKET} in {REGION}, which MPS_LEDGER names: is there" in examination.seen


def _bind_other(world: World) -> None:
    trigger = world.mps()
    world.function.triggers.remove(trigger)
    world.other().triggers.append(trigger)


def _fail(world: World) -> None:
    world.function.status = world.function.next_status = "UpdateFailed"
    world.function.reasons = [{"ErrorCode": "InternalError.System", "ErrorMessage": "disk full"}]


def _publish(world: World) -> None:
    world.patient.write(publish=True)
    world.deploy()
    world.settings["Timeout"] = 90
    world.patient.write(timeout=90)


Trap = Callable[[World], object]
TRAPS: list[tuple[str, Trap, str]] = [
    (
        "account_unknown",
        lambda w: w.environment.pop("TENCENT_SECRET_ID"),
        "TENCENT_SECRET_ID",
    ),
    (
        "account_unknown",
        lambda w: w.api.faults.add("GetFunction", code="AuthFailure.SignatureExpire"),
        "clock",
    ),
    (
        "function_missing",
        lambda w: w.scf.account.functions.clear(),
        "there is no ap-guangzhou/default/shop-events",
    ),
    ("function_not_active", _fail, "it is UpdateFailed: InternalError.System: disk full"),
    (
        "function_not_active",
        lambda w: (setattr(w.scf.account, "polls", 9), w.scf.account.begin(w.function, "Updating")),
        "it is Updating",
    ),
    (
        "code_differs",
        lambda w: w.patient.files({"build/index.py": "from handlers import *\n"}),
        " runs, ",
    ),
    (
        "settings_differ",
        lambda w: w.settings.update(MemorySize=512),
        "memory: 512 in the cloud, 256 in serverless.yml",
    ),
    (
        "settings_differ",
        lambda w: w.settings.update(Role=""),
        "role: - in the cloud, Mps_ScfRole in serverless.yml",
    ),
    (
        "runtime_differs",
        lambda w: w.settings.update(Runtime="Python3.12"),
        "Python3.12 in the cloud",
    ),
    (
        "retries_off",
        lambda w: w.function.invoke_config.update(RetryConfig=[{"RetryNum": 0}]),
        "retries are 0",
    ),
    (
        "ttl_short",
        lambda w: w.function.invoke_config.update(MsgTTL=600),
        "events are kept for 600 s",
    ),
    (
        "trigger_not_bound",
        lambda w: w.function.triggers.remove(w.mps()),
        "MPS trigger WorkflowTask is not there",
    ),
    (
        "trigger_not_bound",
        lambda w: w.mps().update(BindStatus="off"),
        "MPS trigger WorkflowTask is switched off",
    ),
    (
        "trigger_not_bound",
        lambda w: w.mps().update(Qualifier="$LATEST"),
        "MPS trigger WorkflowTask leads to $LATEST, in serverless.yml to $DEFAULT",
    ),
    (
        "trigger_taken",
        _bind_other,
        "MPS trigger WorkflowTask: the account has one, and it is bound to ap-guangzhou/default/other",
    ),
    (
        "timer_differs",
        lambda w: w.timer().update(CustomArgument="reconcile 1h"),
        "timer reconcile: 0 0 */6 * * * * 'reconcile 1h'",
    ),
    (
        "timer_differs",
        lambda w: w.function.triggers.remove(w.timer()),
        "timer reconcile: - in the cloud",
    ),
    (
        "trigger_not_written",
        lambda w: w.function.triggers.append({**w.timer(), "TriggerName": "hourly"}),
        "timer hourly (0 0 */6 * * * *, $DEFAULT)",
    ),
    (
        "version_behind",
        _publish,
        "version 1 is not what serverless.yml and $LATEST are",
    ),
    (
        "bucket_missing",
        lambda w: (
            w.patient.files({f"{top}handlers/notes.txt": NOTES for top in ("", "build/")}),
            w.patient.handlers(
                "PLACE = 'cos://player-1250000000.ap-guangzhou/vod/'\n"
                "def main_handler(event, context): ...\n"
            ),
            w.deploy(),
        ),
        "player-1250000000 in ap-guangzhou, which handlers/__init__.py names",
    ),
    (
        "bucket_denied",
        lambda w: w.cos.faults.add(
            Fault("error", status=403, code="AccessDenied", operation="HeadBucket")
        ),
        f"{BUCKET} in {REGION}, which MPS_LEDGER names: ",
    ),
    (
        "bucket_denied",
        lambda w: w.cos.faults.add(
            Fault("error", status=403, code="AccessDenied", operation="GetBucketVersioning")
        ),
        "AccessDenied",
    ),
    (
        "bucket_unreachable",
        lambda w: w.cos.faults.add(
            Fault("error", status=400, code="MalformedXML", operation="GetBucketVersioning")
        ),
        "MalformedXML",
    ),
    (
        "ledger_versioned",
        lambda w: w.document(
            "versioning",
            "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
        ),
        "versioning is Suspended",
    ),
    (
        "ledger_unwritable",
        lambda w: w.cos.faults.add(
            Fault("error", status=403, code="AccessDenied", operation="PutObject")
        ),
        "AccessDenied",
    ),
    ("ledger_never_forgets", lambda w: w.rule(prefix="other/"), "<Prefix>mps/</Prefix>"),
    ("ledger_never_forgets", lambda w: w.rule(status="Disabled"), "<Days>30</Days>"),
    (
        "ledger_never_forgets",
        lambda w: w.rule(
            action="<AbortIncompleteMultipartUpload><DaysAfterInitiation>1"
            "</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
        ),
        "there is no <LifecycleConfiguration>",
    ),
]


@pytest.mark.parametrize(("name", "trap", "what"), TRAPS)
def test_one_trap_in_the_cloud_is_one_finding(
    world: World, name: str, trap: Trap, what: str
) -> None:
    trap(world)

    examination = world.examined()

    [finding] = examination.findings
    check = CHECKS[name]
    assert what in finding.what
    assert (finding.name, finding.level, finding.advice) == (name, check.level, check.advice)
    assert SECRET not in str(examination)
    assert world.cos.requests


def names(examination: Examination) -> list[str]:
    return [finding.name for finding in examination.findings]


def test_retries_that_are_not_as_written_are_told(world: World) -> None:
    world.patient.write(retryNum=1)

    told = {finding.name: finding.what for finding in world.examined().findings}

    assert told["retries_differ"] == "retries: 2 in the cloud, 1 in serverless.yml"
    assert told.keys() == {"retries_differ", "retries_without_effect"}


def test_another_handler_is_a_setting_that_differs(world: World) -> None:
    world.settings["Handler"] = "index.other"

    [finding] = world.examined().findings

    assert finding.what == "handler: index.other in the cloud, index.main_handler in serverless.yml"


def test_the_values_of_variables_are_never_told(world: World) -> None:
    world.settings["Environment"] = {"Variables": [{"Key": "PLACE", "Value": "hush-1"}]}
    world.patient.variables(PLACE="hush-2")

    examination = world.examined()

    assert set(names(examination)) == {"settings_differ"}
    assert "hush" not in str(examination)


def test_a_trigger_that_another_function_has_is_told_before_the_first_deployment(
    world: World,
) -> None:
    _bind_other(world)
    del world.scf.account.functions[REGION, "default", "shop-events"]

    assert names(world.examined()) == ["function_missing", "trigger_taken"]


def test_a_zip_is_compared_with_what_runs(world: World, tmp_path: Path) -> None:
    path = tmp_path / "function.zip"
    path.write_bytes(world.function.latest.code)
    assert names(world.examined(archive=path)) == []

    world.patient.files({"build/other.py": ""})
    assert names(world.examined(archive=path)) == []
    [finding] = world.examined().findings
    running = hashlib.sha256(world.function.latest.code).hexdigest()
    assert finding.what.startswith(f"sha256 {running[:12]} runs, ")


def test_code_that_is_not_built_is_not_compared(world: World) -> None:
    world.patient.write(src="./")

    assert names(world.examined()) == ["source_unbuilt"]


def test_what_is_not_in_order_is_not_compared(world: World) -> None:
    world.patient.trigger(type=None)
    examination = world.examined()
    assert names(examination) == ["trigger_type_missing", "account_unknown"]
    assert "serverless.yml says is not in order" in examination.findings[1].what
    assert not world.api.requests

    world.patient.trigger()
    world.patient.write(layers=[{"name": "libraries", "src": "layer.zip"}])
    [finding] = world.examined().findings
    assert (finding.name, "layer.zip" in finding.what) == ("account_unknown", True)


def test_without_a_key_neither_function_nor_buckets_are_asked(world: World) -> None:
    examination = world.patient.examined(cloud=True)

    assert names(examination) == ["account_unknown"]
    assert "TENCENTCLOUD_SECRET_ID" in examination.findings[0].what
    assert not world.api.requests


def test_a_layer_of_ours_that_is_not_there_yet_is_a_difference(world: World) -> None:
    world.patient.write(layers=[{"name": "libraries", "src": "layer.zip"}])
    with zipfile.ZipFile(world.patient.folder / "layer.zip", "w") as archive:
        archive.writestr("library.py", "")

    assert set(names(world.examined())) == {"settings_differ"}


def test_nothing_is_written_if_that_is_not_wanted(world: World) -> None:
    world.cos.requests.clear()
    assert names(world.examined(write=False)) == []
    assert {one.method for one in world.cos.requests} <= {"HEAD", "GET"}

    world.cos.requests.clear()
    assert names(world.examined()) == []
    written = {one.key for one in world.cos.requests if one.method in ("PUT", "DELETE")}
    assert len(written) == 1
    assert written.pop().startswith("mps/doctor/")


def test_a_bucket_without_any_rule_never_forgets(world: World) -> None:
    with CosEmulator(world.patient.folder / "empty", keys=[Key("AKIDdesk", SECRET)]) as cos:
        cos.create_bucket(BUCKET, REGION)
        world.environment["MPS_COS_PROXY"] = cos.url

        assert names(world.examined()) == ["ledger_never_forgets"]


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
def test_a_rule_is_for_the_ledger_only_if_it_is_for_all_below_its_prefix(
    world: World, filtered: str, forgets: bool
) -> None:
    world.document(
        "lifecycle",
        f"<LifecycleConfiguration><Rule><ID>all</ID><Status>Enabled</Status><Filter>{filtered}</Filter>{EXPIRES}"
        "</Rule></LifecycleConfiguration>",
    )

    assert names(world.examined()) == ([] if forgets else ["ledger_never_forgets"])


def test_buckets_in_comments_and_docstrings_are_not_asked_for(world: World) -> None:
    world.patient.handlers(
        f'"""As {NOTES}."""\n\n\ndef main_handler(event, context):\n    """{NOTES}"""  # {NOTES}\n'
    )
    world.deploy()
    assert names(world.examined()) == []

    world.patient.files({"handlers/broken.py": f"PLACE = '{NOTES}'\ndef :\n"})
    assert "bucket_missing" not in names(world.examined())


def test_a_bucket_that_lets_be_written_twice_cannot_hold_a_ledger(world: World) -> None:
    with closing(Tap(world.cos)) as tap:
        puts = []

        def forget(head: str) -> None:
            """Before the second PUT, the object of the first is removed behind its back."""
            if head.startswith("PUT "):
                puts.append(head)
            if len(puts) == 2:
                pool = Pool()
                cos = Cos(Credentials("AKIDdesk", SECRET), proxy=world.cos.url, pool=pool)
                cos.delete([one.object for one in cos.list(LEDGER)])
                pool.clear()

        tap.before = forget
        world.environment["MPS_COS_PROXY"] = tap.url

        [finding] = world.examined().findings

    assert finding.name == "ledger_unwritable"
    assert "could be written twice, although x-cos-forbid-overwrite was sent" in finding.what
    assert world.objects() == []


def test_a_ledger_that_is_not_in_cos_is_not_looked_for_there(world: World) -> None:
    world.patient.variables(MPS_LEDGER="none", MPS_PUBLISH=f"cos://{BUCKET}.{REGION}/vod/")
    world.deploy()

    examination = world.examined()

    assert names(examination) == ["ledger_none"]
    assert f"{BUCKET} in {REGION}, which MPS_PUBLISH names: is there" in examination.seen

    world.patient.variables(MPS_LEDGER="redis://cache.example:6379/0")
    world.patient.files({"build/redis/__init__.py": ""})
    world.deploy()
    assert names(world.examined()) == ["redis_unseen"]


def test_the_command_looks_at_the_account(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    world.settings["Timeout"] = 90
    arguments = ["doctor", "--config", str(world.patient.path), "--account", "--no-write"]

    ran = CliRunner().invoke(cli, arguments)

    assert ran.exit_code == 0
    assert "timeout: 90 in the cloud, 60 in serverless.yml (settings_differ)" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "1 warning"
    assert SECRET not in ran.output

    world.settings["Runtime"] = "Python3.12"
    assert CliRunner().invoke(cli, arguments).exit_code == 1
