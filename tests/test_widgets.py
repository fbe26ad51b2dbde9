"""`explore` and `show`: what is displayed, what a slider changes, and what an impossible setting looks like.

Then, with --whole, every moving picture of the notebooks with every control at every place.
"""

import base64
import io
import itertools
from html.parser import HTMLParser
from xml.etree import ElementTree

import ipywidgets
import numpy as np
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from cct_helpers import figures, widgets
from tests.support import sweep
from tests.support.explorations import Exploration, alone, notebooks_with_explorations
from tests.support.pictures import flaws


def draw(slope=1, curve="line", dashed=False):
    if slope == 3:
        raise ValueError("slope cannot be 3 here: choose another one.")
    values = np.arange(5) * slope if curve == "line" else np.arange(5) ** 2 * slope
    return figures.draw_curves(range(5), {"a": values + dashed}, "x", "y", width=2, height=1)


CONTROLS = dict(slope=(0, 5), curve=["line", "square"], dashed=False)
SETTINGS = [dict(slope=1, curve="line", dashed=False), dict(slope=2, curve="square", dashed=True)]


@pytest.fixture
def displayed(monkeypatch):
    """What a notebook would display, in order."""
    shown = []
    monkeypatch.setattr(widgets, "in_notebook", lambda: True)
    monkeypatch.setattr(widgets, "display", lambda what, raw=False: shown.append(what))
    return shown


def picture_in(output):
    """The PNG file and the alternative text in an HTML output, as a page reads them."""
    (image,) = ElementTree.fromstring(f"<page>{output['text/html'].removesuffix('>')}/></page>")
    kind, content = image.get("src").split(",")
    assert (image.tag, kind) == ("img", "data:image/png;base64")
    return io.BytesIO(base64.b64decode(content)), image.get("alt")


def test_the_still_pictures_come_first_then_the_controls(displayed):
    box = widgets.explore(draw, SETTINGS, "two lines", **CONTROLS)
    stills, live = displayed
    assert live is box
    file, words = picture_in(stills)
    assert words == "two lines"
    still = Image.open(file)
    single = Image.open(io.BytesIO(figures.to_png(draw(**SETTINGS[0]))))
    assert still.size == (single.width, 2 * single.height)
    np.testing.assert_array_equal(np.asarray(still)[: single.height], np.asarray(single.convert("RGB")))


def test_each_range_gets_its_control_started_at_the_first_setting():
    box = widgets.explore(draw, SETTINGS, "", **CONTROLS)
    slope, curve, dashed, picture = box.children
    assert isinstance(slope, ipywidgets.IntSlider) and (slope.min, slope.max, slope.value) == (0, 5, 1)
    assert isinstance(curve, ipywidgets.Dropdown) and curve.value == "line"
    assert isinstance(dashed, ipywidgets.Checkbox) and dashed.value is False
    assert picture.value == figures.to_png(draw(**SETTINGS[0]))
    rate = widgets.control("learning_rate", (1e-4, 5e-3, 1e-4), 2e-4)
    assert isinstance(rate, ipywidgets.FloatSlider)
    assert format(rate.value, rate.readout_format) == "0.0002"
    assert np.isclose(widgets.control("rate", (0.2, 1.0), 0.2).step, 0.04)  # a twentieth of the range
    assert widgets.control("slope", (0, 8, 2), 0).step == 2 and widgets.control("slope", (0, 8), 0).step == 1
    name = widgets.control("name", "type a name", "Ada")
    assert (name.placeholder, name.value, name.continuous_update) == ("type a name", "Ada", False)


def test_every_control_redraws_and_keeps_the_others():
    box = widgets.explore(draw, SETTINGS, "", **CONTROLS)
    slope, curve, dashed, picture = box.children
    slope.value, curve.value, dashed.value = 4, "square", True
    assert picture.value == figures.to_png(draw(slope=4, curve="square", dashed=True))


def test_a_parameter_without_control_stays_as_in_the_first_setting():
    box = widgets.explore(draw, [dict(slope=2, curve="square", dashed=False)], "", slope=(0, 5))
    box.children[0].value = 4
    assert box.children[-1].value == figures.to_png(draw(slope=4, curve="square"))


def test_an_impossible_setting_says_why_in_place():
    box = widgets.explore(draw, SETTINGS, "", **CONTROLS)
    box.children[0].value = 3
    words = figures.draw_message("slope cannot be 3 here: choose another one.", 2, 1)  # as large as the picture
    assert box.children[-1].value == figures.to_png(words)


def test_another_error_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        widgets.explore(lambda n: figures.draw_message(1 / n), [dict(n=0)], "", n=(0, 1))


def test_show_gives_the_picture_with_its_words(displayed):
    words = 'a line, "straight" & > 0'
    widgets.show(draw(), words.replace(", ", ",\n    "))  # as a text on two lines of a cell
    (output,) = displayed
    file, alt = picture_in(output)
    assert alt == output["text/plain"] == words
    assert file.getvalue() == figures.to_png(draw())


@pytest.mark.parametrize("template", ["lab", "classic", "basic"])
def test_the_words_are_on_the_exported_page(displayed, template):
    """Of the template that JupyterLab's own export uses, and the two others of nbconvert."""
    words = 'a line, "straight" & > 0'
    widgets.show(draw(), words)
    output = new_output("display_data", displayed[0])
    cell = new_code_cell("cct.show(...)", outputs=[output])
    page, _ = HTMLExporter(template_name=template).from_notebook_node(new_notebook(cells=[cell]))
    texts, reader = [], HTMLParser()
    reader.handle_starttag = lambda tag, attributes: texts.append(dict(attributes)["alt"]) if tag == "img" else None
    reader.feed(page)
    assert texts == [words]


def test_a_script_displays_nothing(monkeypatch):
    monkeypatch.setattr(widgets, "display", lambda *_, **__: pytest.fail("displayed in a script"))
    widgets.show(draw(), "a line")
    assert widgets.explore(draw, SETTINGS, "", **CONTROLS).children


def test_flaws_of_a_picture_are_found():
    figure, (left, right) = figures.new_figure(1, 2, width=4, height=2, margins=dict(left=0.1))
    for ax in (left, right):
        ax.set_title("more words than half a figure can hold")
        ax.set(xlim=(0, 1000), xticks=[0, 5, 10], xlabel="x (pixels)")
    right.set_ylabel("beside", labelpad=25)
    right.plot([0, 1001], [0, 1], label="inside")
    right.plot([1100], [0.5], "o", label="gone")
    figures.to_png(figure)
    found = "\n".join(flaws(figure))
    for flaw in ("can hold' lies over 'more", "cut off: 'more", "'5' lies over '10'", "no label at the axis with 0.0"):
        assert flaw in found
    assert "'beside' lies over the picture" in found
    assert "outside the limits: 'gone'" in found and "outside the limits: 'inside'" not in found
    good = figures.draw_curves(range(5), {"a": range(5)}, "x", "y", "a title")
    figures.to_png(good)
    assert flaws(good) == []


# The moving pictures of the notebooks

WITH_EXPLORATIONS = notebooks_with_explorations()


@pytest.mark.whole
@pytest.mark.parametrize("path", WITH_EXPLORATIONS, ids=[path.stem for path in WITH_EXPLORATIONS])
def test_every_setting_is_drawn_or_explained(path):
    alone(sweep.sweep, path)


def test_each_control_goes_to_its_places_and_one_that_changes_nothing_is_found():
    drawn, controls = [], dict(slope=(0, 5), idle=False)
    settings = [dict(slope=1, idle=False)]

    def draw_slope(slope, idle):
        drawn.append(slope)
        return draw(slope)

    box = widgets.explore(draw_slope, settings, "", **controls)
    drawn.clear()
    with pytest.raises(AssertionError, match="idle changes nothing"):
        sweep.every_control(Exploration(draw_slope, settings, "", controls, box))
    assert set(drawn) == {0, 1, 2, 3, 4, 5}


def test_every_value_meets_every_other_in_few_settings():
    choices = {"a": [1, 2], "b": list("xyz"), "c": [False, True], "d": [0, 9]}
    settings = [sweep.values_of(setting, choices) for setting in sweep.meetings(choices)]
    for one, two in itertools.combinations(choices, 2):
        met = {(setting[one], setting[two]) for setting in settings}
        assert met == set(itertools.product(choices[one], choices[two]))
    assert len(settings) < 12  # 30 pairs
    assert list(sweep.meetings({"a": [1, 2]})) == []


def test_pairs_beside_an_impossible_one_are_tried_alone(monkeypatch):
    tried = []

    def draw_some(a, b, c):
        if a and b:
            raise ValueError("a and b cannot both be on.")
        tried.append((a, b, c))
        return draw()

    box = widgets.explore(draw_some, [dict(a=False, b=False, c=False)], "", a=False, b=False, c=False)
    controls = dict(a=False, b=False, c=False)
    found = Exploration(draw_some, [controls], "", controls, box)
    monkeypatch.setattr(widgets, "to_png", lambda figure: b"")
    sweep.all_pairs_of_extremes(found)
    for pair in itertools.combinations(range(3), 2):
        met = {tuple(setting[place] for place in pair) for setting in tried}
        assert len(met) == (3 if pair == (0, 1) else 4)
