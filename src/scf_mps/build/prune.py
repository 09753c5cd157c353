"""Parts of dependencies that no file of the function names, and that are large.

`tencentcloud-sdk-python` has a package for each of 260 services, 170 MB of source. `cos-python-sdk-v5` needs
`pycryptodome` (12 MB) for client-side encryption alone, and `import qcloud_cos` never loads it.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

SDK = "tencentcloud"
_SPLIT = "tencentcloud-sdk-python-"
_SERVICE = re.compile(rf"(?<!\w){SDK}[./](\w+)")
_OPEN = re.compile(rf"(?<![\w./:@-]){SDK}(?:\.(?=$|[%{{*])|[./](\w+)$)")
"""The beginning of a name that is completed as the function runs."""

_IMPORT = re.compile(rf"\b{SDK}\s+import\s+\(?([\w\s,]*)")
"""An import in a text, such as code for `exec`."""

_LABELS = ("getLogger", "filterwarnings")
"""Functions whose arguments import nothing."""

_CRYPTO = re.compile(r"Crypto(\..*)?|(.*\.)?cos_encryption_client(\..*)?|qcloud_cos\.crypto(\..*)?")
_CRYPTO_USERS = ("qcloud_cos/cos_encryption_client.py", "qcloud_cos/crypto.py")
_WORDS = (SDK.encode(), b"Crypto", b"cos_encryption_client", b"qcloud_cos.crypto")


@dataclass
class Pruning:
    """The result of pruning.

    Attributes:
        removed: a description of what was removed, to its bytes.
        warnings: sentences.
    """

    removed: dict[str, int] = field(default_factory=dict[str, int])
    warnings: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class _Mention:
    """A text of a file: the name of a module that it imports, or a literal."""

    text: str
    place: str
    is_import: bool = False


def prune(
    folders: Collection[Path], keep: Collection[str] = (), required: Collection[str] = ()
) -> Pruning:
    """Remove what no file names from folders that are to be deployed.

    Args:
        folders: with all files of the function.
        keep: globs of paths that stay, such as ``Crypto`` or ``tencentcloud/cvm``.
        required: names of the distributions. A service with one of its own stays.
    """
    pruning = Pruning()
    mentions = [one for folder in folders for one in _mentions(folder)]
    for folder in folders:
        _prune_crypto(folder, keep, mentions, pruning)
        _prune_services(folder, keep, required, mentions, pruning)
    return pruning


def _prune_crypto(
    folder: Path, keep: Collection[str], mentions: Iterable[_Mention], pruning: Pruning
) -> None:
    used = any(_CRYPTO.fullmatch(one.text) for one in mentions)
    named = used or "Crypto" in keep or not (folder / "qcloud_cos").is_dir()
    if not named and (folder / "Crypto").is_dir():
        pruning.removed["Crypto"] = _remove(folder / "Crypto")


def _prune_services(
    folder: Path,
    keep: Collection[str],
    required: Collection[str],
    mentions: Iterable[_Mention],
    pruning: Pruning,
) -> None:
    services = {one.parent.name for one in folder.glob(f"{SDK}/*/__init__.py")} - {"common"}
    wanted = {one.removeprefix(_SPLIT) for one in required if one.startswith(_SPLIT)}
    wanted |= {one for one in services if any(_keeps(pattern, one) for pattern in keep)}
    wanted |= {name for one in mentions for name in _SERVICE.findall(one.text)}
    wanted |= {
        name
        for one in mentions
        for names in _IMPORT.findall(one.text)
        for name in re.findall(r"\w+", names)
    }
    unused = services - wanted
    if not unused:
        return
    for one in mentions:
        if not one.is_import and _is_open(one.text, services):
            pruning.warnings.append(
                f"{one.place}: a service of {SDK} is named at run time, so all {len(services)} are kept; "
                f"write whole names, such as '{SDK}.mps.v20190612', to keep these alone"
            )
            return
    size = sum(_remove(folder / SDK / service) for service in unused)
    kept = ", ".join(sorted(services & wanted)) or "none"
    pruning.removed[
        f"{len(unused)} of {len(services)} services of {SDK}, which no file names (kept: {kept}; "
        f"--keep {SDK}/NAME keeps another)"
    ] = size


def _keeps(pattern: str, service: str) -> bool:
    pattern = pattern.replace(".", "/").rstrip("/")
    return pattern == SDK or any(
        fnmatch(path, pattern) for path in (f"{SDK}/{service}", f"{SDK}/{service}/")
    )


def _is_open(text: str, services: Collection[str]) -> bool:
    """Return True if a text can become the name of more than one service."""
    return text == SDK or any(
        not found[1]
        or (found[1] not in services and any(one.startswith(found[1]) for one in services))
        for found in _OPEN.finditer(text)
    )


def _mentions(folder: Path) -> Iterator[_Mention]:
    """Yield the texts of all files but those of the pruned packages themselves."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        # The parts of the SDK import their own packages and `common`, which stays.
        own = name in _CRYPTO_USERS or name.startswith(("Crypto/", f"{SDK}/"))
        if own or path.name in ("METADATA", "RECORD") or not path.is_file():
            continue
        content = path.read_bytes()
        if not any(word in content for word in _WORDS):
            continue
        text = content.decode("utf-8", "replace")
        try:
            tree = ast.parse(content) if path.suffix == ".py" else None
        except (SyntaxError, ValueError):
            tree = None
        if tree:
            yield from _mentions_in(tree, name)
        else:
            yield from (
                _Mention(one[0], name, True)
                for one in re.finditer(rf"{_IMPORT.pattern}|[\w./]+", text)
            )


def _mentions_in(tree: ast.Module, name: str) -> Iterator[_Mention]:
    """Yield the imports and literals of a module, without docstrings and labels."""
    nodes = [*ast.walk(tree)]
    passed: set[ast.AST] = set()
    modules: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Expr):
            passed.add(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(_LABELS):
            passed.update([*node.args, *(one.value for one in node.keywords)])
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield _Mention(alias.name, name, True)
                if alias.name == SDK or (alias.name.startswith(f"{SDK}.") and not alias.asname):
                    modules.add(alias.asname or SDK)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield _Mention(f"{node.module}.{alias.name}", name, True)
    for node in nodes:
        place = f"{name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in modules and (node.attr == "__version__" or node.attr[0] != "_"):
                passed.add(node.value)
                yield _Mention(f"{SDK}.{node.attr}", place, True)
        elif isinstance(node, ast.Constant) and node not in passed:
            value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            if isinstance(value, str):
                yield _Mention(value, place)
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in modules and node not in passed:
            yield _Mention(SDK, f"{name}:{node.lineno}")


def _remove(folder: Path) -> int:
    """Remove a folder, and return the bytes it had."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder, ignore_errors=True)
    return size
