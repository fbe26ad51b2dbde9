"""Notebooks are tested with the settings of tests/conftest.py."""

import tests.conftest  # noqa: F401
