"""What the plain test command leaves to --whole."""

import pytest


def first(count, values):
    """Values of a test's parameter, or tuples of several: the first `count` run always, the others with --whole."""
    values = list(values)
    later = [value if isinstance(value, tuple) else (value,) for value in values[count:]]
    return values[:count] + [pytest.param(*value, marks=pytest.mark.whole) for value in later]
