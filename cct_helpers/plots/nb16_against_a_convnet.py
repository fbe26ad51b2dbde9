"""Pictures of notebook 16, CCT beside a ResNet: names and arrays in, a Matplotlib Figure out."""

import textwrap

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

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

MODEL_COLOURS = {"CCT": BLUE, "ResNet": ORANGE}
MARKERS = {"CCT": "o", "ResNet": "s"}
KINDS = {"3 x 3 neighbours": "#FBE3D3", "all tokens, weighed by what they hold": "#D3E6F5", "neither": PALE}


def draw_two_ways(rows, title=""):
    """Models as rows of boxes with arrows, coloured by what a number in the box is computed from.

    Args:
        rows: model -> list of (what it does, shape, kind), the kinds those in `KINDS`; all lists as long.
        title: what the picture says.
    """
    steps = max(map(len, rows.values()))
    figure, ax = new_figure(width=10.0, height=1.45 * len(rows) + 1.0)
    ax.set(xlim=(-0.5, steps - 0.5), ylim=(len(rows) - 0.42, -0.72))
    ax.set_axis_off()
    for row, (model, boxes) in enumerate(rows.items()):
        ax.text(-0.47, row - 0.48, model, ha="left", va="center", fontsize=11, weight="bold")
        for step, (what, shape, kind) in enumerate(boxes):
            look = dict(boxstyle="round,pad=0.01,rounding_size=0.05", edgecolor=GREY, linewidth=0.8)
            text = f"{textwrap.fill(what, 15)}\n{shape}"
            draw_box(ax, step, row, 0.8, 0.6, text, fontsize=9.5, linespacing=1.15, facecolor=KINDS[kind], **look)
            if step:
                draw_arrow(ax, (step - 0.59, row), (step - 0.4, row), linewidth=1.2, shrinkA=0, shrinkB=0)
    patches = [Patch(facecolor=colour, edgecolor=GREY, label=kind) for kind, colour in KINDS.items()]
    figure.legend(
        handles=patches, loc="outside lower center", ncols=3, frameon=False, title="each number is computed from"
    )
    figure.suptitle(title)
    return figure


def draw_seen(maps, title=""):
    """Which pixels something depends on, in two colours, side by side on one scale.

    Args:
        maps: name -> (height, width) of True and False.
        title: what the picture says.
    """
    figure, axes = new_figure(1, len(maps), width=9.6, height=3.5, sharey=True, squeeze=False)
    figure.suptitle(title)
    for ax, (name, where) in zip(axes[0], maps.items(), strict=True):
        ax.imshow(where, cmap=ListedColormap([PALE, BLUE]), vmin=0, vmax=1)
        ax.set_title(f"{name}: {int(where.any(axis=0).sum())} pixels", fontsize=10)
        ax.set(xlabel="column (pixels)")
    axes[0, 0].set(ylabel="row (pixels)")
    patches = [Patch(facecolor=BLUE, label="seen"), Patch(facecolor=PALE, label="not seen")]
    figure.legend(handles=patches, loc="outside lower center", ncols=2, frameon=False)
    return figure


def draw_costs(sides, macs, seconds, title=""):
    """Work and time for one image over the side of the image, both on logarithmic scales.

    Args:
        sides: (n,), in pixels.
        macs: name -> (n,). A name that begins as in `MODEL_COLOURS` has that colour; a longer one is dashed.
        seconds: model -> (m,) for the last m sides.
        title: what the picture says.
    """
    figure, (left, right) = new_figure(1, 2, width=9.6, height=3.6)
    figure.suptitle(title)
    for ax, series, unit in ((left, macs, 1e6), (right, seconds, 1e-3)):
        for name, values in series.items():
            model = name.split()[0]
            whole = name == model
            look = dict(color=MODEL_COLOURS[model], linestyle="-" if whole else "--", linewidth=2 if whole else 1.5)
            chosen = sides[len(sides) - len(values) :]
            ax.plot(chosen, np.array(values) / unit, marker=MARKERS[model] if whole else None, label=name, **look)
        ax.set(xscale="log", yscale="log", xlabel="side of the image (pixels)")
        ax.set_xticks(sides, [str(side) for side in sides])
        ax.minorticks_off()
        ax.grid(color="#DDDDDD", linewidth=0.8)
        ax.legend(loc="upper left")
    left.set(ylabel="MACs for one image (millions)")
    right.set(ylabel="milliseconds for one image")
    return figure


def draw_race(panels, lines, title=""):
    """What the runs of a race reached: a panel a data set, a row a model, over a band of luck, on one scale.

    Args:
        panels: name of the data -> {model: (seeds,)}, in percent.
        lines: name of the data -> from which difference on it is visible, in points: half the width of the band around
            the mean of the first model.
        title: what the picture says.
    """
    figure, axes = new_figure(1, len(panels), width=9.6, height=2.6, sharex=True, squeeze=False)
    figure.suptitle(title)
    for ax, (data, scores) in zip(axes[0], panels.items(), strict=True):
        middle = np.mean(next(iter(scores.values())))
        ax.axvspan(middle - lines[data], middle + lines[data], color=PALE, label="luck of the seeds")
        for row, (model, values) in enumerate(scores.items()):
            draw_seeds(ax, values, row, MODEL_COLOURS[model], marker=MARKERS[model])
        name_rows(ax, list(scores))
        ax.set(xlabel=f"test top-1 (%); {SEEDS}")
        ax.set_title(data, fontsize=10)
        ax.margins(x=0.1)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", frameon=False)
    return figure


def draw_changes(panels, title=""):
    """Accuracy over how far images were changed, a panel a kind of change, a line a model.

    Args:
        panels: label of the horizontal axis -> {model: (amounts (n,), (n, seeds) in percent)}.
        title: what the picture says.
    """
    figure, axes = new_figure(1, len(panels), width=9.6, height=3.5, sharey=True, squeeze=False)
    figure.suptitle(title)
    for ax, (label, models) in zip(axes[0], panels.items(), strict=True):
        for model, (amounts, scores) in models.items():
            look = dict(marker=MARKERS[model], line="-", label=model)
            draw_seeds(ax, np.array(amounts)[:, None], scores, MODEL_COLOURS[model], **look)
        ax.set(xlabel=label, xticks=amounts)
        ax.grid(color="#DDDDDD", linewidth=0.8)
    axes[0, 0].set(ylabel=f"test top-1 (%)\n{SEEDS}")
    axes[0, 0].legend(loc="lower left")
    return figure


def draw_boxes(counts, classes, title=""):
    """The images that at least one of two models gets wrong: one of them right, or none; all, and class by class.

    Args:
        counts: (classes, 4), images: both right, only the first model, only the second, none.
        classes: (classes,) names.
        title: what the picture says.
    """
    names = ("only CCT right", "only ResNet right", "both wrong")
    figure, ax = new_figure(width=8.6, height=0.31 * (len(classes) + 1) + 1.5)
    rows = np.vstack([counts.sum(axis=0), counts])
    shares = (100 * rows / rows.sum(axis=1, keepdims=True))[:, 1:]
    left = np.zeros(len(shares))
    for name, colour, values in zip(names, (BLUE, ORANGE, GREY), shares.T, strict=True):
        ax.barh(range(len(shares)), values, left=left, color=colour, label=name, height=0.75)
        left += values
    name_rows(ax, ["all", *classes])
    ax.set(xlabel="share of the test images that at least one gets wrong (%)", ylabel="digit")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(title)
    return figure


def draw_published(scores, kinds, title=""):
    """Published accuracies, a row each, coloured by the kind of network.

    Args:
        scores: name -> percent, in order.
        kinds: name -> kind.
        title: what the picture says.
    """
    colours = dict(zip(dict.fromkeys(kinds.values()), (ORANGE, BLUE, GREEN, PINK), strict=False))
    figure, ax = new_figure(width=8.4, height=0.31 * len(scores) + 1.4)
    for kind, colour in colours.items():
        rows = [row for row, name in enumerate(scores) if kinds[name] == kind]
        values = [list(scores.values())[row] for row in rows]
        ax.plot(values, rows, "o", color=colour, markersize=9, label=kind)
    name_rows(ax, list(scores))
    ax.set(xlabel="CIFAR-10, test top-1 (%)")
    ax.margins(x=0.08)
    ax.legend(loc="upper left")
    figure.suptitle(title)
    return figure
