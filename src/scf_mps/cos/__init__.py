"""COS helper for callbacks: read, copy, publish and delete the files of a result, verified.

All names are imported on first access. Nothing needs more than the standard library.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..common.retry import Retry as Retry
    from ..errors import NotInCos as NotInCos
    from ..events.files import CosObject as CosObject
    from ..tencent.credentials import Credentials as Credentials
    from .cos import Cos as Cos
    from .errors import Conflict as Conflict
    from .errors import Corrupt as Corrupt
    from .errors import CosError as CosError
    from .errors import Denied as Denied
    from .errors import NotFound as NotFound
    from .errors import SomeFailed as SomeFailed
    from .errors import Throttled as Throttled
    from .errors import Unavailable as Unavailable
    from .errors import UnsafeKey as UnsafeKey
    from .hls import NotAPlaylist as NotAPlaylist
    from .hls import UnknownManifest as UnknownManifest
    from .metadata import Entry as Entry
    from .metadata import Head as Head
    from .progress import Progress as Progress
    from .progress import bar as bar
    from .transport import Pool as Pool
else:

    def _load_methods():
        """Copy the documentation and methods of `cos.cos.Cos`, for help(), inspect and mocks."""
        from .cos import Cos as FullCos

        Cos.__doc__ = FullCos.__doc__
        for name, value in vars(FullCos).items():
            if name[0] != "_" and name not in vars(Cos):
                type.__setattr__(Cos, name, value)
        return FullCos

    class _LazyType(type):
        def __getattr__(cls, name):
            if cls is Cos and name[0] != "_" and hasattr(_load_methods(), name):
                return getattr(cls, name)
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")

        def __dir__(cls):
            _load_methods()
            return super().__dir__()

        @property
        def __signature__(cls):
            from inspect import signature

            init = signature((_load_methods() if cls is Cos else cls).__init__)
            return init.replace(parameters=[*init.parameters.values()][1:])

    class Cos(metaclass=_LazyType):
        """The COS helper, see `cos.cos.Cos`. Its module is loaded when the first one is made."""

        __slots__ = ()

        def __new__(cls, *args, **kwargs):
            """Create an instance of the full class."""
            from .cos import Cos as FullCos

            return object.__new__(FullCos if cls is Cos else cls)

        @classmethod
        def __provide__(cls, invocation):
            """Return the instance of an invocation."""
            from .cos import Cos as FullCos

            return FullCos.__provide__(invocation)

    from ..common.lazy import create_accessors

    __getattr__, __dir__ = create_accessors(
        globals(),
        {
            "common.retry": "Retry",
            "errors": "NotInCos",
            "events.files": "CosObject",
            "tencent.credentials": "Credentials",
            "cos.errors": "Conflict Corrupt CosError Denied NotFound SomeFailed Throttled Unavailable UnsafeKey",
            "cos.hls": "NotAPlaylist UnknownManifest",
            "cos.metadata": "Entry Head",
            "cos.progress": "Progress bar",
            "cos.transport": "Pool",
        },
        list_others=lambda: ["Cos"],
    )
