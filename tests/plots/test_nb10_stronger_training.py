"""The pictures of notebook 10 show what they were given."""

import numpy as np

from cct_helpers.figures import to_png
from cct_helpers.plots import nb10_stronger_training as pictures
from tests.support.pictures import flaws

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 6, 3), dtype="uint8")
SEEDS = np.array([[56.0, 57.0, 55.0], [50.0, 51.0, 52.0], [60.0, 60.5, 61.0]])


def assert_draws(figure):
    assert to_png(figure).startswith(b"\x89PNG")
    assert flaws(figure) == []


def marks(ax, size):
    """The points drawn with markers of this size: (n, 2), in order of drawing."""
    found = [line for line in ax.lines if line.get_marker() not in ("None", "") and line.get_markersize() == size]
    return np.concatenate([line.get_xydata() for line in found])


def test_mix_shows_pictures_and_target():
    mixed = IMAGES[0] // 2 + IMAGES[1] // 2
    figure = pictures.draw_mix(IMAGES[0], IMAGES[1], mixed, np.array([0.7, 0.3]), ["cat", "coffee"], "MixUp")
    *shown, bars = figure.axes
    np.testing.assert_array_equal([ax.images[0].get_array() for ax in shown], [IMAGES[0], IMAGES[1], mixed])
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches], [0.7, 0.3])
    assert [text.get_text() for text in bars.texts] == ["cat 0.70", "coffee 0.30"] and bars.yaxis_inverted()
    assert_draws(figure)


def test_singular_values_have_a_line_each():
    values = np.array([[0.1, 0.5], [0.3, 0.9], [0.9, 1.1]])
    figure = pictures.draw_singular_values(values, 0.7, 1.2)
    (ax,) = figure.axes
    lines = [line.get_ydata() for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(lines, values.T)
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    np.testing.assert_allclose((band.y0, band.y1), (0.7, 1.2))
    assert_draws(figure)


def test_settings_have_a_row_each_and_three_measurements():
    names = ["crop_and_flip", "mixup", "muon"]
    figure = pictures.draw_settings(names, SEEDS, SEEDS + 1, SEEDS + 20)
    left, right = figure.axes
    assert [label.get_text() for label in left.yaxis.get_ticklabels()] == names and left.yaxis_inverted()
    np.testing.assert_allclose(marks(left, 11)[:, 0], [*SEEDS.mean(axis=1), *SEEDS.mean(axis=1) + 1])
    np.testing.assert_allclose(marks(right, 11), np.stack([SEEDS.mean(axis=1) + 20, np.arange(3)], axis=1))
    assert len(marks(left, 5)) == 2 * len(marks(right, 5)) == 2 * SEEDS.size
    np.testing.assert_allclose(left.lines[0].get_xdata(), SEEDS[0].mean())
    assert_draws(figure)


def test_lengths_go_through_the_means():
    figure = pictures.draw_lengths([20, 40, 80], {"plain": SEEDS, "all": SEEDS - 3}, {"plain": SEEDS + 9, "all": SEEDS})
    for ax, wanted in zip(figure.axes, ((SEEDS, SEEDS - 3), (SEEDS + 9, SEEDS)), strict=True):
        means = np.stack([np.tile([20, 40, 80], 2), np.concatenate(wanted).mean(axis=1)], axis=1)
        np.testing.assert_allclose(marks(ax, 11), means)
        assert len(marks(ax, 5)) == 2 * SEEDS.size
        assert [label.get_text() for label in ax.xaxis.get_ticklabels()] == ["20", "40", "80"]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["plain", "all"]
    assert_draws(figure)
