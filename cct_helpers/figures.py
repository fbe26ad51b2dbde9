"""Pictures that several notebooks use: arrays in, a Matplotlib Figure out. No model is known here.

Colours are Okabe and Ito's, which colour-blind readers can tell apart (https://jfly.uni-koeln.de/color/).
Figures have a white ground of their own, so that they read the same in a light and in a dark theme.
"""

import io

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#666666",
)  # fmt: skip
COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, GREY)
STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.prop_cycle": f"cycler('color', {list(COLOURS)})",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "image.cmap": "cividis",
    "image.interpolation": "nearest",
    "lines.linewidth": 2,
}


def new_figure(rows=1, columns=1, *, width=8.0, height=3.0, margins=None, **subplots):
    """A Figure in the course's style and its axes, an array of (rows, columns) or one Axes.

    Args:
        rows, columns: how many axes below and beside each other.
        width, height: of the whole figure, in inches.
        margins: for pictures that move, the arguments of `Figure.subplots_adjust`. Without them the places of the axes
            are worked out from the texts, which would cost half of a redraw.
        **subplots: passed on to `Figure.subplots`.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout=None if margins else "constrained")
        if margins:
            figure.subplots_adjust(**margins)
        return figure, figure.subplots(rows, columns, **subplots)


def to_png(figure, dpi=90):
    """The Figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})  # 3 % larger, in half the time
    return buffer.getvalue()


def draw_message(text, width=8.0, height=1.5):
    """A Figure that says something in words where a picture is not possible."""
    figure, axes = new_figure(width=width, height=height)
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", wrap=True, fontsize=12, color=GREY, transform=axes.transAxes)
    return figure


def draw_image(axes, image, title=None, extent=None):
    """Draw one image in `axes`, without ticks.

    Args:
        axes: where to draw.
        image: (height, width, channels) or (height, width), uint8 or floats from 0 to 1.
        title: a text above it.
        extent: (left, right, bottom, top), where it shall lie; by default every pixel is one unit wide.
    """
    image = np.asarray(image)
    grey = image.ndim == 2 or image.shape[-1] == 1
    top = 255 if image.dtype == np.uint8 else 1
    look = dict(cmap="gray" if grey else None, vmin=0, vmax=top, extent=extent)
    axes.imshow(image.reshape(image.shape[:2]) if grey else image, **look)
    axes.set_xticks([])
    axes.set_yticks([])
    if title is not None:
        axes.set_title(title)


def draw_images(images, titles=None, columns=8, side=1.2):
    """Images, (n, height, width, channels), in reading order, `columns` a row; `titles` has one text for each."""
    rows = -(-len(images) // columns)
    titled = 0.3 if titles is not None else 0
    figure, axes = new_figure(rows, columns, width=side * columns, height=(side + titled) * rows, squeeze=False)
    for i, ax in enumerate(axes.flat):
        if i < len(images):
            draw_image(ax, images[i], titles[i] if titles is not None else None)
        else:
            ax.set_axis_off()
    return figure


def draw_grid(axes, grid, height, width, colour="white"):
    """Lines over an image of height x width pixels that cut it into grid = (rows, columns) equal parts."""
    for row in range(1, grid[0]):
        axes.axhline(row * height / grid[0] - 0.5, color=colour, linewidth=1)
    for column in range(1, grid[1]):
        axes.axvline(column * width / grid[1] - 0.5, color=colour, linewidth=1)


def draw_heatmap(axes, values, title=None, low=None, high=None, label=None):
    """Draw an array of (rows, columns) as colours, with a bar that names the values; returns the drawn image."""
    drawn = axes.imshow(values, vmin=low, vmax=high, cmap="cividis")
    axes.figure.colorbar(drawn, ax=axes, label=label, shrink=0.8)
    axes.set_xticks([])
    axes.set_yticks([])
    if title is not None:
        axes.set_title(title)
    return drawn


def draw_overlay(axes, image, weights, grid, title=None, high=None):
    """Draw weights, (tokens,), as a transparent orange veil over an image: the more weight, the more orange.

    The picture stays visible everywhere; a token with weight `high` (the largest by default) shows the full colour.
    """
    draw_image(axes, image, title)
    height, width = np.shape(image)[:2]
    share = np.reshape(weights, grid) / (high or np.max(weights))
    veil = np.zeros((*grid, 4))
    veil[..., :3] = np.array([int(ORANGE[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    veil[..., 3] = 0.75 * np.clip(share, 0, 1)
    axes.imshow(veil, extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="nearest")


def draw_curves(x, curves, x_label, y_label, title=None, width=6.0, height=3.2):
    """Lines over a common x: `curves` maps a name to an array, or to (means, spreads) drawn with a band."""
    figure, axes = new_figure(width=width, height=height)
    for name, values in curves.items():
        mean, spread = values if isinstance(values, tuple) else (values, None)
        (line,) = axes.plot(x, mean, label=name)
        if spread is not None:
            low, high = np.subtract(mean, spread), np.add(mean, spread)
            axes.fill_between(x, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(xlabel=x_label, ylabel=y_label)
    if title:
        axes.set_title(title)
    if len(curves) > 1:
        axes.legend(frameon=False)
    return figure


def draw_errors(images, guesses, truths, confidences, columns=6):
    """Pictures that a model got wrong, with its guess, how sure it was, and the true class.

    Args:
        images: (n, height, width, channels) uint8.
        guesses, truths: n names of classes.
        confidences: (n,), 0 to 1.
        columns: how many beside each other.
    """
    rows = max(-(-len(images) // columns), 1)
    figure, axes = new_figure(rows, columns, width=1.5 * columns, height=2.1 * rows, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, guess, truth, confidence in zip(axes.flat, images, guesses, truths, confidences, strict=False):
        draw_image(ax, image)
        ax.set_title(f"says {guess}, {100 * confidence:.0f} %\nis {truth}", fontsize=9)
    return figure


def draw_scores(scores, x_label, width=7.0, height=2.6):
    """One row of dots for each name, a dot a seed, and their mean as a bar: `scores` maps names to arrays (seeds,)."""
    figure, ax = new_figure(width=width, height=height)
    for row, values in enumerate(scores.values()):
        ax.plot(values, np.full(len(values), row), "o", color=COLOURS[row % len(COLOURS)], markersize=7)
        ax.plot([np.mean(values)] * 2, [row - 0.25, row + 0.25], color=GREY, linewidth=2)
    ax.set_yticks(range(len(scores)), scores)
    ax.set(xlabel=x_label, ylim=(len(scores) - 0.5, -0.5))
    ax.grid(axis="x", color="#DDDDDD", linewidth=0.8)
    ax.set_axisbelow(True)
    return figure


def draw_predictions(images, probabilities, class_names, titles=None, top=3):
    """Images with a bar for each of their most probable classes.

    Args:
        images: (n, height, width, channels).
        probabilities: (n, classes).
        class_names: a name for each class.
        titles: n texts.
        top: how many classes.
    """
    figure, axes = new_figure(2, len(images), width=2.3 * len(images), height=3.9, squeeze=False)
    for i, (photo, bars) in enumerate(axes.T):
        draw_image(photo, images[i], titles[i] if titles is not None else None)
        best = np.argsort(-probabilities[i], kind="stable")[:top]
        percent = 100 * probabilities[i][best]
        bars.barh(range(top), percent, color=[ORANGE] + [GREY] * (top - 1))
        for place, value in enumerate(percent):
            inside = value > 60
            look = dict(ha="right", color="black" if place == 0 else "white") if inside else dict(ha="left")
            bars.text(value + (-3 if inside else 3), place, f"{value:.0f} %", va="center", fontsize=9, **look)
        bars.set_yticks(range(top), [class_names[label] for label in best])
        bars.set(xlim=(0, 100), ylim=(top - 0.4, -0.6), xlabel="probability (%)")
    return figure


def without_colour(image):
    """(height, width, channels) uint8 -> (height, width, 1), so that an orange veil stands out on an orange cat."""
    return np.mean(image, axis=-1, keepdims=True).astype("uint8")
