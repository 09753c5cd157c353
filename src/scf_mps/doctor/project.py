"""A project on disk: serverless.yml, the sources, and the files of an upload.

It is read once for all checks, with the parser of `scf-mps deploy`. Nothing is changed.
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
DEFAULT_MEMORY_MB = 128
DEFAULT_TIMEOUT_SECONDS = 3
DEFAULT_INIT_TIMEOUT_SECONDS = 65
"""SCF's defaults (CreateFunction)."""

PLACE_VARIABLES = ("MPS_ARCHIVE", "MPS_MODERATE", "MPS_PUBLISH")
"""Variables that name a place in COS for the function to write."""

_PLACE_PATTERN = re.compile(r"cos://([a-z0-9][a-z0-9-]*-[0-9]+)\.([a-z0-9-]+)/?")


@dataclass(frozen=True)
class Upload:
    """The files that a client would upload to SCF.

    Attributes:
        where: the folder or zip, for messages.
        folder: the unpacked files.
        names: the paths of the files.
        built: whether it is a build, not a folder of sources.
        zipped: the size of the zip in bytes, or 0.
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
        path: the serverless.yml.
        environment: the variables of the process, merged over those of ``.env`` files.
        values: the content of serverless.yml. Empty if it could not be read.
        desired: the desired state. None if serverless.yml is invalid.
        read_problems: reasons why serverless.yml could not be read.
        unset: variables in it without a value.
        problems: errors of its parser. Checks remove those that they report.
        warnings: warnings of its parser. Checks remove those that they report.
        import_error: the error if the parser cannot be imported.
        sources: the files that a build would copy, by their path in the zip.
        source_problems: reasons why a build would fail.
        upload: the files that would be uploaded, or None.
        zip_error: the error of the zip of `--zip`.
        seen: facts for the user.
    """

    path: Path
    environment: Mapping[str, str]
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    desired: DesiredState | None = None
    read_problems: list[str] = field(default_factory=list[str])
    unset: list[str] = field(default_factory=list[str])
    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[Problem] = field(default_factory=list[Problem])
    import_error: str = ""
    sources: Mapping[str, Path] = field(default_factory=dict[str, Path])
    source_problems: list[str] = field(default_factory=list[str])
    upload: Upload | None = None
    zip_error: str = ""
    seen: list[str] = field(default_factory=list[str])

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The function's settings in serverless.yml."""
        inputs: Mapping[str, Any] = self.values.get("inputs") or {}
        return inputs

    @property
    def folder(self) -> Path:
        """The folder of serverless.yml."""
        return self.path.resolve().parent

    @property
    def source(self) -> Path:
        """The folder of the sources, ``src`` of serverless.yml."""
        source = self.inputs.get("src")
        path = source.get("src") if isinstance(source, Mapping) else source
        return self.folder / (path if isinstance(path, str) else ".")

    @property
    def handler(self) -> str:
        """The handler, ``FILE.FUNCTION``."""
        return _read_text(self.inputs.get("handler"), DEFAULT_HANDLER)

    @property
    def memory(self) -> int:
        """The memory limit in MB."""
        return _read_number(self.inputs.get("memorySize"), DEFAULT_MEMORY_MB)

    @property
    def timeout(self) -> int:
        """The timeout in seconds."""
        return _read_number(self.inputs.get("timeout"), DEFAULT_TIMEOUT_SECONDS)

    @property
    def init_timeout(self) -> int:
        """The timeout for importing the function, in seconds."""
        return _read_number(self.inputs.get("initTimeout"), DEFAULT_INIT_TIMEOUT_SECONDS)

    @property
    def variables(self) -> dict[str, str]:
        """The function's environment variables."""
        environment = self.inputs.get("environment")
        variables = environment.get("variables") if isinstance(environment, Mapping) else None
        items = variables.items() if isinstance(variables, Mapping) else ()
        return {str(name): format_variable(value) for name, value in items}

    @cached_property
    def runtime(self) -> Runtime | None:
        """The function's runtime. None if it cannot run scf-mps."""
        try:
            return parse_runtime(_read_text(self.inputs.get("runtime"), DEFAULT_RUNTIME))
        except BuildError:
            return None

    @cached_property
    def stale(self) -> list[str]:
        """The files of a build that differ from the sources."""
        upload = self.upload
        is_build = upload and upload.built and "handlers/__init__.py" in upload.names
        if upload is None or not is_build or not self.sources:
            return []
        sources = dict(self.sources)
        if "scf_mps/__init__.py" in upload.names:
            sources |= list_package_files()
        tops = {name.partition("/")[0] for name in sources}
        built = {name for name in upload.names if name.partition("/")[0] in tops}
        removed = {name for name in built if "__pycache__" not in name} - sources.keys()
        changed = {
            name
            for name, path in sources.items()
            if name not in built or (upload.folder / name).read_bytes() != path.read_bytes()
        }
        return sorted(removed | changed)

    def take(self, code: str = "", path: str = "", *, warning: bool = False) -> list[str]:
        """Remove problems of serverless.yml and return their texts.

        Args:
            code: the code of the problems. Empty for any.
            path: the end of their path. Empty for any.
            warning: whether to select warnings instead of errors.
        """
        problems = self.warnings if warning else self.problems
        taken = [
            problem
            for problem in problems
            if code in ("", problem.code) and problem.path.endswith(path)
        ]
        problems[:] = [problem for problem in problems if problem not in taken]
        return [problem.summary for problem in taken]

    def find_places(self) -> dict[tuple[str, str], str]:
        """Return the variable or file that names each (bucket, region) first."""
        places: dict[tuple[str, str], str] = {}
        for name in ("MPS_LEDGER", *PLACE_VARIABLES):
            for bucket, region in _PLACE_PATTERN.findall(self.variables.get(name, "")):
                places.setdefault((bucket, region), name)
        for name, path in self.sources.items():
            if name.endswith(".py"):
                for text in _list_strings(path.read_bytes()):
                    for bucket, region in _PLACE_PATTERN.findall(text):
                        places.setdefault((bucket, region), name)
        return places


@contextmanager
def open_project(
    path: Path,
    stage: str = "",
    archive: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Project]:
    """Read the project of a serverless.yml. Its upload exists during the block.

    Args:
        path: the serverless.yml.
        stage: overrides the stage of the file.
        archive: a zip to deploy instead of `src`.
        environment: replaces the environment of the process.
    """
    project = Project(path, os.environ if environment is None else environment)
    _read_configuration(project, stage)
    try:
        project.sources = list_project_files(project.source)
    except BuildError as error:
        project.source_problems += map(str, error.problems)
    with TemporaryDirectory(prefix="scf-mps-doctor-") as scratch:
        project.upload = (
            _find_upload(project)
            if archive is None
            else _unpack_archive(project, archive, Path(scratch))
        )
        yield project


def _read_configuration(project: Project, stage: str) -> None:
    """Read serverless.yml into a project."""
    try:
        from ..deploy.desired_state import parse_desired_state
        from ..deploy.errors import DeployError
        from ..deploy.template import read_template
    except ImportError as error:
        project.import_error = str(error)
        return
    try:
        template = read_template(project.path, stage, project.environment)
    except DeployError as error:
        for problem in error.problems:
            is_unset = problem.code in ("unset_variable", "unknown_variable")
            (project.unset if is_unset else project.read_problems).append(str(problem))
        return
    project.values, project.environment = template.values, template.environment
    try:
        project.desired, warnings = parse_desired_state(template)
        project.warnings += warnings
    except DeployError as error:
        project.problems += error.problems


def _find_upload(project: Project) -> Upload | None:
    """Return the files that `src` uploads, by default those of a build."""
    source = project.inputs.get("src")
    dist = source.get("dist") if isinstance(source, Mapping) else None
    if isinstance(dist, str) or not project.inputs:
        folder = project.folder / (dist if isinstance(dist, str) else "build")
        names = tuple(list_files(folder)) if folder.is_dir() else ()
        return Upload(_format_path(folder, project), folder, names, built=True) if names else None
    excluded = source.get("exclude") if isinstance(source, Mapping) else None
    patterns = excluded if isinstance(excluded, list) else [excluded] if excluded else []
    names = tuple(_list_uploaded_files(project.source, patterns))
    return Upload(_format_path(project.source, project), project.source, names, built=False)


def _unpack_archive(project: Project, archive: Path, scratch: Path) -> Upload | None:
    try:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(scratch)
        size = archive.stat().st_size
    except (OSError, zipfile.BadZipFile) as error:
        project.zip_error = f"{archive}: {error}"
        return None
    return Upload(str(archive), scratch, tuple(list_files(scratch)), built=True, zipped=size)


_SKIPPED_FOLDERS = frozenset({".git", ".venv", "node_modules", "__pycache__"})
"""Folders that are too large to scan for secrets. Tencent's client excludes only .git."""


def _list_uploaded_files(folder: Path, excluded: list[Any]) -> Iterator[str]:
    """Yield the files that Tencent's client would upload."""
    paths = []
    for above, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _SKIPPED_FOLDERS)
        paths += [Path(above, name).relative_to(folder).as_posix() for name in sorted(names)]
    omitted = set().union(*match_exclude(paths, map(str, excluded)).values())
    yield from (path for path in paths if path not in omitted)


def _format_path(path: Path, project: Project) -> str:
    """Return a path, relative if it is in the project."""
    resolved = path.resolve()
    if resolved.is_relative_to(project.folder):
        return resolved.relative_to(project.folder).as_posix()
    return str(path)


def _list_strings(source: bytes) -> Iterator[str]:
    """Yield the string literals of a module except docstrings."""
    try:
        nodes = [*ast.walk(ast.parse(source))]
    except (SyntaxError, ValueError):
        return  # the import reports it
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node not in docstrings
        ):
            yield node.value


def _read_text(value: object, default: str) -> str:
    return value if isinstance(value, str) and value else default


def _read_number(value: object, default: int) -> int:
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError, OverflowError):
        return default
