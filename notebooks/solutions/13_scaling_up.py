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
# # 13. Solutions: scaling up
#
# Worked answers to the exercises of [notebook 13](../13_scaling_up.ipynb), each with its reason and its wrong turns.
# Try them yourself first.
#
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/13_scaling_up.ipynb)

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
# ## The gradient of a batch from its parts
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
# ## Which images does this process train on?
#
# Every process draws the same batch from the same seed, so a row number means the same image everywhere.
#
# Wrong turns: all rows, which gives the right weights and no speed; the first rows for everyone, which trains on the
# same images twice and leaves the others out.


# %% tags=["solution"]
def rows_of(process, processes, batch):
    share = batch // processes  # rows for each
    return np.arange(process * share, (process + 1) * share)


cct.check("rows_of", rows_of)

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
# ## How many processes are worth it?
#
# The work falls with the number of processes and the talk grows with it, so the time has a lowest point. It lies near
# the root of `seconds / talk`: with a step of 9 seconds and a talk of 0.01, at 30 processes.
#
# Wrong turns: the talk left out, so that more is always better; `argmin`, which counts from 0.


# %% tags=["solution"]
def fastest(seconds, talk, most):
    processes = np.arange(1, most + 1)
    step = seconds / processes + talk * (processes - 1)  # (most,), seconds
    return int(processes[step.argmin()])


cct.check("fastest", fastest)

# %% [markdown]
# ## All of them

# %%
cct.progress(13)
assert len(cct.exercises.solved(13)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random numbers of several sizes. Break a
# solution on purpose and read what it says.
