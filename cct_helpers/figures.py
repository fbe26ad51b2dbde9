"""Pictures that several notebooks use: arrays in, a Matplotlib Figure out. No model is known here.

The same thing looks the same everywhere: a small dot is one run (a seed), a large pale one the mean of the runs; an
orange veil over a photo is weight; the box around a token is blue. A token is (row, column), a grid (rows, columns).

Colours are Okabe and Ito's, which colour-blind readers can tell apart (https://jfly.uni-koeln.de/color/).
Figures have a white ground of their own, so that they read the same in a light and in a dark theme.
"""

import io
import itertools

import numpy as np
from matplotlib import rc_context
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from PIL import Image

BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#666666",
)  # fmt: skip
COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, GREY)
PALE = "#E8E8E8"  # bands, and what is left out
AGAINST_FOR = LinearSegmentedColormap.from_list("against_for", [BLUE, "white", ORANGE])
MISTAKES = LinearSegmentedColormap.from_list("mistakes", ["white", ORANGE]).with_extremes(bad=PALE, over=RED)
SEEDS = "small: one seed, large: the mean"  # belongs to every label of an axis with `draw_seeds`
STYLE = {  # what Matplotlib reads when it makes the axes, and when it saves
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.prop_cycle": f"cycler('color', {list(COLOURS)})",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}


def new_figure(rows=1, columns=1, *, width=8.0, height=3.0, margins=None, **subplots):
    """A Figure in the course's style, and its axes.

    Args:
        rows, columns: how many axes.
        width, height: of the Figure, in inches. Up to 10 inches no page shows it smaller than it is.
        margins: for pictures that move, the arguments of `Figure.subplots_adjust`. Without them the places of the axes
            are worked out from the texts, which would cost half of a redraw.
        **subplots: as for `Figure.subplots`.

    Returns:
        The Figure, and an array of Axes (rows, columns), or the one Axes.
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
    """A Figure of width x height inches that says something in words where a picture is not possible."""
    figure, axes = new_figure(width=width, height=height)
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", wrap=True, fontsize=12, color=GREY, transform=axes.transAxes)
    return figure


def reduce_colours(png, colours=256):
    """A PNG file with so many colours at most, about a third as long: for pictures that are stored.

    Args:
        png: the bytes of the file, without transparent parts.
        colours: up to 256.

    Returns:
        The bytes of another PNG file. Its colours are those that come nearest; nothing is dithered.
    """
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    picture.save(buffer, "png", optimize=True)
    return buffer.getvalue()


def draw_arrow(axes, start, end, zorder=3, **look):
    """An arrow from the point `start` to the point `end`, (x, y) in the units of the axes.

    Args:
        axes: to draw in.
        start: where it begins.
        end: where its head is.
        zorder: as Matplotlib's.
        **look: what differs from a full grey head and a thin line: properties of Matplotlib's FancyArrowPatch.
    """
    axes.annotate("", end, start, arrowprops=dict(arrowstyle="-|>", color=GREY) | look, zorder=zorder)


def draw_box(axes, x, y, width, height, text, *, ink="black", fontsize=10, linespacing=None, **look):
    """A box with round corners and its middle at (x, y), in the units of the axes, and a text in it.

    Args:
        axes: to draw in.
        x, y: the middle.
        width, height: of the box, before `boxstyle` pads it.
        text: in the middle of the box.
        ink, fontsize, linespacing: of the text; None for the linespacing of Matplotlib.
        **look: properties of Matplotlib's FancyBboxPatch.
    """
    axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, **look))
    axes.text(x, y, text, color=ink, ha="center", va="center", fontsize=fontsize, linespacing=linespacing, zorder=4)


# Images


def draw_image(axes, image, title=None, extent=None):
    """Draw one image without ticks and lines around it.

    Args:
        axes: where.
        image: (height, width) or (height, width, channels), uint8 or floats from 0 to 1.
        title: of the axes.
        extent: (left, right, bottom, top), where it shall lie; by default every pixel is one unit wide.
    """
    image = np.asarray(image)
    grey = image.ndim == 2 or image.shape[-1] == 1
    top = 255 if image.dtype == np.uint8 else 1
    look = dict(cmap="gray" if grey else None, vmin=0, vmax=top, extent=extent)
    axes.imshow(image.reshape(image.shape[:2]) if grey else image, **look)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if title is not None:
        axes.set_title(title)


def draw_images(images, titles=None, columns=8, side=1.2):
    """Images in reading order.

    Args:
        images: (n, height, width, channels).
        titles: n texts.
        columns: images a row.
        side: of an image, in inches.
    """
    rows = -(-len(images) // columns)
    titled = 0.3 if titles is not None else 0
    figure, axes = new_figure(rows, columns, width=side * columns, height=(side + titled) * rows, squeeze=False)
    for i, ax in enumerate(axes.flat):
        if i < len(images):
            draw_image(ax, images[i], titles[i] if titles is not None else None)
        else:
            ax.set_axis_off()
    return figure


def draw_gallery(rows, title=None):
    """Rows of images below each other, to be compared column by column.

    Args:
        rows: name -> images (n, height, width, channels), the same n and size in each.
        title: of the Figure.

    Raises:
        ValueError: for rows of different shapes.
    """
    shapes = {np.shape(images) for images in rows.values()}
    if len(shapes) != 1:
        raise ValueError(f"every row needs as many images of the same size, got {sorted(shapes)}")
    n, height, width, _ = shapes.pop()
    tall = height / width  # every image is one unit wide
    inches = dict(width=0.84 * n + 1.6, height=0.84 * tall * len(rows) + (0.45 if title else 0.05))
    top = 1 - (0.32 if title else 0.02) / inches["height"]
    bottom = (0.12 if title else 0.02) / inches["height"]
    margins = dict(left=1.6 / inches["width"], right=0.995, bottom=bottom, top=top, hspace=0.06)
    figure, axes = new_figure(len(rows), 1, **inches, margins=margins, squeeze=False)
    for ax, (name, images) in zip(axes[:, 0], rows.items(), strict=True):
        for place, image in enumerate(images):
            draw_image(ax, image, extent=(1.06 * place, 1.06 * place + 1, 0, tall))
        ax.set(xlim=(0, 1.06 * n - 0.06), ylim=(0, tall))
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


# Tokens and their weights, on an image or alone


def outline(axes, top, left, height, width, colour=BLUE, line="-", label=None):
    """Outline a box of pixels, the first at row `top` and column `left`, in colour on white, which shows everywhere."""
    look = dict(xy=(left - 0.5, top - 0.5), width=width, height=height, fill=False)
    axes.add_patch(Rectangle(**look, edgecolor="white", linewidth=4.5))
    axes.add_patch(Rectangle(**look, edgecolor=colour, linewidth=2.5, linestyle=line, label=label))


def check_token(token, grid):
    """Raise ValueError unless token = (row, column) lies on the grid = (rows, columns)."""
    (row, column), (rows, columns) = token, grid
    if not (0 <= row < rows and 0 <= column < columns):
        raise ValueError(
            f"There is no token ({row}, {column}) on a grid of {rows} x {columns}: rows and columns count from 0."
        )


def outline_token(axes, token, grid, height, width, colour=BLUE):
    """Outline the part of a picture that a token stands for.

    Args:
        axes: the picture, of height x width pixels.
        token: (row, column) on the grid.
        grid: (rows, columns) of tokens.
        height, width: of the picture, in pixels.
        colour: of the line.

    Raises:
        ValueError: for a token outside the grid.
    """
    check_token(token, grid)
    tall, wide = height / grid[0], width / grid[1]
    outline(axes, token[0] * tall, token[1] * wide, tall, wide, colour)


def fade(image):
    """Grey and nearer to white, so that a veil of colour shows alike on dark, bright and orange pixels.

    (height, width, channels) -> (height, width), of the same type.
    """
    image = np.asarray(image)
    white = 255 if image.dtype == np.uint8 else 1
    return (0.45 * image.mean(axis=-1) + 0.55 * white).astype(image.dtype)


def draw_overlay(axes, image, weights, grid, title=None, high=None):
    """Draw weights as an orange veil over a faded image: the more weight, the more orange.

    Args:
        axes: where.
        image: (height, width, channels).
        weights: (tokens,), in reading order.
        grid: (rows, columns) of tokens.
        title: of the axes.
        high: the weight that gets the full colour; the largest by default.
    """
    draw_image(axes, fade(image), title)
    height, width = np.shape(image)[:2]
    veil = np.zeros((*grid, 4))
    veil[..., :3] = to_rgb(ORANGE)
    veil[..., 3] = 0.85 * np.clip(np.reshape(weights, grid) / (high or np.max(weights)), 0, 1)
    axes.imshow(veil, extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="nearest")


def draw_heads(image, rows, grid, token, high):
    """What one token reads from in every layer and head, as veils on one scale.

    Args:
        image: (height, width, channels) uint8.
        rows: (layers, heads, tokens), the attention weights of the token; each row sums to 1.
        grid: (rows, columns) of tokens.
        token: (row, column) of the token, which is outlined.
        high: the weight, in multiples of uniform, that gets the full orange. The titles say the largest weights, so
            that what lies above the scale is not lost.
    """
    layers, heads, tokens = rows.shape
    size = dict(width=2.6 * (heads + 1), height=2.65 * layers + 0.3)
    figure, axes = new_figure(layers, heads + 1, **size, squeeze=False)
    for layer in range(layers):
        draw_image(axes[layer, 0], image, "the token that reads" if layer == 0 else None)
        for head in range(heads):
            values = tokens * rows[layer, head]
            title = f"layer {layer}, head {head}: up to {values.max():.1f}"
            draw_overlay(axes[layer, head + 1], image, values, grid, title, high)
        for ax in axes[layer]:
            outline_token(ax, token, grid, *np.shape(image)[:2])
    figure.supxlabel(f"weight, times uniform; full orange: {high:g} and more", fontsize=10)
    return figure


def draw_sorted(axes, weights):
    """Draw weights that sum to 1, (tokens,), from the largest down, beside the weight that all would have if equal."""
    tokens = len(weights)
    axes.stairs(np.sort(weights)[::-1], np.arange(tokens + 1) + 0.5, fill=True, color=ORANGE)
    axes.axhline(1 / tokens, color="black", linestyle="--", linewidth=1.2, label=f"uniform, 1/{tokens}")
    axes.set(xlabel="tokens, largest weight first", ylabel="weight")
    axes.set(xlim=(0.5, tokens + 0.5), ylim=(0, 1.25 * max(weights)))  # room for the legend
    axes.locator_params(axis="y", nbins=5)
    axes.legend(loc="upper right")


def draw_map(axes, values, title=None, *, low=None, high=None, signed=False, label=None):
    """Draw an array of (rows, columns) as colours, without ticks.

    Args:
        axes: where.
        values: (rows, columns).
        title: of the axes.
        low, high: ends of the scale, by default those of the values; with `signed` it goes from -high to high.
        signed: orange above 0, blue below, white at 0.
        label: adds a bar of colours, and names the values at it.

    Returns:
        What was drawn, for a bar of colours that several maps share.
    """
    if signed:
        high = high or max(np.abs(values).max(), 1e-12)
        low = -high
    drawn = axes.imshow(values, vmin=low, vmax=high, cmap=AGAINST_FOR if signed else "cividis")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(signed)  # there the ground is white like the page
    if title is not None:
        axes.set_title(title)
    if label is not None:
        axes.figure.colorbar(drawn, ax=axes, label=label, shrink=0.8)
    return drawn


def draw_maps(maps, label, *, low=None, high=None, names=("column", "row"), size=(2.9, 2.9)):
    """Maps side by side on one scale of colours, with one bar.

    Args:
        maps: title -> (rows, columns).
        label: what the colours mean, with the unit.
        low, high: ends of the scale, by default those of all maps together.
        names: of the horizontal and the vertical axis.
        size: of a map with its texts, (width, height) in inches.
    """
    figure, axes = new_figure(1, len(maps), width=size[0] * len(maps) + 1, height=size[1], squeeze=False)
    figure.get_layout_engine().set(w_pad=0.08)
    every = np.concatenate([np.ravel(values) for values in maps.values()])
    low, high = np.nanmin(every) if low is None else low, np.nanmax(every) if high is None else high
    for ax, (title, values) in zip(axes[0], maps.items(), strict=True):
        drawn = ax.imshow(values, vmin=low, vmax=high, cmap="cividis")
        ax.set(title=title, xlabel=names[0], ylabel=names[1])
        ax.spines[:].set_visible(False)
    beyond = np.nanmax(every) > high + 1e-6 * abs(high)  # but for rounding
    figure.colorbar(drawn, ax=axes, label=label, shrink=0.85, extend="max" if beyond else "neither")
    return figure


# Runs with several seeds


def draw_seeds(axes, x, y, colour, *, marker="o", line="", label=None, each=True):
    """Draw runs as small dots, and over each group of them their mean as a large pale one.

    Args:
        axes: where.
        x, y: (seeds,), or (groups, seeds); one of them may be a number, or a column (groups, 1).
        colour: of this series.
        marker: of the dots.
        line: style of a line through the means.
        label: of the series, for a legend.
        each: draw the runs, and not the means alone.
    """
    x, y = np.broadcast_arrays(x, y)
    means = x.mean(axis=-1), y.mean(axis=-1)
    if line:
        axes.plot(*means, line, color=colour, linewidth=1.5, zorder=2)
    look = dict(color=colour, linestyle="none", marker=marker)
    axes.plot(*means, **look, alpha=0.45, markersize=11, markeredgewidth=0, label=label, zorder=3)
    if each:
        edge = dict(markeredgecolor="white", markeredgewidth=0.6)
        axes.plot(x.ravel(), y.ravel(), **look, **edge, markersize=5, zorder=4)


def name_rows(axes, names):
    """Name the places 0, 1, 2... of the vertical axis from the top down, over faint lines of the horizontal one."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)


def draw_scores(scores, label, title=None, width=7.0):
    """Results of several ways, a row each, with a dot for each run.

    Args:
        scores: way -> (seeds,).
        label: what was measured, with the unit.
        title: what the picture says.
        width: in inches.
    """
    figure, ax = new_figure(width=width, height=0.4 * len(scores) + (1.4 if title else 1.1))
    for row, (values, colour) in enumerate(zip(scores.values(), itertools.cycle(COLOURS), strict=False)):
        draw_seeds(ax, values, row, colour)
    name_rows(ax, list(scores))
    ax.set(xlabel=f"{label}; {SEEDS}", title=title)
    return figure


def draw_curves(x, curves, x_label, y_label, title=None, *, width=6.0, height=3.2, **axes_settings):
    """Lines over a common x.

    Args:
        x: (n,).
        curves: name -> (n,), or (means, spreads), both (n,), drawn with a band of one spread to each side.
        x_label, y_label: with units.
        title: what the picture says.
        width, height: in inches.
        **axes_settings: as for `Axes.set`, such as ylim=(0, None).
    """
    figure, axes = new_figure(width=width, height=height)
    markers, lines = itertools.cycle("osD^v"), itertools.cycle(("-", "--", "-.", ":"))
    for (name, values), marker, line in zip(curves.items(), markers, lines, strict=False):
        mean, spread = values if isinstance(values, tuple) else (values, None)
        few = dict(marker=marker, markersize=5) if len(x) <= 20 else {}
        (drawn,) = axes.plot(x, mean, label=name, linestyle=line, **few)
        if spread is not None:
            low, high = np.subtract(mean, spread), np.add(mean, spread)
            axes.fill_between(x, low, high, color=drawn.get_color(), alpha=0.2, linewidth=0)
    if np.all(np.mod(x, 1) == 0):
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel=x_label, ylabel=y_label, title=title, **axes_settings)
    if len(curves) > 1:
        axes.legend()
    return figure


# Answers of a classifier


def draw_classes(axes, probabilities, class_names, top=3, title=None):
    """Draw the most probable classes as bars, the first in orange.

    Args:
        axes: where.
        probabilities: (classes,), shares from 0 to 1.
        class_names: (classes,) texts.
        top: how many classes.
        title: of the axes.
    """
    best = np.argsort(-np.asarray(probabilities), kind="stable")[:top]
    percent = 100 * np.asarray(probabilities)[best]
    axes.barh(range(len(best)), percent, color=[ORANGE] + [GREY] * (len(best) - 1))
    for place, value in enumerate(percent):
        inside = value > 55
        look = dict(ha="right", color="black" if place == 0 else "white") if inside else dict(ha="left")
        axes.text(value + (-3 if inside else 3), place, f"{value:.0f} %", va="center", fontsize=9, **look)
    axes.set_yticks(range(len(best)), [class_names[label] for label in best])
    axes.set(xlim=(0, 100), xticks=(0, 50, 100), ylim=(len(best) - 0.4, -0.6), xlabel="probability (%)", title=title)


def draw_predictions(images, probabilities, class_names, titles=None, columns=3):
    """Images, each with bars of its most probable classes beside it.

    Args:
        images: (n, height, width, channels).
        probabilities: (n, classes).
        class_names: (classes,) texts.
        titles: n texts.
        columns: images a row.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    size = dict(width=3.3 * columns, height=1.9 * rows, width_ratios=(1.2, 1) * columns)
    figure, axes = new_figure(rows, 2 * columns, **size, squeeze=False)
    places = axes.reshape(-1, 2)  # (rows, 2 * columns) -> (images, picture and bars)
    for i, (photo, bars) in enumerate(places):
        if i < len(images):
            draw_image(photo, images[i], titles[i] if titles is not None else None)
            draw_classes(bars, probabilities[i], class_names)
        else:
            photo.set_axis_off()
            bars.set_axis_off()
    return figure


def draw_errors(images, guesses, truths, confidences, columns=6):
    """Images that a model got wrong, with what it said, how sure it was, and what is true.

    Args:
        images: (n, height, width, channels) uint8.
        guesses, truths: n class names.
        confidences: (n,), probability of the guess, 0 to 1.
        columns: images a row.
    """
    rows = max(-(-len(images) // columns), 1)
    figure, axes = new_figure(rows, columns, width=1.5 * columns, height=2.1 * rows, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, guess, truth, confidence in zip(axes.flat, images, guesses, truths, confidences, strict=False):
        draw_image(ax, image)
        ax.set_title(f"says {guess}, {100 * confidence:.0f} %\nis {truth}", fontsize=9)
    return figure


def draw_confusion(counts, class_names, what="class", high=20, title=None):
    """Which classes are taken for which: a row is a true class, a column what the model said.

    Right answers, on the diagonal, have no colour, so that the colours belong to the mistakes: their share of the row.
    With up to 12 classes every count is written, on white, the more orange the larger its share; with more, dark ground
    makes small shares visible, and only those that lie beyond the scale are written, in percent.

    Args:
        counts: (classes, classes).
        class_names: (classes,) texts.
        what: what a class is, for the labels.
        high: end of the scale, in percent of a row.
        title: what the picture says.
    """
    counts = np.array(counts, float)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, np.nan)
    few = len(counts) <= 12
    numbers = counts if few else np.where(shares > high, shares, 0)
    side = max(4.5, 0.48 * len(counts) + 1) if few else 7.2
    figure, ax = new_figure(width=side + 0.8, height=side)
    drawn = ax.imshow(shares, vmin=0, vmax=high, cmap=MISTAKES if few else "cividis")
    label = f"share of the true {what} (%)" + ("" if few else "; numbers: beyond the scale")
    figure.colorbar(drawn, ax=ax, label=label, shrink=0.8, extend="max")
    for (row, column), number in np.ndenumerate(numbers):
        if number:
            dark = not few and shares[row, column] < 0.6 * high
            weight = "normal" if row == column else "bold"
            look = dict(color="white" if dark else "black", weight=weight, fontsize=9)
            ax.text(column, row, f"{number:.0f}", ha="center", va="center", **look)
    ax.set_xticks(range(len(counts)), class_names, rotation=0 if max(map(len, class_names)) < 4 else 90)
    ax.set_yticks(range(len(counts)), class_names)
    ax.set(xlabel=f"predicted {what}", ylabel=f"true {what}", title=title)
    return figure
