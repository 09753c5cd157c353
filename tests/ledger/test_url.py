"""Ledgers from URLs, and errors for invalid URLs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import ledger as package
from scf_mps.errors import LedgerError
from scf_mps.ledger import CosLedger, FileLedger, Ledger, MemoryLedger, RedisLedger, open_ledger

COS = "cos://ledger-1250000000.ap-guangzhou/mps"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory://", MemoryLedger),
        (f"{COS}/", CosLedger),
        (COS, CosLedger),
        (f" {COS} ", CosLedger),
        (f"{COS}?keep=12h", CosLedger),
        ("cos://ledger-1250000000.ap-guangzhou/X", CosLedger),
        ("file:///var/ledger", FileLedger),
        ("file:///var/ledger/?keep=1d", FileLedger),
        ("file:///X", FileLedger),
        ("redis://localhost", RedisLedger),
        ("redis://localhost:6379/3?prefix=team-a:mps&keep=7d", RedisLedger),
        ("rediss://user:pa%40ss@r-1.redis.tencentcdb.com:6379/0", RedisLedger),
        ("redis://[::1]:6379/0", RedisLedger),
        ("redis://[::1]", RedisLedger),
    ],
)
def test_scheme_selects_ledger(url, kind):
    assert type(open_ledger(url)) is kind


@pytest.mark.parametrize("url", ["memory://", COS, "file:///var/ledger", "redis://localhost"])
@pytest.mark.parametrize(
    ("keep", "seconds"),
    [("", 2592000.0), ("?keep=6h", 21600.0), ("?keep=36h", 129600.0), ("?keep=3650d", 315360000.0)],
)
def test_keep_is_parsed(url, keep, seconds):
    assert open_ledger(url + keep).keep == seconds


def test_parts_of_url_reach_ledger():
    where = open_ledger(f"{COS}/sub/?keep=2d").where
    assert where == "in cos://ledger-1250000000.ap-guangzhou/mps/sub/"
    assert open_ledger("file:///var/a%20b").where == "in /var/a b"
    assert open_ledger("file:///var/a@b://c").where == "in /var/a@b://c"
    redis = open_ledger("rediss://u:p@h:1/2?prefix=team")
    assert (redis._url, redis._names) == ("rediss://u:p@h:1/2", "{team}:")
    assert open_ledger("redis://h")._names == "{mps}:"
    assert open_ledger("redis://h?prefix=Team-A")._names == "{Team-A}:"


def test_ledger_is_returned_unchanged():
    ledger = MemoryLedger()
    assert open_ledger(ledger) is ledger


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "missing scheme"),
        ("my-password", "missing scheme"),
        ("cos:bucket", "missing scheme"),
        ("coss://b-1.r/p", "unknown scheme coss://. Did you mean cos://?"),
        ("redi://h", "unknown scheme redi://. Did you mean redis://?"),
        ("s3://bucket/p", "unknown scheme s3://. Use cos://"),
        ("none://", "unknown scheme none://"),
        ("cos://b/mps", "'cos://b/mps': missing region. Use cos://bucket-appid.region/prefix/"),
        ("cos://ledger-1250000000/mps/", "missing region"),
        ("cos://ledger.ap-guangzhou/mps/", "APPID"),
        ("cos://Ledger-1250000000.ap-guangzhou/mps/", "invalid name"),
        ("cos://ledger-1250000000.ap_guangzhou/mps/", "invalid name"),
        ("cos://b-1.r_/mps", "invalid name"),
        ("cos://ledger-1250000000.ap-guangzhou", "missing prefix"),
        ("cos://ledger-1250000000.ap-guangzhou//", "missing prefix"),
        (f"{COS}?kep=3d", "unknown option 'kep'. Use keep"),
        (f"{COS}?prefix=x", "unknown option 'prefix'. Use keep"),
        ("redis://h?x=1", "unknown option 'x'. Use keep or prefix"),
        (f"{COS}?keep=30", "keep="),
        (f"{COS}?keep=0d", "keep="),
        (f"{COS}?keep=3h", "keep= of a ledger '3h': use 6h"),
        (f"{COS}?keep=123456d", "to 3650d"),
        ("file://relative/path", "'file://relative/path': missing absolute path"),
        ("file:///", "missing absolute path"),
        ("file://", "missing absolute path"),
        ("redis://", "host"),
        ("rediss://user:pass@/0", "invalid rediss:// ledger URL: missing or invalid host"),
        ("redis://:6379", "host"),
        ("redis://h:port", "host"),
        ("redis://h:/0", "host"),
        ("redis://h:1/zero", "invalid database 'zero'"),
        ("redis://h?prefix=", "invalid prefix= of a ledger ''"),
        ("redis://h?prefix=%7Ba%7D", "invalid prefix="),
        ("redis://h?prefix=a=b", "'a=b'"),
        ("redis://u:p/w@h", "Use %2F, %3F or %23"),
        ("redis://u:p://w@h", "Use %2F, %3F or %23"),
        (None, "invalid ledger None: use a Ledger or its URL"),
        (7, "invalid ledger 7"),
    ],
)
def test_invalid_url_is_explained(url, problem):
    with pytest.raises(LedgerError) as raised:
        open_ledger(url)
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:5ecret@h:port",
        "redis://:5ecret@/0",
        "redis://:5ecret@h:1/zero",
        "redis://u:5ecret@h?prefix=!",
        "redis://u:5ecret@h?x=1",
        "redis://u:5ecret@h?keep=x",
        "rediss:u:5ecret@h",
        "5ecret",
        "redi://u:5ecret@h",
        "redis://u:5ec/ret@h:1/0",
        "redis://u:5ec?ret@h:1/0",
        "redis://u:5ec://ret@h:1/0",
        "redis://u:5ec#ret@h:1/0",
        "redis://u:5ec@ret@h o:1/0",
    ],
)
def test_no_password_is_shown(url):
    with pytest.raises(LedgerError) as raised:
        open_ledger(url)
    assert "5ec" not in str(raised.value)
    assert "ret@" not in str(raised.value)


@given(st.text(max_size=30), st.sampled_from(["", "cos://", "redis://", "file://", "memory://"]))
def test_any_text_is_ledger_or_ledger_error(text, scheme):
    try:
        ledger = open_ledger(scheme + text)
    except LedgerError:
        return
    assert isinstance(ledger, Ledger)


def test_package_exports_its_names():
    for name in ("Ledger", "CosLedger", "FileLedger", "MemoryLedger", "RedisLedger", "LedgerError"):
        assert name in dir(package)
        assert getattr(package, name).__name__ == name
    with pytest.raises(AttributeError, match="Nothing"):
        package.Nothing  # noqa: B018
