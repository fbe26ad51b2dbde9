"""Every moving picture of a notebook with every control turned from end to end: `sweep(path)` raises at the first flaw.

An impossible setting must be explained in words (see `explorations.explained`), and no picture may have a flaw or a
warning, such as that of a letter that the font lacks.
"""

import itertools
import warnings
from unittest import mock

from cct_helpers import plots, widgets
from tests.explorations import explorations, extremes, values
from tests.pictures import flaws


def sweep(path):
    for exploration in explorations(path):
        sizes = set()

        def look(figure, sizes=sizes):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                png = plots.to_png(figure)
            assert flaws(figure) == [], flaws(figure)
            sizes.add(tuple(figure.get_size_inches()))
            return png

        with mock.patch.object(widgets, "to_png", look):
            every_control(exploration)
            assert len(sizes) == 1, f"pictures of several sizes make the page jump: {sizes}"
            all_pairs_of_extremes(exploration)
            still_pictures(exploration)


def every_control(exploration):
    """Each control alone over its range, through the real widget."""
    start, shown = exploration.settings[0], exploration.box.children[-1]
    for name, widget in exploration.widgets.items():
        seen = set()
        for value in values(widget):
            widget.value = value
            seen.add(shown.value)
        assert len(seen) > 1, f"{name} changes nothing"
        widget.value = start[name]


def all_pairs_of_extremes(exploration):
    for (one, first), (two, second) in itertools.combinations(exploration.widgets.items(), 2):
        for x, y in itertools.product(extremes(first), extremes(second)):
            widgets.to_png(widgets.drawn(exploration.draw, {**exploration.settings[0], one: x, two: y}))


def still_pictures(exploration):
    pngs = {widgets.to_png(widgets.drawn(exploration.draw, setting)) for setting in exploration.settings}
    assert len(pngs) >= 3, "three or four telling settings come first"
    assert len(exploration.alt.split()) > 3, "the still pictures need words"
