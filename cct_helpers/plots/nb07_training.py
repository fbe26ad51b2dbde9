"""Pictures of notebook 07, training: arrays and numbers in, a Matplotlib Figure out."""

import numpy as np
from matplotlib.patches import Rectangle

from cct_helpers.figures import BLUE, COLOURS, GREEN, GREY, ORANGE, RED, SKY, draw_image, new_figure


def draw_crop(image, padding, top, left):
    """One crop in three pictures: the image; padded, dashed around the image, with the window; what the window shows.

    image: (height, width, channels) uint8. padding: pixels on every side. top, left: the window's corner, 0 to
    2 * padding. Raises ValueError for a window that leaves the padded image.
    """
    if not (0 <= top <= 2 * padding and 0 <= left <= 2 * padding):
        raise ValueError(f"top and left must lie between 0 and 2 * padding = {2 * padding}, not {top} and {left}")
    height, width = image.shape[:2]
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    figure, axes = new_figure(1, 3, width=7.5, height=2.8)
    draw_image(axes[0], image, f"image, {height} x {width}")
    draw_image(axes[1], padded, f"padded by {padding}, window at ({top}, {left})")
    draw_image(axes[2], padded[top : top + height, left : left + width], f"crop, {height} x {width}")
    outline = dict(fill=False, clip_on=False)
    image_place = Rectangle((padding - 0.5, padding - 0.5), width, height, ec=SKY, lw=1.5, ls="--", **outline)
    window = Rectangle((left - 0.5, top - 0.5), width, height, ec=ORANGE, lw=3, **outline)
    for patch in (image_place, window):
        axes[1].add_patch(patch)
    return figure


def draw_before_after(originals, augmented, title=None, names=("original", "augmented")):
    """Originals in the upper row, their augmented copies below: two arrays (n, height, width, channels); row names."""
    if originals.shape != augmented.shape:
        raise ValueError(f"each original needs one copy of its shape, got {originals.shape} and {augmented.shape}")
    width, height = 1.1 * len(originals), 2.45
    margins = dict(left=0.35 / width, right=1 - 0.05 / width, bottom=0.05 / height, top=1 - 0.35 / height)
    figure, axes = new_figure(2, 1, width=width, height=height, margins=margins | dict(hspace=0.06))
    tall = originals.shape[1] / originals.shape[2]  # every image is one unit wide
    for ax, images, name in zip(axes, (originals, augmented), names, strict=True):
        for place, image in enumerate(images):
            draw_image(ax, image, extent=(1.06 * place, 1.06 * place + 1, 0, tall))
        ax.set(xlim=(0, 1.06 * len(images) - 0.06), ylim=(0, tall), ylabel=name)
        for spine in ax.spines.values():
            spine.set_visible(False)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def draw_offsets(counts, titles):
    """How often each offset was drawn: `counts`, (n, rows, columns), as n tables of shares in percent.

    The middle of a table is "not moved". All tables share one scale of colours.
    """
    shares = 100 * counts / counts.sum(axis=(1, 2), keepdims=True)
    figure, axes = new_figure(1, len(shares), width=3 * len(shares) + 1, height=3, squeeze=False)
    reach = counts.shape[1] // 2
    places, moves = range(2 * reach + 1), range(-reach, reach + 1)
    for ax, share, title in zip(axes[0], shares, titles, strict=True):
        drawn = ax.imshow(share, vmin=0, vmax=shares.max(), cmap="cividis")
        for (row, column), value in np.ndenumerate(share) if reach < 3 else ():  # more numbers would not be readable
            colour = "black" if value > 0.6 * shares.max() else "white"
            ax.text(column, row, f"{value:.1f} %", ha="center", va="center", color=colour, fontsize=8)
        ax.set(title=title, xlabel="moved right (pixels)", ylabel="moved down (pixels)")
        ax.set_xticks(places, moves)
        ax.set_yticks(places, moves)
    figure.colorbar(drawn, ax=axes, label="share of the images (%)", shrink=0.8)
    return figure


def draw_smoothing(margins, losses, smoothing):
    """Cross-entropy over the margin of the right logit, one line a target.

    margins: (n,), logit of the right class minus the common logit of all others. losses: name -> (n,), in nats. The
    lowest point of each line inside the range is marked.
    """
    figure, ax = new_figure(width=6, height=3.2)
    for (name, values), style in zip(losses.items(), ("--", "-", ":"), strict=False):
        (line,) = ax.plot(margins, values, style, label=name)
        lowest = int(np.argmin(values))
        if 0 < lowest < len(margins) - 1:
            ax.plot(margins[lowest], values[lowest], "o", color=line.get_color())
            text = f"lowest at {margins[lowest]:.1f}"
            ax.annotate(text, (margins[lowest], values[lowest]), (0, 10), textcoords="offset points", ha="center")
    ax.set(xlabel="margin of the right logit over the others", ylabel="cross-entropy (nats)")
    ax.set_title(f"what the loss asks for, with smoothing {smoothing:g} and without")
    ax.legend()
    return figure


def draw_schedule(rates, steps_per_epoch, others=None):
    """The learning rate at every step: `rates`, (steps,). `others`: name -> (steps,), thinner lines to compare with."""
    figure, ax = new_figure(width=7, height=3, margins=dict(left=0.12, right=0.97, bottom=0.16, top=0.82))
    ax.plot(np.arange(1, len(rates) + 1), rates, color=BLUE, label="this schedule")
    for i, (name, values) in enumerate((others or {}).items()):
        ax.plot(np.arange(1, len(values) + 1), values, "--", color=COLOURS[1 + i], linewidth=1.3, label=name)
    ax.set(xlabel=f"step ({steps_per_epoch} an epoch)", ylabel="learning rate", ylim=(0, None))
    ax.ticklabel_format(axis="y", style="plain")
    epochs = ax.secondary_xaxis("top", functions=(lambda step: step / steps_per_epoch, lambda e: e * steps_per_epoch))
    epochs.set_xlabel("epoch")
    if others:
        ax.legend()
    return figure


def draw_history(history):
    """Loss and top-1 accuracy by epoch, in training and in validation; the best epoch is marked.

    history: dict with the lists loss, val_loss, top1, val_top1 (one number an epoch) and best_epoch (from 1).
    """
    figure, axes = new_figure(1, 2, width=9, height=3.2)
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


def draw_confusion(counts, class_names):
    """A table of counts, (classes, classes): row = true class, column = predicted. Right answers lie on the diagonal.

    The colour is the share of the row; the numbers are counts, those of mistakes in bold.
    """
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(4.5, 0.48 * len(counts) + 1)
    figure, ax = new_figure(width=side + 0.8, height=side)
    drawn = ax.imshow(100 * shares, vmin=0, vmax=100, cmap="cividis")
    figure.colorbar(drawn, ax=ax, label="share of the true class (%)", shrink=0.8)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour, weight = "black" if shares[row, column] > 0.6 else "white", "normal" if row == column else "bold"
            ax.text(column, row, str(count), ha="center", va="center", color=colour, weight=weight, fontsize=8)
    ax.set_xticks(range(len(counts)), class_names, rotation=0 if max(map(len, class_names)) < 4 else 60)
    ax.set_yticks(range(len(counts)), class_names)
    ax.set(xlabel="predicted class", ylabel="true class")
    return figure


def draw_optimism(epochs, gains):
    """How far the best of several noisy test readings lies above the truth.

    epochs: (n,), readings to choose from. gains: name -> (n,), mean excess in percentage points.
    """
    figure, ax = new_figure(width=6.5, height=3.2)
    for name, values in gains.items():
        ax.plot(epochs, values, label=name)
    ax.axhline(0, color=GREY, linewidth=1, linestyle=":")
    ax.set(xlabel="epochs to choose from", ylabel="reported minus true accuracy\n(percentage points)")
    ax.legend()
    return figure


def draw_comparison(scores, label="test top-1 accuracy (%)"):
    """One column of points a model, one point a run, with the mean as a bar and the spread as a line of +- 1 std.

    scores: name -> (runs,) in percent. The axis does not start at 0, so differences look large: read the numbers.
    """
    figure, ax = new_figure(width=5.5, height=3.4)
    for place, (colour, values) in enumerate(zip((BLUE, ORANGE, GREEN), scores.values(), strict=False)):
        values = np.asarray(values, float)
        mean, spread = values.mean(), values.std(ddof=1) if len(values) > 1 else None
        ax.plot(np.full(len(values), place - 0.12), values, "o", color=colour, fillstyle="none", markersize=8)
        ax.errorbar(place + 0.08, mean, spread, fmt="_", color=colour, markersize=26, capsize=5, linewidth=2)
        text = f"{mean:.2f}" if spread is None else f"{mean:.2f} ± {spread:.2f}"
        ax.text(place + 0.24, mean, text, va="center", fontsize=9)
    ax.set_xticks(range(len(scores)), list(scores))
    ax.set(xlim=(-0.5, len(scores) - 0.2), ylabel=label)
    return figure


def draw_race(runs, goal):
    """Validation accuracy against minutes of training, a colour a recipe, a line a run, a mark an epoch.

    runs: {recipe: list of (minutes after each epoch, top-1 after each epoch, pixels a side in each epoch, test top-1)},
    the first three (epochs,), accuracies in percent. The test accuracy is a star at the end of the line. goal: accuracy
    in percent, a dotted line. The minutes are on a logarithmic scale.
    """
    figure, ax = new_figure(width=7, height=3.6)
    sizes = sorted({side for of_recipe in runs.values() for _, _, sides, _ in of_recipe for side in sides})
    marks = dict(zip(sizes, "^so", strict=False))
    for colour, (recipe, of_recipe) in zip(COLOURS, runs.items(), strict=False):
        for number, (minutes, top1, sides, test) in enumerate(of_recipe):
            ax.plot(minutes[-1], test, "*", color=colour, markersize=11)
            ax.plot(minutes, top1, color=colour, linewidth=1.3, label=recipe if number == 0 else None)
            for side, mark in marks.items():
                chosen = np.asarray(sides) == side
                ax.plot(np.asarray(minutes)[chosen], np.asarray(top1)[chosen], mark, color=colour, markersize=5)
    for side, mark in marks.items():
        ax.plot([], [], mark, color=GREY, label=f"validation, images of {side} px")
    ax.plot([], [], "*", color=GREY, markersize=11, label="test, read once")
    ax.axhline(goal, color=GREY, linestyle=":", linewidth=1.3)
    ax.text(0.02, goal, f"{goal} %", va="bottom", color=GREY, transform=ax.get_yaxis_transform())
    ax.set(xlabel="minutes of training on two CPU cores (logarithmic)", ylabel="top-1 accuracy (%)")
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend()
    return figure
