"""Pictures of notebook 14, many machines: arrays and numbers in, a Matplotlib Figure out."""

import numpy as np
from matplotlib.patches import Rectangle

from cct_helpers.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PINK,
    RED,
    SKY,
    draw_arrow,
    draw_map,
    name_rows,
    new_figure,
)

ON_WHITE = dict(facecolor="white", edgecolor="none", pad=1)  # words over the lines of a grid


def draw_data_parallel():
    """One step on two devices: the same weights, half of the batch each, one mean of the gradients."""
    figure, ax = new_figure(width=8.2, height=3.5)
    ax.set(xlim=(0, 10), ylim=(0, 4.2))
    ax.set_axis_off()
    box = dict(boxstyle="round,pad=0.4", edgecolor=GREY)

    def put(x, y, words, colour=PALE):
        return ax.text(x, y, words, ha="center", va="center", fontsize=10, bbox=box | dict(facecolor=colour))

    def connect(start, end):
        draw_arrow(ax, start, end, arrowstyle="->", linewidth=1.5, shrinkA=4, shrinkB=4)

    put(1.0, 2.0, "batch of 64\n(64, 16, 16, 1)")
    put(7.3, 2.0, "mean of the\ngradients", ORANGE)
    put(9.2, 2.0, "the same\nstep on both")
    for device, (y, rows) in enumerate(((3.3, "0 to 31"), (0.7, "32 to 63"))):
        put(3.0, y, f"images {rows}\n(32, 16, 16, 1)", SKY)
        put(5.2, y, f"device {device}:\nall weights,\nown gradient", SKY)
        connect((1.65, 2.0), (2.1, y))
        connect((3.85, y), (4.45, y))
        connect((5.95, y), (6.6, 2.15 if device == 0 else 1.85))
    connect((8.0, 2.0), (8.5, 2.0))
    ax.set_title("Two devices: each takes half of the batch, one mean makes their steps equal", fontsize=11)
    return figure


def draw_masks(masks, title):
    """Dropout masks of two devices, a row an image, for each way to draw them.

    Args:
        masks: way -> (devices, images, units) of 0 and 1.
        title: what the picture says.
    """
    ways, devices = list(masks), len(next(iter(masks.values())))
    figure, axes = new_figure(len(ways), devices, width=7.6, height=1.25 * len(ways) + 0.7, squeeze=False)
    for row, way in enumerate(ways):
        for device in range(devices):
            ax = axes[row, device]
            draw_map(ax, masks[way][device], f"{way}, device {device}", low=0, high=1)
            ax.title.set_fontsize(10)
            ax.set(xlabel="numbers of an image; bright: kept" if row == len(ways) - 1 else "", ylabel="image")
    figure.suptitle(title, fontsize=11)
    return figure


def draw_ring(names):
    """What each process of a ring holds, before and after each round in which parts of gradients are added up.

    Args:
        names: a letter a process; each cuts its gradient into as many parts.
    """
    count = len(names)
    figure, axes = new_figure(1, count, width=8.2, height=0.5 * count + 1.1, squeeze=False)
    held = [[name] * count for name in names]  # a row a process, a column a part
    for rounds, ax in enumerate(axes[0]):
        for process, part in np.ndindex(count, count):
            letters = held[process][part]
            colour = GREEN if len(letters) == count else SKY if len(letters) > 1 else PALE
            ax.add_patch(Rectangle((part - 0.46, process - 0.42), 0.92, 0.84, facecolor=colour, edgecolor=GREY))
            ax.text(part, process, "+".join(letters), ha="center", va="center", fontsize=10)
        ax.set(xlim=(-0.6, count - 0.4), ylim=(count - 0.5, -0.5))
        ax.set_xticks(range(count), [f"part {part}" for part in range(count)])
        name_rows(ax, [f"process {name}" for name in names] if rounds == 0 else [""] * count)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.grid(False)
        ax.set_title("before" if rounds == 0 else f"after {rounds} round{'s' * (rounds > 1)}", fontsize=10)
        for process in range(count):  # all at once: each part that is sent was held before this round
            part, receiver = (process - rounds) % count, (process + 1) % count
            held[receiver][part] = "".join(sorted(held[receiver][part] + held[process][part]))
    figure.suptitle(f"After {count - 1} rounds of a ring each process holds one whole sum (green)", fontsize=11)
    return figure


def draw_processes(seconds, title):
    """Seconds of an epoch for each model, a bar a way to share the work.

    Args:
        seconds: model -> {way: seconds}, the same ways in each; the first is what the others are compared with.
        title: what the picture says.
    """
    ways = list(next(iter(seconds.values())))
    figure, axes = new_figure(1, len(seconds), width=8.2, height=0.4 * len(ways) + 1.3, squeeze=False)
    for number, (ax, (model, runs)) in enumerate(zip(axes[0], seconds.items(), strict=True)):
        values = np.array([runs[way] for way in ways])
        colours = [GREY] + [GREEN if value < values[0] else ORANGE for value in values[1:]]
        ax.barh(range(len(ways)), values, color=colours, height=0.6)
        name_rows(ax, ways if number == 0 else [""] * len(ways))
        for place, value in enumerate(values):
            speed = f", {values[0] / value:.2f} times as fast" if place else ""
            words = f"{value:.2f} s{speed}"
            ax.text(value + 0.02 * values.max(), place, words, va="center", fontsize=9, bbox=ON_WHITE)
        ax.set(xlim=(0, 2.1 * values.max()), xlabel="an epoch (s)")
        ax.set_title(f"{model} model", fontsize=10)
    figure.suptitle(title, fontsize=11)
    return figure


def draw_bill(memory, limit, hours, money, devices, title):
    """What a training run needs: memory of one device by part, against its size, and hours and price in words.

    Args:
        memory: part -> bytes.
        limit: bytes of one device.
        hours: of all devices together.
        money: for all of these hours, in dollars.
        devices: that share the hours.
        title: the settings, in words.
    """
    figure, ax = new_figure(width=8, height=2.7, margins=dict(left=0.04, right=0.97, bottom=0.47, top=0.78))
    left = 0.0
    for (name, size), colour in zip(memory.items(), (BLUE, SKY, GREEN, ORANGE, PINK), strict=False):
        ax.barh(0, size / 1e9, left=left, color=colour, height=0.5, label=f"{name} {size / 1e9:.2f} GB")
        left += size / 1e9
    ax.axvline(limit / 1e9, color=RED, linewidth=2)
    fits = "fits" if left * 1e9 <= limit else "does not fit"
    ax.text(limit / 1e9, 0.38, " size of the device", color=RED, va="bottom", ha="left", fontsize=9)
    ax.set(xlim=(0, 1.25 * max(left, limit / 1e9)), ylim=(-0.4, 0.6), xlabel=f"memory of one device (GB): {fits}")
    ax.set_yticks([])
    each = f" ({hours / devices:,.1f} on each of {devices})" if devices > 1 else ""
    ax.set_title(f"{title}\n{hours:,.1f} device hours{each}, {money:,.0f} dollars", loc="left", fontsize=10)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.5), ncols=2, frameon=False)
    return figure
