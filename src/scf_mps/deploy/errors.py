"""What goes wrong between the desk and the cloud: one exception that says where, by which code, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from scf_mps.tencent.client import NO_RESPONSE_CODES, ApiError, is_read_action

FUNCTION_MISSING_CODES = ("ResourceNotFound.Function", "ResourceNotFound.FunctionName")
"""Codes for a function that is not there."""


class DeployError(Exception):
    """A deployment cannot begin, or was refused on its way.

    Attributes:
        problems: a sentence for each thing that is wrong.
        action: of the API, e.g. ``CreateFunction``; empty if none was asked.
        code: the API's error code, or the SDK's, e.g. ``ClientNetworkError``.
        request_id: for Tencent's support.
    """

    def __init__(
        self, *problems: str, action: str = "", code: str = "", request_id: str = ""
    ) -> None:
        super().__init__("\n".join(problems))
        self.problems: Sequence[str] = problems
        self.action = action
        self.code = code
        self.request_id = request_id


def make_api_error(product: str, action: str, error: ApiError) -> DeployError:
    """Return the error for an API error or a missing response, with advice if there is some."""
    code = error.code
    suffix = f" [request {error.request_id}]" if error.request_id else ""
    if code not in NO_RESPONSE_CODES:
        told = f"{action} was refused with {code}: {error.message}{suffix}"
        advice = _advice(product, action, code)
    else:
        told = f"{action} got no valid response ({code}): {error.message}{suffix}"
        if is_read_action(action):
            advice = f"the network or the service is unreachable. {action} only reads: nothing was changed by it"
        elif action == "Invoke":
            advice = "the outcome is unknown: the function may have handled the event. `scf-mps logs` shows its runs"
        else:
            advice = "the outcome is unknown. Rerunning is safe: completed steps are not repeated"
    return DeployError(
        f"{told}\n{advice}" if advice else told,
        action=action,
        code=code,
        request_id=error.request_id,
    )


def _advice(product: str, action: str, code: str) -> str:
    """What to do about an error code; empty where nobody knows."""
    if code.startswith(("UnauthorizedOperation", "AuthFailure.UnauthorizedOperation")):
        passed = " and, for the function's role, cam:PassRole" if action in _WITH_ROLE else ""
        return f"allow the key's user {product}:{action}{passed} in CAM; docs/deployment.md has a policy"
    return next((what for prefix, what in _ADVICE.items() if code.startswith(prefix)), "")


_WITH_ROLE = ("CreateFunction", "UpdateFunctionConfiguration")
_ADVICE = {
    "AuthFailure.SecretIdNotFound": "the key is not known: look at TENCENTCLOUD_SECRET_ID",
    "AuthFailure.SignatureFailure": "look at TENCENTCLOUD_SECRET_KEY: it is not the one of this SecretId",
    "AuthFailure.SignatureExpire": "set this machine's clock: it is more than five minutes off",
    "AuthFailure.TokenFailure": "the temporary key is over: get another one, with its TENCENTCLOUD_TOKEN",
    "ResourceNotFound.Role": "make the role in CAM, for SCF as its trusted product, or change `role` in serverless.yml",
    "InvalidParameter.RoleCheck": "the role must have SCF as its trusted product: look at it in CAM",
    "FailedOperation.QcsRoleNotFound": "open the SCF console once and authorise SCF_QcsRole",
    "FailedOperation.CallRoleFailed": "authorise SCF_QcsRole in the SCF console, MPS_QcsRole in the MPS console",
    "FailedOperation.UnOpenedService": "open the SCF console once: the account has not activated SCF",
    "FailedOperation.InvalidMpsUser": "open the MPS console once: the account has not activated MPS",
    "ResourceNotFound.UserUnregister": "open the MPS console once: the account has not activated MPS",
    "ResourceNotFound.Namespace": "make the namespace in the SCF console, or change `namespace` in serverless.yml",
    "ResourceNotFound.Function": "there is no such function here: `scf-mps deploy` makes it",
    "ResourceNotFound.CosObject": "SCF could not read the code from COS: the bucket must be the account's own",
    "RequestSizeLimitExceeded": "send the code by COS: --code-bucket BUCKET-APPID.REGION",
    "InvalidParameterValue.ZipFile": "send the code by COS: --code-bucket BUCKET-APPID.REGION",
    "RequestLimitExceeded": "wait a little, and repeat the command",
}
"""Beginnings of codes (product pages 583/35311 and 213/30435, the SDKs' errorcodes) to what to do."""
