"""Pictures of notebook 12, text: how letters become tokens, and which of them a model reads from."""

from functools import cache

import numpy as np
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Rectangle

from cct_helpers.figures import BLUE, GREEN, GREY, ORANGE, PALE, draw_classes, new_figure

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


def windows_of(text, stride=1):
    """The letters that the pool of each token covers: its place and one to each side, a dot beyond the ends."""
    letters = ["\u00b7", *letters_of(text), "\u00b7"]
    return ["".join(letters[place : place + 3]) for place in range(0, len(text), stride)]


def draw_tokenizer(text, length, sizes, kernel_size=5, stride=2, token=2):
    """How a padded text becomes tokens: letters, vectors, windows of the convolution, windows of the pool.

    Args:
        text: without padding.
        length: places with padding.
        sizes: texts of shapes for the rows: ids, vectors, features, tokens.
        kernel_size: letters that the convolution sees.
        stride: of the pool, which takes the largest of 3.
        token: the token whose way is drawn.
    """
    figure, ax = new_figure(width=10, height=4.2, margins=dict(left=0.2, right=0.99, bottom=0.02, top=0.9))
    ax.set(xlim=(-0.6, length - 0.4), ylim=(-0.6, 7.1))
    ax.set_axis_off()
    letters, middle = letters_of(text), token * stride
    seen = range(max(middle - 1 - kernel_size // 2, 0), middle + 2 + kernel_size // 2)  # by any window of this token
    rows = {"ids": 6, "vectors": 4, "features": 2, "tokens": 0}
    marked = {
        "ids": set(seen),
        "vectors": set(seen),
        "features": set(range(middle - 1, middle + 2)),
        "tokens": {middle},
    }
    colours = {"ids": BLUE, "vectors": BLUE, "features": GREEN, "tokens": ORANGE}
    for (name, row), size in zip(rows.items(), sizes, strict=True):
        ax.text(-0.9, row + 0.4, f"{name}\n{size}", ha="right", va="center", fontsize=10)
        for place in range(0, length, stride if name == "tokens" else 1):
            real, own = place < len(text), place in marked[name]
            face = colours[name] if own and real else "white" if real else PALE
            ax.add_patch(Rectangle((place - 0.42, row), 0.84, 0.8, facecolor=face, edgecolor=GREY, linewidth=0.8))
            ink = "white" if own and name == "ids" else "black"
            label = letters[place] if real and name == "ids" else "" if real else "0"
            ax.text(place, row + 0.4, label, ha="center", va="center", fontsize=10, color=ink)
    for name, below, places, ends in (
        ("table: a row for each id", "vectors", seen, lambda place: [place]),
        (f"convolution: {kernel_size} vectors at a time", "features", (middle,), lambda place: (place - 2, place + 2)),
        (f"largest of 3, every {stride}nd place", "tokens", (middle,), lambda place: (place - 1, place + 1)),
    ):
        row = rows[below]
        for place in places:
            for end in ends(place):
                ax.plot([end, place], [row + 2, row + 0.8], color=GREY, linewidth=1)
        ax.text(length - 0.5, row + 1.4, name, ha="right", va="center", fontsize=10)
    ax.set_title(f"{len(text)} letters and {length - len(text)} places of padding (grey) become tokens")
    return figure


def draw_over_length(lengths, scores, counts, message=None):
    """Accuracy of two methods over the length of a text, with the number of texts below and how far they are apart.

    Args:
        lengths: (n,) texts, such as "4-6".
        scores: method -> (n,) shares from 0 to 1.
        counts: (n,) texts of each length.
        message: what the picture says.
    """
    figure, ax = new_figure(width=7, height=3.2)
    for (name, values), colour, marker, line in zip(scores.items(), (BLUE, ORANGE), "os", ("-", "--"), strict=False):
        ax.plot(range(len(lengths)), 100 * np.asarray(values), line, marker=marker, color=colour, label=name)
    upper, lower = 100 * np.array(list(scores.values()))
    for place, (high, gap) in enumerate(zip(upper, upper - lower, strict=True)):
        ax.annotate(f"{gap:+.0f}", (place, high), (0, 7), textcoords="offset points", ha="center", fontsize=10)
    ax.set_xticks(range(len(lengths)), [f"{length}\n{count}" for length, count in zip(lengths, counts, strict=True)])
    ax.set(xlabel="letters of the name, and how many such names", ylabel="right on test (%)", ylim=(0, 100))
    ax.set_title(message)
    ax.legend(loc="lower right")
    return figure


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
        ax.set(title=title, ylabel="weight")
        words = f"{on_padding:.0f} % of the weight on padding"
        ax.text(0.99, 0.93, words, transform=ax.transAxes, ha="right", va="top", fontsize=10)
        real = -(-len(text) // stride)  # tokens that stand on text
        ax.axvline((real - 0.5) * stride, color="black", linestyle="--", linewidth=1)
    labels = letters_of(text) + [""] * (length - len(text))
    axes[-1, 0].set_xticks(range(length), labels)
    axes[-1, 0].set_xlabel("characters, then padding (grey); dashed: after the last token of the text")
    axes[-1, 0].set_xlim(-1, length)
    return figure


def draw_reading(text, pooling, attention, probabilities, class_names, stride=1, top=5):
    """How a text was read: pooling weights over its letters, attention between tokens, the likeliest classes.

    Only the tokens of the text are shown, no padding; token i stands on character i * stride and is named by the three
    characters that its pool covers. Weights have the scale 0 to 1 in every picture, so that texts can be compared.

    Args:
        text: the text.
        pooling: (tokens,), sums to 1.
        attention: (tokens, tokens), row = the token that reads.
        probabilities: (classes,).
        class_names: (classes,) texts.
        stride: characters a token.
        top: how many classes.
    """
    margins = dict(left=0.065, right=0.98, bottom=0.18, top=0.82, wspace=0.7)
    shape = dict(width=10, height=3.9, width_ratios=(1.5, 1.1, 0.5))
    figure, (left, middle, right) = new_figure(1, 3, margins=margins, **shape)
    best = int(np.argmax(probabilities))
    said = f"{class_names[best]}, with a probability of {100 * probabilities[best]:.0f} %"
    name = "".join(letters_of(text)).replace(SPACE, " ")
    figure.suptitle(f"\u201c{name}\u201d is taken for {said}", fontsize=12)
    letters, places = letters_of(text), np.arange(len(pooling)) * stride
    left.bar(places, pooling, width=0.85 * stride, color=ORANGE)
    left.axhline(1 / len(pooling), color="black", linestyle="--", linewidth=1.5)
    left.set_xticks(range(len(letters)), letters)
    left.set(title=f"pooling weights; dashed: uniform, 1/{len(pooling)}", xlim=(-1, len(letters)))
    left.set(ylabel="weight", ylim=(0, 1.02), yticks=(0, 0.5, 1))  # the same for every text
    left.set_xlabel("letters; a bar is a token")
    tokens = windows_of(text, stride)
    drawn = middle.imshow(attention, vmin=0, vmax=1, cmap="cividis")
    figure.colorbar(drawn, ax=middle, fraction=0.046, pad=0.03, label="weight", ticks=(0, 0.5, 1))
    middle.set_xticks(range(len(tokens)), tokens, rotation=90)
    middle.set_yticks(range(len(tokens)), tokens)
    middle.set(title="attention weights, last block", xlabel="read from", ylabel="token that reads")
    draw_classes(right, probabilities, class_names, top, title="likeliest")
    return figure
