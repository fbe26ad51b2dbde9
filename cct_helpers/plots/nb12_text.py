"""Pictures of text: which letters a model reads from, and who is taken for whom."""

from functools import cache

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from cct_helpers.figures import BLUE, GREY, ORANGE, new_figure

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


def draw_weights(text, weights, stride=1, length=None):
    """Bars of the weight of each token over a padded text, one row for each entry of `weights`.

    weights: title -> (tokens,). Token i stands on character i * stride. Padding is drawn grey, up to `length` places.
    """
    length = length or len(text)
    figure, axes = new_figure(len(weights), 1, width=8, height=1.9 * len(weights), squeeze=False, sharex=True)
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

    pooling: (tokens,). attention: (tokens, tokens), row = the token that reads. probabilities: (classes,). Only the
    tokens of the text, no padding; token i stands on character i * stride.
    """
    margins = dict(left=0.085, right=0.985, bottom=0.15, top=0.9, wspace=0.38)  # left: room for numbers like 0.0025
    shape = dict(width=10.5, height=3.4, width_ratios=(1.5, 1, 0.8))
    figure, (left, middle, right) = new_figure(1, 3, margins=margins, **shape)
    letters, places = letters_of(text), np.arange(len(pooling)) * stride
    edges = np.column_stack([places - 0.425 * stride, places + 0.425 * stride]).ravel()
    bars = np.column_stack([pooling, np.zeros(len(places))]).ravel()[:-1]  # as one artist, with gaps of height 0
    left.stairs(bars, edges, fill=True, color=ORANGE)
    left.axhline(1 / len(pooling), color="black", linestyle="--", linewidth=1.5)
    _write_letters(left.xaxis, letters)
    left.locator_params(axis="y", nbins=4)
    left.set(title=f"pooling weights; dashed: uniform, 1/{len(pooling)}", ylabel="weight", xlim=(-1, len(letters)))
    left.set_xlabel("letters; a bar is a token")
    middle.imshow(attention, vmin=0, cmap="cividis")
    _write_letters(middle.xaxis, [letters[place] for place in places])
    _write_letters(middle.yaxis, [letters[place] for place in places])
    middle.set(title="attention, last block", xlabel="read from", ylabel="token that reads")
    best = np.argsort(-np.asarray(probabilities))[:top]
    right.barh(range(len(best)), 100 * probabilities[best], color=BLUE)
    for place, i in enumerate(best):  # a text costs a fifth of a tick
        right.text(-2, place, class_names[i], fontsize=9, ha="right", va="center_baseline")
    right.invert_yaxis()
    right.set_yticks([])
    right.set(title="likeliest", xlabel="probability (%)", xlim=(0, 100), xticks=(0, 50, 100))
    return figure


def _write_letters(axis, letters):
    """Letters at 0, 1, 2... in place of ticks, as outlines in one artist: a reading has up to 64 of them, and as ticks
    or texts they would take longer than all the rest of a redraw."""
    axes, vertical = axis.axes, axis.axis_name == "y"
    axis.set_ticks([])
    axis.labelpad = 18
    size = 9 if len(letters) <= 24 else 7
    places, edge = np.arange(len(letters)), np.zeros(len(letters))
    shift = (-size, -0.36 * size) if vertical else (0, -1.3 * size)  # beside the axes or below them, in points
    written = PathCollection(
        [outline(letter, size) for letter in letters],
        offsets=np.column_stack([edge, places] if vertical else [places, edge]),
        offset_transform=axes.get_yaxis_transform() if vertical else axes.get_xaxis_transform(),
        facecolors="black",
        linewidths=0,
        clip_on=False,
        label="".join(letters),
    )
    written.set_transform(Affine2D().translate(*shift).scale(1 / 72) + axes.figure.dpi_scale_trans)
    axes.add_artist(written)


@cache
def outline(letter, size):
    """A letter as a path in points, the middle of its base at the origin."""
    path = TextPath((0, 0), letter, size=size)
    middle = path.get_extents().x1 / 2 if len(path.vertices) else 0
    return path.transformed(Affine2D().translate(-middle, 0))


def draw_confusion_shares(counts, class_names):
    """Confusions of many classes as colours: (classes, classes) counts, row = true, column = predicted.

    The colour is the share of the row, on a scale that ends at 30 % so that mistakes can be seen; right answers, on the
    diagonal, are left white.
    """
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, np.nan)
    figure, ax = new_figure(width=7.2, height=6)
    drawn = ax.imshow(shares, vmin=0, vmax=30, cmap="cividis")
    figure.colorbar(drawn, ax=ax, label="share of the true language's names (%)", shrink=0.8, extend="max")
    ax.set_xticks(range(len(counts)), class_names, rotation=90)
    ax.set_yticks(range(len(counts)), class_names)
    ax.set(xlabel="predicted language", ylabel="true language")
    return figure
