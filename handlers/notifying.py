"""One message for each task, to chats, mailboxes and programs: ``MPS_NOTIFY=wecom://KEY,mailto:ops@example.com``.

Each address is a callback of its own, so that a retry tells only those that were not told. ``MPS_SMTP`` is the server
for mail.
"""

import os

from scf_mps import Event, Router, actions

from .moderation import moderate
from .publishing import publish
from .settings import settings

router = Router()

smtp = os.environ.get("MPS_SMTP", "")
links = publish.links if publish else None  # of what is not published they are presigned
held = moderate.holds if moderate else None  # of what is held there are none
told: dict[str, int] = {}

for notify in settings.read_all(
    "MPS_NOTIFY", lambda to: actions.Notify(to, smtp=smtp, links=links, held=held)
):
    number = told[notify.channel] = told.get(notify.channel, 0) + 1
    name = f"handlers.notifying.{notify.channel}{f'-{number}' if number > 1 else ''}"
    # After every other callback has succeeded, so that what a message says is out is out. To be told at once of what
    # MPS could not do, even if a callback fails: router.on_failure(Event, …) in place of router.on_complete.
    # A channel that fails stops no other (blocking=False).
    router.on_complete(Event, name=name, needs=2, blocking=False, **notify.filters)(notify.send)
