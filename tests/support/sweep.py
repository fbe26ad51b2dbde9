"""Every moving picture of a notebook with its controls turned: `sweep(path)` raises at the first flaw.

An impossible setting must be explained in words (see `explorations.explained`), and no picture may have a flaw or a
warning, such as that of a letter that the font lacks. Every control goes to every place, and two at a time to their
extremes.
"""

import itertools
import warnings
from unittest import mock

from cct_helpers import figures, widgets
from tests.support.explorations import explorations, extremes, values
from tests.support.pictures import flaws


def sweep(path):
    for exploration in explorations(path):
        sizes = set()

        def look(figure, sizes=sizes):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                png = figures.to_png(figure)
            assert flaws(figure) == [], flaws(figure)
            sizes.add(tuple(figure.get_size_inches()))
            return png

        with mock.patch.object(widgets, "to_png", look):
            every_control(exploration)
            assert len(sizes) == 1, f"pictures of several sizes make the page jump: {sizes}"
            all_pairs_of_extremes(exploration)
            still_pictures(exploration)


def every_control(exploration):
    """Each control alone at every place, through the real widget: it must change something."""
    start, shown = exploration.settings[0], exploration.box.children[-1]
    for name, widget in exploration.widgets.items():
        seen = {shown.value}
        for value in values(widget):
            widget.value = value
            seen.add(shown.value)
        assert len(seen) > 1, f"{name} changes nothing"
        widget.value = start[name]


def all_pairs_of_extremes(exploration):
    """Many in one picture; those of impossible settings alone, one at a time, with all else as at the start."""
    start, choices = exploration.settings[0], {name: extremes(widget) for name, widget in exploration.widgets.items()}
    apart = pairs(choices)
    for setting in meetings(choices):
        with mock.patch.object(widgets, "draw_message", wraps=widgets.draw_message) as impossible:
            widgets.to_png(widgets.draw_safely(exploration.draw, {**start, **values_of(setting, choices)}))
        if not impossible.called:
            apart -= set(itertools.combinations(setting, 2))
    for pair in sorted(apart):
        widgets.to_png(widgets.draw_safely(exploration.draw, {**start, **values_of(pair, choices)}))


def pairs(choices):
    """Every pair of options of two controls. An option is (number of the control, number of its value)."""
    options = [[(control, value) for value in range(len(choices[name]))] for control, name in enumerate(choices)]
    return {pair for one, two in itertools.combinations(options, 2) for pair in itertools.product(one, two)}


def values_of(options, choices):
    named = list(choices.items())
    return {named[control][0]: named[control][1][value] for control, value in options}


def meetings(choices):
    """Settings, few where pairs are many, in which every option meets every one of each other control.

    choices: {name: list of values}. Yields lists with an option of each control. Greedy: each setting begins with a
    pair that has not met, and every other control takes the option with the most such pairs.
    """
    apart = pairs(choices)
    while apart:
        setting = list(min(apart))
        for control, name in enumerate(choices):
            if control not in dict(setting):
                longer = [sorted([*setting, (control, value)]) for value in range(len(choices[name]))]
                setting = max(longer, key=lambda options: len(apart & set(itertools.combinations(options, 2))))
        apart -= set(itertools.combinations(setting, 2))
        yield setting


def still_pictures(exploration):
    pngs = {widgets.to_png(widgets.draw_safely(exploration.draw, setting)) for setting in exploration.settings}
    assert pngs, "telling settings come first"
    assert len(exploration.alt.split()) > 3, "the still pictures need words"
