"""Checks of the sources and the files of an upload."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from ..build.names import find_shadowing
from ..build.report import ArchiveReport, check_limits
from ..build.runtimes import Runtime
from ..build.secrets import find_secrets
from .checks import Area
from .project import Project, Upload

CHECKS: Area[Project] = Area("Files and build")


@CHECKS.check(
    "error",
    "There is no `handlers/` to build.",
    why="A build copies handlers/ of the project, follows no link out of it, and imports the application from it.",
    advice="Write handlers/__init__.py with `main_handler = app.main_handler`, or correct `src` in serverless.yml.",
)
def _sources_unusable(project: Project) -> Iterator[str]:
    if project.upload is None or not _find_entry_file(project, project.upload):
        yield from project.source_problems


@CHECKS.check(
    "error",
    "The file of `--zip` is not a zip.",
    why="`--zip` deploys a file unchanged.",
    advice="Run `scf-mps build`: it writes dist/function.zip.",
)
def _zip_unreadable(project: Project) -> Iterator[str]:
    if project.zip_error:
        yield project.zip_error


@CHECKS.check(
    "note",
    "There is no build yet.",
    why="The hook in serverless.yml builds before the upload. Until then there is nothing to check.",
    advice="Run `scf-mps build`, then repeat the command.",
)
def _build_missing(project: Project) -> Iterator[str]:
    if project.upload is None and not project.zip_error and not project.read_problems:
        source = project.inputs.get("src")
        folder = source["dist"] if isinstance(source, dict) else "build"
        yield f"{folder} is missing or empty"


@CHECKS.check(
    "warning",
    "The build is older than the sources.",
    why="A client without the hook would deploy the old code.",
    advice="Run `scf-mps build`.",
)
def _build_stale(project: Project) -> Iterator[str]:
    if project.stale:
        more = f" and {len(project.stale) - 3} more" if len(project.stale) > 3 else ""
        assert project.upload is not None
        yield f"{project.upload.where} differs from the sources: {', '.join(project.stale[:3])}{more}"


@CHECKS.check(
    "warning",
    "`src` is a folder of sources, not a build.",
    why="Tencent's client uploads the whole folder except .git, without index.py. `scf-mps deploy` builds it.",
    advice="Write `src: {src: ./, hook: scf-mps build, dist: ./build}`.",
)
def _source_unbuilt(project: Project) -> Iterator[str]:
    upload = project.upload
    if upload and not _is_deployable(upload):
        yield f"serverless.yml uploads {upload.where} unchanged"


@CHECKS.check(
    "error",
    "`src` has a hook but no `dist`.",
    why="Tencent's client runs a hook only if `dist` names its output. Otherwise it uploads `src` unchanged.",
    advice="Write `dist: ./build` next to `hook`.",
)
def _hook_without_dist(project: Project) -> Iterator[str]:
    source = project.inputs.get("src")
    if isinstance(source, dict) and source.get("hook") and not source.get("dist"):
        yield f"the hook {source['hook']!r} would not run"


@CHECKS.check(
    "error",
    "The upload contains credentials.",
    why="Everybody who can read the function's code can read them, and layers and buckets keep them.",
    advice="Remove them. A function has temporary credentials by its role. `scf-mps build` excludes .env files.",
)
def _secrets_uploaded(project: Project) -> Iterator[str]:
    upload = project.upload
    if upload:
        paths = {name: upload.folder / name for name in upload.names}
        for problem in find_secrets(paths):
            yield f"{upload.where}/{problem.summary}"


@CHECKS.check(
    "error",
    "The file that `handler` names is not in the root of the upload.",
    why="SCF looks for FILE.py of the handler FILE.FUNCTION only in the root of the zip (status 437, page 583/35311).",
    advice="Run `scf-mps build` to make the folder or zip, and write `handler: index.main_handler`.",
)
def _entry_file_missing(project: Project) -> Iterator[str]:
    upload = project.upload
    if upload and _is_deployable(upload) and not _find_entry_file(project, upload):
        name = f"{project.handler.partition('.')[0]}.py"
        nested = [path for path in upload.names if path.endswith(f"/{name}")]
        hint = f", but {nested[0]} exists" if nested else ""
        yield f"{name} is not in the root of {upload.where}{hint}"


@CHECKS.check(
    "error",
    "The file that `handler` names does not define the function.",
    why="The first event would fail with status 443: module has no attribute (page 583/35311).",
    advice="Write `handler: index.main_handler`, which `scf-mps build` creates.",
)
def _entry_function_missing(project: Project) -> Iterator[str]:
    upload = project.upload
    name = _find_entry_file(project, upload) if upload else ""
    if upload and name:
        function = project.handler.partition(".")[2]
        try:
            names = _find_bound_names(ast.parse((upload.folder / name).read_bytes()))
        except (SyntaxError, ValueError):
            return  # the import reports it
        if function not in names and "*" not in names:
            yield f"{upload.where}/{name} does not define {function}"


@CHECKS.check(
    "error",
    "A module shadows the standard library, or the runtime shadows a module.",
    why="SCF puts its own folder, then the code, before the standard library: every import of that name changes.",
    advice="Rename the file.",
)
def _module_shadows(project: Project) -> Iterator[str]:
    upload = project.upload
    if upload and _is_deployable(upload):
        for problem in find_shadowing(upload.names, sys.stdlib_module_names):
            yield problem.summary


@CHECKS.check(
    "error",
    "An extension module is for another Python or platform.",
    why="An extension module loads only on the Python, system and processor it was built for (here x86_64, CentOS 7).",
    advice="Run `scf-mps build --runtime` with the runtime of serverless.yml. It selects wheels for SCF.",
)
def _extension_of_another_python(project: Project) -> Iterator[str]:
    for name, runtime in _match_files(project, r".*\.(so|pyd|dylib)"):
        tag = re.search(r"\.cpython-(\d+)[a-z]*-", name)
        wrong = tag and tag[1] != runtime.version.replace(".", "")
        if wrong or not name.endswith(".so") or re.search("darwin|aarch64|musl|i[36]86", name):
            yield f"{name} is not for {runtime.name}"


@CHECKS.check(
    "warning",
    "The bytecode in the build is for another Python.",
    why="SCF never writes bytecode: every cold start compiles all imported modules.",
    advice="Run `scf-mps build --runtime` with the runtime of serverless.yml, on a machine that has this Python.",
)
def _bytecode_of_another_python(project: Project) -> Iterator[str]:
    tags = {
        (name.rpartition(".cpython-")[2].partition(".")[0], runtime)
        for name, runtime in _match_files(project, r".*\.cpython-\d+(\.opt-\d)?\.pyc")
    }
    for tag, runtime in sorted(tags, key=str):
        if tag != runtime.version.replace(".", ""):
            yield f"the bytecode is for CPython {tag[0]}.{tag[1:]}, but the runtime is {runtime.name}"


@CHECKS.check(
    "note",
    "The build has no bytecode.",
    why="SCF never writes bytecode: every cold start compiles all imported modules.",
    advice="Run `scf-mps build` on a machine that has a CPython of the runtime's version.",
)
def _bytecode_missing(project: Project) -> Iterator[str]:
    upload = project.upload
    if upload and upload.built and not any(name.endswith(".pyc") for name in upload.names):
        yield f"{upload.where} has no __pycache__"


@CHECKS.check(
    "warning",
    "The code is close to a size limit, or exceeds it.",
    why="SCF accepts 20 MB in an update, 50 MB in a new function and 500 MB unpacked (page 583/11637).",
    advice="Remove unused files, or upload through COS with `scf-mps deploy --code-bucket`.",
)
def _code_large(project: Project) -> Iterator[str]:
    upload = project.upload
    if upload:
        unpacked = sum((upload.folder / name).stat().st_size for name in upload.names)
        for problem in check_limits([ArchiveReport(upload.where, "", upload.zipped, unpacked, [])]):
            yield problem.summary


def _is_deployable(upload: Upload) -> bool:
    """Return True for a build, or a folder without handlers/ to build."""
    return upload.built or "handlers/__init__.py" not in upload.names


def _find_entry_file(project: Project, upload: Upload) -> str:
    """Return the file of `handler`, or "" if it is not in the root."""
    name = f"{project.handler.partition('.')[0]}.py"
    return name if name in upload.names else ""


def _find_bound_names(tree: ast.Module) -> set[str]:
    """Return the names that a module binds."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _match_files(project: Project, pattern: str) -> Iterator[tuple[str, Runtime]]:
    """Yield the files of a build that match, with the runtime."""
    if project.upload and project.upload.built and project.runtime:
        for name in project.upload.names:
            if re.fullmatch(pattern, name):
                yield name, project.runtime
