"""Reads the import statements of the user's files, those inside functions too, and tells which lead nowhere.

It runs nothing and needs no other Python. What is imported under a condition on the version or system, or in a `try`
that catches its failure, is left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_CAUGHT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
_CONDITIONS = {"TYPE_CHECKING", "version_info", "platform"}


@dataclass(frozen=True)
class Import:
    """A module that a file imports in this line."""

    module: str
    line: int


def unresolved(
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


def _is_module(module: str, files: Collection[str]) -> bool:
    path = module.replace(".", "/")
    return f"{path}.py" in files or any(
        one.startswith((f"{path}/", f"{path}.")) and one.endswith((".py", ".so")) for one in files
    )


def _imports(tree: ast.AST, package: list[str]) -> Iterator[Import]:
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield Import(".".join([*base, *([node.module] if node.module else [])]), node.lineno)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those whose failure is provided for."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Try) and any(map(_catches, node.handlers)):
            others: list[ast.stmt] = [*node.orelse, *node.finalbody]
            for handler in node.handlers:
                others += handler.body
            yield from _statements(ast.Module(others, []))
        elif not (isinstance(node, ast.If) and _is_conditional(node.test)):
            yield node
            yield from _statements(node)


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
