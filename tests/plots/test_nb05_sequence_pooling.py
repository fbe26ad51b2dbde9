"""The pictures of pooling show the weights they were given."""

import numpy as np
import pytest

from cct_helpers.figures import fade
from cct_helpers.plots import nb05_sequence_pooling as pictures

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), dtype="uint8")
WEIGHTS = np.random.default_rng(1).dirichlet(np.ones(16), 3)


def veil(axes):
    return np.asarray(axes.images[1].get_array())[..., 3]


def test_pooling_picture_sorts_the_weights_beside_the_uniform_line():
    weights = WEIGHTS[1]
    left, middle, right = pictures.draw_pooling(IMAGES[1], weights, (4, 4), "digit 5", "temperature 0.5").axes
    assert right.patches[0].get_data().values == pytest.approx(sorted(weights, reverse=True))
    assert right.lines[0].get_ydata()[0] == pytest.approx(1 / 16) and right.get_title() == "temperature 0.5"
    assert np.array_equal(left.images[0].get_array(), IMAGES[1, ..., 0]) and left.get_title() == "digit 5"
    assert veil(middle).shape == (4, 4) and veil(middle).argmax() == weights.argmax()
    assert f"{16 * weights.max():.1f} x uniform" in middle.get_title()


def test_overlays_stand_below_their_images_on_one_scale():
    figure = pictures.draw_overlays(IMAGES, WEIGHTS, (4, 4), ["a", "b", "c"], columns=2)
    axes = np.array(figure.axes).reshape(4, 2)
    assert [ax.get_title() for ax in axes[[0, 0, 2], [0, 1, 0]]] == ["a", "b", "c"]
    for i, ax in enumerate(axes[[1, 1, 3], [0, 1, 0]]):
        assert np.array_equal(ax.images[0].get_array(), fade(IMAGES[i]))
        np.testing.assert_allclose(veil(ax).ravel(), 0.85 * WEIGHTS[i] / WEIGHTS.max())
        assert ax.get_title() == f"up to {16 * WEIGHTS[i].max():.1f}"
    assert not axes[2, 1].images and not axes[3, 1].images


def test_entropy_histogram_counts_all_images_and_marks_equal_weights():
    (ax,) = pictures.draw_entropies([3.5, 3.2, 4.0], 16).axes
    assert sum(bar.get_height() for bar in ax.patches) == 3
    assert ax.lines[0].get_xdata()[0] == 4 and "bits" in ax.get_xlabel()
    assert "log2(16) = 4.00" in ax.figure.legends[0].get_texts()[1].get_text()
