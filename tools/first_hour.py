"""Run docs/getting-started.md line by line, check the results and print the times.

It clones this checkout into an empty folder and needs python3 and git. The environment contains only the variables that
pip and pyenv need. At the end the CI workflow of the new project runs in a clone of the project.
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
INHERITED_VARIABLES = re.compile(
    r"HOME|PATH|LANG|LC_ALL|TMPDIR|PYENV_ROOT|PIP_.*|UV_.*|SSL_CERT_FILE|.*_proxy", re.I
)
MAX_COMMAND_SECONDS = 600


class Session:
    """A shell session in a folder, with timed commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prelude = ""
        self.environment = {
            name: value for name, value in os.environ.items() if INHERITED_VARIABLES.fullmatch(name)
        }
        self.start = monotonic()

    def run(self, command: str, code: int = 0) -> str:
        """Run a command after the previous `cd` and activations. Return its output."""
        start = monotonic()
        process = subprocess.run(
            ["sh", "-c", f"{self.prelude}{command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=MAX_COMMAND_SECONDS,
        )
        print(f"{monotonic() - start:7.1f} s  {command}", flush=True)
        check(
            process.returncode == code,
            f"exit code {process.returncode} of {command}",
            process.stdout,
        )
        if re.match(r"cd |\. ", command):
            self.prelude += f"{command} && "
        return process.stdout

    def data(self, command: str) -> list[dict[str, object]]:
        """Return the JSON output of a command."""
        rows: list[dict[str, object]] = json.loads(self.run(f"{command} --json 2>/dev/null"))
        return rows


def check(condition: bool, claim: str, output: str = "") -> None:
    """Exit with the output of a command unless a condition holds."""
    if not condition:
        sys.exit(f"{output}\n!!! failed: {claim}")


def find_blocks(kind: str, section: str) -> list[str]:
    """Return the code blocks of a section of the page."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def find_commands(section: str) -> list[str]:
    """Return the shell commands of a section of the page."""
    return [line for block in find_blocks("sh", section) for line in block.splitlines()]


def read_outcomes(entry: dict[str, object]) -> dict[str, tuple[str, int]]:
    """Return (outcome, delivery) of each callback of an event in the ledger."""
    records: list[dict[str, object]] = entry["callbacks"]  # type: ignore[assignment]
    return {
        str(record["callback"]).rpartition(".")[2]: (
            str(record["outcome"]),
            int(str(record["delivery"])),
        )
        for record in records
    }


def main() -> None:
    """Run the page and the CI workflow."""
    with tempfile.TemporaryDirectory(prefix="first-hour-") as scratch:
        session = Session(Path(scratch))
        for command in find_commands("Install"):
            session.run(command.replace("REPOSITORY", str(ROOT)))
        for command in find_commands("Create a project"):
            session.run(command)
        project = session.folder / "videos"

        callback = project / "handlers" / "renditions.py"
        [source] = find_blocks("python", "Edit a callback")
        callback.write_text(source)
        routes, sample, local = find_commands("Run an event as SCF does")
        session.run(routes)
        output = str(session.data(routes))
        check("renditions.record_rendition" in output, "routes has the edited callback", output)
        session.run(sample)
        output = session.run(local, code=1)
        check(
            output.count("rendition cos://") == 3,
            "local ran the edited callback three times",
            output,
        )
        check("the index cannot be reached" in output, "local shows the reason", output)

        history, replay, again = find_commands("Fix and replay")
        output = session.run(history)
        check("failed" in output, "history shows the failure", output)
        [entry] = session.data(history)
        before = read_outcomes(entry)
        check(entry["state"] == "failed", "history has the event as failed", str(entry))
        check("the index cannot be reached" in str(entry), "history has the reason", str(entry))
        check(
            before["record_rendition"] == ("failed", 3), "the callback failed 3 times", str(before)
        )
        check(before["record_sprites"] == ("done", 1), "the other callback is done", str(before))

        [line] = [line for line in source.splitlines(keepends=True) if "raise " in line]
        callback.write_text(source.replace(line, ""))
        session.run(replay)
        check("done" in session.run(again), "history shows it done")
        [entry] = session.data(again)
        after = read_outcomes(entry)
        check(entry["state"] == "done", "the replayed event is done", str(entry))
        check(
            after["record_rendition"] == ("done", 4), "replay ran the failed callback", str(after)
        )
        check(after["record_sprites"] == ("done", 1), "replay ran no other callback", str(after))

        build, doctor = find_commands("Next")
        session.run(build)
        check((project / "dist" / "function.zip").is_file(), "build makes the zip")
        session.run(doctor)
        print(f"{monotonic() - session.start:7.1f} s  in total for a new user\n", flush=True)
        run_workflow(session, project)


def run_workflow(session: Session, project: Path) -> None:
    """Run the job `test` of the project's CI in a clone of the project, with SCF's Python if installed."""
    session.run(
        "git init -q && git add -A && git -c user.name=me -c user.email=me@localhost commit -qm 'Start'"
    )
    session.prelude = ""
    session.run(f"git clone -q '{project}' clone")
    session.run("cd clone")
    workflow = (project / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    job = workflow.partition("\n  deploy:\n")[0]
    session.run(f"'{find_scf_python()}' -m venv .venv")
    session.run(". .venv/bin/activate")
    version = session.run("python -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'").strip()
    for command in re.findall(r"^ +- run: (.+)$", job, re.MULTILINE):
        if version != "3.10" and "--require-bytecode" in command:
            print("!!! SKIPPED --require-bytecode: no CPython 3.10 on this machine")
            command = command.replace(" --require-bytecode", "")
        session.run(command)
    print(f"{monotonic() - session.start:7.1f} s  with the CI of the project", flush=True)


def find_scf_python() -> str:
    """Return a CPython 3.10 from PATH or pyenv, or the running Python."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for path in (shutil.which("python3.10"), *root.glob("versions/3.10.*/bin/python")):
        if path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            return str(path)
    return sys.executable


if __name__ == "__main__":
    main()
