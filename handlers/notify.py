"""A message for each task to chats, mailboxes and programs: ``MPS_NOTIFY=wecom://KEY,mailto:ops@example.com``.

Each address is a separate callback, so a retry sends only the messages that failed. ``MPS_SMTP`` is the mail server.
"""

import os

from scf_mps import Event, Router, actions

from .moderate import moderate
from .publish import publish
from .settings import settings

router = Router()

smtp = os.environ.get("MPS_SMTP", "")
links = publish.links if publish else None  # without it, links are presigned
held = moderate.holds if moderate else None  # held results get no links
counts: dict[str, int] = {}

for notify in settings.read_all(
    "MPS_NOTIFY", lambda value: actions.Notify(value, smtp=smtp, links=links, held=held)
):
    count = counts[notify.channel] = counts.get(notify.channel, 0) + 1
    # Ledger records contain this name, so it must not change.
    name = f"handlers.notifying.{notify.channel}{f'-{count}' if count > 1 else ''}"
    # A message is sent after every other callback has succeeded, so its links are valid. For messages about failures
    # of MPS even if a callback fails, use router.on_failure. A channel that fails stops no other (blocking=False).
    router.on_complete(Event, name=name, needs=2, blocking=False, **notify.filters)(notify.send)
