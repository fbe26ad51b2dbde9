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
# # 14. Solutions: many machines
#
# Worked answers to the exercises of [notebook 14](../14_many_machines.ipynb), each with its reason and its wrong turns.
# Try them yourself first.
#
# 8 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/14_many_machines.ipynb)

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
# ## Add up gradients around a ring
#
# In a round every device sends one part and receives another, so the order of the devices within a round does not
# matter. After n - 1 rounds, device d holds the whole sum of part d + 1; n - 1 rounds more hand the sums on. Each
# device sends 2 (n - 1) parts of the n, nearly twice its gradient, however many devices there are.
#
# Wrong turns: a part that never changes, so that the sum stays where it was; `d + r`; changing the argument in place.


# %% tags=["solution"]
def add_around_the_ring(parts, rounds):
    held = np.array(parts, float)  # (devices, parts), a copy
    n = len(held)
    for r in range(rounds):
        for d in range(n):
            held[(d + 1) % n, (d - r) % n] += held[d, (d - r) % n]
    return held


cct.check("add_around_the_ring", add_around_the_ring)


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
# ## How many epochs does the money buy?
#
# The bill backwards: money over price is hours, times 3,600 seconds, times operations a second. An epoch costs six
# operations for each MAC of each image: three passes, two operations each. `int` keeps whole epochs.
#
# Wrong turns: seconds and hours mixed, a factor of 3,600; the forward pass alone, three times too many epochs.


# %% tags=["solution"]
def epochs_for(dollars, price, macs, images, delivered):
    operations = dollars / price * 3600 * delivered
    return int(operations / (6 * macs * images))


cct.check("epochs_for", epochs_for)


# %% [markdown]
# ## All of them

# %%
cct.progress(14)
assert len(cct.exercises.solved(14)) == 4

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random numbers of several sizes. Break a
# solution on purpose and read what it says.
