"""Pictures of what a model did: colours, outlines and numbers stand for the arrays that came in."""

import numpy as np
import pytest

from cct_helpers import figures
from cct_helpers.figures import to_png
from cct_helpers.plots import nb08_looking_inside as pictures

GRID = (2, 3)
IMAGE = np.random.default_rng(0).integers(0, 255, (8, 12, 3), dtype="uint8")
WEIGHTS = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
VOTES = np.array([1.0, -2.0, 0.0, 0.5, 0.0, 0.1])


def maps_of(figure):
    """The arrays drawn as maps, in order."""
    shown = [ax.images[0] for ax in figure.axes if ax.images]
    return [picture for picture in shown if np.ndim(picture.get_array()) == 2]


def boxes(axes):
    return {(*np.round(patch.get_xy(), 6), patch.get_width(), patch.get_height()) for patch in axes.patches}


def test_predictions_show_the_most_probable_classes_in_order():
    probabilities = np.array([[0.1, 0.65, 0.25], [0.8, 0.2, 0.0]])
    figure = figures.draw_predictions([IMAGE, IMAGE], probabilities, ["a", "b", "c"], ["one", "two"], top=2)
    photos, bars = figure.axes[:2], figure.axes[2:]
    assert [ax.get_title() for ax in photos] == ["one", "two"]
    assert [[label.get_text() for label in ax.get_yticklabels()] for ax in bars] == [["b", "c"], ["a", "b"]]
    assert [round(bar.get_width()) for bar in bars[0].patches] == [65, 25]
    assert [text.get_text() for text in bars[1].texts] == ["80 %", "20 %"]


def test_heads_are_all_there_on_one_scale_in_multiples_of_uniform():
    rows = np.stack([[WEIGHTS, WEIGHTS[::-1]], [WEIGHTS, np.full(6, 1 / 6)]])  # (layers, heads, tokens)
    figure = pictures.draw_heads(IMAGE, rows, GRID, token=4, high=2)
    drawn = maps_of(figure)[:4]
    np.testing.assert_allclose(drawn[1].get_array(), (6 * WEIGHTS[::-1]).reshape(GRID))
    assert {picture.get_clim() for picture in drawn} == {(0, 2)}
    titles = [ax.get_title() for ax in figure.axes[:6]]
    assert titles[1] == "layer 0, head 0\nup to 3.0" and titles[5] == "layer 1, head 1\nup to 1.0"
    assert boxes(figure.axes[0]) == {(3.5, 3.5, 4, 4)}  # token 4 is in row 1, column 1: squares of 4 x 4 pixels
    assert boxes(figure.axes[1]) == {(0.5, 0.5, 1, 1)}


def test_scales_show_a_map_twice_the_second_time_on_the_common_scale():
    figure = pictures.draw_scales({"a": WEIGHTS, "flat": np.full(6, 1 / 6)}, GRID, high=4)
    own_a, _, fixed_a, fixed_flat = maps_of(figure)[:4]
    assert own_a.get_clim() == pytest.approx((0.6, 3.0))
    assert [ax.get_ylabel() for ax in (own_a.axes, fixed_a.axes)] == ["scale of its own", "one scale for all"]
    assert fixed_a.get_clim() == fixed_flat.get_clim() == (0, 4)
    np.testing.assert_allclose(fixed_a.get_array(), own_a.get_array())


def test_votes_are_white_at_zero_orange_for_and_blue_against():
    figure = pictures.draw_votes(IMAGE, GRID, {"weights": WEIGHTS}, {"one": VOTES, "two": VOTES / 2}, token=1)
    weights, one, two = maps_of(figure)[:3]
    np.testing.assert_allclose(weights.get_array(), 6 * WEIGHTS.reshape(GRID))
    assert one.get_clim() == two.get_clim() == (-2, 2)
    for_, against, zero = (one.cmap(one.norm(value))[:3] for value in (2, -2, 0))
    assert for_[0] > for_[2] and against[2] > against[0] and min(zero) > 0.98
    assert all(boxes(ax) for ax in figure.axes[:4])


def test_filters_keep_one_scale_with_grey_at_zero():
    kernels = np.zeros((3, 3, 3, 3))
    kernels[0, 0, 0, 0], kernels[1, 1, 1, 1] = 2.0, -1.0
    figure = pictures.draw_filters(kernels, columns=2, title="three")
    shown = [ax.images[0].get_array() for ax in figure.axes if ax.images]
    assert len(shown) == 3 and len(figure.axes) == 4
    assert shown[0][0, 0, 0] == 1 and shown[1][1, 1, 1] == 0.25 and np.all(shown[2] == 0.5)


def test_removal_shows_each_step_with_its_probability_and_share():
    images = {"map": np.stack([IMAGE, IMAGE * 0.0]), "random": np.stack([IMAGE, IMAGE * 0.0])}
    falls = {"map": [0.98, 0.1], "random": [0.98, 0.2]}
    figure = pictures.draw_removal(images, falls, [0, 0.25], "cat")
    assert [ax.get_title() for ax in figure.axes] == ['"cat" 98 %', '"cat" 10 %', '"cat" 98 %', '"cat" 20 %']
    assert [ax.get_xlabel() for ax in figure.axes[2:]] == ["0 % removed", "25 % removed"]
    assert [figure.axes[row].get_ylabel() for row in (0, 2)] == ["map", "random"]
    assert np.all(figure.axes[1].images[0].get_array() == 0)


def test_deletion_curves_are_in_percent_and_random_is_set_apart():
    figure = pictures.draw_deletion({"mean": {"map": [1, 0.5, 0], "random": [1, 0.8, 0]}}, "probability (%)")
    (ax,) = figure.axes
    assert [line.get_ydata().tolist() for line in ax.lines] == [[100, 50, 0], [100, 80, 0]]
    assert ax.lines[0].get_xdata().tolist() == [0, 50, 100]
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["map", "random"]


def test_intervals_reach_from_low_to_high():
    intervals = {"mean": {"a": (0.1, 0.05, 0.2), "b": (-0.1, -0.15, 0)}, "blur": {"a": (0, -1, 1), "b": (0, -1, 1)}}
    figure = pictures.draw_intervals(intervals, "gain", "as good as random")
    (ax,) = figure.axes
    bars = [bar.get_segments() for container in ax.containers for bar in container[2]]
    np.testing.assert_allclose([segment[:, 0] for segment in bars[0]], [(0.05, 0.2), (-0.15, 0)])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert "as good as random" in ax.get_xlabel()


def test_one_map_prints_what_lies_beyond_the_scale():
    figure = pictures.draw_one_map(IMAGE, 6 * WEIGHTS, GRID, "pooling", high=2, token=5)
    assert figure.axes[1].images[0].get_clim() == (0, 2)
    assert np.ndim(figure.axes[0].images[0].get_array()) == 2  # grey, so that the orange veil shows on any colour
    assert figure.get_suptitle() == "pooling\nsmallest 0.60, largest 3.00"
    signed = pictures.draw_one_map(IMAGE, VOTES, GRID, "votes", high=2, signed=True)
    assert maps_of(signed)[0].get_clim() == (-2, 2)
    assert (
        len(signed.axes[0].images) == 1 and len(figure.axes[0].images) == 2
    )  # a signed map is not laid over the image


def test_every_picture_can_be_saved_grey_images_too():
    grey, rows = IMAGE[..., :1], np.tile(WEIGHTS, (1, 1, 1))
    drawn = [
        figures.draw_predictions([grey], np.array([[0.9, 0.1]]), ["a", "b"], top=2),
        pictures.draw_heads(grey, rows, GRID, 0, 2),
        pictures.draw_scales({"a": WEIGHTS}, GRID, 2),
        pictures.draw_votes(grey, GRID, {}, {"none": np.zeros(6)}),
        pictures.draw_filters(np.ones((5, 3, 3, 3))),
        pictures.draw_removal({"a": grey[None]}, {"a": [1]}, [0], "a"),
        pictures.draw_deletion({"a": {"b": [1, 0]}}, "label"),
        pictures.draw_intervals({"a": {"b": (0, -1, 1)}}, "label", "zero"),
        pictures.draw_one_map(grey, WEIGHTS, GRID, "a", high=1),
    ]
    for figure in drawn:
        assert to_png(figure).startswith(b"\x89PNG")
