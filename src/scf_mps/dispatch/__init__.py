"""Dispatch: from an event to the outcomes of its callbacks."""
