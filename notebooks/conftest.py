"""Notebooks are tested with the settings of tests/conftest.py, and take no longer than they say."""

import re
import time

import pytest

import tests.conftest  # noqa: F401

SLACK = 3  # a machine may be so much slower than the one that the minutes were read on
PROMISE = re.compile(r"(\d+|a) (minute|second)s? to run")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fail the cell at which a notebook has run longer than `SLACK` times what its first cell says."""
    start, notebook = time.perf_counter(), item.parent
    result = yield
    before = getattr(notebook, "seconds_run", 0)
    notebook.seconds_run = before + time.perf_counter() - start
    promise = PROMISE.search(notebook.path.read_text(encoding="utf-8"))
    assert promise, f"{notebook.path.name} does not say how long it takes ('1 minute to run')"
    number, unit = promise.groups()
    promised = int(number.replace("a", "1")) * {"minute": 60, "second": 1}[unit]
    if before <= SLACK * promised < notebook.seconds_run:
        pytest.fail(
            f"{notebook.path.name} has run for {notebook.seconds_run:.0f} s and promises {promised} s to run"
        )
    return result
