"""What SCF lets a function be: names, sizes, the code's zip. Each rule raises the code that SCF's SDK lists for it.

Limits are those of the SDK's models (2018-04-16) and of product pages 583/11637 and 583/32748.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from scf_mps.deploy import naming_rules

from ...errors import ApiError
from ...service import Call

RUNTIMES = (
    "Python2.7",
    "Python3.6",
    "Python3.7",
    "Python3.9",
    "Python3.10",
    "Python3.12",
    "Python3.13",
    "Nodejs6.10",
    "Nodejs8.9",
    "Nodejs10.15",
    "Nodejs12.16",
    "Nodejs14.18",
    "Nodejs16.13",
    "Nodejs18.15",
    "Php5.6",
    "Php7",
    "Php7.4",
    "Php8.0",
    "Go1",
    "Java8",
    "CustomRuntime",
)
"""Of the SDK's models, and the two newer Pythons that are in Tencent's function templates."""

LARGEST_CREATED = 50 * 1024 * 1024
LARGEST_UPDATED = 20 * 1024 * 1024
"""Bytes of a zip that comes with a request."""
LARGEST_UNPACKED = 500 * 1024 * 1024
MOST_LAYERS = 5

Objects = Callable[[str, str, str], bytes | None]
"""What is in COS: bucket (without appid), region and key to the object's bytes, or None if there is none."""

_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "FunctionName": naming_rules.FUNCTION_PATTERN,
    "Handler": naming_rules.HANDLER_PATTERN,
    "Description": re.compile(r"[A-Za-z0-9 ,.\n\u4e00-\u9fff]{0,1000}"),
    "LayerName": re.compile("[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?"),
}


def check_text(name: str, value: str) -> str:
    """A text by the pattern of its parameter. Raises ApiError InvalidParameterValue.<name>."""
    if not _PATTERNS[name].fullmatch(value):
        raise ApiError(f"InvalidParameterValue.{name}", f"{name} is not of the documented form.")
    return value


def settings(call: Call) -> dict[str, Any]:
    """What a call sets of a function, checked; only what it names.

    Raises:
        ApiError: what SCF's SDK lists for it.
    """
    given = {name: call.parameters[name] for name in _PASSED if name in call.parameters}
    if "Description" in call.parameters:
        given["Description"] = check_text("Description", call.text("Description", ""))
    if "MemorySize" in call.parameters:
        memory = given["MemorySize"] = call.integer("MemorySize", 128)
        if memory != 64 and (memory % 128 or not 128 <= memory <= 3072):
            raise ApiError(
                "InvalidParameterValue.Memory", "MemorySize is 64, or 128 to 3072 by 128."
            )
    for name, least, most in (("Timeout", 1, 900), ("InitTimeout", 3, 300)):
        if name in call.parameters:
            given[name] = call.integer(name, 0)
            if not least <= given[name] <= most:
                raise ApiError(f"LimitExceeded.{name}", f"{name} is from {least} to {most}.")
    if "Environment" in call.parameters:
        given["Environment"] = {"Variables": _variables(call.parameters["Environment"])}
    return given


_PASSED = (
    "AsyncRunEnable",
    "ClsLogsetId",
    "ClsTopicId",
    "DeadLetterConfig",
    "InstallDependency",
    "L5Enable",
    "PublicNetConfig",
    "Role",
    "Tags",
    "TraceEnable",
    "Type",
    "VpcConfig",
)


def _variables(environment: Mapping[str, Any]) -> list[dict[str, str]]:
    """Environment variables; one with an empty name means that there are to be none."""
    variables = [
        {"Key": str(one.get("Key", "")), "Value": str(one.get("Value", ""))}
        for one in environment.get("Variables") or []
    ]
    if variables == [{"Key": "", "Value": ""}]:
        return []
    for one in variables:
        if not naming_rules.VARIABLE_PATTERN.fullmatch(one["Key"]) or not one["Value"]:
            raise ApiError(
                "InvalidParameterValue.Environment", f"{one['Key']!r} is no variable with a value."
            )
        if one["Key"].startswith(naming_rules.RESERVED_PREFIXES):
            raise ApiError(
                "InvalidParameterValue.EnvironmentSystemProtect", f"{one['Key']} is reserved."
            )
    size = naming_rules.measure_variables((one["Key"], one["Value"]) for one in variables)
    if size > naming_rules.MAX_ENVIRONMENT_BYTES:
        raise ApiError(
            "InvalidParameterValue.EnvironmentExceededLimit",
            f"The variables have {size} bytes, but {naming_rules.MAX_ENVIRONMENT_BYTES} at most.",
        )
    return variables


def package(code: Mapping[str, Any], largest: int, objects: Objects | None, region: str) -> bytes:
    """The zip that ``Code`` or ``Content`` is of.

    Raises:
        ApiError: InvalidParameterValue.Code, .ZipFile or .ZipFileBase64BinasciiError, ResourceNotFound.CosObject.
    """
    if code.get("ZipFile"):
        try:
            content = base64.b64decode(code["ZipFile"], validate=True)
        except (binascii.Error, ValueError):
            raise ApiError(
                "InvalidParameterValue.ZipFileBase64BinasciiError", "ZipFile is no Base64."
            ) from None
        if len(content) > largest:
            raise ApiError(
                "InvalidParameterValue.ZipFile",
                f"The zip has {len(content)} bytes, but {largest} at most; go by COS.",
            )
    elif code.get("CosBucketName") and code.get("CosObjectName"):
        bucket, where = str(code["CosBucketName"]), code.get("CosBucketRegion") or region
        found = objects(bucket, where, str(code["CosObjectName"]).lstrip("/")) if objects else None
        if found is None:
            raise ApiError(
                "ResourceNotFound.CosObject", f"There is no {code['CosObjectName']} in {bucket}."
            )
        content = found
    else:
        raise ApiError("InvalidParameterValue.Code", "Code has neither ZipFile nor a COS object.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
    except zipfile.BadZipFile:
        raise ApiError("InvalidParameterValue.ZipFile", "The code is no zip.") from None
    if unpacked > LARGEST_UNPACKED:
        raise ApiError("InvalidParameterValue.ZipFile", "Unpacked, the code is beyond 500 MB.")
    return content
