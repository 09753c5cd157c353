"""The Serverless platform for `components deploy`: uploads and deployments.

The component is `component.js`, in a Node.js process that lives as long as the platform.
"""

from __future__ import annotations

import io
import json
import subprocess
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qcloud_cos import CosConfig, CosS3Client

from scf_mps.local.api import Call, Service, action

APP_ID = "1250000000"
REGION = "ap-guangzhou"
BUCKET = "sls-cache"


class Storage:
    """COS by signed URLs, as the platform uses it."""

    def __init__(self, cos):
        self._cos = cos

    def url(self, method, bucket, region, key):
        config = CosConfig(
            Region=region,
            SecretId=self._cos.key.secret_id,
            SecretKey=self._cos.key.secret_key,
            Scheme="https",
        )
        name = f"{bucket}-{APP_ID}"
        return str(
            CosS3Client(config).get_presigned_url(Method=method, Bucket=name, Key=key, Expired=600)
        )

    def get(self, bucket, region, key):
        """Return the object, or None."""
        try:
            return self._exchange("GET", self.url("GET", bucket, region, key), None)
        except urllib.error.HTTPError as error:
            error.close()
            return None

    def put(self, bucket, region, key, body):
        self._exchange("PUT", self.url("PUT", bucket, region, key), body)

    def _exchange(self, method, url, body):
        """Send a request with the emulator as proxy, which needs no TLS."""
        plain = url.replace("https://", "http://", 1)
        proxy = urllib.request.ProxyHandler({"http": self._cos.url})
        request = urllib.request.Request(plain, body, method=method)
        with urllib.request.build_opener(proxy).open(request, timeout=30) as response:
            return bytes(response.read())


class Users(Service):
    """CAM: the identity of a client."""

    name = "cam"
    version = "2019-01-16"

    @action("GetUserAppId")
    def get_user_app_id(self, call: Call) -> Mapping[str, Any]:
        return {"OwnerUin": "100000000001", "Uin": "100000000001", "AppId": int(APP_ID)}


class Component:
    """The component `scf` in its process."""

    def __init__(self, command, environment, log):
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=dict(environment),
            text=True,
        )
        self._lock = threading.Lock()

    def deploy(self, request):
        """Run a deployment and return its ``outputs`` or ``error``."""
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        assert line, f"the component ended: {Path(self._log.name).read_text('utf-8')}"
        return json.loads(line)

    def close(self):
        self._process.communicate(timeout=30)
        self._log.close()


class Platform(Service):
    """The platform's API (2020-02-05), for one instance of a component.

    Attributes:
        runs: the body of every RunComponent.
        uploads: the zip of every upload.
        folder: contains the code of the last deployment as a zip.
    """

    name = "sls"
    version = "2020-02-05"

    def __init__(self, storage, folder):
        self.folder = folder
        self.component = None
        self._storage = storage
        self.reset()

    def reset(self):
        """Delete everything that was deployed."""
        self.runs = []
        self.uploads = []
        self._files = {}
        self._instance = {}
        self._storage.put(BUCKET, REGION, "src.map", b"{}")

    @action("GetCacheFileUrls")
    def get_cache_file_urls(self, call: Call) -> Mapping[str, Any]:
        return _build_response(
            previousMapDownloadUrl=self._url("GET", "src.map"),
            changesUploadUrl=self._url("PUT", "changes.zip"),
            srcDownloadUrl=self._url("GET", "src.zip"),
        )

    @action("RunComponent")
    def run_component(self, call: Call) -> Mapping[str, Any]:
        run = json.loads(call.text("Body"))
        self.runs.append(run)
        if run["options"].get("cacheOutdated"):
            self._apply(self._storage.get(BUCKET, REGION, "changes.zip"))
        zipped = self.folder / f"{len(self.runs)}.zip"
        with zipfile.ZipFile(zipped, "w") as archive:
            for name in sorted(self._files):
                archive.writestr(*self._files[name])
        assert self.component is not None
        credentials = run["credentials"]["tencent"]
        result = self.component.deploy(
            {
                "inputs": run["instance"]["inputs"],
                "zip": str(zipped),
                "credentials": {name: credentials[name] for name in ("SecretId", "SecretKey")},
                "appId": APP_ID,
            }
        )
        self._instance = {
            "instanceStatus": "error" if "error" in result else "active",
            "deploymentError": result.get("error"),
            "deploymentErrorStack": result.get("error"),
            "outputs": {"name": result.get("outputs", {}).get("FunctionName")},
        }
        return _build_response()

    @action("GetInstance")
    def get_instance(self, call: Call) -> Mapping[str, Any]:
        return _build_response(instance=self._instance)

    def _apply(self, changes):
        """Apply an upload to the stored code."""
        assert changes is not None
        self.uploads.append(changes)
        with zipfile.ZipFile(io.BytesIO(changes)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            files = {member.filename: (member, archive.read(member)) for member in members}
        _, deleted = files.pop("deleted.files", (None, b"[]"))
        for name in json.loads(deleted):
            del self._files[name]
        _, digests = files.pop("src.map")
        self._storage.put(BUCKET, REGION, "src.map", digests)
        self._files |= files

    def _url(self, method, key):
        return self._storage.url(method, BUCKET, REGION, key)


def _build_response(**body):
    """Build the response of the platform's gateway."""
    return {"Body": json.dumps({"statusCode": 200, "body": json.dumps(body)})}
