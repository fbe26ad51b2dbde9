"""The moving pictures of the notebooks, for the tests: what each call of `cct.explore` was given."""

import contextlib
import io
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import ipywidgets
import nbformat
import numpy as np

import cct_helpers as cct
from tests.support.processes import fresh

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("[0-9][0-9]_*.ipynb"))


class Exploration(NamedTuple):
    """One call of `cct.explore`, and the box that it returned."""

    draw: Callable
    settings: list
    alt: str
    controls: dict
    box: ipywidgets.VBox

    @property
    def widgets(self):
        """Name -> control, in the order of the page."""
        return dict(zip(self.controls, self.box.children, strict=False))


def code_cells(path, without=None):
    """Sources of the code cells, but for those with the tag `without`."""
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    return [cell.source for cell in cells if without not in cell.metadata.get("tags", [])]


def notebooks_with_explorations():
    return [path for path in NOTEBOOKS if any("cct.explore(" in source for source in code_cells(path))]


def on_one_batch(fit, recipes):
    """`fit` for a notebook whose pictures are looked at, not its results: every epoch has one batch of images."""

    def quick_fit(model, data, recipe, **options):
        size = (recipes[recipe] if isinstance(recipe, str) else recipe).batch_size
        train = dict(x_train=data.x_train[:size], y_train=data.y_train[:size])
        validation = dict(x_val=data.x_val[:size], y_val=data.y_val[:size])
        return fit(model, data._replace(**train, **validation), recipe, **options)

    return quick_fit


def alone(function, *arguments):
    """`function(*arguments)` in a fresh process: notebooks may set what holds for a whole process, such as devices."""
    with fresh().Pool(1) as pool:
        return pool.apply(function, arguments)


def explained(draw):
    """`draw`, but a ValueError that is not of the course's own words becomes an error that no picture hides."""

    def checked(**parameters):
        try:
            return draw(**parameters)
        except ValueError as error:
            place = traceback.extract_tb(error.__traceback__)[-1].filename
            if "cct_helpers" in place or "code cell" in place:
                raise
            raise RuntimeError(f"{parameters} meets an error of {place}: {error}") from error

    return checked


def explorations(path):
    """All explorations of a notebook: its cells are run up to the last one, with short training and without asserts.

    Cells with the tag "long" are left out: no picture needs them. nbval runs the notebooks whole. An error of a cell is
    raised. For use in `alone`.
    """
    sources, found = code_cells(path, without="long"), []
    last = max(number for number, source in enumerate(sources) if "cct.explore(" in source)

    def explore(draw, settings, alt, **controls):
        draw = explained(draw)
        box = cct.widgets.explore(draw, settings, alt, **controls)
        found.append(Exploration(draw, settings, alt, controls, box))
        return box

    stand_ins = dict(explore=explore, fit=on_one_batch(cct.fit, cct.RECIPES), show=lambda figure, alt, **options: None)
    names = {"__name__": "__main__"}
    os.chdir(path.parent)
    with mock.patch.multiple(cct, **stand_ins), contextlib.redirect_stdout(io.StringIO()):
        for number, source in enumerate(sources[: last + 1]):
            exec(compile(source, f"{path.stem}, code cell {number}", "exec", optimize=1), names)
    return found


def values(widget, most=15):
    """What a control can be set to, from end to end; of a slider with many steps, `most` evenly spaced ones.

    In a text field readers can type anything; here it is nothing, one letter, markup, other scripts, and too much.
    """
    if isinstance(widget, ipywidgets.Checkbox):
        return [False, True]
    if isinstance(widget, ipywidgets.Dropdown):
        return list(widget.options)
    if isinstance(widget, ipywidgets.Text):
        return ["", "a", "two words", "$x_1$ <b>&amp;</b> \\n %", "日本 ж", "end " * 100]
    steps = round((widget.max - widget.min) / widget.step)
    chosen = np.unique(np.linspace(0, steps, most).round().astype(int))
    return [type(widget.value)(min(widget.min + step * widget.step, widget.max)) for step in chosen.tolist()]


def ends(widget):
    """The first and the last of `values`."""
    every = values(widget)
    return [every[0], every[-1]]


def extremes(widget):
    """Both ends of a slider, the shortest and the longest text, every choice of a list."""
    return ends(widget) if hasattr(widget, "min") or isinstance(widget, ipywidgets.Text) else values(widget)
