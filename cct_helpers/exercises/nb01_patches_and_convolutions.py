"""The exercises of notebook 01: patches and convolutions. Each with its truth and its usual mistakes."""

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


UNPATCHIFY = Exercise(
    "unpatchify",
    1,
    "From patches back to the image",
    unpatchify,
    lambda rng: [
        (normal(rng, b, r * c, s * s * d), s, r, c)
        for b, r, c, s, d in [(1, 2, 3, 2, 1), (2, 3, 2, 3, 3), (1, 1, 4, 2, 3), (3, 4, 4, 4, 1)]
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
    },
)


def token_grid(height, width, kernel, stride, padding, convs):
    """Rows and columns of a conv tokenizer: `convs` times a convolution, then a pool of 3, stride 2, padding 1."""
    sides = [height, width]
    for _ in range(convs):
        sides = [(side + 2 * padding - kernel) // stride + 1 for side in sides]
        sides = [(side + 2 - 3) // 2 + 1 for side in sides]
    return tuple(sides)


def _grid_with(step):
    """`token_grid` with another rule for one convolution and its pool."""

    def wrong(height, width, kernel, stride, padding, convs):
        sides = [height, width]
        for _ in range(convs):
            sides = [step(side, kernel, stride, padding) for side in sides]
        return tuple(sides)

    return wrong


def _odd_sizes(rng):
    sizes = [(9, 14, 5, 1, 2, 1), (32, 32, 3, 1, 1, 2), (33, 20, 5, 1, 2, 2), (57, 80, 7, 2, 3, 2)]
    return sizes + [(31, 46, 4, 1, 2, 1), tuple(map(int, (*rng.integers(20, 60, size=2), 6, 1, 2, 1)))]


TOKEN_GRID = Exercise(
    "token_grid",
    1,
    "Count the tokens of a convolutional tokenizer",
    token_grid,
    _odd_sizes,
    {
        "After every convolution comes a max-pool: 3 x 3, stride 2, padding 1. It has the same formula.": _grid_with(
            lambda side, k, s, p: (side + 2 * p - k) // s + 1
        ),
        "Padding is put on both ends of a side: 2 * padding.": _grid_with(
            lambda side, k, s, p: ((side + p - k) // s + 1 - 1) // 2 + 1
        ),
        "A window that fits once has moved zero times: add 1 after the floor, for convolution and pool.": _grid_with(
            lambda side, k, s, p: ((side + 2 * p - k) // s - 1) // 2
        ),
        "The pool does not halve exactly: use the formula with 3, 2 and 1. An odd side is rounded up.": _grid_with(
            lambda side, k, s, p: ((side + 2 * p - k) // s + 1) // 2
        ),
        "Rows come from the height and columns from the width: the two are swapped.": lambda *sizes: token_grid(*sizes)[
            ::-1
        ],
    },
)


def field_side(steps):
    """Side of the receptive field, in pixels, of steps [(kernel, stride), ...], first to last."""
    size, apart = 1, 1
    for kernel, stride in steps:
        size, apart = size + (kernel - 1) * apart, apart * stride
    return size


def _stride_too_early(steps):
    size, apart = 1, 1
    for kernel, stride in steps:
        apart *= stride
        size += (kernel - 1) * apart
    return size


FIELD_SIDE = Exercise(
    "field_side",
    1,
    "How many pixels a token sees",
    field_side,
    lambda rng: [
        ([(3, 1), (3, 2)],),
        ([(3, 1), (3, 2)] * 2,),
        ([(7, 2), (3, 2)] * 2,),
        ([tuple(map(int, pair)) for pair in rng.integers(2, 5, size=(4, 2))],),
    ],
    {
        "A window is as wide as the strides *before* it make it. Multiply by the stride after you have added.": (
            _stride_too_early
        ),
        "The strides are missing: after a stride of 2, neighbouring positions are 2 pixels apart.": (
            lambda steps: 1 + sum(kernel - 1 for kernel, _ in steps)
        ),
        "Begin with 1: before the first step a position sees its own pixel.": lambda steps: field_side(steps) - 1,
        "A window of k positions adds k - 1, not k: its first one is counted already.": lambda steps: (
            1 + sum(kernel * int(np.prod([s for _, s in steps[:i]])) for i, (kernel, _) in enumerate(steps))
        ),
    },
)


def tokenizer_step(images, kernel):
    """Zeros, 3 x 3 convolution, ReLU, padded 3 x 3 max-pool with stride 2: (b, h, w, c) -> (b, rows, columns, dim)."""
    return _pool(np.maximum(_convolve(_pad(images, 1), kernel), 0))


def _pad(x, pixels):
    return np.pad(x, [(0, 0), (pixels, pixels), (pixels, pixels), (0, 0)])


def _convolve(x, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    return np.einsum("brcmij,ijmn->brcn", windows, kernel)


def _pool(x):
    windows = np.lib.stride_tricks.sliding_window_view(_pad(x, 1), (3, 3), axis=(1, 2))
    return windows[:, ::2, ::2].max(axis=(-2, -1))


def _same_pool(x):
    sides = [((side % 2), 1) for side in x.shape[1:3]]  # what is missing, and the odd one of it at the end
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, [(0, 0), *sides, (0, 0)]), (3, 3), axis=(1, 2))
    return windows[:, ::2, ::2].max(axis=(-2, -1))


def _images_and_kernel(rng, batch, height, width, channels, dim):
    kernel = normal(rng, 3, 3, channels, dim)
    kernel[..., 0] = -np.abs(kernel[..., 0])  # on positive images the first number of each token is 0 after a ReLU
    return np.abs(normal(rng, batch, height, width, channels)), kernel


TOKENIZER_STEP = Exercise(
    "tokenizer_step",
    1,
    "One step of the convolutional tokenizer",
    tokenizer_step,
    lambda rng: [_images_and_kernel(rng, *sizes) for sizes in [(1, 4, 6, 1, 2), (2, 5, 8, 3, 4), (3, 9, 7, 2, 5)]],
    {
        "Your zeros come after the convolution. They go around the image before it.": lambda x, kernel: _pool(
            _pad(np.maximum(_convolve(x, kernel), 0), 1)
        ),
        "The pool is padded at one end only, as 'same' does: its windows start a pixel late. Pad 1 on both ends.": (
            lambda x, kernel: _same_pool(np.maximum(_convolve(_pad(x, 1), kernel), 0))
        ),
        "The ReLU is missing: no number of a token is negative.": lambda x, kernel: _pool(
            _convolve(_pad(x, 1), kernel)
        ),
        "The kernel is turned round. Deep learning's convolution multiplies without flipping it.": lambda x, kernel: (
            tokenizer_step(x, kernel[::-1, ::-1])
        ),
        "The max-pool is missing.": lambda x, kernel: np.maximum(_convolve(_pad(x, 1), kernel), 0),
    },
)

EXERCISES = [UNPATCHIFY, TOKEN_GRID, FIELD_SIDE, TOKENIZER_STEP]
