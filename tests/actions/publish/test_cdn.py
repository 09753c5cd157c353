"""CDN calls after publication."""

import pytest

from scf_mps import CallbacksFailed
from scf_mps.actions import Cdn
from scf_mps.cos import Credentials
from scf_mps.events.parser import parse_event
from scf_mps.local.api import Cdn as CdnService
from scf_mps.local.cos.faults import Fault
from scf_mps.tencent.client import ApiError

from .support import VOD, make_task, make_transcode


@pytest.fixture
def cdn():
    return CdnService(["cdn.example.com"])


@pytest.fixture
def api(cdn, run_api):
    pytest.importorskip("tencentcloud.common", reason="the CDN is called through the official SDK")
    return run_api(cdn)


def test_cdn_gets_all_urls_after_all_copies(application, api, cdn, emulator, store, hls):
    notification = make_task(make_transcode("/a/x.m3u8", 1), make_transcode("/a/影.mp4", 2))
    store(*parse_event(notification).files)
    hls("a/", "x")
    emulator.faults.add(
        Fault("error", "CopyObject", key="*.mp4", count=1, status=403, code="AccessDenied")
    )
    handlers = application(
        MPS_PUBLISH=f"{VOD}?manifest={{task_id}}.json&cdn=https://cdn.example.com&cdn_do=both"
    )
    with pytest.raises(CallbacksFailed):
        handlers.main_handler(notification, {})
    assert len(api.requests) == 0
    handlers.main_handler(notification, {})
    names = {
        "x.m3u8",
        "v0.m3u8",
        "v0_0.ts",
        "%E5%BD%B1.mp4",
        f"{parse_event(notification).task_id}.json",
    }
    (urls,) = cdn.purged
    assert set(urls) == {f"https://cdn.example.com/vod/{name}" for name in names}
    assert cdn.pushed == [urls]
    assert [request.action for request in api.requests] == ["PurgeUrlsCache", "PushUrlsCache"]


@pytest.mark.parametrize("what", ["purge", "prefetch"])
def test_cdn_do_selects_purge_or_prefetch(application, api, cdn, store, what):
    notification = make_task(make_transcode("/a/x.mp4"))
    store(*parse_event(notification).files)
    options = f"cdn=https://cdn.example.com&cdn_do={what}"
    application(MPS_PUBLISH=f"{VOD}?{options}").main_handler(notification, {})
    urls = [["https://cdn.example.com/vod/x.mp4"]]
    assert (cdn.purged, cdn.pushed) == ((urls, []) if what == "purge" else ([], urls))


def test_cdn_gets_urls_in_batches(emulator, api, cdn):
    asked = Cdn(Credentials(emulator.key.secret_id, emulator.key.secret_key), endpoint=api.url)
    urls = [f"https://cdn.example.com/{number}.ts" for number in range(1001)]
    assert len(set(asked.purge(urls))) == 2
    assert len(asked.prefetch(urls[:501])) == 2
    assert [len(batch) for batch in cdn.purged + cdn.pushed] == [1000, 1, 500, 1]


def test_cdn_refusal_fails_only_its_callback(application, api, store, keys):
    notification = make_task(make_transcode("/a/x.mp4"))
    store(*parse_event(notification).files)
    handlers = application(
        MPS_PUBLISH=f"{VOD}?manifest={{task_id}}.json&cdn=https://other.example.com&cdn_do=purge"
    )
    with pytest.raises(CallbacksFailed) as caught:
        handlers.main_handler(notification, {})
    (failure,) = caught.value.failures
    assert failure.callback == "handlers.publishing.refresh_cdn"
    assert isinstance(failure.__cause__, ApiError)
    assert failure.__cause__.code == "ResourceNotFound.CdnHostNotExists"
    assert len(keys("player-1250000000")) == 2
