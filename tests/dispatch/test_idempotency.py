"""Idempotency keys of calls."""

from __future__ import annotations

import pytest

from scf_mps import App, CallbacksFailed, IdempotencyKey, RegistrationError, Subtask, Transcode
from scf_mps.ledger import MemoryLedger
from scf_mps.local.samples import sample

EVENT = sample("WorkflowTask", [("Transcode", "SUCCESS"), ("ImageSprites", "SUCCESS")])


def test_key_identifies_result_across_deliveries():
    app, keys = App(ledger=MemoryLedger()), []

    @app.on(Subtask, name="charge")
    def charge(result: Subtask, key: IdempotencyKey) -> None:
        keys.append(key)
        raise OSError("crashes before its record")

    for _ in range(2):
        with pytest.raises(CallbacksFailed):
            app.main_handler(EVENT, {})
    first, second, third, fourth = keys
    assert (first, second) == (third, fourth)
    assert first != second
    assert len(first) == 32
    assert int(first, 16)


def test_key_identifies_callback_without_ledger():
    app, keys = App(ledger="none"), []

    def keep(result: Transcode, key: IdempotencyKey) -> None:
        keys.append(key)

    app.on(Transcode, name="one")(keep)
    app.on(Transcode, name="two")(keep)
    app.main_handler(EVENT, {})
    assert len(set(keys)) == 2


def test_provider_cannot_use_key():
    app = App()

    class Client:
        def __init__(self, key: IdempotencyKey) -> None: ...

    app.provide(Client, Client, per="invocation")

    @app.on(Transcode)
    def use(transcode: Transcode, client: Client) -> None: ...

    use.__annotations__["client"] = Client
    with pytest.raises(RegistrationError, match="IdempotencyKey"):
        app.main_handler  # noqa: B018
