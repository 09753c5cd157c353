"""The deployed application: its callbacks, and `main_handler`, the entry point for SCF.

Each file holds one concern. Files that an environment variable enables register nothing without it. To add callbacks,
write `handlers/mine.py` with a `router` and decorated functions, and add it below.
"""

from scf_mps import App

from . import (
    archive,
    edits,
    failures,
    forward,
    moderate,
    notify,
    pictures,
    public,
    publish,
    renditions,
    resubmit,
)
from .settings import settings

settings.check()

app = App(
    archive.router,
    moderate.router,
    renditions.router,
    pictures.router,
    publish.router,
    edits.router,
    failures.router,
    forward.router,
    resubmit.router,
    notify.router,
    public.router,
)

main_handler = app.main_handler
