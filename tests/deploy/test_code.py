"""The zip to deploy: its source, how it is sent, and layers."""

import base64
import hashlib
import os
import sys
import zipfile
from pathlib import Path

import pytest

from scf_mps.build.archive import write_zip
from scf_mps.cos import Cos, CosError, Credentials, Pool
from scf_mps.deploy.code import Bucket
from scf_mps.deploy.current_state import normalize_digest, parse_layers
from scf_mps.deploy.errors import DeployError
from scf_mps.local.api import CloudApi, Mps, Scf
from scf_mps.local.cos import CosEmulator

from .support import (
    NAME,
    REGION,
    fetch_plan,
    get_deployed,
    get_last,
    list_deployed_files,
    list_planned_changes,
    list_steps,
    list_writes,
    run_cli,
)

CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMII\n"
INDEX = b"def main_handler(event, context):\n    return 1\n"


def test_deploy_runs_hook_and_packs_its_output(project, api, scf):
    (project.folder / "make.py").write_text(
        "import os, pathlib\nprint('made')\npathlib.Path('out').mkdir()\n"
        "pathlib.Path('out/index.py').write_text('main_handler = print')\n"
    )
    hook = f'"{sys.executable}" make.py'
    project.write(src={"src": "./", "hook": hook, "dist": "./out"})

    result = run_cli("deploy")

    assert result.code == 0, result.err
    assert list_deployed_files(scf) == ["index.py"]
    assert "running the hook" in result.err
    assert "made" not in result.out


def test_failed_hook_stops_deployment(project, api):
    project.write(src={"src": "./", "hook": "exit 3", "dist": "./build"})

    result = run_cli("deploy")

    assert result.code == 1
    assert "'exit 3'" in result.err
    assert list_writes(api) == []


def test_hook_without_dist_is_ignored(project, api, scf):
    project.write(src={"src": "./build", "hook": "exit 3"})

    assert run_cli("deploy").code == 0
    assert list_deployed_files(scf) == ["index.py"]


def test_deploy_builds_folder_with_handlers(project, api, scf):
    (project.folder / "handlers").mkdir()
    (project.folder / "handlers" / "__init__.py").write_text(
        "from scf_mps import App\n\napp = App()\nmain_handler = app.main_handler\n"
    )
    (project.folder / ".env").write_text("TENCENT_SECRET_KEY=hush\n")
    project.write(src="./")

    result = run_cli("deploy", "--dry-run")

    assert result.code == 0, result.err
    assert "building the function" in result.err

    (project.folder / "handlers" / "__init__.py").write_text("import nowhere\n")
    result = run_cli("deploy", "--dry-run")
    assert (result.code, "no module 'nowhere'" in result.err) == (1, True)


def test_zip_option_deploys_unchanged_zip(project, api, scf):
    path = project.write_zip("mine.zip", {"index.py": INDEX, "other/data": b"1"})

    assert run_cli("deploy", "--zip", str(path)).code == 0

    assert get_deployed(scf).latest.code == path.read_bytes()
    sent = get_last(api, "CreateFunction").parameters["Code"]["ZipFile"]
    assert base64.b64decode(sent) == path.read_bytes()


def test_deploy_leaves_out_local_and_excluded_files(project, api, scf):
    (project.folder / "index.py").write_bytes(INDEX)
    (project.folder / ".env").write_text("TENCENT_SECRET_KEY=hush\n")
    (project.folder / ".git").mkdir()
    (project.folder / ".git" / "config").write_text("[core]\n")
    (project.folder / "notes.txt").write_text("mine\n")
    project.write(src={"src": "./", "exclude": ["*.txt", "build/**"]})

    result = run_cli("deploy")

    assert result.code == 0, result.err
    assert list_deployed_files(scf) == ["index.py"]
    assert "left out: 5 files, in .env, .git, build, notes.txt, serverless.yml" in result.err


def test_deploy_leaves_out_excluded_files_of_build(project, api, scf):
    (project.folder / "handlers").mkdir()
    (project.folder / "handlers" / "__init__.py").write_text("main_handler = print\n")
    (project.folder / "handlers" / "notes.txt").write_text("mine\n")
    (project.folder / "handlers" / ".DS_Store").write_bytes(b"\0")
    project.write(src={"src": "./", "exclude": ["handlers/*.txt"]})

    result = run_cli("deploy")

    assert result.code == 0, result.err
    assert ".DS_Store" in result.err
    assert "handlers/__init__.py" in list_deployed_files(scf)
    assert "handlers/notes.txt" not in list_deployed_files(scf)


def test_deploy_reports_build_warnings(project, api, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setenv("PYENV_ROOT", str(empty))
    other = "Python3.13" if sys.version_info[:2] != (3, 13) else "Python3.12"
    (project.folder / "handlers").mkdir()
    (project.folder / "handlers" / "__init__.py").write_text("main_handler = print\n")
    project.write(src="./", runtime=other)

    result = run_cli("deploy", "--dry-run")

    assert result.code == 0, result.err
    assert f"warning: no CPython {other.removeprefix('Python')}" in result.err
    assert "NO BYTECODE" in result.err


@pytest.mark.parametrize("option", ["dist", "--zip", "layer"])
def test_apparent_secret_stops_deployment_unless_allowed(project, api, scf, option):
    files = {"index.py": INDEX, "deep/.env": b"KEY=hush\n", "ca.pem": CERTIFICATE}
    path = project.write_zip("mine.zip", files)
    if option == "dist":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(project.folder / "build")
    if option == "layer":
        project.write(layers=[{"name": "base", "src": "mine.zip"}])
    arguments = ["--zip", str(path)] if option == "--zip" else []

    result = run_cli("deploy", *arguments)

    assert result.code == 1
    assert result.err.startswith("deep/.env: ")
    assert "hush" not in result.err
    assert list_writes(api) == []
    result = run_cli("deploy", *arguments, "--allow-secret", "deep/.env")
    assert result.code == 0, result.err


def test_include_in_source_is_rejected(project, api):
    project.write(src={"src": "./", "dist": "./build", "include": ["more"]})

    result = run_cli("deploy")

    assert (result.code, "inputs.src.include: " in result.err) == (2, True)


def find_code(project, **options):
    """Return the code of the problem that stops a deployment."""
    with pytest.raises(DeployError) as caught:
        fetch_plan(project, **options)
    [problem] = caught.value.problems
    return problem.code


def test_deploy_rejects_invalid_zip(project, api):
    project.write(src={"src": "./", "dist": "./nowhere"})
    assert find_code(project) == "missing_folder"
    wrong = project.write_zip("wrong.zip", {"handlers/index.py": INDEX})
    assert find_code(project, archive=wrong) == "missing_entry"
    assert find_code(project, archive=Path("none.zip")) == "unreadable_file"
    result = run_cli("deploy", "--zip", "serverless.yml")
    assert (result.code, "serverless.yml: " in result.err) == (1, True)
    assert list_writes(api) == []


def test_deploy_rejects_damaged_zip(project, api):
    path = project.write_zip("damaged.zip", {"index.py": INDEX})
    content = bytearray(path.read_bytes())
    content[40:50] = b"x" * 10
    path.write_bytes(content)

    assert find_code(project, archive=path) == "invalid_zip"


def test_deploy_rejects_name_that_is_not_utf8(project, api):
    (project.folder / "build" / os.fsdecode(b"caf\xe9.txt")).write_text("")

    result = run_cli("deploy")

    assert result.code == 1
    [line] = result.err.splitlines()
    assert line.startswith(r"caf\xe9.txt: ")


def test_deploy_names_file_missing_during_packing(project, api, monkeypatch):
    def vanish(folder, archive, names):
        (folder / "index.py").unlink()
        return write_zip(folder, archive, names)

    monkeypatch.setattr("scf_mps.deploy.code.write_zip", vanish)

    result = run_cli("deploy")

    assert (result.code, "index.py: No such file" in result.err) == (1, True)


def test_deploy_names_env_file_that_is_not_utf8(project, api):
    (project.folder / ".env").write_bytes(b"NAME=caf\xe9\n")

    result = run_cli("deploy")

    assert (result.code, ".env: " in result.err) == (2, True)


def test_too_large_zip_blocks_deployment(project, api):
    run_cli("deploy")
    api.requests.clear()
    path = project.write_zip(
        "large.zip", {"index.py": INDEX, "noise": os.urandom(20 * 1024 * 1024)}
    )
    project.write(memorySize=512)

    result = run_cli("deploy", "--zip", str(path))

    assert result.code == 1
    assert "blocked: code: 20.0 MB" in result.err
    assert list_writes(api) == []


@pytest.fixture
def cos_cloud(project, tmp_path_factory, monkeypatch):
    """Emulated COS with a bucket, and a cloud whose SCF reads code from it."""
    with CosEmulator(tmp_path_factory.mktemp("cos")) as cos:
        cos.create_bucket("code-1250000000", REGION)
        key = cos.key

        def read(bucket, region, name):
            pool, keys = Pool(), Credentials(key.secret_id, key.secret_key)
            reader = Cos(keys, proxy=cos.url, buckets="*", pool=pool)
            try:
                return reader.read(f"cos://{bucket}-1250000000.{region}/{name}")
            except CosError:
                return None
            finally:
                pool.clear()

        scf = Scf(objects=read)
        with CloudApi([scf, Mps(functions=scf.account)], keys=cos.keys) as api:
            monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", key.secret_id)
            monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", key.secret_key)
            monkeypatch.setenv("TENCENTCLOUD_API_ENDPOINT", api.url)
            monkeypatch.setenv("MPS_COS_PROXY", cos.url)
            yield cos, api, scf


def list_uploads(cos):
    return [request for request in cos.requests if request.method == "PUT"]


def test_code_bucket_receives_zip_once(project, cos_cloud):
    cos, api, scf = cos_cloud
    bucket = f"code-1250000000.{REGION}"

    result = run_cli("deploy", "--code-bucket", bucket)

    assert result.code == 0, result.err
    sent = get_last(api, "CreateFunction").parameters["Code"]
    digest = hashlib.sha256(get_deployed(scf).latest.code).hexdigest()
    assert sent == {
        "CosBucketName": "code",
        "CosObjectName": f"/scf-mps/{NAME}/{digest}.zip",
        "CosBucketRegion": REGION,
    }
    assert len(list_uploads(cos)) == 1
    assert run_cli("deploy", "--again", "--code-bucket", bucket).code == 0
    assert len(list_uploads(cos)) == 1
    path = project.write_zip(
        "large.zip", {"index.py": INDEX, "noise": os.urandom(20 * 1024 * 1024)}
    )
    result = run_cli("deploy", "--zip", str(path), "--code-bucket", f"cos://{bucket}/a/b/")
    assert result.code == 0, result.err
    assert get_deployed(scf).latest.code == path.read_bytes()
    assert (
        get_last(api, "UpdateFunctionCode").parameters["Code"]["CosObjectName"].startswith("/a/b/")
    )


def test_dry_run_uploads_nothing_to_cos(project, cos_cloud):
    cos, _, _ = cos_cloud

    assert run_cli("deploy", "--dry-run", "--code-bucket", "code-1250000000").code == 0

    assert list_uploads(cos) == []


def test_deploy_reports_missing_code_bucket(project, cos_cloud):
    result = run_cli("deploy", "--code-bucket", "none-1250000000")

    assert result.code == 1
    assert "NoSuchBucket" in result.err


def test_code_bucket_is_parsed():
    assert Bucket.parse("a-b-125", "r") == Bucket("a-b", "125", "r", "scf-mps")
    assert Bucket.parse("cos://a-125.ap-x/p/q/", "r") == Bucket("a", "125", "ap-x", "p/q")
    for text in ("bucket", "B-125", "a-125.ap-x?x"):
        with pytest.raises(DeployError, match="bucket"):
            Bucket.parse(text, "r")


def test_layer_from_zip_is_published_once(project, api, scf):
    project.write_zip("layer.zip", {"lib.py": b"A = 1\n"})
    project.write(layers=[{"name": "base", "src": "layer.zip"}])

    assert run_cli("deploy").code == 0

    assert list_writes(api) == ["PublishLayerVersion", "CreateFunction", "BindTrigger"]
    assert get_last(api, "PublishLayerVersion").parameters["CompatibleRuntimes"] == ["Python3.10"]
    sent = get_last(api, "CreateFunction").parameters["Layers"]
    assert sent == [{"LayerName": "base", "LayerVersion": 1}]
    assert list_steps() == []

    project.write_zip("layer.zip", {"lib.py": b"A = 2\n"})
    api.requests.clear()
    changes = list_planned_changes()
    assert changes["layer base"][0] == "version 1"
    assert changes["layers"] == ("base 1", "base new", "UpdateFunctionConfiguration")
    result = run_cli("deploy")
    assert list_writes(api) == ["PublishLayerVersion", "UpdateFunctionConfiguration"]
    assert "layer base is 2" in result.err
    assert "layer base: " in run_cli("remove", "--dry-run").err

    project.write(layers=[])
    assert run_cli("deploy").code == 0
    sent = get_last(api, "UpdateFunctionConfiguration").parameters["Layers"]
    assert sent == [{"LayerName": "", "LayerVersion": 0}]
    assert list_steps() == []


def test_existing_layer_is_selected_by_version(project, api, scf):
    project.write_zip("layer.zip", {"lib.py": b"A = 1\n"})
    project.write(layers=[{"name": "base", "src": "layer.zip"}])
    run_cli("deploy")
    project.write(layers=[{"name": "base", "version": 1}])
    assert list_steps() == []
    project.write(layers=[{"name": "base", "version": 9}])

    result = run_cli("deploy")

    assert (result.code, "ResourceNotFound.LayerVersion" in result.err) == (1, True)


def test_layer_without_versions_is_published(project, api, scf):
    scf.account.layers[REGION, "base"] = []
    project.write_zip("layer.zip", {"lib.py": b"A = 1\n"})
    project.write(layers=[{"name": "base", "src": "layer.zip"}])
    api.faults.add("ListLayerVersions", code="FailedOperation")

    assert run_cli("deploy").code == 1
    assert run_cli("deploy").code == 0


def test_digest_is_normalized_from_hex_or_base64():
    digest = hashlib.sha256(INDEX)

    assert normalize_digest(digest.hexdigest().upper()) == digest.hexdigest()
    assert normalize_digest(base64.b64encode(digest.digest()).decode()) == digest.hexdigest()
    assert normalize_digest("?" * 44) == ""
    assert normalize_digest("") == ""


def test_layers_are_parsed_from_function():
    function = {"Layers": [{"LayerName": "a", "LayerVersion": "2", "Stamp": ""}]}

    assert [(layer.name, layer.version) for layer in parse_layers(function)] == [("a", 2)]
    assert parse_layers({"Layers": None}) == ()
