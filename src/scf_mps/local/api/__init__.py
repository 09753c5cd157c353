"""Tencent Cloud API 3.0 on the desk: what official clients of MPS, SCF … talk to, on the loopback interface.

It verifies signatures (TC3-HMAC-SHA256, HmacSHA1, HmacSHA256), answers in Tencent's shapes, writes down what it was
asked and fails on demand. What the actions do is in services, a module each: `cdn`, `mps`, `scf`, `tdmq` … In a test:

    mps = Mps()
    with CloudApi([mps]) as api:
        mps.add(notification)
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=api.endpoint))
        client = CommonClient("mps", "2019-06-12", credential, "ap-guangzhou", profile)

What deploys a function finds one that is believed in the same way:

    with LocalRunner() as run:
        scf = Scf(run=run)
        with CloudApi([scf, Mps(functions=scf.account)]) as api:
            ...

A service of one's own is a subclass of `Service` with methods marked by `@action("Name")`.
"""

from ..cos import Key, KeyRing
from .cdn import Cdn
from .deployed import Account, Deployed, Version
from .errors import ApiError
from .faults import Fault, Faults
from .function_logs import write
from .journal import Request, RequestLog
from .mps import Mps
from .running import Emulated, LocalRunner
from .scf import Function, Outcome, Scf
from .server import CloudApi
from .service import Call, Service, action
from .ses import Letter, Ses
from .tdmq import Tdmq

__all__ = [
    "Account",
    "ApiError",
    "Call",
    "Cdn",
    "CloudApi",
    "Deployed",
    "Emulated",
    "Fault",
    "Faults",
    "Function",
    "Key",
    "KeyRing",
    "Letter",
    "LocalRunner",
    "Mps",
    "Outcome",
    "Request",
    "RequestLog",
    "Scf",
    "Service",
    "Ses",
    "Tdmq",
    "Version",
    "action",
    "write",
]
