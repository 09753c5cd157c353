"""Base of the emulated products: `Service`, the `action` decorator and the `Call` that actions get."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from .errors import ApiError
from .wire import MAX_BODY_BYTES

REGIONS = frozenset(
    [
        "ap-bangkok",
        "ap-beijing",
        "ap-chengdu",
        "ap-chongqing",
        "ap-guangzhou",
        "ap-hongkong",
        "ap-jakarta",
        "ap-mumbai",
        "ap-nanjing",
        "ap-seoul",
        "ap-shanghai",
        "ap-shanghai-fsi",
        "ap-shenzhen-fsi",
        "ap-singapore",
        "ap-tokyo",
        "eu-frankfurt",
        "na-ashburn",
        "na-siliconvalley",
        "sa-saopaulo",
    ]
)
"""Default regions of a service."""

_Method = TypeVar("_Method", bound=Callable[..., Mapping[str, Any]])


@dataclass(frozen=True, slots=True)
class Call:
    """One request with a valid signature."""

    service: str
    version: str
    action: str
    region: str
    """Empty if the client named none."""
    parameters: Mapping[str, Any]
    secret_id: str
    request_id: str

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string parameter.

        Raises:
            ApiError: MissingParameter without a `default`, InvalidParameter for another type.
        """
        value = self.parameters.get(name)
        if value is None or value == "":
            if default is None:
                raise ApiError("MissingParameter", f"The request has no {name}.")
            return default
        if not isinstance(value, str):
            raise ApiError("InvalidParameter", f"{name} is not a string.")
        return value

    def integer(self, name: str, default: int) -> int:
        """Return an integer parameter, which official examples and every GET send as a string.

        Raises:
            ApiError: InvalidParameter for another type.
        """
        value = self.parameters.get(name, default)
        if value is None:
            return default
        if isinstance(value, str):
            try:
                value = int(value)
            except ValueError:
                value = None
        if not isinstance(value, int) or isinstance(value, bool):
            raise ApiError("InvalidParameter", f"{name} is not an integer.")
        return value

    def boolean(self, name: str) -> bool | None:
        """Return a boolean parameter, or None if it is missing.

        Raises:
            ApiError: InvalidParameter for another type.
        """
        value = self.parameters.get(name)
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        if value is not None and not isinstance(value, bool):
            raise ApiError("InvalidParameter", f"{name} is not true or false.")
        return value


def action(name: str) -> Callable[[_Method], _Method]:
    """Mark a method as the action of this name. It takes a `Call` and returns the fields of the response.

    Each call runs in a separate thread, so it may block.
    """

    def mark(method: _Method) -> _Method:
        method.__dict__["_action"] = name
        return method

    return mark


class Service:
    """Base of the emulated products.

    Attributes:
        name: the product, as in ``mps.tencentcloudapi.com``.
        version: the version of its API, such as ``2019-06-12``.
        needs_region: whether a request must name a region.
        regions: the regions that a request may name.
        actions: action to method name, collected from the marked methods.
        max_body_bytes: the most bytes of a request.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    needs_region: ClassVar[bool] = True
    regions: ClassVar[frozenset[str]] = REGIONS
    actions: ClassVar[Mapping[str, str]] = {}
    max_body_bytes: ClassVar[int] = MAX_BODY_BYTES

    def __init_subclass__(cls) -> None:
        cls.actions = {
            method._action: name
            for base in reversed(cls.__mro__)
            for name, method in vars(base).items()
            if hasattr(method, "_action")
        }

    def perform(self, call: Call) -> Mapping[str, Any]:
        """Run the action of a call and return the fields of the response.

        Raises:
            ApiError: InvalidAction, MissingParameter or UnsupportedRegion, or the action's error.
        """
        if call.action not in self.actions:
            raise ApiError("InvalidAction", f"{self.name} has no action {call.action!r}.")
        if self.needs_region and not call.region:
            raise ApiError("MissingParameter", "The request has no Region.")
        if call.region and call.region not in self.regions:
            raise ApiError("UnsupportedRegion")
        response: Mapping[str, Any] = getattr(self, self.actions[call.action])(call)
        return response
