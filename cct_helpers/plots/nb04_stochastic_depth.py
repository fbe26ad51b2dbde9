"""Pictures of stochastic depth: which branches are dropped for which image, and how many stay. Arrays in, a Figure out.

Masks are (branches, images) of bool, True where the branch is kept, the first branch on top.
"""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from cct_helpers.figures import BLUE, COLOURS, GREY, ORANGE, PALE, new_figure


def draw_mask_panels(masks):
    """Masks side by side: `masks` maps titles to arrays."""
    figure, axes = new_figure(1, len(masks), width=9, height=3.2, squeeze=False)
    for ax, (title, kept) in zip(axes[0], masks.items(), strict=True):
        draw_mask(ax, kept)
        ax.set_title(title)
    handles = [Patch(color=BLUE, label="branch kept"), Patch(color=PALE, label="branch dropped")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    return figure


def draw_mask(axes, kept):
    """Draw one mask, blue where a branch is kept and grey where it is dropped."""
    branches, images = kept.shape
    edges = np.arange(images + 1) - 0.5, np.arange(branches + 1) - 0.5
    colours = dict(cmap=ListedColormap([PALE, BLUE]), vmin=0, vmax=1)
    axes.pcolormesh(*edges, kept, edgecolors="white", linewidth=0.6, **colours)
    axes.set_yticks([0, branches - 1], ["first", "last"])
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=4)
    axes.set(xlabel="image in the batch", xlim=(-0.5, images - 0.5))
    axes.set(ylabel="branch", ylim=(branches - 0.5, -0.5))


def draw_running_means(factors, bound):
    """The mean of what a branch is multiplied with, after 1, 2, 3... draws.

    Args:
        factors: name -> (draws,).
        bound: (draws,), how far the mean of an unbiased one may be from 1.
    """
    figure, ax = new_figure(width=7, height=3.4)
    draws = np.arange(1, len(bound) + 1)
    ax.fill_between(draws, 1 - bound, 1 + bound, color=GREY, alpha=0.2, linewidth=0, label="1 ± five standard errors")
    for colour, (name, values) in zip(COLOURS, factors.items(), strict=False):
        ax.plot(draws, np.cumsum(values) / draws, color=colour, label=name)
    ax.axhline(1, color="black", linewidth=0.8)
    ax.set(xscale="log", ylim=(0, 2), xlabel="images drawn so far (log scale)", ylabel="mean factor on the branch")
    ax.legend()
    return figure


def draw_active(panels):
    """How many branches stay: exact distributions as bars, counted shares as dots, the expectation as a line.

    Args:
        panels: title -> (exact, counted), both (branches + 1,) and each summing to 1.
    """
    figure, axes = new_figure(1, len(panels), width=9, height=3.2, sharey=True, squeeze=False)
    for ax, (title, (exact, counted)) in zip(axes[0], panels.items(), strict=True):
        draw_counts(ax, exact, counted)
        ax.set_title(title)
    axes[0, 0].set_ylabel("share of images")
    handles = axes[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def draw_counts(axes, exact, counted):
    """Draw one distribution of the number of kept branches, (branches + 1,), and what was counted."""
    count = np.arange(len(exact))
    edges = np.arange(len(exact) + 1) - 0.5
    axes.stairs(exact, edges, fill=True, color=BLUE, alpha=0.35, label="independent draws, exact")
    axes.plot(count, counted, "o", color=ORANGE, markersize=5, label="counted")
    axes.axvline(count @ exact, color="black", linewidth=1, linestyle="--", label="expectation")
    axes.set_xlabel("branches kept")
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
    axes.yaxis.get_major_locator().set_params(nbins=4)  # ticks cost more of a redraw than anything else


def draw_simulator(kept, exact, title):
    """One batch: which branches are dropped for which image, and how many stay beside what independent draws expect.

    Args:
        kept: (branches, images) of bool.
        exact: (branches + 1,), the probability of each number of kept branches.
        title: the settings, in words.
    """
    stay = kept.sum(axis=0)  # (branches, images) -> (images,)
    counted = np.bincount(stay, minlength=len(exact)) / len(stay)
    margins = dict(left=0.07, right=0.99, bottom=0.19, top=0.84, wspace=0.2)
    figure, (left, right) = new_figure(1, 2, width=10.0, height=3.8, margins=margins, width_ratios=(1.5, 1))
    draw_mask(left, kept)
    left.set_xlabel("image in the batch\nblue: branch kept, grey: branch dropped")  # a legend takes a fifth of a redraw
    left.set_title(title, loc="left", fontsize=10)
    draw_counts(right, exact, counted)
    right.set_xlabel("branches kept\nbars: expected, dots: counted, dashed: mean")
    right.set(ylabel="share of images", ylim=(0, max(0.35, 1.25 * counted.max(), 1.25 * exact.max())))
    count = np.arange(len(exact))
    mean, spread = count @ exact, np.sqrt(count**2 @ exact - (count @ exact) ** 2)
    words = f"branches an image keeps: {stay.mean():.1f} ± {stay.std():.1f}"
    right.set_title(f"{words}\nindependent draws: {mean:.1f} ± {spread:.1f}", fontsize=10)
    return figure


def draw_training(curves):
    """Loss over the epochs, one panel a drop rate.

    Args:
        curves: rate -> (training, validation), each (seeds, epochs), in nats.
    """
    figure, axes = new_figure(1, len(curves), width=9.5, height=3.4, sharey=True, squeeze=False)
    for ax, (rate, pair) in zip(axes[0], curves.items(), strict=True):
        names = ("training, as trained", "validation, without drops")
        for name, colour, line, losses in zip(names, (BLUE, ORANGE), ("--", "-"), pair, strict=True):
            epochs = np.arange(1, np.shape(losses)[1] + 1)
            ax.plot(epochs, np.transpose(losses), line, color=colour, linewidth=0.8, alpha=0.6)
            ax.plot(epochs, np.mean(losses, axis=0), line, color=colour, label=name)
        ax.set(title=f"rate up to {rate}", xlabel="epoch", yscale="log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].set_ylabel("cross-entropy (nats, log scale)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure
