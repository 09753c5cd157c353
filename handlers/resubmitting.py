"""What MPS could not do by its own fault, asked for again: ``MPS_RESUBMIT=2`` switches it on, two times at most."""

from scf_mps import Router, actions

from .settings import settings

router = Router()

resubmit = settings.read("MPS_RESUBMIT", lambda given: actions.Resubmit(given))

if resubmit:
    resubmit.register(router, "handlers.resubmitting.submit")
