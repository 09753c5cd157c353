"""Resubmission of tasks after internal errors of MPS: ``MPS_RESUBMIT=2`` enables it, for at most two attempts."""

from scf_mps import Router, actions

from .moderate import moderate
from .settings import settings

router = Router()

permits = moderate.permits_again if moderate else None  # held results are not made again

resubmit = settings.read("MPS_RESUBMIT", lambda value: actions.Resubmit(value, when=permits))

if resubmit:
    # Ledger records contain this name, so it must not change.
    resubmit.register(router, "handlers.resubmitting.submit")
