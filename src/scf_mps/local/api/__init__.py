"""Tencent Cloud API 3.0 on the desk: what official clients of MPS, SCF … talk to, on the loopback interface.

It verifies signatures (TC3-HMAC-SHA256, HmacSHA1, HmacSHA256), answers in Tencent's shapes, writes down what it was
asked and fails on demand. What the actions do is in services, a module each: `mps` and `scf`. In a test:

    mps = Mps()
    with CloudApi([mps]) as api:
        mps.add(notification)
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=api.endpoint))
        client = CommonClient("mps", "2019-06-12", credential, "ap-guangzhou", profile)

A service of one's own is a subclass of `Service` with methods marked by `@action("Name")`.
"""

from ..cos import Key, KeyRing
from .errors import ApiError
from .faults import Fault, Faults
from .journal import Request, RequestLog
from .mps import Mps
from .scf import Function, Outcome, Scf
from .server import CloudApi
from .service import Call, Service, action

__all__ = [
    "ApiError",
    "Call",
    "CloudApi",
    "Fault",
    "Faults",
    "Function",
    "Key",
    "KeyRing",
    "Mps",
    "Outcome",
    "Request",
    "RequestLog",
    "Scf",
    "Service",
    "action",
]
