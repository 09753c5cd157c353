"""What is set of a function, with the limits SCF has for it; running it is left to `function`."""

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
    "a handler FILE.FUNCTION, each of 2 to 60 letters, digits, - and _, a letter first and last,"
    " the file in the root of the code"
)
_NAME_RULE = "a name of 2 to 60 letters, digits, - and _, a letter first, a letter or digit last"


class KeyPair(Protocol):
    """A key pair with its session token, such as `scf_mps.cos.Credentials` or `scf_mps.local.cos.Key`."""

    @property
    def secret_id(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def token(self) -> str | None: ...


KeyTriple = tuple[str, str, str]
"""Secret id, secret key, session token."""


@dataclass(eq=False, repr=False)
class Settings:
    """What SCF is told when a function is made, and how it is to be emulated. Times are in seconds.

    Attributes:
        source: what is deployed: a folder with the entry file, a checkout with a package `handlers`, or a zip.
        handler: ``file.function``.
        python: a version such as ``3.10``, or the path of an executable; by default the CPython that runs this.
        timeout: how long an invocation may take, 1 to 900.
        memory: the limit in MB: 64, or a multiple of 128.
        environment: variables of the function's own.
        credentials: of the execution role: a pair of keys with their session token, or a callable that gives them
            afresh for each invocation. Without a role there are none.
        layer: a folder or zip that is there as ``/opt``.
        init_timeout: how long loading the function may take, 3 to 300.
        concurrency: how many instances there may be.
        freeze: stop instances between two events, so that threads they leave behind get no time. SCF does not
            document what these get: a function that works here does not depend on it.
        retries: how often an event is tried again after a failure of the function, 0 to 2.
        retry_interval: how long after a failure.
        ttl: how long an event is kept, up to 21600.
        speed: by how much the wait for a retry is shortened. It shortens no other time: limits are real, and an
            event grows old as if it had waited in full.
        dead_letter_queue: whether there is one; a path also writes it there, a line of JSON for each event.
        duplicates: the share of events that are delivered twice, since SCF promises no more than at least once.
        seed: of the choice which are.
        loader: ``imp`` or ``path``, see `bootstrap.load`.

    Raises:
        ValueError: for what SCF would refuse, or a CPython that is not there.
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
        _expect(HANDLER_PATTERN.fullmatch(self.handler), _HANDLER_RULE, self.handler)
        _expect(FUNCTION_PATTERN.fullmatch(self.name), _NAME_RULE, self.name)
        _expect(self.timeout in range(1, 901), "a timeout of 1 to 900 whole seconds", self.timeout)
        _expect(3 <= self.init_timeout <= 300, "an init_timeout of 3 to 300 s", self.init_timeout)
        memory_fits = self.memory == 64 or (self.memory >= 128 and self.memory % 128 == 0)
        _expect(memory_fits, "64 MB of memory, or a multiple of 128", self.memory)
        _expect(self.concurrency >= 1, "a concurrency of 1 or more", self.concurrency)
        _expect(0 <= self.retries <= 2, "0 to 2 retries", self.retries)
        _expect(self.retry_interval >= 0, "a retry_interval of 0 s or more", self.retry_interval)
        _expect(0 < self.ttl <= 21600, "a ttl of up to 21600 s", self.ttl)
        _expect(self.speed > 0, "a speed above 0", self.speed)
        _expect(0 <= self.duplicates <= 1, "duplicates as a share from 0 to 1", self.duplicates)
        _expect(self.loader in ("imp", "path"), 'the loader "imp" or "path"', self.loader)
        _check_variables(self.environment)
        self._python = find_interpreter(None if self.python is None else str(self.python))

    @property
    def runtime(self) -> Interpreter:
        """The CPython that was found."""
        return self._python

    def keys(self) -> KeyTriple | None:
        """The keys for the next invocation; None without a role. Raises what the callable raises."""
        given = self.credentials() if callable(self.credentials) else self.credentials
        if given is None:
            return None
        if isinstance(given, tuple):
            return given
        return given.secret_id, given.secret_key, given.token or ""


def _expect(fits: object, expected: str, came: object) -> None:
    if not fits:
        raise ValueError(f"expected {expected}, not {came!r}")


def _check_variables(variables: Mapping[str, str]) -> None:
    """SCF's rules for environment variables (product page 583/32748). A value is never shown."""
    for name, value in variables.items():
        _expect(
            VARIABLE_PATTERN.fullmatch(name),
            "a variable of letters, digits and _, a letter first",
            name,
        )
        if name.startswith(RESERVED_PREFIXES):
            raise ValueError(
                f"{name} cannot be set: {', '.join(RESERVED_PREFIXES)} are reserved for SCF"
            )
        if not isinstance(value, str):
            raise ValueError(f"expected text in the variable {name}, not {type(value).__name__}")
    size = measure_variables(variables.items())
    if size > MAX_ENVIRONMENT_BYTES:
        raise ValueError(
            f"expected at most {MAX_ENVIRONMENT_BYTES} bytes of variables in all, not {size}"
        )
