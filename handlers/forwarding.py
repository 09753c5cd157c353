"""Events sent on as they came: ``MPS_FORWARD=scf://function.region,https://host/path?secret=…`` switches it on.

An account has one MPS trigger: this is how others get what is theirs, each by types, session, bucket or path.
"""

from scf_mps import Router, actions

from .archiving import archive
from .settings import settings

router = Router()

for target in settings.read_all("MPS_FORWARD", lambda to: actions.Forward(to, archive)):
    target.register(router, "handlers.forwarding")
