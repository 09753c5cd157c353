"""Import statements: which of them lead nowhere, and which files an import loads.

Nothing is run, and no other Python is needed. Imports under a condition on the version or system, or in a `try` that
catches their failure, do not count.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

_CAUGHT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
_CONDITIONS = {"TYPE_CHECKING", "version_info", "platform"}


@dataclass(frozen=True)
class Import:
    """A module that a file imports in this line, and the names taken from it."""

    module: str
    line: int
    names: tuple[str, ...] = ()


def find_unresolved_imports(
    name: str, source: bytes, files: Collection[str], library: Collection[str]
) -> Iterator[Import]:
    """The imports of a file that neither the zip nor the standard library has.

    Args:
        name: the file's path in the zip.
        source: what is in it, valid Python.
        files: all paths in the zip, and in its layer.
        library: the names of the standard library's modules.
    """
    tops = {one.split("/")[0].split(".")[0] for one in files}
    own = {"handlers", "scf_mps", "index", name.split("/")[0].removesuffix(".py")}
    package = name.split("/")[:-1]
    for one in _imports(ast.parse(source), package):
        top = one.module.partition(".")[0]
        # Other packages make up modules as they run (six.moves): only that they are there can be told.
        there = _is_module(one.module, files) if top in own else top in tops or top in library
        if not there:
            yield one


def find_loaded_files(
    folder: Path, entry: str, names: Collection[str]
) -> Iterator[tuple[str, str, int]]:
    """Yield the files that importing `entry` loads, each with the file and line that imports it.

    Imports inside functions count for `handlers/`, whose functions run with every event.

    Args:
        folder: the root of the code.
        entry: the path of a file in it.
        names: the paths that may be loaded.
    """
    seen, waiting = {entry}, [entry]
    while waiting:
        name = waiting.pop()
        package = name.split("/")[:-1]
        try:
            tree = ast.parse((folder / name).read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue  # an extension module, or no Python: nothing to follow
        for one in _imports(tree, package, deferred=package[:1] == ["handlers"]):
            parts = one.module.split(".")
            modules = ["/".join(parts[: end + 1]) for end in range(len(parts))]
            modules += ["/".join([*parts, child]) for child in one.names]
            for path in modules:
                for file in (f"{path}.py", f"{path}/__init__.py"):
                    if file in names and file not in seen:
                        seen.add(file)
                        waiting.append(file)
                        yield file, name, one.line


def _is_module(module: str, files: Collection[str]) -> bool:
    path = module.replace(".", "/")
    return f"{path}.py" in files or any(
        one.startswith((f"{path}/", f"{path}.")) and one.endswith((".py", ".so")) for one in files
    )


def _imports(tree: ast.AST, package: list[str], deferred: bool = True) -> Iterator[Import]:
    for node in _statements(tree, deferred):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield Import(module, node.lineno, tuple(alias.name for alias in node.names))


def _statements(tree: ast.AST, deferred: bool = True) -> Iterator[ast.AST]:
    """Yield all nodes but those whose failure is caught, and without `deferred` those of functions."""
    for node in ast.iter_child_nodes(tree):
        if not deferred and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.Try) and any(map(_catches, node.handlers)):
            others: list[ast.stmt] = [*node.orelse, *node.finalbody]
            for handler in node.handlers:
                others += handler.body
            yield from _statements(ast.Module(others, []), deferred)
        elif not (isinstance(node, ast.If) and _is_conditional(node.test)):
            yield node
            yield from _statements(node, deferred)


def _catches(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or not _CAUGHT.isdisjoint(_names(handler.type))


def _is_conditional(test: ast.expr) -> bool:
    return not _CONDITIONS.isdisjoint(_names(test))


def _names(tree: ast.AST) -> set[str]:
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(tree)
        if isinstance(node, (ast.Name, ast.Attribute))
    }
