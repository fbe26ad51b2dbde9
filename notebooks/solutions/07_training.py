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
# 12 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/07_training.ipynb)

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
# ## Which number do you report?
#
# Validation chooses, test reports. The best test reading would let the test images choose the epoch, and that number
# is too high.
#
# Wrong turns: `test.max()`; `val.max()`, which is too high as well, since it was used to choose; the last epoch.


# %% tags=["solution"]
def honest_accuracy(val, test):
    return float(test[np.argmax(val)])  # the epoch that validation likes best


cct.check("honest_accuracy", honest_accuracy)

# %% [markdown]
# ## How far did the crop move each image?
#
# With a padding of 2 there are 25 places for a window, so try them all. That tests a crop without knowing how it was
# written: apply it to images without repetition, find the offsets, and count them. A crop with one offset for the
# batch shows at once.
#
# Wrong turns: offsets counted from the image, from -padding to padding; and the direction, since a window that goes
# down makes the picture go up.


# %% tags=["solution"]
def find_offsets(images, crops, padding):
    height, width = images.shape[1:3]
    padded = np.pad(images, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    tops, lefts = np.zeros(len(images), int), np.zeros(len(images), int)
    for i, (image, crop) in enumerate(zip(padded, crops, strict=True)):
        for top in range(2 * padding + 1):
            for left in range(2 * padding + 1):
                if np.array_equal(image[top : top + height, left : left + width], crop):
                    tops[i], lefts[i] = top, left  # there is only one such place
    return tops, lefts


cct.check("find_offsets", find_offsets)

# %% [markdown]
# ## A smoothed loss that survives real data
#
# The log of a softmax is the logit minus the log of the sum of exponentials. In this form nothing is divided and no
# probability is so small that its logarithm is infinite; with the largest logit subtracted first, nothing overflows
# either.
#
# Wrong turns: the label -1 is a fine index in Python and picks the last class, without a word. Leaving such images
# out of the sum but not of the mean makes the loss smaller, the more labels are missing. The smoothing goes to all
# classes, the right one among them.


# %% tags=["solution"]
def smoothed_loss(logits, labels, smoothing):
    known = labels >= 0
    logits, labels = logits[known], labels[known]
    logits = logits - logits.max(axis=1, keepdims=True)  # changes no probability
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))  # (images, classes)
    classes = logits.shape[1]
    targets = (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes
    return float(-(targets * logs).sum(axis=1).mean())


cct.check("smoothed_loss", smoothed_loss)

# %% [markdown]
# ## A schedule that starts again
#
# One cycle is the formula of the notebook, with its own steps. The rest is putting cycles side by side.
#
# Wrong turns: counting from 0 wastes a step at the rate 0 and never reaches it at the end; the cosine of the first
# cycle begins at the end of the warm-up, not before; `np.cos` takes radians.


# %% tags=["solution"]
def restarted_rates(lengths, warmup, peak):
    cycles = []
    for number, length in enumerate(lengths):
        warm = warmup if number == 0 else 0  # only the first cycle warms up
        step = np.arange(1, length + 1)
        share = (step - warm) / (length - warm)  # of the fall that is over
        falling = peak * (1 + np.cos(np.pi * share)) / 2
        cycles.append(np.where(step <= warm, peak * step / max(warm, 1), falling))
    return np.concatenate(cycles)


cct.check("restarted_rates", restarted_rates)

# %% [markdown]
# ## MixUp
#
# Partners come from one index for both, and `share` gets axes of size 1 so that image `i` meets `share[i]`.
#
# Wrong turns: mixing the images and not the targets, one share for the whole batch, and `order` used the wrong way
# round.


# %% tags=["solution"]
def mixup(images, targets, order, share):
    of_image, of_target = share[:, None, None, None], share[:, None]  # one share for each image
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
