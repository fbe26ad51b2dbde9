"""The common pictures show the arrays they are given."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from cct_helpers import figures
from tests.support.pictures import flaws


def test_a_figure_becomes_a_png_on_white_ground():
    figure, _ = figures.new_figure(width=2, height=1)
    picture = Image.open(io.BytesIO(figures.to_png(figure, dpi=50)))
    assert picture.format == "PNG"
    assert picture.size == (100, 50)
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_fewer_colours_make_a_smaller_file_that_looks_the_same():
    figure, axes = figures.new_figure(width=6, height=3)
    figures.draw_map(axes, np.random.default_rng(0).normal(size=(8, 8)), "title", label="share")
    whole = figures.to_png(figure)
    small = figures.reduce_colours(whole, 64)
    before, after = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int) for png in (whole, small))
    assert len(np.unique(after.reshape(-1, 3), axis=0)) <= 64 < len(np.unique(before.reshape(-1, 3), axis=0))
    assert np.abs(after - before).mean() < 1 and len(small) < 0.6 * len(whole)


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 1), (6, 4, 3)])
def test_an_image_is_shown_in_its_own_values(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")
    _, axes = figures.new_figure()
    figures.draw_image(axes, image, "title")
    np.testing.assert_array_equal(axes.images[0].get_array(), image.reshape(6, 4) if image.size == 24 else image)
    assert axes.images[0].get_clim() == (0, 255)
    assert axes.get_title() == "title"
    assert not any(spine.get_visible() for spine in axes.spines.values())  # no lines around a photo


def test_images_stand_in_reading_order_and_empty_places_are_blank():
    images = np.arange(5 * 4, dtype="uint8").reshape(5, 2, 2, 1)
    figure = figures.draw_images(images, titles="abcde", columns=3, side=2)
    axes = figure.axes
    np.testing.assert_allclose(figure.get_size_inches(), [6, 4.6])  # each with room for a title
    assert [ax.get_title() for ax in axes] == ["a", "b", "c", "d", "e", ""]
    np.testing.assert_array_equal(axes[4].images[0].get_array(), images[4, ..., 0])
    assert not axes[5].axison
    assert len(figures.draw_images(images[:1], columns=1).axes) == 1


def test_a_map_keeps_its_scale_and_names_its_values():
    figure, axes = figures.new_figure()
    drawn = figures.draw_map(axes, np.eye(3), "title", low=0, high=2, label="share")
    assert drawn.get_clim() == (0, 2) and axes.get_title() == "title"
    assert "share" in [ax.get_ylabel() for ax in figure.axes]


def test_a_signed_map_is_white_at_zero_orange_above_and_blue_below():
    _, axes = figures.new_figure()
    drawn = figures.draw_map(axes, np.array([[1.0, -2.0, 0.0]]), signed=True)
    assert drawn.get_clim() == (-2, 2)
    above, below, zero = (drawn.cmap(drawn.norm(value))[:3] for value in (2, -2, 0))
    assert above[0] > above[2] and below[2] > below[0] and min(zero) > 0.98
    assert figures.draw_map(axes, np.zeros((2, 2)), signed=True).get_clim()[1] > 0  # nothing to scale by


def test_maps_side_by_side_share_one_scale():
    figure = figures.draw_maps(
        {"a": np.full((2, 3), 5.0), "b": np.array([[1.0, 9, np.nan]])}, "place", names=("x", "y")
    )
    assert [ax.images[0].get_clim() for ax in figure.axes[:2]] == [(1, 9), (1, 9)]
    assert [ax.get_title() for ax in figure.axes[:2]] == ["a", "b"]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel(), figure.axes[-1].get_ylabel()) == (
        "x",
        "y",
        "place",
    )
    bars = [
        figures.draw_maps({"a": np.array([[0.0, 1.0]])}, "", high=high).axes[0].images[0].colorbar for high in (0.5, 1)
    ]
    assert [bar.extend for bar in bars] == ["max", "neither"]  # an arrow where values lie beyond the scale


def test_an_outline_encloses_its_pixels_on_white():
    _, axes = figures.new_figure()
    figures.outline(axes, top=2, left=3, height=4, width=5, colour=figures.ORANGE, label="box")
    for box, colour in zip(axes.patches, ("#ffffff", figures.ORANGE.lower()), strict=True):
        assert (*np.add(box.get_xy(), 0.5), box.get_width(), box.get_height()) == (3, 2, 5, 4)
        assert to_hex(box.get_edgecolor()) == colour and not box.get_fill()


def test_a_token_is_outlined_where_it_lies_on_the_picture():
    _, axes = figures.new_figure()
    figures.outline_token(axes, (1, 2), (2, 3), height=8, width=24)
    assert {(*np.add(box.get_xy(), 0.5), box.get_width(), box.get_height()) for box in axes.patches} == {(16, 4, 8, 4)}


@pytest.mark.parametrize("token", [(2, 0), (0, 3), (-1, 0), (0, -1)])
def test_a_token_outside_the_grid_is_refused(token):
    _, axes = figures.new_figure()
    with pytest.raises(ValueError, match=rf"no token \({token[0]}, {token[1]}\) on a grid of 2 x 3"):
        figures.outline_token(axes, token, (2, 3), 8, 24)


def test_faded_pixels_are_grey_bright_and_in_order():
    levels = np.array([0, 100, 255], "uint8")
    assert figures.fade(np.repeat(levels[:, None, None], 3, axis=2)).ravel().tolist() == [140, 185, 255]
    assert figures.fade(np.array([[[0.0], [1.0]]])).tolist() == [[pytest.approx(0.55), pytest.approx(1)]]
    orange = figures.fade(np.array([[[230, 159, 0]]], "uint8"))
    assert orange.shape == (1, 1)


def test_the_veil_is_strongest_where_the_weight_is_largest():
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype="uint8")
    _, axes = figures.new_figure()
    figures.draw_overlay(axes, image, weights, (2, 2))
    photo, veil = axes.images
    np.testing.assert_array_equal(photo.get_array(), figures.fade(image))
    alpha = np.asarray(veil.get_array())[..., 3].ravel()
    np.testing.assert_allclose(alpha, 0.85 * weights / 0.4)
    assert {to_hex(colour) for colour in np.reshape(veil.get_array(), (4, 4))} == {figures.ORANGE.lower()}
    assert veil.get_extent() == [-0.5, 7.5, 7.5, -0.5]
    figures.draw_overlay(axes, image, weights, (2, 2), high=0.2)
    assert np.asarray(axes.images[-1].get_array())[..., 3].max() == 0.85


def test_heads_are_all_there_on_one_scale_in_multiples_of_uniform():
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype="uint8")
    weights = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    rows = np.stack([[weights, weights[::-1]], [weights, np.full(6, 1 / 6)]])  # (layers, heads, tokens)
    figure = figures.draw_heads(image, rows, (2, 3), token=(1, 1), high=4)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[1] == "layer 0, head 0: up to 3.0" and titles[5] == "layer 1, head 1: up to 1.0"
    second = np.asarray(figure.axes[2].images[1].get_array())[..., 3]
    np.testing.assert_allclose(second, 0.85 * 6 * weights[::-1].reshape(2, 3) / 4)
    assert len(figure.axes) == 6 and all(ax.patches[0].get_xy() == (3.5, 3.5) for ax in figure.axes)
    assert "full orange: 4 and more" in figure.get_supxlabel()
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), image)  # the photo keeps its colours


def test_sorted_weights_stand_beside_the_uniform_line():
    _, axes = figures.new_figure()
    figures.draw_sorted(axes, np.array([0.25, 0, 0, 0.75]))
    assert axes.patches[0].get_data().values.tolist() == [0.75, 0.25, 0, 0]
    assert axes.patches[0].get_data().edges.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert axes.lines[0].get_ydata()[0] == 0.25 and axes.lines[0].get_label() == "uniform, 1/4"


def test_seeds_are_small_dots_and_their_mean_a_large_one():
    _, axes = figures.new_figure()
    values = np.array([[1.0, 3.0], [4.0, 8.0]])
    figures.draw_seeds(axes, values, np.array([[0], [1]]), "black", line="--", label="ways")
    line, means, dots = axes.lines
    assert line.get_xydata().tolist() == means.get_xydata().tolist() == [[2, 0], [6, 1]]
    assert dots.get_xydata().tolist() == [[1, 0], [3, 0], [4, 1], [8, 1]]
    assert means.get_markersize() > dots.get_markersize() and means.get_zorder() < dots.get_zorder()
    assert (line.get_linestyle(), means.get_label()) == ("--", "ways")
    figures.draw_seeds(axes, 5, np.array([1.0, 2.0]), "black", each=False)  # a column, the mean alone
    assert len(axes.lines) == 4 and axes.lines[-1].get_xydata().tolist() == [[5, 1.5]]


def test_scores_have_a_row_a_way_from_the_top_down():
    (ax,) = figures.draw_scores({"one": [0.9, 0.8], "two": [0.5, 0.6, 0.7]}, "top-1", "title").axes
    means = [line.get_xydata()[0].tolist() for line in ax.lines[::2]]
    assert np.allclose(means, [[0.85, 0], [0.6, 1]]) and ax.lines[3].get_xdata().tolist() == [0.5, 0.6, 0.7]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two"] and ax.yaxis_inverted()
    assert ax.get_xlabel() == "top-1; small: one seed, large: the mean" and ax.get_title() == "title"


def test_gallery_has_a_row_for_each_name():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 6, 3), dtype="uint8")
    figure = figures.draw_gallery({"original": images, "inverted": 255 - images}, "strength 1.00")
    assert [ax.get_ylabel() for ax in figure.axes] == ["original", "inverted"]
    for ax, wanted in zip(figure.axes, (images, 255 - images), strict=True):
        np.testing.assert_array_equal([image.get_array() for image in ax.images], wanted)
    above, below = (ax.images[2].get_extent() for ax in figure.axes)
    assert above == below == [2.12, 3.12, 0, 8 / 6]  # each below its original
    with pytest.raises(ValueError, match="every row needs as many images of the same size"):
        figures.draw_gallery({"original": images, "fewer": images[:2]})


def test_the_most_probable_classes_stand_in_order_with_their_shares():
    _, axes = figures.new_figure()
    figures.draw_classes(axes, np.array([0.1, 0.7, 0.2, 0.0]), ["ant", "bee", "cow", "dog"], top=3)
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([70, 20, 10])
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [
        colour.lower() for colour in (figures.ORANGE, figures.GREY, figures.GREY)
    ]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["bee", "cow", "ant"]
    assert [text.get_text() for text in axes.texts] == ["70 %", "20 %", "10 %"]
    assert [text.get_position()[0] for text in axes.texts] == pytest.approx([67, 23, 13])  # inside a long bar
    assert [text.get_ha() for text in axes.texts] == ["right", "left", "left"] and axes.texts[0].get_color() == "black"
    low, high = axes.get_ylim()
    assert low > high  # the first on top
    _, axes = figures.new_figure()
    figures.draw_classes(axes, [0.4, 0.6], ["ant", "bee"])
    assert len(axes.patches) == 2  # no more than there are


def test_predictions_stand_beside_their_images():
    image = np.zeros((8, 12, 3), "uint8")
    probabilities = np.array([[0.1, 0.65, 0.25], [0.8, 0.2, 0.0], [0.0, 0.0, 1.0]])
    figure = figures.draw_predictions([image] * 3, probabilities, ["a", "b", "c"], ["one", "two", "three"], columns=2)
    photos, bars = figure.axes[::2], figure.axes[1::2]
    assert [ax.get_title() for ax in photos] == ["one", "two", "three", ""] and not photos[3].axison
    assert [label.get_text() for label in bars[0].get_yticklabels()] == ["b", "c", "a"]
    assert [text.get_text() for text in bars[1].texts] == ["80 %", "20 %", "0 %"]


@pytest.mark.parametrize("count", [0, 2, 7])
def test_errors_say_guess_confidence_and_truth(count):
    images = np.zeros((count, 8, 6, 3), "uint8")
    guesses, truths = [f"guess {i}" for i in range(count)], [f"truth {i}" for i in range(count)]
    figure = figures.draw_errors(images, guesses, truths, np.linspace(0.9, 0.5, count))
    titled = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert len(titled) == count
    if count:
        assert titled[0] == "says guess 0, 90 %\nis truth 0"


def test_confusion_rows_are_true_classes_and_colours_belong_to_mistakes():
    counts = np.array([[8, 2], [0, 5]])
    figure = figures.draw_confusion(counts, ["cat", "dog"], title="few mistakes")
    ax = figure.axes[0]
    shown = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert shown[0, 1] == pytest.approx(20) and shown[1, 0] == 0 and np.isnan(shown.diagonal()).all()
    written = {(text.get_position(), text.get_text()) for text in ax.texts}
    assert written == {((0, 0), "8"), ((1, 0), "2"), ((1, 1), "5")}  # zeros are left blank
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("predicted class", "true class", "few mistakes")
    assert ax.images[0].cmap(0.0)[:3] == (1, 1, 1) and to_hex(ax.images[0].cmap.get_bad()) == figures.PALE.lower()
    assert counts.tolist() == [[8, 2], [0, 5]]
    figures.to_png(figures.draw_confusion(np.array([[3, 0], [0, 0]]), ["cat", "dog"]))  # no image of a class


def test_confusion_of_many_classes_writes_shares_beyond_the_scale_alone():
    counts = 10 * np.eye(13, dtype=int)
    counts[2, 5], counts[3, 4] = 10, 2  # 50 % of a row, and 17 %
    ax = figures.draw_confusion(counts, [str(i) for i in range(13)], "language", high=30).axes[0]
    assert [(text.get_position(), text.get_text()) for text in ax.texts] == [((5, 2), "50")]
    assert ax.get_ylabel() == "true language" and ax.images[0].get_clim() == (0, 30)


def test_curves_have_labels_a_legend_and_a_band_of_one_spread():
    means, spreads = np.array([1.0, 2, 3]), np.array([0.5, 0, 0.25])
    (axes,) = figures.draw_curves([0, 1, 2], {"a": means, "b": (means, spreads)}, "steps", "loss", "title").axes
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("steps", "loss", "title")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (0.5, 3.25)


def test_whole_numbers_get_whole_ticks():
    ticks = [figures.draw_curves(x, {"a": x}, "epoch", "loss").axes[0].get_xticks() for x in ([1, 2, 3], [0.5, 1, 1.5])]
    assert np.all(np.mod(ticks[0], 1) == 0) and np.any(np.mod(ticks[1], 1))


def test_one_curve_needs_no_legend():
    (axes,) = figures.draw_curves([0, 1], {"a": [0, 1]}, "x", "y").axes
    assert axes.get_legend() is None


def test_a_message_says_its_words():
    (axes,) = figures.draw_message("too small").axes
    assert axes.texts[0].get_text() == "too small"


def test_every_common_picture_can_be_read():
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 6, 3), dtype="uint8")
    names, shares = ["automobile", "airplane", "cat"], np.tile([0.1, 0.7, 0.2], (6, 1))
    runs = {"class token": np.array([91.0, 92.5, 93.0]), "average": np.array([88.0, 90.0, 91.0])}
    drawn = [
        figures.draw_message("There are no such tokens."),
        figures.draw_images(images, "abcdef", columns=6),
        figures.draw_gallery({"original": images, "mirrored": images[:, :, ::-1]}, "both"),
        figures.draw_heads(images[0], np.full((2, 2, 6), 1 / 6), (2, 3), (1, 2), high=5),
        figures.draw_maps({"one": np.eye(8), "two": np.eye(8)}, "weight", names=("is read (token)", "reads (token)")),
        figures.draw_scores(runs, "test top-1 (%)", "the class token is ahead"),
        figures.draw_curves(range(1, 4), runs | {"both": (np.ones(3), np.ones(3))}, "epoch", "loss (nats)"),
        figures.draw_predictions(images, shares, names, names * 2),
        figures.draw_errors(images, names * 2, names[::-1] * 2, np.full(6, 0.5)),
        figures.draw_confusion(np.eye(10, dtype=int) * 30 + 3, names * 3 + ["dog"]),
        figures.draw_confusion(np.eye(24, dtype=int) * 30 + 30, ["Portuguese"] * 24, "language"),
    ]  # fmt: skip
    for figure in drawn:
        figures.to_png(figure)
        assert flaws(figure) == []
