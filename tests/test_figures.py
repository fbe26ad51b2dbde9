"""The common pictures show the arrays they are given."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from cct_helpers import figures


def test_a_figure_becomes_a_png_on_white_ground():
    figure, _ = figures.new_figure(width=2, height=1)
    picture = Image.open(io.BytesIO(figures.to_png(figure, dpi=50)))
    assert picture.format == "PNG"
    assert picture.size == (100, 50)
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 1), (6, 4, 3)])
def test_an_image_is_shown_in_its_own_values(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")
    _, axes = figures.new_figure()
    figures.draw_image(axes, image, "title")
    np.testing.assert_array_equal(axes.images[0].get_array(), image.reshape(6, 4) if image.size == 24 else image)
    assert axes.images[0].get_clim() == (0, 255)
    assert axes.get_title() == "title"


def test_images_stand_in_reading_order_and_empty_places_are_blank():
    images = np.arange(5 * 4, dtype="uint8").reshape(5, 2, 2, 1)
    figure = figures.draw_images(images, titles="abcde", columns=3, side=2)
    axes = figure.axes
    np.testing.assert_allclose(figure.get_size_inches(), [6, 4.6])  # each with room for a title
    assert [ax.get_title() for ax in axes] == ["a", "b", "c", "d", "e", ""]
    np.testing.assert_array_equal(axes[4].images[0].get_array(), images[4, ..., 0])
    assert not axes[5].axison
    assert len(figures.draw_images(images[:1], columns=1).axes) == 1


def test_a_grid_has_a_line_between_parts_and_none_at_the_border():
    _, axes = figures.new_figure()
    figures.draw_grid(axes, (2, 4), height=32, width=64)
    across = sorted(line.get_xdata()[0] for line in axes.lines[1:])
    assert axes.lines[0].get_ydata()[0] == 15.5
    assert across == [15.5, 31.5, 47.5]


def test_a_heatmap_keeps_its_scale_and_names_its_values():
    figure, axes = figures.new_figure()
    drawn = figures.draw_heatmap(axes, np.eye(3), "title", low=0, high=2, label="share")
    assert drawn.get_clim() == (0, 2)
    assert "share" in [ax.get_ylabel() for ax in figure.axes]


def test_the_veil_is_strongest_where_the_weight_is_largest():
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    _, axes = figures.new_figure()
    figures.draw_overlay(axes, np.zeros((8, 8, 3), "uint8"), weights, (2, 2))
    photo, veil = axes.images
    alpha = np.asarray(veil.get_array())[..., 3].ravel()
    np.testing.assert_allclose(alpha, 0.75 * weights / 0.4)
    assert {to_hex(colour) for colour in np.reshape(veil.get_array(), (4, 4))} == {figures.ORANGE.lower()}
    assert veil.get_extent() == [-0.5, 7.5, 7.5, -0.5]
    figures.draw_overlay(axes, np.zeros((8, 8, 3), "uint8"), weights, (2, 2), high=0.2)
    assert np.asarray(axes.images[-1].get_array())[..., 3].max() == 0.75


def test_curves_have_labels_a_legend_and_a_band_of_one_spread():
    means, spreads = np.array([1.0, 2, 3]), np.array([0.5, 0, 0.25])
    (axes,) = figures.draw_curves([0, 1, 2], {"a": means, "b": (means, spreads)}, "steps", "loss", "title").axes
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("steps", "loss", "title")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (0.5, 3.25)


def test_one_curve_needs_no_legend():
    (axes,) = figures.draw_curves([0, 1], {"a": [0, 1]}, "x", "y").axes
    assert axes.get_legend() is None


def test_a_message_says_its_words():
    (axes,) = figures.draw_message("too small").axes
    assert axes.texts[0].get_text() == "too small"
