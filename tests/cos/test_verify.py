"""Verification of the files of a result."""

import hashlib

import pytest

from scf_mps.cos import NotFound, SomeFailed

from .support import at, build_transcode, catch_only_error, upload_hls


def test_verify_compares_with_event(cos):
    data = b"a film"
    cos.upload(data, at("out/a.mp4"))
    right = {"Size": len(data), "Md5": hashlib.md5(data).hexdigest()}
    progress = []
    heads = cos.verify(build_transcode(**right), content=True, progress=progress.append)
    assert [head.size for head in heads] == [len(data)]
    assert progress[-1].done == 1
    assert len(cos.verify(build_transcode(Size=0, Md5="?"))) == 1
    assert len(cos.verify([at("out/a.mp4")])) == 1
    for wrong in ({"Size": 5}, {"Md5": "0" * 32}):
        error = catch_only_error(cos.verify, build_transcode(**{**right, **wrong}))
        assert error.code == "ChecksumDiffers"
    cos.delete(at("out/a.mp4"))
    assert isinstance(catch_only_error(cos.verify, build_transcode()), NotFound)


def test_verify_of_hls_output_checks_every_file(cos):
    master = upload_hls(cos, segments=4)
    event = build_transcode("/" + master.key, Size=1, Md5="0" * 32)
    assert len(cos.verify(event)) == 8
    cos.delete(at("vod/show/low/seg-00001.ts"))
    with pytest.raises(SomeFailed) as raised:
        cos.verify(event)
    assert raised.value.objects == [at("vod/show/low/seg-00001.ts")]
    assert raised.value.done == 7
