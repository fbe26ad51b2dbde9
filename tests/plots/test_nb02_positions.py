"""Pictures of positions: every number stands at the place of its token."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from cct_helpers.figures import to_png
from cct_helpers.plots import nb02_positions as pictures

GRID = (2, 3)  # not square
SIMILARITY = np.arange(36.0).reshape(6, 6) / 36


def test_table_has_one_line_a_token_and_zero_in_the_middle_of_the_scale():
    figure = pictures.draw_table(np.array([[0.0, 1, -3], [2, 0, 0]]), "a table")
    image = figure.axes[0].images[0]
    assert image.get_array().shape == (2, 3) and image.get_clim() == (-3, 3)
    assert figure.axes[0].get_title() == "a table"


def test_a_tile_stands_at_the_place_of_its_token():
    tiles = pictures.tile_maps(SIMILARITY, GRID)
    assert tiles.shape == (2 * 3 - 1, 3 * 4 - 1)
    for token in range(6):
        row, column = divmod(token, 3)
        tile = tiles[3 * row : 3 * row + 2, 4 * column : 4 * column + 3]
        assert np.array_equal(tile, SIMILARITY[token].reshape(GRID))
    assert np.isnan(tiles[2]).all() and np.isnan(tiles[:, [3, 7]]).all()
    assert np.isnan(tiles).sum() == tiles.size - 36


def test_similarity_maps_number_the_middle_of_each_tile():
    figure = pictures.draw_similarity_maps({"a": SIMILARITY, "b": -SIMILARITY}, GRID)
    first = figure.axes[0]
    assert [ax.get_title() for ax in figure.axes[:2]] == ["a", "b"]
    assert list(first.get_xticks()) == [1, 5, 9] and list(first.get_yticks()) == [0.5, 3.5]
    assert [text.get_text() for text in first.get_xticklabels()] == ["0", "1", "2"]
    assert first.images[0].get_clim() == (-1, 1)


def test_similarity_of_a_token_as_a_map_and_along_its_row_and_column():
    figure = pictures.draw_similarity(SIMILARITY, GRID, row=1, column=0, title="sine")
    left, right = figure.axes[:2]
    values = SIMILARITY[3].reshape(GRID)
    assert np.array_equal(left.images[0].get_array(), values) and left.images[0].get_clim() == (-1, 1)
    assert {box.get_xy() for box in left.patches if isinstance(box, Rectangle)} == {(-0.5, 0.5)}
    along_row, along_column = right.lines[:2]
    assert list(along_row.get_xdata()) == [0, 1, 2] and np.array_equal(along_row.get_ydata(), values[1])
    assert list(along_column.get_xdata()) == [-1, 0] and np.array_equal(along_column.get_ydata(), values[:, 0])
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["along its row", "along its column"]


def test_similarity_refuses_a_token_outside_the_grid():
    with pytest.raises(ValueError, match=r"no token \(2, 0\) on a grid of 2 x 3"):
        pictures.draw_similarity(SIMILARITY, GRID, 2, 0, "a")


def test_accuracies_draw_every_run_in_percent_under_its_kind():
    runs = {"learned": [0.5, 0.7], "none": [0.1, 0.3]}
    (axes,) = pictures.draw_accuracies({("patches", "moved"): runs}, ("none", "learned"), chance=0.1).axes
    means, dots = axes.lines[0:4:2], axes.lines[1:4:2]
    assert np.allclose([line.get_xydata()[0] for line in means], [[0, 20], [1, 60]])
    assert np.allclose([line.get_ydata() for line in dots], [[10, 30], [50, 70]])
    assert list(axes.lines[-1].get_ydata()) == [10, 10]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["none", "learned"]
    assert axes.get_title() == "patches\nmoved"


def test_every_picture_can_be_saved():
    figures = [
        pictures.draw_table(np.eye(4), "a"),
        pictures.draw_similarity_maps({"a": SIMILARITY}, GRID),
        pictures.draw_similarity(SIMILARITY, GRID, 0, 2, "a"),
        pictures.draw_accuracies({("a", "b"): {"none": [0.5]}}, ("none",), 0.1),
    ]
    for figure in figures:
        assert to_png(figure).startswith(b"\x89PNG")
