"""The first hour of a new user, with a stopwatch: runs docs/getting-started.md, line by line, and checks the results.

It clones this checkout into an empty folder and needs python3 and git. The environment has no variable of the user's
but those that pip and pyenv need. The CI workflow of the new project runs at the end, in a clone of that project.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "getting-started.md").read_text("utf-8")
KEPT = re.compile(
    r"HOME|PATH|LANG|LC_ALL|TMPDIR|PYENV_ROOT|PIP_.*|UV_.*|SSL_CERT_FILE|.*_proxy", re.I
)
LIMIT_SECONDS = 600


class Hour:
    """A folder, a virtual environment, and how long each command took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prelude = ""
        self.environment = {
            name: value for name, value in os.environ.items() if KEPT.fullmatch(name)
        }
        self.begun = monotonic()

    def run(self, command: str, code: int = 0) -> str:
        """Run a command as typed, after the `cd` and activations so far. Return stdout."""
        begin = monotonic()
        done = subprocess.run(
            ["sh", "-c", f"{self.prelude}{command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=LIMIT_SECONDS,
        )
        print(f"{monotonic() - begin:7.1f} s  {command}", flush=True)
        check(done.returncode == code, f"exit code {done.returncode} of {command}", done.stdout)
        if re.match(r"cd |\. ", command):
            self.prelude += f"{command} && "
        return done.stdout

    def data(self, command: str) -> list[dict[str, object]]:
        """Return the JSON that a command prints."""
        found: list[dict[str, object]] = json.loads(self.run(f"{command} --json 2>/dev/null"))
        return found


def check(holds: bool, claim: str, shown: str = "") -> None:
    if not holds:
        sys.exit(f"{shown}\n!!! {claim}")


def blocks(kind: str, section: str) -> list[str]:
    """Return the code blocks of a section of the page."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(section: str) -> list[str]:
    return [line for block in blocks("sh", section) for line in block.splitlines()]


def callbacks(entry: dict[str, object]) -> dict[str, tuple[str, int]]:
    """Return outcome and delivery of each callback of an event of the ledger."""
    records: list[dict[str, object]] = entry["callbacks"]  # type: ignore[assignment]
    return {
        str(one["callback"]).rpartition(".")[2]: (str(one["outcome"]), int(str(one["delivery"])))
        for one in records
    }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="first-hour-") as scratch:
        hour = Hour(Path(scratch))
        for command in commands("Install"):
            hour.run(command.replace("REPOSITORY", str(ROOT)))
        for command in commands("Create a project"):
            hour.run(command)
        project = hour.folder / "videos"

        callback = project / "handlers" / "renditions.py"
        [source] = blocks("python", "Edit a callback")
        callback.write_text(source)
        routes, sample, local = commands("Run an event as SCF does")
        hour.run(routes)
        shown = str(hour.data(routes))
        check("renditions.record_rendition" in shown, "routes has the edited callback", shown)
        hour.run(sample)
        shown = hour.run(local, code=1)
        check(
            shown.count("rendition cos://") == 3, "local ran the edited callback three times", shown
        )
        check("the index cannot be reached" in shown, "local shows the reason", shown)

        history, replay, again = commands("See what happened, mend, replay")
        shown = hour.run(history)
        check("failed" in shown, "history shows the failure", shown)
        [entry] = hour.data(history)
        before = callbacks(entry)
        check(entry["state"] == "failed", "history has the event as failed", str(entry))
        check("the index cannot be reached" in str(entry), "history has the reason", str(entry))
        check(
            before["record_rendition"] == ("failed", 3), "the callback failed 3 times", str(before)
        )
        check(before["record_sprites"] == ("done", 1), "the other one is done at once", str(before))

        [line] = [line for line in source.splitlines(keepends=True) if "raise " in line]
        callback.write_text(source.replace(line, ""))
        hour.run(replay)
        check("done" in hour.run(again), "history shows it done")
        [entry] = hour.data(again)
        after = callbacks(entry)
        check(entry["state"] == "done", "the replayed event is done", str(entry))
        check(after["record_rendition"] == ("done", 4), "replay ran the failed one", str(after))
        check(after["record_sprites"] == ("done", 1), "replay ran no other", str(after))

        build, doctor = commands("Next")
        hour.run(build)
        check((project / "dist" / "function.zip").is_file(), "build makes the zip")
        hour.run(doctor)
        print(f"{monotonic() - hour.begun:7.1f} s  in all, as a new user\n", flush=True)
        run_workflow(hour, project)


def run_workflow(hour: Hour, project: Path) -> None:
    """Run the job `test` of the project's CI in a clone of what git has of it, on SCF's Python if there is one."""
    hour.run(
        "git init -q && git add -A && git -c user.name=me -c user.email=me@localhost commit -qm 'Start'"
    )
    hour.prelude = ""
    hour.run(f"git clone -q '{project}' clone")
    hour.run("cd clone")
    workflow = (project / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    job = workflow.partition("\n  deploy:\n")[0]
    hour.run(f"'{python_of_scf()}' -m venv .venv")
    hour.run(". .venv/bin/activate")
    version = hour.run("python -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'").strip()
    for command in re.findall(r"^ +- run: (.+)$", job, re.MULTILINE):
        if version != "3.10" and "--require-bytecode" in command:
            print("!!! SKIPPED --require-bytecode: no CPython 3.10 on this machine")
            command = command.replace(" --require-bytecode", "")
        hour.run(command)
    print(f"{monotonic() - hour.begun:7.1f} s  with the project's own CI", flush=True)


def python_of_scf() -> str:
    """Return a CPython 3.10 of the PATH or of pyenv, or the one that runs this."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for path in (shutil.which("python3.10"), *root.glob("versions/3.10.*/bin/python")):
        if path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            return str(path)
    return sys.executable


if __name__ == "__main__":
    main()
