"""Pictures of tokens: patches, receptive fields and what two tokenizers do. Arrays and parameters in, a Figure out.

A receptive field is a tuple (size, start, step) in pixels, the same in both directions: token i covers `size` pixels
from pixel `start + i * step` on. It may reach over the edge of the image, into the padding.
"""

import numpy as np
from matplotlib.patches import Rectangle

from cct_helpers.figures import BLUE, GREEN, GREY, ORANGE, draw_grid, draw_image, new_figure

OUTSIDE = "#DDDDDD"


def draw_cuts(image, cuts):
    """An image with its grid, and beside it what became of it when it was cut.

    image: (height, width, channels). cuts: title -> pieces (rows, columns, size, size, channels), drawn apart.
    """
    figure, axes = new_figure(1, 1 + len(cuts), width=3.2 * (1 + len(cuts)), height=3.5)
    draw_image(axes[0], image, f"image, {image.shape[0]} x {image.shape[1]} pixels")
    for ax, (title, pieces) in zip(axes[1:], cuts.items(), strict=True):
        draw_grid(axes[0], pieces.shape[:2], *image.shape[:2])
        draw_image(ax, spread(pieces), title)
        for spine in ax.spines.values():
            spine.set_visible(False)
    return figure


def spread(pieces, gap=None):
    """One image with white gaps between pieces: (rows, columns, size, size, channels) -> (height, width, channels)."""
    rows, columns, size, _, channels = pieces.shape
    gap = gap or max(1, size // 4)
    white = 255 if pieces.dtype == np.uint8 else 1
    pitch = size + gap
    whole = np.full((rows * pitch - gap, columns * pitch - gap, channels), white, pieces.dtype)
    for row in range(rows):
        for column in range(columns):
            whole[row * pitch : row * pitch + size, column * pitch : column * pitch + size] = pieces[row, column]
    return whole


def outline_token(axes, field, token, colour, style="-", label=None):
    """Outline the pixels that token = (row, column) can see."""
    size, start, step = field
    top, left = (start + place * step - 0.5 for place in token)
    look = dict(edgecolor=colour, linestyle=style, linewidth=2.5, label=label)
    axes.add_patch(Rectangle((left, top), size, size, fill=False, **look))


def frame_image(axes, image, margin, title):
    """Draw an image with `margin` pixels of grey around it and ticks in pixels, so that the padding can be seen."""
    draw_image(axes, image, title)
    height, width = image.shape[:2]
    axes.set_facecolor(OUTSIDE)
    axes.set(xlim=(-margin - 0.5, width + margin - 0.5), ylim=(height + margin - 0.5, -margin - 0.5))
    axes.set(xlabel="column (pixels)", ylabel="row (pixels)")
    for side, set_ticks in ((width, axes.set_xticks), (height, axes.set_yticks)):
        set_ticks(range(0, side + 1, max(1, side // 4, (side + 2 * margin) // 8)))  # fewer where the image is small


def draw_neighbours(image, fields, token):
    """The receptive fields of a token and of the next one to the right, one picture for each tokenizer.

    image: (height, width, channels). fields: title -> (size, start, step). token: (row, column).
    """
    figure, axes = new_figure(1, len(fields), width=4.2 * len(fields), height=4.4, squeeze=False)
    margin = max(2, *(-field[1] for field in fields.values()))
    for ax, (title, field) in zip(axes[0], fields.items(), strict=True):
        size, _, step = field
        shared = max(0, size - step)
        columns = "column" if shared == 1 else "columns"
        frame_image(ax, image, margin, f"{title}\n{size} x {size} pixels, {shared} {columns} shared")
        outline_token(ax, field, token, ORANGE, label="one token")
        outline_token(ax, field, (token[0], token[1] + 1), BLUE, "--", "the next token")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def draw_tokenizer(image, grid, field, row, column):
    """A token's receptive field on the image, and its place among the tokens.

    image: (height, width, channels). grid: (rows, columns) of tokens. field: (size, start, step). row, column: the
    token; beyond the grid, the last one is taken.
    """
    margins = dict(left=0.08, right=0.98, bottom=0.13, top=0.92, wspace=0.2)
    figure, (left, right) = new_figure(1, 2, width=8, height=4, margins=margins)
    row, column = min(row, grid[0] - 1), min(column, grid[1] - 1)
    size, start, step = field
    margin = max(2, 2 - start)
    frame_image(left, image, margin, f"token ({row}, {column}) sees {size} x {size} pixels")
    outline_token(left, field, (row, column), ORANGE)

    centre = start + (size - 1) / 2
    rows, columns = np.meshgrid(*(centre + step * np.arange(side) for side in grid), indexing="ij")
    left.plot(
        columns.ravel(), rows.ravel(), linestyle="", marker="o", markersize=4, color=GREEN, markeredgecolor="white"
    )

    squares = np.ones((*grid, 3))
    squares[row, column] = [int(ORANGE[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    right.imshow(squares, vmin=0, vmax=1)
    draw_grid(right, grid, *grid, colour=GREY)
    right.set(title=f"{grid[0]} x {grid[1]} = {grid[0] * grid[1]} tokens, {step} pixels apart")
    right.set(xlabel="column (tokens)", ylabel="row (tokens)")
    right.set_xticks(sorted({0, column, grid[1] - 1}))
    right.set_yticks(sorted({0, row, grid[0] - 1}))
    for spine in right.spines.values():
        spine.set_visible(True)
    return figure


def draw_sensitivity(maps, boxes):
    """How much a token depends on each pixel, with the computed receptive field as a box.

    maps: title -> (height, width), 0 where a pixel has no influence. boxes: the same titles -> (top, left, size) in
    pixels.
    """
    figure, axes = new_figure(1, len(maps), width=3.6 * len(maps), height=3.9, squeeze=False)
    for ax, (title, values) in zip(axes[0], maps.items(), strict=True):
        drawn = ax.imshow(values / values.max(), vmin=0, vmax=1, cmap="cividis")
        top, left, size = boxes[title]
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), size, size, fill=False, edgecolor=ORANGE, linewidth=2.5))
        ax.set(title=f"{title}: {size} x {size} pixels", xlabel="column (pixels)", ylabel="row (pixels)")
    figure.colorbar(drawn, ax=axes, label="mean gradient, share of the largest", shrink=0.7)
    return figure


def draw_moved_accuracy(pixels, accuracies, chance):
    """Test accuracy when the images are moved: every run a thin line, their mean a thick one.

    pixels: (moves,). accuracies: name -> (runs, moves), percent. chance: accuracy of guessing, percent.
    """
    figure, axes = new_figure(width=6.5, height=3.4)
    for (name, runs), colour, marker in zip(accuracies.items(), (BLUE, ORANGE, GREEN), "osD", strict=False):
        axes.plot(pixels, np.transpose(runs), color=colour, linewidth=0.8, alpha=0.6)
        axes.plot(pixels, np.mean(runs, axis=0), color=colour, marker=marker, label=f"{name}, mean of {len(runs)}")
    axes.axhline(chance, color=GREY, linestyle=":", linewidth=1.5, label="guessing")
    axes.set(xlabel="test images moved to the right (pixels)", ylabel="test accuracy (%)", ylim=(0, 102), xticks=pixels)
    axes.legend()
    return figure
