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
# # 9. Solutions: what matters
#
# Worked answers to the exercises of [notebook 9](../09_what_matters.ipynb), each with its reason and its wrong turns.
# Try them yourself first.
#
# 7 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/09_what_matters.ipynb)

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
# ## All combinations of a grid
#
# `np.indices` gives an array for each axis, with the number of the choice at every place of the grid. Unrolled, that
# is one column an axis, and the last axis changes fastest. `itertools.product` does the same, as a nest of loops of
# any depth.
#
# Wrong turns: changing one axis at a time, which is an ablation and not a grid; the table on its side, one row an
# axis.


# %% tags=["solution"]
def all_settings(counts):
    grid = np.indices(counts)  # (axes, *counts)
    return grid.reshape(len(counts), -1).T  # -> (axes, combinations) -> (combinations, axes)


cct.check("all_settings", all_settings)

# %% [markdown]
# ## A difference and its standard error
#
# Subtract first. What a seed does to both settings is gone then, and what is left is one sample of differences. Its
# mean has the standard error of any mean.
#
# Wrong turns: the spread instead of the error of the mean; `ddof=0`, NumPy's default, which is too small by a factor
# of `sqrt(2/3)` for three seeds; the root of 2 / n, which belongs to two means that know nothing of each other; the
# two spreads by themselves, which forgets the pairs.


# %% tags=["solution"]
def paired_difference(changed, base):
    differences = changed - base  # (seeds,)
    return differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))


cct.check("paired_difference", paired_difference)

# %% [markdown]
# ## How many seeds?
#
# Wanted is `errors * deviation * sqrt(2 / n) <= difference`. Squared and solved for `n`, that is `n >= 2 * (errors *
# deviation / difference)²`.
#
# Wrong turns: the error of one mean, which needs half as many; rounding down; forgetting the square, of `errors` too.
#
# From 2 to 2.8 standard errors the number doubles. That is the price of seeing a true difference four times out of
# five instead of every second time.


# %% tags=["solution"]
def seeds_needed(deviation, difference, errors):
    return int(np.ceil(2 * (errors * deviation / difference) ** 2))  # 2: both means are uncertain


cct.check("seeds_needed", seeds_needed)

# %% [markdown]
# ## What the best of k seeds promises
#
# There are few runs, so all choices of `k` can be tried. Each has a best, and every choice is equally likely.
#
# Wrong turns: the best of all; the mean of the `k` best; runs that stand beside each other; choices in which a run
# comes twice.


# %% tags=["solution"]
from itertools import combinations


def best_of(scores, k):
    best = [max(chosen) for chosen in combinations(scores, k)]  # each choice is as likely as any other
    return np.mean(best)


cct.check("best_of", best_of)

# %% [markdown]
# ## All of them

# %%
cct.progress(9)
assert len(cct.exercises.solved(9)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random numbers of several sizes. Break a
# solution on purpose and read what it says.
