"""What MPS could not do by its own fault, asked for again: ``MPS_RESUBMIT=2`` switches it on, two times at most."""

from scf_mps import Router, actions

from .moderation import moderate
from .settings import settings

router = Router()

permits = moderate.permits_again if moderate else None  # what is held is not made anew

resubmit = settings.read("MPS_RESUBMIT", lambda given: actions.Resubmit(given, when=permits))

if resubmit:
    resubmit.register(router, "handlers.resubmitting.submit")
