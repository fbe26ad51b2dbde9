"""Pictures of pooling: what the poolings do, how much each token counts, and what happens without some tokens."""

import numpy as np
from matplotlib.patches import Rectangle

from cct_helpers.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    draw_arrow,
    draw_classes,
    draw_image,
    draw_overlay,
    draw_sorted,
    new_figure,
)


def draw_cells(axes, x, y, texts, colour, width=0.62, height=0.5, ink="white"):
    """A row of cells with a text in each, the middle of the first at (x, y)."""
    for place, text in enumerate(texts):
        corner = x + place * width - width / 2, y - height / 2
        axes.add_patch(Rectangle(corner, width, height, facecolor=colour, edgecolor="white", linewidth=1.5, zorder=3))
        axes.text(x + place * width, y, text, color=ink, ha="center", va="center", fontsize=10, zorder=4)


def draw_weight(axes, start, end, width=1.5):
    """An arrow below the cells, from (x, y) to (x, y), whose head grows with its width in points."""
    draw_arrow(axes, start, end, zorder=2, linewidth=width, shrinkA=0, shrinkB=0, mutation_scale=8 + 2 * width)


def draw_poolings(weights):
    """Class token, average and sequence pooling side by side: where the one vector for the head comes from.

    Args:
        weights: (tokens,) that sum to 1, for sequence pooling; the arrows are as wide as they say.
    """
    tokens = len(weights)
    figure, axes = new_figure(1, 3, width=10, height=3.4)
    figure.suptitle("One vector for the head: keep one token, or a mean of them all", fontsize=12)
    shares = {
        "class token: read one": np.eye(tokens + 1)[0],
        "average: all count the same": np.full(tokens, 1 / tokens),
        "sequence pooling: learns how to weigh": np.asarray(weights),
    }
    for ax, (title, share) in zip(axes, shares.items(), strict=True):
        places = np.arange(len(share)) - (len(share) - 1) / 2
        has_class_token = len(share) > tokens
        for number, (place, weight) in enumerate(zip(places, share, strict=True)):
            extra = has_class_token and number == 0
            colour, name = (ORANGE, "class") if extra else (BLUE, f"$x_{number - has_class_token}$")
            draw_cells(ax, place, 0, [name], colour, width=0.8, ink="black" if extra else "white")
            if weight > 0:
                draw_weight(ax, (place, 0.32), (0.25 * place, 1.4), 14 * weight if weight < 1 else 4)
                words = "all" if weight == 1 else f"{weight:.2f}"
                side = -1 if place <= 0 else 1  # outside, beside the arrow however wide it is
                beside = place + side * (0.04 + 0.2 * weight * (weight < 1))
                ax.text(beside, 0.42, words, ha="right" if side < 0 else "left", va="bottom", fontsize=9)
            if has_class_token and not extra:
                look = dict(arrowstyle="->", color=ORANGE, linestyle="--", connectionstyle="arc3,rad=-0.35")
                draw_arrow(ax, (place, -0.28), (places[0] + 0.1 * number, -0.28), **look)
        draw_cells(ax, 0, 1.7, ["one vector"], GREEN, width=1.7)
        below = "in every block it gathers from the others" if has_class_token else "each keeps its own part to the end"
        ax.text(0, -0.95, below, ha="center", va="center", fontsize=9.5)
        ax.set(xlim=(-2.7, 2.7), ylim=(-1.15, 2.05))
        ax.set_title(title, fontsize=11)
        ax.set_axis_off()
    return figure


def draw_one_query(tokens, query, scores, weights, pooled):
    """Sequence pooling as attention with one query, with all its numbers.

    Args:
        tokens: (tokens, dim), the keys and the values.
        query: (dim,), learned.
        scores: (tokens,).
        weights: (tokens,), the softmax of the scores.
        pooled: (dim,).
    """
    dim = len(query)
    figure, ax = new_figure(width=10, height=0.62 * len(tokens) + 1.9)
    middle = (len(tokens) - 1) / 2
    stages = {
        1.0: "tokens: keys and values",
        4.3: "scores: key · query",
        6.9: "softmax: weights",
        10.2: "weighted mean",
    }
    for place, words in stages.items():
        ax.text(place, -0.75, words, ha="center", va="center", fontsize=10.5, fontweight="bold")
    draw_cells(ax, 4.3 - 0.35 * (dim - 1), -1.75, [f"{number:.2f}" for number in query], ORANGE, width=0.7, ink="black")
    ax.text(4.3 - 0.35 * dim - 0.15, -1.75, "the one query, learned:", ha="right", va="center", fontsize=10)
    draw_weight(ax, (4.3, -1.45), (4.3, -1.0))
    for row, (token, score, weight) in enumerate(zip(tokens, scores, weights, strict=True)):
        draw_cells(ax, 1.0 - 0.31 * (dim - 1), row, [f"{number:g}" for number in token], BLUE)
        draw_weight(ax, (1.0 + 0.31 * dim + 0.15, row), (3.85, row))
        ax.text(4.3, row, f"{score:.2f}", ha="center", va="center", fontsize=11)
        draw_weight(ax, (4.8, row), (5.75, row))
        ax.add_patch(Rectangle((5.95, row - 0.22), 1.9 * weight / max(weights), 0.44, color=ORANGE))
        ax.text(6.0, row, f"{weight:.2f}", ha="left", va="center", fontsize=11)
        draw_weight(ax, (8.0, row), (9.35, middle + 0.25 * (row - middle)), 6 * weight)
    draw_cells(ax, 10.2 - 0.35 * (dim - 1), middle, [f"{number:g}" for number in pooled], GREEN, width=0.7)
    ax.set(xlim=(0, 11.3), ylim=(len(tokens) - 0.5, -2.15))
    ax.set_title("One learned query asks all tokens; the answers become one vector", fontsize=12)
    ax.set_axis_off()
    return figure


def draw_overlays(images, weights, grid, titles, columns=8):
    """Images, and below each its pooling weights alone, the more orange the more; all are on one scale.

    The weights do not lie over the image, as white strokes and orange would mix. A dot marks each token with ink, a
    pixel that is not black.

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
    figure.suptitle("Eight digits, and the pooling weights of their tokens", fontsize=12)
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        draw_image(axes[2 * row, column], image, titles[i])
        below, white = axes[2 * row + 1, column], np.full_like(image, 255)
        draw_overlay(below, white, times[i], grid, f"up to {times[i].max():.1f}", times.max())
        below.set_axis_on()
        below.spines[:].set(visible=True, color=GREY, linewidth=0.8)  # the ground is white like the page
        cells = np.asarray(image).reshape(grid[0], image.shape[0] // grid[0], grid[1], image.shape[1] // grid[1], -1)
        y, x = np.nonzero(cells.max(axis=(1, 3, 4)))
        height, width = image.shape[0] / grid[0], image.shape[1] / grid[1]  # of a token, in pixels
        below.plot((x + 0.5) * width - 0.5, (y + 0.5) * height - 0.5, ".", color="black", markersize=2.5)
    figure.supxlabel(f"weight, times uniform; full orange: {times.max():.1f}; dots: tokens with ink", fontsize=10)
    return figure


def draw_removals(removals):
    """Accuracy against the number of tokens left out, a panel for each trained model, all on one scale.

    Args:
        removals: title -> dict with "removed" (n,) and the top-1 (n,), 0 to 1, for "largest", "random", "smallest".
    """
    figure, axes = new_figure(1, len(removals), width=10, height=3.3, sharey=True, squeeze=False)
    looks = {"smallest": (GREEN, "^", "-."), "random": (BLUE, "s", "--"), "largest": (ORANGE, "o", "-")}
    for ax, (title, run) in zip(axes[0], removals.items(), strict=True):
        for name, (colour, marker, line) in looks.items():
            label = f"{name} weight" if name != "random" else "random, mean of 5 draws"
            percent = 100 * np.asarray(run[name])
            ax.plot(run["removed"], percent, line, color=colour, marker=marker, markersize=5, label=label)
        ax.set(xlabel="tokens left out, of 64", ylim=(0, 100), title=title)
    axes[0, 0].set_ylabel("test top-1 (%)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle("More and more tokens left out, in three orders", fontsize=12)
    return figure


def draw_hidden(images, weights, probabilities, class_names, grid, titles):
    """Versions of a picture, each with its pooling weights as a veil, on one scale, and its likeliest classes.

    Args:
        images: (n, height, width, channels) uint8.
        weights: (n, tokens); each row sums to 1.
        probabilities: (n, classes).
        class_names: (classes,) texts.
        grid: (rows, columns) of tokens.
        titles: n texts.
    """
    times = len(weights[0]) * np.asarray(weights)
    figure, axes = new_figure(1, 3 * len(images), width=10, height=2.3, width_ratios=(1, 1, 0.8) * len(images))
    for i, (photo, veil, bars) in enumerate(axes.reshape(-1, 3)):
        draw_image(photo, images[i], titles[i])
        draw_overlay(veil, images[i], times[i], grid, f"up to {times[i].max():.1f}", times.max())
        draw_classes(bars, probabilities[i], class_names)
        for ax in (photo, veil):
            ax.title.set_fontsize(10)
    figure.supxlabel(f"orange: pooling weight, times uniform; full orange: {times.max():.1f}", fontsize=10)
    figure.suptitle("A photo with its weights and classes, as it is and with the heaviest squares hidden", fontsize=12)
    return figure


def draw_pooling(image, weights, grid, high, name, title):
    """One image, its pooling weights beside it, on a white ground, and the weights in order beside the uniform line.

    Args:
        image: (height, width, channels) uint8.
        weights: (tokens,) that sum to 1.
        grid: (rows, columns) of tokens.
        high: the weight, in multiples of uniform, that gets the full orange; the title says the largest.
        name: of the image.
        title: over the weights in order.
    """
    margins = dict(left=0.01, right=0.99, bottom=0.16, top=0.9, wspace=0.1)
    shape = dict(width=10.0, height=3.2, width_ratios=(1, 1, 0.22, 1.5))  # the gap has room for numbers like 0.0175
    figure, (left, middle, gap, right) = new_figure(1, 4, margins=margins, **shape)
    gap.remove()
    draw_image(left, image, name)
    times = len(weights) * weights
    draw_overlay(middle, np.full_like(image, 255), times, grid, f"up to {times.max():.1f} x uniform", high)
    middle.spines[:].set(visible=True, color=GREY, linewidth=0.8)  # the ground is white like the page
    middle.set_xlabel(f"full orange: {high:g} x uniform and more")
    draw_sorted(right, weights)
    right.set_title(title)
    return figure
