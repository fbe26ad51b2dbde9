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
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/05_sequence_pooling.ipynb)

# %% jupyter={"source_hidden": true} tags=["setup"]
import sys
from pathlib import Path

here = Path(globals().get("__file__", "")).resolve()  # this script, or the folder of this notebook
places = [here, *here.parents, *Path("/content").glob("*")]  # Colab keeps files in /content
root = next((str(place) for place in places if (place / "cct_helpers").is_dir()), None)
assert root, "No cct_helpers here. On Colab: upload the course as a .zip, run '!unzip -q NAME.zip', then this cell."
sys.path.insert(0, root)

import cct_helpers as cct

cct.setup()

# %%
import keras
import numpy as np
from keras import ops

# %% [markdown]
# ## Sequence pooling from arrays
#
# The scores say how tokens compare, the softmax makes shares of them, and the product takes the token axis away.
#
# Wrong turns: a softmax over the last axis of `(batch, tokens, 1)` gives ones, so the result is a sum; a softmax over
# the batch makes the images of a batch depend on each other.


# %% tags=["solution"]
def sequence_pooling(tokens, kernel, bias):
    scores = tokens @ kernel + bias  # (batch, tokens)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = powers / powers.sum(axis=1, keepdims=True)  # each image: 1 in all
    return (weights[:, None] @ tokens)[:, 0]  # (batch, 1, tokens) @ (batch, tokens, dim) -> (batch, dim)


cct.check("sequence_pooling", sequence_pooling)

# %% [markdown]
# ## Leave tokens out of the mean
#
# Leaving a token out means that the others share its weight. Before the softmax that happens by itself.
#
# Wrong turns: a mask after the softmax leaves weights that sum to less than 1; a score of 0 still has the weight of
# exp(0) = 1. This is how text of different lengths is pooled.


# %% tags=["solution"]
def pool_some(tokens, scores, real):
    scores = np.where(real, scores, -np.inf)  # exp(-inf) is 0: no weight
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = powers / powers.sum(axis=1, keepdims=True)
    return (weights[:, None] @ tokens)[:, 0]


cct.check("pool_some", pool_some)

# %% [markdown]
# ## How many tokens does the model really read?
#
# 64 equal weights have the entropy log 64, and the exponential gives 64 back. So the result reads as a number of
# tokens, from 1 to all.
#
# Wrong turns: `0 * log(0)` is not a number; `exp` of an entropy in bits is too large, as bits belong to powers of 2.


# %% tags=["solution"]
def effective_tokens(weights):
    logs = np.log(np.where(weights > 0, weights, 1))  # log 1 = 0 where there is no weight
    return np.exp(-(weights * logs).sum(axis=1))


cct.check("effective_tokens", effective_tokens)

# %% [markdown]
# ## Sequence pooling as a Keras layer
#
# `Dense(1)` leaves an axis of size 1 at the end. It is handy for the product with the tokens, and it is the trap: the
# softmax must be told `axis=1`, since its default is the last axis.
#
# Wrong turn: `Dense(1, activation="softmax")`, the layer of this notebook that is none.


# %% tags=["solution"]
class Pooling(keras.layers.Layer):
    def build(self, shape):
        self.score = keras.layers.Dense(1, name="score")
        self.score.build(shape)

    def call(self, tokens):
        weights = ops.softmax(self.score(tokens), axis=1)  # (batch, tokens, 1), over the tokens
        return ops.sum(weights * tokens, axis=1)  # (batch, tokens, dim) -> (batch, dim)


cct.check("pooling_layer", Pooling)

# %% [markdown]
# ## All of them

# %%
cct.progress(5)
assert len(cct.exercises.solved(5)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes. Break a
# solution on purpose and read what it says. Next: [notebook 06](../06_compact_transformer.ipynb).
