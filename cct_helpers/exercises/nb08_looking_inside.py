"""The exercises of notebook 08: looking inside. Each with its truth, its usual mistakes and its hints."""

import numpy as np

from cct_helpers.exercises import Exercise, normal, softmax


def shared_squares(one, other, k):
    """How many of their k largest squares two maps share, (n, tokens) twice -> (n,), and the mean number by chance."""
    first, second = (np.argsort(-maps, axis=1)[:, :k] for maps in (one, other))
    shared = (first[:, :, None] == second[:, None, :]).any(axis=2).sum(axis=1)
    return shared, k * k / one.shape[1]


def _two_maps(rng, n, tokens):
    one = normal(rng, n, tokens)
    return one, (one + normal(rng, n, tokens)).astype("float32")


SHARED_SQUARES = Exercise(
    "shared_squares",
    8,
    "Do two maps mark the same squares?",
    shared_squares,
    lambda rng: [(*_two_maps(rng, n, t), k) for n, t, k in [(5, 7, 3), (8, 12, 4), (6, 16, 5), (4, 64, 8)]],
    {
        "Those are the smallest squares. argsort begins with them.": lambda one, other, k: shared_squares(
            -one, -other, k
        ),
        "The same square may have another rank in the other map: look for it among all k, not at the same place.": (
            lambda one, other, k: (
                (np.argsort(-one, axis=1)[:, :k] == np.argsort(-other, axis=1)[:, :k]).sum(axis=1),
                k * k / one.shape[1],
            )
        ),
        "By chance each of the k squares is among the k of the other map with the probability k / tokens: k times "
        "that.": (lambda one, other, k: (shared_squares(one, other, k)[0], k / one.shape[1])),
        "That is the share. Wanted is how many.": lambda one, other, k: (
            shared_squares(one, other, k)[0] / k,
            k / one.shape[1],
        ),
        "That is the mean over the images. Keep a number for each.": lambda one, other, k: (
            shared_squares(one, other, k)[0].mean(),
            k * k / one.shape[1],
        ),
    },
    (
        "For each image there are two sets of k tokens. How many tokens are in both?",
        "`np.argsort(-maps, axis=1)[:, :k]` gives the sets. `np.isin` or `np.intersect1d` compares two of them, "
        "image by image.",
        "By chance, a token of the one set is in the other with the probability k / tokens, and there are k of them.",
    ),
)


def input_shares(pooling, maps, past_share):
    """Share of each input token in the pooled vector, by rollout in which `past_share` of a token is its own past.

    pooling: (batch, tokens). maps: (layers, batch, heads, tokens, tokens), first layer first. Returns (batch, tokens).
    """
    row = pooling[:, None]
    for layer in maps[::-1]:
        row = row @ ((1 - past_share) * layer.mean(axis=1) + past_share * np.eye(maps.shape[-1]))
    return row[:, 0]


def _shares_with(step=lambda row, layer: row @ layer, heads=np.mean, order=-1, mix=None):
    """`input_shares` with another step, another use of the heads, or layers from the first on."""

    def wrong(pooling, maps, past_share):
        row = pooling[:, None]
        for layer in maps[::order]:
            mixed = (mix or (lambda a, eye, past_share: (1 - past_share) * a + past_share * eye))(
                heads(layer, axis=1), np.eye(maps.shape[-1]), past_share
            )
            row = step(row, mixed)
        return row[:, 0]

    return wrong


INPUT_SHARES = Exercise(
    "input_shares",
    8,
    "From the pooled vector back to the image",
    input_shares,
    lambda rng: [
        (softmax(normal(rng, b, t)), softmax(2 * normal(rng, n, b, h, t, t)), float(rng.uniform(0.15, 0.4)))
        for n, b, h, t in [(2, 3, 4, 5), (3, 2, 1, 6), (4, 3, 2, 7)]
    ],
    {
        "You begin with the first layer. The pooled vector comes from the last one: walk back, last layer first.": (
            _shares_with(order=1)
        ),
        "You sum over the wrong axis: a row of weights stands on the left, row @ layer.": _shares_with(
            lambda row, layer: row @ layer.swapaxes(1, 2)
        ),
        "`past_share` is for a token's own past, the identity. The attention gets 1 - past_share.": _shares_with(
            mix=lambda a, eye, past_share: past_share * a + (1 - past_share) * eye
        ),
        "The past of a token is missing: past_share times the identity.": _shares_with(
            mix=lambda a, eye, past_share: a
        ),
        "Attention and past must be shares of 1: (1 - past_share) * attention + past_share * identity.": _shares_with(
            mix=lambda a, eye, past_share: a + past_share * eye
        ),
        "You took halves. Here `past_share` says how large the share of the past is.": _shares_with(
            mix=lambda a, eye, past_share: (a + eye) / 2
        ),
        "The heads are added up. Take their mean, so that rows still sum to 1.": _shares_with(heads=np.sum),
        "You took the largest head. Rollout takes their mean.": _shares_with(heads=np.max),
    },
    (
        "The pooling weights say how much of each token of the last layer goes into the vector. Push this row back, "
        "layer by layer.",
        "A layer's matrix is (1 - past_share) times the mean of its heads plus past_share times the identity; its "
        "row i says where token i came from.",
        "`row = pooling[:, None]`, then `row = row @ matrix` for the layers from the last to the first.",
    ),
)


def votes_between(tokens, weights, kernel, bias, first, second):
    """Votes of each token for class `first` over class `second` of its image, and what the bias adds to that.

    tokens: (batch, tokens, dim). weights: (batch, tokens). kernel: (dim, classes). bias: (classes,). first, second:
    (batch,). Returns (batch, tokens) and (batch,).
    """
    return weights * _along(tokens, kernel[:, first] - kernel[:, second]), bias[first] - bias[second]


def _along(tokens, directions):
    """Products of tokens (batch, tokens, dim) with the direction of their image, (dim, batch): (batch, tokens)."""
    return np.einsum("btd,db->bt", tokens, directions)


def _votes_with(change):
    """`votes_between`, and then a change of the votes and the bias."""
    return lambda tokens, weights, kernel, bias, first, second: change(
        *votes_between(tokens, weights, kernel, bias, first, second), tokens, weights
    )


def _votes_case(rng, batch, tokens, dim, classes):
    first, second = np.stack([rng.permutation(classes)[:2] for _ in range(batch)], axis=1)
    weights = softmax(normal(rng, batch, tokens))
    return normal(rng, batch, tokens, dim), weights, normal(rng, dim, classes), normal(rng, classes), first, second


VOTES_BETWEEN = Exercise(
    "votes_between",
    8,
    "This class rather than that one",
    votes_between,
    lambda rng: [_votes_case(rng, *sizes) for sizes in [(2, 4, 3, 5), (3, 5, 6, 4), (4, 3, 7, 10)]],
    {
        "The pooling weights are missing: a vote counts as much as its token is read.": lambda x, w, k, b, i, j: (
            _along(x, k[:, i] - k[:, j]),
            b[i] - b[j],
        ),
        "That is the vote for the first class alone. Take that for the second away.": lambda x, w, k, b, i, j: (
            w * _along(x, k[:, i]),
            b[i],
        ),
        "Each image has two classes of its own. You took those of the first image for all.": lambda x, w, k, b, i, j: (
            votes_between(x, w, k, b, np.full_like(i, i[0]), np.full_like(j, j[0]))
        ),
        "The classes are swapped: first less second.": _votes_with(lambda votes, bias, x, w: (-votes, -bias)),
        "Votes have a sign: a token can speak for the second class.": _votes_with(
            lambda votes, bias, x, w: (np.abs(votes), bias)
        ),
        "You summed over the tokens. Keep one vote for each token.": _votes_with(
            lambda votes, bias, x, w: (votes.sum(axis=1), bias)
        ),
        "The bias belongs to no token: return it apart.": _votes_with(
            lambda votes, bias, x, w: (votes + bias[:, None], bias)
        ),
        "The bias of both classes counts: that of the first less that of the second.": lambda x, w, k, b, i, j: (
            votes_between(x, w, k, b, i, j)[0],
            b[i],
        ),
    },
    (
        "A logit is a sum over tokens plus a bias. So is the difference of two logits.",
        "`kernel[:, first] - kernel[:, second]` is (dim, batch): a direction for each image. A vote is the pooling "
        "weight times the product of the token with the direction of its image.",
        '`np.einsum("btd,db->bt", tokens, directions)` makes these products; for the bias, `bias[first] - '
        "bias[second]`.",
    ),
)


def remove_squares(image, order, count, size):
    """Fill the first `count` tokens of `order` with the image's mean colour: (height, width, channels) -> the same.

    Token i covers size x size pixels; tokens are in reading order.
    """
    result, columns = image.copy(), image.shape[1] // size
    for token in order[:count]:
        row, column = token // columns * size, token % columns * size
        result[row : row + size, column : column + size] = image.mean(axis=(0, 1))
    return result


def _by_columns(image, order, count, size):
    rows, columns = image.shape[0] // size, image.shape[1] // size
    return remove_squares(image, order % rows * columns + order // rows, count, size)


def _mean_of_the_square(image, order, count, size):
    result, columns = image.copy(), image.shape[1] // size
    for token in order[:count]:
        row, column = token // columns * size, token % columns * size
        square = image[row : row + size, column : column + size]
        result[row : row + size, column : column + size] = square.mean(axis=(0, 1))
    return result


REMOVE_SQUARES = Exercise(
    "remove_squares",
    8,
    "Take squares out, in an order",
    remove_squares,
    lambda rng: [
        (normal(rng, r * s, c * s, d) + 1, rng.permutation(r * c), k, s)
        for r, c, s, d, k in [(2, 3, 2, 4, 2), (3, 2, 2, 3, 4), (2, 4, 3, 2, 5), (4, 5, 2, 3, 9)]
    ],
    {
        "Token i stands in row i // columns, column i % columns. You counted down the columns.": _by_columns,
        "These are the last tokens of the order. Begin with the first.": lambda image, order, count, size: (
            remove_squares(image, order[::-1], count, size)
        ),
        "Only one square is gone. Fill all of order[:count].": lambda image, order, count, size: remove_squares(
            image, order[count - 1 :], 1, size
        ),
        "Black is a colour too, and a loud one. Fill with the mean colour.": lambda image, order, count, size: np.where(
            remove_squares(image, order, count, size) == image, image, 0
        ),
        "The mean colour has one number for each channel: mean over axes 0 and 1.": lambda image, order, count, size: (
            np.where(remove_squares(image, order, count, size) == image, image, image.mean())
        ),
        "That is the mean colour of the square itself, which still tells what was there. Take that of the whole "
        "image.": (_mean_of_the_square),
    },
    (
        "A token number becomes a row and a column of tokens, and these become pixels.",
        "With `columns = width // size` tokens in a row: row `token // columns`, column `token % columns`, each "
        "times `size`.",
        "Work on `image.copy()`, and write `image.mean(axis=(0, 1))` into `[row : row + size, column : column + "
        "size]`.",
    ),
)

EXERCISES = [SHARED_SQUARES, VOTES_BETWEEN, REMOVE_SQUARES, INPUT_SHARES]
