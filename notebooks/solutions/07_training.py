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
# # 7. Solutions: training
#
# Worked answers to the exercises of [notebook 07](../07_training.ipynb), each with its reason and its wrong turns.
# Try them yourself first.
#
# 5 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/07_training.ipynb)

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
# ## Which number do you report?
#
# Validation chooses the epoch, the test set is read there, once.
#
# Wrong turns: `test.max()` lets the test images choose; `val.max()` is the number that was used to choose, and too
# high for the same reason; `test[-1]` is honest as well, but reports a model that you did not keep.


# %% tags=["solution"]
def honest_accuracy(val, test):
    return test[np.argmax(val)]


cct.check("honest_accuracy", honest_accuracy)

# %% [markdown]
# ## A random crop with an offset for each image
#
# Every image has its own corner. A loop over images is clear, and fast enough for 32 x 32 pixels; the notebook has
# the version that indexes once.
#
# Wrong turns: `tops[0]` and `lefts[0]` for all, which is what `keras.layers.RandomCrop` does; `np.roll`, which brings
# in on one side what left on the other.


# %% tags=["solution"]
def crop_each(images, tops, lefts, padding):
    height, width = images.shape[1:3]
    padded = np.pad(images, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    corners = zip(padded, tops, lefts, strict=True)
    return np.stack([image[top : top + height, left : left + width] for image, top, left in corners])


cct.check("crop_each", crop_each)

# %% [markdown]
# ## The loss with label smoothing
#
# The target of the right class is `1 - smoothing + smoothing / classes`, of the others `smoothing / classes`. They
# sum to 1.
#
# Wrong turns: spreading over the wrong classes only, as some older code does; a sum over the batch instead of a mean,
# which ties the learning rate to the batch size.


# %% tags=["solution"]
def smoothed_loss(logits, labels, smoothing):
    classes = logits.shape[1]
    targets = (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes  # (batch, classes)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(targets * log_p).sum(axis=1).mean()


cct.check("smoothed_loss", smoothed_loss)

# %% [markdown]
# ## The learning rate, step by step
#
# `1 + cos` goes from 2 to 0 while its angle goes from 0 to pi. Both parts give `peak` at step `warmup`, so the curve
# has no jump.
#
# Wrong turns: a cosine over all steps, which jumps at the end of the warm-up; steps counted from 0, so that the first
# one changes nothing.


# %% tags=["solution"]
def cosine_rates(steps, warmup, peak):
    step = np.arange(1, steps + 1)
    done = (step - warmup) / (steps - warmup)  # share of the way down, from 0 to 1
    return np.where(step <= warmup, peak * step / warmup, peak * (1 + np.cos(np.pi * done)) / 2)


cct.check("cosine_rates", cosine_rates)

# %% [markdown]
# ## MixUp
#
# A share for each image needs as many axes as what it multiplies. The same shares mix images and targets, so that a
# picture that is 70 % cat has a target that is 70 % cat.
#
# Wrong turns: targets left as they were; `1 - share` on the wrong side, which no test with shares of 0.5 finds.


# %% tags=["solution"]
def mixup(images, targets, order, share):
    of_image, of_target = share[:, None, None, None], share[:, None]  # (batch, 1, 1, 1), (batch, 1)
    mixed = of_image * images + (1 - of_image) * images[order]
    return mixed, of_target * targets + (1 - of_target) * targets[order]


cct.check("mixup", mixup)

# %% [markdown]
# ## All of them

# %%
cct.progress(7)
assert len(cct.exercises.solved(7)) == 5

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes. Break a
# solution on purpose and read what it says. Next: [notebook 08](../08_looking_inside.ipynb).
