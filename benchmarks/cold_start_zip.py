"""What a cold start costs with the zip that `scf-mps build` makes: unpacked, read-only, on SCF's own Python.

Measured as in `cold_start.py`, all sides in turns within one run, by CPython 3.10 where there is one: the zip as it is;
the same without byte code, as a zip of sources alone would be; a handler written by hand on the models of the MPS SDK
(`sdk_peer.py`), built in the same way, with byte code and without; and the bare import of standard modules that
any such function needs, as the unit. With `--powertools` AWS Lambda Powertools as well (`powertools_peer.py`).

The SDK and Powertools come from pip's index; a side whose packages cannot be had is left out, and that is said.

Not measured: download and unpacking of the zip, SCF's own runtime, the start of the interpreter.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from cold_start import BARE, print_cold_starts, start_in_turns
from measuring import ROOT, print_target

from scf_mps.deploy.packing import BuildFailed, Options, build
from scf_mps.deploy.packing.interpreters import find_interpreter
from scf_mps.deploy.packing.runtimes import OFFERED

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


def zip_of(project: Path, runtime: str, work: Path) -> Path:
    """The function's zip of a project."""
    archive = work / f"{project.name}.zip"
    build(Options(project, work / f"{project.name}-built", archive, runtime))
    return archive


def peer(name: str, runtime: str, work: Path) -> Path | None:
    """The zip of a peer, or None if its packages cannot be had."""
    file, requirements = PEERS[name]
    project = work / file.removesuffix(".py")
    (project / "handlers").mkdir(parents=True)
    shutil.copyfile(ROOT / "benchmarks" / file, project / "handlers" / "__init__.py")
    (project / "requirements.txt").write_text(requirements)
    try:
        return zip_of(project, runtime, work)
    except BuildFailed as failed:
        print(f"!!! NOT MEASURED: {name}: {failed}")
        return None


def main() -> None:
    found = ((name, find_interpreter(name.removeprefix("Python"))) for name in OFFERED)
    runtime, python = next(((name, one) for name, one in found if one), ("", None))
    if python is None:
        sys.exit(f"none of {', '.join(OFFERED)} is on this machine")
    with TemporaryDirectory() as folder:
        work = Path(folder)
        archives = {OURS: zip_of(ROOT, runtime, work)}
        for name in (SDK, POWERTOOLS) if "--powertools" in sys.argv else (SDK,):
            archive = peer(name, runtime, work)
            if archive:
                archives[name] = archive
        sides = {BARE: BARE}
        for name, archive in archives.items():
            for variant in ("", NO_BYTECODE):
                to = work / f"user-{archive.stem}{len(variant)}"
                there = unpacked(archive, to, bytecode=not variant)
                code = f"sys.path.insert(0, {str(there)!r}); import index"
                if name == OURS:
                    sides[f"{name}{variant}"] = code
                sides[f"{name}{variant}{FIRST_EVENT}"] = (
                    f"{code}; index.main_handler(event, context)"
                )
        starts = start_in_turns(python.path, [], sides, "-S", "-B")
        for path in work.glob("user-*/**/"):
            path.chmod(0o755)
        sizes = {name: archive.stat().st_size / 1024 / 1024 for name, archive in archives.items()}
    print_cold_starts(f"Cold start from the zip, {runtime}", starts)
    ours = starts[f"{OURS}{FIRST_EVENT}"]
    print()
    print_target(
        "import and first event, as a multiple of the bare import",
        ours.times.median / starts[BARE].times.median,
        TARGET_TIME,
    )
    print_target("their peak in MB", ours.memory, TARGET_MEMORY)
    print_target("the zip in MB", sizes[OURS], TARGET_ZIP)
    for name in (
        f"{OURS}{NO_BYTECODE}",
        *(name for one in PEERS for name in (one, one + NO_BYTECODE)),
    ):
        other = starts.get(f"{name}{FIRST_EVENT}")
        if other:
            times = other.times.median / ours.times.median
            print(f"  {name}: {times:.1f} times ours, {other.memory - ours.memory:+.0f} MB")
    for name in [*sizes][1:]:
        print(f"  {name}: a zip of {sizes[name]:.1f} MB")


if __name__ == "__main__":
    main()
