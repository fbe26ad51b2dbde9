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
OPTIMIZERS = {"adamw": "AdamW", "adam": "Adam", "muon": "Muon"}  # as people write them


def name_lines(axes, ends, apart=0.1):
    """Write a name beside the end of each line, and a thin line to it where names had to be moved apart.

    Args:
        axes: with its lines drawn and a linear vertical axis.
        ends: name -> (x, y, colour), the last point of the line.
        apart: the least distance of two names, as a share of the height of the axes.
    """
    bottom, top = axes.get_ylim()
    upwards = sorted(ends.items(), key=lambda item: item[1][1])
    places = [(y - bottom) / (top - bottom) for _, (_, y, _) in upwards]  # as shares of the height
    for above in range(1, len(places)):
        places[above] = max(places[above], places[above - 1] + apart)
    ceiling = 1.0  # of the axes: above it stands a title
    for place in reversed(range(len(places))):
        places[place] = min(places[place], ceiling)
        ceiling = places[place] - apart
    for (name, (x, y, colour)), place in zip(upwards, places, strict=True):
        link = dict(arrowstyle="-", color=colour, shrinkA=0, shrinkB=2)
        look = dict(textcoords="axes fraction", va="center", fontsize=9, arrowprops=link)
        axes.annotate(name, (x, y), (1.01, place), **look)


def draw_loop(recipe, steps, image_shape, classes):
    """The training loop as boxes: what happens at every step, after every epoch, and once.

    Args:
        recipe: a Recipe: batch size, augmentation, optimizer and epochs are written in the picture.
        steps: of the whole run.
        image_shape: (height, width, channels).
        classes: how many there are.
    """
    figure, axes = new_figure(width=10, height=4.1, margins=dict(left=0, right=1, bottom=0, top=1))
    axes.set(xlim=(0, 10), ylim=(4.1, 0))
    axes.set_axis_off()
    title = f"{steps:,} steps make gradients, {recipe.epochs} looks at validation choose, one test reports"
    axes.text(0.15, 0.25, title, va="center", fontsize=12)
    sizes = ", ".join(map(str, (recipe.batch_size, *image_shape)))
    augmentation = recipe.augment.replace("_flip", ", flip" if recipe.flip else "").replace("_", " ")
    step_boxes = (
        f"training images\n({sizes})",
        f"augment:\n{augmentation}",
        f"model: logits\n({recipe.batch_size}, {classes})",
        "loss:\none number",
        "gradients: one\nfor each weight",
        f"{OPTIMIZERS[recipe.optimizer]}:\nmove weights",
    )
    columns = [2.1 + 1.44 * place for place in range(6)]
    top, middle, bottom = 1.2, 2.4, 3.6  # rows, from above
    boxes = [(x, top, words, SKY) for x, words in zip(columns, step_boxes, strict=True)]
    boxes += [(columns[5], middle, "model on\nvalidation images", ORANGE), (columns[4], middle, "top-1, loss", ORANGE)]
    boxes += [(columns[3], middle, "keep the best\nweights", ORANGE)]
    boxes += [(columns[3], bottom, "best weights on\ntest images", PALE), (columns[4], bottom, "top-1, top-5", PALE)]
    for x, y, words, colour in boxes:
        axes.add_patch(Rectangle((x - 0.6, y - 0.3), 1.2, 0.6, facecolor=colour, edgecolor=GREY, alpha=0.6))
        axes.text(x, y, words, ha="center", va="center", fontsize=9)
    often = f"every step\n({steps:,} times)", f"every epoch\n({recipe.epochs} times)", "once"
    for y, words in zip((top, middle, bottom), often, strict=True):
        axes.text(0.15, y, words, va="center", fontsize=10, weight="bold")
    for left, right in zip(columns, columns[1:], strict=False):
        draw_arrow(axes, (left + 0.61, top), (right - 0.61, top), **OPEN)
    for right in (5, 4):  # the row of an epoch runs back to the left
        draw_arrow(axes, (columns[right] - 0.61, middle), (columns[right - 1] + 0.61, middle), **OPEN)
    draw_arrow(axes, (columns[3] + 0.61, bottom), (columns[4] - 0.61, bottom), **OPEN)
    for path, words, place in (  # the ways between the rows; the last point is the tip of the arrow
        ([(columns[5], 0.9), (columns[5], 0.65), (columns[0], 0.65), (columns[0], 0.89)], "next step", (5.7, 0.65)),
        ([(columns[5], 1.5), (columns[5], 2.09)], f"after {steps // recipe.epochs} steps", (columns[5], 1.8)),
        ([(columns[3] - 0.6, middle), (columns[0], middle), (columns[0], 1.51)], "next epoch", (3.54, middle)),
        ([(columns[3], 2.7), (columns[3], 3.29)], f"after {recipe.epochs} epochs", (columns[3], 3.0)),
    ):
        axes.plot(*zip(*path[:-1], strict=True), color=GREY, linewidth=1)
        draw_arrow(axes, path[-2], path[-1], **OPEN)
        axes.text(*place, words, ha="center", va="center", fontsize=9, backgroundcolor="white")
    return figure


def draw_readings(readings, points):
    """How far what is reported lies above the truth, over the number of epochs to choose from, a line a way to choose.

    Args:
        readings: (n,), numbers of epochs.
        points: way -> (n,), reported minus true accuracy in percentage points.
    """
    figure, ax = new_figure(width=8.5, height=3.2)
    ends = {}
    for (name, gain), colour, line in zip(points.items(), COLOURS, ("-", "--", "-."), strict=False):
        ax.plot(readings, gain, line, color=colour, label=name)
        reported = round(gain[-1], 1) + 0.0  # the sum turns -0.0 into 0.0
        ends[f"{name}: {reported:+.1f}"] = readings[-1], gain[-1], colour
    ax.set(xlabel="epochs to choose from", ylabel="reported minus true accuracy\n(percentage points)")
    ax.set_title("The best of many looks at the test is too high; one look is not", fontsize=11)
    ax.xaxis.get_major_locator().set_params(integer=True)
    name_lines(ax, ends)
    return figure


def say_move(pixels, back, ahead):
    """A move in words, such as "down by 2", or "not down" where there is none."""
    return f"{ahead if pixels > 0 else back} by {abs(pixels)}" if pixels else f"not {ahead}"


def draw_crop(image, padding, top, left):
    """One crop in three pictures on one scale: the image; padded, with the window; what the window shows.

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
    window = padded[top : top + height, left : left + width]
    figure, axes = new_figure(1, 3, width=9, height=3.8)
    figure.get_layout_engine().set(h_pad=0.1)  # between the two rows of titles
    moved = f"{say_move(padding - top, 'up', 'down')} and {say_move(padding - left, 'left', 'right')}"
    figure.suptitle(f"The window at row {top}, column {left} moves the picture {moved}", fontsize=12)
    cut = (left - 0.5, left + width - 0.5, top + height - 0.5, top - 0.5)  # where the window lies in the padded image
    inside = (padding - 0.5, padding + width - 0.5, padding + height - 0.5, padding - 0.5)
    draw_image(axes[0], image, f"the image, {height} x {width}", inside)
    draw_image(axes[1], padded, f"padded by {padding}, and the window")
    draw_image(axes[2], window, f"the window, {height} x {width}", cut)
    grey = dict(cmap="gray", vmin=0, vmax=255) if image.shape[-1] == 1 else {}
    for ax, (x, y, seen) in zip(axes[1:], ((0, 0, padded), (left, top, window)), strict=True):
        ground = Rectangle((x - 0.5, y - 0.5), *seen.shape[1::-1], hatch="////", fill=False, edgecolor=SKY, zorder=0.5)
        ax.add_patch(ground)
        ax.imshow(image.squeeze(), extent=inside, zorder=0.7, **grey).set_clip_path(ground)
    edge = 0.75  # a quarter of a pixel for the outline
    for ax, (x, y) in zip(axes, ((0, 0), (0, 0), (left - padding, top - padding)), strict=True):  # one scale for all
        ax.set(xlim=(x - edge, x + padded.shape[1] - 1 + edge), ylim=(y + padded.shape[0] - 1 + edge, y - edge))
    outline(axes[1], top, left, height, width, ORANGE)
    figure.supxlabel("hatched: padding of zeros; orange: the window", fontsize=10)
    return figure


def draw_offsets(counts, titles, title):
    """How often each offset was drawn, as tables of shares in percent; "not moved" is in the middle.

    Args:
        counts: (n, rows, columns), odd numbers of both.
        titles: n texts.
        title: what the picture says.
    """
    shares = 100 * counts / counts.sum(axis=(1, 2), keepdims=True)
    chance = 100 * np.sqrt((1 - 1 / counts[0].size) / counts[0].sum() / counts[0].size)  # one standard deviation
    label = f"share of images (%)\nexpected: {100 / counts[0].size:.1f} ± {chance:.1f}"
    names = ("moved right (pixels)", "moved down (pixels)")
    maps = dict(zip(titles, shares, strict=True))
    figure = draw_maps(maps, label, low=0, high=shares.max(), names=names, size=(2.7, 3.0))
    reach = counts.shape[1] // 2
    places, moves = range(2 * reach + 1), range(-reach, reach + 1)
    for ax, share in zip(figure.axes, shares, strict=False):
        for (row, column), value in np.ndenumerate(share) if reach < 3 else ():  # more numbers would not be readable
            colour = "black" if value > 0.6 * shares.max() else "white"
            number = f"{value:.1f} %" if 0 < value < 100 else f"{value:.0f} %"
            ax.text(column, row, number, ha="center", va="center", color=colour, fontsize=9)
        ax.set_xticks(places, moves)
        ax.set_yticks(places, moves)
    figure.suptitle(title, fontsize=12)
    return figure


def draw_smoothing(margins, losses):
    """Cross-entropy over the margin of the right logit, one line a target; its lowest point in the range is marked.

    Args:
        margins: (n,), logit of the right class minus the common logit of all others.
        losses: name -> (n,), in nats.
    """
    figure, ax = new_figure(width=7.5, height=3.2)
    ends = {}
    for (name, values), style in zip(losses.items(), ("--", "-", ":"), strict=False):
        (line,) = ax.plot(margins, values, style, label=name)
        ends[name] = margins[-1], values[-1], line.get_color()
        lowest = int(np.argmin(values))
        if 0 < lowest < len(margins) - 1:
            ax.plot(margins[lowest], values[lowest], "o", color=line.get_color())
            text = f"lowest: {values[lowest]:.2f} at {margins[lowest]:.1f}"
            ax.annotate(text, (margins[lowest], values[lowest]), (0, 20), textcoords="offset points", ha="center")
    ax.set(xlabel="margin of the right logit over the others", ylabel="cross-entropy (nats)")
    ax.set_title("The loss of one image, from an unsure answer to a very sure one", fontsize=11)
    name_lines(ax, ends)
    return figure


def draw_schedule(rates, steps_per_epoch, others=None):
    """The learning rate at every step, with the epochs on top.

    Args:
        rates: (steps,).
        steps_per_epoch: steps in an epoch.
        others: name -> (steps,), thinner lines to compare with.
    """
    margins = dict(left=0.1, right=0.76, bottom=0.15, top=0.74)
    figure, ax = new_figure(width=8.5, height=3.3, margins=margins)
    lines = {"this schedule": (rates, BLUE, "-", 1.8)}
    lines |= {name: (values, COLOURS[1 + i], "--", 1.3) for i, (name, values) in enumerate((others or {}).items())}
    for name, (values, colour, line, thick) in reversed(lines.items()):  # this schedule on top
        ax.plot(np.arange(1, len(values) + 1), values, line, color=colour, linewidth=thick, label=name)
    ax.set(xlabel=f"step ({steps_per_epoch} an epoch)", ylabel="learning rate", ylim=(0, None))
    ax.ticklabel_format(axis="y", style="plain")
    epochs = ax.secondary_xaxis("top", functions=(lambda step: step / steps_per_epoch, lambda e: e * steps_per_epoch))
    epochs.set_xlabel("epoch")
    highest = int(np.argmax(rates))
    title = f"Highest at step {highest + 1}, {rates[highest]:.2g}; {rates[-1]:.2g} at the end"
    figure.suptitle(title, fontsize=11, x=0.43, y=0.98)
    name_lines(ax, {name: (len(values), values[-1], colour) for name, (values, colour, _, _) in lines.items()})
    return figure


def draw_history(history, title):
    """Loss and top-1 accuracy by epoch, in training and in validation; the best epoch is marked.

    Args:
        history: dict with the lists loss, val_loss (nats), top1, val_top1 (shares), one number an epoch, and
            best_epoch, from 1.
        title: what the picture says.
    """
    figure, axes = new_figure(1, 2, width=10, height=3.4)
    figure.suptitle(title, fontsize=12)
    epochs, best = np.arange(1, len(history["loss"]) + 1), history["best_epoch"]
    curves = ("loss", "loss (nats)", 1), ("top1", "top-1 accuracy (%)", 100)
    for ax, (curve, label, scale) in zip(axes, curves, strict=True):
        training, validation = (scale * np.asarray(history[name]) for name in (curve, f"val_{curve}"))
        ax.plot(epochs, training, "--o", color=BLUE, markersize=4, label="training, augmented")
        ax.plot(epochs, validation, "-o", color=ORANGE, markersize=4, label="validation")
        circle = dict(color=RED, markersize=11, fillstyle="none")
        ax.plot(best, validation[best - 1], "o", **circle, label=f"best epoch, {best}")
        beside = dict(xytext=(8, 22 if scale == 1 else -22), textcoords="offset points", ha="right", va="center")
        ax.annotate(f"best epoch, {best}", (best, validation[best - 1]), fontsize=9, **beside)
        ax.set(xlabel="epoch", ylabel=label)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ends = {"training, augmented": (training[-1], BLUE), "validation": (validation[-1], ORANGE)}
        name_lines(ax, {name: (epochs[-1], y, colour) for name, (y, colour) in ends.items()})
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
    marks, ends, handles = dict(zip((16, 24, 32), "^so", strict=True)), [], []
    for colour, (recipe, of_recipe) in zip(COLOURS, runs.items(), strict=False):
        for number, run in enumerate(of_recipe):
            history = run["history"]
            minutes, top1 = np.cumsum(history["seconds"]) / 60, 100 * np.array(history["val_top1"])
            sides = [round(32 * scale) for scale, epochs in history["recipe"]["image_scales"] for _ in range(epochs)]
            sides = np.array(sides + [32] * (len(minutes) - len(sides)))
            ax.plot(minutes[-1], 100 * run["test"]["top1"], "*", color=colour, markersize=11)
            ax.plot(minutes, top1, color=colour, linewidth=1.3, label=recipe)
            if number == 0:  # the name, at the upper left of a line that rises to the right
                place = min(3, len(minutes) - 1)
                beside = dict(xytext=(-9, 5), textcoords="offset points", ha="right", va="bottom", fontsize=9)
                ax.annotate(recipe.replace(", ", ",\n"), (minutes[place], top1[place]), **beside)
            for side, mark in marks.items():
                ax.plot(minutes[sides == side], top1[sides == side], mark, color=colour, markersize=5)
        ends.append(np.mean([sum(run["history"]["seconds"]) for run in of_recipe]) / 60)
    for side, mark in marks.items():
        handles.append(*ax.plot([], [], mark, color=GREY, label=f"validation, images of {side} px"))
    handles.append(*ax.plot([], [], "*", color=GREY, markersize=11, label="test, read once"))
    ax.axhline(goal, color=GREY, linestyle=":", linewidth=1.3)
    look = dict(va="bottom", fontsize=9, color=GREY, transform=ax.get_yaxis_transform())
    ax.text(0.02, goal, f"{goal} %, reported in 2021", **look)
    ax.set(xlabel="minutes of training on two CPU cores (log scale)", ylabel="top-1 accuracy (%)")
    ax.set_title(f"The accuracy of 2021 after {ends[0]:.0f} minutes instead of {ends[-1]:.0f}")
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend(handles=handles, loc="lower right")
    return figure
