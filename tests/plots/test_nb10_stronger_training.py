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


def test_tricks_stand_below_the_station_that_they_change():
    figure = pictures.draw_tricks()
    texts = {text.get_text(): text.get_position() for text in figure.axes[0].texts if text.get_text()}
    for number, (station, tricks) in enumerate(pictures.TRICKS.items()):
        (left, height), (below, lower) = texts[station], texts["\n".join(tricks)]
        assert left == below == number and lower < height
    assert_draws(figure)


def test_mix_shows_pictures_and_target():
    mixed = IMAGES[0] // 2 + IMAGES[1] // 2
    figure = pictures.draw_mix(IMAGES[0], IMAGES[1], mixed, np.array([0.7, 0.3]), ["cat", "coffee"], "MixUp")
    *shown, bars = figure.axes
    np.testing.assert_array_equal([ax.images[0].get_array() for ax in shown], [IMAGES[0], IMAGES[1], mixed])
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches], [0.7, 0.3])
    assert [text.get_text() for text in bars.texts] == ["cat 0.70", "coffee 0.30"] and bars.yaxis_inverted()
    assert_draws(figure)


def test_average_lies_over_the_weights_and_the_good_place_over_both():
    path = np.random.default_rng(1).normal(size=(20, 2))
    figure = pictures.draw_average(path, path / 3)
    weights, average, place = figure.axes[0].lines
    np.testing.assert_allclose([weights.get_xydata(), average.get_xydata()], [path, path / 3])
    np.testing.assert_allclose(place.get_xydata(), [[0, 0]])
    assert_draws(figure)


def test_spectrum_has_a_line_for_each_step_and_leaves_a_zero_out_of_the_scale():
    values = np.geomspace(0.9, 1e-3, 40) ** np.linspace(1, 0.1, 4)[:, None]
    values[:, -1] = 1e-9
    figure = pictures.draw_spectrum(values, 0.7, 1.2)
    (ax,) = figure.axes
    np.testing.assert_allclose([line.get_ydata()[:-1] for line in ax.lines], values[:, :-1])
    assert all(np.isnan(line.get_ydata()[-1]) for line in ax.lines)
    assert 1e-9 < ax.get_ylim()[0] < values[0, -3]
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    np.testing.assert_allclose((band.y0, band.y1), (0.7, 1.2))
    assert [text.get_text() for text in ax.texts] == ["after 1", "after 2"]
    assert_draws(figure)


def test_settings_have_a_row_each_and_a_band():
    names = ["crop_and_flip", "mixup", "muon"]
    figure = pictures.draw_settings(names, SEEDS, 1.5)
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.yaxis.get_ticklabels()] == names and ax.yaxis_inverted()
    np.testing.assert_allclose(marks(ax, 11), np.stack([SEEDS.mean(axis=1), np.arange(3)], axis=1))
    assert len(marks(ax, 5)) == SEEDS.size
    np.testing.assert_allclose(ax.lines[0].get_xdata(), SEEDS[0].mean())
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    np.testing.assert_allclose((band.x0, band.x1), (54.5, 57.5))
    assert "from crop_and_flip by" in ax.get_title() and "muon" not in ax.get_title().lower()  # no answer in it
    assert_draws(figure)


def test_lead_has_a_line_for_each_seed_and_their_mean():
    lead = np.random.default_rng(2).normal(size=(3, 12))
    figure = pictures.draw_lead(lead)
    (ax,) = figure.axes
    np.testing.assert_allclose([line.get_ydata() for line in ax.lines[1:]], [*lead, lead.mean(axis=0)])
    assert ax.lines[-1].get_xdata()[0] == 1
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one seed", "their mean"]
    assert_draws(figure)


def test_lengths_go_through_the_means_of_each_kind():
    lines = {"plain": SEEDS, "Muon": SEEDS + 2, "all": SEEDS - 3}
    figure = pictures.draw_lengths([20, 40, 80], lines, "Three kinds")
    (ax,) = figure.axes
    means = np.stack([np.tile([20, 40, 80], 3), np.concatenate(list(lines.values())).mean(axis=1)], axis=1)
    np.testing.assert_allclose(marks(ax, 11), means)
    assert len(marks(ax, 5)) == 3 * SEEDS.size
    assert [label.get_text() for label in ax.xaxis.get_ticklabels()] == ["20", "40", "80"]
    assert ax.get_title() == "Three kinds"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["plain", "Muon", "all"]
    assert len({line.get_marker() for line in ax.lines if line.get_markersize() == 11}) == 3  # not by colour alone
    assert_draws(figure)
