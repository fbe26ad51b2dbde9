"""The pictures of stochastic depth show what was drawn."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from cct_helpers.figures import BLUE, GREEN, PALE
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


def test_paths_draw_a_box_for_each_branch_and_lead_through_the_kept_ones():
    paths = {"image 0": np.array([True, False, False, True]), "after training": np.ones(4, bool)}
    (ax,) = pictures.draw_paths(paths).axes
    boxes = [patch for patch in ax.patches if patch.get_boxstyle().__class__.__name__ == "Round"]
    kept = [*paths["image 0"], *paths["after training"]]
    wanted = [colour if is_kept else PALE for is_kept, colour in zip(kept, 4 * [BLUE, GREEN], strict=True)]
    assert [to_hex(box.get_facecolor()) for box in boxes] == [colour.lower() for colour in wanted]
    dots = [tuple(line.get_xydata()[0].round(2)) for line in ax.lines if line.get_marker() == "o"]
    assert dots == [(0.38, 0), (3.38, 0), (0.38, -1), (1.38, -1), (2.38, -1), (3.38, -1)]
    said = [text.get_text() for text in ax.texts]
    assert "image 0\n2 of 4 branches" in said and "after training\n4 of 4 branches" in said
    assert [text for text in said if text.startswith("block")] == ["block 0", "block 1"]


def test_dropped_blocks_differ_by_the_norm_on_the_stream():
    pre_norm, authors = pictures.draw_dropped_blocks().axes
    said = [[text.get_text() for text in ax.texts if text.get_text()] for ax in (pre_norm, authors)]
    assert said[0].count("norm") == 2 and "norm1" not in said[0] and said[0].count("x") == 2
    assert said[1].count("norm") == 1 and "norm1" in said[1] and said[1].count("x") == said[1].count("norm1(x)") == 1


def test_differences_have_a_dot_a_run_and_a_row_a_rate():
    gaps, top1 = {0.0: [0.1, 0.3], 0.5: [0.2, 0.4]}, {0.0: [90.0, 92.0], 0.5: [91.0, 95.0]}
    axes = pictures.draw_differences(gaps, top1).axes
    for ax, scores, unit in zip(axes, (gaps, top1), ("nats", "%"), strict=True):
        drawn = [line.get_xdata().tolist() for line in ax.lines]
        wanted = [line for values in scores.values() for line in ([np.mean(values)], values)]
        assert len(drawn) == 4 and all(np.allclose(a, b) for a, b in zip(drawn, wanted, strict=True))
        assert np.allclose([line.get_ydata().mean() for line in ax.lines], [0, 0, 1, 1]) and unit in ax.get_xlabel()
        assert all(np.all(np.diff(line.get_ydata()) > 0.1) for line in ax.lines[1::2])  # equal runs are both seen
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["rate up to 0.0", "rate up to 0.5"]
    assert axes[0].get_ylim()[0] > axes[0].get_ylim()[1]  # the baseline, rate 0, on top
