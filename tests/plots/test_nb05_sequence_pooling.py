"""The pictures of pooling show the weights they were given."""

import numpy as np
import pytest

from cct_helpers.figures import GREY
from cct_helpers.plots import nb05_sequence_pooling as pictures

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), dtype="uint8")
WEIGHTS = np.random.default_rng(1).dirichlet(np.ones(16), 3)


def veil(axes):
    return np.asarray(axes.images[1].get_array())[..., 3]


def test_pooling_picture_sorts_the_weights_beside_the_uniform_line():
    weights = WEIGHTS[1]
    left, middle, right = pictures.draw_pooling(IMAGES[1], weights, (4, 4), 8, "digit 5", "temperature 0.5").axes
    assert right.patches[0].get_data().values == pytest.approx(sorted(weights, reverse=True))
    assert right.lines[0].get_ydata()[0] == pytest.approx(1 / 16) and right.get_title() == "temperature 0.5"
    assert np.array_equal(left.images[0].get_array(), IMAGES[1, ..., 0]) and left.get_title() == "digit 5"
    np.testing.assert_allclose(veil(middle).ravel(), 0.85 * 16 * weights / 8)  # one scale, whatever the largest is
    assert np.all(middle.images[0].get_array() == 255)  # on white, so that the orange is weight and nothing else
    assert middle.get_title() == f"up to {16 * weights.max():.1f} x uniform" and "8 x uniform" in middle.get_xlabel()


def test_overlays_stand_below_their_images_on_one_scale():
    figure = pictures.draw_overlays(IMAGES, WEIGHTS, (4, 4), ["a", "b", "c"], columns=2)
    axes = np.array(figure.axes).reshape(4, 2)
    assert [ax.get_title() for ax in axes[[0, 0, 2], [0, 1, 0]]] == ["a", "b", "c"]
    for i, ax in enumerate(axes[[1, 1, 3], [0, 1, 0]]):
        assert np.all(ax.images[0].get_array() == 255)  # white, so that the orange is weight and nothing else
        np.testing.assert_allclose(veil(ax).ravel(), 0.85 * WEIGHTS[i] / WEIGHTS.max())
        assert ax.get_title() == f"up to {16 * WEIGHTS[i].max():.1f}"
    assert not axes[2, 1].images and not axes[3, 1].images


def test_overlays_mark_the_tokens_with_ink():
    image = np.zeros((1, 8, 8, 1), "uint8")
    image[0, 5, 2] = 9  # in row 2 and column 1 of 4 x 4 tokens of 2 x 2 pixels
    _, below = pictures.draw_overlays(image, WEIGHTS[:1], (4, 4), ["a"], columns=1).axes
    np.testing.assert_allclose(below.lines[0].get_xydata(), [[2.5, 4.5]])


def arrows(axes):
    """(start, width) of every straight arrow."""
    drawn = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    return [(text.xyann, text.arrow_patch.get_linewidth()) for text in drawn if text.arrowprops["color"] == GREY]


def test_poolings_show_one_arrow_equal_arrows_and_arrows_as_wide_as_the_weights():
    weights = np.array([0.2, 0.5, 0.3])
    class_token, average, sequence = pictures.draw_poolings(weights).axes
    assert len(arrows(class_token)) == 1 and arrows(class_token)[0][0][0] == -1.5  # from the first of four places
    assert len({width for _, width in arrows(average)}) == 1 and len(arrows(average)) == 3
    widths = np.array([width for _, width in arrows(sequence)])
    assert widths / widths.sum() == pytest.approx(weights)
    said = [text.get_text() for text in sequence.texts]
    assert [text for text in said if text in ("0.20", "0.50", "0.30")] == ["0.20", "0.50", "0.30"]
    assert "class" in [text.get_text() for text in class_token.texts] and "class" not in said


def test_one_query_writes_every_number_and_draws_weights_to_scale():
    tokens, query = np.array([[0.0, 4.0], [1.0, 2.0]]), np.array([0.7, -0.2])
    weights = np.array([0.2, 0.8])
    (ax,) = pictures.draw_one_query(tokens, query, tokens @ query, weights, weights @ tokens).axes
    said = [text.get_text() for text in ax.texts]
    for text in ("0.70", "-0.20", "-0.80", "0.30", "0.20", "0.80", "2.4"):
        assert text in said, text
    bars = [patch for patch in ax.patches if patch.get_x() == 5.95]
    assert [bar.get_width() for bar in bars] == pytest.approx([1.9 / 4, 1.9])


def test_removals_are_drawn_in_percent_on_one_scale():
    run = {"removed": [0, 8], "largest": [0.9, 0.5], "random": [0.9, 0.8], "smallest": [0.9, 0.85]}
    figure = pictures.draw_removals({"seed 0": run, "seed 1": run | {"largest": [0.9, 0.1]}})
    first, second = figure.axes
    by_label = {line.get_label(): line.get_ydata().tolist() for line in second.lines}
    assert by_label["largest weight"] == [90, 10] and by_label["smallest weight"] == [90, 85]
    assert by_label["random, mean of 5 draws"] == [90, 80]
    assert first.get_ylim() == second.get_ylim() == (0, 100) and second.get_title() == "seed 1"


def test_hidden_pictures_share_one_scale_of_weights():
    colours = IMAGES[:2].repeat(3, axis=-1)
    chances = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    figure = pictures.draw_hidden(colours, WEIGHTS[:2], chances, ["a", "b", "c"], (4, 4), ["whole", "hidden"])
    axes = np.array(figure.axes).reshape(2, 3)
    for i, (photo, veiled, bars) in enumerate(axes):
        assert np.array_equal(photo.images[0].get_array(), colours[i]) and photo.get_title() == ["whole", "hidden"][i]
        np.testing.assert_allclose(veil(veiled).ravel(), 0.85 * WEIGHTS[i] / WEIGHTS[:2].max())
        assert bars.get_yticklabels()[0].get_text() == "ac"[i]
