"""What is on the desk, read once for all checks: serverless.yml, the sources, and what would be uploaded.

Nothing is judged here, and nothing is changed. serverless.yml is read by the readers of `scf-mps deploy`.
"""

from __future__ import annotations

import ast
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ..build.archive import list_files
from ..build.contents import list_package_files, list_project_files
from ..build.errors import BuildError, Problem
from ..build.runtimes import Runtime, parse_runtime
from ..deploy.exclude import match_exclude
from ..deploy.naming_rules import format_variable

if TYPE_CHECKING:
    from ..deploy.desired_state import DesiredState

DEFAULT_HANDLER = "index.main_handler"
DEFAULT_RUNTIME = "Python3.10"
DEFAULT_MEMORY = 128
DEFAULT_TIMEOUT = 3
DEFAULT_INIT_TIMEOUT = 65
"""What SCF takes where nothing is said: MB and seconds (CreateFunction)."""

PLACES = ("MPS_ARCHIVE", "MPS_MODERATE", "MPS_PUBLISH")
"""Variables that name where in COS the function is to write."""

_PLACE = re.compile(r"cos://([a-z0-9][a-z0-9-]*-[0-9]+)\.([a-z0-9-]+)/?")


@dataclass(frozen=True)
class Upload:
    """What a client would send to SCF.

    Attributes:
        where: the folder or zip, as it is shown.
        folder: where it is unpacked.
        names: paths of its files.
        built: whether it is meant to be what runs, not a folder of sources.
        zipped: bytes of the zip, if it is one.
    """

    where: str
    folder: Path
    names: tuple[str, ...]
    built: bool
    zipped: int = 0


@dataclass
class Project:
    """A project.

    Attributes:
        path: of serverless.yml.
        environment: of the process, over that of ``.env`` beside the file once that was read.
        values: what serverless.yml says; empty if it could not be read.
        wanted: the same as a value; None if something in it is not in order.
        unreadable: why serverless.yml could not be read.
        unset: variables in it that nothing sets.
        problems: of serverless.yml. Checks remove those that they report.
        warnings: likewise.
        lacking: what is not installed to read it.
        sources: what a build would take of the project, by its path in the zip.
        unusable: why it would take nothing.
        upload: what would be sent; None if there is nothing yet.
        bad_zip: why the zip that was named is none.
        seen: what was looked at, for the reader.
    """

    path: Path
    environment: Mapping[str, str]
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    wanted: DesiredState | None = None
    unreadable: list[str] = field(default_factory=list[str])
    unset: list[str] = field(default_factory=list[str])
    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[Problem] = field(default_factory=list[Problem])
    lacking: str = ""
    sources: Mapping[str, Path] = field(default_factory=dict[str, Path])
    unusable: list[str] = field(default_factory=list[str])
    upload: Upload | None = None
    bad_zip: str = ""
    seen: list[str] = field(default_factory=list[str])

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The function's settings as they are written."""
        found: Mapping[str, Any] = self.values.get("inputs") or {}
        return found

    @property
    def folder(self) -> Path:
        """Where serverless.yml is."""
        return self.path.resolve().parent

    @property
    def source(self) -> Path:
        """The folder of the sources, ``src`` of serverless.yml."""
        given = self.inputs.get("src")
        told = given.get("src") if isinstance(given, Mapping) else given
        return self.folder / (told if isinstance(told, str) else ".")

    @property
    def handler(self) -> str:
        return _text(self.inputs.get("handler"), DEFAULT_HANDLER)

    @property
    def memory(self) -> int:
        """MB."""
        return _number(self.inputs.get("memorySize"), DEFAULT_MEMORY)

    @property
    def timeout(self) -> int:
        """Seconds."""
        return _number(self.inputs.get("timeout"), DEFAULT_TIMEOUT)

    @property
    def init_timeout(self) -> int:
        """Seconds to load the function."""
        return _number(self.inputs.get("initTimeout"), DEFAULT_INIT_TIMEOUT)

    @property
    def variables(self) -> dict[str, str]:
        """The function's environment variables."""
        environment = self.inputs.get("environment")
        variables = environment.get("variables") if isinstance(environment, Mapping) else None
        found: dict[str, str] = {}
        if isinstance(variables, Mapping):
            found = {str(name): format_variable(value) for name, value in variables.items()}
        return found

    @cached_property
    def runtime(self) -> Runtime | None:
        """The function's Python; None if scf-mps does not run on it."""
        try:
            return parse_runtime(_text(self.inputs.get("runtime"), DEFAULT_RUNTIME))
        except BuildError:
            return None

    @cached_property
    def stale(self) -> list[str]:
        """Files of a build that are not as the sources are."""
        upload = self.upload
        is_build = upload and upload.built and "handlers/__init__.py" in upload.names
        if upload is None or not is_build or not self.sources:
            return []
        sources = dict(self.sources)
        if "scf_mps/__init__.py" in upload.names:
            sources |= list_package_files()
        tops = {name.partition("/")[0] for name in sources}
        built = {name for name in upload.names if name.partition("/")[0] in tops}
        gone = {name for name in built if "__pycache__" not in name} - sources.keys()
        changed = {
            name
            for name, path in sources.items()
            if name not in built or (upload.folder / name).read_bytes() != path.read_bytes()
        }
        return sorted(gone | changed)

    def take(self, code: str = "", path: str = "", *, warning: bool = False) -> list[str]:
        """Remove problems of serverless.yml and return their texts.

        Args:
            code: of the problems; empty for any.
            path: end of their path; empty for any.
            warning: select warnings.
        """
        problems = self.warnings if warning else self.problems
        taken = [
            problem
            for problem in problems
            if code in ("", problem.code) and problem.path.endswith(path)
        ]
        problems[:] = [problem for problem in problems if problem not in taken]
        return [problem.summary for problem in taken]

    def places(self) -> dict[tuple[str, str], str]:
        """Buckets and regions that are named, each with who names it first."""
        found: dict[tuple[str, str], str] = {}
        for name in ("MPS_LEDGER", *PLACES):
            for bucket, region in _PLACE.findall(self.variables.get(name, "")):
                found.setdefault((bucket, region), name)
        for name, path in self.sources.items():
            if name.endswith(".py"):
                for text in _texts(path.read_bytes()):
                    for bucket, region in _PLACE.findall(text):
                        found.setdefault((bucket, region), name)
        return found


@contextmanager
def open_project(
    path: Path,
    stage: str = "",
    archive: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Project]:
    """The project of a serverless.yml, until the end of the `with`.

    Args:
        path: of serverless.yml.
        stage: in place of the file's.
        archive: a zip that is to be deployed, in place of what `src` says.
        environment: in place of the process's.
    """
    desk = Project(path, os.environ if environment is None else environment)
    _read(desk, stage)
    try:
        desk.sources = list_project_files(desk.source)
    except BuildError as failed:
        desk.unusable += map(str, failed.problems)
    with TemporaryDirectory(prefix="scf-mps-doctor-") as scratch:
        desk.upload = _upload(desk) if archive is None else _unpacked(desk, archive, Path(scratch))
        yield desk


def _read(desk: Project, stage: str) -> None:
    """Read serverless.yml as far as it can be read."""
    try:
        from ..deploy.desired_state import parse_desired_state
        from ..deploy.errors import DeployError
        from ..deploy.template import read_template
    except ImportError as error:
        desk.lacking = str(error)
        return
    try:
        template = read_template(desk.path, stage, desk.environment)
    except DeployError as error:
        for problem in error.problems:
            is_unset = problem.code in ("unset_variable", "unknown_variable")
            (desk.unset if is_unset else desk.unreadable).append(str(problem))
        return
    desk.values, desk.environment = template.values, template.environment
    try:
        desk.wanted, warnings = parse_desired_state(template)
        desk.warnings += warnings
    except DeployError as error:
        desk.problems += error.problems


def _upload(desk: Project) -> Upload | None:
    """What `src` says; where nothing is said, what a build makes by default."""
    given = desk.inputs.get("src")
    told = given.get("dist") if isinstance(given, Mapping) else None
    if isinstance(told, str) or not desk.inputs:
        folder = desk.folder / (told if isinstance(told, str) else "build")
        names = tuple(list_files(folder)) if folder.is_dir() else ()
        return Upload(_shown(folder, desk), folder, names, built=True) if names else None
    excluded = given.get("exclude") if isinstance(given, Mapping) else None
    patterns = excluded if isinstance(excluded, list) else [excluded] if excluded else []
    names = tuple(_walk(desk.source, patterns))
    return Upload(_shown(desk.source, desk), desk.source, names, built=False)


def _unpacked(desk: Project, archive: Path, scratch: Path) -> Upload | None:
    try:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(scratch)
        size = archive.stat().st_size
    except (OSError, zipfile.BadZipFile) as error:
        desk.bad_zip = f"{archive}: {error}"
        return None
    return Upload(str(archive), scratch, tuple(list_files(scratch)), built=True, zipped=size)


_NOT_ENTERED = frozenset({".git", ".venv", "node_modules", "__pycache__"})
"""What is too large to look for secrets in; of these only .git is left out of an upload."""


def _walk(folder: Path, excluded: list[Any]) -> Iterator[str]:
    """The files that the serverless client would upload."""
    paths = []
    for above, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _NOT_ENTERED)
        paths += [Path(above, name).relative_to(folder).as_posix() for name in sorted(names)]
    left_out = set().union(*match_exclude(paths, map(str, excluded)).values())
    yield from (path for path in paths if path not in left_out)


def _shown(path: Path, desk: Project) -> str:
    """A path as the reader would write it."""
    resolved = path.resolve()
    if resolved.is_relative_to(desk.folder):
        return resolved.relative_to(desk.folder).as_posix()
    return str(path)


def _texts(source: bytes) -> Iterator[str]:
    """The texts that a module works with: none of its comments and docstrings."""
    try:
        nodes = [*ast.walk(ast.parse(source))]
    except (SyntaxError, ValueError):
        return  # importing it tells
    loose = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in loose:
            yield node.value


def _text(value: object, default: str) -> str:
    return value if isinstance(value, str) and value else default


def _number(value: object, default: int) -> int:
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError, OverflowError):
        return default
