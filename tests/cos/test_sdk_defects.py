"""The 21 measured defects of cos-python-sdk-v5: each shown on the bare SDK first, then that `Cos` has it not."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

from scf_mps.context import Context
from scf_mps.cos import (
    Conflict,
    Corrupt,
    CosError,
    Credentials,
    Denied,
    Pool,
    SomeFailed,
    Throttled,
    Unavailable,
)
from scf_mps.local.cos import Fault, Key

from .conftest import DESK, REGION, Wire, at, place, reply

qcloud_cos = pytest.importorskip("qcloud_cos", reason="the SDK is what Cos is compared with")

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # the SDK's own
]

CosClientError, CosServiceError = qcloud_cos.CosClientError, qcloud_cos.CosServiceError


@pytest.fixture
def temporary(emulator):
    """A temporary key, whose token must be sent."""
    key = Key("AKIDtemporary", "temporary-secret", token="the-session-token")
    emulator.keys.add(key)
    return key


def uploads_of(sdk):
    found = sdk.list_multipart_uploads(Bucket=DESK).get("Upload", [])
    return [upload["Key"] for upload in found]


def test_01_the_token_of_temporary_keys_is_sent(emulator, make_sdk, make_cos, temporary, cos):
    cos.upload(b"x", at("a"))
    instance = SimpleNamespace(
        secret_id=temporary.secret_id, secret_key=temporary.secret_key, token=temporary.token
    )
    with pytest.raises(CosServiceError) as refused:
        make_sdk(CredentialInstance=instance, SecretId=None, SecretKey=None).get_object(
            Bucket=DESK, Key="a"
        )
    assert refused.value.get_status_code() == 403

    keys = Credentials(temporary.secret_id, temporary.secret_key, temporary.token)
    assert make_cos(keys).read(at("a")) == b"x"


def test_02_credentials_change_as_a_whole_or_not_at_all(make_sdk):
    config = make_sdk(Token="old-token").get_conf()
    with pytest.raises(AttributeError):
        config.set_credential("new-id", "new-secret")
    assert (config._secret_id, config._token) == ("new-id", "old-token"), "halves of two keys"

    keys = Credentials("id", "secret", "token")
    with pytest.raises(AttributeError, match="immutable"):
        keys.secret_id = "new-id"
    assert (keys.secret_id, keys.secret_key, keys.token) == ("id", "secret", "token")


def fetch(url, proxy):
    handler = urllib.request.ProxyHandler({"http": proxy})
    try:
        with urllib.request.build_opener(handler).open(url) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""


def test_03_a_presigned_url_has_the_session_token(emulator, make_sdk, make_cos, temporary, cos):
    cos.upload(b"x", at("a"))
    sdk = make_sdk(
        SecretId=temporary.secret_id, SecretKey=temporary.secret_key, Token=temporary.token
    )
    url = sdk.get_presigned_url(Bucket=DESK, Key="a", Method="GET")
    assert fetch(url, emulator.url)[0] == 403

    keys = Credentials(temporary.secret_id, temporary.secret_key, temporary.token)
    assert fetch(make_cos(keys).url(at("a")), emulator.url) == (200, b"x")


def test_04_changing_one_thing_of_an_object_keeps_the_rest(sdk, cos):
    def make():
        return cos.upload(
            b"x",
            at("a.mp4"),
            content_type="video/mp4",
            cache_control="max-age=9",
            metadata={"k": "v"},
        )

    make()
    sdk.change_object_storage_class(Bucket=DESK, Key="a.mp4", StorageClass="STANDARD_IA")
    lost = cos.head(at("a.mp4"))
    assert (lost.cache_control, lost.metadata) == ("", {})

    make()
    cos.set_storage_class(at("a.mp4"), "STANDARD_IA")
    kept = cos.set_metadata(at("a.mp4"), {"more": "1"})
    assert kept.storage_class == "STANDARD_IA"
    assert (kept.content_type, kept.cache_control) == ("video/mp4", "max-age=9")
    assert kept.metadata == {"k": "v", "more": "1"}


def test_05_a_leading_slash_is_never_part_of_a_key(sdk, cos):
    cos.upload(b"x", at("a/b.ts"))
    answer = sdk.delete_objects(Bucket=DESK, Delete={"Object": [{"Key": "/a/b.ts"}]})
    assert [one["Key"] for one in answer["Deleted"]] == ["/a/b.ts"]
    assert cos.exists(at("a/b.ts")), "reported as deleted, and still there"
    assert "Contents" not in sdk.list_objects(Bucket=DESK, Prefix="/a/")

    assert [one.object.key for one in cos.list(place("/a/", DESK))] == ["a/b.ts"]
    cos.delete([at("/a/b.ts"), at("/a/c.ts")])
    assert not cos.exists(at("a/b.ts"))


def test_06_an_overwrite_can_be_forbidden(sdk, cos):
    with pytest.raises(CosClientError, match="No Parameter Named"):
        sdk.put_object(Bucket=DESK, Key="a", Body=b"1", **{"x-cos-forbid-overwrite": "true"})

    cos.upload(b"1", at("a"), overwrite=False)
    with pytest.raises(Conflict):
        cos.upload(b"2", at("a"), overwrite=False)
    assert cos.read(at("a")) == b"1"


def test_07_a_number_is_a_fine_value(sdk, cos):
    with pytest.raises(CosClientError):
        sdk.put_object(Bucket=DESK, Key="a", Body=b"1", TrafficLimit=819200)

    cos.upload(b"1", at("a"), metadata={"width": 1920})
    assert cos.head(at("a")).metadata == {"width": "1920"}


def test_08_connections_are_those_that_were_asked_for(make_sdk, make_cos):
    first = make_sdk(PoolConnections=10, PoolMaxSize=10)
    second = make_sdk(PoolConnections=64, PoolMaxSize=64)
    assert second._session is first._session, "the first client's pool for all"

    one, two = Pool(), Pool()
    for pool in (one, two):
        make_cos(pool=pool).exists(at("a"))
    kept = [sum(map(len, pool._idle.values())) for pool in (one, two)]
    assert kept == [1, 1]


def test_09_a_retry_obeys_retry_after_and_the_deadline(emulator, make_sdk, make_cos):
    emulator.faults.add(Fault("slow_down", retry_after=30))
    with pytest.raises(CosServiceError):
        make_sdk(retry=1).head_object(Bucket=DESK, Key="a")
    assert emulator.requests.count("HeadObject") == 2, "asked again after 1 s instead of 30"

    emulator.requests.clear()
    context = Context({"time_limit_in_ms": 2000})
    with pytest.raises(Throttled):
        make_cos(context=context).head(at("a"))
    assert emulator.requests.count("HeadObject") == 1
    assert context.remaining() > 1.5


def test_10_what_may_have_taken_effect_is_not_blindly_repeated(emulator, sdk, make_cos, tmp_path):
    emulator.faults.add(Fault("error_after", operation="AppendObject", count=1))
    with pytest.raises(CosServiceError) as wrong:
        sdk.append_object(Bucket=DESK, Key="log", Position=0, Data=b"line")
    assert wrong.value.get_status_code() == 409
    assert sdk.head_object(Bucket=DESK, Key="log")["Content-Length"] == "4", "yet it was appended"

    (tmp_path / "big").write_bytes(os.urandom(3 << 20))
    emulator.faults.add(Fault("error_after", operation="CompleteMultipartUpload", count=1))
    big_parts(make_cos(), tmp_path / "big", at("big"))
    assert emulator.requests.count("CompleteMultipartUpload") == 1
    assert make_cos().head(at("big")).size == 3 << 20


def big_parts(cos, path, item, part=1 << 20):
    """An upload in parts of 1 MB, so that small files will do."""
    from scf_mps.cos import upload

    upload.Uploader(cos._client, lambda _: None, part).upload(path, item, {})


def test_11_a_body_that_breaks_off_is_taken_up_again(emulator, sdk, cos, tmp_path):
    data = os.urandom(300_000)
    cos.upload(data, at("a.bin"))
    emulator.faults.add(Fault("truncate", count=1))
    with pytest.raises(Exception) as broken:  # noqa: PT011 - that it may be anything is the point
        sdk.get_object(Bucket=DESK, Key="a.bin")["Body"].get_stream_to_file(str(tmp_path / "x"))
    assert not isinstance(broken.value, CosClientError | CosServiceError)

    emulator.faults.add(Fault("truncate", count=2))
    cos.download(at("a.bin"), tmp_path / "y")
    assert (tmp_path / "y").read_bytes() == data
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_12_only_2xx_is_a_success(emulator, sdk, cos):
    emulator.faults.add(Fault("error", operation="PutObject", status=301, code="PermanentRedirect"))
    sdk.put_object(Bucket=DESK, Key="a", Body=b"1")
    assert not cos.exists(at("a")), "the SDK returned normally"

    with pytest.raises(CosError) as refused:
        cos.upload(b"1", at("a"))
    assert refused.value.status == 301


def test_13_an_error_in_the_body_of_a_200_is_an_error(emulator, sdk, make_cos):
    cos = make_cos()
    cos.upload(b"1", at("a"))
    cos.upload(b"1", at("b"))
    emulator.faults.add(Fault("error_in_200"))
    answer = sdk.delete_objects(Bucket=DESK, Delete={"Object": [{"Key": "a"}, {"Key": "b"}]})
    assert answer is not None
    assert cos.exists([at("a"), at("b")]) == [True, True], "the SDK returned normally"

    with pytest.raises(SomeFailed) as failed:
        cos.delete([at("a"), at("b")])
    assert {type(error) for error in failed.value.exceptions} == {Unavailable}
    with pytest.raises(Unavailable):
        cos.copy(at("a"), to=place("a"))


def test_14_every_error_has_code_status_request_id_and_object(wire, make_sdk, wired):
    wire.answers = [reply(404, content_length=0)]
    with pytest.raises(CosServiceError) as wrong:
        make_sdk(proxy=wire.url).head_object(Bucket=DESK, Key="a")
    with pytest.raises(KeyError):
        wrong.value.get_request_id()
    wire.answers = [reply(403, b"<html>no</html>", x_cos_request_id="abc")]

    with pytest.raises(Denied) as refused:
        wired.read(at("a"))
    error = refused.value
    assert (error.status, error.code, error.request_id, error.object) == (403, "", "abc", at("a"))


def test_15_the_first_cause_is_kept_and_parts_are_given_up(emulator, sdk, cos, tmp_path):
    (tmp_path / "big").write_bytes(os.urandom(3 << 20))
    emulator.faults.add(Fault("error", operation="UploadPart", status=403, code="AccessDenied"))
    with pytest.raises(CosClientError, match="some upload_part fail"):
        sdk.upload_file(Bucket=DESK, Key="sdk", LocalFilePath=str(tmp_path / "big"), PartSize=1)

    with pytest.raises(Denied) as refused:
        big_parts(cos, tmp_path / "big", at("ours"))
    assert refused.value.code == "AccessDenied"
    assert "ours" not in uploads_of(sdk)


def test_16_an_unfinished_upload_of_somebody_else_is_left_alone(sdk, cos, tmp_path):
    (tmp_path / "big").write_bytes(os.urandom(3 << 20))
    upload = sdk.create_multipart_upload(Bucket=DESK, Key="sdk", CacheControl="stranger")
    sdk.upload_file(
        Bucket=DESK, Key="sdk", LocalFilePath=str(tmp_path / "big"), PartSize=1, CacheControl="mine"
    )
    assert cos.head(at("sdk")).cache_control == "stranger", "finished what somebody else began"

    upload = sdk.create_multipart_upload(Bucket=DESK, Key="ours", CacheControl="stranger")
    from scf_mps.cos import upload as uploading

    said = {"cache-control": "mine"}
    uploading.Uploader(cos._client, lambda _: None, 1 << 20).upload(
        tmp_path / "big", at("ours"), said
    )
    assert cos.head(at("ours")).cache_control == "mine"
    assert uploads_of(sdk) == ["ours"], "the stranger's is still there"
    sdk.abort_multipart_upload(Bucket=DESK, Key="ours", UploadId=upload["UploadId"])


def test_17_a_file_appears_when_its_checksum_is_right(emulator, sdk, cos, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    data = os.urandom(100_000)
    cos.upload(data, at("a.bin"))
    emulator.faults.add(Fault("corrupt", operation="GetObject"))
    sdk.download_file(Bucket=DESK, Key="a.bin", DestFilePath=str(tmp_path / "sdk"), EnableCRC=True)
    assert (tmp_path / "sdk").read_bytes() != data, "wrong bytes, no error"

    with pytest.raises(Corrupt):
        cos.download(at("a.bin"), tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_18_no_file_is_put_together_from_two_versions(
    emulator, make_sdk, make_cos, cos, tap, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    old, new = b"o" * (3 << 20), b"n" * (3 << 20)

    def replace_behind_the_first(head):
        if head.startswith("GET") and "range: bytes=0-" not in head.lower():
            tap.before = lambda head: None
            cos.upload(new, at("a.bin"))

    cos.upload(old, at("a.bin"))
    tap.before = replace_behind_the_first
    make_sdk(proxy=tap.url).download_file(
        Bucket=DESK,
        Key="a.bin",
        DestFilePath=str(tmp_path / "sdk"),
        PartSize=1,
        MAXThread=1,
    )
    assert (tmp_path / "sdk").read_bytes() not in (old, new), "some of each"

    cos.upload(old, at("a.bin"))
    tapped = make_cos(proxy=tap.url)
    with tapped.open(at("a.bin")) as file:
        file.read(10)
        cos.upload(new, at("a.bin"))
        file.seek(2 << 20)
        with pytest.raises(Conflict):
            file.read()


def test_19_no_token_reaches_a_log(emulator, make_sdk, make_cos, temporary, caplog):
    caplog.set_level(logging.DEBUG)
    make_sdk(
        SecretId=temporary.secret_id, SecretKey=temporary.secret_key, Token=temporary.token
    ).list_objects(Bucket=DESK)
    assert temporary.token in caplog.text

    caplog.clear()
    keys = Credentials(temporary.secret_id, temporary.secret_key, temporary.token)
    ours = make_cos(keys)
    list(ours.list(place("", DESK)))
    assert temporary.token not in caplog.text
    assert temporary.secret_key not in repr((keys, ours, vars(ours._client)))


def test_20_the_environment_is_not_searched_for_proxies_with_every_request(
    emulator, credentials, make_cos, monkeypatch
):
    config = qcloud_cos.CosConfig(
        Region=REGION,
        SecretId=emulator.key.secret_id,
        SecretKey=emulator.key.secret_key,
        Scheme="http",
    )
    sdk = qcloud_cos.CosS3Client(config, retry=0)
    ours = make_cos()
    dead = Wire()
    dead.answers = [reply(502, b"a proxy nobody asked for")]
    monkeypatch.setenv("http_proxy", dead.url)
    with pytest.raises(CosServiceError):
        sdk.head_bucket(Bucket=DESK)
    assert dead.heads, "the SDK went where the environment says now"

    assert list(ours.list(place("", DESK))) == []
    dead.close()


MEMORY = """
import resource, sys
from pathlib import Path
url, kind, path = sys.argv[1:]
def peak(): return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
if kind == "sdk":
    from qcloud_cos import CosConfig, CosS3Client
    config = CosConfig(Region="ap-guangzhou", SecretId="AKIDdesk", SecretKey="desk-secret",
                       Scheme="http", Proxies={"http": url})
    client = CosS3Client(config)
    client.put_object(Bucket="desk-1250000000", Key="small", Body=b"x")
    idle = peak()
    client.upload_file(Bucket="desk-1250000000", Key="big", LocalFilePath=path, PartSize=10, MAXThread=8)
else:
    from scf_mps.cos import Cos, Credentials
    cos = Cos(Credentials("AKIDdesk", "desk-secret"), proxy=url)
    cos.upload(b"x", "cos://desk-1250000000.ap-guangzhou/small")
    idle = peak()
    item = cos.upload(path, "cos://desk-1250000000.ap-guangzhou/big")
    cos.download(item, path + ".back")
print(peak() - idle)
"""


def test_21_memory_does_not_grow_with_threads_and_parts(emulator, tmp_path):
    path = tmp_path / "big"
    with path.open("wb") as file:
        for _ in range(6):
            file.write(os.urandom(10 << 20))

    def growth(kind):
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, emulator.url, kind, str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
        return float(done.stdout)

    assert growth("sdk") > 40, "MB: parts are kept whole, one for each thread"
    assert growth("ours") < 20


def test_no_defect_was_forgotten():
    numbers = {name[5:7] for name in globals() if name.startswith("test_") and name[5:7].isdigit()}
    assert numbers == {f"{number:02}" for number in range(1, 22)}
