"""SCF's rules for functions and layers: names, sizes, settings and zips.

Each violation raises the code that SCF's SDK lists for it. Limits follow the SDK's models (2018-04-16)
and product pages 583/11637 and 583/32748.
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
"""Runtimes of the SDK's models and the two newer Pythons of Tencent's function templates."""

MAX_ZIP_BYTES = 50 * 1024 * 1024
MAX_UPDATE_ZIP_BYTES = 20 * 1024 * 1024
"""Most bytes of a zip in a request."""
MAX_UNPACKED_BYTES = 500 * 1024 * 1024
MAX_LAYERS = 5

Objects = Callable[[str, str, str], bytes | None]
"""Access to COS: bucket (without appid), region and key to the object's bytes, or None."""

_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "FunctionName": naming_rules.FUNCTION_PATTERN,
    "Handler": naming_rules.HANDLER_PATTERN,
    "Description": re.compile(r"[A-Za-z0-9 ,.\n\u4e00-\u9fff]{0,1000}"),
    "LayerName": re.compile("[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?"),
}


def check_text(name: str, value: str) -> str:
    """Return a text that matches its parameter's pattern. Raises ApiError InvalidParameterValue.<name>."""
    if not _PATTERNS[name].fullmatch(value):
        raise ApiError(
            f"InvalidParameterValue.{name}", f"{name} does not have the documented form."
        )
    return value


def parse_settings(call: Call) -> dict[str, Any]:
    """Return the checked settings of a function that a call contains.

    Raises:
        ApiError: with the code that SCF's SDK lists.
    """
    settings = {name: call.parameters[name] for name in _UNCHECKED if name in call.parameters}
    if "Description" in call.parameters:
        settings["Description"] = check_text("Description", call.text("Description", ""))
    if "MemorySize" in call.parameters:
        memory = settings["MemorySize"] = call.integer("MemorySize", 128)
        if memory != 64 and (memory % 128 or not 128 <= memory <= 3072):
            raise ApiError(
                "InvalidParameterValue.Memory", "MemorySize is 64, or 128 to 3072 by 128."
            )
    for name, minimum, maximum in (("Timeout", 1, 900), ("InitTimeout", 3, 300)):
        if name in call.parameters:
            settings[name] = call.integer(name, 0)
            if not minimum <= settings[name] <= maximum:
                raise ApiError(f"LimitExceeded.{name}", f"{name} is from {minimum} to {maximum}.")
    if "Environment" in call.parameters:
        settings["Environment"] = {"Variables": _parse_variables(call.parameters["Environment"])}
    return settings


_UNCHECKED = (
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


def _parse_variables(environment: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the environment variables. One with an empty name removes all."""
    variables = [
        {"Key": str(variable.get("Key", "")), "Value": str(variable.get("Value", ""))}
        for variable in environment.get("Variables") or []
    ]
    if variables == [{"Key": "", "Value": ""}]:
        return []
    for variable in variables:
        if not naming_rules.VARIABLE_PATTERN.fullmatch(variable["Key"]) or not variable["Value"]:
            raise ApiError(
                "InvalidParameterValue.Environment",
                f"{variable['Key']!r} is not a variable with a value.",
            )
        if variable["Key"].startswith(naming_rules.RESERVED_PREFIXES):
            raise ApiError(
                "InvalidParameterValue.EnvironmentSystemProtect", f"{variable['Key']} is reserved."
            )
    size = naming_rules.measure_variables(
        (variable["Key"], variable["Value"]) for variable in variables
    )
    if size > naming_rules.MAX_ENVIRONMENT_BYTES:
        raise ApiError(
            "InvalidParameterValue.EnvironmentExceededLimit",
            f"The variables have {size} of at most {naming_rules.MAX_ENVIRONMENT_BYTES} bytes.",
        )
    return variables


def read_package(
    code: Mapping[str, Any], max_bytes: int, objects: Objects | None, region: str
) -> bytes:
    """Return the zip of ``Code`` or ``Content``.

    Raises:
        ApiError: InvalidParameterValue.Code, .ZipFile or .ZipFileBase64BinasciiError, ResourceNotFound.CosObject.
    """
    if code.get("ZipFile"):
        try:
            content = base64.b64decode(code["ZipFile"], validate=True)
        except (binascii.Error, ValueError):
            raise ApiError(
                "InvalidParameterValue.ZipFileBase64BinasciiError", "ZipFile is not Base64."
            ) from None
        if len(content) > max_bytes:
            raise ApiError(
                "InvalidParameterValue.ZipFile",
                f"The zip has {len(content)} of at most {max_bytes} bytes. Use COS.",
            )
    elif code.get("CosBucketName") and code.get("CosObjectName"):
        bucket, where = str(code["CosBucketName"]), code.get("CosBucketRegion") or region
        stored = objects(bucket, where, str(code["CosObjectName"]).lstrip("/")) if objects else None
        if stored is None:
            raise ApiError(
                "ResourceNotFound.CosObject", f"{code['CosObjectName']} does not exist in {bucket}."
            )
        content = stored
    else:
        raise ApiError("InvalidParameterValue.Code", "Code has neither ZipFile nor a COS object.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
    except zipfile.BadZipFile:
        raise ApiError("InvalidParameterValue.ZipFile", "The code is not a zip.") from None
    if unpacked > MAX_UNPACKED_BYTES:
        raise ApiError("InvalidParameterValue.ZipFile", "The unpacked code exceeds 500 MB.")
    return content
