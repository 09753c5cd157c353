"""Import statements: find modules that are missing, and the files that an import loads.

The code is parsed, not run. Imports under a condition on the version or system, or in a `try` that catches their
failure, are ignored.
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
    """An imported module, the line of the import, and the imported names."""

    module: str
    line: int
    names: tuple[str, ...] = ()


def find_unresolved_imports(
    name: str, source: bytes, files: Collection[str], library: Collection[str]
) -> Iterator[Import]:
    """Yield the imports of a file that are neither in the zip nor in the standard library.

    Args:
        name: path of the file in the zip.
        source: valid Python.
        files: all paths in the zip and its layer.
        library: names of the modules in the standard library.
    """
    tops = {file.split("/")[0].split(".")[0] for file in files}
    own = {"handlers", "scf_mps", "index", name.split("/")[0].removesuffix(".py")}
    package = name.split("/")[:-1]
    for imported in _find_imports(ast.parse(source), package):
        top = imported.module.partition(".")[0]
        if top in own and not _is_module(imported.module, files):
            yield imported
        # Other packages may create modules at run time (six.moves).
        if top not in own and top not in tops and top not in library:
            yield imported


def find_loaded_files(
    folder: Path, entry: str, names: Collection[str]
) -> Iterator[tuple[str, str, int]]:
    """Yield the files that importing `entry` loads, each with the file and line that imports it.

    Imports inside functions count for `handlers/`, whose functions run with every event.

    Args:
        folder: root of the code.
        entry: path of a file in it.
        names: paths that may be loaded.
    """
    seen, waiting = {entry}, [entry]
    while waiting:
        name = waiting.pop()
        package = name.split("/")[:-1]
        try:
            tree = ast.parse((folder / name).read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue  # an extension module, or not Python
        for imported in _find_imports(tree, package, deferred=package[:1] == ["handlers"]):
            parts = imported.module.split(".")
            modules = ["/".join(parts[: end + 1]) for end in range(len(parts))]
            modules += ["/".join([*parts, child]) for child in imported.names]
            for path in modules:
                for file in (f"{path}.py", f"{path}/__init__.py"):
                    if file in names and file not in seen:
                        seen.add(file)
                        waiting.append(file)
                        yield file, name, imported.line


def _is_module(module: str, files: Collection[str]) -> bool:
    path = module.replace(".", "/")
    return f"{path}.py" in files or any(
        file.startswith((f"{path}/", f"{path}.")) and file.endswith((".py", ".so"))
        for file in files
    )


def _find_imports(tree: ast.AST, package: list[str], deferred: bool = True) -> Iterator[Import]:
    for node in _walk_statements(tree, deferred):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield Import(module, node.lineno, tuple(alias.name for alias in node.names))


def _walk_statements(tree: ast.AST, deferred: bool = True) -> Iterator[ast.AST]:
    """Yield all nodes except imports whose failure is caught. Without `deferred`, skip the bodies of functions."""
    for node in ast.iter_child_nodes(tree):
        if not deferred and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.Try) and any(map(_catches_import_error, node.handlers)):
            others: list[ast.stmt] = [*node.orelse, *node.finalbody]
            for handler in node.handlers:
                others += handler.body
            yield from _walk_statements(ast.Module(others, []), deferred)
        elif not (isinstance(node, ast.If) and _is_conditional(node.test)):
            yield node
            yield from _walk_statements(node, deferred)


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or not _CAUGHT.isdisjoint(_get_names(handler.type))


def _is_conditional(test: ast.expr) -> bool:
    return not _CONDITIONS.isdisjoint(_get_names(test))


def _get_names(tree: ast.AST) -> set[str]:
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(tree)
        if isinstance(node, (ast.Name, ast.Attribute))
    }
