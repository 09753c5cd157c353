"""Makes the function: one flat zip that SCF runs as it is, the same bytes whenever nothing has changed (`scf-mps build`).

`build` puts the steps in order; each is a module. What an earlier build made is replaced at the very end, when every
check has passed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from .archive import get_mode, list_files, write_zip
from .bytecode import compile_all
from .contents import INDEX, PACKAGE, list_package_files, list_project_files
from .errors import BuildError
from .import_check import can_import, check_imports
from .imports import find_unresolved_imports
from .interpreters import Interpreter, find_interpreter
from .names import find_case_collisions, find_serverless_mismatches, find_shadowing
from .report import ArchiveReport, Report, check_limits, get_top_level, measure_parts
from .runtimes import CODE_FOLDER, LAYERS_FOLDER, Runtime, parse_runtime
from .secrets import find_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .resolve import Distribution

__all__ = ["BuildError", "BuildOptions", "Report", "build"]


@dataclass(frozen=True)
class BuildOptions:
    """What to build.

    Attributes:
        project: the folder with `handlers/`, and a `requirements.txt` if more is needed than the standard library.
        folder: where the code is unpacked, for clients that make the zip themselves.
        archive: the zip of the code.
        runtime: SCF's name of the Python.
        layer: the zip of a layer with the package and all dependencies, which are then not in the code.
        include: more of the project than `handlers/`, by paths in it.
        keep: globs of paths of dependencies that are not left out; ``Crypto`` keeps what encrypts on the client's side.
        allow_secret: paths in the zip that may look like secrets.
        python: a CPython of the runtime's version, in place of looking for one.
        require_bytecode: whether it is an error that there is none.
    """

    project: Path
    folder: Path
    archive: Path
    runtime: str = "Python3.10"
    layer: Path | None = None
    include: Sequence[str] = ()
    keep: Sequence[str] = ()
    allow_secret: Collection[str] = ()
    python: Path | None = None
    require_bytecode: bool = False

    @property
    def archives(self) -> list[Path]:
        """The zips, the code's first."""
        return [self.archive, self.layer] if self.layer else [self.archive]


@dataclass
class _Stage:
    """A build on its way.

    Attributes:
        code: the folder that becomes the zip of the code.
        base: the folder with the package and the dependencies: the same, or the layer's.
        users: the project's files, by their path in the zip.
        report: what is known so far, its warnings above all.
        problems: what is wrong so far.
    """

    code: Path
    base: Path
    users: Mapping[str, Path]
    versions: dict[str, str]
    report: Report
    problems: list[str]

    @property
    def folders(self) -> dict[Path, str]:
        """The folders to be zipped, each with its place in the cloud."""
        return (
            {self.code: CODE_FOLDER}
            if self.base == self.code
            else {self.code: CODE_FOLDER, self.base: LAYERS_FOLDER}
        )


def build(options: BuildOptions) -> Report:
    """Build the function, check it, and write it.

    Raises:
        BuildFailed: with everything that is wrong; then nothing is written.
    """
    runtime = parse_runtime(options.runtime)
    project = options.project.resolve()
    left_out: set[str] = set()
    users = list_project_files(project, options.include, left_out)
    _check_folder(options.folder, project)
    _check_archives(options)
    _check_places(options, project)
    python = find_interpreter(runtime.version, options.python)
    if options.python and python is None:
        raise BuildError(f"expected a CPython {runtime.version} at {options.python}")
    with TemporaryDirectory(prefix="scf-mps-build-") as temporary:
        work = Path(temporary)
        code = work / "code"
        stage = _Stage(
            code=code,
            base=work / "layer" if options.layer else code,
            users=users,
            versions={},
            report=Report(runtime.name, str(options.folder), ArchiveReport("", "", 0, 0, [])),
            problems=[],
        )
        stage.report.left_out = sorted(left_out)
        _gather(stage, options, runtime, python, work)
        _check_names(stage, project, runtime, python)
        _give_up_on(stage.problems)
        _compile(stage, options, runtime, python)
        _give_up_on(stage.problems)
        archives = _archives(stage, work, options)
        _try(stage, [folder.with_suffix(".zip") for folder in stage.folders], python, work)
        stage.report.warnings += check_limits(archives)
        _give_up_on(stage.problems)
        _put(stage, options, work)
        return stage.report


def _check_folder(folder: Path, project: Path) -> None:
    """The folder is emptied: it has to be one that a build made."""
    target = folder.resolve()
    if project.is_relative_to(target) or target.is_relative_to(project / "handlers"):
        raise BuildError(f"expected a folder to build in, not {folder}")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    index = target / "index.py"
    if not index.is_file() or index.read_text("utf-8", "replace") != INDEX:
        raise BuildError(
            f"{folder} is there, and not of a build: remove it, or name another folder"
        )


def _check_archives(options: BuildOptions) -> None:
    """The folder is replaced when the zips are there: none of them may be in it, nor take the other's place."""
    paths = [path.resolve() for path in options.archives]
    for given, path in zip(options.archives, paths, strict=True):
        if path.is_relative_to(options.folder.resolve()):
            raise BuildError(f"expected a zip outside of {options.folder}, not {given}")
    if len({*paths}) < len(paths):
        raise BuildError(f"expected another name for the zip: {options.layer} is the layer's")


def _check_places(options: BuildOptions, project: Path) -> None:
    """Check that a later build does not pack what this one writes."""
    for path in (options.folder, *options.archives):
        for name in ("handlers", *options.include):
            if path.resolve().is_relative_to(project / name):
                raise BuildError(f"expected a place outside of {name} for {path}")


def _gather(
    stage: _Stage, options: BuildOptions, runtime: Runtime, python: Interpreter | None, work: Path
) -> None:
    """Copy everything to where it belongs."""
    for name, path in list_package_files().items():
        _copy(path, stage.base / name)
    unread = []
    for name, path in stage.users.items():
        try:
            _copy(path, stage.code / name)
        except OSError as error:
            unread.append(f"{name}: {error.strerror}")
        if name == "index.py" or name.startswith(f"{PACKAGE.name}/"):
            stage.problems.append(f"{name}: the build makes this one itself; rename it")
    _give_up_on(unread)
    # Of the copies, which do not change any more.
    copies = {name: stage.code / name for name in stage.users}
    stage.problems[:0] = find_secrets(copies, options.allow_secret)
    (stage.code / "index.py").write_bytes(INDEX.encode())
    stage.versions[PACKAGE.name] = _own_version()
    _add_dependencies(stage, options, runtime, python, work)


def _add_dependencies(
    stage: _Stage, options: BuildOptions, runtime: Runtime, python: Interpreter | None, work: Path
) -> None:
    asked = options.project / "requirements.txt"
    if not os.path.lexists(asked):
        return
    if not asked.is_file():  # a folder, a link to nothing
        raise BuildError(f"{asked.name} is not a file")
    try:
        from .requirements import Requirements
    except ImportError as error:
        raise BuildError(
            f"requirements.txt needs more than a bare function: pip install 'scf-mps[cli,deploy]' ({error})"
        ) from error
    from .prune import prune
    from .resolve import Resolver, find_uv
    from .wheels import unpack_wheels

    requirements = Requirements().read(asked)
    interpreter = python.path if python else Path(sys.executable)
    if python is None and find_uv() is None:
        stage.report.warnings.append(
            f"no uv and no CPython {runtime.version} were found: markers in requirements.txt are read for the running "
            "Python; pip install uv"
        )
    resolution = Resolver(runtime, options.project.resolve(), work, interpreter)
    chosen = resolution.choose(asked.resolve(), requirements)
    wheels = resolution.fetch(chosen)
    taken = {*list_files(stage.code), *list_files(stage.base)}
    folders = {folder for name in taken for folder in _folders_above(name)}
    unpacked = unpack_wheels(wheels, chosen, work / "dependencies", options.keep)
    for name in unpacked.owners:
        if name in taken or name in folders or not taken.isdisjoint(_folders_above(name)):
            stage.problems.append(
                f"{name}: is in the project and in {unpacked.owners[name]}; rename the project's"
            )
            continue
        (stage.base / name).parent.mkdir(parents=True, exist_ok=True)
        (work / "dependencies" / name).replace(stage.base / name)
    stage.report.warnings += _loose(chosen, requirements.pinned)
    stage.report.warnings += [
        f"{name}: in several distributions and not the same; that of {owner} was taken"
        for name, owner in unpacked.disputed.items()
    ]
    pruning = prune({stage.code, stage.base}, options.keep, [one.name for one in chosen])
    stage.report.warnings += pruning.warnings
    stage.report.pruned = pruning.removed
    stage.report.pruned["stubs, tests, metadata"] = unpacked.pruned
    stage.report.dependencies = {
        one.name: one.version if one.is_wheel else f"{one.version}, built from source"
        for one in chosen
    }
    versions = {one.name: f"{one.name} {one.version}" for one in chosen}
    owners: dict[str, set[str]] = {}
    for name, owner in unpacked.owners.items():
        owners.setdefault(get_top_level(name), set()).add(versions[owner])
    stage.versions |= {
        top: ", ".join(sorted(found)) for top, found in owners.items() if not top.startswith("*")
    }


def _folders_above(name: str) -> list[str]:
    return [str(one) for one in PurePosixPath(name).parents]


def _loose(chosen: Sequence[Distribution], pinned: Collection[str]) -> Iterator[str]:
    loose = [f"{one.name}=={one.version}" for one in chosen if one.name not in pinned]
    if loose:
        yield f"not pinned, so that a later build may differ; for requirements.txt: {' '.join(loose)}"


def _check_names(
    stage: _Stage, project: Path, runtime: Runtime, python: Interpreter | None
) -> None:
    """Look for what can be told by names and import statements."""
    library = python.library if python else _own_library()
    files = {name for folder in stage.folders for name in list_files(folder)}
    stage.problems += find_shadowing(files, library)
    stage.report.warnings += find_serverless_mismatches(project, runtime)
    stage.report.warnings += find_case_collisions(files)
    for name in stage.users:
        if name.endswith(".py"):
            try:
                found = [
                    *find_unresolved_imports(name, (stage.code / name).read_bytes(), files, library)
                ]
            except (SyntaxError, ValueError) as error:
                if python is None:  # else it is the one to say whether this is Python
                    stage.report.warnings.append(f"{name}: this Python cannot read it: {error}")
                continue
            stage.problems += [
                f"{name}:{one.line}: no module {one.module!r} in the zip; is it in requirements.txt?"
                for one in found
            ]


def _compile(
    stage: _Stage, options: BuildOptions, runtime: Runtime, python: Interpreter | None
) -> None:
    if python is None:
        missing = (
            f"no CPython {runtime.version} was found here: the zip holds NO BYTE CODE, every cold start will compile "
            "all that it imports; and the function was not imported to see whether it can be. Install it (uv python "
            f"install {runtime.version}; pyenv install {runtime.version}), or name one with --python"
        )
        (stage.problems if options.require_bytecode else stage.report.warnings).append(missing)
        return
    for folder, place in stage.folders.items():
        names = [name for name in list_files(folder) if name.endswith(".py")]
        for one in compile_all(folder, names, place, python):
            sentence = f"{one.name}:{one.line}: no Python {runtime.version}: {one.message}"
            (stage.problems if one.name in stage.users else stage.report.warnings).append(sentence)
    stage.report.bytecode = True


def _archives(stage: _Stage, work: Path, options: BuildOptions) -> list[ArchiveReport]:
    archives = []
    for folder, path in zip(stage.folders, options.archives, strict=True):
        written = folder.with_suffix(".zip")
        zipped = write_zip(folder, written)
        archives.append(
            ArchiveReport(
                path=str(path),
                sha256=hashlib.sha256(written.read_bytes()).hexdigest(),
                bytes=written.stat().st_size,
                unpacked=sum((folder / name).stat().st_size for name in zipped),
                parts=measure_parts(folder, zipped, stage.versions),
            )
        )
    stage.report.code, *layers = archives
    stage.report.layer = layers[0] if layers else None
    return archives


def _try(stage: _Stage, archives: Sequence[Path], python: Interpreter | None, work: Path) -> None:
    if python is None:  # told with the byte code
        return
    if not can_import([name for folder in stage.folders for name in list_files(folder)]):
        stage.report.warnings.append(  # pragma: no cover - on other systems
            "extension modules are for Linux: import statements were read, but nothing was imported"
        )
        return  # pragma: no cover - on other systems
    stage.problems += check_imports(archives, python, work / "trial")
    stage.report.imported = True


def _put(stage: _Stage, options: BuildOptions, work: Path) -> None:
    """Replace what an earlier build made."""
    for folder, path in zip(stage.folders, options.archives, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder.with_suffix(".zip"), path)
    if options.folder.exists():
        shutil.rmtree(options.folder)
    options.folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(stage.code, options.folder)


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)
    to.chmod(get_mode(path))


def _give_up_on(problems: Sequence[str]) -> None:
    if problems:
        raise BuildError(*problems)


def _own_library() -> Collection[str]:
    return sys.stdlib_module_names


def _own_version() -> str:
    from scf_mps import __version__

    return f"scf-mps {__version__}"
