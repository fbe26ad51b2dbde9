"""Pictures of positions: tables, similarity maps, and what they are worth. Arrays and parameters in, a Figure out.

A similarity is an array of (tokens, tokens), the tokens in reading order of a grid = (rows, columns).
"""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from cct_helpers.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    SEEDS,
    check_token,
    draw_arrow,
    draw_maps,
    draw_seeds,
    new_figure,
    outline_token,
)


def draw_table(table, title):
    """A position table, (tokens, dim): one line of the picture for each token."""
    figure, axes = new_figure(width=7, height=3.2)
    most = np.abs(table).max()
    drawn = axes.imshow(table, cmap="cividis", vmin=-most, vmax=most, aspect="auto")
    axes.set(title=title, xlabel="number in the token's vector", ylabel="token, in reading order")
    figure.colorbar(drawn, ax=axes, label="value")
    return figure


def tile_maps(similarity, grid):
    """Every token's map at that token's place, one row and column of NaN between maps.

    (tokens, tokens) -> (rows * (rows + 1) - 1, columns * (columns + 1) - 1).
    """
    rows, columns = grid
    tiles = np.full((rows, rows + 1, columns, columns + 1), np.nan)
    # (tokens, tokens) -> (row of the token, row in its map, column of the token, column in its map)
    tiles[:, :rows, :, :columns] = similarity.reshape(rows, columns, rows, columns).transpose(0, 2, 1, 3)
    return tiles.reshape(rows * (rows + 1), columns * (columns + 1))[:-1, :-1]


def draw_similarity_maps(similarities, grid):
    """The maps of all tokens for some tables: title -> similarity. Each small map stands at the place of its token."""
    rows, columns = grid
    tiles = {title: tile_maps(similarity, grid) for title, similarity in similarities.items()}
    label, names = "cosine similarity with the token", ("column of the token", "row of the token")
    figure = draw_maps(tiles, label, low=-1, high=1, names=names, size=(3.0, 3.2))
    for ax in figure.axes[: len(tiles)]:
        ax.set_xticks([(columns + 1) * column + (columns - 1) / 2 for column in range(columns)], range(columns))
        ax.set_yticks([(rows + 1) * row + (rows - 1) / 2 for row in range(rows)], range(rows))
        ax.tick_params(length=0)
    return figure


def draw_similarity(similarity, grid, row, column, title):
    """The map of one token, and the same numbers along its row and along its column.

    Args:
        similarity: (tokens, tokens).
        grid: (rows, columns) of tokens.
        row, column: of the token.
        title: what was compared.

    Raises:
        ValueError: for a token outside the grid.
    """
    check_token((row, column), grid)
    margins = dict(left=0.08, right=0.98, bottom=0.17, top=0.89, wspace=0.4)
    figure, (left, right) = new_figure(1, 2, width=8, height=2.9, margins=margins)
    rows, columns = grid
    values = similarity[row * columns + column].reshape(grid)  # (tokens,) -> (rows, columns)
    drawn = left.imshow(values, vmin=-1, vmax=1, cmap="cividis")
    outline_token(left, (row, column), grid, *grid)
    left.set(xlabel="column", ylabel="row")
    left.set_title(f"{title}: token ({row}, {column})", fontsize=10)
    figure.colorbar(drawn, ax=left, ticks=[-1, 0, 1], label="cosine similarity")
    right.plot(np.arange(columns) - column, values[row], "-o", color=BLUE, label="along its row")
    right.plot(np.arange(rows) - row, values[:, column], "--s", color=ORANGE, label="along its column")
    right.axhline(0, color=GREY, linestyle=":", linewidth=1)
    right.set(xlabel="steps from the token (tokens)", ylabel="cosine similarity")
    right.set(ylim=(-1.05, 1.05), yticks=[-1, -0.5, 0, 0.5, 1])  # every number at a tick costs time
    right.legend(loc="lower right")
    return figure


ORDERS = {  # title -> the result of each token in the first order, and in the second
    "average pooling:\nthe same result (invariant)": (["mean"], ["mean"]),
    "attention: the same results,\nmoved along (equivariant)": (["a", "b", "c"], ["c", "a", "b"]),
    "convolution:\nother results (neither)": (["p", "q", "r"], ["s", "t", "u"]),
}
LETTERS = {"a": BLUE, "b": ORANGE, "c": GREEN}


def draw_orders():
    """What three operations make of the tokens A, B, C and of the same tokens as C, A, B."""
    figure, axes = new_figure(1, len(ORDERS), width=9.0, height=3.6)
    for ax, (title, results) in zip(axes, ORDERS.items(), strict=True):
        for top, order, result in zip((0, -4), ("ABC", "CAB"), results, strict=True):
            for row, names in ((top, order), (top - 1.9, result)):
                first = 1 - (len(names) - 1) / 2
                for place, name in enumerate(names):
                    colour = tuple(0.55 + 0.45 * level for level in to_rgb(LETTERS.get(name.lower(), PALE)))
                    look = dict(boxstyle="square,pad=0.35", edgecolor="black", linewidth=0.8, facecolor=colour)
                    ax.text(
                        first + place, row, name, ha="center", va="center", fontsize=11, family="monospace", bbox=look
                    )
            draw_arrow(ax, (1, top - 0.5), (1, top - 1.4), linewidth=1.6)
        ax.set_axis_off()
        ax.set(title=title, xlim=(-0.9, 2.9), ylim=(-6.6, 0.7))
    return figure


def draw_two_grids(old, new):
    """Where the cells of a finer row lie on those of a coarser one: both have the same edges.

    Args:
        old: cells in the row of the table.
        new: cells in the row that is wanted.
    """
    figure, ax = new_figure(width=8.0, height=2.6)
    places = (np.arange(new) + 0.5) * old / new - 0.5  # the middle of each new cell, on the old scale
    for count, bottom, colour, name in ((old, 1, BLUE, "old cells"), (new, 0, ORANGE, "new cells")):
        width = old / count
        for cell in range(count):
            box = dict(xy=(cell * width - 0.5, bottom), width=width, height=0.6)
            ax.add_patch(Rectangle(**box, facecolor="white", edgecolor=colour, linewidth=1.8))
        ax.plot(np.arange(count) * width + width / 2 - 0.5, [bottom + 0.3] * count, "o", color=colour)
        ax.text(-0.6, bottom + 0.3, name, ha="right", va="center", color=colour)
    ax.text(-0.6, 1.8, "new middles,\non the old scale", ha="right", va="bottom", color=GREY, fontsize=9)
    ax.vlines(places, 0.3, 1.75, color=GREY, linestyle=":", linewidth=1.2)
    for place in places:
        ax.text(place, 1.8, f"{place:.2f}", ha="center", va="bottom", fontsize=10)
    ax.set_axis_off()
    ax.set(title="old and new cells cover the same width", xlim=(-1.5, old - 0.4), ylim=(-0.1, 2.4))
    return figure


def draw_accuracies(accuracies, chance):
    """Test accuracy with each kind of position on each kind of images, a panel a tokenizer.

    Args:
        accuracies: title of the panel -> images -> kind of position -> (runs,), in percent.
        chance: accuracy of guessing, in percent.
    """
    figure, axes = new_figure(1, len(accuracies), width=4.6 * len(accuracies), height=3.6, squeeze=False, sharey=True)
    for ax, (title, panels) in zip(axes[0], accuracies.items(), strict=True):
        for group, runs in enumerate(panels.values()):
            for place, ((kind, values), colour, marker) in enumerate(
                zip(runs.items(), (GREY, GREEN, BLUE), "os^", strict=False)
            ):
                x, label = group + 0.24 * (place - 1), kind if group == 0 else None
                draw_seeds(ax, x, values, colour, marker=marker, label=label)
        ax.axhline(chance, color=GREY, linestyle=":", linewidth=1.5)
        ax.set(title=title, ylim=(0, 103), xlim=(-0.5, len(panels) - 0.5))
        ax.set_xticks(range(len(panels)), panels)
    axes[0, 0].text(-0.45, chance + 1.5, "guessing", color=GREY, fontsize=9)
    axes[0, 0].set_ylabel(f"test accuracy (%)\n{SEEDS}")
    axes[0, -1].legend(title="position", loc="lower right")
    return figure
