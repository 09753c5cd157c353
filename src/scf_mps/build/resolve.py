"""Distributions that the function needs: chosen by uv, or by pip without uv, fetched by pip.

Versions are chosen for SCF's Python on x86_64 Linux with glibc 2.17, whatever this machine is. A version that is
published without a wheel counts: confined to wheels, both tools would take an older version of what needs it, without a
word (`cos-python-sdk-v5` 1.8.3, since `crcmod` has no wheel). It is built without a C compiler, which is how such
distributions fall back to pure Python. One that does not fails the build by name.

Indexes, mirrors and credentials are those of pip's configuration, of `UV_*` and `PIP_*`, and of the requirements file.
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

from .errors import BuildError
from .requirements import Requirements
from .runtimes import PLATFORMS, Runtime

PACKAGE_NAME = "scf-mps"
"""The package itself: a function has the one that builds it."""

# `-m pip` would look for modules in the current folder first, which is the user's project.
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
"""Settings of pip to variables of uv, which does not read pip's configuration."""


@dataclass(frozen=True)
class Distribution:
    """A distribution that the function is to have.

    Attributes:
        name: in PEP 503's form.
        version: as its metadata has it.
        requirement: a line for pip that means this one and no other.
        digest: SHA-256 of the file, where the index has it.
        is_wheel: whether it is published as a wheel for SCF; else it is built.
        requires: its dependencies, with markers, as in its metadata.
    """

    name: str
    version: str
    requirement: str
    digest: str | None
    is_wheel: bool
    requires: tuple[str, ...]


@dataclass
class Resolver:
    """The choice and the download of distributions for a function.

    Attributes:
        runtime: of the function.
        project: the folder with `requirements.txt`; relative paths start there.
        work: a folder for files.
        python: a CPython of the runtime's version, or the running one.
        options: lines of options for pip: indexes and the like.
    """

    runtime: Runtime
    project: Path
    work: Path
    python: Path
    options: list[str] = field(default_factory=list[str])

    def choose(self, path: Path, requirements: Requirements) -> list[Distribution]:
        """Return the distributions that a requirements file needs, by name.

        Args:
            path: the file.
            requirements: the same file, read.

        Raises:
            BuildFailed: if no versions fit together, or a distribution is not found.
        """
        uv = find_uv()
        lines = self._compile(uv, path, requirements) if uv else self._ask_pip(path)
        self.options = [one for one in lines if one.startswith("-")]
        self.options += [one for one in requirements.options if one.startswith("--no-index")]
        lines = [one for one in lines if one not in self.options]
        if not lines:
            return []
        for index, line in enumerate(lines):
            name = re.match(r"[\w.-]+(?=\[|==| @ )", line)
            lines[index] += requirements.hashes.get(canonicalize_name(name[0]), "") if name else ""
        report = self.work / "report.json"
        arguments = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet"]
        arguments += [f"--report={report}", f"--target={self.work / 'nowhere'}", *self._target()]
        self._pip([*arguments, f"--requirement={self._write('chosen.txt', lines)}"])
        found = json.loads(report.read_text("utf-8"))["install"]
        return sorted(map(_read_item, found), key=lambda one: one.name)

    def fetch(self, chosen: Sequence[Distribution]) -> dict[str, Path]:
        """Return the wheel of each distribution, by name; those without a wheel are built.

        Raises:
            BuildFailed: if one cannot be fetched, or not be built without a C compiler.
        """
        folder = self.work / "wheels"
        folder.mkdir()
        published = [one for one in chosen if one.is_wheel]
        if published:
            lines = [one.requirement for one in published]
            if all(one.digest for one in published):
                lines = [f"{one.requirement} --hash=sha256:{one.digest}" for one in published]
            arguments = ["download", "--no-deps", "--only-binary=:all:", *self._target()]
            asked = self._write("published.txt", lines)
            self._pip([*arguments, f"--dest={folder}", f"--requirement={asked}"])
        for one in chosen:
            if not one.is_wheel:
                self._build(one, folder)
        return {
            canonicalize_name(path.name.partition("-")[0]): path
            for path in sorted(folder.glob("*.whl"))
        }

    def _compile(self, uv: str, path: Path, requirements: Requirements) -> list[str]:
        """Return the lines of `uv pip compile`."""
        settings = self._read_pip_settings()
        lines = ["--no-index"] if settings.get("no-index") in ("1", "true") else []
        lines += [f"-c {one}" for one in settings.get("constraint", "").split()]
        taken = {"UV_DEFAULT_INDEX"} & os.environ.keys()
        if "UV_INDEX_URL" in os.environ or any(
            one.startswith(("-i", "--index-url")) for one in requirements.options
        ):
            taken.add("UV_DEFAULT_INDEX")  # a variable would win over the file
        environment = {
            variable: (",".join(settings[key].split()) if key == "find-links" else settings[key])
            for key, variable in _SETTINGS.items()
            if settings.get(key) and variable not in taken
        }
        environment |= {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_PYTHON_DOWNLOADS": "never"}
        ended = _run(
            [
                *(uv, "pip", "compile", "--quiet", "--no-annotate", "--no-header"),
                *("--no-strip-extras", "--emit-index-url", "--emit-find-links"),
                *("--no-emit-package", PACKAGE_NAME, "--python", str(self.python)),
                *("--python-version", self.runtime.version),
                *("--python-platform", "x86_64-manylinux2014", "--color", "never"),
                *(str(path), str(self._write_own(lines))),
            ],
            self.project,
            {**environment, **os.environ},
        )
        if ended.returncode:
            raise BuildError(f"uv: {_hide(ended.stderr.strip())}")
        lines = [line.strip() for line in ended.stdout.splitlines()]
        return [line.removeprefix("-e ") for line in lines if line and line[0] != "#"]

    def _ask_pip(self, path: Path) -> list[str]:
        """Return the lines for what pip chooses, run by the function's Python for its markers."""
        report = self.work / "resolved.json"
        arguments = ["--python", str(self.python), "install", "--dry-run", "--ignore-installed"]
        arguments += ["--quiet", f"--report={report}", f"--requirement={path}"]
        self._pip([*arguments, f"--requirement={self._write_own([])}"])
        found = map(_read_item, json.loads(report.read_text("utf-8"))["install"])
        lines = [one.requirement for one in found if one.name != PACKAGE_NAME]
        return [*lines, f"--find-links={self.work}"]

    def _write_own(self, lines: Sequence[str]) -> Path:
        """Return a requirements file by which this package is the one that runs.

        A version of its own kind keeps one of an index from being taken.
        """
        version = f"{Version(__version__).public}+build"
        described: list[str] = []
        with suppress(PackageNotFoundError):  # a source tree that was never installed
            known = metadata(PACKAGE_NAME)
            for key in ("Provides-Extra", "Requires-Dist"):
                described += [f"{key}: {value}" for value in known.get_all(key, [])]
        text = "\n".join(
            ["Metadata-Version: 2.1", f"Name: {PACKAGE_NAME}", f"Version: {version}", *described]
        )
        with zipfile.ZipFile(self.work / f"scf_mps-{version}-py3-none-any.whl", "w") as wheel:
            folder = f"scf_mps-{version}.dist-info"
            wheel.writestr(f"{folder}/METADATA", f"{text}\n")
            wheel.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{folder}/RECORD", "")
        held = self._write("own-constraint.txt", [f"{PACKAGE_NAME}=={version}"], options=[])
        return self._write(
            "own.txt", [*lines, f"-c {held}", f"--find-links {self.work}"], options=[]
        )

    def _read_pip_settings(self) -> dict[str, str]:
        """Return pip's settings, of its files and variables."""
        ended = self._pip(["config", "list"])
        found: dict[str, str] = {}
        for section in ("global", "install", ":env:"):
            for line in ended.stdout.splitlines():
                name, _, value = line.partition("=")
                if name.startswith(f"{section}."):
                    found[name.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
        return found

    def _build(self, one: Distribution, folder: Path) -> None:
        """Make a wheel of a source distribution, as long as the result is pure Python."""
        digest = f" --hash=sha256:{one.digest}" if one.digest else ""
        asked = self._write(f"{one.name}.txt", [f"{one.requirement}{digest}"])
        into = self.work / f"built-{one.name}"
        # A wheel that was built here with a compiler may be in pip's cache. DISTUTILS_USE_SDK has Windows look for no
        # compiler but those on the PATH.
        arguments = ["wheel", "--no-deps", "--no-cache-dir", f"--no-binary={one.name}"]
        arguments += [f"--wheel-dir={into}", f"--requirement={asked}"]
        compilers = dict.fromkeys(("CC", "CXX", "LDSHARED"), _NO_COMPILER)
        without = f"{one.name} {one.version} has no wheel for {self.runtime.name} on x86_64 Linux"
        advice = "pin a version that has one in requirements.txt, or put a wheel of your own into a folder for --find-links"
        try:
            self._pip(arguments, {**compilers, "DISTUTILS_USE_SDK": "1"})
        except BuildError as failed:
            raise BuildError(
                f"{without}, and needs a C compiler: {advice}", *failed.problems
            ) from None
        (wheel,) = into.glob("*.whl")
        if not wheel.name.endswith("-none-any.whl"):
            raise BuildError(f"{without}, and what is built of it is for this machine: {advice}")
        wheel.rename(folder / wheel.name)

    def _target(self) -> list[str]:
        return [
            f"--python-version={self.runtime.version}",
            "--implementation=cp",
            *(f"--platform={platform}" for platform in PLATFORMS),
        ]

    def _write(self, name: str, lines: Iterable[str], options: Sequence[str] | None = None) -> Path:
        path = self.work / name
        every = [*(self.options if options is None else options), *lines]
        path.write_text("".join(f"{line}\n" for line in every), "utf-8")
        return path

    def _pip(
        self, arguments: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _PIP, "--no-input", "--disable-pip-version-check"]
        ended = _run(
            [*command, *arguments],
            self.project,
            {**os.environ, "PIP_USER": "0", **(environment or {})},
        )
        if ended.returncode:
            errors = [line for line in ended.stderr.splitlines() if line.startswith("ERROR:")]
            text = "\n".join(errors or ended.stderr.splitlines()[-3:])
            raise BuildError(f"pip: {_hide(text)}")
        return ended


def find_uv() -> str | None:
    """Return the path of uv: that of the package `uv`, or one on the PATH."""
    try:
        from uv import find_uv_bin

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        return which("uv")


def _read_item(item: Mapping[str, Any]) -> Distribution:
    """Read one item of pip's report (its format is documented, version 1)."""
    described, info = item["metadata"], item["download_info"]
    name = canonicalize_name(described["name"])
    direct = f"{name} @ {info['url']}"
    if "vcs_info" in info:
        direct = f"{name} @ {info['vcs_info']['vcs']}+{info['url']}@{info['vcs_info']['commit_id']}"
    return Distribution(
        name=name,
        version=described["version"],
        requirement=direct if item["is_direct"] else f"{name}=={described['version']}",
        digest=info.get("archive_info", {}).get("hashes", {}).get("sha256"),
        is_wheel=info["url"].endswith(".whl"),
        requires=tuple(described.get("requires_dist", ())),
    )


def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace"
    )


def _hide(text: str) -> str:
    return _PASSWORD.sub("//***@", text)
