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
# # 4. Solutions: stochastic depth
#
# Worked answers to the exercises of [notebook 04](../04_stochastic_depth.ipynb), each with its reason and its wrong
# turns. Try them yourself first.
#
# 8 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/04_stochastic_depth.ipynb)

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
# ## Read the drop rate from the outputs
#
# A kept branch comes out divided by `1 - rate`. One kept image is enough to read it off; the rest agrees.
#
# Wrong turns: the share of dropped images is an estimate with a large error, for 8 images and a rate of 0.2 it is 0
# in one batch of six. And a dropped image must not be divided by.


# %% tags=["solution"]
def rate_from_outputs(branch, output):
    kept = np.any(output != 0, axis=(1, 2))  # (batch,): the images that kept their branch
    return float(1 - np.mean(branch[kept] / output[kept]))


cct.check("rate_from_outputs", rate_from_outputs)

# %% [markdown]
# ## What the same seed does to the spread
#
# A draw with the chance p has the variance p (1 - p). Two branches with a draw each add two of them. Two branches
# with one draw count twice: the number is 0 or 2, twice a draw, and its variance is four times that of a draw. So the
# same seed in the two branches of a block makes the spread larger by the root of 2, in every model. With the same seed
# in *all* layers, as in the trap, it grows further, as blocks are then not independent either.
#
# Wrong turns: adding standard deviations, and forgetting that the mean is the same in both cases, which is why a test
# of the mean finds nothing.


# %% tags=["solution"]
def deviation_of_kept(rates, one_draw):
    of_one_draw = rates * (1 - rates)  # (blocks,)
    of_a_block = 4 * of_one_draw if one_draw else 2 * of_one_draw
    return float(np.sqrt(of_a_block.sum()))  # variances of independent draws add up


cct.check("deviation_of_kept", deviation_of_kept)

# %% [markdown]
# ## Which layers share a seed?
#
# All pairs at once, by broadcasting: `(layers, 1, batch) == (layers, batch)`. The upper triangle without the diagonal
# keeps each pair once.
#
# Wrong turns: comparing only neighbours, while the same seed may sit anywhere; comparing how many images are kept.
# Two layers of low rate agree on a small batch by chance: take a large one before you accuse anybody. And leave out
# layers with the rate 0, as the two of the first block have it: they keep every image, with any seed.


# %% tags=["solution"]
def shared_masks(kept):
    same = (kept[:, None] == kept).all(axis=-1)  # (layers, layers): the same mask
    return np.argwhere(np.triu(same, k=1))  # i < j


cct.check("shared_masks", shared_masks)

# %% [markdown]
# ## Stochastic depth that saves the work
#
# A mask of True and False picks images on the way in, and puts them back on the way out.
#
# Wrong turns: `branch(tokens) * kept[:, None, None]` and `np.where` compute all of them and hide it. Returning
# `branch(tokens[kept])` alone changes the batch.
#
# Frameworks rarely do this: the number of kept images changes from step to step, and compiled programs want fixed
# shapes.


# %% tags=["solution"]
def skip_dropped(branch, tokens, kept, rate):
    added = np.zeros_like(tokens)
    added[kept] = branch(tokens[kept]) / (1 - rate)  # the branch sees the kept images alone
    return added


cct.check("skip_dropped", skip_dropped)

# %% [markdown]
# ## All of them

# %%
cct.progress(4)
assert len(cct.exercises.solved(4)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes. Break a
# solution on purpose and read what it says. Next: [notebook 05](../05_sequence_pooling.ipynb).
