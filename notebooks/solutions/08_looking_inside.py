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
# 8 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/08_looking_inside.ipynb)

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
# ## Do two maps mark the same squares?
#
# Two sets of k tokens, and the size of what they share. By chance a token of the one is in the other with the
# probability k / tokens, so k of them share k * k / tokens on average: 1 for 8 of 64.
#
# Wrong turns: comparing rank by rank, `order_one[:, :k] == order_other[:, :k]`, counts a square only where its rank
# agrees too; and a number without the one by chance beside it says nothing.


# %% tags=["solution"]
def shared_squares(one, other, k):
    tops = (np.argsort(-maps, axis=1)[:, :k] for maps in (one, other))  # (n, k) each
    shared = [len(np.intersect1d(first, second)) for first, second in zip(*tops, strict=True)]
    return np.array(shared), k * k / one.shape[1]


cct.check("shared_squares", shared_squares)

# %% [markdown]
# ## This class rather than that one
#
# The difference of two logits is a sum over tokens too, with the difference of two columns of the kernel, and the
# bias apart. Each image has two columns of its own, so its tokens meet a direction of its own.
#
# Wrong turns: the vote for one class alone can be positive for all classes at once; an absolute value hides who
# speaks for the other class; and the bias belongs to no token, so spreading it over them would be a choice, not a
# fact.


# %% tags=["solution"]
def votes_between(tokens, weights, kernel, bias, first, second):
    directions = (kernel[:, first] - kernel[:, second]).T  # (batch, dim)
    products = (tokens @ directions[..., None])[..., 0]  # (batch, tokens, dim) @ (batch, dim, 1)
    return weights * products, bias[first] - bias[second]


cct.check("votes_between", votes_between)

# %% [markdown]
# ## Take squares out, in an order
#
# A token number becomes a row and a column by division with the number of columns; each then covers `size` pixels.
#
# Wrong turns: dividing by the number of rows, filling with black, which is a colour like others, and filling with the
# mean of the square itself, which tells what was there.


# %% tags=["solution"]
def remove_squares(image, order, count, size):
    result, columns = image.copy(), image.shape[1] // size
    for token in order[:count]:
        row, column = token // columns * size, token % columns * size  # in pixels
        result[row : row + size, column : column + size] = image.mean(axis=(0, 1))
    return result


cct.check("remove_squares", remove_squares)

# %% [markdown]
# ## From the pooled vector back to the image
#
# Only one row of the product is wanted, so push this row through the layers from the last to the first: a vector
# times a matrix for each layer, instead of a matrix times a matrix.
#
# Wrong turns: beginning with the first layer; summing over the wrong axis, which tells where tokens went and not where
# they came from; `past_share` and `1 - past_share` swapped. Try `past_share` = 0.1 and 0.9 on the cat: the map moves
# from blur to the pooling weights, and nothing in the model says which value is right.


# %% tags=["solution"]
def input_shares(pooling, maps, past_share):
    row = pooling[:, None]  # (batch, 1, tokens)
    past = past_share * np.eye(maps.shape[-1])
    for layer in maps[::-1]:  # from the last layer back to the first
        mixing = (1 - past_share) * layer.mean(axis=1) + past  # (batch, tokens, tokens)
        row = row @ mixing
    return row[:, 0]


cct.check("input_shares", input_shares)

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
