"""Pictures of what a trained model did: its maps, and tests of the maps. Arrays and parameters in, a Figure out.

Weights are drawn as multiples of uniform, weight times number of tokens: 1 is what a token gets that is no more asked
than the others. Signed values are orange above 0, blue below, white at 0. A map is (tokens,), in reading order.
"""

import itertools

import numpy as np

from cct_helpers.figures import COLOURS, GREY, draw_image, draw_map, draw_overlay, name_rows, new_figure, outline_token

WEIGHT, VOTE = "weight, times uniform", "part of the logit"


def draw_scales(maps, grid, high):
    """The same maps twice: above each on a scale of its own, below all on one scale.

    Args:
        maps: title -> (tokens,) weights that sum to 1.
        grid: (rows, columns) of tokens.
        high: end of the common scale, in multiples of uniform.
    """
    figure, axes = new_figure(2, len(maps), width=3 * len(maps), height=5.6, squeeze=False)
    for (own, fixed), (title, weights) in zip(axes.T, maps.items(), strict=True):
        values = (weights * len(weights)).reshape(grid)
        draw_map(own, values, title, label=WEIGHT)
        draw_map(fixed, values, f"the same, up to {values.max():.2f}", low=0, high=high, label=WEIGHT)
    axes[0, 0].set_ylabel("scale of its own")
    axes[1, 0].set_ylabel("one scale for all")
    return figure


def draw_votes(image, grid, weights, votes, token=None):
    """An image, maps of weights on one scale, and maps of signed votes on one scale.

    Args:
        image: (height, width, channels) uint8.
        grid: (rows, columns) of tokens.
        weights: title -> (tokens,) weights that sum to 1.
        votes: title -> (tokens,) parts of a logit, or of a difference of two.
        token: (row, column) of one to outline everywhere.
    """
    pictures = 1 + len(weights) + len(votes)
    figure, axes = new_figure(1, pictures, width=min(2.45 * pictures, 10), height=2.5)
    figure.get_layout_engine().set(wspace=0.06)  # between a bar of colours and the next picture
    draw_image(axes[0], image, "image")
    below, beyond = axes[1 : 1 + len(weights)], axes[1 + len(weights) :]
    times = {title: len(values) * values for title, values in weights.items()}
    for places, maps, scale in ((below, times, dict(low=0)), (beyond, votes, dict(signed=True))):
        high = max((np.abs(values).max() for values in maps.values()), default=1)
        for ax, (title, values) in zip(places, maps.items(), strict=True):
            drawn = draw_map(ax, np.reshape(values, grid), title, high=high, **scale)
        if maps:
            figure.colorbar(drawn, ax=places, label=VOTE if "signed" in scale else WEIGHT, shrink=0.8)
    if token is not None:
        outline_token(axes[0], token, grid, *np.shape(image)[:2])
        for ax in axes[1:]:
            outline_token(ax, token, grid, *grid)
    return figure


def draw_removal(images, probabilities, shares, class_name):
    """An image while its squares go, several orders below each other.

    Args:
        images: order -> (steps, height, width, channels).
        probabilities: order -> (steps,), of the class, written above each image.
        shares: (steps,), how much is gone, 0 to 1.
        class_name: of the class.
    """
    figure, axes = new_figure(
        len(images), len(shares), width=1.4 * len(shares), height=1.9 * len(images), squeeze=False
    )
    for row, (name, pictures) in zip(axes, images.items(), strict=True):
        for ax, picture, probability, share in zip(row, pictures, probabilities[name], shares, strict=True):
            draw_image(ax, np.clip(picture, 0, 255).astype("uint8"), f"{class_name}: {100 * probability:.0f} %")
            ax.set_xlabel(f"{100 * share:.0f} % removed", fontsize=9)
        row[0].set_ylabel(name)
    return figure


def draw_deletion(curves, label, controls=()):
    """Mean probability of the model's class while squares go, in several orders.

    Args:
        curves: title -> order -> (points,), the first with nothing removed, the last with everything; shares.
        label: of the vertical axis.
        controls: orders that are no maps of the image; they are drawn in black and grey, without marks.
    """
    figure, axes = new_figure(1, len(curves), width=4.6 * len(curves), height=4.1, sharey=True, squeeze=False)
    for ax, (title, named) in zip(axes[0], curves.items(), strict=True):
        looks = dict(zip(controls, (("black", "--"), (GREY, ":"), (GREY, "-."), (GREY, "-")), strict=False))
        maps = zip(COLOURS, itertools.cycle("osD^v"), strict=False)
        for name, curve in named.items():
            if name in looks:
                look = dict(zip(("color", "linestyle"), looks[name], strict=True), zorder=1)
            else:
                look = dict(zip(("color", "marker"), next(maps), strict=True), markersize=5)
            ax.plot(np.linspace(0, 100, len(curve)), 100 * np.asarray(curve), label=name, linewidth=1.5, **look)
        ax.set(title=title, xlabel="squares removed (%)", ylim=(0, None))
    axes[0, 0].set_ylabel(label)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def draw_intervals(intervals, label, zero):
    """Means with their intervals, one row a name.

    Args:
        intervals: title -> name -> (mean, low, high).
        label: what was measured.
        zero: what 0 means, in words.
    """
    names = list(dict.fromkeys(name for named in intervals.values() for name in named))
    figure, ax = new_figure(width=7.5, height=0.45 * len(names) + 1.4)
    for i, (title, named) in enumerate(intervals.items()):
        means, lows, highs = np.array([named[name] for name in names]).T
        places = np.arange(len(names)) + 0.24 * (i - (len(intervals) - 1) / 2)
        look = dict(color=COLOURS[i], marker="osD^"[i], linestyle="", capsize=3)
        ax.errorbar(means, places, xerr=[means - lows, highs - means], label=title, **look)
    ax.axvline(0, color="black", linewidth=1, zorder=1)
    name_rows(ax, names)
    ax.set(xlabel=f"{label}\n(0: {zero})")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def draw_one_map(image, values, grid, title, *, high, signed=False, token=None):
    """One map over the image and alone, for sliders.

    Args:
        image: (height, width, channels) uint8.
        values: (tokens,), weights in multiples of uniform, or votes.
        grid: (rows, columns) of tokens.
        title: which map it is; the smallest and the largest value are written below.
        high: end of the scale.
        signed: values above and below 0; they are not laid over the image.
        token: (row, column) of one to outline.
    """
    margins = dict(left=0.02, right=0.91, bottom=0.03, top=0.82, wspace=0.08)
    figure, (over, alone, bar) = new_figure(1, 3, width=8, height=4, margins=margins, width_ratios=[1, 1, 0.05])
    if signed:
        draw_image(over, image)
    else:
        draw_overlay(over, image, values, grid, high=high)
    drawn = draw_map(alone, np.reshape(values, grid), low=0, high=high, signed=signed)
    if token is not None:
        outline_token(over, token, grid, *np.shape(image)[:2])
        outline_token(alone, token, grid, *grid)
    figure.colorbar(drawn, cax=bar, label=VOTE if signed else WEIGHT, extend="both" if signed else "max")
    figure.suptitle(f"{title}\nsmallest {values.min():.2f}, largest {values.max():.2f}", fontsize=11)
    return figure
