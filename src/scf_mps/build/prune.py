"""Removal of large parts of dependencies that no file of the function names.

`tencentcloud-sdk-python` has a package for each of 260 services, 170 MB of source. `cos-python-sdk-v5` needs
`pycryptodome` (12 MB) only for client-side encryption, and `import qcloud_cos` never loads it.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeGuard

from .errors import Problem

SDK = "tencentcloud"
_SPLIT = "tencentcloud-sdk-python-"
_SERVICE = re.compile(rf"(?<!\w){SDK}[./](\w+)")
_OPEN = re.compile(rf"(?<![\w./:@-]){SDK}(?:\.(?=$|[%{{*])|[./](\w+)$)")
"""Start of a name that is completed at run time."""

_IMPORT = re.compile(rf"\b{SDK}\s+import\s+\(?([\w\s,]*)")
"""An import in a string, such as code for `exec`."""

_LABELS = ("getLogger", "filterwarnings")
"""Functions whose arguments import nothing."""

_CRYPTO = re.compile(r"Crypto(\..*)?|(.*\.)?cos_encryption_client(\..*)?|qcloud_cos\.crypto(\..*)?")
_CRYPTO_USERS = ("qcloud_cos/cos_encryption_client.py", "qcloud_cos/crypto.py")
_WORDS = (SDK.encode(), b"Crypto", b"cos_encryption_client", b"qcloud_cos.crypto")


@dataclass
class Pruning:
    """The result of pruning.

    Attributes:
        removed: bytes of the removed parts, by description.
        warnings: problems that prevented the removal of parts.
    """

    removed: dict[str, int] = field(default_factory=dict[str, int])
    warnings: list[Problem] = field(default_factory=list[Problem])


@dataclass(frozen=True)
class _Mention:
    """A string in a file: the name of an imported module, or a literal."""

    text: str
    path: str
    is_import: bool = False


def prune(
    folders: Collection[Path], keep: Collection[str] = (), required: Collection[str] = ()
) -> Pruning:
    """Remove parts that no file names from folders to be deployed.

    Args:
        folders: contain all files of the function.
        keep: globs of paths to keep, e.g. ``Crypto`` or ``tencentcloud/cvm``.
        required: names of the distributions. A service that has its own distribution is kept.

    Returns:
        Removed parts and warnings.
    """
    pruning = Pruning()
    mentions = [mention for folder in folders for mention in _find_mentions(folder)]
    for folder in folders:
        _prune_crypto(folder, keep, mentions, pruning)
        _prune_services(folder, keep, required, mentions, pruning)
    return pruning


def _prune_crypto(
    folder: Path, keep: Collection[str], mentions: Iterable[_Mention], pruning: Pruning
) -> None:
    is_used = any(_CRYPTO.fullmatch(mention.text) for mention in mentions)
    is_kept = is_used or "Crypto" in keep or not (folder / "qcloud_cos").is_dir()
    if not is_kept and (folder / "Crypto").is_dir():
        pruning.removed["Crypto"] = _remove(folder / "Crypto")


def _prune_services(
    folder: Path,
    keep: Collection[str],
    required: Collection[str],
    mentions: Iterable[_Mention],
    pruning: Pruning,
) -> None:
    services = {file.parent.name for file in folder.glob(f"{SDK}/*/__init__.py")} - {"common"}
    used = {name.removeprefix(_SPLIT) for name in required if name.startswith(_SPLIT)}
    used |= {name for name in services if any(_matches(pattern, name) for pattern in keep)}
    for mention in mentions:
        used.update(_SERVICE.findall(mention.text))
        for names in _IMPORT.findall(mention.text):
            used.update(re.findall(r"\w+", names))
    unused = services - used
    if not unused:
        return
    for mention in mentions:
        if not mention.is_import and _is_open(mention.text, services):
            message = f"names a service of {SDK} at run time, so all {len(services)} are kept"
            advice = f"Write full names such as '{SDK}.mps.v20190612' to keep only these"
            pruning.warnings.append(Problem("open_service_name", mention.path, message, advice))
            return
    size = sum(_remove(folder / SDK / service) for service in unused)
    kept = ", ".join(sorted(services & used)) or "none"
    description = (
        f"{len(unused)} of {len(services)} services of {SDK} that no file names (kept: {kept}; "
        f"--keep {SDK}/NAME keeps another)"
    )
    pruning.removed[description] = size


def _matches(pattern: str, service: str) -> bool:
    pattern = pattern.replace(".", "/").rstrip("/")
    return pattern == SDK or any(
        fnmatch(path, pattern) for path in (f"{SDK}/{service}", f"{SDK}/{service}/")
    )


def _is_open(text: str, services: Collection[str]) -> bool:
    """Return True if a string may become the name of more than one service."""
    return text == SDK or any(
        not match[1]
        or (match[1] not in services and any(name.startswith(match[1]) for name in services))
        for match in _OPEN.finditer(text)
    )


def _find_mentions(folder: Path) -> Iterator[_Mention]:
    """Yield the mentions in all files except those of the pruned packages themselves."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        # The parts of the SDK import only their own packages and `common`, which is kept.
        is_own = name in _CRYPTO_USERS or name.startswith(("Crypto/", f"{SDK}/"))
        if is_own or path.name in ("METADATA", "RECORD") or not path.is_file():
            continue
        content = path.read_bytes()
        if not any(word in content for word in _WORDS):
            continue
        try:
            tree = ast.parse(content) if path.suffix == ".py" else None
        except (SyntaxError, ValueError):
            tree = None
        if tree:
            yield from _find_in_module(tree, name)
        else:
            text = content.decode("utf-8", "replace")
            for match in re.finditer(rf"{_IMPORT.pattern}|[\w./]+", text):
                yield _Mention(match[0], name, True)


def _find_in_module(tree: ast.Module, name: str) -> Iterator[_Mention]:
    """Yield the mentions in a module, without docstrings and labels."""
    nodes = [*ast.walk(tree)]
    ignored = _find_labels(nodes)
    aliases = {alias for node in nodes for alias in _find_aliases(node)}
    for node in nodes:
        for imported in _get_imported(node):
            yield _Mention(imported, name, True)
    for node in nodes:
        path = f"{name}:{getattr(node, 'lineno', 0)}"
        if _is_module_attribute(node, aliases):
            ignored.add(node.value)
            yield _Mention(f"{SDK}.{node.attr}", path, True)
        elif isinstance(node, ast.Constant) and node not in ignored:
            value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            if isinstance(value, str):
                yield _Mention(value, path)
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in aliases and node not in ignored:
            yield _Mention(SDK, f"{name}:{node.lineno}")


def _find_labels(nodes: Iterable[ast.AST]) -> set[ast.AST]:
    """Return the docstrings, and the arguments of functions that import nothing."""
    labels: set[ast.AST] = set()
    for node in nodes:
        if isinstance(node, ast.Expr):
            labels.add(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(_LABELS):
            labels.update([*node.args, *(keyword.value for keyword in node.keywords)])
    return labels


def _find_aliases(node: ast.AST) -> Iterator[str]:
    """Yield the names that an import binds to the SDK's top-level module."""
    for alias in node.names if isinstance(node, ast.Import) else ():
        if alias.name == SDK or (alias.name.startswith(f"{SDK}.") and not alias.asname):
            yield alias.asname or SDK


def _get_imported(node: ast.AST) -> list[str]:
    """Return the absolute names that an import statement loads."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _is_module_attribute(node: ast.AST, aliases: Collection[str]) -> TypeGuard[ast.Attribute]:
    """Return True for an attribute of the SDK's top-level module that may be a service."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in aliases
        and (node.attr == "__version__" or node.attr[0] != "_")
    )


def _remove(folder: Path) -> int:
    """Remove a folder and return its size in bytes."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder, ignore_errors=True)
    return size
