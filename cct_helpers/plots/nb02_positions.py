"""Pictures of positions: tables, similarity maps, and what they are worth. Arrays and parameters in, a Figure out.

A similarity is an array of (tokens, tokens), the tokens in reading order of a grid = (rows, columns).
"""

import numpy as np
from matplotlib.patches import Rectangle

from cct_helpers.figures import BLUE, GREEN, GREY, ORANGE, new_figure


def draw_table(table, title):
    """A position table, (tokens, dim): one line of the picture for each token."""
    figure, axes = new_figure(width=7, height=3.2)
    most = np.abs(table).max()
    drawn = axes.imshow(table, cmap="cividis", vmin=-most, vmax=most, aspect="auto")
    axes.set(title=title, xlabel="number in the token's vector", ylabel="token, in reading order")
    figure.colorbar(drawn, ax=axes, label="value")
    return figure


def draw_maps(maps, label):
    """Some maps, title -> (rows, columns), side by side on one scale of colours that `label` names."""
    figure, axes = new_figure(1, len(maps), width=3.4 * len(maps), height=2.5, squeeze=False)
    low = min(np.min(values) for values in maps.values())
    high = max(np.max(values) for values in maps.values())
    for ax, (title, values) in zip(axes[0], maps.items(), strict=True):
        drawn = ax.imshow(values, vmin=low, vmax=high, cmap="cividis")
        ax.set(title=title, xlabel="column (tokens)", ylabel="row (tokens)")
    figure.colorbar(drawn, ax=axes, label=label, shrink=0.9)
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
    figure, axes = new_figure(1, len(similarities), width=4.1 * len(similarities), height=4.6, squeeze=False)
    rows, columns = grid
    for ax, (title, similarity) in zip(axes[0], similarities.items(), strict=True):
        drawn = ax.imshow(tile_maps(similarity, grid), vmin=-1, vmax=1, cmap="cividis")
        ax.set(title=title, xlabel="column of the token", ylabel="row of the token")
        ax.set_xticks([(columns + 1) * column + (columns - 1) / 2 for column in range(columns)], range(columns))
        ax.set_yticks([(rows + 1) * row + (rows - 1) / 2 for row in range(rows)], range(rows))
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
    figure.colorbar(drawn, ax=axes, label="cosine similarity with the token", location="bottom", shrink=0.5, aspect=40)
    return figure


def draw_similarity(similarity, grid, row, column, title):
    """The map of one token, and the same numbers along its row and along its column.

    Raises ValueError for a token outside the grid.
    """
    rows, columns = grid
    if not (0 <= row < rows and 0 <= column < columns):
        raise ValueError(
            f"There is no token ({row}, {column}) on a grid of {rows} x {columns}: rows and columns count from 0."
        )
    values = similarity[row * columns + column].reshape(grid)  # (tokens,) -> (rows, columns)
    margins = dict(left=0.08, right=0.98, bottom=0.15, top=0.9, wspace=0.4)
    figure, (left, right) = new_figure(1, 2, width=8, height=3.4, margins=margins)
    drawn = left.imshow(values, vmin=-1, vmax=1, cmap="cividis")
    left.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=ORANGE, linewidth=2.5))
    left.set(title=f"{title}: token ({row}, {column})", xlabel="column", ylabel="row")
    figure.colorbar(drawn, ax=left, ticks=[-1, 0, 1], label="cosine similarity")
    right.plot(np.arange(columns) - column, values[row], color=BLUE, marker="o", label="along its row")
    right.plot(
        np.arange(rows) - row, values[:, column], color=ORANGE, marker="s", linestyle="--", label="along its column"
    )
    right.axhline(0, color=GREY, linestyle=":", linewidth=1)
    right.set(xlabel="steps from the token (tokens)", ylabel="cosine similarity")
    right.set(ylim=(-1.05, 1.05), yticks=[-1, -0.5, 0, 0.5, 1])  # every number at a tick costs time
    right.legend(loc="lower right")
    return figure


def draw_accuracies(accuracies, kinds, chance):
    """Test accuracy of every run as a dot and the mean of each kind as a bar.

    accuracies: (tokenizer, images) -> kind of position -> (runs,), shares from 0 to 1. chance: accuracy of guessing.
    """
    figure, axes = new_figure(1, len(accuracies), width=2.6 * len(accuracies), height=3.3, squeeze=False, sharey=True)
    for ax, (titles, runs) in zip(axes[0], accuracies.items(), strict=True):
        for place, (kind, colour) in enumerate(zip(kinds, (GREY, GREEN, BLUE), strict=False)):
            percent = 100 * np.asarray(runs[kind])
            ax.plot(np.full(len(percent), place), percent, linestyle="", marker="o", color=colour, alpha=0.8)
            ax.plot([place - 0.3, place + 0.3], [percent.mean()] * 2, color=colour)
        ax.axhline(100 * chance, color=GREY, linestyle=":", linewidth=1.5)
        ax.set(title="\n".join(titles), xlabel="position", ylim=(0, 102), xlim=(-0.6, len(kinds) - 0.4))
        ax.set_xticks(range(len(kinds)), kinds)
    axes[0, 0].set_ylabel("test accuracy (%)")
    return figure
