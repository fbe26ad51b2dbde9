"""The exercises of notebook 03: attention and its neighbours. Each with its truth, its usual mistakes and its hints."""

import numpy as np

from cct_helpers.exercises import Exercise, normal, softmax


def cross_attention(queries, keys, values):
    """Each of n queries reads from m tokens: (batch, n, size), (batch, m, size), (batch, m, width) -> (b, n, width)."""
    return _attend(queries, keys, values)


def _attend(queries, keys, values, power=0.5, axis=-1, size=None):
    scores = queries @ keys.swapaxes(1, 2) / (size or queries.shape[-1]) ** power
    return softmax(scores, axis) @ values


def _reshaped(queries, keys, values):
    batch, m, size = keys.shape
    return softmax(queries @ keys.reshape(batch, size, m) / size**0.5) @ values


CROSS_ATTENTION = Exercise(
    "cross_attention",
    3,
    "Some tokens read from others",
    cross_attention,
    lambda rng: [
        (2 * normal(rng, b, n, s), 2 * normal(rng, b, m, s), normal(rng, b, m, w))
        for b, n, m, s, w in [(2, 3, 4, 5, 6), (3, 5, 2, 4, 7), (1, 1, 9, 8, 3), (2, 6, 5, 16, 9)]
    ],
    {
        "The scale is missing: divide the scores by the square root of the size.": lambda q, k, v: _attend(q, k, v, 0),
        "You divide by the size. Divide by its square root.": lambda q, k, v: _attend(q, k, v, 1),
        "You multiply by the root of the size. Divide by it.": lambda q, k, v: _attend(q, k, v, -0.5),
        "The softmax runs over the queries. Each row, one query, should sum to 1: axis=-1.": lambda q, k, v: _attend(
            q, k, v, axis=1
        ),
        "The scale is the root of the length of a query, the last axis, not of the number of tokens.": (
            lambda q, k, v: _attend(q, k, v, size=k.shape[1])
        ),
        "The scale is the root of the length of a query, the last axis, not of the batch.": lambda q, k, v: _attend(
            q, k, v, size=len(q)
        ),
        "A reshape does not transpose: swap the last two axes of the keys, swapaxes(1, 2).": _reshaped,
    },
    (
        "It is the attention of the notebook, with two changes: a batch in front, and queries from other tokens than"
        " the keys.",
        "The scores are (batch, n, m). `keys.T` would turn the batch round too: swap the last two axes alone.",
        "`softmax(queries @ keys.swapaxes(1, 2) / np.sqrt(size)) @ values`, with the size of the last axis.",
    ),
)


def fold_norm(scale, shift, kernel, bias):
    """A linear layer that does the norm's scale and shift as well: (dim,) twice, (dim, n), (n,) -> kernel, bias."""
    return scale[:, None] * kernel, bias + shift @ kernel


FOLD_NORM = Exercise(
    "fold_norm",
    3,
    "Fold the scale of a norm into the next layer",
    fold_norm,
    lambda rng: [
        (1 + normal(rng, d), normal(rng, d), normal(rng, d, n), normal(rng, n)) for d, n in [(3, 5), (4, 2), (6, 7)]
    ],
    {
        "The scale belongs to the rows of the kernel, one for each number that comes in: scale[:, None] * kernel.": (
            lambda a, b, kernel, bias: (np.resize(a, kernel.shape[1]) * kernel, bias + b @ kernel)
        ),
        "The shift goes through the kernel too: shift @ kernel, not shift alone.": lambda a, b, kernel, bias: (
            a[:, None] * kernel,
            bias + np.resize(b, bias.shape),
        ),
        "The shift is missing: what it adds to every token adds to the new bias.": lambda a, b, kernel, bias: (
            a[:, None] * kernel,
            bias,
        ),
        "The shift is added after the scale, so it does not meet it: use the old kernel for it.": (
            lambda a, b, kernel, bias: (a[:, None] * kernel, bias + b @ (a[:, None] * kernel))
        ),
        "The old bias is lost: the new one is the old one and what the shift adds.": lambda a, b, kernel, bias: (
            a[:, None] * kernel,
            b @ kernel,
        ),
    },
    (
        "Write both layers as one formula: (x * scale + shift) @ kernel + bias. Multiply out.",
        "x * scale @ kernel: number i of a token meets row i of the kernel, so scale[i] can be moved into that row.",
        "New kernel: `scale[:, None] * kernel`. New bias: `bias + shift @ kernel`.",
    ),
)


def value_to_output(kernel, projection, heads, head):
    """One matrix from a token to what one head adds to the output: (dim, 3 dim), (dim, dim) -> (dim, dim)."""
    dim, size = len(projection), len(projection) // heads
    part = slice(head * size, (head + 1) * size)
    return kernel[:, 2 * dim :][:, part] @ projection[part]


def _value_to_output_with(first=2, columns=False, by_head=False, kept=None):
    """`value_to_output` with another third of the kernel, columns of the projection, or other heads."""

    def wrong(kernel, projection, heads, head):
        dim, size = len(projection), len(projection) // heads
        which = head if kept is None else kept(head)
        part = slice(which * size, (which + 1) * size)
        if by_head:
            value = kernel[:, head * 3 * size + 2 * size : (head + 1) * 3 * size]
        else:
            value = kernel[:, first * dim : (first + 1) * dim][:, part]
        return value @ (projection[:, part].T if columns else projection[part])

    return wrong


VALUE_TO_OUTPUT = Exercise(
    "value_to_output",
    3,
    "What one head writes, as one matrix",
    value_to_output,
    lambda rng: [
        (normal(rng, d, 3 * d), normal(rng, d, d), h, i) for d, h, i in [(6, 3, 1), (8, 2, 0), (8, 4, 2), (10, 5, 4)]
    ],
    {
        "The values are the last third of the kernel. You took the queries.": _value_to_output_with(first=0),
        "The values are the last third of the kernel. You took the keys.": _value_to_output_with(first=1),
        "What a head gives meets *rows* of the projection: projection[part], not its columns.": _value_to_output_with(
            columns=True
        ),
        "The kernel packs all queries, all keys, all values, and the heads inside each, not head by head.": (
            _value_to_output_with(by_head=True)
        ),
        "Heads are counted from 0.": _value_to_output_with(kept=lambda head: max(head - 1, 0)),
        "That is all heads together. One head has `dim // heads` columns of the values and as many rows of the "
        "projection.": (lambda kernel, projection, heads, head: kernel[:, 2 * len(projection) :] @ projection),
    },
    (
        "A head adds `weights @ (x @ to_value) @ its rows of the projection`. The weights stand on the left; the "
        "rest is two "
        "matrices in a row.",
        "Find the columns of the kernel that make this head's values, (dim, size), and the rows of the projection "
        "that they "
        "meet, (size, dim).",
        "With `part = slice(head * size, (head + 1) * size)`: `kernel[:, 2 * dim :][:, part] @ projection[part]`.",
    ),
)


def reorder_heads(kernel, projection, order):
    """Weights with the heads in another order and the same output: (dim, 3 dim), (dim, dim) -> the same shapes."""
    dim, heads = len(projection), len(order)
    packed = kernel.reshape(dim, 3, heads, -1)[:, :, order].reshape(dim, 3 * dim)
    return packed, projection.reshape(heads, -1, dim)[order].reshape(dim, dim)


def _columns_reordered(kernel, projection, order):
    dim, heads = len(projection), len(order)
    return (
        reorder_heads(kernel, projection, order)[0],
        projection.reshape(dim, heads, -1)[:, order].reshape(dim, dim),
    )


def _packed_by_head(kernel, projection, order):
    dim, heads = len(projection), len(order)
    packed = kernel.reshape(dim, heads, -1)[:, order].reshape(dim, 3 * dim)
    return packed, reorder_heads(kernel, projection, order)[1]


REORDER_HEADS = Exercise(
    "reorder_heads",
    3,
    "Swap the heads, keep the output",
    reorder_heads,
    lambda rng: [
        (normal(rng, d, 3 * d), normal(rng, d, d), np.array(order))
        for d, order in [(6, [1, 2, 0]), (8, [3, 0, 1, 2]), (10, [2, 0, 4, 1, 3]), (12, [1, 2, 0])]
    ],
    {
        "The projection must follow, or it mixes the heads as if they stood where they were.": (
            lambda kernel, projection, order: (reorder_heads(kernel, projection, order)[0], projection)
        ),
        "The heads meet the *rows* of the projection. You "
        "reordered its columns, which are the output.": _columns_reordered,
        "The kernel is (dim, 3, heads, size): three packs, the heads inside each. Yours are packed head by head.": (
            _packed_by_head
        ),
        "That is the inverse order: new head i is old head order[i], so index with `order` itself.": (
            lambda kernel, projection, order: reorder_heads(kernel, projection, np.argsort(order))
        ),
    },
    (
        "A head owns columns of the kernel, in each of the three packs, and rows of the projection. Move all of them.",
        "A reshape of the kernel to (dim, 3, heads, size) gives the heads an axis of their own. Index it with `order`.",
        "`kernel.reshape(dim, 3, heads, size)[:, :, order]` and `projection.reshape(heads, size, dim)[order]`, then "
        "back.",
    ),
)


def is_attention(candidate):
    """Whether a function (queries, keys, values) -> output, each (tokens, size), is attention as it should be."""
    rng = np.random.default_rng(0)
    queries, keys, values = 2 * rng.normal(size=(3, 7, 5))
    return bool(np.allclose(candidate(queries, keys, values), _single(queries, keys, values)))


def _single(queries, keys, values, power=0.5, axis=-1, size=None):
    return softmax(queries @ keys.T / (size or queries.shape[-1]) ** power, axis) @ values


def _by_rows(queries, keys, values):
    rows = [softmax(keys @ query / np.sqrt(len(query))) @ values for query in queries]
    return np.stack(rows)


def _as_candidate(function):
    """The function under a name that tells nothing."""

    def candidate(queries, keys, values):
        return function(queries, keys, values)

    return candidate


CANDIDATES = [
    _single,
    lambda q, k, v: _single(q, k, v, 0),
    lambda q, k, v: _single(q, k, v, axis=0),
    lambda q, k, v: _single(k, q, v),
    _by_rows,
    lambda q, k, v: _single(q, k, v, 1),
    lambda q, k, v: _single(q, k, v, size=len(q)),
    lambda q, k, v: _single(q, k, k),
]


def _test_with(tokens, size, scale=1.0, compare=np.allclose):
    """A test of attention on arrays of another size, or that compares something else."""

    def answer(candidate):
        queries, keys, values = scale * np.random.default_rng(1).normal(size=(3, tokens, size))
        return bool(compare(candidate(queries, keys, values), _single(queries, keys, values)))

    return answer


IS_ATTENTION = Exercise(
    "is_attention",
    3,
    "Write the test that finds the bug",
    is_attention,
    lambda rng: [(_as_candidate(CANDIDATES[number]),) for number in rng.permutation(len(CANDIDATES))],
    {
        "A shape shows none of these bugs. Compare the numbers with attention that you trust.": _test_with(
            7, 5, compare=lambda one, other: np.shape(one) == np.shape(other)
        ),
        "With as many tokens as numbers in a query, the root of the one is the root of the other. Take different "
        "sizes.": (_test_with(5, 5)),
        "Your arrays are so small that every softmax is nearly uniform: the tolerance hides the scale. Take larger "
        "ones.": (_test_with(7, 5, scale=1e-4)),
        "With size 1 its square root is 1 as well, and a missing scale does not show. Take a larger size.": _test_with(
            7, 1
        ),
        "True is for a function without a bug.": lambda candidate: not is_attention(candidate),
    },
    (
        "A test needs arrays on which right and wrong differ, and an answer that you trust.",
        "Draw queries, keys and values of the shape (tokens, size) with two different sizes above 1, and numbers "
        "that are not "
        "tiny.",
        "Compute `attend(queries, keys, values)[0]`, the notebook's, beside `candidate(queries, keys, values)`, and "
        "return `bool(np.allclose(one, other))`.",
    ),
)

EXERCISES = [CROSS_ATTENTION, FOLD_NORM, VALUE_TO_OUTPUT, REORDER_HEADS, IS_ATTENTION]
