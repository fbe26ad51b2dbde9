"""Pictures of notebook 09, what matters: names and arrays in, a Matplotlib Figure out."""

import numpy as np

from cct_helpers.figures import BLUE, COLOURS, GREY, ORANGE, SKY, new_figure

BAND, BLACK = "#E8E8E8", "#000000"


def group_of(name):
    """The part that a setting changes, from its name: "as it is", "two at once", or the first word."""
    if name == "as_it_is":
        return "as it is"
    return "two at once" if "+" in name else name.split("_")[0]


def group_colours(groups):
    """Group -> colour, in the order of the groups; black for what the others are compared with, grey for mixtures."""
    found = dict.fromkeys(groups)
    others = [group for group in found if group not in ("as it is", "two at once")]
    colours = dict(zip(others, COLOURS * len(others), strict=False))
    return {group: {"as it is": BLACK, "two at once": GREY}.get(group) or colours[group] for group in found}


def draw_deviations(drawn, observed, true=1.0, label="standard deviation of three runs (points)"):
    """What few runs say the spread is: a histogram of many draws, and the spreads that were observed as strokes.

    drawn: (n,) standard deviations, all estimates of `true`. observed: (settings,).
    """
    figure, ax = new_figure(width=8, height=2.9)
    ax.hist(drawn, bins=np.linspace(0, 3 * true, 61), color=SKY, label="drawn: the same spread for all")
    ax.axvline(true, color=GREY, linestyle="--", label=f"the spread that was drawn from, {true:.2f}")
    foot = -0.06 * ax.get_ylim()[1]
    ax.plot(observed, np.full(len(observed), foot), "|", color=ORANGE, markersize=13, markeredgewidth=2.5)
    ax.plot([], [], "|", color=ORANGE, markersize=11, markeredgewidth=2.5, label="observed: one stroke a setting")
    ax.set(xlabel=label, ylabel="how many of the draws", xlim=(0, 3 * true), ylim=(2 * foot, None))
    ax.legend(loc="upper right")
    return figure


def draw_differences(names, differences, line, label):
    """One row a setting: a small dot for each seed, a large one for their mean; grey from -line to line.

    differences: (settings, seeds). line: what chance alone rarely passes.
    """
    figure, ax = new_figure(width=8, height=0.27 * len(names) + 0.9)
    ax.axvspan(-line, line, color=BAND, label=f"within chance, ±{line:.2f}")
    ax.axvline(0, color=GREY, linewidth=1)
    colours = group_colours(map(group_of, names))
    for row, (name, values) in enumerate(zip(names, differences, strict=True)):
        style = dict(color=colours[group_of(name)], zorder=3, linestyle="none")
        ax.plot(values, np.full(len(values), row), "o", markersize=4, alpha=0.5, **style)
        ax.plot(values.mean(), row, "o", markersize=9, markeredgecolor="white", **style)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set(xlabel=label)
    ax.legend(loc="lower left")
    return figure


def draw_ladder(names, accuracies, speeds):
    """The rungs from the bottom up: accuracy with a dot for each seed and the mean, and images a second beside it.

    accuracies: (rungs, seeds), percent. speeds: (rungs, seeds).
    """
    figure, (left, right) = new_figure(1, 2, width=9, height=0.33 * len(names) + 1, sharey=True, width_ratios=(1.7, 1))
    rungs = np.arange(len(names))
    left.plot(accuracies.mean(axis=1), rungs, color=BLUE, linewidth=1, zorder=1)
    left.plot(accuracies, rungs[:, None] + np.zeros(accuracies.shape), "o", color=BLUE, markersize=4, alpha=0.5)
    left.plot(accuracies.mean(axis=1), rungs, "o", color=BLUE, markersize=9, markeredgecolor="white")
    left.set_yticks(rungs, names)
    left.set(xlabel="test accuracy (%); small: one seed, large: the mean")
    right.barh(rungs, speeds.mean(axis=1), color=ORANGE, height=0.6)
    right.plot(speeds, rungs[:, None] + np.zeros(speeds.shape), "o", color=GREY, markersize=3)
    right.set(xlabel="images a second (one core)")
    return figure


def draw_browser(names, groups, columns, x, y, setting, each_seed=True):
    """All settings of a grid over any two of its measurements, coloured by group; one setting is ringed and named.

    names, groups: a text for each setting. columns: label -> (settings, seeds). x, y: labels of two columns.
    setting: which one to ring, counted from 1. each_seed: draw a dot for each seed besides the mean.

    Raises ValueError for the same column twice, and for a setting that is not there.
    """
    if x == y:
        raise ValueError("Both axes show the same: all points would lie on one line. Choose another one for x or y.")
    if not 1 <= setting <= len(names):
        raise ValueError(f"There are {len(names)} settings here: choose one from 1 to {len(names)}.")
    figure, ax = new_figure(width=8, height=4, margins=dict(left=0.11, right=0.76, bottom=0.14, top=0.9))
    across, upright = columns[x], columns[y]
    for group, colour in group_colours(groups).items():
        rows = [row for row, own in enumerate(groups) if own == group]
        style = dict(color=colour, linestyle="none", marker="o")
        if each_seed:
            ax.plot(across[rows].ravel(), upright[rows].ravel(), markersize=4, alpha=0.4, **style)
        means = across[rows].mean(axis=1), upright[rows].mean(axis=1)
        ax.plot(*means, markersize=9, markeredgecolor="white", label=group, **style)
    at = across[setting - 1].mean(), upright[setting - 1].mean()
    ax.plot(*at, "o", markersize=17, markerfacecolor="none", markeredgecolor=GREY, markeredgewidth=2)
    ax.set(xlabel=x, ylabel=y)
    ax.set_title(f"{setting}: {names[setting - 1]}, {at[0]:,.4g} across, {at[1]:,.4g} up", loc="left")
    ax.ticklabel_format(style="plain", useOffset=False)
    ax.locator_params(axis="x", nbins=6)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title="what is changed")
    return figure
