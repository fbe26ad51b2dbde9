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
# 10 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/03_self_attention.ipynb)

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
import numpy as np

# %% [markdown]
# ## Some tokens read from others
#
# The scores are a table of n queries by m keys, for each image of the batch. `keys.T` would turn all three axes
# round; `swapaxes(1, 2)` leaves the batch alone.
#
# Wrong turns: a reshape to `(batch, size, m)` has the right shape and mixed numbers; a softmax over axis 1 divides
# each token among the queries; and the scale is the root of the length of a query, whatever n and m are.


# %% tags=["solution"]
def cross_attention(queries, keys, values):
    scores = queries @ keys.swapaxes(1, 2) / np.sqrt(queries.shape[-1])  # (batch, n, m)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = powers / powers.sum(axis=-1, keepdims=True)
    return weights @ values  # (batch, n, m) @ (batch, m, width)


cct.check("cross_attention", cross_attention)

# %% [markdown]
# ## Fold the scale of a norm into the next layer
#
# Multiply out, with $\gamma$ for the scale, $\beta$ for the shift, $W$ for the kernel and $b$ for the bias:
#
# $$(x \odot \gamma + \beta)\, W + b = x\, (\mathrm{diag}(\gamma)\, W) + (\beta W + b).$$
#
# Wrong turns: `scale * kernel` scales columns, and fails or not by the luck of the shapes; the shift passes through
# the kernel before it reaches the bias, and through the old one, not the scaled one. This is how norms are made to
# vanish before a model is shipped. The mean and the deviation of a layer norm stay: they depend on the token.


# %% tags=["solution"]
def fold_norm(scale, shift, kernel, bias):
    scaled = scale[:, None] * kernel  # row i of the kernel meets number i of a token
    return scaled, shift @ kernel + bias


cct.check("fold_norm", fold_norm)

# %% [markdown]
# ## What one head writes, as one matrix
#
# With $A$ for the weights, $W_V$ for the head's values and $W_O$ for its rows of the projection,
# $A\,(X W_V)\, W_O = A\, X\, (W_V W_O)$. The matrix in brackets on the right is $(d, d)$, but it comes from
# $(d, d_h)$ times $(d_h, d)$, so its rank is at most the head size: a head can write in few directions only.
#
# Wrong turns: the values are the last third of the kernel; and the projection's *rows* belong to a head, its columns
# to the output.


# %% tags=["solution"]
def value_to_output(kernel, projection, heads, head):
    dim, size = len(projection), len(projection) // heads
    part = slice(head * size, (head + 1) * size)  # this head's numbers
    to_value = kernel[:, 2 * dim :][:, part]  # (dim, size)
    return to_value @ projection[part]  # (dim, size) @ (size, dim)


cct.check("value_to_output", value_to_output)

# %% [markdown]
# ## Swap the heads, keep the output
#
# Where a head's columns go in the kernel, its rows must go in the projection. A reshape gives the heads an axis; then
# it is one index on each.
#
# Wrong turns: the kernel is packed as (3, heads, size), so reordering blocks of `3 * size` columns mixes queries with
# values; reordering the projection's columns shuffles the output.
#
# So a trained head has no number that means anything: two models can differ in every weight and be the same function.


# %% tags=["solution"]
def reorder_heads(kernel, projection, order):
    dim, heads = len(projection), len(order)
    columns = kernel.reshape(dim, 3, heads, -1)[:, :, order]  # (dim, 3, heads, size)
    rows = projection.reshape(heads, -1, dim)[order]  # (heads, size, dim)
    return columns.reshape(kernel.shape), rows.reshape(projection.shape)


cct.check("reorder_heads", reorder_heads)

# %% [markdown]
# ## Write the test that finds the bug
#
# A test needs random numbers, more than one token, a size that is not the number of tokens, and numbers large enough
# that the softmax has something to decide.
#
# Wrong turns: comparing shapes; as many tokens as numbers in a query, where the wrong root is the right one; queries
# and keys so small that all weights are alike, which is why a fresh layer hides a missing scale.


# %% tags=["solution"]
def is_attention(candidate):
    queries, keys, values = np.random.default_rng(0).normal(size=(3, 6, 4))  # 6 tokens, 4 numbers each
    scores = queries @ keys.T / np.sqrt(4)
    powers = np.exp(scores)
    trusted = powers / powers.sum(axis=-1, keepdims=True) @ values
    return bool(np.allclose(candidate(queries, keys, values), trusted))


cct.check("is_attention", is_attention)

# %% [markdown]
# ## All of them

# %%
cct.progress(3)
assert len(cct.exercises.solved(3)) == 5

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes. Break a
# solution on purpose and read what it says. Next: [notebook 04](../04_stochastic_depth.ipynb).
