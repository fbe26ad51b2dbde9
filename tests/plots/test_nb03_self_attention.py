"""Pictures of attention: the numbers in them are those of the weights, and the token is where it belongs."""

import numpy as np
import pytest

from cct_helpers.figures import to_png
from cct_helpers.plots import nb03_self_attention as pictures

IMAGE = np.random.default_rng(0).integers(0, 255, (8, 12, 3), dtype="uint8")
GRID = (2, 3)  # not square: 4 x 4 pixels a token
WEIGHTS = np.array([0.25, 0, 0, 0, 0, 0.75])


def test_scaling_draws_both_quantities_and_the_uniform_level():
    figure = pictures.draw_scaling((4, 16), {"a": [4, 16], "b": [1, 1]}, {"a": [2, 1], "b": [3, 3]}, 3.5)
    left, right = figure.axes
    assert [list(line.get_ydata()) for line in left.lines] == [[4, 16], [1, 1]]
    assert [list(line.get_ydata()) for line in right.lines] == [[2, 1], [3, 3], [3.5, 3.5]]
    assert to_png(figure).startswith(b"\x89PNG")


def test_explorer_shows_the_row_on_a_fixed_scale_and_sorted_beside_uniform():
    figure = pictures.draw_explorer(IMAGE, WEIGHTS, GRID, (1, 0), 9, "layer 0", "largest 4.5 x uniform")
    left, right = figure.axes
    assert {box.get_xy() for box in left.patches} == {(-0.5, 3.5)}
    veil = np.asarray(left.images[1].get_array())[..., 3]
    np.testing.assert_allclose(veil, 0.85 * 6 * WEIGHTS.reshape(GRID) / 9)
    assert "full orange: 9 and more" in left.get_xlabel()
    assert (left.get_title(), right.get_title()) == ("layer 0", "largest 4.5 x uniform")
    assert right.patches[0].get_data().values.tolist() == [0.75, 0.25, 0, 0, 0, 0]
    assert to_png(figure).startswith(b"\x89PNG")


def test_explorer_refuses_a_token_outside_the_grid():
    with pytest.raises(ValueError, match=r"no token \(0, 3\) on a grid of 2 x 3"):
        pictures.draw_explorer(IMAGE, WEIGHTS, GRID, (0, 3), 9, "a", "b")
