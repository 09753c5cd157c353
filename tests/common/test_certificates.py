"""CA certificates on every machine, and errors of refused certificates."""

from __future__ import annotations

import ssl
import sys

import pytest
import trustme

from scf_mps.actions.http_post import Address, PostFailed, post
from scf_mps.common import certificates
from scf_mps.common.certificates import explain_distrust, get_ssl_context
from scf_mps.common.deadline import connect
from scf_mps.cos import Cos, CosObject, Credentials, Pool, Unavailable
from scf_mps.tencent.mps import Mps, MpsError
from tests.support.raw_server import Peer, Server

KEYS = Credentials("AKIDtls", "tls")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def server(authority):
    """Return a server whose CA is unknown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    def answer(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    with Server(answer, context) as running:
        yield running


@pytest.fixture
def bundle(authority, tmp_path):
    authority.cert_pem.write_to_path(str(tmp_path / "bundle.pem"))
    return str(tmp_path / "bundle.pem")


@pytest.fixture
def without_cas(monkeypatch, tmp_path):
    """Make OpenSSL find no CA certificates."""
    certificates._create_context.cache_clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    yield
    certificates._create_context.cache_clear()


def test_certifi_is_the_first_fallback(without_cas):
    assert ssl.create_default_context().cert_store_stats()["x509_ca"] == 0
    assert get_ssl_context().cert_store_stats()["x509_ca"] > 50
    assert get_ssl_context() is get_ssl_context()


def test_system_bundle_is_the_second_fallback(without_cas, monkeypatch, bundle):
    monkeypatch.setitem(sys.modules, "certifi", None)
    monkeypatch.setattr(certificates, "_BUNDLES", ("/nowhere", bundle))
    assert get_ssl_context().cert_store_stats()["x509_ca"] == 1


def test_nothing_is_trusted_without_any_bundle(without_cas, monkeypatch, server):
    monkeypatch.setitem(sys.modules, "certifi", None)
    monkeypatch.setattr(certificates, "_BUNDLES", ())
    with pytest.raises(PostFailed, match="SSL_CERT_FILE") as caught:
        post(Address(f"https://localhost:{server.port}/"), b"", {})
    assert not caught.value.retryable


def test_fallbacks_are_unused_if_cas_exist(monkeypatch, tmp_path, bundle):
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    assert get_ssl_context().cert_store_stats()["x509_ca"] == 1
    folder = tmp_path / "cas"
    folder.mkdir()
    (folder / "12345678.0").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}/none:{folder}")
    assert get_ssl_context().cert_store_stats()["x509_ca"] == 0


def create_mps(server):
    return Mps(KEYS, region="ap-guangzhou", endpoint=f"https://localhost:{server.port}")


def test_refused_certificate_is_final_for_cos(server):
    cos = Cos(KEYS, pool=Pool(), proxy=server.url)
    cos._client.transport._proxy = ("localhost", server.port, True)
    with pytest.raises(Unavailable, match="SSL_CERT_FILE") as caught:
        cos.read(CosObject("media-1250000000", "ap-guangzhou", "a"))
    assert caught.value.code == "CertificateNotTrusted"
    assert not caught.value.maybe_applied
    assert server.connections == 1


def test_refused_certificate_is_final_for_the_api(server):
    with pytest.raises(MpsError, match="SSL_CERT_FILE") as caught:
        create_mps(server).call("ListX")
    assert (caught.value.code, caught.value.retryable) == ("CertificateNotTrusted", False)
    assert server.connections == 1


def test_bundle_of_the_environment_is_trusted(server, bundle, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    assert post(Address(f"https://localhost:{server.port}/"), b"", {}).body == b"ok"
    with pytest.raises(MpsError) as caught:
        create_mps(server).call("Create")
    assert caught.value.code == "InvalidResponse"


def test_other_errors_are_not_explained():
    assert explain_distrust(OSError("x")) == ""


def test_certificate_of_another_host_is_explained(server, bundle):
    context = ssl.create_default_context(cafile=bundle)
    with pytest.raises(OSError, match="mismatch") as caught:
        connect("localhost", server.port, 5).secure(context, "other.example")
    assert "address correct" in explain_distrust(caught.value)
