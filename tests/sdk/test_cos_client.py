"""The official COS client of an invocation: what the plain one gets wrong, and the bounds of the invocation."""

from __future__ import annotations

import gc
import logging
import time
import urllib.error
import urllib.request

import pytest
from qcloud_cos import CosClientError, CosS3Client, CosServiceError

from scf_mps import CosObject
from scf_mps.cos import Corrupt, Denied
from scf_mps.events.parser import parse_event
from scf_mps.local.cos import Fault
from scf_mps.local.samples import sample
from scf_mps.sdk import Sdk
from tests.support.handler_modules import reload_handlers
from tests.support.raw_server import Peer, Server
from tests.support.sample_data import ROOT

from .conftest import BUCKET, KEY, REGION


def get(url, proxy):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
    with opener.open(url, timeout=5) as response:
        return response.status


def reply(response):
    def handle(peer: Peer) -> None:
        peer.read_request()
        peer.send(response)

    return handle


def test_client_is_the_official_class(cos):
    assert isinstance(cos, CosS3Client)


def test_object_is_unpacked_into_a_call(cos):
    file = CosObject(BUCKET, REGION, "/a.mp4")
    cos.put_object(**file.sdk, Body=b"film")
    assert cos.head_object(**file.sdk)["Content-Length"] == "4"


def test_example_handler_makes_sprites_public(cos, emulator, make_context, monkeypatch):
    monkeypatch.setenv("MPS_PUBLIC", "1")
    monkeypatch.syspath_prepend(ROOT)
    event = sample("WorkflowTask", ImageSprites="SUCCESS")
    (sprites,) = parse_event(event).subtasks
    emulator.create_bucket(sprites.files[0].bucket, sprites.files[0].region)
    for file in sprites.files:
        cos.put_object(**file.sdk, Body=b"pictures")
    with reload_handlers():
        import handlers

        handlers.main_handler(event, make_context().raw)
    for file in sprites.files:
        assert cos.get_object_acl(**file.sdk)["CannedACL"] == "public-read"


def test_presigned_url_has_the_session_token(cos, emulator):
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"film")
    assert get(cos.get_presigned_url(BUCKET, "a.mp4", "GET"), emulator.url) == 200
    assert get(cos.get_presigned_download_url(BUCKET, "a.mp4"), emulator.url) == 200
    plain = CosS3Client(cos.get_conf()).get_presigned_url(BUCKET, "a.mp4", "GET")
    with pytest.raises(urllib.error.HTTPError) as raised:
        get(plain, emulator.url)
    assert raised.value.code == 403
    raised.value.close()


def test_metadata_survives_changes_of_class_and_headers(cos):
    cos.put_object(
        Bucket=BUCKET,
        Key="a.mp4",
        Body=b"film",
        ContentType="video/mp4",
        CacheControl="max-age=60",
        Metadata={"x-cos-meta-show": "night"},
    )
    cos.change_object_storage_class(BUCKET, "a.mp4", "STANDARD_IA")
    cos.update_object_meta(
        BUCKET, "a.mp4", CacheControl="no-cache", Metadata={"x-cos-meta-take": "2"}
    )
    head = cos.head_object(BUCKET, "a.mp4")
    assert head["Content-Type"] == "video/mp4"
    assert head["Cache-Control"] == "no-cache"
    assert (head["x-cos-meta-show"], head["x-cos-meta-take"]) == ("night", "2")
    assert head["x-cos-storage-class"] == "STANDARD_IA"


@pytest.mark.parametrize("size", [5, 3 << 20], ids=["simple", "in parts"])
def test_download_appears_after_its_checksum_was_compared(cos, tmp_path, size):
    content = bytes(range(250)) * (size // 250 + 1)
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=content)
    target = tmp_path / "a.mp4"
    cos.download_file(BUCKET, "a.mp4", str(target), PartSize=1)
    assert target.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a.mp4"]


@pytest.mark.parametrize(("kind", "error"), [("corrupt", Corrupt), ("truncate", Exception)])
def test_damaged_download_leaves_no_file(cos, tmp_path, emulator, kind, error):
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"film" * 1000)
    emulator.faults.add(Fault(kind, "GetObject"))
    with pytest.raises(error):
        cos.download_file(BUCKET, "a.mp4", str(tmp_path / "a.mp4"))
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_copy_in_parts_works_with_a_session_token(cos):
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"x" * (3 << 20))
    cos.set_copy_part_threshold_size = None
    source = {"Bucket": BUCKET, "Key": "a.mp4", "Region": REGION}
    cos.copy(BUCKET, "b.mp4", source, PartSize=1)
    assert cos.head_object(BUCKET, "b.mp4")["Content-Length"] == str(3 << 20)


def test_buckets_outside_the_allowlist_are_denied(make_context, emulator, monkeypatch):
    monkeypatch.setenv("MPS_BUCKETS", "media-1250000000")
    emulator.create_bucket("secret-1250000000", REGION)
    cos = Sdk(make_context()).cos()
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"film")
    source = {"Bucket": "secret-1250000000", "Key": "a.mp4", "Region": REGION}
    for call in (
        lambda: cos.get_object(Bucket="secret-1250000000", Key="a.mp4"),
        lambda: cos.get_presigned_url("secret-1250000000", "a.mp4", "GET"),
        lambda: cos.get_auth("GET", "secret-1250000000", "a.mp4"),
        lambda: cos.ci_get_hls_play_key("secret-1250000000"),
        lambda: cos.copy_object(Bucket=BUCKET, Key="b.mp4", CopySource=source),
    ):
        with pytest.raises(Denied) as raised:
            call()
        assert raised.value.code == "BucketNotAllowed"
    with pytest.raises(Denied) as raised:
        cos.get_object(Bucket="secret", Key="a.mp4")
    assert raised.value.code == "InvalidBucketName"
    assert {entry.bucket for entry in emulator.requests} == {BUCKET}


def test_calls_without_a_bucket_are_allowed(make_context, emulator, monkeypatch):
    monkeypatch.setenv("MPS_BUCKETS", BUCKET)
    cos = Sdk(make_context()).cos()
    assert cos.list_buckets()["Buckets"]["Bucket"][0]["Name"] == BUCKET


def test_presigned_url_of_a_permanent_key_has_no_token(make_context, emulator):
    cos = Sdk(make_context(TENCENTCLOUD_SESSIONTOKEN="")).cos()
    assert "token" not in cos.get_presigned_url(BUCKET, "a.mp4", "GET")


def test_failed_keys_of_a_deletion_are_returned(cos, emulator):
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"film")
    emulator.faults.add(Fault("fail_keys", "DeleteMultipleObjects"))
    response = cos.delete_objects(BUCKET, {"Object": [{"Key": "a.mp4"}]})
    assert response["Error"][0]["Key"] == "a.mp4"


def test_client_that_is_gone_leaves_no_socket(make_context, emulator, recwarn):
    cos = Sdk(make_context()).cos()
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"film")
    gc.collect()
    recwarn.clear()  # of other tests
    del cos
    gc.collect()
    assert [warning for warning in recwarn if warning.category is ResourceWarning] == []


def test_expired_credentials_are_the_services_error(make_context):
    cos = Sdk(make_context(TENCENTCLOUD_SESSIONTOKEN="old")).cos()
    with pytest.raises(CosServiceError) as raised:
        cos.get_object(Bucket=BUCKET, Key="a.mp4")
    assert raised.value.get_status_code() == 403


def test_client_without_credentials_is_denied(monkeypatch):
    for name in ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRET_ID", "TENCENT_SECRET_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Denied) as raised:
        Sdk().cos(REGION)
    assert raised.value.code == "NoCredentials"


def test_temporary_errors_are_retried_but_appends_are_not(cos, emulator):
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"film")
    emulator.faults.add(Fault("slow_down", "GetObject", retry_after=0, count=2))
    assert cos.get_object(Bucket=BUCKET, Key="a.mp4")["Body"].read() == b"film"
    emulator.faults.add(Fault("error_after", "AppendObject", status=503, count=1))
    with pytest.raises(CosServiceError) as raised:
        cos.append_object(Bucket=BUCKET, Key="log", Position=0, Data=b"line")
    assert raised.value.get_status_code() == 503


def test_file_is_sent_whole_when_a_request_is_repeated(cos, emulator, tmp_path):
    (tmp_path / "film").write_bytes(b"film" * 50_000)
    emulator.faults.add(Fault("slow_down", "PutObject", retry_after=0, count=2))
    with open(tmp_path / "film", "rb") as file:
        cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=file)
    assert cos.head_object(BUCKET, "a.mp4")["Content-Length"] == "200000"


def test_download_takes_the_version_that_is_named(cos, emulator, tmp_path):
    cos.put_bucket_versioning(BUCKET, "Enabled")
    version = cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"first")["x-cos-version-id"]
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"second cut")
    target = tmp_path / "a.mp4"
    cos.download_file(BUCKET, "a.mp4", str(target), VersionId=version)
    assert target.read_bytes() == b"first"


def test_silent_server_ends_at_the_deadline(make_context, monkeypatch):
    def be_silent(peer: Peer) -> None:
        peer.wait()

    with Server(be_silent) as server:
        monkeypatch.setenv("MPS_COS_PROXY", server.url)
        cos = Sdk(make_context(2)).cos()
        start = time.monotonic()
        with pytest.raises(CosClientError):
            cos.get_object(Bucket=BUCKET, Key="a.mp4")
        assert time.monotonic() - start < 2


@pytest.mark.parametrize("operation", ["DeleteMultipleObjects", "UploadPartCopy"])
def test_error_in_a_successful_response_is_raised(cos, emulator, operation):
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"film")
    upload = cos.create_multipart_upload(BUCKET, "b.mp4")["UploadId"]
    source = {"Bucket": BUCKET, "Key": "a.mp4", "Region": REGION}
    calls = {
        "UploadPartCopy": lambda: cos.upload_part_copy(BUCKET, "b.mp4", 1, upload, source),
        "DeleteMultipleObjects": lambda: cos.delete_objects(BUCKET, {"Object": [{"Key": "a"}]}),
    }
    emulator.faults.add(Fault("error_in_200", operation))
    with pytest.raises(CosServiceError) as raised:
        calls[operation]()
    assert raised.value.get_error_code() == "InternalError"


def test_redirection_is_no_success(make_context, monkeypatch):
    head = b"HTTP/1.1 301 Moved Permanently\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n"
    with Server(reply(head)) as server:
        monkeypatch.setenv("MPS_COS_PROXY", server.url)
        cos = Sdk(make_context()).cos()
        with pytest.raises(CosServiceError) as raised:
            cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"film")
    assert raised.value.get_status_code() == 301


def test_debug_logs_hold_no_credentials(cos, caplog):
    caplog.set_level(logging.DEBUG)
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"film")
    assert KEY.token not in caplog.text
    assert "q-signature" not in caplog.text


def test_proxies_of_the_environment_are_ignored(cos, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    cos.put_object(Bucket=BUCKET, Key="a.mp4", Body=b"film")
