"""The application that is deployed: which callbacks it is made of, and the entry point SCF calls.

One file a concern; what a variable of the environment switches on registers nothing without it. To add one, write
`handlers/mine.py` with a `router` and decorated functions, and name it below.
"""

from scf_mps import App

from . import (
    archiving,
    edits,
    failures,
    forwarding,
    moderation,
    notifying,
    pictures,
    publishing,
    renditions,
    resubmitting,
)
from .settings import settings

settings.check()

app = App(
    archiving.router,
    moderation.router,
    renditions.router,
    pictures.router,
    publishing.router,
    edits.router,
    failures.router,
    forwarding.router,
    resubmitting.router,
    notifying.router,
)

main_handler = app.main_handler
