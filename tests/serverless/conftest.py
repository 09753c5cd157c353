"""Fixtures: Tencent's deploy clients from npm, and a cloud on the loopback interface."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.optional_programs import require
from tests.support.raw_server import Server
from tests.support.sample_data import ROOT

pytest.importorskip("trustme", reason="the clients speak TLS: NOTHING was deployed by them")

from scf_mps.local.api import CloudApi, LocalRunner, Mps, Scf
from scf_mps.local.cos import CosEmulator

from .platform import APP_ID, BUCKET, REGION, Component, Platform, Storage, Users
from .proxy import LoopbackProxy
from .support import HERE, Client, Cloud

MANIFESTS = ("package.json", "package-lock.json")


@pytest.fixture(scope="session")
def npm():
    """The folder with the installed clients, kept between runs."""
    require("node", "npm")
    folder = ROOT / ".cache" / "npm"
    manifests = [(HERE / name).read_text("utf-8") for name in MANIFESTS]
    installed = folder / "done.json"
    if not installed.exists() or json.loads(installed.read_text("utf-8")) != manifests:
        folder.mkdir(parents=True, exist_ok=True)
        for name in MANIFESTS:
            shutil.copy(HERE / name, folder)
        command = ["npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"]
        completed = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=600, check=False
        )
        if completed.returncode:
            pytest.skip(
                f"npm cannot install Tencent's deploy clients: NOT tested. {completed.stderr[-500:]}"
            )
        installed.write_text(json.dumps(manifests), "utf-8")
    return folder / "node_modules"


def respond_as_other_host(peer):
    """Respond to every request with an empty object, for hosts besides API and storage (role binding, telemetry)."""
    while peer.read_request():
        peer.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        )


@pytest.fixture(scope="session")
def running_cloud(npm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cloud")
    with (
        CosEmulator(folder / "cos") as cos,
        Server(respond_as_other_host) as others,
        LocalRunner() as run,
    ):
        cos.create_bucket(f"{BUCKET}-{APP_ID}", REGION)
        storage = Storage(cos)
        scf, platform = Scf(run=run, objects=storage.get), Platform(storage, folder)
        services = [scf, Mps(functions=scf.account), platform, Users()]
        with CloudApi(services, keys=cos.keys) as api:
            ports = {
                "*.tencentcloudapi.com": api.port,
                "*.myqcloud.com": cos.port,
                "*.apigw.tencentcs.com": others.port,
            }
            with LoopbackProxy(ports, folder) as proxy:
                environment = {
                    "PATH": os.environ["PATH"],
                    "HOME": str(folder),
                    "HTTP_PROXY": proxy.url,
                    "HTTPS_PROXY": proxy.url,
                    "NODE_EXTRA_CA_CERTS": str(proxy.ca_file),
                    "NODE_PATH": str(npm),
                    # The build must find the CPythons of the tests, although HOME differs.
                    "PYENV_ROOT": os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")),
                }
                command = ["node", str(HERE / "component.js")]
                component = Component(command, environment, folder / "component.log")
                platform.component = component
                yield Cloud(api, scf, platform, component, proxy, environment)
                component.close()


@pytest.fixture
def cloud(running_cloud):
    """The cloud, with an empty account."""
    running_cloud.reset()
    return running_cloud


@pytest.fixture
def components(npm, cloud):
    return Client(npm, cloud)


@pytest.fixture
def small(tmp_path):
    """A project of one file that is uploaded unchanged, with the other settings of serverless.yml."""
    configuration = yaml.safe_load((ROOT / "serverless.yml").read_text("utf-8"))
    configuration["inputs"]["src"] = "./code"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("from handlers import main_handler\n")
    (tmp_path / "serverless.yml").write_text(yaml.safe_dump(configuration))
    return tmp_path
