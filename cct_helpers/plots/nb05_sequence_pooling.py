"""Pictures of pooling: how much each token counts, drawn over the image, and how poolings compare."""

import numpy as np

from cct_helpers.figures import BLUE, ORANGE, draw_image, draw_overlay, new_figure


def softmax(scores, temperature=1.0):
    """Weights over the last axis that sum to 1: exp(scores / temperature), normalised. (..., tokens) -> the same shape.

    Raises ValueError unless the temperature is above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}: scores are divided by it.")
    scaled = np.asarray(scores, "float64") / temperature
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))  # the largest is 1: nothing overflows
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def entropy(weights):
    """Entropy of weights that sum to 1, in nats: (..., tokens) -> (...). log(tokens) when equal, 0 for one alone."""
    weights = np.asarray(weights, "float64")
    return -np.sum(weights * np.log(np.maximum(weights, 1e-300)), axis=-1)


def square_grid(tokens):
    """(rows, columns) of a square picture with that many tokens; ValueError when there is none."""
    side = int(np.sqrt(tokens))
    if side * side != tokens:
        raise ValueError(f"{tokens} tokens do not fill a square: give weights of a square image, without class token.")
    return side, side


def faded(image):
    """The image nearer to white, so that colour over it reads alike on dark and on bright pixels; uint8."""
    return (0.45 * np.asarray(image, "float64") + 0.55 * 255).round().astype("uint8")


def draw_overlays(images, weights, titles, columns=8):
    """Images above; below, the same images faded under their weights, full orange being each image's largest weight.

    images: (n, height, width, channels) uint8. weights: (n, tokens). titles: one text for each.
    """
    rows = -(-len(images) // columns)
    figure, axes = new_figure(2 * rows, columns, width=1.2 * columns, height=2.6 * rows, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        draw_image(axes[2 * row, column], image, titles[i])
        draw_overlay(axes[2 * row + 1, column], faded(image), weights[i], square_grid(len(weights[i])))
    return figure


def draw_entropies(entropies, tokens, width=6.0, height=3.0):
    """How many images, (n,) entropies in nats, spread their weights how widely, beside the entropy of equal weights."""
    figure, ax = new_figure(width=width, height=height)
    ax.hist(entropies, bins=30, color=BLUE, label="test images")
    highest = np.log(tokens)
    ax.axvline(highest, color="black", linestyle="--", label=f"equal weights: log({tokens}) = {highest:.2f}")
    ax.set(xlabel="entropy of the pooling weights (nats)", ylabel="images", xlim=(0, None))
    ax.legend(frameon=False, loc="upper left")
    return figure


def draw_pooling(images, scores, labels, index=0, temperature=1.0):
    """One image, its pooling weights over it, and the weights in order beside the uniform line.

    images: (n, height, width, channels). scores: (n, tokens), before the softmax. labels: (n,).
    Raises ValueError for an index without an image or a temperature of 0 or less.
    """
    if not 0 <= index < len(images):
        raise ValueError(f"index must be from 0 to {len(images) - 1}, got {index}.")
    weights = softmax(scores[index], temperature)
    tokens = len(weights)
    margins = dict(left=0.01, right=0.99, bottom=0.16, top=0.9, wspace=0.1)
    shape = dict(width=10.0, height=3.2, width_ratios=(1, 1, 0.22, 1.5))  # the gap has room for numbers like 0.0175
    figure, (left, middle, gap, right) = new_figure(1, 4, margins=margins, **shape)
    gap.remove()
    draw_image(left, images[index], f"test image {index}, digit {labels[index]}")
    title = f"full orange: {tokens * weights.max():.1f} times uniform"
    draw_overlay(middle, faded(images[index]), weights, square_grid(tokens), title)
    right.stairs(np.sort(weights)[::-1], np.arange(tokens + 1) + 0.5, fill=True, color=ORANGE)
    right.axhline(1 / tokens, color="black", linewidth=1, linestyle="--", label=f"uniform: 1/{tokens}")
    right.set(xlabel="tokens, largest weight first", ylabel="weight", xlim=(0.5, tokens + 0.5), ylim=(0, None))
    right.locator_params(axis="y", nbins=5)
    right.set_title(f"temperature {temperature:.1f}, entropy {entropy(weights):.2f} of {np.log(tokens):.2f} nats")
    right.legend(frameon=False)
    return figure
