"""Optional programs of some tests, which are skipped without them."""

import shutil

import pytest

INSTALL = {
    "git": "apt-get install git",
    "node": "apt-get install nodejs",
    "npm": "apt-get install npm",
    "openssl": "apt-get install openssl",
    "redis-server": "apt-get install redis-server",
}
"""Commands that install a program."""


def require(*programs):
    """Skip the test unless the programs are on the PATH."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: {INSTALL[program]}")


def skip_without_python(version):
    """Skip the test because the CPython is missing."""
    pytest.skip(f"CPython {version} is not installed: pyenv install {version}")
