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
# # 2. Solutions: positions
#
# Worked answers to the exercises of [notebook 02](../02_positions.ipynb), each with its reason and its wrong turns.
# Try them yourself first.
#
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/02_positions.ipynb)

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

# %% [markdown]
# ## Does this function see the order of its tokens?
#
# This is the test of the first section as a function: shuffle what goes in, compare what comes out, place by place. A
# sum over tokens gives 0 up to rounding, a class token does not.
#
# Wrong turns: without the absolute value a large fall looks like no change, and `pool(tokens)[order]` shuffles the
# result instead of the input.


# %% tags=["solution"]
def order_gap(pool, tokens, order):
    return np.abs(pool(tokens[order]) - pool(tokens)).max()


cct.check("order_gap", order_gap)

# %% [markdown]
# ## Undo a shuffle of the tokens
#
# `order[i]` is the token that stands at place `i`. Turned round: token `t` stands at the place where `order` equals
# `t`, and `argsort` lists exactly these places.
#
# Wrong turn: `outputs[:, order]` shuffles once more. For a swap of two tokens that is the same as undoing it, so a
# test with two tokens finds nothing.


# %% tags=["solution"]
def unshuffle(outputs, order):
    return outputs[:, np.argsort(order)]


cct.check("unshuffle", unshuffle)

# %% [markdown]
# ## How alike are two positions?
#
# The product of two vectors of length 1 is the cosine of their angle. So divide each row by its length once, and
# multiply.
#
# Wrong turns: plain products make long rows look similar to everything. `axis=0` divides the columns, and on a square
# table no error says so.


# %% tags=["solution"]
def cosine_similarity(table):
    directions = table / np.linalg.norm(table, axis=1, keepdims=True)  # rows of length 1
    return directions @ directions.T


cct.check("cosine_similarity", cosine_similarity)

# %% [markdown]
# ## Sine positions that know rows and columns
#
# Two small tables, and each token picks its row of both. Now the neighbour below is as near as the one on the right,
# which the table over the flat index does not say.
#
# Wrong turns: one table with `dim` columns cut in half has other speeds than a table of `dim / 2`, and `divmod` by
# `rows` reads down the columns.


# %% tags=["solution"]
def grid_sines(rows, columns, dim):
    row, column = np.divmod(np.arange(rows * columns), columns)  # (tokens,) each
    down, across = cct.sine_positions(rows, dim // 2), cct.sine_positions(columns, dim // 2)
    return np.concatenate([down[row], across[column]], axis=1)  # (tokens, dim)


cct.check("grid_sines", grid_sines)

# %% [markdown]
# ## All of them

# %%
cct.progress(2)
assert len(cct.exercises.solved(2)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes. Break a
# solution on purpose and read what it says. Next: [notebook 03](../03_self_attention.ipynb).
