"""Variables of the function in the local stack: the project's own, but nothing leaves the machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from scf_mps.logs import CALLBACK_LEVEL

from ..demo import ARCHIVE_PREFIX, PUBLISH_PREFIX
from ..messages import redirect_messages, remove_option

DEFAULT_SENDER = "mps@example.com"
"""Sender of mails without ``from=`` and without a user in ``MPS_SMTP``."""


class Addresses(NamedTuple):
    """URLs of the local stack.

    Attributes:
        cos: of the COS emulator.
        api: of the API emulator.
        chat: of the stub of chat webhooks.
        build_smtp: returns the URL of the mail sink, with a default sender.
        ledger: of the ledger.
        otlp: of the receiver of spans.
    """

    cos: str
    api: str
    chat: str
    build_smtp: Callable[[str], str]
    ledger: str
    otlp: str


class Environment(NamedTuple):
    """The variables of the function, and a line for each change that the developer should know."""

    variables: dict[str, str]
    notices: list[str]


def build_environment(
    project: Mapping[str, str], addresses: Addresses, input_bucket: str
) -> Environment:
    """Return the function's variables.

    Args:
        project: the variables of the project.
        addresses: of the local stack.
        input_bucket: in which the videos are.
    """
    notices: list[str] = []
    variables = {name: value for name, value in project.items() if value}
    redirect_messages(variables, "MPS_NOTIFY", addresses.chat, notices)
    redirect_messages(variables, "MPS_FORWARD", addresses.chat, notices)
    if "notify=" in variables.get("MPS_RESUBMIT", ""):
        variables["MPS_RESUBMIT"] = remove_option(variables["MPS_RESUBMIT"], "notify")
        notices.append("MPS_RESUBMIT: notify= is left out, because its URL is not on this machine")
    if "mailto:" in variables.get("MPS_NOTIFY", ""):
        user = unquote(urlsplit(variables.get("MPS_SMTP", "")).username or "")
        variables["MPS_SMTP"] = addresses.build_smtp(user if "@" in user else DEFAULT_SENDER)
    else:
        variables.pop("MPS_SMTP", None)
    receiver = variables.setdefault("MPS_OTLP", addresses.otlp)
    if not re.match(r"https?://(127\.0\.0\.1|localhost|\[::1\])[:/]", receiver):
        variables["MPS_OTLP"] = addresses.otlp
        notices.append("MPS_OTLP: spans are shown in the console, and not sent to your receiver")
    _set_logging(variables, notices)
    if "MPS_BUCKETS" in variables:
        local = (input_bucket, ARCHIVE_PREFIX.bucket, PUBLISH_PREFIX.bucket)
        variables["MPS_BUCKETS"] = ",".join([variables["MPS_BUCKETS"], *local])
    defaults = {
        "MPS_ARCHIVE": f"{ARCHIVE_PREFIX}/",
        "MPS_PUBLISH": f"{PUBLISH_PREFIX}/?manifest=manifest.json",
        "MPS_NOTIFY": f"wecom://local?endpoint={addresses.chat}&lang=en",
    }
    variables |= {name: value for name, value in defaults.items() if not project.get(name)}
    local_variables = {
        "MPS_COS_PROXY": addresses.cos,
        "MPS_API_ENDPOINT": addresses.api,
        "MPS_LEDGER": addresses.ledger,
    }
    return Environment({**variables, **local_variables}, notices)


def _set_logging(variables: dict[str, str], notices: list[str]) -> None:
    """Make the function log the outcomes of callbacks as JSON."""
    if variables.pop("MPS_LOG_FORMAT", "json").lower() != "json":
        notices.append("MPS_LOG_FORMAT is json: outcomes of callbacks are read in the log")
    level = variables.get("MPS_LOG_LEVEL", "INFO")
    if level.upper() != "DEBUG":
        variables["MPS_LOG_LEVEL"] = CALLBACK_LEVEL
    if level.upper() not in ("DEBUG", "INFO"):
        notices.append(
            f"MPS_LOG_LEVEL is INFO, not {level}: outcomes of callbacks are read in the log"
        )
