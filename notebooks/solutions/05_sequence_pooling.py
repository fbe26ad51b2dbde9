# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 5. Solutions: sequence pooling
#
# Worked answers to the exercises of [notebook 05](../05_sequence_pooling.ipynb), each with its reason and its wrong
# turns. Try them yourself first.
#
# 12 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/05_sequence_pooling.ipynb)

# %% jupyter={"source_hidden": true} tags=["setup"]
import sys
from pathlib import Path

here = Path(globals().get("__file__", "")).resolve()  # this script, or the folder of this notebook
places = [here, *here.parents, *Path("/content").glob("*")]  # Colab keeps files in /content
root = next((str(place) for place in places if (place / "cct_helpers").is_dir()), None)
assert root, "No cct_helpers here. On Colab: upload the course as NAME.zip, then '!unzip -q NAME.zip'."
sys.path.insert(0, root)

import cct_helpers as cct

cct.setup()

# %%
import keras
import numpy as np
from keras import ops

# %% [markdown]
# ## How many tokens does the model really read?
#
# 64 equal weights have the entropy log2(64) = 6 bits, and `2 ** 6` gives 64 back. So the result reads as a number of
# tokens, from 1 to all.
#
# Wrong turns: `0 * log(0)` is not a number; `exp` of an entropy in bits is too large, as bits belong to powers of 2.


# %% tags=["solution"]
def effective_tokens(weights):
    logs = np.log2(np.where(weights > 0, weights, 1))  # log 1 = 0 where there is no weight
    return 2 ** -(weights * logs).sum(axis=1)


cct.check("effective_tokens", effective_tokens)

# %% [markdown]
# ## Leave tokens out of the mean
#
# A weight is the exponential of a score, divided by the sum over all tokens. Divide the kept weights by *their* sum,
# and the sum over all tokens cancels: what is left is the exponential, divided by the sum over the kept tokens. A
# softmax in which the others had the score minus infinity gives the same.
#
# $$
# \frac{e^{s_t} / \sum_{\text{all}} e^s}{\sum_{\text{kept}} e^s / \sum_{\text{all}} e^s}
# = \frac{e^{s_t}}{\sum_{\text{kept}} e^s}
# $$
#
# Wrong turns: `weights * real` alone sums to less than 1; a division by the number of kept tokens makes it smaller
# still; a second softmax weighs the weights anew. Text of different lengths is pooled so.


# %% tags=["solution"]
def pool_some(tokens, weights, real):
    kept = weights * real
    shares = kept / kept.sum(axis=1, keepdims=True)  # each image: 1 in all again
    return (shares[:, None] @ tokens)[:, 0]  # (batch, 1, tokens) @ (batch, tokens, dim) -> (batch, dim)


cct.check("pool_some", pool_some)

# %% [markdown]
# ## More than one question to the tokens
#
# The scores get one more axis, the softmax stays on the tokens, and the product makes a row for each query. With one
# query it is the pooling of this notebook; with as many queries as you like it is the core of what Set Transformers
# call pooling by attention.
#
# Wrong turn: the softmax over the last axis, which is now the queries. The weights then say which query a token goes
# to.


# %% tags=["solution"]
def pool_queries(tokens, kernel, bias):
    scores = tokens @ kernel + bias  # (batch, tokens, queries)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = powers / powers.sum(axis=1, keepdims=True)  # each query: 1 in all
    return weights.swapaxes(1, 2) @ tokens  # (batch, queries, tokens) @ (batch, tokens, dim)


cct.check("pool_queries", pool_queries)

# %% [markdown]
# ## Pooling with several queries as a Keras layer
#
# The same lines, with `self.score` for kernel and bias. `ops.softmax` must be told the axis of the tokens, since its
# default is the last one: with a single query that default is the trap of this notebook, every weight 1.
#
# Wrong turn: `np` in the place of `ops`, which works on one backend and only outside a compiled step.


# %% tags=["solution"]
class QueryPooling(keras.layers.Layer):
    def __init__(self, queries, **kwargs):
        super().__init__(**kwargs)
        self.score = keras.layers.Dense(queries, name="score")

    def build(self, shape):
        self.score.build(shape)

    def call(self, tokens):
        weights = ops.softmax(self.score(tokens), axis=1)  # (batch, tokens, queries), over the tokens
        return ops.matmul(ops.swapaxes(weights, 1, 2), tokens)  # -> (batch, queries, dim)


cct.check("query_pooling", QueryPooling)

# %% [markdown]
# ## Is this pooling a mean?
#
# A mean moves with its tokens: add 7 to all of them and it rises by 7. A sum of n tokens rises by 7 n, and weights
# that sum to 1.1 by 7.7. So the result tells the sum of the weights without showing them. Whether images meet is
# another question, and has another test: the same image alone and among others.
#
# Wrong turns: a shape, which is right for all of them; comparing with the plain mean, which a weighted one need not
# equal; a batch of one.


# %% tags=["solution"]
def is_weighted_mean(pool):
    tokens = np.random.default_rng(0).normal(size=(3, 6, 4))
    sums_to_one = np.allclose(pool(tokens + 7) - pool(tokens), 7)  # whatever the weights are
    apart = np.allclose(pool(tokens[:1]), pool(tokens)[:1])  # no image needs another
    return bool(sums_to_one and apart)


cct.check("is_weighted_mean", is_weighted_mean)

# %% [markdown]
# ## All of them

# %%
cct.progress(5)
assert len(cct.exercises.solved(5)) == 5

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes. Break a
# solution on purpose and read what it says. Next: [notebook 06](../06_compact_transformer.ipynb).
