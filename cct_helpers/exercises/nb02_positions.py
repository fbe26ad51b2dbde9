"""The exercises of notebook 02: order and positions. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise, normal


def total(tokens):
    """A sum over tokens: (tokens, dim) -> (dim,)."""
    return tokens.sum(axis=0)


def first_token(tokens):
    """Reads a class token: (tokens, dim) -> (dim,)."""
    return tokens[0]


def each_doubled(tokens):
    """Works on each token alone: (tokens, dim) -> the same shape."""
    return 2 * tokens


def order_gap(pool, tokens, order):
    """Largest absolute change of `pool(tokens)` when the tokens (tokens, dim) come in another order."""
    return np.abs(pool(tokens[order]) - pool(tokens)).max()


def _order_cases(rng):
    sizes = [(first_token, 3, 2), (each_doubled, 4, 3), (total, 5, 2), (first_token, 12, 5)]
    cases = [(pool, normal(rng, t, d), np.roll(np.arange(t), int(rng.integers(1, t)))) for pool, t, d in sizes]
    for _, tokens, _ in cases:
        tokens[0] += 9  # where the first token is read, every change is negative
    return cases


ORDER_GAP = Exercise(
    "order_gap",
    2,
    "Does this function see the order of its tokens?",
    order_gap,
    _order_cases,
    {
        "A change can be negative. Take the absolute value before the largest.": lambda pool, tokens, order: (
            pool(tokens[order]) - pool(tokens)
        ).max(),
        "That is the mean change. Wanted is the largest.": lambda pool, tokens, order: np.abs(
            pool(tokens[order]) - pool(tokens)
        ).mean(),
        "You compare the tokens themselves. Compare what `pool` makes of them.": lambda pool, tokens, order: np.abs(
            tokens[order] - tokens
        ).max(),
        "The results are swapped but not the tokens: `order` belongs inside, pool(tokens[order]).": (
            lambda pool, tokens, order: np.abs(pool(tokens)[order] - pool(tokens)).max()
        ),
    },
    tolerance=1e-3,
)


def unshuffle(outputs, order):
    """Put the outputs (batch, tokens, dim) of tokens[:, order] back into the order that the tokens had before."""
    return outputs[:, np.argsort(order)]


UNSHUFFLE = Exercise(
    "unshuffle",
    2,
    "Undo a shuffle of the tokens",
    unshuffle,
    lambda rng: [
        (normal(rng, b, t, d), rng.permutation(t) if t > 9 else np.roll(np.arange(t), 1))
        for b, t, d in [(1, 3, 1), (2, 5, 3), (3, 16, 4)]
    ],
    {
        "That shuffles a second time. You need the inverse: at which place did each token end up? argsort knows.": (
            lambda outputs, order: outputs[:, order]
        ),
        "Sorting the numbers of the tokens loses which is which. Sort `order`, and use the places: argsort.": (
            lambda outputs, order: np.sort(outputs, axis=1)
        ),
        "Reading backwards undoes only a reversal. Any order has an inverse: argsort.": lambda outputs, order: outputs[
            :, ::-1
        ],
        "axis 0 is the batch. The tokens are on axis 1.": lambda outputs, order: outputs[np.argsort(order)],
    },
)


def cosine_similarity(table):
    """Cosine of the angle between any two rows: (tokens, dim) -> (tokens, tokens)."""
    directions = table / np.linalg.norm(table, axis=1, keepdims=True)
    return directions @ directions.T


COSINE_SIMILARITY = Exercise(
    "cosine_similarity",
    2,
    "How alike are two positions?",
    cosine_similarity,
    lambda rng: [(normal(rng, t, d),) for t, d in [(2, 3), (5, 2), (4, 4), (9, 16)]],
    {
        "These are plain products: long rows win. Divide each row by its length first.": lambda t: t @ t.T,
        "Only one of the two rows is divided by its length. The diagonal should be 1.": lambda t: (
            t / np.linalg.norm(t, axis=1, keepdims=True) @ t.T
        ),
        "You divided columns by their lengths. A position is a row: norm over axis 1, keepdims=True.": lambda t: (
            t / np.linalg.norm(t, axis=0) @ (t / np.linalg.norm(t, axis=0)).T
        ),
        "Divide by the product of both lengths, not by its square. The diagonal should be 1.": lambda t: (
            t @ t.T / np.outer((t**2).sum(axis=1), (t**2).sum(axis=1))
        ),
    },
)


def sines(places, dim):
    """Sine and cosine hands of the places (n,), as in the notebook: (n, dim)."""
    angles = np.asarray(places)[:, None] / 10000 ** (2 * np.arange(dim // 2) / dim)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(angles), dim)


def grid_sines(rows, columns, dim):
    """Sines of the row, then sines of the column, dim / 2 numbers each, in reading order: (rows * columns, dim)."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    return np.concatenate([sines(row, dim // 2), sines(column, dim // 2)], axis=1)


def _columns_of_tokens(rows, columns, dim):
    column, row = np.divmod(np.arange(rows * columns), rows)
    return np.concatenate([sines(row, dim // 2), sines(column, dim // 2)], axis=1)


GRID_SINES = Exercise(
    "grid_sines",
    2,
    "Sine positions that know rows and columns",
    grid_sines,
    lambda rng: [(2, 3, 8), (3, 2, 4), (1, 4, 8), (4, 4, 16), (int(rng.integers(5, 9)), 3, 32)],
    {
        "This is the table over the flat index. Tokens of one row should share the first half of their numbers.": (
            lambda rows, columns, dim: sines(np.arange(rows * columns), dim)
        ),
        "The halves are swapped: first the row, then the column.": lambda rows, columns, dim: np.roll(
            grid_sines(rows, columns, dim), dim // 2, axis=1
        ),
        "The tokens run down the columns. In reading order the column changes fastest.": _columns_of_tokens,
        "Each half is a table of its own with dim / 2 columns. You cut half of a table of dim columns.": (
            lambda rows, columns, dim: np.concatenate(
                [sines(place, dim)[:, : dim // 2] for place in np.divmod(np.arange(rows * columns), columns)], axis=1
            )
        ),
    },
)

EXERCISES = [ORDER_GAP, UNSHUFFLE, COSINE_SIMILARITY, GRID_SINES]
