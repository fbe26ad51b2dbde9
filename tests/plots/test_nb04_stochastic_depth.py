"""The pictures of stochastic depth show what was drawn."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from cct_helpers.figures import BLUE, PALE
from cct_helpers.plots import nb04_stochastic_depth as pictures


def test_simulator_draws_the_masks_and_their_counts():
    kept = np.random.default_rng(0).random((3, 20)) < 0.6  # (branches, images)
    exact = np.array([0.064, 0.288, 0.432, 0.216])  # of 3 branches, each kept with probability 0.6
    figure = pictures.draw_simulator(kept, exact, "constant rate 0.40")
    left, right = figure.axes
    mesh = left.collections[0]
    assert np.array_equal(mesh.get_array(), kept) and mesh.get_coordinates()[0, 0].tolist() == [-0.5, -0.5]
    assert [to_hex(mesh.to_rgba(cell)) for cell in (True, False)] == [BLUE.lower(), PALE.lower()]
    counts = np.bincount(kept.sum(axis=0), minlength=4)
    dots, expectation = right.lines
    assert np.allclose(dots.get_ydata() * 20, counts) and expectation.get_xdata()[0] == pytest.approx(1.8)
    assert right.patches[0].get_data().values.tolist() == exact.tolist()
    highest = max(counts.max() / 20, exact.max())
    assert highest < right.get_ylim()[1] <= max(0.35, 1.3 * highest) and "dashed: mean" in right.get_xlabel()
    stay = kept.sum(axis=0)
    said = f"branches an image keeps: {stay.mean():.1f} ± {stay.std():.1f}\nindependent draws: 1.8 ± 0.8"  # sqrt(0.72)
    assert right.get_title() == said and left.get_title(loc="left") == "constant rate 0.40"


def test_running_mean_ends_at_the_mean():
    factors = np.array([0.0, 1.25, 1.25, 1.25])
    figure = pictures.draw_running_means({"a": factors}, bound=np.full(4, 0.5))
    line = next(line for line in figure.axes[0].lines if line.get_label() == "a")
    assert line.get_ydata().tolist() == pytest.approx([0, 0.625, 2.5 / 3, 0.9375])


def test_panels_keep_their_titles_and_arrays():
    masks = {"left": np.eye(3, dtype=bool), "right": np.ones((2, 5), bool)}
    axes = pictures.draw_mask_panels(masks).axes
    assert [ax.get_title() for ax in axes] == ["left", "right"]
    for ax, kept in zip(axes, masks.values(), strict=True):
        assert np.array_equal(ax.collections[0].get_array(), kept)


def test_active_panels_draw_exact_bars_and_counted_dots():
    exact, counted = np.array([0.25, 0.5, 0.25]), np.array([0.2, 0.6, 0.2])
    (ax,) = pictures.draw_active({"one": (exact, counted)}).axes
    assert ax.patches[0].get_data().values.tolist() == exact.tolist()
    assert ax.lines[0].get_ydata().tolist() == counted.tolist() and ax.lines[1].get_xdata()[0] == 1


def test_training_curves_have_a_line_a_seed_and_their_mean():
    training, validation = [[3.0, 1.0], [2.0, 0.5]], [[3.0, 2.0], [3.0, 1.0]]
    (ax,) = pictures.draw_training({0.1: (training, validation)}).axes
    drawn = [line.get_ydata().tolist() for line in ax.lines]
    assert drawn == [*training, [2.5, 0.75], *validation, [3.0, 1.5]] and "0.1" in ax.get_title()
    assert ax.lines[0].get_xdata().tolist() == [1, 2] and ax.get_xlabel() and ax.get_ylabel()
