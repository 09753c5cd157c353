"""The replacement of `ExceptionGroup` for Python 3.10."""

import pytest

from scf_mps.common import exception_group


class SomeErrors(exception_group.Group[ValueError]):
    pass


def test_group_has_the_attributes_of_an_exception_group():
    with pytest.raises(SomeErrors) as raised:
        raise SomeErrors("two errors", [ValueError("a"), ValueError("b")])
    assert raised.value.message == "two errors"
    assert [str(error) for error in raised.value.exceptions] == ["a", "b"]
