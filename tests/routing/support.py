"""Helpers of the routing tests."""

import re

import pytest

from scf_mps import App, RegistrationError


def rejected(words):
    """Expect a RegistrationError with these words."""
    return pytest.raises(RegistrationError, match=re.escape(words))


class CallRecorder:
    """An application whose callbacks record the results they receive."""

    def __init__(self, *routers):
        self.app = App(*routers)
        self.calls = []

    def register(self, verb, kind, name, **filters):
        """Register a callback that records ``(name, place)``."""

        def callback(result):
            self.calls.append((name, result.place))

        callback.__qualname__ = name
        decorator = getattr(self.app, verb)
        (decorator if kind is None else decorator(kind, **filters))(callback)

    def handle(self, event):
        """Handle an event. Return (name, place) of each call."""
        self.calls = []
        self.app.main_handler(event, {})
        return self.calls

    def handle_names(self, event):
        """Handle an event. Return the name of each call."""
        return [name for name, _ in self.handle(event)]
