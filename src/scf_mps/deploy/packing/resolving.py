"""Chooses and fetches what the function needs besides the package, with pip, for SCF's Python and not the desk's.

pip cannot choose for another Python unless it is confined to wheels, and then takes, without a word, an old version
that has one in place of the version it would take otherwise: for `cos-python-sdk-v5` 1.8.3, since `crcmod`, that later
ones need, has none. Here pip is asked for each distribution by itself, with sources allowed; what those need is asked
for next, until nothing is open. What has no wheel is then built without a C compiler, which is how such distributions
fall back to pure Python; one that does not fails the build by name. Indexes and the like come from the user's own
configuration of pip.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from scf_mps import __version__

from .problems import BuildFailed
from .requirements import OURS, Wanted
from .runtimes import PLATFORMS, Runtime

# `-m pip` would look for modules in the current folder first, which is the user's project.
_PIP = "import runpy, sys; sys.path = [p for p in sys.path if p]; runpy.run_module('pip', run_name='__main__', alter_sys=True)"

_NO_COMPILER = os.path.join(os.sep, "no", "compiler", "here")

_PASSWORD = re.compile(r"//[^/@\s]+@")


@dataclass(frozen=True)
class Chosen:
    """A distribution that the function is to have.

    Attributes:
        name: in PEP 503's form.
        version: as its metadata has it.
        requirement: what has pip fetch this one and no other.
        digest: SHA-256 of what is fetched, where the index tells.
        is_wheel: whether it is published as a wheel for SCF; else it is built.
        requires: what it needs, with markers, as its metadata has it.
        extras: those of its extras that are asked for.
    """

    name: str
    version: str
    requirement: str
    digest: str | None
    is_wheel: bool
    requires: tuple[str, ...]
    extras: frozenset[str]

    def needs(self, markers: Mapping[str, str]) -> list[Requirement]:
        """What it needs where these markers hold."""
        return _needs(self.requires, self.extras, markers)


def choose(wanted: Wanted, runtime: Runtime, project: Path, work: Path) -> list[Chosen]:
    """The distributions that satisfy what is wanted, and what those need, by name.

    Args:
        wanted: of the project.
        runtime: where they are to run.
        project: the folder that relative paths are relative to.
        work: a folder for files.

    Raises:
        BuildFailed: if pip finds none, or something needs another version of this package.
    """
    lines = [*wanted.lines, *map(str, _needs_of_ours(wanted.ours, runtime.markers))]
    if not lines:
        return []
    below: dict[Chosen, list[str]] = {}
    seen: list[dict[Chosen, list[str]]] = []
    while below not in seen:
        seen.append(below)
        asked = [*lines, *(need for needs in below.values() for need in needs)]
        chosen = _ask(asked, wanted.constraints, runtime, project, work)
        by_name = {one.name: one for one in chosen}
        # What a version needed that is no longer chosen is forgotten.
        then = {one: below.get(one, []) + _unmet(one, by_name, runtime) for one in chosen}
        then = {one: needs for one, needs in then.items() if needs}
        if then == below:
            return sorted(chosen, key=lambda one: one.name)
        below = then
    raise BuildFailed("no versions fit together: pin them in requirements.txt")


def fetch(chosen: Sequence[Chosen], runtime: Runtime, project: Path, work: Path) -> dict[str, Path]:
    """The wheel of each, by name; those that are not published as wheels are built.

    Raises:
        BuildFailed: if one cannot be fetched, or not be built without a C compiler.
    """
    folder = work / "wheels"
    folder.mkdir()
    published = [one for one in chosen if one.is_wheel]
    if published:
        lines = [one.requirement for one in published]
        if all(one.digest for one in published):
            lines = [f"{one.requirement} --hash=sha256:{one.digest}" for one in published]
        asked = _written(work / "published.txt", lines)
        arguments = ["download", "--no-deps", "--only-binary=:all:", *_target(runtime)]
        _pip([*arguments, f"--dest={folder}", f"--requirement={asked}"], project)
    for one in chosen:
        if not one.is_wheel:
            _build(one, runtime, project, folder, work)
    return {
        canonicalize_name(path.name.partition("-")[0]): path
        for path in sorted(folder.glob("*.whl"))
    }


def _build(one: Chosen, runtime: Runtime, project: Path, folder: Path, work: Path) -> None:
    """Make a wheel of a source distribution, as long as what comes of it is pure Python."""
    digest = f" --hash=sha256:{one.digest}" if one.digest else ""
    asked = _written(work / f"{one.name}.txt", [f"{one.requirement}{digest}"])
    into = work / f"built-{one.name}"
    # A wheel that was built here with a compiler may be in pip's cache. DISTUTILS_USE_SDK has Windows look for no
    # compiler but those on the PATH.
    arguments = ["wheel", "--no-deps", "--no-cache-dir", f"--no-binary={one.name}"]
    arguments += [f"--wheel-dir={into}", f"--requirement={asked}"]
    compilers = dict.fromkeys(("CC", "CXX", "LDSHARED"), _NO_COMPILER)
    without = f"{one.name} {one.version} has no wheel for {runtime.name} on x86_64 Linux"
    advice = "pin a version that has one in requirements.txt, or put a wheel of your own into a folder for --find-links"
    try:
        _pip(arguments, project, {**compilers, "DISTUTILS_USE_SDK": "1"})
    except BuildFailed as failed:
        raise BuildFailed(
            f"{without}, and needs a C compiler: {advice}", *failed.problems
        ) from None
    (wheel,) = into.glob("*.whl")
    if not wheel.name.endswith("-none-any.whl"):
        raise BuildFailed(f"{without}, and what is built of it is for this machine: {advice}")
    wheel.rename(folder / wheel.name)


def _ask(
    lines: Sequence[str], constraints: Sequence[str], runtime: Runtime, project: Path, work: Path
) -> list[Chosen]:
    """What pip takes for each line by itself."""
    report = work / "report.json"
    arguments = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet"]
    arguments += [f"--report={report}", f"--target={work / 'nowhere'}", *_target(runtime)]
    arguments += [f"--requirement={_written(work / 'asked.txt', lines)}"]
    if constraints:
        arguments += [f"--constraint={_written(work / 'constraints.txt', constraints)}"]
    _pip(arguments, project)
    extras = _extras(lines)
    return [_chosen(item, extras) for item in json.loads(report.read_text("utf-8"))["install"]]


def _chosen(item: Mapping[str, Any], extras: Mapping[str, frozenset[str]]) -> Chosen:
    """One item of pip's report (its format is documented, version 1)."""
    metadata, info = item["metadata"], item["download_info"]
    name = canonicalize_name(metadata["name"])
    direct = f"{name} @ {info['url']}"
    if "vcs_info" in info:
        direct = f"{name} @ {info['vcs_info']['vcs']}+{info['url']}@{info['vcs_info']['commit_id']}"
    return Chosen(
        name=name,
        version=metadata["version"],
        requirement=direct if item["is_direct"] else f"{name}=={metadata['version']}",
        digest=info.get("archive_info", {}).get("hashes", {}).get("sha256"),
        is_wheel=info["url"].endswith(".whl"),
        requires=tuple(metadata.get("requires_dist", ())),
        extras=extras.get(name, frozenset()) | frozenset(item.get("requested_extras", ())),
    )


def _extras(lines: Iterable[str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in lines:
        with suppress(InvalidRequirement):
            one = Requirement(line.partition(" --")[0])
            name = canonicalize_name(one.name)
            found[name] = found.get(name, frozenset()) | one.extras
    return found


def _unmet(one: Chosen, chosen: Mapping[str, Chosen], runtime: Runtime) -> list[str]:
    """What it needs and is not among the chosen."""
    needs = one.needs(runtime.markers)
    ours = [need for need in needs if canonicalize_name(need.name) == OURS]
    others = [need for need in needs if need not in ours] + _needs_of_ours(ours, runtime.markers)
    return [str(need) for need in others if not _is_met(need, chosen)]


def _is_met(need: Requirement, chosen: Mapping[str, Chosen]) -> bool:
    one = chosen.get(canonicalize_name(need.name))
    return (
        one is not None
        and need.extras <= one.extras
        and need.specifier.contains(one.version, prereleases=True)
    )


def _needs(
    requires: Iterable[str], extras: Iterable[str], markers: Mapping[str, str]
) -> list[Requirement]:
    """Those that hold with these markers, and with none or one of these extras."""
    found = []
    for text in requires:
        one = Requirement(text)
        marker, one.marker = one.marker, None
        if marker is None or any(
            marker.evaluate({**markers, "extra": extra}) for extra in ("", *extras)
        ):
            found.append(one)
    return found


def _needs_of_ours(ours: Iterable[Requirement], markers: Mapping[str, str]) -> list[Requirement]:
    """What this package needs with these extras: the package itself is the one that builds."""
    extras: set[str] = set()
    for one in ours:
        if not one.specifier.contains(__version__, prereleases=True):
            raise BuildFailed(f"expected {one}, but this is scf-mps {__version__}")
        extras |= one.extras
    try:
        return _needs(requires(OURS) or [], extras, markers)
    except PackageNotFoundError:  # pragma: no cover - a source tree that was never installed
        return []


def _target(runtime: Runtime) -> list[str]:
    return [
        f"--python-version={runtime.version}",
        "--implementation=cp",
        *(f"--platform={platform}" for platform in PLATFORMS),
    ]


def _written(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def _pip(
    arguments: Sequence[str], project: Path, environment: Mapping[str, str] | None = None
) -> None:
    command = [sys.executable, "-c", _PIP, "--no-input", "--disable-pip-version-check"]
    ended = subprocess.run(
        [*command, *arguments],
        cwd=project,
        env={**os.environ, "PIP_USER": "0", **(environment or {})},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if ended.returncode:
        said = [line for line in ended.stderr.splitlines() if line.startswith("ERROR:")]
        text = "\n".join(said or ended.stderr.splitlines()[-3:])
        raise BuildFailed(f"pip: {_PASSWORD.sub('//***@', text)}")
