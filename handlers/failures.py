"""An ERROR line for each failed result and task, for metrics and alarms."""

import logging

from scf_mps import Event, Router, Subtask

router = Router()


@router.on_failure(Subtask)
def report_result(result: Subtask, log: logging.Logger) -> None:
    """Log the error of a result, and whether submitting the task again may help."""
    _report(log, result)


@router.on_failure(Event, when=lambda event: event.error is not None)
def report_task(event: Event, log: logging.Logger) -> None:
    """Log the error of a whole task, e.g. a broken source file or a failed edit."""
    _report(log, event)


def _report(log: logging.Logger, failure: Subtask | Event) -> None:
    error = failure.error
    assert error is not None, "on_failure receives failures only"
    log.error(
        "%s failed: %s",
        failure.type,
        error,
        extra={
            "err_code": error.code,
            "err_code_ext": error.name,
            "retryable": error.retryable,
            "definition": failure.definition if isinstance(failure, Subtask) else None,
        },
    )
