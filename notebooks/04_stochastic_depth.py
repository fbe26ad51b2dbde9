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
# You will drop whole residual branches at random, prove that the mean stays the same, and measure whether it helped.
#
# 15 minutes to read, 1 minute to run. Builds on [notebook 03](03_self_attention.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/04_stochastic_depth.ipynb)

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
import json
from pathlib import Path

import keras
import numpy as np
from keras import ops

from cct_helpers.plots import nb04_stochastic_depth as pictures

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

# %% [markdown]
# ## Why drop a whole branch?
#
# An encoder block adds something to its tokens, twice: first what attention computed, then what the MLP computed.
# Each of the two is a *residual branch*: `tokens + branch(tokens)`.
#
# A deep stack can come to rely on every branch being there, and the branches close to the images learn through all
# the others. Huang et al. (*Deep Networks with Stochastic Depth*, https://arxiv.org/abs/1603.09382) therefore train a
# network that is short at random and use the whole one afterwards: in each training step some branches are left out.
# Their claims are that gradients reach early layers more directly, that training is cheaper, and that the network
# generalises better. You will take the mechanism apart first, and then measure the last claim on a small model.
#
# Start with one branch, by hand.
#
# **Predict:** if the branch is dropped for an image, what are its tokens after this step?

# %%
tokens = rng.normal(size=(4, 3, 2)).astype("float32")  # (batch, tokens, dim)
weights = rng.normal(size=(2, 2)).astype("float32")
branch = np.tanh(tokens @ weights)  # (batch, tokens, dim), whatever a branch computes

mask = np.array([1, 0, 1, 1], "float32")  # image 1 loses its branch
after = tokens + branch * mask[:, None, None]  # (batch,) -> (batch, 1, 1), one number for all of an image

for image in range(4):
    print(f"image {image}: mask {mask[image]:.0f}, tokens changed by up to {np.abs(after - tokens)[image].max():.2f}")
assert np.array_equal(after[1], tokens[1])
assert all(np.abs(after - tokens)[[0, 2, 3]].max(axis=(1, 2)) > 0)

# %% [markdown]
# The tokens of image 1 pass unchanged: for this image the step is the identity. This works because of the `tokens +`.
# In a plain chain of layers, dropping one would replace its output by zeros and leave nothing for the next.
#
# Dropout zeroes single numbers. Stochastic depth zeroes all numbers that a branch makes for an image, or none.
#
# ## Why divide by the share that is kept?
#
# In training a branch with drop rate `rate` is there with probability `1 - rate`, called `keep`. After training it is
# always there. The layers behind it should see the same on average in both cases.
#
# **Predict:** with a rate of 0.2, what is the mean of `mask * branch` over many draws?

# %%
rate, draws = 0.2, 20_000
keep = 1 - rate
masks = (rng.random(draws) < keep).astype("float32")  # one draw an image

standard_error = np.sqrt(rate / keep / draws)  # of the mean of mask / keep, a yes-no draw with variance keep * rate
print(f"mean of mask        {masks.mean():.4f}")
print(f"mean of mask / keep {(masks / keep).mean():.4f}, bound 1 ± {5 * standard_error:.4f}")
assert abs((masks / keep).mean() - 1) < 5 * standard_error
assert abs(masks.mean() - keep) < 5 * keep * standard_error

# %%
bound = 5 * np.sqrt(rate / keep / np.arange(1, draws + 1))
figure = pictures.draw_running_means({"mask / keep": masks / keep, "mask alone": masks}, bound)
cct.show(
    figure,
    alt="Running mean over images drawn. mask / keep settles at 1 inside a narrowing band, mask alone settles at 0.8.",
)

# %% [markdown]
# The mask alone shrinks the branch to 0.8 of its size on average. `mask / keep` has mean 1.
#
# The bound is not a guess. `mask` is 1 with probability `keep`, so its variance is `keep * rate`. Divided by `keep`
# it is `rate / keep`, and the mean of `n` draws has the standard error `sqrt(rate / keep / n)`. A correct mean leaves
# five standard errors about once in two million runs.
#
# Huang et al. do it the other way round: no division in training, and each branch times `keep` at test time. The
# means agree. Dividing in training has an advantage: the trained network needs no change when you use it.
#
# ## The layer of the package
#
# Here is everything it does when called.

# %%
print(inspect.getsource(cct.StochasticDepth.call))

# %% [markdown]
# `floor(keep + uniform)` is 1 when the uniform number is at least `1 - keep`, else 0. The shape `one_draw_an_image`
# is `(batch, 1, 1)` for tokens.
#
# **Predict:** what does the layer do outside training?

# %%
branch = rng.normal(size=(64, 3, 2)).astype("float32")  # (batch, tokens, dim)
layer = cct.StochasticDepth(rate, seed=7)
assert np.array_equal(layer(branch), branch)  # the default, as in model.predict
assert np.array_equal(layer(branch, training=False), branch)

uniform = keras.random.uniform((64, 1, 1), seed=keras.random.SeedGenerator(7))  # the numbers the layer will draw
mask = ops.convert_to_numpy(uniform) >= rate  # (batch, 1, 1)
by_hand = branch * mask / np.float32(keep)

trained = ops.convert_to_numpy(layer(branch, training=True))
print(f"{int((~mask).sum())} of {len(mask)} images lost their branch")
assert np.allclose(trained, by_hand, atol=1e-6)

# %% [markdown]
# Outside training the layer returns what it got, to the last bit. In training it equals the array version with the
# same mask.
#
# Now check that the layer keeps the expectation, for every number of a branch. One branch is repeated along the
# batch, so that each copy has its own draw.

# %%
one = rng.normal(size=(1, 3, 2)).astype("float32")  # (1, tokens, dim)
copies = np.repeat(one, draws, axis=0)  # (1, tokens, dim) -> (draws, tokens, dim)
mean = ops.convert_to_numpy(layer(copies, training=True)).mean(axis=0, dtype="float64")

print(f"largest relative error {np.abs(mean / one[0] - 1).max():.4f}, bound {5 * standard_error:.4f}")
assert np.all(np.abs(mean - one[0]) <= 5 * standard_error * np.abs(one[0]))

# %% [markdown]
# > **Trap: forgetting to divide by keep.** Nothing fails: in training the layers behind adapt to smaller branches.
# > But evaluation turns all drops off and every branch is larger than it ever was on average in training.
#
# How large is the mismatch? Take a stack of 14 branches, two in each of 7 blocks, that each add 1 to the stream, all
# at a rate of 0.2.

# %% tags=["trap"]
kept = rng.random((14, draws)) < keep  # (branches, images)
without = kept.sum(axis=0)  # the stream at the end, for each image
divided = (kept / keep).sum(axis=0)
spread = np.sqrt(14) * standard_error

print(f"inference 14.00, training without dividing {without.mean():.2f}, with {divided.mean():.2f}")
assert abs(divided.mean() - 14) < 5 * spread
assert abs(without.mean() - 14 * keep) < 5 * spread

# %% [markdown]
# Without the division the stream is a quarter larger at inference than in training, 14 against 11.2. **To catch it:**
# compare the mean of the layer's output in training with its input, as two cells above.
#
# ## One mask for each image, or one for the batch?
#
# Both keep the expectation. They differ in what a *batch* sees.

# %%
kinds = ["one per image", "one per batch", "one per image, same seed in every layer"]  # the last one comes up later


def sample_masks(rates, images, kind, seed=0):
    """Who keeps which branch, (branches, images): a number from 0 to 1 is drawn and must reach the rate."""
    shape = dict(zip(kinds, [(len(rates), images), (len(rates), 1), (1, images)], strict=True))[kind]
    numbers = np.random.default_rng(seed).random(shape)
    return np.broadcast_to(numbers, (len(rates), images)) >= rates[:, None]


panels = {kind: sample_masks(np.full(12, 0.3), 32, kind) for kind in kinds[:2]}
cct.show(
    pictures.draw_mask_panels(panels),
    alt="Two grids of 12 branches by 32 images. One mask per image: dropped cells are scattered. One per batch: whole "
    "rows are dropped, the same for all images.",
)

# %% [markdown]
# **Predict:** the gradient of a step is a mean over the batch. Which of the two makes that mean noisier, and by what
# factor for a batch of 32?

# %%
batch, repeats, rate = 32, 10_000, 0.3
keep = 1 - rate
per_image = (rng.random((repeats, batch)) < keep).mean(axis=1) / keep  # the mean factor of a batch
per_batch = (rng.random((repeats, 1)) < keep).mean(axis=1) / keep

print(f"variance per batch {per_batch.var():.4f}, expected {rate / keep:.4f}")
print(f"variance per image {per_image.var():.4f}, expected {rate / keep / batch:.4f}")
assert np.isclose(per_batch.var(), rate / keep, rtol=0.1)
assert np.isclose(per_image.var(), rate / keep / batch, rtol=0.1)

# %% [markdown]
# Independent draws average out: with a mask for each image the variance of the batch mean is 32 times smaller.
#
# > **Trap: one mask for the whole batch.** A mask of shape `(1, 1, 1)` instead of `(batch, 1, 1)` broadcasts without
# > an error. The expectation is right and training works, but it is noisier than you asked for.
#
# **Predict:** all 256 images of a batch are equal. How many different results come out?

# %% tags=["trap"]
branch = np.ones((256, 3, 2), "float32")  # (batch, tokens, dim)


def one_mask_for_all(branch, rate):
    mask = keras.random.uniform((1, 1, 1)) >= rate  # the trap: should be (batch, 1, 1)
    return branch * ops.cast(mask, branch.dtype) / (1 - rate)


dropped = {"trap": one_mask_for_all(branch, 0.3), "layer": cct.StochasticDepth(0.3, seed=0)(branch, training=True)}
factors = {name: np.unique(ops.convert_to_numpy(values)) for name, values in dropped.items()}
for name, values in factors.items():
    print(f"{name}: the 256 images get the factors {values.round(3)}")
assert np.allclose(factors["layer"], [0, 1 / 0.7])  # dropped, and kept with the right scale
assert len(factors["trap"]) == 1 and factors["trap"][0] in factors["layer"]

# %% [markdown]
# One, where there should be two.
#
# **To catch it:** feed a batch of equal branches in training mode and count the different results.
#
# Huang et al. do drop one mask per batch, on purpose: then a dropped branch need not be computed at all, which is
# where their saved time comes from. What about the version with a mask for each image?
#
# **Predict:** a branch contains an infinite number and is dropped. What is the result?

# %%
with np.errstate(invalid="ignore"):
    print("infinity times a mask of 0 gives", np.float32(np.inf) * np.float32(0))
layer = cct.StochasticDepth(0.5, seed=0)
infinite = ops.convert_to_numpy(layer(np.full((64, 1, 1), np.inf, "float32"), training=True))
assert np.isnan(infinite).any() and np.isinf(infinite).any()

# %% [markdown]
# Not a number. The branch was computed and then multiplied by zero. **In this form stochastic depth saves no
# compute.** It is a regulariser, and the CCT authors' code and this package use it as one.
#
# ## Deeper branches are dropped more often
#
# Huang et al. argue that later layers build on the features of early ones, so early ones should be dropped less, and
# let the rate grow evenly with depth. Their line starts at 0 for the *input*, so that block 1 of `L` has `rate / L`
# already. The CCT authors' line starts at 0 in the first block: that is `linspace`, in their code and here.

# %%
model = cct.build_cct("cct_7_3x2_32", stochastic_depth=0.5)
block_rates = [model.get_layer(f"block_{i}").stochastic_depth for i in range(7)]
print(np.round(block_rates, 3))
assert np.allclose(block_rates, np.linspace(0, 0.5, 7))

rates = np.repeat(block_rates, 2)  # (blocks,) -> (branches,), attention and MLP share a rate
expected = np.sum(1 - rates)
print(f"branches kept per image: {expected:.2f} of {len(rates)} expected")
assert np.isclose(expected, 14 * (1 - 0.5 / 2))  # the mean of the rates is half the last one

# %% [markdown]
# The expected number of branches is the sum of all `keep`. With a linear schedule it is half as far from "all" as
# with a constant one: 10.5 of 14 here. For the authors' default rate of 0.1 it is 13.3 of 14, a mild treatment.
#
# An expectation hides the spread. The full distribution comes from one branch at a time: with a new branch, `k` kept
# branches come from `k` before and a drop, or from `k - 1` before and a keep. That is a convolution with `[rate, 1 -
# rate]`.
#
# **Predict:** out of 100 images, how many are trained with all 14 branches?


# %%
def kept_distribution(rates):
    """The probability of 0, 1, 2... kept branches: (branches,) -> (branches + 1,)."""
    distribution = np.ones(1)  # without any branch: 0 kept for certain
    for rate in rates:
        distribution = np.convolve(distribution, [rate, 1 - rate])  # (k,) -> (k + 1,)
    return distribution


distribution = kept_distribution(rates)
assert np.isclose(distribution.sum(), 1) and np.isclose(np.arange(15) @ distribution, expected)
assert np.isclose(distribution[-1], np.prod(1 - rates))

images = 100_000
kept = sample_masks(rates, images, "one per image").sum(axis=0)  # (branches, images) -> (images,)
counted = np.bincount(kept, minlength=15) / images
standard_errors = np.sqrt(distribution * (1 - distribution) / images)
assert np.all(np.abs(counted - distribution) <= 5 * standard_errors + 2 / images)
assert np.isclose(14 * (1 - 0.1 / 2), 13.3) and np.isclose(expected, 10.5)
print(f"all 14 branches: {100 * distribution[-1]:.2f} % exact, {100 * counted[-1]:.2f} % counted")
assert 0.01 < distribution[-1] < 0.02

# %% [markdown]
# Between one and two images in a hundred. Almost every image is trained through a shorter network than the one you
# use.
#
# ## Two branches of a block, two draws
#
# A block has two stochastic depth layers, and each draws for itself.

# %%
print(inspect.getsource(cct.TransformerBlock.call))
block = cct.TransformerBlock(num_heads=2, stochastic_depth=0.5)
ones = np.ones((draws, 1, 1), "float32")
attention_kept = ops.convert_to_numpy(block.drop_attention(ones, training=True)).ravel() > 0
mlp_kept = ops.convert_to_numpy(block.drop_mlp(ones, training=True)).ravel() > 0

both = np.mean(attention_kept & mlp_kept)
print(f"both branches kept: {both:.4f}, expected 0.5 * 0.5 = 0.25")
assert abs(both - 0.25) < 5 * np.sqrt(0.25 * 0.75 / draws)

# %% [markdown]
# Read the source again: the attention branch is added *inside* `norm1`. So in this block a step whose attention is
# dropped is not the identity but `norm1`, which every token passes either way. Only the MLP step becomes the identity.
# That is the authors' block; with a norm inside the branch alone, as in a ViT, both steps would.
#
# **Predict:** are the tokens of an image whose two branches are dropped equal to those that came in?

# %%
some = rng.normal(3, 2, size=(1, 5, 8)).astype("float32")  # (batch, tokens, dim), neither centred nor of variance 1
block(some)  # the first call makes the weights
block.drop_attention.rate = block.drop_mlp.rate = 1 - 1e-6  # as good as always dropped
dropped = ops.convert_to_numpy(block(some, training=True))
assert np.allclose(dropped, block.norm1(some), atol=1e-5) and np.abs(dropped - some).max() > 1

# %% [markdown]
# > **Trap: the same seed in every layer.** The Keras 3 version of the keras.io example gives each layer
# > `SeedGenerator(1337)`. Each generator is its own, but all start alike and step alike, so all layers draw the same
# > numbers.
#
# **Predict:** two branches, each dropped with probability 0.5. How often are both kept now?

# %% tags=["trap"]
first, second = cct.StochasticDepth(0.5, seed=1337), cct.StochasticDepth(0.5, seed=1337)
later = cct.StochasticDepth(0.8, seed=1337)
for _ in range(5):  # steps
    a, b, c = (ops.convert_to_numpy(layer(ones, training=True)).ravel() > 0 for layer in (first, second, later))
    assert np.array_equal(a, b)  # equal rates: the same images, in every step
    assert np.all(a[c])  # a higher rate drops these and more
print(f"both kept: {np.mean(a & b):.3f} instead of 0.25; correlation {np.corrcoef(a, b)[0, 1]:.0f}")
assert abs(np.mean(a & b) - 0.5) < 0.02

# %% [markdown]
# In about half of the images, not a quarter: an image loses both branches of a block or none.
#
# **To catch it:** compare the masks of two layers of equal rate, as above. The mean does not show it. What does this
# do to the distribution?

# %%
same_seed = sample_masks(rates, images, kinds[2]).sum(axis=0)
counted_same = np.bincount(same_seed, minlength=15) / images
panels = {"own draws": (distribution, counted), "same seed in every layer": (distribution, counted_same)}
cct.show(
    pictures.draw_active(panels),
    alt="Share of images by number of kept branches. With own draws the counts lie on the exact distribution "
    "around 10.5. With one seed half of the images keep all 14, and the others 2, 4, 6, 8, 10 or 12, equally often.",
)
print(f"mean {same_seed.mean():.2f}, standard deviation {same_seed.std():.2f} instead of {kept.std():.2f}")
assert abs(same_seed.mean() - expected) < 5 * same_seed.std() / np.sqrt(images)
assert same_seed.std() > 2 * kept.std() and abs(counted_same[-1] - 0.5) < 0.01
assert np.allclose(counted_same[2:14:2], 1 / 12, atol=0.01) and not counted_same[1::2].any()

# %% [markdown]
# The mean is still 10.5, so a check of the expectation does not find it. The spread is more than twice as large: half
# of the images are trained through the full network, as no rate is above 0.5, and the others keep 2, 4, 6, 8, 10 or 12
# branches, each as often as the next. The number is even because the two branches of a block have the same rate. Every
# layer of the package has a generator with a seed of its own.
#
# ## Try it
#
# Each row is a branch, each column an image. On the right is how many branches the images keep: counted in this
# batch, and expected from independent draws. Try "same seed in every layer" at a constant rate.


# %%
def simulate(rate, blocks, schedule, mask, seed):
    of_blocks = np.linspace(0, rate, blocks) if schedule == "linear" else np.full(blocks, rate)
    rates = np.repeat(of_blocks, 2)  # (blocks,) -> (branches,)
    kept = sample_masks(rates, 48, mask, seed)  # (branches, images)
    return pictures.draw_simulator(kept, kept_distribution(rates), f"{schedule} rate {rate:.2f}, mask: {mask}")


controls = dict(rate=(0.0, 0.9, 0.05), blocks=(1, 14), schedule=["linear", "constant"], mask=kinds, seed=(0, 20))
settings = [
    dict(rate=0.5, blocks=7, schedule="linear", mask=kinds[0], seed=0),
    dict(rate=0.5, blocks=7, schedule="linear", mask=kinds[1], seed=0),
    dict(rate=0.5, blocks=7, schedule="constant", mask=kinds[2], seed=0),
]
box = cct.explore(
    simulate,
    settings,
    alt="Three grids of 14 branches by 48 images, each with a chart of how many branches an image keeps. A linear rate "
    "with a mask per image thins out the last rows and follows the expected distribution; one mask per batch drops "
    "whole rows, so all images keep the same number; the same seed in every layer drops whole columns.",
    **controls,
)

# %% [markdown]
# ## Did it help?
#
# Stochastic depth is meant to narrow the gap between training and unseen images. That needs a gap, so you train on
# only 400 digits, without augmentation and without attention dropout: four blocks, eight branches.
#
# Where the two losses are compared, one detail matters: the training loss that you see during training is measured
# *with* drops. So training images are scored once more at the end, in evaluation mode.

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
    """A model with drop rates from 0 to `rate`, and what happened: scores in evaluation mode and the loss curves."""
    keras.utils.set_random_seed(seed)
    model = cct.build_cct(input_shape=(16, 16, 1), normalization=(78, 96), stochastic_depth=rate, **tiny)
    history = cct.fit(model, few, recipe, seed=seed, verbose=False)
    run = {"rate": rate, "seed": seed, "loss": history["loss"], "val_loss": history["val_loss"]}
    for part, images, labels in (("train", few.x_train, few.y_train), ("test", data.x_test, data.y_test)):
        scores = cct.evaluate(model, images, labels)
        run |= {f"{part}_top1": scores["top1"], f"{part}_loss": scores["loss"]}
    return model, run


# %% [markdown]
# Ten epochs of it here, which take seconds, with rates up to 0.5.
#
# **Predict:** you give the trained model the same images twice, with drops on. Will it name the same digits?

# %%
model, run = train(0.5, seed=0, recipe=dataclasses.replace(recipe, epochs=10))
images = few.x_train.astype("float32")
once, again = (ops.convert_to_numpy(model(images, training=True)) for _ in range(2))  # (batch, classes), logits
disagree = np.mean(once.argmax(axis=1) != again.argmax(axis=1))
print(f"two passes with drops name different digits for {100 * disagree:.0f} % of the training images")
print(
    f"without drops: {100 * run['train_top1']:.0f} % right on training images, {100 * run['test_top1']:.0f} % on test"
)

assert 0 < disagree < 0.5 and run["test_top1"] > 0.5
assert np.array_equal(*(ops.convert_to_numpy(model(images, training=False)) for _ in range(2)))

# %% [markdown]
# With drops each pass is a vote of another, shorter network. Without drops the answer is the same to the last bit. So
# a training loss with drops and a validation loss without are not measured on the same network: their difference is
# not the gap that you want to know.
#
# Whether unseen digits profit cannot be read from one run. The record `results/04_with_and_without.json` has three
# seeds of `train(rate, seed)` with the full 20 epochs for the rates 0, 0.1 (the authors' default) and 0.5.

# %%
record = json.loads(Path(root, "notebooks", "results", "04_with_and_without.json").read_text())
by_rate = {rate: [run for run in record["runs"] if run["rate"] == rate] for rate in (0.0, 0.1, 0.5)}
mean, low, high = {}, {}, {}
for rate, runs in by_rate.items():
    tested = [100 * run["test_top1"] for run in runs]
    gap = np.mean([run["test_loss"] - run["train_loss"] for run in runs])
    mean[rate], low[rate], high[rate] = np.mean(tested), min(tested), max(tested)
    print(f"rate up to {rate}: test {mean[rate]:.1f} % ({low[rate]:.1f} to {high[rate]:.1f}), loss gap {gap:.2f} nats")

assert all(run["train_top1"] > 0.99 for run in record["runs"]) and min(map(len, by_rate.values())) == 3
assert max(mean.values()) - min(mean.values()) < 0.5  # points, between rates
assert high[0.0] - low[0.0] > 1.5  # between seeds, without any drops
curves = {rate: [[run[key] for run in runs] for key in ("loss", "val_loss")] for rate, runs in by_rate.items()}
cct.show(
    pictures.draw_training(curves),
    alt="Loss over 20 epochs for the drop rates 0, 0.1 and 0.5, three seeds each. Training loss falls close to "
    "0, validation loss ends in the same range for all three rates.",
)

# %% [markdown]
# Measured: it made no difference that three seeds could show. All models fit more than 99 % of the 400 training
# images. The means on the test images lie less than half a point apart, while without any drops the seeds alone differ
# by more than a point and a half.
#
# That is a result about this setting, not about stochastic depth. Eight branches and 20 epochs give little to
# regularise away; the networks of Huang et al. on CIFAR have 110 and 1202 layers. The lesson is the method: score
# training images in evaluation mode, use several seeds, and compare the effect with the spread between them.

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/04_stochastic_depth.ipynb).

# %% [markdown]
# ### Exercise: Read the drop rate from the outputs
#
# *Warm-up, 5 minutes.* Somebody hands you what went into a stochastic depth layer in training and what came out of
# it, both `(batch, tokens, dim)`, and not its rate. Return the rate, exactly. At least one image was kept, and no
# number of `branch` is 0. How many images were dropped does not tell: that is chance.
#
# `rate_from_outputs(np.array([[[2.0]], [[4.0]]]), np.array([[[0.0]], [[5.0]]]))` gives `0.2`.


# %% tags=["exercise"]
def rate_from_outputs(branch, output):
    return 0.0  # your lines here


cct.check("rate_from_outputs", rate_from_outputs)

# %% [markdown]
# ### Exercise: What the same seed does to the spread
#
# *10 minutes.* The picture of the same-seed trap has the right mean and the wrong spread. Compute it: block `i` drops
# each of its two branches with probability `rates[i]`, an array `(blocks,)`. Return the standard deviation of the
# number of branches that an image keeps. With `shared` False every branch has a draw of its own; with `shared` True
# the two branches of a block have one between them.
#
# `deviation_of_kept(np.array([0.5]), True)` gives `1.0`: the image keeps both or none.


# %% tags=["exercise"]
def deviation_of_kept(rates, shared):
    return 0.0  # your lines here


cct.check("deviation_of_kept", deviation_of_kept)

# %% [markdown]
# ### Exercise: Which layers share a seed?
#
# *15 minutes.* Find the bug of the trap in a running model. `kept` `(layers, batch)` says for every layer which
# images kept their branch, in one batch. Return the pairs of layers `(i, j)` with `i < j` that kept exactly the same
# images, counted from 0, sorted by `i`, then by `j`: `(pairs, 2)` whole numbers.
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
# function on `(n, tokens, dim)`, only for the images where `keep` `(batch,)` is True, divide by `1 - rate`, and
# return zeros for the others, in an array of the shape of `tokens`. The `branch` of the check refuses dropped images.
#
# `skip_dropped(np.square, np.array([[[3.0]], [[8.0]]]), np.array([True, False]), 0.1)` gives `[[[10.0]], [[0.0]]]`.


# %% tags=["exercise"]
def skip_dropped(branch, tokens, keep, rate):
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
#    fewer.
# 2. Correct `one_mask_for_all` and confirm with the batch of equal branches that images now differ.
#
# ## Recap
#
# - Stochastic depth (timm calls it *DropPath*) drops a residual branch whole. Where the branch alone is added to the
#   tokens, the step is then the identity; in the authors' block a dropped attention leaves `norm1`.
# - Kept branches are divided by `keep`. The mean stays the same, and outside training nothing changes.
# - One draw per image averages out over the batch; one draw per batch does not. In the masked form nothing is saved
#   in compute.
# - The rate grows linearly with depth. The number of kept branches has a distribution that you can compute by
#   convolution.
# - Each layer needs draws of its own. With one seed for all, the mean is right and the spread is wrong.
# - **Difference from the papers and the 2021 example:** Huang et al. draw once per layer and mini-batch, multiply by
#   `keep` at test time, and give the first block the rate `rate / L`. The CCT authors' code and this package drop per
#   image and divide in training, both branches of a block at the same rate, drawn independently. The keras.io example
#   drops per image and divides as well; its Keras 3 version seeds each layer with 1337, that of 2021 did not.
# - Links: [Deep Networks with Stochastic Depth](https://arxiv.org/abs/1603.09382), [the CCT
#   paper](https://arxiv.org/abs/2104.05704), [keras.io example](https://keras.io/examples/vision/cct/), [authors'
#   code](https://github.com/SHI-Labs/Compact-Transformers).
#
# Next: [05 Sequence pooling](05_sequence_pooling.ipynb). What replaces the class token?
