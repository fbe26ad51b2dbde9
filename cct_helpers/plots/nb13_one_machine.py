"""Pictures of notebook 13, one machine: arrays and numbers in, a Matplotlib Figure out."""

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator
from numpy.polynomial.polynomial import polyval

from cct_helpers.figures import BLUE, COLOURS, GREEN, GREY, ORANGE, PALE, PINK, RED, SKY, name_rows, new_figure

NUMBER_FORMATS = {  # name: (smallest positive number, smallest with full precision, largest)
    "float32": (2.0**-149, 2.0**-126, 3.4e38),
    "bfloat16": (2.0**-133, 2.0**-126, 3.4e38),
    "float16": (2.0**-24, 2.0**-14, 65504.0),
}
DECADES = -12, 7  # what the picture of the formats shows; float32 and bfloat16 go on far beyond it
ON_WHITE = dict(facecolor="white", edgecolor="none", pad=1)  # words over the lines of a grid
MOST = 3.0  # times the first switch: a bar that is longer is cut off there and says so


def draw_switches(panels, title):
    """Seconds of a step with each switch, one panel a machine: a bar a switch, beside the first, which has none.

    Args:
        panels: name of a machine -> {switch: seconds}; the first switch is what the others are compared with.
        title: what the picture says.
    """
    rows = max(map(len, panels.values()))
    figure, axes = new_figure(1, len(panels), width=8.2, height=0.36 * rows + 1.3, squeeze=False)
    for ax, (machine, seconds) in zip(axes[0], panels.items(), strict=True):
        values = np.array(list(seconds.values()))
        times = values / values[0]
        colours = [GREY] + [GREEN if factor < 1 else ORANGE for factor in times[1:]]
        ax.barh(range(len(times)), np.minimum(times, MOST), color=colours, height=0.6)
        name_rows(ax, list(seconds))
        ax.axvline(1, color=GREY, linewidth=1)
        for place, (value, factor) in enumerate(zip(values, times, strict=True)):
            words = f"{1000 * value:,.0f} ms" + (f", x {factor:.2f}" if place else "")
            if factor > MOST:
                words = f"off the scale: {value:,.1f} s, x {factor:.0f}"
            ax.text(min(factor, MOST) + 0.03, place, words, va="center", fontsize=9, bbox=ON_WHITE)
        ax.set(xlim=(0, 1.6 * MOST), xticks=(0, 1, 2, 3), xlabel=f"time of an update, {next(iter(seconds))} = 1")
        ax.set_title(machine, fontsize=10)
    figure.suptitle(title, fontsize=11)
    return figure


def draw_number_formats(magnitudes, scale, title):
    """Which magnitudes the number formats can hold, and where gradients lie, as they are and times a scale.

    Args:
        magnitudes: absolute values above 0, of any shape. What lies beyond the picture is counted in its outermost bar.
        scale: a factor; the gradients times this factor are drawn as well.
        title: what the picture says.
    """
    figure, axes = new_figure(2, 1, width=8, height=3.9, sharex=True, height_ratios=(1.2, 1))
    logs = np.log10(np.ravel(magnitudes))  # a histogram of several columns would draw each apart
    bins = np.linspace(*DECADES, 5 * (DECADES[1] - DECADES[0]) + 1)
    for factor, colour, label in ((1, BLUE, "gradients"), (scale, ORANGE, f"gradients x {scale:,.0f}")):
        axes[0].hist(np.clip(logs + np.log10(factor), *DECADES), bins, color=colour, alpha=0.8, label=label)
    axes[0].set(ylabel="how many")
    axes[0].set_title(title, fontsize=11)
    axes[0].legend(loc="upper right")
    for place, limits in enumerate(NUMBER_FORMATS.values()):
        smallest, full, largest = np.clip(np.log10(limits), *DECADES)
        axes[1].barh(place, largest - full, left=full, color=GREEN, height=0.5)
        axes[1].barh(place, full - smallest, left=smallest, color=SKY, height=0.5)
        if smallest > DECADES[0]:
            axes[1].text(smallest, place, "becomes 0 ", ha="right", va="center", fontsize=9)
        if largest < DECADES[1]:
            axes[1].text(largest, place, " infinity", va="center", fontsize=9)
    for ax in axes:  # so that the eye can follow where the range of float16 ends
        ax.axvline(np.log10(NUMBER_FORMATS["float16"][0]), color=GREY, linewidth=1, linestyle="--", zorder=0)
    name_rows(axes[1], list(NUMBER_FORMATS))
    ticks = range(-12, 7, 3)
    axes[1].set_xticks(ticks, [f"$10^{{{tick}}}$" for tick in ticks])
    axes[1].set(xlabel="magnitude; green: full precision, light blue: fewer digits", xlim=DECADES)
    return figure


def draw_overlap(schedules, prepare, step):
    """Schedules of the same work, one below the other, a colour a batch; the title says what the last saves.

    Args:
        schedules: title -> (made, trained), when the making of each batch begins and its training, (batches,) each, in
            seconds.
        prepare, step: seconds that it takes to make and to train a batch.
    """
    height = 1.4 * len(schedules) + 0.65
    margins = dict(left=0.08, right=0.98, bottom=0.55 / height, top=1 - 0.62 / height, hspace=0.55)
    figure, axes = new_figure(len(schedules), 1, width=8, height=height, margins=margins, sharex=True, squeeze=False)
    for ax, (title, (made, trained)) in zip(axes[:, 0], schedules.items(), strict=True):
        for batch, colour in zip(range(len(made)), COLOURS * len(made), strict=False):
            style = dict(height=0.7, edgecolor="white", color=colour)
            ax.barh(0, prepare, left=made[batch], **style)
            ax.barh(1, step, left=trained[batch], **style)
        name_rows(ax, ["make", "train"])
        ax.set_title(f"{title}: {trained[-1] + step:.2f} s for {len(made)} batches", loc="left", fontsize=10)
    axes[-1, 0].set(xlabel="time (s); one colour a batch")
    first, *_, last = (trained[-1] + step for _, trained in schedules.values())
    times = f"{prepare:g} s to make a batch, {step:g} s to train on it"
    figure.suptitle(f"{times}: {list(schedules)[-1]} saves {100 * (1 - last / first):.0f} % of the time", fontsize=11)
    return figure


def draw_kept(blocks, choices):
    """Which outputs of a chain of blocks are kept for the backward pass, a row a choice.

    Args:
        blocks: how many there are.
        choices: one number a row; every so many-th input is kept.
    """
    figure, ax = new_figure(width=8.2, height=0.75 * len(choices) + 1.0)
    for row, every in enumerate(choices):
        kept = range(0, blocks, every)
        again = range(blocks - every + 1, blocks + 1)  # the last segment, which the backward pass needs first
        for place in range(blocks + 1):
            colour = BLUE if place in kept else ORANGE if place in again else "white"
            ax.add_patch(Rectangle((place, row - 0.28), 0.72, 0.56, facecolor=colour, edgecolor=GREY, linewidth=1))
        ax.text(blocks + 1.2, row, f"{len(kept)} + {every} = {len(kept) + every}", va="center", fontsize=10)
    ax.set_yticks(range(len(choices)), [f"every {every}" if every > 1 else "all" for every in choices])
    ax.set_xticks([0.36, blocks + 0.36], ["input", f"output of block {blocks}"])
    ax.set(xlim=(-0.2, blocks + 4.2), ylim=(len(choices) - 0.5, -0.6))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title("Arrays held at once: inputs kept (blue) and one segment computed again (orange)", fontsize=11)
    return figure


def draw_recomputed(blocks):
    """A step over time, as it comes and rematerialised: which block runs when, and how many insides are in memory.

    Args:
        blocks: how many there are. A forward pass of one takes 1 unit of time, a backward pass 2.
    """
    order = range(blocks)
    forward = [("forward", block, 1) for block in order]
    plain = forward + [("backward", block, 2) for block in reversed(order)]
    again = [part for block in reversed(order) for part in (("again", block, 1), ("backward", block, 2))]
    panels = {
        "as it comes": (plain, [block + 1 for _, block, _ in plain]),  # the insides of this block and of those before
        "rematerialised": (forward + again, [1] * (blocks + len(again))),  # of the block that runs, no other
    }
    figure, axes = new_figure(4, 1, width=8, height=5, sharex=True, height_ratios=(1.3, 1) * 2)
    rows = ["forward", "again", "backward"]
    for place, (title, (parts, held)) in enumerate(panels.items()):
        lengths = np.array([length for _, _, length in parts])
        starts = np.cumsum(lengths) - lengths
        work, memory = axes[2 * place : 2 * place + 2]
        for start, (kind, block, length) in zip(starts, parts, strict=True):
            colour = COLOURS[block % len(COLOURS)]
            work.barh(rows.index(kind), length, left=start, height=0.75, color=colour, edgecolor="white")
            middle = start + length / 2, rows.index(kind)
            work.text(*middle, str(block + 1), color="white", weight="bold", ha="center", va="center", fontsize=9)
        name_rows(work, rows)
        work.set_title(
            f"{title}: {lengths.sum()} units of time, at most {max(held)} in memory", loc="left", fontsize=10
        )
        memory.bar(starts, held, width=lengths, align="edge", color=GREY)
        memory.set(ylim=(0, blocks + 0.5), yticks=range(0, blocks + 1, 2), ylabel="insides")
    axes[-1].set(xlabel="time (forward passes of one block); one colour and number a block")
    figure.suptitle("Rematerialised: the inside of one block at a time, and one more forward pass", fontsize=11)
    return figure


def draw_growth(series, unit="seconds a step"):
    """One panel a series, both axes logarithmic: measured points, and two guesses fitted to all but the last of them.

    Args:
        series: label of the horizontal axis -> (x, y, parts, power): sizes and measured values, (n,) each; the
            coefficients of a polynomial in x, the constant first; those of a line through the logarithms, likewise.
        unit: of y.
    """
    figure, axes = new_figure(1, len(series), width=max(8.2, 3.1 * len(series)), height=3.9, squeeze=False)
    for ax, (name, (x, y, parts, power)) in zip(axes[0], series.items(), strict=True):
        along = np.geomspace(x[0], x[-1], 60)  # the last is the point that is guessed
        arithmetic, straight = polyval(along, parts), np.exp(polyval(np.log(along), power))
        ax.loglog(along, straight, "--", color=PINK, linewidth=1.5, label="power")
        ax.loglog(along, arithmetic, color=BLUE, linewidth=1.5, label="arithmetic")
        ax.loglog(x[:-1], y[:-1], "o", color=ORANGE, markersize=6, label="measured, fitted")
        ax.loglog(x[-1:], y[-1:], "o", color=RED, markersize=8, markerfacecolor="white", label="measured, guessed")
        ax.set(xlabel=f"{name} (log scale)", ylabel=f"{unit} (log scale)")
        misses = [100 * (guess[-1] / y[-1] - 1) for guess in (arithmetic, straight)]
        ax.set_title("at {:,g}: arithmetic {:+.0f} %,\npower {:+.0f} %".format(x[-1], *misses), fontsize=10)
        ax.set_xticks(x, [f"{value:g}" for value in x], minor=False)
        ax.minorticks_off()
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
    figure.suptitle("Two guesses for the largest size, which neither was fitted to", fontsize=11)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def draw_costs(macs, memory, limit, title):
    """What a training step costs: the share of each part in the multiply-accumulates, and the memory by part.

    Args:
        macs: part -> multiply-accumulates of a step.
        memory: part -> bytes.
        limit: bytes that there are.
        title: the settings, in words.
    """
    margins = dict(left=0.03, right=0.97, bottom=0.24, top=0.85, hspace=1.45)
    figure, axes = new_figure(2, 1, width=8, height=4.3, margins=margins)
    work, total = sum(macs.values()), sum(memory.values())
    most, fits = max(macs, key=macs.get), "fits" if total <= limit else "does not fit"
    for ax, parts, unit, name in (
        (axes[0], macs, work / 100, f"share of the {work / 1e9:,.1f} GMACs of a step (%)"),
        (axes[1], memory, 1e9, "memory (GB); the line: what there is"),
    ):
        left = 0.0
        for (part, size), colour in zip(parts.items(), (BLUE, SKY, GREEN, ORANGE, PINK), strict=False):
            ax.barh(0, size / unit, left=left, color=colour, height=0.6, label=part)
            left += size / unit
        ax.set(yticks=[], ylim=(-0.4, 0.4), xlim=(0, 1.02 * left), xlabel=name)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.75), ncols=4, frameon=False, fontsize=9)
    axes[1].set_xlim(0, 1.1 * max(total, limit) / 1e9)
    axes[1].axvline(limit / 1e9, color=RED, linewidth=2)
    share = 100 * macs[most] / work
    message = f"most work: {most}, {share:.0f} %; memory: {total / 1e9:.2f} of {limit / 1e9:g} GB, {fits}"
    axes[0].set_title(f"{title}\n{message}", loc="left", fontsize=11)
    axes[1].set_facecolor(PALE if total > limit else "white")
    return figure
