"""Settings of a function, with SCF's limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from scf_mps.deploy.naming_rules import (
    FUNCTION_PATTERN,
    HANDLER_PATTERN,
    MAX_ENVIRONMENT_BYTES,
    RESERVED_PREFIXES,
    VARIABLE_PATTERN,
    measure_variables,
)

from .interpreters import Interpreter, find_interpreter

_HANDLER_RULE = (
    "FILE.FUNCTION, each of 2 to 60 letters, digits, - and _, a letter first and last,"
    " the file in the root of the code"
)
_NAME_RULE = "2 to 60 letters, digits, - and _, a letter first, a letter or digit last"


class SettingError(ValueError):
    """A setting that SCF would refuse.

    Attributes:
        name: the setting.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class KeyPair(Protocol):
    """A key pair with its session token, such as `scf_mps.cos.Credentials` or `scf_mps.local.cos.Key`."""

    @property
    def secret_id(self) -> str:
        """The secret id."""
        ...

    @property
    def secret_key(self) -> str:
        """The secret key."""
        ...

    @property
    def token(self) -> str | None:
        """The session token of a temporary key."""
        ...


KeyTriple = tuple[str, str, str]
"""Secret id, secret key, session token."""


@dataclass(eq=False, repr=False)
class Settings:
    """Settings of a function and of its emulator. Times are in seconds.

    Attributes:
        source: the code: a folder with the entry file, a checkout with a package `handlers`, or a zip.
        handler: ``file.function``.
        python: a version such as ``3.10``, or the path of an executable, by default the running CPython.
        timeout: limit of an invocation, 1 to 900.
        memory: limit in MB, 64 or a multiple of 128.
        environment: the function's variables.
        credentials: the keys of the execution role with their session token, or a callable that returns them for
            each invocation. None: no role.
        layer: a folder or zip, mounted as ``/opt``.
        init_timeout: limit for loading the function, 3 to 300.
        concurrency: the most instances.
        freeze: whether to stop instances between two events, so that their background threads do not run. SCF does
            not document this: portable functions do not depend on it.
        retries: the retries after a failure of the function, 0 to 2.
        retry_interval: the time before a retry.
        ttl: the time after which an event expires, up to 21600.
        speed: the factor by which the wait for a retry is shortened. Limits keep their length, and events age as if
            they had waited in full.
        dead_letter_queue: whether there is one. A path also appends each message to a file of JSON lines.
        duplicates: the share of events that are delivered twice, because SCF delivers at least once.
        seed: of the selection of duplicates.
        loader: ``imp`` or ``path``, see `bootstrap.load`.

    Raises:
        SettingError: for a setting that SCF would refuse.
        ValueError: if the CPython is missing.
    """

    source: str | Path
    _: KW_ONLY
    handler: str = "index.main_handler"
    python: str | Path | None = None
    timeout: int = 3
    memory: int = 128
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    credentials: KeyPair | KeyTriple | Callable[[], KeyPair | KeyTriple] | None = None
    layer: str | Path | None = None
    init_timeout: int = 65
    concurrency: int = 1
    freeze: bool = True
    retries: int = 2
    retry_interval: float = 60
    ttl: float = 21600
    speed: float = 1
    dead_letter_queue: bool | str | Path = False
    duplicates: float = 0
    seed: int = 0
    loader: Literal["imp", "path"] = "imp"
    name: str = "mps-events"
    namespace: str = "default"
    version: str = "$LATEST"
    region: str = "ap-guangzhou"
    appid: str = "1250000000"
    uin: str = "100000000001"

    def __post_init__(self) -> None:
        is_memory = self.memory == 64 or (self.memory >= 128 and self.memory % 128 == 0)
        for name, is_valid, rule in (
            ("handler", HANDLER_PATTERN.fullmatch(self.handler), _HANDLER_RULE),
            ("name", FUNCTION_PATTERN.fullmatch(self.name), _NAME_RULE),
            ("timeout", self.timeout in range(1, 901), "a whole number of seconds from 1 to 900"),
            ("init_timeout", 3 <= self.init_timeout <= 300, "3 to 300 s"),
            ("memory", is_memory, "64 MB or a multiple of 128"),
            ("concurrency", self.concurrency >= 1, "1 or more"),
            ("retries", 0 <= self.retries <= 2, "0 to 2"),
            ("retry_interval", self.retry_interval >= 0, "0 s or more"),
            ("ttl", 0 < self.ttl <= 21600, "up to 21600 s"),
            ("speed", self.speed > 0, "a number above 0"),
            ("duplicates", 0 <= self.duplicates <= 1, "a share from 0 to 1"),
            ("loader", self.loader in ("imp", "path"), "imp or path"),
        ):
            if not is_valid:
                raise SettingError(name, f"invalid {name} {getattr(self, name)!r}: use {rule}")
        check_variables(self.environment)
        self._python = find_interpreter(None if self.python is None else str(self.python))

    @property
    def runtime(self) -> Interpreter:
        """The CPython of the function."""
        return self._python

    def keys(self) -> KeyTriple | None:
        """Return the keys for the next invocation, or None without a role. Raises what the callable raises."""
        keys = self.credentials() if callable(self.credentials) else self.credentials
        if keys is None or isinstance(keys, tuple):
            return keys
        return keys.secret_id, keys.secret_key, keys.token or ""


def check_variables(variables: Mapping[str, str]) -> None:
    """Check environment variables by SCF's rules (product page 583/32748). Errors never show a value."""
    for name, value in variables.items():
        problem = ""
        if not VARIABLE_PATTERN.fullmatch(name):
            problem = "use letters, digits and _, a letter first"
        elif name.startswith(RESERVED_PREFIXES):
            problem = f"SCF reserves {', '.join(RESERVED_PREFIXES)}"
        elif not isinstance(value, str):
            problem = f"the value is {type(value).__name__}, not text"
        if problem:
            raise SettingError("environment", f"invalid variable {name!r}: {problem}")
    size = measure_variables(variables.items())
    if size > MAX_ENVIRONMENT_BYTES:
        raise SettingError(
            "environment", f"the variables have {size} bytes, more than {MAX_ENVIRONMENT_BYTES}"
        )
