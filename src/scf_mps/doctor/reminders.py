"""What no check can see, and what is easily forgotten: told every time, as it depends on nothing that is here."""

from __future__ import annotations

REMINDERS = (
    "Tasks that are submitted by the API reach an MPS trigger only with TaskNotifyConfig.NotifyType SCF, as far as is "
    "known: MPS's pages do not say it plainly, and mark it as not recommended. Those of the console's workflows do.",
    "The account has one MPS trigger for all regions and workflows (page 583/39163): the function gets the events of "
    "all, and filters choose. Whether WorkflowTask and EditMediaTask may have one each, Tencent's pages differ.",
    "SCF_QcsRole and MPS_QcsRole must have been authorised, once, in the consoles of SCF and MPS (page 583/39166); for "
    "`components deploy` SLS_QcsRole needs QcloudMPSFullAccess.",
    "What the function's role may do on a bucket is known to COS alone: put a sample through the deployed function with "
    "`scf-mps invoke --remote`.",
    "SCF's clock is UTC (page 583/32748): set TZ, e.g. Asia/Shanghai, if callbacks write local times.",
)
