"""Pictures of text: which letters a model reads from, and who is taken for whom."""

import numpy as np

from cct_helpers.plots import BLUE, GREY, ORANGE, new_figure

SPACE = "\u2423"  # a space that can be seen


def letters_of(text):
    """The characters of a text as tick labels, with spaces made visible."""
    return [SPACE if letter == " " else letter for letter in text]


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
    figure, (left, middle, right) = new_figure(1, 3, width=10.5, height=3.4, width_ratios=(1.5, 1, 0.8))
    figure.set_layout_engine(None)  # a layout that is worked out anew each time would cost half of a redraw
    figure.subplots_adjust(left=0.06, right=0.985, bottom=0.15, top=0.9, wspace=0.38)
    letters, places = letters_of(text), np.arange(len(pooling)) * stride
    left.bar(places, pooling, width=0.85 * stride, color=ORANGE)
    left.axhline(1 / len(pooling), color=GREY, linestyle="--", linewidth=1.5, label=f"uniform, 1/{len(pooling)}")
    left.set_xticks(range(len(letters)), letters)
    left.set(title="pooling weights", xlabel="letters; a bar is a token", ylabel="weight", xlim=(-1, len(letters)))
    left.legend()
    middle.imshow(attention, vmin=0, cmap="cividis")
    at_tokens = [letters[place] for place in places]
    middle.set_xticks(range(len(places)), at_tokens)
    middle.set_yticks(range(len(places)), at_tokens)
    middle.set(title="attention, last block", xlabel="read from", ylabel="token that reads")
    best = np.argsort(-np.asarray(probabilities))[:top]
    right.barh(range(len(best)), 100 * probabilities[best], color=BLUE)
    right.set_yticks(range(len(best)), [class_names[i] for i in best], fontsize=8)
    right.invert_yaxis()
    right.set(title="likeliest", xlabel="probability (%)", xlim=(0, 100))
    return figure


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
