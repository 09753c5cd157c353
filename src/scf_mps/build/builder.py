"""The steps of a build. The output of an earlier build is replaced only after every check has passed."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import scf_mps

from .archive import get_mode, list_files, write_zip
from .bytecode import compile_all
from .contents import INDEX, PACKAGE, list_package_files, list_project_files
from .errors import BuildError, Problem
from .import_check import can_import, check_imports
from .imports import find_unresolved_imports
from .interpreters import Interpreter, find_interpreter
from .names import find_case_collisions, find_serverless_mismatches, find_shadowing
from .report import ArchiveReport, Report, check_limits, get_top_level, measure_parts
from .runtimes import CODE_FOLDER, LAYERS_FOLDER, Runtime, parse_runtime
from .secrets import find_secrets

if TYPE_CHECKING:
    from .resolve import Distribution
    from .wheels import UnpackedWheels

DEFAULT_RUNTIME = "Python3.10"


@dataclass(frozen=True)
class BuildOptions:
    """Options of a build.

    Attributes:
        project: folder with `handlers/`, and `requirements.txt` for dependencies.
        folder: target of the unpacked code, for clients that make the zip themselves.
        archive: path of the zip.
        runtime: name in SCF.
        layer: path of the zip of a layer with the package and all dependencies. None to put them into the code.
        include: paths in the project to pack in addition to `handlers/`.
        keep: globs of paths of dependencies to keep. ``Crypto`` keeps client-side encryption.
        allow_secret: paths in the zip that are not searched for secrets.
        python: path of a CPython of the runtime's version. None to search for one.
        require_bytecode: fail without bytecode.
    """

    project: Path
    folder: Path
    archive: Path
    runtime: str = DEFAULT_RUNTIME
    layer: Path | None = None
    include: Sequence[str] = ()
    keep: Sequence[str] = ()
    allow_secret: Collection[str] = ()
    python: Path | None = None
    require_bytecode: bool = False

    @property
    def archives(self) -> list[Path]:
        """The paths of the zips, that of the code first."""
        return [self.archive, self.layer] if self.layer else [self.archive]


def build(options: BuildOptions) -> Report:
    """Build a function, check it, and write it.

    Raises:
        BuildError: with all problems. Nothing is written.
    """
    runtime = parse_runtime(options.runtime)
    project = options.project.resolve()
    left_out: set[str] = set()
    files = list_project_files(project, options.include, left_out)
    _check_folder(options.folder, project)
    _check_archives(options)
    _check_outputs(options, project)
    python = find_interpreter(runtime.version, options.python)
    if options.python and python is None:
        message = f"{options.python} is not a CPython {runtime.version}"
        raise BuildError(Problem("missing_interpreter", "--python", message))
    with TemporaryDirectory(prefix="scf-mps-build-") as temporary:
        work = Path(temporary)
        code = work / "code"
        empty = ArchiveReport("", "", 0, 0, [])
        report = Report(runtime.name, str(options.folder), empty, left_out=sorted(left_out))
        stage = _Stage(
            options=options,
            runtime=runtime,
            python=python,
            work=work,
            code=code,
            base=work / "layer" if options.layer else code,
            files=files,
            report=report,
        )
        stage.run()
        return report


@dataclass
class _Stage:
    """A build in progress.

    Attributes:
        options: of the build.
        runtime: of the function.
        python: a CPython of the runtime's version, if there is one.
        work: folder for temporary files.
        code: folder of the code to zip.
        base: folder of the package and the dependencies: the same, or that of the layer.
        files: of the project, by their path in the zip.
        report: of the build.
        problems: that stop the build.
        versions: name and version of distributions, by top-level name in the zip.
    """

    options: BuildOptions
    runtime: Runtime
    python: Interpreter | None
    work: Path
    code: Path
    base: Path
    files: Mapping[str, Path]
    report: Report
    problems: list[Problem] = field(default_factory=list[Problem])
    versions: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def folders(self) -> dict[Path, str]:
        """The folders to zip, with their path in the cloud."""
        if self.base == self.code:
            return {self.code: CODE_FOLDER}
        return {self.code: CODE_FOLDER, self.base: LAYERS_FOLDER}

    def run(self) -> None:
        self.copy_files()
        self.add_dependencies()
        self.check_names()
        self.raise_problems()
        self.compile()
        self.raise_problems()
        self.write_archives()
        self.check_imports()
        self.raise_problems()
        self.publish()

    def raise_problems(self) -> None:
        if self.problems:
            raise BuildError(*self.problems)

    def copy_files(self) -> None:
        """Copy the files of the package and the project, and check them for secrets."""
        for name, path in list_package_files().items():
            _copy(path, self.base / name)
        unreadable = []
        for name, path in self.files.items():
            try:
                _copy(path, self.code / name)
            except OSError as error:
                unreadable.append(Problem("unreadable_file", name, str(error.strerror)))
            if name == "index.py" or name.startswith(f"{PACKAGE.name}/"):
                message = "the build creates a file with this name"
                self.problems.append(Problem("reserved_name", name, message, "Rename it"))
        if unreadable:
            raise BuildError(*unreadable)
        # The copies cannot change any more.
        copies = {name: self.code / name for name in self.files}
        self.problems[:0] = find_secrets(copies, self.options.allow_secret)
        (self.code / "index.py").write_bytes(INDEX.encode())
        self.versions[PACKAGE.name] = f"scf-mps {scf_mps.__version__}"

    def add_dependencies(self) -> None:
        """Add the dependencies of requirements.txt, if the project has one."""
        file = self.options.project / "requirements.txt"
        if not os.path.lexists(file):
            return
        if not file.is_file():  # a folder, a link to a missing file
            raise BuildError(Problem("not_a_file", file.name, "not a file"))
        try:
            from .requirements import Requirements
        except ImportError as error:
            message = f"needs further packages ({error})"
            advice = "pip install 'scf-mps[cli,deploy]'"
            raise BuildError(Problem("missing_extra", file.name, message, advice)) from error
        from .development_tools import leave_out_test_tools
        from .prune import prune
        from .resolve import Resolver, find_uv
        from .wheels import unpack_wheels

        requirements = Requirements().read(file)
        interpreter = self.python.path if self.python else Path(sys.executable)
        if self.python is None and find_uv() is None:
            message = (
                f"neither uv nor a CPython {self.runtime.version} was found: markers in requirements.txt are evaluated "
                "for the running Python"
            )
            self.report.warnings.append(Problem("missing_uv", "", message, "pip install uv"))
        project = self.options.project.resolve()
        resolver = Resolver(self.runtime, project, self.work, interpreter)
        distributions, tools = leave_out_test_tools(
            resolver.resolve(file.resolve(), requirements),
            requirements.names,
            self.code,
            self.options.keep,
        )
        wheels = resolver.fetch(distributions)
        folder = self.work / "dependencies"
        unpacked = unpack_wheels(wheels, distributions, folder, self.options.keep)
        self.merge_dependencies(folder, unpacked)
        self.report.warnings += _find_unpinned(distributions, requirements.pinned)
        self.report.warnings += [
            Problem(
                "disputed_file", name, f"differs between distributions. That of {owner} is used"
            )
            for name, owner in unpacked.disputed.items()
        ]
        names = [distribution.name for distribution in distributions]
        pruning = prune({self.code, self.base}, self.options.keep, names)
        self.report.warnings += pruning.warnings
        self.report.pruned = pruning.removed
        self.report.development_tools = tools
        self.report.pruned["stubs, tests, metadata"] = unpacked.pruned
        self.note_distributions(distributions, unpacked)

    def merge_dependencies(self, folder: Path, unpacked: UnpackedWheels) -> None:
        """Move unpacked files next to the package, and report those that the project has too."""
        existing = {*list_files(self.code), *list_files(self.base)}
        folders = {parent for name in existing for parent in _list_parents(name)}
        for name, owner in unpacked.owners.items():
            parents = _list_parents(name)
            if name in existing or name in folders or not existing.isdisjoint(parents):
                message = f"is in the project and in {owner}"
                problem = Problem("duplicate_file", name, message, "Rename the project's file")
                self.problems.append(problem)
                continue
            (self.base / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).replace(self.base / name)

    def note_distributions(
        self, distributions: Iterable[Distribution], unpacked: UnpackedWheels
    ) -> None:
        """Put the versions of the distributions into the report."""
        self.report.dependencies = {
            item.name: item.version if item.is_wheel else f"{item.version}, built from source"
            for item in distributions
        }
        versions = {item.name: f"{item.name} {item.version}" for item in distributions}
        by_top_level: dict[str, set[str]] = {}
        for name, owner in unpacked.owners.items():
            by_top_level.setdefault(get_top_level(name), set()).add(versions[owner])
        self.versions |= {
            top: ", ".join(sorted(names))
            for top, names in by_top_level.items()
            if not top.startswith("*")
        }

    def check_names(self) -> None:
        """Check names of files and import statements."""
        library = self.python.library if self.python else sys.stdlib_module_names
        names = {name for folder in self.folders for name in list_files(folder)}
        self.problems += find_shadowing(names, library)
        project = self.options.project.resolve()
        self.report.warnings += find_serverless_mismatches(project, self.runtime)
        self.report.warnings += find_case_collisions(names)
        for name in self.files:
            if not name.endswith(".py"):
                continue
            source = (self.code / name).read_bytes()
            try:
                missing = [*find_unresolved_imports(name, source, names, library)]
            except (SyntaxError, ValueError) as error:
                if self.python is None:  # otherwise the function's Python reports it
                    message = f"cannot be parsed by the running Python: {error}"
                    self.report.warnings.append(Problem("unparsed_file", name, message))
                continue
            self.problems += [
                Problem(
                    "missing_module",
                    f"{name}:{imported.line}",
                    f"no module {imported.module!r} in the zip",
                    "Add it to requirements.txt",
                )
                for imported in missing
            ]

    def compile(self) -> None:
        """Compile bytecode."""
        version = self.runtime.version
        if self.python is None:
            message = (
                f"no CPython {version} was found: the zip contains NO BYTECODE, every cold start compiles all that it "
                "imports, and the function was not imported as a check"
            )
            advice = f"Install it (uv python install {version}, pyenv install {version}), or name one with --python"
            problem = Problem("missing_bytecode", "", message, advice)
            required = self.options.require_bytecode
            (self.problems if required else self.report.warnings).append(problem)
            return
        for folder, prefix in self.folders.items():
            names = [name for name in list_files(folder) if name.endswith(".py")]
            for failure in compile_all(folder, names, prefix, self.python):
                path, message = f"{failure.name}:{failure.line}", failure.message
                problem = Problem("invalid_python", path, f"not Python {version}: {message}")
                is_own = failure.name in self.files
                (self.problems if is_own else self.report.warnings).append(problem)
        self.report.bytecode = True

    def write_archives(self) -> None:
        """Write the zips, and check their sizes."""
        archives = []
        for folder, path in zip(self.folders, self.options.archives, strict=True):
            written = folder.with_suffix(".zip")
            zipped = write_zip(folder, written)
            archives.append(
                ArchiveReport(
                    path=str(path),
                    sha256=hashlib.sha256(written.read_bytes()).hexdigest(),
                    bytes=written.stat().st_size,
                    unpacked=sum((folder / name).stat().st_size for name in zipped),
                    parts=measure_parts(folder, zipped, self.versions),
                )
            )
        self.report.code, *layers = archives
        self.report.layer = layers[0] if layers else None
        self.report.warnings += check_limits(archives)

    def check_imports(self) -> None:
        """Import the function from its zips, if this machine can."""
        if self.python is None:  # reported by `compile`
            return
        names = [name for folder in self.folders for name in list_files(folder)]
        if not can_import(names):  # pragma: no cover - on other systems
            message = "extension modules are for Linux, so the function was not imported as a check"
            self.report.warnings.append(Problem("not_imported", "", message))
            return
        archives = [folder.with_suffix(".zip") for folder in self.folders]
        self.problems += check_imports(archives, self.python, self.work / "trial")
        self.report.imported = True

    def publish(self) -> None:
        """Replace the output of an earlier build."""
        for folder, path in zip(self.folders, self.options.archives, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder.with_suffix(".zip"), path)
        if self.options.folder.exists():
            shutil.rmtree(self.options.folder)
        self.options.folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(self.code, self.options.folder)


def _check_folder(folder: Path, project: Path) -> None:
    """Check that the output folder, which is replaced, is empty or comes from a build."""
    target = folder.resolve()
    if project.is_relative_to(target) or target.is_relative_to(project / "handlers"):
        message = f"{folder} contains the project or is in handlers/"
        raise BuildError(Problem("invalid_output", "--out", message, "Use another folder"))
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    index = target / "index.py"
    if not index.is_file() or index.read_text("utf-8", "replace") != INDEX:
        message = f"{folder} exists, but is not the output of a build"
        advice = "Remove it, or use another folder"
        raise BuildError(Problem("invalid_output", "--out", message, advice))


def _check_archives(options: BuildOptions) -> None:
    """Check that no zip is in the output folder, and that the zips have different paths."""
    paths = [path.resolve() for path in options.archives]
    for shown, path in zip(options.archives, paths, strict=True):
        if path.is_relative_to(options.folder.resolve()):
            message = f"{shown} is in {options.folder}, which is replaced"
            raise BuildError(Problem("invalid_output", "--zip", message, "Use another folder"))
    if len({*paths}) < len(paths):
        message = f"{options.layer} is also the path of the layer"
        raise BuildError(Problem("invalid_output", "--zip", message, "Use another name"))


def _check_outputs(options: BuildOptions, project: Path) -> None:
    """Check that a later build does not pack the output of this one."""
    for path in (options.folder, *options.archives):
        for name in ("handlers", *options.include):
            if path.resolve().is_relative_to(project / name):
                message = f"output in {name}, which is packed"
                raise BuildError(
                    Problem("invalid_output", str(path), message, "Use another folder")
                )


def _find_unpinned(distributions: Sequence[Distribution], pinned: Collection[str]) -> list[Problem]:
    unpinned = [f"{item.name}=={item.version}" for item in distributions if item.name not in pinned]
    if not unpinned:
        return []
    message = "not all versions are pinned, so a later build may differ"
    advice = f"Add to requirements.txt: {' '.join(unpinned)}"
    return [Problem("unpinned_requirements", "", message, advice)]


def _list_parents(name: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(name).parents]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(get_mode(source))
