"""Secrets in files that are to be deployed: by the file's name, and by its content.

Findings name file and line, never the secret.
"""

from __future__ import annotations

import ast
import codecs
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path

_FILES = (
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "id_rsa*", "id_ed25519*"),
    *(".env", ".env.*", "*.env"),
)
_EMPTY_FORMS = (".example", ".sample", ".template", ".dist", ".pub")

_PUBLIC = b"-----BEGIN CERTIFICATE-----"
"""The beginning of a certificate, as in certifi's cacert.pem. A key beside one is found by its own text."""

_SECRET_ID = re.compile(rb"AKID(?![xX]+(?![A-Za-z0-9_-]))[A-Za-z0-9_-]{13,}")
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\"'\\+]*[A-Za-z0-9/]{3}"
)

_NAME = r"(?i:secret[_-]?(?:access[_-]?)?key)"
_IS_NAME = re.compile(_NAME)
_VALUE = r"(?P<value>[A-Za-z0-9+/=_-]{16,128})(?![A-Za-z0-9+/=_-])"
_ASSIGNMENTS = tuple(
    re.compile(pattern.encode())
    for pattern in (
        # NAME = value, NAME: str = value, "name": "value", <name>value, and YAML's block scalars
        rf"{_NAME}\w*[\"']?\]?\s*(?::\s*[\w.\[\]]+\s*(?==))?[:=>]\s*(?:[|>][+-]?\s+)?(?:[A-Za-z]{{0,2}}[\"'`]+)?{_VALUE}",
        # {{"Key": "NAME", "Value": "value"}}, SCF's form of variables
        rf"{_NAME}\w*[\"']?\s*(?:,\s*)?[\"']?(?i:value)[\"']?\s*[:=]\s*[\"']?{_VALUE}",
    )
)
_MAX_PARSED_BYTES = 1024 * 1024
"""Of a Python file; generated models beyond it are searched as text."""

_PLACEHOLDER = re.compile(
    r"(?i)your|place_?holder|change_?me|dummy|example|sample|secret|xxxx|\.\.\.|[<${*]"
)


def find_secrets(
    files: Mapping[str, Path | zipfile.Path], allowed: Collection[str] = ()
) -> Iterator[str]:
    """Yield a sentence for everything that looks like a secret.

    Args:
        files: what is to be deployed, by its path in the zip.
        allowed: paths in the zip that are not searched.
    """
    for name, path in files.items():
        if name in allowed:
            continue
        content = _without_zeros(path.read_bytes())
        last = name.rpartition("/")[2].lower()
        is_named = any(fnmatch(last, pattern) for pattern in _FILES)
        if is_named and _PUBLIC not in content and not last.endswith(_EMPTY_FORMS):
            yield f"{name}: a file of keys by its name {_advice(name)}"
        for line, kind in sorted({*_findings(name, content)}):
            yield f"{name}:{line}: what looks like {kind} {_advice(name)}"


def _without_zeros(content: bytes) -> bytes:
    """Return UTF-16 as bytes of ASCII, for the expressions here. Return other content as it is."""
    head = content[:64]
    is_utf16 = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or not (
        any(head[::2]) and any(head[1::2])
    )
    return content.replace(b"\0", b"") if is_utf16 else content


def _findings(name: str, content: bytes) -> Iterator[tuple[int, str]]:
    """Yield the lines and kinds of secrets."""
    for kind, expression in (
        ("a SecretId of Tencent Cloud", _SECRET_ID),
        ("a private key", _PRIVATE_KEY),
    ):
        for match in expression.finditer(content):
            yield content.count(b"\n", 0, match.start()) + 1, kind
    for expression in _ASSIGNMENTS:
        for match in expression.finditer(content):
            if _is_secret(match["value"].decode()):
                yield content.count(b"\n", 0, match.start()) + 1, "a SecretKey"
    if (
        name.endswith(".py")
        and len(content) <= _MAX_PARSED_BYTES
        and _IS_NAME.search(content.decode("latin-1"))
    ):
        try:
            tree = ast.parse(content)
        except (SyntaxError, ValueError, RecursionError):
            return
        for label, value in (pair for node in ast.walk(tree) for pair in _pairs(node)):
            if _IS_NAME.search(label) and any(map(_is_secret, _texts(value))):
                yield value.lineno, "a SecretKey"


def _is_secret(value: str) -> bool:
    """Return True for a value like Tencent's SecretKeys (32 letters and digits) or like a random text."""
    kinds = [any(map(kind, value)) for kind in (str.isdigit, str.islower, str.isupper)]
    if re.fullmatch("[A-Za-z0-9]{32}", value):
        return kinds[0] or not _PLACEHOLDER.search(value)
    return (
        bool(re.fullmatch("[!-~]{16,128}", value)) and all(kinds) and not _PLACEHOLDER.search(value)
    )


def _pairs(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield names, and the expressions that are given to them."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield ast.unparse(target), node.value
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value:
        yield ast.unparse(node.target), node.value
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from ((ast.unparse(key), value) for key, value in pairs if key)
    elif isinstance(node, ast.keyword):
        yield node.arg or "", node.value
    elif isinstance(node, ast.Compare):
        yield ast.unparse(node.left), node.comparators[0]
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        spec = node.args
        plain = [*spec.posonlyargs, *spec.args]
        names = [*plain[len(plain) - len(spec.defaults) :], *spec.kwonlyargs]
        defaults = zip(names, [*spec.defaults, *spec.kw_defaults], strict=True)
        yield from ((name.arg, value) for name, value in defaults if value)
    elif isinstance(node, (ast.Call, ast.Tuple, ast.List)):
        values = node.args if isinstance(node, ast.Call) else node.elts
        for label, value in pairwise(values):
            if isinstance(label, ast.Constant):
                yield str(label.value), value


def _texts(node: ast.expr) -> Iterator[str]:
    """Yield the literals of an expression; those that are put together here also as one."""
    if isinstance(node, (ast.JoinedStr, ast.BinOp)):
        yield "".join(one for part in ast.walk(node) for one in _literal(part))
    for part in ast.walk(node):
        yield from _literal(part)


def _literal(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
        elif isinstance(node.value, bytes):
            yield node.value.decode("latin-1")


def _advice(name: str) -> str:
    return (
        "must not be deployed: a function has temporary keys by its role "
        f"(if it is none: --allow-secret {name})"
    )
