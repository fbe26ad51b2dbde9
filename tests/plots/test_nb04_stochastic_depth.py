"""The pictures of stochastic depth show what was drawn, and its arithmetic is right."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex

from cct_helpers.figures import BLUE
from cct_helpers.plots import nb04_stochastic_depth as pictures
from cct_helpers.plots.nb04_stochastic_depth import MASKS, active_distribution, branch_rates, sample_masks


def test_linear_rates_grow_from_zero_and_two_branches_share_one():
    assert branch_rates(0.4, 3).tolist() == pytest.approx([0, 0, 0.2, 0.2, 0.4, 0.4])


def test_constant_rates():
    assert branch_rates(0.4, 2, "constant").tolist() == [0.4] * 4


@pytest.mark.parametrize(
    "wrong, words",
    [
        (dict(rate=1.0, blocks=2), "rate must be at least 0 and below 1, got 1.0"),
        (dict(rate=-0.1, blocks=2), "got -0.1"),
        (dict(rate=0.1, blocks=0), "blocks must be at least 1, got 0"),
        (dict(rate=0.1, blocks=2, schedule="cosine"), "schedule must be one of linear, constant, got 'cosine'"),
    ],
)
def test_impossible_rates_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        branch_rates(**wrong)


@pytest.mark.parametrize("mask", MASKS)
def test_each_branch_is_kept_with_its_probability(mask):
    rates = np.array([0.0, 0.2, 0.7])
    draws = [sample_masks(rates, 10, mask, seed) for seed in range(4000)]
    error = 5 * np.sqrt(rates * (1 - rates) / len(draws))  # of one image's mask over the seeds
    assert np.all(np.abs(np.mean(draws, axis=0) - (1 - rates)[:, None]) <= error[:, None])


def test_one_mask_per_image_differs_between_images_and_branches():
    kept = sample_masks(np.full(4, 0.5), 64, "one per image")
    assert kept.shape == (4, 64) and len(np.unique(kept, axis=0)) == 4 and len(np.unique(kept, axis=1).T) > 8


def test_one_mask_per_batch_is_the_same_for_all_images():
    kept = sample_masks(np.full(40, 0.5), 8, "one per batch")
    assert np.all(kept == kept[:, :1]) and 0 < kept[:, 0].sum() < 40


def test_same_seed_drops_the_same_images_and_a_higher_rate_drops_more_of_them():
    kept = sample_masks([0.3, 0.3, 0.6], 200, MASKS[2])
    assert np.array_equal(kept[0], kept[1]) and np.all(kept[0][kept[2]]) and kept[2].sum() < kept[0].sum()


def test_masks_repeat_with_their_seed():
    rates = [0.5] * 6
    assert np.array_equal(sample_masks(rates, 9, seed=3), sample_masks(rates, 9, seed=3))
    assert not np.array_equal(sample_masks(rates, 9, seed=3), sample_masks(rates, 9, seed=4))


def test_unknown_mask_is_refused():
    with pytest.raises(ValueError, match="mask must be one of .*, got 'per token'"):
        sample_masks([0.5], 4, "per token")


def test_distribution_equals_counting_all_outcomes():
    rates = [0.0, 0.1, 0.35, 0.9]
    expected = np.zeros(5)
    for kept in itertools.product([0, 1], repeat=4):
        expected[sum(kept)] += np.prod([1 - rate if keep else rate for keep, rate in zip(kept, rates, strict=True)])
    assert np.allclose(active_distribution(rates), expected)


def test_simulator_draws_the_masks_and_their_counts():
    figure = pictures.draw_simulator(rate=0.6, blocks=3, schedule="constant", seed=5, images=20)
    kept = sample_masks(np.full(6, 0.6), 20, seed=5)
    left, right = figure.axes
    mesh = left.collections[0]
    assert np.array_equal(mesh.get_array(), kept) and mesh.get_coordinates()[0, 0].tolist() == [-0.5, -0.5]
    assert [to_hex(mesh.to_rgba(cell)) for cell in (True, False)] == [BLUE.lower(), pictures.DROPPED.lower()]
    highest = max(np.bincount(kept.sum(axis=0)).max() / 20, active_distribution([0.6] * 6).max())
    assert highest < right.get_ylim()[1] <= max(0.35, 1.3 * highest) and "dashed: mean" in right.get_xlabel()
    dots, expectation = right.lines
    assert np.allclose(dots.get_ydata() * 20, np.bincount(kept.sum(axis=0), minlength=7))
    assert expectation.get_xdata()[0] == pytest.approx(6 * 0.4)
    (exact,) = right.patches
    assert exact.get_data().values.tolist() == pytest.approx(active_distribution([0.6] * 6).tolist())
    assert f"{kept.sum() / 20:.2f}, expected 2.40" in right.get_title()


def test_simulator_refuses_impossible_settings():
    with pytest.raises(ValueError, match="rate"):
        pictures.draw_simulator(rate=1.0)


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
    training, validation = [[3.0, 1.0], [2.0, 0.0]], [[3.0, 2.0], [3.0, 1.0]]
    (ax,) = pictures.draw_training({0.1: (training, validation)}).axes
    drawn = [line.get_ydata().tolist() for line in ax.lines]
    assert drawn == [*training, [2.5, 0.5], *validation, [3.0, 1.5]] and "0.1" in ax.get_title()
    assert ax.lines[0].get_xdata().tolist() == [1, 2] and ax.get_xlabel() and ax.get_ylabel()
