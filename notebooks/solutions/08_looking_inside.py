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
# # 8. Solutions: looking inside
#
# Worked answers to the exercises of [notebook 08](../08_looking_inside.ipynb), each with its reason and its wrong
# turns. Try them yourself first.
#
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/08_looking_inside.ipynb)

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
import numpy as np

# %% [markdown]
# ## Attention rollout
#
# Row `i` of a layer says where token `i` reads from. What it finds there was read by the layer before, so that one
# stands on the right.
#
# Wrong turns: the opposite order has rows that sum to 1 as well, so only a comparison finds it; without the identity
# the residual connection is missing; a sum of heads or of `A + I` makes rows that grow from layer to layer.


# %% tags=["solution"]
def rollout_of(maps):
    layers = (maps.mean(axis=2) + np.eye(maps.shape[-1])) / 2  # (layers, batch, tokens, tokens)
    result = layers[0]
    for layer in layers[1:]:
        result = layer @ result
    return result


cct.check("rollout", rollout_of)

# %% [markdown]
# ## Rollout through the pooling row
#
# Pooling weighs output tokens, the rows of the rollout. The sum over them leaves the input tokens.
#
# Wrong turns: `rollout @ pooling` sums over the columns; row 0 is right for a model with a class token, and means
# nothing here.


# %% tags=["solution"]
def input_shares(pooling, rollout):
    return np.einsum("bt,btu->bu", pooling, rollout)  # sum over the output tokens t


cct.check("input_shares", input_shares)

# %% [markdown]
# ## Which token votes for which class?
#
# A weighted mean and a linear layer are both sums, so the head can be applied to each token before the mean. The
# votes and the bias add up to the logits.
#
# Wrong turns: without the weights every token would speak equally loud; an absolute value hides who votes against.


# %% tags=["solution"]
def votes_of(tokens, weights, kernel):
    return weights[:, :, None] * (tokens @ kernel)  # (batch, tokens, 1) * (batch, tokens, classes)


cct.check("token_votes", votes_of)

# %% [markdown]
# ## Take squares out, in an order
#
# The deletion test rests on this function. `image.copy()` matters: without it the first map that is tested spoils the
# image for the next one.
#
# Wrong turns: rows and columns of a token swapped, which a square image hides in part; the last `count` tokens of the
# order; black instead of the mean colour, which puts edges into the picture that were never there.


# %% tags=["solution"]
def remove_squares(image, order, count, size):
    result, columns = image.copy(), image.shape[1] // size
    colour = image.mean(axis=(0, 1))  # (channels,)
    for token in order[:count]:
        row, column = token // columns * size, token % columns * size
        result[row : row + size, column : column + size] = colour
    return result


cct.check("remove_squares", remove_squares)

# %% [markdown]
# ## All of them

# %%
cct.progress(8)
assert len(cct.exercises.solved(8)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes. Break a
# solution on purpose and read what it says.
