"""Pictures of tokens: what is drawn stands where the arrays say."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from cct_helpers.figures import ORANGE, to_png
from cct_helpers.plots import nb01_patches_and_convolutions as pictures

IMAGE = np.random.default_rng(0).integers(0, 255, (8, 12, 3), dtype="uint8")  # not square, white in no place


def boxes(axes):
    """(left, top, width, height) of the outlines in a picture, in pixel numbers of the image; each lies on white."""
    outlines = [patch for patch in axes.patches if isinstance(patch, Rectangle)][1::2]
    return [(*np.add(box.get_xy(), 0.5), box.get_width(), box.get_height()) for box in outlines]


def pieces():
    return IMAGE.reshape(2, 4, 3, 4, 3).transpose(0, 2, 1, 3, 4)  # -> (rows, columns, size, size, channels)


def test_pieces_are_set_apart_by_white_and_not_changed():
    whole = pictures.space_pieces(pieces())
    assert whole.shape == (9, 14, 3)
    assert np.array_equal(whole[:4, :4], IMAGE[:4, :4])
    assert np.array_equal(whole[5:, 10:], IMAGE[4:, 8:])
    assert np.all(whole[4] == 255) and np.all(whole[:, [4, 9]] == 255)
    assert np.all(pictures.space_pieces(pieces() / 255)[4] == 1)  # floats are white at 1


def test_cuts_have_a_picture_each_and_a_grid_on_the_image():
    figure = pictures.draw_cuts(IMAGE, {"one": pieces(), "two": pieces()}, "What it says")
    assert figure.get_suptitle() == "What it says"
    image, one, two = figure.axes
    assert [one.get_title(), two.get_title()] == ["one", "two"]
    assert "8 x 12 pixels" in image.get_title()
    assert {line.get_ydata()[0] for line in image.lines if line.get_xdata()[0] == 0} == {3.5}
    assert {line.get_xdata()[0] for line in image.lines if line.get_ydata()[0] == 0} == {3.5, 7.5}


def test_neighbours_are_one_step_apart_and_the_shared_columns_are_counted():
    fields = {"patches": (4, 0, 4), "overlap": (13, -6, 4), "almost": (5, -1, 4)}
    figure = pictures.draw_neighbours(IMAGE, fields, (1, 0), "What it says")
    assert figure.get_suptitle() == "What it says"
    assert boxes(figure.axes[0]) == [(0, 4, 4, 4), (4, 4, 4, 4)]
    assert boxes(figure.axes[1]) == [(-6, -2, 13, 13), (-2, -2, 13, 13)]
    titles = [ax.get_title() for ax in figure.axes]
    assert "0 columns shared" in titles[0]
    assert "13 x 13 pixels" in titles[1] and "9 columns shared" in titles[1]
    assert "1 column shared" in titles[2]
    for ax in figure.axes:  # the widest field is inside all pictures
        assert ax.get_xlim()[0] <= -6.5 and ax.get_ylim()[1] <= -2.5
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one token", "the next token", "padding"]
    grounds = [to_hex(ax.get_facecolor()) for ax in figure.axes]
    assert grounds == ["#ffffff", pictures.PADDING.lower(), pictures.PADDING.lower()]  # patches see no padding


def test_tokenizer_shows_the_token_in_both_pictures():
    figure = pictures.draw_tokenizer(IMAGE, (2, 3), (7, -3, 4), row=1, column=2)
    photo, tokens = figure.axes
    assert boxes(photo) == [(5, 1, 7, 7)]
    assert photo.get_title() == "token (1, 2) sees 7 x 7 pixels"
    assert tokens.get_title() == "2 x 3 = 6 tokens, 4 pixels apart"
    squares = np.asarray(tokens.images[0].get_array())
    white = np.all(squares == 1, axis=-1)
    assert squares.shape == (2, 3, 3) and not white[1, 2] and white.sum() == 5
    assert to_hex(squares[1, 2]) == ORANGE.lower()


def test_tokenizer_puts_a_dot_in_the_centre_of_every_field():
    figure = pictures.draw_tokenizer(IMAGE, (2, 3), (4, 0, 4), row=0, column=0)
    (dots,) = figure.axes[0].lines
    found = set(zip(dots.get_xdata(), dots.get_ydata(), strict=True))
    assert found == {(x, y) for x in (1.5, 5.5, 9.5) for y in (1.5, 5.5)}


@pytest.mark.parametrize("row, column, shown", [(9, 0, (1, 0)), (0, 9, (0, 2)), (9, 9, (1, 2))])
def test_tokenizer_takes_the_last_token_beyond_the_grid(row, column, shown):
    figure = pictures.draw_tokenizer(IMAGE, (2, 3), (4, 0, 4), row, column)
    assert figure.axes[0].get_title().startswith(f"token {shown} sees")
    assert boxes(figure.axes[0]) == [(4 * shown[1], 4 * shown[0], 4, 4)]


def test_sensitivity_is_scaled_to_its_largest_value_and_boxed():
    values = np.zeros((8, 8))
    values[2:5, 3:6], values[3, 4] = 1.0, 4.0
    figure = pictures.draw_sensitivity({"3x1": values}, {"3x1": (2, 3, 3)}, "What it says")
    assert figure.get_suptitle() == "What it says"
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert shown.max() == 1 and shown[2, 3] == 0.25
    assert boxes(figure.axes[0]) == [(3, 2, 3, 3)]
    assert figure.axes[0].get_title() == "3x1: 3 x 3 pixels"


def test_moved_accuracy_draws_every_run_and_the_mean():
    runs = {"patches": np.array([[50, 10], [70, 30]]), "convolutions": np.array([[90, 80], [100, 60]])}
    (axes,) = pictures.draw_moved_accuracy([0, 1], runs, 10, "What it says").axes
    assert axes.get_title() == "What it says"
    line, means, dots = axes.lines[:3]
    assert line.get_xydata().tolist() == means.get_xydata().tolist() == [[0, 60], [1, 20]]
    assert sorted(dots.get_xydata().tolist()) == [[0, 50], [0, 70], [1, 10], [1, 30]]
    assert list(axes.lines[-1].get_ydata()) == [10, 10]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["patches", "convolutions", "guessing"]


STEPS = [("convolution", (12, 12, 64)), ("pool", (6, 6, 64)), ("reshape", (36, 64))]


def test_moved_accuracy_leaves_no_series_out():
    many = {f"way {number}": np.full((2, 3), 10 * number) for number in range(9)}
    (axes,) = pictures.draw_moved_accuracy([0, 1, 2], many, chance=10).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [*many, "guessing"]


def test_tokenizers_are_drawn_to_scale_and_say_every_shape():
    square = np.zeros((12, 12, 3), "uint8")
    ways = {"long": STEPS, "short": [("cut", (6, 6, 64)), STEPS[-1]]}
    figure = pictures.draw_tokenizers(square, ways, "What it says")
    assert figure.get_suptitle() == "What it says"
    long, short = figure.axes
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["long", "short"]
    words = [text.get_text() for text in long.texts if text.get_text()]
    assert words == [
        *("image", "12 x 12 x 3", "convolution", "12 x 12 x 64"),
        *("pool", "6 x 6 x 64", "reshape", "36 tokens\nof 64 numbers"),
    ]
    sheets = [patch for patch in long.patches if isinstance(patch, Rectangle) and patch.get_width() > 0.2]
    sides = [patch.get_width() for patch in sheets]
    assert np.allclose(sides, [pictures.LARGEST] * 2 + [pictures.LARGEST / 2] * 2)  # 64 channels are two sheets
    assert [patch.get_width() for patch in short.patches][:2] == sides[2:]  # the same place in both rows
    assert [patch.get_x() for patch in short.patches] == [patch.get_x() for patch in long.patches[2:]]


def test_filters_come_largest_first_and_grey_is_zero():
    weights = np.zeros((3, 3, 3, 4))
    weights[0, 2, 1] = [1, -4, 0.5, 2]  # one number in each filter
    (row,) = pictures.draw_filters({"3 x 3": weights}, "title", many=3).axes
    pictured = [np.asarray(image.get_array()) for image in row.images]
    assert [picture.shape for picture in pictured] == [(12, 12, 3)] * 3
    assert [picture[0, 8, 1] for picture in pictured] == [0, 1, 1]  # -4, 2, 1: the sign is kept, the scale its own
    assert all(np.all(picture[4:] == 0.5) and np.all(picture[0, 8:, 1] == picture[0, 8, 1]) for picture in pictured)


def test_every_picture_can_be_saved_and_labels_its_axes():
    grey = IMAGE[..., :1]
    figures = [
        pictures.draw_cuts(grey, {"cut": pieces()[..., :1]}),
        pictures.draw_tokenizers(grey[:, :8], {"one": STEPS}),
        pictures.draw_neighbours(grey, {"patches": (4, 0, 4)}, (0, 0)),
        pictures.draw_tokenizer(grey, (1, 1), (51, -25, 16), 0, 0),
        pictures.draw_sensitivity({"a": np.ones((4, 4))}, {"a": (0, 0, 4)}),
        pictures.draw_moved_accuracy([0, 1], {"a": np.ones((1, 2))}, 10),
    ]
    for figure in figures:
        assert to_png(figure).startswith(b"\x89PNG")
    for figure in figures[2:]:
        for ax in figure.axes:
            assert ax.get_ylabel() and (ax.get_xlabel() or ax.get_label() == "<colorbar>")
