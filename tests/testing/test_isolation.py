"""Isolation of tests from the variables and the network of the machine."""

import os
import socket

import pytest

from scf_mps.testing.isolation import ConnectionRefusedInTest, drop_variables, refuse_network

ELSEWHERE = ("192.0.2.1", 9)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


@pytest.mark.parametrize(
    "connect",
    [
        lambda: socket.socket().connect(ELSEWHERE),
        lambda: socket.socket().connect_ex(ELSEWHERE),
        lambda: socket.create_connection(ELSEWHERE),
        lambda: socket.getaddrinfo("cos.example.com", 443),
        lambda: socket.getaddrinfo(b"cos.example.com", 443),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ELSEWHERE),
    ],
)
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_connection_off_loopback_is_refused(connect):
    with refuse_network(), pytest.raises(ConnectionRefusedInTest, match="emulator"):
        connect()


def test_loopback_is_allowed(listener, tmp_path):
    with refuse_network():
        socket.create_connection(listener).close()
        with socket.socket() as client:
            assert client.connect_ex(listener) == 0
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            assert client.sendto(b"x", listener) == 1
        assert socket.getaddrinfo("localhost", 80)
        with socket.socket(socket.AF_UNIX) as client, pytest.raises(FileNotFoundError):
            client.connect(str(tmp_path / "missing"))


def test_sockets_are_restored(listener):
    before = dict(vars(socket.socket)), socket.getaddrinfo
    with refuse_network(), refuse_network():
        socket.create_connection(listener).close()
    assert (dict(vars(socket.socket)), socket.getaddrinfo) == before


def test_variables_are_dropped_and_restored(monkeypatch):
    monkeypatch.setenv("MPS_PUBLISH", "x")
    monkeypatch.setenv("TENCENTCLOUD_SECRETID", "y")
    with drop_variables():
        assert not [name for name in os.environ if name.startswith(("MPS_", "TENCENT"))]
        os.environ["MPS_NEW"] = "1"
    assert (os.environ["MPS_PUBLISH"], os.environ["TENCENTCLOUD_SECRETID"]) == ("x", "y")
    assert "MPS_NEW" not in os.environ


def test_function_without_emulator_reaches_nothing(mps):
    from scf_mps import App, Cos, Transcode
    from scf_mps.testing import event as e

    mps.app = app = App()

    @app.on(Transcode, name="read")
    def read(result: Transcode, cos: Cos) -> None:
        cos.read(result.files[0])

    delivery = mps.deliver(e.workflow(e.transcode()))
    assert "Ask the fixture mps for an emulator" in str(delivery)
