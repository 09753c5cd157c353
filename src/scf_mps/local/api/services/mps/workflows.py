"""MPS's actions for workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scf_mps.local.mps.service import TaskService

from ...errors import ApiError
from ...service import Call, Service, action

_STATUSES = ("Enabled", "Disabled")


class MpsWorkflows(Service):
    """The actions that manage workflows."""

    tasks: TaskService

    @action("CreateWorkflow")
    def create_workflow(self, call: Call) -> Mapping[str, Any]:
        """Create a disabled workflow."""
        return {"WorkflowId": self.tasks.workflows.create(call.parameters)}

    @action("ResetWorkflow")
    def reset_workflow(self, call: Call) -> Mapping[str, Any]:
        """Replace a disabled workflow."""
        self.tasks.workflows.reset(_read_id(call), call.parameters)
        return {}

    @action("EnableWorkflow")
    def enable_workflow(self, call: Call) -> Mapping[str, Any]:
        """Let new objects trigger a workflow."""
        self.tasks.workflows.set_status(_read_id(call), "Enabled")
        return {}

    @action("DisableWorkflow")
    def disable_workflow(self, call: Call) -> Mapping[str, Any]:
        """Stop a workflow's trigger."""
        self.tasks.workflows.set_status(_read_id(call), "Disabled")
        return {}

    @action("DeleteWorkflow")
    def delete_workflow(self, call: Call) -> Mapping[str, Any]:
        """Delete a disabled workflow."""
        self.tasks.workflows.delete(_read_id(call))
        return {}

    @action("DescribeWorkflows")
    def describe_workflows(self, call: Call) -> Mapping[str, Any]:
        """Return a page of the workflows."""
        status = call.text("Status", "")
        if status and status not in _STATUSES:
            raise ApiError("InvalidParameterValue", f"Status is one of {', '.join(_STATUSES)}.")
        offset, limit = call.integer("Offset", 0), call.integer("Limit", 10)
        if not 1 <= limit <= 100:
            raise ApiError("InvalidParameterValue.Limit", "Limit is from 1 to 100.")
        ids = call.parameters.get("WorkflowIds")
        workflows = [
            workflow
            for workflow in self.tasks.workflows.list_workflows()
            if (not ids or workflow["WorkflowId"] in ids) and status in ("", workflow["Status"])
        ]
        return {"TotalCount": len(workflows), "WorkflowInfoSet": workflows[offset : offset + limit]}


def _read_id(call: Call) -> int:
    """Return the WorkflowId of a call. Raises ApiError."""
    if "WorkflowId" not in call.parameters:
        raise ApiError("MissingParameter", "The request has no WorkflowId.")
    return call.integer("WorkflowId", 0)
