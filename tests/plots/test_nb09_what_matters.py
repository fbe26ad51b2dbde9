"""The pictures of notebook 09 show what they were given."""

import numpy as np
import pytest

from cct_helpers.figures import SEEDS, to_png
from cct_helpers.plots import nb09_what_matters as pictures
from tests.support.pictures import flaws

NAMES = ["as_it_is", "convs_1", "convs_3", "pooling_average", "position_none"]
VALUES = np.array([[0.0, 0.1, -0.1], [2.0, 2.2, 1.8], [-3.0, -3.3, -3.6], [-1.0, 0.0, -2.0], [3.0, 3.5, 4.0]])
GROUPS = ["as it is", "convs", "convs", "pooling", "position"]
COLUMNS = {"accuracy (%)": 58 + VALUES, "parameters": 1000 * (5 + VALUES)}


def assert_draws(figure):
    assert to_png(figure).startswith(b"\x89PNG")
    assert flaws(figure) == []


def dots(ax, size):
    """The points drawn with markers of this size: (n, 2), in order of drawing."""
    lines = [line for line in ax.lines if line.get_marker() in "oD" and line.get_markersize() == size]
    return np.concatenate([line.get_xydata() for line in lines])


def labels_of(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_changes_stand_below_the_part_that_they_change():
    figure = pictures.draw_changes(NAMES[1:])
    texts = {text.get_text(): text.get_position() for text in figure.axes[0].texts if text.get_text()}
    for number, box in enumerate(pictures.PLACES):
        assert texts[box][0] == number
    places = {word: place for word, (place, _) in texts.items()}
    assert (places["convs_1\nconvs_3"], places["position_none"], places["pooling_average"]) == (0, 1, 3)
    assert "4 changes" in figure.axes[0].get_title() and texts["convs_1\nconvs_3"][1] < texts[box][1]
    assert_draws(figure)


def test_a_change_without_a_place_is_named():
    with pytest.raises(ValueError, match="No place for width_2: a name must begin with one of convs, kernel"):
        pictures.draw_changes([*NAMES[1:], "width_2"])


def test_looks_say_how_many_tables_lie_beyond_each_line():
    largest = np.linspace(0, 2, 200)
    figure = pictures.draw_looks(largest, {"two errors": 1.0, "line": 1.9}, "points", "All luck")
    (ax,) = figure.axes
    np.testing.assert_allclose([line.get_xdata()[0] for line in ax.lines], [1.0, 1.9])
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["two errors, 1.00: 50% lie beyond it", "line, 1.90: 5% lie beyond it"]
    assert sum(patch.get_height() for patch in ax.patches) == len(largest)
    assert_draws(figure)


def test_every_group_has_its_colour_and_the_baseline_is_drawn_last():
    colours = pictures.colour_groups(GROUPS)
    assert list(colours) == ["convs", "pooling", "position", "as it is"] and len(set(colours.values())) == 4
    assert colours["as it is"] == "black" and pictures.colour_groups(["a", "b", "a"]).keys() == {"a", "b"}


def test_deviations_show_every_observation_at_its_place():
    figure = pictures.draw_deviations(np.abs(np.random.default_rng(0).normal(size=500)), [0.1, 1.4], true=0.5)
    (strokes,) = [line for line in figure.axes[0].lines if line.get_marker() == "|" and len(line.get_xdata())]
    np.testing.assert_array_equal(strokes.get_xdata(), [0.1, 1.4])
    assert sum(patch.get_height() for patch in figure.axes[0].patches) > 400
    assert_draws(figure)


def test_differences_have_a_row_a_setting():
    more = [np.append(VALUES[0], [0.2, -0.2]), *VALUES[1:]]  # rows may differ in length
    figure = pictures.draw_differences(NAMES, GROUPS, more, 1.3, "points")
    (ax,) = figure.axes
    assert labels_of(ax.yaxis) == NAMES and ax.get_xlabel() == f"points; {SEEDS}"
    np.testing.assert_allclose(dots(ax, 11), np.stack([VALUES.mean(axis=1), np.arange(5)], axis=1))
    np.testing.assert_allclose(dots(ax, 5)[:, 0], np.concatenate(more))
    assert "luck alone can do this to a mean, ±1.30" in ax.get_legend().get_texts()[0].get_text()
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    np.testing.assert_allclose((band.x0, band.x1), (-1.3, 1.3))
    assert_draws(figure)


def test_ladder_climbs_from_the_bottom():
    figure = pictures.draw_ladder(NAMES, 50 + VALUES, 1000 + VALUES)
    left, right = figure.axes
    assert labels_of(left.yaxis) == NAMES and not left.yaxis_inverted()
    np.testing.assert_allclose(dots(left, 11), np.stack([50 + VALUES.mean(axis=1), np.arange(5)], axis=1))
    assert len(dots(left, 5)) == len(dots(right, 3)) == VALUES.size
    np.testing.assert_allclose([patch.get_width() for patch in right.patches], 1000 + VALUES.mean(axis=1))
    assert_draws(figure)


def test_browser_draws_the_two_columns_that_were_asked_for():
    figure = pictures.draw_browser(NAMES, GROUPS, COLUMNS, "parameters", "accuracy (%)", setting=3)
    (ax,) = figure.axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("parameters", "accuracy (%)")
    wanted = np.stack([COLUMNS["parameters"].mean(axis=1), COLUMNS["accuracy (%)"].mean(axis=1)], axis=1)
    np.testing.assert_allclose(dots(ax, 11), np.roll(wanted, -1, axis=0))  # the baseline comes last, on top
    np.testing.assert_allclose(dots(ax, 17), wanted[2:3])
    assert len(dots(ax, 5)) == VALUES.size
    assert [line.get_marker() for line in ax.lines if line.get_markersize() == 5] == ["o", "o", "o", "D"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(pictures.colour_groups(GROUPS))
    assert ax.get_title(loc="left") == "ringed: 3, convs_3\nparameters: 1,700; accuracy (%): 54.7"
    assert_draws(figure)


def test_browser_without_the_seeds():
    figure = pictures.draw_browser(NAMES, GROUPS, COLUMNS, "parameters", "accuracy (%)", 1, each_seed=False)
    assert not [line for line in figure.axes[0].lines if line.get_markersize() == 5]
    assert_draws(figure)


def test_browser_says_what_cannot_be_shown():
    with pytest.raises(ValueError, match="Both axes show the same"):
        pictures.draw_browser(NAMES, GROUPS, COLUMNS, "parameters", "parameters", 1)
    for setting in (0, 6):
        with pytest.raises(ValueError, match="There are 5 settings here: choose one from 1 to 5"):
            pictures.draw_browser(NAMES, GROUPS, COLUMNS, "parameters", "accuracy (%)", setting)
