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
# # 13. Solutions: one machine
#
# Worked answers to the exercises of [notebook 13](../13_one_machine.ipynb), each with its reason and its wrong turns.
# Try them yourself first.
#
# 8 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/13_one_machine.ipynb)

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
# ## How many workers keep the device busy?
#
# With `w` workers, each busy for `prepare`, a batch is ready every `prepare / w`. The device asks for one every `step`.
# So `w` is `prepare / step`, rounded up. `-(-a // b)` rounds up in whole numbers: no float can spoil it.
#
# Wrong turns: rounding down, and `// step + 1`, which is one too many where the division leaves nothing over.


# %% tags=["solution"]
def workers_needed(prepare, step):
    return -(-prepare // step)


cct.check("workers_needed", workers_needed)


# %% [markdown]
# ## The gradient of a batch from unequal parts
#
# The mean gradient of a part times its images is the sum over the part. Sums add up; one division at the end makes
# the mean again.
#
# Wrong turns: the plain mean of the parts is right only when all have the same size, which hides the mistake until
# the last batch of an epoch. A sum makes the step longer with every device you add.


# %% tags=["solution"]
def whole_gradient(gradients, counts):
    return counts @ gradients / counts.sum()  # (parts,) @ (parts, weights) -> (weights,)


cct.check("whole_gradient", whole_gradient)

# %% [markdown]
# ## How far can gradients be scaled?
#
# The largest magnitude leaves the range first, so it alone decides. Rounding the exponent down keeps it below 65,504.
#
# Wrong turns: the largest gradient instead of the largest magnitude; rounding up. A factor that is no power of two
# would work too, but change the last digit of every gradient on the way there and back.


# %% tags=["solution"]
def largest_scale(gradients):
    room = 65504 / np.abs(gradients).max()  # (n,) -> one number
    return 2.0 ** np.floor(np.log2(room))


cct.check("largest_scale", largest_scale)


# %% [markdown]
# ## Which share of its peak did the card reach?
#
# Two operations a multiply-accumulate and three forward passes a step make 6 times the MACs for each image; times the
# images a second that is what was delivered.
#
# Wrong turns: the forward pass alone, which is what published MACs count; one operation for a multiply-accumulate.
# Both together make a device look six times lazier than it was.


# %% tags=["solution"]
def share_of_peak(macs, images_per_second, peak):
    delivered = 2 * 3 * macs * images_per_second  # operations a second
    return delivered / peak


cct.check("share_of_peak", share_of_peak)

# %% [markdown]
# ## Into how many pieces must the batch be cut?
#
# What does not grow with the batch comes first: weights, gradients and two moments, 4 bytes each. The rest of the
# memory holds `at_once` images. Then the numbers of pieces are tried one by one, as they must divide the batch.
#
# Wrong turns: the weights alone, a quarter of what Adam needs; `math.ceil(batch / at_once)`, whose pieces need not be
# equal, so that their plain mean would be wrong (see the exercise before).


# %% tags=["solution"]
def fewest_pieces(memory, parameters, per_image, batch):
    at_once = (memory - 16 * parameters) // per_image  # images
    pieces = 1
    while batch % pieces or batch // pieces > at_once:
        pieces += 1
    return pieces


cct.check("fewest_pieces", fewest_pieces)


# %% [markdown]
# ## All of them

# %%
cct.progress(13)
assert len(cct.exercises.solved(13)) == 5

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random numbers of several sizes. Break a
# solution on purpose and read what it says.
