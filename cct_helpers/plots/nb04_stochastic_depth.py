"""Pictures of stochastic depth: which branches are dropped for which image, and how many stay."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from cct_helpers.figures import BLUE, COLOURS, GREY, ORANGE, new_figure

DROPPED = "#E8E8E8"
MASKS = ("one per image", "one per batch", "one per image, same seed in every layer")
SCHEDULES = ("linear", "constant")


def branch_rates(rate, blocks, schedule="linear"):
    """Drop rate of every residual branch, (2 * blocks,), first to last: two branches a block share its rate.

    "linear" goes from 0 in the first block to `rate` in the last, as in the authors' code; "constant" is `rate` in all.
    Raises ValueError for a rate outside [0, 1), less than one block or another schedule.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate must be at least 0 and below 1, got {rate}: at 1 no branch would ever be kept.")
    if blocks < 1:
        raise ValueError(f"blocks must be at least 1, got {blocks}.")
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r}.")
    a_block = np.linspace(0, rate, blocks) if schedule == "linear" else np.full(blocks, rate)
    return np.repeat(a_block, 2)


def sample_masks(rates, images, mask=MASKS[0], seed=0):
    """Draw who keeps which branch: (branches, images) of bool, True where the branch is kept.

    rates: drop rate of every branch, (branches,). mask: one of `MASKS`.
    Raises ValueError for another mask.
    """
    if mask not in MASKS:
        raise ValueError(f"mask must be one of {'; '.join(MASKS)}, got {mask!r}.")
    shape = {MASKS[0]: (len(rates), images), MASKS[1]: (len(rates), 1), MASKS[2]: (1, images)}[mask]
    uniform = np.broadcast_to(np.random.default_rng(seed).random(shape), (len(rates), images))
    return uniform >= np.asarray(rates)[:, None]


def active_distribution(rates):
    """P(k branches are kept) for k = 0..branches, when all are drawn independently: (branches + 1,), sums to 1."""
    distribution = np.ones(1)
    for rate in rates:
        distribution = np.convolve(distribution, [rate, 1 - rate])
    return distribution


def draw_mask_panels(masks, width=9.0, height=3.2):
    """Branches (rows, the first at the top) by images (columns), side by side: `masks` maps titles to arrays."""
    figure, axes = new_figure(1, len(masks), width=width, height=height, squeeze=False)
    for ax, (title, kept) in zip(axes[0], masks.items(), strict=True):
        _draw_masks(ax, kept)
        ax.set_title(title)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def draw_running_means(factors, bound, width=7.0, height=3.4):
    """The mean of what a branch is multiplied with, after 1, 2, 3... draws.

    factors: maps a name to an array (draws,). bound: (draws,), how far the mean of an unbiased one may be from 1.
    """
    figure, ax = new_figure(width=width, height=height)
    draws = np.arange(1, len(bound) + 1)
    ax.fill_between(draws, 1 - bound, 1 + bound, color=GREY, alpha=0.2, linewidth=0, label="1 ± five standard errors")
    for colour, (name, values) in zip(COLOURS, factors.items(), strict=False):
        ax.plot(draws, np.cumsum(values) / draws, color=colour, label=name)
    ax.axhline(1, color="black", linewidth=0.8)
    ax.set(xscale="log", ylim=(0, 2), xlabel="images drawn so far (log scale)", ylabel="mean factor on the branch")
    ax.legend(frameon=False)
    return figure


def draw_active(panels, width=9.0, height=3.2):
    """How many branches stay: exact distributions as bars, counted shares as dots, the expectation as a line.

    panels: maps a title to (exact, counted), both (branches + 1,) and each summing to 1.
    """
    figure, axes = new_figure(1, len(panels), width=width, height=height, sharey=True, squeeze=False)
    for ax, (title, (exact, counted)) in zip(axes[0], panels.items(), strict=True):
        _draw_active(ax, exact, counted)
        ax.set_title(title)
    axes[0, 0].set_ylabel("share of images")
    handles = axes[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def draw_simulator(rate=0.5, blocks=6, schedule="linear", mask=MASKS[0], seed=0, images=48):
    """One batch: which branches are dropped for which image, and how many stay beside what independent draws expect.

    Raises ValueError for impossible settings, see `branch_rates` and `sample_masks`.
    """
    rates = branch_rates(rate, blocks, schedule)
    kept = sample_masks(rates, images, mask, seed)
    exact = active_distribution(rates)
    counted = np.bincount(kept.sum(axis=0), minlength=len(exact)) / images
    margins = dict(left=0.07, right=0.99, bottom=0.19, top=0.91, wspace=0.2)
    figure, (left, right) = new_figure(1, 2, width=10.0, height=3.6, margins=margins, width_ratios=(1.5, 1))
    _draw_masks(left, kept)
    left.set_xlabel("image in the batch\nblue: branch kept, grey: branch dropped")  # a legend takes a fifth of a redraw
    left.set_title(f"{schedule} rate {rate:.2f}, mask: {mask}", loc="left", fontsize=10)
    _draw_active(right, exact, counted)
    right.set_xlabel("branches kept\nbars: expected, dots: counted, dashed: mean")
    right.set(ylabel="share of images", ylim=(0, max(0.35, 1.25 * counted.max(), 1.25 * exact.max())))
    right.set_title(f"kept per image: {kept.sum(axis=0).mean():.2f}, expected {np.sum(1 - rates):.2f}")
    return figure


def draw_training(curves, width=9.5, height=3.4):
    """Loss over epochs, one panel a drop rate: `curves` maps a rate to (training, validation), each (seeds, epochs)."""
    figure, axes = new_figure(1, len(curves), width=width, height=height, sharey=True, squeeze=False)
    for ax, (rate, pair) in zip(axes[0], curves.items(), strict=True):
        for name, colour, losses in zip(("training, with drops", "validation"), (BLUE, ORANGE), pair, strict=True):
            epochs = np.arange(1, np.shape(losses)[1] + 1)
            ax.plot(epochs, np.transpose(losses), color=colour, linewidth=0.8, alpha=0.6)
            ax.plot(epochs, np.mean(losses, axis=0), color=colour, label=name)
        ax.set(title=f"rate up to {rate}", xlabel="epoch")
    axes[0, 0].set_ylabel("cross-entropy (nats)")
    axes[0, -1].legend(frameon=False)
    return figure


def _draw_masks(ax, kept):
    branches, images = kept.shape
    edges = np.arange(images + 1) - 0.5, np.arange(branches + 1) - 0.5
    colours = dict(cmap=ListedColormap([DROPPED, BLUE]), vmin=0, vmax=1)
    ax.pcolormesh(*edges, kept, edgecolors="white", linewidth=0.6, **colours)
    ax.set_yticks([0, branches - 1], ["first", "last"])
    ax.xaxis.get_major_locator().set_params(integer=True, nbins=4)
    ax.set(xlabel="image in the batch", xlim=(-0.5, images - 0.5))
    ax.set(ylabel="branch", ylim=(branches - 0.5, -0.5))  # the first branch at the top


def _draw_active(ax, exact, counted):
    count = np.arange(len(exact))
    expectation = float(count @ exact)
    edges = np.arange(len(exact) + 1) - 0.5
    ax.stairs(exact, edges, fill=True, color=BLUE, alpha=0.35, label="independent draws, exact")
    ax.plot(count, counted, "o", color=ORANGE, markersize=5, label="counted")
    ax.axvline(expectation, color="black", linewidth=1, linestyle="--", label="expectation")
    ax.set_xlabel("branches kept")
    ax.xaxis.get_major_locator().set_params(integer=True, nbins=5)
    ax.yaxis.get_major_locator().set_params(nbins=4)  # ticks cost more of a redraw than anything else


def _legend():
    return [Patch(color=BLUE, label="branch kept"), Patch(color=DROPPED, label="branch dropped")]
