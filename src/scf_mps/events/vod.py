"""Notifications of VOD (product 266), Tencent's other video product. They resemble those of MPS."""

from __future__ import annotations

VOD_EVENT_TYPES = frozenset(
    {
        "NewFileUpload",
        "ProcedureStateChanged",
        "FileDeleted",
        "RestoreMediaComplete",
        "PullComplete",
        "EditMediaComplete",
        "SplitMediaComplete",
        "ComposeMediaComplete",
        "WechatPublishComplete",
        "WechatMiniProgramPublishComplete",
        "RemoveWatermark",
        "RebuildMediaComplete",
        "ReviewAudioVideoComplete",
        "ExtractTraceWatermarkComplete",
        "ExtractCopyRightWatermarkComplete",
        "DescribeFileAttributesComplete",
        "QualityInspectComplete",
        "QualityEnhanceComplete",
        "MediaCastStatusChanged",
        "PersistenceComplete",
        "ComplexAdaptiveDynamicStreamingComplete",
        "ProcessMediaByMPSComplete",
        "AigcImageTaskComplete",
        "AigcVideoTaskComplete",
        "AigcHunyuan3DTaskComplete",
        "DescribeAigcFaceInfoAsyncComplete",
        "TranscodeComplete",
        "ConcatComplete",
        "ClipComplete",
        "CreateImageSpriteComplete",
        "CreateSnapshotByTimeOffsetComplete",
    }
)
"""The event types of VOD: the fields of ``EventContent``, a model of tencentcloud-sdk-python-vod 3.1.194."""


def describe_vod_event(type_: str) -> str:
    """Return a text that a notification is of VOD, with the ways to handle it."""
    return (
        f"{type_} is a notification of VOD (product 266), not of MPS, and its outputs are not in COS. Handle it with "
        f"the VOD SDK (PullEvents), or raw in a callback registered by name: on({type_!r})"
    )
