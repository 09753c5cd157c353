"""Media engine: probing, transcoding, streams and pictures in a separate process, by PyAV.

    with Engine() as engine:
        engine.run("in.mp4", [{"kind": "transcode", "container": "mp4", "video": {"codec": "h264", "height": 360},
            "audio": {"codec": "aac"}}], "scratch", on_result=print)

`client` starts the process, `service` is its request loop, `jobs` has the table of kinds.
"""

from .client import Engine
from .results import EngineCancelled, EngineError, JobResult, MediaFile

__all__ = ["Engine", "EngineCancelled", "EngineError", "JobResult", "MediaFile"]
