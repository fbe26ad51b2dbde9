"""The exercises of notebook 01: patches and convolutions. Each with its truth, its usual mistakes and its hints."""

import numpy as np

from cct_helpers.exercises import Exercise, normal


def unpatchify(tokens, size, rows, columns):
    """Patches to image: (batch, rows * columns, size * size * channels) -> (batch, height, width, channels)."""
    x = tokens.reshape(len(tokens), rows, columns, size, size, -1).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(len(tokens), rows * size, columns * size, -1)


def _unpatchify_with(order):
    """`unpatchify` with another order of (batch, rows, columns, down, across, channels)."""

    def wrong(tokens, size, rows, columns):
        x = tokens.reshape(len(tokens), rows, columns, size, size, -1).transpose(order)
        return x.reshape(len(tokens), rows * size, columns * size, -1)

    return wrong


def _columns_first(tokens, size, rows, columns):
    x = tokens.reshape(len(tokens), columns, rows, size, size, -1).transpose(0, 2, 3, 1, 4, 5)
    return x.reshape(len(tokens), rows * size, columns * size, -1)


def _channels_first(tokens, size, rows, columns):
    x = tokens.reshape(len(tokens), rows, columns, -1, size, size).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(len(tokens), rows * size, columns * size, -1)


UNPATCHIFY = Exercise(
    "unpatchify",
    1,
    "From patches back to the image",
    unpatchify,
    lambda rng: [
        (normal(rng, b, r * c, s * s * d), s, r, c)
        for b, r, c, s, d in [(2, 3, 4, 2, 5), (2, 3, 2, 3, 4), (1, 1, 4, 2, 3), (3, 4, 5, 4, 2)]
    ],
    {
        "One reshape alone tears patches apart. Split into rows, columns, down, across, channels, then transpose.": (
            _unpatchify_with((0, 1, 2, 3, 4, 5))
        ),
        "Each patch is mirrored along its diagonal: the pixel's row comes before its column.": (
            _unpatchify_with((0, 1, 4, 2, 3, 5))
        ),
        "Your image takes the tokens column by column. They are in reading order: split into rows, then columns.": (
            _columns_first
        ),
        "In a token the channels of a pixel stand side by side: the channels are the last axis, not the first.": (
            _channels_first
        ),
    },
    (
        "`patchify` is a reshape, a transpose and a reshape. Undo the last one first.",
        "After your first reshape the axes are (batch, rows, columns, down, across, channels): which two belong "
        "together "
        "to make the height?",
        "Transpose so that `down` follows `rows` and `across` follows `columns`, then merge these pairs with a "
        "reshape.",
    ),
)


ENOUGH = 30  # steps after which every side is 1


def steps_needed(side, kernel, stride, padding, most):
    """The fewest steps of convolution and pool after which a square image gives at most `most` tokens."""
    for steps in range(1, ENOUGH):
        side = (side + 2 * padding - kernel) // stride + 1
        side = (side + 2 - 3) // 2 + 1
        if side * side <= most:
            return steps
    return ENOUGH  # for what nobody asks: the rules for hints try other arguments


def _steps_with(step, enough=lambda side, most: side * side <= most):
    """`steps_needed` with another rule for one step, or for when it is enough."""

    def wrong(side, kernel, stride, padding, most):
        for steps in range(1, ENOUGH):
            side = step(side, kernel, stride, padding)
            if enough(side, most):
                return steps
        return ENOUGH

    return wrong


def _one_step(side, kernel, stride, padding):
    return ((side + 2 * padding - kernel) // stride + 1 - 1) // 2 + 1


STEPS_NEEDED = Exercise(
    "steps_needed",
    1,
    "How many steps does a photo need?",
    steps_needed,
    lambda rng: [
        (33, 3, 1, 1, 64),
        (65, 3, 1, 1, 64),
        (100, 5, 1, 2, 49),
        (224, 7, 2, 3, 200),
        (int(rng.integers(260, 300)), 3, 1, 1, 20),
        (34, 3, 1, 1, 81),
        (36, 2, 1, 0, 64),
        (47, 3, 1, 0, 121),
        *((side, 5, 1, 2, (side // 4) ** 2) for side in (29, 30, 31, 57)),
        *((side, 3, 1, 1, ((side + 3) // 4) ** 2) for side in (41, 43, 53)),
    ],
    {
        "After every convolution comes a max-pool: 3 x 3, stride 2, padding 1. It has the same formula.": _steps_with(
            lambda side, k, s, p: (side + 2 * p - k) // s + 1
        ),
        "`most` bounds the tokens, rows times columns. You compare it with one side.": _steps_with(
            _one_step, lambda side, most: side <= most
        ),
        "`most` tokens are allowed, so stop as soon as there are as many or fewer.": _steps_with(
            _one_step, lambda side, most: side * side < most
        ),
        "The pool does not halve exactly: an odd side is rounded up. Use its formula, with 3, 2 and 1.": _steps_with(
            lambda side, k, s, p: ((side + 2 * p - k) // s + 1) // 2
        ),
        "One step too many: count the step that is enough, and none after it.": lambda *sizes: steps_needed(*sizes) + 1,
        "The last step counts too.": lambda *sizes: steps_needed(*sizes) - 1,
    },
    (
        "Each step turns one side into a smaller one. Repeat until the tokens, side times side, are few enough.",
        "A step is two formulas of the same kind: the convolution with its kernel, stride and padding, then the pool"
        " with 3, "
        "2 and 1.",
        "A `while` loop: the new side is `(side + 2 * padding - kernel) // stride + 1`, then the same with 3, 2 and 1 "
        "for kernel, stride and padding. Count the rounds.",
    ),
)


def tokens_that_see(pixel, steps, count):
    """Which of `count` tokens along a side have the pixel in their receptive field: (count,) of True and False.

    steps: list of (kernel, stride, padding), first to last.
    """
    size, start, apart = 1, 0, 1
    for kernel, stride, padding in steps:
        size, start, apart = size + (kernel - 1) * apart, start - padding * apart, apart * stride
    first = start + apart * np.arange(count)
    return (first <= pixel) & (pixel < first + size)


def _seen_with(pad=1, grow=1, last=0):
    """`tokens_that_see` without padding, or with a field of another size."""

    def wrong(pixel, steps, count):
        size, start, apart = 1, 0, 1
        for kernel, stride, padding in steps:
            size, start, apart = size + (kernel - grow) * apart, start - pad * padding * apart, apart * stride
        first = start + apart * np.arange(count)
        return (first <= pixel) & (pixel < first + size + last)

    return wrong


def _without_strides(pixel, steps, count):
    size = 1 + sum(kernel - 1 for kernel, _, _ in steps)
    apart = int(np.prod([stride for _, stride, _ in steps]))
    first = -sum(padding for _, _, padding in steps) + apart * np.arange(count)
    return (first <= pixel) & (pixel < first + size)


TOKENS_THAT_SEE = Exercise(
    "tokens_that_see",
    1,
    "Which tokens see this pixel?",
    tokens_that_see,
    lambda rng: [
        (pixel, steps, count)
        for steps, count in [
            ([(3, 1, 1), (3, 2, 1)], 8),
            ([(4, 4, 0)], 6),
            ([(3, 1, 1), (3, 2, 1)] * 2, 9),
            ([(7, 2, 3), (3, 2, 1)], 7),
        ]
        for pixel in (2, 4, int(rng.integers(9, 14)))
    ],
    {
        "The padding moves the first field to the left: it starts before pixel 0.": _seen_with(pad=0),
        "A window of k positions adds k - 1, not k: its first one is counted already.": _seen_with(grow=0),
        "A field of `size` pixels from `first` on ends with pixel first + size - 1.": _seen_with(last=1),
        "Windows are as wide as the strides before them make them: multiply k - 1 and the padding by these strides.": (
            _without_strides
        ),
        "A field begins with its first pixel, so that one lies in it: first <= pixel.": lambda pixel, steps, count: (
            tokens_that_see(pixel, steps, count) & tokens_that_see(pixel - 1, steps, count)
        ),
        "You have the tokens that do not see it.": lambda pixel, steps, count: ~tokens_that_see(pixel, steps, count),
    },
    (
        "A token sees `size` pixels in a row. Where does the field of token 0 begin, and how far on is that of token"
        " 1?",
        "`receptive_field` of the notebook gives (size, start, step): token i sees `size` pixels from `start + i * "
        "step` on.",
        "With `first = start + step * np.arange(count)` the pixel is seen where `first <= pixel` and `pixel < first "
        "+ size`.",
    ),
)


def mean_pool(x):
    """3 x 3 mean, stride 2, over the places inside the map: (batch, h, w, c) -> (batch, rows, columns, c)."""
    return _sums(x) / _sums(np.ones_like(x))


def _sums(x):
    around = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3), axis=(1, 2))
    return windows[:, ::2, ::2].sum(axis=(-2, -1))


def _late(x):
    around = np.pad(x, [(0, 0), (0, 2), (0, 2), (0, 0)])
    ones = np.pad(np.ones_like(x), [(0, 0), (0, 2), (0, 2), (0, 0)])
    each = [
        np.lib.stride_tricks.sliding_window_view(a, (3, 3), axis=(1, 2))[:, ::2, ::2].sum(axis=(-2, -1))
        for a in (around, ones)
    ]
    rows, columns = (np.array(x.shape[1:3]) + 1) // 2
    return (each[0] / each[1])[:, :rows, :columns]


MEAN_POOL = Exercise(
    "mean_pool",
    1,
    "A mean-pool whose border is not darker",
    mean_pool,
    lambda rng: [
        (1 + np.abs(normal(rng, *sizes)),) for sizes in [(2, 5, 7, 3), (2, 8, 5, 3), (1, 9, 6, 4), (3, 4, 4, 2)]
    ],
    {
        "Your border is too dark: zeros from outside are counted. Divide by the number of places inside the map.": (
            lambda x: _sums(x) / 9
        ),
        "That is the sum of each window. A mean divides it by how many places it has.": _sums,
        "The windows start a place late. The one of row 0 has the "
        "rows -1, 0 and 1, of which 0 and 1 are inside.": _late,
        "That is a max-pool. Take the mean of each window.": lambda x: np.lib.stride_tricks.sliding_window_view(
            np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)]), (3, 3), axis=(1, 2)
        )[:, ::2, ::2].max(axis=(-2, -1)),
        "The stride is 2: every second window, in rows and in columns.": lambda x: (
            np.lib.stride_tricks.sliding_window_view(
                np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge"), (3, 3), axis=(1, 2)
            ).mean(axis=(-2, -1))
        ),
    },
    (
        "A mean is a sum divided by a count. Zeros around the map do no harm to the sum; what do they do to the count?",
        "`windows(pad(x, 1), 3, 2)` of the notebook gives the windows; sum over its last two axes.",
        "The same sum for an array of ones counts the places inside the map: divide one by the other.",
    ),
)

EXERCISES = [UNPATCHIFY, STEPS_NEEDED, TOKENS_THAT_SEE, MEAN_POOL]
