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
# # 4. Stochastic depth
#
# *Why drop whole branches?*
#
# You will follow images through a network whose branches drop out at random, prove that the mean stays the same, find
# three mistakes that hide in it, and read in nine recorded trainings whether it helped.
#
# 95 minutes to read, 1 minute to run. Builds on [notebook 03](03_self_attention.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/04_stochastic_depth.ipynb)

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
import json
import math

import keras
import numpy as np
from keras import ops

from cct_helpers.plots import nb04_stochastic_depth as pictures

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

# %% [markdown]
# ## Two questions on notebook 03
#
# Answer them from memory, then look.
#
# 1. A block computes `tokens + attention(tokens)`. What comes out if attention gives zeros everywhere?
# 2. The authors' block has two layer norms. Where do they stand?
#
# <details><summary>Answers</summary>
#
# 1. If attention gives zeros, the tokens come out as they went in: the `tokens +` keeps them.
# 2. The first layer norm stands inside the attention branch, before attention. The second, `norm1`, stands behind the
#    first addition, on the tokens themselves, so that every token passes through it.
#
# </details>

# %% [markdown]
# **Which way through?** The main line goes from *Why drop a whole branch?* to *One mask for each image, or one for the
# batch?*, about 40 minutes; then a good place for a break; and from *Deeper branches are dropped more often* to *Does
# it help?*, about 25. What stands under *For a second reading* can wait: whether it saves work (in this form it does
# not), how many branches an image keeps, a trap of seeds, and a simulator of drops. Two of the exercises need the trap.
#
# ## Why drop a whole branch?
#
# *Why:* a deep network can come to rely on every one of its parts being there, and gradients have a long way back to
# those close to the image.
#
# A [transformer block](glossary.md) adds something to its tokens twice: first what attention computed, then what the
# MLP computed. Each of the two is a *residual branch*: `tokens + branch(tokens)`. What runs through all these
# additions, from the first block to the last, is the [residual stream](glossary.md).
#
# Against these two problems Huang et al. ([Deep Networks with Stochastic Depth](https://arxiv.org/abs/1603.09382))
# train a network that is short at random and use the whole one afterwards: in each step of training some branches are
# left out. They claim that gradients reach early layers more directly, that training gets cheaper, and that the network
# generalises better.
#
# You know the idea from [dropout](glossary.md), which sets single numbers to 0. [Stochastic depth](glossary.md) sets
# *all* numbers that a branch makes for an image to 0, or none of them. Other code calls it *DropPath*: it is
# `drop_path` in the library timm, and the class `DropPath` in the authors' PyTorch code.
#
# Here is what that does to a stack of seven blocks, so fourteen branches, when each is dropped with probability 0.3.

# %%
path_rng = np.random.default_rng(0)
paths = {}  # name -> (branches,), True where the branch is kept
for image, step in ((0, 0), (1, 0), (0, 1)):
    paths[f"image {image}, step {step}"] = path_rng.random(14) >= 0.3
paths["after training"] = np.ones(14, bool)
alt = """Four lines through seven blocks with two branches each. Image 0 in step 0 keeps 9 of 14
branches, image 1 in the same step 10, image 0 in the next step 13, each time others. After training
all 14 are there."""
cct.show(pictures.draw_paths(paths), alt=alt)
assert [int(kept.sum()) for kept in paths.values()] == [9, 10, 13, 14]
assert len({tuple(kept) for kept in paths.values()}) == 4  # no two ways are the same

# %% [markdown]
# Read a line from left to right; the norms are left out. A kept branch reads the tokens from the stream, computes, and
# adds its result at the dot. A dropped branch adds nothing there, and the stream runs on below it. Image 0 and image 1
# take different ways in the same step, and image 0 takes another way in the next.
#
# ## One branch on paper
#
# *Why:* a branch that is missing changes what goes on. With one number instead of a batch you see by how much. The
# stream carries 10, and the branch would add 4: without drops, 14 goes on. Now five equal images come, and one of them
# loses its branch.
#
# **Predict:** what must a kept branch add, so that the *mean* of the five is still 14?

# %%
kept_or_not = np.array([1, 1, 0, 1, 1])  # (images,), image 2 loses its branch
five = 10 + kept_or_not * 4 / 0.8
print("the five images:", five, "mean:", five.mean())
assert five.tolist() == [15, 15, 10, 15, 15] and five.mean() == 14

# %% [markdown]
# <details><summary>Answer</summary>
#
# A kept branch must add 5. Four images carry 15 and one carries 10: the sum is 70, the mean 14. And 5 is 4 divided by
# 0.8, the share of images that keep their branch.
#
# </details>
#
# That is all of stochastic depth. In training, for each branch and each image,
#
# $$x_{\text{next}} = x + \frac{b}{1 - r} \, f(x), \qquad b = 1 \text{ with probability } 1 - r, \text{ else } 0$$
#
# $x$ holds the tokens of the batch, (batch, tokens, dim); $f(x)$ is what the branch makes of them, in the same shape.
# $r$ is the drop rate of this branch, one number. $b$ has one number for each image, (batch, 1, 1). After training the
# fraction before $f(x)$ is replaced by its mean, which is 1.
#
# The same with arrays of real shapes:

# %%
tokens = rng.normal(size=(4, 3, 2)).astype("float32")  # (batch, tokens, dim)
weights = rng.normal(size=(2, 2)).astype("float32")
f_of_x = np.tanh(tokens @ weights)  # (batch, tokens, dim), whatever a branch computes

b = np.array([1, 0, 1, 1], "float32")  # image 1 loses its branch
factor = b[:, None, None] / 0.8  # (batch,) -> (batch, 1, 1), one number for all of an image
after = tokens + factor * f_of_x  # (batch, tokens, dim)

changed = np.abs(after - tokens).max(axis=(1, 2))  # (batch,)
for image in range(4):
    print(f"image {image}: b = {b[image]:.0f}, tokens changed by up to {changed[image]:.2f}")
assert np.array_equal(after[1], tokens[1]) and changed[[0, 2, 3]].min() > 0

# %% [markdown]
# The tokens of image 1 pass unchanged: for this image the step is the *identity*. This works because of the
# `tokens +`. In a plain chain of layers, dropping one would replace its output by zeros and leave nothing for the
# next. (In the authors' block one norm more stands in the way. It comes below.)
#
# ## Why divide by the share that is kept?
#
# *Why:* the layers behind a branch should see the same on average in training and after it. In training the branch is
# there with probability `1 - rate`, called `keep`; after training it always is. Five images were arranged to fit; now
# draw 20,000.
#
# **Predict:** with a rate of 0.2, what are the means of `mask` and of `mask / keep` over many draws?

# %%
rate, draws = 0.2, 20_000
keep = 1 - rate
masks = (rng.random(draws) < keep).astype("float32")  # one draw an image

standard_error = np.sqrt(rate / keep / draws)  # of the mean of mask / keep
print(f"mean of mask        {masks.mean():.4f}")
print(f"mean of mask / keep {(masks / keep).mean():.4f}, bound 1 ± {5 * standard_error:.4f}")
assert abs((masks / keep).mean() - 1) < 5 * standard_error
assert abs(masks.mean() - keep) < 5 * keep * standard_error

# %% [markdown]
# <details><summary>Answer</summary>
#
# The mask alone has the mean 0.8, so it shrinks the branch to 0.8 of its size on average. `mask / keep` has the mean 1.
#
# </details>
#
# How sure is that, after 20,000 draws? The picture shows the mean after each draw, and a band of five standard errors.

# %%
bound = 5 * np.sqrt(rate / keep / np.arange(1, draws + 1))
alt = """Running mean over images drawn. mask / keep settles at 1 inside a narrowing band, mask alone
settles at 0.8."""
factors = {"mask / keep": masks / keep, "mask alone": masks}
cct.show(pictures.draw_running_means(factors, bound), alt=alt)

outside = math.erfc(5 / math.sqrt(2))  # share of normal numbers beyond five standard deviations
print(f"five standard errors are left once in {1 / outside / 1e6:.1f} million")
assert 1.7e6 < 1 / outside < 1.8e6

# %% [markdown]
# The band is not a guess. `mask` is 1 with probability `keep`, so its variance is `keep * rate`. Divided by `keep` it
# is `rate / keep`, and the mean of `n` draws has the [standard error](glossary.md) `sqrt(rate / keep / n)`. The mean
# of many draws is close to normal, and a normal number lies more than five standard deviations away once in 1.7
# million. For the first few draws, on the left, the band is only a rough guide.
#
# Huang et al. do it the other way round: no division in training, and each branch times `keep` when the network is
# used. The means agree. Dividing in training has an advantage: the trained network needs no change when you use it.
#
# > **Trap: forgetting to divide by keep.** Nothing fails: in training the layers behind adapt to smaller branches.
# > But evaluation turns all drops off, and every branch is larger than it ever was on average in training.
#
# **Predict:** 14 branches, two in each of 7 blocks, each add 1 to the stream, all at a rate of 0.2. What does the
# stream carry at the end after training, and what on average in training?

# %% tags=["trap"]
stays = rng.random((14, draws)) < keep  # (branches, images)
without = stays.sum(axis=0)  # the stream at the end, for each image
divided = (stays / keep).sum(axis=0)
spread = np.sqrt(14) * standard_error

print(f"after training 14.00, in training {without.mean():.2f} if nothing is divided,", end=" ")
print(f"{divided.mean():.2f} if it is")
assert abs(divided.mean() - 14) < 5 * spread
assert abs(without.mean() - 14 * keep) < 5 * spread and np.isclose(14 / (14 * keep), 1.25)

# %% [markdown]
# <details><summary>Answer</summary>
#
# After training the stream carries 14. In training it carries 11.2 on average if nothing is divided. So when the model
# is used, the stream is a quarter larger than what the layers behind it learned from.
#
# That holds for a stream of additions alone. A norm on the stream, as in the authors' block, brings it to one size
# again, but the branch still has a larger part in the sum than it had in training.
#
# </details>
#
# **To catch it:** compare the mean of the layer's output in training with its input, as the next section does.
#
# ## The layer of the package
#
# *Why:* the models of this course drop their branches with this layer, so check that it does what the formula says.
#
# Random numbers come from a *seed generator*. It holds a seed and a counter, and each draw moves the counter on, so
# that the next draw gives other numbers. Two generators with the same seed give the same numbers, draw for draw.
#
# **Predict:** what should the layer do outside training? And what shape must its random numbers have?

# %%
print(inspect.getsource(cct.StochasticDepth.call))

# %% [markdown]
# <details><summary>Answer</summary>
#
# Outside training the layer returns the branch as it is. Its random numbers are one for each image, (batch, 1, 1) for
# tokens: `one_draw_an_image`. `floor(keep + uniform)` is 1 when the uniform number is at least `1 - keep`, else 0.
#
# </details>
#
# The same with your own arrays, and with a layer that you have used before: Keras's `Dropout` has an argument
# `noise_shape`, the shape of its draws. One draw for each image is stochastic depth.

# %%
branch = rng.normal(size=(64, 3, 2)).astype("float32")  # (batch, tokens, dim)
layer = cct.StochasticDepth(rate, seed=7)
assert np.array_equal(layer(branch), branch)  # the default, as in model.predict
assert np.array_equal(layer(branch, training=False), branch)

same_generator = keras.random.SeedGenerator(7)
uniform = keras.random.uniform((64, 1, 1), seed=same_generator)  # the numbers the layer will draw
drawn = ops.convert_to_numpy(uniform) >= rate  # (batch, 1, 1)
trained = ops.convert_to_numpy(layer(branch, training=True))
print(f"{int((~drawn).sum())} of {len(drawn)} images lost their branch")
assert np.allclose(trained, branch * drawn / np.float32(keep), atol=1e-6)

# %% [markdown]
# Outside training the layer returns what it got, to the last bit. In training it equals the array version with the
# same draws. Now `Dropout`, with draws of its own:

# %%
as_dropout = keras.layers.Dropout(rate, noise_shape=(64, 1, 1), seed=7)
ratio = ops.convert_to_numpy(as_dropout(branch, training=True)) / branch  # (batch, tokens, dim)
print(f"{np.sum(ratio[:, 0, 0] > 0)} of 64 images keep their branch, times {ratio.max():.2f}")
assert np.allclose(ratio, ratio[:, :1, :1], atol=1e-4)  # one factor for all numbers of an image
assert np.allclose(np.unique(ratio.round(3)), [0, 1 / keep]) and np.isclose(1 / keep, 1.25)

# %% [markdown]
# `Dropout` with this `noise_shape` gives each image the factor 0 or 1.25 as well.
#
# Now check that the layer keeps the expectation, for every number of a branch. One branch is repeated along the
# batch, so that each copy has its own draw.

# %%
one = rng.normal(size=(1, 3, 2)).astype("float32")  # (1, tokens, dim)
copies = np.repeat(one, draws, axis=0)  # (1, tokens, dim) -> (draws, tokens, dim)
mean_of_copies = ops.convert_to_numpy(layer(copies, training=True)).mean(axis=0, dtype="float64")

error = np.abs(mean_of_copies / one[0] - 1).max()  # relative
print(f"largest relative error {error:.4f}, bound {5 * standard_error:.4f}")
assert error <= 5 * standard_error

# %% [markdown]
# ## One mask for each image, or one for the batch?
#
# *Why:* you will meet both in code, and both keep the expectation. They differ in what a *batch* sees.

# %%
own, shared, same_seed = "one per image", "one per batch", "one per image, same seed in every layer"


def sample_masks(rates, images, kind, seed=0):
    """Who keeps which branch, (branches, images): a number drawn from 0 to 1 must reach the rate."""
    branches = len(rates)
    shape = {own: (branches, images), shared: (branches, 1), same_seed: (1, images)}[kind]
    numbers = np.random.default_rng(seed).random(shape)
    return np.broadcast_to(numbers, (branches, images)) >= rates[:, None]


panels = {kind: sample_masks(np.full(12, 0.3), 32, kind) for kind in (own, shared)}
alt = """Two grids of 12 branches by 32 images. One mask per image: dropped cells are scattered. One
per batch: whole rows are dropped, the same for all images."""
cct.show(pictures.draw_mask_panels(panels), alt=alt)

# %% [markdown]
# (The third kind, `same_seed`, is for the second reading.) The gradient of a step is a mean over the batch, so the
# noise of the masks reaches it as the mean of their factors `mask / keep` over the batch.
#
# **Predict:** which of the two makes that mean noisier, and by what factor in variance for a batch of 32?

# %%
batches = 10_000
image_masks, batch_masks = rng.random((batches, 32)) >= 0.3, rng.random((batches, 1)) >= 0.3
per_image = image_masks.mean(axis=1) / 0.7  # (batches,), the mean factor of each
per_batch = batch_masks.mean(axis=1) / 0.7

print(f"variance, one mask per batch {per_batch.var():.4f}, expected {0.3 / 0.7:.4f}")
print(f"variance, one mask per image {per_image.var():.4f}, expected {0.3 / 0.7 / 32:.4f}")
assert np.isclose(per_batch.var(), 0.3 / 0.7, rtol=0.05)
assert np.isclose(per_image.var(), 0.3 / 0.7 / 32, rtol=0.05)
assert np.isclose(per_batch.var() / per_image.var(), 32, rtol=0.05)

# %% [markdown]
# <details><summary>Answer</summary>
#
# One mask for the whole batch is noisier: its variance is 32 times as large, since 32 independent draws average out
# and one draw does not. That is the part of the noise that the masks add. The images of the batch differ too, and that
# part is the same in both cases.
#
# </details>
#
# > **Trap: one mask for the whole batch.** A mask of shape `(1, 1, 1)` instead of `(batch, 1, 1)` broadcasts without
# > an error. The expectation is right and training works, but it is noisier than you asked for.
#
# **Predict:** all 256 images of a batch are equal. How many different results come out?

# %% tags=["trap"]
equal_images = np.ones((256, 3, 2), "float32")  # (batch, tokens, dim)


def one_mask_for_all(branch, rate):
    mask = keras.random.uniform((1, 1, 1)) >= rate  # the trap: should be (batch, 1, 1)
    return branch * ops.cast(mask, branch.dtype) / (1 - rate)


right = cct.StochasticDepth(0.3, seed=0)(equal_images, training=True)
results = {"trap": one_mask_for_all(equal_images, 0.3), "layer": right}
factors = {name: np.unique(ops.convert_to_numpy(values)) for name, values in results.items()}
for name, values in factors.items():
    print(f"{name}: the 256 images get the factors {values.round(3)}")
assert np.allclose(factors["layer"], [0, 1 / 0.7])  # dropped, and kept with the right scale
assert len(factors["trap"]) == 1 and factors["trap"][0] in factors["layer"]

# %% [markdown]
# <details><summary>Answer</summary>
#
# With one mask for all, one result comes out for all 256 images, where there should be two: dropped and kept.
#
# </details>
#
# **To catch it:** feed a batch of equal branches in training mode and count the different results.
#
# ## Deeper branches are dropped more often
#
# *Why:* a model has many branches, and they need not all have the same rate. Huang et al. argue that later layers build
# on the features of early ones, so early ones should be dropped less, and let the rate grow evenly with depth. Their
# line starts at 0 for the *input*, so that the first of `L` blocks has `rate / L` already. The CCT authors' line starts
# at 0 in the first block: that is `linspace`, in their code and here.

# %%
seven_blocks = cct.build_cct("cct_7_3x2_32", stochastic_depth=0.5)
block_rates = [seven_blocks.get_layer(f"block_{i}").stochastic_depth for i in range(7)]
print("rates of the blocks:", np.round(block_rates, 3))
assert np.allclose(block_rates, np.linspace(0, 0.5, 7))

rates = np.repeat(block_rates, 2)  # (blocks,) -> (branches,), attention and MLP share a rate
expected = np.sum(1 - rates)
print(f"branches kept per image: {expected:.2f} of {len(rates)} expected")
assert np.isclose(expected, 14 * (1 - 0.5 / 2)) and np.isclose(expected, 10.5)  # half the last rate
assert np.isclose(14 * (1 - 0.1 / 2), 13.3)
assert 2 ** np.count_nonzero(rates) == 4096

# %% [markdown]
# The expected number of branches is the sum of all `keep`. It is 10.5 of 14 here; for the authors' default rate of 0.1
# it is 13.3 of 14, a mild treatment.
#
# The first block is never dropped. Each of the other 12 branches is there or not, which makes 4,096 networks, and all
# of them share their weights. So training with stochastic depth trains a crowd of networks at once, and the whole
# network is used in the place of them all.
#
# ## What a dropped branch is in the authors' block
#
# *Why:* until now a dropped branch was the identity. Is it so in the block that you train? Read how the authors' block
# adds its branches:

# %%
print(inspect.getsource(cct.TransformerBlock.call))

# %% [markdown]
# The attention branch is added *inside* `norm1`: the block computes `h = norm1(x + attention(pre_norm(x)))`, then
# `h + mlp(h)`. It is neither a pre-norm nor a post-norm block. Notebook 03 told how the norm got there: a merge went
# wrong, as one of the authors says, and all their checkpoints were trained with the result.
#
# **Predict:** both branches of an image are dropped. Are its tokens equal to those that came in?

# %%
some = rng.normal(3, 2, size=(1, 5, 8)).astype("float32")  # (batch, tokens, dim)
dropping = cct.TransformerBlock(num_heads=2, stochastic_depth=0.5)
dropping(some)  # the first call makes the weights
dropping.drop_attention.rate = dropping.drop_mlp.rate = 1 - 1e-6  # as good as always dropped
came_out = ops.convert_to_numpy(dropping(some, training=True))
print(f"largest change of a token: {np.abs(came_out - some).max():.1f}")
assert np.allclose(came_out, dropping.norm1(some), atol=1e-5) and np.abs(came_out - some).max() > 1
assert np.allclose(came_out.mean(axis=-1), 0, atol=1e-4)
assert np.allclose(came_out.std(axis=-1), 1, atol=1e-3)

# %% [markdown]
# <details><summary>Answer</summary>
#
# No: the tokens of an image without branches come out as `norm1` of those that came in, with mean 0 and variance 1.
#
# </details>
#
# A dropped attention leaves `norm1`; only a dropped MLP is the identity. In a block whose norms all stand inside the
# branches, as in a ViT, both are:

# %%
alt = """Two blocks with both branches dropped. In a pre-norm block only the stream is left, and x
comes out. In the authors' block norm1 stands on the stream behind the first addition, and norm1(x)
comes out."""
cct.show(pictures.draw_dropped_blocks(), alt=alt)

# %% [markdown]
# ## Does it help?
#
# *Why:* all this is of use only if it makes a model better. Others say that it does where networks are deep. Huang et
# al. still gained from 1,202 layers with it, and came to an error of 4.91 % on CIFAR-10. The authors of
# [DeiT](https://arxiv.org/abs/2012.12877) use it for their vision transformers because it helps deep ones converge.
#
# What can it do for a small one? It is meant to narrow the gap between the scores on training images and on unseen
# ones. That needs a gap, so the models here see only 400 digits, without augmentation and without attention dropout.
# They have four blocks, so eight branches. Take `Recipe` and `fit` as given until [notebook 07](07_training.ipynb): a
# recipe holds the settings of a training, `fit` carries it out. `normalization` puts the mean and the standard
# deviation of the pixels at the front of the model.

# %%
data = cct.load_dataset("digits")
few = data._replace(x_train=data.x_train[:400], y_train=data.y_train[:400])
recipe = cct.Recipe(
    epochs=20, batch_size=32, optimizer="adamw", learning_rate=4e-3, weight_decay=0.03,
    warmup_epochs=1, label_smoothing=0.0, augment="none",
)  # fmt: skip
tiny = dict(num_layers=4, dim=32, num_heads=2, mlp_ratio=2, hidden_channels=16, attention_dropout=0.0)


# %%
def train(rate, seed, recipe=recipe):
    """A model with drop rates from 0 to `rate`; its scores in evaluation mode and its loss curves."""
    keras.utils.set_random_seed(seed)
    model = cct.build_cct(
        input_shape=(16, 16, 1), normalization=(78, 96), stochastic_depth=rate, **tiny
    )
    history = cct.fit(model, few, recipe, seed=seed, verbose=False)
    run = {"rate": rate, "seed": seed, "loss": history["loss"], "val_loss": history["val_loss"]}
    for part, images, labels in (
        ("train", few.x_train, few.y_train),
        ("test", data.x_test, data.y_test),
    ):
        scores = cct.evaluate(model, images, labels)
        run |= {f"{part}_top1": scores["top1"], f"{part}_loss": scores["loss"]}
    return model, run


# %% [markdown]
# `train` measures all images in *evaluation mode*, without drops, also those of the training. Why not take the
# training loss that `fit` reports?
#
# **Predict:** you give a trained model the same images twice, *with* drops. Will it name the same digits?

# %%
shorter = dataclasses.replace(recipe, epochs=10)  # half as long as on record
model, run = train(0.5, seed=0, recipe=shorter)


def logits(training):
    """What the model says of the training images, with drops or without: (batch, classes)."""
    return ops.convert_to_numpy(model(few.x_train.astype("float32"), training=training))


once, again = logits(training=True), logits(training=True)
disagree = np.mean(once.argmax(axis=1) != again.argmax(axis=1))
print(f"two passes with drops name different digits for {disagree:.0%} of the training images")
print(f"without drops {run['train_top1']:.0%} are right, of the test images {run['test_top1']:.0%}")
assert 0.02 < disagree < 0.5 and run["test_top1"] > 0.5
assert np.array_equal(logits(training=False), logits(training=False))

# %% [markdown]
# <details><summary>Answer</summary>
#
# Not for all images: with drops each pass goes through another, shorter network, and some images get another digit the
# second time. Without drops the answer is the same to the last bit.
#
# </details>
#
# The training loss that `fit` reports is measured with drops, the validation loss without. They belong to different
# networks, and their difference is not the gap that you want to know.
#
# You trained one model, for ten epochs. Whether unseen digits profit cannot be read from one run. The record
# `results/04_with_and_without.json` has three seeds of `train(rate, seed)`, with the full 20 epochs, for the rates 0,
# 0.1 (the authors' default) and 0.5. Two numbers are compared: the accuracy on the test images, and the *loss gap*, the
# test loss minus the training loss, both without drops. Its unit is the [nat](glossary.md), the bit's counterpart for
# the natural logarithm.
#
# **Predict:** will the means of the three rates lie further apart than the three seeds of one rate?

# %%
file = Path(root, "notebooks", "results", "04_with_and_without.json")
record = json.loads(file.read_text(encoding="utf-8"))
gaps, top1 = {}, {}  # rate -> (seeds,)
for of_rate in (0.0, 0.1, 0.5):
    runs = [each for each in record["runs"] if each["rate"] == of_rate]
    gaps[of_rate] = [each["test_loss"] - each["train_loss"] for each in runs]
    top1[of_rate] = [100 * each["test_top1"] for each in runs]
    print(f"rate up to {of_rate}: test {np.mean(top1[of_rate]):.1f} %,", end=" ")
    print(f"loss gap {np.mean(gaps[of_rate]):.2f} nats")

alt = """Two charts with a row for each of the drop rates 0, 0.1 and 0.5 and three dots in each, seed 0
on top. In both, the loss gap and the test accuracy, the means lie close together and the dots of each
row lie far apart."""
cct.show(pictures.draw_differences(gaps, top1), alt=alt)

# %% [markdown]
# How far apart are the means, and how far the seeds of the rate 0?

# %%
assert len(record["runs"]) == 9 and all(len(scores) == 3 for scores in top1.values())
assert all(each["train_top1"] > 0.99 for each in record["runs"])
means = np.ptp([np.mean(scores) for scores in top1.values()])  # the largest less the smallest
seeds = np.ptp(top1[0.0])
print(f"test: the means lie within {means:.1f} points, the seeds without drops within {seeds:.1f}")
assert means < 0.5 and seeds > 1.5

means, seeds = np.ptp([np.mean(each) for each in gaps.values()]), np.ptp(gaps[0.0])
print(f"loss gap: the means lie within {means:.3f} nats, the seeds without drops within {seeds:.3f}")
assert means < 0.02 and seeds > 0.05

# %% [markdown]
# <details><summary>Answer</summary>
#
# No, the means lie closer together: the drops made no difference that three seeds could show.
#
# </details>
#
# All nine models fit more than 99 % of the 400 training images. The means on the test images lie less than half a point
# apart, while without any drops the seeds alone differ by more than a point and a half. With the loss gap it is the
# same: the means lie within 0.02 nats, the seeds without drops more than 0.05 apart.
#
# That is a result about this setting, not about stochastic depth. Eight branches are few, and the first two are never
# dropped; the networks of Huang et al. on CIFAR have 110 and 1,202 layers. [Notebook 09](09_what_matters.ipynb) varies
# the rate on photos. The lesson here is the method: score training images in evaluation mode, use several seeds, and
# compare the effect with the spread between them.

# %% [markdown]
# ## For a second reading
#
# ### Does it save work?
#
# *Why:* Huang et al. claim that training gets cheaper. They draw one mask for the whole batch, on purpose: a branch
# that no image needs is not computed at all, and that is where they save time. With a mask for each image the branch is
# computed for all images, then multiplied by 0 or by 1 / keep. That saves nothing, and you can see it from outside.
#
# **Predict:** a branch contains an infinite number and is dropped. What is the result?

# %%
infinite = np.full((64, 1, 1), np.inf, "float32")
handed_on = ops.convert_to_numpy(cct.StochasticDepth(0.5, seed=0)(infinite, training=True)).ravel()
print("after the layer:", np.unique(handed_on))
assert np.isnan(handed_on).any() and np.isinf(handed_on).any()
assert np.finfo("float16").max == 65_504

# %% [markdown]
# <details><summary>Answer</summary>
#
# A dropped branch with an infinite number becomes *not a number* (NaN): infinity times 0 has no value. A branch that
# had not been computed would have added 0.
#
# </details>
#
# That is no curiosity where numbers have 16 bits: in half precision all beyond 65,504 is infinite, and one infinite
# number in a *dropped* branch is enough to ruin the step. **In this form stochastic depth is no way to save time.** It
# is a *regulariser*, something that makes training harder so that the result generalises better. The CCT authors' code
# and this package use it as one.
#
# ### How many branches does an image keep?
#
# *Why:* 10.5 of 14 branches are expected, and an expectation hides the spread. The full distribution comes from one
# branch at a time: with a new branch, `k` kept branches come from `k` before and a drop, or from `k - 1` before and a
# keep. That is a convolution with `[rate, 1 - rate]`.
#
# **Predict:** out of 100 images, how many are trained with all 14 branches?


# %%
def kept_distribution(rates):
    """The probability of 0, 1, 2... kept branches: (branches,) -> (branches + 1,)."""
    distribution = np.ones(1)  # without any branch: 0 kept for certain
    for r in rates:
        distribution = np.convolve(distribution, [r, 1 - r])  # (k,) -> (k + 1,)
    return distribution


exact = kept_distribution(rates)
assert np.isclose(exact.sum(), 1) and np.isclose(np.arange(15) @ exact, expected)
print(f"all 14 branches: {100 * exact[-1]:.2f} % of the images")
assert np.isclose(exact[-1], np.prod(1 - rates)) and 0.01 < exact[-1] < 0.02

# %% [markdown]
# <details><summary>Answer</summary>
#
# Between one and two images in a hundred are trained with all 14 branches. Nearly every image is trained through a
# shorter network than the one that you use afterwards.
#
# </details>
#
# Count it too, with 100,000 images. How far a count may be off follows from the same rule as for the mean of the masks:
# the share of `n` yes-or-no draws has the variance `p (1 - p) / n`.

# %%
crowd = 100_000
kept_branches = sample_masks(rates, crowd, own).sum(axis=0)  # (branches, images) -> (images,)
counted = np.bincount(kept_branches, minlength=15) / crowd
standard_errors = np.sqrt(exact * (1 - exact) / crowd)
print(f"all 14 branches: {100 * exact[-1]:.2f} % exact, {100 * counted[-1]:.2f} % counted")
assert np.all(np.abs(counted - exact) <= 5 * standard_errors + 2 / crowd)

# %% [markdown]
# ### Two branches of a block, two draws
#
# *Why:* for the day on which you set seeds yourself. A block has two stochastic depth layers, and each draws for
# itself. With a rate of 0.5 each, both branches should be kept for a quarter of the images.

# %%
ones = np.ones((draws, 1, 1), "float32")


def keeps(layer):
    """Which of the images keep their branch, in one call of a layer in training: (draws,) of bool."""
    return ops.convert_to_numpy(layer(ones, training=True)).ravel() > 0


block = cct.TransformerBlock(num_heads=2, stochastic_depth=0.5)
attention_kept, mlp_kept = keeps(block.drop_attention), keeps(block.drop_mlp)
both = np.mean(attention_kept & mlp_kept)
print(f"both branches kept: {both:.4f}, expected 0.5 * 0.5 = 0.25")
assert abs(both - 0.25) < 5 * np.sqrt(0.25 * 0.75 / draws)

# %% [markdown]
# > **Trap: the same seed in every layer.** The Keras 3 version of the keras.io example gives each layer
# > `SeedGenerator(1337)`. Each layer has a generator of its own, but all of them start at the same seed and count
# > alike, so all layers draw the same numbers.
#
# **Predict:** two branches, each dropped with probability 0.5. How often are both kept now?

# %% tags=["trap"]
first, second = cct.StochasticDepth(0.5, seed=1337), cct.StochasticDepth(0.5, seed=1337)
later = cct.StochasticDepth(0.8, seed=1337)
for _ in range(5):  # steps
    of_first, of_second, of_later = keeps(first), keeps(second), keeps(later)
    assert np.array_equal(of_first, of_second)  # equal rates: the same images, in every step
    assert np.all(of_first[of_later])  # a higher rate drops these and more
both = np.mean(of_first & of_second)
print(f"both kept: {both:.3f} instead of 0.25")
assert abs(both - 0.5) < 5 * np.sqrt(0.25 / draws)

# %% [markdown]
# <details><summary>Answer</summary>
#
# With one seed both are kept for half of the images, not for a quarter: an image loses both branches of a block or
# none.
#
# </details>
#
# **To catch it:** compare the masks of two layers of equal rate, as above. The mean does not show it.
#
# What does the shared seed do to the number of branches that an image keeps? Compare with the distribution of *How many
# branches does an image keep?*

# %%
kept_same = sample_masks(rates, crowd, same_seed).sum(axis=0)
counted_same = np.bincount(kept_same, minlength=15) / crowd
alt = """Share of images by number of kept branches. With own draws the counts lie on the exact
distribution around 10.5. With one seed half of the images keep all 14, and the others 2, 4, 6, 8, 10
or 12, equally often."""
panels = {"own draws": (exact, counted), "same seed in every layer": (exact, counted_same)}
cct.show(pictures.draw_active(panels), alt=alt)

wide, narrow = kept_same.std(), kept_branches.std()
print(f"mean {kept_same.mean():.2f}, standard deviation {wide:.2f} instead of {narrow:.2f}")
assert abs(kept_same.mean() - expected) < 5 * wide / np.sqrt(crowd)
assert wide > 2 * narrow and abs(counted_same[-1] - 0.5) < 0.01
assert np.allclose(counted_same[2:14:2], 1 / 12, atol=0.01) and not counted_same[1::2].any()

# %% [markdown]
# The mean is still 10.5, so a check of the expectation does not find the mistake. The spread is more than twice as
# large. An image draws one number for all layers. In half of the images it is at least 0.5, the largest rate, and they
# keep all 14 branches. The others lose every block whose rate lies above their number, and keep 2, 4, 6, 8, 10 or 12
# branches, each of these about equally often. The count is even because the two branches of a block have the same rate.
#
# Every layer of the package has a generator with a seed of its own.
#
# ### Try it
#
# *Why:* rate, depth, mask and seed under your own hands. Each row is a branch, each column an image. On the right is
# how many branches the images keep: counted in this batch, and expected from independent draws. Try "same seed in every
# layer" at a constant rate, with several seeds.


# %%
def simulate(rate, blocks, schedule, mask, seed):
    of_blocks = np.linspace(0, rate, blocks) if schedule == "linear" else np.full(blocks, rate)
    of_branches = np.repeat(of_blocks, 2)  # (blocks,) -> (branches,)
    shown = sample_masks(of_branches, 48, mask, seed)  # (branches, images)
    title = f"{schedule} rate {rate:.2f}, mask: {mask}"
    return pictures.draw_simulator(shown, kept_distribution(of_branches), title)


settings = [
    dict(rate=0.5, blocks=7, schedule="linear", mask=own, seed=0),
    dict(rate=0.5, blocks=7, schedule="linear", mask=shared, seed=0),
    dict(rate=0.5, blocks=7, schedule="constant", mask=same_seed, seed=10),
]
alt = """Three grids of 14 branches by 48 images, each with a chart of how many branches an image
keeps. A linear rate with a mask per image thins out the last rows and follows the expected
distribution; one mask per batch drops whole rows, so all images keep the same number; the same seed
in every layer drops whole columns."""
ranges = dict(rate=(0.0, 0.9, 0.05), blocks=(1, 14), seed=(0, 20))
choices = dict(schedule=["linear", "constant"], mask=[own, shared, same_seed])
box = cct.explore(simulate, settings, alt, **ranges, **choices)

# %% [markdown]
# With the same seed and a constant rate, the third picture, every column is whole or empty: an image keeps all its
# branches or none.

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/04_stochastic_depth.ipynb).

# %% [markdown]
# ### Exercise: Read the drop rate from the outputs
#
# *Warm-up, 5 minutes.* Somebody hands you what went into a stochastic depth layer in training and what came out of it,
# both `(batch, tokens, dim)`, and not its rate. Return the rate itself, not an estimate. At least one image was kept,
# and no number of `branch` is 0. How many images were dropped does not tell: that is chance.
#
# `round(rate_from_outputs(np.array([[[2.0]], [[4.0]]]), np.array([[[0.0]], [[5.0]]])), 3)` gives `0.2`.


# %% tags=["exercise"]
def rate_from_outputs(branch, output):
    return 0.0  # your lines here


cct.check("rate_from_outputs", rate_from_outputs)

# %% [markdown]
# ### Exercise: What the same seed does to the spread
#
# *10 minutes.* It needs *Two branches of a block, two draws* of the second reading. The picture of the same-seed trap
# has the right mean and the wrong spread. Compute the spread for a smaller form of the mistake, in which only the two
# branches of a block share a draw. Block `i` drops each of its two branches with probability `rates[i]`, an array
# `(blocks,)`. Return the standard deviation of the number of branches that an image keeps. With `one_draw` False every
# branch has a draw of its own; with `one_draw` True the two branches of a block have one draw between them, and
# different blocks different draws.
#
# `deviation_of_kept(np.array([0.5]), True)` gives `1.0`: the image keeps both or none.


# %% tags=["exercise"]
def deviation_of_kept(rates, one_draw):
    return 0.0  # your lines here


cct.check("deviation_of_kept", deviation_of_kept)

# %% [markdown]
# ### Exercise: Which layers share a seed?
#
# *15 minutes.* It needs *Two branches of a block, two draws* of the second reading. Find the bug of its trap in a
# running model. `kept` `(layers, batch)` says for every layer which images kept their branch, in one batch. Return the
# pairs of layers `(i, j)` with `i < j` that kept exactly the same images, counted from 0, sorted by `i`, then by `j`:
# `(pairs, 2)` whole numbers. Where no two layers agree the result is empty, `(0, 2)`.
#
# `shared_masks(np.array([[True, False], [False, False], [True, False]]))` gives `[[0, 2]]`.


# %% tags=["exercise"]
def shared_masks(kept):
    return np.zeros((0, 2), int)  # your lines here


cct.check("shared_masks", shared_masks)

# %% [markdown]
# ### Exercise: Stochastic depth that saves the work
#
# *15 minutes.* The layer computes the branch of every image and throws some away. Save the work: compute `branch`, a
# function on `(n, tokens, dim)`, only for the images where `kept` `(batch,)` is True, divide by `1 - rate`, and
# return zeros for the others, in an array of the shape of `tokens`. The `branch` of the check refuses dropped images.
#
# `skip_dropped(np.square, np.array([[[3.0]], [[8.0]]]), np.array([True, False]), 0.1)` gives `[[[10.0]], [[0.0]]]`.


# %% tags=["exercise"]
def skip_dropped(branch, tokens, kept, rate):
    return np.zeros(tokens.shape)  # your lines here


cct.check("skip_dropped", skip_dropped)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(4)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. With a linear schedule and 7 blocks, find the rate at which half of all images are trained with 10 branches or
#    fewer (`kept_distribution` of the second reading).
# 2. Correct `one_mask_for_all` and confirm with the batch of equal branches that images now differ.
#
# ## The parts in one table

# %%
drop = cct.StochasticDepth(0.5)
with_drops, without_drops = cct.TransformerBlock(2, stochastic_depth=0.5), cct.TransformerBlock(2)
for part in (drop, with_drops, without_drops):
    part.build((None, 64, 128))
assert drop.count_params() == 0
assert with_drops.count_params() == without_drops.count_params() == 99_200

# %% [markdown]
# | part | shape in | shape out | parameters |
# |---|---|---|---|
# | `StochasticDepth(rate)` | a branch, (batch, tokens, dim) | the same | 0 |
# | its draws, in training | one for each image, (batch, 1, 1) | factors 0 or 1 / (1 - rate) | 0 |
# | `TransformerBlock(2, stochastic_depth=rate)` | (batch, 64, 128) | the same | 99,200, with and without drops |

# %% [markdown]
# ## Recap
#
# - Stochastic depth, or DropPath, drops a residual branch whole, for each image and step anew. Where the branch alone
#   is added to the tokens, the step is then the identity. In the authors' block a dropped attention leaves `norm1`.
# - Kept branches are divided by `keep`. The mean stays the same, and outside training nothing changes.
# - One draw per image averages out over the batch; one draw per batch does not.
# - The rate grows linearly with depth.
# - On 400 digits with eight branches it made no difference that three seeds could show.
# - A mask saves no work: the branch is computed before it is dropped.
# - The number of kept branches has a distribution that you can compute by convolution.
# - Each layer needs draws of its own. With one seed for all, the mean is right and the spread is wrong.
#
# **Difference from the papers and the 2021 example:** Huang et al. draw once per layer and mini-batch, multiply by
# `keep` at test time, and give the first block the rate `rate / L`. The CCT authors' code and this package drop per
# image and divide in training, both branches of a block at the same rate, drawn independently, and the first block is
# never dropped. The keras.io example drops per image and divides as well; its Keras 3 version seeds each layer with
# 1337, that of 2021 did not.
#
# Links: [Deep Networks with Stochastic Depth](https://arxiv.org/abs/1603.09382),
# [DeiT](https://arxiv.org/abs/2012.12877), [the CCT paper](https://arxiv.org/abs/2104.05704),
# [keras.io example](https://keras.io/examples/vision/cct/),
# [authors' code](https://github.com/SHI-Labs/Compact-Transformers).
#
# Next: [05 Sequence pooling](05_sequence_pooling.ipynb). What replaces the class token?
