"""Pictures of a whole model: from image to class, and what each part costs. Arrays in, a Matplotlib Figure out."""

import numpy as np
from matplotlib.patches import Rectangle

from cct_helpers.figures import BLUE, COLOURS, GREY, ORANGE, draw_image, draw_overlay, new_figure

UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""))


def short(number):
    """A large number in three digits with its unit: 283723 -> "284k", 1.2e9 -> "1.2G"."""
    size, unit = next((size, unit) for size, unit in UNITS if abs(number) >= size or size == 1)
    return f"{number / size:.3g}{unit}"


def draw_costs(parameters, macs, tokens):
    """Which part has the parameters and which does the work, as two bars of 100 %.

    parameters, macs: part -> number, the same parts in both. tokens: length of the sequence, for the title.
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
                axes.text(ends[row] + share / 2, row, short(numbers[part]), bbox=box, **words)
        ends += shares
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel="share of the model (%)")
    axes.set_title(
        f"{tokens} tokens, {totals['parameters']:,} parameters, {short(totals['MACs'])} multiply-accumulates an image"
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.46, -0.42), ncols=4, handlelength=1.2, frameon=False)
    return figure


def token_colours(tokens, grid):
    """Three principal components of the tokens as red, green and blue: similar tokens get similar colours.

    (tokens, dim) -> (rows, columns, 3), from 0 to 1.
    """
    centred = tokens - tokens.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:3]  # (3, dim)
    scores = centred @ directions.T  # (tokens, dim) -> (tokens, 3)
    low, high = np.percentile(scores, [2, 98], axis=0)
    return np.clip((scores - low) / (high - low), 0, 1).reshape(*grid, 3)


def draw_overview(photo, tokens, attention, weights, probabilities, grid, field, token, side):
    """A model in one picture: image, tokens, what one token reads, pooling weights, class.

    Args:
        photo: (height, width, 3) uint8, square, at any resolution.
        tokens: (tokens, dim), as they leave the tokenizer.
        attention: (tokens,), how much `token` reads from each, sums to 1.
        weights: (tokens,), pooling weights, sum to 1.
        probabilities: class name -> probability; the largest four are drawn.
        grid: (rows, columns) of tokens.
        field: (size, start, step) of a token's receptive field, in pixels of the image that the model gets.
        token: (row, column) of the token that is followed through the picture.
        side: side of the image that the model gets, in pixels.
    """
    margins = dict(left=0.012, right=0.988, bottom=0.2, top=0.84, wspace=0.27)
    figure, axes = new_figure(1, 5, width=12, height=3.5, margins=margins)
    scale = len(photo) / side
    size, start, step = field
    row, column = token

    draw_image(axes[0], photo, f"an image of\n{side} x {side} pixels")
    frame(axes[0], (start + step * row) * scale, (start + step * column) * scale, size * scale)
    axes[1].imshow(token_colours(tokens, grid))
    axes[1].set(
        xticks=[], yticks=[], title=f"{len(tokens)} tokens of {tokens.shape[1]} numbers,\nlike colours: like tokens"
    )
    frame(axes[1], row, column, 1)
    draw_overlay(axes[2], photo, attention, grid, "what the framed token\nreads from the others")
    frame(axes[2], row * step * scale, column * step * scale, step * scale)
    draw_overlay(axes[3], photo, weights, grid, "the share of each token\nin the result")

    best = dict(sorted(probabilities.items(), key=lambda item: -item[1])[:4])
    axes[4].barh(list(best), [100 * p for p in best.values()], color=[ORANGE] + [BLUE] * 3)
    axes[4].invert_yaxis()
    axes[4].set(xlim=(0, 100), xlabel="probability (%)", title="its class")
    axes[4].set_position([0.868, 0.32, 0.118, 0.44])

    steps = ["convolutional\ntokenizer", "attention\nin the blocks", "sequence\npooling", "linear\nhead"]
    for left, words in zip(axes, steps, strict=False):
        between = left.get_position().x1 + 0.0195
        figure.text(between, 0.52, "\u2192", ha="center", va="center", fontsize=22, color=GREY)
        figure.text(between, 0.17, words, ha="center", va="top", fontsize=11, color=BLUE)
    return figure


def frame(axes, top, left, side):
    """A square frame in orange on white, pixel edges at whole numbers; it is cut off where the picture ends."""
    for colour, width in (("white", 5), (ORANGE, 2.5)):
        square = Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=colour, linewidth=width)
        axes.add_patch(square)
