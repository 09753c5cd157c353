"""SCF emulator: functions in processes of their CPython, with SCF's limits, retries and dead letters.

In a test:

    with LocalFunction("build", timeout=10, dead_letter_queue=True, speed=1000) as function:
        assert function.invoke(event).returned == ...
        function.push(event)      # as a trigger does
        function.settle()         # the minute between two deliveries takes 60 ms at this speed
        assert function.dead_letters == []

It emulates behaviour that SCF documents or that was observed. It needs the standard library and a POSIX
system.
"""

from .foreground import make_observer, serve
from .function import LocalFunction, ReloadError
from .instance import Instance
from .invocation import Invocation
from .lifecycle import LifecycleEvent
from .settings import KeyPair, SettingError, Settings
from .statuses import InvocationRejected

__all__ = [
    "Instance",
    "Invocation",
    "InvocationRejected",
    "KeyPair",
    "LifecycleEvent",
    "LocalFunction",
    "ReloadError",
    "SettingError",
    "Settings",
    "make_observer",
    "serve",
]
