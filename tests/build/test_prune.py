"""Pruning of the full SDK: services that a file names are kept, the others are removed and reported."""

import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from scf_mps.build.prune import prune
from scf_mps.local.api import CloudApi, Mps
from tests.support.build_projects import Project, make_wheel
from tests.support.sample_data import payload

from .test_contents import INVOKE, unpack

SERVICES = ("cdb", "cdn", "cvm", "mps", "vod")


def write_sdk(folder, code):
    sdk = {f"tencentcloud/{name}/__init__.py": "" for name in (*SERVICES, "common")}
    sdk["tencentcloud/__init__.py"] = "__version__ = '3.1'\n"
    sdk["tencentcloud/vod/v1/vod_client.py"] = "'See tencentcloud.cvm'\n"
    Project(folder).write({**sdk, **code})
    return folder


def kept_services(folder):
    return sorted({path.name for path in (folder / "tencentcloud").iterdir()} & {*SERVICES})


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("import tencentcloud.mps.v20190612.mps_client", ["mps"]),
        ("import tencentcloud.mps as short", ["mps"]),
        ("import tencentcloud.mps as short\n\nload(short, short.cdn)", ["mps"]),
        ("def late():\n    from tencentcloud.mps.v1 import mps_client, models", ["mps"]),
        ("from tencentcloud import mps, cvm as machines", ["cvm", "mps"]),
        ("from tencentcloud.common import credential", []),
        ("import tencentcloud\n\ntencentcloud.mps.v1\nprint(tencentcloud.__version__)", ["mps"]),
        ("import tencentcloud as sdk\n\nsdk.vod", ["vod"]),
        ("load('tencentcloud.mps.v20190612')", ["mps"]),
        ("load(b'tencentcloud.mps.v20190612')", ["mps"]),
        ("load(f'tencentcloud.mps.{version}')", ["mps"]),
        ("CODE = 'from tencentcloud.cdb import x'", ["cdb"]),
        ("exec('from tencentcloud import mps, cvm as machines')", ["cvm", "mps"]),
        ("print 'old'\nfrom tencentcloud import (\n    mps,\n    vod)", ["mps", "vod"]),
        ("PATH = 'tencentcloud/cdn/v1'", ["cdn"]),
        ("try:\n    import tencentcloud.cvm\nexcept ImportError:\n    pass", ["cvm"]),
        ("'''Not of tencentcloud.cvm.'''\n# tencentcloud.cdb", []),
        ("URL = 'https://tencentcloud.com/document'", []),
        ("URL = 'tencentcloud.com'", []),
        ("logging.getLogger('tencentcloud').setLevel(0)", []),
        ("filterwarnings('ignore', module='tencentcloud')", []),
        ("from .tencentcloud import cvm", []),
        ("print 'old'\nimport tencentcloud.cdb", ["cdb"]),
    ],
)
def test_pruning_keeps_services_that_code_names(tmp_path, text, kept):
    write_sdk(tmp_path, {"handlers/a.py": text})

    pruning = prune([tmp_path])

    assert kept_services(tmp_path) == kept
    assert (tmp_path / "tencentcloud" / "common").is_dir()
    assert pruning.warnings == []
    (description,) = pruning.removed
    assert description.startswith(f"{5 - len(kept)} of 5 services")


@pytest.mark.parametrize(
    "text",
    [
        "import_module('tencentcloud.' + name)",
        "import_module(f'tencentcloud.{name}')",
        "import_module(f'tencentcloud.c{name}')",
        "import_module('tencentcloud.%s.v1' % name)",
        "import_module('tencentcloud.{}.v1'.format(name))",
        "import_module('.mps.v1', 'tencentcloud')",
        "import_module('.'.join(['tencentcloud', name]))",
        "import tencentcloud as sdk\n\ngetattr(sdk, name)",
        "import tencentcloud\n\npkgutil.iter_modules(tencentcloud.__path__)",
    ],
)
def test_pruning_keeps_every_service_named_at_run_time(tmp_path, text):
    write_sdk(tmp_path, {"other/a.py": text})

    pruning = prune([tmp_path])

    assert kept_services(tmp_path) == [*SERVICES]
    assert pruning.removed == {}
    (warning,) = pruning.warnings
    assert warning.code == "open_service_name"
    assert warning.path.startswith("other/a.py:")
    assert "5" in warning.message


def test_pruning_reads_data_and_entry_points_too(tmp_path):
    write_sdk(
        tmp_path,
        {
            "handlers/clients.json": '{"client": "tencentcloud.cvm.v1"}',
            "x-1.dist-info/entry_points.txt": "[clients]\nx = tencentcloud.cdb.v1:Client\n",
            "x-1.dist-info/METADATA": "Use tencentcloud.cdn\n",
        },
    )

    prune([tmp_path])

    assert kept_services(tmp_path) == ["cdb", "cvm"]


def test_pruning_searches_code_and_layer(tmp_path):
    layer = write_sdk(tmp_path / "layer", {})
    Project(tmp_path / "code").write({"handlers/a.py": "import tencentcloud.mps"})

    prune([tmp_path / "code", layer])

    assert kept_services(layer) == ["mps"]


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        (["tencentcloud/cvm"], ["cvm"]),
        (["tencentcloud.cvm"], ["cvm"]),
        (["tencentcloud/c*"], ["cdb", "cdn", "cvm"]),
        (["tencentcloud/cvm/*"], ["cvm"]),
        (["tencentcloud"], [*SERVICES]),
        (["Crypto"], []),
    ],
)
def test_pruning_keeps_services_that_options_name(tmp_path, keep, kept):
    write_sdk(tmp_path, {})

    prune([tmp_path], keep)

    assert kept_services(tmp_path) == kept


def test_pruning_keeps_services_of_required_split_packages(tmp_path):
    write_sdk(tmp_path, {})

    prune([tmp_path], [], ["tencentcloud-sdk-python", "tencentcloud-sdk-python-vod"])

    assert kept_services(tmp_path) == ["vod"]


HANDLERS = """\
import os

from scf_mps import App, Transcode
from tencentcloud.common import credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models, mps_client

app = App()


@app.on(Transcode)
def ask(transcode: Transcode) -> None:
    http = HttpProfile(protocol="http", endpoint=os.environ["ENDPOINT"])
    keys = credential.Credential(os.environ["ID"], os.environ["KEY"])
    client = mps_client.MpsClient(keys, "ap-guangzhou", ClientProfile(httpProfile=http))
    request = models.DescribeTasksRequest()
    request.Status = "FINISH"
    client.DescribeTasks(request)


main_handler = app.main_handler
"""


def installed_files(*packages):
    """Return the Python files of installed packages."""
    files = {}
    for package in packages:
        spec = find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        for folder in map(Path, spec.submodule_search_locations):
            for path in folder.rglob("*"):
                if path.suffix in (".py", ".pem"):
                    name = path.relative_to(folder).as_posix()
                    files[f"{package.replace('.', '/')}/{name}"] = path.read_bytes()
    return files


def test_pruned_zip_calls_mps_through_the_official_client(project, offline, python310, tmp_path):
    web = installed_files("requests", "urllib3", "idna", "certifi", "charset_normalizer")
    make_wheel(offline, "web", "1.0", web)
    make_wheel(offline, "tencentcloud_sdk_python", "3.1", installed_files("tencentcloud"), "web")
    project.write(
        {"requirements.txt": "tencentcloud-sdk-python\n", "handlers/__init__.py": HANDLERS}
    )

    report = project.build()

    services = {name.split("/")[1] for name in project.names() if name.startswith("tencentcloud/")}
    assert services == {"__init__.py", "__pycache__", "common", "mps"}
    assert [name for name in report["pruned"] if "services of tencentcloud" in name]
    with CloudApi([Mps()]) as api:
        environment = {
            "ENDPOINT": api.url.removeprefix("http://"),
            "ID": api.key.secret_id,
            "KEY": api.key.secret_key,
            "TENCENTCLOUD_RUNENV": "SCF",
        }
        event = json.dumps(payload("mps_workflow_seed_mixed"))
        context = '{"time_limit_in_ms": 60000}'
        folder = unpack(project.folder / "dist" / "function.zip", tmp_path / "function")
        process = subprocess.run(
            [python310, "-I", "-S", "-B", "-c", INVOKE, event, context, folder],
            capture_output=True,
            text=True,
            timeout=60,
            env={**environment, "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")},
        )
        assert process.returncode == 0, process.stderr
        assert [request.action for request in api.requests] == ["DescribeTasks"]
