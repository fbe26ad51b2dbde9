"""The pictures of pooling show the weights they were given, and the arithmetic behind them is right."""

import numpy as np
import pytest

from cct_helpers import figures
from cct_helpers.plots import nb05_sequence_pooling as pictures
from cct_helpers.plots.nb05_sequence_pooling import entropy, softmax, square_grid

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), dtype="uint8")
SCORES = np.random.default_rng(1).normal(size=(3, 16))


def test_softmax_equals_its_definition():
    exponentials = np.exp(SCORES / 2.5)
    assert np.allclose(softmax(SCORES, 2.5), exponentials / exponentials.sum(axis=1, keepdims=True))


def test_softmax_of_large_scores_and_of_minus_infinity():
    assert softmax([1e5, 1e5, -1e5]).tolist() == [0.5, 0.5, 0]
    assert softmax([0.0, -np.inf, 0.0]).tolist() == [0.5, 0, 0.5]


def test_temperature_goes_from_one_token_to_all():
    assert softmax(SCORES[0], 1e-3).max() == pytest.approx(1)
    assert np.allclose(softmax(SCORES[0], 1e6), 1 / 16)


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_impossible_temperature_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be above 0"):
        softmax(SCORES, temperature)


def test_entropy_of_equal_weights_of_one_token_and_between():
    assert entropy(np.full((2, 64), 1 / 64)) == pytest.approx([np.log(64)] * 2)
    assert entropy([0.0, 1.0, 0.0]) == pytest.approx(0)
    assert entropy([0.5, 0.25, 0.25]) == pytest.approx(1.5 * np.log(2))


def test_square_grid():
    assert square_grid(64) == (8, 8)
    with pytest.raises(ValueError, match="65 tokens do not fill a square"):
        square_grid(65)


def test_pooling_picture_sorts_the_weights_beside_the_uniform_line():
    left, middle, right = pictures.draw_pooling(IMAGES, SCORES, [4, 5, 6], index=1, temperature=0.5).axes
    weights = softmax(SCORES[1], 0.5)
    assert right.patches[0].get_data().values == pytest.approx(sorted(weights, reverse=True))
    assert right.lines[0].get_ydata()[0] == pytest.approx(1 / 16)
    assert np.array_equal(left.images[0].get_array(), IMAGES[1, ..., 0]) and "digit 5" in left.get_title()
    veil = np.asarray(middle.images[1].get_array())[..., 3]
    assert veil.shape == (4, 4) and veil.argmax() == weights.argmax()
    assert f"{16 * weights.max():.1f} times uniform" in middle.get_title()


@pytest.mark.parametrize("index", [-1, 3])
def test_pooling_picture_needs_an_image(index):
    with pytest.raises(ValueError, match=f"index must be from 0 to 2, got {index}"):
        pictures.draw_pooling(IMAGES, SCORES, [4, 5, 6], index=index)


def test_overlays_stand_below_their_images():
    weights = softmax(SCORES)
    figure = pictures.draw_overlays(IMAGES, weights, ["a", "b", "c"], columns=2)
    axes = np.array(figure.axes).reshape(4, 2)
    assert [ax.get_title() for ax in axes[[0, 0, 2], [0, 1, 0]]] == ["a", "b", "c"]
    for i, ax in enumerate(axes[[1, 1, 3], [0, 1, 0]]):
        assert np.corrcoef(np.ravel(ax.images[0].get_array()), IMAGES[i].ravel())[0, 1] > 0.999
        assert np.asarray(ax.images[1].get_array())[..., 3].argmax() == weights[i].argmax()
    assert not axes[2, 1].images and not axes[3, 1].images


def test_faded_is_brighter_and_keeps_the_order():
    levels = np.array([0, 100, 255], "uint8")
    assert pictures.faded(levels).tolist() == [140, 185, 255]


def test_entropy_histogram_counts_all_images_and_marks_equal_weights():
    (ax,) = pictures.draw_entropies(entropy(softmax(SCORES)), 16).axes
    assert sum(bar.get_height() for bar in ax.patches) == 3
    assert ax.lines[0].get_xdata()[0] == pytest.approx(np.log(16)) and ax.get_xlim()[0] == 0
    assert "log(16) = 2.77" in ax.get_legend().get_texts()[1].get_text()


def test_scores_have_a_dot_a_seed_and_their_mean():
    (ax,) = figures.draw_scores({"one": [0.9, 0.8], "two": [0.5, 0.7]}, "top-1").axes
    dots, mean = ax.lines[:2]
    assert dots.get_xdata().tolist() == [0.9, 0.8] and list(mean.get_xdata()) == pytest.approx([0.85] * 2)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two"] and ax.get_xlabel() == "top-1"
    assert list(mean.get_ydata()) == [-0.25, 0.25] and ax.lines[2].get_ydata().tolist() == [1, 1]
