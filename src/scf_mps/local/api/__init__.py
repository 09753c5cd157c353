"""Emulator of Tencent Cloud API 3.0 for official clients of MPS, SCF and other products.

It verifies signatures (TC3-HMAC-SHA256, HmacSHA1, HmacSHA256), responds in Tencent's format, logs
requests and injects faults. The products are in `services`, which says how to add an action. In a test:

    mps = Mps()
    with CloudApi([mps]) as api:
        mps.add(notification)
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=api.endpoint))
        client = CommonClient("mps", "2019-06-12", credential, "ap-guangzhou", profile)

For a client that deploys functions, `LocalRunner` runs what was deployed:

    with LocalRunner() as run:
        scf = Scf(run=run)
        with CloudApi([scf, Mps(functions=scf.account)]) as api:
            ...
"""

from ..cos import Key, KeyRing
from ..request_log import RequestLog
from .errors import ApiError
from .faults import Fault, Faults
from .logged_request import LoggedRequest
from .server import CloudApi
from .service import Call, Service, action
from .services.cdn import Cdn
from .services.cls import Cls
from .services.mps import Mps
from .services.scf import Function, Scf
from .services.scf.account import Account, FunctionRecord, FunctionVersion
from .services.scf.logs import write_log_entry
from .services.scf.runner import LocalRunner
from .services.ses import SentEmail, Ses
from .services.tdmq import Tdmq

__all__ = [
    "Account",
    "ApiError",
    "Call",
    "Cdn",
    "CloudApi",
    "Cls",
    "Fault",
    "Faults",
    "Function",
    "FunctionRecord",
    "FunctionVersion",
    "Key",
    "KeyRing",
    "LocalRunner",
    "LoggedRequest",
    "Mps",
    "RequestLog",
    "Scf",
    "SentEmail",
    "Service",
    "Ses",
    "Tdmq",
    "action",
    "write_log_entry",
]
