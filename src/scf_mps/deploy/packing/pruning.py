"""Takes out what a dependency brings and no function uses; there is one such thing, and it is 12 MB.

`cos-python-sdk-v5` needs `pycryptodome` for its client-side encryption alone, which `import qcloud_cos` never loads.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path

_UNUSED = "Crypto"
_USERS = ("qcloud_cos/cos_encryption_client.py", "qcloud_cos/crypto.py")
_IMPORT = re.compile(
    rb"^\s*(?:from|import)\s[^\n]*\b(?:Crypto|cos_encryption_client|qcloud_cos\.crypto)\b",
    re.MULTILINE,
)


def prune(folders: Collection[Path], keep: Collection[str]) -> dict[str, int]:
    """Remove what is unused from folders that are to be deployed; names and bytes of what was removed.

    `Crypto` stays if `keep` names it, or if any file imports it, or the modules of the COS SDK that need it.
    """
    found = next((folder / _UNUSED for folder in folders if (folder / _UNUSED).is_dir()), None)
    if found is None or _UNUSED in keep or not (found.parent / "qcloud_cos").is_dir():
        return {}
    users = {folder / user for folder in folders for user in _USERS}
    for folder in folders:
        for path in folder.rglob("*.py"):
            own = path in users or path.is_relative_to(found)
            if not own and _IMPORT.search(path.read_bytes()):
                return {}
    size = sum(path.stat().st_size for path in found.rglob("*") if path.is_file())
    shutil.rmtree(found)
    return {_UNUSED: size}
