"""The exercises of notebook 12: padding and masks. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise, normal, softmax


def _padded_ids(rng, batch, length):
    """Ids of texts of different lengths, the first one short, padded with 0 at the end."""
    letters = rng.integers(1, length // 2 + 1, batch)
    letters[0] = 2
    letters[1:2] = length // 2 | 1  # an odd one
    return np.where(np.arange(length) < letters[:, None], rng.integers(1, 30, (batch, length)), 0)


def token_counts(ids, stride):
    """How many tokens of each text stand on a letter: (batch, length) padded with 0 -> (batch,) whole numbers."""
    return (ids[:, ::stride] != 0).sum(axis=1)


TOKEN_COUNTS = Exercise(
    "token_counts",
    12,
    "How many tokens are real?",
    token_counts,
    lambda rng: [(_padded_ids(rng, b, n), s) for b, n, s in [(2, 6, 2), (3, 11, 3), (4, 16, 2), (5, 21, 4)]],
    {
        "The last token stands on a letter too when the division leaves a rest: token i stands on letter i * stride.": (
            lambda ids, stride: (ids != 0).sum(axis=1) // stride
        ),
        "These are the tokens of the whole row, padding included.": lambda ids, stride: np.full(
            len(ids), ids[:, ::stride].shape[1]
        ),
        "That is the number of letters. Only every `stride`-th one has a token.": lambda ids, stride: (ids != 0).sum(
            axis=1
        ),
        "These are the tokens of padding. Count the others.": lambda ids, stride: (ids[:, ::stride] == 0).sum(axis=1),
    },
)


def _pool(features):
    around = np.pad(features, ((0, 0), (1, 1), (0, 0)))
    return np.stack([around[:, i : i + 3].max(axis=1) for i in range(0, features.shape[1], 2)], axis=1)


def pool_letters(features, ids):
    """Largest of 3, stride 2, no padding: (batch, length, dim), (batch, length) -> (batch, tokens, dim)."""
    real = (ids != 0)[:, :, None]
    return _pool(features * real) * real[:, ::2]


def _pool_shifted(features, ids):
    real = (ids != 0)[:, :, None]
    around = np.pad(features * real, ((0, 0), (0, 2), (0, 0)))
    return np.stack([around[:, i : i + 3].max(axis=1) for i in range(0, ids.shape[1], 2)], axis=1) * real[:, ::2]


def _pool_case(rng, batch, length, dim):
    ids = _padded_ids(rng, batch, length)
    return np.abs(normal(rng, batch, length, dim)) + 3 * (ids == 0)[:, :, None].astype("float32"), ids


POOL_LETTERS = Exercise(
    "pool_letters",
    12,
    "A max-pool that sees no padding",
    pool_letters,
    lambda rng: [_pool_case(rng, b, n, d) for b, n, d in [(2, 6, 1), (3, 9, 4), (4, 16, 3)]],
    {
        "Padding takes part: the pool takes its features as if they were letters. Set them to zero before the pool.": (
            lambda features, ids: _pool(features)
        ),
        "The tokens of padding are zero, but one beside them took a feature of padding. Mask before the pool too.": (
            lambda features, ids: _pool(features) * (ids != 0)[:, ::2, None]
        ),
        "A token in the middle of padding still touches the last letter. Set it to zero after the pool.": (
            lambda features, ids: _pool(features * (ids != 0)[:, :, None])
        ),
        "The windows are shifted: token i takes the largest of letters 2i - 1, 2i and 2i + 1.": _pool_shifted,
    },
)


def _scores(queries, keys):
    return queries @ keys.transpose(0, 2, 1) / np.sqrt(queries.shape[-1])


def masked_attention(queries, keys, values, real):
    """Attention that reads no padding: (batch, tokens, size) thrice, (batch, tokens) -> (batch, tokens, size)."""
    return softmax(np.where(real[:, None], _scores(queries, keys), -np.inf)) @ values


def _attention_case(rng, batch, tokens, size):
    real = np.arange(tokens) < rng.integers(1, tokens, batch)[:, None]
    return *(normal(rng, batch, tokens, size) for _ in range(3)), real


MASKED_ATTENTION = Exercise(
    "masked_attention",
    12,
    "Attention that reads no padding",
    masked_attention,
    lambda rng: [_attention_case(rng, b, t, s) for b, t, s in [(1, 3, 2), (2, 5, 4), (3, 9, 8)]],
    {
        "The weights that are left no longer sum to 1. Leave padding out before the softmax: a score of -inf.": (
            lambda q, k, v, real: (softmax(_scores(q, k)) * real[:, None]) @ v
        ),
        "A score of 0 is a score like others, exp(0) = 1. A token that nobody may read has the score -inf.": (
            lambda q, k, v, real: softmax(_scores(q, k) * real[:, None]) @ v
        ),
        "`real` plays no part: padding is read as well.": lambda q, k, v, real: softmax(_scores(q, k)) @ v,
        "You set the rows of padding, the tokens that read, to zero. The columns are those that are read.": (
            lambda q, k, v, real: (softmax(_scores(q, k)) * real[:, :, None]) @ v
        ),
        "The scores are not divided by the square root of the size of a query.": (
            lambda q, k, v, real: masked_attention(q * np.sqrt(q.shape[-1]), k, v, real)
        ),
        "You left out the letters and kept the padding. True marks a token that counts.": (
            lambda q, k, v, real: masked_attention(q, k, v, ~real)
        ),
    },
)

EXERCISES = [TOKEN_COUNTS, POOL_LETTERS, MASKED_ATTENTION]
