"""The exercises of notebook 03: attention and its neighbours. Each with its truth and its usual mistakes."""

import math

import numpy as np

from cct_helpers.exercises import Exercise, normal, softmax


def attention(queries, keys, values, power=0.5, axis=-1):
    """softmax(Q K^T / sqrt(size)) V for a batch: three arrays (batch, tokens, size) -> the same shape."""
    scores = queries @ keys.swapaxes(1, 2) / queries.shape[-1] ** power
    return softmax(scores, axis) @ values


ATTENTION = Exercise(
    "attention",
    3,
    "Attention for a batch",
    lambda queries, keys, values: attention(queries, keys, values),
    lambda rng: [tuple(2 * normal(rng, 3, b, t, s)) for b, t, s in [(1, 3, 2), (2, 4, 5), (1, 5, 9), (3, 8, 16)]],
    {
        "The scale is missing: divide the scores by the square root of the size.": lambda q, k, v: attention(
            q, k, v, 0
        ),
        "You divide by the size. Divide by its square root.": lambda q, k, v: attention(q, k, v, 1),
        "The softmax runs over the queries. Each row, one query, should sum to 1: axis=-1.": lambda q, k, v: attention(
            q, k, v, axis=1
        ),
        "Queries and keys are swapped: row i belongs to query i.": lambda q, k, v: attention(k, q, v),
        "You divide by the number of tokens. The scale is the square root of the size, the last axis.": (
            lambda q, k, v: softmax(q @ k.swapaxes(1, 2) / q.shape[1] ** 0.5) @ v
        ),
    },
)


def multi_head_attention(x, kernel, projection, bias, heads):
    """Self-attention with several heads: (batch, tokens, dim) -> the same shape.

    kernel: (dim, 3 dim), queries, keys and values side by side, head after head in each. projection: (dim, dim).
    """
    return _many_heads(x, kernel, heads) @ projection + bias


def _many_heads(x, kernel, heads, scale=None, packed_by_head=False, merge=True):
    batch, count, dim = x.shape
    if packed_by_head:
        q, k, v = (x @ kernel).reshape(batch, count, heads, 3, -1).transpose(3, 0, 2, 1, 4)
    else:
        q, k, v = (x @ kernel).reshape(batch, count, 3, heads, -1).transpose(2, 0, 3, 1, 4)
    read = softmax(q @ k.swapaxes(2, 3) / (scale or q.shape[-1] ** 0.5)) @ v
    return (read.transpose(0, 2, 1, 3) if merge else read).reshape(x.shape)


MULTI_HEAD = Exercise(
    "multi_head_attention",
    3,
    "Many heads without a loop",
    multi_head_attention,
    lambda rng: [
        (normal(rng, b, t, d), normal(rng, d, 3 * d), normal(rng, d, d), normal(rng, d), h)
        for b, t, d, h in [(1, 3, 4, 2), (2, 5, 6, 3), (1, 4, 8, 4), (3, 2, 6, 2)]
    ],
    {
        "The bias of the projection is missing.": lambda x, kernel, p, b, heads: _many_heads(x, kernel, heads) @ p,
        "Scale by the root of the head size, dim / heads, not of dim.": lambda x, kernel, p, b, heads: (
            _many_heads(x, kernel, heads, x.shape[-1] ** 0.5) @ p + b
        ),
        "The kernel packs all queries, all keys, all values: reshape to (3, heads, size), not (heads, 3, size).": (
            lambda x, kernel, p, b, heads: _many_heads(x, kernel, heads, packed_by_head=True) @ p + b
        ),
        "Bring the heads back beside their tokens, a transpose, before you merge them with a reshape.": (
            lambda x, kernel, p, b, heads: _many_heads(x, kernel, heads, merge=False) @ p + b
        ),
        "The scale is missing: divide the scores by the root of the head size.": lambda x, kernel, p, b, heads: (
            _many_heads(x, kernel, heads, 1) @ p + b
        ),
    },
)


def layer_norm(x, scale, shift, epsilon):
    """Each token to mean 0 and variance 1, then times scale (dim,) plus shift (dim,): (batch, tokens, dim)."""
    return _normalised(x, epsilon) * scale + shift


def _normalised(x, epsilon, axis=-1, power=0.5):
    return (x - x.mean(axis=axis, keepdims=True)) / (x.var(axis=axis, keepdims=True) + epsilon) ** power


LAYER_NORM = Exercise(
    "layer_norm",
    3,
    "Layer normalisation, token by token",
    layer_norm,
    lambda rng: [
        (size * normal(rng, b, t, d) + 1, normal(rng, d), normal(rng, d), epsilon)
        for b, t, d, size, epsilon in [(1, 3, 4, 0.1, 1e-2), (2, 4, 3, 2, 1e-3), (3, 2, 8, 0.03, 1e-3)]
    ],
    {
        "You normalise over the tokens. Each token is normalised on its own: axis=-1.": lambda x, a, b, e: (
            _normalised(x, e, 1) * a + b
        ),
        "epsilon is missing: add it to the variance.": lambda x, a, b, e: _normalised(x, 0) * a + b,
        "epsilon goes under the root, to the variance, not to the root.": lambda x, a, b, e: (
            (x - x.mean(axis=-1, keepdims=True)) / (x.std(axis=-1, keepdims=True) + e) * a + b
        ),
        "Divide by the square root of the variance.": lambda x, a, b, e: _normalised(x, e, power=1) * a + b,
        "The shift is missing: scale and shift come last.": lambda x, a, b, e: _normalised(x, e) * a,
    },
)


def gelu(x):
    """x times the probability that a standard normal number is below x, exactly."""
    return x * np.vectorize(lambda number: (1 + math.erf(number / math.sqrt(2))) / 2)(x)


GELU = Exercise(
    "gelu",
    3,
    "The exact GELU",
    gelu,
    lambda rng: [(2 * normal(rng, *shape),) for shape in [(5,), (2, 6), (3, 2, 7)]],
    {
        "Close: this is the tanh formula. It is off by up to 0.0005. The authors use the exact one, with erf.": (
            lambda x: x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2
        ),
        "The root of 2 is missing: erf(x / sqrt(2)).": lambda x: x * (1 + np.vectorize(math.erf)(x)) / 2,
        "The half is missing: (1 + erf(...)) / 2 is a probability.": lambda x: 2 * gelu(x),
        "This is a sigmoid in the place of the normal probability.": lambda x: x / (1 + np.exp(-1.702 * x)),
        "That is a ReLU.": lambda x: np.maximum(x, 0),
    },
    tolerance=5e-6,
)

EXERCISES = [ATTENTION, MULTI_HEAD, LAYER_NORM, GELU]
