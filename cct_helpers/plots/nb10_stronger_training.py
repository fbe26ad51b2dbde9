"""Pictures of notebook 10, stronger training: names and arrays in, a Matplotlib Figure out."""

import numpy as np

from cct_helpers.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    SEEDS,
    draw_arrow,
    draw_box,
    draw_image,
    draw_seeds,
    name_rows,
    new_figure,
)

TRICKS = {  # by the place between an image and the answer that each changes
    "image": ["AutoAugment", "RandAugment", "random erasing"],
    "image, target": ["MixUp", "CutMix"],
    "loss": ["distillation"],
    "gradient": ["Muon"],
    "weights": ["moving average"],
    "answer": ["mirror image"],
}


def draw_tricks(tricks=TRICKS):
    """What happens between an image and the answer, and below each station the tricks that change it.

    Args:
        tricks: station -> texts, in order.
    """
    figure, ax = new_figure(width=10, height=2.1)
    for place, (station, names) in enumerate(tricks.items()):
        box = dict(boxstyle="round,pad=0.02", facecolor=BLUE, edgecolor="white")
        draw_box(ax, place, 0.89, 0.74, 0.34, station, ink="white", fontsize=10.5, **box)
        if place:
            draw_arrow(ax, (place - 0.6, 0.89), (place - 0.4, 0.89))
        if names:
            draw_arrow(ax, (place, 0.5), (place, 0.69), color=ORANGE, linewidth=2)
            ax.text(place, 0.46, "\n".join(names), ha="center", va="top", fontsize=10.5, linespacing=1.3)
    ax.set(xlim=(-0.5, len(tricks) - 0.5), ylim=(0.02, 1.1))
    ax.set_title("From an image to the answer, and where each trick comes in", fontsize=12)
    ax.set_axis_off()
    return figure


def draw_mix(first, second, mixed, target, names, title):
    """Two pictures, their mixture, and the target of the mixture as two bars.

    Args:
        first, second, mixed: (height, width, channels).
        target: two shares.
        names: two texts.
        title: of the Figure.
    """
    margins = dict(left=0.02, right=0.97, bottom=0.2, top=0.78, wspace=0.12)
    figure, axes = new_figure(1, 4, width=9, height=2.7, margins=margins, width_ratios=(1, 1, 1, 1.2))
    for ax, image, name in zip(axes, (first, second, mixed), (*names, "mixture"), strict=False):
        draw_image(ax, image, name)
    bars = axes[3].barh([0, 1], target, color=[BLUE, ORANGE], height=0.55)
    axes[3].bar_label(bars, [f"{name} {share:.2f}" for name, share in zip(names, target, strict=True)], padding=3)
    axes[3].set_yticks([])
    axes[3].invert_yaxis()
    axes[3].set(xlim=(0, 1.6), xlabel="target")
    axes[3].set_xticks([0, 0.5, 1])
    figure.suptitle(title, fontsize=11)
    return figure


def draw_average(path, average):
    """Two weights over the steps of a training: the places they took, and those of their moving average.

    Args:
        path, average: (steps, 2); the good place is 0.
    """
    figure, ax = new_figure(width=7, height=3.6)
    ax.plot(*path.T, "-o", color=BLUE, linewidth=0.5, markersize=3, alpha=0.6, label="weights after each step")
    ax.plot(*average.T, "-", color=ORANGE, linewidth=2.5, label="their moving average")
    ax.plot(0, 0, "+", color="black", markersize=14, markeredgewidth=2, label="the good place")
    ax.set(xlabel="first weight", ylabel="second weight", aspect="equal")
    ax.set_title("Two weights after each step, and their moving average", fontsize=11)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def draw_spectrum(values, low, high):
    """Singular values of a matrix, from the largest down, before and after each step of an iteration.

    Args:
        values: (steps + 1, n), the start first, each row from the largest down.
        low, high: edges of a grey band, where they shall end.
    """
    figure, ax = new_figure(width=8, height=3.4)
    last = len(values) - 1
    ranks = np.arange(1, values.shape[1] + 1)
    ax.axhspan(low, high, color=PALE, label=f"from {low:g} to {high:g}")
    bottom = np.quantile(values[0], 0.05) / 3  # a value of 0 would take most of the picture
    for step, row in enumerate(np.where(values > bottom, values, np.nan)):
        colour = BLUE if step == 0 else ORANGE if step == last else GREY
        name = "the gradient, divided by its norm" if step == 0 else f"after {last} steps" if step == last else None
        wide = 2.5 if name else 1
        ax.plot(ranks, row, color=colour, linewidth=wide, label=name)
        if not name:
            middle = len(ranks) // 2
            ax.text(
                ranks[middle],
                row[middle],
                f"after {step}",
                fontsize=9,
                ha="center",
                va="center",
                backgroundcolor="white",
            )
    ax.set(xlabel="singular values, largest first", ylabel="value (log scale)", yscale="log")
    ax.set_ylim(bottom=bottom)
    ax.set_title("Five steps bring large and small singular values together", fontsize=11)
    ax.legend(loc="lower left")
    return figure


def draw_settings(names, accuracy, line):
    """The validation accuracy of several settings, one row each, and a band around the first.

    Args:
        names: (settings,) texts; a dotted line goes through the mean of the first.
        accuracy: (settings, seeds), percent.
        line: a grey band reaches so many points to both sides of the dotted line.
    """
    figure, ax = new_figure(width=8, height=0.3 * len(names) + 1.3)
    middle = accuracy[0].mean()
    ax.axvspan(middle - line, middle + line, color=PALE, zorder=0, label="in here luck is enough")
    ax.axvline(middle, color=GREY, linestyle=":", linewidth=1.2)
    draw_seeds(ax, accuracy, np.arange(len(names))[:, None], BLUE)
    name_rows(ax, names)
    ax.set(xlabel=f"validation accuracy (%)\n{SEEDS}")
    ax.set_title(f"Outside the grey band a setting differs from {names[0]} by more than luck", fontsize=11)
    ax.legend(loc="lower right")
    return figure


def draw_lead(lead):
    """By how much one curve is ahead of another, epoch by epoch, for each seed.

    Args:
        lead: (seeds, epochs), points.
    """
    figure, ax = new_figure(width=7.5, height=3.1)
    epochs = np.arange(1, lead.shape[1] + 1)
    ax.axhline(0, color=GREY, linestyle=":", linewidth=1.2)
    ax.plot(epochs, lead.T, color=BLUE, linewidth=0.8, alpha=0.6, label=["one seed", *["_"] * (len(lead) - 1)])
    ax.plot(epochs, lead.mean(axis=0), color=BLUE, linewidth=3, label="their mean")
    ax.set(xlabel="epoch", ylabel="lead on validation (points)")
    ax.set_xticks(epochs[1::2] if len(epochs) > 10 else epochs)
    ax.set_title("By how much the average is ahead, epoch by epoch", fontsize=11)
    ax.legend(loc="upper right")
    return figure


def draw_lengths(epochs, lines, title):
    """Validation accuracy over the length of training, for up to three kinds of training.

    Args:
        epochs: (n,).
        lines: name -> (n, seeds), percent; lines go through the means.
        title: of the Figure.
    """
    figure, ax = new_figure(width=7.5, height=3.7)
    for (name, values), colour, mark in zip(lines.items(), (BLUE, GREEN, ORANGE), "oDs", strict=False):
        draw_seeds(ax, np.asarray(epochs)[:, None], values, colour, marker=mark, line="-", label=name)
    ax.set(xlabel=f"epochs of training (log scale)\n{SEEDS}", ylabel="validation accuracy (%)", xscale="log")
    ax.minorticks_off()
    ax.set_xticks(epochs, [str(number) for number in epochs])
    ax.set_title(title, fontsize=11)
    ax.legend(loc="lower right")
    return figure
