"""Forwarding of events: ``MPS_FORWARD=scf://function.region,https://host/path?secret=…`` enables it.

An account has one MPS trigger. Each target receives its events by types, session, bucket or path.
"""

from scf_mps import Router, actions

from .archive import archive
from .settings import settings

router = Router()

for forward in settings.read_all("MPS_FORWARD", lambda value: actions.Forward(value, archive)):
    # Ledger records contain this name, so it must not change.
    forward.register(router, "handlers.forwarding")
