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
# # 16. Solutions: against a ConvNet
#
# Worked answers to the exercises of [notebook 16](../16_against_a_convnet.ipynb), each with its reason and its wrong
# turns. Try them yourself first.
#
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/16_against_a_convnet.ipynb)

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
# ## When does attention take over?
#
# For `n` tokens the four projections cost `4 n d²` and the two matrices of the MLP `2 r n d²`. The queries times the
# keys, and the weights times the values, cost `n² d` each. Equal costs, divided by `2 n d`, leave `n = (2 + r) d`.
#
# Wrong turns: one product in place of two; three projections, without that of the output; one matrix of the MLP.
#
# The number of heads plays no part: more heads are narrower.


# %% tags=["solution"]
def tokens_at_balance(dim, mlp_ratio):
    return (2 + mlp_ratio) * dim


cct.check("tokens_at_balance", tokens_at_balance)

# %% [markdown]
# ## Count a ResNet
#
# Walk through the convolutions and keep how many channels come in. Each has 9 times in times out, and its norm twice
# out. Stride and image size do not matter: the same weights serve every place.
#
# Wrong turns: a bias for each convolution, which the norm would take away again; the running means and variances, which
# are kept and not trained; weights on the shortcuts, which is option B; no bias for the head.


# %% tags=["solution"]
def resnet_weights(depth, width, channels, classes):
    convolutions_in_stage = (depth - 2) // 3  # two in each of (depth - 2) / 6 blocks
    widths = [width * 2**stage for stage in range(3) for _ in range(convolutions_in_stage)]
    total, given = 0, channels
    for made in [width, *widths]:
        total += 9 * given * made + 2 * made
        given = made
    return total + given * classes + classes


cct.check("resnet_weights", resnet_weights)

# %% [markdown]
# ## How many epochs does the budget pay for?
#
# Seconds add up, speeds do not. A mean epoch takes the mean of the seconds, each size with its share.
#
# Wrong turns: the mean of the speeds, which promises too many epochs; forgetting that an epoch is all images.


# %% tags=["solution"]
def epochs_in_budget(budget, images, speeds, shares):
    seconds = (shares * images / speeds).sum()  # (sizes,) -> seconds of a mean epoch
    return budget / seconds


cct.check("epochs_in_budget", epochs_in_budget)

# %% [markdown]
# ## Are they wrong in the same way?
#
# First the images that both get wrong, then the share of equal answers among them. With ten classes and mistakes at
# random it would be one in nine.
#
# Wrong turns: dividing by all images; by those that one of them gets wrong; counting the images that both get right.


# %% tags=["solution"]
def wrong_alike(first, second, labels):
    both = (first != labels) & (second != labels)  # (images,)
    return np.mean(first[both] == second[both])


cct.check("wrong_alike", wrong_alike)

# %% [markdown]
# ## All of them

# %%
cct.progress(16)
assert len(cct.exercises.solved(16)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes.
