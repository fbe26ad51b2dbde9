"""Pictures of pooling: how much each token counts, drawn over the image, and how poolings compare."""

import numpy as np

from cct_helpers.figures import BLUE, draw_image, draw_overlay, draw_sorted, new_figure


def draw_overlays(images, weights, grid, titles, columns=8):
    """Images, and below each its pooling weights as a veil; all veils are on one scale.

    Args:
        images: (n, height, width, channels) uint8.
        weights: (n, tokens); each row sums to 1.
        grid: (rows, columns) of tokens.
        titles: n texts.
        columns: images a row.
    """
    rows = -(-len(images) // columns)
    figure, axes = new_figure(2 * rows, columns, width=max(1.2 * columns, 4.5), height=2.9 * rows, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    times = len(weights[0]) * np.asarray(weights)
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        draw_image(axes[2 * row, column], image, titles[i])
        draw_overlay(axes[2 * row + 1, column], image, times[i], grid, f"up to {times[i].max():.1f}", times.max())
    figure.supxlabel(f"weight, times uniform; full orange: {times.max():.1f}", fontsize=10)
    return figure


def draw_entropies(bits, tokens):
    """How widely images spread their weights: a histogram of entropies, (n,) in bits, beside that of equal weights."""
    figure, ax = new_figure(width=6, height=3)
    ax.hist(bits, bins=30, color=BLUE, label="test images")
    highest = np.log2(tokens)
    ax.axvline(highest, color="black", linestyle="--", label=f"equal weights: log2({tokens}) = {highest:.2f}")
    ax.set(xlabel="entropy of the pooling weights (bits)", ylabel="images")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def draw_pooling(image, weights, grid, name, title):
    """One image, its pooling weights over it, and the weights in order beside the uniform line.

    Args:
        image: (height, width, channels) uint8.
        weights: (tokens,) that sum to 1.
        grid: (rows, columns) of tokens.
        name: of the image.
        title: over the weights in order.
    """
    margins = dict(left=0.01, right=0.99, bottom=0.16, top=0.9, wspace=0.1)
    shape = dict(width=10.0, height=3.2, width_ratios=(1, 1, 0.22, 1.5))  # the gap has room for numbers like 0.0175
    figure, (left, middle, gap, right) = new_figure(1, 4, margins=margins, **shape)
    gap.remove()
    draw_image(left, image, name)
    draw_overlay(middle, image, weights, grid, f"full orange: {len(weights) * weights.max():.1f} x uniform")
    draw_sorted(right, weights)
    right.set_title(title)
    return figure
