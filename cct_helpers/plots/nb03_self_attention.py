"""Pictures of self-attention: weights, scores, and where a token of a photo reads from. Arrays in, a Figure out.

Attention weights are (tokens, tokens): row i says how much token i reads from each token, and sums to 1. The tokens
stand in reading order on a grid = (rows, columns). Uniform reading would give every token 1 / tokens.
"""

import numpy as np
from matplotlib.patches import Rectangle

from cct_helpers.figures import BLUE, COLOURS, GREY, ORANGE, draw_image, draw_overlay, new_figure, without_colour


def row_numbers(weights):
    """What one row of attention says in numbers: (largest weight / uniform, entropy in bits, entropy of uniform)."""
    weights = np.asarray(weights, "float64")
    entropy = -np.sum(weights * np.log2(weights, where=weights > 0, out=np.zeros_like(weights)))
    return weights.max() * len(weights), entropy, np.log2(len(weights))


def draw_weights(maps, high):
    """Attention matrices side by side, title -> (tokens, tokens), on one scale of colours from 0 to `high`."""
    figure, axes = new_figure(1, len(maps), width=4 * len(maps), height=3.7, squeeze=False)
    for ax, (title, weights) in zip(axes[0], maps.items(), strict=True):
        drawn = ax.imshow(weights, vmin=0, vmax=high, cmap="cividis")
        ax.set(title=title, xlabel="is read (token)", ylabel="reads (token)")
    label = f"weight (uniform is {1 / len(weights):.3f})"
    figure.colorbar(drawn, ax=axes, label=label, shrink=0.85, extend="max")
    return figure


def draw_scaling(sizes, variances, entropies, uniform):
    """Variance of the scores, and entropy of the softmax in bits, for growing head size.

    sizes: (n,). variances, entropies: name -> (n,). uniform: entropy when all tokens are read alike, bits.
    """
    figure, (left, right) = new_figure(1, 2, width=8, height=3.1)
    styles = zip("os", ("-", "--"), (BLUE, ORANGE), strict=True)
    for name, (marker, line, colour) in zip(variances, styles, strict=False):
        look = dict(marker=marker, linestyle=line, color=colour, label=name)
        left.plot(sizes, variances[name], **look)
        right.plot(sizes, entropies[name], **look)
    right.axhline(uniform, color=GREY, linestyle=":", linewidth=1.5, label="all tokens alike")
    left.set(xlabel="head size", ylabel="variance of the scores", yscale="log")
    right.set(xlabel="head size", ylabel="entropy of a row (bits)", ylim=(-0.2, uniform * 1.1))
    for ax in (left, right):
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, sizes)
        ax.minorticks_off()
    right.legend(loc="center right", bbox_to_anchor=(1, 0.6))
    return figure


def draw_depth(lengths):
    """Mean length of a token after every block: name -> (blocks + 1,), the first before the first block."""
    figure, axes = new_figure(width=6.5, height=3.2)
    styles = zip(COLOURS, "osD", ("-", "--", "-."), strict=False)
    for (name, values), (colour, marker, line) in zip(lengths.items(), styles, strict=False):
        axes.plot(values, label=name, color=colour, marker=marker, linestyle=line, markersize=5)
    axes.set(xlabel="after block", ylabel="mean length of a token", ylim=(0, None))
    axes.legend()
    return figure


def outline_token(axes, image, grid, token, colour=BLUE):
    """Outline the part of the image that token = (row, column) of the grid stands for."""
    height, width = image.shape[0] / grid[0], image.shape[1] / grid[1]
    corner = token[1] * width - 0.5, token[0] * height - 0.5
    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=colour, linewidth=2.5))


def draw_reading(image, maps, grid, token):
    """Where one token reads from, in several heads: the photo, then a veil over it for each map.

    image: (height, width, channels) uint8. maps: title -> (tokens, tokens). token: (row, column), outlined. The fullest
    orange is each map's own largest weight, which stands in the title as a multiple of uniform.
    """
    figure, axes = new_figure(1, 1 + len(maps), width=2.7 * (1 + len(maps)), height=3.1)
    draw_image(axes[0], image, f"token {token}")
    outline_token(axes[0], image, grid, token)
    for ax, (title, weights) in zip(axes[1:], maps.items(), strict=True):
        row = weights[token[0] * grid[1] + token[1]]
        times, _, _ = row_numbers(row)
        draw_overlay(ax, without_colour(image), row, grid, f"{title}\nlargest {times:.1f} x uniform")
        outline_token(ax, image, grid, token)
    figure.supxlabel("where this token reads from (orange)", fontsize=10)
    return figure


def draw_explorer(image, weights, grid, row, column, title):
    """Where token (row, column) reads from, over the photo, and all its weights sorted, with uniform as a line.

    image: (height, width, channels) uint8. weights: (tokens, tokens). Raises ValueError for a token outside the grid.
    """
    rows, columns = grid
    if not (0 <= row < rows and 0 <= column < columns):
        raise ValueError(
            f"There is no token ({row}, {column}) on a grid of {rows} x {columns}: rows and columns count from 0."
        )
    values = weights[row * columns + column]
    times, entropy, most = row_numbers(values)
    margins = dict(left=0.05, right=0.98, bottom=0.14, top=0.9, wspace=0.25)
    figure, (left, right) = new_figure(1, 2, width=8, height=3.7, margins=margins)
    draw_overlay(left, without_colour(image), values, grid, f"{title}: where token ({row}, {column}) reads")
    outline_token(left, image, grid, (row, column))
    tokens = len(values)
    right.fill_between(np.arange(1, tokens + 1), np.sort(values)[::-1], step="mid", color=ORANGE)
    right.axhline(1 / tokens, color=GREY, linestyle="--", linewidth=1.5, label=f"uniform, 1/{tokens}")
    right.set_title(f"largest {times:.1f} x uniform, entropy {entropy:.2f} of {most:.3g} bits", fontsize=10)
    right.set(xlabel="tokens, the most read first", ylabel="weight", xlim=(0.5, tokens + 0.5), ylim=(0, None))
    right.legend()
    return figure
