"""Costs of a cold start: the import of the whole function, and its first event.

Each sample is a fresh interpreter of an environment without packages. The sides take turns: the import of `index.py` with
`handlers/` and `scf_mps` as on SCF, the same with the documentation's event, and the import of four standard modules that
such a function needs, as the unit that makes machines comparable. Time starts with the function's first line, memory is
the peak of the whole process (Linux). Once with bytecode, and once without bytecode of the function's own: a zip of
sources alone is unpacked to a read-only place.

It fails if the import loads a package from outside the standard library, or a module that takes longer to load than an
event to handle.

Not measured: the start of the interpreter, SCF's own runtime and download, and the first use of COS.
"""

from __future__ import annotations

import compileall
import json
import marshal
import os
import shutil
import subprocess
import sys
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from measurement import ROOT, SCF_CONTEXT, Timing, print_table, print_target, sample_event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Sample = tuple[float, float, list[str]]

SAMPLES = 31
TARGET_TIME = 1.3
TARGET_MEMORY = 13
UNWANTED = ("asyncio", "dataclasses", "inspect")
OWN = ("handlers", "index", "scf_mps")

BARE = "import json, logging, typing, enum"
IMPORT = "scf-mps: the function"
FIRST_EVENT = "scf-mps: the function; first event"
SIDES = {
    BARE: BARE,
    IMPORT: "import index",
    FIRST_EVENT: "import index; index.main_handler(event, context)",
}
"""Code of each side, by its name in the table."""

SDK_BASE = "Cos, no SDK"
APPLICATION = """
from scf_mps import App, Cos, Transcode
{imports}
app = App()
@app.on(Transcode)
def check(transcode: Transcode, client: {client}) -> None: ...
main_handler = app.main_handler
"""
SDK_SIDES = {
    SDK_BASE: APPLICATION.format(imports="", client="Cos"),
    "Sdk at module level": APPLICATION.format(imports="from scf_mps.sdk import Sdk", client="Sdk"),
    "CosS3Client at module level": APPLICATION.format(
        imports="from qcloud_cos import CosS3Client", client="CosS3Client"
    ),
    "MpsClient at module level": APPLICATION.format(
        imports="from tencentcloud.mps.v20190612.mps_client import MpsClient", client="MpsClient"
    ),
}
"""Applications that use an official SDK, in an environment that has the packages."""

CHILD = """
import marshal, sys, time
sys.path[:0] = {path}
with open({arguments!r}, "rb") as file:
    event, context = marshal.load(file)
began = time.perf_counter()
{code}
milliseconds = (time.perf_counter() - began) * 1000
modules = list(sys.modules)
with open("/proc/self/status") as file:
    peak = [int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM")][0]
import json
json.dump([milliseconds, peak, modules], sys.stderr)
"""


class ColdStart:
    """The samples of one side.

    Attributes:
        times: milliseconds.
        memory: median peak of the process in MB.
        modules: names of the modules loaded at the end.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        times, peaks, modules = zip(*samples, strict=True)
        self.times = Timing(times)
        self.memory = Timing(peaks).median
        self.modules = frozenset(modules[0])


def start_in_turns(
    python: Path, path: Sequence[Path], sides: Mapping[str, str], *options: str
) -> dict[str, ColdStart]:
    """Run the code of each side in fresh interpreters, in turns, with `path` in front of `sys.path`.

    The code can use `event`, `context`, and SCF's variables.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    with TemporaryDirectory() as folder:
        arguments = Path(folder, "arguments")
        arguments.write_bytes(marshal.dumps((sample_event(), SCF_CONTEXT)))
        for _ in range(SAMPLES):
            for name, code in sides.items():
                child = CHILD.format(
                    path=[str(folder) for folder in path], arguments=str(arguments), code=code
                )
                done = subprocess.run(
                    [python, "-I", *options, "-c", child],
                    env={**os.environ, "TENCENTCLOUD_RUNENV": "SCF"},
                    capture_output=True,
                    text=True,
                )
                if done.returncode:
                    raise SystemExit(f"{name} failed:\n{done.stderr}")
                samples[name].append(json.loads(done.stderr))
    return {name: ColdStart(side) for name, side in samples.items()}


def print_cold_starts(title: str, starts: Mapping[str, ColdStart], base: str = BARE) -> None:
    """Print times, memory and modules of each side, and the ratios of its times to those of `base`."""
    rows = [
        [
            name,
            f"{start.times.minimum:.1f}",
            f"{start.times.median:.1f}",
            *start.times.ratios(starts[base].times),
            f"{start.memory:.1f}",
            str(len(start.modules)),
        ]
        for name, start in starts.items()
    ]
    headers = ["", "min ms", "median ms", "ratio of min", "of medians", "peak MB", "modules"]
    print_table(title, headers, rows)


def build(folder: Path) -> None:
    """Copy the deployed files of this working copy into a folder."""
    pycache = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "scf_mps", folder / "scf_mps", ignore=pycache)
    shutil.copytree(ROOT / "handlers", folder / "handlers", ignore=pycache)
    (folder / "index.py").write_text("from handlers import main_handler as main_handler\n")


def create_environment(folder: Path) -> Path:
    """Create an environment without packages. Return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python"


def is_allowed(module: str) -> bool:
    """Return True if a cold start may load this module."""
    package = module.partition(".")[0]
    return package in {*OWN, *sys.stdlib_module_names} - {*UNWANTED}


def main() -> int:
    with TemporaryDirectory() as folder:
        python = create_environment(Path(folder, "environment"))
        function = Path(folder, "function")
        build(function)
        without = start_in_turns(python, [function], SIDES, "-B")  # without writing bytecode
        compileall.compile_dir(function, quiet=1)
        starts = start_in_turns(python, [function], SIDES)
    print_cold_starts(f"Cold start, CPython {python_version()}", starts)
    print_cold_starts("The same without bytecode of the function's own files", without)

    with_packages = start_in_turns(Path(sys.executable), [ROOT / "src"], SDK_SIDES)
    print_cold_starts("Applications with an official SDK", with_packages, SDK_BASE)

    bare, imported = starts[BARE], starts[IMPORT]
    ratio = imported.times.median / bare.times.median
    print()
    print_target("the import, as a multiple of the bare one", ratio, TARGET_TIME)
    print_target("its peak in MB", imported.memory, TARGET_MEMORY)
    loaded = sorted(imported.modules - bare.modules)
    print(f"  modules besides those of the bare import: {', '.join(loaded)}")
    first_event = sorted(starts[FIRST_EVENT].modules - imported.modules)
    print(f"  the first event loads: {', '.join(first_event) or 'nothing'}")
    unwanted = [module for module in loaded if not is_allowed(module)]
    if unwanted:
        print(f"\nFAILED: the import loads {', '.join(unwanted)}", file=sys.stderr)
    return 1 if unwanted else 0


if __name__ == "__main__":
    sys.exit(main())
