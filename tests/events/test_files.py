"""Files of results and input files of tasks, as COS objects, paths and locations."""

import copy
import pickle
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scf_mps import CosObject
from scf_mps.events.files import (
    find_locations,
    find_unreachable_outputs,
    find_urls,
    split_url,
)
from scf_mps.events.parser import parse_event
from scf_mps.local.samples import sample

from .support import body, media, parse_subtasks, parse_transcode, workflow

OUT = {"Type": "COS", "CosOutputStorage": {"Bucket": "out-1250000000", "Region": "ap-shanghai"}}
OUT_URL = "https://out-1250000000.cos.ap-shanghai.myqcloud.com"


def transcode(output=None, task_input=None):
    """Return the subtask of a Transcode result with this output and input."""
    return parse_transcode(body(Output=output, Input=task_input))


def texts(files):
    return [str(file) for file in files]


def keys(files):
    return [file.key for file in files]


def test_documented_results_have_their_files(documented):
    event = parse_event(documented)
    out = "cos://gztest-125****654.ap-guangzhou/dasda"
    assert [texts(subtask.files) for subtask in event.subtasks] == [
        [f"{out}/dianping2_transcode_10.mp4"],
        [],
        [f"{out}/dianping2_snapshotByOffset_10_0.jpg"],
        [
            f"{out}/imageSprite/dianping2_imageSprite_10_0.jpg",
            f"{out}/imageSprite/dianping2_imageSprite_10.vtt",
        ],
    ]
    assert len(event.files) == 4
    assert texts(event.sources) == ["cos://macgzptest-125****654.ap-guangzhou/dianping2.mp4"]


@pytest.mark.parametrize(
    ("path", "key"), [("//a/b.mp4", "a/b.mp4"), ("/X/X.mp4/", "X/X.mp4/"), ("X", "X"), ("//", None)]
)
def test_key_of_a_path_has_no_leading_slash(path, key):
    subtask = transcode({"OutputStorage": OUT, "Path": path})
    assert subtask.paths == (path,)
    assert keys(subtask.files) == ([key] if key else [])
    assert list(find_locations(subtask)) == [("out-1250000000", key or "")]


def test_url_of_an_unknown_bucket_is_a_path(payload):
    (subtask,) = parse_subtasks(payload("mps_workflow_smart_subtitles_success"))
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
def test_output_without_cos_storage_is_a_path(storage):
    subtask = transcode({"OutputStorage": storage, "Path": "/a.mp4"})
    assert (subtask.files, subtask.paths) == ((), ("/a.mp4",))


@pytest.mark.parametrize("path", [None, "", 5, {}])
def test_invalid_path_is_no_file(path):
    subtask = transcode({"OutputStorage": OUT, "Path": path})
    assert (subtask.files, subtask.paths, list(find_locations(subtask))) == ((), (), [])


@pytest.mark.parametrize(
    ("host", "query"),
    [
        ("out-1250000000.cos.ap-shanghai.myqcloud.com", ""),
        ("out-1250000000.cos.ap-shanghai.tencentcos.cn", "?q-sign-algorithm=sha1&q-ak=AKID"),
        ("out-1250000000.cos.accelerate.myqcloud.com", ""),
    ],
)
@pytest.mark.parametrize("name", ["Path", "SubtitlePath"])
def test_output_url_of_cos_is_an_object(host, query, name):
    output = {"OutputStorage": OUT, name: f"https://{host}/a/b%20c.vtt{query}"}
    item = {"Type": "AsrFullTextRecognition", "AsrFullTextTask": body(Output=output)}
    (subtask,) = parse_subtasks(workflow(SmartSubtitlesTaskResult=[item]))
    assert texts(subtask.files) == ["cos://out-1250000000.ap-shanghai/a/b c.vtt"]
    assert list(find_locations(subtask)) == [("out-1250000000", "a/b c.vtt")]
    assert find_unreachable_outputs(subtask) == []


def test_output_url_of_cos_needs_no_storage():
    description = {"SubtitlePath": f"{OUT_URL}/a.vtt", "MindMapPath": f"{OUT_URL}/a.png"}
    result = body(Output={"DescriptionSet": [description]})
    (subtask,) = parse_subtasks(
        workflow(AiAnalysisResultSet=[{"Type": "Description", "DescriptionTask": result}])
    )
    assert keys(subtask.files) == ["a.png", "a.vtt"]


@pytest.mark.parametrize(
    ("storage", "path", "reason"),
    [
        (OUT, "https://cdn.example.com/a.mp4?sign=secret", "https://cdn.example.com/a.mp4 is "),
        (OUT, OUT_URL, f"{OUT_URL} is not the URL of a COS object"),
        (OUT, "https://b-1250000000.cos.accelerate.myqcloud.com/a.mp4", "URL"),
        ({"Type": "AWS-S3"}, "/a.mp4", "AWS-S3"),
        ({"Type": "VOD"}, "/a.mp4", "VOD"),
        (None, "/a.mp4", "bucket"),
        ({"Type": ""}, "/a.mp4", "bucket"),
        (OUT, "//", "bucket"),
    ],
)
def test_unreachable_output_has_a_reason(storage, path, reason):
    (error,) = find_unreachable_outputs(transcode({"OutputStorage": storage, "Path": path}))
    assert reason in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("path", "urls"),
    [
        ("https://cdn.example.com/a.mp4?sign=x", ["https://cdn.example.com/a.mp4?sign=x"]),
        ("/a.mp4", []),
        (f"{OUT_URL}/a.mp4", []),
    ],
)
def test_urls_are_outputs_of_no_cos_object(path, urls):
    assert find_urls(transcode({"OutputStorage": {"Type": "AWS-S3"}, "Path": path})) == urls


def test_files_and_paths_have_no_repeats():
    output = {
        "OutputStorage": OUT,
        "VideoPath": "/a.mp4",
        "VideoPaths": ["/a.mp4", "/b.mp4"],
        "ScriptPath": "/s.json",
    }
    item = {"Type": "Reel", "ReelTask": body(Output=output)}
    (subtask,) = parse_subtasks(workflow(AiAnalysisResultSet=[item]))
    assert keys(subtask.files) == ["a.mp4", "b.mp4", "s.json"]
    assert subtask.paths == ("/a.mp4", "/b.mp4", "/s.json")


def test_pictures_are_files_despite_invalid_items():
    output = {"Storage": OUT, "PicInfoSet": [{"Path": "/0.jpg"}, None, {}, "x", {"Path": "/2.jpg"}]}
    result = body(Output=output)
    item = {"Type": "SnapshotByTimeOffset", "SnapshotByTimeOffsetTask": result}
    (subtask,) = parse_subtasks(media(item))
    assert keys(subtask.files) == ["0.jpg", "2.jpg"]

    output["PicInfoSet"] = {"Path": "/0.jpg"}
    assert subtask.files == ()


def test_edit_has_files_and_sources(payload):
    event = parse_event(payload("synth_edit_media_success"))
    assert texts(event.files) == [f"cos://out-1250000000.ap-guangzhou{event.output.path}"]
    assert keys(event.sources) == ["videos/demo.mp4"]


def test_batch_has_files_and_sources():
    event = parse_event(sample("BatchTask"))
    (subtask,) = event.subtasks
    assert texts(event.sources) == ["cos://in-1250000000.ap-guangzhou/videos/demo.mp4"]
    assert texts(subtask.files)[0] == (
        "cos://out-1250000000.ap-guangzhou/videos/demo_BatchSmartSubtitles_10_Subtitle.vtt"
    )


def test_recognition_output_without_storage_is_a_path():
    result = body(Output={"SubtitlePath": "/a.vtt"})
    item = {"Type": "TransTextRecognition", "TransTextTask": result}
    (subtask,) = parse_subtasks(workflow(AiRecognitionResultSet=[item]))
    assert (subtask.files, subtask.paths) == ((), ("/a.vtt",))


@pytest.mark.parametrize(
    "source",
    [
        None,
        {"Type": "URL", "UrlInputInfo": {"Url": "https://x"}},
        {"CosInputInfo": {"Bucket": "b"}},
    ],
)
def test_source_outside_cos_is_skipped(source):
    assert parse_event(workflow(InputInfo=source)).sources == ()


# Locations.


@pytest.mark.parametrize(
    ("output", "task_input", "locations"),
    [
        (
            {"OutputStorage": OUT, "Path": "/a.mp4"},
            {"OutputObjectPath": "/b"},
            [("out-1250000000", "a.mp4")],
        ),
        (
            None,
            {"OutputStorage": OUT, "OutputObjectPath": "/b/{number}"},
            [("out-1250000000", "b/{number}")],
        ),
        *((None, none, []) for none in (None, "x", {}, {"OutputObjectPath": 5})),
        ({"OutputStorage": None, "Path": "//X/a.mp4"}, None, [("", "X/a.mp4")]),
        (
            {"OutputStorage": {"CosOutputStorage": {"Bucket": None}}, "Path": "/a.mp4"},
            None,
            [("", "a.mp4")],
        ),
    ],
)
def test_locations_are_outputs_or_the_planned_location(output, task_input, locations):
    assert list(find_locations(transcode(output, task_input))) == locations


def test_locations_of_event_are_those_of_results(documented):
    assert [key for _, key in find_locations(parse_event(documented))] == [
        "dasda/dianping2_transcode_10.mp4",
        "dasda/dianping2_animatedGraphic_20000",
        "dasda/dianping2_snapshotByOffset_10_0.jpg",
        "dasda/imageSprite/dianping2_imageSprite_10_0.jpg",
        "dasda/imageSprite/dianping2_imageSprite_10.vtt",
    ]


# COS objects.


@given(st.text(min_size=1).filter(lambda key: key.lstrip("/")))
def test_any_cos_object_can_be_parsed_again(key):
    file = CosObject("media-1250000000", "ap-guangzhou", key)
    assert file.key == key.lstrip("/")
    assert CosObject.parse(str(file)) == file


def test_cos_object_has_a_text_form():
    file = CosObject("media-1250000000", "ap-guangzhou", "/a/b c.mp4")
    assert str(file) == "cos://media-1250000000.ap-guangzhou/a/b c.mp4"
    assert repr(file) == "CosObject.parse('cos://media-1250000000.ap-guangzhou/a/b c.mp4')"


def test_parse_keeps_dots_and_schemes_in_keys():
    file = CosObject.parse("cos://b-1.ap-guangzhou/a.b://c.d")
    assert (file.bucket, file.region, file.key) == ("b-1", "ap-guangzhou", "a.b://c.d")


def test_equal_cos_objects_have_equal_hashes():
    first, same, other = (CosObject("b-1", "r", key) for key in ("/a", "a", "b"))
    assert {first, same, other} == {first, other}
    assert first != other
    assert first != "cos://b-1.r/a"
    assert hash(first) == hash(same)
    assert len({hash(CosObject("b-1", "r", str(key))) for key in range(9)}) > 1


def test_cos_object_is_immutable():
    file = CosObject("b-1", "r", "a")
    with pytest.raises(AttributeError, match="set key"):
        file.key = "b"
    with pytest.raises(AttributeError, match="delete key"):
        del file.key


def test_cos_object_can_be_copied_and_pickled():
    file = CosObject("b-1", "r", "a")
    assert copy.deepcopy(file) == pickle.loads(pickle.dumps(file)) == file


@pytest.mark.parametrize(
    ("parts", "missing"),
    [(("", "r", "k"), "bucket"), (("b", "", "k"), "region"), (("b", "r", "/"), "key")],
)
def test_cos_object_needs_every_part(parts, missing):
    with pytest.raises(ValueError, match=f"missing {missing}"):
        CosObject(*parts)


@pytest.mark.parametrize(
    "text", ["", "a/b", "s3://b.r/k", "cos://b/k", "cos://.r/k", "cos://b.r", "cos://b.r/"]
)
def test_parse_rejects_other_texts(text):
    with pytest.raises(ValueError, match="media-1250000000"):
        CosObject.parse(text)


# Inputs.


def parse_task(*infos, field="InputInfo"):
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
def test_inputs_include_every_kind_of_source(info, address, directory, stem):
    (source,) = parse_task(info).inputs

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
def test_inputs_are_empty_without_an_address(info):
    assert parse_task(info).inputs == ()


@pytest.mark.parametrize("field", ["InputInfos", "Input"])
def test_inputs_have_no_repeats(field):
    first, second = cos_input("a.mp4"), url_input("https://h/b.mp4")
    event = parse_task(first, second, first, field=field)

    assert [source.name for source in event.inputs] == ["a.mp4", "b.mp4"]
    assert texts(event.sources) == ["cos://media-1250000000.ap-guangzhou/a.mp4"]


def test_input_url_of_cos_is_no_source():
    event = parse_task(url_input("https://media-1250000000.cos.ap-guangzhou.tencentcos.cn/a.mp4"))

    assert str(event.inputs[0].object) == "cos://media-1250000000.ap-guangzhou/a.mp4"
    assert event.sources == ()


def test_cos_input_may_contain_a_url():
    event = parse_task(cos_input("https://media-1250000000.cos.accelerate.myqcloud.com/a%20b.mp4"))

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
def test_url_of_any_cos_domain_is_an_object(url):
    item = CosObject.find_in_url(url, "media-1250000000", "ap-guangzhou")

    assert str(item) == "cos://media-1250000000.ap-guangzhou/a/b c.mp4"


@pytest.mark.parametrize("key", ["X", "a/", "X/a/", "a b://c"])
def test_key_of_a_url_is_its_decoded_path(key):
    url = f"https://media-1250000000.cos.ap-guangzhou.myqcloud.com/{quote(key)}?next=https://x/"
    assert CosObject.find_in_url(url).key == key


def test_url_without_region_is_no_object():
    url = "https://media-1250000000.cos.accelerate.myqcloud.com/a.mp4"
    assert CosObject.find_in_url(url, "media-1250000000") is None


@pytest.mark.parametrize("text", ["ftp://h/a", "h/a", "://h/a", ""])
def test_other_texts_have_no_parts_of_a_url(text):
    assert split_url(text) == ("", "", "")


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/a.mp4",
        "https://media-1250000000.cos.ap-guangzhou.myqcloud.com",
        "https://media-1250000000.cos.ap-guangzhou.myqcloud.com//",
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
def test_url_of_another_domain_is_no_object(url):
    assert CosObject.find_in_url(url) is None
