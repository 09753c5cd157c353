"""Checks of serverless.yml: settings that SCF refuses, or that a client applies in another way.

Each check removes the problems of the parser that it reports. The last checks report the remaining ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from ..build.errors import BuildError
from ..build.runtimes import parse_runtime
from ..build.secrets import find_secrets
from ..deploy.naming_rules import MAX_ENVIRONMENT_BYTES, measure_variables
from .checks import Area
from .project import DEFAULT_TIMEOUT_SECONDS, Project

CHECKS: Area[Project] = Area("serverless.yml")

_WARNING_RATIO = 3 / 4
KNOWN_VARIABLES = (
    "MPS_ALLOW_UNSIGNED",
    "MPS_API_ENDPOINT",
    "MPS_APP",
    "MPS_ARCHIVE",
    "MPS_BUCKETS",
    "MPS_COS_PROXY",
    "MPS_FORWARD",
    "MPS_LEDGER",
    "MPS_LOG_FORMAT",
    "MPS_LOG_LEVEL",
    "MPS_MODERATE",
    "MPS_NOTIFY",
    "MPS_NOTIFY_KEY",
    "MPS_OTLP",
    "MPS_OTLP_RESOURCE",
    "MPS_PUBLIC",
    "MPS_PUBLISH",
    "MPS_REGION",
    "MPS_REREAD",
    "MPS_RESUBMIT",
    "MPS_SMTP",
)
"""The variables of scf-mps and handlers/."""

_SDK_VARIABLES = {
    "MPS_FORWARD": r"(^|[\s,])(scf|cmq-\w+):",
    "MPS_NOTIFY": r"(^|[\s,])ses:",
    "MPS_PUBLISH": r"[?&]cdn_do=",
    "MPS_REREAD": r"^1$",
    "MPS_RESUBMIT": r".",
}
"""Variables with which the function needs Tencent's SDK, with the pattern of such values."""

_TRANSFER = re.compile(r"\bcos\.(?:download|upload|read|read_text|read_json|open)\(")
"""Calls of `Cos` that compute a CRC64."""

_CREDENTIAL_NAME = re.compile(
    r"(?i)secret_?(id|key)|session_?token|^(tencent(cloud)?|cos)_.*(token|key)$"
)


@CHECKS.check(
    "note",
    "The packages that read serverless.yml are not installed.",
    why="serverless.yml is read with PyYAML and python-dotenv, which a deployed function does not need.",
    advice="Run `pip install 'scf-mps[cli,deploy]'`.",
)
def _extra_missing(project: Project) -> Iterator[str]:
    if project.import_error:
        yield f"{project.path.name} was not checked: {project.import_error}"


@CHECKS.check(
    "error",
    "serverless.yml cannot be read.",
    why="`scf-mps deploy` and Tencent's client deploy what this file says.",
    advice="Correct the file, or name another one with `--config`.",
)
def _file_unreadable(project: Project) -> Iterator[str]:
    yield from project.read_problems


@CHECKS.check(
    "error",
    "A `${…}` in serverless.yml has no value.",
    why="Tencent's client drops the key, or writes the word `undefined` into the text.",
    advice="Set the variable in the shell or in .env, or write the value.",
)
def _variable_unset(project: Project) -> Iterator[str]:
    yield from project.unset


@CHECKS.check(
    "error",
    "`handler` is not valid.",
    why="SCF accepts FILE.FUNCTION, each of 2 to 60 letters, digits, - and _ (CreateFunction, Handler).",
    advice="Write `handler: index.main_handler`.",
)
def _handler_misspelt(project: Project) -> Iterator[str]:
    yield from project.take(path="inputs.handler")


@CHECKS.check(
    "error",
    "The function's name is not valid.",
    why="SCF accepts 2 to 60 letters, digits, - and _, first a letter. A function with a longer name can lose its trigger silently.",
    advice="Write a shorter `name` under `inputs`. Its default is NAME-STAGE-APP.",
)
def _name_misspelt(project: Project) -> Iterator[str]:
    yield from project.take(path="inputs.name")


@CHECKS.check(
    "error",
    "The function's runtime cannot run scf-mps.",
    why="scf-mps needs Python 3.10 or later. Page 583/40323 lists SCF's runtimes.",
    advice="Write `runtime: Python3.10`. SCF cannot change the runtime of a function: remove the function first.",
)
def _runtime_unusable(project: Project) -> Iterator[str]:
    problems = project.take(path="inputs.runtime")
    runtime = project.inputs.get("runtime")
    if not problems and isinstance(runtime, str):
        try:
            parse_runtime(runtime)
        except BuildError as error:
            problems += map(str, error.problems)
    yield from problems


@CHECKS.check(
    "error",
    "The function's type is not `event`.",
    why="MPS triggers invoke only event functions.",
    advice="Write `type: event`.",
)
def _type_not_event(project: Project) -> Iterator[str]:
    yield from project.take(path="inputs.type")


@CHECKS.check(
    "note",
    "serverless.yml does not set the function's type.",
    why="Tencent's client sets retries only if `type: event` is written.",
    advice="Write `type: event`.",
)
def _type_missing(project: Project) -> Iterator[str]:
    if project.inputs and "type" not in project.inputs:
        yield "inputs.type is missing"


@CHECKS.check(
    "error",
    "`asyncRunEnable` is on.",
    why="SCF does not retry the events of async-execution functions (page 583/39851): an event that fails once is lost.",
    advice="Remove `asyncRunEnable`, and remove a function that was created with it.",
)
def _async_execution(project: Project) -> Iterator[str]:
    yield from project.take("async_execution")


@CHECKS.check(
    "note",
    "`retryNum` and `msgTTL` have no effect with Tencent's client.",
    why="Tencent's client applies them only with `asyncRunEnable`, which disables retries.",
    advice="Deploy with `scf-mps deploy`, which sets them by UpdateFunctionEventInvokeConfig, or remove them.",
)
def _retries_without_effect(project: Project) -> Iterator[str]:
    keys = [key for key in ("retryNum", "msgTTL") if key in project.inputs]
    if keys and not project.inputs.get("asyncRunEnable"):
        yield f"{' and '.join(keys)} would be ignored"


@CHECKS.check(
    "warning",
    "The timeout is 3 seconds or less.",
    why="SCF ends an invocation at its timeout (status 433) and retries the event. The default is 3 seconds.",
    advice="Write `timeout: 60`, or as many seconds as your callbacks need together, up to 900.",
)
def _timeout_short(project: Project) -> Iterator[str]:
    project.take("missing_timeout", warning=True)
    if project.inputs and project.timeout <= DEFAULT_TIMEOUT_SECONDS:
        origin = "serverless.yml" if "timeout" in project.inputs else "SCF's default"
        yield f"the timeout is {project.timeout} s ({origin})"


@CHECKS.check(
    "warning",
    "The function has no role.",
    why="Without an execution role a function has no credentials (page 583/38176): COS denies every request.",
    advice="Write `role:` with a role that trusts SCF and allows the requests of your callbacks.",
)
def _role_missing(project: Project) -> Iterator[str]:
    project.take("missing_role", warning=True)
    if project.inputs and not project.inputs.get("role"):
        yield "inputs.role is missing"


@CHECKS.check(
    "error",
    "The environment variables exceed 4 KB.",
    why="SCF refuses more than 4 KB of variables, names and values together (page 583/11637).",
    advice="Move long values into a file of handlers/, or into an object in COS.",
)
def _environment_too_large(project: Project) -> Iterator[str]:
    yield from project.take("environment_too_large")


@CHECKS.check(
    "warning",
    "The environment variables are close to 4 KB.",
    why="SCF refuses more than 4 KB of variables, names and values together (page 583/11637).",
    advice="Move long values into a file of handlers/, or into an object in COS.",
)
def _environment_large(project: Project) -> Iterator[str]:
    size = measure_variables(project.variables.items())
    if _WARNING_RATIO * MAX_ENVIRONMENT_BYTES < size <= MAX_ENVIRONMENT_BYTES:
        yield f"the variables have {size} of {MAX_ENVIRONMENT_BYTES} bytes"


@CHECKS.check(
    "error",
    "An environment variable has a reserved name.",
    why="SCF reserves the prefixes SCF_, QCLOUD_ and TENCENTCLOUD_ (page 583/32748).",
    advice="Rename the variable. SCF sets the credentials of the role itself.",
)
def _variable_reserved(project: Project) -> Iterator[str]:
    yield from project.take("reserved_variable")


@CHECKS.check(
    "note",
    "serverless.yml sets no environment variables.",
    why="An update by Tencent's client without variables removes those that were set in the console.",
    advice="List them under `environment: variables:`, at least MPS_LEDGER.",
)
def _environment_absent(project: Project) -> Iterator[str]:
    if project.inputs and not project.variables:
        yield "inputs.environment.variables is empty"


@CHECKS.check(
    "error",
    "serverless.yml contains credentials, or passes them to the function.",
    why="Permanent credentials in a file or in a function's settings are visible to all its readers and never expire.",
    advice="Remove and revoke them. SCF gives the function temporary credentials by its role.",
)
def _credentials_in_configuration(project: Project) -> Iterator[str]:
    if project.path.is_file():
        for problem in find_secrets({project.path.name: project.path}):
            yield problem.summary
    for name in project.variables:
        if _CREDENTIAL_NAME.search(name):
            yield f"inputs.environment.variables.{name} is a credential by its name"


@CHECKS.check(
    "error",
    "MPS_COS_PROXY or MPS_API_ENDPOINT is a variable of the function.",
    why="They point to an emulator on a local machine, which the function cannot reach.",
    advice="Remove them from serverless.yml. Set them in the local environment.",
)
def _emulator_named(project: Project) -> Iterator[str]:
    for name in ("MPS_COS_PROXY", "MPS_API_ENDPOINT"):
        if name in project.variables:
            yield f"inputs.environment.variables.{name} is set"


@CHECKS.check(
    "warning",
    "The function accepts HTTP callbacks without `Sign`.",
    why="Everybody who knows the function's URL can send it events.",
    advice="Set MPS_NOTIFY_KEY instead, unless a gateway authenticates the requests.",
)
def _unsigned_allowed(project: Project) -> Iterator[str]:
    if project.variables.get("MPS_ALLOW_UNSIGNED", "0") not in ("", "0"):
        yield "inputs.environment.variables.MPS_ALLOW_UNSIGNED is set"


@CHECKS.check(
    "warning",
    "An environment variable begins with MPS_, but scf-mps does not know it.",
    why="scf-mps ignores it.",
    advice="Correct the name. Use another prefix for your own variables.",
)
def _variable_unknown(project: Project) -> Iterator[str]:
    for name in project.variables:
        if name.startswith("MPS_") and name not in KNOWN_VARIABLES:
            near = get_close_matches(name, KNOWN_VARIABLES, 1, 0.75)
            yield f"{name}: {f'did you mean {near[0]}?' if near else 'not known'}"


@CHECKS.check(
    "warning",
    "serverless.yml has no `events`.",
    why="Tencent's client then deletes all triggers of the function.",
    advice="Write the mps trigger under `events:`, or `ignoreTriggers: true` to keep the triggers of the console.",
)
def _events_missing(project: Project) -> Iterator[str]:
    if (
        project.inputs
        and not project.inputs.get("events")
        and not project.inputs.get("ignoreTriggers")
    ):
        yield "inputs.events is missing"


@CHECKS.check(
    "warning",
    "`events` has no MPS trigger.",
    why="MPS reaches a function only through its trigger, with either client.",
    advice="Write under `events:` `- mps: {parameters: {type: WorkflowTask, qualifier: $DEFAULT, enable: true}}`.",
)
def _mps_trigger_missing(project: Project) -> Iterator[str]:
    if project.inputs.get("events") and not _find_parameters(project, "mps"):
        yield "inputs.events has no mps"


@CHECKS.check(
    "error",
    "An mps trigger has no `type`.",
    why="Tencent's client deletes the current trigger, then fails to bind one without a type.",
    advice="Write `type: WorkflowTask`, or `EditMediaTask` for editing tasks.",
)
def _trigger_type_missing(project: Project) -> Iterator[str]:
    yield from project.take(path=".mps.parameters.type")


@CHECKS.check(
    "warning",
    "An mps trigger has an unknown type.",
    why="Tencent's toolkit knows WorkflowTask and EditMediaTask. MPS may refuse another type.",
    advice="Write one of these, unless MPS documents the type.",
)
def _trigger_type_unknown(project: Project) -> Iterator[str]:
    yield from project.take("unknown_trigger_type", warning=True)


@CHECKS.check(
    "warning",
    "An mps trigger does not set `enable`.",
    why="Tencent's client binds the trigger anyway, although its documentation denies it.",
    advice="Write `enable: true`.",
)
def _trigger_enable_missing(project: Project) -> Iterator[str]:
    yield from project.take("missing_enable", warning=True)


@CHECKS.check(
    "warning",
    "An mps trigger is disabled.",
    why="The first deployment by Tencent's client binds it anyway, the second one unbinds it.",
    advice="Remove the trigger until it is needed, or write `enable: true`.",
)
def _trigger_disabled(project: Project) -> Iterator[str]:
    for parameters in _find_parameters(project, "mps"):
        if parameters.get("enable") in (False, "false"):
            yield f"the trigger {parameters.get('type')} has enable: false"


@CHECKS.check(
    "warning",
    "Another trigger precedes mps.",
    why="Tencent's client cannot bind mps after a trigger without a ResourceId, such as a timer.",
    advice="Move `- mps:` before all other triggers.",
)
def _mps_trigger_not_first(project: Project) -> Iterator[str]:
    kinds = [next(iter(event), "") for event in _list_events(project)]
    if "mps" in kinds and kinds[0] != "mps":
        yield f"{kinds[0]} precedes mps"


@CHECKS.check(
    "warning",
    "A timer has an unknown message.",
    why="scf-mps handles a timer event only if its message is `reconcile`, and rejects all others.",
    advice="Write `argument: reconcile 6h`.",
)
def _timer_argument_unknown(project: Project) -> Iterator[str]:
    yield from project.take("unknown_timer_argument", warning=True)


@CHECKS.check(
    "note",
    "There is no timer for `reconcile`.",
    why="An event over 128 KB, or one that failed three times, is lost. MPS keeps its task for seven days.",
    advice="Add a timer with `argument: reconcile 6h` every six hours, and scf-mps[mps] to requirements.txt.",
)
def _reconcile_timer_missing(project: Project) -> Iterator[str]:
    if project.inputs and not _has_reconcile_timer(project):
        yield "inputs.events has no timer for reconcile"


@CHECKS.check(
    "error",
    "A timer or a variable needs Tencent's SDK, which is not deployed.",
    why="Requests to MPS, SCF, CDN and similar APIs need Tencent's SDK, which SCF's Pythons since 3.7 do not include (page 583/40323).",
    advice="Add scf-mps[mps] to requirements.txt, and build.",
)
def _sdk_not_required(project: Project) -> Iterator[str]:
    if is_deployed(project, "tencentcloud", "mps"):
        return
    users = ["a timer"] if _has_reconcile_timer(project) else []
    users += [
        name
        for name, pattern in _SDK_VARIABLES.items()
        if re.search(pattern, project.variables.get(name, ""))
    ]
    if users:
        yield (
            "tencentcloud-sdk-python-common is in neither requirements.txt nor the build, "
            f"but required by {', '.join(users)}"
        )


@CHECKS.check(
    "note",
    "requirements.txt has the SDK with all services.",
    why="tencentcloud-sdk-python has 170 MB. The build keeps the services whose names it finds in the code.",
    advice="Write tencentcloud-sdk-python-mps, and the packages of other services that the function uses.",
)
def _sdk_all_services(project: Project) -> Iterator[str]:
    if re.search(
        r"(?im)^\s*tencentcloud-sdk-python\s*($|[=<>~!;\[#])", _read_requirements(project)
    ):
        yield "requirements.txt has tencentcloud-sdk-python"


@CHECKS.check(
    "note",
    "Callbacks read or write files without fastcrc.",
    why="Without fastcrc a verified download takes 29 ms of CPU time per MB, with it about 1 ms.",
    advice="Add fastcrc to requirements.txt, and build.",
)
def _fastcrc_missing(project: Project) -> Iterator[str]:
    if is_deployed(project, "fastcrc", "fast"):
        return
    for path in sorted((project.source / "handlers").rglob("*.py")):
        if _TRANSFER.search(path.read_text("utf-8", "replace")):
            yield f"{path.relative_to(project.source).as_posix()} transfers files"


@CHECKS.check(
    "note",
    "There is no dead-letter queue.",
    why="SCF drops an event silently after its last retry (page 583/39851).",
    advice="Write `deadLetter: {type: CMQ-QUEUE, name: …}` with an existing queue. `scf-mps replay --dead-letter` reads it.",
)
def _dead_letters_missing(project: Project) -> Iterator[str]:
    if project.inputs and not project.inputs.get("deadLetter"):
        yield "inputs.deadLetter is missing"


@CHECKS.check(
    "error",
    "Another setting is not valid.",
    why="SCF or the client refuses it.",
    advice="Correct the setting.",
)
def _setting_refused(project: Project) -> Iterator[str]:
    yield from project.take()


@CHECKS.check(
    "note",
    "`scf-mps deploy` does not read a key.",
    why="Tencent's client may use it. `scf-mps deploy` ignores it.",
    advice="Ignore this if it is intended.",
)
def _key_not_read(project: Project) -> Iterator[str]:
    yield from project.take(warning=True)


def is_deployed(project: Project, package: str, extra: str) -> bool:
    """Return True if a package is in the build, in requirements.txt, in an extra there, or maybe in a layer."""
    if project.upload and any(name.startswith(f"{package}/") for name in project.upload.names):
        return True
    if project.inputs.get("layers"):
        return True
    pattern = rf"(?im)^\s*({package}\b|scf-mps\s*\[[^\]]*\b{extra}\b)"
    return bool(re.search(pattern, _read_requirements(project)))


def _read_requirements(project: Project) -> str:
    path = project.source / "requirements.txt"
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def _list_events(project: Project) -> list[Mapping[str, Any]]:
    events = project.inputs.get("events")
    items = events if isinstance(events, list) else []
    return [event for event in items if isinstance(event, Mapping)]


def _find_parameters(project: Project, kind: str) -> list[Mapping[str, Any]]:
    """Return the parameters of all triggers of a kind."""
    triggers = []
    for event in _list_events(project):
        if kind in event:
            trigger = event[kind]
            parameters = trigger.get("parameters") if isinstance(trigger, Mapping) else None
            triggers.append(parameters if isinstance(parameters, Mapping) else {})
    return triggers


def _has_reconcile_timer(project: Project) -> bool:
    arguments = [timer.get("argument", "") for timer in _find_parameters(project, "timer")]
    return any(str(argument).split()[:1] == ["reconcile"] for argument in arguments)
