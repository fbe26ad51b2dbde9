"""Pictures of notebook 09, what matters: names and arrays in, a Matplotlib Figure out."""

import numpy as np

from cct_helpers.figures import (
    BLUE,
    COLOURS,
    GREY,
    ORANGE,
    PALE,
    SEEDS,
    SKY,
    YELLOW,
    draw_arrow,
    draw_box,
    draw_seeds,
    name_rows,
    new_figure,
)

BASELINE = "as it is"  # the group that all others are compared with
PLACES = {  # the model from the image to the classes -> the first words of the changes that are made there
    "tokenizer\n2 convolutions,\nkernel 3 x 3": ("convs", "kernel"),
    "positions\nlearned": ("position",),
    "2 layers\n2 heads,\ndepth rate 0.1": ("layers", "heads", "depth"),
    "pooling\nby sequence": ("pooling",),
    "answer\n10 logits": (),
}


def draw_changes(names, places=PLACES):
    """The model as a row of boxes, and below each the changes that are made there.

    Args:
        names: (changes,) texts; the word before the first _ says what is changed.
        places: box -> the words that belong to it, in the order of the model.

    Raises:
        ValueError: for a change that belongs to no box.
    """
    known = [word for words in places.values() for word in words]
    if homeless := [name for name in names if name.split("_")[0] not in known]:
        raise ValueError(f"No place for {', '.join(homeless)}: a name must begin with one of {', '.join(known)}.")
    figure, ax = new_figure(width=10, height=2.8)
    for place, (box, words) in enumerate(places.items()):
        look = dict(boxstyle="round,pad=0.02", facecolor=BLUE, edgecolor="white")
        draw_box(ax, place, 0.91, 0.76, 0.38, box, ink="white", linespacing=1.4, **look)
        if place:
            draw_arrow(ax, (place - 0.59, 0.91), (place - 0.41, 0.91))
        here = [name for name in names if name.split("_")[0] in words]
        ax.text(place, 0.63, "\n".join(here) or "not changed", ha="center", va="top", fontsize=10, linespacing=1.3)
    ax.set(xlim=(-0.5, len(places) - 0.5), ylim=(0.13, 1.14))
    ax.set_title(
        f"CCT-2/3x2 from the image to the classes, and where each of {len(names)} changes is made", fontsize=12
    )
    ax.set_axis_off()
    return figure


def colour_groups(groups):
    """Group -> colour, in the order of the groups, the baseline last: it is drawn over the others."""
    others = [group for group in dict.fromkeys(groups) if group != BASELINE]
    readable = [colour for colour in COLOURS if colour != YELLOW]  # yellow dots on white are hard to see
    colours = dict(zip(others, readable * len(others), strict=False))
    return colours | ({BASELINE: "black"} if BASELINE in groups else {})


def draw_deviations(drawn, observed, true=1.0, label="standard deviation of three runs (points)", title=""):
    """What few runs say the spread is: a histogram of many draws, and the spreads that were observed as strokes.

    Args:
        drawn: (n,) standard deviations, all estimates of `true`.
        observed: (settings,).
        true: the spread that was drawn from.
        label: of the horizontal axis.
        title: what the picture says.
    """
    figure, ax = new_figure(width=8, height=3.1)
    ax.set_title(title, loc="left")
    ax.hist(drawn, bins=np.linspace(0, 3 * true, 61), color=SKY, label="drawn: the same spread for all")
    ax.axvline(true, color=GREY, linestyle="--", label=f"the spread that was drawn from, {true:.2f}")
    foot = -0.06 * ax.get_ylim()[1]
    strokes = dict(color=ORANGE, linestyle="none", marker="|", markeredgewidth=2.5, markersize=13)
    ax.plot(observed, np.full(len(observed), foot), **strokes, label="observed: one stroke a setting")
    ax.set(xlabel=label, ylabel="how many of the draws", xlim=(0, 3 * true), ylim=(2 * foot, None))
    ax.legend(loc="upper right")
    return figure


def draw_looks(largest, marks, label, title=""):
    """The largest of many differences that are all luck: a histogram over many tables, and lines across it.

    Args:
        largest: (tables,), 0 or more.
        marks: name -> where a line is drawn.
        label: of the horizontal axis, with the unit.
        title: what the picture says.
    """
    figure, ax = new_figure(width=8, height=2.9)
    ax.set_title(title, loc="left")
    ax.hist(largest, bins=np.linspace(0, 2.4 * max(marks.values()), 97), color=SKY)
    for (name, place), colour, style in zip(marks.items(), (GREY, "black"), ("--", "-"), strict=False):
        beyond = np.mean(np.asarray(largest) > place)
        ax.axvline(place, color=colour, linestyle=style, label=f"{name}, {place:.2f}: {beyond:.0%} lie beyond it")
    ax.set(xlabel=label, ylabel="how many of the tables")
    ax.margins(x=0)
    ax.legend(loc="upper right")
    return figure


def draw_differences(names, groups, differences, line, label, title=""):
    """Differences from a baseline, one row a setting, over a grey band of what luck alone can do.

    Args:
        names: (settings,) texts.
        groups: (settings,) texts, the part that a setting changes; one colour each.
        differences: of each setting, (seeds,).
        line: half the width of the band.
        label: what was measured, with the unit.
        title: what the picture says.
    """
    figure, ax = new_figure(width=8, height=0.28 * len(names) + 1.1)
    ax.set_title(title, loc="left")
    ax.axvspan(-line, line, color=PALE, label=f"luck alone can do this to a mean, ±{line:.2f}")
    ax.axvline(0, color=GREY, linewidth=1)
    colours = colour_groups(groups)
    for row, (group, values) in enumerate(zip(groups, differences, strict=True)):
        draw_seeds(ax, values, row, colours[group])
    name_rows(ax, names)
    ax.set(xlabel=f"{label}; {SEEDS}")
    ax.legend(loc="lower left")
    return figure


def draw_ladder(names, accuracies, speeds, title=""):
    """The rungs from the bottom up: accuracy, and images a second beside it.

    Args:
        names: (rungs,) texts.
        accuracies: (rungs, seeds), percent.
        speeds: (rungs, seeds), images a second.
        title: what the picture says.
    """
    size = dict(width=9, height=0.33 * len(names) + 1.3)
    figure, (left, right) = new_figure(1, 2, **size, sharey=True, width_ratios=(1.7, 1))
    figure.suptitle(title)
    rungs = np.arange(len(names))[:, None]
    draw_seeds(left, accuracies, rungs, BLUE, line="-")
    left.set_yticks(rungs[:, 0], names)
    left.set(xlabel=f"validation accuracy (%); {SEEDS}")
    right.barh(rungs[:, 0], speeds.mean(axis=1), color=ORANGE, height=0.6)
    right.plot(speeds, rungs + np.zeros(speeds.shape), "o", color=GREY, markersize=3)
    right.set(xlabel="images a second (one core)")
    return figure


def draw_browser(names, groups, columns, x, y, setting, each_seed=True):
    """All settings of a grid over any two of its measurements, coloured by group; one setting is ringed and named.

    Args:
        names, groups: (settings,) texts.
        columns: label -> (settings, seeds).
        x, y: labels of two columns.
        setting: which one to ring, counted from 1.
        each_seed: draw a dot for each seed besides the mean.

    Raises:
        ValueError: for the same column twice, and for a setting that is not there.
    """
    if x == y:
        raise ValueError("Both axes show the same: all points would lie on one line. Choose another one for x or y.")
    if not 1 <= setting <= len(names):
        raise ValueError(f"There are {len(names)} settings here: choose one from 1 to {len(names)}.")
    figure, ax = new_figure(width=8, height=4.2, margins=dict(left=0.11, right=0.76, bottom=0.13, top=0.84))
    across, upright = columns[x], columns[y]
    for group, colour in colour_groups(groups).items():
        rows = [row for row, own in enumerate(groups) if own == group]
        mark = "D" if group == BASELINE else "o"
        draw_seeds(ax, across[rows], upright[rows], colour, marker=mark, label=group, each=each_seed)
    at = across[setting - 1].mean(), upright[setting - 1].mean()
    ax.plot(*at, "o", markersize=17, markerfacecolor="none", markeredgecolor=GREY, markeredgewidth=2, zorder=5)
    ax.set(xlabel=x, ylabel=y)
    ringed = f"ringed: {setting}, {names[setting - 1]}"
    ax.set_title(f"{ringed}\n{x}: {at[0]:,.4g}; {y}: {at[1]:,.4g}", loc="left", fontsize=10)
    ax.ticklabel_format(style="plain", useOffset=False)
    ax.locator_params(axis="x", nbins=6)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title="what is changed", frameon=False)
    return figure
