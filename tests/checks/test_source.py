"""What a function's code says by itself; each Python compiles an empty body in its own way."""

import pytest

from utils.checks.source import does_nothing


def dots(x): ...


def nothing(x): pass


def only_words(x):
    """Say what."""


def dots_returned(x):
    return ...


def not_written(x):
    raise NotImplementedError


def zero(x):
    return 0


def the_argument(x):
    return x


def a_step(x):
    x = ...  # noqa: F841


@pytest.mark.parametrize("function", [dots, nothing, only_words, dots_returned, not_written, lambda x: ...])
def test_an_empty_body_is_seen(function):
    assert does_nothing(function)


@pytest.mark.parametrize("function", [zero, the_argument, a_step, lambda x: 2, len])
def test_and_whatever_does_something_is_none(function):
    assert not does_nothing(function)
