"""The words and names of CONTRIBUTING.md, in everything that people read."""

import re

import pytest

from tests.support.sample_data import ROOT

FORBIDDEN = re.compile(
    r"\b(?:[Tt]ells?|[Tt]old|thrice|[Ww]hoever|for good|at hand|is none|(?:came|come|comes) to an end|taken for"
    r"|of its own|is asked|are asked|is away|(?:at|on) the desk)\b"
)
ALLOWED = {("src/scf_mps/ledger/redis.py", "told"), ("src/scf_mps/cos/streams.py", "tell")}
"""A field of stored records, and a method of io."""

OPENING = re.compile(
    r'^[ \t]*(?:r?"""|(?<!\A)# )(?:What|Whether|Who|Where|How|Why|Which)\b', re.MULTILINE
)
GERUND = re.compile(r"[a-z_]*(?<!str)(?<!sett)(?<!rout)(?<!test)ing")


def texts():
    """Files that people read: sources, handlers, starter and documents."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
    for folder in ("src", "docs", "handlers", "starter", "benchmarks", "tools"):
        found += [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.md")]
    return [path for path in found if "generated" not in path.parts]


@pytest.mark.parametrize("pattern", [FORBIDDEN, OPENING], ids=["word", "opening"])
def test_texts_avoid_indirect_words(pattern):
    hits = []
    for path in texts():
        name, text = path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
        hits += [
            f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {hit.group()}"
            for hit in pattern.finditer(text)
            if (name, hit.group()) not in ALLOWED
        ]
    assert hits == []


def test_modules_are_nouns_or_verbs():
    modules = {path.stem for path in (ROOT / "src").rglob("*.py")}
    assert [name for name in sorted(modules) if GERUND.fullmatch(name)] == []


def test_root_of_the_package_stays_small():
    modules = {path.name for path in (ROOT / "src" / "scf_mps").glob("*.py")}
    assert modules == {"__init__.py", "__main__.py", "app.py", "context.py", "errors.py", "logs.py"}
