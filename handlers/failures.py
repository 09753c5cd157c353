"""What MPS could not do: one ERROR line for each, to count and to raise alarms on."""

import logging

from scf_mps import Event, Router, Subtask

router = Router()


@router.on_failure(Subtask)
def report_result(result: Subtask, log: logging.Logger) -> None:
    """Log why a result is missing, and whether submitting it again may help."""
    _report(log, result.type, result)


@router.on_failure(Event, when=lambda event: event.error is not None)
def report_task(event: Event, log: logging.Logger) -> None:
    """Log why a whole task failed: a broken source file, an edit that could not be made."""
    _report(log, event.type, event)


def _report(log: logging.Logger, what: str, failed: Subtask | Event) -> None:
    error = failed.error
    assert error is not None, "on_failure gives failures alone"
    log.error(
        "%s failed: %s",
        what,
        error,
        extra={
            "err_code": error.code,
            "err_code_ext": error.name,
            "retryable": error.retryable,
            "definition": failed.definition if isinstance(failed, Subtask) else None,
        },
    )
