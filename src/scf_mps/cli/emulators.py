"""Commands for the emulators of COS and SCF: cos, local."""

from __future__ import annotations

import shutil
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scf_mps.logs import CALLBACK_LEVEL

from .arguments import (
    ConcurrencyOption,
    EnvOption,
    MemoryOption,
    PythonOption,
    SpeedOption,
    TimeoutOption,
    TracebackOption,
    find_local_python,
    read_event,
    read_project,
    require_local_extra,
)
from .local_output import LocalOutput, print_delivery
from .output import fail, format_count, format_path, print_error, print_line

if TYPE_CHECKING:
    from scf_mps.deploy.configuration import Configuration


def cos(
    directory: Annotated[Path, typer.Option("--dir", help="The folder of the objects.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1. 0 selects a free one.")
    ] = 0,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="ID:SECRET[:TOKEN]", help="An accepted key. Repeatable."),
    ] = None,
    bucket: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME-APPID[.REGION]", help="A bucket to create. Repeatable."),
    ] = None,
    create_buckets: Annotated[
        bool, typer.Option("--create-buckets", help="Create unknown buckets on the first write.")
    ] = False,
    seed: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Upload its files first: to the only --bucket, or from DIR/BUCKET/."
        ),
    ] = None,
) -> None:
    """Run a COS emulator that official clients use as an HTTP proxy. Print the variables to export."""
    from scf_mps.cos import Cos, CosObject, Credentials

    with require_local_extra():
        from scf_mps.local.cos import CosEmulator
        from scf_mps.local.cos.__main__ import parse_bucket, parse_key
        from scf_mps.local.cos.emulator import DEFAULT_KEY, serve
    bucket = bucket or []
    uploads = _find_seed_files(seed, bucket) if seed else []
    bucket += dict.fromkeys(name for name, _, _ in uploads)
    option = "--key"
    try:
        keys = [parse_key(text) for text in key or []] or [DEFAULT_KEY]
        option = f"--seed: folders of {seed}" if uploads else "--bucket"
        buckets = [parse_bucket(text) for text in bucket]
    except ArgumentTypeError as error:
        fail(f"{option}: {error}")

    def upload(url: str) -> None:
        secret_id, secret_key, token = keys[0].secret_id, keys[0].secret_key, keys[0].token or ""
        client = Cos(Credentials(secret_id, secret_key, token), proxy=url, buckets="*")
        for name, path, object_key in uploads:
            client.upload(path, CosObject(*parse_bucket(name), object_key))

    try:
        emulator = CosEmulator(directory, port, keys, create_buckets=create_buckets)
        serve(emulator, buckets=buckets, prepare=upload)
    except OSError as error:
        fail(f"cannot start the emulator: {error}")


def _find_seed_files(folder: Path, buckets: list[str]) -> list[tuple[str, Path, str]]:
    """Return (bucket, file, key) of each file to upload. Exit if there are none."""
    if not folder.is_dir():
        fail(f"--seed: {folder} is not a folder")
    places = (
        {buckets[0]: folder}
        if len(buckets) == 1
        else {
            path.name: path
            for path in sorted(folder.iterdir())
            if path.is_dir() and path.name[0] != "."
        }
    )
    files = [
        (name, path, path.relative_to(top).as_posix())
        for name, top in places.items()
        for path in sorted(top.rglob("*"))
        if path.is_file()
    ]
    if not files:
        fail(
            f"--seed: no files in {folder}. Add files and one --bucket, "
            f"or add files to {folder}/NAME-APPID.REGION/"
        )
    return files


def local(
    events: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[EVENT.json|-|SAMPLE]...",
            help="Events to push. Without events it runs until stopped.",
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            help="A folder, or a zip made by `scf-mps build`.", show_default="the project"
        ),
    ] = None,
    python: PythonOption = None,
    timeout: TimeoutOption = None,
    memory: MemoryOption = None,
    concurrency: ConcurrencyOption = 1,
    freeze: Annotated[
        bool, typer.Option(help="Freeze an instance between two events, with its threads.")
    ] = True,
    retries: Annotated[int, typer.Option(min=0, max=2, help="Retries of a failed event.")] = 2,
    speed: SpeedOption = 60,
    env: EnvOption = None,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            help="The port of SCF's Invoke API on 127.0.0.1. 0 selects a free one.",
        ),
    ] = 0,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Delete the ledger and the dead letters in .scf-mps/ first."),
    ] = False,
    full: TracebackOption = False,
) -> None:
    """Run the function as SCF does, with processes, limits, retries and dead letters. Its ledger is in .scf-mps/.

    Exit code 0 only if every pushed event was completed.
    """
    with require_local_extra():
        from scf_mps.local.api import CloudApi, Scf
        from scf_mps.local.scf import InvocationRejected, LocalFunction, serve
    configuration = read_project(env=env, source=source)
    timeout = timeout or configuration.timeout
    key = configuration.credentials()
    dead_letters = configuration.state_folder / "dead-letters.jsonl"
    configuration.state_folder.mkdir(exist_ok=True)
    variables = {"MPS_LEDGER": configuration.local_ledger, **configuration.variables}
    level = variables.get("MPS_LOG_LEVEL", "INFO")
    variables["MPS_LOG_LEVEL"] = CALLBACK_LEVEL if level.upper() == "INFO" else level
    if fresh:
        _delete_state(configuration, variables["MPS_LEDGER"])
    try:
        function = LocalFunction(
            source or configuration.folder,
            python=python or find_local_python(configuration),
            timeout=timeout,
            memory=memory or configuration.memory,
            environment=variables,
            credentials=key and (key.secret_id, key.secret_key, key.token),
            concurrency=concurrency,
            freeze=freeze,
            retries=retries,
            speed=speed,
            dead_letter_queue=dead_letters,
        )
    except ValueError as error:
        fail(str(error))

    @contextmanager
    def endpoint(  # pragma: no cover - tests run it in a subprocess
        running: LocalFunction,
    ) -> Iterator[str]:
        with CloudApi([Scf([running])], port=port) as api:
            yield f"SCF API at {api.url}, secret id {api.key.secret_id}"

    output = LocalOutput(function, full=full, brief=bool(events))
    if not events:  # pragma: no cover - see above
        try:
            serve(function, endpoint, print_line, output)
        except OSError as error:
            fail(f"cannot start the emulator: {error}")
        return
    pushed = [read_event(name, None, "FINISH") for name in events]
    function.observe(output)
    try:
        with function:
            request_ids = [function.push(event) for event in pushed]
            function.settle(len(pushed) * (retries + 1) * (timeout + 70))
            failed = len(function.dead_letters)
    except (InvocationRejected, ValueError) as error:
        fail(str(error))
    last = {invocation.request_id: invocation for invocation in function.invocations}
    for event, request_id in zip(pushed, request_ids, strict=True):
        print_delivery(event, last[request_id], function.environment["MPS_LEDGER"])
    if failed:
        path = format_path(dead_letters)
        print_error(
            f"{format_count(failed, 'event')} moved to {path}. Correct the cause, then run: "
            f"scf-mps replay --dead-letter {path}"
        )
        raise typer.Exit(1)


def _delete_state(configuration: Configuration, ledger: str) -> None:
    """Delete the local ledger and dead letters. Exit if the function uses another ledger."""
    folder = configuration.state_folder
    if ledger != configuration.local_ledger:
        fail(f"--fresh deletes only the ledger in {folder.name}/, but MPS_LEDGER is {ledger}")
    shutil.rmtree(folder / "ledger", ignore_errors=True)
    (folder / "dead-letters.jsonl").unlink(missing_ok=True)
