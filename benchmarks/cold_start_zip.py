"""Costs of a cold start with the zip of `scf-mps build`: unpacked, read-only, on SCF's own Python.

Measured as in `cold_start.py`, all sides in turns within one run, by CPython 3.10 if it is installed:

* the zip, and the same without bytecode, like a zip of sources alone,
* a handler written by hand with the models of the MPS SDK (`sdk_peer.py`), built in the same way, with and without
  bytecode,
* with `--powertools` AWS Lambda Powertools (`powertools_peer.py`),
* the bare import of standard modules that any such function needs, as the unit.

For each zip also its size, packed and unpacked, and the seconds of its build. The SDK and Powertools come from pip's index.
A side whose packages are not available is left out with a message.

Not measured: download and unpacking of the zip, SCF's own runtime, the start of the interpreter.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from cold_start import BARE, print_cold_starts, start_in_turns
from measurement import ROOT, print_table, print_target

from scf_mps.build.builder import BuildOptions, build
from scf_mps.build.errors import BuildError
from scf_mps.build.interpreters import find_interpreter
from scf_mps.build.report import MB
from scf_mps.build.runtimes import RUNTIME_NAMES

TARGET_TIME = 1.5
TARGET_MEMORY = 20
TARGET_ZIP = 1.5

FIRST_EVENT = "; first event"
NO_BYTECODE = ", without bytecode"
OURS = "scf-mps"
SDK = "by hand, on the MPS SDK"
POWERTOOLS = "powertools: logger, parser, processor"

PEERS = {
    SDK: ("sdk_peer.py", "tencentcloud-sdk-python-mps==3.1.194\n"),
    POWERTOOLS: (
        "powertools_peer.py",
        "aws-lambda-powertools[parser]==3.37.0\nboto3==1.44.5\n",
    ),
}
"""The file with the `main_handler` of each peer, and its requirements."""


def unpack(archive: Path, folder: Path, *, bytecode: bool) -> Path:
    """Unpack a zip, read-only as on SCF. Return the folder."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    if not bytecode:
        for cache in [*folder.rglob("__pycache__")]:
            shutil.rmtree(cache)
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


@dataclass(frozen=True)
class Built:
    """A function's zip: its path, its bytes packed and unpacked, and the seconds of its build."""

    path: Path
    bytes: int
    unpacked: int
    seconds: float


def build_zip(project: Path, runtime: str, work: Path) -> Built:
    """Build the function's zip of a project."""
    archive = work / f"{project.name}.zip"
    begin = perf_counter()
    report = build(BuildOptions(project, work / f"{project.name}-built", archive, runtime))
    return Built(archive, report.code.bytes, report.code.unpacked, perf_counter() - begin)


def build_peer(name: str, runtime: str, work: Path) -> Built | None:
    """Build the zip of a peer. Return None if its packages are not available."""
    file, requirements = PEERS[name]
    project = work / file.removesuffix(".py")
    (project / "handlers").mkdir(parents=True)
    shutil.copyfile(ROOT / "benchmarks" / file, project / "handlers" / "__init__.py")
    (project / "requirements.txt").write_text(requirements)
    try:
        return build_zip(project, runtime, work)
    except BuildError as error:
        print(f"!!! NOT MEASURED: {name}: {error}")
        return None


def main() -> None:
    interpreters = ((name, find_interpreter(name.removeprefix("Python"))) for name in RUNTIME_NAMES)
    runtime, python = next(((name, python) for name, python in interpreters if python), ("", None))
    if python is None:
        sys.exit(f"none of {', '.join(RUNTIME_NAMES)} is installed")
    with TemporaryDirectory() as folder:
        work = Path(folder)
        zips = {OURS: build_zip(ROOT, runtime, work)}
        for name in (SDK, POWERTOOLS) if "--powertools" in sys.argv else (SDK,):
            built = build_peer(name, runtime, work)
            if built:
                zips[name] = built
        sides = {BARE: BARE}
        for name, built in zips.items():
            for variant in ("", NO_BYTECODE):
                to = work / f"user-{built.path.stem}{len(variant)}"
                unpacked = unpack(built.path, to, bytecode=not variant)
                code = f"sys.path.insert(0, {str(unpacked)!r}); import index"
                if name == OURS:
                    sides[f"{name}{variant}"] = code
                sides[f"{name}{variant}{FIRST_EVENT}"] = (
                    f"{code}; index.main_handler(event, context)"
                )
        starts = start_in_turns(python.path, [], sides, "-S", "-B")
        for path in work.glob("user-*/**/"):
            path.chmod(0o755)
    print_cold_starts(f"Cold start from the zip, {runtime}", starts)
    print_table(
        "The zips",
        ["side", "zip, MB", "unpacked, MB", "build, s"],
        [
            [name, f"{built.bytes / MB:.2f}", f"{built.unpacked / MB:.2f}", f"{built.seconds:.1f}"]
            for name, built in zips.items()
        ],
    )
    ours = starts[f"{OURS}{FIRST_EVENT}"]
    print()
    print_target(
        "import and first event, as a multiple of the bare import",
        ours.times.median / starts[BARE].times.median,
        TARGET_TIME,
    )
    print_target("their peak in MB", ours.memory, TARGET_MEMORY)
    print_target("the zip in MB", zips[OURS].bytes / MB, TARGET_ZIP)
    for name in (
        f"{OURS}{NO_BYTECODE}",
        *(name for peer in PEERS for name in (peer, peer + NO_BYTECODE)),
    ):
        other = starts.get(f"{name}{FIRST_EVENT}")
        if other:
            times = other.times.median / ours.times.median
            print(f"  {name}: {times:.1f} times ours, {other.memory - ours.memory:+.0f} MB")


if __name__ == "__main__":
    main()
