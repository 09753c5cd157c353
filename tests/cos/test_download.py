"""Downloads of objects to files."""

import errno
import io
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scf_mps.cos import CosObject, UnsafeKey, bar, download

from .support import at, build_response, catch_only_error


def test_download_keeps_directories(cos, tmp_path):
    items = [cos.upload(b"1", at("v/a/1")), cos.upload(b"2", at("v/b/2"))]
    progress = []
    paths = cos.download(items, tmp_path / "new", progress=progress.append)
    assert paths == [tmp_path / "new" / "a" / "1", tmp_path / "new" / "b" / "2"]
    assert progress[-1] == ("download", 2, 2, 2)
    assert cos.download(items[0], tmp_path) == tmp_path / "1"
    assert cos.download(items[0], f"{tmp_path}/sub/") == tmp_path / "sub" / "1"
    assert cos.download(items[0], f"{tmp_path}/sub/", base="/v") == tmp_path / "sub/a/1"
    with pytest.raises(ValueError, match="base"):
        cos.download(items, tmp_path, base="v/a/")


def test_download_skips_file_that_is_complete(emulator, cos, tmp_path):
    item = cos.upload(b"same", at("a"))
    cos.download(item, tmp_path / "a")
    emulator.requests.clear()
    cos.download(item, tmp_path / "a")
    assert emulator.requests.counts() == {"HeadObject": 1}
    (tmp_path / "a").write_bytes(b"else")
    cos.download(item, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"same"
    (tmp_path / "a").write_bytes(b"longer")
    cos.download(item, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"same"
    nested = [cos.upload(b"1", at("d/e/1")), cos.upload(b"2", at("d/2"))]
    cos.download(nested, tmp_path)
    emulator.requests.clear()
    cos.download(nested, tmp_path)
    assert emulator.requests.counts() == {"HeadObject": 2}


UNSAFE_KEYS = [
    "../up",
    "a/../../up",
    "a//b",
    "a/./b",
    "a//",
    "nul\0",
    "x" * 256,
    "a" * 200 + ("/" + "b" * 200) * 3 + "/..",
]


@pytest.mark.parametrize("key", UNSAFE_KEYS)
def test_download_refuses_unsafe_key(emulator, cos, tmp_path, key):
    emulator.requests.clear()
    with pytest.raises(UnsafeKey):
        cos.download([at(key), at("zzz")], tmp_path / "out", base="")
    assert len(emulator.requests) == 0
    assert os.listdir(tmp_path) == ["cos"]


def test_unsafe_key_is_downloaded_to_exact_path(cos, tmp_path):
    cos.upload(b"x", at("a/../b"))
    assert cos.download(at("a/../b"), tmp_path / "b").read_bytes() == b"x"
    with pytest.raises(UnsafeKey):
        cos.download([at("..")], tmp_path)


NAMES = st.lists(
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=6) | st.sampled_from(["..", "."]),
    min_size=1,
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(NAMES)
def test_no_key_leaves_directory(tmp_path, names):
    item = at("base/" + "/".join(names)) if "/".join(names) else at("base/x")
    try:
        (plan,) = download.plan_downloads([item], str(tmp_path) + "/", True, "base/")
    except UnsafeKey:
        return
    assert os.path.realpath(plan.path).startswith(os.path.realpath(tmp_path) + os.sep)


def test_download_follows_no_links(cos, tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (inside / "dir").symlink_to(outside)
    (inside / "file").symlink_to(outside / "target")
    (inside / "pipe").mkdir()
    items = [cos.upload(b"x", at("v/dir/a")), cos.upload(b"x", at("v/file"))]
    assert isinstance(catch_only_error(cos.download, items, inside), UnsafeKey)
    assert os.listdir(outside) == []
    assert (inside / "file").read_bytes() == b"x"
    assert not (inside / "file").is_symlink()


def test_download_replaces_pipe_but_not_directory(cos, tmp_path):
    item = cos.upload(b"x", at("a"))
    os.mkfifo(tmp_path / "a")
    assert cos.download(item, tmp_path / "a").read_bytes() == b"x"
    (tmp_path / "d" / "a").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        cos.download(item, tmp_path / "d" / "")
    assert os.listdir(tmp_path / "d") == ["a"]


def test_download_refuses_two_objects_for_one_file(cos, tmp_path):
    other = CosObject("player-1250000000", at("a").region, "v/a")
    with pytest.raises(UnsafeKey, match="file"):
        cos.download([at("v/a"), other], tmp_path)


def test_download_fails_early_without_space(server, scripted_cos, tmp_path):
    server.responses = [build_response(200, b"x", content_length=1 << 59, etag='"e"')]
    with pytest.raises(OSError, match="space") as raised:
        scripted_cos.download(at("a"), tmp_path / "a")
    assert raised.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == ["cos"]


def test_download_fails_when_directory_is_file(cos, tmp_path):
    item = cos.upload(b"x", at("v/a"))
    cos.upload(b"x", at("v/b/c"))
    (tmp_path / "b").write_text("a file")
    error = catch_only_error(cos.download, [item, at("v/b/c")], tmp_path)
    assert isinstance(error, UnsafeKey)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError, match="exists"):
        cos.download(item, f"{tmp_path}/taken/")


def test_progress_bar_is_drawn_on_terminal_only(cos, tmp_path):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    item = cos.upload(b"x" * 1000, at("a"))
    screen, file = Terminal(), io.StringIO()
    cos.download([item], tmp_path / "1", progress=bar(screen))
    cos.download([item], tmp_path / "2", progress=bar(file))
    assert "1/1 0.0 MB\n" in screen.getvalue()
    assert file.getvalue() == ""
    cos.delete([], progress=bar(screen))
    cos.delete(item, progress=bar(screen))
    assert "delete" in screen.getvalue()
