"""Command line of the COS emulator: `python -m scf_mps.local.cos --dir DIR --port N`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from ..background import print_line
from .emulator import DEFAULT_KEY, DEFAULT_REGION, CosEmulator, serve
from .errors import CosError
from .names import check_bucket_name
from .signature import Key


def parse_key(text: str) -> Key:
    """Parse `ID:SECRET[:TOKEN]`.

    Raises:
        argparse.ArgumentTypeError: if the id or the secret is missing.
    """
    secret_id, _, secret = text.partition(":")
    secret_key, _, token = secret.partition(":")
    if not secret_id or not secret_key:
        raise argparse.ArgumentTypeError(f"{secret_id!r}: missing secret. Use ID:SECRET[:TOKEN]")
    return Key(secret_id, secret_key, token or None)


def parse_bucket(text: str) -> tuple[str, str]:
    """Parse `NAME-APPID[.REGION]` into (name, region).

    Raises:
        argparse.ArgumentTypeError: if the name is invalid.
    """
    name, _, region = text.partition(".")
    try:
        check_bucket_name(name)
    except CosError as error:
        raise argparse.ArgumentTypeError(error.message) from None
    return name, region or DEFAULT_REGION


def main(
    arguments: Sequence[str] | None = None, *, announce: Callable[[str], None] = print_line
) -> None:
    """Parse the command line and serve until SIGINT or SIGTERM.

    Args:
        arguments: the command line without the program's name; `sys.argv` by default.
        announce: called with the line that says that the emulator is ready.
    """
    parser = argparse.ArgumentParser(prog="scf_mps.local.cos", description="A COS emulator.")
    parser.add_argument("--dir", required=True, help="directory that stores the objects")
    parser.add_argument(
        "--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)"
    )
    parser.add_argument(
        "--key",
        type=parse_key,
        action="append",
        metavar="ID:SECRET[:TOKEN]",
        help=f"accepted key pair, repeatable (default: {DEFAULT_KEY.secret_id}:"
        f"{DEFAULT_KEY.secret_key})",
    )
    parser.add_argument(
        "--bucket",
        type=parse_bucket,
        action="append",
        default=[],
        metavar="NAME-APPID[.REGION]",
        help="bucket to create if missing, repeatable",
    )
    parser.add_argument(
        "--create-buckets",
        action="store_true",
        help="create unknown buckets on the first write instead of responding NoSuchBucket",
    )
    options = parser.parse_args(arguments)
    keys = options.key or [DEFAULT_KEY]
    emulator = CosEmulator(options.dir, options.port, keys, create_buckets=options.create_buckets)
    serve(emulator, buckets=options.bucket, announce=announce)


if __name__ == "__main__":  # pragma: no cover (runs in child processes of the tests)
    main()
