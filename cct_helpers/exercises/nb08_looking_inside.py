"""The exercises of notebook 08: looking inside. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.attention import attention_rollout
from cct_helpers.exercises import Exercise, normal, softmax


def rollout(maps):
    """Attention rollout: (layers, batch, heads, tokens, tokens) -> (batch, tokens, tokens)."""
    return attention_rollout(maps)


def _rolled(maps, step=lambda layer, so_far: layer @ so_far, own=0.5, heads=np.mean):
    layers = [(1 - own) * heads(layer, axis=1) + own * np.eye(maps.shape[-1]) for layer in maps]
    result = layers[0]
    for layer in layers[1:]:
        result = step(layer, result)
    return result


ROLLOUT = Exercise(
    "rollout",
    8,
    "Attention rollout",
    rollout,
    lambda rng: [
        (softmax(2 * normal(rng, *shape, shape[-1])),) for shape in [(2, 1, 2, 3), (3, 2, 1, 4), (2, 3, 3, 6)]
    ],
    {
        "The layers are multiplied in the wrong order. The last layer stands on the left: layer @ so_far.": (
            lambda maps: _rolled(maps, lambda layer, so_far: so_far @ layer)
        ),
        "The residual connection is missing: half of a token is its own past, (A + I) / 2.": lambda maps: _rolled(
            maps, own=0
        ),
        "The heads are added up. Take their mean, so that rows still sum to 1.": lambda maps: _rolled(
            maps, heads=np.sum
        ),
        "You took the largest head. Rollout takes their mean.": lambda maps: _rolled(maps, heads=np.max),
        "A product of matrices is wanted, @. You multiplied number by number.": lambda maps: _rolled(
            maps, lambda layer, so_far: layer * so_far
        ),
        "A + I has rows with the sum 2. Divide by 2 in each layer.": lambda maps: 2 ** len(maps) * _rolled(maps),
    },
)


def input_shares(pooling, rollout):
    """Share of each input token in the pooled vector: (batch, tokens), (batch, tokens, tokens) -> (batch, tokens)."""
    return (pooling[:, None] @ rollout)[:, 0]


INPUT_SHARES = Exercise(
    "input_shares",
    8,
    "Rollout through the pooling row",
    input_shares,
    lambda rng: [(softmax(normal(rng, b, t)), softmax(2 * normal(rng, b, t, t))) for b, t in [(1, 3), (2, 4), (3, 7)]],
    {
        "The sum runs over the wrong axis: pooling weighs the *rows* of the rollout, the output tokens.": (
            lambda pooling, rollout: np.einsum("bt,but->bu", pooling, rollout)
        ),
        "That is the mean of the rows. Weigh them with the pooling weights.": lambda pooling, rollout: rollout.mean(
            axis=1
        ),
        "You weighed the columns and kept the first row. All output tokens take part: sum over them.": (
            lambda pooling, rollout: pooling * rollout[:, 0]
        ),
        "You read token 0 as if it were a class token. A CCT has none; its pooling weights are the row.": (
            lambda pooling, rollout: rollout[:, 0]
        ),
    },
)


def token_votes(tokens, weights, kernel):
    """The part of each token in each logit: (batch, tokens, dim), (batch, tokens), (dim, classes) -> (b, t, c)."""
    return weights[:, :, None] * (tokens @ kernel)


TOKEN_VOTES = Exercise(
    "token_votes",
    8,
    "Which token votes for which class?",
    token_votes,
    lambda rng: [
        (normal(rng, b, t, d), softmax(normal(rng, b, t)), normal(rng, d, c))
        for b, t, d, c in [(1, 2, 3, 4), (2, 5, 3, 2), (3, 4, 6, 10)]
    ],
    {
        "The pooling weights are missing: a vote counts as much as its token is read.": (
            lambda tokens, weights, kernel: tokens @ kernel
        ),
        "Votes have a sign: a token can vote against a class.": lambda tokens, weights, kernel: np.abs(
            token_votes(tokens, weights, kernel)
        ),
        "You summed over the tokens, which gives the logits. Keep one vote for each token.": (
            lambda tokens, weights, kernel: token_votes(tokens, weights, kernel).sum(axis=1)
        ),
        "No softmax here: votes are parts of a logit.": lambda tokens, weights, kernel: softmax(
            token_votes(tokens, weights, kernel)
        ),
    },
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


REMOVE_SQUARES = Exercise(
    "remove_squares",
    8,
    "Take squares out, in an order",
    remove_squares,
    lambda rng: [
        (normal(rng, r * s, c * s, d) + 1, rng.permutation(r * c), k, s)
        for r, c, s, d, k in [(2, 3, 1, 1, 2), (3, 2, 2, 3, 4), (2, 4, 3, 1, 5), (4, 4, 2, 3, 9)]
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
    },
)

EXERCISES = [ROLLOUT, INPUT_SHARES, TOKEN_VOTES, REMOVE_SQUARES]
