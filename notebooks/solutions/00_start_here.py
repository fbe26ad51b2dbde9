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
# # 0. Solutions: start here
#
# Worked answers to the exercises of [notebook 00](../00_start_here.ipynb), each with its reason and its wrong turns.
# Try them yourself first.
#
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/00_start_here.ipynb)

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
# ## The k most likely classes, most likely first
#
# `argsort` gives places, not values, and begins with the smallest. Sorting the negative logits turns that round.
#
# Wrong turns: `np.argsort(logits)[:, -k:]` has the right classes with the least likely one first, and `np.sort` gives
# the logits and forgets which class each belongs to.


# %% tags=["solution"]
def top_classes(logits, k):
    order = np.argsort(-logits, axis=1)  # (batch, classes), the highest logit first
    return order[:, :k]


cct.check("top_classes", top_classes)

# %% [markdown]
# ## From logits to probabilities, also for large logits
#
# Adding the same number to all logits of an image changes no probability, as the factor is in numerator and
# denominator. So you may subtract the largest logit, and no exponential can overflow.
#
# Wrong turns: without the subtraction `exp(400)` is infinite and infinity / infinity is not a number. Without
# `axis=1, keepdims=True` the sum runs over the batch as well, or is divided along the wrong axis.


# %% tags=["solution"]
def probabilities(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))  # the largest power of a row is 1
    return powers / powers.sum(axis=1, keepdims=True)


cct.check("probabilities", probabilities)

# %% [markdown]
# ## Pooling weights in multiples of the uniform weight
#
# A weight of 0.03 is large among 64 tokens and small among 9. In multiples of the uniform weight both can be read: 1
# is average.
#
# Wrong turns: dividing by the number of tokens does the opposite, and dividing by the largest weight hides whether
# any token stands out at all.


# %% tags=["solution"]
def times_uniform(weights):
    return weights * weights.shape[1]  # divided by 1 / tokens


cct.check("times_uniform", times_uniform)

# %% [markdown]
# ## All of them

# %%
cct.progress(0)
assert len(cct.exercises.solved(0)) == 3

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes. Break a
# solution on purpose and read what it says. Next: [notebook 01](../01_patches_and_convolutions.ipynb).
