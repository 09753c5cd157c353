"""Messages of a function on this machine: redirection of their addresses, and their texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from scf_mps.actions.settings import Settings

from .mail_sink import ReceivedMail

_CHATS = ("wecom", "dingtalk", "feishu", "lark", "slack")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def redirect_messages(variables: dict[str, str], name: str, chat: str, notices: list[str]) -> None:
    """Redirect the addresses in a variable to the stub of chat webhooks, and remove the others."""
    kept: list[str] = []

    def redirect(address: str) -> None:
        scheme = address.partition(":")[0]
        rule = _RULES.get(scheme)
        if rule is None:
            notices.append(
                f"{name}: {scheme}: is left out, because it cannot be redirected to this machine"
            )
        else:
            kept.append(rule(address, chat))

    Settings(variables).read_all(name, redirect)
    if kept:
        variables[name] = ",".join(kept)
    else:
        variables.pop(name, None)


def _redirect_chat(address: str, chat: str) -> str:
    address = remove_option(address, "endpoint")
    return f"{address}{'&' if '?' in address else '?'}endpoint={chat}"


def _redirect_url(address: str, chat: str) -> str:
    """Return the URL of the stub whose path contains that of the address."""
    if urlsplit(address).hostname in _LOOPBACK:
        return address
    return f"{chat}/{address.partition('://')[2]}"


_RULES: Mapping[str, Callable[[str, str], str]] = {
    **dict.fromkeys(_CHATS, _redirect_chat),
    **dict.fromkeys(("http", "https"), _redirect_url),
    "mailto": lambda address, chat: address,
}
"""Redirections of addresses, by scheme."""


def remove_option(address: str, option: str) -> str:
    """Return an address without an option."""
    path, _, query = address.partition("?")
    pairs = [pair for pair in query.split("&") if pair and pair.partition("=")[0] != option]
    return f"{path}?{'&'.join(pairs)}" if pairs else path


def read_message(channel: str, body: Any) -> tuple[str, str]:
    """Return the title, which may be empty, and the text of an accepted message."""
    if channel == "wecom":
        return "", body["markdown_v2"]["content"]
    if channel == "dingtalk":
        return str(body["markdown"].get("title") or ""), body["markdown"]["text"]
    if channel == "feishu":
        post: dict[str, Any] = next(iter(body["content"]["post"].values()), {})
        return str(post.get("title") or ""), "\n".join(
            "".join(str(element.get("text", "")) for element in paragraph)
            for paragraph in post.get("content", ())
        )
    if channel == "slack":
        texts = [
            block.get("text", {}).get("text", "")
            for block in body.get("blocks") or []
            if "text" in block
        ]
        return str(body.get("text") or ""), "\n".join(texts) or str(body.get("text") or "")
    if isinstance(body, dict) and isinstance(body.get("text"), str):  # that of our Notify action
        return str(body.get("title") or ""), body["text"]
    return "", json.dumps(body, ensure_ascii=False, indent=2)


def read_mail(received: ReceivedMail) -> tuple[str, str]:
    """Return the subject and the text of a mail."""
    part = received.message.get_body(("plain", "html"))
    lines = str(part.get_content()).splitlines() if part is not None else []
    return str(received.message["Subject"] or ""), "\n".join(lines)
