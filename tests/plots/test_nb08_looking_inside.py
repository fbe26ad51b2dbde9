"""Pictures of what a model did: colours, outlines and numbers stand for the arrays that came in."""

import numpy as np
import pytest

from cct_helpers.figures import GREY, to_png
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


def test_scales_show_a_map_twice_the_second_time_on_the_common_scale():
    figure = pictures.draw_scales({"a": WEIGHTS, "flat": np.full(6, 1 / 6)}, GRID, high=4)
    own_a, _, fixed_a, fixed_flat = maps_of(figure)[:4]
    assert own_a.get_clim() == pytest.approx((0.6, 3.0))
    assert [ax.get_ylabel() for ax in (own_a.axes, fixed_a.axes)] == ["scale of its own", "one scale for all"]
    assert fixed_a.get_clim() == fixed_flat.get_clim() == (0, 4)
    np.testing.assert_allclose(fixed_a.get_array(), own_a.get_array())


def test_weights_are_on_one_scale_and_signed_votes_on_another():
    weights = {"weights": WEIGHTS, "flat": np.full(6, 1 / 6)}
    figure = pictures.draw_votes(IMAGE, GRID, weights, {"one": VOTES, "two": VOTES / 2}, token=(0, 1))
    sharp, flat, one, two = maps_of(figure)[:4]
    np.testing.assert_allclose(sharp.get_array(), 6 * WEIGHTS.reshape(GRID))
    assert sharp.get_clim() == flat.get_clim() == pytest.approx((0, 3))
    assert one.get_clim() == two.get_clim() == (-2, 2)
    assert boxes(figure.axes[0]) == {(3.5, -0.5, 4, 4)}  # squares of 4 x 4 pixels
    assert all(boxes(ax) == {(0.5, -0.5, 1, 1)} for ax in figure.axes[1:5])


def test_removal_shows_each_step_with_its_probability_and_share():
    images = {"map": np.stack([IMAGE, IMAGE * 0.0]), "random": np.stack([IMAGE, IMAGE * 0.0])}
    falls = {"map": [0.98, 0.1], "random": [0.98, 0.2]}
    figure = pictures.draw_removal(images, falls, [0, 0.25], "cat")
    assert [ax.get_title() for ax in figure.axes] == ["cat: 98 %", "cat: 10 %", "cat: 98 %", "cat: 20 %"]
    assert [ax.get_xlabel() for ax in figure.axes[2:]] == ["0 % removed", "25 % removed"]
    assert [figure.axes[row].get_ylabel() for row in (0, 2)] == ["map", "random"]
    assert np.all(figure.axes[1].images[0].get_array() == 0)


def test_deletion_curves_are_in_percent_and_controls_are_set_apart():
    curves = {"mean": {"map": [1, 0.5, 0], "random": [1, 0.8, 0], "centre": [1, 0.7, 0]}}
    figure = pictures.draw_deletion(curves, "probability (%)", ["random", "centre"])
    (ax,) = figure.axes
    assert [line.get_ydata().tolist() for line in ax.lines] == [[100, 50, 0], [100, 80, 0], [100, 70, 0]]
    assert ax.lines[0].get_xdata().tolist() == [0, 50, 100]
    assert [line.get_marker() for line in ax.lines] == ["o", "None", "None"]
    assert [line.get_color() for line in ax.lines[1:]] == ["black", GREY]
    assert ax.lines[0].get_zorder() > ax.lines[1].get_zorder()  # the maps on top
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["map", "random", "centre"]


def test_intervals_reach_from_low_to_high():
    intervals = {"mean": {"a": (0.1, 0.05, 0.2), "b": (-0.1, -0.15, 0)}, "blur": {"a": (0, -1, 1), "b": (0, -1, 1)}}
    figure = pictures.draw_intervals(intervals, "gain", "as good as random")
    (ax,) = figure.axes
    bars = [bar.get_segments() for container in ax.containers for bar in container[2]]
    np.testing.assert_allclose([segment[:, 0] for segment in bars[0]], [(0.05, 0.2), (-0.15, 0)])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert "as good as random" in ax.get_xlabel()


def test_one_map_prints_what_lies_beyond_the_scale():
    figure = pictures.draw_one_map(IMAGE, 6 * WEIGHTS, GRID, "pooling", high=2, token=(1, 2))
    assert figure.axes[1].images[0].get_clim() == (0, 2)
    assert np.ndim(figure.axes[0].images[0].get_array()) == 2  # grey, so that the orange veil shows on any colour
    assert figure.get_suptitle() == "pooling\nsmallest 0.60, largest 3.00"
    signed = pictures.draw_one_map(IMAGE, VOTES, GRID, "votes", high=2, signed=True)
    assert maps_of(signed)[0].get_clim() == (-2, 2)
    assert (
        len(signed.axes[0].images) == 1 and len(figure.axes[0].images) == 2
    )  # a signed map is not laid over the image


def test_every_picture_can_be_saved_grey_images_too():
    grey = IMAGE[..., :1]
    drawn = [
        pictures.draw_scales({"a": WEIGHTS}, GRID, 2),
        pictures.draw_votes(grey, GRID, {}, {"none": np.zeros(6)}),
        pictures.draw_removal({"a": grey[None]}, {"a": [1]}, [0], "a"),
        pictures.draw_deletion({"a": {"b": [1, 0]}}, "label"),
        pictures.draw_intervals({"a": {"b": (0, -1, 1)}}, "label", "zero"),
        pictures.draw_one_map(grey, WEIGHTS, GRID, "a", high=1),
    ]
    for figure in drawn:
        assert to_png(figure).startswith(b"\x89PNG")
