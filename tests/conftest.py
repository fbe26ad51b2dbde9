"""What every test and every notebook runs with: the quick profile, its own data, pictures without a window.

`notebooks/conftest.py` imports it, so that it also holds for `pytest notebooks/04_stochastic_depth.ipynb`.
"""

import os
import re
import signal
from importlib.metadata import distributions
from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure

os.environ["CCT_PROFILE"] = "quick"
os.environ["CCT_PROGRESS"] = "off"  # nothing is written where the user keeps what is solved
for name in ("CCT_DATA", "MPLBACKEND"):  # kernels inherit these: a notebook must find Jupyter's own backend
    os.environ.pop(name, None)
matplotlib.use("Agg")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it, and some tests interrupt a run

from cct_helpers.figures import to_png  # noqa: E402  (after the profile is set)
from tests.support.pictures import flaws  # noqa: E402


def pytest_addoption(parser):
    whole = "with the tests marked `whole`: every place of every control, every notebook in JupyterLab, and more"
    parser.addoption("--whole", action="store_true", help=whole)


@pytest.hookimpl(tryfirst=True)  # before `-m whole` chooses
def pytest_collection_modifyitems(config, items):
    """Without --whole, no test marked `whole` and no solutions: test_exercises.py runs their cells."""
    for item in items:
        if item.path.parent.name == "solutions":
            item.add_marker("whole")
    if config.getoption("--whole"):
        return
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("whole")])
    items[:] = [item for item in items if not item.get_closest_marker("whole")]


def pytest_report_header() -> str:
    """The versions of everything that the requirements name, so that a log tells what a failure was seen with."""
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].glob("requirements*.txt"))
    found = {package.name.lower().replace("_", "-"): package.version for package in distributions()}
    names = dict.fromkeys(re.findall(r"^[a-z][\w-]*", text, re.MULTILINE))
    return "versions: " + ", ".join(f"{name} {found[name]}" for name in names if name in found)


@pytest.fixture(autouse=True)
def pictures_can_be_read(request, monkeypatch):
    """After a test of pictures: nothing is cut off, no text lies over another, each axis with numbers has a label."""
    if request.path.parent.name != "plots":
        yield
        return
    drawn, plain = [], Figure.__init__

    def noted(figure, *arguments, **options):
        plain(figure, *arguments, **options)
        drawn.append(figure)

    monkeypatch.setattr(Figure, "__init__", noted)
    yield
    for figure in drawn:
        to_png(figure)
        assert flaws(figure) == []
