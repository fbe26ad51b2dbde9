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
# # 15. Solutions: when it does not learn
#
# Worked answers to the exercises of [notebook 15](../15_when_it_does_not_learn.ipynb), each with its reason and its
# wrong turns. Try them yourself first.
#
# 15 minutes to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/solutions/15_when_it_does_not_learn.ipynb)

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
# ## What may the first loss be?
#
# The first model gives 1 / K to each of K classes. The second may choose its probabilities, but has to give the same
# ones to every image. The best choice are the shares of the classes, and its loss is then their entropy, in nats. For
# equal shares the two numbers are the same. A loss that stops at the second number comes from a model that does not
# see its images.
#
# Wrong turns: logarithms to the base 2; counts in place of shares; `0 * np.log(0)`, which is not a number.


# %% tags=["solution"]
def guess_losses(counts):
    shares = counts[counts > 0] / counts.sum()  # a class without images adds nothing
    return np.log(len(counts)), -(shares * np.log(shares)).sum()


cct.check("guess_losses", guess_losses)

# %% [markdown]
# ## How low can that loss go?
#
# The loss of logits is the logarithm of the sum of their exponentials, minus the sum of targets times logits. A perfect
# answer, taken for logits, has one 1 and K - 1 zeros: the sum of the exponentials is e + K - 1, and only the 1 is left
# of the second sum. For 10 classes that is 1.46, for 1,000 it is 5.91: with many classes such a model seems hardly to
# learn at all.
#
# Wrong turns: e + K, which counts the right class twice; the smoothing left out, or spread over the other classes only.


# %% tags=["solution"]
def lowest_loss(classes, smoothing):
    return np.log(np.e + classes - 1) - (1 - smoothing + smoothing / classes)


cct.check("lowest_loss", lowest_loss)
assert round(lowest_loss(10, 0), 2) == 1.46 and round(lowest_loss(1000, 0), 2) == 5.91

# %% [markdown]
# ## Read a range test without eyes
#
# With `"valid"` entry i of the means belongs to the steps from i to i + width - 1, so its middle is step
# i + width // 2. A mean with NaN in it is NaN, and `nanargmin` passes over it.
#
# Wrong turns: the lowest single step; the step at which the window begins; `"same"`, which fills up with zeros at both
# ends and finds its lowest mean there; `argmin`, for which NaN is the smallest of all.


# %% tags=["solution"]
def pick_rate(rates, losses, width):
    means = np.convolve(losses, np.ones(width) / width, "valid")  # (steps,) -> (steps - width + 1,)
    return rates[np.nanargmin(means) + width // 2] / 10


cct.check("pick_rate", pick_rate)

# %% [markdown]
# ## Find the copies that were moved
#
# The inside of a moved copy is a window of the original that begins one pixel beside the middle, or at it: nine
# windows. Each is compared with the inside of every test image at once, `(test, 1, ...)` against `(1, train, ...)`.
#
# Wrong turns: only four directions; the border pixels compared as well, though the move brought other ones in; one
# equal pixel taken for an equal image. For large data sets compare a short code of the images first.


# %% tags=["solution"]
def moved_copies(train, test):
    height, width = train.shape[1:3]
    inner = test[:, None, 1:-1, 1:-1]  # (test, 1, height - 2, width - 2, channels)
    found = np.zeros(len(test), bool)
    for row in range(3):
        for column in range(3):
            window = train[:, row : row + height - 2, column : column + width - 2]  # (train, ...)
            found |= (inner == window[None]).all(axis=(2, 3, 4)).any(axis=1)
    return found


cct.check("moved_copies", moved_copies)

# %% [markdown]
# ## Diagnose from a history
#
# The order matters. A validation loss that rises from the level of a guess is no overfitting, and a training loss that
# fell by less than 5 % from there has still to show that something is learnt.
#
# Wrong turns: the last training loss in place of the lowest; the first validation loss in place of the lowest; rules
# without a margin, for which every tremble is an illness.


# %% tags=["solution"]
def diagnose(loss, val_loss, classes):
    if loss.min() > 0.95 * np.log(classes):
        return 1
    if val_loss[-1] > 1.1 * val_loss.min():
        return 2
    if val_loss[-1] < 0.97 * val_loss[-2]:
        return 3
    return 0


cct.check("diagnose", diagnose)

# %% [markdown]
# ## All of them

# %%
cct.progress(15)
assert len(cct.exercises.solved(15)) == 5

# %% [markdown]
# ## Recap
#
# Other ways to write these are right too: the check compares results, on random arrays of several sizes.
