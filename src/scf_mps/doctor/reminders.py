"""Facts that no check can verify. `scf-mps doctor` prints them every time."""

from __future__ import annotations

REMINDERS = (
    "Tasks submitted through the API probably reach an MPS trigger only with TaskNotifyConfig.NotifyType SCF. MPS's "
    "pages do not state it clearly and mark it as not recommended. Tasks of the console's workflows reach it.",
    "The account has one MPS trigger for all regions and workflows (page 583/39163): the function receives all events, "
    "and filters select. Tencent's pages disagree whether WorkflowTask and EditMediaTask can have one each.",
    "SCF_QcsRole and MPS_QcsRole must be authorised once in the consoles of SCF and MPS (page 583/39166). "
    "`components deploy` also needs SLS_QcsRole with QcloudMPSFullAccess.",
    "Only COS knows the permissions of the function's role on a bucket. Run a sample through the deployed function "
    "with `scf-mps invoke --remote`.",
    "SCF's clock is UTC (page 583/32748). Set TZ, e.g. Asia/Shanghai, if callbacks write local times.",
)
