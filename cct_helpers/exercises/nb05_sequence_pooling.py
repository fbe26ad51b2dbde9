"""The exercises of notebook 05: sequence pooling. Each with its truth, its usual mistakes and its hints."""

import numpy as np

from cct_helpers.exercises import Exercise, normal, softmax


def effective_tokens(weights):
    """How many equal tokens would have the same entropy: (batch, tokens) -> (batch,)."""
    logs = np.log(np.where(weights > 0, weights, 1))  # 0 * log 0 counts as 0
    return np.exp(-(weights * logs).sum(axis=1))


def _weights_with_zeros(rng):
    cases = []
    for batch, tokens in [(2, 5), (3, 7), (4, 6), (2, 64)]:
        weights = softmax(2 * normal(rng, batch, tokens))
        if tokens in (6, 7):
            weights[:, 0] = 0  # a token that was left out
        cases.append((weights / weights.sum(axis=1, keepdims=True),))
    return cases


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
        "That is the entropy. The number of equal tokens is 2 to the power of it.": lambda w: (
            -(w * np.log(np.where(w > 0, w, 1))).sum(axis=1)
        ),
        "That is the entropy in bits. The number of equal tokens is 2 to the power of it.": lambda w: np.log2(
            effective_tokens(w)
        ),
        "The minus is missing: an entropy is not negative.": lambda w: 1 / effective_tokens(w),
        "exp and log2 do not undo each other. Use log with exp, or log2 with 2 ** entropy.": lambda w: np.exp(
            np.log2(effective_tokens(w))
        ),
        "2 ** and log do not undo each other. Use log2 with 2 ** entropy, or log with exp.": lambda w: (
            2 ** np.log(effective_tokens(w))
        ),
        "Sum over the tokens, axis 1, one number for each image.": lambda w: np.exp(
            -(w * np.log(np.where(w > 0, w, 1))).sum(axis=0)
        ),
    },
    (
        "64 equal weights have the entropy log2(64) = 6 bits, and 2 ** 6 is 64 again. So undo the logarithm of the "
        "entropy.",
        "The entropy of an image is minus the sum over its tokens of weight times log2(weight), axis 1.",
        "A weight of 0 adds nothing: take the logarithm of `np.where(weights > 0, weights, 1)`.",
    ),
)


def pool_some(tokens, weights, real):
    """Pool only the tokens where `real` is True: (batch, tokens, dim), (batch, tokens) twice -> (batch, dim)."""
    kept = weights * real
    return _pooled(tokens, kept / kept.sum(axis=1, keepdims=True))


def _pooled(tokens, weights):
    return np.einsum("bt,btd->bd", weights, tokens)


_SIZES = [(2, 3, 4), (3, 5, 4), (4, 9, 5), (2, 6, 8)]


def _some_real(rng, batch, tokens):
    real = rng.random((batch, tokens)) < 0.6
    real[:, 0], real[:, 1] = True, False
    real[:, 2] = True
    return real


POOL_SOME = Exercise(
    "pool_some",
    5,
    "Leave tokens out of the mean",
    pool_some,
    lambda rng: [(normal(rng, b, t, d), softmax(normal(rng, b, t)), _some_real(rng, b, t)) for b, t, d in _SIZES],
    {
        "The weights that are left no longer sum to 1. Divide them by their sum, image by image.": (
            lambda tokens, weights, real: _pooled(tokens, weights * real)
        ),
        "You divide by how many tokens are left. Divide by how much weight is left.": lambda tokens, weights, real: (
            _pooled(tokens, weights * real / real.sum(axis=1, keepdims=True))
        ),
        "You divide by the weight that is left in all images. Each image has a sum of its own, axis 1.": (
            lambda tokens, weights, real: _pooled(tokens, weights * real / (weights * real).sum())
        ),
        "A softmax over weights weighs them a second time. They only need to be divided by their sum.": (
            lambda tokens, weights, real: _pooled(tokens, softmax(np.where(real, weights, -np.inf)))
        ),
        "You pooled the tokens that should be left out. True marks a token that counts.": (
            lambda tokens, weights, real: pool_some(tokens, weights, ~real)
        ),
        "`real` plays no part: all tokens were pooled.": lambda tokens, weights, real: _pooled(tokens, weights),
        "The weights play no part: that is the plain mean of the real tokens.": lambda tokens, weights, real: _pooled(
            tokens, real / real.sum(axis=1, keepdims=True)
        ),
    },
    (
        "Leaving a token out means that the others share its weight, each in proportion to its own.",
        "`weights * real` has the weights that stay. What must they be divided by, so that each image has 1 again?",
        "`kept = weights * real`, then `kept / kept.sum(axis=1, keepdims=True)`, and the weighted sum of the tokens.",
    ),
)


def pool_queries(tokens, kernel, bias):
    """Several weighted means: (batch, tokens, dim), (dim, queries), (queries,) -> (batch, queries, dim)."""
    return _queried(tokens, softmax(tokens @ kernel + bias, axis=1))


def _queried(tokens, weights):
    return np.einsum("btq,btd->bqd", weights, tokens)


_QUERY_HINTS = {
    "The softmax ran over the queries. Each query divides its weight of 1 among the tokens, on axis 1.": (
        lambda tokens, kernel, bias: _queried(tokens, softmax(tokens @ kernel + bias, axis=-1))
    ),
    "That is the plain mean, for every query: the scores play no part.": lambda tokens, kernel, bias: np.repeat(
        tokens.mean(axis=1, keepdims=True), kernel.shape[1], axis=1
    ),
    "The softmax ran over the batch. Each image divides its weights among its own tokens, on axis 1.": (
        lambda tokens, kernel, bias: _queried(tokens, softmax(tokens @ kernel + bias, axis=0))
    ),
    "Scores are no weights yet: a softmax over the tokens is missing.": lambda tokens, kernel, bias: _queried(
        tokens, tokens @ kernel + bias
    ),
    "The division is missing: the weights of a query should sum to 1.": lambda tokens, kernel, bias: _queried(
        tokens, np.exp(tokens @ kernel + bias)
    ),
    "The axes are swapped: (batch, queries, dim) is wanted.": lambda tokens, kernel, bias: pool_queries(
        tokens, kernel, bias
    ).swapaxes(1, 2),
}
_QUERY_SIZES = [(2, 4, 5, 3), (3, 6, 2, 4), (4, 9, 5, 2), (2, 3, 8, 6)]


def _tokens_and_queries(rng):
    return [(normal(rng, b, t, d), normal(rng, d, q), normal(rng, q)) for b, t, d, q in _QUERY_SIZES]


POOL_QUERIES = Exercise(
    "pool_queries",
    5,
    "More than one question to the tokens",
    pool_queries,
    _tokens_and_queries,
    _QUERY_HINTS,
    (
        "Sequence pooling is attention with one learned query. With several, each has weights of its own over the "
        "tokens.",
        "The scores `tokens @ kernel + bias` are (batch, tokens, queries). Along which axis must the weights sum to 1?",
        "A softmax over axis 1, then `weights.swapaxes(1, 2) @ tokens`: (batch, queries, tokens) @ (batch, tokens, "
        "dim).",
    ),
)


def use_pooling_layer(answer, tokens, kernel, bias):
    """Make the learner's layer with as many queries as the kernel has, give it these weights, and call it."""
    layer = answer(kernel.shape[1])
    layer.build(tokens.shape)
    layer.set_weights([kernel, bias])
    return layer(tokens)


QUERY_POOLING = Exercise(
    "query_pooling",
    5,
    "Pooling with several queries as a Keras layer",
    pool_queries,
    _tokens_and_queries,
    _QUERY_HINTS,
    (
        "It is the exercise before this one, in `keras.ops`, with `self.score` in the place of kernel and bias.",
        "`self.score(tokens)` is (batch, tokens, queries). `ops.softmax` takes the last axis unless it is told "
        "another.",
        "`weights = ops.softmax(self.score(tokens), axis=1)`, then `ops.matmul(ops.swapaxes(weights, 1, 2), tokens)`.",
    ),
    call=use_pooling_layer,
)


def is_weighted_mean(pool):
    """Whether a function (batch, tokens, dim) -> (batch, dim) gives each image a mean of its own tokens."""
    rng = np.random.default_rng(0)
    tokens = normal(rng, 3, 5, 4)
    shifted = np.abs(pool(tokens + 7) - pool(tokens) - 7).max() < 1e-3  # what weights with the sum 1 do
    alone = np.abs(pool(tokens[:1]) - pool(tokens)[:1]).max() < 1e-3
    return bool(shifted and alone)


def _as_candidate(weights_of):
    """A pooling by the weights (batch, tokens) that a function makes of tokens, under a name that tells nothing."""

    def candidate(tokens):
        weights = weights_of(tokens - tokens.mean(axis=(1, 2), keepdims=True))
        return np.einsum("bt,btd->bd", weights, tokens)

    return candidate


def _scores(tokens):
    return tokens @ np.linspace(-1, 1, tokens.shape[2])


CANDIDATES = [
    lambda tokens: softmax(_scores(tokens)),
    lambda tokens: np.ones(tokens.shape[:2]),  # the trap: a softmax over an axis of size 1
    lambda tokens: softmax(_scores(tokens), axis=0),
    lambda tokens: np.ones(tokens.shape[:2]) / tokens.shape[1],
    lambda tokens: np.exp(_scores(tokens)),
    lambda tokens: np.eye(tokens.shape[1])[np.zeros(len(tokens), int)],  # the first token: a mean of one
    lambda tokens: _scores(tokens),
    lambda tokens: softmax(_scores(tokens)) * 1.1,
    lambda tokens: np.roll(softmax(_scores(tokens)), 1, axis=0),  # each image gets the weights of another one
]


def _detector(passes):
    """A test of poolings from a function of (pool, tokens (3, 5, 4)) to True or False."""
    return lambda pool: bool(passes(pool, normal(np.random.default_rng(1), 3, 5, 4)))


IS_WEIGHTED_MEAN = Exercise(
    "is_weighted_mean",
    5,
    "Is this pooling a mean?",
    is_weighted_mean,
    lambda rng: [(_as_candidate(CANDIDATES[number]),) for number in rng.permutation(len(CANDIDATES))],
    {
        "The shape is right for all of them. Look at the numbers.": _detector(
            lambda pool, tokens: pool(tokens).shape == (3, 4)
        ),
        "One of these takes its weights from another image. Test an image alone and among others, too.": (
            _detector(lambda pool, tokens: np.allclose(pool(tokens[:1] + 7) - pool(tokens[:1]), 7, atol=1e-3))
        ),
        "That only tests whether it is the plain mean. A weighted mean is one too.": _detector(
            lambda pool, tokens: np.allclose(pool(tokens), tokens.mean(axis=1), atol=1e-3)
        ),
        "That only tests whether images meet. A sum does not mix images either: the weights must also sum to 1.": (
            _detector(lambda pool, tokens: np.allclose(pool(tokens[:1]), pool(tokens)[:1], atol=1e-3))
        ),
        "True is for a mean.": lambda pool: not is_weighted_mean(pool),
    },
    (
        "What does a mean of tokens do when all tokens are moved by the same amount? And what does a sum do?",
        "If the weights sum to 1, adding 7 to every number of every token adds 7 to the result. These scores do not "
        "mind.",
        "Test a batch of several images for that, and that `pool(tokens[:1])` is the first row of `pool(tokens)`.",
    ),
)

EXERCISES = [EFFECTIVE_TOKENS, POOL_SOME, POOL_QUERIES, QUERY_POOLING, IS_WEIGHTED_MEAN]
