"""Pictures of attention: the numbers in them are those of the weights, and the token is where it belongs."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from cct_helpers import figures
from cct_helpers.figures import BLUE, to_png
from cct_helpers.plots import nb03_self_attention as pictures

IMAGE = np.random.default_rng(0).integers(0, 255, (8, 12, 3), dtype="uint8")
GRID = (2, 3)  # not square: 4 x 4 pixels a token
UNIFORM = np.full((6, 6), 1 / 6)


def sharp():
    """Token (1, 0), number 3, reads three quarters from token 5 and the rest from token 0."""
    weights = UNIFORM.copy()
    weights[3] = [0.25, 0, 0, 0, 0, 0.75]
    return weights


def boxes(axes):
    """(left, top, width, height, colour) of the outlines in a picture, in pixel numbers of the image."""
    outlines = [patch for patch in axes.patches if isinstance(patch, Rectangle) and not patch.get_fill()]
    return [
        (*np.add(box.get_xy(), 0.5), box.get_width(), box.get_height(), to_hex(box.get_edgecolor())) for box in outlines
    ]


def test_numbers_of_a_row():
    assert np.allclose(pictures.row_numbers(UNIFORM[0]), (1, np.log2(6), np.log2(6)))
    times, entropy, most = pictures.row_numbers([0.5, 0.25, 0.25, 0])
    assert (times, entropy, most) == (2, 1.5, 2)
    assert pictures.row_numbers(np.array([0, 1], "float32"))[1] == 0  # no warning for the logarithm of 0


def test_weights_share_a_scale_that_names_uniform():
    figure = pictures.draw_weights({"a": UNIFORM, "b": sharp()}, 0.5)
    assert [ax.images[0].get_clim() for ax in figure.axes[:2]] == [(0, 0.5), (0, 0.5)]
    assert np.array_equal(figure.axes[1].images[0].get_array(), sharp())
    assert "0.167" in figure.axes[2].get_ylabel()
    assert "reads" in figure.axes[0].get_ylabel() and "is read" in figure.axes[0].get_xlabel()


def test_scaling_draws_both_quantities_and_the_uniform_level():
    figure = pictures.draw_scaling((4, 16), {"a": [4, 16], "b": [1, 1]}, {"a": [2, 1], "b": [3, 3]}, 3.5)
    left, right = figure.axes
    assert [list(line.get_ydata()) for line in left.lines] == [[4, 16], [1, 1]]
    assert [list(line.get_ydata()) for line in right.lines] == [[2, 1], [3, 3], [3.5, 3.5]]


def test_depth_draws_every_variant_from_block_0():
    figure = pictures.draw_depth({"a": [1, 2, 3], "b": [1, 1, 1]})
    assert [list(line.get_xdata()) for line in figure.axes[0].lines] == [[0, 1, 2]] * 2
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["a", "b"]


def test_reading_takes_the_row_of_the_token_and_outlines_it():
    figure = pictures.draw_reading(IMAGE, {"one": UNIFORM, "two": sharp()}, GRID, (1, 0))
    assert all(boxes(ax) == [(0, 4, 4, 4, BLUE.lower())] for ax in figure.axes)
    assert "largest 1.0 x uniform" in figure.axes[1].get_title()
    assert "largest 4.5 x uniform" in figure.axes[2].get_title()
    veil = np.asarray(figure.axes[2].images[1].get_array())[..., 3]  # (rows, columns)
    assert np.allclose(veil / veil.max(), [[1 / 3, 0, 0], [0, 0, 1]])
    assert "reads from" in figure._supxlabel.get_text()
    figure = pictures.draw_reading(IMAGE, {"own": np.eye(6)}, GRID, (1, 2))  # token 5 reads from itself alone
    assert np.asarray(figure.axes[1].images[1].get_array())[..., 3].argmax() == 5


def test_the_photo_loses_its_colour_under_a_veil_alone():
    grey = figures.without_colour(IMAGE)
    assert grey.shape == (8, 12, 1) and grey.dtype == np.uint8
    figure = pictures.draw_reading(IMAGE, {"one": UNIFORM}, GRID, (0, 0))
    assert np.array_equal(figure.axes[0].images[0].get_array(), IMAGE)
    assert np.array_equal(figure.axes[1].images[0].get_array(), grey[..., 0])


def test_explorer_shows_the_row_sorted_beside_uniform():
    figure = pictures.draw_explorer(IMAGE, sharp(), GRID, 1, 0, "layer 0")
    left, right = figure.axes
    assert boxes(left) == [(0, 4, 4, 4, BLUE.lower())]
    assert left.get_title() == "layer 0: where token (1, 0) reads"
    assert right.get_title() == "largest 4.5 x uniform, entropy 0.81 of 2.58 bits"
    assert np.isclose(right.lines[0].get_ydata()[0], 1 / 6)
    heights = right.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.max() == 0.75 and heights[1] == 0.75  # the most read first
    figure = pictures.draw_explorer(IMAGE, np.diag(np.arange(6)), GRID, 1, 2, "layer 0")
    assert figure.axes[1].collections[0].get_paths()[0].vertices[:, 1].max() == 5  # token (1, 2) is number 5


@pytest.mark.parametrize("row, column", [(2, 0), (0, 3), (-1, 0)])
def test_explorer_refuses_a_token_outside_the_grid(row, column):
    with pytest.raises(ValueError, match=rf"no token \({row}, {column}\) on a grid of 2 x 3"):
        pictures.draw_explorer(IMAGE, UNIFORM, GRID, row, column, "a")


def test_every_picture_can_be_saved():
    figures = [
        pictures.draw_weights({"a": UNIFORM}, 0.2),
        pictures.draw_scaling((4, 16), {"a": [4, 16]}, {"a": [2, 1]}, 3),
        pictures.draw_depth({"a": [1, 2]}),
        pictures.draw_reading(IMAGE[..., :1], {"a": UNIFORM}, GRID, (0, 0)),
        pictures.draw_explorer(IMAGE, UNIFORM, GRID, 0, 2, "a"),
    ]
    for figure in figures:
        assert to_png(figure).startswith(b"\x89PNG")
