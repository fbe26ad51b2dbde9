"""The exercises of notebook 05: sequence pooling. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise, normal, softmax


def sequence_pooling(tokens, kernel, bias):
    """A weighted mean: (batch, tokens, dim), (dim,), a number -> (batch, dim)."""
    weights = softmax(tokens @ kernel + bias)
    return (weights[:, None] @ tokens)[:, 0]


def _pooled(tokens, weights):
    return np.einsum("bt,btd->bd", weights, tokens)


_POOLING_HINTS = {
    "The softmax ran over an axis of size 1, so every weight is 1, and this is a sum. It belongs on the tokens.": (
        lambda tokens, kernel, bias: tokens.sum(axis=1)
    ),
    "That is the plain mean: the scores play no part.": lambda tokens, kernel, bias: tokens.mean(axis=1),
    "The softmax ran over the batch. Each image divides its own weight among its tokens, on axis 1.": (
        lambda tokens, kernel, bias: _pooled(tokens, softmax(tokens @ np.ravel(kernel) + bias, axis=0))
    ),
    "Scores are no weights yet: a softmax over the tokens is missing.": lambda tokens, kernel, bias: _pooled(
        tokens, tokens @ np.ravel(kernel) + bias
    ),
    "The division is missing: the weights of an image should sum to 1.": lambda tokens, kernel, bias: _pooled(
        tokens, np.exp(tokens @ np.ravel(kernel) + bias)
    ),
}
_SIZES = [(1, 3, 2), (2, 4, 3), (4, 9, 5), (3, 2, 8)]

SEQUENCE_POOLING = Exercise(
    "sequence_pooling",
    5,
    "Sequence pooling from arrays",
    sequence_pooling,
    lambda rng: [(normal(rng, b, t, d), normal(rng, d), float(rng.uniform(0.5, 1))) for b, t, d in _SIZES],
    _POOLING_HINTS,
)


def pool_some(tokens, scores, real):
    """Pool only the tokens where `real` is True: (batch, tokens, dim), (batch, tokens) twice -> (batch, dim)."""
    return _pooled(tokens, softmax(np.where(real, scores, -np.inf)))


def _some_real(rng, batch, tokens):
    real = rng.random((batch, tokens)) < 0.6
    real[:, 0], real[:, 1] = True, False
    return real


POOL_SOME = Exercise(
    "pool_some",
    5,
    "Leave tokens out of the mean",
    pool_some,
    lambda rng: [(normal(rng, b, t, d), normal(rng, b, t), _some_real(rng, b, t)) for b, t, d in _SIZES],
    {
        "The weights that are left no longer sum to 1. Leave tokens out before the softmax: a score of -inf.": (
            lambda tokens, scores, real: _pooled(tokens, softmax(scores) * real)
        ),
        "A score of 0 is a score like others, exp(0) = 1. A token without weight has the score -inf.": (
            lambda tokens, scores, real: _pooled(tokens, softmax(scores * real))
        ),
        "You pooled the tokens that should be left out. True marks a token that counts.": (
            lambda tokens, scores, real: _pooled(tokens, softmax(np.where(real, -np.inf, scores)))
        ),
        "`real` plays no part: all tokens were pooled.": lambda tokens, scores, real: _pooled(tokens, softmax(scores)),
    },
)


def effective_tokens(weights):
    """How many equal tokens would have the same entropy: (batch, tokens) -> (batch,)."""
    logs = np.log(np.where(weights > 0, weights, 1))  # 0 * log 0 counts as 0
    return np.exp(-(weights * logs).sum(axis=1))


def _weights_with_zeros(rng):
    weights = [softmax(2 * normal(rng, b, t)) for b, t in [(1, 4), (3, 5), (2, 64)]]
    some = weights[1].copy()
    some[:, 0] = 0  # a token that was left out
    return [(w,) for w in weights] + [(some / some.sum(axis=1, keepdims=True),)]


EFFECTIVE_TOKENS = Exercise(
    "effective_tokens",
    5,
    "How many tokens does the model really read?",
    effective_tokens,
    _weights_with_zeros,
    {
        "0 times log 0 is not a number, but counts as 0 here: take the log of 1 where a weight is 0.": lambda w: np.exp(
            -(w * np.log(w)).sum(axis=1)
        ),
        "That is the entropy. The number of equal tokens is its exponential.": lambda w: (
            -(w * np.log(np.where(w > 0, w, 1))).sum(axis=1)
        ),
        "The minus is missing: an entropy is not negative.": lambda w: 1 / effective_tokens(w),
        "exp and log2 do not undo each other. Use log with exp, or log2 with 2 ** entropy.": lambda w: np.exp(
            np.log2(effective_tokens(w))
        ),
        "Sum over the tokens, axis 1, one number for each image.": lambda w: np.exp(
            -(w * np.log(np.where(w > 0, w, 1))).sum(axis=0)
        ),
    },
)


def use_pooling_layer(answer, tokens, kernel, bias):
    """Make the learner's layer, give it these weights, and call it."""
    layer = answer()
    layer.build(tokens.shape)
    layer.set_weights([kernel[:, None], np.array([bias], "float32")])
    return layer(tokens)


POOLING_LAYER = Exercise(
    "pooling_layer",
    5,
    "Sequence pooling as a Keras layer",
    sequence_pooling,
    SEQUENCE_POOLING.cases,
    _POOLING_HINTS,
    call=use_pooling_layer,
)

EXERCISES = [SEQUENCE_POOLING, POOL_SOME, EFFECTIVE_TOKENS, POOLING_LAYER]
