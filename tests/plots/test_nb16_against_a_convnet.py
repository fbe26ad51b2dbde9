"""The pictures of notebook 16 show what they were given."""

import numpy as np

from cct_helpers.figures import to_png
from cct_helpers.plots import nb16_against_a_convnet as pictures
from tests.support.pictures import flaws

NEAR, EVERYWHERE, NOTHING = pictures.KINDS


def assert_draws(figure):
    assert to_png(figure).startswith(b"\x89PNG")
    assert flaws(figure) == []


def dots(ax, size):
    """The points drawn with markers of this size: (n, 2), in order of drawing."""
    lines = [line for line in ax.lines if line.get_marker() != "None" and line.get_markersize() == size]
    return np.concatenate([line.get_xydata() for line in lines])


def test_two_ways_have_a_box_a_step_and_a_colour_a_kind():
    rows = {"A": [("one convolution", "8 x 8", NEAR), ("head", "10", NOTHING)], "B": [("attention", "64", EVERYWHERE)]}
    figure = pictures.draw_two_ways(rows, "two ways")
    assert_draws(figure)
    (ax,) = figure.axes
    assert len(ax.patches) == 3 and len({patch.get_facecolor() for patch in ax.patches}) == 3
    assert {"A", "one convolution\n8 x 8", "attention\n64"} <= {text.get_text() for text in ax.texts}


def test_costs_are_at_their_sides():
    sides = np.array([16, 32, 64])
    macs = {"CCT": np.array([1e6, 4e6, 2e7]), "ResNet": np.array([2e6, 8e6, 3.2e7])}
    figure = pictures.draw_costs(sides, macs | {"CCT attention": macs["CCT"] / 2}, {"CCT": [0.002], "ResNet": [0.003]})
    left, right = figure.axes
    np.testing.assert_allclose([line.get_ydata() for line in left.lines[:2]], [[1, 4, 20], [2, 8, 32]])
    np.testing.assert_allclose([line.get_xydata()[0] for line in right.lines], [[64, 2], [64, 3]])
    assert [line.get_linestyle() for line in left.lines] == ["-", "-", "--"]
    assert_draws(figure)


def test_a_race_has_a_dot_a_run_over_the_band_of_luck():
    panels = {"all": {"CCT": np.array([76.0, 78]), "ResNet": np.array([75.0, 74])}, "tenth": {"CCT": np.array([55.0])}}
    figure = pictures.draw_race(panels, {"all": 1.5, "tenth": 3}, "a race")
    left, right = figure.axes
    np.testing.assert_allclose(dots(left, 5), [[76, 0], [78, 0], [75, 1], [74, 1]])
    band = left.patches[0].get_extents().transformed(left.transData.inverted())
    np.testing.assert_allclose([band.x0, band.x1], [75.5, 78.5])
    assert [label.get_text() for label in left.get_yticklabels()] == ["CCT", "ResNet"]
    assert right.get_title() == "tenth" and left.get_xlim() == right.get_xlim()
    assert_draws(figure)


def test_changes_have_a_line_a_model():
    scores = np.array([[77.0, 76], [70, 71], [60, 62]])
    models = {"CCT": ([0, 2, 8], scores), "ResNet": ([0, 2, 8], scores - 2)}
    figure = pictures.draw_changes({"moved by (pixels)": models, "covered (pixels)": models})
    left, right = figure.axes
    np.testing.assert_allclose(dots(left, 5)[:6, 1], scores.ravel())
    np.testing.assert_allclose(dots(right, 11)[:3, 1], scores.mean(axis=1))
    assert left.get_xlabel() == "moved by (pixels)"
    assert_draws(figure)


def test_seen_pixels_are_drawn_on_one_scale_with_their_widths():
    where = np.zeros((8, 8), bool)
    where[2:5, 1:6] = True
    figure = pictures.draw_seen({"one": where, "all": np.ones((8, 8), bool), "again": where}, "a message")
    left, right, _ = figure.axes
    assert (left.get_title(), right.get_title()) == ("one: 5 pixels", "all: 8 pixels")
    np.testing.assert_array_equal(left.images[0].get_array(), where)
    assert left.images[0].get_clim() == right.images[0].get_clim() == (0, 1)
    assert figure.get_suptitle() == "a message"
    assert_draws(figure)


def test_boxes_are_the_shares_that_at_least_one_gets_wrong():
    counts = np.array([[6, 2, 1, 1], [4, 0, 4, 2]])
    figure = pictures.draw_boxes(counts, ["cat", "dog"])
    (ax,) = figure.axes
    widths = np.array([patch.get_width() for patch in ax.patches]).reshape(3, 3).T
    np.testing.assert_allclose(widths, [[10, 25, 15], [20, 10, 10], [0, 40, 20]])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["all", "cat", "dog"]
    assert_draws(figure)


def test_published_have_a_row_each_and_a_colour_a_kind():
    scores = {"ResNet-20, 2015": 91.25, "CCT-2/3x2": 89.17, "ResNet-20, 2018": 94.03}
    kinds = {name: "convolutions" if name.startswith("R") else "transformer" for name in scores}
    figure = pictures.draw_published(scores, kinds)
    (ax,) = figure.axes
    np.testing.assert_allclose(sorted(dots(ax, 9)[:, 0]), sorted(scores.values()))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["convolutions", "transformer"]
    assert_draws(figure)
