"""Pictures of stochastic depth: paths through branches, who drops which, how many stay. Arrays in, a Figure out.

Masks are (branches, images) of bool, True where the branch is kept, the first branch on top.
"""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from cct_helpers.figures import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    SEEDS,
    draw_arrow,
    draw_box,
    draw_seeds,
    name_rows,
    new_figure,
)

LINE = dict(color="#333333", linewidth=1.6)


def draw_branch(axes, x, y, width, height, text, colour, dropped=False):
    """A box with its middle at (x, y): filled where it computes, pale and dashed where it is dropped."""
    look = dict(facecolor=PALE, edgecolor=GREY, linestyle="--") if dropped else dict(facecolor=colour, edgecolor=colour)
    look |= dict(boxstyle="round,pad=0,rounding_size=0.08", zorder=3)
    draw_box(axes, x, y, width, height, text, ink=GREY if dropped else "white", fontsize=9, **look)


def draw_paths(paths):
    """The way through a stack of blocks for each row: two branches a block, kept ones drawn in, dropped ones cut.

    Args:
        paths: name -> (branches,) of bool, True where the branch is kept; attention and MLP take turns.
    """
    figure, ax = new_figure(width=10, height=0.95 * len(paths) + 0.7)
    for row, (name, kept) in enumerate(paths.items()):
        ax.plot([-0.7, len(kept) - 0.3], [-row, -row], **LINE, zorder=1)
        draw_arrow(ax, (len(kept) - 0.4, -row), (len(kept) - 0.1, -row), arrowstyle="->", **LINE)
        ax.text(-0.85, -row + 0.2, f"{name}\n{sum(kept)} of {len(kept)} branches", ha="right", va="center", fontsize=10)
        for place, is_kept in enumerate(kept):
            letter, colour = (("A", BLUE), ("M", GREEN))[place % 2]
            draw_branch(ax, place, -row + 0.42, 0.5, 0.36, letter, colour, dropped=not is_kept)
            if is_kept:
                ax.plot(place + np.array([-0.38, -0.38, -0.25]), -row + np.array([0, 0.42, 0.42]), **LINE, zorder=2)
                ax.plot(place + np.array([0.25, 0.38, 0.38]), -row + np.array([0.42, 0.42, 0]), **LINE, zorder=2)
                ax.plot(place + 0.38, -row, "o", markersize=6, zorder=3, color=LINE["color"])
    blocks = len(kept) // 2
    for block in range(blocks):
        ax.text(2 * block + 0.5, 1.0, f"block {block}", ha="center", va="center", fontsize=9, color=GREY)
    ax.set(xlim=(-3.2, len(kept)), ylim=(-len(paths) + 0.72, 1.15))
    ax.set_title("In training every image takes a path of its own; afterwards all take the whole one", fontsize=12)
    ax.set_axis_off()
    words = ("A: attention, kept", "M: MLP, kept", "dropped: adds nothing")
    handles = [Patch(color=colour, label=word) for colour, word in zip((BLUE, GREEN, PALE), words, strict=True)]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def draw_dropped_blocks():
    """What is left of a block when both of its branches are dropped: in a ViT's block, and in the authors'."""
    figure, axes = new_figure(1, 2, width=10, height=2.0)
    titles = ("pre-norm block (ViT): x comes out as it came in", "the authors' block: norm1(x) comes out")
    for ax, title, authors in zip(axes, titles, (False, True), strict=True):
        draw_arrow(ax, (0, 0), (8.2, 0), arrowstyle="->", shrinkA=0, shrinkB=0, **LINE)
        for start, words in ((0.5, ("norm", "attention")), (4.9, ("MLP",) if authors else ("norm", "MLP"))):
            end = start + 2.9
            grey = dict(color=GREY, linewidth=1.4, linestyle=":")
            ax.plot([start, start, end, end], [0, 1, 1, 0], **grey, zorder=1)
            for place, word in enumerate(words):
                middle = start + (1.45 if len(words) == 1 else 0.65 + 1.36 * place)
                draw_branch(ax, middle, 1, 1.35 if word != "norm" else 0.85, 0.52, word, BLUE, dropped=True)
            ax.text(end, 0, "+", ha="center", va="center", fontsize=12, zorder=4)
            ax.plot(end, 0, "o", markersize=15, markerfacecolor="white", markeredgecolor=LINE["color"], zorder=3)
        if authors:
            draw_branch(ax, 4.16, 0, 0.95, 0.52, "norm1", BLUE)
        ax.text(-0.15, 0, "x", ha="right", va="center", fontsize=11)
        ax.text(8.3, 0, "norm1(x)" if authors else "x", ha="left", va="center", fontsize=11)
        ax.set(xlim=(-0.6, 9.7), ylim=(-0.4, 1.35))
        ax.set_title(title, fontsize=11)
        ax.set_axis_off()
    return figure


def draw_mask_panels(masks):
    """Masks side by side: `masks` maps titles to arrays."""
    figure, axes = new_figure(1, len(masks), width=9, height=3.2, squeeze=False)
    for ax, (title, kept) in zip(axes[0], masks.items(), strict=True):
        draw_mask(ax, kept)
        ax.set_title(title)
    handles = [Patch(color=BLUE, label="branch kept"), Patch(color=PALE, label="branch dropped")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle("Draws of their own scatter over the batch; one draw for all takes out whole rows", fontsize=12)
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
    ax.set_title("Only mask / keep has the mean 1", fontsize=12)
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
    figure.suptitle("The same mean, and another spread: one seed makes all layers drop together", fontsize=12)
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


def draw_differences(gaps, top1):
    """What each drop rate came to: the gap in loss and the score on unseen images, a row a rate, a dot a run.

    The dots of a row lie one below the other, seed 0 on top, as equal scores would hide each other.

    Args:
        gaps: rate -> (seeds,), loss on test images minus loss on training images, in nats.
        top1: rate -> (seeds,), in percent.
    """
    figure, axes = new_figure(1, 2, width=9.5, height=0.5 * len(gaps) + 1.5, sharey=True)
    labels = ("loss gap, test minus training (nats)", "test top-1 (%)")
    for ax, scores, label in zip(axes, (gaps, top1), labels, strict=True):
        for row, (values, colour) in enumerate(zip(scores.values(), COLOURS, strict=False)):
            number = np.arange(len(values))
            draw_seeds(ax, values, row + 0.15 * (number - number.mean()), colour)
        name_rows(ax, [f"rate up to {rate}" for rate in scores])
        ax.set_xlabel(f"{label}\n{SEEDS}, seed 0 on top")
    figure.suptitle("Nine models: three drop rates, three seeds each", fontsize=12)
    return figure
