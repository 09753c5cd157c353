"""Names of the objects in the folder of an event."""

from __future__ import annotations

import re

from .base import hash_key

MAX_CLOCK_SKEW = 3600.0
"""Seconds by which the clocks of a store and its writers may differ. It only matters for saving requests."""

_parse_name = re.compile(r"(event|state)|claim-([1-9][0-9]{0,8})|done-([0-9a-f]{32})").fullmatch


def build_folder_name(task_id: str, type: str, status: str, key: str) -> str:
    """Return the name of an event's folder: readable, at most 180 characters, and a valid path component."""
    return (
        f"{sanitize_name(task_id, 100)}+{sanitize_name(type, 40)}+{sanitize_name(status, 20)}"
        f"+{hash_key(key)[:12]}"
    )


def sanitize_name(text: str, max_characters: int) -> str:
    """Return the beginning of a text with every unsafe character replaced by ``_``."""
    return re.sub(r"^\.|[^A-Za-z0-9._-]", "_", text[:max_characters])


def get_claim_name(number: int) -> str:
    """Return the name of the object of a claim. The first claim is the event itself."""
    return "event" if number == 1 else f"claim-{number}"


class FolderListing:
    """Names of the objects in an event's folder.

    Attributes:
        folder: name of the folder.
        claims: time of each claim by its number, in seconds since the epoch. ``event`` is number 1.
        done: hashes of the calls with a record of their own.
        has_state: True if ``state`` is there.
        modified: time of the newest object.
        names: all full names.
    """

    __slots__ = ("claims", "done", "folder", "has_state", "modified", "names")

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.claims: dict[int, float] = {}
        self.done: set[str] = set()
        self.has_state = False
        self.modified = 0.0
        self.names: list[str] = []

    def add(self, name: str, modified: float) -> bool:
        """Add an object by its full name. Return False if the name is not one of the ledger's."""
        suffix = name[len(self.folder) :]
        match = _parse_name(suffix[1:])
        if match is not None:
            kind, claim, done = match.groups()
            if done:
                self.done.add(done)
            elif kind == "state":
                self.has_state = True
            else:
                self.claims[int(claim or 1)] = modified
        elif suffix != "/":  # an empty object with which a console displays a folder
            return False
        self.names.append(name)
        self.modified = max(self.modified, modified)
        return True

    @property
    def has_event(self) -> bool:
        """True if ``event`` is there."""
        return 1 in self.claims

    @property
    def main_name(self) -> str:
        """Name of the object that holds most of the event. Empty if the event expired."""
        return "state" if self.has_state else "event" if self.has_event else ""

    @property
    def highest_claim(self) -> int:
        """The highest number of a claim. 0 if there is none."""
        return max(self.claims, default=0)

    @property
    def newest_claim(self) -> int:
        """The number of the last claim. 0 if there is none.

        It is the highest number, except after expiry: old claims may outlast the event that they belonged to.
        """
        since = self.claims.get(1, 0.0) - MAX_CLOCK_SKEW
        return max((number for number, made in self.claims.items() if made >= since), default=0)
