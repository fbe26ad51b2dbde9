"""Pictures of self-attention: its arrays on paper, scores, blocks, where a token of a photo reads from.

Arrays in, a Figure out.
"""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from cct_helpers.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    check_token,
    draw_arrow,
    draw_overlay,
    draw_sorted,
    new_figure,
    outline_token,
)

CELL = 0.8  # height of a number in a table, where its width is 1


def write_table(axes, left, middle, numbers, names, follow, title, pairs):
    """An array (n, columns) as a table of numbers, a row a token; with `pairs` a column a token too, shares orange."""
    n, columns = numbers.shape
    top = middle + CELL * n / 2
    whole = np.allclose(numbers, np.round(numbers))
    for (row, column), number in np.ndenumerate(numbers):
        colour = (*to_rgb(ORANGE), number) if pairs and not whole else "white"
        box = dict(xy=(left + column, top - CELL * (row + 1)), width=1, height=CELL)
        axes.add_patch(Rectangle(**box, facecolor=colour, edgecolor=GREY, linewidth=0.6))
        text = f"{number:.0f}" if whole else f"{number:.2f}"
        axes.text(left + column + 0.5, top - CELL * (row + 0.5), text, ha="center", va="center", fontsize=10)
    for row, name in enumerate(names):
        axes.text(left - 0.15, top - CELL * (row + 0.5), name, ha="right", va="center", fontsize=9, color=GREY)
        if pairs:
            axes.text(left + row + 0.5, top + 0.1, name, ha="center", va="bottom", fontsize=9, color=GREY)
    box = dict(xy=(left, top - CELL * (follow + 1)), width=columns, height=CELL)
    axes.add_patch(Rectangle(**box, fill=False, edgecolor=BLUE, linewidth=2.5))
    place = left + columns / 2, top + (0.85 if pairs else 0.2)
    axes.text(*place, f"{title}\n({n}, {columns})", ha="center", va="bottom", fontsize=10)


def draw_steps(steps, names, follow, message=""):
    """Attention on paper: each of its arrays with its numbers, and the row of one token outlined in all of them.

    Args:
        steps: title -> array, seven of them: tokens (n, dim); queries, keys and values, (n, size) each; scores and
            weights, (n, n) each; output (n, size).
        names: n short texts, one a token.
        follow: number of the token whose row is outlined.
        message: what the picture says.
    """
    level = CELL * len(names) + 1.9  # from the middle of a table to that of the next one below
    places = [(1, 0), (6, level), (6, 0), (6, -level), (11.5, level / 2), (17, level / 2), (22.5, -level / 3)]
    arrows = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (4, 5), (5, 6), (3, 6)]
    figure, axes = new_figure(width=9.6, height=4.9, margins=dict(left=0, right=1, bottom=0, top=1))
    axes.set_axis_off()
    axes.set(xlim=(0, 25), ylim=(-level - 0.6 * CELL * len(names), level + 0.6 * CELL * len(names) + 1.4))
    axes.text(24.8, axes.get_ylim()[1] - 0.3, message, ha="right", va="top", fontsize=12)
    rights = []
    for place, (title, numbers) in enumerate(steps.items()):
        left, middle = places[place]
        write_table(axes, left, middle, numbers, names, follow, title, pairs=place in (4, 5))
        rights.append((left + numbers.shape[1] + 0.1, middle))
    for first, second in arrows:
        left, middle = places[second]
        draw_arrow(axes, rights[first], (left - 0.7, middle), linewidth=1.4)
    return figure


def draw_scaling(sizes, variances, entropies, uniform):
    """Variance of the scores, and entropy of the softmax, for growing head size.

    Args:
        sizes: (n,) head sizes.
        variances: name -> (n,).
        entropies: name -> (n,), in bits.
        uniform: entropy when all tokens are read alike, in bits.
    """
    figure, (left, right) = new_figure(1, 2, width=8.6, height=3.2)
    for name, style, colour in zip(variances, ("-o", "--s"), (ORANGE, BLUE), strict=False):
        left.plot(sizes, variances[name], style, color=colour, label=name)
        right.plot(sizes, entropies[name], style, color=colour, label=name)
    right.axhline(uniform, color=GREY, linestyle=":", linewidth=1.5, label="all tokens alike")
    left.set(title="How far the scores spread ...", xlabel="head size", ylabel="variance of the scores")
    left.set_yscale("log")
    right.set(title="... and how evenly a row reads", xlabel="head size", ylabel="entropy of a row (bits)")
    right.set_ylim(-0.2, uniform * 1.1)
    for ax in (left, right):
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, sizes)
        ax.minorticks_off()
    right.legend(loc="center right", bbox_to_anchor=(1, 0.6))
    return figure


def draw_reading(columns, tokens, grid, high, message=None):
    """Where some tokens read from in several ways of reading, on one scale: a row a token, a column a way.

    Args:
        columns: title -> (image, weights): (height, width, channels) uint8, and (tokens, tokens), rows that sum to 1.
        tokens: (row, column) of each token that reads, outlined.
        grid: (rows, columns) of tokens.
        high: the weight, in multiples of uniform, that gets the full orange.
        message: what the picture says.

    Raises:
        ValueError: for a token outside the grid.
    """
    for token in tokens:
        check_token(token, grid)
    size = dict(width=2.5 * len(columns), height=2.35 * len(tokens) + 1.0)
    figure, axes = new_figure(len(tokens), len(columns), **size, squeeze=False)
    figure.suptitle(message, fontsize=12)
    for across, (title, (image, weights)) in enumerate(columns.items()):
        for down, token in enumerate(tokens):
            values = len(weights) * weights[token[0] * grid[1] + token[1]]
            draw_overlay(axes[down, across], image, values, grid, title if down == 0 else None, high)
            outline_token(axes[down, across], token, grid, *image.shape[:2])
    figure.supxlabel(f"weight, times uniform; full orange: {high:g} and more", fontsize=10)
    return figure


def draw_explorer(image, weights, grid, token, high, title, numbers):
    """Where a token reads from, over the photo, and all its weights sorted beside uniform.

    Args:
        image: (height, width, channels) uint8.
        weights: (tokens,), the row of the token; sums to 1.
        grid: (rows, columns) of tokens.
        token: (row, column), which is outlined.
        high: the weight, in multiples of uniform, that gets the full orange.
        title: which row it is.
        numbers: what the row says in numbers, for the title on the right.

    Raises:
        ValueError: for a token outside the grid.
    """
    check_token(token, grid)
    margins = dict(left=0.02, right=0.98, bottom=0.14, top=0.9, wspace=0.2)
    figure, (left, right) = new_figure(1, 2, width=8.6, height=3.5, margins=margins)
    draw_overlay(left, image, len(weights) * weights, grid, title, high)
    outline_token(left, token, grid, *image.shape[:2])
    left.set_xlabel(f"weight, times uniform; full orange: {high:g} and more")
    draw_sorted(right, weights)
    right.set_title(numbers)
    for ax in (left, right):
        ax.title.set_fontsize(10)
    return figure


# The three blocks, from the input down; what stands on a branch has a ">", all else stands on the stream.
BLOCKS = {
    "pre-norm\nmost vision transformers": "norm> attention> + norm> MLP> +",
    "post-norm\nAttention Is All You Need": "attention> + norm MLP> + norm",
    "mid-norm\nthe authors of CCT": "norm> attention> + norm MLP> +",
}
PART_COLOURS = {"norm": GREEN, "attention": BLUE, "MLP": ORANGE, "+": "white"}


def draw_block(axes, parts, title):
    """One block as a flow chart: the residual stream on the left, its branches on the right."""
    ends = [place for place, part in enumerate(parts) if part == "+"]
    axes.plot([0, 0], [0.9, -len(parts) - 0.1], color=GREY, linewidth=4, solid_capstyle="butt", zorder=1)
    start = 0
    for end in ends:
        while not parts[start].endswith(">"):
            start += 1
        path = [(0, 0.55 - start), (1.5, 0.55 - start), (1.5, -end), (0.25, -end)]
        axes.plot(*zip(*path, strict=True), color=GREY, linewidth=1.6, zorder=1)
        draw_arrow(axes, (0.6, -end), (0.22, -end), linewidth=1.4)
        start = end + 1
    for place, part in enumerate(parts):
        name, x = part.rstrip(">"), 1.5 if part.endswith(">") else 0
        look = dict(boxstyle="circle,pad=0.2" if name == "+" else "round,pad=0.35", edgecolor="black", linewidth=0.8)
        colour = tuple(0.55 + 0.45 * level for level in to_rgb(PART_COLOURS[name]))  # pale, under black letters
        axes.text(x, -place, name, ha="center", va="center", fontsize=11, bbox=look | {"facecolor": colour}, zorder=3)
    axes.text(0.15, 0.95, "$x$", fontsize=12, va="center")
    axes.text(0.15, -len(parts) + 0.05, "$y$", fontsize=12, va="center")
    axes.set_axis_off()
    axes.set(title=title, xlim=(-0.9, 2.4), ylim=(-len(parts) - 0.2, 1.2))


def draw_blocks():
    """The three places of the norm in use, side by side: what is added is the same, the norms stand elsewhere."""
    figure, axes = new_figure(1, len(BLOCKS), width=8.6, height=4.7)
    figure.suptitle("The same parts in the same order; the norms stand elsewhere", fontsize=12)
    for ax, (title, parts) in zip(axes, BLOCKS.items(), strict=True):
        draw_block(ax, parts.split(), title)
    return figure


def draw_gelu(x, gelu, relu, difference):
    """The GELU beside the ReLU, and how far its approximation is from it.

    Args:
        x: (n,).
        gelu, relu: (n,), their values at x.
        difference: (n,), the exact GELU without the one by tanh.
    """
    figure, (left, right) = new_figure(1, 2, width=8.6, height=3.0)
    left.plot(x, relu, "--", color=GREY, label="ReLU")
    left.plot(x, gelu, color=BLUE, label="GELU")
    left.plot(x[gelu.argmin()], gelu.min(), "o", color=ORANGE, label=f"lowest point, {gelu.min():.2f}")
    left.set(title="A ReLU with a soft corner", xlabel="x", ylabel="value", xlim=(-4, 3), ylim=(-0.6, 3))
    left.legend()
    right.plot(x, 1e4 * difference, color=BLUE)
    right.set(title="Exact minus tanh: below 5 / 10,000", xlabel="x", ylabel="difference (1 / 10,000)")
    return figure
