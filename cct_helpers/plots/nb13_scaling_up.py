"""Pictures of notebook 13, scaling up: arrays and numbers in, a Matplotlib Figure out."""

import numpy as np
from matplotlib.ticker import LogLocator, NullLocator

from cct_helpers.figures import BLUE, COLOURS, GREEN, GREY, ORANGE, PINK, RED, SKY, name_rows, new_figure

NUMBER_FORMATS = {  # name: (smallest positive number, smallest with full precision, largest)
    "float32": (2.0**-149, 2.0**-126, 3.4e38),
    "bfloat16": (2.0**-133, 2.0**-126, 3.4e38),
    "float16": (2.0**-24, 2.0**-14, 65504.0),
}
DECADES = -12, 7  # what the picture of the formats shows; float32 and bfloat16 go on far beyond it


def draw_number_formats(magnitudes, scale=None):
    """Which magnitudes the number formats can hold, and where gradients lie.

    Args:
        magnitudes: (n,) absolute values above 0.
        scale: a factor; the gradients times this factor are drawn as well.
    """
    figure, axes = new_figure(2, 1, width=8, height=3.8, sharex=True, height_ratios=(1.2, 1))
    logs = np.log10(magnitudes)
    bins = np.linspace(*DECADES, 20 * (DECADES[1] - DECADES[0]) + 1)
    axes[0].hist(logs, bins, color=BLUE, label="gradients")
    if scale:
        axes[0].hist(logs + np.log10(scale), bins, color=ORANGE, alpha=0.7, label=f"gradients x {scale:,.0f}")
    axes[0].set(ylabel="how many")
    axes[0].legend(loc="upper right")
    for place, limits in enumerate(NUMBER_FORMATS.values()):
        smallest, full, largest = np.clip(np.log10(limits), *DECADES)
        axes[1].barh(place, largest - full, left=full, color=GREEN, height=0.5)
        axes[1].barh(place, full - smallest, left=smallest, color=SKY, height=0.5)
        if smallest > DECADES[0]:
            axes[1].text(smallest, place, "becomes 0 ", ha="right", va="center", fontsize=9)
        if largest < DECADES[1]:
            axes[1].text(largest, place, " infinity", va="center", fontsize=9)
    name_rows(axes[1], list(NUMBER_FORMATS))
    ticks = range(-12, 7, 3)
    axes[1].set_xticks(ticks, [f"$10^{{{tick}}}$" for tick in ticks])
    axes[1].set(xlabel="magnitude; green: full precision, light blue: fewer digits", xlim=DECADES)
    return figure


def draw_overlap(schedules, prepare, step):
    """Schedules of the same work, one below the other, a colour a batch.

    Args:
        schedules: title -> (made, trained), when each batch is begun to be made and to be trained, (batches,) each, in
            seconds.
        prepare, step: seconds that it takes to make and to train a batch.
    """
    figure, axes = new_figure(len(schedules), 1, width=8, height=1.6 * len(schedules), sharex=True, squeeze=False)
    for ax, (title, (made, trained)) in zip(axes[:, 0], schedules.items(), strict=True):
        for batch, colour in zip(range(len(made)), COLOURS * len(made), strict=False):
            style = dict(height=0.7, edgecolor="white", color=colour)
            ax.barh(0, prepare, left=made[batch], **style)
            ax.barh(1, step, left=trained[batch], **style)
        name_rows(ax, ["make", "train"])
        ax.set_title(f"{title}: {trained[-1] + step:.2f} s for {len(made)} batches", loc="left")
    axes[-1, 0].set(xlabel="time (s); one colour a batch")
    return figure


def draw_switches(seconds, label="time for 64 images, off = 1 (log scale)"):
    """One line a switch: to the left of the first one when faster, to the right when slower.

    The axis is logarithmic, as a switch that a processor has no instruction for can cost a factor of hundred.

    Args:
        seconds: switch -> seconds, the first is what the others are compared with.
        label: of the axis.
    """
    names, values = list(seconds), np.array(list(seconds.values()))
    times = values / values[0]
    figure, ax = new_figure(width=7.5, height=0.42 * len(names) + 0.9)
    places = range(len(names))
    name_rows(ax, names)
    ax.axvline(1, color=GREY, linewidth=1)
    ax.hlines(places, 1, times, color=BLUE, linewidth=3)
    ax.scatter(times, places, color=[GREY] + [BLUE] * (len(names) - 1), s=40, zorder=3)
    for place, value, factor in zip(places, values, times, strict=True):
        ax.text(max(1, factor) * 1.1, place, f" {value:.2f} s, x {factor:.2f}", va="center", fontsize=9)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(lambda factor, _: f"{factor:g}")
    ax.xaxis.set_minor_locator(NullLocator())
    low, high = min(0.5, times.min()), max(2, times.max())
    ax.set(xlabel=label, xlim=(0.9 * low, high * (high / low) ** 0.35))
    return figure


def draw_growth(series, unit="seconds a step"):
    """One panel a series, both axes logarithmic: points, a line fitted to the first of them, and how it goes on.

    Args:
        series: label of the horizontal axis -> (x, y, line, fitted, title): three arrays (n,), how many of the first
            points were fitted, and what the panel says. The line is dashed beyond the fitted points.
        unit: of y.
    """
    figure, axes = new_figure(1, len(series), width=3.1 * len(series), height=3.2, squeeze=False)
    for ax, (name, (x, y, line, fitted, title)) in zip(axes[0], series.items(), strict=True):
        ax.loglog(x[:fitted], line[:fitted], color=BLUE, linewidth=1.5)
        ax.loglog(x[fitted - 1 :], line[fitted - 1 :], "--", color=BLUE, linewidth=1.5)
        ax.loglog(x, y, "o", color=ORANGE, markersize=6)
        ax.set(xlabel=f"{name} (log scale)", ylabel=f"{unit} (log scale)")
        ax.set_title(title, fontsize=10)
        ax.set_xticks(x, [f"{value:g}" for value in x], minor=False)
        ax.minorticks_off()
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
    return figure


def draw_plan(memory, limit, hours, money, title=None):
    """What a training run needs: memory of one device by part, against its size, and hours and price in words.

    Args:
        memory: part -> bytes.
        limit: bytes of one device.
        hours: of all devices together.
        money: for all of these hours, in dollars.
        title: the settings, in words.
    """
    figure, ax = new_figure(width=8, height=3.1, margins=dict(left=0.04, right=0.97, bottom=0.45, top=0.88))
    left = 0.0
    for (name, size), colour in zip(memory.items(), (BLUE, SKY, GREEN, ORANGE, PINK), strict=False):
        ax.barh(0, size / 1e9, left=left, color=colour, height=0.5, label=f"{name} {size / 1e9:.2f} GB")
        left += size / 1e9
    ax.axvline(limit / 1e9, color=RED, linewidth=2)
    fits = "fits" if left * 1e9 <= limit else "does not fit"
    ax.text(limit / 1e9, 0.38, " size of the device", color=RED, va="bottom", ha="left", fontsize=9)
    ax.set(xlim=(0, 1.25 * max(left, limit / 1e9)), ylim=(-0.4, 0.6), xlabel=f"memory of one device (GB): {fits}")
    ax.set_yticks([])
    words = f"{hours:,.1f} device hours, {money:,.0f} dollars"
    ax.set_title(f"{title}: {words}" if title else words, loc="left")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.42), ncols=2, frameon=False)
    return figure
