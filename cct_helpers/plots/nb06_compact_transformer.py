"""Pictures of a whole model: from image to class, and what each part costs. Arrays in, a Matplotlib Figure out."""

import numpy as np
from matplotlib.patches import Rectangle

from cct_helpers.figures import (
    BLUE,
    COLOURS,
    GREY,
    ORANGE,
    PALE,
    draw_arrow,
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


def draw_costs(parameters, macs, tokens, message=None):
    """Which part has the parameters and which does the work, as two bars of 100 %.

    Args:
        parameters, macs: part -> number, the same parts in both.
        tokens: length of the sequence, for the title.
        message: what the picture says, a first line of the title.
    """
    margins = dict(left=0.12, right=0.97, bottom=0.42, top=0.8 if message else 0.88)
    figure, axes = new_figure(width=9, height=3, margins=margins)
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
    numbers = f"{tokens:,} tokens, {totals['parameters']:,} parameters, {shorten(totals['MACs'])} MACs an image"
    axes.set_title(f"{message}\n{numbers}" if message else numbers)
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


def draw_overview(photo, image, tokens, attention, weights, probabilities, class_names, grid, field, token, title=None):
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
        title: what the picture says.
    """
    height = 3.3 if title else 3.1
    below, inside = 0.682 / height, 1.86 / height  # the same inches with a title and without
    margins = dict(left=0.012, right=0.988, bottom=below, top=below + inside, wspace=0.27)
    figure, axes = new_figure(1, 5, width=10, height=height, margins=margins)
    if title:
        figure.suptitle(title, fontsize=12)
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
    axes[4].set_position([0.883, below + 0.2 * inside, 0.1, 0.6 * inside])

    steps = ["convolutional\ntokenizer", "attention\nin the blocks", "sequence\npooling", "linear\nhead"]
    for left, words in zip(axes, steps, strict=False):
        between = left.get_position().x1 + 0.0195
        figure.text(between, below + 0.5 * inside, "\u2192", ha="center", va="center", fontsize=20, color=GREY)
        figure.text(between, 0.372 / height, words, ha="center", va="top", fontsize=10, color=BLUE)
    return figure


FAMILY = {  # model -> (window that makes a token, tokenizer, summary, which of these three are new)
    "ViT-Lite": ("patches", "one linear map\nof each 4 x 4 patch", "take the\nclass token", ""),
    "CVT": ("patches", "one linear map\nof each 4 x 4 patch", "weighted mean\nof all tokens", "summary"),
    "CCT": ("windows", "2 x (convolution,\nReLU, max-pool)", "weighted mean\nof all tokens", "tokenizer"),
}


def draw_family(costs):
    """ViT-Lite, CVT and CCT below each other, each from image to class; orange is what is new in a row.

    Args:
        costs: "ViT-Lite", "CVT" and "CCT" -> (tokens, parameters, multiply-accumulates), written at each row.
    """
    figure, axes = new_figure(width=10, height=4.9, margins=dict(left=0, right=1, bottom=0, top=1))
    axes.set(xlim=(0, 10), ylim=(4.9, 0))
    axes.set_axis_off()
    title = "From ViT-Lite to CCT in two changes, in orange: how tokens are summed up, and how they are made"
    axes.text(0.15, 0.25, title, va="center", fontsize=12)
    for x, words in ((2.35, "image"), (3.95, "tokenizer"), (5.5, "tokens"), (7.05, "encoder"), (8.4, "summary")):
        axes.text(x, 0.65, words, ha="center", va="center", fontsize=10, color=BLUE)
    for row, (name, (window, tokenizer, summary, new)) in enumerate(FAMILY.items()):
        middle = 1.3 + 1.4 * row
        tokens, parameters, macs = costs[name]
        axes.text(0.15, middle - 0.2, name, fontsize=12, weight="bold", va="center")
        numbers = f"{parameters:,} parameters\n{shorten(macs)} MACs"
        axes.text(0.15, middle + 0.22, numbers, fontsize=9, va="center", color=GREY)
        _draw_windows(axes, 2.35, middle, window, ORANGE if new == "tokenizer" else GREY)
        _draw_box(axes, 3.95, middle, 1.5, tokenizer, new == "tokenizer")
        _draw_tokens(axes, 5.45, middle, name == "ViT-Lite", tokens)
        _draw_box(axes, 7.05, middle, 1.05, "positions,\n2 blocks,\nnorm", False)
        _draw_box(axes, 8.4, middle, 1.25, summary, new == "summary")
        _draw_box(axes, 9.5, middle, 0.65, "linear\nhead", False)
        for left, right in ((2.78, 3.18), (4.72, 5.0), (6.0, 6.5), (7.6, 7.75), (9.05, 9.15)):
            draw_arrow(axes, (left, middle), (right, middle), arrowstyle="->", shrinkA=0, shrinkB=0)
    return figure


def _draw_box(axes, x, y, width, words, new):
    """A box of words around (x, y), in inches; orange where it is new."""
    look = dict(facecolor=ORANGE if new else PALE, edgecolor=GREY, linewidth=0.8)
    axes.add_patch(Rectangle((x - width / 2, y - 0.38), width, 0.76, **look))
    axes.text(x, y, words, ha="center", va="center", fontsize=9)


def _draw_windows(axes, x, y, kind, colour):
    """An image of 4 x 4 places around (x, y) and two neighbouring windows on it, which overlap for "windows"."""
    side = 0.2
    left, top = x - 2 * side, y - 2 * side
    for i in range(4):
        for j in range(4):
            place = left + j * side, top + i * side
            axes.add_patch(Rectangle(place, side, side, facecolor="white", edgecolor="#BBBBBB", linewidth=0.7))
    axes.text(x, y + 0.55, "side by side" if kind == "patches" else "overlapping", ha="center", fontsize=9, color=GREY)
    around = 0.0 if kind == "patches" else 0.75 * side
    for column, line in ((1, "-"), (2, "--")):
        corner = left + column * side - around, top + side - around
        frame = dict(fill=False, edgecolor=colour, linewidth=2.2, linestyle=line)
        axes.add_patch(Rectangle(corner, side + 2 * around, side + 2 * around, **frame))


def _draw_tokens(axes, x, y, class_token, tokens):
    """Tokens as small bars around (x, y), the class token, where there is one, before them in black; their number."""
    for i in range(6):
        axes.add_patch(Rectangle((x - 0.26 + 0.14 * i, y - 0.3), 0.09, 0.6, facecolor=BLUE, edgecolor="none"))
    if class_token:
        axes.add_patch(Rectangle((x - 0.42, y - 0.3), 0.09, 0.6, facecolor="black", edgecolor="none"))
    words = f"{tokens} tokens, black: class token" if class_token else f"{tokens} tokens"
    axes.text(x + 0.1, y + 0.48, words, ha="center", va="center", fontsize=9, color=GREY)
