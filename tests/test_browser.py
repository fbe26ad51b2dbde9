"""Notebooks as a reader uses them: run in a real JupyterLab, in a real Chromium, then touched.

One notebook, and with --whole every one; and the exported pages of those with an explorer. What it needs:
tests/support/browser.py. JupyterLab serves a copy, so that nothing in the repository changes. What is tested is what
the page does; that the results are right is tested by nbval. So the copy trains on one batch, its kernels skip asserts
(PYTHONOPTIMIZE), and while one notebook is touched the next one is running already.
"""

import contextlib
import inspect
import io
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

import ipywidgets
import nbformat
import pytest
from PIL import Image

from tests.support.browser import LIVE_KEYS, Explorer, expect, launched, note_errors, press_controls
from tests.support.explorations import NOTEBOOKS, code_cells, on_one_batch
from tests.support.selection import first

pytestmark = pytest.mark.skipif(
    int(ipywidgets.__version__.split(".")[0]) < 8,
    reason="ipywidgets 7 is for Colab, which has a front end of its own: pip gives JupyterLab ipywidgets 8",
)

ROOT = Path(__file__).resolve().parents[1]
WITH_EXPLORER = [path for path in NOTEBOOKS if "cct.attention_explorer(" in path.read_text(encoding="utf-8")]
ONE = "03_"  # the quickest that has sliders, choices and a training
GRID = (8, 8)  # the tokens of both explorers of the course
LIVE = ("A small model", "Small models")  # how the titles of live models begin
OPTIONAL = ("#pictures",)  # there where a live model has several pictures
RUN_TIMEOUT = 300_000  # ms

PROMPTS = ".jp-CodeCell .jp-InputPrompt"  # [ ]: not run, [*]: waiting or running, [3]: run third
# Whether a picture has arrived and is not drawn larger than it is, which would blur it; raises if it is broken.
SHARP = "(img) => img.decode().then(() => 0 < img.naturalWidth && img.clientWidth <= img.naturalWidth)"

# The first lines of the cells whose code is wider than its cell, with JupyterLab's list of files beside the notebook.
TOO_WIDE = """() => [...document.querySelectorAll('.jp-CodeCell .cm-scroller')]
    .filter((code) => 0 < code.clientWidth && code.clientWidth < code.scrollWidth)
    .map((code) => code.innerText.split('\\n')[0])"""

# The commands behind the menus, as a click gets lost while a slow page is still being built.
CLEAR = """async () => {
    const {restored, shell, commands} = window.jupyterapp;
    await restored;
    await shell.currentWidget.context.ready;
    await shell.currentWidget.sessionContext.ready;
    await commands.execute('notebook:clear-all-cell-outputs');
}"""

LAB_SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are in the page, seen or not
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}
# Errors on the console that are none: pattern -> reason.
HARMLESS = {
    r"net::ERR_(NAME_NOT_RESOLVED|INTERNET_DISCONNECTED)": "the Colab badge, where there is no network",
    r"^No active debugger session$": "JupyterLab 4.7.0a2, at cells that run without a debugger",
}


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
    with (folder / "course/cct_helpers/__init__.py").open("a", encoding="utf-8") as package:
        package.write(f"\n\n{inspect.getsource(on_one_batch)}\n\nfit = on_one_batch(fit, RECIPES)\n")
    for name, settings in LAB_SETTINGS.items():
        path = folder / "config" / "lab" / "user-settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    kernel = folder / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = dict(argv=argv, display_name="Python 3", language="python", env={"PYTHONOPTIMIZE": "1"})
    kernel.write_text(json.dumps(spec))
    places = {"JUPYTER_PATH": "jupyter", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data"}
    places |= {"JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "CCT_"))}
    settings |= {name: str(folder / place) for name, place in places.items()} | {"CCT_PROFILE": "quick"}

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    command += [
        f"--ServerApp.root_dir={folder / 'course'}",
        "--LabApp.news_url=None",
        "--LabApp.expose_app_in_browser=True",
    ]
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


class Reader:
    """Opens notebooks in JupyterLab and runs them, each in a page and with a kernel of its own."""

    def __init__(self, browser, server):
        self.browser, self.server, self.opened = browser, server, {}

    def start(self, path):
        """Open the notebook and run all its cells from a clean page; do not wait for them."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(120_000)
        page, errors = context.new_page(), []
        self.opened[path] = page, errors
        note_errors(page, errors)
        page.goto(f"{self.server}/lab/workspaces/{path.stem}/tree/notebooks/{path.name}?reset")
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        expect(page.locator(PROMPTS)).to_have_count(len(code_cells(path)))
        page.evaluate(CLEAR)
        page.wait_for_function("!document.querySelector('.jp-Cell .jp-OutputArea-output')")
        page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        expect(page.locator(PROMPTS).last).not_to_have_text("[ ]:")

    def finish(self, path):
        page, _ = self.opened.pop(path)
        self.stop_kernel(path)
        page.context.close()

    def stop_kernel(self, path):
        for session in call(f"{self.server}/api/sessions"):
            if session["path"].endswith(path.name):
                call(f"{self.server}/api/sessions/{session['id']}", "DELETE")


@pytest.fixture(scope="module")
def reader(browser, server):
    reader = Reader(browser, server)
    yield reader
    for path in list(reader.opened):
        reader.finish(path)


@pytest.fixture
def lab(reader, request):
    """lab(path) -> the page of that notebook in JupyterLab, all cells run; console errors fail the test.

    The notebook of the next test is started as well.
    """
    tests = [item for item in request.session.items if getattr(item, "function", None) is request.function]
    path, *later = [item.callspec.params["path"] for item in tests[tests.index(request.node) :]]
    for soon in [path, *later[:1]]:
        if soon not in reader.opened:
            reader.start(soon)
    page, errors = reader.opened[path]
    yield page
    reader.finish(path)
    assert [error for error in errors if not any(re.search(pattern, error) for pattern in HARMLESS)] == []


def outputs(page, kind):
    """Texts of the outputs of a kind, "error" or "stderr", of all cells, also of those that are not drawn."""
    script = """(kind) => window.jupyterapp.shell.currentWidget.content.widgets
        .filter((cell) => cell.model.type === 'code')
        .flatMap((cell) => cell.model.outputs.toJSON())
        .filter((output) => output.output_type === kind || output.name === kind)
        .map((output) => output.evalue ?? [output.text].flat().join(''))"""
    return page.evaluate(script, kind)


def wait_for_cells(page, cells):
    """Until each of the code cells has a number, or one failed."""
    script = """(cells) => {
        const models = window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model);
        const done = models.filter((model) => model.type === 'code' && model.executionCount);
        const failed = models.some((model) => model.type === 'code'
            && model.outputs.toJSON().some((output) => output.output_type === 'error'));
        return failed || done.length === cells;
    }"""  # not by the prompts: a folded cell, like the setup cell, shows none
    page.wait_for_function(script, arg=cells, timeout=RUN_TIMEOUT)


def turn_controls(page):
    """Turn every control of every moving picture one step on and back: each time the picture follows."""
    for box in page.locator(".widget-vbox:has(> img.widget-image)").all():
        picture, controls = box.locator("img.widget-image"), box.locator("> :not(img)")
        assert controls.count() > 0
        for control in controls.all():
            for turn in turns(control):
                before = picture.get_attribute("src")
                turn()
                try:
                    expect(picture).not_to_have_attribute("src", before)
                except AssertionError:
                    pytest.fail(f"turning {control.inner_text().splitlines()[0]!r} left the picture as it was")
                assert picture.evaluate(SHARP)


def upload(control, colour):
    """Choose a file, as the dialogue of an upload button does: a picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    picture = dict(name=f"{colour}.png", mimeType="image/png", buffer=file.getvalue())
    with control.page.expect_file_chooser() as chooser:
        control.click()
    chooser.value.set_files(picture)


def turns(control):
    """Two functions: the first turns a slider, a list of choices or a check box one step on, the second back.

    A text field gets two other texts, an upload two pictures.
    """
    if control.locator("input[type=file]").count() or control.evaluate("(part) => part.matches('.widget-upload')"):
        return [lambda colour=colour: upload(control, colour) for colour in ("navy", "orange")]
    handle, choices, tick = (control.locator(kind) for kind in (".noUi-handle", "select", "input[type=checkbox]"))
    typed = control.locator("input[type=text]")
    if tick.count():
        return tick.click, tick.click
    if typed.count():
        return [lambda word=word: (typed.fill(word), typed.press("Enter")) for word in ("another", "words")]
    if choices.count():
        now, last = (choices.evaluate(f"(list) => list.{what}") for what in ("selectedIndex", "length - 1"))
        other = now + 1 if now < last else now - 1
        return lambda: choices.select_option(index=other), lambda: choices.select_option(index=now)
    # Numbers on the page are rounded, so what a slider stands at is told by the place of its handle.
    percent = float(handle.locator("..").get_attribute("style").split("translate(")[1].split("%")[0])
    there, back = ("ArrowRight", "ArrowLeft") if percent < 0 else ("ArrowLeft", "ArrowRight")
    return lambda: handle.press(there), lambda: handle.press(back)


def hover(page):
    """Point at two tokens of the explorer: the picture and the sentence below it must change."""
    titles = [frame.get_attribute("title") for frame in page.locator("iframe").all()]
    number = next(i for i, title in enumerate(titles) if title.startswith("Attention explorer"))
    explorer = Explorer(page, GRID, number)
    explorer.point(0)
    picture, line = explorer.picture(), explorer.text()
    explorer.point(27)
    assert "row 3, column 3" in explorer.text() != line
    assert explorer.picture() != picture


ONE_FIRST = sorted(NOTEBOOKS, key=lambda path: not path.name.startswith(ONE))


@pytest.mark.parametrize("path", first(1, ONE_FIRST), ids=lambda path: path.stem)
def test_notebook_in_jupyterlab(lab, reader, path):
    page = lab
    assert page.locator(".jp-DirListing").is_visible() and page.evaluate(TOO_WIDE) == []
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    shown = [output.get("data", {}) for cell in cells for output in cell.outputs]
    wait_for_cells(page, len(cells))
    assert outputs(page, "error") == []
    assert outputs(page, "stderr") == []
    pictures = page.locator(".jp-OutputArea-output[data-mime-type='text/html'] img")
    expect(pictures).to_have_count(sum("image/png" in data or "<img " in data.get("text/html", "") for data in shown))
    for picture in pictures.all():
        assert picture.evaluate(SHARP)
        assert picture.get_attribute("alt")

    moving = len(re.findall(r"\b(?:cct|widgets)\.(?:explore|drop_image)\(", "\n".join(cell.source for cell in cells)))
    expect(page.locator(".widget-vbox:has(> img.widget-image)")).to_have_count(moving)
    turn_controls(page)
    frames = sum("<iframe" in data.get("text/html", "") for data in shown)
    expect(page.locator("iframe")).to_have_count(frames)
    if path in WITH_EXPLORER:
        hover(page)
    live = [frame for frame in page.locator("iframe").all() if frame.get_attribute("title").startswith(LIVE)]
    assert len(live) == sum(f'title="{start}' in data.get("text/html", "") for data in shown for start in LIVE)
    if live or path in WITH_EXPLORER:  # these work without a kernel
        reader.stop_kernel(path)
        page.locator(".jp-Notebook-ExecutionIndicator:not([data-status=idle])").wait_for()
    if path in WITH_EXPLORER:
        hover(page)
    for frame in live:
        frame.scroll_into_view_if_needed()
        pressed = press_controls(frame.element_handle().content_frame())
        assert {name for name in LIVE_KEYS if not name.startswith(OPTIONAL)} <= set(pressed)


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
