"""A browser for tests: the system's Chromium through playwright, and a reader's hands and eyes on the explorer.

Where the package playwright or a Chromium is missing, tests are skipped and say so; with the environment variable CI
set they fail instead.
"""

import contextlib
import importlib
import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"]
ELSEWHERE = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
]


def chromium():
    found = [shutil.which(name) for name in NAMES] + [path for path in ELSEWHERE if Path(path).is_file()]
    return next(filter(None, found), None)


@contextlib.contextmanager
def launched(*arguments):
    """A headless Chromium, with further arguments of its command line.

    For fixtures of a module: while it is open, this thread has a running event loop.
    """
    missing = None
    if importlib.util.find_spec("playwright") is None:
        missing = "the package playwright is not installed: pip install playwright"
    elif chromium() is None:
        missing = f"no Chromium found: none of {', '.join(NAMES)}"
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with importlib.import_module("playwright.sync_api").sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", *arguments]
        )
        yield browser
        browser.close()


def expect(locator):
    """Playwright's assertions that wait: expect(locator).to_have_count(1)."""
    waiting = importlib.import_module("playwright.sync_api").expect
    waiting.set_options(timeout=60_000)
    return waiting(locator)


def note_errors(page, errors):
    """Append to the list `errors` what the page reports on its console as an error or raises."""
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)


class Explorer:
    """One explorer on a page, with a reader's hands and eyes."""

    def __init__(self, page, grid, number=0):
        self.page, self.grid = page, grid
        page.locator("iframe").nth(number).scroll_into_view_if_needed()
        self.frame = page.locator("iframe").nth(number).element_handle().content_frame()
        self.frame.locator("#explorer").wait_for(state="visible")

    def place(self, token, view):
        box = self.frame.locator(f"#{view} canvas").bounding_box()
        row, column = divmod(token, self.grid[1])
        return (
            box["x"] + (column + 0.5) * box["width"] / self.grid[1],
            box["y"] + (row + 0.5) * box["height"] / self.grid[0],
        )

    def point(self, token, view="current"):
        self.page.mouse.move(*self.place(token, view))

    def click(self, token, view="current"):
        self.page.mouse.click(*self.place(token, view))

    def press(self, key):
        self.frame.locator("#current canvas").press(key)

    def choose(self, name, value):
        self.frame.locator(f"#{name}").select_option(str(value))

    def picture(self, view="current"):
        return self.frame.evaluate("(id) => document.querySelector(`#${id} canvas`).toDataURL()", view)

    def colours(self, view="current"):
        """(tokens, 3): the colour at a point inside each token's square, away from the rings on its border."""
        script = """([id, rows, columns]) => {
            const canvas = document.querySelector(`#${id} canvas`), context = canvas.getContext('2d'), out = [];
            for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
                const x = (c + 0.5) * canvas.width / columns, y = (r + 0.5) * canvas.height / rows;
                out.push([...context.getImageData(x, y, 1, 1).data.slice(0, 3)]);
            }
            return out;
        }"""
        return np.array(self.frame.evaluate(script, [view, *self.grid]), dtype=float)

    def text(self, selector="#line"):
        return self.frame.locator(selector).inner_text()


# What a reader can do to a live model: the control, the keys, and what of the page must be another after them.
LIVE_KEYS = {
    "[data-tool=erase]": ("Enter", "state.tool"),
    "[data-tool=hide]": ("Enter", "state.tool"),
    "[data-tool=restore]": ("Space", "state.tool"),
    "[data-tool=draw]": ("Space", "state.tool"),
    "#width": ("ArrowRight", "byId('width').value"),
    "#picture": ("Space", "[...state.pixels]"),
    "#undo": ("Enter", "[...state.pixels]"),
    "[data-view=counts]": ("Enter", "state.view"),
    "[data-view=changes]": ("Enter", "state.view"),
    "[data-view=looks]": ("Enter", "state.view"),
    "figure:nth-of-type(1) canvas": ("ArrowUp", "[...state.square]"),
    "figure:nth-of-type(2) canvas": ("ArrowDown", "[...state.square]"),
    "[data-move='1,0']": ("Enter", "state.shift"),
    "[data-move='-1,0']": ("Enter", "state.shift"),
    "[data-move='0,1']": ("Enter", "state.shift"),
    "[data-move='0,-1']": ("Enter", "state.shift"),
    "#keep": ("Enter", "past.length"),
    "#pictures button:nth-of-type(2)": ("Enter", "[...state.origin]"),
    "#pictures button:nth-of-type(3)": ("Enter", "[...state.origin]"),
    "#pictures button:nth-of-type(1)": ("Enter", "[...state.origin]"),
    "#empty": ("Enter", "[...state.pixels]"),
    "#swap": ("Enter", "[...state.pixels]"),
    "#reset": ("Enter", "[...state.pixels]"),
    "#inside > summary": ("Enter", "byId('inside').open"),
    "#layer": ("ArrowUp", "state.layer"),
    "#head": ("ArrowDown", "state.head"),
    "#class": ("ArrowDown", "state.class"),
    "#photo": ("Space", "state.photo"),
    "#compare": ("Space", "state.compare"),
    "#switches > summary": ("Space", "byId('switches').open"),
    "#deletion > summary": ("Enter", "byId('deletion').open"),
    "#order": ("ArrowDown", "byId('order').value"),
    "#filling": ("ArrowDown", "state.filling"),
    "#count": ("ArrowRight", "[...state.hidden]"),
    "#numbers > summary": ("Enter", "byId('numbers').open"),
    "#stage": ("ArrowDown", "state.stage"),
    "#limits > summary": ("Enter", "byId('limits').open"),
    "#making > summary": ("Enter", "byId('making').open"),
    "#words > summary": ("Enter", "byId('words').open"),
}


def settle(frame):
    """Until a live model has computed and painted all that was asked of it."""
    frame.wait_for_function("() => !working && !asked && !painting && referenceDone === state.reference")


def press_controls(frame):
    """Use every control of a live model by keyboard, see that the page follows, and return which were there."""
    pressed = []
    for name, (key, seen) in LIVE_KEYS.items():
        control = frame.locator(name).first
        if not control.count() or not control.is_visible() or control.is_disabled():
            continue
        control.focus()
        before = frame.evaluate(f"JSON.stringify({seen})")
        control.press(key)
        if name == "#deletion > summary":
            frame.wait_for_function("() => curve && curve.lines.length === 6")
        settle(frame)
        assert frame.evaluate(f"JSON.stringify({seen})") != before, name
        pressed.append(name)
    return pressed
