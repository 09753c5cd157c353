"""From URLs to ledgers, and what is said of those that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import ledger as room
from scf_mps.errors import LedgerError
from scf_mps.ledger import CosLedger, FileLedger, MemoryLedger, RedisLedger, open_ledger

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
def test_each_scheme_is_a_kind_of_ledger(url, kind):
    assert type(open_ledger(url)) is kind


@pytest.mark.parametrize("url", ["memory://", COS, "file:///var/ledger", "redis://localhost"])
@pytest.mark.parametrize(
    ("keep", "seconds"),
    [("", 2592000.0), ("?keep=6h", 21600.0), ("?keep=36h", 129600.0), ("?keep=3650d", 315360000.0)],
)
def test_keep_is_told_in_days_or_hours(url, keep, seconds):
    assert open_ledger(url + keep).keep == seconds


def test_what_is_in_the_url_reaches_the_ledger():
    assert (
        open_ledger(f"{COS}/sub/?keep=2d").where
        == "in cos://ledger-1250000000.ap-guangzhou/mps/sub/"
    )
    assert open_ledger("file:///var/a%20b").where == "in /var/a b"
    assert open_ledger("file:///var/a@b://c").where == "in /var/a@b://c"
    redis = open_ledger("rediss://u:p@h:1/2?prefix=team")
    assert (redis._url, redis._names) == ("rediss://u:p@h:1/2", "{team}:")
    assert open_ledger("redis://h")._names == "{mps}:"
    assert open_ledger("redis://h?prefix=Team-A")._names == "{Team-A}:"


def test_a_ledger_is_itself():
    made = MemoryLedger()
    assert open_ledger(made) is made


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "expected the URL of a ledger: cos://bucket.region/prefix/, redis://"),
        ("my-password", "expected the URL of a ledger: cos://"),
        ("cos:bucket", "expected the URL of a ledger: cos://"),
        ("coss://b-1.r/p", "not one of coss:: did you mean cos://?"),
        ("redi://h", "not one of redi:: did you mean redis://?"),
        ("s3://bucket/p", "not one of s3:"),
        ("none://", "not one of none:"),
        ("cos://ledger-1250000000/mps/", "not cos://ledger-1250000000/mps/: the region is missing"),
        ("cos://ledger.ap-guangzhou/mps/", "the bucket's name does not end in its APPID"),
        ("cos://Ledger-1250000000.ap-guangzhou/mps/", "these are no names of a bucket"),
        ("cos://ledger-1250000000.ap_guangzhou/mps/", "these are no names of a bucket"),
        ("cos://ledger-1250000000.ap-guangzhou", "give the ledger a prefix of its own"),
        ("cos://ledger-1250000000.ap-guangzhou//", "give the ledger a prefix of its own"),
        (f"{COS}?kep=3d", "cos:// of a ledger has no option 'kep', expected keep"),
        (f"{COS}?prefix=x", "cos:// of a ledger has no option 'prefix', expected keep"),
        ("redis://h?x=1", "redis:// of a ledger has no option 'x', expected keep or prefix"),
        (f"{COS}?keep=30", "keep= of a ledger: expected a span of time such as 90s, 15m, 6h"),
        (f"{COS}?keep=0d", "keep= of a ledger: expected a span of time"),
        (f"{COS}?keep=3h", "expects 6h, for so long an event may come again, to 3650d, not '3h'"),
        (f"{COS}?keep=123456d", "to 3650d, not '123456d'"),
        ("file://relative/path", "an absolute path behind two slashes, not file://relative/path"),
        ("file:///", "an absolute path behind two slashes"),
        ("file://", "an absolute path behind two slashes"),
        ("redis://", "expected redis://host:port/0"),
        ("rediss://user:pass@/0", "expected rediss://host:port/0"),
        ("redis://:6379", "expected redis://host:port/0"),
        ("redis://h:port", "expected redis://host:port/0"),
        ("redis://h:/0", "expected redis://host:port/0"),
        ("redis://h:1/zero", "expected the number of a database behind the host of redis://"),
        ("redis://h?prefix=", "prefix= expects letters, digits and the signs . _ : -, not ''"),
        ("redis://h?prefix=%7Ba%7D", "prefix= expects letters, digits"),
        (
            "redis://h?prefix=a=b",
            "prefix= expects letters, digits and the signs . _ : -, not 'a=b'",
        ),
        (
            "redis://u:p/w@h",
            "the user or password of redis:// holds one of / ? #: write it as %2F, %3F or %23",
        ),
        ("redis://u:p://w@h", "the user or password of redis:// holds one of / ? #"),
        (None, "expected a Ledger or the URL of one"),
        (7, "expected a Ledger or the URL of one"),
    ],
)
def test_what_is_wrong_with_a_url_is_told(url, told):
    with pytest.raises(LedgerError) as raised:
        open_ledger(url)
    assert told in str(raised.value)


def test_a_scheme_that_is_like_none_is_told_without_a_guess():
    with pytest.raises(LedgerError, match=r", not one of s3:$"):
        open_ledger("s3://bucket/p")


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (
            "b/mps",
            ", e.g. cos://ledger-1250000000.ap-guangzhou/mps/, not cos://b/mps: the region is missing",
        ),
        (
            "b.r/mps",
            ", e.g. cos://ledger-1250000000.ap-guangzhou/mps/, not cos://b.r/mps: "
            "the bucket's name does not end in its APPID",
        ),
        (
            "b-1.r_/mps",
            ", e.g. cos://ledger-1250000000.ap-guangzhou/mps/, not cos://b-1.r_/mps: "
            "these are no names of a bucket and a region",
        ),
        (
            "b-1.r",
            ", not cos://b-1.r: give the ledger a prefix of its own, where nothing else is",
        ),
    ],
)
def test_what_is_wrong_with_a_place_in_cos_is_told_beside_a_right_one(place, told):
    with pytest.raises(LedgerError) as raised:
        open_ledger(f"cos://{place}")
    assert str(raised.value) == f"expected cos://bucket-appid.region/prefix/{told}"


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
def test_whatever_is_said_is_a_ledger_or_an_error_of_ours(text, scheme):
    try:
        made = open_ledger(scheme + text)
    except LedgerError:
        return
    assert isinstance(made, room.Ledger)


def test_the_room_shows_what_is_in_it():
    for name in ("Ledger", "CosLedger", "FileLedger", "MemoryLedger", "RedisLedger", "LedgerError"):
        assert name in dir(room)
        assert getattr(room, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        room.Nothing  # noqa: B018
