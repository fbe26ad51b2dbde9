"""Pictures of notebook 07, training: arrays and numbers in, a Matplotlib Figure out."""

import numpy as np
from matplotlib.patches import Rectangle

from cct_helpers.figures import (
    BLUE,
    COLOURS,
    GREY,
    ORANGE,
    PALE,
    RED,
    SKY,
    draw_arrow,
    draw_image,
    draw_maps,
    new_figure,
    outline,
)

OPEN = dict(arrowstyle="->", shrinkA=0, shrinkB=0)  # an arrow with an open head, from point to point


def draw_loop(steps, epochs, batch_shape, classes):
    """The training loop as boxes: what happens at every step, after every epoch, and once.

    Args:
        steps, epochs: of the whole run.
        batch_shape: (batch, height, width, channels).
        classes: how many there are.
    """
    figure, axes = new_figure(width=10, height=3.7, margins=dict(left=0, right=1, bottom=0, top=1))
    axes.set(xlim=(0, 10), ylim=(3.7, 0))
    axes.set_axis_off()
    title = f"{steps:,} steps in a circle, {epochs} looks at validation, one at the test"
    axes.text(0.15, 0.25, title, va="center", fontsize=12)
    sizes = ", ".join(map(str, batch_shape))
    rows = {
        f"every step\n({steps:,} times)": (
            SKY,
            [
                f"batch of images\n({sizes})",
                "augment:\ncrop, flip",
                f"model: logits\n({batch_shape[0]}, {classes})",
                "loss:\none number",
                "gradients: one\nfor each weight",
                "AdamW:\nmove weights",
            ],
        ),
        f"every epoch\n({epochs} times)": (ORANGE, ["validation\nimages", "top-1, loss", "keep the best\nweights"]),
        "once": (PALE, ["test\nimages", "top-1, top-5"]),
    }
    for row, (when, (colour, boxes)) in enumerate(rows.items()):
        middle = 1.0 + 1.15 * row
        axes.text(0.15, middle, when, va="center", fontsize=10, weight="bold")
        for place, words in enumerate(boxes):
            left = 1.45 + 1.43 * place
            axes.add_patch(Rectangle((left, middle - 0.3), 1.2, 0.6, facecolor=colour, edgecolor=GREY, alpha=0.6))
            axes.text(left + 0.6, middle, words, ha="center", va="center", fontsize=9)
            if place:
                draw_arrow(axes, (left - 0.22, middle), (left - 0.01, middle), **OPEN)
    path = [(9.2, 1.3), (9.2, 1.55), (2.05, 1.55)]  # from the last box of a step back to the first
    axes.plot(*zip(*path, strict=True), color=GREY, linewidth=1)
    draw_arrow(axes, path[-1], (2.05, 1.31), **OPEN)
    return figure


def draw_crop(image, padding, top, left):
    """One crop in three pictures: the image; padded, with the window; what the window shows.

    Args:
        image: (height, width, channels) uint8.
        padding: pixels on every side; the padding is hatched, as black on black could not be seen.
        top, left: of the window's corner, 0 to 2 * padding.

    Raises:
        ValueError: for a window that leaves the padded image.
    """
    if not (0 <= top <= 2 * padding and 0 <= left <= 2 * padding):
        raise ValueError(f"top and left must lie between 0 and 2 * padding = {2 * padding}, not {top} and {left}")
    height, width = image.shape[:2]
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    figure, axes = new_figure(1, 3, width=7.5, height=3.1)
    figure.suptitle("A crop out of the padded image moves the picture", fontsize=12)
    draw_image(axes[0], image, f"image, {height} x {width}")
    draw_image(axes[1], padded, f"padded by {padding}; window at ({top}, {left})")
    hatched = dict(hatch="////", fill=False, edgecolor=SKY, zorder=0.5)
    axes[1].add_patch(Rectangle((-0.5, -0.5), *padded.shape[1::-1], **hatched))
    inside = (padding - 0.5, padding + width - 0.5, padding + height - 0.5, padding - 0.5)
    grey = dict(cmap="gray", vmin=0, vmax=255) if image.shape[-1] == 1 else {}
    axes[1].imshow(image.squeeze(), extent=inside, zorder=0.7, **grey)
    axes[1].set(xlim=(-0.5, padded.shape[1] - 0.5), ylim=(padded.shape[0] - 0.5, -0.5))
    outline(axes[1], top, left, height, width, ORANGE)
    draw_image(axes[2], padded[top : top + height, left : left + width], f"the window, {height} x {width}")
    figure.supxlabel("hatched: padding of zeros; orange: the window", fontsize=10)
    return figure


def draw_offsets(counts, titles):
    """How often each offset was drawn, as tables of shares in percent; "not moved" is in the middle.

    Args:
        counts: (n, rows, columns), odd numbers of both.
        titles: n texts.
    """
    shares = 100 * counts / counts.sum(axis=(1, 2), keepdims=True)
    chance = 100 * np.sqrt((1 - 1 / counts[0].size) / counts[0].sum() / counts[0].size)  # one standard deviation
    label = f"share of images (%)\nexpected: {100 / counts[0].size:.1f} ± {chance:.1f}"
    names = ("moved right (pixels)", "moved down (pixels)")
    maps = dict(zip(titles, shares, strict=True))
    figure = draw_maps(maps, label, low=0, high=shares.max(), names=names, size=(2.7, 2.7))
    reach = counts.shape[1] // 2
    places, moves = range(2 * reach + 1), range(-reach, reach + 1)
    for ax, share in zip(figure.axes, shares, strict=False):
        for (row, column), value in np.ndenumerate(share) if reach < 3 else ():  # more numbers would not be readable
            colour = "black" if value > 0.6 * shares.max() else "white"
            ax.text(column, row, f"{value:.1f} %", ha="center", va="center", color=colour, fontsize=9)
        ax.set_xticks(places, moves)
        ax.set_yticks(places, moves)
    return figure


def draw_smoothing(margins, losses):
    """Cross-entropy over the margin of the right logit, one line a target; its lowest point in the range is marked.

    Args:
        margins: (n,), logit of the right class minus the common logit of all others.
        losses: name -> (n,), in nats.
    """
    figure, ax = new_figure(width=6.5, height=3.2)
    for (name, values), style in zip(losses.items(), ("--", "-", ":"), strict=False):
        (line,) = ax.plot(margins, values, style, label=name)
        lowest = int(np.argmin(values))
        if 0 < lowest < len(margins) - 1:
            ax.plot(margins[lowest], values[lowest], "o", color=line.get_color())
            text = f"lowest at {margins[lowest]:.1f}"
            ax.annotate(text, (margins[lowest], values[lowest]), (0, 10), textcoords="offset points", ha="center")
    ax.set(xlabel="margin of the right logit over the others", ylabel="cross-entropy (nats)")
    ax.set_title("With smoothing one margin is best; without, more is better", fontsize=11)
    ax.legend()
    return figure


def draw_schedule(rates, steps_per_epoch, others=None):
    """The learning rate at every step, with the epochs on top.

    Args:
        rates: (steps,).
        steps_per_epoch: steps in an epoch.
        others: name -> (steps,), thinner lines to compare with.
    """
    figure, ax = new_figure(width=7, height=3, margins=dict(left=0.12, right=0.97, bottom=0.16, top=0.82))
    for i, (name, values) in enumerate((others or {}).items()):
        ax.plot(np.arange(1, len(values) + 1), values, "--", color=COLOURS[1 + i], linewidth=1.3, label=name)
    ax.plot(np.arange(1, len(rates) + 1), rates, color=BLUE, label="this schedule")
    ax.set(xlabel=f"step ({steps_per_epoch} an epoch)", ylabel="learning rate", ylim=(0, None))
    ax.ticklabel_format(axis="y", style="plain")
    epochs = ax.secondary_xaxis("top", functions=(lambda step: step / steps_per_epoch, lambda e: e * steps_per_epoch))
    epochs.set_xlabel("epoch")
    if others:
        ax.legend()
    return figure


def draw_history(history, title):
    """Loss and top-1 accuracy by epoch, in training and in validation; the best epoch is marked.

    Args:
        history: dict with the lists loss, val_loss (nats), top1, val_top1 (shares), one number an epoch, and
            best_epoch, from 1.
        title: what the picture says.
    """
    figure, axes = new_figure(1, 2, width=9, height=3.3)
    figure.suptitle(title, fontsize=12)
    epochs, best = np.arange(1, len(history["loss"]) + 1), history["best_epoch"]
    curves = ("loss", "loss (nats)", 1), ("top1", "top-1 accuracy (%)", 100)
    for ax, (curve, label, scale) in zip(axes, curves, strict=True):
        training, validation = (scale * np.asarray(history[name]) for name in (curve, f"val_{curve}"))
        ax.plot(epochs, training, "--o", color=BLUE, markersize=4, label="training, augmented")
        ax.plot(epochs, validation, "-o", color=ORANGE, markersize=4, label="validation")
        circle = dict(color=RED, markersize=11, fillstyle="none")
        ax.plot(best, validation[best - 1], "o", **circle, label=f"best epoch, {best}")
        ax.set(xlabel="epoch", ylabel=label)
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[1].legend(loc="lower right")
    return figure


def draw_race(runs, goal):
    """Validation accuracy against minutes of training (log scale), a colour a recipe, a line a run, a mark an epoch.

    Args:
        runs: recipe -> list of runs, the fastest recipe first. A run has "history", with the lists seconds and val_top1
            (a share), one number an epoch, and with the recipe's image_scales; and "test", with top1. The test accuracy
            is a star at the line's end.
        goal: accuracy in percent, a dotted line.
    """
    figure, ax = new_figure(width=8, height=3.8)
    marks, ends = dict(zip((16, 24, 32), "^so", strict=True)), []
    for colour, (recipe, of_recipe) in zip(COLOURS, runs.items(), strict=False):
        for number, run in enumerate(of_recipe):
            history = run["history"]
            minutes, top1 = np.cumsum(history["seconds"]) / 60, 100 * np.array(history["val_top1"])
            sides = [round(32 * scale) for scale, epochs in history["recipe"]["image_scales"] for _ in range(epochs)]
            sides = np.array(sides + [32] * (len(minutes) - len(sides)))
            ax.plot(minutes[-1], 100 * run["test"]["top1"], "*", color=colour, markersize=11)
            ax.plot(minutes, top1, color=colour, linewidth=1.3, label=recipe if number == 0 else None)
            for side, mark in marks.items():
                ax.plot(minutes[sides == side], top1[sides == side], mark, color=colour, markersize=5)
        ends.append(np.mean([sum(run["history"]["seconds"]) for run in of_recipe]) / 60)
    for side, mark in marks.items():
        ax.plot([], [], mark, color=GREY, label=f"validation, images of {side} px")
    ax.plot([], [], "*", color=GREY, markersize=11, label="test, read once")
    ax.axhline(goal, color=GREY, linestyle=":", linewidth=1.3)
    ax.text(0.02, goal, f"{goal} %", va="bottom", color=GREY, transform=ax.get_yaxis_transform())
    ax.set(xlabel="minutes of training on two CPU cores (log scale)", ylabel="top-1 accuracy (%)")
    ax.set_title(f"The accuracy of 2021 after {ends[0]:.0f} minutes instead of {ends[-1]:.0f}")
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend()
    return figure
