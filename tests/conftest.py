"""What every test and every notebook runs with: the quick profile, its own data, pictures without a window.

``notebooks/conftest.py`` imports it, so that it also holds for ``pytest notebooks/04_stochastic_depth.ipynb``.
"""

import os
import re
from importlib.metadata import version
from pathlib import Path

import matplotlib

os.environ["CCT_PROFILE"] = "quick"
for name in ("CCT_DATA", "MPLBACKEND"):  # kernels inherit these: a notebook must find Jupyter's own backend
    os.environ.pop(name, None)
matplotlib.use("Agg")


def pytest_report_header() -> str:
    """The versions of everything in requirements.txt, so that a log tells what a failure was seen with."""
    text = (Path(__file__).parents[1] / "requirements.txt").read_text(encoding="utf-8")
    names = re.findall(r"^[a-z][\w-]*", text, re.MULTILINE)
    return "versions: " + ", ".join(f"{name} {version(name)}" for name in names)
