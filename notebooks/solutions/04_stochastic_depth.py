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
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/04_stochastic_depth.ipynb)

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
# ## Stochastic depth, image by image
#
# One decision an image, for all its tokens. `[:, None, None]` says on which axis the decisions lie.
#
# Wrong turns: no division; the comparison turned round, which drops `1 - rate` of the images and looks fine at 0.5;
# one draw for all images, which no test with a batch of one can see.


# %% tags=["solution"]
def drop_branch(branch, uniform, rate):
    keep = uniform >= rate  # (batch,)
    return branch * keep[:, None, None] / (1 - rate)  # (batch, 1, 1) for all tokens and numbers of an image


cct.check("drop_branch", drop_branch)

# %% [markdown]
# ## How many branches does an image keep?
#
# Expectations add up, whether the draws are independent or not: each branch contributes its chance of being kept.
#
# Wrong turns: `2 * blocks * (1 - rate / 2)` is right from two blocks on and wrong for one, whose rate is 0. Rates
# that begin at `rate / blocks` are those of Huang et al., whose line starts at the input.


# %% tags=["solution"]
def expected_branches(blocks, rate):
    return 2 * np.sum(1 - np.linspace(0, rate, blocks))


cct.check("expected_branches", expected_branches)

# %% [markdown]
# ## How often is the network that short?
#
# After each branch the distribution is a mixture of itself and itself moved by one. That is what a convolution with
# two numbers does.
#
# Wrong turns: a slice up to `most` leaves out `most` itself, and `[1 - rate, rate]` counts what was dropped.


# %% tags=["solution"]
def share_with_at_most(rates, most):
    distribution = np.ones(1)  # without any branch: 0 kept for certain
    for rate in rates:
        distribution = np.convolve(distribution, [rate, 1 - rate])  # dropped: the same count; kept: one more
    return distribution[: most + 1].sum()


cct.check("share_with_at_most", share_with_at_most)

# %% [markdown]
# ## Stochastic depth that saves the work
#
# Indexing with True and False makes a smaller batch, so the branch never sees the others. The number of kept images
# changes from step to step, which compilers dislike: one reason why the masked form is usual.
#
# Wrong turn: `branch(tokens) * keep[...]` computes everything. Infinity times 0 is not a number.


# %% tags=["solution"]
def skip_dropped(branch, tokens, keep, rate):
    added = np.zeros_like(tokens)  # (batch, tokens, dim)
    added[keep] = branch(tokens[keep]) / (1 - rate)  # (kept, tokens, dim)
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
