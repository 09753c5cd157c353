"""Search for secrets in files to be deployed, by file name and content.

Problems name the file and line, never the secret.
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

from .errors import Problem

_FILES = (
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "id_rsa*",
    "id_ed25519*",
    ".env",
    ".env.*",
    "*.env",
)
_EMPTY_FORMS = (".example", ".sample", ".template", ".dist", ".pub")

_PUBLIC = b"-----BEGIN CERTIFICATE-----"
"""Start of a certificate, as in certifi's cacert.pem. A key in the same file is found by its own content."""

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
"""Maximum size of a Python file that is parsed. Larger ones, such as generated models, are searched as text."""

_PLACEHOLDER = re.compile(
    r"(?i)your|place_?holder|change_?me|dummy|example|sample|secret|xxxx|\.\.\.|[<${*]"
)


_ADVICE = "Remove it: a function gets temporary keys by its role. If it is not a secret: --allow-secret {}"


def find_secrets(
    files: Mapping[str, Path | zipfile.Path], allowed: Collection[str] = ()
) -> Iterator[Problem]:
    """Yield a problem for every apparent secret.

    Args:
        files: to be deployed, by their path in the zip.
        allowed: paths in the zip that are not searched.
    """
    for name, path in files.items():
        if name in allowed:
            continue
        content = _decode_utf16(path.read_bytes())
        last = name.rpartition("/")[2].lower()
        is_named = any(fnmatch(last, pattern) for pattern in _FILES)
        advice = _ADVICE.format(name)
        if is_named and _PUBLIC not in content and not last.endswith(_EMPTY_FORMS):
            yield Problem("secret", name, "looks like a file of keys by its name", advice)
        for line, kind in sorted({*_find_in_content(name, content)}):
            yield Problem("secret", f"{name}:{line}", f"looks like {kind}", advice)


def _decode_utf16(content: bytes) -> bytes:
    """Return UTF-16 as ASCII bytes, for the expressions of this module. Return other content unchanged."""
    head = content[:64]
    is_utf16 = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or not (
        any(head[::2]) and any(head[1::2])
    )
    return content.replace(b"\0", b"") if is_utf16 else content


def _find_in_content(name: str, content: bytes) -> Iterator[tuple[int, str]]:
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
        for label, value in (pair for node in ast.walk(tree) for pair in _find_pairs(node)):
            if _IS_NAME.search(label) and any(map(_is_secret, _find_texts(value))):
                yield value.lineno, "a SecretKey"


def _is_secret(value: str) -> bool:
    """Return True for a value like Tencent's SecretKeys (32 letters and digits) or like a random string."""
    kinds = [any(map(kind, value)) for kind in (str.isdigit, str.islower, str.isupper)]
    if re.fullmatch("[A-Za-z0-9]{32}", value):
        return kinds[0] or not _PLACEHOLDER.search(value)
    return (
        bool(re.fullmatch("[!-~]{16,128}", value)) and all(kinds) and not _PLACEHOLDER.search(value)
    )


def _find_pairs(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield names, and the expressions that are assigned to or compared with them."""
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
        yield from _find_defaults(node.args)
    elif isinstance(node, (ast.Call, ast.Tuple, ast.List)):
        values = node.args if isinstance(node, ast.Call) else node.elts
        pairs_of_values = pairwise(values)
        yield from (
            (str(label.value), value)
            for label, value in pairs_of_values
            if isinstance(label, ast.Constant)
        )


def _find_defaults(spec: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    """Yield the parameters with a default, and the default."""
    plain = [*spec.posonlyargs, *spec.args]
    names = [*plain[len(plain) - len(spec.defaults) :], *spec.kwonlyargs]
    defaults = zip(names, [*spec.defaults, *spec.kw_defaults], strict=True)
    yield from ((name.arg, value) for name, value in defaults if value)


def _find_texts(node: ast.expr) -> Iterator[str]:
    """Yield the string literals of an expression, and the joined ones of a concatenation."""
    if isinstance(node, (ast.JoinedStr, ast.BinOp)):
        yield "".join(text for part in ast.walk(node) for text in _get_text(part))
    for part in ast.walk(node):
        yield from _get_text(part)


def _get_text(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
        elif isinstance(node.value, bytes):
            yield node.value.decode("latin-1")
