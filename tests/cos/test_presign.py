"""Presigned URLs."""

import time

import pytest

from scf_mps.cos import Credentials, Denied

from .support import at, fetch_url


def test_presigned_url_expires_with_credentials(emulator, make_cos, cos):
    cos.upload(b"x", at("a ü.txt"))
    url = cos.url(at("a ü.txt"), expires=60, params={"response-content-type": "text/x"})
    assert fetch_url(url, emulator.url) == (200, b"x")
    assert cos.url([at("a"), at("b")], method="PUT")[1].split("?")[0].endswith("/b")

    def end_of(url):
        return int(url.partition("q-sign-time=")[2].partition("&")[0].split("%3B")[1])

    now = time.time()
    keys = Credentials("id", "secret", "token", expires=now + 100)
    assert end_of(make_cos(keys).url(at("a"))) == int(now + 100)
    assert end_of(make_cos(keys).url(at("a"), expires=10)) <= now + 12
    with pytest.raises(Denied):
        make_cos(Credentials("id", "secret", "token", expires=now - 1)).url(at("a"))
    assert make_cos(proxy="").url(at("a")).startswith("https://media-1250000000.cos.ap-guangzhou.")


def test_presigned_url_has_session_token(emulator, make_cos, temporary_credentials, cos):
    cos.upload(b"x", at("a"))
    url = make_cos(temporary_credentials).url(at("a"))
    assert fetch_url(url, emulator.url) == (200, b"x")
