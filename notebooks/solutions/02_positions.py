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
# 10 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/02_positions.ipynb)

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
# ## Undo a shuffle of the tokens
#
# `order` says which token stands at each place. Its inverse says at which place each token stands, and `argsort`
# finds it: sorting `order` would bring it back to 0, 1, 2, ..., and `argsort` gives the places to take for that. As a
# matrix, the shuffle is $P$ and its inverse $P^\top$.
#
# Wrong turns: indexing with `order` again shuffles twice; `order[::-1]` is the inverse of hardly any order; and axis
# 0 is the batch.


# %% tags=["solution"]
def unshuffle(outputs, order):
    return outputs[:, np.argsort(order)]  # the place at which each token ended up


cct.check("unshuffle", unshuffle)

# %% [markdown]
# ## Which place does this vector come from?
#
# The cosine divides a product by both lengths, $v \cdot e\, /\, (|v|\,|e|)$. The length of the vector is the same for
# all rows of the table, so it can stay; the lengths of the rows cannot, or long rows win.
#
# Wrong turns: a plain product, and a distance, both of which depend on lengths; and dividing the place by the number
# of rows instead of the number of columns.


# %% tags=["solution"]
def find_places(vectors, table, columns):
    directions = table / np.linalg.norm(table, axis=1, keepdims=True)
    places = (vectors @ directions.T).argmax(axis=1)  # (n, places) -> (n,)
    return np.stack(np.divmod(places, columns), axis=1)  # row and column


cct.check("find_places", find_places)

# %% [markdown]
# ## Does this function see the order of its tokens?
#
# Where both numbers are 0, every token gets the same, as with a mean. Where only the second is 0, the function is
# equivariant, as attention without positions is. Where neither is 0, the function sees the order, as a running sum
# does. Where only the first is 0, the places differ and the order of the tokens does not matter: a mean with positions
# added.
#
# Wrong turns: comparing place by place alone is the trap of this notebook, it calls attention order-aware. And the
# outputs of the straight tokens must be shuffled, not those of the shuffled ones a second time.


# %% tags=["solution"]
def order_gaps(function, tokens, order):
    straight, shuffled = function(tokens), function(tokens[:, order])
    place_by_place = np.abs(shuffled - straight)  # (batch, tokens, dim)
    token_by_token = np.abs(shuffled - straight[:, order])  # token order[i] stands at place i
    return place_by_place.max(axis=(1, 2)), token_by_token.max(axis=(1, 2))


cct.check("order_gaps", order_gaps)

# %% [markdown]
# ## Sine positions that know rows and columns
#
# A token gets two sets of clocks instead of one: the first tells its row, the second its column. Tokens of a row share
# their first half, tokens of a column their second.
#
# Wrong turns: the table over the flat index knows no rows; taking half of a table of `dim` columns keeps its fast
# clocks and loses the slow ones.


# %% tags=["solution"]
def grid_sines(rows, columns, dim):
    def sine_row(places):  # (n,) -> (n, dim / 2)
        speeds = 1 / 10000 ** (2 * np.arange(dim // 4) / (dim // 2))
        angles = places[:, None] * speeds
        return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(places), -1)

    row, column = np.divmod(np.arange(rows * columns), columns)  # of every token, in reading order
    return np.concatenate([sine_row(row), sine_row(column)], axis=1)


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
