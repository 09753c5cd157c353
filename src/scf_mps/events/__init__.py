"""What MPS sends, as typed lazy views: `Event`, `Subtask`, a class for each type, and the models below them.

`reading.read` makes an event of a notification; it is imported from there.
"""
