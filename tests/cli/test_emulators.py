"""The command cos."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scf_mps.cli import cli
from scf_mps.cos import Cos, Credentials, Denied
from scf_mps.cos.transport import SHARED_POOL
from scf_mps.local.cos import CosEmulator, Key
from scf_mps.local.cos.emulator import format_exports


@pytest.fixture(autouse=True)
def _close_connections():
    yield
    SHARED_POOL.clear()


def test_cos_starts_emulator(tmp_path):
    command = [Path(sys.executable).parent / "scf-mps", "cos", "--dir", tmp_path]
    options = ["--key", "AKIDone:secret", "--bucket", "media-1250000000", "--create-buckets"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        request = urllib.request.Request(
            f"{url}/", headers={"Host": "media-1250000000.cos.ap-guangzhou.myqcloud.com"}
        )
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.mark.parametrize("one_bucket", [True, False])
def test_cos_seeds_emulator_and_prints_exports(tmp_path, one_bucket):
    seed = tmp_path / "seed"
    top = seed if one_bucket else seed / "media-1250000000.ap-beijing"
    (top / "vod").mkdir(parents=True)
    (top / "vod" / "film 1.mp4").write_bytes(b"film")
    bucket = ["--bucket", "media-1250000000.ap-beijing"] if one_bucket else []
    command = [Path(sys.executable).parent / "scf-mps", "cos", "--dir", tmp_path / "kept"]
    options = ["--seed", seed, *bucket]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        assert all(line.startswith("export ") for line in lines[1:])
        code = "from scf_mps import Cos; print(Cos().read_text('cos://media-1250000000.ap-beijing/vod/film 1.mp4'))"
        done = subprocess.run(
            ["sh", "-c", f'{"".join(lines[1:])}\nexec "$0" -c "$1"', sys.executable, code],
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=60,
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert done.stdout == "film\n", done.stderr


def test_cos_keeps_seeded_objects(tmp_path, monkeypatch):
    def stop(url, key):
        os.kill(os.getpid(), signal.SIGTERM)
        return []

    monkeypatch.setattr("scf_mps.local.cos.emulator.format_exports", stop)
    (tmp_path / "seed").mkdir()
    (tmp_path / "seed" / "film.mp4").write_bytes(b"film")
    options = [
        "--dir",
        tmp_path / "kept",
        "--seed",
        tmp_path / "seed",
        "--bucket",
        "media-1250000000",
    ]
    done = CliRunner().invoke(cli, ["cos", *map(str, options)])
    assert done.exit_code == 0, done.output
    with CosEmulator(tmp_path / "kept") as emulator:
        key = Credentials(emulator.key.secret_id, emulator.key.secret_key)
        content = Cos(key, proxy=emulator.url).read("cos://media-1250000000.ap-guangzhou/film.mp4")
    assert content == b"film"


@pytest.mark.parametrize("buckets", [[], ["--bucket", "media-1250000000"]])
def test_cos_rejects_seed_without_files(tmp_path, buckets):
    (tmp_path / "seed").mkdir()
    (tmp_path / "seed" / ".git").mkdir()
    for folder in ("seed", "nowhere"):
        done = CliRunner().invoke(
            cli, ["cos", "--dir", str(tmp_path), "--seed", str(tmp_path / folder), *buckets]
        )
        assert done.exit_code == 2
        assert "--seed" in done.stderr


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--bucket", "media"], "'media'"),
        (["--key", "AKIDx"], "ID:SECRET"),
        (["--create-buckets", "--bucket", "Not a bucket"], "--bucket: "),
        (["--seed", "seed"], "--seed: .*'vod'"),
        (["--port", "99999"], "65535"),
        (["--dir", "seed/vod/film.mp4"], "cannot start the emulator"),
    ],
)
def test_cos_reports_invalid_option_in_one_line(tmp_path, monkeypatch, options, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seed" / "vod").mkdir(parents=True)
    (tmp_path / "seed" / "vod" / "film.mp4").write_bytes(b"film")

    done = CliRunner().invoke(cli, ["cos", "--dir", "kept", *options])

    assert (done.exit_code, "scf_mps.local.cos" in done.output) == (2, False)
    assert re.search(why, done.output)
    assert not Path("kept").exists()


def test_cos_reports_occupied_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(cli, ["cos", "--dir", str(tmp_path), "--port", port])
    assert done.exit_code == 2
    assert port in done.output


def test_exports_contain_token_of_temporary_key():
    lines = format_exports("http://127.0.0.1:1", Key("AKIDx", "a b", "t"))
    assert "export TENCENTCLOUD_SECRET_KEY='a b'" in lines
    assert "export TENCENTCLOUD_TOKEN=t" in lines


@pytest.mark.parametrize("action", ["read", "head"])
def test_denied_request_names_variables(tmp_path, action):
    with CosEmulator(tmp_path) as emulator:
        emulator.create_bucket("media-1250000000")
        cos = Cos(Credentials("AKIDother", "key"), proxy=emulator.url)
        with pytest.raises(Denied, match="TENCENTCLOUD_SECRET_ID"):
            getattr(cos, action)("cos://media-1250000000.ap-guangzhou/x")
