"""Which objects a call is about, where they go, and which of them may be touched."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import App, ConfigurationError, Cos, Transcode
from scf_mps.context import Context
from scf_mps.cos import CosObject, Credentials, Denied, NotInCos, SomeFailed
from scf_mps.cos.locations import BucketAllowlist, find_common_directory, map_destinations
from scf_mps.events.parser import parse_event

from .conftest import DESK, PLAYER, REGION, at, place

KEYS = st.text(st.sampled_from("ab/._- %ü\n"), min_size=1, max_size=12).filter(
    lambda key: key.strip("/") != ""
)


def storage(kind="COS", **more):
    return {"Type": kind, "CosOutputStorage": {"Bucket": DESK, "Region": REGION}, **more}


def workflow(*results, field="MediaProcessResultSet"):
    """A workflow event with these results: (type, field, output)."""
    return parse_event(
        {
            "EventType": "WorkflowTask",
            "WorkflowTaskEvent": {
                "TaskId": "1",
                "Status": "FINISH",
                "ErrCode": 0,
                field: [
                    {"Type": kind, name: {"Status": "SUCCESS", "Output": output}}
                    for kind, name, output in results
                ],
            },
        }
    )


def transcode(path="/out/a.mp4", **output):
    output.setdefault("OutputStorage", storage())
    return workflow(("Transcode", "TranscodeTask", {"Path": path, **output}))


def test_an_object_is_made_from_an_mps_storage_without_the_leading_slash():
    assert CosObject.from_storage(storage(), "/a/b.mp4") == at("a/b.mp4")
    view = transcode().subtasks[0].output.output_storage
    assert CosObject.from_storage(view, "/a/b.mp4") == at("a/b.mp4")


@pytest.mark.parametrize(
    ("where", "path", "reason"),
    [
        ({"Type": "AWS-S3", "S3OutputStorage": {"S3Bucket": "b"}}, "/a", "in AWS-S3, not in COS"),
        ({"Type": "VOD"}, "/a", "in VOD, not in COS"),
        ({"Type": "COS"}, "/a", "has no COS bucket"),
        (storage(), "https://example.com/a.vtt", "is a URL"),
    ],
)
def test_an_output_elsewhere_is_refused_with_the_reason(where, path, reason):
    with pytest.raises(NotInCos, match=reason):
        CosObject.from_storage(where, path)


def test_the_files_of_a_result_elsewhere_are_refused_before_any_request(emulator, cos):
    event = transcode(OutputStorage={"Type": "AWS-S3", "S3OutputStorage": {"S3SecretKey": "x"}})
    for ask in (cos.files, cos.verify, lambda of: cos.publish(of, to=place("p/"))):
        for of in (event, event.subtasks[0]):
            with pytest.raises(NotInCos, match="AWS-S3"):
                ask(of)
    assert len(emulator.requests) == 0


def test_a_result_at_a_url_elsewhere_is_refused(cos):
    event = transcode("https://example.com/a.vtt")
    assert event.subtasks[0].paths == ("https://example.com/a.vtt",)
    for ask in (cos.files, cos.verify, lambda of: cos.publish(of, to=place("p/"))):
        with pytest.raises(NotInCos, match="URL"):
            ask(event.subtasks[0])


def test_outputs_elsewhere_and_results_without_any_are_warned(cos, caplog):
    cos.upload(b"1", at("a.mp4"))
    output = {"OutputStorage": storage(), "VideoPath": "/a.mp4", "ScriptPath": "https://h/s.json"}
    event = workflow(("Reel", "ReelTask", output), field="AiAnalysisResultSet")
    assert cos.publish(event, to=place("p/")) == [at("p/a.mp4", PLAYER)]
    assert "https://h/s.json" in caplog.text
    empty = workflow(("Transcode", "TranscodeTask", None))
    assert cos.publish(empty, to=place("p/")) == cos.verify(empty.subtasks[0]) == []
    assert caplog.text.count("no file") == 2


def test_one_or_many_may_be_objects_texts_or_entries_of_a_list(cos):
    cos.upload(b"1", at("a"))
    cos.upload(b"2", at("b"))
    assert cos.read(str(at("a"))) == b"1"
    assert cos.read([str(at("a")), str(at("b"))]) == [b"1", b"2"]
    assert cos.read(cos.list(place("", DESK))) == [b"1", b"2"]
    assert cos.read(next(cos.list(place("", DESK)))) == b"1"
    with pytest.raises(TypeError, match="expected COS objects, not int"):
        cos.read([3])
    with pytest.raises(ValueError, match="cos://bucket"):
        cos.read("a")


def test_one_goes_to_the_exact_key_or_below_a_prefix():
    one = [at("v/a.mp4")]
    assert map_destinations(one, place("x.mp4"), True) == [at("x.mp4", PLAYER)]
    assert map_destinations(one, place("p/"), True) == [at("p/a.mp4", PLAYER)]
    assert map_destinations(one, place(), True) == [at("a.mp4", PLAYER)]
    assert map_destinations(one, at("x", PLAYER), True) == [at("x", PLAYER)]
    assert map_destinations(one, place("p/"), True, base="") == [at("p/v/a.mp4", PLAYER)]


@pytest.mark.parametrize(
    ("objects", "to", "reason"),
    [
        ([at("a/1"), at("a/2")], place("x"), "slash"),
        ([at("a/1")], place("a/1", DESK), "onto itself"),
        ([at("v/1"), at("v/1", PLAYER)], place("p/"), "would both become"),
        ([at("a/1")], "http://example.com", "location"),
    ],
)
def test_what_cannot_be_copied_is_refused_before_any_request(emulator, cos, objects, to, reason):
    with pytest.raises(ValueError, match=reason):
        cos.copy(objects if len(objects) > 1 else objects[0], to=to)
    assert len(emulator.requests) == 0


def test_a_base_must_be_above_the_objects():
    with pytest.raises(ValueError, match="not below base"):
        map_destinations([at("a/1"), at("b/1")], place("p/"), False, base="a/")
    assert find_common_directory([]) == ""
    assert find_common_directory([at("a/"), at("a/b")]) == ""


@given(st.lists(KEYS, min_size=1, max_size=5, unique_by=lambda key: key.lstrip("/")))
def test_copies_keep_the_directories_below_the_deepest_common_one(keys):
    objects = [at(key) for key in keys]
    base = find_common_directory(objects)
    assert base == "" or base.endswith("/")
    copies = map_destinations(objects, place("to/"), False)
    assert [copy.key for copy in copies] == ["to/" + item.key[len(base) :] for item in objects]
    if len(objects) > 1:
        deeper = {item.key[len(base) :].partition("/")[0] for item in objects}
        assert len(deeper) > 1 or any("/" not in item.key[len(base) :] for item in objects)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_bucket_or_region_of_an_event_becomes_another_host(bucket, region):
    from scf_mps.cos.locations import BucketAllowlist

    plain = set(string.ascii_lowercase + string.digits + "-")
    try:
        BucketAllowlist(None).check(bucket, region)
    except Denied:
        return
    assert set(bucket) <= plain
    assert set(region) <= plain


def test_only_allowed_buckets_are_touched_and_no_request_is_made_for_others(
    emulator, make_cos, monkeypatch
):
    monkeypatch.setenv("MPS_BUCKETS", "desk-*, other-1250000000")
    cos = make_cos()
    cos.upload(b"x", at("a"))
    count = len(emulator.requests)
    for attempt in (
        lambda: cos.head(at("a", PLAYER)),
        lambda: cos.copy(at("a"), to=place("a")),
        lambda: cos.copy(at("a", PLAYER), to=place("a", DESK)),
        lambda: cos.move([at("a")], to=place("b/")),
        lambda: cos.delete([at("a"), at("a", PLAYER)]),
        lambda: cos.upload(b"x", at("a", PLAYER)),
        lambda: list(cos.list(place())),
        lambda: cos.url(at("a", PLAYER)),
        lambda: cos.download(at("a", PLAYER), "/nowhere/x"),
        lambda: cos.head(CosObject("evil.com/#-1", REGION, "a")),
        lambda: cos.head(CosObject(DESK, "x.evil.com/?", "a")),
    ):
        with pytest.raises((Denied, SomeFailed)) as refused:
            attempt()
        failures = getattr(refused.value, "exceptions", (refused.value,))
        assert {error.code for error in failures} <= {"BucketNotAllowed", "InvalidBucketName"}
    assert len(emulator.requests) == count


@pytest.mark.parametrize("key", ["ü" * 426, "\ud800"])
def test_a_key_that_cos_does_not_take_is_refused(cos, key):
    with pytest.raises(ValueError, match=r"850 bytes|surrogates"):
        cos.head([at(key)])


def test_credentials_are_read_with_each_invocation(monkeypatch):
    from scf_mps.tencent.credentials import load_credentials

    names = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
    on_a_desk = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN")
    for name in (*names, *on_a_desk):
        monkeypatch.delenv(name, raising=False)
    assert load_credentials() is None
    for name in on_a_desk:
        monkeypatch.setenv(name, "of the desk")
    assert (load_credentials().secret_id, load_credentials().token) == (
        "of the desk",
        "of the desk",
    )
    told = ";".join(f"{name}=told-{name[-3:]}" for name in names)
    found = load_credentials(Context({"environ": f"broken;SCF_NAMESPACE=default;{told}"}))
    assert (found.secret_id, found.secret_key, found.token) == ("told-TID", "told-KEY", "told-KEN")
    for name in names[:2]:
        monkeypatch.setenv(name, "of the environment")
    assert load_credentials().secret_id == "of the environment"
    assert load_credentials(Context({"environ": {"TENCENTCLOUD_SECRETID": "half"}})).token == ""
    assert load_credentials(Context({"environ": dict.fromkeys(names, "dict")})).token == "dict"
    assert load_credentials(Context({"environ": 5})).secret_id == "of the environment"


def test_credentials_are_not_shown_and_not_written_down():
    import pickle

    keys = Credentials("AKIDabcdefghijkl", "the-secret", "the-token")
    assert "the-secret" not in repr(keys)
    assert "the-token" not in repr(keys)
    assert "temporary" in repr(keys)
    assert "permanent" in repr(Credentials("a", "b"))
    with pytest.raises(TypeError):
        pickle.dumps(keys)


def test_without_credentials_the_error_says_what_to_do(emulator, make_cos, monkeypatch):
    for name in ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SECRET_ID"):
        monkeypatch.delenv(name, raising=False)
    cos = Cos(proxy=emulator.url)
    with pytest.raises(Denied, match="execution role"):
        cos.head(at("a"))
    assert len(emulator.requests) == 0


def test_a_callback_asks_for_cos_by_annotation_and_gets_that_of_its_invocation(
    emulator, monkeypatch
):
    monkeypatch.setenv("MPS_COS_PROXY", emulator.url)
    app = App()
    seen = []

    @app.on(Transcode)
    def first(transcode: Transcode, cos: Cos) -> None:
        cos.upload(b"x", at("a"))
        seen.append(cos)

    @app.on(Transcode)
    def second(transcode: Transcode, cos: Cos) -> None:
        seen.append(cos)

    environ = (
        f"TENCENTCLOUD_SECRETID={emulator.key.secret_id};"
        f"TENCENTCLOUD_SECRETKEY={emulator.key.secret_key}"
    )
    for _ in range(2):
        app.main_handler(transcode().raw, {"environ": environ, "time_limit_in_ms": 60000})
    assert seen[0] is seen[1]
    assert seen[0] is not seen[2]
    assert emulator.requests.count("PutObject") == 2


def test_the_import_path_of_a_function_stays_within_the_standard_library():
    import subprocess
    import sys

    code = """
import sys, json
before = set(sys.modules)
import scf_mps
light = [name for name in sys.modules if name.startswith("scf_mps.cos")]
from scf_mps import Cos
from scf_mps.cos import *
import scf_mps.cos
dir(scf_mps.cos)
roots = {name.partition(".")[0] for name in set(sys.modules) - before}
foreign = sorted(roots - set(sys.stdlib_module_names) - {"scf_mps"})
print(json.dumps([light, foreign, "ssl" in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[], [], False]


def test_every_public_name_is_there_and_no_other():
    import scf_mps.cos

    for name in dir(scf_mps.cos):
        assert getattr(scf_mps.cos, name) is not None or name.startswith("__")
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        scf_mps.cos.Nothing  # noqa: B018


def test_each_module_says_what_it_is_for_and_is_short():
    import scf_mps.cos

    for path in Path(scf_mps.cos.__file__).parent.glob("*.py"):
        text = path.read_text()
        assert text.startswith('"""'), path
        # One class has one method for each operation, with overloads.
        limit = 800 if path.name == "cos.py" else 460
        assert len(text.splitlines()) <= limit, path


@pytest.mark.parametrize("buckets", [",", " ", " , ", "", [], (), [""], [" ,"]])
def test_allowed_buckets_that_name_none_are_refused(buckets):
    with pytest.raises(ConfigurationError, match="buckets="):
        Cos(buckets=buckets)


@pytest.mark.parametrize("value", [",", " ", "\t,\n"])
def test_cold_start_refuses_buckets_that_name_none(monkeypatch, value):
    monkeypatch.setenv("MPS_BUCKETS", value)
    with pytest.raises(ConfigurationError, match="MPS_BUCKETS"):
        _ = App().main_handler
    with pytest.raises(ConfigurationError, match="MPS_BUCKETS"):
        Cos()


def test_empty_variable_of_buckets_is_not_set(monkeypatch):
    monkeypatch.setenv("MPS_BUCKETS", "")
    _ = App().main_handler
    Cos()._client.allowlist.check("any-1250000000", "ap-guangzhou")


def test_glob_of_buckets_matches_any_appid():
    BucketAllowlist("media-*").check("media-9999999999", "ap-guangzhou")
    with pytest.raises(Denied):
        BucketAllowlist(["media-1250000000", "x-1, y-2"]).check("media-9999999999", "ap-guangzhou")
    BucketAllowlist(["media-1250000000", "x-1, y-2"]).check("y-2", "ap-guangzhou")
