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
# 110 minutes to read, 1 minute to run. A good place for a break is before *Better, or only bigger?* Builds on [notebook
# 06](06_compact_transformer.ipynb) and [notebook 07](07_training.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/09_what_matters.ipynb)

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
import dataclasses
import inspect
import itertools
import json
import tempfile

import keras
import numpy as np
from scipy.special import expit, logit
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
# ## One change at a time
#
# *Why:* a finished model is a heap of decisions. Each was made for a reason, and the reasons sound equally good in a
# paper. An [*ablation*](glossary.md) asks the data: change one part, train again, compare. With two changes at once you
# would not know which one did it.
#
# Here are the changes to CCT-2/3x2, your small model from notebook 06. It has 2 convolutions with 3 x 3 kernels, 2
# layers, 2 heads, a learned position table, sequence pooling, and a stochastic depth rate of 0.1.

# %%
for name, change in PARTS.items():
    print(f"{name:20} {change}")
compared = [name for name in PARTS if name != "as_it_is"]
assert len(compared) == 14

# %% [markdown]
# `build_parts` is `build_cct` with one more argument, the pooling. A 1 x 1 kernel needs no padding, so these two
# settings go together. All 15 models take images of 32 x 32 pixels and give 10 logits. They are trained as `fast` is
# in notebook 07, with Muon at a rate of 0.004 and batches of 64, without attention dropout, and on smaller images
# first: see below.
#
# **Predict:** before any number is shown, write down which change costs most, and which of them make the model better.
#
# ## A runner that can be stopped
#
# *Why:* 15 settings with several seeds each take hours. A laptop goes to sleep, a session on Colab ends.
# What is done must stay done. The runner is two loops and one file a run:

# %%
print(inspect.getsource(run_grid))

# %% [markdown]
# A file is written under another name and then renamed, so it is there whole or not at all. All settings come with the
# first seed before any comes with the second: wherever you stop, no setting is more than one seed behind.
#
# Libraries such as KerasTuner are made to *search* for the best setting. Here you want every setting with every seed,
# the bad ones above all, and then two loops are easier to read.
#
# Try it on a small scale: digits, two settings, two seeds, three epochs. The function `train` below fails on purpose
# after `most` trainings, as if the power had gone.

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
except RuntimeError as error:
    kept = sorted(path.name for path in Path(folder.name).iterdir())
    print(error, "- what is there:", ", ".join(kept))
assert len(kept) == len(done) == 3 and all(name.endswith(".json") for name in kept)

runs = run_grid(lambda setting, seed: train(setting, seed, most=4), settings, [0, 1], folder.name)
print("trainings started in all:", len(done))
assert len(done) == len(runs) == 4 and max(run["test_top1"] for run in runs) < 0.2
for run in runs:
    print(f"{run['name']:14} seed {run['seed']}: {run['test_top1']:.1%}")

# %% [markdown]
# The second call starts one training. The other three are read from their files.
#
# Which setting is better? Guessing gets 10 % right, and none of these runs does much more. After 3 epochs on 320 digits
# the question is idle. It needs larger trainings, and it needs a measure of luck.
#
# ## The record
#
# The same runner trained all 15 models on CIFAR-10. The script `notebooks/scripts/grid_runs.py` has the settings; its
# command and its conditions stand in the record.


# %%
def read(name):
    return json.loads(Path(root, "notebooks", "results", f"{name}.json").read_text(encoding="utf-8"))


record = read("09_parts")
one_change = [run for run in record["runs"] if run["name"] in PARTS]
names, points = table(one_change, lambda run: 100 * run["test_top1"])  # (settings, seeds)
seeds = points.shape[1]
hours = sum(run["seconds"] for run in record["runs"]) / 3600
print(f"{record['what']}; {record['train_images']:,} training images, {record['recipe']['epochs']} epochs")
print(f"{len(record['runs'])} runs, {hours:.1f} hours, {record['machine']}\n{record['note']}")
print(
    "images of", *(f"{round(32 * scale)} px for {epochs} epochs," for scale, epochs in record["recipe"]["image_scales"])
)
print("then 32 px;", {field: record["recipe"][field] for field in ("optimizer", "learning_rate", "batch_size")})
assert names == list(PARTS) and seeds >= 3 and len(record["runs"]) >= 45
assert record["recipe"]["image_scales"] == [[0.5, 3], [0.75, 1]] and record["recipe"]["epochs"] == 5

# %%
for name, row in zip(names, points, strict=True):
    print(f"{name:20} {row.round(2)}  mean {row.mean():.2f}, standard deviation {row.std(ddof=1):.2f}")

# %% [markdown]
# The numbers are test accuracies in percent, one for each seed. The seed sets the first weights, the order of the
# images and their augmentation; nothing else differs within a row. All test images are read once, with the weights of
# the last epoch.
#
# Keep one thing in mind when you read a setting that changes the tokens or their positions: only the last of the five
# epochs saw images of 32 pixels. In the first three, of 16 pixels, `convs_3` had 2 x 2 = 4 tokens and `convs_1` 64, and
# every position table was resized twice on the way. A grid at one size would ask a cleaner question.
#
# ## How large is the luck?
#
# > **Trap: the spread of three runs, taken at its word.** Look at the first row. Its runs lie within 0.04 points. With
# > that spread every other row would differ "by many standard deviations".
#
# **Predict:** draw three numbers from a distribution with standard deviation 1, many times. How often do the three say
# that it is below a half?

# %% tags=["trap"]
drawn = rng.normal(size=(20_000, seeds)).std(axis=1, ddof=1)
print(f"below half of the truth: {np.mean(drawn < 0.5):.0%}, above one and a half: {np.mean(drawn > 1.5):.0%}")
assert np.mean(drawn < 0.5) > 0.2

spreads = points.std(axis=1, ddof=1)  # (settings,)
deviation = np.sqrt(np.mean(spreads**2))  # one spread for all rows
print(f"smallest {spreads.min():.2f} ({names[spreads.argmin()]}), largest {spreads.max():.2f}; pooled {deviation:.2f}")
assert spreads.max() > 2 * deviation and spreads[0] < 0.1 * deviation
print(f"equally steady settings with spreads as unequal as these: {bartlett(*points).pvalue:.1%} of tables")
assert 0.001 < bartlett(*points).pvalue < 0.01

# %%
cct.show(
    pictures.draw_deviations(deviation * drawn, spreads, true=deviation, title="Three runs do not know their spread"),
    alt="Histogram of standard deviations of three draws, wide, from 0 to more than twice the true value. Strokes for "
    "the 15 settings of the record lie all over it.",
)
as_steady = rng.normal(size=(20_000, *points.shape)).std(axis=2, ddof=1).min(axis=1) < spreads.min() / deviation
print(f"simulated tables with a row as steady as the steadiest here: {as_steady.mean():.1%}")
assert 0.01 < as_steady.mean() < 0.04 and 0.4 < deviation < 0.6

# %% [markdown]
# Three runs say "below a half" more than one time in five. They are far too few to know a spread; the strokes of the
# record lie all over the histogram. But 15 rows of three give one common spread: the root of the mean of the squares,
# about half a point. The first row has been lucky. A row that steady comes in about one table of fifty, and is no
# reason to think that this model is ten times steadier than its neighbours.
#
# The common spread is a compromise, and the record says so itself. Bartlett's test asks how often equally steady
# settings would give spreads as unequal as these: in fewer than one table of a hundred. So some settings are steadier
# than others, and three runs a row cannot say which. The line that is drawn below is too wide for the calm rows and too
# narrow for the restless ones.
#
# **To catch it:** pool the spread over the settings of a grid, and be suspicious of any spread from a handful of runs.
#
# ## How many seeds?
#
# The mean of `n` runs has the *standard error* `deviation / sqrt(n)`. A difference of two means has two of these, and
# their squares add up: `deviation * sqrt(2 / n)`. Call a difference visible when it is at least twice that.
#
# **Predict:** with so many seeds you see one point. How many more do you need for half a point?

# %%
error = deviation * np.sqrt(2 / seeds)
print(f"with {seeds} seeds: standard error of a difference {error:.2f}, visible from {2 * error:.2f} points")
needed = {difference: 2 * (2 * deviation / difference) ** 2 for difference in (2, 1, 0.5, 0.25)}
for difference, count in needed.items():
    print(f"{difference:5} points need {np.ceil(count):3.0f} seeds for each setting")
assert np.isclose(needed[0.5], 4 * needed[1])

# %% [markdown]
# Half a point needs four times as many seeds as one point. That is why a small effect reported from one seed is best
# read as "we do not know".
#
# "Visible" is not "sure to be seen". The chance to see a true difference is called the *power* of an experiment.
#
# **Predict:** the true difference is one point, and you train the number of seeds that the table asks for. How often is
# the measured one above the line?

# %%
found = {}
for errors in (2, 2.8):  # how many standard errors the true difference is made to be
    many = int(np.ceil(2 * (errors * deviation / 1) ** 2))
    error_of_difference = deviation * np.sqrt(2 / many)
    found[errors] = np.mean(rng.normal(1, error_of_difference, size=20_000) > 2 * error_of_difference)
    print(f"{many:2} seeds, a difference of {errors} standard errors: seen in {found[errors]:.0%} of the experiments")
assert 0.45 < found[2] < 0.65 and 0.75 < found[2.8] < 0.9

# %% [markdown]
# With the seeds of the table the difference is seen about every second time. To see it four times out of five, plan
# with 2.8 standard errors instead of 2: twice the seeds.
#
# There is a second kind of luck. The test images are a sample too.
#
# **Predict:** does it go away with a hundred seeds?
#
# Give every image a difficulty, the chance that a trained model is right on it. With endless seeds the accuracy on a
# test set is the mean of these chances. Draw 300 test sets. A second model is a little better on the whole, and each
# image suits it a little more or less. (Both distributions are invented; the mean is about that of the record.)

# %%
images = record["test_images"]
chances = rng.beta(0.5, 0.36, size=(300, images))  # (test sets, images)
of_its_own = rng.normal(0.1, 1, size=chances.shape)  # on the scale of logits
second = expit(logit(np.clip(chances, 1e-6, 1 - 1e-6)) + of_its_own)
one_model, gain = 100 * chances.mean(axis=1), 100 * (second - chances).mean(axis=1)
binomial = 100 * np.sqrt(0.58 * 0.42 / images)
print(f"binomial error of one run {binomial:.2f} points; with endless seeds {one_model.std():.2f} are left")
print(f"gain of the second model on the same images: {gain.mean():.2f} ± {gain.std():.2f}")
assert 0.5 * binomial < one_model.std() < binomial and gain.std() < 0.5 * one_model.std()

# %% [markdown]
# The luck of the test set does not go away: every seed is asked the same images. So a single accuracy is uncertain by
# several tenths of a point, however many seeds are behind it, and seeds cannot show that. The *difference* of two
# models on the same images is surer, here by more than half, as an easy image is easy for both. How much surer depends
# on how alike the models are. Compare on the same test set, and compare differences.
#
# ## Three ways to fool yourself
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
# Yours looks better by one and a half standard deviations, and it is not. The method of this course is no exception:
# the authors of CCT [say](https://github.com/SHI-Labs/Compact-Transformers/issues/3) that their figures are the best of
# 4 runs, which by such a table is worth about one standard deviation.
#
# **To catch it:** report the mean, the spread and the number of runs, with the same number for all.
#
# > **Trap: many looks.** Two standard errors are passed by luck about one time in twenty. But you compare 14 settings
# > with `as_it_is`, not one.
#
# **Predict:** no change makes any difference. In how many of such tables does at least one of 14 pass two standard
# errors?

# %% tags=["trap"]
tables = rng.normal(size=(20_000, *points.shape))  # (tables, settings, seeds), all settings equal
pooled = np.sqrt(tables.var(axis=2, ddof=1).mean(axis=1))  # (tables,)
means = tables.mean(axis=2)
largest = np.abs(means[:, 1:] - means[:, :1]).max(axis=1) / pooled  # of 14 comparisons with the first row

two_errors = 2 * np.sqrt(2 / seeds)
print(f"tables with at least one of 14 beyond two standard errors: {np.mean(largest > two_errors):.0%}")
line = deviation * np.quantile(largest, 0.95)
print(f"5 % of the tables pass {line / error:.2f} standard errors, here {line:.2f} points")
assert 0.3 < np.mean(largest > two_errors) < 0.4 and line > 1.2 * 2 * error

# %% [markdown]
# One table in three has a discovery that is none. **To catch it:** count the comparisons, and draw the line where luck
# passes it in 5 % of whole tables. (This is Dunnett's test for many settings against one control. His advice for such a
# table is to run the control more often, about $\sqrt{14} \approx 4$ times as often as the others, as it takes part in
# every comparison. This record has three runs of each.)
#
# > **Trap: the score of the winner.** You compare many settings on the test images, keep the best, and report the score
# > that made it the best.
#
# **Predict:** 15 settings are equally good. By how much does the winner's score exceed what it gets on new images?

# %% tags=["trap"]
scores = rng.normal(size=(20_000, len(names)))  # of settings equally good, in standard errors of a mean of seeds
again = rng.normal(size=20_000)  # the winner's, with other seeds and other images
excess = scores.max(axis=1) - again
print(f"the winner of {len(names)} loses {excess.mean():.2f} standard errors when it is measured again")
assert 1.65 < excess.mean() < 1.85

# %% [markdown]
# The winner loses more than one and a half standard errors, and was no better than the others. **To catch it:** choose
# on validation images, and read the test images once, for what was chosen. This notebook and the next compare on test
# images: take their tables for what a part does, not for how good the best setting will be.
#
# ## What the record says
#
# Now look at your predictions.

# %%
differences = points - points[0].mean()  # (settings, seeds)
of = dict(zip(names, points.mean(axis=1) - points[0].mean(), strict=True))
groups = [name.replace("as_it_is", "as it is").split("_")[0] for name in names]  # the part that a setting changes
label = "test accuracy less that of as_it_is (points)"
title = "The convolution counts most; of most other changes three seeds cannot tell"
cct.show(
    pictures.draw_differences(names, groups, differences, line, label, title),
    alt="Dots for 15 settings. kernel_1 lies ten points to the left, convs_3, kernel_5 and layers_1 about three, "
    "convs_1 two to the right. The others lie within or at the edge of a grey band.",
)
beyond = {name for name in compared if abs(of[name]) > line}
print("beyond the line:", ", ".join(f"{name} {of[name]:+.2f}" for name in names if name in beyond))
close = [name for name in compared if abs(abs(of[name]) - line) < 0.15]
print("less than 0.15 from the line:", ", ".join(f"{name} {of[name]:+.2f}" for name in close))

# %%
assert min(of, key=of.get) == "kernel_1" and of["kernel_1"] < -8
assert {"convs_1", "convs_3", "kernel_1", "kernel_5", "layers_1"} <= beyond - set(close)
assert of["convs_1"] > 0 > max(of["convs_3"], of["kernel_5"], of["layers_1"])
assert of["layers_1"] < 0 < of["layers_4"] and {"layers_4", "heads_1", "position_none", "pooling_average"} == set(close)
assert max(of["heads_1"], of["position_none"], of["pooling_average"]) < -1 < of["pooling_class_token"] < 0
assert not beyond & {"heads_4", "position_sine", "pooling_class_token", "depth_rate_0", "depth_rate_30"}
assert of["depth_rate_0"] > 0 > of["depth_rate_30"]

# %% [markdown]
# - **The convolution earns most.** A 1 x 1 kernel sees no neighbours, and loses about ten points.
# - **One convolution beats two, and three are worse.** Read on before you believe it.
# - **Layers:** one is worse than two. Four look better, at the edge of what can be told.
# - **Heads, position, pooling:** one head of 128 numbers, no positions and the average lose more than a point each, at
#   the edge of the line. The class token loses less. Sine cannot be told from learned, nor four heads from two.
# - **Stochastic depth:** nothing to be seen. The means fall with the rate, as they would if it slowed learning down.
#
# The rows at the edge could fall on the other side with other seeds. "Not beyond the line" does not mean "no
# difference": it means that three seeds cannot show one.
#
# ## Does pairing help?
#
# *Why:* runs with the same seed see the same images in the same order. If a seed is good luck for all settings, take
# the differences seed by seed and this luck cancels.
#
# **Predict:** how much smaller is the spread of the paired differences?

# %%
pairs = list(itertools.combinations(points, 2))
paired = np.sqrt(np.mean([(one - other).var(ddof=1) for one, other in pairs]))
unpaired = np.sqrt(np.mean([one.var(ddof=1) + other.var(ddof=1) for one, other in pairs]))
print(f"{len(pairs)} pairs of settings: spread of differences paired {paired:.2f}, unpaired {unpaired:.2f} points")
assert 0.85 < paired / unpaired < 1.15

# %% [markdown]
# The spread of paired differences is hardly smaller. Another part means other first weights, and after a few hundred
# steps two runs have little in common. Pairing costs nothing and is right where it helps, for example over test images
# or data splits. Measure it, as here, before you count on it.
#
# ## Better, or only bigger?
#
# *Why:* more parameters, more tokens and more time make most models better. A part is good if it is worth its price.
# The prices come from `model_costs` of notebook 06, and their parameters must be those of the trained models.


# %%
def costs_of(run):
    return model_costs("cct_2_3x2_32", **{key: value for key, value in run["setting"].items() if key != "pooling"})


def macs(run):
    return sum(costs_of(run)["macs"].values()) / 1e6


score = 128 + 1  # sequence pooling's kernel and bias
added = {"average": -score, "class_token": -score + 128 + 128}  # a class token, and a position for it
for run in record["runs"]:
    extra = added.get(run["setting"].get("pooling"), 0)
    assert run["parameters"] == sum(costs_of(run)["parameters"].values()) + extra

# %%
columns = {
    "test accuracy (%)": lambda run: 100 * run["test_top1"],
    "parameters (thousands)": lambda run: run["parameters"] / 1000,
    "MACs (millions, one image)": macs,
    "tokens": lambda run: costs_of(run)["tokens"],
    "training time (s)": lambda run: run["seconds"],
    "images trained a second": lambda run: np.median(run["history"]["images_per_second"]),
    "test top-5 accuracy (%)": lambda run: 100 * run["test_top5"],
    "training loss (nats)": lambda run: run["history"]["loss"][-1],
}
measured = {label: table(one_change, column)[1] for label, column in columns.items()}  # label -> (settings, seeds)
print(f"{'':20} points  thousand parameters  million MACs  tokens  seconds")
for name, *row in zip(names, *(measured[label].mean(axis=1) for label in list(columns)[1:5]), strict=True):
    print(f"{name:20} {of[name]:+6.2f} {row[0]:20.1f} {row[1]:13.1f} {row[2]:7.0f} {row[3]:8.0f}")

# %% [markdown]
# > **Trap: a better part, or a larger model?** `convs_1` has fewer parameters than `as_it_is` and is two points
# > better. A bargain?
#
# **Predict:** each convolution is followed by a max-pool that halves both sides. How many tokens are left after one?
# What does that do to the cost?

# %% tags=["trap"]
price = dict(zip(names, measured["MACs (millions, one image)"][:, 0] / macs(one_change[0]), strict=True))
tokens = dict(zip(names, measured["tokens"][:, 0].astype(int), strict=True))
duration = dict(zip(names, np.median(measured["training time (s)"], axis=1), strict=True))
as_it_is, one_conv = (model_costs(**PARTS[name])["macs"] for name in ("as_it_is", "convs_1"))
encoders = [sum(each.values()) - each["tokenizer"] for each in (as_it_is, one_conv)]
print(f"convs_1: {tokens['convs_1']} tokens, not {tokens['as_it_is']}; encoder {encoders[1] / encoders[0]:.1f} x MACs")

ahead = [name for name in compared if of[name] > line - 0.15]  # beyond the line, or at its edge
for name in ahead:
    times = duration[name] / duration["as_it_is"]
    print(f"{name}: {of[name]:+.2f} points, {price[name]:.1f} x MACs, {times:.1f} x time")
assert tokens["convs_1"] == 4 * tokens["as_it_is"] == 256 and encoders[1] > 4 * encoders[0]
assert duration["convs_1"] > 2 * duration["as_it_is"] and all(price[name] > 1.2 for name in ahead)
assert ahead == ["convs_1", "layers_4"] and of["kernel_5"] < 0 and price["kernel_5"] > 1.5
assert tokens["convs_3"] == 16 and price["convs_3"] < 1.2 * price["kernel_1"] and of["kernel_1"] < 3 * of["convs_3"]

# %% [markdown]
# One convolution leaves four times the tokens, and the encoder has more than four times the work. `convs_1`, which
# gains, pays for it, and so does `layers_4`, at the edge. At equal epochs that goes unseen: the comparison is fair in
# images, not in seconds. And a price is no guarantee, as the 5 x 5 kernel shows. At the other end, three convolutions
# leave 16 tokens for a whole image, and left 4 in the epochs of 16 pixels. They cost about as little as the 1 x 1
# kernel and lose a third of what it loses: the price is not the whole story.
#
# **To catch it:** put parameters, MACs and time beside every accuracy. `num_conv_layers` changes three things at once:
# convolutions, tokens and cost. The name of the argument does not say so.
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
    beyond_sum[name] = difference - of[one] - of[other]
    print(f"{one} {of[one]:+.2f}, {other} {of[other]:+.2f}, sum {of[one] + of[other]:+.2f}; both {difference:+.2f}")
error_of_four = deviation * np.sqrt(4 / seeds)  # four means, none of them certain
print(f"standard error of 'both less the sum': {error_of_four:.2f}")
longest = np.median([run["seconds"] for run in two_changes if run["name"] == "convs_1+layers_4"])
print(f"convs_1+layers_4 took {longest / duration['as_it_is']:.1f} x the time of as_it_is")
assert beyond_sum["kernel_1+position_none"] < -5 * error_of_four and together["convs_1+layers_4"] > 4
assert 0 < beyond_sum["convs_1+layers_4"] < 3 * error_of_four and longest > 4 * duration["as_it_is"]

# %% [markdown]
# With 1 x 1 kernels only the max-pools still look at neighbours. Without positions as well, the model loses several
# points more than the two losses together. Judged by single changes the position table hardly matters. It is a spare
# wheel: nobody misses it until another one is flat.
#
# The two winners add up, perhaps to a little more than their sum; three seeds cannot tell. Together they take about
# five times as long.
#
# The first case is an *interaction*: what one part is worth depends on the others. A table of single changes holds at
# the place where it was made.
#
# ## The ladder
#
# The other way to compare: start from the [Keras example of 2021](https://keras.io/examples/vision/cct/) and put one
# thing right after another, up to the model and the recipe of this course. Each rung keeps what the rungs below it
# changed. Images of 16 x 16 pixels, as many training images as before, equal epochs.

# %%
ladder = read("09_ladder")
rungs, climbed = table(ladder["runs"], lambda run: 100 * run["test_top1"])  # (rungs, seeds)
_, speeds = table(ladder["runs"], lambda run: np.median(run["history"]["images_per_second"]))
print(f"{len(ladder['runs'])} runs, {ladder['train_images']:,} images, {ladder['recipe']['epochs']} epochs")
start = ("optimizer", "learning_rate", "weight_decay", "batch_size")
print(f"{rungs[0]:17}", {field: ladder["recipe"][field] for field in start})
below = {}
for name in rungs[1:]:
    setting = next(run["setting"] for run in ladder["runs"] if run["name"] == name)
    now = setting["model"] | setting["recipe"]
    print(f"{name:17}", {key: value for key, value in now.items() if below.get(key) != value})
    below = now
assert len(rungs) == 10 and climbed.shape[1] >= 3 and round(climbed[-1].mean()) == 57

# %% [markdown]
# Some of these are old acquaintances: the crop that cropped nothing, heads of 128 numbers each (`key_dim`), the
# position table that never trained, the extra GELU and dropouts in the MLP. `course_model` is the largest change:
# blocks with the authors' norms, another padding and no bias in the tokenizer, other first weights.
#
# **Predict:** which rung is the highest step? Which are none at all?

# %%
cct.show(
    pictures.draw_ladder(rungs, climbed, speeds, "A falling rate brings calm, Muon accuracy, smaller heads speed"),
    alt="Ten rungs. Accuracy: three low rungs near 50 % with seeds far apart, then near 54 %, close together, and 57 % "
    "at the top with Muon. Images a second: five rungs, then five higher ones from head_size on.",
)
for below, (name, step) in enumerate(zip(rungs[1:], np.diff(climbed.mean(axis=1)), strict=True)):
    print(f"{name:17} {step:+.2f} points, {speeds[below + 1].mean() / speeds[below].mean() - 1:+.0%} images a second")

# %% [markdown]
# Before any step is believed: is the luck the same on all rungs?

# %%
constant, falling = (np.sqrt(rows.var(axis=1, ddof=1).mean()) for rows in (climbed[:3], climbed[3:]))
low_error, high_error = (spread * np.sqrt(2 / climbed.shape[1]) for spread in (constant, falling))
print(f"spread with a constant learning rate {constant:.2f} points, with a falling one {falling:.2f}")
print(f"standard error of a step: below rung 3 {low_error:.2f}, above {high_error:.2f}")

steps = dict(zip(rungs[1:], np.diff(climbed.mean(axis=1)), strict=True))
rise = climbed[-1].mean() - climbed[0].mean()
rise_error = np.sqrt((low_error**2 + high_error**2) / 2)
print(f"all the way up {rise:.2f} ± {rise_error:.2f}")
assert constant > 3 * falling and rise > 2 * rise_error and np.ptp(climbed[0]) > 7
assert max(abs(steps["1_crop"]), abs(steps["2_normalization"])) < 2 * low_error
assert steps["9_muon"] > 5 * high_error
assert all(abs(steps[name]) < 2 * high_error for name in rungs[4:9])

# %% [markdown]
# - **The schedule buys calm.** On the first rung, with a constant rate, two runs lie more than seven points apart. From
#   the falling rate on the spread is several times smaller. Of the crop and the normalisation nothing can be said at
#   their place.
# - **Muon is the one clear step** in accuracy. The whole way from bottom to top is clear too.
# - **Head size, position table, MLP, weight decay:** no step that three seeds could show, up or down.
#
# No gain in accuracy is not the same as no gain.

# %%
parameters = {run["name"]: run["parameters"] for run in ladder["runs"]}
saved = parameters["4_weight_decay"] - parameters["5_head_size"]
faster = speeds[5].mean() / speeds[4].mean() - 1
print(f"heads of 64 numbers: {saved:,} parameters fewer, {saved / parameters['4_weight_decay']:.0%} of the model")
print(f"{faster:+.0%} images a second, {steps['5_head_size']:+.2f} points, standard error {high_error:.2f}")
assert saved > 0.3 * parameters["4_weight_decay"] and faster > 0.1

# %% [markdown]
# A third of the parameters was the `key_dim` trap of notebook 03. It bought nothing that can be seen, and without it
# training is faster. (Other programs ran beside these trainings: take images a second as rough.)
#
# > **Trap: a rung with three changes.** Look at the list of rungs again. Which of them cannot say what helped?

# %% tags=["trap"]
changed_fields, before = {}, {}
for name in rungs:
    fields = next(run["setting"]["recipe"] for run in ladder["runs"] if run["name"] == name)
    changed_fields[name] = [key for key in fields if before.get(key) != fields[key]]
    before = fields
mixed = {name: fields for name, fields in changed_fields.items() if len(fields) > 1}
for name, fields in mixed.items():
    print(name, "changes", ", ".join(fields))
assert {"3_schedule", "9_muon"} <= set(mixed) and "learning_rate" in mixed["9_muon"]

# %% [markdown]
# `3_schedule` changes the shape, the highest rate and the warm-up; `4_weight_decay` its size and what is spared;
# `9_muon` the optimizer and its rate. For the rates there is a reason: one that suits one optimizer or schedule rarely
# suits another, and an unsuitable rate would be unfair as well. So read these steps as "with a rate of its own". And
# `8_course_model` changes whatever else the two models differ in.
#
# **To catch it:** compare the settings of two rungs by program, as above. Names hide what else moved.
#
# ## The same fixes from above
#
# *Why:* a step is measured at its place in the ladder, among the faults that are still there and with the luck of that
# place. So take a fix back at the top, where runs are steady. What the score loses is what the fix is worth there.
#
# **Predict:** crop and schedule were the first rung and the third. Taken back at the top, what do they cost?

# %%
top = read("09_from_the_top")
without, lowered = table(top["runs"], lambda run: 100 * run["test_top1"])
from_above = dict(zip(without, climbed[-1].mean() - lowered.mean(axis=1), strict=True))
from_below = {name[2:]: step for name, step in steps.items()}
spread_of = dict(zip(without, lowered.std(axis=1, ddof=1), strict=True))
for name, gain in from_above.items():
    fix = name.removeprefix("without_")
    print(f"{fix:13} {from_below[fix]:+.2f} points from below, {gain:+.2f} from above", end="; ")
    print(f"spread of the runs without it {spread_of[name]:.2f}")
assert from_above["without_crop"] < -3 * high_error and abs(from_below["crop"]) < 2 * low_error
assert from_above["without_schedule"] > 2 and spread_of["without_schedule"] > 3 * falling
assert abs(from_above["without_weight_decay"]) < 2 * high_error

# %% [markdown]
# - **The crop is no fix here.** At its own rung the noise hid it. At the top it costs more than three points, which is
#   far beyond luck.
# - **The schedule** is worth about the same from both sides, though neither number is sure: without it runs scatter.
# - **Weight decay:** nothing from either side.
#
# A ladder tells a story, and its order is the author's. Before you believe a step, take it back at the top.
#
# ## Try it: the ablation browser
#
# Every point is a setting, and any two measurements span the plane. Things to try: accuracy over training time; tokens
# over MACs; training loss over accuracy. On the ladder, see what each rung did to speed.

# %%
on_ladder = [label for label in columns if label not in ("MACs (millions, one image)", "tokens")]
climb = {label: table(ladder["runs"], columns[label])[1] for label in on_ladder}
kinds = ["start", *["training"] * 4, *["model"] * 4, "training"]
grids = {"parts": (names, groups, measured), "ladder": (rungs, kinds, climb)}


def draw(grid, x, y, setting, each_seed):
    grid_names, parts, values = grids[grid]
    if missing := {x, y} - set(values):
        raise ValueError(f"The ladder's models are not all CCTs, so nobody counted their {missing.pop()}.")
    return pictures.draw_browser(grid_names, parts, values, x, y, setting, each_seed)


# %%
accuracy, seconds = "test accuracy (%)", "training time (s)"
start_at = dict(grid="parts", x="MACs (millions, one image)", y=accuracy, setting=2, each_seed=True)
stills = [
    start_at,
    {**start_at, "x": "parameters (thousands)", "setting": 7},
    {**start_at, "x": "training loss (nats)", "setting": 4},
    dict(grid="ladder", x=seconds, y=accuracy, setting=10, each_seed=True),
]
choices = dict(grid=list(grids), x=list(columns), y=list(columns), setting=(1, len(names)), each_seed=True)
alt = "Four scatter plots of settings: accuracy over MACs, parameters, training loss; the ladder's accuracy over time"
box = cct.explore(draw, stills, alt=alt, **choices)

# %% [markdown]
# ## What ten thousand images and a few epochs can say
#
# Every comparison above holds where it was made. Short trainings reward what learns quickly. What protects from
# learning too much has nothing to do yet:


# %%
def at_each_epoch(grid, name, measurement):
    return np.mean([run["history"][measurement] for run in grid["runs"] if run["name"] == name], axis=0)


curves = {"with crop": (ladder, "9_muon"), "without": (top, "without_crop")}
loss = {title: at_each_epoch(*place, "loss")[-1] for title, place in curves.items()}
validation = {title: 100 * at_each_epoch(*place, "val_top1") for title, place in curves.items()}
for title in curves:
    print(f"{title:9}: validation accuracy by epoch {validation[title].round(1)}, training loss {loss[title]:.2f}")
assert all(np.all(np.diff(accuracies) > 0) for accuracies in validation.values())
assert loss["without"] < loss["with crop"] - 0.1

losses = measured["training loss (nats)"].mean(axis=1)
rest = np.array(names) != "kernel_1"
every, without_worst = (np.corrcoef(losses[rows], points.mean(axis=1)[rows])[0, 1] for rows in (rest | True, rest))
print(f"parts: correlation of training loss and test accuracy {every:.3f}, without kernel_1 {without_worst:.3f}")
last_was_best = np.mean([np.argmax(run["history"]["val_top1"]) == 4 for run in record["runs"]])
print(f"parts: runs whose last of five epochs was best on validation {last_was_best:.0%}")
assert 0.95 < last_was_best < 1 and max(every, without_worst) < -0.97

# %% [markdown]
# The last epoch was the best one on validation nearly everywhere. More telling is the line: whichever
# part you change, the model that fits the training images better is better on test images too. And the crop, which
# makes the training images harder, costs accuracy. No model has learned its images by heart yet.
#
# So these tables say little about crop, dropout, weight decay and stochastic depth, which are there to prevent just
# that. They say which parts get a model going. Ablate at the length at which you mean to train, if you can pay for it.
# Notebook 10 trains longer.
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
# 2. Choose two parts and train all four combinations with `run_grid` on digits. Do the differences add up?
#
# ## Recap
#
# - Change one part, train with several seeds, compare means. A runner that keeps a file a run can be stopped.
# - Three runs cannot tell a spread. Pool it over the grid. Seeds needed grow with the square of the precision wanted.
# - Many comparisons make discoveries by luck, and so does the best of several seeds or settings. Simulate what luck
#   does, choose on validation, and read the test images once.
# - In this record: the convolution matters most, more tokens and more layers buy accuracy with time, and one head, no
#   position or plain averaging lose about a point each, at the edge of what can be told.
# - From the example of 2021 upwards the falling rate brings calm and Muon brings accuracy. Smaller heads save a third
#   of the parameters for free.
# - What a part is worth depends on the other parts and on the length of training: the crop cost points here. Whether
#   you can see it depends on how steady the runs are at its place.
#
# **Difference from the paper:** it compares such variants after hundreds of epochs on all training images. Here they
# are trained for a few epochs on a fifth of the images, with several seeds and their spread.
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
