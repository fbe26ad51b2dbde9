"""Pictures of what a trained model did: its maps, and tests of the maps. Arrays and parameters in, a Figure out.

Weights are drawn as multiples of uniform, weight times number of tokens: 1 is what a token gets that is no more asked
than the others. Signed values are orange above 0, blue below, white at 0. A map is (tokens,), in reading order.
"""

import itertools

import numpy as np

from cct_helpers.figures import (
    BLUE,
    COLOURS,
    GREY,
    ORANGE,
    draw_image,
    draw_map,
    name_rows,
    new_figure,
    outline_token,
)  # fmt: skip

WEIGHT, VOTE = "weight, times uniform", "part of the logit"


def draw_filters(kernels, shares, rows):
    """Filters as small pictures on one scale, grey for 0, sorted by a share, the largest first.

    Args:
        kernels: (filters, height, width, 3).
        shares: (filters,), from 0 to 1; the range of each row is written beside it.
        rows: in how many rows; filters must be a multiple of it.
    """
    order = np.argsort(-np.asarray(shares), kind="stable").reshape(rows, -1)
    pictures = 0.5 + 0.5 * kernels / np.abs(kernels).max()
    side = 0.55
    figure, axes = new_figure(
        rows, 1, width=max(side * order.shape[1] + 1.6, 7), height=(side + 0.06) * rows + 0.7, squeeze=False
    )
    for ax, some in zip(axes[:, 0], order, strict=True):
        for place, number in enumerate(some):
            draw_image(ax, pictures[number], extent=(1.1 * place, 1.1 * place + 1, 0, 1))
        ax.set(xlim=(0, 1.1 * len(some) - 0.1), ylim=(0, 1))
        first, last = shares[some[0]], shares[some[-1]]
        ax.set_ylabel(f"grey part\n{first:.2f} to {last:.2f}", rotation=0, ha="right", va="center")
    figure.suptitle("From filters that ignore colour (top) to filters that ignore light (bottom)", fontsize=11)
    return figure


def draw_scales(maps, grid, high):
    """The same maps twice: above each on a scale of its own, without numbers, below all on one scale.

    Args:
        maps: title -> (tokens,) weights that sum to 1.
        grid: (rows, columns) of tokens.
        high: end of the common scale, in multiples of uniform.
    """
    size = dict(width=2.6 * len(maps) + 1, height=5, width_ratios=[1] * len(maps) + [0.06])
    figure, axes = new_figure(2, len(maps) + 1, **size)
    for (own, fixed), (title, weights) in zip(axes.T[:-1], maps.items(), strict=True):
        values = (weights * len(weights)).reshape(grid)
        draw_map(own, values, title)
        drawn = draw_map(fixed, values, title, low=0, high=high)
    axes[0, -1].set_axis_off()
    figure.colorbar(drawn, cax=axes[1, -1], label=WEIGHT)
    axes[0, 0].set_ylabel("scale of its own")
    axes[1, 0].set_ylabel("one scale for both")
    figure.suptitle("On a scale of its own, noise looks busy too", fontsize=12)
    return figure


def draw_rollout(mixing, pooling):
    """How rollout walks back from the pooled vector to the input tokens: the thicker a line, the larger its share.

    Args:
        mixing: (layers, tokens, tokens), rows sum to 1, the first layer first: what each token takes from which.
        pooling: (tokens,), sums to 1.
    """
    layers, tokens, _ = np.shape(mixing)
    figure, ax = new_figure(width=8, height=0.9 * tokens + 0.9)
    matrices = [*mixing, np.reshape(pooling, (1, tokens))]  # the pooled vector is a last layer with one token
    shares = [np.reshape(pooling, (1, tokens))]
    for matrix in mixing[::-1]:
        shares.insert(0, shares[0] @ matrix)
    middle = (tokens - 1) / 2
    for column, matrix in enumerate(matrices):
        at = 0.72 if column < layers else 0.5  # where on its line a number stands, away from the crossings
        for (to, start), share in np.ndenumerate(matrix):
            end = to if column < layers else middle
            ax.plot([column, column + 1], [start, end], color=ORANGE, linewidth=0.5 + 9 * share, zorder=1)
            look = dict(ha="center", va="center", fontsize=10, bbox=dict(facecolor="white", edgecolor="none", pad=1))
            ax.text(column + at, start + at * (end - start), f"{share:.2f}", zorder=3, **look)
    nodes = [(column, y, value) for column, share in enumerate(shares) for y, value in enumerate(share[0])]
    for column, y, value in [*nodes, (layers + 1, middle, 1)]:
        ax.plot(column, y, "o", color=BLUE, markersize=34, zorder=2)
        ax.text(column, y, f"{value:.2f}", ha="center", va="center", color="white", fontsize=10, zorder=4)
    names = ["input tokens", *[f"after layer {i}" for i in range(layers)], "pooled vector"]
    ax.set_xticks(range(layers + 2), names, fontsize=11)
    ax.set(xlim=(-0.35, layers + 1.35), ylim=(tokens - 0.6, -0.4), yticks=[])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title("Rollout: what part of the pooled vector comes from which input token", fontsize=11)
    return figure


def draw_votes(image, grid, weights, votes, token=None, message=None):
    """An image, maps of weights on one scale, and maps of signed votes on one scale.

    Args:
        image: (height, width, channels) uint8.
        grid: (rows, columns) of tokens.
        weights: title -> (tokens,) weights that sum to 1.
        votes: title -> (tokens,) parts of a logit, or of a difference of two.
        token: (row, column) of one to outline everywhere.
        message: what the picture says.
    """
    pictures = 1 + len(weights) + len(votes)
    figure, axes = new_figure(1, pictures, width=min(2.45 * pictures, 10), height=2.8)
    figure.suptitle(message, fontsize=12)
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


def draw_removal(images, probabilities, shares, class_name, message=None):
    """An image while its squares go, several orders below each other.

    Args:
        images: order -> (steps, height, width, channels), pixels from 0 to 255.
        probabilities: order -> (steps,), of the class, written above each image.
        shares: (steps,), how much is gone, 0 to 1.
        class_name: of the class.
        message: what the picture says.
    """
    size = dict(width=1.4 * len(shares), height=1.9 * len(images) + 0.3)
    figure, axes = new_figure(len(images), len(shares), **size, squeeze=False)
    figure.suptitle(message, fontsize=12)
    for row, (name, pictures) in zip(axes, images.items(), strict=True):
        for ax, picture, probability, share in zip(row, pictures, probabilities[name], shares, strict=True):
            draw_image(ax, np.clip(picture, 0, 255).astype("uint8"), f"{class_name}: {100 * probability:.0f} %")
            ax.set_xlabel(f"{100 * share:g} % hidden", fontsize=9)
        row[0].set_ylabel(name)
    return figure


def draw_deletion(curves, counts, over, controls=(), title=None):
    """How much further the probability of the class has fallen than in one order, while squares go in others.

    Args:
        curves: title -> order -> (points,), mean probabilities, the first with nothing removed.
        counts: (points,), how many squares are gone.
        over: the order that stands at 0.
        controls: orders that are no maps of the image; they are drawn in grey, without marks.
        title: what the picture says.
    """
    figure, axes = new_figure(1, len(curves), width=4.8 * len(curves), height=4.2, sharey=True, squeeze=False)
    gone = 100 * np.asarray(counts) / counts[-1]
    for ax, (panel, named) in zip(axes[0], curves.items(), strict=True):
        ax.axhline(0, color="black", linewidth=1.5, label=over, zorder=1)
        ax.axvline(12.5, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        looks = zip(COLOURS, itertools.cycle("osD^v"), strict=False)
        for name, curve in named.items():
            if name == over:
                continue
            look = (
                dict(color=GREY, linestyle="--")
                if name in controls
                else dict(zip(("color", "marker"), next(looks), strict=True))
            )
            further = 100 * (np.asarray(named[over]) - curve)
            ax.plot(gone, further, label=name, linewidth=1.7, markersize=5, **look)
        ax.set(title=panel, xlabel="squares hidden (%); dotted: one eighth")
    axes[0, 0].set_ylabel(f"fallen further than by {over} (points)")
    figure.suptitle(title, fontsize=11)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    return figure


def draw_intervals(intervals, label, title=None):
    """Means with their intervals, one row a name, around a line at 0.

    Args:
        intervals: title -> name -> (mean, low, high).
        label: what was measured, and what 0 means.
        title: what the picture says.
    """
    names = list(dict.fromkeys(name for named in intervals.values() for name in named))
    figure, ax = new_figure(width=7.5, height=0.45 * len(names) + 1.4)
    for i, (series, named) in enumerate(intervals.items()):
        means, lows, highs = np.array([named[name] for name in names]).T
        places = np.arange(len(names)) + 0.24 * (i - (len(intervals) - 1) / 2)
        look = dict(color=COLOURS[i], marker="osD^"[i], linestyle="", capsize=3)
        ax.errorbar(means, places, xerr=[means - lows, highs - means], label=series, **look)
    ax.axvline(0, color="black", linewidth=1, zorder=1)
    name_rows(ax, names)
    ax.set(xlabel=label, title=title)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def draw_shuffled(trained, shuffled, grid, signed=(), message=None):
    """Maps of a model above those of a model with shuffled weights, each pair on one scale.

    Args:
        trained: name -> (tokens,).
        shuffled: the same names -> (tokens,).
        grid: (rows, columns) of tokens.
        signed: names of the maps with values above and below 0.
        message: what the picture says.
    """
    figure, axes = new_figure(2, len(trained), width=2.1 * len(trained) + 0.8, height=4.8, squeeze=False)
    for pair, name in zip(axes.T, trained, strict=True):
        high = max(np.abs(trained[name]).max(), np.abs(shuffled[name]).max())
        scale = dict(high=high, signed=True) if name in signed else dict(low=0, high=high)
        for ax, values, title in zip(pair, (trained[name], shuffled[name]), (name, None), strict=True):
            draw_map(ax, np.reshape(values, grid), title, **scale)
    axes[0, 0].set_ylabel("trained")
    axes[1, 0].set_ylabel("weights shuffled")
    figure.supxlabel("above and below share a scale", fontsize=10)
    figure.suptitle(message, fontsize=12)
    return figure


def draw_calibration(confidences, shares, counts, title):
    """How often a model is right where it is so sure; on the diagonal the two agree.

    Args:
        confidences: (bins,), mean confidence, 0 to 1.
        shares: (bins,), how many of the answers are right, 0 to 1.
        counts: (bins,), answers, written beside the dots.
        title: what the picture says.
    """
    figure, ax = new_figure(width=6.6, height=4.2)
    ax.plot([0, 100], [0, 100], color=GREY, linestyle="--", linewidth=1.2, label="as often right as it is sure")
    ax.plot(100 * np.asarray(confidences), 100 * np.asarray(shares), "o-", color=BLUE, label="this model")
    for x, y, count in zip(confidences, shares, counts, strict=True):
        place = dict(xytext=(-7, 5), textcoords="offset points", ha="right")  # between line and diagonal is no room
        ax.annotate(f"{count:,}", (100 * x, 100 * y), **place, fontsize=9)
    ax.set(xlabel="mean confidence of the answers (%); beside the dots: how many answers", ylabel="right (%)")
    ax.set(xlim=(0, 109), ylim=(0, 109), title=title)
    ax.legend(loc="upper left", frameon=False)
    return figure
