"""A product of the cloud: a class whose marked methods are its actions, and the call that each of them gets.

Which service a call is for, and who may call at all, is settled in `server`; here is what everyone who adds a
service needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from .errors import ApiError
from .wire import LARGEST_BODY

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
"""Where products are offered, unless a service knows better."""

_Method = TypeVar("_Method", bound=Callable[..., Mapping[str, Any]])


@dataclass(frozen=True, slots=True)
class Call:
    """One signed request, on its way to the action it asks for."""

    service: str
    version: str
    action: str
    region: str
    """Empty if the client named none."""
    parameters: Mapping[str, Any]
    secret_id: str
    request_id: str

    def text(self, name: str, default: str | None = None) -> str:
        """A parameter that is a string.

        Raises:
            ApiError: MissingParameter without a `default`, InvalidParameter for another type.
        """
        value = self.parameters.get(name)
        if value is None or value == "":
            if default is None:
                raise ApiError("MissingParameter", f"The request has no {name}.")
            return default
        if not isinstance(value, str):
            raise ApiError("InvalidParameter", f"{name} is to be a string.")
        return value

    def integer(self, name: str, default: int) -> int:
        """A parameter that is an integer; official examples send it as a string, and so does every GET.

        Raises:
            ApiError: InvalidParameter for anything else.
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
            raise ApiError("InvalidParameter", f"{name} is to be an integer.")
        return value

    def boolean(self, name: str) -> bool | None:
        """A parameter that is a boolean, or None if there is none.

        Raises:
            ApiError: InvalidParameter for anything else.
        """
        value = self.parameters.get(name)
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        if value is not None and not isinstance(value, bool):
            raise ApiError("InvalidParameter", f"{name} is to be true or false.")
        return value


def action(name: str) -> Callable[[_Method], _Method]:
    """Mark a method as the action of this name: it takes a `Call` and returns the fields of the answer.

    It runs in a thread of its own, so that it may take its time.
    """

    def mark(method: _Method) -> _Method:
        method.__dict__["_action"] = name
        return method

    return mark


class Service:
    """The base of services.

    Attributes:
        name: the product, as in ``mps.tencentcloudapi.com``.
        version: of its API, as in ``2019-06-12``.
        needs_region: whether a request must name a region.
        regions: the regions it may name.
        actions: the names of the marked methods to the methods' names.
        largest_body: bytes of a request that it takes.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    needs_region: ClassVar[bool] = True
    regions: ClassVar[frozenset[str]] = REGIONS
    actions: ClassVar[Mapping[str, str]] = {}
    max_body_bytes: ClassVar[int] = LARGEST_BODY

    def __init_subclass__(cls) -> None:
        cls.actions = {
            method._action: name
            for base in reversed(cls.__mro__)
            for name, method in vars(base).items()
            if hasattr(method, "_action")
        }

    def perform(self, call: Call) -> Mapping[str, Any]:
        """The answer's fields.

        Raises:
            ApiError: InvalidAction, MissingParameter or UnsupportedRegion, or what the action raises.
        """
        if call.action not in self.actions:
            raise ApiError("InvalidAction", f"{self.name} has no action {call.action!r} here.")
        if self.needs_region and not call.region:
            raise ApiError("MissingParameter", "The request has no Region.")
        if call.region and call.region not in self.regions:
            raise ApiError("UnsupportedRegion")
        answer: Mapping[str, Any] = getattr(self, self.actions[call.action])(call)
        return answer
