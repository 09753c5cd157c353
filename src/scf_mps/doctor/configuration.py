"""serverless.yml: what SCF would refuse, and what it or a client would do otherwise than it reads.

Sentences of the file's reader are taken out one check after the other; what no check took is told by the last one.
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
from .project import DEFAULT_TIMEOUT, Project

configuration: Area[Project] = Area("serverless.yml")

NEAR = 3 / 4
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
    "MPS_PUBLISH",
    "MPS_REGION",
    "MPS_REREAD",
    "MPS_RESUBMIT",
    "MPS_SMTP",
)
"""The variables that the package and handlers/ read."""

_ASKING = {
    "MPS_FORWARD": r"(^|[\s,])(scf|cmq-\w+):",
    "MPS_NOTIFY": r"(^|[\s,])ses:",
    "MPS_PUBLISH": r"[?&]cdn_do=",
    "MPS_REREAD": r"^1$",
    "MPS_RESUBMIT": r".",
}
"""Variables by which the function asks Tencent's API, if they are of such a form."""

_KEY_NAMES = re.compile(
    r"(?i)secret_?(id|key)|session_?token|^(tencent(cloud)?|cos)_.*(token|key)$"
)


@configuration.check(
    "note",
    why="serverless.yml is read with PyYAML and python-dotenv, which a function does not need.",
    advice="pip install 'scf-mps[cli,deploy]'.",
)
def extra_missing(desk: Project) -> Iterator[str]:
    """What reads serverless.yml is not installed."""
    if desk.lacking:
        yield f"{desk.path.name} was not looked at: {desk.lacking}"


@configuration.check(
    "error",
    why="Both clients deploy what this file says.",
    advice="Correct it, or name another one with --config.",
)
def file_unreadable(desk: Project) -> Iterator[str]:
    """There is no serverless.yml that could be read."""
    yield from desk.unreadable


@configuration.check(
    "error",
    why="The serverless client drops the key, or writes the word `undefined` into the text.",
    advice="Set the variable, here or in .env, or write the value.",
)
def variable_unset(desk: Project) -> Iterator[str]:
    """A `${…}` in serverless.yml that nothing sets."""
    yield from desk.unset


@configuration.check(
    "error",
    why="SCF takes FILE.FUNCTION, each of 2 to 60 letters, digits, - and _ (CreateFunction, Handler).",
    advice="Write `handler: index.main_handler`.",
)
def handler_misspelt(desk: Project) -> Iterator[str]:
    """`handler` is not of SCF's form."""
    yield from desk.take(path="inputs.handler")


@configuration.check(
    "error",
    why="SCF takes 2 to 60 letters, digits, - and _, a letter first; a longer name may lose its trigger silently.",
    advice="Write a shorter `name` under `inputs`; without one it is NAME-STAGE-APP.",
)
def name_misspelt(desk: Project) -> Iterator[str]:
    """The function's name is not of SCF's form."""
    yield from desk.take(path="inputs.name")


@configuration.check(
    "error",
    why="scf-mps needs Python 3.10 or later, and SCF has a few of them (page 583/40323).",
    advice="Write `runtime: Python3.10`. An update changes the runtime of no function: remove it first.",
)
def runtime_unusable(desk: Project) -> Iterator[str]:
    """The function's runtime cannot run it."""
    refused = desk.take(path="inputs.runtime")
    runtime = desk.inputs.get("runtime")
    if not refused and isinstance(runtime, str):
        try:
            parse_runtime(runtime)
        except BuildError as failed:
            refused += map(str, failed.problems)
    yield from refused


@configuration.check(
    "error",
    why="MPS's trigger invokes event functions.",
    advice="Write `type: event`.",
)
def type_not_event(desk: Project) -> Iterator[str]:
    """The function is of another type than `event`."""
    yield from desk.take(path="inputs.type")


@configuration.check(
    "note",
    why="Tencent's client sets retries for a `type: event` that is written down alone.",
    advice="Write `type: event`.",
)
def type_missing(desk: Project) -> Iterator[str]:
    """The function's type is not written."""
    if desk.inputs and "type" not in desk.inputs:
        yield "inputs.type is not there"


@configuration.check(
    "error",
    why="SCF does not retry the events of async-execution functions (page 583/39851): what fails once is lost.",
    advice="Leave `asyncRunEnable` out, and remove a function that was created with it.",
)
def async_execution(desk: Project) -> Iterator[str]:
    """`asyncRunEnable` is on."""
    yield from desk.take(path="inputs.asyncRunEnable")


@configuration.check(
    "note",
    why="Tencent's client heeds them only with `asyncRunEnable`, which ends retries altogether.",
    advice="Deploy with `scf-mps deploy`, which sets them by UpdateFunctionEventInvokeConfig, or leave them out.",
)
def retries_without_effect(desk: Project) -> Iterator[str]:
    """`retryNum` and `msgTTL` do nothing with Tencent's client."""
    given = [key for key in ("retryNum", "msgTTL") if key in desk.inputs]
    if given and not desk.inputs.get("asyncRunEnable"):
        yield f"{' and '.join(given)} would be ignored"


@configuration.check(
    "warning",
    why="A function that is created without one has 3 seconds, then SCF ends it (status 433) and tries again.",
    advice="Write `timeout: 60`, or as many seconds as your callbacks need together, up to 900.",
)
def timeout_short(desk: Project) -> Iterator[str]:
    """The time limit is SCF's default of 3 seconds, or less."""
    desk.take("missing_timeout", warning=True)
    if desk.inputs and desk.timeout <= DEFAULT_TIMEOUT:
        written = "written" if "timeout" in desk.inputs else "SCF's default"
        yield f"the function has {desk.timeout} seconds ({written})"


@configuration.check(
    "warning",
    why="Without an execution role SCF gives a function no keys (page 583/38176): COS refuses whatever it asks.",
    advice="Write `role:` with a role that trusts SCF and may do with your buckets what your callbacks do.",
)
def role_missing(desk: Project) -> Iterator[str]:
    """The function has no role."""
    desk.take("missing_role", warning=True)
    if desk.inputs and not desk.inputs.get("role"):
        yield "inputs.role is not there"


@configuration.check(
    "error",
    why="SCF refuses more than 4 KB of variables, names and values together (page 583/11637).",
    advice="Put long values into a file of handlers/, or into an object in COS.",
)
def environment_too_large(desk: Project) -> Iterator[str]:
    """The environment variables are beyond 4 KB."""
    yield from desk.take("environment_too_large")


@configuration.check(
    "warning",
    why="SCF refuses more than 4 KB of variables, names and values together (page 583/11637).",
    advice="Put long values into a file of handlers/, or into an object in COS.",
)
def environment_large(desk: Project) -> Iterator[str]:
    """The environment variables come near 4 KB."""
    size = measure_variables(desk.variables.items())
    if NEAR * MAX_ENVIRONMENT_BYTES < size <= MAX_ENVIRONMENT_BYTES:
        yield f"the variables have {size} of {MAX_ENVIRONMENT_BYTES} bytes"


@configuration.check(
    "error",
    why="SCF keeps the prefixes SCF_, QCLOUD_ and TENCENTCLOUD_ for itself (page 583/32748).",
    advice="Name the variable otherwise; the keys of the role are there without it.",
)
def variable_reserved(desk: Project) -> Iterator[str]:
    """An environment variable has a name that is SCF's own."""
    yield from desk.take("reserved_variable")


@configuration.check(
    "note",
    why="An update by Tencent's client without any variable removes those that were set in the console.",
    advice="Write them down under `environment: variables:`, at least MPS_LEDGER.",
)
def environment_absent(desk: Project) -> Iterator[str]:
    """serverless.yml has no environment variables."""
    if desk.inputs and not desk.variables:
        yield "inputs.environment.variables has nothing"


@configuration.check(
    "error",
    why="Permanent keys in a file or in a function's settings are read by whoever may look, and never end.",
    advice="Take them out and revoke them: SCF gives the function temporary keys by its role.",
)
def credentials_in_configuration(desk: Project) -> Iterator[str]:
    """serverless.yml has keys in it, or gives the function some."""
    if desk.path.is_file():
        for problem in find_secrets({desk.path.name: desk.path}):
            yield problem.summary
    for name in desk.variables:
        if _KEY_NAMES.search(name):
            yield f"inputs.environment.variables.{name} is a key by its name"


@configuration.check(
    "error",
    why="They lead the function to an emulator on a desk, which it cannot reach.",
    advice="Leave them out of serverless.yml: they belong into the desk's environment.",
)
def emulator_named(desk: Project) -> Iterator[str]:
    """MPS_COS_PROXY or MPS_API_ENDPOINT is among the function's variables."""
    for name in ("MPS_COS_PROXY", "MPS_API_ENDPOINT"):
        if name in desk.variables:
            yield f"inputs.environment.variables.{name} is set"


@configuration.check(
    "warning",
    why="Anybody who finds the function's URL can send it events.",
    advice="Set MPS_NOTIFY_KEY in its place, unless something before the function keeps others out.",
)
def unsigned_allowed(desk: Project) -> Iterator[str]:
    """HTTP callbacks without `Sign` are let in."""
    if desk.variables.get("MPS_ALLOW_UNSIGNED", "0") not in ("", "0"):
        yield "inputs.environment.variables.MPS_ALLOW_UNSIGNED is set"


@configuration.check(
    "warning",
    why="Nothing of scf-mps reads it, so that what it was to say is not said.",
    advice="Correct the name; one of your own begins with something else.",
)
def variable_unknown(desk: Project) -> Iterator[str]:
    """An environment variable begins with MPS_ and is none of the package's."""
    for name in desk.variables:
        if name.startswith("MPS_") and name not in KNOWN_VARIABLES:
            near = get_close_matches(name, KNOWN_VARIABLES, 1, 0.75)
            yield f"{name}: {f'did you mean {near[0]}?' if near else 'not known'}"


@configuration.check(
    "warning",
    why="Tencent's client then deletes all triggers that the function has.",
    advice="Write the mps trigger under `events:`, or `ignoreTriggers: true` to leave those of the console alone.",
)
def events_missing(desk: Project) -> Iterator[str]:
    """serverless.yml has no `events`."""
    if desk.inputs and not desk.inputs.get("events") and not desk.inputs.get("ignoreTriggers"):
        yield "inputs.events is not there"


@configuration.check(
    "warning",
    why="MPS reaches a function through its trigger alone, whichever client is used.",
    advice="Write under `events:` `- mps: {parameters: {type: WorkflowTask, qualifier: $DEFAULT, enable: true}}`.",
)
def mps_trigger_missing(desk: Project) -> Iterator[str]:
    """No trigger of MPS is among the `events`."""
    if desk.inputs.get("events") and not _parameters(desk, "mps"):
        yield "inputs.events has no mps"


@configuration.check(
    "error",
    why="Tencent's client deletes the trigger there is, then fails to bind one without a type: the function has none.",
    advice="Write `type: WorkflowTask`, or `EditMediaTask` for editing tasks.",
)
def trigger_type_missing(desk: Project) -> Iterator[str]:
    """An mps trigger has no `type`."""
    yield from desk.take(path=".mps.parameters.type")


@configuration.check(
    "warning",
    why="Tencent's toolkit knows WorkflowTask and EditMediaTask; MPS may refuse another.",
    advice="Write one of these, unless MPS documents this one by now.",
)
def trigger_type_unknown(desk: Project) -> Iterator[str]:
    """An mps trigger has a type that nobody knows."""
    yield from desk.take("unknown_trigger_type", warning=True)


@configuration.check(
    "warning",
    why="Tencent's client binds the trigger all the same, although its documentation says that it does not.",
    advice="Write `enable: true`.",
)
def trigger_enable_missing(desk: Project) -> Iterator[str]:
    """An mps trigger does not say whether it is enabled."""
    yield from desk.take("missing_enable", warning=True)


@configuration.check(
    "warning",
    why="The first deployment by Tencent's client binds it all the same, the second one unbinds it.",
    advice="Leave the trigger out until events are to come, or write `enable: true`.",
)
def trigger_disabled(desk: Project) -> Iterator[str]:
    """An mps trigger is not enabled."""
    for parameters in _parameters(desk, "mps"):
        if parameters.get("enable") in (False, "false"):
            yield f"the trigger {parameters.get('type')} has enable: false"


@configuration.check(
    "warning",
    why="Tencent's client cannot bind mps once a trigger that tells no ResourceId, such as a timer, is there.",
    advice="Write `- mps:` in front of all other triggers.",
)
def trigger_behind_others(desk: Project) -> Iterator[str]:
    """Another trigger stands before mps."""
    kinds = [next(iter(one), "") for one in _events(desk)]
    if "mps" in kinds and kinds[0] != "mps":
        yield f"{kinds[0]} stands before mps"


@configuration.check(
    "warning",
    why="The framework runs a timer's event only if its message is `reconcile`, and refuses every other.",
    advice="Write `argument: reconcile 6h`.",
)
def timer_argument_unknown(desk: Project) -> Iterator[str]:
    """A timer's message is none that the framework takes."""
    yield from desk.take("unknown_timer_argument", warning=True)


@configuration.check(
    "note",
    why="An event over 128 KB, or one that failed three times, is gone; MPS remembers its task for seven days.",
    advice="Add a timer with `argument: reconcile 6h` every six hours, and scf-mps[mps] to requirements.txt.",
)
def reconcile_timer_missing(desk: Project) -> Iterator[str]:
    """No timer looks for what never arrived."""
    timers = [str(one.get("argument", "")).split()[:1] for one in _parameters(desk, "timer")]
    if desk.inputs and ["reconcile"] not in timers:
        yield "inputs.events has no timer for reconcile"


@configuration.check(
    "error",
    why="Asking MPS, SCF, CDN and their like takes Tencent's SDK, which SCF's Pythons since 3.7 do not bring (page 583/40323).",
    advice="Write scf-mps[mps] into requirements.txt, and build.",
)
def sdk_not_required(desk: Project) -> Iterator[str]:
    """A timer or a variable has Tencent's API asked, and the SDK is not deployed."""
    if is_deployed(desk, "tencentcloud", "mps"):
        return
    timers = [str(one.get("argument", "")).split()[:1] for one in _parameters(desk, "timer")]
    asking = ["a timer"] if ["reconcile"] in timers else []
    asking += [
        name
        for name, pattern in _ASKING.items()
        if re.search(pattern, desk.variables.get(name, ""))
    ]
    if asking:
        yield (
            f"neither requirements.txt nor the build has tencentcloud-sdk-python-common, for {', '.join(asking)}"
        )


@configuration.check(
    "note",
    why="An event whose retries are used up is dropped by SCF without a word (page 583/39851).",
    advice="Write `deadLetter: {type: CMQ-QUEUE, name: …}` with a queue that exists; "
    "`scf-mps replay --dead-letter` reads it.",
)
def dead_letters_missing(desk: Project) -> Iterator[str]:
    """There is no dead-letter queue."""
    if desk.inputs and not desk.inputs.get("deadLetter"):
        yield "inputs.deadLetter is not there"


@configuration.check(
    "error",
    why="SCF, or the client, refuses it.",
    advice="Write what was expected.",
)
def setting_refused(desk: Project) -> Iterator[str]:
    """Any other setting that cannot be."""
    yield from desk.take()


@configuration.check(
    "note",
    why="Tencent's client may act on it; `scf-mps deploy` does not.",
    advice="Nothing, if that is meant.",
)
def key_not_read(desk: Project) -> Iterator[str]:
    """A key that `scf-mps deploy` does not read."""
    yield from desk.take(warning=True)


def is_deployed(desk: Project, package: str, extra: str) -> bool:
    """Whether a package is in the build, or asked for by name, by an extra of ours, or in a layer."""
    if desk.upload and any(name.startswith(f"{package}/") for name in desk.upload.names):
        return True
    if desk.inputs.get("layers"):
        return True
    path = desk.source / "requirements.txt"
    asked = path.read_text("utf-8", "replace") if path.is_file() else ""
    return bool(re.search(rf"(?im)^\s*({package}\b|scf-mps\s*\[[^\]]*\b{extra}\b)", asked))


def _events(desk: Project) -> list[Mapping[str, Any]]:
    events = desk.inputs.get("events")
    return [one for one in events if isinstance(one, Mapping)] if isinstance(events, list) else []


def _parameters(desk: Project, kind: str) -> list[Mapping[str, Any]]:
    """The parameters of all triggers of a kind."""
    found = []
    for event in _events(desk):
        if kind in event:
            trigger = event[kind]
            given = trigger.get("parameters") if isinstance(trigger, Mapping) else None
            found.append(given if isinstance(given, Mapping) else {})
    return found
