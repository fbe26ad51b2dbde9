"""Pictures of a whole model: from image to class, and what each part costs. Arrays in, a Matplotlib Figure out."""

import numpy as np

from cct_helpers.figures import (
    BLUE,
    COLOURS,
    GREY,
    draw_classes,
    draw_image,
    draw_overlay,
    new_figure,
    outline,
    outline_token,
)

UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""))


def shorten(number):
    """A large number in three digits with its unit: 283723 -> "284k", 1.2e9 -> "1.2G"."""
    size, unit = next((size, unit) for size, unit in UNITS if abs(number) >= size or size == 1)
    return f"{number / size:.3g}{unit}"


def draw_costs(parameters, macs, tokens):
    """Which part has the parameters and which does the work, as two bars of 100 %.

    Args:
        parameters, macs: part -> number, the same parts in both.
        tokens: length of the sequence, for the title.
    """
    figure, axes = new_figure(width=9, height=3, margins=dict(left=0.12, right=0.97, bottom=0.42, top=0.88))
    rows = {"parameters": parameters, "MACs": macs}
    totals = {name: sum(numbers.values()) for name, numbers in rows.items()}
    ends = np.zeros(len(rows))
    for part, colour in zip(parameters, COLOURS, strict=False):
        shares = np.array([100 * numbers[part] / totals[name] for name, numbers in rows.items()])
        axes.barh(list(rows), shares, left=ends, color=colour, label=part, edgecolor="white", height=0.7)
        for row, (share, numbers) in enumerate(zip(shares, rows.values(), strict=True)):
            if share > 6:
                words = dict(ha="center", va="center", fontsize=9, color="black")
                box = dict(facecolor="white", alpha=0.75, edgecolor="none", pad=1)
                axes.text(ends[row] + share / 2, row, shorten(numbers[part]), bbox=box, **words)
        ends += shares
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel="share of the model (%)")
    axes.set_title(
        f"{tokens} tokens, {totals['parameters']:,} parameters, {shorten(totals['MACs'])} multiply-accumulates an image"
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.46, -0.42), ncols=4, handlelength=1.2, frameon=False)
    return figure


def colour_tokens(tokens, grid):
    """Three principal components of the tokens as red, green and blue: similar tokens get similar colours.

    (tokens, dim) -> (rows, columns, 3), from 0 to 1.
    """
    centred = tokens - tokens.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:3]  # (3, dim)
    scores = centred @ directions.T  # (tokens, dim) -> (tokens, 3)
    low, high = np.percentile(scores, [2, 98], axis=0)
    return np.clip((scores - low) / (high - low), 0, 1).reshape(*grid, 3)


def draw_overview(photo, image, tokens, attention, weights, probabilities, class_names, grid, field, token):
    """A model in one picture: image, tokens, what one token reads, pooling weights, class.

    Args:
        photo: (height, width, 3) uint8, square, as fine as it is; the veils lie over it.
        image: (side, side, 3) uint8, what the model gets of it.
        tokens: (tokens, dim), as they leave the tokenizer.
        attention: (tokens,), how much `token` reads from each, sums to 1.
        weights: (tokens,), pooling weights, sum to 1.
        probabilities: (classes,).
        class_names: (classes,) texts.
        grid: (rows, columns) of tokens.
        field: (size, start, step) of a token's receptive field, in pixels of `image`.
        token: (row, column) of the token that is followed through the picture.
    """
    margins = dict(left=0.012, right=0.988, bottom=0.22, top=0.82, wspace=0.27)
    figure, axes = new_figure(1, 5, width=10, height=3.1, margins=margins)
    size, start, step = field
    row, column = token

    draw_image(axes[0], image, f"what it gets:\n{len(image)} x {len(image)} pixels")
    outline(axes[0], start + step * row, start + step * column, size, size)
    draw_image(axes[1], colour_tokens(tokens, grid), f"{len(tokens)} tokens of {tokens.shape[1]}\nnumbers, as colours")
    outline_token(axes[1], token, grid, *grid)
    for ax, values, title in zip(
        axes[2:], (attention, weights), ("what that token\nreads from", "what counts\nin the result"), strict=False
    ):
        draw_overlay(ax, photo, values, grid, title)
        ax.set_xlabel(f"full orange:\n{len(values) * values.max():.1f} x uniform", fontsize=9)
    outline_token(axes[2], token, grid, *photo.shape[:2])
    draw_classes(axes[4], probabilities, class_names, title="its class")
    axes[4].set_position([0.883, 0.34, 0.1, 0.36])

    steps = ["convolutional\ntokenizer", "attention\nin the blocks", "sequence\npooling", "linear\nhead"]
    for left, words in zip(axes, steps, strict=False):
        between = left.get_position().x1 + 0.0195
        figure.text(between, 0.52, "\u2192", ha="center", va="center", fontsize=20, color=GREY)
        figure.text(between, 0.12, words, ha="center", va="top", fontsize=10, color=BLUE)
    return figure
