"""The files of results: COS objects from the fields and storages of each type."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import CosObject
from scf_mps.events.files import find_locations, find_unreachable_outputs
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample

OUT = {"Type": "COS", "CosOutputStorage": {"Bucket": "out-1250000000", "Region": "ap-shanghai"}}


def transcode(output=None, given=None, status="SUCCESS"):
    result = {"Status": status, "Output": output, "Input": given}
    payload = {
        "TaskId": "t",
        "MediaProcessResultSet": [{"Type": "Transcode", "TranscodeTask": result}],
    }
    return parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": payload}).subtasks[0]


def texts(files):
    return [str(file) for file in files]


def test_the_documented_results_name_their_files(documented):
    event = parse_event(documented)
    out = "cos://gztest-125****654.ap-guangzhou/dasda"

    assert [texts(one.files) for one in event.subtasks] == [
        [f"{out}/dianping2_transcode_10.mp4"],
        [],
        [f"{out}/dianping2_snapshotByOffset_10_0.jpg"],
        [
            f"{out}/imageSprite/dianping2_imageSprite_10_0.jpg",
            f"{out}/imageSprite/dianping2_imageSprite_10.vtt",
        ],
    ]
    assert len(event.files) == 4


def test_bucket_and_region_come_from_the_output_not_from_the_source(documented):
    event = parse_event(documented)

    assert texts(event.sources) == ["cos://macgzptest-125****654.ap-guangzhou/dianping2.mp4"]
    assert event.subtasks[0].files[0].bucket == "gztest-125****654"


def test_paths_are_as_they_came_and_keys_have_no_leading_slash():
    subtask = transcode({"OutputStorage": OUT, "Path": "//a/b.mp4"})

    assert subtask.paths == ("//a/b.mp4",)
    assert [file.key for file in subtask.files] == ["a/b.mp4"]


def test_a_path_that_is_a_url_stays_a_url(payload):
    (subtask,) = parse_event(payload("mps_workflow_smart_subtitles_success")).subtasks

    assert subtask.files == ()
    assert subtask.paths == ("https://bucket.cos.ap-guangzhou.myqcloud.com/subtitle-output/a.vtt",)


@pytest.mark.parametrize(
    "storage",
    [
        None,
        "x",
        {},
        {"Type": "COS", "CosOutputStorage": None},
        {"Type": "COS", "CosOutputStorage": {"Bucket": "b-1"}},
        {"Type": "COS", "CosOutputStorage": {"Bucket": 5, "Region": "ap-shanghai"}},
        {"Type": "COS", "CosOutputStorage": {"Bucket": "b-1", "Region": None}},
        {"Type": "COS", "CosOutputStorage": {"Bucket": "b-1", "Region": 5}},
        {"Type": "AWS-S3", "S3OutputStorage": {"S3Bucket": "b", "S3Region": "r"}},
        {"Type": "VOD", "VODOutputStorage": {"SubAppId": 1}},
    ],
)
def test_an_output_whose_place_in_cos_is_not_told_is_a_path_alone(storage):
    subtask = transcode({"OutputStorage": storage, "Path": "/a.mp4"})

    assert (subtask.files, subtask.paths) == ((), ("/a.mp4",))


@pytest.mark.parametrize("path", [None, "", 5, {}])
def test_what_is_no_path_is_no_file(path):
    subtask = transcode({"OutputStorage": OUT, "Path": path})

    assert (subtask.files, subtask.paths, list(find_locations(subtask))) == ((), (), [])


def test_a_path_without_a_name_is_no_file():
    assert transcode({"OutputStorage": OUT, "Path": "//"}).files == ()


@pytest.mark.parametrize(
    ("host", "query"),
    [
        ("out-1250000000.cos.ap-shanghai.myqcloud.com", ""),
        ("out-1250000000.cos.ap-shanghai.tencentcos.cn", "?q-sign-algorithm=sha1&q-ak=AKID"),
        ("out-1250000000.cos.accelerate.myqcloud.com", ""),
    ],
)
@pytest.mark.parametrize("name", ["Path", "SubtitlePath"])
def test_an_output_at_a_url_of_cos_is_that_object(host, query, name):
    output = {"OutputStorage": OUT, name: f"https://{host}/a/b%20c.vtt{query}"}
    task = {"Status": "SUCCESS", "Output": output}
    item = {"Type": "AsrFullTextRecognition", "AsrFullTextTask": task}
    payload = {"SmartSubtitlesTaskResult": [item]}
    event = parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": payload})
    (subtask,) = event.subtasks

    assert texts(subtask.files) == ["cos://out-1250000000.ap-shanghai/a/b c.vtt"]
    assert list(find_locations(subtask)) == [("out-1250000000", "a/b c.vtt")]
    assert find_unreachable_outputs(subtask) == []


def test_every_path_of_every_type_may_be_a_url_of_cos(payload):
    """Without a storage, too."""
    at = "https://out-1250000000.cos.ap-shanghai.myqcloud.com"
    item = {"SubtitlePath": f"{at}/a.vtt", "MindMapPath": f"{at}/a.png"}
    task = {"Status": "SUCCESS", "Output": {"DescriptionSet": [item]}}
    found = {"AiAnalysisResultSet": [{"Type": "Description", "DescriptionTask": task}]}
    (subtask,) = parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": found}).subtasks

    assert [file.key for file in subtask.files] == ["a.png", "a.vtt"]


@pytest.mark.parametrize(
    ("storage", "path", "reason"),
    [
        (OUT, "https://cdn.example.com/a.mp4?sign=secret", "URL"),
        (OUT, "https://out-1250000000.cos.ap-shanghai.myqcloud.com", "URL"),
        (OUT, "https://b-1250000000.cos.accelerate.myqcloud.com/a.mp4", "URL"),
        ({"Type": "AWS-S3"}, "/a.mp4", "AWS-S3"),
        ({"Type": "VOD"}, "/a.mp4", "VOD"),
        (None, "/a.mp4", "bucket"),
        (OUT, "//", "bucket"),
    ],
)
def test_an_unreachable_output_has_a_reason(storage, path, reason):
    (error,) = find_unreachable_outputs(transcode({"OutputStorage": storage, "Path": path}))

    assert reason in str(error)
    assert "secret" not in str(error)


def test_nothing_but_slashes_is_taken_off_a_path():
    subtask = transcode({"OutputStorage": OUT, "Path": "/X/X.mp4/"})

    assert subtask.files[0].key == "X/X.mp4/"
    assert list(find_locations(subtask)) == [("out-1250000000", "X/X.mp4/")]


def test_each_file_is_named_once():
    reel = {
        "Status": "SUCCESS",
        "Output": {
            "OutputStorage": OUT,
            "VideoPath": "/a.mp4",
            "VideoPaths": ["/a.mp4", "/b.mp4"],
            "ScriptPath": "/s.json",
        },
    }
    payload = {"AiAnalysisResultSet": [{"Type": "Reel", "ReelTask": reel}]}
    (subtask,) = parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": payload}).subtasks

    assert [file.key for file in subtask.files] == ["a.mp4", "b.mp4", "s.json"]
    assert subtask.paths == ("/a.mp4", "/b.mp4", "/s.json")


def test_pictures_in_lists_are_files_whatever_else_is_in_the_lists():
    output = {"Storage": OUT, "PicInfoSet": [{"Path": "/0.jpg"}, None, {}, "x", {"Path": "/2.jpg"}]}
    task = {"Status": "SUCCESS", "Output": output}
    item = {"Type": "SnapshotByTimeOffset", "SnapshotByTimeOffsetTask": task}
    payload = {"MediaProcessResultSet": [item]}
    (subtask,) = parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": payload}).subtasks
    assert [file.key for file in subtask.files] == ["0.jpg", "2.jpg"]

    output["PicInfoSet"] = {"Path": "/0.jpg"}
    assert subtask.files == ()


def test_an_edit_has_the_files_of_its_output(payload):
    event = parse_event(payload("synth_edit_media_success"))

    assert texts(event.files) == [
        f"cos://out-1250000000.ap-guangzhou{event.output.path}",
    ]
    assert [source.key for source in event.sources] == ["videos/demo.mp4"]


def test_the_results_of_a_batch_have_files():
    event = parse_event(sample("BatchTask"))
    (subtask,) = event.subtasks

    assert texts(event.sources) == ["cos://in-1250000000.ap-guangzhou/videos/demo.mp4"]
    assert texts(subtask.files)[0] == (
        "cos://out-1250000000.ap-guangzhou/videos/demo_BatchSmartSubtitles_10_Subtitle.vtt"
    )


def test_a_result_of_ai_recognition_may_tell_a_path_but_no_bucket():
    result = {"Status": "SUCCESS", "Output": {"SubtitlePath": "/a.vtt"}}
    payload = {
        "AiRecognitionResultSet": [{"Type": "TransTextRecognition", "TransTextTask": result}]
    }
    (subtask,) = parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": payload}).subtasks

    assert (subtask.files, subtask.paths) == ((), ("/a.vtt",))


@pytest.mark.parametrize(
    "source",
    [
        None,
        {"Type": "URL", "UrlInputInfo": {"Url": "https://x"}},
        {"CosInputInfo": {"Bucket": "b"}},
    ],
)
def test_a_source_that_is_not_in_cos_is_none(source):
    event = parse_event({"EventType": "WorkflowTask", "WorkflowTaskEvent": {"InputInfo": source}})

    assert event.sources == ()


class TestLocations:
    def test_a_results_locations_are_its_outputs(self):
        subtask = transcode({"OutputStorage": OUT, "Path": "/a.mp4"}, {"OutputObjectPath": "/b"})

        assert list(find_locations(subtask)) == [("out-1250000000", "a.mp4")]

    def test_a_failed_results_location_is_where_it_was_to_go(self):
        planned = {"OutputStorage": OUT, "OutputObjectPath": "/b/{number}"}

        assert list(find_locations(transcode(None, planned))) == [("out-1250000000", "b/{number}")]

    @pytest.mark.parametrize("planned", [None, "x", {}, {"OutputObjectPath": 5}])
    def test_a_result_may_have_no_location(self, planned):
        assert list(find_locations(transcode(None, planned))) == []

    def test_the_bucket_of_a_location_may_not_be_told(self):
        for storage in (None, {"CosOutputStorage": {"Bucket": None}}):
            subtask = transcode({"OutputStorage": storage, "Path": "/a.mp4"})
            assert list(find_locations(subtask)) == [("", "a.mp4")]

    def test_an_events_locations_are_those_of_its_results(self, documented):
        assert [key for _, key in find_locations(parse_event(documented))] == [
            "dasda/dianping2_transcode_10.mp4",
            "dasda/dianping2_animatedGraphic_20000",
            "dasda/dianping2_snapshotByOffset_10_0.jpg",
            "dasda/imageSprite/dianping2_imageSprite_10_0.jpg",
            "dasda/imageSprite/dianping2_imageSprite_10.vtt",
        ]


@given(st.text(min_size=1).filter(lambda key: key.lstrip("/")))
def test_any_key_of_a_cos_object_reads_back(key):
    file = CosObject("media-1250000000", "ap-guangzhou", key)

    assert file.key == key.lstrip("/")
    assert CosObject.parse(str(file)) == file


class TestCosObject:
    def test_its_text_form_reads_back(self):
        file = CosObject("media-1250000000", "ap-guangzhou", "/a/b c.mp4")

        assert str(file) == "cos://media-1250000000.ap-guangzhou/a/b c.mp4"
        assert CosObject.parse(str(file)) == file
        assert repr(file) == "CosObject.parse('cos://media-1250000000.ap-guangzhou/a/b c.mp4')"

    def test_dots_and_schemes_in_a_key_are_the_keys(self):
        file = CosObject.parse("cos://b-1.ap-guangzhou/a.b://c.d")

        assert (file.bucket, file.region, file.key) == ("b-1", "ap-guangzhou", "a.b://c.d")

    def test_equal_objects_are_one_in_a_set(self):
        one, same, other = (CosObject("b-1", "r", key) for key in ("/a", "a", "b"))

        assert {one, same, other} == {one, other}
        assert one != other
        assert one != "cos://b-1.r/a"
        assert hash(one) == hash(same)
        assert len({hash(CosObject("b-1", "r", str(key))) for key in range(9)}) > 1

    def test_it_cannot_be_changed(self):
        file = CosObject("b-1", "r", "a")

        with pytest.raises(AttributeError, match="immutable: cannot set key"):
            file.key = "b"
        with pytest.raises(AttributeError, match="immutable: cannot delete key"):
            del file.key

    def test_it_can_be_copied_and_pickled(self):
        file = CosObject("b-1", "r", "a")

        assert copy.deepcopy(file) == pickle.loads(pickle.dumps(file)) == file

    @pytest.mark.parametrize(
        ("parts", "missing"),
        [(("", "r", "k"), "bucket"), (("b", "", "k"), "region"), (("b", "r", "/"), "key")],
    )
    def test_every_part_is_needed(self, parts, missing):
        with pytest.raises(ValueError, match=f"a COS object needs a {missing}: bucket="):
            CosObject(*parts)

    @pytest.mark.parametrize(
        "text", ["", "a/b", "s3://b.r/k", "cos://b/k", "cos://.r/k", "cos://b.r", "cos://b.r/"]
    )
    def test_another_text_is_refused_with_an_example(self, text):
        with pytest.raises(
            ValueError, match=r"expected cos://bucket\.region/key, e\.g\. cos://media-"
        ):
            CosObject.parse(text)


def task(*infos, field="InputInfo"):
    value = {
        "InputInfo": lambda: infos[0] if infos else None,
        "InputInfos": lambda: list(infos),
        "Input": lambda: {"FileInfoSet": [{"InputInfo": info} for info in infos]},
    }[field]()
    kind = {"InputInfo": "WorkflowTask", "InputInfos": "BatchTask", "Input": "EditMediaTask"}[field]
    return parse_event({"EventType": kind, f"{kind}Event": {"TaskId": "t", field: value}})


def cos_input(key, bucket="media-1250000000"):
    place = {"Bucket": bucket, "Region": "ap-guangzhou", "Object": key}
    return {"Type": "COS", "CosInputInfo": place}


def url_input(url):
    return {"Type": "URL", "CosInputInfo": None, "UrlInputInfo": {"Url": url}}


S3 = {"S3Bucket": "b", "S3Region": "us-east-1", "S3Object": "/in/film.mp4", "S3SecretKey": "secret"}


@pytest.mark.parametrize(
    ("info", "address", "directory", "stem"),
    [
        (
            cos_input("/videos/a%20b.mp4"),
            "cos://media-1250000000.ap-guangzhou/videos/a%20b.mp4",
            "videos",
            "a%20b",
        ),
        (
            url_input("https://cdn.example.com/a/first%20film.mp4?sign=1#t=2"),
            "https://cdn.example.com/a/first%20film.mp4",
            "a",
            "first film",
        ),
        (
            url_input("HTTP://user:pw@cdn.example.com/film"),
            "http://cdn.example.com/film",
            "",
            "film",
        ),
        (url_input("https://cdn.example.com?id=1"), "https://cdn.example.com", "", ""),
        ({"Type": "AWS-S3", "S3InputInfo": S3}, "s3://b/in/film.mp4", "in", "film"),
        ({"Type": "VOD", "VODInputInfo": {"FileId": "5285890"}}, "vod://5285890", "", "5285890"),
        (
            {"Type": "VOD", "VODInputInfo": {"FileId": "1", "Object": "/in/.mp4"}},
            "vod://in/.mp4",
            "in",
            ".mp4",
        ),
        ({"UrlInputInfo": {"Url": "http://h/film.mp4"}}, "http://h/film.mp4", "", "film"),
    ],
)
def test_inputs_name_every_kind_of_source(info, address, directory, stem):
    (source,) = task(info).inputs

    assert (str(source), source.directory, source.stem) == (address, directory, stem)
    assert address in repr(source)


@pytest.mark.parametrize(
    "info",
    [
        {"Type": ["COS"]},
        {"Type": "COS", "CosInputInfo": {"Bucket": "b-1", "Region": "r"}},
        {"Type": "COS", "CosInputInfo": {"Bucket": "b-1", "Region": "r", "Object": 5}},
        {"Type": "COS", "CosInputInfo": {"Bucket": "", "Region": "r", "Object": "a"}},
        {"Type": "URL", "UrlInputInfo": {"Url": "ftp://h/a.mp4"}},
        {"Type": "URL", "UrlInputInfo": "http://h/a.mp4"},
        {"Type": "AWS-S3", "S3InputInfo": {"S3Object": "/"}},
        {"Type": "VOD", "VODInputInfo": {"SubAppId": 1}},
    ],
)
def test_inputs_are_empty_when_nothing_names_one(info):
    assert task(info).inputs == ()


@pytest.mark.parametrize("field", ["InputInfos", "Input"])
def test_inputs_hold_each_source_once(field):
    one, other = cos_input("a.mp4"), url_input("https://h/b.mp4")
    event = task(one, other, one, field=field)

    assert [source.name for source in event.inputs] == ["a.mp4", "b.mp4"]
    assert texts(event.sources) == ["cos://media-1250000000.ap-guangzhou/a.mp4"]


def test_a_url_of_cos_is_an_input_object_and_no_source():
    event = task(url_input("https://media-1250000000.cos.ap-guangzhou.tencentcos.cn/a.mp4"))

    assert str(event.inputs[0].object) == "cos://media-1250000000.ap-guangzhou/a.mp4"
    assert event.sources == ()


def test_a_cos_input_may_name_its_object_by_url():
    event = task(cos_input("https://media-1250000000.cos.accelerate.myqcloud.com/a%20b.mp4"))

    assert texts(event.sources) == ["cos://media-1250000000.ap-guangzhou/a b.mp4"]


@pytest.mark.parametrize(
    "url",
    [
        "https://media-1250000000.cos.ap-guangzhou.myqcloud.com/a/b%20c.mp4",
        "http://media-1250000000.cos.ap-guangzhou.myqcloud.com:80/a/b%20c.mp4?q-sign-algorithm=sha1",
        "https://MEDIA-1250000000.COS.ap-guangzhou.MYQCLOUD.com/a/b%20c.mp4#x",
        "https://media-1250000000.cos.ap-guangzhou.tencentcos.cn//a/b%20c.mp4",
        "https://media-1250000000.cos-internal.ap-guangzhou.tencentcos.cn/a/b c.mp4",
        "https://media-1250000000.cos-website.ap-guangzhou.myqcloud.com./a/b%20c.mp4",
        "https://media-1250000000.cos.accelerate.tencentcos.cn/a/b%20c.mp4",
        "https://media-1250000000.file.myqcloud.com/a/b%20c.mp4",
        "https://media-1250000000.pic.ap-guangzhou.myqcloud.com/a/b%20c.mp4",
        "https://cos.ap-guangzhou.myqcloud.com/media-1250000000/a/b%20c.mp4",
    ],
)
def test_a_url_of_any_cos_domain_is_its_object(url):
    found = CosObject.find_in_url(url, "media-1250000000", "ap-guangzhou")

    assert str(found) == "cos://media-1250000000.ap-guangzhou/a/b c.mp4"


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/a.mp4",
        "https://media-1250000000.cos.ap-guangzhou.myqcloud.com/",
        "https://media-1250000000.cos.ap-guangzhou.myqcloud.com.example.com/a.mp4",
        "https://media.cos.ap-guangzhou.myqcloud.com/a.mp4",
        "https://media-1250000000.cos.accelerate.myqcloud.com/a.mp4",
        "https://cos.ap-guangzhou.myqcloud.com/media-1250000000",
        "https://media-1250000000.file.myqcloud.com/a.mp4",
        "https://x.media-1250000000.cos.ap-guangzhou.myqcloud.com/a.mp4",
        "cos://media-1250000000.ap-guangzhou/a.mp4",
        "a.mp4",
    ],
)
def test_any_other_url_is_no_object(url):
    assert CosObject.find_in_url(url) is None
