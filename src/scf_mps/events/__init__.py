"""Typed, lazy views of MPS notifications: `Event`, `Subtask`, and a class for each type.

`parser.parse_event` makes an event from a notification.
"""
