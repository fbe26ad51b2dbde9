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


def test_orders_move_with_attention_and_not_with_a_mean():
    panels = pictures.draw_orders().axes
    rows = [[text.get_text() for text in ax.texts if text.get_text()] for ax in panels]
    assert rows[0] == ["A", "B", "C", "mean", "C", "A", "B", "mean"]
    assert rows[1] == ["A", "B", "C", "a", "b", "c", "C", "A", "B", "c", "a", "b"]
    assert set(rows[2][3:6]).isdisjoint(rows[2][9:])


def test_two_grids_have_the_same_edges_and_say_where_the_new_middles_are():
    (axes,) = pictures.draw_two_grids(2, 3).axes
    boxes = [box for box in axes.patches if isinstance(box, Rectangle)]
    old, new = boxes[:2], boxes[2:]
    for row in (old, new):
        assert np.isclose(row[0].get_x(), -0.5) and np.isclose(row[-1].get_x() + row[-1].get_width(), 1.5)
    assert axes.texts[2].get_text() == "new middles,\non the old scale"
    assert [text.get_text() for text in axes.texts[3:]] == ["-0.17", "0.50", "1.17"]
    assert min(text.get_fontsize() for text in axes.texts) >= 9
    assert np.allclose(axes.lines[1].get_xdata(), [-1 / 6, 0.5, 7 / 6])


def test_accuracies_draw_every_run_in_its_group():
    runs = {"as they are": {"none": [10, 30], "learned": [50, 70]}, "wrapped": {"none": [20], "learned": [40]}}
    (axes,) = pictures.draw_accuracies({"patches": runs}, chance=10).axes
    means, dots = axes.lines[0:8:2], axes.lines[1:8:2]
    assert np.allclose([line.get_ydata()[0] for line in means], [20, 60, 20, 40])
    assert [line.get_ydata().tolist() for line in dots[:2]] == [[10, 30], [50, 70]]
    assert [round(line.get_xdata()[0]) for line in means] == [0, 0, 1, 1]
    assert list(axes.lines[-1].get_ydata()) == [10, 10]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["as they are", "wrapped"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["none", "learned"]
    assert [text.get_text() for text in axes.texts] == ["guessing"]


def test_every_picture_can_be_saved():
    figures = [
        pictures.draw_table(np.eye(4), "a"),
        pictures.draw_similarity_maps({"a": SIMILARITY}, GRID),
        pictures.draw_similarity(SIMILARITY, GRID, 0, 2, "a"),
        pictures.draw_orders(),
        pictures.draw_two_grids(4, 6),
        pictures.draw_accuracies({"a": {"b": {"none": [50]}}}, 10),
    ]
    for figure in figures:
        assert to_png(figure).startswith(b"\x89PNG")
