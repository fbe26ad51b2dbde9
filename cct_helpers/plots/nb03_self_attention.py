"""Pictures of self-attention: scores, and where a token of a photo reads from. Arrays in, a Figure out."""

from cct_helpers.figures import BLUE, GREY, ORANGE, check_token, draw_overlay, draw_sorted, new_figure, outline_token


def draw_scaling(sizes, variances, entropies, uniform):
    """Variance of the scores, and entropy of the softmax, for growing head size.

    Args:
        sizes: (n,) head sizes.
        variances: name -> (n,).
        entropies: name -> (n,), in bits.
        uniform: entropy when all tokens are read alike, in bits.
    """
    figure, (left, right) = new_figure(1, 2, width=8, height=3.1)
    for name, style, colour in zip(variances, ("-o", "--s"), (BLUE, ORANGE), strict=False):
        left.plot(sizes, variances[name], style, color=colour, label=name)
        right.plot(sizes, entropies[name], style, color=colour, label=name)
    right.axhline(uniform, color=GREY, linestyle=":", linewidth=1.5, label="all tokens alike")
    left.set(xlabel="head size", ylabel="variance of the scores", yscale="log")
    right.set(xlabel="head size", ylabel="entropy of a row (bits)", ylim=(-0.2, uniform * 1.1))
    for ax in (left, right):
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, sizes)
        ax.minorticks_off()
    right.legend(loc="center right", bbox_to_anchor=(1, 0.6))
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
    figure, (left, right) = new_figure(1, 2, width=8.6, height=3.9, margins=margins)
    draw_overlay(left, image, len(weights) * weights, grid, title, high)
    outline_token(left, token, grid, *image.shape[:2])
    left.set_xlabel(f"weight, times uniform; full orange: {high:g} and more")
    draw_sorted(right, weights)
    right.set_title(numbers)
    for ax in (left, right):
        ax.title.set_fontsize(10)
    return figure
