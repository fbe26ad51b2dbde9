"""What notebooks/conftest.py adds to nbval: a second try for a kernel that dies at once, an end for slow notebooks."""

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
HEAD = "# Title\n\n1 minute to read, {} second to run."
TAKEN = """
import socket
from jupyter_client.connect import LocalPortCache

holder = socket.create_server(("127.0.0.1", 0))
find, asked = LocalPortCache.find_available_port, []


def find_taken(cache, ip):
    asked.append(ip)
    first_of_a_kernel = len(asked) % 5 == 1  # a kernel has five ports
    return holder.getsockname()[1] if first_of_a_kernel and len(asked) <= 5 * KERNELS else find(cache, ip)


LocalPortCache.find_available_port = find_taken
"""


def run_notebooks(names, folder, *options):
    """The ended process of pytest with notebooks/conftest.py, without the settings of the course."""
    shutil.copy(ROOT / "notebooks" / "conftest.py", folder)
    (folder / "tests").mkdir()
    (folder / "tests" / "conftest.py").touch()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    run = dict(cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8")
    return subprocess.run([*command, *options, *names], **run)


@pytest.mark.parametrize(("kernels", "outcome"), [(1, "1 passed"), (2, "Kernel died")])
def test_a_kernel_whose_port_was_taken_is_started_once_more(kernels, outcome, tmp_path):
    cells = [new_markdown_cell(HEAD.format(60)), new_code_cell("1 + 1")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "short.ipynb")
    (tmp_path / "taken.py").write_text(TAKEN.replace("KERNELS", str(kernels)), encoding="utf-8")
    done = run_notebooks(["short.ipynb"], tmp_path, "-p", "taken")
    assert outcome in done.stdout, done.stdout + done.stderr


@pytest.mark.whole
def test_a_notebook_that_takes_three_times_its_promise_fails_at_that_cell(tmp_path):
    for name, seconds in (("quick", 9), ("slow", 1)):
        cells = [new_code_cell(source) for source in ("import time", "time.sleep(3.5)", "time.sleep(0.1)")]
        cells = [new_markdown_cell(HEAD.format(seconds)), *cells]
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    done = run_notebooks(["quick.ipynb", "slow.ipynb"], tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 5 passed" in done.stdout
    assert re.search(r"slow\.ipynb has run for \d+ s and promises 1 s to run", done.stdout)
