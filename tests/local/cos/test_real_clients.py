"""Official clients: the SDKs of Python and Node.js, and coscmd.

A client that is not installed is a visible skip.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scf_mps.local.cos import Fault, Key
from tests.support.optional_programs import require

from .wire import BUCKET, REGION, Wire

Sdk = Callable[..., Any]
MB = 1024 * 1024
SOURCE = {"Bucket": BUCKET, "Region": REGION}


def error_code(action):
    from qcloud_cos import CosServiceError

    with pytest.raises(CosServiceError) as caught:
        action()
    return str(caught.value.get_error_code())


def fetch(cos, url):
    proxy = urllib.request.ProxyHandler({"http": cos.url})
    with urllib.request.build_opener(proxy).open(url, timeout=30) as response:
        return bytes(response.read())


def test_python_sdk_puts_heads_ranges_and_copies(sdk):
    client = sdk()
    key = "dir/a b+ü#?.txt"
    metadata = {"x-cos-meta-a": "1"}
    client.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789", Metadata=metadata)
    assert client.head_object(Bucket=BUCKET, Key=key)["x-cos-meta-a"] == "1"
    got = client.get_object(Bucket=BUCKET, Key=key, Range="bytes=2-4")
    assert got["Body"].get_raw_stream().read() == b"234"
    copied = client.copy_object(Bucket=BUCKET, Key="b", CopySource={**SOURCE, "Key": key})
    assert copied["CRC64"] == client.head_object(Bucket=BUCKET, Key=key)["x-cos-hash-crc64ecma"]
    assert client.object_exists(Bucket=BUCKET, Key="b")
    assert not client.object_exists(Bucket=BUCKET, Key="nope")
    assert error_code(lambda: client.get_object(Bucket=BUCKET, Key="nope")) == "NoSuchKey"


def test_python_sdk_lists_and_deletes_in_batches(sdk):
    client = sdk()
    for number in range(5):
        client.put_object(Bucket=BUCKET, Key=f"d/{number} &", Body=b"")
    page = client.list_objects(Bucket=BUCKET, Prefix="d/", MaxKeys=3)
    assert page["IsTruncated"] == "true"
    assert [each["Key"] for each in page["Contents"]] == ["d/0 &", "d/1 &", "d/2 &"]
    folded = client.list_objects(Bucket=BUCKET, Delimiter="/")
    assert folded["CommonPrefixes"] == [{"Prefix": "d/"}]
    keys = [{"Key": f"d/{number} &"} for number in range(5)]
    deleted = client.delete_objects(Bucket=BUCKET, Delete={"Object": keys, "Quiet": "false"})
    assert len(deleted["Deleted"]) == 5
    assert "Contents" not in client.list_objects(Bucket=BUCKET)
    assert [each["Name"] for each in client.list_buckets()["Buckets"]["Bucket"]] == [BUCKET]


def test_python_sdk_uploads_copies_and_downloads_in_parts(sdk, tmp_path):
    client, local = sdk(), tmp_path / "local"
    data = os.urandom(3 * MB + 7)
    local.write_bytes(data)
    client.upload_file(
        Bucket=BUCKET, Key="big", LocalFilePath=str(local), PartSize=1, MAXThread=2, EnableMD5=True
    )
    client.copy(Bucket=BUCKET, Key="big2", CopySource={**SOURCE, "Key": "big"})
    upload_id = client.create_multipart_upload(Bucket=BUCKET, Key="big3")["UploadId"]
    part = client.upload_part_copy(
        Bucket=BUCKET,
        Key="big3",
        PartNumber=1,
        UploadId=upload_id,
        CopySource={**SOURCE, "Key": "big"},
        CopySourceRange="bytes=0-9",
    )
    listed = client.list_parts(Bucket=BUCKET, Key="big3", UploadId=upload_id)
    assert [each["Size"] for each in listed["Part"]] == ["10"]
    parts = {"Part": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    client.complete_multipart_upload(
        Bucket=BUCKET, Key="big3", UploadId=upload_id, MultipartUpload=parts
    )
    assert client.get_object(Bucket=BUCKET, Key="big3")["Body"].get_raw_stream().read() == data[:10]
    target = tmp_path / "down"
    client.download_file(
        Bucket=BUCKET,
        Key="big2",
        DestFilePath=str(target),
        PartSize=1,
        MAXThread=2,
        EnableCRC=True,
        DumpRecordDir=str(tmp_path),
    )
    assert target.read_bytes() == data


def test_python_sdk_presigns_urls(cos, sdk):
    client = sdk()
    client.put_object(Bucket=BUCKET, Key="a b", Body=b"abc")
    url = client.get_presigned_url(Bucket=BUCKET, Key="a b", Method="GET", Expired=60)
    assert fetch(cos, url) == b"abc"
    params = {"response-content-type": "a/b"}
    url = client.get_presigned_download_url(Bucket=BUCKET, Key="a b", Expired=60, Params=params)
    assert fetch(cos, url) == b"abc"


def test_python_sdk_needs_secret_and_token(cos, sdk):
    sdk().put_object(Bucket=BUCKET, Key="a", Body=b"abc")
    wrong = sdk(secret_key="wrong")
    code = error_code(lambda: wrong.get_object(Bucket=BUCKET, Key="a"))
    assert code == "SignatureDoesNotMatch"
    cos.keys.add(Key("AKIDtmp", "s", "token"))
    with_token = sdk("AKIDtmp", "s", Token="token")
    assert with_token.get_object(Bucket=BUCKET, Key="a")["ETag"]
    without = sdk("AKIDtmp", "s")
    code = error_code(lambda: without.get_object(Bucket=BUCKET, Key="a"))
    assert code == "InvalidAccessKeyId"


def test_python_sdk_uses_subresources_and_append(sdk):
    client = sdk()
    client.put_object(Bucket=BUCKET, Key="a", Body=b"abc", StorageClass="ARCHIVE")
    tags = {"TagSet": {"Tag": [{"Key": "k", "Value": "v"}]}}
    client.put_object_tagging(Bucket=BUCKET, Key="a", Tagging=tags)
    assert client.get_object_tagging(Bucket=BUCKET, Key="a") == tags
    client.delete_object_tagging(Bucket=BUCKET, Key="a")
    client.put_object_acl(Bucket=BUCKET, Key="a", ACL="public-read")
    grants = client.get_object_acl(Bucket=BUCKET, Key="a")["AccessControlList"]["Grant"]
    assert [grant["Permission"] for grant in grants] == ["FULL_CONTROL", "READ"]
    assert error_code(lambda: client.get_object(Bucket=BUCKET, Key="a")) == "InvalidObjectState"
    request = {"Days": 1, "CASJobParameters": {"Tier": "Expedited"}}
    client.restore_object(Bucket=BUCKET, Key="a", RestoreRequest=request)
    assert client.get_object(Bucket=BUCKET, Key="a")["ETag"]
    client.put_symlink(Bucket=BUCKET, SymlinkName="link", SymlinkTarget="a")
    link = client.get_symlink(Bucket=BUCKET, SymlinkName="link")
    assert link["x-cos-symlink-target"] == "a"
    client.append_object(Bucket=BUCKET, Key="log", Position=0, Data=b"one")
    appended = client.append_object(Bucket=BUCKET, Key="log", Position=3, Data=b"two")
    assert appended["x-cos-next-append-position"] == "6"


def test_python_sdk_forbids_overwriting_and_keeps_versions(sdk):
    client = sdk()
    once = {"x-cos-forbid-overwrite": "true"}
    client.put_object(Bucket=BUCKET, Key="a", Body=b"1", Metadata=once)

    def again() -> object:
        return client.put_object(Bucket=BUCKET, Key="a", Body=b"2", Metadata=once)

    assert error_code(again) == "FileAlreadyExists"
    client.put_bucket_versioning(Bucket=BUCKET, Status="Enabled")
    assert client.get_bucket_versioning(Bucket=BUCKET) == {"Status": "Enabled"}
    again()
    client.delete_object(Bucket=BUCKET, Key="a")
    listed = client.list_objects_versions(Bucket=BUCKET)
    assert len(listed["Version"]) == 2
    assert len(listed["DeleteMarker"]) == 1


def test_python_sdk_retries_over_injected_faults(cos, sdk):
    client = sdk(retry=1)
    cos.faults.add(Fault("error_after", operation="PutObject", count=1))
    client.put_object(Bucket=BUCKET, Key="a", Body=b"abc")
    assert cos.requests.count("PutObject") == 2


NODE_SCRIPT = r"""
const COS = require('cos-nodejs-sdk-v5'), fs = require('fs');
const [proxy, id, secret, bucket, region, file] = process.argv.slice(2);
const at = { Bucket: bucket, Region: region }, out = {};
const make = (key) => new COS({ SecretId: id, SecretKey: key, Protocol: 'http:', Proxy: proxy,
                                FileParallelLimit: 2, ChunkParallelLimit: 2 });
const cos = make(secret);
const code = (promise) => promise.then(() => 'none', (error) => error.code || error.error.Code);
(async () => {
  await cos.putObject({ ...at, Key: 'n/a b+ü', Body: 'abc', Headers: { 'x-cos-meta-a': '1' } });
  const head = await cos.headObject({ ...at, Key: 'n/a b+ü' });
  out.meta = head.headers['x-cos-meta-a'];
  out.body = (await cos.getObject({ ...at, Key: 'n/a b+ü' })).Body.toString();
  const source = `${bucket}.cos.${region}.myqcloud.com/${encodeURIComponent('n/a b+ü')}`;
  out.copied = (await cos.putObjectCopy({ ...at, Key: 'n/b', CopySource: source })).ETag;
  out.etag = head.ETag;
  await cos.sliceUploadFile({ ...at, Key: 'big', FilePath: file, SliceSize: 1048576,
                              ChunkSize: 1048576 });
  const big = `${bucket}.cos.${region}.myqcloud.com/big`;
  await cos.sliceCopyFile({ ...at, Key: 'big2', CopySource: big, CopySliceSize: 1048576,
                            CopyChunkSize: 1048576 });
  const body = (await cos.getObject({ ...at, Key: 'big2' })).Body;
  out.big = Buffer.compare(body, fs.readFileSync(file)) === 0;
  out.url = cos.getObjectUrl({ ...at, Key: 'n/b', Sign: true, Expires: 60 });
  const list = await cos.getBucket({ ...at, Prefix: 'n/' });
  out.keys = list.Contents.map((each) => each.Key);
  const gone = await cos.deleteMultipleObject({ ...at, Objects: [{ Key: 'big' }] });
  out.deleted = gone.Deleted.map((each) => each.Key);
  out.buckets = (await cos.getService({})).Buckets.map((each) => each.Name);
  await cos.putObjectTagging({ ...at, Key: 'n/b', Tags: [{ Key: 'k', Value: 'v' }] });
  out.tags = (await cos.getObjectTagging({ ...at, Key: 'n/b' })).Tags;
  out.missing = await code(cos.getObject({ ...at, Key: 'nope' }));
  out.wrong = await code(make('wrong').getObject({ ...at, Key: 'n/b' }));
  console.log(JSON.stringify(out));
})().catch((error) => { console.error(error); process.exit(1); });
"""


@pytest.fixture
def node_sdk(request):
    """A folder with the Node.js SDK, kept in pytest's cache between runs."""
    require("node", "npm")
    assert request.config.cache is not None
    folder = Path(request.config.cache.mkdir("cos-nodejs-sdk-v5"))
    if not (folder / "node_modules" / "cos-nodejs-sdk-v5").exists():
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        command += ["--prefix", str(folder), "cos-nodejs-sdk-v5@3.0.0"]
        try:
            subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        except subprocess.SubprocessError as error:
            shutil.rmtree(folder / "node_modules", ignore_errors=True)
            pytest.skip(f"npm cannot install cos-nodejs-sdk-v5, NOT tested: {error}")
    return folder


def test_node_sdk_works(cos, node_sdk, tmp_path):
    script, data = node_sdk / "exercise.js", tmp_path / "data"
    script.write_text(NODE_SCRIPT)
    data.write_bytes(os.urandom(2 * MB + 5))
    key = (cos.key.secret_id, cos.key.secret_key)
    command = ["node", str(script), cos.url, *key, BUCKET, REGION, str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout.splitlines()[-1])
    assert fetch(cos, out.pop("url")) == b"abc"
    assert out.pop("copied") == out.pop("etag")
    assert out == {
        "meta": "1",
        "body": "abc",
        "big": True,
        "keys": ["n/a b+ü", "n/b"],
        "deleted": ["big"],
        "buckets": [BUCKET],
        "tags": [{"Key": "k", "Value": "v"}],
        "missing": "NoSuchKey",
        "wrong": "SignatureDoesNotMatch",
    }


@pytest.fixture
def coscmd(cos, tmp_path):
    """Runs coscmd with the emulator as proxy."""
    program = Path(sys.executable).with_name("coscmd")
    if not program.exists():
        pytest.skip("coscmd is not installed, NOT tested")
    home = tmp_path / "home"
    home.mkdir()
    env = {**os.environ, "HOME": str(home), "http_proxy": cos.url, "no_proxy": ""}

    def run(*arguments: str, secret: str = "") -> subprocess.CompletedProcess[str]:
        (home / ".cos.conf").write_text(
            f"[common]\nsecret_id = {cos.key.secret_id}\nsecret_key = "
            f"{secret or cos.key.secret_key}\nbucket = {BUCKET}\nregion = {REGION}\n"
            "max_thread = 2\npart_size = 1\nretry = 1\ntimeout = 30\nschema = http\n"
            "verify = md5\nanonymous = False\n"
        )
        command = [str(program), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=env, cwd=home
        )

    return run


def test_coscmd_works(cos, coscmd, tmp_path):
    folder = tmp_path / "media"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.ts").write_bytes(bytes([number]) * 1000)
    (folder / "big.mp4").write_bytes(os.urandom(2 * MB + 5))
    host = f"{BUCKET}.cos.{REGION}.myqcloud.com"
    for arguments in (
        ("upload", "-r", str(folder), "in/"),
        ("copy", "-r", f"{host}/in/media/", "out/"),
        ("move", "-r", f"{host}/in/media/", "moved/"),
        ("download", "out/big.mp4", str(tmp_path / "big")),
        ("delete", "-f", "out/0.ts"),
    ):
        done = coscmd(*arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    keys = Wire(cos).request("GET").texts("Contents/Key")
    names = ["0.ts", "1.ts", "2.ts", "big.mp4"]
    assert keys == [f"moved/{name}" for name in names] + [f"out/{name}" for name in names[1:]]
    assert (tmp_path / "big").read_bytes() == (folder / "big.mp4").read_bytes()
    assert "out/1.ts" in coscmd("list", "out/").stdout
    assert coscmd("list", secret="wrong").returncode != 0
