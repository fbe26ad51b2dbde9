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
from cct_helpers.topics.ablation import PARTS, TWO_PARTS, build_parts, by_setting, run_grid, table
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
# what luck can do, and what single changes are worth; then a good place for a break; and from *The ladder* to *The test
# images, once*, about 30: many changes in a row. What stands under *For a second reading* can wait: a browser of all
# these runs, and what you need on the day when you plan an ablation yourself.
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
# All 15 models were trained on CIFAR-10, and so were two pairs of changes, which come later. Each was trained with
# three seeds, the model as it is with five, as all others are compared with it. The recipe is a short one:
# [Muon](glossary.md), four epochs, batches of 64, no attention dropout, and whole images from the first epoch on. The
# settings stand in `notebooks/scripts/grid_runs.py`, the command and the machine in the record.
#
# Three sets of images have three tasks. 10,000 are trained on. 5,000 others are for validation: 1,000 choose the best
# epoch of a run, and on the other 4,000 the settings are compared. The test images wait for the end of the main line.


# %%
def read(name):
    path = Path(root, "notebooks", "results", f"{name}.json")
    return json.loads(path.read_text(encoding="utf-8"))


record = read("09_parts")
trained_with = record["recipe"]
hours = sum(run["seconds"] for run in record["runs"]) / 3600
print(f"{record['train_images']:,} training images, {trained_with['epochs']} epochs")
print(f"{len(record['runs'])} runs, {hours:.1f} hours of one core, {record['machine']['processor']}")
for field in ("optimizer", "learning_rate", "batch_size", "image_scales"):
    print(f"{field:14} {trained_with[field]}")
assert (len(record["runs"]), trained_with["epochs"], record["train_images"]) == (53, 4, 10_000)
assert (trained_with["optimizer"], trained_with["batch_size"]) == ("muon", 64)
assert not trained_with["image_scales"] and list(record["validation_images"].values()) == [1000, 4000]

# %% [markdown]
# The scores, a row a setting: accuracy on the 4,000 validation images in percent, one number for each seed.

# %%
one_change = [run for run in record["runs"] if run["name"] in PARTS]
scores = by_setting(one_change, lambda run: 100 * run["val_top1"])  # name -> (seeds,)
names, rows = list(scores), list(scores.values())
for name, row in scores.items():
    print(f"{name:20} mean {row.mean():.2f}, standard deviation {row.std(ddof=1):.2f}  {row.round(2)}")
seeds = 3
assert names == list(PARTS) and [len(row) for row in rows] == [5] + 14 * [seeds]

# %% [markdown]
# The seed sets the first weights, the order of the images, their augmentation and which branches are dropped; nothing
# else differs within a row.
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
# > **Trap: the spread of three runs, taken at its word.** Look at the row `position_sine` of the record. Its runs lie
# > within 0.13 points, and their standard deviation is 0.06. Is this setting so much steadier than the others?
#
# **Predict:** draw three numbers from a normal distribution with standard deviation 1, many times. How often do the
# three give a standard deviation below a half?

# %% tags=["trap"]
drawn = rng.normal(size=(20_000, seeds)).std(axis=1, ddof=1)
below, above = np.mean(drawn < 0.5), np.mean(drawn > 1.5)
print(f"below half of the truth: {below:.0%}, above one and a half: {above:.0%}")
assert 0.2 < below < 0.25

spreads = np.array([row.std(ddof=1) for row in rows])  # (settings,)
assert names[spreads.argmin()] == "position_sine" and round(spreads.min(), 2) == 0.06
assert np.isclose(np.ptp(scores["position_sine"]), 0.125)
first_three = rows[0][:3].std(ddof=1)
print(f"as_it_is: {first_three:.2f} from three seeds, {spreads[0]:.2f} from five")
assert round(first_three, 1) == 0.6 < spreads[0] / 2 and round(rows[0][:4].min() - rows[0][4]) == 2

# %% [markdown]
# <details><summary>Answer</summary>
#
# More than one time in five. Three numbers are far too few to know a spread.
#
# </details>
#
# The first row shows the other side. Its first three runs have a standard deviation of 0.6. With two more seeds it is
# twice as large, as the fifth run lies two points below the others.
#
# **To catch it:** pool the spread over the settings of a grid, and be suspicious of any spread from a handful of runs.
#
# *Pooled* means: one spread for all. Fifteen rows know together what none of them knows alone. For settings with $n_j$
# runs and the standard deviation $s_j$ it is the root of the mean of the squares, in which a row of $n_j$ runs counts
# $n_j - 1$ times:
#
# $$s = \sqrt{\frac{\sum_j (n_j - 1)\, s_j^2}{\sum_j (n_j - 1)}}$$

# %%
counts = np.array([len(row) for row in rows]) - 1  # how often each spread counts
deviation = np.sqrt(np.average(spreads**2, weights=counts))  # one for all settings
print(f"smallest {spreads.min():.2f}, largest {spreads.max():.2f}; pooled {deviation:.2f}")
title = "Spreads of three draws each, and those of the 15 settings"
figure = pictures.draw_deviations(deviation * drawn, spreads, true=deviation, title=title)
alt = """Histogram of spreads of three draws, from 0 to over twice the true one.
Strokes of 15 settings lie all over it"""
cct.show(figure, alt=alt, colours=64)
assert round(deviation, 2) == 0.75 and spreads.min() < deviation / 10

# %% [markdown]
# The pooled spread is three quarters of a point, more than ten times that of the calmest row. It is used from here on.
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
# $$\text{of a mean:} \quad \frac{s}{\sqrt n} \qquad\qquad \text{of a difference of means of $n$ and $m$ runs:} \quad
# s\, \sqrt{\frac{1}{n} + \frac{1}{m}}$$
#
# On paper: with a spread of 1 point and two runs each, the difference has a standard error of $\sqrt{1/2 + 1/2} = 1$
# point. Here a difference is called *visible* when it is at least twice its standard error.
#
# **Predict:** three seeds show a difference of 1.2 points. How many seeds show one of half that size?


# %%
def error_with(n, m):  # of a difference of two means, of n and of m runs
    return deviation * np.sqrt(1 / n + 1 / m)


for n in (3, 12, 48):
    equal = rng.normal(scale=deviation, size=(20_000, 2, n))  # (experiments, settings, seeds)
    by_luck = np.diff(equal.mean(axis=2))
    assert np.isclose(by_luck.std(), error_with(n, n), rtol=0.03)  # the formula is what luck does
    visible = 2 * error_with(n, n)
    print(f"{n:2} seeds each: standard error {error_with(n, n):.2f}, visible from {visible:.2f} points")
error = error_with(3, 5)  # of every comparison with as_it_is in this record
print(f"three seeds against five: standard error {error:.2f}")
assert [round(2 * error_with(n, n), 1) for n in (3, 12)] == [1.2, 0.6] and round(error, 2) == 0.55

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
first = rng.normal(size=(100_000, 5))  # (tables, seeds), and all settings equal
others = rng.normal(size=(100_000, 14, seeds))  # (tables, settings, seeds)
from_first = np.abs(others.mean(axis=2) - first.mean(axis=1, keepdims=True))  # (tables, 14)
variances = np.column_stack([first.var(axis=1, ddof=1), others.var(axis=2, ddof=1)])  # (tables, 15)
pooled = np.sqrt(np.average(variances, axis=1, weights=counts))  # (tables,)
largest = deviation * from_first.max(axis=1) / pooled  # of the 14, in points of this record

found = np.mean(largest > 2 * error)
print(f"at least one of 14 beyond two standard errors: {found:.0%} of the tables")
line = np.quantile(largest, 0.95)
print(f"5 % of the tables pass {line / error:.2f} standard errors, here {line:.2f} points")
assert 0.39 < found < 0.43 and 2.9 < line / error < 3.1

# %%
marks = {"two standard errors": 2 * error, "line for 14 looks": line}
title = "The largest of 14 differences, where all settings are equal"
figure = pictures.draw_looks(largest, marks, "largest of 14 differences (points)", title)
alt = """Histogram: four in ten lie beyond the dashed line at 1.1 points,
5 % beyond the full one at 1.7"""
cct.show(figure, alt=alt, colours=64)
assert [round(place, 1) for place in marks.values()] == [1.1, 1.7]

# %% [markdown]
# <details><summary>Answer</summary>
#
# In four tables of ten at least one change passes two standard errors: a discovery that is none.
#
# </details>
#
# **To catch it:** count the comparisons, and draw the line where luck passes it in 5 % of whole tables. Here that is at
# three standard errors.
#
# <details><summary>For the curious: Dunnett's test</summary>
#
# That is its name, for many settings against one control. His advice for such a table is to run the control more often,
# about $\sqrt{14} \approx 4$ times as often as the others, as it takes part in every comparison. This record has five
# runs of it, and three of each of the others.
#
# </details>

# %% [markdown]
# ## What the record says
#
# *Why:* you know the luck and have a line. Only now is it worth looking at the differences. Compare
# them with your predictions.

# %%
means = np.array([row.mean() for row in rows])  # (settings,)
differences = [row - means[0] for row in rows]  # of each setting, (seeds,)
of = dict(zip(names, means - means[0], strict=True))  # name -> points
groups = [name.replace("as_it_is", "as it is").split("_")[0] for name in names]  # what is changed
label = "validation accuracy less that of as_it_is (points)"
title = "Each change, and what luck alone can do to one of 14"
figure = pictures.draw_differences(names, groups, differences, line, label, title)
alt = """kernel_1 lies ten points left of as_it_is and kernel_5 three; layers_4 lies three right
and position_sine two; the means of all others in a grey band"""
cct.show(figure, alt=alt)

# %% [markdown]
# Which of them lie beyond the line, and which so near to it that other seeds could move them across?

# %%
beyond = [name for name in compared if abs(of[name]) > line]
near = [name for name in compared if abs(abs(of[name]) - line) < error]
print("beyond the line:", ", ".join(f"{name} {of[name]:+.1f}" for name in beyond))
print("within a standard error of it:", ", ".join(near))
far = {name: round(of[name]) for name in beyond if name not in near}
assert far == dict(kernel_1=-10, kernel_5=-3, layers_4=3)
fewer = rows[0][:4].mean() - means[0]  # without the low fifth run
assert 0.5 < fewer < 0.55 and of["position_sine"] - fewer < line < of["layers_4"] - fewer
assert near == ["convs_1", "layers_1", "position_none", "position_sine", "depth_rate_0"]

# %% [markdown]
# - **The kernel matters most.** A 1 x 1 kernel sees no neighbours, and loses ten points. A 5 x 5 kernel loses three.
# - **Layers:** four are better than two, by nearly three points. One scores lower, inside the line.
# - **Positions:** the sine, which nobody trains, looks better than the learned table, by two points, and is just beyond
#   the line. No positions at all lose more than a point, just inside.
# - **Convolutions, heads, pooling, stochastic depth:** no change that these seeds can tell from luck. Nearest to the
#   line are one convolution and no stochastic depth.
#
# The rows near the line could fall on the other side with other seeds. "Not beyond the line" does not mean "no
# difference": it means that these seeds cannot show one.

# %% [markdown]
# Three things to keep in mind about these numbers:
#
# - **All differences share the mean of `as_it_is`.** If the low fifth run was bad luck, all 14 lie about half a point
#   too high. Without it the sine would be inside the line, and four layers still beyond it.
# - **The line knows one kind of luck,** that of the seeds. The 4,000 images on which all are compared are luck too:
#   *The luck of the images*, in the second reading, measures it.
# - **Four epochs are few.** What pays in the first four need not pay in the first hundred. *What ten thousand images
#   and a few epochs can say* comes back to this.

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
# They are, for all 53 runs. Here are the prices beside the points. The time is that for an image in training, in units
# of `as_it_is`. Other work ran beside some of these trainings, so of each run the fastest epoch counts,
# and of these the median. (A class token is one token more, which is not counted here.)

# %%
columns = {
    "validation accuracy (%)": lambda run: 100 * run["val_top1"],
    "training accuracy (%)": lambda run: 100 * run["train_top1"],
    "parameters (thousands)": lambda run: run["parameters"] / 1000,
    "MACs (millions, one image)": lambda run: sum(costs_of(run)["macs"].values()) / 1e6,
    "tokens": lambda run: costs_of(run)["tokens"],
    "training time (s)": lambda run: run["seconds"],
    "images trained a second": lambda run: np.median(run["history"]["images_per_second"]),
    "training loss (nats)": lambda run: run["history"]["loss"][-1],
}
three = [run for run in one_change if run["seed"] < seeds]  # the seeds that all settings have
measured = {label: table(three, column)[1] for label, column in columns.items()}
# label -> (settings, seeds); the next three are the same for all seeds
size, macs, tokens = (measured[label][:, 0] for label in list(columns)[2:5])
fastest = by_setting(record["runs"], lambda run: max(run["history"]["images_per_second"]))
speed = {name: np.median(row) for name, row in fastest.items()}
took = {name: speed["as_it_is"] / own for name, own in speed.items()}
print(f"{'':20} points  thousand parameters  million MACs  tokens   time")
for name, *row in zip(names, size, macs, tokens, strict=True):
    print(f"{name:20} {of[name]:+6.2f}", "{:20.1f} {:13.1f} {:7.0f}".format(*row), f"{took[name]:6.1f}")

# %% [markdown]
# > **Trap: a better part, or a larger model?** `convs_1` has fewer parameters than `as_it_is` and is, if
# > anything, a little better. A bargain?
#
# **Predict:** each convolution is followed by a max-pool that halves both sides. How many tokens are left after one?
# What does that do to the cost?


# %% tags=["trap"]
one = names.index("convs_1")
work = macs[one] / macs[0]
print(f"convs_1: {tokens[one]:.0f} tokens, not {tokens[0]:.0f}; {work:.1f} x MACs")
assert tokens[one] == 4 * tokens[0] == 256
assert round(work, 1) == 2.5 and 3 < took["convs_1"] < 3.4 and size[one] < size[0]

# %% [markdown]
# <details><summary>Answer</summary>
#
# One convolution leaves 16 x 16 = 256 tokens, four times as many. The whole model has two and a half times the MACs,
# and takes more than three times as long.
#
# </details>
#
# So `convs_1` pays dearly for 1.3 points, which may be luck. At equal epochs that goes unseen: the comparison is
# fair in images, not in seconds.
#
# **To catch it:** put parameters, MACs and time beside every accuracy. `num_conv_layers` changes three things at once:
# convolutions, tokens and cost. The name of the argument does not say so.
#
# Is the price the whole story? Here are the two gains beyond the line, and three other changes, with their price.

# %%
price = dict(zip(names, macs / macs[0], strict=True))
for name in ("layers_4", "position_sine", "kernel_5", "convs_3", "kernel_1"):
    print(f"{name:13} {of[name]:+5.1f} points, {price[name]:.1f} x MACs, {took[name]:.1f} x time")
told = {name: f"{of[name]:+.1f} {took[name]:.1f}x" for name in names}

ahead = [name for name in compared if of[name] > line]
assert ahead == ["layers_4", "position_sine"]
assert np.isclose(size[0] - size[names.index("position_sine")], 64 * 128 / 1000)
assert round(price["kernel_5"]) == 2 and 1 < price["convs_3"] / price["kernel_1"] < 1.2
assert tokens[names.index("convs_3")] == 16 and abs(of["convs_3"]) < error
# what the table at the end of this notebook says
assert " ".join(told[name] for name in compared[:4]) == "+1.3 3.3x -0.5 0.5x -9.8 0.7x -3.0 1.5x"
assert " ".join(told[name] for name in ahead) == "+2.9 1.5x +2.0 1.0x"
some = "heads_1", "position_none", "pooling_average", "depth_rate_0", "depth_rate_30"
assert [round(of[name], 1) for name in some] == [-0.6, -1.4, -1.1, 1.3, -0.3]
assert max(abs(took[name] - 1) for name in some) < 0.06

# %% [markdown]
# Two gains lie beyond the line, that of `layers_4` clearly, that of the sine just. `layers_4` has its price: it takes
# half as long again. The sine has none: it takes as long, and saves the 8,192 numbers of the table. And a price is no
# guarantee. The 5 x 5 kernel doubles the MACs and loses. At the other end, three convolutions leave 16 tokens for a
# whole image, take half the time, and lose nothing that these seeds can show. The 1 x 1 kernel has about as few MACs,
# and loses ten points.
#
# ## Two changes at once
#
# *Why:* "one change at a time" has a blind spot. Parts help each other out. Notebook 02 showed that convolutional
# tokens know something about their places. Does it matter, then, which kernel stands before the position table?
#
# **Predict:** the differences of `kernel_1` and `position_none` are known. Is the difference of both together their
# sum, more, or less? And if you combine `convs_1` and `layers_4`?

# %%
every = by_setting(record["runs"], lambda run: 100 * run["val_top1"])
together = {name: every[name].mean() - means[0] for name in TWO_PARTS}
assert {len(every[name]) for name in TWO_PARTS} == {seeds}
beyond_sum = {}
for name, difference in together.items():
    one, other = name.split("+")
    added = of[one] + of[other]
    beyond_sum[name] = difference - added
    print(f"{one} {of[one]:+.2f}, {other} {of[other]:+.2f}: sum {added:+.2f}, both {difference:+.2f}")

# %% [markdown]
# Is the difference from the sum more than luck? Four means are in it, and none of them is certain.

# %%
error_of_four = deviation * np.sqrt(3 / seeds + 1 / 5)
print(f"standard error of 'both less the sum': {error_of_four:.2f} points")
print(f"convs_1+layers_4 took {took['convs_1+layers_4']:.1f} x the time of as_it_is")
assert -7.5 < beyond_sum["kernel_1+position_none"] < min(-7, -5 * error_of_four)
assert round(together["kernel_1+position_none"] - of["kernel_1"], 1) == -8.7
assert abs(beyond_sum["convs_1+layers_4"]) < error_of_four
assert round(took["convs_1+layers_4"]) == 6
# what the table at the end says of the time without positions, with kernel 1 x 1
assert round(took["kernel_1+position_none"] / took["kernel_1"], 1) == 1.0

# %% [markdown]
# <details><summary>Answer</summary>
#
# `kernel_1` and `position_none` together lose more than the sum of the two, by more than seven points. `convs_1` and
# `layers_4` add up, as far as these seeds can tell.
#
# </details>
#
# With 1 x 1 kernels only the max-pools still look at neighbours. Without positions too, hardly anything tells the model
# how its tokens lie to each other. Judged by single changes the position table is worth a point, or nothing. It is a
# spare wheel: nobody misses it much until another one is flat. `convs_1` and `layers_4` together take six times as long
# as the model as it is.
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
rungs, climbed = table(ladder["runs"], lambda run: 100 * run["val_top1"])  # (rungs, seeds)
_, speeds = table(ladder["runs"], lambda run: max(run["history"]["images_per_second"]))
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
assert climbed.shape == (10, 3) and (images, epochs) == (10_000, 6) and round(climbed[-1].mean()) == 57

# %% [markdown]
# Some rungs are old acquaintances: the crop that cropped nothing, heads of 128 numbers each (`key_dim`), the position
# table that never trained, the extra GELU and dropouts in the MLP. `course_model` is the largest change: blocks with
# the authors' norms, another padding and no bias in the tokenizer, other first weights.
#
# **Predict:** which rung is the highest step? Which are none at all?

# %%
title = "Rung by rung, from the model and recipe of 2021 at the bottom"
figure = pictures.draw_ladder(rungs, climbed, speeds, title)
alt = """Accuracy: three rungs near 50 %, seeds far apart, then six near 54 %, close together,
and 57 % at the top; images a second: five low bars, five higher"""
cct.show(figure, alt=alt)

accuracy, pace = climbed.mean(axis=1), np.median(speeds, axis=1)  # (rungs,)
steps = dict(zip(rungs[1:], np.diff(accuracy), strict=True))
faster = dict(zip(rungs[1:], pace[1:] / pace[:-1] - 1, strict=True))
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
assert 2 < constant / falling < 2.5 and rise > 5 * rise_error
assert np.abs(accuracy[:9] - np.repeat([50, 54], [3, 6])).max() < 2 and pace[:5].max() < pace[5:].min()
assert 2 * low_error < -steps["1_crop"] < 2.5 * low_error and abs(steps["2_normalization"]) < low_error
assert min(steps["3_schedule"] / rise_error, steps["9_muon"] / high_error) > 5
assert all(abs(steps[name]) < 2 * high_error for name in rungs[4:9])
three = rungs[3], rungs[5], rungs[9]  # in the table at the end, with the time for an image
assert [f"{steps[name]:+.1f}" for name in three] == ["+3.8", "-0.4", "+3.7"]
assert [round(1 / (1 + faster[name]), 1) for name in three] == [1.0, 0.8, 1.2]

# %% [markdown]
# <details><summary>Answer</summary>
#
# - **Two steps are clear, the schedule and Muon,** each by nearly four points and more than five standard errors. Each
#   has a learning rate of its own, 0.002 and 0.004, and neither was compared with others here. The whole way from
#   bottom to top is clear too.
# - **The schedule also buys calm.** Below it, with a constant rate, runs scatter more than twice as widely.
# - **The crop** costs two points at its place, a little more than two standard errors. One of nine steps does that by
#   luck often enough. Of the normalisation nothing can be said.
# - **Weight decay, head size, position table, MLP, the course's model:** no step that three seeds could show, up or
#   down. None reaches two standard errors, and nine steps are nine looks.
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
assert 0.3 < share < 0.35 and 0.3 < faster["5_head_size"] < 0.36
assert 0.12 < -faster["9_muon"] < 0.16

# %% [markdown]
# A third of the parameters was the `key_dim` trap of notebook 03. It bought nothing that can be seen, and without it
# training is faster by about a third. Muon, at the other end, has its price: it made training slower, by a seventh.
# (Other work ran beside these trainings: take images a second as rough.)
#
# ## The same fixes from above
#
# *Why:* a step is measured at its place in the ladder, among the faults that are still there and with the luck of that
# place. So take a fix back at the top, where runs are steady. What the score loses is what the fix is worth there.
#
# **Predict:** crop and schedule were the rungs 1 and 3. Taken back at the top, what do they cost?

# %%
top = read("09_from_the_top")
without, lowered = table(top["runs"], lambda run: 100 * run["val_top1"])
from_above = dict(zip(without, accuracy[-1] - lowered.mean(axis=1), strict=True))
spread_of = dict(zip(without, lowered.std(axis=1, ddof=1), strict=True))
from_below = {name[2:]: step for name, step in steps.items()}
for name, gain in from_above.items():
    fix = name.removeprefix("without_")
    print(f"{fix:13} {from_below[fix]:+.2f} from below, {gain:+.2f} from above;", end=" ")
    print(f"spread without {spread_of[name]:.2f}")

assert round(from_above["without_crop"], 1) == -2.4 and from_above["without_crop"] < -5 * high_error
assert round(from_below["schedule"], 1) == round(from_above["without_schedule"], 1) == 3.8
assert spread_of["without_schedule"] > 2 * falling
assert abs(from_above["without_weight_decay"]) < 2 * high_error

# %% [markdown]
# <details><summary>Answer</summary>
#
# - **The crop is no fix here.** At its own rung it seemed to cost two points. At the top the runs without it are better
#   by 2.4, which is six standard errors: far beyond luck.
# - **The schedule** is worth 3.8 points from both sides, and without it the runs scatter more.
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
# **Predict:** without the crop the top was better. Is its training loss lower too, or higher?


# %%
def at_each_epoch(grid, name, measurement):
    curves = [run["history"][measurement] for run in grid["runs"] if run["name"] == name]
    return np.mean(curves, axis=0)  # (epochs,), the mean of the seeds


loss, validation = {}, {}
for title, place in {"with crop": (ladder, "9_muon"), "without": (top, "without_crop")}.items():
    loss[title] = at_each_epoch(*place, "loss")[-1]
    validation[title] = 100 * at_each_epoch(*place, "val_top1")
    print(f"{title:9} training loss {loss[title]:.2f}, validation {validation[title].round(1)} %")
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
training, validated = (measured[f"{images} accuracy (%)"] for images in ("training", "validation"))
losses, accuracies = measured["training loss (nats)"].mean(axis=1), validated.mean(axis=1)
all_but_one = np.array(names) != "kernel_1"  # which lies far from the rest and would make any line
r = np.corrcoef(losses[all_but_one], accuracies[all_but_one])[0, 1]
print(f"correlation of training loss and accuracy, without kernel_1: {r:.3f}")
last_was_best = np.mean([run["best_epoch"] == trained_with["epochs"] for run in record["runs"]])
print(f"runs whose last of four epochs was best on validation: {last_was_best:.0%}")
gap = (training - validated).mean(axis=1)  # (settings,)
print(f"right on training images {gap.min():.1f} to {gap.max():.1f} points more often than on new ones")
assert last_was_best == 1 and r < -0.95 and 2 < gap.min() and gap.max() < 4.5

# %% [markdown]
# It is. Over the settings a lower training loss goes with a higher accuracy on new images, nearly on a line. All runs
# were best on validation in their last epoch, and on their own training images, as they are, they are right only two to
# four points more often. So no model has learned its images by heart yet. (The loss is that of training,
# with the crop and dropped branches.)
#
# These tables say little, then, about what is there to prevent just that. They say which parts get a model going.
# Ablate at the length at which you mean to train, if you can pay for it. Notebook 10 trains longer.

# %% [markdown]
# ## The test images, once
#
# *Why:* fourteen settings were compared on the same 4,000 validation images, and the best of them is best in part
# because it had luck. What is it worth on images that took no part in the choice? For that the test images have waited.
#
# **Predict:** the best of the 14 leads `as_it_is` on validation images by what you have seen. On the 10,000 test
# images, does it lead by more, by less, or by as much?

# %%
best = max(compared, key=of.get)
tested = by_setting(one_change, lambda run: 100 * run["test_top1"])
on_test = tested[best].mean() - tested["as_it_is"].mean()
print(f"{best}: {of[best]:+.2f} points on validation images, {on_test:+.2f} on test images")
assert best == "layers_4" and round(of[best], 1) == 2.9 and round(on_test, 1) == 2.1

# %% [markdown]
# <details><summary>Answer</summary>
#
# By less: 2.1 points instead of 2.9, as is to be expected of a winner.
#
# </details>
#
# The luck of its seeds is still in the 2.1, as these are the same trained models. Only new seeds take that out.
#
# The order is what counts: choose on validation images, then read the test images for what was chosen, and report
# that. Whoever chooses on the test images has none left to ask.

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
        raise ValueError(f"Nobody counted the {missing.pop()} of the ladder.")
    return pictures.draw_browser(grid_names, parts, values, x, y, setting, each_seed)


# %%
start_at = dict(grid="parts", x="MACs (millions, one image)", y="validation accuracy (%)", setting=2)
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
# *Why:* the line of *Fourteen comparisons, one line* rests on one spread for all settings. The calmest row is more than
# ten times calmer than that. Can such a calm row be luck? Draw whole tables in which all settings are equally steady,
# and look at the steadiest row of three runs in each.

# %%
equally_steady = rng.normal(size=(20_000, 14, seeds))  # (tables, settings, seeds)
steadiest = equally_steady.std(axis=2, ddof=1).min(axis=1)  # (tables,)
as_steady = np.mean(steadiest < spreads.min() / deviation)
print(f"simulated tables with a row as steady as the steadiest here: {as_steady:.1%}")
print(f"Bartlett's test, for the curious: {bartlett(*rows).pvalue:.1%}")
assert 0.08 < as_steady < 0.11 and 0.015 < bartlett(*rows).pvalue < 0.025

# %% [markdown]
# Luck can do it: about one table in ten has such a row. But the rows are unequal at the other end too, where the fifth
# run of `as_it_is` lies. Some settings may well be steadier than others, and three runs a row cannot say which. That is
# why the common spread is a compromise.
#
# <details><summary>For the curious: Bartlett's test</summary>
#
# It asks the same of all rows at once: how often do equally steady settings, with normally distributed scores, give
# spreads as unequal as these? In about one table of fifty.
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
true_gain = 2 * error_with(seeds, seeds)
seen = {}
for n in (seeds, 2 * seeds):
    measured_gain = rng.normal(true_gain, error_with(n, n), size=20_000)
    seen[n] = np.mean(measured_gain > 2 * error_with(n, n))
    print(f"{n} seeds: seen in {seen[n]:.0%} of the experiments")
assert np.isclose(true_gain / error_with(6, 6), 2.8, atol=0.05)
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
# ### The luck of the images
#
# *Why:* there is a second kind of luck. The 4,000 images on which settings are compared are a sample too.
#
# Give every image a difficulty, the chance that a trained model is right on it. With endless seeds the accuracy on such
# a set is the mean of these chances. Draw 300 sets. (The distribution is invented; its mean is about that of the
# record.)
#
# **Predict:** does the luck of the images go away with a hundred seeds?

# %%
chances = rng.beta(0.5, 0.33, size=(300, 4000))  # (sets, images)
of_sets = 100 * chances.mean(axis=1)  # (sets,)
print(f"accuracy with endless seeds: {of_sets.mean():.1f} ± {of_sets.std():.2f} %, over the sets")
assert abs(of_sets.mean() - means.mean()) < 2 and 0.5 < of_sets.std() < 0.8

# %% [markdown]
# <details><summary>Answer</summary>
#
# It does not go away with any number of seeds: every seed is asked the same images.
#
# </details>
#
# So a single accuracy is uncertain by more than half a point, however many seeds are behind it, and seeds cannot show
# that. Is a comparison as uncertain? Take a second model that is a little better on the whole, while each image suits
# it a little more or less, and ask both the same images.

# %%
second = np.clip(chances + rng.normal(0.02, 0.15, size=chances.shape), 0, 1)
gains = 100 * (second - chances).mean(axis=1)  # (sets,)
print(f"gain of the second model: {gains.mean():.2f} ± {gains.std():.2f} points, over the sets")
assert gains.std() < 0.5 * of_sets.std() and gains.mean() > 0.3

# %% [markdown]
# The *difference* of two models on the same images is surer, here by more than half, as an easy image is easy for both.
# How much surer depends on how alike the models are. Compare on the same images, and compare differences.
#
# How large is this luck in the record? Its models were asked twice: on the 4,000 validation images and on the 10,000
# test images. Nothing is chosen any more, so all may be read.
#
# **Predict:** the 14 differences on test images and on validation images come from the same trained models. By how much
# do they differ?

# %%
shift = [tested[name].mean() - tested["as_it_is"].mean() - of[name] for name in compared]  # (14,)
print(f"differences on test less those on validation images: {np.round(shift, 1)}")
typical = np.sqrt(np.mean(np.square(shift)))
print(f"typical size {typical:.2f} points; standard error by seeds {error:.2f}")
assert round(np.abs(shift).max(), 1) == 0.8 and round(typical, 1) == 0.4
assert round(shift[compared.index("position_sine")] + of["position_sine"], 1) == 1.2 < line

# %% [markdown]
# <details><summary>Answer</summary>
#
# By up to 0.8 points, and typically by 0.4. That is not far below the standard error by seeds.
#
# </details>
#
# (The luck of both sets is in it, and that of `as_it_is` in all 14, which is why nearly all fall. The two that looked
# best fall most.)
#
# So the line of this notebook, which knows the seeds only, is too low for a claim about all images. The sine's lead is
# 2.0 points on validation images, beyond the line, and 1.2 on test images. A difference just beyond a line deserves
# other images as well as other seeds.
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
points = measured["validation accuracy (%)"]  # (settings, seeds), of the seeds that all have
pairs = list(itertools.combinations(points, 2))
paired = np.sqrt(np.mean([(one - other).var(ddof=1) for one, other in pairs]))
unpaired = np.sqrt(np.mean([one.var(ddof=1) + other.var(ddof=1) for one, other in pairs]))
print(f"spread of {len(pairs)} differences: paired {paired:.2f}, unpaired {unpaired:.2f} points")
assert 0.84 < paired / unpaired < 0.88 and np.mean(points.argmax(axis=1) == 1) > 0.5

# %% [markdown]
# <details><summary>Answer</summary>
#
# The spread of the paired differences is smaller by about a seventh.
#
# </details>
#
# A little of the luck is common: seed 1 is the best of the three in most rows. Most of it is not, as another part means
# other first weights, and after some hundred steps two runs have little in common. Pairing costs nothing and is right
# where it helps, as over the images above. Measure it, as here, before you count on it.

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
equally_good = rng.normal(size=(20_000, len(names)))  # settings, in standard errors of a mean
again = rng.normal(size=20_000)  # the winner's, with other seeds
excess = equally_good.max(axis=1) - again
print(f"the winner of {len(names)} loses {excess.mean():.2f} standard errors when it is measured again")
assert 1.65 < excess.mean() < 1.85

# %% [markdown]
# <details><summary>Answer</summary>
#
# The winner loses more than one and a half standard errors. It was no better than the others.
#
# </details>
#
# **To catch it:** choose on validation images, train what was chosen again with other seeds, and read the test images
# once.
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
# must stay done. A runner is two loops and one file a run:

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
    return {"test_top1": cct.evaluate(model, digits.x_test, digits.y_test)["top1"]}


# %% [markdown]
# **Predict:** four runs are wanted, and the power goes after three. How many trainings does the second call start?

# %%
settings = {name: PARTS[name] for name in ("as_it_is", "position_none")}
folder = tempfile.TemporaryDirectory()
try:
    run_grid(lambda setting, seed: train(setting, seed, most=3), settings, [0, 1], folder.name)
except RuntimeError as power_cut:
    print(power_cut, "- files:", *sorted(path.name for path in Path(folder.name).iterdir()))

runs = run_grid(lambda setting, seed: train(setting, seed, most=4), settings, [0, 1], folder.name)
print("trainings started in all:", len(done))
assert len(done) == len(runs) == 4 and max(run["test_top1"] for run in runs) < 0.2

# %% [markdown]
# <details><summary>Answer</summary>
#
# The second call starts one training. The other three are read from their files.
#
# </details>
#
# Which setting is better? Guessing gets 10 % right, and none of these runs reaches 20 %. Three epochs on 320 digits
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
# so that `difference` is `errors` standard errors of a difference or more? Return an `int`. (Unpaired, as in the
# section on seeds, where `errors` is 2. With 2 a true difference of this size is seen every second time; with 2.8, four
# times out of five.)
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
# 1. Equal seconds instead of equal epochs: train `as_it_is` for as long as `convs_1` took, 13 epochs. Who is ahead?
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
# What these records say. Points are accuracy on validation images less that of `as_it_is`, of `kernel_1` in the row
# that says so, of the rung below or of the top rung; time is that for an image in training, roughly.
#
# | part | change | points | time | it says |
# |---|---|---|---|---|
# | convolution | kernel 1 x 1 | -9.8 | 0.7 x | matters most |
# | convolution | kernel 5 x 5 | -3.0 | 1.5 x | larger is worse, and dearer |
# | tokens | 256, with one convolution | +1.3 | 3.3 x | cannot be told, and dear |
# | tokens | 16, with three convolutions | -0.5 | 0.5 x | cannot be told, and cheap |
# | layers | 4 | +2.9 | 1.5 x | accuracy, bought with time |
# | positions | sine, none | +2.0, -1.4 | 1.0 x | just beyond the line; just inside |
# | heads, pooling | 1 head, average | -0.6, -1.1 | 1.0 x | cannot be told |
# | stochastic depth | rate 0, 0.3 | +1.3, -0.3 | 1.0 x | cannot be told |
# | positions, with kernel 1 x 1 | none | -8.7 | 1.0 x | what one part is worth depends on another |
# | schedule (ladder) | cosine and warm-up | +3.8 | 1.0 x | clear, from below and from above |
# | head size (ladder) | 64, not 128 | -0.4 | 0.8 x | a third of the parameters saved, at no cost to be seen |
# | Muon (ladder) | instead of AdamW | +3.7 | 1.2 x | clear |
# | crop (top of the ladder) | taken back | +2.4 | | it costs points in six epochs |
#
# **Difference from the paper:** it compares such variants after hundreds of epochs on all training images. Here they
# are trained for four or six epochs on a fifth of the images, with three or five seeds and one pooled spread.
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
