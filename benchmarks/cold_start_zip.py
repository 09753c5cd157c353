"""What a cold start costs with the zip that `scf-mps build` makes: unpacked, read-only, on SCF's own Python.

Measured as in `cold_start.py`, all sides in turns within one run, by CPython 3.10 where there is one: the zip as it is;
the same without byte code, as a zip of sources alone would be; a handler written by hand on the models of the MPS SDK
(`sdk_peer.py`), built in the same way, with byte code and without; and the bare import of standard modules that
any such function needs, as the unit. Of each zip its size, unpacked too, and the seconds that its build took. With `--powertools` AWS Lambda Powertools as well (`powertools_peer.py`).

The SDK and Powertools come from pip's index; a side whose packages cannot be had is left out, and that is said.

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
NO_BYTECODE = ", without byte code"
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
"""Beside what the zip is measured: the file that has its `main_handler`, and its requirements."""


def unpacked(archive: Path, folder: Path, *, bytecode: bool) -> Path:
    """A zip as SCF has it, where nobody can write."""
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
    """A function's zip: where it is, its bytes, those it has unpacked, and the seconds that it took to build it."""

    path: Path
    bytes: int
    unpacked: int
    seconds: float


def zip_of(project: Path, runtime: str, work: Path) -> Built:
    """The function's zip of a project."""
    archive = work / f"{project.name}.zip"
    begin = perf_counter()
    report = build(BuildOptions(project, work / f"{project.name}-built", archive, runtime))
    return Built(archive, report.code.bytes, report.code.unpacked, perf_counter() - begin)


def peer(name: str, runtime: str, work: Path) -> Built | None:
    """The zip of a peer, or None if its packages cannot be had."""
    file, requirements = PEERS[name]
    project = work / file.removesuffix(".py")
    (project / "handlers").mkdir(parents=True)
    shutil.copyfile(ROOT / "benchmarks" / file, project / "handlers" / "__init__.py")
    (project / "requirements.txt").write_text(requirements)
    try:
        return zip_of(project, runtime, work)
    except BuildError as failed:
        print(f"!!! NOT MEASURED: {name}: {failed}")
        return None


def main() -> None:
    found = ((name, find_interpreter(name.removeprefix("Python"))) for name in RUNTIME_NAMES)
    runtime, python = next(((name, one) for name, one in found if one), ("", None))
    if python is None:
        sys.exit(f"none of {', '.join(RUNTIME_NAMES)} is on this machine")
    with TemporaryDirectory() as folder:
        work = Path(folder)
        zips = {OURS: zip_of(ROOT, runtime, work)}
        for name in (SDK, POWERTOOLS) if "--powertools" in sys.argv else (SDK,):
            built = peer(name, runtime, work)
            if built:
                zips[name] = built
        sides = {BARE: BARE}
        for name, built in zips.items():
            for variant in ("", NO_BYTECODE):
                to = work / f"user-{built.path.stem}{len(variant)}"
                there = unpacked(built.path, to, bytecode=not variant)
                code = f"sys.path.insert(0, {str(there)!r}); import index"
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
            [name, f"{one.bytes / MB:.2f}", f"{one.unpacked / MB:.2f}", f"{one.seconds:.1f}"]
            for name, one in zips.items()
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
        *(name for one in PEERS for name in (one, one + NO_BYTECODE)),
    ):
        other = starts.get(f"{name}{FIRST_EVENT}")
        if other:
            times = other.times.median / ours.times.median
            print(f"  {name}: {times:.1f} times ours, {other.memory - ours.memory:+.0f} MB")


if __name__ == "__main__":
    main()
