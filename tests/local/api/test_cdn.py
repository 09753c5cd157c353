"""CDN: accepted URLs and the SDK's error codes, with the official client."""

import pytest
from tencentcloud.common.common_client import CommonClient

from scf_mps.local.api import Cdn, CloudApi

from .support import credential, profile

pytest.importorskip("tencentcloud.common", reason="the official client is needed")

from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException


@pytest.fixture
def cdn():
    return Cdn(["a.example"], purges=1500, pushes=3)


@pytest.fixture
def api(cdn):
    with CloudApi([cdn]) as running:
        yield running


@pytest.fixture
def client(api):
    return CommonClient("cdn", "2018-06-06", credential(api), "", profile(api))


def test_urls_are_accepted_without_region(cdn, client):
    purged, pushed = ["https://a.example/1", "http://a.example/2"], ["https://a.example/3"]
    assert client.call_json("PurgeUrlsCache", {"Urls": purged})["Response"]["TaskId"]
    assert client.call_json("PushUrlsCache", {"Urls": pushed})["Response"]["TaskId"]
    assert (cdn.purged, cdn.pushed) == ([purged], [pushed])


@pytest.mark.parametrize(
    ("action", "urls", "code"),
    [
        ("PurgeUrlsCache", None, "MissingParameter"),
        ("PurgeUrlsCache", [], "MissingParameter"),
        ("PurgeUrlsCache", "https://a.example/1", "MissingParameter"),
        ("PurgeUrlsCache", ["a.example/1"], "InvalidParameter.CdnParamError"),
        ("PurgeUrlsCache", [7], "InvalidParameter.CdnParamError"),
        ("PushUrlsCache", ["https://b.example/1"], "ResourceNotFound.CdnHostNotExists"),
        ("PurgeUrlsCache", 1001, "LimitExceeded.CdnPurgeUrlExceedBatchLimit"),
        ("PushUrlsCache", 501, "LimitExceeded.CdnPushExceedBatchLimit"),
        ("PushUrlsCache", 4, "LimitExceeded.CdnPushExceedDayLimit"),
    ],
)
def test_invalid_request_is_refused_as_a_whole(cdn, client, action, urls, code):
    if isinstance(urls, int):
        urls = [f"https://a.example/{number}" for number in range(urls)]
    with pytest.raises(TencentCloudSDKException) as caught:
        client.call_json(action, {"Urls": urls})
    assert caught.value.code == code
    assert (cdn.purged, cdn.pushed) == ([], [])


def test_daily_quota_counts_all_requests(cdn, client):
    urls = [f"https://a.example/{number}" for number in range(1000)]
    client.call_json("PurgeUrlsCache", {"Urls": urls})
    with pytest.raises(TencentCloudSDKException, match="1500"):
        client.call_json("PurgeUrlsCache", {"Urls": urls})
    client.call_json("PurgeUrlsCache", {"Urls": urls[:500]})


def test_any_domain_is_accepted_by_default():
    cdn = Cdn()
    with CloudApi([cdn]) as api:
        client = CommonClient("cdn", "2018-06-06", credential(api), "", profile(api))
        client.call_json("PurgeUrlsCache", {"Urls": ["https://any.example/"]})
    assert len(cdn.purged) == 1
