"""The commands that run a cloud on the desk: the COS emulator, and the function as SCF would run it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from .asking import local as needs_local
from .asking import read_event
from .output import err, fail, out

KEPT = Path(".scf-mps")
"""Where the desk keeps what it is to remember, in the folder of the project."""


def cos(
    directory: Annotated[Path, typer.Option("--dir", help="Where the objects are kept.")],
    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0 takes a free one.")] = 0,
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
) -> None:
    """A COS emulator that official clients believe; they reach it as an HTTP proxy."""
    with needs_local():
        from scf_mps.local.cos.__main__ import main
    options = [f"--dir={directory}", f"--port={port}"]
    options += [f"--key={one}" for one in key or []]
    options += [f"--bucket={one}" for one in bucket or []]
    main([*options, *(["--create-buckets"] if create_buckets else [])])


def local(
    events: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[EVENT.json|-|SAMPLE]...",
            help="Events to push; without any it runs until it is stopped.",
        ),
    ] = None,
    source: Annotated[
        Path, typer.Option(help="The project's folder, or a zip that `scf-mps build` made.")
    ] = Path("."),
    python: Annotated[
        str | None, typer.Option(help="The CPython: 3.10, or the path of one.")
    ] = None,
    timeout: Annotated[int, typer.Option(min=1, max=900, help="The time limit in seconds.")] = 60,
    memory: Annotated[int, typer.Option(help="The memory limit in MB.")] = 256,
    concurrency: Annotated[int, typer.Option(min=1, help="Instances at a time, at most.")] = 1,
    retries: Annotated[int, typer.Option(min=0, max=2, help="Retries of a failed event.")] = 2,
    speed: Annotated[
        float, typer.Option(help="By how much the minute before a retry is shortened.")
    ] = 60,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable; may be repeated.")
    ] = None,
    port: Annotated[
        int, typer.Option(help="Of SCF's Invoke API, on 127.0.0.1; 0 takes a free one.")
    ] = 0,
) -> None:
    """Run the function as SCF would: own processes, limits, retries, dead letters; a ledger in .scf-mps/.

    Exit code 0 only if every event pushed was done.
    """
    with needs_local():
        from scf_mps.local.api import CloudApi, Emulated, Scf
        from scf_mps.local.scf import LocalFunction, Refused, serve, watch
    KEPT.mkdir(exist_ok=True)
    variables = {"MPS_LEDGER": _ledger(), **_own_variables(), **_pairs(env or [])}
    try:
        function = LocalFunction(
            source,
            python=python,
            timeout=timeout,
            memory=memory,
            environment=variables,
            credentials=_credentials(),
            concurrency=concurrency,
            retries=retries,
            speed=speed,
            dead_letter_queue=KEPT / "dead-letters.jsonl",
        )
    except ValueError as error:
        fail(str(error))

    @contextmanager
    def endpoint(  # pragma: no cover - the tests run it in a process of its own
        running: LocalFunction,
    ) -> Iterator[str]:
        with CloudApi([Scf([Emulated(running)])], port=port) as api:
            yield f"SCF API at {api.url}, secret id {api.key.secret_id}"

    def show(line: str) -> None:
        out.print(line, markup=False, soft_wrap=True)

    if not events:  # pragma: no cover - as above
        serve(function, endpoint, show)
        return
    told = [read_event(one, None, "FINISH") for one in events]
    watch(function, show)
    try:
        with function:
            for event in told:
                function.push(event)
            function.settle(len(told) * (retries + 1) * (timeout + 70))
            failed = len(function.dead_letters)
    except (Refused, ValueError) as error:
        fail(str(error))
    if failed:
        err.print(
            f"{failed} events are in {KEPT / 'dead-letters.jsonl'}: scf-mps replay --dead-letter",
            style="red",
            soft_wrap=True,
        )
        raise typer.Exit(1)


def desk_ledger() -> str:
    """The URL of the desk's own ledger."""
    return (Path.cwd() / KEPT / "ledger").as_uri()


def _ledger() -> str:
    return os.environ.get("MPS_LEDGER") or desk_ledger()


def _own_variables() -> dict[str, str]:
    """The variables of ours that are set where the command is given."""
    return {name: value for name, value in os.environ.items() if name.startswith("MPS_")}


def _pairs(given: list[str]) -> dict[str, str]:
    for one in given:
        if "=" not in one:
            fail(f"expected NAME=VALUE, not {one!r}")
    return dict(one.split("=", 1) for one in given)


def _credentials() -> tuple[str, str, str] | None:
    """What the function's role would have, from the desk's own variables."""
    names = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
    secret_id, secret_key, token = (os.environ.get(name, "") for name in names)
    return (secret_id, secret_key, token) if secret_id and secret_key else None
