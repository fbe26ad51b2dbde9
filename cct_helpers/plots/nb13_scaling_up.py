"""Pictures of notebook 13, scaling up: arrays and numbers in, a Matplotlib Figure out."""

import numpy as np
from matplotlib.ticker import LogLocator, NullLocator

from cct_helpers.figures import BLUE, COLOURS, GREEN, GREY, ORANGE, PINK, RED, SKY, new_figure

FORMATS = {  # name: (smallest positive number, smallest with full precision, largest)
    "float32": (2.0**-149, 2.0**-126, 3.4e38),
    "bfloat16": (2.0**-133, 2.0**-126, 3.4e38),
    "float16": (2.0**-24, 2.0**-14, 65504.0),
}


def draw_number_formats(magnitudes, scale=None):
    """Which magnitudes the number formats can hold, and where gradients lie.

    magnitudes: (n,) absolute values above 0. scale: a factor; the gradients times this factor are drawn as well.
    """
    figure, axes = new_figure(2, 1, width=8, height=3.6, sharex=True, height_ratios=(1.2, 1))
    logs = np.log10(magnitudes)
    axes[0].hist(logs, bins=60, color=BLUE, label="gradients")
    if scale:
        axes[0].hist(logs + np.log10(scale), bins=60, color=ORANGE, alpha=0.7, label=f"gradients x {scale:,.0f}")
    axes[0].set(ylabel="how many")
    axes[0].legend(loc="upper right")
    for place, (smallest, full, largest) in enumerate(FORMATS.values()):
        smallest, full, largest = np.log10([smallest, full, largest])
        axes[1].barh(place, largest - full, left=full, color=GREEN, height=0.5)
        axes[1].barh(place, full - smallest, left=smallest, color=SKY, height=0.5)
    axes[1].set_yticks(range(len(FORMATS)), list(FORMATS))
    ticks = range(-40, 41, 10)
    axes[1].set_xticks(ticks, [f"$10^{{{tick}}}$" for tick in ticks])
    axes[1].set(xlabel="magnitude; green: full precision, light blue: with fewer digits, beyond: 0 or infinity")
    axes[1].invert_yaxis()
    return figure


def draw_overlap(prepare, step, batches=5):
    """Two schedules of the same work, one line above the other: batches made and trained in turn, and one ahead.

    prepare, step: seconds for one batch, above 0. Raises ValueError otherwise.
    """
    if prepare <= 0 or step <= 0:
        raise ValueError(f"prepare and step must be seconds above 0, got {prepare} and {step}.")
    starts = overlapped_starts(prepare, step, batches)
    in_turn = np.arange(batches) * (prepare + step)
    figure, axes = new_figure(2, 1, width=8, height=3.2, sharex=True)
    for ax, made, trained, title in (
        (axes[0], in_turn, in_turn + prepare, "in turn"),
        (axes[1], *starts, "the next batch is made while the model trains"),
    ):
        for batch in range(batches):
            style = dict(height=0.7, edgecolor="white", color=COLOURS[batch % len(COLOURS)])
            ax.barh(0, prepare, left=made[batch], **style)
            ax.barh(1, step, left=trained[batch], **style)
        ax.set_yticks([0, 1], ["make", "train"])
        ax.invert_yaxis()
        ax.set_title(f"{title}: {trained[-1] + step:.2f} s for {batches} batches", loc="left")
    axes[1].set(xlabel="time (s); one colour a batch")
    return figure


def overlapped_starts(prepare, step, batches):
    """When each batch is begun to be made, and to be trained: two arrays (batches,), in seconds."""
    made, trained = np.zeros(batches), np.full(batches, float(prepare))
    for batch in range(1, batches):
        made[batch] = trained[batch - 1]  # one batch ahead: the worker starts when its last batch was taken
        trained[batch] = max(trained[batch - 1] + step, made[batch] + prepare)
    return made, trained


def draw_switches(seconds, label="time for 64 images, off = 1"):
    """One line a switch, name -> seconds: to the left of the first one when faster, to the right when slower.

    The axis is logarithmic, as a switch that a processor has no instruction for can cost a factor of hundred.
    """
    names, values = list(seconds), np.array(list(seconds.values()))
    times = values / values[0]
    figure, ax = new_figure(width=7.5, height=0.42 * len(names) + 0.9)
    places = range(len(names))
    ax.axvline(1, color=GREY, linewidth=1)
    ax.hlines(places, 1, times, color=BLUE, linewidth=3)
    ax.scatter(times, places, color=[GREY] + [BLUE] * (len(names) - 1), s=40, zorder=3)
    for place, value, factor in zip(places, values, times, strict=True):
        ax.text(max(1, factor) * 1.1, place, f" {value:.2f} s, x {factor:.2f}", va="center", fontsize=9)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(lambda factor, _: f"{factor:g}")
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_yticks(places, names)
    low, high = min(0.5, times.min()), max(2, times.max())
    ax.set(xlabel=label, xlim=(0.9 * low, high * (high / low) ** 0.35), ylim=(len(names) - 0.5, -0.5))
    return figure


def fit_power(x, y):
    """Exponent and factor of the line through the logarithms: y = factor * x ** exponent."""
    exponent, log_factor = np.polyfit(np.log(x), np.log(y), 1)
    return float(exponent), float(np.exp(log_factor))


def draw_growth(series, unit="seconds a step"):
    """One panel a series, both axes logarithmic: points, the fitted power, and its dashed continuation.

    series: label of the x axis -> (x, y, how many of the first points are fitted).
    """
    figure, axes = new_figure(1, len(series), width=3.1 * len(series), height=3.1, squeeze=False)
    for ax, (name, (x, y, fitted)) in zip(axes[0], series.items(), strict=True):
        x, y = np.asarray(x, float), np.asarray(y, float)
        exponent, factor = fit_power(x[:fitted], y[:fitted])
        ax.loglog(x[:fitted], factor * x[:fitted] ** exponent, color=BLUE, linewidth=1.5)
        ax.loglog(x[fitted - 1 :], factor * x[fitted - 1 :] ** exponent, "--", color=BLUE, linewidth=1.5)
        ax.loglog(x, y, "o", color=ORANGE, markersize=6)
        ax.set(xlabel=name, ylabel=unit, title=f"exponent {exponent:.2f}")
        ax.set_xticks(x, [f"{value:g}" for value in x], minor=False)
        ax.minorticks_off()
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
    return figure


def draw_plan(memory, limit, hours, money, title=None):
    """What a training run needs: memory of one device by part, against its size, and hours and price in words.

    memory: part -> bytes. limit: bytes of one device. hours: of all devices together. money: for all of these hours.
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
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.42), ncols=2)
    return figure
