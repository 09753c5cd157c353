"""Environment variables of an instance and context of an invocation (pages 583/32748, 583/9210)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .layout import FunctionPaths
from .settings import KeyTriple, Settings

_KEY_VARIABLES = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")


def build_variables(
    settings: Settings,
    variables: Mapping[str, str],
    places: FunctionPaths,
    folder: Path,
    keys: KeyTriple | None,
) -> dict[str, str]:
    """Build the environment of an instance that may write to `folder`, without variables of this process.

    `variables` are those of the function.

    ``PATH``, ``TMPDIR`` and ``TZ`` are not documented by SCF: the function needs commands, the instance has its
    own temporary folder here, and SCF's clock is UTC.
    """
    return {
        "PATH": os.defpath,
        "TMPDIR": str(folder / "tmp"),
        "TZ": "UTC",
        "LANG": "en_US.UTF8",
        **variables,
        "TENCENTCLOUD_RUNENV": "SCF",
        "USER_CODE_ROOT": f"{places.code}/",
        "SCF_RUNTIME": f"Python{settings.runtime.version}",
        "SCF_FUNCTIONNAME": settings.name,
        "SCF_FUNCTIONVERSION": settings.version,
        "TENCENTCLOUD_REGION": settings.region,
        "TENCENTCLOUD_APPID": settings.appid,
        "TENCENTCLOUD_UIN": settings.uin,
        "TENCENTCLOUD_TZ": "UTC",
        "PYTHONPATH": f"{places.code}:{places.opt}",
        "PYTHONDONTWRITEBYTECODE": "x",
        "PWD": str(places.code),
        "HOME": str(folder / "home"),
        "_SCF_SERVER_PORT": "28902",
        **(dict(zip(_KEY_VARIABLES, keys, strict=True)) if keys else {}),
    }


def build_context(settings: Settings, request_id: str, keys: KeyTriple | None) -> dict[str, Any]:
    """Build the handler's second argument. The runtime sets the variables in ``environ`` before each invocation."""
    environment = {"SCF_NAMESPACE": settings.namespace}
    environ = {**environment, **(dict(zip(_KEY_VARIABLES, keys, strict=True)) if keys else {})}
    return {
        "memory_limit_in_mb": settings.memory,
        "time_limit_in_ms": settings.timeout * 1000,
        "request_id": request_id,
        "environment": json.dumps(environment, separators=(",", ":")),
        "environ": ";".join(f"{name}={value}" for name, value in environ.items()),
        "function_version": settings.version,
        "function_name": settings.name,
        "namespace": settings.namespace,
        "tencentcloud_region": settings.region,
        "tencentcloud_appid": settings.appid,
        "tencentcloud_uin": settings.uin,
    }
