"""A COS emulator: Tencent Cloud Object Storage on the desk, which official clients believe.

It speaks COS's own protocol (signature version 5, regional bucket hosts, COS's copies, errors and
checksums), keeps everything in a directory, and fails on demand. In a test:

    with CosEmulator(tmp_path) as cos:
        cos.create_bucket("desk-1250000000", "ap-guangzhou")
        config = CosConfig(Region="ap-guangzhou", SecretId=cos.key.secret_id,
                           SecretKey=cos.key.secret_key, Scheme="http",
                           Proxies={"http": cos.url})

As a process: `python -m scf_mps.local.cos --dir DIR --port N`. This folder stands alone: it
imports nothing else of its package.
"""

from .emulator import DEFAULT_KEY, DEFAULT_REGION, CosEmulator, serve
from .errors import CosError
from .faults import Fault, Faults
from .limits import Limit
from .request_log import LoggedRequest, RequestLog
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
    "serve",
]
