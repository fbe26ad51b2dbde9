"""The exercises of notebook 02: order and positions. Each with its truth, its usual mistakes and its hints."""

import numpy as np

from cct_helpers.exercises import Exercise, normal, softmax


def unshuffle(outputs, order):
    """Put the outputs (batch, tokens, dim) of tokens[:, order] back into the order that the tokens had before."""
    return outputs[:, np.argsort(order)]


def _order(rng, tokens):
    """An order that is neither its own inverse nor a rotation."""
    order = rng.permutation(tokens)
    while (order[order] == np.arange(tokens)).all() or len(set((order - np.arange(tokens)) % tokens)) == 1:
        order = rng.permutation(tokens)
    return order


UNSHUFFLE = Exercise(
    "unshuffle",
    2,
    "Undo a shuffle of the tokens",
    unshuffle,
    lambda rng: [(normal(rng, b, t, d), _order(rng, t)) for b, t, d in [(2, 5, 3), (3, 6, 2), (2, 9, 4), (3, 16, 5)]],
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
        "`order` read backwards is not its inverse. The inverse says where each token went: argsort.": (
            lambda outputs, order: outputs[:, order[::-1]]
        ),
        "axis 0 is the batch. The tokens are on axis 1.": lambda outputs, order: outputs[np.argsort(order)],
    },
    (
        "Output 0 belongs to token order[0]. So token order[0] has to get output 0 back.",
        "The inverse of an order says, for each token, at which place it ended up. `np.argsort(order)` is that.",
        "Use it as an index on the axis of the tokens: `outputs[:, ...]`.",
    ),
)


def find_places(vectors, table, columns):
    """(row, column) of the table's row with the most similar direction: (n, dim), (places, dim) -> (n, 2)."""
    similar = vectors @ (table / np.linalg.norm(table, axis=1, keepdims=True)).T  # the length of a vector is no matter
    return np.stack(np.divmod(similar.argmax(axis=1), columns), axis=1)


def _vectors_and_table(rng, n, rows, columns, dim):
    table = normal(rng, rows * columns, dim) * rng.uniform(0.2, 5, size=(rows * columns, 1))
    places = rng.permutation(rows * columns)[:n]
    unit = table[places] / np.linalg.norm(table[places], axis=1, keepdims=True)
    vectors = rng.uniform(1, 3, size=(n, 1)) * (unit + 0.1 * normal(rng, n, dim) / np.sqrt(dim))
    return vectors.astype("float32"), table.astype("float32"), columns


def _places_by(score):
    """`find_places` with another score of vectors (n, dim) and table (places, dim): (n, places), the largest wins."""

    def wrong(vectors, table, columns):
        return np.stack(np.divmod(score(vectors, table).argmax(axis=1), columns), axis=1)

    return wrong


FIND_PLACES = Exercise(
    "find_places",
    2,
    "Which place does this vector come from?",
    find_places,
    lambda rng: [
        _vectors_and_table(rng, *sizes) for sizes in [(6, 4, 5, 8), (9, 5, 4, 6), (12, 8, 7, 10), (20, 6, 9, 16)]
    ],
    {
        "Long rows win by their length in a plain product. Divide each row of the table by its length.": _places_by(
            lambda v, t: v @ t.T
        ),
        "The nearest row by distance is not the one with the most similar direction: lengths differ. Compare angles.": (
            _places_by(lambda v, t: -np.linalg.norm(v[:, None] - t, axis=-1))
        ),
        "That is the least similar place. Take the largest cosine.": _places_by(
            lambda v, t: -v @ (t / np.linalg.norm(t, axis=1, keepdims=True)).T
        ),
        "Row and column are swapped: the row is place // columns, the column place % columns.": (
            lambda v, t, columns: find_places(v, t, columns)[:, ::-1]
        ),
        "That is the number of the place. Split it into row and column with `columns`: np.divmod.": (
            lambda v, t, columns: find_places(v, t, columns) @ np.array([columns, 1])
        ),
        "You divide by the number of rows. In reading order a row has `columns` places.": lambda v, t, columns: (
            np.stack(np.divmod(find_places(v, t, columns) @ np.array([columns, 1]), len(t) // columns), axis=1)
        ),
    },
    (
        "The cosine of an angle is a product of two vectors, each divided by its length. The largest cosine wins.",
        "All cosines at once: `vectors @ directions.T`, with `directions` the table, each row divided by its length.",
        "`argmax(axis=1)` gives the number of a place; `np.divmod(place, columns)` splits it, `np.stack(..., "
        "axis=1)` joins.",
    ),
)


def order_gaps(function, tokens, order):
    """Largest change of function(tokens) for each image, place by place and token by token, when tokens are shuffled.

    function: from (batch, tokens, dim) to the same shape. Returns (batch,) twice.
    """
    straight, shuffled = function(tokens), function(tokens[:, order])
    return np.abs(shuffled - straight).max(axis=(1, 2)), np.abs(shuffled - straight[:, order]).max(axis=(1, 2))


def _double(tokens):
    return 2 * tokens


def _mean_everywhere(tokens):
    return np.broadcast_to(tokens.mean(axis=1, keepdims=True), tokens.shape)


def _running_sum(tokens):
    return np.cumsum(tokens, axis=1)


def _attention(tokens):
    return softmax(tokens @ tokens.swapaxes(1, 2)) @ tokens


def _order_cases(rng):
    sizes = [(_running_sum, 5, 3), (_attention, 6, 2), (_double, 7, 4), (_mean_everywhere, 9, 2), (_running_sum, 12, 5)]
    return [(function, normal(rng, b, t, d), _order(rng, t)) for b, (function, t, d) in enumerate(sizes, 2)]


def _gaps_with(first, second):
    """`order_gaps` with other ways to measure: from one image's (straight, shuffled, order) to a number each."""

    def wrong(function, tokens, order):
        pairs = list(zip(function(tokens), function(tokens[:, order]), strict=True))
        return tuple(np.array([measure(*pair, order) for pair in pairs]) for measure in (first, second))

    return wrong


ORDER_GAPS = Exercise(
    "order_gaps",
    2,
    "Does this function see the order of its tokens?",
    order_gaps,
    _order_cases,
    {
        "A change can be negative. Take the absolute value before the largest.": _gaps_with(
            lambda a, b, o: (b - a).max(), lambda a, b, o: (b - a[o]).max()
        ),
        "That is the mean change. Wanted is the largest.": _gaps_with(
            lambda a, b, o: np.abs(b - a).mean(), lambda a, b, o: np.abs(b - a[o]).mean()
        ),
        "For the second number the outputs of the straight tokens are shuffled: straight[:, order], not "
        "shuffled[:, order].": (
            _gaps_with(lambda a, b, o: np.abs(b - a).max(), lambda a, b, o: np.abs(b[o] - a).max())
        ),
        "The two numbers are swapped: first place by place, then token by token.": _gaps_with(
            lambda a, b, o: np.abs(b - a[o]).max(), lambda a, b, o: np.abs(b - a).max()
        ),
        "`order` belongs inside, function(tokens[:, order]): you shuffle the outputs alone.": lambda f, tokens, order: (
            np.abs(f(tokens)[:, order] - f(tokens)).max(axis=(1, 2)),
            np.zeros(len(tokens)),
        ),
        "That is one number for the whole batch. Take the largest of each image: axes 1 and 2.": (
            lambda f, tokens, order: tuple(gaps.max() for gaps in order_gaps(f, tokens, order))
        ),
    },
    (
        "Call the function twice: on the tokens as they are, and on the tokens in the other order.",
        "Place by place compares the two results as they lie. Token by token compares each token with itself: where "
        "did it go?",
        "The second result compares `function(tokens[:, order])` with `function(tokens)[:, order]`; both take the "
        "largest absolute difference of each image: `.max(axis=(1, 2))`.",
    ),
    tolerance=1e-3,
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


def _hands(rows, columns, dim, speeds, first=0):
    """`grid_sines` with clocks of other speeds (dim / 4,), or places counted from `first`."""
    tables = []
    for place in np.divmod(np.arange(rows * columns), columns):
        angles = (place[:, None] + first) * speeds
        tables.append(np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(angles), dim // 2))
    return np.concatenate(tables, axis=1)


GRID_SINES = Exercise(
    "grid_sines",
    2,
    "Sine positions that know rows and columns",
    grid_sines,
    lambda rng: [(2, 3, 8), (3, 2, 12), (1, 4, 8), (4, 5, 16), (int(rng.integers(6, 9)), 3, 32)],
    {
        "This is the table over the flat index. Tokens of one row should share the first half of their numbers.": (
            lambda rows, columns, dim: sines(np.arange(rows * columns), dim)
        ),
        "The halves are swapped: first the row, then the column.": lambda rows, columns, dim: np.roll(
            grid_sines(rows, columns, dim), dim // 2, axis=1
        ),
        "The tokens run down the columns. In reading order the column changes fastest.": _columns_of_tokens,
        "Each half is a table of its own with dim / 2 columns: its speeds divide by dim / 2, not by dim.": (
            lambda rows, columns, dim: _hands(rows, columns, dim, 10000.0 ** (-2 * np.arange(dim // 4) / dim))
        ),
        "Rows and columns are counted from 0.": lambda rows, columns, dim: _hands(
            rows, columns, dim, 10000.0 ** (-4 * np.arange(dim // 4) / dim), first=1
        ),
        "All sines stand before all cosines. They take turns: sine, cosine, sine, cosine.": lambda rows, columns, dim: (
            np.concatenate(
                [
                    half[:, np.r_[0 : dim // 2 : 2, 1 : dim // 2 : 2]]
                    for half in np.split(grid_sines(rows, columns, dim), 2, axis=1)
                ],
                axis=1,
            )
        ),
    },
    (
        "A token's row and column are two places. Each gets a sine row of its own, half as long.",
        "`np.divmod(np.arange(rows * columns), columns)` gives the row and the column of every token in reading order.",
        "`sine_table(rows, dim // 2)[row]` picks a sine row for each token; join both halves with "
        "`np.concatenate(..., axis=1)`.",
    ),
)

EXERCISES = [UNSHUFFLE, FIND_PLACES, ORDER_GAPS, GRID_SINES]
