"""The exercises of notebook 12: padding and masks. Each with its truth, its usual mistakes and its hints."""

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
    lambda rng: [(_padded_ids(rng, b, n), s) for b, n, s in [(3, 8, 2), (4, 11, 3), (5, 16, 2), (6, 21, 4)]],
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
    (
        "Look at the letters on which tokens stand, and count those that are no padding.",
        "Tokens stand on letters 0, stride, 2 * stride, ...: `ids[:, ::stride]`.",
        "`(ids[:, ::stride] != 0).sum(axis=1)`.",
    ),
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


def _pool_mean(features, ids):
    real = (ids != 0)[:, :, None]
    around = np.pad(features * real, ((0, 0), (1, 1), (0, 0)))
    return np.stack([around[:, i : i + 3].mean(axis=1) for i in range(0, ids.shape[1], 2)], axis=1) * real[:, ::2]


def _pool_case(rng, batch, length, dim):
    ids = _padded_ids(rng, batch, length)
    return np.abs(normal(rng, batch, length, dim)) + 3 * (ids == 0)[:, :, None].astype("float32"), ids


POOL_LETTERS = Exercise(
    "pool_letters",
    12,
    "A max-pool that sees no padding",
    pool_letters,
    lambda rng: [_pool_case(rng, b, n, d) for b, n, d in [(2, 8, 3), (3, 9, 4), (4, 16, 5)]],
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
        "That is the mean of each window. Take the largest.": _pool_mean,
    },
    (
        "Padding can come in by two doors: its features can win in a window, and its own tokens can see the last "
        "letter.",
        "Before the pool, multiply the features by `(ids != 0)[:, :, None]`; none is below 0, so zeros never win.",
        "After the pool, multiply by the mask of the letters on which tokens stand, `[:, ::2]` of it.",
    ),
)


def _scores(queries, keys):
    return queries @ keys.transpose(0, 2, 1) / np.sqrt(queries.shape[-1])


def masked_attention(queries, keys, values, real):
    """Attention that reads no padding: (batch, tokens, size) thrice, (batch, tokens) -> (batch, tokens, size)."""
    return softmax(np.where(real[:, None], _scores(queries, keys), -np.inf)) @ values


def _attention_case(rng, batch, tokens, size):
    real = np.arange(tokens) < rng.integers(2, tokens, batch)[:, None]
    return *(normal(rng, batch, tokens, size) for _ in range(3)), real


MASKED_ATTENTION = Exercise(
    "masked_attention",
    12,
    "Attention that reads no padding",
    masked_attention,
    lambda rng: [_attention_case(rng, b, t, s) for b, t, s in [(2, 4, 3), (3, 5, 4), (4, 9, 8)]],
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
        "You forbid whole rows, the tokens that read, so that nothing is left for them: NaN. Forbid columns: real[:,"
        " None].": (lambda q, k, v, real: np.where(real[:, :, None], softmax(_scores(q, k)) @ v, np.nan)),
        "The scores are not divided by the square root of the size of a query.": (
            lambda q, k, v, real: masked_attention(q * np.sqrt(q.shape[-1]), k, v, real)
        ),
        "You left out the letters and kept the padding. True marks a token that counts.": (
            lambda q, k, v, real: masked_attention(q, k, v, ~real)
        ),
    },
    (
        "Every token spreads a weight of 1 over the tokens that it may read. Padding must get nothing of it.",
        "A score of -inf has the weight 0 after the softmax, and the others share the rest.",
        "`np.where(real[:, None], scores, -np.inf)`: the axis of size 1 is that of the tokens that read.",
    ),
)


def reads_padding(model, ids):
    """Whether the answers of model(ids), (batch, classes), depend on how far the ids (batch, length) are padded."""
    longer = np.concatenate([ids, np.zeros((len(ids), 5), ids.dtype)], axis=1)
    return bool(np.abs(model(longer) - model(ids)).max() > 1e-5)


TABLE = np.random.default_rng(7).normal(size=(30, 4))  # a vector for each id of the models that follow
HEAD = np.random.default_rng(8).normal(size=(4, 3))


def _letter_mean(ids):
    real = (ids != 0)[:, :, None]
    return (TABLE[ids] * real).sum(axis=1) / real.sum(axis=1) @ HEAD


def _mean_of_all(ids):
    return TABLE[ids].mean(axis=1) @ HEAD


def _attention_model(ids, mask_keys, mask_pool):
    x, real = TABLE[ids], ids != 0
    scores = x @ x.swapaxes(1, 2)
    read = softmax(np.where(real[:, None], scores, -np.inf) if mask_keys else scores) @ x
    pooled = softmax(np.where(real, read.sum(axis=-1), -np.inf) if mask_pool else read.sum(axis=-1))
    return (pooled[:, None] @ read)[:, 0] @ HEAD


def _as_candidate(function):
    """The model under a name that tells nothing."""

    def candidate(ids):
        return function(ids)

    return candidate


MODELS = [
    _letter_mean,
    _mean_of_all,
    lambda ids: _attention_model(ids, True, True),
    lambda ids: _attention_model(ids, True, False),
    lambda ids: _attention_model(ids, False, True),
    lambda ids: TABLE[ids[:, 0]] @ HEAD,  # the first letter alone
    lambda ids: TABLE[ids].sum(axis=1) @ HEAD,  # padding adds its vector
    lambda ids: (TABLE[ids] * (ids != 0)[:, :, None]).max(axis=1) @ HEAD,  # zeros of padding win where all are below 0
]


def _padded_models(rng):
    """Models in a random order, with texts of which the first fills its row and has no number above 0 at one place."""
    below = np.flatnonzero((TABLE[:, 1] < 0) & (np.arange(30) > 0))
    cases = []
    for number in rng.permutation(len(MODELS)):
        ids = np.where(np.arange(6) < rng.integers(2, 5, size=3)[:, None], rng.integers(1, 30, size=(3, 6)), 0)
        ids[0] = rng.choice(below, size=6)
        cases.append((_as_candidate(MODELS[number]), ids))
    return cases


def _test_by(passes):
    """A test of models from a function of (model, ids) to True or False."""
    return lambda model, ids: bool(passes(model, ids))


def _longer(ids, by=5):
    return np.concatenate([ids, np.zeros((len(ids), by), ids.dtype)], axis=1)


READS_PADDING = Exercise(
    "reads_padding",
    12,
    "Does this model read padding?",
    reads_padding,
    _padded_models,
    {
        "That asks whether texts with padding and texts without differ, and they are other texts. Pad the same ones "
        "further.": (_test_by(lambda model, ids: np.ptp(model(ids), axis=0).max() > 1e-5)),
        "True is for a model that reads padding.": lambda model, ids: not reads_padding(model, ids),
        "Padding stands at the end of a text. You put it in front, and then other letters stand first.": _test_by(
            lambda model, ids: np.abs(model(np.roll(_longer(ids), 5, axis=1)) - model(ids)).max() > 1e-5
        ),
    },
    (
        "Padding carries nothing. So what may change when there is more of it?",
        "Make the same texts longer by some columns of 0 at the end and ask the model again.",
        "Return True if the logits differ by more than rounding: `not np.allclose(model(longer), model(ids), "
        "atol=1e-5)`.",
    ),
)

EXERCISES = [TOKEN_COUNTS, POOL_LETTERS, MASKED_ATTENTION, READS_PADDING]
