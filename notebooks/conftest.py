"""Notebooks are tested with the settings of tests/conftest.py, and take no longer than they say."""

import functools
import re
import time

import nbval.kernel
import pytest

import tests.conftest  # noqa: F401

SLACK = 3  # a machine may be so much slower than the one that the minutes were read on
PROMISE = re.compile(r"(\d+|a) (minute|second)s? to run")


def with_second_try(start):
    """What starts a kernel, and starts another if that one dies at once.

    The ports of a kernel are chosen some time before it takes them. Where several processes start kernels, one may take
    the port of another, and the other's kernel dies. The second choice is free.
    """

    @functools.wraps(start)
    def started(*arguments, **options):
        try:
            return start(*arguments, **options)
        except RuntimeError as error:
            if "died" not in str(error):  # it answers too late, say
                raise
            return start(*arguments, **options)

    return started


nbval.kernel.start_new_kernel = with_second_try(nbval.kernel.start_new_kernel)


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
