"""Resolution of a function's dependencies by uv, or by pip without uv, and their download by pip.

Versions are resolved for SCF's Python on x86_64 Linux with glibc 2.17, whatever the local machine is. Versions without a
wheel are allowed: restricted to wheels, both tools would silently resolve an older version of the packages that require
it (`cos-python-sdk-v5` 1.8.3, because `crcmod` has no wheel). They are built without a C compiler, which makes such
packages fall back to pure Python. A package without a fallback fails the build by name.

Indexes, mirrors and credentials come from pip's configuration, `UV_*` and `PIP_*`, and the requirements file.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from shutil import which
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from scf_mps import __version__

from .errors import BuildError, Problem
from .requirements import Requirements
from .runtimes import PLATFORMS, Runtime

PACKAGE_NAME = "scf-mps"
"""This package. A function gets the version that builds it."""

# `-m pip` would import modules from the current folder first, which is the user's project.
_PIP = "import runpy, sys; sys.path = [p for p in sys.path if p]; runpy.run_module('pip', run_name='__main__', alter_sys=True)"

_NO_COMPILER = os.path.join(os.sep, "no", "compiler", "here")

_PASSWORD = re.compile(r"//[^/@\s]+@")

_SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
}
"""Variables of uv by settings of pip, whose configuration uv does not read."""


@dataclass(frozen=True)
class Distribution:
    """A resolved dependency of the function.

    Attributes:
        name: normalized by PEP 503.
        version: in its metadata.
        requirement: line for pip that selects exactly this one.
        digest: SHA-256 of the file, if the index has it.
        is_wheel: True if it is published as a wheel for SCF. Otherwise it is built.
        requires: its dependencies with markers, as in its metadata.
    """

    name: str
    version: str
    requirement: str
    digest: str | None
    is_wheel: bool
    requires: tuple[str, ...]


@dataclass
class Resolver:
    """Resolves and downloads the dependencies of a function.

    Attributes:
        runtime: of the function.
        project: folder with `requirements.txt`, and base of relative paths.
        work: folder for temporary files.
        python: a CPython of the runtime's version, or the running one.
        options: lines of options for pip, such as indexes.
    """

    runtime: Runtime
    project: Path
    work: Path
    python: Path
    options: list[str] = field(default_factory=list[str])

    def resolve(self, path: Path, requirements: Requirements) -> list[Distribution]:
        """Resolve a requirements file. Return the distributions sorted by name.

        Args:
            path: of the file.
            requirements: content of the file.

        Raises:
            BuildError: if there is no solution, or a distribution is missing.
        """
        uv = find_uv()
        lines = self._compile(uv, path, requirements) if uv else self._resolve_with_pip(path)
        self.options = [line for line in lines if line.startswith("-")]
        self.options += [line for line in requirements.options if line.startswith("--no-index")]
        lines = [line for line in lines if line not in self.options]
        if not lines:
            return []
        for index, line in enumerate(lines):
            name = re.match(r"[\w.-]+(?=\[|==| @ )", line)
            lines[index] += requirements.hashes.get(canonicalize_name(name[0]), "") if name else ""
        report = self.work / "report.json"
        arguments = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet"]
        arguments += [f"--report={report}", f"--target={self.work / 'nowhere'}", *self._target()]
        self._pip([*arguments, f"--requirement={self._write('resolved.txt', lines)}"])
        items = json.loads(report.read_text("utf-8"))["install"]
        return sorted(map(_parse_item, items), key=lambda item: item.name)

    def fetch(self, distributions: Sequence[Distribution]) -> dict[str, Path]:
        """Return the wheel of each distribution by name. Wheels that are not published are built.

        Raises:
            BuildError: if a download fails, or a build needs a C compiler.
        """
        folder = self.work / "wheels"
        folder.mkdir()
        published = [item for item in distributions if item.is_wheel]
        if published:
            lines = [item.requirement for item in published]
            if all(item.digest for item in published):
                lines = [f"{item.requirement} --hash=sha256:{item.digest}" for item in published]
            arguments = ["download", "--no-deps", "--only-binary=:all:", *self._target()]
            file = self._write("published.txt", lines)
            self._pip([*arguments, f"--dest={folder}", f"--requirement={file}"])
        for item in distributions:
            if not item.is_wheel:
                self._build(item, folder)
        return {
            canonicalize_name(path.name.partition("-")[0]): path
            for path in sorted(folder.glob("*.whl"))
        }

    def _compile(self, uv: str, path: Path, requirements: Requirements) -> list[str]:
        """Return the lines of `uv pip compile`."""
        settings = self._read_pip_settings()
        lines = ["--no-index"] if settings.get("no-index") in ("1", "true") else []
        lines += [f"-c {file}" for file in settings.get("constraint", "").split()]
        ignored = {"UV_DEFAULT_INDEX"} & os.environ.keys()
        if "UV_INDEX_URL" in os.environ or any(
            line.startswith(("-i", "--index-url")) for line in requirements.options
        ):
            ignored.add("UV_DEFAULT_INDEX")  # a variable would override the file
        environment = {
            variable: (",".join(settings[key].split()) if key == "find-links" else settings[key])
            for key, variable in _SETTINGS.items()
            if settings.get(key) and variable not in ignored
        }
        environment |= {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_PYTHON_DOWNLOADS": "never"}
        process = _run(
            [
                *(uv, "pip", "compile", "--quiet", "--no-annotate", "--no-header"),
                *("--no-strip-extras", "--emit-index-url", "--emit-find-links"),
                *("--no-emit-package", PACKAGE_NAME, "--python", str(self.python)),
                *("--python-version", self.runtime.version),
                *("--python-platform", "x86_64-manylinux2014", "--color", "never"),
                *(str(path), str(self._write_own_package(lines))),
            ],
            self.project,
            {**environment, **os.environ},
        )
        if process.returncode:
            raise BuildError(Problem("resolution_failed", "uv", _hide(process.stderr.strip())))
        lines = [line.strip() for line in process.stdout.splitlines()]
        return [line.removeprefix("-e ") for line in lines if line and line[0] != "#"]

    def _resolve_with_pip(self, path: Path) -> list[str]:
        """Return the lines of pip's solution. pip is run by the function's Python because of the markers."""
        report = self.work / "solution.json"
        arguments = ["--python", str(self.python), "install", "--dry-run", "--ignore-installed"]
        arguments += ["--quiet", f"--report={report}", f"--requirement={path}"]
        self._pip([*arguments, f"--requirement={self._write_own_package([])}"])
        resolved = map(_parse_item, json.loads(report.read_text("utf-8"))["install"])
        lines = [item.requirement for item in resolved if item.name != PACKAGE_NAME]
        return [*lines, f"--find-links={self.work}"]

    def _write_own_package(self, lines: Sequence[str]) -> Path:
        """Return a requirements file that selects the running version of this package.

        Its local version identifier differs from any version in an index.
        """
        version = f"{Version(__version__).public}+build"
        fields: list[str] = []
        with suppress(PackageNotFoundError):  # a source tree that was never installed
            own = metadata(PACKAGE_NAME)
            for key in ("Provides-Extra", "Requires-Dist"):
                fields += [f"{key}: {value}" for value in own.get_all(key, [])]
        text = "\n".join(
            ["Metadata-Version: 2.1", f"Name: {PACKAGE_NAME}", f"Version: {version}", *fields]
        )
        with zipfile.ZipFile(self.work / f"scf_mps-{version}-py3-none-any.whl", "w") as wheel:
            folder = f"scf_mps-{version}.dist-info"
            wheel.writestr(f"{folder}/METADATA", f"{text}\n")
            wheel.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{folder}/RECORD", "")
        constraint = self._write("own-constraint.txt", [f"{PACKAGE_NAME}=={version}"], options=[])
        return self._write(
            "own.txt", [*lines, f"-c {constraint}", f"--find-links {self.work}"], options=[]
        )

    def _read_pip_settings(self) -> dict[str, str]:
        """Return pip's settings from its files and variables."""
        process = self._pip(["config", "list"])
        settings: dict[str, str] = {}
        for section in ("global", "install", ":env:"):
            for line in process.stdout.splitlines():
                name, _, value = line.partition("=")
                if name.startswith(f"{section}."):
                    settings[name.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
        return settings

    def _build(self, item: Distribution, folder: Path) -> None:
        """Build the wheel of a source distribution, which must be pure Python."""
        digest = f" --hash=sha256:{item.digest}" if item.digest else ""
        file = self._write(f"{item.name}.txt", [f"{item.requirement}{digest}"])
        into = self.work / f"built-{item.name}"
        # pip's cache may contain a wheel that was built with a compiler. DISTUTILS_USE_SDK restricts Windows to the
        # compilers on the PATH.
        arguments = ["wheel", "--no-deps", "--no-cache-dir", f"--no-binary={item.name}"]
        arguments += [f"--wheel-dir={into}", f"--requirement={file}"]
        compilers = dict.fromkeys(("CC", "CXX", "LDSHARED"), _NO_COMPILER)
        message = f"no wheel for {self.runtime.name} on x86_64 Linux"
        advice = "Pin a version that has one in requirements.txt, or put your own wheel into a folder for --find-links"
        package = f"{item.name} {item.version}"
        try:
            self._pip(arguments, {**compilers, "DISTUTILS_USE_SDK": "1"})
        except BuildError as error:
            message += ", and it needs a C compiler"
            problem = Problem("needs_compiler", package, message, advice)
            raise BuildError(problem, *error.problems) from None
        (wheel,) = into.glob("*.whl")
        if not wheel.name.endswith("-none-any.whl"):
            message += ", and its build is only for this machine"
            raise BuildError(Problem("platform_wheel", package, message, advice))
        wheel.rename(folder / wheel.name)

    def _target(self) -> list[str]:
        return [
            f"--python-version={self.runtime.version}",
            "--implementation=cp",
            *(f"--platform={platform}" for platform in PLATFORMS),
        ]

    def _write(self, name: str, lines: Iterable[str], options: Sequence[str] | None = None) -> Path:
        path = self.work / name
        lines = [*(self.options if options is None else options), *lines]
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return path

    def _pip(
        self, arguments: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _PIP, "--no-input", "--disable-pip-version-check"]
        process = _run(
            [*command, *arguments],
            self.project,
            {**os.environ, "PIP_USER": "0", **(environment or {})},
        )
        if process.returncode:
            errors = [line for line in process.stderr.splitlines() if line.startswith("ERROR:")]
            text = "\n".join(errors or process.stderr.splitlines()[-3:])
            raise BuildError(Problem("resolution_failed", "pip", _hide(text)))
        return process


def find_uv() -> str | None:
    """Return the path of uv from the package `uv` or the PATH, or None."""
    try:
        from uv import find_uv_bin

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        return which("uv")


def _parse_item(item: Mapping[str, Any]) -> Distribution:
    """Parse one item of pip's installation report (version 1)."""
    package, info = item["metadata"], item["download_info"]
    name = canonicalize_name(package["name"])
    direct = f"{name} @ {info['url']}"
    if "vcs_info" in info:
        direct = f"{name} @ {info['vcs_info']['vcs']}+{info['url']}@{info['vcs_info']['commit_id']}"
    return Distribution(
        name=name,
        version=package["version"],
        requirement=direct if item["is_direct"] else f"{name}=={package['version']}",
        digest=info.get("archive_info", {}).get("hashes", {}).get("sha256"),
        is_wheel=info["url"].endswith(".whl"),
        requires=tuple(package.get("requires_dist", ())),
    )


def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace"
    )


def _hide(text: str) -> str:
    return _PASSWORD.sub("//***@", text)
