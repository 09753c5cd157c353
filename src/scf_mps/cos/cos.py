"""`Cos`: what a callback does with files, for one object or for thousands.

What it can do is in `reading.py`, `storing.py`, `writing.py` and `changing.py`, put together from `copying`, `deleting`, `download`, `upload` and
`streams`. A callback asks for it by annotation, and gets one with the credentials and the time of its invocation.
"""

from __future__ import annotations

from .changing import Changing
from .reading import Reading
from .storing import Storing
from .writing import Writing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..dispatch.injection import Invocation

    Named = object
else:
    from . import Cos as Named


class Cos(Reading, Storing, Writing, Changing, Named):
    """COS for one invocation: its credentials, its time, and the buckets it may touch. Safe for threads.

    One object is a `CosObject` or a ``cos://bucket.region/key`` text; many are any iterable of them, e.g.
    ``transcode.files`` or `list`. What takes many gives every one its turn and raises `SomeFailed` at the end, with
    the error of each that failed; the same call again does what is left.

    Args:
        credentials: those of the environment (SCF: of the execution role) by default.
        context: the invocation's; its deadline bounds every wait, retry and operation on a connection.
        proxy: ``http://host:port`` of a COS emulator, which is asked without encryption;
            ``MPS_COS_PROXY`` by default.
        buckets: names or globs of the buckets that may be touched; ``MPS_BUCKETS`` by default, all without it.
        concurrency: requests at a time, at most.
        retry: how often and how patiently.
        timeout: seconds without a byte that end a try.
        domain: of the buckets' hosts.
        rate: the share of COS's documented request rates that may be used.
        pool: connections to use; those of the process by default.

    Raises:
        ValueError: for a proxy that is no ``http://host:port``.
    """

    @classmethod
    def __provide__(cls, invocation: Invocation) -> Cos:
        """The one of an invocation."""
        if cls not in invocation.values:
            invocation.values[cls] = cls(context=invocation.context)
        found: Cos = invocation.values[cls]
        return found
