"""Pictures of text: which letters a model reads from. Arrays in, a Matplotlib Figure out."""

from functools import cache

import numpy as np
from matplotlib.font_manager import FontProperties, findfont, get_font

from cct_helpers.figures import GREY, ORANGE, draw_classes, new_figure

SPACE, NO_GLYPH = "\u2423", "\u25af"  # a space that can be seen, and an empty box


@cache
def drawable():
    """The code points that the font of the pictures has."""
    return frozenset(get_font(findfont(FontProperties())).get_charmap())


def letters_of(text):
    """The characters of a text as labels: spaces can be seen, a letter that the font lacks is an empty box.

    Matplotlib would draw such a box too, but with a warning for each letter.
    """
    shown = [SPACE if letter == " " else letter for letter in text]
    return [letter if ord(letter) in drawable() else NO_GLYPH for letter in shown]


def draw_padding(text, weights, stride=1, length=None):
    """Bars of the weight of each token over a padded text, one row for each entry of `weights`, all on one scale.

    Args:
        text: the text without padding.
        weights: title -> (tokens,).
        stride: token i stands on character i * stride.
        length: places with padding, which is drawn grey; that of the text by default.
    """
    length = length or len(text)
    size = dict(width=8, height=1.9 * len(weights))
    figure, axes = new_figure(len(weights), 1, **size, squeeze=False, sharex=True, sharey=True)
    for ax, (title, values) in zip(axes[:, 0], weights.items(), strict=True):
        places = np.arange(len(values)) * stride
        colours = [ORANGE if place < len(text) else GREY for place in places]
        ax.bar(places, values, width=0.85 * stride, color=colours)
        on_padding = 100 * float(np.sum(values[places >= len(text)]))
        ax.set(title=f"{title}: {on_padding:.0f} % of the weight on padding", ylabel="weight")
        ax.axvline(len(text) - 0.5, color="black", linestyle="--", linewidth=1)
    labels = letters_of(text) + [""] * (length - len(text))
    axes[-1, 0].set_xticks(range(length), labels)
    axes[-1, 0].set(xlabel="characters, then padding (grey)", xlim=(-1, length))
    return figure


def draw_reading(text, pooling, attention, probabilities, class_names, stride=1, top=5):
    """How a text was read: pooling weights over its letters, attention between tokens, the likeliest classes.

    Only the tokens of the text are shown, no padding; token i stands on character i * stride and is named by `stride`
    characters from there on.

    Args:
        text: the text.
        pooling: (tokens,), sums to 1.
        attention: (tokens, tokens), row = the token that reads.
        probabilities: (classes,).
        class_names: (classes,) texts.
        stride: characters a token.
        top: how many classes.
    """
    margins = dict(left=0.085, right=0.98, bottom=0.2, top=0.9, wspace=0.5)  # left: room for numbers like 0.0025
    shape = dict(width=10, height=3.5, width_ratios=(1.6, 1, 0.6))
    figure, (left, middle, right) = new_figure(1, 3, margins=margins, **shape)
    letters, places = letters_of(text), np.arange(len(pooling)) * stride
    left.bar(places, pooling, width=0.85 * stride, color=ORANGE)
    left.axhline(1 / len(pooling), color="black", linestyle="--", linewidth=1.5)
    left.set_xticks(range(len(letters)), letters)
    left.locator_params(axis="y", nbins=4)
    left.set(title=f"pooling weights; dashed: uniform, 1/{len(pooling)}", ylabel="weight", xlim=(-1, len(letters)))
    left.set_xlabel("letters; a bar is a token")
    tokens = ["".join(letters[place : place + stride]) for place in places]
    middle.imshow(attention, vmin=0, cmap="cividis")
    middle.set_xticks(range(len(tokens)), tokens, rotation=90)
    middle.set_yticks(range(len(tokens)), tokens)
    middle.set(title="attention, last block", xlabel="read from", ylabel="token that reads")
    draw_classes(right, probabilities, class_names, top, title="likeliest")
    return figure
