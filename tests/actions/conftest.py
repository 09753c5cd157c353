"""A COS emulator, objects in it, and the default application."""

from __future__ import annotations

import importlib
import threading
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import pytest

from scf_mps.cos import Cos, Credentials
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.events.files import CosObject
from scf_mps.local.api import CloudApi
from scf_mps.local.cos import CosEmulator
from tests.support.handler_modules import reload_handlers, unload_handlers
from tests.support.sample_data import ROOT

from .support import Receiver

REGION = "ap-guangzhou"
BUCKETS = ("archive-1250000000", "out-1250000000", "player-1250000000", "source-1250000000")


@pytest.fixture
def emulator(tmp_path_factory):
    """Return a COS emulator with a few buckets."""
    with CosEmulator(tmp_path_factory.mktemp("cos")) as made:
        for bucket in BUCKETS:
            made.create_bucket(bucket, REGION)
        yield made
        SHARED_POOL.clear()


@pytest.fixture
def cos(emulator):
    key = emulator.key
    return Cos(Credentials(key.secret_id, key.secret_key), proxy=emulator.url)


@pytest.fixture
def keys(cos):
    """Return a function that lists the keys of a bucket."""
    return lambda bucket: [entry.object.key for entry in cos.list(f"cos://{bucket}.{REGION}/")]


@pytest.fixture
def store(cos):
    """Return a function that stores objects with a few bytes."""

    def put(*objects: CosObject) -> None:
        for item in objects:
            cos.upload(f"the bytes of {item.key}".encode(), item)

    return put


@pytest.fixture
def application(monkeypatch, emulator):
    """Return a function that loads the default application with variables, against the COS emulator."""
    monkeypatch.delenv("TENCENTCLOUD_RUNENV", raising=False)
    monkeypatch.delenv("SCF_FUNCTIONNAME", raising=False)
    monkeypatch.setenv("TENCENTCLOUD_SECRETID", emulator.key.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", emulator.key.secret_key)
    monkeypatch.setenv("MPS_COS_PROXY", emulator.url)
    monkeypatch.syspath_prepend(ROOT)

    def load(**variables: str) -> ModuleType:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        unload_handlers()
        return importlib.import_module("handlers")

    with reload_handlers():
        yield load


@pytest.fixture
def run_api(emulator, monkeypatch):
    """Return a function that runs an API emulator. The application uses it with its own keys."""
    monkeypatch.delenv("MPS_REGION", raising=False)
    monkeypatch.setenv("TENCENTCLOUD_SECRETID", emulator.key.secret_id)
    monkeypatch.setenv("TENCENTCLOUD_SECRETKEY", emulator.key.secret_key)
    with ExitStack() as stack:

        def run(*services: Any) -> CloudApi:
            api = stack.enter_context(CloudApi(services, keys=[emulator.key]))
            monkeypatch.setenv("MPS_API_ENDPOINT", api.url)
            return api

        yield run


@pytest.fixture
def receiver():
    with Receiver() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()
