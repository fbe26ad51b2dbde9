"""Pictures of attention: the numbers in them are those of the arrays, and the token is where it belongs."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from cct_helpers.figures import BLUE, to_png
from cct_helpers.plots import nb03_self_attention as pictures

IMAGE = np.random.default_rng(0).integers(0, 255, (8, 12, 3), dtype="uint8")
GRID = (2, 3)  # not square: 4 x 4 pixels a token
WEIGHTS = np.array([0.25, 0, 0, 0, 0, 0.75])


def test_steps_write_every_number_and_outline_one_row_of_every_array():
    shares = np.array([[0.25, 0.75], [0.5, 0.5]])
    arrays = [np.full((2, 3), 7), *np.arange(12).reshape(3, 2, 2), np.full((2, 2), -3), shares, np.full((2, 2), 1.25)]
    figure = pictures.draw_steps({str(i): array for i, array in enumerate(arrays)}, ["A", "B"], 1, "What it says")
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert "What it says" in texts
    for number, count in {"7": 7, "-3": 4, "0.25": 1, "0.75": 1, "0.50": 2, "1.25": 4}.items():  # 7 is a value too
        assert texts.count(number) == count, number
    outlines = [box for box in axes.patches if isinstance(box, Rectangle) and box.get_edgecolor()[:3] == to_rgb(BLUE)]
    assert [box.get_width() for box in outlines] == [3, 2, 2, 2, 2, 2, 2]
    cells = [box for box in axes.patches if isinstance(box, Rectangle) and box.get_width() == 1]
    assert sorted({box.get_facecolor()[3] for box in cells}) == [0.25, 0.5, 0.75, 1]  # shares are veils, all else white
    tokens = [box.get_y() for box in cells[:6]]
    assert min(tokens) == pytest.approx(outlines[0].get_y())  # the second row is the lower one


def test_scaling_draws_both_quantities_and_the_uniform_level():
    figure = pictures.draw_scaling((4, 16), {"a": [4, 16], "b": [1, 1]}, {"a": [2, 1], "b": [3, 3]}, 3.5)
    left, right = figure.axes
    assert [list(line.get_ydata()) for line in left.lines] == [[4, 16], [1, 1]]
    assert [list(line.get_ydata()) for line in right.lines] == [[2, 1], [3, 3], [3.5, 3.5]]
    assert to_png(figure).startswith(b"\x89PNG")


def test_reading_has_a_row_a_token_and_a_column_a_way_on_one_scale():
    weights = {"even": np.full((6, 6), 1 / 6), "one": np.eye(6)}
    figure = pictures.draw_reading({name: (IMAGE, each) for name, each in weights.items()}, [(0, 2), (1, 0)], GRID, 6)
    assert [ax.get_title() for ax in figure.axes] == ["even", "one", "", ""]
    for ax, token in zip(figure.axes[1::2], (2, 3), strict=True):
        veil = np.asarray(ax.images[1].get_array())[..., 3]
        np.testing.assert_allclose(veil, 0.85 * np.eye(6)[token].reshape(GRID))
        assert {box.get_xy() for box in ax.patches} == {(4 * (token % 3) - 0.5, 4 * (token // 3) - 0.5)}
    np.testing.assert_allclose(np.asarray(figure.axes[0].images[1].get_array())[..., 3], 0.85 / 6)


def test_reading_refuses_a_token_outside_the_grid():
    with pytest.raises(ValueError, match=r"no token \(2, 0\) on a grid of 2 x 3"):
        pictures.draw_reading({"a": (IMAGE, np.eye(6))}, [(2, 0)], GRID, 6)


def test_blocks_have_the_norms_where_their_formulas_have_them():
    pre, post, mid = ([(t.get_text(), t.get_position()[0] > 1) for t in ax.texts] for ax in pictures.draw_blocks().axes)
    on_branch = [[name for name, branch in parts if branch and name] for parts in (pre, post, mid)]
    on_stream = [[name for name, branch in parts if not branch and name in ("norm", "+")] for parts in (pre, post, mid)]
    assert on_branch == [["norm", "attention", "norm", "MLP"], ["attention", "MLP"], ["norm", "attention", "MLP"]]
    assert on_stream == [["+", "+"], ["+", "norm", "+", "norm"], ["+", "norm", "+"]]


def test_gelu_marks_its_lowest_point():
    x = np.array([-1.0, 0, 1])
    left, right = pictures.draw_gelu(x, np.array([-0.16, 0, 0.84]), np.maximum(x, 0), np.array([0, 2e-4, 0])).axes
    assert left.lines[-1].get_xydata().tolist() == [[-1, -0.16]]
    assert right.lines[0].get_ydata().tolist() == pytest.approx([0, 2, 0])


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
