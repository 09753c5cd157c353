"""Finds what looks like a secret in files that are to be deployed: by the file's name, and by what is written in it.

What is found is named with file and line; the secret itself is never repeated.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

_NAMES = ("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "id_rsa*", "id_ed25519*")
_ENVIRONMENTS = (".env", ".env.*", "*.env")

_TEXTS = {
    "a SecretId of Tencent Cloud": rb"AKID[A-Za-z0-9]{13,}",
    "a private key": (rb"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\"'\\+]*[A-Za-z0-9/]{3}"),
    "a SecretKey": rb"(?i:secret_?key)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9]{32}\b",
}

_PUBLIC = b"-----BEGIN CERTIFICATE-----"
"""What certificates begin with, as in certifi's cacert.pem; a key beside them is found by its own text."""


def secrets_in(
    files: Mapping[str, Path | zipfile.Path], allowed: Collection[str] = ()
) -> Iterator[str]:
    """A sentence for everything that looks like a secret.

    Args:
        files: what is to be deployed, by its path in the zip.
        allowed: paths in the zip that are not looked at.
    """
    for name, path in files.items():
        if name in allowed:
            continue
        last = name.rpartition("/")[2].lower()
        content = path.read_bytes()
        is_named = any(fnmatch(last, pattern) for pattern in (*_NAMES, *_ENVIRONMENTS))
        if is_named and _PUBLIC not in content:
            yield f"{name}: a file of keys by its name {_advice(name)}"
        for what, pattern in _TEXTS.items():
            for match in re.finditer(pattern, content):
                line = content.count(b"\n", 0, match.start()) + 1
                yield f"{name}:{line}: what looks like {what} {_advice(name)}"


def _advice(name: str) -> str:
    return (
        "must not be deployed: a function has temporary keys by its role "
        f"(if it is none: --allow-secret {name})"
    )
