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
# ## A classifier that may say none of these
#
# Adding the same number to all logits of an image changes no probability, as the factor is in numerator and
# denominator. So you may subtract the largest logit, and no exponential can overflow.
#
# Wrong turns: without the subtraction `exp(400)` is infinite in float32, and infinity / infinity is not a number, which
# is at least no threshold. A logit is no probability: a large one says little before you know the others.
#
# The remedy is a weak one: a model can be sure and wrong. For the six photos of the notebook a threshold of 0.8 lets
# the cat and the horse pass and stops the other four. But one of those has more than 70 %, and the right threshold for
# other photos or another model is another number.


# %% tags=["solution"]
def class_or_none(logits, threshold):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))  # the largest power of a row is 1
    probabilities = powers / powers.sum(axis=1, keepdims=True)  # (batch, classes)
    return np.where(probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1), -1)


cct.check("class_or_none", class_or_none)

# %% [markdown]
# ## How few tokens hold most of the weight?
#
# Whoever takes the heaviest tokens first needs the fewest. The running sum says what the first 1, 2, 3, ... hold; the
# answer is one more than the number of sums that are still too small.
#
# Wrong turns: a running sum in the order of the image counts tokens of the top row first. Counting the tokens that
# hold the share each, `weights >= share`, finds none where no single token holds the share.


# %% tags=["solution"]
def tokens_for_share(weights, share):
    heaviest_first = -np.sort(-weights, axis=1)  # (batch, tokens)
    held = np.cumsum(heaviest_first, axis=1)  # by the first 1, 2, 3, ... tokens
    return (held < share).sum(axis=1) + 1


cct.check("tokens_for_share", tokens_for_share)

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
