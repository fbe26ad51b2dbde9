"""Every notebook as a reader uses it: run in a real JupyterLab, in a real Chromium, then touched.

Run by hand, it is not yet a part of the suite: python -m pytest tests/browser_notebooks.py
What it needs: tests/browser.py. JupyterLab serves a copy, so that nothing in the repository changes.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from tests.browser import Explorer, expect, launched, note_errors

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
WITH_EXPLORER = [path for path in NOTEBOOKS if "<iframe" in path.read_text(encoding="utf-8")]
GRID = (8, 8)  # the tokens of both explorers of the course
RUN_TIMEOUT = 180_000  # ms

WIDTH = "(img) => img.decode().then(() => img.naturalWidth)"  # of a picture that has arrived; raises if it is broken

LAB_SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are in the page, seen or not
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}
# Errors on the console that are none: pattern -> reason.
HARMLESS = {r"net::ERR_(NAME_NOT_RESOLVED|INTERNET_DISCONNECTED)": "the Colab badge, where there is no network"}


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


def call(url, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
        return json.loads(answer.read() or "null")


def stop_kernels(server):
    for kernel in call(f"{server}/api/kernels"):
        call(f"{server}/api/kernels/{kernel['id']}", "DELETE")


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory):
    """The address of a JupyterLab on a copy of the course, with the settings of a new user."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "cct_helpers", "tests/golden"):
        ignore = shutil.ignore_patterns(".*", "__pycache__")
        # All files of the same age, as in a fresh clone: jupytext opens no notebook whose .py is older and differs.
        shutil.copytree(ROOT / name, folder / "course" / name, ignore=ignore, copy_function=shutil.copyfile)
    for name, settings in LAB_SETTINGS.items():
        path = folder / "config" / "lab" / "user-settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    kernel = folder / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}))
    places = {"JUPYTER_PATH": "jupyter", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data"}
    places |= {"JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "CCT_"))}
    settings |= {name: str(folder / place) for name, place in places.items()} | {"CCT_PROFILE": "quick"}

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    command += [f"--ServerApp.root_dir={folder / 'course'}", "--LabApp.news_url=None"]
    address, log = f"http://127.0.0.1:{port}", folder / "lab.log"
    with (
        log.open("w") as file,
        subprocess.Popen(command, env=settings, stdout=file, stderr=subprocess.STDOUT) as process,
    ):
        try:
            wait_for_server(address, process, log)
            yield address
            stop_kernels(address)
        finally:
            process.terminate()


def wait_for_server(address, process, log, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            call(f"{address}/api/status")
            return
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")


@pytest.fixture
def lab(browser, server):
    """lab(stem) -> the page of that notebook, opened in JupyterLab, its kernel ready; console errors fail the test."""
    errors = []
    with browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce") as context:
        context.set_default_timeout(40_000)

        def open_notebook(stem):
            page = context.new_page()
            note_errors(page, errors)
            page.goto(f"{server}/lab/tree/notebooks/{stem}.ipynb?reset")
            page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
            return page

        yield open_notebook
    stop_kernels(server)
    assert [error for error in errors if not any(re.search(pattern, error) for pattern in HARMLESS)] == []


def choose(page, menu, item):
    page.locator(".lm-MenuBar-itemLabel").get_by_text(menu, exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()


def outputs(page, kind):
    """Texts of the outputs of a kind, "error" or "stderr"."""
    return page.locator(f".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.{kind}']").all_inner_texts()


def run_all(page, cells):
    """Run the notebook from a clean page: until each of its code cells has a number, or one failed."""
    choose(page, "Edit", "Clear Outputs of All Cells")
    page.wait_for_function("!document.querySelector('.jp-Cell .jp-OutputArea-output')")
    choose(page, "Run", "Run All Cells")
    script = """(cells) => {
        const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
        const done = prompts.filter((prompt) => /^\\[\\d+\\]/.test(prompt.textContent));
        const failed = document.querySelector("[data-mime-type='application/vnd.jupyter.error']");
        return failed || done.length === cells;
    }"""
    page.wait_for_function(script, arg=cells, timeout=RUN_TIMEOUT)


def move_sliders(page, count):
    """Move each slider of the `count` moving pictures by one step with the keyboard and back: the picture follows."""
    boxes = page.locator(".widget-vbox:has(> img.widget-image)")
    expect(boxes).to_have_count(count)
    for box in boxes.all():
        picture = box.locator("img.widget-image")
        sliders = box.locator(".widget-slider").all()
        assert sliders
        for slider in sliders:
            # Numbers on the page are rounded (0.0001 is told as 0.0), so the place of the handle tells if it moved.
            handle, place = slider.locator(".noUi-handle"), slider.locator(".noUi-origin")
            start, before = place.get_attribute("style"), picture.get_attribute("src")
            there, back = "ArrowRight", "ArrowLeft"
            handle.press(there)
            if place.get_attribute("style") == start:  # it stood at the right end
                there, back = back, there
                handle.press(there)
            for key in (back, None):
                try:
                    expect(picture).not_to_have_attribute("src", before, timeout=20_000)
                except AssertionError:
                    pytest.fail(
                        f"moving the slider {slider.locator('label').inner_text()!r} left the picture as it was"
                    )
                assert picture.evaluate(WIDTH) > 0
                if key:
                    before = picture.get_attribute("src")
                    handle.press(key)


def hover(page):
    """Point at two tokens of the explorer: the picture and the sentence below it must change."""
    explorer = Explorer(page, GRID)
    explorer.point(0)
    picture, line = explorer.picture(), explorer.text()
    explorer.point(27)
    assert "row 4, column 4" in explorer.text() != line
    assert explorer.picture() != picture


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_notebook_in_jupyterlab(lab, server, path):
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    kinds = [kind for cell in cells for output in cell.outputs for kind in output.get("data", {})]
    page = lab(path.stem)
    run_all(page, len(cells))
    assert outputs(page, "error") == []
    assert outputs(page, "stderr") == []
    pictures = page.locator(".jp-OutputArea-output[data-mime-type='image/png'] img")
    assert kinds.count("image/png") > 0
    expect(pictures).to_have_count(kinds.count("image/png"))
    for picture in pictures.all():
        assert picture.evaluate(WIDTH) > 0

    move_sliders(page, sum("cct.explore(" in cell.source for cell in cells))
    explorers = int(path in WITH_EXPLORER)
    expect(page.locator("iframe")).to_have_count(explorers)
    if explorers:
        hover(page)
        stop_kernels(server)
        page.locator(".jp-Notebook-ExecutionIndicator:not([data-status=idle])").wait_for()
        hover(page)


@pytest.mark.parametrize("path", WITH_EXPLORER, ids=[path.stem for path in WITH_EXPLORER])
def test_exported_notebook(browser, tmp_path, path):
    command = [sys.executable, "-m", "nbconvert", "--to", "html", f"--output-dir={tmp_path}", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    errors = []
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        note_errors(page, errors)
        page.goto((tmp_path / f"{path.stem}.html").as_uri())
        hover(page)
    assert [error for error in errors if "net::ERR" not in error] == []  # asks for MathJax; there is no network here
