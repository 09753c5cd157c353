"""Commands for the emulators of COS and SCF: cos, local."""

from __future__ import annotations

import shutil
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import EnvOption, TracebackOption, local_python, read_event, read_project
from .arguments import local as needs_local
from .local_output import LocalOutput, show_delivered
from .output import count, fail, format_path, say, warn

if TYPE_CHECKING:
    from .configuration import Configuration

if TYPE_CHECKING:
    from scf_mps.local.cos import Key


def cos(
    directory: Annotated[Path, typer.Option("--dir", help="Where the objects are kept.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes a free one.")
    ] = 0,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="ID:SECRET[:TOKEN]", help="An accepted key; may be repeated."),
    ] = None,
    bucket: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME-APPID[.REGION]", help="A bucket to make; may be repeated."),
    ] = None,
    create_buckets: Annotated[
        bool, typer.Option("--create-buckets", help="Make unknown buckets at the first write.")
    ] = False,
    seed: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Upload its files first: to the one --bucket, else from DIR/NAME-APPID[.REGION]/.",
        ),
    ] = None,
) -> None:
    """Run a COS emulator that official clients reach as an HTTP proxy. Print what to export."""
    from scf_mps.cos import Cos, CosObject, Credentials

    with needs_local():
        from scf_mps.local.cos import DEFAULT_REGION
        from scf_mps.local.cos.__main__ import main, parse_bucket, parse_key
    bucket = bucket or []
    uploads = _seed_files(seed, bucket) if seed else []
    bucket += dict.fromkeys(name for name, _, _ in uploads)
    option = "--key"
    try:
        for one in key or []:
            parse_key(one)
        option = f"--seed: folders of {seed}" if uploads else "--bucket"
        for one in bucket:
            parse_bucket(one)
    except ArgumentTypeError as error:
        fail(f"{option}: {error}")
    options = [f"--dir={directory}", f"--port={port}"]
    options += [f"--key={one}" for one in key or []]
    options += [f"--bucket={one}" for one in bucket]
    options += ["--create-buckets"] if create_buckets else []

    def upload(url: str, key: Key) -> None:
        client = Cos(
            Credentials(key.secret_id, key.secret_key, key.token or ""), proxy=url, buckets="*"
        )
        for name, path, object_key in uploads:
            place, _, region = name.partition(".")
            client.upload(path, CosObject(place, region or DEFAULT_REGION, object_key))

    try:
        main(options, prepare=upload)
    except OSError as error:
        fail(f"cannot start the emulator: {error}")


def _seed_files(folder: Path, buckets: list[str]) -> list[tuple[str, Path, str]]:
    """Return (bucket, file, key) of each file to upload. No bucket to put them into ends the command."""
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
            f"--seed: no files in {folder}. Put them there and name one --bucket, "
            f"or put them in {folder}/NAME-APPID.REGION/"
        )
    return files


def local(
    events: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[EVENT.json|-|SAMPLE]...",
            help="Events to push. Without any it runs until it is stopped.",
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            help="A folder, or a zip that `scf-mps build` made.", show_default="the project"
        ),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            help="The CPython: a version such as 3.10, or a path.",
            show_default="serverless.yml's runtime",
        ),
    ] = None,
    timeout: Annotated[
        int | None,
        typer.Option(
            min=1, max=900, help="The time limit in seconds.", show_default="serverless.yml's"
        ),
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(help="The memory limit in MB.", show_default="serverless.yml's"),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="The highest number of instances.")] = 1,
    freeze: Annotated[
        bool, typer.Option(help="Stop an instance between two events: its threads get no time.")
    ] = True,
    retries: Annotated[int, typer.Option(min=0, max=2, help="Retries of a failed event.")] = 2,
    speed: Annotated[
        float, typer.Option(help="Factor by which the minute before a retry is shortened.")
    ] = 60,
    env: EnvOption = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Of SCF's Invoke API, on 127.0.0.1; 0 takes a free one."
        ),
    ] = 0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete the ledger in .scf-mps/ first.")
    ] = False,
    full: TracebackOption = False,
) -> None:
    """Run the function as SCF does: processes, limits, retries, dead letters. Its ledger is in .scf-mps/.

    Exit code 0 only if every event pushed was completed.
    """
    with needs_local():
        from scf_mps.local.api import CloudApi, EmulatedFunction, Scf
        from scf_mps.local.scf import InvocationRejected, LocalFunction, serve
    configuration = read_project(env=env, source=source)
    timeout = timeout or configuration.timeout
    key = configuration.credentials()
    dead_letters = configuration.state_folder / "dead-letters.jsonl"
    configuration.state_folder.mkdir(exist_ok=True)
    variables = {"MPS_LEDGER": configuration.local_ledger, **configuration.variables}
    if fresh:
        _delete_state(configuration, variables["MPS_LEDGER"])
    try:
        function = LocalFunction(
            source or configuration.folder,
            python=python or local_python(configuration),
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
    def endpoint(  # pragma: no cover - the tests run it in a process of its own
        running: LocalFunction,
    ) -> Iterator[str]:
        with CloudApi([Scf([EmulatedFunction(running)])], port=port) as api:
            yield f"SCF API at {api.url}, secret id {api.key.secret_id}"

    output = LocalOutput(function, full=full, brief=bool(events))
    if not events:  # pragma: no cover - as above
        try:
            serve(function, endpoint, say, output)
        except OSError as error:
            fail(f"cannot start the emulator: {error}")
        return
    pushed = [read_event(one, None, "FINISH") for one in events]
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
        show_delivered(event, last[request_id], function.environment["MPS_LEDGER"])
    if failed:
        path = format_path(dead_letters)
        warn(
            f"{count(failed, 'event')} moved to {path}. Correct the cause, then run: "
            f"scf-mps replay --dead-letter {path}"
        )
        raise typer.Exit(1)


def _delete_state(configuration: Configuration, ledger: str) -> None:
    """Delete the local ledger and dead letters."""
    folder = configuration.state_folder
    if ledger != configuration.local_ledger:
        fail(f"--fresh deletes the ledger in {folder.name}/ alone, and MPS_LEDGER names {ledger}")
    shutil.rmtree(folder / "ledger", ignore_errors=True)
    (folder / "dead-letters.jsonl").unlink(missing_ok=True)
