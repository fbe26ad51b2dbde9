"""Pictures of sick trainings: their curves beside a healthy one's, what each layer does, and the way to a diagnosis."""

import textwrap

import numpy as np

from cct_helpers.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PINK,
    SEEDS,
    draw_arrow,
    draw_box,
    draw_seeds,
    name_rows,
    new_figure,
)

# What is seen, the test that splits it, and what its outcomes mean.
WAYS = [
    (
        "The first loss is not ln(classes)",
        "print the logits of a new model",
        [("they are large", "head or inputs too large")],
    ),
    (
        "The loss stays at ln(classes)",
        "one batch, again and again",
        [
            ("falls to 0", "labels that do not belong to their images"),
            ("stops above 0", "the model cannot tell the images apart: range of the pixels"),
            ("jumps, then stays", "learning rate too high: range test"),
            ("falls by a hair", "learning rate too low: range test"),
        ],
    ),
    (
        "Accuracy is good, the loss stops high",
        "loss of a perfect answer",
        [("not near 0", "softmax before a loss on logits, smoothed labels")],
    ),
    ("Training falls, validation turns", "more images or augmentation", [("it helps", "overfitting")]),
    ("Both fall, slowly, to the end", "train on", [("it helps", "underfitting")]),
    (
        "Test far below validation",
        "read the same images twice",
        [
            ("they differ", "dropout or augmentation left on"),
            ("the same", "a leak: search for copies of training images"),
        ],
    ),
    ("A few images have a large loss", "look at them", [("the model is right", "wrong labels")]),
]
# Whole trainings with other rates: rate -> its number in the record. It stands here so as not to name causes too soon.
RATES = {1e-5: 5, 2e-3: 0, 1e-2: 12, 3e-2: 14, 0.3: 10}
CURVES = (("loss", "training", BLUE, "-"), ("val_loss", "validation", ORANGE, "--"))


def draw_losses(axes, curves, healthy, chance):
    """Draw the losses of a training over its epochs, those of the healthy one below them in grey.

    Args:
        axes: where.
        curves: {"loss": (epochs,), "val_loss": (epochs,)}, in nats.
        healthy: the same of the healthy training, or None.
        chance: the loss of a guess, a dotted line.
    """
    epochs = np.arange(1, len(curves["loss"]) + 1)
    axes.axhline(chance, color="black", linestyle=":", linewidth=1.2, label="a guess")
    if healthy is not None:
        axes.plot(epochs, healthy["loss"], color=GREY, alpha=0.55, linewidth=1.5, label="healthy, training")
    for key, name, colour, line in CURVES:
        axes.plot(epochs, curves[key], line, color=colour, linewidth=2, label=name)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=4)


def draw_ward(patients, healthy, chance, title, columns=4):
    """The losses of many trainings, a panel each on one scale, the healthy one in grey in all of them.

    Args:
        patients: name -> curves, as in `draw_losses`.
        healthy: curves of the healthy training.
        chance: the loss of a guess, in nats.
        title: what the picture says.
        columns: panels a row.
    """
    rows = -(-len(patients) // columns)
    shape = dict(width=10.0, height=1.85 * rows + 1.0, sharex=True, sharey=True, squeeze=False)
    figure, axes = new_figure(rows, columns, **shape)
    for ax, (name, curves) in zip(axes.flat, patients.items(), strict=False):
        draw_losses(ax, curves, healthy, chance)
        ax.set_title(name, fontsize=10)
    for ax in axes.flat[len(patients) :]:
        ax.set_axis_off()
    axes[0, 0].set_ylim(0, None)
    for ax in axes[:, 0]:
        ax.set_ylabel("loss (nats)")
    for ax in axes.flat[max(len(patients) - columns, 0) : len(patients)]:
        ax.set_xlabel("epoch")
        ax.tick_params(labelbottom=True)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(title, fontsize=11)
    return figure


def draw_patient(patient, healthy, chance, title):
    """The chart of one patient: losses, accuracies, and how far one step moves each layer; the healthy one in grey.

    Args:
        patient: {"loss", "val_loss", "top1", "val_top1": (epochs,); "test_top1": a share; "moved": layer -> share}.
        healthy: the same of the healthy training.
        chance: the loss of a guess, in nats.
        title: what is seen, in words.
    """
    margins = dict(left=0.06, right=0.985, bottom=0.22, top=0.86, wspace=0.5)
    figure, (left, middle, right) = new_figure(1, 3, width=10.0, height=3.6, margins=margins)
    draw_losses(left, patient, healthy, chance)
    highest = max(chance, *patient["loss"], *patient["val_loss"], *healthy["loss"])
    left.set(xlabel="epoch\nblue: training, orange: validation", ylabel="loss (nats)", ylim=(0, 1.05 * highest))
    epochs = np.arange(1, len(patient["loss"]) + 1)
    middle.plot(epochs, 100 * np.asarray(healthy["top1"]), color=GREY, alpha=0.55, linewidth=1.5)
    for key, (_, _, colour, line) in zip(("top1", "val_top1"), CURVES, strict=True):
        middle.plot(epochs, 100 * np.asarray(patient[key]), line, color=colour, linewidth=2)
    middle.plot(epochs[-1], 100 * patient["test_top1"], "D", color=PINK, markersize=9)
    middle.set(xlabel="epoch\npink: test, at the end", ylabel="top-1 (%)", ylim=(0, 104))
    middle.xaxis.get_major_locator().set_params(integer=True, nbins=4)
    draw_moved(right, {"healthy": healthy["moved"], "patient": patient["moved"]})
    figure.text(0.06, 0.93, title, fontsize=11)
    return figure


def draw_moved(axes, moved, colours=(GREY, BLUE)):
    """Draw how far one step moves each layer, as a share of the length of its weights, a dot a layer.

    Args:
        axes: where.
        moved: series -> {layer: share}; all series have the same layers.
        colours: of the series.
    """
    for values, colour, size in zip(moved.values(), colours, (9, 6), strict=False):
        axes.plot(list(values.values()), range(len(values)), "o", color=colour, markersize=size)
    name_rows(axes, list(next(iter(moved.values()))))
    axes.set(xscale="log", xlim=(1e-6, 2), xlabel="share moved by one step\ngrey: healthy")
    axes.set_xticks([1e-6, 1e-4, 1e-2, 1])
    axes.minorticks_off()


def draw_one_batch(losses, chance, title):
    """Losses of trainings on one batch over and over, beside the loss of a guess.

    Args:
        losses: name -> (steps,), in nats. What lies above 1.6 guesses is a triangle at the upper edge; the legend says
            how high it is.
        chance: the loss of a guess, in nats.
        title: what the picture says.
    """
    figure, ax = new_figure(width=7.0, height=3.4)
    high = 1.6 * chance
    ax.axhline(chance, color="black", linestyle=":", linewidth=1.2, label="a guess")
    looks = zip((BLUE, ORANGE, PINK, GREEN), ("-", "--", "-.", (0, (1, 1))), strict=True)
    for (name, values), (colour, line) in zip(losses.items(), looks, strict=False):
        label = name if max(values) <= high else f"{name}: up to {max(values):.1f}"
        values = np.asarray(values)
        beyond = np.flatnonzero(values > high)
        ax.plot(np.where(values > high, np.nan, values), color=colour, linestyle=line, linewidth=2, label=label)
        ax.plot(beyond, np.full(len(beyond), high), "^", color=colour, markersize=5)
    ax.set(xlabel="steps, always with the same images", ylabel="loss (nats)", ylim=(0, 1.02 * high))
    ax.set_title(title, fontsize=11)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 0.1))  # between those that stay and one that falls
    return figure


def draw_range_test(rates, losses, zones, chance, scores, title):
    """A learning-rate range test, the loss of each step over its rate, and below it what whole trainings came to.

    Args:
        rates: (steps,), rising.
        losses: (steps,), in nats. Above twice the loss of a guess they are drawn at the upper edge, as triangles.
        zones: text -> (low, high), rates.
        chance: the loss of a guess, in nats.
        scores: rate -> (seeds,), test accuracy in percent.
        title: what the picture says.
    """
    figure, (above, below) = new_figure(2, 1, width=8.6, height=5.4, sharex=True, height_ratios=(1.4, 1))
    above.set_title(title, fontsize=11)
    high = 2 * chance
    for (text, (start, end)), colour in zip(zones.items(), (PALE, "#CDE9E0", "#FBE3D3"), strict=False):
        above.text(np.sqrt(start * end), 0.95 * high, text, ha="center", va="top", fontsize=10)
        for ax in (above, below):
            ax.axvspan(start, end, color=colour, linewidth=0, zorder=0)
    above.axhline(chance, color="black", linestyle=":", linewidth=1.2, label="a guess")
    above.plot(rates, np.minimum(losses, high), color=BLUE, linewidth=1, alpha=0.5)
    beyond = losses > high
    above.plot(rates[~beyond], losses[~beyond], "o", color=BLUE, markersize=4, label="one step of the test")
    above.plot(rates[beyond], np.full(beyond.sum(), 0.985 * high), "^", color=BLUE, label="beyond the scale")
    above.set(xscale="log", xlim=(rates[0] / 1.2, rates[-1]), ylim=(0, high), ylabel="loss (nats)")
    above.legend(loc="lower left")
    draw_seeds(below, np.array(list(scores))[:, None], np.array(list(scores.values())), ORANGE)
    below.set(xlabel=f"learning rate; below: highest of the schedule; {SEEDS}", ylabel="test top-1 (%)", ylim=(0, 104))
    return figure


def draw_fits(panels, guess, title):
    """Training and validation loss of several trainings, side by side on one scale.

    Args:
        panels: training -> {name: (epochs,)}; a name that begins with "training" is blue and whole, others are dashed.
        guess: the loss of a guess, in nats.
        title: what the picture says.
    """
    figure, axes = new_figure(1, len(panels), width=9.5, height=3.5, sharey=True, squeeze=False)
    for ax, (training, curves) in zip(axes[0], panels.items(), strict=True):
        ax.axhline(guess, color="black", linestyle=":", linewidth=1.2, label="a guess")
        for name, values in curves.items():
            look = dict(color=BLUE) if name.startswith("training") else dict(color=ORANGE, linestyle="--")
            ax.plot(np.arange(1, len(values) + 1), values, linewidth=2, label=name, **look)
        ax.set_title(training, fontsize=10)
        ax.set(xlabel="epoch", ylim=(0, None))
        ax.xaxis.get_major_locator().set_params(integer=True, nbins=6)
    axes[0, 0].set_ylabel("loss (nats)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(title, fontsize=11)
    return figure


def draw_warned(scores, compared, title):
    """Results of trainings, a row each, grey for those that the others are compared with.

    Args:
        scores: name -> (seeds,), test accuracy in percent.
        compared: names of the grey ones. Each stands above those that are compared with it.
        title: what the picture says.
    """
    figure, ax = new_figure(width=8.2, height=0.36 * len(scores) + 1.4)
    for row, (name, values) in enumerate(scores.items()):
        draw_seeds(ax, np.asarray(values), row, GREY if name in compared else BLUE)
        if row and name in compared:
            ax.axhline(row - 0.5, color=GREY, linewidth=0.8)
    name_rows(ax, list(scores))
    ax.set(xlabel=f"test top-1 (%); {SEEDS}")
    ax.set_title(title, fontsize=11)
    return figure


def draw_way(ways, title=""):
    """The way from what is seen, by a test, to a cause: three columns of boxes with arrows.

    Args:
        ways: list of (symptom, test, [(outcome, cause), ...]), from top to bottom.
        title: what the picture says.
    """
    total = sum(len(outcomes) for _, _, outcomes in ways)
    figure, ax = new_figure(width=10.0, height=0.6 * total + 0.8)
    figure.suptitle(title, fontsize=11)
    ax.set(xlim=(0, 10), ylim=(total + 0.05, -0.6))
    ax.set_axis_off()
    for x, text in ((1.15, "what you see"), (3.8, "the test"), (5.75, "its outcome"), (8.3, "the cause")):
        ax.text(x, -0.35, text, ha="center", va="center", fontsize=11, weight="bold")
    top = 0
    for symptom, test, outcomes in ways:
        middle = top + len(outcomes) / 2
        draw_step(ax, 1.15, middle, 2.1, symptom, "#FBE3D3", 28)
        draw_step(ax, 3.8, middle, 2.0, test, PALE, 26)
        draw_labelled_arrow(ax, (2.24, middle), (2.76, middle))
        for number, (outcome, cause) in enumerate(outcomes):
            place = top + number + 0.5
            draw_step(ax, 8.3, place, 3.2, cause, "#CDE9E0", 44)
            ax.plot([4.83, 5.05, 5.05], [middle, middle, place], color=GREY, linewidth=1.2, solid_capstyle="butt")
            draw_labelled_arrow(ax, (5.05, place), (6.66, place), outcome)
        top += len(outcomes)
    return figure


def draw_step(axes, x, y, width, text, colour, letters):
    """Draw a box with its middle at (x, y) and a text in it, broken into lines of so many letters."""
    look = dict(boxstyle="round,pad=0.02,rounding_size=0.08", facecolor=colour, edgecolor=GREY, linewidth=0.8)
    draw_box(axes, x, y, width, 0.76, textwrap.fill(text, letters), fontsize=9.5, linespacing=1.05, **look)


def draw_labelled_arrow(axes, start, end, text=""):
    """Draw an arrow from (x, y) to (x, y) with a text over it."""
    draw_arrow(axes, start, end, linewidth=1.2, shrinkA=0, shrinkB=0)
    if text:
        axes.text((start[0] + end[0]) / 2 - 0.05, end[1] - 0.06, text, ha="center", va="bottom", fontsize=9.5)
