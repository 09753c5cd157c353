"""SCF on the desk: a function in processes of its own CPython, with SCF's limits, retries and dead letters. In a test:

    with LocalFunction("build", timeout=10, dead_letter_queue=True, speed=1000) as function:
        assert function.invoke(event).returned == ...
        function.push(event)      # as a trigger does
        function.settle()         # a minute between two tries takes 60 ms at this speed
        assert function.dead_letters == []

What is emulated is what SCF documents or was seen to do. The standard library is all this needs, on a POSIX system.
"""

from .foreground import make_observer, serve
from .function import LocalFunction
from .instance import Instance
from .invocation import Invocation
from .lifecycle import LifecycleEvent
from .settings import KeyPair, Settings
from .statuses import InvocationRejected

__all__ = [
    "Instance",
    "Invocation",
    "InvocationRejected",
    "KeyPair",
    "LifecycleEvent",
    "LocalFunction",
    "Settings",
    "make_observer",
    "serve",
]
