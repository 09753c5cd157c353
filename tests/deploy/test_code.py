"""The zip: from the hook, from a folder, built, or given; sent with the request or by COS; layers."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import sys
import zipfile

import pytest

from scf_mps.build.archive import write_zip
from scf_mps.cos import Cos, CosError, Credentials, Pool
from scf_mps.deploy.code import Bucket
from scf_mps.deploy.current_state import normalize_digest, parse_layers
from scf_mps.deploy.errors import DeployError
from scf_mps.local.api import CloudApi, Mps, Scf
from scf_mps.local.cos import CosEmulator

from .conftest import NAME, REGION, Ran, changing, deployed, last
from .test_deploy import plan_of, rows

CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMII\n"
INDEX = b"def main_handler(event, context):\n    return 1\n"


def names(scf):
    with zipfile.ZipFile(io.BytesIO(deployed(scf).latest.code)) as archive:
        return archive.namelist()


def test_the_hook_is_run_where_it_belongs_and_what_it_makes_is_deployed(project, api, scf):
    (project.folder / "make.py").write_text(
        "import os, pathlib\nprint('made')\npathlib.Path('out').mkdir()\n"
        "pathlib.Path('out/index.py').write_text('main_handler = print')\n"
    )
    hook = f'"{sys.executable}" make.py'
    project.write(src={"src": "./", "hook": hook, "dist": "./out"})

    ran = Ran("deploy")

    assert ran.code == 0, ran.err
    assert names(scf) == ["index.py"]
    assert "running the hook" in ran.err
    assert "made" not in ran.out


def test_a_hook_that_fails_ends_the_deployment(project, api):
    project.write(src={"src": "./", "hook": "exit 3", "dist": "./build"})

    ran = Ran("deploy")

    assert ran.code == 1
    assert "the hook 'exit 3' ended with exit code 3" in ran.err
    assert changing(api) == []


def test_a_hook_without_dist_is_not_run_as_the_serverless_client_does_not(project, api, scf):
    project.write(src={"src": "./build", "hook": "exit 3"})

    assert Ran("deploy").code == 0
    assert names(scf) == ["index.py"]


def test_a_folder_with_handlers_is_built_so_that_nothing_else_goes_along(project, api, scf):
    (project.folder / "handlers").mkdir()
    (project.folder / "handlers" / "__init__.py").write_text(
        "from scf_mps import App\n\napp = App()\nmain_handler = app.main_handler\n"
    )
    (project.folder / ".env").write_text("TENCENT_SECRET_KEY=hush\n")
    project.write(src="./")

    ran = Ran("deploy", "--dry-run")

    assert ran.code == 0, ran.err
    assert "building the function" in ran.err

    (project.folder / "handlers" / "__init__.py").write_text("import nowhere\n")
    ran = Ran("deploy", "--dry-run")
    assert (ran.code, "no module 'nowhere'" in ran.err) == (1, True)


def test_a_zip_that_is_given_is_deployed_as_it_is(project, api, scf):
    path = project.zip("mine.zip", {"index.py": INDEX, "other/data": b"1"})

    assert Ran("deploy", "--zip", str(path)).code == 0

    assert deployed(scf).latest.code == path.read_bytes()
    sent = last(api, "CreateFunction").parameters["Code"]["ZipFile"]
    assert base64.b64decode(sent) == path.read_bytes()


def test_what_belongs_to_a_desk_and_what_is_excluded_is_not_deployed(project, api, scf):
    (project.folder / "index.py").write_bytes(INDEX)
    (project.folder / ".env").write_text("TENCENT_SECRET_KEY=hush\n")
    (project.folder / ".git").mkdir()
    (project.folder / ".git" / "config").write_text("[core]\n")
    (project.folder / "notes.txt").write_text("mine\n")
    project.write(src={"src": "./", "exclude": ["*.txt", "build/**"]})

    ran = Ran("deploy")

    assert ran.code == 0, ran.err
    assert names(scf) == ["index.py"]
    assert "5 files are left out, in .env, .git, build, notes.txt, serverless.yml" in ran.err


def test_what_a_build_makes_is_deployed_without_what_is_excluded(project, api, scf):
    (project.folder / "handlers").mkdir()
    (project.folder / "handlers" / "__init__.py").write_text("main_handler = print\n")
    (project.folder / "handlers" / "notes.txt").write_text("mine\n")
    (project.folder / "handlers" / ".DS_Store").write_bytes(b"\0")
    project.write(src={"src": "./", "exclude": ["handlers/*.txt"]})

    ran = Ran("deploy")

    assert ran.code == 0, ran.err
    assert "left out: of the project: .DS_Store" in ran.err
    assert "handlers/__init__.py" in names(scf)
    assert "handlers/notes.txt" not in names(scf)


def test_the_warnings_of_a_build_are_told(project, api, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setenv("PYENV_ROOT", str(empty))
    other = "Python3.13" if sys.version_info[:2] != (3, 13) else "Python3.12"
    (project.folder / "handlers").mkdir()
    (project.folder / "handlers" / "__init__.py").write_text("main_handler = print\n")
    project.write(src="./", runtime=other)

    ran = Ran("deploy", "--dry-run")

    assert ran.code == 0, ran.err
    assert f"warning: no CPython {other.removeprefix('Python')} was found here" in ran.err
    assert "NO BYTE CODE" in ran.err


@pytest.mark.parametrize("option", ["dist", "--zip", "layer"])
def test_a_secret_is_never_deployed_unless_it_is_said_to_be_none(project, api, scf, option):
    files = {"index.py": INDEX, "deep/.env": b"KEY=hush\n", "ca.pem": CERTIFICATE}
    path = project.zip("mine.zip", files)
    if option == "dist":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(project.folder / "build")
    if option == "layer":
        project.write(layers=[{"name": "base", "src": "mine.zip"}])
    arguments = ["--zip", str(path)] if option == "--zip" else []

    ran = Ran("deploy", *arguments)

    assert ran.code == 1
    assert ran.err.startswith("deep/.env: a file of keys by its name must not be deployed")
    assert "hush" not in ran.err
    assert changing(api) == []
    ran = Ran("deploy", *arguments, "--allow-secret", "deep/.env")
    assert ran.code == 0, ran.err


def test_what_is_to_be_included_besides_is_an_error_not_passed_over(project, api):
    project.write(src={"src": "./", "dist": "./build", "include": ["more"]})

    ran = Ran("deploy")

    assert (ran.code, "inputs.src.include: `scf-mps deploy` does not read it" in ran.err) == (
        2,
        True,
    )


def test_what_is_no_zip_of_this_function_is_refused(project, api):
    project.write(src={"src": "./", "dist": "./nowhere"})
    assert "there is no such folder" in Ran("deploy").err
    wrong = project.zip("wrong.zip", {"handlers/index.py": INDEX})
    assert "wrong.zip: no index.py in its root" in Ran("deploy", "--zip", str(wrong)).err
    assert "expected a zip at none.zip" in Ran("deploy", "--zip", "none.zip").err
    ran = Ran("deploy", "--zip", "serverless.yml")
    assert (ran.code, "serverless.yml is not a zip file" in ran.err) == (1, True)
    assert changing(api) == []


def test_zip_with_damaged_content_is_refused(project, api):
    path = project.zip("damaged.zip", {"index.py": INDEX})
    content = bytearray(path.read_bytes())
    content[40:50] = b"x" * 10
    path.write_bytes(content)

    ran = Ran("deploy", "--zip", str(path))

    assert (ran.code, "damaged.zip is not a zip file" in ran.err) == (1, True)


def test_folder_with_a_name_that_is_not_utf8_is_refused(project, api):
    (project.folder / "build" / os.fsdecode(b"caf\xe9.txt")).write_text("")

    ran = Ran("deploy")

    assert ran.code == 1
    assert ran.err.splitlines() == [r"caf\xe9.txt: the name is not UTF-8; rename it"]


def test_file_that_vanishes_while_it_is_packed_is_named(project, api, monkeypatch):
    def vanish(folder, archive, names):
        (folder / "index.py").unlink()
        return write_zip(folder, archive, names)

    monkeypatch.setattr("scf_mps.deploy.code.write_zip", vanish)

    ran = Ran("deploy")

    assert (ran.code, "index.py: No such file" in ran.err) == (1, True)


def test_environment_file_that_is_not_utf8_is_named(project, api):
    (project.folder / ".env").write_bytes(b"NAME=caf\xe9\n")

    ran = Ran("deploy")

    assert (ran.code, ".env is not UTF-8" in ran.err) == (2, True)


def test_a_zip_that_is_too_large_for_an_update_is_refused_before_anything_is_changed(project, api):
    Ran("deploy")
    api.requests.clear()
    path = project.zip("large.zip", {"index.py": INDEX, "noise": os.urandom(20 * 1024 * 1024)})
    project.write(memorySize=512)

    ran = Ran("deploy", "--zip", str(path))

    assert ran.code == 1
    assert "code: 20.0 MB, but SCF takes 20 MB with the request: send it by COS" in ran.err
    assert changing(api) == []


@pytest.fixture
def by_cos(project, tmp_path_factory, monkeypatch):
    """A COS with a bucket, and a cloud whose SCF reads code from it."""
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


def puts(cos):
    return [one for one in cos.requests if one.method == "PUT"]


def test_code_goes_by_cos_once_if_there_is_a_bucket_for_it(project, by_cos):
    cos, api, scf = by_cos
    bucket = f"code-1250000000.{REGION}"

    ran = Ran("deploy", "--code-bucket", bucket)

    assert ran.code == 0, ran.err
    sent = last(api, "CreateFunction").parameters["Code"]
    digest = hashlib.sha256(deployed(scf).latest.code).hexdigest()
    assert sent == {
        "CosBucketName": "code",
        "CosObjectName": f"/scf-mps/{NAME}/{digest}.zip",
        "CosBucketRegion": REGION,
    }
    assert len(puts(cos)) == 1
    assert Ran("deploy", "--again", "--code-bucket", bucket).code == 0
    assert len(puts(cos)) == 1
    path = project.zip("large.zip", {"index.py": INDEX, "noise": os.urandom(20 * 1024 * 1024)})
    ran = Ran("deploy", "--zip", str(path), "--code-bucket", f"cos://{bucket}/a/b/")
    assert ran.code == 0, ran.err
    assert deployed(scf).latest.code == path.read_bytes()
    assert last(api, "UpdateFunctionCode").parameters["Code"]["CosObjectName"].startswith("/a/b/")


def test_a_dry_run_puts_nothing_into_cos(project, by_cos):
    cos, _, _ = by_cos

    assert Ran("deploy", "--dry-run", "--code-bucket", "code-1250000000").code == 0

    assert puts(cos) == []


def test_a_bucket_that_is_not_there_is_told(project, by_cos):
    ran = Ran("deploy", "--code-bucket", "none-1250000000")

    assert ran.code == 1
    assert "the code could not be put into COS" in ran.err


def test_a_bucket_is_named_with_its_appid():
    assert Bucket.parse("a-b-125", "r") == Bucket("a-b", "125", "r", "scf-mps")
    assert Bucket.parse("cos://a-125.ap-x/p/q/", "r") == Bucket("a", "125", "ap-x", "p/q")
    for text in ("bucket", "B-125", "a-125.ap-x?x"):
        with pytest.raises(DeployError, match="expected --code-bucket"):
            Bucket.parse(text, "r")


def test_a_layer_that_comes_as_a_zip_is_published_once_and_attached(project, api, scf):
    project.zip("layer.zip", {"lib.py": b"A = 1\n"})
    project.write(layers=[{"name": "base", "src": "layer.zip"}])

    assert Ran("deploy").code == 0

    assert changing(api) == ["PublishLayerVersion", "CreateFunction", "BindTrigger"]
    assert last(api, "PublishLayerVersion").parameters["CompatibleRuntimes"] == ["Python3.10"]
    sent = last(api, "CreateFunction").parameters["Layers"]
    assert sent == [{"LayerName": "base", "LayerVersion": 1}]
    assert plan_of(project).json["steps"] == []

    project.zip("layer.zip", {"lib.py": b"A = 2\n"})
    api.requests.clear()
    changes = rows(plan_of(project))
    assert changes["layer base"][0] == "version 1"
    assert changes["layers"] == ("base 1", "base new", "UpdateFunctionConfiguration")
    ran = Ran("deploy")
    assert changing(api) == ["PublishLayerVersion", "UpdateFunctionConfiguration"]
    assert "layer base is 2" in ran.err
    told = Ran("remove", "--dry-run")
    assert "layer base stays: others may use it" in told.err

    project.write(layers=[])
    assert Ran("deploy").code == 0
    sent = last(api, "UpdateFunctionConfiguration").parameters["Layers"]
    assert sent == [{"LayerName": "", "LayerVersion": 0}]
    assert plan_of(project).json["steps"] == []


def test_a_layer_of_somebody_else_is_named_by_its_version(project, api, scf):
    project.zip("layer.zip", {"lib.py": b"A = 1\n"})
    project.write(layers=[{"name": "base", "src": "layer.zip"}])
    Ran("deploy")
    project.write(layers=[{"name": "base", "version": 1}])
    assert plan_of(project).json["steps"] == []
    project.write(layers=[{"name": "base", "version": 9}])

    ran = Ran("deploy")

    assert (ran.code, "ResourceNotFound.LayerVersion" in ran.err) == (1, True)


def test_a_layer_whose_last_version_was_deleted_is_published_anew(project, api, scf):
    scf.account.layers[REGION, "base"] = []
    project.zip("layer.zip", {"lib.py": b"A = 1\n"})
    project.write(layers=[{"name": "base", "src": "layer.zip"}])
    api.faults.add("ListLayerVersions", code="FailedOperation")

    assert Ran("deploy").code == 1
    assert Ran("deploy").code == 0


def test_a_digest_is_read_in_either_form_scf_may_tell_it():
    digest = hashlib.sha256(INDEX)

    assert normalize_digest(digest.hexdigest().upper()) == digest.hexdigest()
    assert normalize_digest(base64.b64encode(digest.digest()).decode()) == digest.hexdigest()
    assert normalize_digest("?" * 44) == ""
    assert normalize_digest("") == ""


def test_layers_are_read_as_scf_tells_them():
    told = {"Layers": [{"LayerName": "a", "LayerVersion": "2", "Stamp": ""}]}

    assert [(one.name, one.version) for one in parse_layers(told)] == [("a", 2)]
    assert parse_layers({"Layers": None}) == ()
