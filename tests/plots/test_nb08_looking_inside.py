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


def test_filters_are_sorted_by_their_share_and_grey_for_zero():
    kernels = np.zeros((4, 3, 3, 3))
    kernels[:, 1, 1, 1] = [1, -2, 0.5, 0]
    figure = pictures.draw_filters(kernels, np.array([0.1, 0.9, 0.5, 0.7]), rows=2)
    assert [len(ax.images) for ax in figure.axes] == [2, 2]
    middles = [picture.get_array()[1, 1, 1] for ax in figure.axes for picture in ax.images]
    np.testing.assert_allclose(middles, [0, 0.5, 0.625, 0.75])  # -2, 0, 0.5, 1 on a scale from -2 to 2
    assert [ax.get_ylabel() for ax in figure.axes] == ["grey part\n0.90 to 0.70", "grey part\n0.50 to 0.10"]


def test_scales_show_a_map_twice_the_second_time_on_the_common_scale():
    figure = pictures.draw_scales({"a": WEIGHTS, "flat": np.full(6, 1 / 6)}, GRID, high=4)
    own_a, _, fixed_a, fixed_flat = maps_of(figure)[:4]
    assert own_a.get_clim() == pytest.approx((0.6, 3.0))
    assert [ax.get_ylabel() for ax in (own_a.axes, fixed_a.axes)] == ["scale of its own", "one scale for both"]
    assert fixed_a.get_clim() == fixed_flat.get_clim() == (0, 4)
    np.testing.assert_allclose(fixed_a.get_array(), own_a.get_array())
    bars = [ax.get_ylabel() for ax in figure.axes if not ax.images and ax.axison]
    assert bars == ["weight, times uniform"]  # above stands no number that gives it away


def test_rollout_adds_up_the_paths():
    mixing = np.array([[[0.6, 0.4], [0.2, 0.8]], [[0.5, 0.5], [0.25, 0.75]]])
    figure = pictures.draw_rollout(mixing, np.array([0.2, 0.8]))
    (ax,) = figure.axes
    lines = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert len(lines) == 10  # four for each layer, two to the pooled vector
    widths = {(*map(float, line.get_xdata()), *map(float, line.get_ydata())): line.get_linewidth() for line in lines}
    assert widths[0, 1, 1, 0] == pytest.approx(0.5 + 9 * 0.4)  # what token 0 takes from token 1 in layer 0
    assert widths[2, 3, 1, 0.5] == pytest.approx(0.5 + 9 * 0.8)
    inside = [text.get_text() for text in ax.texts if text.get_color() == "white"]
    assert inside == ["0.32", "0.68", "0.30", "0.70", "0.20", "0.80", "1.00"]
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "input tokens", "after layer 0", "after layer 1", "pooled vector",
    ]  # fmt: skip


def test_weights_are_on_one_scale_and_signed_votes_on_another():
    weights = {"weights": WEIGHTS, "flat": np.full(6, 1 / 6)}
    figure = pictures.draw_votes(IMAGE, GRID, weights, {"one": VOTES, "two": VOTES / 2}, (0, 1), "What it says")
    sharp, flat, one, two = maps_of(figure)[:4]
    np.testing.assert_allclose(sharp.get_array(), 6 * WEIGHTS.reshape(GRID))
    assert sharp.get_clim() == flat.get_clim() == pytest.approx((0, 3))
    assert one.get_clim() == two.get_clim() == (-2, 2)
    assert figure.get_suptitle() == "What it says"
    assert boxes(figure.axes[0]) == {(3.5, -0.5, 4, 4)}  # squares of 4 x 4 pixels
    assert all(boxes(ax) == {(0.5, -0.5, 1, 1)} for ax in figure.axes[1:5])


def test_removal_shows_each_step_with_its_probability_and_share():
    images = {"map": np.stack([IMAGE, IMAGE * 0.0]), "random": np.stack([IMAGE, IMAGE * 0.0])}
    falls = {"map": [0.98, 0.1], "random": [0.98, 0.2]}
    figure = pictures.draw_removal(images, falls, [0, 0.125], "cat", "What it says")
    assert figure.get_suptitle() == "What it says"
    assert [ax.get_title() for ax in figure.axes] == ["cat: 98 %", "cat: 10 %", "cat: 98 %", "cat: 20 %"]
    assert [ax.get_xlabel() for ax in figure.axes[2:]] == ["0 % hidden", "12.5 % hidden"]
    assert [figure.axes[row].get_ylabel() for row in (0, 2)] == ["map", "random"]
    assert np.all(figure.axes[1].images[0].get_array() == 0)


def test_deletion_shows_how_much_further_than_the_baseline():
    curves = {"mean": {"map": [1, 0.5, 0], "random": [1, 0.8, 0], "centre": [1, 0.7, 0]}}
    figure = pictures.draw_deletion(curves, [0, 1, 4], over="centre", controls=["random"], title="What it says")
    (ax,) = figure.axes
    drawn = {line.get_label(): line for line in ax.lines}
    np.testing.assert_allclose(drawn["map"].get_ydata(), [0, 20, 0], atol=1e-9)
    np.testing.assert_allclose(drawn["random"].get_ydata(), [0, -10, 0], atol=1e-9)
    assert drawn["map"].get_xdata().tolist() == [0, 25, 100]
    assert set(drawn["centre"].get_ydata()) == {0}
    assert drawn["map"].get_marker() == "o" and drawn["random"].get_marker() == "None"
    assert drawn["random"].get_color() == GREY and figure.get_suptitle() == "What it says"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["centre", "map", "random"]


def test_intervals_reach_from_low_to_high():
    intervals = {"mean": {"a": (0.1, 0.05, 0.2), "b": (-0.1, -0.15, 0)}, "blur": {"a": (0, -1, 1), "b": (0, -1, 1)}}
    figure = pictures.draw_intervals(intervals, "gain (0: as good as random)", "What it says")
    (ax,) = figure.axes
    bars = [bar.get_segments() for container in ax.containers for bar in container[2]]
    np.testing.assert_allclose([segment[:, 0] for segment in bars[0]], [(0.05, 0.2), (-0.15, 0)])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert "as good as random" in ax.get_xlabel() and ax.get_title() == "What it says"


def test_shuffled_maps_stand_below_the_others_on_the_same_scale():
    trained, shuffled = {"weights": WEIGHTS, "votes": VOTES}, {"weights": WEIGHTS[::-1] / 2, "votes": VOTES / 4}
    figure = pictures.draw_shuffled(trained, shuffled, GRID, ["votes"], "What it says")
    weights, votes, weights_below, votes_below = maps_of(figure)
    assert weights.get_clim() == weights_below.get_clim() == (0, 0.5)
    assert votes.get_clim() == votes_below.get_clim() == (-2, 2)
    np.testing.assert_allclose(np.ravel(weights_below.get_array()), WEIGHTS[::-1] / 2)
    assert [weights.axes.get_ylabel(), weights_below.axes.get_ylabel()] == ["trained", "weights shuffled"]
    assert figure.get_suptitle() == "What it says" and figure.get_supxlabel() == "above and below share a scale"


def test_calibration_is_in_percent_with_the_counts_beside():
    figure = pictures.draw_calibration([0.35, 0.95], [0.3, 0.9], [12, 3456], "title")
    (ax,) = figure.axes
    drawn = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_allclose(drawn.get_xydata(), [(35, 30), (95, 90)])
    assert [text.get_text() for text in ax.texts] == ["12", "3,456"] and ax.get_title() == "title"


def test_every_picture_can_be_saved_grey_images_too():
    grey = IMAGE[..., :1]
    drawn = [
        pictures.draw_scales({"a": WEIGHTS}, GRID, 2),
        pictures.draw_votes(grey, GRID, {}, {"none": np.zeros(6)}),
        pictures.draw_removal({"a": grey[None]}, {"a": [1]}, [0], "a"),
        pictures.draw_deletion({"a": {"b": [1, 0], "c": [1, 0]}}, [0, 4], over="b"),
        pictures.draw_intervals({"a": {"b": (0, -1, 1)}}, "label"),
        pictures.draw_filters(np.ones((4, 3, 3, 3)), np.ones(4), rows=2),
        pictures.draw_shuffled({"a": WEIGHTS}, {"a": WEIGHTS}, GRID),
    ]
    for figure in drawn:
        assert to_png(figure).startswith(b"\x89PNG")
