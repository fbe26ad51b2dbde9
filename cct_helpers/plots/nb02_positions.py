"""Pictures of positions: tables, similarity maps, and what they are worth. Arrays and parameters in, a Figure out.

A similarity is an array of (tokens, tokens), the tokens in reading order of a grid = (rows, columns).
"""

import numpy as np

from cct_helpers.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SEEDS,
    check_token,
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
    margins = dict(left=0.08, right=0.98, bottom=0.15, top=0.9, wspace=0.4)
    figure, (left, right) = new_figure(1, 2, width=8, height=3.4, margins=margins)
    rows, columns = grid
    values = similarity[row * columns + column].reshape(grid)  # (tokens,) -> (rows, columns)
    drawn = left.imshow(values, vmin=-1, vmax=1, cmap="cividis")
    outline_token(left, (row, column), grid, *grid)
    left.set(title=f"{title}: token ({row}, {column})", xlabel="column", ylabel="row")
    figure.colorbar(drawn, ax=left, ticks=[-1, 0, 1], label="cosine similarity")
    right.plot(np.arange(columns) - column, values[row], "-o", color=BLUE, label="along its row")
    right.plot(np.arange(rows) - row, values[:, column], "--s", color=ORANGE, label="along its column")
    right.axhline(0, color=GREY, linestyle=":", linewidth=1)
    right.set(xlabel="steps from the token (tokens)", ylabel="cosine similarity")
    right.set(ylim=(-1.05, 1.05), yticks=[-1, -0.5, 0, 0.5, 1])  # every number at a tick costs time
    right.legend(loc="lower right")
    return figure


def draw_accuracies(accuracies, kinds, chance):
    """Test accuracy with each kind of position, one picture a kind of images.

    Args:
        accuracies: (tokenizer, images) -> kind of position -> (runs,), shares from 0 to 1.
        kinds: of position, from left to right.
        chance: accuracy of guessing, a share.
    """
    figure, axes = new_figure(1, len(accuracies), width=2.45 * len(accuracies), height=3.3, squeeze=False, sharey=True)
    for ax, (titles, runs) in zip(axes[0], accuracies.items(), strict=True):
        for place, (kind, colour) in enumerate(zip(kinds, (GREY, GREEN, BLUE), strict=False)):
            draw_seeds(ax, place, 100 * np.asarray(runs[kind]), colour)
        ax.axhline(100 * chance, color=GREY, linestyle=":", linewidth=1.5)
        ax.set(title="\n".join(titles), xlabel="position", ylim=(0, 103), xlim=(-0.6, len(kinds) - 0.4))
        ax.set_xticks(range(len(kinds)), kinds)
    axes[0, 0].set_ylabel(f"test accuracy (%)\n{SEEDS}")
    return figure
