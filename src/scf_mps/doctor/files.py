"""The files: the sources, and what would be uploaded, whether that is a build or a folder as it is."""

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

files: Area[Project] = Area("Files and build")


@files.check(
    "error",
    why="A build takes handlers/ of the project, follows no link out of it, and finds the application there.",
    advice="Write handlers/__init__.py with `main_handler = app.main_handler`, or correct `src` in serverless.yml.",
)
def sources_unusable(desk: Project) -> Iterator[str]:
    """There is no `handlers/` that could be built."""
    if desk.upload is None or not _entry(desk, desk.upload):
        yield from desk.unusable


@files.check(
    "error",
    why="`--zip` deploys a file as it is.",
    advice="Make the zip with `scf-mps build`; it is dist/function.zip.",
)
def zip_unreadable(desk: Project) -> Iterator[str]:
    """The zip that was named is none."""
    if desk.bad_zip:
        yield desk.bad_zip


@files.check(
    "note",
    why="The hook in serverless.yml makes it before the upload; nothing could be looked at yet.",
    advice="`scf-mps build`, then ask again.",
)
def build_missing(desk: Project) -> Iterator[str]:
    """There is no build yet."""
    if desk.upload is None and not desk.bad_zip and not desk.unreadable:
        given = desk.inputs.get("src")
        folder = given["dist"] if isinstance(given, dict) else "build"
        yield f"{folder} is not there, or empty"


@files.check(
    "warning",
    why="What is in handlers/ or in the installed scf-mps now is not what a client without hook would deploy.",
    advice="`scf-mps build`.",
)
def build_stale(desk: Project) -> Iterator[str]:
    """The build is older than the sources."""
    if desk.stale:
        more = f" and {len(desk.stale) - 3} more" if len(desk.stale) > 3 else ""
        assert desk.upload is not None
        yield f"{desk.upload.where} differs from the sources: {', '.join(desk.stale[:3])}{more}"


@files.check(
    "warning",
    why="Tencent's client uploads the whole folder but .git, without making index.py; `scf-mps deploy` builds it.",
    advice="Write `src: {src: ./, hook: scf-mps build, dist: ./build}`.",
)
def source_unbuilt(desk: Project) -> Iterator[str]:
    """`src` is a folder of sources, not a build."""
    upload = desk.upload
    if upload and not _is_run(upload):
        yield f"serverless.yml uploads {upload.where} as it is"


@files.check(
    "error",
    why="The serverless client runs a hook only if `dist` says what it makes, and else uploads `src` as it is.",
    advice="Write `dist: ./build` beside `hook`.",
)
def hook_without_dist(desk: Project) -> Iterator[str]:
    """`src` has a hook and no `dist`."""
    given = desk.inputs.get("src")
    if isinstance(given, dict) and given.get("hook") and not given.get("dist"):
        yield f"the hook {given['hook']!r} would not run"


@files.check(
    "error",
    why="Whoever may read the function's code reads them, and in a layer or a bucket they stay for long.",
    advice="Take them out; a function has temporary keys by its role. A build leaves .env and the like behind.",
)
def secrets_uploaded(desk: Project) -> Iterator[str]:
    """Keys would be uploaded."""
    upload = desk.upload
    if upload:
        paths = {name: upload.folder / name for name in upload.names}
        for problem in find_secrets(paths):
            yield f"{upload.where}/{problem.summary}"


@files.check(
    "error",
    why="SCF looks for FILE.py of the handler FILE.FUNCTION in the root of the zip alone (status 437, page 583/35311).",
    advice="Let `scf-mps build` make the folder or zip, and write `handler: index.main_handler`.",
)
def entry_file_missing(desk: Project) -> Iterator[str]:
    """The file that `handler` names is not in the root of what is uploaded."""
    upload = desk.upload
    if upload and _is_run(upload) and not _entry(desk, upload):
        name = f"{desk.handler.partition('.')[0]}.py"
        deeper = [one for one in upload.names if one.endswith(f"/{name}")]
        hint = f", but {deeper[0]} is there" if deeper else ""
        yield f"{name} is not in the root of {upload.where}{hint}"


@files.check(
    "error",
    why="The first event would end with status 443: module has no attribute (page 583/35311).",
    advice="Write `handler: index.main_handler`, which is what `scf-mps build` makes.",
)
def entry_function_missing(desk: Project) -> Iterator[str]:
    """The file that `handler` names has no such function."""
    upload = desk.upload
    name = _entry(desk, upload) if upload else ""
    if upload and name:
        function = desk.handler.partition(".")[2]
        try:
            bound = _bound(ast.parse((upload.folder / name).read_bytes()))
        except (SyntaxError, ValueError):
            return  # importing it tells
        if function not in bound and "*" not in bound:
            yield f"{upload.where}/{name} has no {function}"


@files.check(
    "error",
    why="SCF puts its own folder, then the code, before the standard library: every import of the name is changed.",
    advice="Rename the file.",
)
def module_shadows(desk: Project) -> Iterator[str]:
    """A module hides one of the standard library, or is hidden by the runtime's `bootstrap` or `runtime`."""
    upload = desk.upload
    if upload and _is_run(upload):
        for problem in find_shadowing(upload.names, sys.stdlib_module_names):
            yield problem.summary


@files.check(
    "error",
    why="An extension module is loaded only by the Python, system and processor it was made for (here x86_64, CentOS 7).",
    advice="`scf-mps build --runtime` with the runtime of serverless.yml: it takes wheels for SCF.",
)
def extension_of_another_python(desk: Project) -> Iterator[str]:
    """An extension module is for another Python or system."""
    for name, runtime in _for_runtime(desk, r".*\.(so|pyd|dylib)"):
        tag = re.search(r"\.cpython-(\d+)[a-z]*-", name)
        wrong = tag and tag[1] != runtime.version.replace(".", "")
        if wrong or not name.endswith(".so") or re.search("darwin|aarch64|musl|i[36]86", name):
            yield f"{name} is not for {runtime.name}"


@files.check(
    "warning",
    why="SCF never writes byte code: every cold start compiles all that it imports.",
    advice="`scf-mps build --runtime` with the runtime of serverless.yml, on a machine that has this Python.",
)
def bytecode_of_another_python(desk: Project) -> Iterator[str]:
    """The byte code in the build is for another Python, and so not used."""
    tags = {
        (name.rpartition(".cpython-")[2].partition(".")[0], runtime)
        for name, runtime in _for_runtime(desk, r".*\.cpython-\d+(\.opt-\d)?\.pyc")
    }
    for tag, runtime in sorted(tags, key=str):
        if tag != runtime.version.replace(".", ""):
            yield f"there is byte code of CPython {tag[0]}.{tag[1:]}, but the runtime is {runtime.name}"


@files.check(
    "note",
    why="SCF never writes byte code: every cold start compiles all that it imports.",
    advice="`scf-mps build` on a machine that has a CPython of the runtime's version.",
)
def bytecode_missing(desk: Project) -> Iterator[str]:
    """There is no byte code in the build."""
    upload = desk.upload
    if upload and upload.built and not any(name.endswith(".pyc") for name in upload.names):
        yield f"{upload.where} has no __pycache__"


@files.check(
    "warning",
    why="SCF takes 20 MB with an update, 50 MB with a new function and 500 MB unpacked (page 583/11637).",
    advice="Leave out what is not needed, or send it by COS: `scf-mps deploy --code-bucket`.",
)
def code_large(desk: Project) -> Iterator[str]:
    """The code comes near a limit of its size, or is beyond."""
    upload = desk.upload
    if upload:
        unpacked = sum((upload.folder / name).stat().st_size for name in upload.names)
        for problem in check_limits([ArchiveReport(upload.where, "", upload.zipped, unpacked, [])]):
            yield problem.summary


def _is_run(upload: Upload) -> bool:
    """Whether it is to run as it is: a build, or a folder that has nothing to be built."""
    return upload.built or "handlers/__init__.py" not in upload.names


def _entry(desk: Project, upload: Upload) -> str:
    """The name of the file that `handler` names; empty if it is not in the root."""
    name = f"{desk.handler.partition('.')[0]}.py"
    return name if name in upload.names else ""


def _bound(tree: ast.Module) -> set[str]:
    """The names that a module binds, as far as its text tells."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def _for_runtime(desk: Project, pattern: str) -> Iterator[tuple[str, Runtime]]:
    """The files of a build that match, with the runtime they are to fit."""
    if desk.upload and desk.upload.built and desk.runtime:
        for name in desk.upload.names:
            if re.fullmatch(pattern, name):
                yield name, desk.runtime
