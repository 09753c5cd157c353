"""Test tools in requirements.txt are left out of the zip."""

import pytest

from scf_mps.build.development_tools import leave_out_test_tools
from scf_mps.build.resolve import Distribution
from tests.support.build_projects import make_wheel

REQUIRES = {
    "pytest": ("pluggy>=1", "packaging", 'tomli; python_version < "3.11"'),
    "pytest-cov": ("pytest", "coverage"),
    "pluggy": (),
    "packaging": (),
    "tomli": (),
    "coverage": (),
    "client": ("packaging", 'pytest; extra == "tests"'),
}
DISTRIBUTIONS = [
    Distribution(name, "1", f"{name}==1", None, True, requires)
    for name, requires in REQUIRES.items()
]


@pytest.mark.parametrize(
    ("names", "source", "keep", "expected"),
    [
        (["pytest", "client"], "", [], ["pluggy", "pytest", "tomli"]),
        (["pytest"], "", [], ["packaging", "pluggy", "pytest", "tomli"]),
        (["pytest", "client"], "import pytest\n", [], []),
        (["pytest", "client"], "def f():\n    from pytest import raises\n", [], []),
        (["pytest", "client"], "import os, pytest\n", [], []),
        (["pytest", "client"], "", ["pytest"], []),
        (["pytest", "pytest-cov", "client"], "import pytest_cov\n", [], []),
        (["client"], "", [], []),
    ],
)
def test_tools_and_their_requirements_are_left_out(tmp_path, names, source, keep, expected):
    (tmp_path / "a.py").write_text(source)
    roots = {*names}
    distributions = [
        one for one in DISTRIBUTIONS if one.name in {*names, *expected, "packaging", "pluggy"}
    ]

    needed, left_out = leave_out_test_tools(distributions, roots, tmp_path, keep)

    # Distributions that no name leads to come from a path or a URL.
    suspects = {"packaging"} if names == ["client"] else set()
    assert left_out == [name for name in expected if name not in suspects]
    assert {one.name for one in needed} == {one.name for one in distributions} - {*left_out}


def test_build_reports_test_tools(project, offline):
    make_wheel(offline, "pytest", "9.0", {"pytest.py": ""}, "pluggy")
    make_wheel(offline, "pluggy", "1.0", {"pluggy.py": ""})
    project.write({"requirements.txt": "pytest\nclient==1.8\n"})

    report = project.build()

    assert report["development_tools"] == ["pluggy", "pytest"]
    assert [*report["dependencies"]] == ["client"]
    assert "pytest.py" not in project.names()
