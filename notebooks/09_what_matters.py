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
# # 9. What matters
#
# *Which part earns its keep?*
#
# You will take CCT apart one piece at a time, read the record of real trainings with and without each piece, and say
# which differences are more than luck.
#
# 120 minutes to read, 1 minute to run. Builds on [notebook 06](06_compact_transformer.ipynb) and [notebook
# 07](07_training.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/09_what_matters.ipynb)

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
import dataclasses
import inspect
import itertools
import json
import tempfile
import textwrap

import keras
import numpy as np
from scipy.stats import bartlett

from cct_helpers.plots import nb09_what_matters as pictures
from cct_helpers.topics.ablation import PARTS, TWO_PARTS, build_parts, run_grid, table
from cct_helpers.topics.costs import model_costs

rng = np.random.default_rng(0)

# %% [markdown]
# ## Before you begin
#
# Two questions on [notebook 08](08_looking_inside.ipynb):
#
# 1. Why is a map of attention weights not yet a reason for an answer?
# 2. What does a deletion test compare a map with?
#
# <details><summary>Answers</summary>
#
# 1. Weights say where a token reads from. Whether what it reads there decides the answer is another question.
# 2. With other orders of the same squares: random ones, from the centre outwards, or the map of another image.
#
# </details>
#
# **Which way through?** The main line goes from *One change at a time* to *Two changes at once*, about 50 minutes:
# what luck can do, and what single changes are worth; then a good place for a break; and from *The ladder* to *What ten
# thousand images and a few epochs can say*, about 25: many changes in a row. What stands under *For a second reading*
# can wait: a browser of all these runs, and what you need on the day when you plan an ablation yourself.
#
# ## One change at a time
#
# *Why:* a finished model is a heap of decisions. Each was made for a reason, and the reasons sound equally good in a
# paper. An [*ablation*](glossary.md) asks the data: change one part, train again, compare. With two changes at once you
# would not know which one did it.
#
# Here is CCT-2/3x2, your small model from notebook 06, and what is changed in it.

# %%
compared = [name for name in PARTS if name != "as_it_is"]
alt = """Five boxes in a row: tokenizer, positions, 2 layers, pooling, answer.
Below them the 14 changes made there"""
cct.show(pictures.draw_changes(compared), alt=alt, colours=64)
for name in compared:
    print(f"{name:20} {PARTS[name]}")
assert len(compared) == 14 and PARTS["as_it_is"] == {}

# %% [markdown]
# With the model as it is, these are 15 *settings*. A 1 x 1 kernel needs no padding, so `kernel_1` changes both. All 15
# models take images of 32 x 32 pixels and give 10 logits.
#
# **Predict:** before any number is shown, write down which change costs most, and which of them make the model better.
# The section *What the record says* has the answer.
#
# ## The record
#
# All 15 models were trained on CIFAR-10, and two pairs of changes that come later, each with three seeds. The recipe is
# `fast` of notebook 07, with five epochs instead of seven, batches of 64, and without attention dropout. It begins with
# smaller images: three epochs at half the side, one at three quarters, the last at the full 32 pixels. That is the line
# `image_scales` below. The settings stand in `notebooks/scripts/grid_runs.py`, the command and the conditions in the
# record.


# %%
def read(name):
    path = Path(root, "notebooks", "results", f"{name}.json")
    return json.loads(path.read_text(encoding="utf-8"))


record = read("09_parts")
trained_with = record["recipe"]
hours = sum(run["seconds"] for run in record["runs"]) / 3600
print(record["what"], textwrap.fill(record["note"], 96), sep="\n")
print(f"{record['train_images']:,} training images, {trained_with['epochs']} epochs")
print(f"{len(record['runs'])} runs, {hours:.1f} hours, {record['machine']}")
for field in ("optimizer", "learning_rate", "batch_size", "image_scales"):
    print(f"{field:14} {trained_with[field]}")
assert len(record["runs"]) == 3 * (15 + 2) and trained_with["epochs"] == 5
assert trained_with["image_scales"] == [[0.5, 3], [0.75, 1]]

# %% [markdown]
# The scores, a row a setting: test accuracy in percent, one number for each seed.

# %%
one_change = [run for run in record["runs"] if run["name"] in PARTS]
names, points = table(one_change, lambda run: 100 * run["test_top1"])  # (settings, seeds)
seeds = points.shape[1]
for name, row in zip(names, points, strict=True):
    print(f"{name:20} {row.round(2)}  mean {row.mean():.2f}, standard deviation {row.std(ddof=1):.2f}")
assert names == list(PARTS) and seeds == 3

# %% [markdown]
# The seed sets the first weights, the order of the images, their augmentation and which branches are dropped; nothing
# else differs within a row. All 10,000 test images are read once, with the weights of the last epoch.
#
# The rows differ. But so do the numbers within a row.

# %% [markdown]
# ## How large is the luck?
#
# *Why:* two runs of the *same* setting differ. As long as you do not know by how much, you cannot tell a better setting
# from a luckier seed.
#
# On paper: three runs reach 57, 58 and 59 %. Their mean is 58, and their *standard deviation* says how far a run lies
# from the mean. For the scores $x$ of $n$ seeds, $(n,)$, with the mean $\bar x$:
#
# $$s = \sqrt{\frac{1}{n - 1} \sum_{i=1}^{n} (x_i - \bar x)^2}, \qquad \text{here} \quad \sqrt{\frac{1 + 0 + 1}{2}} = 1
# \ \text{point}$$
#
# > **Trap: the spread of three runs, taken at its word.** Look at the first row of the record. Its runs lie within 0.04
# > points, and their standard deviation is 0.02. With that every other row would differ from it "by more than ten
# > standard deviations".
#
# **Predict:** draw three numbers from a normal distribution with standard deviation 1, many times. How often do the
# three give a standard deviation below a half?

# %% tags=["trap"]
drawn = rng.normal(size=(20_000, seeds)).std(axis=1, ddof=1)
below, above = np.mean(drawn < 0.5), np.mean(drawn > 1.5)
print(f"below half of the truth: {below:.0%}, above one and a half: {above:.0%}")
assert 0.2 < below < 0.25

spreads = points.std(axis=1, ddof=1)  # (settings,)
away = np.abs(points[1:].mean(axis=1) - points[0].mean())  # of all others from the first row
assert np.isclose(np.ptp(points[0]), 0.04) and round(spreads[0], 2) == 0.02
assert away.min() > 10 * spreads[0]

# %% [markdown]
# <details><summary>Answer</summary>
#
# More than one time in five. Three numbers are far too few to know a spread.
#
# </details>
#
# **To catch it:** pool the spread over the settings of a grid, and be suspicious of any spread from a handful of runs.
#
# *Pooled* means: one spread for all. Fifteen rows of three know together what none of them knows alone. For $k$
# settings with the standard deviations $s_j$ it is the root of the mean of their squares:
#
# $$s = \sqrt{\frac{1}{k} \sum_{j=1}^{k} s_j^2}$$

# %%
deviation = np.sqrt(np.mean(spreads**2))  # one for all settings
print(f"smallest {spreads.min():.2f}, largest {spreads.max():.2f}; pooled {deviation:.2f}")
title = "Three runs can say anything from 0 to twice the true spread"
figure = pictures.draw_deviations(deviation * drawn, spreads, true=deviation, title=title)
alt = """Histogram of spreads of three draws, from 0 to over twice the true one.
Strokes of 15 settings lie all over it"""
cct.show(figure, alt=alt, colours=64)
assert 0.5 < deviation < 0.6 and spreads.argmin() == 0 and spreads[0] < deviation / 20

# %% [markdown]
# The pooled spread is about half a point, more than twenty times that of the first row. It is used from here on.
#
# Are all settings equally steady, so that one spread fits all? Probably not quite: *One spread for all?*, in the second
# reading, looks into it. So the line that is drawn below is a compromise, too wide for the calm rows and too narrow for
# the restless ones.

# %% [markdown]
# ## How many seeds?
#
# *Why:* a mean of several runs is surer than one run, and every run costs minutes or hours. How many are enough?
#
# The [standard error](glossary.md) says how far a mean of $n$ runs is expected to be from the mean of very many. A
# difference of two means has two of these errors, and their squares add up. With the spread $s$ of single runs:
#
# $$\text{of a mean:} \quad \frac{s}{\sqrt n} \qquad\qquad \text{of a difference:} \quad \sqrt{\frac{s^2}{n} +
# \frac{s^2}{n}} = s\, \sqrt{\frac{2}{n}}$$
#
# On paper: with a spread of 1 point and two runs each, the difference has a standard error of $1 \cdot \sqrt{2/2} = 1$
# point. Here a difference is called *visible* when it is at least twice its standard error.
#
# **Predict:** three seeds show a difference of nearly one point. How many seeds show one of half that size?


# %%
def error_with(n):  # of a difference of two means of n runs
    return deviation * np.sqrt(2 / n)


error = error_with(seeds)
for n in (3, 12, 48):
    equal = rng.normal(scale=deviation, size=(20_000, 2, n))  # (experiments, settings, seeds)
    by_luck = np.diff(equal.mean(axis=2))
    assert np.isclose(by_luck.std(), error_with(n), rtol=0.03)  # the formula is what luck does
    visible = 2 * error_with(n)
    print(f"{n:2} seeds each: standard error {error_with(n):.2f}, visible from {visible:.2f} points")
assert 0.8 < 2 * error < 0.95 and 0.4 < 2 * error_with(12) < 0.48

# %% [markdown]
# <details><summary>Answer</summary>
#
# Twelve seeds show half of it: four times as many for half the size. The error falls with the root of their number.
#
# </details>
#
# That is why a small effect reported from one seed is best read as "we do not know".

# %% [markdown]
# ## Fourteen comparisons, one line
#
# *Why:* with more comparisons luck has more chances. Before the record is read, the line has to be put where it
# belongs.
#
# > **Trap: many looks.** Two standard errors are passed by luck about one time in twenty. But you compare 14 settings
# > with `as_it_is`, not one.
#
# **Predict:** no change makes any difference. In how many of such tables does at least one of 14 pass two standard
# errors? (Each table is judged by its own pooled spread, as the record is by its own.)

# %% tags=["trap"]
tables = rng.normal(size=(100_000, *points.shape))  # (tables, settings, seeds), all settings equal
means = tables.mean(axis=2)  # (tables, settings)
from_first = np.abs(means[:, 1:] - means[:, :1])  # (tables, 14)
pooled = np.sqrt(tables.var(axis=2, ddof=1).mean(axis=1))  # (tables,)
largest = deviation * from_first.max(axis=1) / pooled  # of the 14, in points of this record

found = np.mean(largest > 2 * error)
print(f"at least one of 14 beyond two standard errors: {found:.0%} of the tables")
line = np.quantile(largest, 0.95)
print(f"5 % of the tables pass {line / error:.2f} standard errors, here {line:.2f} points")
assert 0.33 < found < 0.38 and 2.9 < line / error < 3.1

# %%
marks = {"two standard errors": 2 * error, "line for 14 looks": line}
title = "Luck alone passes two standard errors in more than one table of three"
figure = pictures.draw_looks(largest, marks, "largest of 14 differences (points)", title)
alt = """Histogram: more than a third lies beyond the dashed line at 0.9 points,
5 % beyond the full one at 1.3"""
cct.show(figure, alt=alt, colours=64)
assert [round(place, 1) for place in marks.values()] == [0.9, 1.3]

# %% [markdown]
# <details><summary>Answer</summary>
#
# In more than one table of three at least one change passes two standard errors: a discovery that is none.
#
# </details>
#
# **To catch it:** count the comparisons, and draw the line where luck passes it in 5 % of whole tables. Here that is at
# three standard errors.
#
# <details><summary>For the curious: Dunnett's test</summary>
#
# That is its name, for many settings against one control. His advice for such a table is to run the control more often,
# about $\sqrt{14} \approx 4$ times as often as the others, as it takes part in every comparison. This record has three
# runs of each.
#
# </details>

# %% [markdown]
# ## What the record says
#
# *Why:* you know the luck and have a line. Only now is it worth looking at the differences. Compare
# them with your predictions.

# %%
differences = points - points[0].mean()  # (settings, seeds)
of = dict(zip(names, points.mean(axis=1) - points[0].mean(), strict=True))  # name -> points
groups = [name.replace("as_it_is", "as it is").split("_")[0] for name in names]  # what is changed
label = "test accuracy less that of as_it_is (points)"
title = "The convolution counts most; nine of 14 changes lie in or at the band"
figure = pictures.draw_differences(names, groups, differences, line, label, title)
alt = """kernel_1 lies ten points left of as_it_is, three others about three, convs_1 two right;
the rest in a grey band or at its edge"""
cct.show(figure, alt=alt)

# %% [markdown]
# Which of them lie beyond the line, and which so near to it that other seeds could move them across?

# %%
beyond = [name for name in compared if abs(of[name]) > line]
close = [name for name in compared if abs(abs(of[name]) - line) < 0.15]
for where, which in {"beyond the line": beyond, "less than 0.15 from it": close}.items():
    told_here = ", ".join(f"{name} {of[name]:+.1f}" for name in which)
    print(textwrap.fill(f"{where}: {told_here}", 96, subsequent_indent="    "))

far = {name: round(of[name]) for name in beyond if name not in close}
assert far == dict(convs_1=2, convs_3=-3, kernel_1=-10, kernel_5=-3, layers_1=-3)
assert close == ["layers_4", "heads_1", "position_none", "pooling_average"] and of["layers_4"] > 1
assert max(of[name] for name in close[1:]) < -1 < of["pooling_class_token"] < 0
tiny = "heads_4", "position_sine", "depth_rate_0", "depth_rate_30"
assert min(of, key=of.get) == "kernel_1" and max(abs(of[name]) for name in tiny) < 0.5

# %% [markdown]
# - **The convolution earns most.** A 1 x 1 kernel sees no neighbours, and loses ten points. A 5 x 5 kernel loses three.
# - **One convolution is better than two,** by two points, and three are worse by three. Read on before you believe it.
# - **Layers:** one is worse than two, by three points. Four look better, at the edge of what can be told.
# - **Heads, position, pooling:** one head of 128 numbers, no positions and the average lose more than a point each, at
#   the edge of the line. The class token loses less. Sine cannot be told from learned, nor four heads from two.
# - **Stochastic depth:** nothing to be seen. Its rates 0 and 0.3 lie less than half a point from 0.1.
#
# The rows at the edge could fall on the other side with other seeds. "Not beyond the line" does not mean "no
# difference": it means that three seeds cannot show one.

# %% [markdown]
# Three things to keep in mind about these numbers:
#
# - **The images** are a copy of CIFAR-10 that was compressed once more. Compare within the table, not with results on
#   the original images.
# - **The code** was an earlier version of this course's, and the record has no fingerprint of it. What is far beyond
#   luck should come again with the code of today; the digits after the point will not.
# - **Only the last of the five epochs saw images of 32 pixels.** In the first three, of 16 pixels, `convs_3` had 4
#   tokens and `convs_1` 64, and a learned position table was resized twice on the way. For tokens and positions a grid
#   at one size would ask a cleaner question.

# %% [markdown]
# ## Better, or only bigger?
#
# *Why:* more parameters, more tokens and more time make most models better. A part is good if it is worth its price.
# The prices come from `model_costs` of notebook 06, and their parameters must be those of the trained models.


# %%
def costs_of(run):
    options = {key: value for key, value in run["setting"].items() if key != "pooling"}
    return model_costs("cct_2_3x2_32", **options)


score = 128 + 1  # sequence pooling's kernel and bias, which the two other poolings do not have
extra = {"average": -score, "class_token": 128 + 128 - score}  # a token, and a position for it
for run in record["runs"]:
    counted = sum(costs_of(run)["parameters"].values())
    assert run["parameters"] == counted + extra.get(run["setting"].get("pooling"), 0)

# %% [markdown]
# They are, for all 51 runs. Here are the prices beside the points. The time is that of the whole training, in units of
# `as_it_is`. (Other programs ran beside these trainings: take it as rough.)

# %%
columns = {
    "test accuracy (%)": lambda run: 100 * run["test_top1"],
    "parameters (thousands)": lambda run: run["parameters"] / 1000,
    "MACs (millions, one image)": lambda run: sum(costs_of(run)["macs"].values()) / 1e6,
    "tokens": lambda run: costs_of(run)["tokens"],
    "training time (s)": lambda run: run["seconds"],
    "images trained a second": lambda run: np.median(run["history"]["images_per_second"]),
    "training loss (nats)": lambda run: run["history"]["loss"][-1],
}
measured = {label: table(one_change, column)[1] for label, column in columns.items()}
# label -> (settings, seeds); the next three are the same for all seeds
size, macs, tokens = (measured[label][:, 0] for label in list(columns)[1:4])
duration = np.median(measured["training time (s)"], axis=1)
times = duration / duration[0]
print(f"{'':20} points  thousand parameters  million MACs  tokens   time")
for name, *row in zip(names, size, macs, tokens, times, strict=True):
    print(f"{name:20} {of[name]:+6.2f}", "{:20.1f} {:13.1f} {:7.0f} {:6.1f}".format(*row))

# %% [markdown]
# > **Trap: a better part, or a larger model?** `convs_1` has fewer parameters than `as_it_is` and is two points
# > better. A bargain?
#
# **Predict:** each convolution is followed by a max-pool that halves both sides. How many tokens are left after one?
# What does that do to the cost?


# %% tags=["trap"]
def encoder_macs(name):
    macs_of = model_costs(**PARTS[name])["macs"]  # part -> MACs
    return sum(macs_of.values()) - macs_of["tokenizer"]


one = names.index("convs_1")
encoder = encoder_macs("convs_1") / encoder_macs("as_it_is")
print(f"convs_1: {tokens[one]:.0f} tokens, not {tokens[0]:.0f}; encoder {encoder:.1f} x MACs")
assert tokens[one] == 4 * tokens[0] == 256 and encoder > 4
assert 2 < times[one] < 3 and 2 < macs[one] / macs[0] < 3

# %% [markdown]
# <details><summary>Answer</summary>
#
# One convolution leaves 16 x 16 = 256 tokens, four times as many, and the encoder has more than four times the work.
# The whole model has between two and three times the MACs, and trains two to three times as long.
#
# </details>
#
# So `convs_1` pays for what it gains. At equal epochs that goes unseen: the comparison is fair in images, not in
# seconds.
#
# **To catch it:** put parameters, MACs and time beside every accuracy. `num_conv_layers` changes three things at once:
# convolutions, tokens and cost. The name of the argument does not say so.
#
# Is the price the whole story? Here are those that gain, and three that lose, with their price.

# %%
price = dict(zip(names, macs / macs[0], strict=True))
took = dict(zip(names, times, strict=True))
for name in ("convs_1", "layers_4", "kernel_5", "convs_3", "kernel_1"):
    print(f"{name:8} {of[name]:+5.1f} points, {price[name]:.1f} x MACs, {took[name]:.1f} x time")
told = {name: f"{of[name]:+.1f} {took[name]:.1f}x" for name in names}

ahead = [name for name in compared if of[name] > line - 0.15]  # beyond the line, or at its edge
assert ahead == ["convs_1", "layers_4"] and min(price[name] for name in ahead) > 1.4
assert round(price["kernel_5"]) == 2 and price["convs_3"] < 1.2 * price["kernel_1"]
assert tokens[names.index("convs_3")] == 16 and of["kernel_1"] < 3 * of["convs_3"]
# what the table at the end of this notebook says
assert " ".join(told[name] for name in compared[:4]) == "+2.0 2.7x -3.3 0.6x -10.5 0.8x -2.6 1.4x"
assert " ".join(told[name] for name in close) == "+1.3 1.5x -1.4 0.9x -1.2 0.9x -1.4 0.9x"
assert (told["depth_rate_0"], told["depth_rate_30"]) == ("+0.3 0.9x", "-0.4 1.0x")

# %% [markdown]
# Whatever gains has its price: `layers_4`, at the edge of the line, takes half as long again. But a price is no
# guarantee. The 5 x 5 kernel doubles the MACs and loses. At the other end, three convolutions leave 16 tokens for a
# whole image, and left 4 in the epochs of 16 pixels. They cost about as little as the 1 x 1 kernel and lose less than a
# third of what it loses.
#
# ## Two changes at once
#
# *Why:* "one change at a time" has a blind spot. Parts help each other out. Notebook 02 showed that convolutional
# tokens know something about their places. Then a position table may be a luxury with 3 x 3 kernels, and a need
# without.
#
# **Predict:** the differences of `kernel_1` and `position_none` are known. Is the difference of both together their
# sum, more, or less? And if you combine the two winners, `convs_1` and `layers_4`?

# %%
two_changes = [run for run in record["runs"] if run["name"] in TWO_PARTS]
both_names, both = table(two_changes, lambda run: 100 * run["test_top1"])
together = dict(zip(both_names, both.mean(axis=1) - points[0].mean(), strict=True))
beyond_sum = {}
for name, difference in together.items():
    one, other = name.split("+")
    added = of[one] + of[other]
    beyond_sum[name] = difference - added
    print(f"{one} {of[one]:+.2f}, {other} {of[other]:+.2f}: sum {added:+.2f}, both {difference:+.2f}")

# %% [markdown]
# Is the difference from the sum more than luck? Four means are in it, and none of them is certain.

# %%
error_of_four = deviation * np.sqrt(4 / seeds)
print(f"standard error of 'both less the sum': {error_of_four:.2f} points")
_, seconds_of_both = table(two_changes, lambda run: run["seconds"])
took_both = dict(zip(both_names, np.median(seconds_of_both, axis=1), strict=True))
longest = took_both["convs_1+layers_4"] / duration[0]
print(f"convs_1+layers_4 took {longest:.1f} x the time of as_it_is")
assert round(beyond_sum["kernel_1+position_none"], 1) == -7.5 < -5 * error_of_four
assert round(together["kernel_1+position_none"] - of["kernel_1"], 1) == -8.7
assert 0 < beyond_sum["convs_1+layers_4"] < 2 * error_of_four
assert round(longest) == 5
# what the table at the end says of the time without positions, with kernel 1 x 1
assert round(took_both["kernel_1+position_none"] / duration[names.index("kernel_1")], 1) == 1.0

# %% [markdown]
# <details><summary>Answer</summary>
#
# `kernel_1` and `position_none` together lose more than the sum of the two, by seven and a half points. The two winners
# add up, perhaps to a little more than their sum; three seeds cannot tell.
#
# </details>
#
# With 1 x 1 kernels only the max-pools still look at neighbours. Without positions too, hardly anything tells the model
# how its tokens lie to each other. Judged by single changes the position table hardly matters. It is a spare wheel:
# nobody misses it until another one is flat. The two winners together take about five times as long as the model as it
# is.
#
# The first case is an *interaction*: what one part is worth depends on the others. A table of single changes holds at
# the place where it was made.
#
# ## The ladder
#
# *Why:* often the question is not what one part is worth, but what all the changes from an old model to a new one
# brought, and which of them did it. For that there is another way to compare: start from the [Keras example of
# 2021](https://keras.io/examples/vision/cct/) and put one thing right after another, up to the model and the recipe of
# this course. Each rung keeps what the rungs below it changed. Images of 16 x 16 pixels, as many training images as
# before, equal epochs.

# %%
ladder = read("09_ladder")
rungs, climbed = table(ladder["runs"], lambda run: 100 * run["test_top1"])  # (rungs, seeds)
_, speeds = table(ladder["runs"], lambda run: np.median(run["history"]["images_per_second"]))
epochs, images = ladder["recipe"]["epochs"], ladder["train_images"]
print(f"{len(ladder['runs'])} runs, {images:,} images, {epochs} epochs")
start = {key: ladder["recipe"][key] for key in ("optimizer", "learning_rate", "weight_decay")}
print(f"{rungs[0]:17}", start)

setting_of = {run["name"]: run["setting"]["model"] | run["setting"]["recipe"] for run in ladder["runs"]}
changes = {}
for below, name in itertools.pairwise(rungs):
    before, now = setting_of[below], setting_of[name]
    changes[name] = {key: value for key, value in now.items() if before.get(key) != value}
    print(f"{name:17}", changes[name])
assert len(rungs) == 10 and climbed.shape[1] >= 3 and round(climbed[-1].mean()) == 57

# %% [markdown]
# Images and code are as in the first record: compressed once more, and an earlier version. Some rungs are old
# acquaintances: the crop that cropped nothing, heads of 128 numbers each (`key_dim`), the position table that never
# trained, the extra GELU and dropouts in the MLP. `course_model` is the largest change: blocks with the authors' norms,
# another padding and no bias in the tokenizer, other first weights.
#
# **Predict:** which rung is the highest step? Which are none at all?

# %%
title = "Rung by rung, from the model and recipe of 2021 at the bottom"
figure = pictures.draw_ladder(rungs, climbed, speeds, title)
alt = """Accuracy: three rungs near 50 %, seeds far apart, then six near 54 %, close together,
and 57 % at the top; images a second: five low bars, five higher"""
cct.show(figure, alt=alt)

accuracy, speed = climbed.mean(axis=1), speeds.mean(axis=1)  # (rungs,)
steps = dict(zip(rungs[1:], np.diff(accuracy), strict=True))
faster = dict(zip(rungs[1:], speed[1:] / speed[:-1] - 1, strict=True))
for name, step in steps.items():
    print(f"{name:17} {step:+.2f} points, {faster[name]:+.0%} images a second")

# %% [markdown]
# Before any step is believed: is the luck the same on all rungs?

# %%
constant, falling = (np.sqrt(rows.var(axis=1, ddof=1).mean()) for rows in (climbed[:3], climbed[3:]))
low_error, high_error = (spread * np.sqrt(2 / climbed.shape[1]) for spread in (constant, falling))
print(f"spread with a constant learning rate {constant:.2f} points, with a falling one {falling:.2f}")
print(f"standard error of a step: below rung 3 {low_error:.2f}, above {high_error:.2f}")

rise = accuracy[-1] - accuracy[0]
rise_error = np.sqrt((low_error**2 + high_error**2) / 2)  # also that of step 3, from below to above
print(f"all the way up {rise:.2f} ± {rise_error:.2f}")

# %%
rates = [changes[name]["learning_rate"] for name in ("3_schedule", "9_muon")]
assert rates == [0.002, 0.004]
assert constant > 3 * falling and rise > 2 * rise_error and np.ptp(climbed[0]) > 7
assert max(abs(steps["1_crop"]), abs(steps["2_normalization"])) < 2 * low_error
assert 2.5 < steps["3_schedule"] < 2 * rise_error
assert steps["9_muon"] == max(steps.values()) > 5 * high_error
assert all(abs(steps[name]) < 2 * high_error for name in rungs[4:9])
three = rungs[3], rungs[5], rungs[9]  # in the table at the end, with the time for an image
assert [f"{steps[name]:+.1f}" for name in three] == ["+3.1", "-0.5", "+3.6"]
assert [round(1 / (1 + faster[name]), 1) for name in three] == [1.0, 0.8, 1.2]

# %% [markdown]
# <details><summary>Answer</summary>
#
# - **The schedule buys calm.** On the first rung, with a constant rate, two runs lie more than seven points apart. From
#   the falling rate on, the spread is less than a third as large. Its three points of accuracy are less than two
#   standard errors, as the runs below it scatter so widely. Of the crop and the normalisation nothing can be said at
#   their place.
# - **Muon is the one clear step** in accuracy. It has a learning rate of its own, 0.004 instead of 0.002, and neither
#   of the two was compared with others. The whole way from bottom to top is clear too.
# - **Weight decay, head size, position table, MLP, the course's model:** no step that three seeds could show, up or
#   down.
#
# </details>
#
# Some rungs change more than one thing. The trap *a rung with three changes*, in the second reading, finds them.
#
# No gain in accuracy is not the same as no gain. What did the heads of half the size bring?

# %%
parameters = {run["name"]: run["parameters"] for run in ladder["runs"]}
saved = parameters["4_weight_decay"] - parameters["5_head_size"]
share = saved / parameters["4_weight_decay"]
print(f"heads of 64 numbers: {saved:,} parameters fewer, {share:.0%} of the model")
print(f"{faster['5_head_size']:+.0%} images a second, {steps['5_head_size']:+.2f} points")
assert 0.3 < share < 0.35 and 0.22 < faster["5_head_size"] < 0.3
assert 0.15 < -faster["9_muon"] < 0.22

# %% [markdown]
# A third of the parameters was the `key_dim` trap of notebook 03. It bought nothing that can be seen, and without it
# training is faster by a quarter. Muon, at the other end, has its price: it made training slower, by about a fifth.
# (Other programs ran beside these trainings: take images a second as rough.)
#
# ## The same fixes from above
#
# *Why:* a step is measured at its place in the ladder, among the faults that are still there and with the luck of that
# place. So take a fix back at the top, where runs are steady. What the score loses is what the fix is worth there.
#
# **Predict:** crop and schedule were the rungs 1 and 3. Taken back at the top, what do they cost?

# %%
top = read("09_from_the_top")
without, lowered = table(top["runs"], lambda run: 100 * run["test_top1"])
from_above = dict(zip(without, accuracy[-1] - lowered.mean(axis=1), strict=True))
spread_of = dict(zip(without, lowered.std(axis=1, ddof=1), strict=True))
from_below = {name[2:]: step for name, step in steps.items()}
for name, gain in from_above.items():
    fix = name.removeprefix("without_")
    print(f"{fix:13} {from_below[fix]:+.2f} from below, {gain:+.2f} from above;", end=" ")
    print(f"spread without {spread_of[name]:.2f}")

assert np.isclose(from_above["without_crop"], -3.85) and -3.85 < -5 * high_error
assert abs(from_below["crop"]) < 2 * low_error
assert 3 < from_below["schedule"] < from_above["without_schedule"] < 4
assert spread_of["without_schedule"] > 3 * falling
assert abs(from_above["without_weight_decay"]) < 2 * high_error

# %% [markdown]
# <details><summary>Answer</summary>
#
# - **The crop is no fix here.** At its own rung nothing could be told. At the top the runs without it are better, by
#   more than three points, far beyond luck.
# - **The schedule** is worth three to four points from both sides, though neither number is sure: without it the runs
#   scatter.
# - **Weight decay:** nothing that could be seen from either side.
#
# </details>
#
# A ladder tells a story, and its order is the author's. Before you believe a step, take it back at the top.

# %% [markdown]
# ## What ten thousand images and a few epochs can say
#
# *Why:* every comparison above holds where it was made, and these trainings were short. Had the models begun to learn
# their images by heart, which is what crop, dropout, weight decay and stochastic depth are there to prevent?
#
# **Predict:** with the crop or without it, whose training loss is lower at the end? And whose validation accuracy is
# higher?


# %%
def at_each_epoch(grid, name, measurement):
    curves = [run["history"][measurement] for run in grid["runs"] if run["name"] == name]
    return np.mean(curves, axis=0)  # (epochs,), the mean of the seeds


loss, validation = {}, {}
for title, place in {"with crop": (ladder, "9_muon"), "without": (top, "without_crop")}.items():
    loss[title] = at_each_epoch(*place, "loss")[-1]
    validation[title] = 100 * at_each_epoch(*place, "val_top1")
    print(f"{title:9} training loss {loss[title]:.2f}, validation {validation[title].round(1)} %")
assert all(np.all(np.diff(accuracies) > 0) for accuracies in validation.values())
assert loss["without"] < loss["with crop"] - 0.1
assert np.all(validation["without"] > validation["with crop"])

# %% [markdown]
# <details><summary>Answer</summary>
#
# Without the crop the training loss is lower, as the images are easier. The validation accuracy is higher too, in every
# epoch.
#
# </details>
#
# A model that learned by heart would do better on training images at the cost of new ones. Here both get better
# together. Is it so for the other parts?

# %%
losses, accuracies = measured["training loss (nats)"].mean(axis=1), points.mean(axis=1)
all_but_one = np.array(names) != "kernel_1"
r_all = np.corrcoef(losses, accuracies)[0, 1]
r_rest = np.corrcoef(losses[all_but_one], accuracies[all_but_one])[0, 1]
print(f"correlation of training loss and accuracy {r_all:.3f}, without kernel_1 {r_rest:.3f}")
last_was_best = np.mean([np.argmax(run["history"]["val_top1"]) == 4 for run in record["runs"]])
print(f"runs whose last of five epochs was best on validation: {last_was_best:.0%}")
assert 0.95 < last_was_best < 1 and max(r_all, r_rest) < -0.97

# %% [markdown]
# It is. Over the 15 settings a lower training loss goes with a higher test accuracy, nearly on a line, with `kernel_1`
# or without it. And nearly all runs were best on validation in their last epoch. So no model has learned its images by
# heart yet.
#
# These tables say little, then, about what is there to prevent just that. They say which parts get a model going.
# Ablate at the length at which you mean to train, if you can pay for it. Notebook 10 trains longer.

# %% [markdown]
# ## For a second reading
#
# ### Try it: the ablation browser
#
# *Why:* a table answers the questions of whoever made it. Here you can ask your own: every point is a setting, and any
# two measurements span the plane. The ringed setting is named above it.
#
# Things to try: accuracy over training time; tokens over MACs; training loss over accuracy. On the ladder, see what
# each rung did to speed. The black diamond there is the first rung, the model and recipe of 2021 as they were.

# %%
on_ladder = [label for label in columns if label not in ("MACs (millions, one image)", "tokens")]
climb = {label: table(ladder["runs"], columns[label])[1] for label in on_ladder}
kinds = ["as it is", *["training"] * 4, *["model"] * 4, "training"]
grids = {"parts": (names, groups, measured), "ladder": (rungs, kinds, climb)}


def draw(grid, x, y, setting, each_seed):
    grid_names, parts, values = grids[grid]
    if missing := {x, y} - set(values):
        raise ValueError(f"Nobody counted the {missing.pop()} of the ladder: not all there are CCTs.")
    return pictures.draw_browser(grid_names, parts, values, x, y, setting, each_seed)


# %%
start_at = dict(grid="parts", x="MACs (millions, one image)", y="test accuracy (%)", setting=2)
start_at |= dict(each_seed=True)
by_loss = start_at | dict(x="training loss (nats)", setting=4)
by_time = start_at | dict(grid="ladder", x="training time (s)", setting=10)
choices = dict(grid=list(grids), x=list(columns), y=list(columns))
choices |= dict(setting=(1, len(names)), each_seed=True)
alt = """Three scatter plots of settings: accuracy over MACs and over training loss,
and the ladder's accuracy over time"""
box = cct.explore(draw, [start_at, by_loss, by_time], alt=alt, **choices)

# %% [markdown]
# ### One spread for all?
#
# *Why:* the line of *Fourteen comparisons, one line* rests on one spread for all settings. The first row was more than
# twenty times calmer than that. Can such a calm row be luck? Draw whole tables in which all settings are equally
# steady, and look at the steadiest row of each.

# %%
equally_steady = rng.normal(size=(20_000, *points.shape))  # (tables, settings, seeds)
steadiest = equally_steady.std(axis=2, ddof=1).min(axis=1)  # (tables,)
as_steady = np.mean(steadiest < spreads.min() / deviation)
print(f"simulated tables with a row as steady as the steadiest here: {as_steady:.1%}")
print(f"Bartlett's test, for the curious: {bartlett(*points).pvalue:.1%}")
assert 0.015 < as_steady < 0.025 and 0.001 < bartlett(*points).pvalue < 0.01

# %% [markdown]
# Luck can do it, but rarely: about one table in fifty has such a row. So some settings are probably steadier than
# others, and three runs a row cannot say which. That is why the common spread is a compromise.
#
# <details><summary>For the curious: Bartlett's test</summary>
#
# It asks the same of all rows at once: how often do equally steady settings, with normally distributed scores, give
# spreads as unequal as these? In fewer than one table of a hundred.
#
# </details>
#
# ### Will you see it?
#
# *Why:* "visible" is not "sure to be seen". The chance to see a true difference is called the [power](glossary.md) of
# an experiment.
#
# **Predict:** the true difference is just what three seeds can show, two standard errors. How often is the measured one
# above the line? How often with twice the seeds?

# %%
seen = {}
for n in (seeds, 2 * seeds):
    measured_gain = rng.normal(2 * error, error_with(n), size=20_000)
    seen[n] = np.mean(measured_gain > 2 * error_with(n))
    errors = 2 * error / error_with(n)
    print(f"{n} seeds, {errors:.1f} standard errors: seen in {seen[n]:.0%} of the experiments")
assert 0.48 < seen[3] < 0.52 and 0.78 < seen[6] < 0.82

# %% [markdown]
# <details><summary>Answer</summary>
#
# With three seeds the difference is seen every second time, as luck moves it up and down equally often. With six it is
# seen four times out of five.
#
# </details>
#
# So whoever plans an experiment plans with 2.8 standard errors instead of 2: twice the seeds.
#
# ### The luck of the test images
#
# *Why:* there is a second kind of luck. The test images are a sample too.
#
# Give every image a difficulty, the chance that a trained model is right on it. With endless seeds the accuracy on a
# test set is the mean of these chances. Draw 300 test sets. (The distribution is invented; its mean is about that of
# the record.)
#
# **Predict:** does the luck of the test images go away with a hundred seeds?

# %%
images = record["test_images"]
chances = rng.beta(0.5, 0.36, size=(300, images))  # (test sets, images)
of_sets = 100 * chances.mean(axis=1)  # (test sets,)
print(f"accuracy with endless seeds: {of_sets.mean():.1f} ± {of_sets.std():.2f} %, over the test sets")
assert abs(of_sets.mean() - points.mean()) < 2 and 0.3 < of_sets.std() < 0.5

# %% [markdown]
# <details><summary>Answer</summary>
#
# The luck of the test set does not go away with any number of seeds: every seed is asked the same images.
#
# </details>
#
# So a single accuracy is uncertain by several tenths of a point, however many seeds are behind it, and seeds cannot
# show that. Is a comparison as uncertain? Take a second model that is a little better on the whole, while each image
# suits it a little more or less, and ask both the same images.

# %%
second = np.clip(chances + rng.normal(0.02, 0.15, size=chances.shape), 0, 1)
gains = 100 * (second - chances).mean(axis=1)  # (test sets,)
print(f"gain of the second model: {gains.mean():.2f} ± {gains.std():.2f} points, over the test sets")
assert gains.std() < 0.5 * of_sets.std() and gains.mean() > 0.3

# %% [markdown]
# The *difference* of two models on the same images is surer, here by more than half, as an easy image is easy for both.
# How much surer depends on how alike the models are. Compare on the same test set, and compare differences.
#
# (The training images are a sample as well. They are the same 10,000 in every run of this record, so what another
# 10,000 would change, it cannot show.)

# %% [markdown]
# ### Does pairing help?
#
# *Why:* runs with the same seed see the same images in the same order. If a seed is good luck for all settings, take
# the differences seed by seed and this luck cancels.
#
# **Predict:** how much smaller is the spread of the paired differences?

# %%
pairs = list(itertools.combinations(points, 2))
paired = np.sqrt(np.mean([(one - other).var(ddof=1) for one, other in pairs]))
unpaired = np.sqrt(np.mean([one.var(ddof=1) + other.var(ddof=1) for one, other in pairs]))
print(f"{len(pairs)} pairs of settings, spread of their differences in points:")
print(f"paired {paired:.2f}, unpaired {unpaired:.2f}")
assert 0.95 < paired / unpaired < 1

# %% [markdown]
# <details><summary>Answer</summary>
#
# The spread of the paired differences is hardly smaller, by less than a twentieth.
#
# </details>
#
# The likely reason: another part means other first weights, and after some hundred steps two runs have little in
# common. Pairing costs nothing and is right where it helps, as over the test images above. Measure it, as here, before
# you count on it.

# %% [markdown]
# ### Three more ways to fool yourself
#
# *Why:* each of these happens without any wish to deceive, and to careful people too.
#
# > **Trap: the best seed.** Train your own idea ten times and report the best run. Take the old method from a table,
# > where it was run once.
#
# **Predict:** both methods are equally good. How much better does yours look, in standard deviations?

# %% tags=["trap"]
best = {k: rng.normal(size=(20_000, k)).max(axis=1).mean() for k in (1, 2, 3, 4, 5, 10)}
for k, gain in best.items():
    print(f"best of {k:2}: {gain:5.2f} standard deviations, here {gain * deviation:5.2f} points")
assert abs(best[1]) < 0.03 and 0.95 < best[4] < 1.1 and 1.45 < best[10] < 1.6

# %% [markdown]
# <details><summary>Answer</summary>
#
# Yours looks better by one and a half standard deviations, and it is not.
#
# </details>
#
# The method of this course is no exception: the authors of CCT
# [say](https://github.com/SHI-Labs/Compact-Transformers/issues/3) that their figures are the best of 4 runs, which by
# such a table is worth about one standard deviation.
#
# **To catch it:** report the mean, the spread and the number of runs, with the same number for all.
#
# > **Trap: the score of the winner.** You compare many settings on the test images, keep the best, and report the score
# > that made it the best.
#
# **Predict:** 15 settings are equally good. By how much does the winner's score fall when it is trained again, with
# other seeds? Say it in standard errors of a mean.

# %% tags=["trap"]
scores = rng.normal(size=(20_000, len(names)))  # of equally good settings, in standard errors of a mean
again = rng.normal(size=20_000)  # the winner's, with other seeds
excess = scores.max(axis=1) - again
print(f"the winner of {len(names)} loses {excess.mean():.2f} standard errors when it is measured again")
assert 1.65 < excess.mean() < 1.85

# %% [markdown]
# <details><summary>Answer</summary>
#
# The winner loses more than one and a half standard errors. It was no better than the others.
#
# </details>
#
# **To catch it:** choose on validation images, and read the test images once, for what was chosen. This notebook and
# the next compare on test images: take their tables for what a part does, not for how good the best setting will be.
#
# > **Trap: a rung with three changes.** Look again at the list of rungs in *The ladder*.
#
# **Predict:** which of them cannot say what helped?

# %% tags=["trap"]
mixed = {name: list(fields) for name, fields in changes.items() if len(fields) > 1}
for name, fields in mixed.items():
    print(name, "changes", ", ".join(fields))
assert set(mixed) == {"3_schedule", "4_weight_decay", "9_muon"} and "learning_rate" in mixed["9_muon"]

# %% [markdown]
# <details><summary>Answer</summary>
#
# `3_schedule`, `4_weight_decay` and `9_muon` change more than one thing, and so does `8_course_model`.
#
# </details>
#
# `3_schedule` changes the shape, the highest rate and the warm-up; `4_weight_decay` its size and what is spared;
# `9_muon` the optimizer and its rate. For the rates there is a reason: one that suits one optimizer or schedule rarely
# suits another, and an unsuitable rate would be unfair as well. So read these steps as "with a rate of its own". And
# `8_course_model` changes whatever else the two models differ in.
#
# **To catch it:** compare the settings of two rungs by program, as above. Names hide what else moved.

# %% [markdown]
# ### A runner that can be stopped
#
# *Why:* 15 settings with several seeds each take hours. A laptop goes to sleep, a session on Colab ends. What is done
# must stay done. The runner that made the record is two loops and one file a run:

# %%
for source_line in inspect.getsource(run_grid).splitlines():
    print(textwrap.fill(source_line, 96, subsequent_indent=12 * " "))

# %% [markdown]
# A file is written under another name and then renamed, so it is there whole or not at all. All settings come with the
# first seed before any comes with the second: wherever you stop, no setting is more than one seed behind. (Libraries
# such as KerasTuner are made to *search* for the best setting. Here you want every setting with every seed, the bad
# ones above all, and then two loops are easier to read.)
#
# Try it on a small scale: digits, two settings, two seeds, three epochs. `build_parts` is `build_cct` with one more
# argument, the pooling. The function `train` fails on purpose after `most` trainings, as if the power had gone.

# %%
digits = cct.load_dataset("digits")
few = digits._replace(x_train=digits.x_train[:320], y_train=digits.y_train[:320])
recipe = dataclasses.replace(cct.RECIPES["quick"], epochs=3, batch_size=32, augment="none")
small = dict(input_shape=(16, 16, 1), normalization=(78, 96), dim=32, hidden_channels=16)
done = []


def train(setting, seed, most):
    if len(done) == most:
        raise RuntimeError("the power is gone")
    done.append((setting, seed))
    keras.utils.set_random_seed(seed)
    model = build_parts(**small, **setting)
    cct.fit(model, few, recipe, seed=seed, verbose=False)
    scores = cct.evaluate(model, digits.x_test, digits.y_test)
    return {"parameters": model.count_params(), "test_top1": scores["top1"]}


# %% [markdown]
# **Predict:** four runs are wanted, and the power goes after three. How many trainings does the second call start?

# %%
settings = {"as_it_is": PARTS["as_it_is"], "position_none": PARTS["position_none"]}
folder = tempfile.TemporaryDirectory()
try:
    run_grid(lambda setting, seed: train(setting, seed, most=3), settings, [0, 1], folder.name)
except RuntimeError as power_cut:
    kept = sorted(path.name for path in Path(folder.name).iterdir())
    print(power_cut, "- what is there:", ", ".join(kept))
assert len(kept) == len(done) == 3 and all(name.endswith(".json") for name in kept)

runs = run_grid(lambda setting, seed: train(setting, seed, most=4), settings, [0, 1], folder.name)
print("trainings started in all:", len(done))
assert len(done) == len(runs) == 4 and max(run["test_top1"] for run in runs) < 0.2
for run in runs:
    print(f"{run['name']:14} seed {run['seed']}: {run['test_top1']:.1%}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The second call starts one training. The other three are read from their files.
#
# </details>
#
# Which setting is better? Guessing gets 10 % right, and none of these runs does much more. Three epochs on 320 digits
# show that the runner works, and nothing else.
#
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/09_what_matters.ipynb).

# %% [markdown]
# ### Exercise: All combinations of a grid
#
# *Warm-up, 8 minutes.* A grid has several axes, and `counts`, a list, says how many choices each has. Return the
# number of the choice on each axis, from 0, for every combination: `(combinations, axes)`, whole numbers, the last
# axis changing fastest.
#
# `all_settings([2, 2])` gives `[[0, 0], [0, 1], [1, 0], [1, 1]]`.


# %% tags=["exercise"]
def all_settings(counts):
    return np.zeros((np.prod(counts), len(counts)), int)  # your lines here


cct.check("all_settings", all_settings)

# %% [markdown]
# ### Exercise: A difference and its standard error
#
# *10 minutes.* Two settings were trained with the same seeds, and their scores are `changed` and `base`, both
# `(seeds,)`. Return the mean difference, changed less base, and its standard error from the differences seed by seed.
#
# `paired_difference(np.array([3.0, 5.0]), np.array([2.0, 2.0]))` gives `(2.0, 1.0)`: the differences are 1 and 3.


# %% tags=["exercise"]
def paired_difference(changed, base):
    return 0.0, 0.0  # your lines here


cct.check("paired_difference", paired_difference)

# %% [markdown]
# ### Exercise: How many seeds?
#
# *10 minutes.* Runs have the standard deviation `deviation`. How many seeds does each of two settings need, at least,
# so that `difference` is `errors` standard errors of a difference or more? (Unpaired, as in the section on seeds,
# where `errors` is 2. With 2 a true difference of this size is seen every second time; with 2.8, four times out of
# five.)
#
# `seeds_needed(1.0, 1.0, 2.0)` gives `8`, and `seeds_needed(1.0, 1.0, 2.8)` gives `16`.


# %% tags=["exercise"]
def seeds_needed(deviation, difference, errors):
    return 0  # your line here


cct.check("seeds_needed", seeds_needed)

# %% [markdown]
# ### Exercise: What the best of k seeds promises
#
# *15 minutes.* You know the scores of several runs, `(runs,)`. Somebody else picks `k` different ones of them at
# random and reports the best. What do they report on average? (`itertools.combinations` lists the choices.)
#
# `best_of(np.array([1.0, 2.0, 4.0]), 2).round(3)` gives `3.333`: the mean of 2, 4 and 4.


# %% tags=["exercise"]
def best_of(scores, k):
    return 0.0  # your line here


cct.check("best_of", best_of)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(9)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. Equal seconds instead of equal epochs: give `as_it_is` as many epochs as `convs_1` had time. Who is ahead?
# 2. Choose two parts and train all four combinations with `run_grid` on digits (*A runner that can be
#    stopped*, in the second reading). Do the differences add up?
#
# ## Recap
#
# - Change one part, train with several seeds, compare means.
# - Three runs cannot tell a spread. Pool it over the grid. Seeds needed grow with the square of the precision wanted.
# - Many comparisons make discoveries by luck. Simulate what luck does, and draw the line there.
# - Report the mean, the spread, the number of runs, the line and the price.
# - A ladder shows a step at its place, among the faults that are still there. Take it back at the top before you
#   believe it.
# - For experiments of your own: the best of several seeds or settings looks better by luck. Choose on validation, and
#   read the test images once. A runner that keeps a file a run can be stopped.
#
# What these records say. Points are test accuracy, the mean of three seeds, less that of `as_it_is`, `kernel_1`, the
# rung below or the top rung; time is that for an image in training, roughly.
#
# | part | change | points | time | it says |
# |---|---|---|---|---|
# | convolution | kernel 1 x 1 | -10.5 | 0.8 x | matters most |
# | convolution | kernel 5 x 5 | -2.6 | 1.4 x | larger is no better |
# | tokens | 256, with one convolution | +2.0 | 2.7 x | accuracy, bought with time |
# | layers | 4 | +1.3 | 1.5 x | at the edge, bought with time |
# | heads, positions, pooling | 1 head, none, average | -1.4, -1.2, -1.4 | 0.9 x | at the edge |
# | stochastic depth | rate 0, 0.3 | +0.3, -0.4 | 0.9 x, 1.0 x | cannot be told |
# | positions, with kernel 1 x 1 | none | -8.7 | 1.0 x | what one part is worth depends on another |
# | schedule (ladder) | cosine and warm-up | +3.1 | 1.0 x | calm; of the points three seeds cannot tell |
# | head size (ladder) | 64, not 128 | -0.5 | 0.8 x | a third of the parameters saved, at no cost to be seen |
# | Muon (ladder) | instead of AdamW | +3.6 | 1.2 x | the one clear step |
# | crop (top of the ladder) | taken back | +3.85 | | it costs points in six epochs |
#
# **Difference from the paper:** it compares such variants after hundreds of epochs on all training images. Here they
# are trained for five or six epochs on a fifth of the images, compressed once more, with three seeds and their spread.
#
# **Difference from the [Keras example](https://keras.io/examples/vision/cct/):** it reports one run of 30 epochs and
# suggests such ablations as an exercise. The ladder starts at its model and recipe, with images of half the side, a
# fifth of the images, fewer epochs and batches of half the size. The weight decay of 0.1 is the example's 0.0001 in
# another unit: its optimizer did not multiply it by the learning rate of 0.001, and Keras's does.
#
# Links: [paper](https://arxiv.org/abs/2104.05704), [stochastic depth](https://arxiv.org/abs/1603.09382),
# [deep learning and the luck of the seed](https://arxiv.org/abs/2109.08203),
# [accounting for variance in benchmarks](https://arxiv.org/abs/2103.03098).
#
# Next: [10 Stronger training](10_stronger_training.ipynb). What do the tricks add, and when?
