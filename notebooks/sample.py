"""How a notebook begins: `make.py --new 17_name` writes it, its solutions and its exercise, all in working order."""

import re

NOTEBOOK = """\
# %% [markdown]
# # NUMBER. TITLE
#
# *What does TOPIC change?*
#
# You will say here, in a sentence, what the reader can do after this notebook.
#
# 5 minutes to read, under a minute to run. Builds on [notebook 06](06_compact_transformer.ipynb).
#
# [![Open in Colab]()]()

# %% tags=["setup"]

# %%
import numpy as np

# %% [markdown]
# **Which way through?** The main line is short: from *One idea a section* to *One idea a section*, about 2 minutes.
# What stands under *For a second reading* can wait: the same for any number of tokens.
#
# ## One idea a section
#
# *Why:* say here what the section is good for, then ask. Tokens have random numbers with the mean 0 and the standard
# deviation 1.
#
# **Predict:** how large is the standard deviation of the mean of 64 such tokens?

# %%
tokens = np.random.default_rng(0).normal(size=(1000, 64, 8))  # (batch, tokens, dim)
spread = tokens.mean(axis=1).std()  # (batch, tokens, dim) -> (batch, dim) -> one number
print(f"standard deviation of the mean: {spread:.3f}")
assert abs(spread - 1 / 8) < 0.005

# %% [markdown]
# One eighth: the square root of 64 tokens. Every number in the text has its assert in the cell above.

# %% [markdown]
# ## For a second reading
#
# ### Any number of tokens
#
# *Why:* what can be skipped at a first reading stands here.

# %%
for count in (16, 256):
    spread = np.random.default_rng(0).normal(size=(1000, count, 8)).mean(axis=1).std()
    print(f"{count} tokens: {spread:.3f}")
    assert abs(spread * np.sqrt(count) - 1) < 0.05

# %% [markdown]
# ## Exercises

# %% [markdown]
# ### Exercise: The mean token of notebook NUMBER
#
# *Warm-up, 5 minutes.* Return the mean of an image's tokens: `(batch, tokens, dim)` to `(batch, dim)`, for any number
# of tokens.
#
# `mean_token_NUMBER(np.array([[[1.0], [5.0]]]))` gives `[[3.0]]`.


# %% tags=["exercise"]
def mean_token_NUMBER(tokens):
    return np.zeros((len(tokens), tokens.shape[2]))  # your line here


cct.check("mean_token_NUMBER", mean_token_NUMBER)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(NUMBER)

# %% [markdown]
# ## Recap
#
# - What the reader knows now, a line each.
#
# **The difference from the paper and the 2021 example.** Say it here, with the links: the
# [paper](https://arxiv.org/abs/2104.05704), the [Keras example](https://keras.io/examples/vision/cct/).
"""

SOLUTIONS = """\
# %% [markdown]
# # NUMBER. Solutions: TOPIC
#
# Worked answers to the exercises of [notebook NUMBER](../NAME.ipynb), each with its reason and its wrong turns. Try
# them yourself first.
#
# 1 minute to read, under a minute to run. Builds on the notebook itself.
#
# [![Open in Colab]()]()

# %% tags=["setup"]

# %% [markdown]
# ## The mean token of notebook NUMBER
#
# Axis 1 holds the tokens. Wrong turns: the sum, the mean over the batch, the mean over the numbers of a token.


# %% tags=["solution"]
def mean_token_NUMBER(tokens):
    return tokens.mean(axis=1)  # (batch, tokens, dim) -> (batch, dim)


cct.check("mean_token_NUMBER", mean_token_NUMBER)

# %% [markdown]
# ## All of them

# %%
cct.progress(NUMBER)

# %% [markdown]
# ## Recap
#
# Other ways to write this are right too: the check compares results, on random arrays of several sizes.
"""

EXERCISES = '''\
"""The exercises of notebook NUMBER: TOPIC. Each with its truth and its usual mistakes."""

import numpy as np

from cct_helpers.exercises import Exercise, normal


def mean_token(tokens):
    """The mean of an image's tokens: (batch, tokens, dim) -> (batch, dim)."""
    return tokens.mean(axis=1)


MEAN_TOKEN = Exercise(
    "mean_token_NUMBER",
    NUMBER,
    "The mean token of notebook NUMBER",
    mean_token,
    lambda rng: [(normal(rng, b, t, d),) for b, t, d in [(2, 4, 3), (3, 5, 2), (4, 2, 5), (5, 9, 4)]],
    {
        "That is the sum. Divide by the number of tokens: mean, not sum.": lambda tokens: tokens.sum(axis=1),
        "axis 0 is the batch. The tokens are on axis 1.": lambda tokens: tokens.mean(axis=0),
        "You divide by the size of a token. Divide by the number of tokens, tokens.shape[1].": lambda tokens: (
            tokens.sum(axis=1) / tokens.shape[2]
        ),
        "That is the largest number of each column. Wanted is the mean.": lambda tokens: np.max(tokens, axis=1),
    },
    (
        "One vector an image: the tokens are averaged away, the batch and the columns stay.",
        "NumPy's mean takes the axis to average over.",
        "tokens.mean(axis=1)",
    ),
)

EXERCISES = [MEAN_TOKEN]
'''


def begin(name, root):
    """Write the .py of a new notebook, of its solutions, and its exercises.

    Args:
        name: its number and name, such as "17_sparse_tokens".
        root: folder of the repository, a `Path`.

    Raises:
        ValueError: the name has another form, or the number is taken.
    """
    if not re.fullmatch(r"[0-9][1-9]_[a-z][a-z0-9_]*|[1-9][0-9]_[a-z][a-z0-9_]*", name):
        raise ValueError(
            f"a notebook is called by two digits and words, such as 17_sparse_tokens, got {name!r}"
        )
    taken = [path.name for path in (root / "notebooks").glob(f"{name[:2]}_*.py")]
    taken += [path.name for path in (root / "cct_helpers/exercises").glob(f"nb{name[:2]}_*.py")]
    if taken:
        raise ValueError(f"the number {name[:2]} is taken by {taken[0]}")
    topic = name[3:].replace("_", " ")
    words = {"NUMBER": str(int(name[:2])), "NAME": name, "TOPIC": topic, "TITLE": topic.capitalize()}
    for place, text in (
        (f"notebooks/{name}.py", NOTEBOOK),
        (f"notebooks/solutions/{name}.py", SOLUTIONS),
        (f"cct_helpers/exercises/nb{name}.py", EXERCISES),
    ):
        text = re.sub("|".join(words), lambda word: words[word[0]], text)
        (root / place).write_text(text, encoding="utf-8", newline="\n")
