"""The error of a deployment, with the code of the API and advice."""

from __future__ import annotations

from scf_mps.build.errors import Problem, ProblemsError
from scf_mps.tencent.client import NO_RESPONSE_CODES, ApiError, is_read_action

FUNCTION_MISSING_CODES = ("ResourceNotFound.Function", "ResourceNotFound.FunctionName")
"""Codes of the API for a missing function."""


class DeployError(ProblemsError):
    """A deployment cannot start, or a step of it failed.

    Attributes:
        problems: at least one.
        action: of the API, e.g. ``CreateFunction``. Empty if no request was sent.
        code: the error code of the API or the SDK, e.g. ``ClientNetworkError``. Empty if no request was sent.
        request_id: for Tencent's support.
    """

    def __init__(
        self, *problems: Problem, action: str = "", code: str = "", request_id: str = ""
    ) -> None:
        super().__init__(*problems)
        self.action = action
        self.code = code
        self.request_id = request_id

    def extend(self, *problems: Problem) -> DeployError:
        """Return the same error with further problems."""
        return DeployError(
            *self.problems,
            *problems,
            action=self.action,
            code=self.code,
            request_id=self.request_id,
        )


def make_api_error(product: str, action: str, error: ApiError) -> DeployError:
    """Return the error for an API error or a missing response, with advice if there is some."""
    code = error.code
    request = f" [request {error.request_id}]" if error.request_id else ""
    if code in NO_RESPONSE_CODES:
        text = f"{action} got no valid response ({code}): {error.message}{request}"
        advice = _advise_on_network(action)
    else:
        text = f"{action} was refused with {code}: {error.message}{request}"
        advice = _advise(product, action, code)
    problem = Problem("api_error", "", text, advice)
    return DeployError(problem, action=action, code=code, request_id=error.request_id)


def _advise_on_network(action: str) -> str:
    if is_read_action(action):
        return f"The network or the service is unreachable. {action} only reads: it changed nothing"
    if action == "Invoke":
        return "The outcome is unknown: the function may have handled the event. `scf-mps logs` shows its runs"
    return "The outcome is unknown. Rerunning is safe: completed steps are not repeated"


def _advise(product: str, action: str, code: str) -> str:
    """Return advice for an error code, or an empty string."""
    if code.startswith(("UnauthorizedOperation", "AuthFailure.UnauthorizedOperation")):
        role = " and, for the function's role, cam:PassRole" if action in _ACTIONS_WITH_ROLE else ""
        return (
            f"Allow the key's user {product}:{action}{role} in CAM. docs/deployment.md has a policy"
        )
    return next((text for prefix, text in _ADVICE.items() if code.startswith(prefix)), "")


_ACTIONS_WITH_ROLE = ("CreateFunction", "UpdateFunctionConfiguration")
_ADVICE = {
    "AuthFailure.SecretIdNotFound": "Check TENCENTCLOUD_SECRET_ID: the key does not exist",
    "AuthFailure.SignatureFailure": "Check TENCENTCLOUD_SECRET_KEY: it does not belong to this SecretId",
    "AuthFailure.SignatureExpire": "Set this machine's clock: it is more than five minutes off",
    "AuthFailure.TokenFailure": "The temporary key has expired: get a new one, with its TENCENTCLOUD_TOKEN",
    "ResourceNotFound.Role": "Create the role in CAM with SCF as its trusted product, or change `role` in serverless.yml",
    "InvalidParameter.RoleCheck": "Check the role in CAM: it must have SCF as its trusted product",
    "FailedOperation.QcsRoleNotFound": "Open the SCF console once and authorise SCF_QcsRole",
    "FailedOperation.CallRoleFailed": "Authorise SCF_QcsRole in the SCF console and MPS_QcsRole in the MPS console",
    "FailedOperation.UnOpenedService": "Open the SCF console once: the account has not activated SCF",
    "FailedOperation.InvalidMpsUser": "Open the MPS console once: the account has not activated MPS",
    "ResourceNotFound.UserUnregister": "Open the MPS console once: the account has not activated MPS",
    "ResourceNotFound.Namespace": "Create the namespace in the SCF console, or change `namespace` in serverless.yml",
    "ResourceNotFound.Function": "The function does not exist: `scf-mps deploy` creates it",
    "ResourceNotFound.CosObject": "SCF could not read the code from COS: the bucket must belong to the account",
    "OperationDenied.AccountNotExists": "Open the CLS console once: the account has not activated CLS",
    "OperationDenied.AccountIsolate": "Pay the account's bill: CLS is suspended",
    "LimitExceeded.Topic": "Delete a topic in the CLS console, or write one as `cls.topicId` in serverless.yml",
    "LimitExceeded.Logset": "Delete a logset in the CLS console, or write a topic as `cls.topicId` in serverless.yml",
    "RequestSizeLimitExceeded": "Send the code through COS: --code-bucket BUCKET-APPID.REGION",
    "InvalidParameterValue.ZipFile": "Send the code through COS: --code-bucket BUCKET-APPID.REGION",
    "RequestLimitExceeded": "Wait a moment, then rerun the command",
}
"""Advice by prefix of an error code (product pages 583/35311, 213/30435 and 614/56474, and the SDKs' errorcodes)."""
