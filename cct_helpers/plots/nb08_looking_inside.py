"""Pictures of what a trained model did: its answers, its maps, its filters, and tests of the maps.

Arrays and parameters in, a Figure out. Weights are drawn as multiples of uniform, weight times number of tokens: 1 is
what a token gets that is no more asked than the others. Signed values are orange above 0, blue below, white at 0.
"""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from cct_helpers.figures import BLUE, COLOURS, GREY, ORANGE, draw_image, draw_overlay, new_figure, without_colour

AGAINST_FOR = LinearSegmentedColormap.from_list("against_for", [BLUE, "white", ORANGE])
TIMES_UNIFORM = "weight, times uniform"


def outline(axes, token, grid, height, width):
    """Outline a token's square on a picture of height x width units, in white on black, which shows on any colour."""
    tall, wide = height / grid[0], width / grid[1]
    corner = token % grid[1] * wide - 0.5, token // grid[1] * tall - 0.5
    for colour, line in (("black", 4), ("white", 1.8)):
        axes.add_patch(Rectangle(corner, wide, tall, fill=False, edgecolor=colour, linewidth=line))


def draw_map(axes, values, grid, title, *, low=0, high=None, signed=False, token=None):
    """One map, (tokens,), without a colour bar; returns what was drawn. Signed: the limits are -high and high."""
    high = high or max(np.abs(values).max(), 1e-12)
    look = dict(vmin=-high, vmax=high, cmap=AGAINST_FOR) if signed else dict(vmin=low, vmax=high, cmap="cividis")
    drawn = axes.imshow(np.reshape(values, grid), **look)
    axes.set(title=title, xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(True)
    if token is not None:
        outline(axes, token, grid, *grid)
    return drawn


def draw_heads(image, rows, grid, token, high):
    """What one token reads from, in every layer and head, all on one scale.

    rows: (layers, heads, tokens), each row sums to 1. high: the weight, in multiples of uniform, that gets the full
    colour. Each title says the largest weight, so that what lies above the scale is not lost.
    """
    layers, heads, tokens = rows.shape
    figure, axes = new_figure(layers, heads + 1, width=2.8 * (heads + 1), height=2.7 * layers, squeeze=False)
    for layer in range(layers):
        draw_image(axes[layer, 0], image, "the token that reads" if layer == 0 else None)
        outline(axes[layer, 0], token, grid, *np.shape(image)[:2])
        for head in range(heads):
            values = rows[layer, head] * tokens
            title = f"layer {layer}, head {head}\nup to {values.max():.1f}"
            drawn = draw_map(axes[layer, head + 1], values, grid, title, high=high, token=token)
    figure.colorbar(drawn, ax=axes, label=TIMES_UNIFORM, shrink=0.7, extend="max")
    return figure


def draw_scales(maps, grid, high):
    """The same maps twice: above each on a scale of its own, below all on one scale from 0 to `high`.

    maps: title -> (tokens,) weights that sum to 1.
    """
    figure, axes = new_figure(2, len(maps), width=3 * len(maps), height=5.6, squeeze=False)
    for (own, fixed), (title, weights) in zip(axes.T, maps.items(), strict=True):
        values = weights * len(weights)
        drawn = draw_map(own, values, grid, title, low=values.min())
        figure.colorbar(drawn, ax=own, label=TIMES_UNIFORM, shrink=0.8)
        drawn = draw_map(fixed, values, grid, f"the same, up to {values.max():.2f}", high=high)
        figure.colorbar(drawn, ax=fixed, label=TIMES_UNIFORM, shrink=0.8)
    axes[0, 0].set_ylabel("scale of its own")
    axes[1, 0].set_ylabel("one scale for all")
    return figure


def draw_votes(image, grid, weights, votes, token=None):
    """An image, maps of weights, each on its own scale, and maps of signed votes, all on one scale.

    weights: title -> (tokens,) weights that sum to 1. votes: title -> (tokens,) parts of a logit, or of a difference of
    two. token: one to outline everywhere.
    """
    pictures = 1 + len(weights) + len(votes)
    figure, axes = new_figure(1, pictures, width=3 * pictures, height=2.7)
    figure.get_layout_engine().set(wspace=0.06)  # between a colour bar and the next picture
    draw_image(axes[0], image, "image")
    if token is not None:
        outline(axes[0], token, grid, *np.shape(image)[:2])
    for ax, (title, values) in zip(axes[1:], weights.items(), strict=False):
        drawn = draw_map(ax, values * len(values), grid, title, token=token)
        figure.colorbar(drawn, ax=ax, label=TIMES_UNIFORM, shrink=0.75)
    high = max(np.abs(values).max() for values in votes.values())
    for ax, (title, values) in zip(axes[1 + len(weights) :], votes.items(), strict=True):
        drawn = draw_map(ax, values, grid, title, high=high, signed=True, token=token)
    figure.colorbar(drawn, ax=axes[1 + len(weights) :], label="part of the logit", shrink=0.75)
    return figure


def draw_filters(kernels, columns=16, title=None):
    """First-layer filters as small pictures, (n, height, width, 3), in this order. One scale for all: grey is 0."""
    rows = -(-len(kernels) // columns)
    figure, axes = new_figure(
        rows, columns, width=0.55 * columns, height=0.55 * rows + (0.3 if title else 0), squeeze=False
    )
    pictures = 0.5 + 0.5 * kernels / np.abs(kernels).max()
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, picture in zip(axes.flat, pictures, strict=False):
        ax.imshow(picture, vmin=0, vmax=1)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def draw_removal(images, probabilities, shares, class_name):
    """An image while its squares go, several orders below each other, with the probability of a class above each.

    images: order -> (steps, height, width, channels). probabilities: order -> (steps,). shares: (steps,), 0 to 1.
    """
    figure, axes = new_figure(
        len(images), len(shares), width=1.6 * len(shares), height=2.1 * len(images), squeeze=False
    )
    for row, (name, pictures) in zip(axes, images.items(), strict=True):
        for ax, picture, probability, share in zip(row, pictures, probabilities[name], shares, strict=True):
            draw_image(ax, np.clip(picture, 0, 255).astype("uint8"), f'"{class_name}" {100 * probability:.0f} %')
            ax.set_xlabel(f"{100 * share:.0f} % removed")
        row[0].set_ylabel(name)
    return figure


def draw_deletion(curves, label):
    """Mean probability of the model's class while squares go, in several orders: title -> name -> (points,)."""
    figure, axes = new_figure(1, len(curves), width=4.6 * len(curves), height=3.9, sharey=True, squeeze=False)
    for ax, (title, named) in zip(axes[0], curves.items(), strict=True):
        for i, (name, curve) in enumerate(named.items()):
            look = dict(color="black", linestyle="--") if name == "random" else dict(color=COLOURS[i % 8])
            mark = dict(marker="osD^vPX*"[i % 8], markersize=5, linewidth=1.5)
            ax.plot(np.linspace(0, 100, len(curve)), 100 * np.asarray(curve), label=name, **look, **mark)
        ax.set(title=title, xlabel="squares removed (%)", ylim=(0, None))
    axes[0, 0].set_ylabel(label)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def draw_intervals(intervals, label, zero):
    """Means with their intervals, one row a name: title -> name -> (mean, low, high). zero: what 0 means, in words."""
    names = list(dict.fromkeys(name for named in intervals.values() for name in named))
    figure, ax = new_figure(width=7.5, height=0.45 * len(names) + 1.4)
    for i, (title, named) in enumerate(intervals.items()):
        means, lows, highs = np.array([named[name] for name in names]).T
        places = np.arange(len(names)) + 0.24 * (i - (len(intervals) - 1) / 2)
        look = dict(color=COLOURS[i], marker="osD^"[i], linestyle="", capsize=3)
        ax.errorbar(means, places, xerr=[means - lows, highs - means], label=title, **look)
    ax.axvline(0, color=GREY, linewidth=1, linestyle=":")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel=f"{label}\n(0: {zero})", ylim=(len(names) - 0.5, -0.5))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_one_map(image, values, grid, title, *, high, signed=False, token=None):
    """One map over the image and alone, for sliders: values (tokens,) on a scale up to `high`, numbers in the title."""
    margins = dict(left=0.02, right=0.91, bottom=0.03, top=0.82, wspace=0.08)
    figure, (over, alone, bar) = new_figure(1, 3, width=8, height=4, margins=margins, width_ratios=[1, 1, 0.05])
    if signed:
        draw_image(over, image)
    else:
        draw_overlay(over, without_colour(image), values, grid, high=high)
    if token is not None:
        outline(over, token, grid, *np.shape(image)[:2])
    drawn = draw_map(alone, values, grid, None, high=high, signed=signed, token=token)
    label = "part of the logit" if signed else TIMES_UNIFORM
    figure.colorbar(drawn, cax=bar, label=label, extend="both" if signed else "max")
    figure.suptitle(f"{title}\nsmallest {values.min():.2f}, largest {values.max():.2f}", fontsize=11)
    return figure
