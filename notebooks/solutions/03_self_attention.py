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
# # 3. Solutions: self-attention
#
# Worked answers to the exercises of [notebook 03](../03_self_attention.ipynb), each with its reason and its wrong
# turns. Try them yourself first.
#
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/03_self_attention.ipynb)

# %% tags=["setup"]
import sys
from pathlib import Path

here = Path(globals().get("__file__", "")).resolve()  # this script, or the folder of this notebook
places = [here, *here.parents, *Path("/content").glob("*")]  # Colab keeps files in /content
root = next((str(place) for place in places if (place / "cct_helpers").is_dir()), None)
if root is None:
    raise FileNotFoundError(
        "cct_helpers was not found. Open this notebook inside the unpacked repository. On Colab, upload the repository "
        "as a .zip (folder icon on the left), run '!unzip -q NAME.zip' in a new cell, then run this cell again."
    )
sys.path.insert(0, root)

import cct_helpers as cct

cct.setup()

# %%
import numpy as np
from keras import ops

# %% [markdown]
# ## Attention for a batch
#
# `keys.T` would turn the batch round as well. `swapaxes(1, 2)` leaves it alone.
#
# Wrong turns: no scale, or a scale by the size instead of its root; a softmax over axis 1, which has the same shape
# and makes columns sum to 1; queries and keys swapped, which transposes the scores.


# %% tags=["solution"]
def attention(queries, keys, values):
    scores = queries @ keys.swapaxes(1, 2) / np.sqrt(queries.shape[-1])  # (batch, tokens, tokens)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = powers / powers.sum(axis=-1, keepdims=True)  # each row, one query, sums to 1
    return weights @ values  # (batch, tokens, tokens) @ (batch, tokens, size) -> (batch, tokens, size)


cct.check("attention", attention)

# %% [markdown]
# ## Many heads without a loop
#
# The heads need an axis of their own, before the tokens, so that the matrix product treats them like a batch.
# Afterwards they go back beside the tokens, and only then are they merged.
#
# Wrong turns: a reshape without the second transpose mixes tokens with heads; `(heads, 3, size)` is another packing
# of the same numbers; the scale is the root of the *head* size.


# %% tags=["solution"]
def multi_head(x, kernel, projection, bias, heads):
    batch, count, dim = x.shape
    qkv = (x @ kernel).reshape(batch, count, 3, heads, dim // heads)
    q, k, v = qkv.transpose(2, 0, 3, 1, 4)  # (batch, heads, tokens, size) each
    scores = q @ k.swapaxes(2, 3) / np.sqrt(dim // heads)  # (batch, heads, tokens, tokens)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    read = powers / powers.sum(axis=-1, keepdims=True) @ v  # (batch, heads, tokens, size)
    together = read.transpose(0, 2, 1, 3).reshape(batch, count, dim)  # heads side by side again
    return together @ projection + bias


cct.check("multi_head_attention", multi_head)

# %% [markdown]
# ## Layer normalisation, token by token
#
# Each token stands alone: the mean runs over its own numbers. So a layer norm does not care how many tokens or images
# there are.
#
# Wrong turns: `std + epsilon` instead of `sqrt(variance + epsilon)` differs most where a token has a small variance,
# which is where epsilon matters.


# %% tags=["solution"]
def layer_norm(x, scale, shift, epsilon):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * scale + shift


cct.check("layer_norm", layer_norm)

# %% [markdown]
# ## The exact GELU
#
# A GELU is a gate that opens with `x`: closed far below 0, open far above, and smooth between.
#
# Wrong turns: without the root of 2 the curve is steeper, since `erf` is written for a normal distribution of
# variance 1/2. The formula with tanh is close enough to look right in a plot and too far off for a comparison of
# weights.


# %% tags=["solution"]
def gelu(x):
    return x * (1 + ops.erf(x / np.float32(np.sqrt(2)))) / 2


cct.check("gelu", gelu)

# %% [markdown]
# ## All of them

# %%
cct.progress(3)
assert len(cct.exercises.solved(3)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes. Break a
# solution on purpose and read what it says. Next: [notebook 04](../04_stochastic_depth.ipynb).
