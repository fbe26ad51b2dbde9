"""A notebook that runs far longer than its first cell says is found out by notebooks/conftest.py."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.whole
def test_a_notebook_that_takes_three_times_its_promise_fails_at_that_cell(tmp_path):
    shutil.copy(ROOT / "notebooks" / "conftest.py", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").touch()  # the settings of the course, which these notebooks do not need
    for name, seconds in (("quick", 9), ("slow", 1)):
        head = new_markdown_cell(f"# Title\n\n1 minute to read, {seconds} second to run.")
        cells = [new_code_cell(source) for source in ("import time", "time.sleep(3.5)", "time.sleep(0.1)")]
        nbformat.write(new_notebook(cells=[head, *cells]), tmp_path / f"{name}.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    run = dict(cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8")
    done = subprocess.run([*command, "quick.ipynb", "slow.ipynb"], **run)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 5 passed" in done.stdout
    assert re.search(r"slow\.ipynb has run for \d+ s and promises 1 s to run", done.stdout)
