"""The timeout of an invocation in this process."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scf_mps.local.frames import describe_frames, find_user_frames
from scf_mps.local.scf.statuses import TIME_LIMIT_REACHED, build_failure

from .output import out, print_error, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def time_limit(seconds: int, request_id: str = "") -> Iterator[None]:
    """Kill this process with exit code 1 if the block takes longer. Like in SCF there is no cleanup and no summary.

    Args:
        seconds: the timeout in seconds.
        request_id: if set, print SCF's JSON response with this id.
    """
    main = threading.get_ident()
    outer = traceback.extract_stack()

    def kill() -> None:  # pragma: no cover - tests run it in a subprocess
        frames = traceback.extract_stack(sys._current_frames()[main])
        stack = "".join(traceback.format_list(frames[len(outer) :]))
        print_error(
            f"killed after the timeout of {seconds} s. SCF would end the process (status"
            f" {TIME_LIMIT_REACHED}) and retry the event. Stack:"
        )
        print_error(describe_frames(find_user_frames(stack)), "")
        if request_id:
            message = f"Invoking task timed out after {seconds} seconds"
            print_json(build_failure(TIME_LIMIT_REACHED, message, request_id))
        for stream in (out.file, sys.stderr):
            stream.flush()
        os._exit(1)

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
