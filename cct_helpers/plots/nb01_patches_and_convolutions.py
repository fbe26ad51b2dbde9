"""Pictures of tokens: patches, receptive fields and what two tokenizers do. Arrays and parameters in, a Figure out.

A receptive field is a tuple (size, start, step) in pixels, the same in both directions: token i covers `size` pixels
from pixel `start + i * step` on. It may reach over the edge of the image, into the padding.
"""

import itertools

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle

from cct_helpers.figures import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    ORANGE,
    SEEDS,
    SKY,
    draw_arrow,
    draw_gallery,
    draw_image,
    draw_maps,
    draw_seeds,
    new_figure,
    outline,
)

PADDING = "#DDDDDD"
PITCH = 1.2  # from one step to the next in `draw_tokenizers`; the side of the image is LARGEST
LARGEST = 0.84


def draw_cuts(image, cuts, message=None):
    """An image with its grid, and beside it what became of it when it was cut.

    Args:
        image: (height, width, channels) uint8.
        cuts: title -> pieces (rows, columns, size, size, channels), drawn apart.
        message: what the picture says.
    """
    figure, axes = new_figure(1, 1 + len(cuts), width=3.0 * (1 + len(cuts)), height=3.6)
    figure.suptitle(message, fontsize=12)
    figure.get_layout_engine().set(wspace=0.08)  # wider than the gaps between pieces
    draw_image(axes[0], image, f"image, {image.shape[0]} x {image.shape[1]} pixels")
    for ax, (title, pieces) in zip(axes[1:], cuts.items(), strict=True):
        draw_grid(axes[0], pieces.shape[:2], *image.shape[:2])
        draw_image(ax, space_pieces(pieces), title)
    return figure


def draw_grid(axes, grid, height, width, colour="white"):
    """Draw lines that cut an image of height x width pixels into grid = (rows, columns) equal parts."""
    for row in range(1, grid[0]):
        axes.axhline(row * height / grid[0] - 0.5, color=colour, linewidth=1)
    for column in range(1, grid[1]):
        axes.axvline(column * width / grid[1] - 0.5, color=colour, linewidth=1)


def space_pieces(pieces):
    """One image with white gaps between pieces: (rows, columns, size, size, channels) -> (height, width, channels)."""
    rows, columns, size, _, channels = pieces.shape
    pitch = size + max(1, size // 4)
    whole = np.full((rows, pitch, columns, pitch, channels), 255 if pieces.dtype == np.uint8 else 1, pieces.dtype)
    # (rows, columns, size, size, channels) -> (rows, size, columns, size, channels)
    whole[:, :size, :, :size] = pieces.transpose(0, 2, 1, 3, 4)
    return whole.reshape(rows * pitch, columns * pitch, channels)[: rows * pitch - 1, : columns * pitch - 1]


def draw_tokenizers(image, ways, message=None):
    """From an image to its tokens, a row for each way. Sides are drawn to scale, channels as sheets, 32 a sheet.

    Args:
        image: (height, width, channels), square, the first step of every way.
        ways: name -> steps after the image, each (what is done, shape after it). The last shape is (tokens, dim), those
            before it are (rows, columns, channels). Ways with fewer steps end at the same place as the others.
        message: what the picture says.
    """
    most = max(map(len, ways.values()))
    figure, axes = new_figure(len(ways), 1, width=9, height=2.4 * len(ways) + 0.3, squeeze=False)
    figure.suptitle(message, fontsize=12)
    for ax, (name, steps) in zip(axes[:, 0], ways.items(), strict=True):
        ax.set_axis_off()
        ax.set_title(name, loc="left")
        end = LARGEST / 2
        draw_image(ax, image, extent=(-end, end, -end, end))
        name_step(ax, 0, "image", image.shape)
        for place, (done, shape) in enumerate(steps, 1 + most - len(steps)):
            centre = PITCH * place
            half = draw_step(ax, centre, shape, len(image))
            draw_arrow(ax, (end + 0.1, 0), (centre - half - 0.05, 0), linewidth=1.5)
            name_step(ax, centre, done, shape)
            end = centre + half
        ax.set(xlim=(-0.62, PITCH * most + 0.62), ylim=(-0.9, 0.9), aspect="equal")
    return figure


def draw_step(axes, x, shape, largest):
    """Draw a map (rows, columns, channels) as sheets, or (tokens, dim) as a strip, around x; half of its width."""
    if len(shape) == 2:
        edges = np.linspace(-LARGEST / 2, LARGEST / 2, 17)
        for low, high in itertools.pairwise(edges):
            axes.add_patch(Rectangle((x - 0.09, low), 0.18, high - low, facecolor=ORANGE, edgecolor="white"))
        return 0.09
    side = LARGEST * shape[0] / largest
    for sheet in reversed(range(max(1, shape[2] // 32))):
        corner = x - side / 2 + 0.03 * sheet, -side / 2 + 0.03 * sheet
        axes.add_patch(Rectangle(corner, side, side, facecolor=SKY, edgecolor="white"))
    return side / 2


def name_step(axes, x, done, shape):
    """Write above a step what is done, and below it the shape that comes out."""
    words = f"{shape[0]} tokens\nof {shape[1]} numbers" if len(shape) == 2 else " x ".join(map(str, shape))
    axes.text(x, 0.52, done, ha="center", va="bottom", fontsize=9.5, color=BLUE)
    axes.text(x, -0.5, words, ha="center", va="top", fontsize=9.5)


def draw_padded(axes, image, field, margin, title):
    """Draw an image with room of `margin` pixels around it, grey where the field reaches into padding, and ticks."""
    draw_image(axes, image, title)
    height, width = image.shape[:2]
    axes.set_facecolor(PADDING if field[1] < 0 else "white")
    axes.set(xlim=(-margin - 0.5, width + margin - 0.5), ylim=(height + margin - 0.5, -margin - 0.5))
    axes.set(xlabel="column (pixels)", ylabel="row (pixels)")
    for side, set_ticks in ((width, axes.set_xticks), (height, axes.set_yticks)):
        set_ticks(range(0, side + 1, max(1, side // 4, (side + 2 * margin) // 8)))  # fewer where the image is small


def outline_field(axes, field, token, colour, line="-", label=None):
    """Outline the pixels that token = (row, column) can see."""
    size, start, step = field
    outline(axes, start + token[0] * step, start + token[1] * step, size, size, colour, line, label)


def draw_neighbours(image, fields, token, message=None):
    """The receptive fields of a token and of the next one to the right, one picture for each tokenizer.

    Args:
        image: (height, width, channels) uint8.
        fields: title -> (size, start, step).
        token: (row, column).
        message: what the picture says.
    """
    figure, axes = new_figure(1, len(fields), width=max(3.6 * len(fields), 4.2), height=4.9, squeeze=False)
    figure.suptitle(message, fontsize=12)
    margin = max(2, *(-field[1] for field in fields.values()))
    for ax, (title, field) in zip(axes[0], fields.items(), strict=True):
        size, _, step = field
        shared = max(0, size - step)
        columns = "column" if shared == 1 else "columns"
        draw_padded(ax, image, field, margin, f"{title}\n{size} x {size} pixels, {shared} {columns} shared")
        outline_field(ax, field, token, ORANGE, label="one token")
        outline_field(ax, field, (token[0], token[1] + 1), BLUE, "--", "the next token")
    handles = [*axes[0, 0].get_legend_handles_labels()[0], Patch(color=PADDING, label="padding")]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def draw_tokenizer(image, grid, field, row, column):
    """A token's receptive field on the image, and its place among the tokens.

    Args:
        image: (height, width, channels) uint8.
        grid: (rows, columns) of tokens.
        field: (size, start, step).
        row, column: of the token; beyond the grid, the last one is taken.
    """
    margins = dict(left=0.08, right=0.98, bottom=0.13, top=0.92, wspace=0.2)
    figure, (left, right) = new_figure(1, 2, width=8, height=4, margins=margins)
    row, column = min(row, grid[0] - 1), min(column, grid[1] - 1)
    size, start, step = field
    draw_padded(left, image, field, max(2, 2 - start), f"token ({row}, {column}) sees {size} x {size} pixels")
    outline_field(left, field, (row, column), ORANGE)

    centre = start + (size - 1) / 2
    rows, columns = np.meshgrid(*(centre + step * np.arange(side) for side in grid), indexing="ij")
    left.plot(columns.ravel(), rows.ravel(), "o", markersize=4, color=GREEN, markeredgecolor="white")

    squares = np.ones((*grid, 3))
    squares[row, column] = to_rgb(ORANGE)
    right.imshow(squares, vmin=0, vmax=1)
    draw_grid(right, grid, *grid, colour=GREY)
    right.set(title=f"{grid[0]} x {grid[1]} = {grid[0] * grid[1]} tokens, {step} pixels apart")
    right.set(xlabel="column (tokens)", ylabel="row (tokens)")
    right.set_xticks(sorted({0, column, grid[1] - 1}))
    right.set_yticks(sorted({0, row, grid[0] - 1}))
    right.spines[:].set_visible(True)
    return figure


def draw_sensitivity(maps, boxes, message=None):
    """How much a token depends on each pixel, with the computed receptive field as a box.

    Args:
        maps: title -> (height, width), 0 where a pixel has no influence; each is drawn as shares of its largest value.
        boxes: the same titles -> (top, left, size) in pixels.
        message: what the picture says.
    """
    shares = {f"{name}: {boxes[name][2]} x {boxes[name][2]} pixels": maps[name] / maps[name].max() for name in maps}
    label, names = "mean gradient, share of the largest", ("column (pixels)", "row (pixels)")
    figure = draw_maps(shares, label, low=0, names=names, size=(2.9, 3.4))
    figure.suptitle(message, fontsize=12)
    for ax, (top, left, size) in zip(figure.axes, boxes.values(), strict=False):
        outline(ax, top, left, size, size, ORANGE)
    return figure


def draw_moved_accuracy(pixels, accuracies, chance, message=None):
    """Test accuracy when the images are moved: a dot a run, a line through the means.

    Args:
        pixels: (moves,).
        accuracies: name -> (runs, moves), percent.
        chance: accuracy of guessing, percent.
        message: what the picture says.
    """
    figure, axes = new_figure(width=6.5, height=3.6)
    looks = zip(itertools.cycle(COLOURS), itertools.cycle("osD^v"), strict=False)
    for (name, runs), (colour, marker) in zip(accuracies.items(), looks, strict=False):
        draw_seeds(axes, np.asarray(pixels)[:, None], np.transpose(runs), colour, marker=marker, line="-", label=name)
    axes.axhline(chance, color=GREY, linestyle=":", linewidth=1.5, label="guessing")
    axes.set(xlabel="test images moved to the right (pixels)", ylim=(0, 102), xticks=pixels)
    axes.set_ylabel(f"test accuracy (%)\n{SEEDS}")
    axes.set_title(message)
    axes.legend()
    return figure


def draw_filters(filters, title, many=9):
    """The largest filters of first layers as small colour pictures: grey is zero, each on its own scale.

    Args:
        filters: name -> (rows, columns, channels, filters), square; their sides divide 12.
        title: of the Figure.
        many: how many of each, those of the largest norm first.
    """
    rows = {}
    for name, weights in filters.items():
        weights = np.moveaxis(weights, -1, 0)  # -> (filters, rows, columns, channels)
        order = np.argsort(-np.linalg.norm(weights.reshape(len(weights), -1), axis=1), kind="stable")[:many]
        shares = weights[order] / np.abs(weights[order]).max(axis=(1, 2, 3), keepdims=True)
        zoom = 12 // weights.shape[1]
        rows[name] = np.kron(0.5 + 0.5 * shares, np.ones((1, zoom, zoom, 1)))  # -> (many, 12, 12, channels)
    return draw_gallery(rows, title)
