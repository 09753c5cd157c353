"""Variables of the function: nothing leaves the machine."""

from __future__ import annotations

import pytest

from scf_mps.local.dev.environment import Addresses, build_environment

ADDRESSES = Addresses(
    "http://127.0.0.1:1",
    "http://127.0.0.1:2",
    "http://127.0.0.1:3",
    "smtp://{}@127.0.0.1:4".format,
    "file:///ledger",
    "http://127.0.0.1:5/v1/traces",
)


def build(**project: str) -> tuple[dict[str, str], list[str]]:
    return build_environment(project, ADDRESSES, "media-1250000000")


def test_defaults_are_those_of_the_demo() -> None:
    variables, notices = build(OTHER="x", MPS_PUBLISH="")
    assert variables == {
        "OTHER": "x",
        "MPS_COS_PROXY": "http://127.0.0.1:1",
        "MPS_API_ENDPOINT": "http://127.0.0.1:2",
        "MPS_LEDGER": "file:///ledger",
        "MPS_ARCHIVE": "cos://archive-1250000000.ap-guangzhou/mps/",
        "MPS_PUBLISH": "cos://player-1250000000.ap-guangzhou/published/?manifest=manifest.json",
        "MPS_NOTIFY": "wecom://local?endpoint=http://127.0.0.1:3&lang=en",
        "MPS_LOG_LEVEL": "INFO,scf_mps=DEBUG",
        "MPS_OTLP": "http://127.0.0.1:5/v1/traces",
    }
    assert notices == []


@pytest.mark.parametrize(
    ("url", "is_kept"),
    [
        ("http://localhost:4318/v1/traces", True),
        ("http://[::1]:4318/v1/traces", True),
        ("https://collector.example.com/v1/traces", False),
        ("http://127.0.0.1.example.com/v1/traces", False),
    ],
)
def test_spans_do_not_leave_the_machine(url: str, is_kept: bool) -> None:
    variables, notices = build(MPS_OTLP=url)
    assert variables["MPS_OTLP"] == (url if is_kept else ADDRESSES.otlp)
    assert len(notices) == (not is_kept)


def test_own_values_stay_but_endpoints_are_local() -> None:
    variables, notices = build(
        MPS_ARCHIVE="cos://mine-1250000000.ap-beijing/a/",
        MPS_LEDGER="redis://cache.example.com",
        MPS_COS_PROXY="http://other",
        MPS_BUCKETS="mine-1250000000",
    )
    assert variables["MPS_ARCHIVE"] == "cos://mine-1250000000.ap-beijing/a/"
    assert variables["MPS_LEDGER"] == "file:///ledger"
    assert variables["MPS_COS_PROXY"] == "http://127.0.0.1:1"
    assert variables["MPS_BUCKETS"].split(",") == [
        "mine-1250000000",
        "media-1250000000",
        "archive-1250000000",
        "player-1250000000",
    ]
    assert notices == []


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("wecom://KEY", "wecom://KEY?endpoint=http://127.0.0.1:3"),
        (
            "dingtalk://TOKEN?secret=SECx&endpoint=https://proxy.example.com",
            "dingtalk://TOKEN?secret=SECx&endpoint=http://127.0.0.1:3",
        ),
        (
            "feishu://TOKEN?endpoint=https://x.example.com",
            "feishu://TOKEN?endpoint=http://127.0.0.1:3",
        ),
        ("lark://TOKEN?on=failure", "lark://TOKEN?on=failure&endpoint=http://127.0.0.1:3"),
        ("slack://T/B/X", "slack://T/B/X?endpoint=http://127.0.0.1:3"),
        ("https://example.com/hook?secret=s", "http://127.0.0.1:3/example.com/hook?secret=s"),
        ("http://127.0.0.1:5000/hook", "http://127.0.0.1:5000/hook"),
    ],
)
def test_messages_go_to_the_stub(address: str, local: str) -> None:
    variables, notices = build(MPS_NOTIFY=address)
    assert variables["MPS_NOTIFY"] == local
    assert notices == []


@pytest.mark.parametrize(
    ("server", "sender"),
    [
        ("smtps://ops%40example.org:password@smtp.example.org:465", "ops@example.org"),
        ("smtp://user:password@smtp.example.org", "mps@example.com"),
        ("", "mps@example.com"),
    ],
)
def test_mail_goes_to_the_sink(server: str, sender: str) -> None:
    variables, notices = build(MPS_NOTIFY="mailto:a@example.com", MPS_SMTP=server)
    assert variables["MPS_NOTIFY"] == "mailto:a@example.com"
    assert variables["MPS_SMTP"] == f"smtp://{sender}@127.0.0.1:4"
    assert notices == []
    assert "MPS_SMTP" not in build(MPS_SMTP=server)[0]


def test_ses_is_left_out_with_notice() -> None:
    address = "ses://7?from=a@b.c&to=c@d.e"
    variables, notices = build(MPS_NOTIFY=f"{address},wecom://KEY")
    assert variables["MPS_NOTIFY"] == "wecom://KEY?endpoint=http://127.0.0.1:3"
    assert len(notices) == 1
    assert "a@b.c" not in notices[0]
    assert "MPS_NOTIFY" not in build(MPS_NOTIFY=address)[0]


def test_forward_targets_in_the_cloud_are_left_out() -> None:
    variables, notices = build(
        MPS_FORWARD="scf://other.ap-guangzhou,https://example.com/x,cmq-topic://t.ap-guangzhou"
    )
    assert variables["MPS_FORWARD"] == "http://127.0.0.1:3/example.com/x"
    assert len(notices) == 2


def test_resubmit_does_not_notify_a_url() -> None:
    variables, notices = build(MPS_RESUBMIT="2?notify=https://example.com&wait=5m")
    assert variables["MPS_RESUBMIT"] == "2?wait=5m"
    assert len(notices) == 1
    assert build(MPS_RESUBMIT="2")[0]["MPS_RESUBMIT"] == "2"


@pytest.mark.parametrize(
    ("level", "format_", "kept", "count"),
    [
        ("DEBUG", "json", "DEBUG", 0),
        ("error", "text", "INFO,scf_mps=DEBUG", 2),
        ("WARNING", "", "INFO,scf_mps=DEBUG", 1),
        ("INFO", "", "INFO,scf_mps=DEBUG", 0),
        ("", "", "INFO,scf_mps=DEBUG", 0),
    ],
)
def test_log_has_outcomes(level: str, format_: str, kept: str | None, count: int) -> None:
    variables, notices = build(MPS_LOG_LEVEL=level, MPS_LOG_FORMAT=format_)
    assert variables.get("MPS_LOG_LEVEL") == kept
    assert "MPS_LOG_FORMAT" not in variables
    assert len(notices) == count
