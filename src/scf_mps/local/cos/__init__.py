"""A COS emulator that official clients accept.

It implements COS's protocol (signature version 5, regional bucket hosts, copies, error codes and
checksums), stores everything in a directory and injects faults on demand. In a test:

    with CosEmulator(tmp_path) as cos:
        cos.create_bucket("demo-1250000000", "ap-guangzhou")
        config = CosConfig(Region="ap-guangzhou", SecretId=cos.key.secret_id,
                           SecretKey=cos.key.secret_key, Scheme="http",
                           Proxies={"http": cos.url})

As a process: `python -m scf_mps.local.cos --dir DIR --port N`. To add an operation, see `operations`.
"""

from ..request_log import RequestLog
from .call import StoredObject
from .emulator import DEFAULT_KEY, DEFAULT_REGION, CosEmulator, serve
from .errors import CosError
from .faults import Fault, Faults
from .limits import Limit
from .logged_request import LoggedRequest
from .signature import Key, KeyRing

__all__ = [
    "DEFAULT_KEY",
    "DEFAULT_REGION",
    "CosEmulator",
    "CosError",
    "Fault",
    "Faults",
    "Key",
    "KeyRing",
    "Limit",
    "LoggedRequest",
    "RequestLog",
    "StoredObject",
    "serve",
]
