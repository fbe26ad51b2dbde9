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
# # 10. Stronger training
#
# *What do the tricks add, and when?*
#
# You will see every augmentation before it is used, build MixUp, CutMix, the moving average of weights and Muon's step
# from array operations, and read in a record of real trainings what each of them adds, alone, together and in time.
#
# 110 minutes to read, 1 minute to run. Builds on [notebook 07](07_training.ipynb) and [notebook
# 09](09_what_matters.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/10_stronger_training.ipynb)

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
import json

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from skimage import data as photos

from cct_helpers import augment, figures
from cct_helpers.plots import nb10_stronger_training as pictures
from cct_helpers.topics.ablation import by_setting

rng = np.random.default_rng(0)

# %% [markdown]
# ## Before you begin
#
# Two questions on [notebook 09](09_what_matters.ipynb):
#
# 1. You compare nine settings with one, on three seeds each. Why is twice the standard error too low a line?
# 2. The best of these settings is trained again, with other seeds, and tested on other images. What happens to its
#    score, most likely?
#
# <details><summary>Answers</summary>
#
# 1. Luck has nine chances. One comparison passes two standard errors by luck about one time in twenty, one of nine far
#    more often. The line has to be where luck passes it in 5 % of whole tables.
# 2. The score of the winner falls. It was chosen for its score, and part of that was luck.
#
# </details>
#
# **Which way through?** The main line goes from *Why more is needed than a model and a loss* to *A moving average of
# the weights*, about 30 minutes, in which you look at the tricks and build them; then a good place for a break; and
# from *All at once, live* to *What to do with your own data*, about 45, in which you see what they add. What stands
# under *For a second reading* can wait: *Mixing a batch*, *Muon* and *Why the average adds so little here* look inside
# three tricks, *Learning from a larger model* adds one more, *The far end* has all images and more time, and *Keras has
# layers with these names* is for the day when you use them. Of the exercises only the one on Muon needs it.

# %% [markdown]
# ## Why more is needed than a model and a loss
#
# *Why:* a model that is trained for long enough on 5,000 images knows them by heart, at the cost of new ones:
# [overfitting](glossary.md). What makes that harder, such as a flip, is called *regularisation*. But a model that sees
# too much variety in too little time has not even learned what it was shown: [underfitting](glossary.md).
#
# The paper's best numbers come from hundreds of epochs with many tricks switched on. Which of them would help *you*,
# with a small model, few images and a CPU? You know `RandomFlip` and `RandomTranslation` before the model, and Adam
# behind it. The tricks of this notebook come in at six places, the last of them after the training:

# %%
alt = """Six boxes in a row, and below each what comes in there. Image: AutoAugment, RandAugment,
random erasing; image and target: MixUp, CutMix; loss: distillation; gradient: Muon;
weights: moving average; answer: mirror image"""
cct.show(pictures.draw_tricks(), alt=alt, colours=64)

# %% [markdown]
# ## See it before you use it
#
# *Why:* an augmentation is a claim: "the class of this picture is still the same". You can check the claim by eye.
# Three of them are new:
#
# - **[AutoAugment](glossary.md)** draws one of 25 pairs of operations that a search found for CIFAR-10
#   ([paper](https://arxiv.org/abs/1805.09501)). Each operation has a probability, so some draws change nothing.
# - **RandAugment** has no search: two operations out of a list, all at one magnitude
#   ([paper](https://arxiv.org/abs/1909.13719)). Here each of the two is left out half of the time, as in timm, the
#   library behind the authors' training.
# - **Random erasing** covers a rectangle, so that no single part may carry the whole class
#   ([paper](https://arxiv.org/abs/1708.04896)).
#
# Look at them at 16 x 16 pixels, the size of the trainings that follow. The first column is the photo, the others are
# six draws of each augmentation. In which row would you have most trouble to see a cat?

# %%
parts = dict(cat=photos.chelsea()[:300, 80:380], astronaut=photos.astronaut()[:256, 96:352])
parts |= dict(rocket=photos.rocket()[:400, 120:520], coffee=photos.coffee()[:400, :400])


def shrink(part, side):
    return np.asarray(Image.fromarray(part).resize((side, side)))  # (side, side, 3)


six = np.stack([shrink(parts["cat"], 16)] * 6)  # (6, 16, 16, 3), all alike
rows = {
    "crop and flip": augment.random_flip(augment.random_crop(six, rng, padding=2), rng),
    "erasing": augment.random_erasing(six, rng, probability=1),
    "AutoAugment": np.stack([augment.auto_augment_cifar10(image, rng) for image in six]),
    "RandAugment": np.stack([augment.rand_augment(image, rng) for image in six]),
}
gallery = {name: np.stack([six[0], *images]) for name, images in rows.items()}
title = "The photo and six draws: some leave the cat as it is, some leave little of it"
alt = """Four rows, each with a cat of 16 x 16 pixels and six draws of it: moved or mirrored;
with a patch of noise; and twice with other colours, contrast or places"""
cct.show(figures.draw_gallery(gallery, title), alt=alt, colours=128)

# %% [markdown]
# Whether the claim holds depends on the classes, too: a frog without its green is harder to tell from a toad. So look
# at your own images.

# %% [markdown]
# ## MixUp and CutMix
#
# *Why:* a model can be sure of every training image and still be wrong on the next one. Mix two images and ask for both
# classes by their shares, and being sure is no longer right. [MixUp](glossary.md) adds the pixels
# ([paper](https://arxiv.org/abs/1710.09412)); [CutMix](glossary.md) pastes a box
# ([paper](https://arxiv.org/abs/1905.04899)).
#
# Two images $x_a, x_b$ (height, width, channels), their one-hot targets $y_a, y_b$ (classes,), a share $\lambda$ drawn
# from 0 to 1, and for CutMix a mask $M$ (height, width, 1), 1 inside the box and 0 outside:
#
# $$\text{MixUp:}\quad x = \lambda\, x_a + (1 - \lambda)\, x_b \qquad\quad \text{CutMix:}\quad x = (1 - M)\, x_a +
# M\, x_b, \quad \lambda = 1 - \text{mean}(M)$$
#
# $$\text{both:}\quad y = \lambda\, y_a + (1 - \lambda)\, y_b, \qquad \lambda \sim \text{Beta}(\alpha, \alpha)$$
#
# With $\alpha = 1$ every share is equally likely; the smaller $\alpha$, the more shares lie near 0 or 1.
#
# **Predict:** on paper, with 2 x 2 pixels. The first image is black (0), the second white (1), the share is 0.75. What
# does each method make of the four pixels, and which target do they get?


# %%
def mix_up(first, second, share):
    return share * first + (1 - share) * second, np.array([share, 1 - share])


def paste_box(first, second, share, centre):
    sides = np.array(first.shape[:2])
    places = np.stack(np.indices(sides), axis=-1)  # (height, width, 2), row and column of each pixel
    half = np.sqrt(1 - share) * sides / 2  # half the sides of a box with 1 - share of the area
    mask = np.all(np.abs(places - centre) < half, axis=-1, keepdims=True)  # (height, width, 1)
    return np.where(mask, second, first), np.array([1 - mask.mean(), mask.mean()])


black, white = np.zeros((2, 2, 1)), np.ones((2, 2, 1))
blended, target_of_blend = mix_up(black, white, 0.75)
pasted, target_of_paste = paste_box(black, white, 0.75, centre=(0, 0))
print("MixUp ", blended[..., 0].tolist(), target_of_blend)
print("CutMix", pasted[..., 0].tolist(), target_of_paste)
assert np.all(blended == 0.25) and np.array_equal(pasted[..., 0], [[1, 0], [0, 0]])
assert target_of_blend.tolist() == target_of_paste.tolist() == [0.75, 0.25]

# %% [markdown]
# <details><summary>Answer</summary>
#
# MixUp makes all four pixels 0.25. CutMix makes one pixel white and leaves three black. The target is 0.75 for the
# first class and 0.25 for the second, both times.
#
# </details>
#
# Try it yourself: two pictures, a share, and the target that the mixture gets. In CutMix move the box over the border,
# and the bars answer.

# %%
photo = {name: shrink(part, 32) for name, part in parts.items()}


def explore_mixing(first, second, method, share, down, right):
    one, other, place = photo[first], photo[second], (down, right)
    mix = dict(MixUp=mix_up(one, other, share), CutMix=paste_box(one, other, share, place))
    mixed, target = mix[method]
    title = f"{method}: share {share:.2f} drawn, {target[0]:.2f} kept"
    return pictures.draw_mix(one, other, mixed.astype("uint8"), target, [first, second], title)


start = dict(first="cat", second="coffee", method="CutMix", share=0.6, down=16, right=16)
more = [start | dict(share=0.3, down=0, right=30), start | dict(method="MixUp", second="rocket")]
controls = dict(first=list(photo), second=list(photo), method=["MixUp", "CutMix"])
controls |= dict(share=(0.0, 1.0, 0.05), down=(0, 31), right=(0, 31))
alt = """Two photos, their mixture and a bar for each class:
a box inside, a box over the corner, and MixUp"""
mixing_box = cct.explore(explore_mixing, [start, *more], alt=alt, **controls)

# %% [markdown]
# ## A box over the border
#
# *Why:* the target has to say what the picture shows. With a box that is clipped at the border, the order of two steps
# decides whether it does.
#
# > **Trap: the share before the box was clipped.** Draw a share, place the box anywhere, clip it at the border, and mix
# > the targets with the share that was drawn.
#
# **Predict:** does that err at random, or to one side?

# %% tags=["trap"]
black_white = np.stack([np.zeros((32, 32, 3)), np.ones((32, 32, 3))])
rng = np.random.default_rng(0)
drawn = rng.random(2000)  # shares from Beta(1, 1)
centres = rng.uniform(0, 31, size=(2000, 2))  # of the boxes
pasted = [paste_box(*black_white, *one) for one in zip(drawn, centres, strict=True)]
kept = np.array([target[0] for _, target in pasted])
missing = kept - drawn  # what the picture has of the first image, and its target has not
print(f"the first target is too small by {missing.mean():.2f} on average, {missing.max():.2f} at most")
assert 0.16 < missing.mean() < 0.18 and missing.max() > 0.4 and missing.min() > -0.08

# %% [markdown]
# <details><summary>Answer</summary>
#
# It errs to one side. A clipped box is smaller, so the second image gets a target for pixels that are not there, about
# a sixth of the whole on average.
#
# </details>
#
# **To catch it:** mix a black image with a white one. The mean of the pixels must be the target.

# %% [markdown]
# ## A moving average of the weights
#
# *Why:* with a high learning rate the weights circle around a good place. Their mean over many steps lies nearer to it
# than most of them. So keep an [exponential moving average](glossary.md), EMA for short, beside the training, and judge
# that. After step $t$, with the weights $w_t$ and their average $\bar w_t$ of the same shape, and a momentum $m$ below
# 1:
#
# $$\bar w_t = m\, \bar w_{t-1} + (1 - m)\, w_t, \qquad \bar w_1 = w_1$$
#
# It costs one more copy of the weights. In Keras it is `use_ema=True`. Here are two weights whose good place is 0. The
# loss is half the squared distance to it, so the gradient is the place itself, plus the noise that batches bring.
#
# **Predict:** two trainings with the same noise, one with the moving average and one without. Do they take the same
# path?


# %%
def train_place(**ema):
    place, noise = keras.Variable(np.array([4.0, -3.0], "float32")), np.random.default_rng(0)
    optimizer, steps = keras.optimizers.SGD(0.3, **ema), []
    for _ in range(400):
        gradient = place.numpy() + noise.normal(size=2)  # with the noise of a batch
        optimizer.apply([gradient.astype("float32")], [place])
        steps.append(place.numpy().copy())
    optimizer.finalize_variable_values([place])  # puts the average, if there is one, in their place
    return np.array(steps), place.numpy()  # (400, 2), (2,)


(without, _), (path, end) = train_place(), train_place(use_ema=True, ema_momentum=0.95)
averages = [path[0]]
for place in path[1:]:
    averages.append(0.95 * averages[-1] + 0.05 * place)
print("largest difference of the two paths:", np.abs(path - without).max())
np.testing.assert_array_equal(path, without)
np.testing.assert_allclose(end, averages[-1], rtol=1e-3, atol=1e-4)

# %% [markdown]
# <details><summary>Answer</summary>
#
# They take the same path. The moving average is only watched: no step reads it. `cct.fit` puts it in place for each
# validation and takes it out again.
#
# </details>
#
# And Keras's average is that of the formula. How much nearer to the good place is it, once the way from the start is
# done?

# %%
weights, average = path[100:], np.array(averages[100:])  # both (300, 2)
alt = """A cloud of places around 0 in blue, and the thick orange line of their average
close to 0"""
cct.show(pictures.draw_average(weights, average), alt=alt, colours=64)
far, near = np.linalg.norm(weights, axis=1), np.linalg.norm(average, axis=1)  # from the good place
nearer = np.mean(near < far)
print(f"distance: weights {far.mean():.2f}, average {near.mean():.2f}; nearer in {nearer:.0%} of steps")
assert near.mean() < 0.5 * far.mean() and nearer > 0.75

# %% [markdown]
# The average is nearer to the good place after more than three steps of four, and less than half as far on average.
#
# > **Trap: an average that remembers the beginning.** A paper with 100,000 steps uses `m = 0.9999`. You copy it to a
# > run of 200 steps.
#
# **Predict:** which share of the average is still the model after its first step?

# %% tags=["trap"]
for m in (0.9, 0.99, 0.999, 0.9999):
    print(f"m = {m:<6}: looks back {1 / (1 - m):>6,.0f} steps; of 200, the first is {m**199:5.1%}")
assert round(0.9999**199, 2) == 0.98 and 0.99 ** (10 * 100) < 1e-4

# %% [markdown]
# <details><summary>Answer</summary>
#
# 98 % of the average is still the model after its first step, which is hardly trained.
#
# </details>
#
# **To catch it:** compare `1 / (1 - m)`, the number of steps the average looks back, with the number of steps in the
# run. With a tenth of them, the start counts for less than one part in ten thousand.

# %% [markdown]
# ## All at once, live
#
# *Why:* you know the tricks one by one. Switch them on together, on the digits, for as long as this notebook may take.
# One is new: the optimizer [Muon](glossary.md), which makes the step of each weight matrix equally large in all
# directions. (*Muon* below builds it. With Keras before 3.13 the course trains by AdamW instead.) Mirroring is off, as
# a mirrored digit is another sign, and so is AutoAugment, which was made for photos of things.
#
# Each model is measured on three kinds of images: its training images as they were shown, the same without any change,
# and test images.
#
# **Predict:** 8 epochs. On which of the three is `all at once` furthest behind?


# %%
def build_small():
    keras.utils.set_random_seed(0)
    shape = dict(input_shape=(16, 16, 1), normalization=(78, 96), dim=64, hidden_channels=32)
    return cct.build_cct(**shape, stochastic_depth=0.0)


digits = cct.load_dataset("digits")
muon_works = tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 13)  # on TensorFlow
plain = dataclasses.replace(cct.RECIPES["quick"], epochs=8)
tricks = dict(erasing=0.25, mixup=0.8, cutmix=1.0, ema=0.9)
tricks |= dict(optimizer="muon", learning_rate=4e-3) if muon_works else {}
recipes = {"plain": plain, "all at once": dataclasses.replace(plain, **tricks)}

# %%
models, scores = {}, {}
for name, recipe in recipes.items():
    model = models[name] = build_small()
    as_shown = cct.fit(model, digits, recipe, verbose=False)["top1"][-1]
    clean = cct.evaluate(model, digits.x_train, digits.y_train)["top1"]
    tested = cct.evaluate(model, digits.x_test, digits.y_test)["top1"]
    scores[name] = as_shown, clean, tested
    print(name, "- training {:.1%} as shown, {:.1%} unchanged; test {:.1%}".format(*scores[name]))
behind = np.subtract(scores["plain"], scores["all at once"])
assert behind[0] > 0.1 and behind[0] > max(behind[1:]) + 0.05
assert min(scores["all at once"][1:]) > scores["all at once"][0] + 0.1

# %% [markdown]
# <details><summary>Answer</summary>
#
# `all at once` is far behind on the images as they were shown, and by much less on unchanged images, from training or
# test. Nothing is broken: the training images were mixed, covered and moved, and "right" there means the larger share
# of a mixture.
#
# </details>
#
# So the training accuracy that `fit` prints is no measure of what a model has learned, once the images are changed. The
# clean measure is one line, `cct.evaluate(model, data.x_train, data.y_train)`.
#
# Which of the two is better on test images? There is one training of each, and another seed may say something else. The
# record of the next section has three seeds of each setting.

# %% [markdown]
# ## What each adds alone
#
# *Why:* you know what each trick is meant to do. Whether it does is a matter of measuring, with the tools of notebook
# 09. The record has CCT-2/3x2 without attention dropout and without stochastic depth, on 5,000 images of CIFAR-10 at 16
# x 16 pixels. Each setting was trained for 20 epochs by `crop_and_flip`, a recipe with AdamW, a cosine, crop and flip,
# in which it changes what is printed here.


# %%
def read(path):
    return json.loads(Path(root, path).read_text(encoding="utf-8"))


record = read("notebooks/results/10_stronger.json")
base, settings = record["recipe"], {run["name"]: run["setting"] for run in record["runs"]}
twenty = [name for name in settings if settings[name].get("epochs", 20) == base["epochs"] == 20]
for name in twenty[:-1]:
    print(f"{name:18} {settings[name] or 'the base as it is'}")

alone = ("auto_augment", "random_erasing", "mixup", "cutmix", "average_of_weights", "muon")
everything = {field: value for name in alone for field, value in settings[name].items()}
assert twenty[-1] == "all_together" and settings["all_together"] == everything
assert len(record["runs"]) == 3 * len(settings) and settings["crop_and_flip"] == {}
assert record["train_images"] == 5000 and "16 x 16 pixels" in record["what"]
assert (base["optimizer"], base["schedule"], base["augment"]) == ("adamw", "cosine", "crop_flip")

# %% [markdown]
# AutoAugment, erasing, MixUp and CutMix come on top of crop and flip. `flip` has no crop, and `crop` no flip.
# `rand_augment` changes two things: it has the crop of timm, which cuts out a part and resizes it. `all_together` is
# everything but RandAugment, at once.
#
# An optimizer is only as good as its rate. So three rates were compared first for AdamW and three for Muon, with one
# seed each:

# %%
rates = by_setting(read("notebooks/results/10_rates.json")["runs"], lambda run: 100 * run["val_top1"])
for name, validation in rates.items():
    print(f"{name:12} {validation[0]:.1f} % of the validation images")
best_rates = [max((run for run in rates if kind in run), key=rates.get) for kind in ("adamw", "muon")]
assert best_rates == ["adamw_0.002", "muon_0.004"] and len(rates) == 6
assert (base["learning_rate"], settings["muon"]["learning_rate"]) == (0.002, 0.004)

# %% [markdown]
# The rate in the middle is the best for both, so the record has it: 0.002 for AdamW, 0.004 for Muon. One seed cannot
# tell it from its neighbours, only that none of them is far better. No rate was compared for longer trainings, or for
# `all_together`.
#
# And the luck? As in [notebook 09](09_what_matters.ipynb), settings are compared on 4,000 validation images, 1,000
# others choose the epoch, and the test images wait. Notebook 09 also found that luck passes three standard errors in 5
# % of whole tables of fourteen comparisons (*Fourteen comparisons, one line*). Here are eleven, so the same line is a
# little on the safe side.


# %%
def each(measure):
    return by_setting(record["runs"], measure)  # name -> (seeds,)


def error_of_difference(scores):  # of two means of three seeds, from the spread of all settings
    own = set(scores) - {"average_of_weights"}  # which are the trainings of crop_and_flip, once more
    return np.sqrt(2 / 3 * np.mean([scores[name].var(ddof=1) for name in own]))


val = each(lambda run: 100 * run["val_top1"])
error = error_of_difference(val)
line = 3 * error
print(f"error of a difference {error:.2f}, line {line:.2f} points")
assert len(twenty) == 12 and round(line, 1) == 1.8

# %% [markdown]
# **Predict:** which settings beat `crop_and_flip`? Where does `all_together` end up? Write it down. The picture has
# `crop_and_flip` in its first row, and the others below it, the best first.

# %%
best_first = sorted(twenty, key=lambda name: val[name].mean(), reverse=True)
short = ["crop_and_flip", *(name for name in best_first if name != "crop_and_flip")]
of_short = np.stack([val[name] for name in short])  # (settings, seeds)
alt = """Twelve settings, crop and flip first, then the best on top. Muon lies right of a grey band
around crop and flip, four lie inside, all others left of it"""
cct.show(pictures.draw_settings(short, of_short, line), alt=alt, colours=64)

# %%
gain = dict(zip(short, of_short.mean(axis=1) - of_short[0].mean(), strict=True))
seconds = {name: np.median(row) for name, row in each("seconds").items()}
for name in short:
    print(f"{name:20} {gain[name]:+.2f} points, {seconds[name]:.0f} s")
within = {name for name in short[1:] if abs(gain[name]) < line}
assert within == {"average_of_weights", "crop", "flip", "random_erasing"}
assert [name for name in short if gain[name] > line] == ["muon"] and gain["muon"] > 5 * error
assert short[-1] == "all_together" and round(gain["muon"] - gain["all_together"]) == 10
points = [0, 3.2, 0.1, -0.1, -0.3, -1.0, -2.5, -3.1, -4.0, -4.1, -5.4, -7.2]
np.testing.assert_allclose([gain[name] for name in short], points, atol=0.051)
assert [round(seconds[name]) for name in short] == [77, 86, 77, 76, 74, 75, 81, 74, 74, 90, 74, 92]

# %% [markdown]
# <details><summary>Answer</summary>
#
# Only Muon beats it, by 3.2 points, five standard errors. `all_together` comes last, ten points below Muon alone, which
# it contains.
#
# </details>
#
# - **Muon** takes about an eighth more time. (Each training had one core of two, and light work ran beside: take all
#   seconds as rough.)
# - **AutoAugment, RandAugment, MixUp and CutMix** all cost points here.
# - **No augmentation** loses four points. The crop alone earns them, and so does the flip alone: at 20 epochs the
#   second of the two adds nothing that can be told.
# - **Random erasing and the moving average** are within luck. "Not beyond the line" does not mean "no difference".

# %% [markdown]
# ## Overfitting or underfitting?
#
# *Why:* the list says what each trick costs or brings. What to do about it depends on the cause. Two measurements tell:
# the accuracy on *unchanged* training images, and where the validation loss is lowest.
#
# **Predict:** which setting knows its own training images best, and which least?


# %%
def curve(name, measurement):  # (seeds, epochs)
    return np.array([run["history"][measurement] for run in record["runs"] if run["name"] == name])


def rise(name):  # of the validation loss, from the best epoch to the last, (seeds,)
    return curve(name, "val_loss")[:, -1] - curve(name, "val_loss").min(axis=1)


known = {name: rows.mean() for name, rows in each(lambda run: 100 * run["train_top1"]).items()}
print("top-1 (%) on          training validation   validation loss: end less lowest, 3 seeds")
for name in short:
    print(f"{name:20} {known[name]:8.1f} {val[name].mean():10.1f}        ", rise(name).round(2))
by_heart = sorted(short, key=known.get)  # from the least to the most
assert (by_heart[0], by_heart[-1]) == ("all_together", "no_augmentation")
assert (round(known["all_together"]), round(known["no_augmentation"])) == (53, 92)
level = [rise(name).max() for name in short if name not in ("no_augmentation", "flip")]
assert max(level) < 0.02 < 0.05 < rise("flip").min() < 0.1 < rise("no_augmentation").min()
turns = {name: curve(name, "val_loss").argmin(axis=1) + 1 for name in ("no_augmentation", "flip")}
assert set(turns["no_augmentation"]) == {7, 8, 10} and set(turns["flip"]) == {12, 13}

# %% [markdown]
# <details><summary>Answer</summary>
#
# `no_augmentation` knows them best, 92 % of them, and `all_together` least, 53 %. Both do worse than `crop_and_flip` on
# other images.
#
# </details>
#
# Without augmentation the validation loss is lowest after 7 to 10 of 20 epochs, and then rises: *over*fitting.
# ([Notebook 15](15_when_it_does_not_learn.ipynb) draws the curve.) With the flip alone it turns after 12 or 13, and
# rises a little. All others were still falling or level when the time was up. `all_together` has not even learnt the
# images that it was shown: *under*fitting, and more regularisation is no cure for it. (The accuracies are those of the
# epoch that was kept, the losses those of the whole training.)

# %% [markdown]
# ## Longer
#
# *Why:* the tricks come from papers with 200 epochs and more. If the models above underfit, time is what they lack.
#
# **Predict:** the plain recipe, the plain recipe with Muon, and everything together, for 20, 40 and 80 epochs. Does the
# gap close? Who is ahead at the end?

# %%
kinds = {"crop and flip": ["crop_and_flip", "longer", "longest"]}
kinds["crop and flip, Muon"] = ["muon", "longer_muon", "longest_muon"]
kinds["everything together"] = ["all_together", "longer_all_together", "longest_all_together"]
lengths = [settings[name].get("epochs", 20) for name in kinds["crop and flip"]]
lines = {kind: np.stack([val[name] for name in names]) for kind, names in kinds.items()}
title = "Validation accuracy with 20, 40 and 80 epochs"
for how in ("longer", "longest"):
    assert settings[f"{how}_all_together"] == everything | settings[how]
    assert settings[f"{how}_muon"] == settings["muon"] | settings[how]
alt = """Accuracy over epochs: crop and flip flattens; with Muon it begins higher and is flat;
everything together starts far below and ends at the top"""
cct.show(pictures.draw_lengths(lengths, lines, title), alt=alt, colours=64)

# %%
means = {kind: row.mean(axis=1) for kind, row in lines.items()}  # (lengths,)
of_plain, of_muon, of_all = means.values()
gaps = of_all - np.stack([of_plain, of_muon])  # (2, lengths)
for kind, row in zip(means, gaps, strict=False):
    print(f"everything together less {kind}: {row.round(1)} ± {error:.1f} points")
for kind in means:
    print(f"a doubling adds {np.diff(means[kind]).round(1)} to {kind}")
assert lengths == [20, 40, 80]
np.testing.assert_allclose(gaps, [[-7.2, -3.8, 0.9], [-10.3, -4.6, 0.6]], atol=0.051)
assert 0 < gaps[:, -1].min() and gaps[:, -1].max() < 2 * error
assert np.diff(gaps).min() > 4 * np.sqrt(2) * error  # the error of a change of the gap: four means
assert np.diff(of_plain)[0] > line > error > np.diff(of_plain)[1] and np.diff(of_all).min() > 5
assert np.diff(of_muon).max() < error and of_plain[1] < of_muon[0] < of_plain[2]

late = curve("longest_all_together", "val_loss")[:, [59, 79]]  # after three quarters, and at the end
assert np.diff(late).max() < 0 and min(rise("longest").min(), rise("longest_muon").min()) > 0.08
long = [round(known[name]) for name in ("longest", "longest_muon", "longest_all_together")]
print(f"with 80 epochs, of their own training images: {long} %")
assert long == [90, 97, 71] and rise("longest_all_together").max() < 0.01

# %% [markdown]
# <details><summary>Answer</summary>
#
# The gap closes, from seven and ten points to none that can be told: everything together ends 0.9 points ahead of crop
# and flip and 0.6 ahead of the same with Muon, each less than two standard errors.
#
# </details>
#
# Muon gets there sooner: with 20 epochs it is level with what the plain recipe has with 40 and 80. Nothing shows that
# it gets further: from there on more epochs add nothing that can be told. From 40 to 80 the plain recipe gains nothing
# that can be told either. The weights that were kept of these two know 90 and 97 % of their own training images, and
# their validation loss has turned up. Those of everything together know 71 %; it gains more than five points at each
# doubling, and its validation loss has not turned.
#
# Who would win with more time the record cannot say. What stands is the *change* of the gap, a difference of
# differences: at both doublings it is more than four standard errors. So the question "do the tricks help?" has no
# answer without a length. **More regularisation asks for more epochs.**

# %% [markdown]
# ## The test images, once
#
# *Why:* eighteen settings were compared on the same validation images, and the best may be best in part by luck. For
# what is chosen there, the test images have waited. Chosen is `longest_all_together`, everything for 80 epochs. Its
# rivals are the two others of that length.
#
# **Predict:** it leads these two by 0.9 and 0.6 points on validation images, which luck may do. What is left of that on
# the 10,000 test images?

# %%
test = each(lambda run: 100 * run["test_top1"])
best = max(val, key=lambda name: val[name].mean())
error_of_test = error_of_difference(test)
rivals = ["crop_and_flip", "longest", "longest_muon"]
leads = np.array([[on[best].mean() - on[rival].mean() for on in (val, test)] for rival in rivals])
for rival, row in zip(rivals, leads, strict=True):
    print("{} less {}: validation {:+.1f}, test {:+.1f} points".format(best, rival, *row))
print(f"error of a difference on test images {error_of_test:.2f}; {best} has {test[best].mean():.1f} %")
assert best == "longest_all_together" and len(settings) == 18
assert (
    leads.round(1).tolist() == [[4.3, 3.9], [0.9, 1.1], [0.6, 1.4]] and round(error_of_test, 1) == 0.5
)
assert round(test[best].mean(), 1) == 61.4
assert np.round(leads[1:, 1] / error_of_test).tolist() == [2, 3]

# %% [markdown]
# <details><summary>Answer</summary>
#
# More than all of it: 1.1 and 1.4 points.
#
# </details>
#
# That is two and three standard errors. So that everything together is ahead at this length is likely, and not certain:
# these are the same three trainings of each, and only new seeds would settle it. A winner is expected to lose a little
# of its lead, as it does against `crop_and_flip`, 3.9 points instead of 4.3. But luck moves a lead by as much, in both
# directions.

# %% [markdown]
# ## Look twice: test-time augmentation
#
# *Why:* a model gives slightly different logits for a picture and its mirror image. Both are opinions about the same
# class. Average the logits and some of the errors cancel. It needs no training, and it doubles the price of every
# prediction. All trainings of the record were tested a second time in this way. (Nothing is chosen any more, so all
# may be read.)
#
# **Predict:** who gains most from it?

# %%
mirrored = each(lambda run: 100 * run["test_with_mirrored"])
second_look = {name: mirrored[name] - test[name] for name in test}  # paired: same model, same images
for name in short:
    print(f"{name:20} {second_look[name].mean():+.2f} points")
other_gains = [row.mean() for name, row in second_look.items() if name != "no_augmentation"]
assert min(points.min() for points in second_look.values()) > 0
assert round(second_look["no_augmentation"].mean(), 1) == 2.9
assert (round(min(other_gains), 1), round(max(other_gains), 1)) == (0.3, 1.6)
assert round(second_look["crop"].mean(), 1) == 1.4 and round(second_look["flip"].mean(), 1) == 1.6
assert mirrored["no_augmentation"].max() < test["crop_and_flip"].min()

# %% [markdown]
# <details><summary>Answer</summary>
#
# The models without augmentation gain most, nearly three points. They still end below every run of `crop_and_flip`,
# even where those look once.
#
# </details>
#
# Is it because they never saw a mirror image? `crop` never did either, and gains 1.4, less than half of that and about
# as much as `flip`. So that cannot be all of it. Every run gains, without a step of training: the other settings 0.3 to
# 1.6 points on average, at all lengths.
#
# > **Trap: a view that the class does not survive.** The mirror image is fine for photos. Here are digits, and the
# > model that you trained on them.
#
# **Predict:** two ways to look twice at a digit: mirrored, and moved by one pixel. Which one is safe?


# %% tags=["trap"]
def accuracy(logits):
    return np.mean(logits.argmax(axis=1) == digits.y_test)


views = {"mirrored": digits.x_test[:, :, ::-1], "moved by 1 pixel": np.roll(digits.x_test, 1, axis=2)}
once = cct.predict(models["plain"], digits.x_test)  # (360, 10)
both = {name: (once + cct.predict(models["plain"], view)) / 2 for name, view in views.items()}
for name, logits in {"as it is": once, **both}.items():
    print(f"{name:17} {accuracy(logits):.1%}")
assert accuracy(both["mirrored"]) < accuracy(once) - 0.05
assert abs(accuracy(both["moved by 1 pixel"]) - accuracy(once)) < 0.03

# %% [markdown]
# <details><summary>Answer</summary>
#
# The shift by a pixel is safe: training had seen such shifts, and the accuracy stays within three points. The mirror
# image costs more than five.
#
# </details>
#
# **To catch it:** use a view at test time only if training could have used it, and measure on validation images.

# %% [markdown]
# ## What to do with your own data
#
# *Why:* a record is of use if it changes what you do. From this one, for small models and few images:
#
# 1. Look at the *validation loss* over the epochs. If it turns up, add augmentation. If it still falls at the end,
#    train longer, or take something away. In doubt, measure training images without augmentation.
# 2. A flip, where the class survives it, a cosine to zero, and Muon first, which saves time. The crop is another
#    matter: in the six epochs of notebook 09's ladder it cost more than two points, and in 20 epochs it adds nothing
#    here to the flip that can be told. Add it when the validation loss turns up, as it does with the flip alone.
# 3. Then lengthen the training and add one hard augmentation at each doubling, as long as it pays. This is a rule of
#    thumb: the record tried all at once, not one by one.
# 4. At the end the mirror image, if twice the time for a prediction is no problem.

# %% [markdown]
# ## For a second reading
#
# Each section stands for itself.
#
# ### Mixing a batch
#
# *Why:* a training mixes whole batches, with no second batch at hand. The package mixes a batch with its own reverse,
# as timm does, and draws one share for the batch. Is each image mixed as in *MixUp and CutMix*? Two photos for MixUp,
# by the share that the target says; for CutMix black and white, where the share of white pixels must be the target of
# white.

# %%
two_photos, two_classes = np.stack([photo["cat"], photo["coffee"]]), np.eye(2, dtype="float32")
for _ in range(200):
    mixed, targets = augment.mixup_cutmix(two_photos, two_classes, rng, mixup_alpha=0.8, cutmix_alpha=0)
    by_hand, target = mix_up(*two_photos, share=float(targets[0, 0]))
    np.testing.assert_allclose(mixed[0], by_hand, atol=1e-3)  # of 255
    np.testing.assert_allclose(targets[0], target, atol=1e-6)
    mixed, targets = augment.mixup_cutmix(black_white, two_classes, rng, mixup_alpha=0, cutmix_alpha=1)
    np.testing.assert_allclose(mixed[0].mean(), targets[0, 1], atol=1e-5)

# %% [markdown]
# Each is, in all of 200 draws.

# %% [markdown]
# ### Muon
#
# *Why:* it is the trick that pays at once, and you want to know what it does. AdamW scales every number of a weight
# matrix on its own. [Muon](glossary.md) looks at the matrix as a whole ([Jordan,
# 2024](https://kellerjordan.github.io/posts/muon/)). A gradient is a sum of directions, each with a size. Where a few
# sizes are large and many small, a step along it moves a few directions far and the rest hardly. Muon's step has the
# same directions, and makes all sizes equal.
#
# On paper: let $G$ have 10 and 1 on its diagonal and 0 elsewhere. A step along $G$ goes ten times as far in the first
# direction as in the second. Muon's step has 1 and 1 there, and goes as far in both.
#
# For any matrix $G$ (rows, columns) the *singular value decomposition* gives directions and sizes: $G = U S V^\top$.
# The $k$ sizes, the *singular values*, stand on the diagonal of $S$ $(k, k)$, the directions in the columns of $U$
# (rows, $k$) and $V$ (columns, $k$). Muon wants $U V^\top$: the same, with all sizes 1.
#
# Does a gradient of *this* model look like that? Take the small CCT for digits and the kernel of its first MLP, before
# the first step.

# %%
model = build_small()
[kernel] = [w for w in model.trainable_variables if w.path.endswith("block_0/linear1/kernel")]
cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
with tf.GradientTape() as tape:
    loss = cross_entropy(digits.y_train[:64], model(digits.x_train[:64]))
gradient = np.asarray(tape.gradient(loss, kernel))  # (dim, hidden)
sizes = np.linalg.svd(gradient, compute_uv=False)  # (64,), from the largest down
print(f"the largest is {sizes[0] / sizes[31]:.0f} times the one in the middle")
assert sizes[0] > 200 * sizes[31]

# %% [markdown]
# It does: the largest of 64 singular values is several hundred times the one in the middle.
#
# To make the sizes equal no decomposition is needed, only products. Newton and Schulz's iteration, five times, with $X$
# of the shape of $G$:
#
# $$X_0 = G / \|G\|, \qquad X_{k+1} = 3.4445\, X_k - 4.7750\, (X_k X_k^\top) X_k + 2.0315\, (X_k X_k^\top)^2 X_k$$


# %%
def newton_schulz(matrix, steps=5):
    found = [matrix / np.linalg.norm(matrix)]  # now no singular value is above 1
    for _ in range(steps):
        x = found[-1]
        square = x @ x.T
        found.append(3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x)
    return found


values = np.stack([np.linalg.svd(x, compute_uv=False) for x in newton_schulz(gradient)])  # (6, 64)
alt = """Singular values: the gradient's fall steeply;
after five steps more than half lie in a band around 1"""
cct.show(pictures.draw_spectrum(values, 0.6, 1.25), alt=alt, colours=64)
inside = np.mean((values[-1] > 0.6) & (values[-1] < 1.25))
print(f"after five steps {inside:.0%} lie between 0.6 and 1.25; before, {np.mean(values[0] > 0.6):.0%}")
assert inside > 0.5 and np.sum(values[0] > 0.6) == 1 and values[0, -1] < 1e-6
if muon_works:
    step = keras.optimizers.Muon().zeropower_via_newtonschulz5(keras.ops.array(gradient), 5)
    np.testing.assert_allclose(np.asarray(step), newton_schulz(gradient)[-1], atol=1e-3)
    print("Keras's step is the same")

# %% [markdown]
# After five steps more than half of the values lie between 0.6 and 1.25, where one did before. They do not arrive at 1:
# the odd numbers 3.4445, -4.7750 and 2.0315 trade that for speed. The smallest would need more steps. (The very last is
# 0 but for rounding, stays 0, and is not drawn.)
#
# Keras has Muon for TensorFlow from 3.13 on, and its step is the same. It takes it along a running mean of gradients,
# for the matrices inside the network; tables, biases and the last layer stay with AdamW.

# %% [markdown]
# ### Why the average adds so little here
#
# *Why:* the average lay much nearer to the good place, and yet it adds next to nothing. This record can show why.
#
# The trainings of `crop_and_flip` and `average_of_weights` are the same trainings, step by step. Only what is validated
# differs. So take differences seed by seed.
#
# **Predict:** in which part of the training does the average help?

# %%
assert np.array_equal(curve("crop_and_flip", "loss"), curve("average_of_weights", "loss"))
lead = 100 * (curve("average_of_weights", "val_top1") - curve("crop_and_flip", "val_top1"))
alt = """Lead of the average on validation, mean of three seeds: one to five points from epoch 5 to 12,
near 0 from epoch 17 on"""
cct.show(pictures.draw_lead(lead), alt=alt, colours=64)
paired = test["average_of_weights"] - test["crop_and_flip"]
paired_error = paired.std(ddof=1) / np.sqrt(3)
print(f"test, seed by seed: {paired.round(2)}, mean {paired.mean():.2f} ± {paired_error:.2f} points")
assert round(lead[:, 4:12].mean()) == 3 and abs(lead[:, -4:].mean()) < 0.5
assert paired.round(1).tolist() == [0.2, 0.4, -0.7] and abs(paired.mean()) < paired_error

# %% [markdown]
# <details><summary>Answer</summary>
#
# The average helps in the middle, while the rate is high: from epoch 5 to 12 it leads by three points on average. At
# the end it is level.
#
# </details>
#
# At the end the cosine has brought the rate to zero, and the weights have come to rest by themselves. On the test
# images nothing is left that can be told: 0.2 and 0.4 points more with two seeds, 0.7 less with the third. So an
# average and a falling rate do much the same work. The average pays when you stop early, or when you do not know when
# you will stop.

# %% [markdown]
# ### Learning from a larger model
#
# *Why:* you have a large model that is good, and need a small one. A label says "3" and nothing else. The larger model
# says "3, and a little like an 8". That is more to learn from. [Distillation](glossary.md) ([Hinton et al.,
# 2015](https://arxiv.org/abs/1503.02531)) trains the small model on both. With the label $y$, the logits $z$ of the
# small model and $z'$ of the large one, all (classes,):
#
# $$L = (1 - a)\; H\big(y, \text{softmax}(z)\big) + a\, T^2\; H\big(\text{softmax}(z' / T), \text{softmax}(z / T)\big)$$
#
# $H(p, q) = -\sum_c p_c \log q_c$ is the cross-entropy of notebook 07, $a$ from 0 to 1 weighs the two, and the
# *temperature* $T$ above 1 makes small probabilities visible. (Dividing logits by $T$ makes the gradient of the second
# part smaller, by about $T^2$ where $T$ is large. The factor makes up for it.)

# %%
logits = np.array([4.0, 2.0, 1.0])  # of three classes
for temperature in (1, 2, 4):
    print(f"T = {temperature}:", np.asarray(keras.ops.softmax(logits / temperature)).round(2))

# %% [markdown]
# A temperature brings the probabilities closer together and keeps their order: all logits are divided by the same
# positive number.
#
# What does it add? A record has CCT-2/3x2 on 5,000 images of CIFAR-10, 16 epochs with flips alone, three seeds: from
# labels, and with the shipped CCT-7/3x1 as its teacher, $a = 0.9$ and $T = 4$. Neither was tuned, and nothing else
# differs: a seed has the same first weights, order and flips both times. The teacher gets 95.84 % of the test images
# right itself.

# %%
lessons = read("notebooks/results/10_distillation.json")["runs"]  # labels, teacher, labels, ...
means = []
for measure in ("test_loss", "train_top1", "test_top5", "test_top1"):
    taught = np.array([run[measure] for run in lessons]).reshape(-1, 2)  # (seeds, labels and teacher)
    print(f"{measure:10} from labels {taught[:, 0].round(3)}, with the teacher {taught[:, 1].round(3)}")
    means.append(taught.mean(axis=0).round(2).tolist())
added = 100 * np.diff(taught).ravel()  # points of test_top1, (seeds,)
error_of_mean = added.std(ddof=1) / np.sqrt(len(added))
print(f"the teacher adds {added.round(1)} points: {added.mean():.1f} ± {error_of_mean:.1f}")
assert means == [[1.48, 1.26], [0.98, 0.93], [0.96, 0.92], [0.61, 0.62]]
assert added.round(1).tolist() == [0.8, 0.7, 1.3] and round(added.mean(), 1) == 0.9
assert round(error_of_mean, 1) == 0.2

# %% [markdown]
# It adds about a point: 0.8, 0.7 and 1.3 with the three seeds, in the mean 0.9 with a standard error of 0.2. Other
# numbers change more. The model gets 93 % of its training images right instead of 98, and its loss on test images falls
# from 1.48 to 1.26. And yet the right class is among its five likeliest less often, in 92 % of the test images instead
# of 96.
#
# Why so little? The teacher has learnt from 47,500 images, and nearly all of these 5,000 are among them. It is probably
# right and sure there, so that its answers tell little that labels do not. That is a guess: a teacher that never saw
# these images was not tried, nor other $a$ and $T$. Distillation costs a prediction of the large model for every
# training image, here for both orientations of each.

# %% [markdown]
# ### The far end
#
# *Why:* the trainings above are small. How far does one get with all the images and more time? Three recipes for
# CCT-2/3x2 on 47,500 CIFAR-10 images of 32 x 32 pixels, and one for a larger model, each trained on a GPU in
# less than ten minutes:

# %%
adamw, muon = read("notebooks/results/cifar10_adamw_muon.json")["runs"]
recipe_a = read("notebooks/results/cifar10_recipe_a.json")["runs"]
card = read("cct_helpers/weights/cct_7_3x1_32_cifar10.json")
short_recipe = recipe_a[0] | {"test_top1": np.mean([run["test_top1"] for run in recipe_a])}
ends = {"short recipe": short_recipe, "AdamW": adamw, "Muon": muon, "CCT-7/3x1": card}
for name, run in ends.items():
    print(f"{name:12} {run['test_top1']:.2%}, {run['epochs']} epochs, {run['seconds']:.0f} s")

assert [round(100 * run["test_top1"], 2) for run in ends.values()] == [88.27, 89.58, 90.68, 95.84]
assert len(recipe_a) == 3 and {run["train_images"] for run in ends.values()} == {47_500}
assert round(adamw["seconds"], -1) == round(muon["seconds"], -1) == 470 and muon["epochs"] > 10 * 20
assert [card["training"][field] for field in ("small_epochs", "small_side", "epochs")] == [140, 24, 300]
assert max(run["seconds"] for run in ends.values()) < 600 and round(test["crop_and_flip"].mean()) == 58
for field in ("optimizer", "learning_rate", "weight_decay"):
    assert adamw["job"][field] != muon["job"][field]

# %% [markdown]
# Read it as a list of what was done, not as a comparison. Between the 58 % of `crop_and_flip` and the 90 % here, the
# images are nearly ten times as many and have four times the pixels; there are ten times the epochs, and AutoAugment,
# Muon and a moving average. None of these can be credited alone.
#
# - **The short recipe** is the authors', with a moving average and 16-bit arithmetic that theirs has not: 88.27 %, the
#   mean of 3 seeds. The authors report 89.17 %, the best of 4 runs, of the best epoch on the test images, with all
#   50,000 images trained on. Each of these three is likely to make their number larger; by how much was not measured.
# - **AdamW against Muon** got equal seconds, 470, not equal epochs, and each has a rate and decay of its own. Muon is a
#   point ahead, with one seed each. The model that Muon trained ships with the course.
# - **CCT-7/3x1** had RandAugment, MixUp, CutMix, Muon and a moving average, and saw images of 24 pixels in nearly half
#   of its schedule. It ships too.
#
# The 2021 example reported 76.45 %, for a model of 0.4 million parameters after 30 epochs with a flip.

# %% [markdown]
# ### Keras has layers with these names
#
# *Why:* you want to use what Keras brings. `keras.layers` has RandAugment, RandomErasing, MixUp and CutMix. The course
# uses plain functions in `cct_helpers/augment.py`, which follow the papers and timm. Do the layers do the same? Count
# how many of 4,000 grey images come out of an erasing layer with a hole, see where RandAugment shifts a bright pixel,
# and compare CutMix's target with the share of the pixels.

# %%
grey = np.full((4000, 16, 16, 3), 128, "uint8")
for factor, wanted in ((0.25, 0.125), ((0.25, 0.25), 0.25)):
    erased = np.asarray(keras.layers.RandomErasing(factor, seed=0)(grey, training=True))
    holes = np.any(erased != grey, axis=(1, 2, 3)).mean()
    print(f"RandomErasing({factor}): {holes:.1%} of the images have a hole")
    assert abs(holes - wanted) < 0.025

marked = np.zeros((400, 33, 33, 1), "float32")
marked[:, 16, 16] = 255  # one bright pixel in the middle
layer = keras.layers.RandAugment(seed=0)  # factor 0.5, the default
moved = np.asarray(layer.random_translation(marked, training=True)).reshape(400, -1)
moves = np.stack(np.unravel_index(moved.argmax(axis=1), (33, 33)), axis=1) - 16  # down, right
print("RandAugment moves down and right by", moves.min(axis=0), "to", moves.max(axis=0), "pixels of 33")
assert moves.min() >= 0 and moves.max() > 10 and layer.random_rotation.factor[1] == 0.5  # of a turn

# %%
small = black_white[:, ::2, ::2].astype("float32")  # (2, 16, 16, 3)
batch = {
    "images": np.tile(small, (32, 1, 1, 1)),
    "labels": np.tile(np.eye(2, dtype="float32"), (32, 1)),
}
out = keras.layers.CutMix(factor=1.0, seed=0)(batch)
white_pixels = np.asarray(out["images"]).mean(axis=(1, 2, 3))  # (64,)
differ = np.abs(white_pixels - np.asarray(out["labels"])[:, 1]).max()
print(f"CutMix: the white pixels and the target of white differ by up to {differ:.2f}")
assert differ > 0.05 and not hasattr(keras.layers, "AutoAugment")

# %% [markdown]
# The layers are not wrong. They do something else, and the papers' numbers do not carry over. With the Keras of this
# page:
#
# | name | paper, timm and this course | the layer in Keras 3 |
# |---|---|---|
# | AutoAugment | 25 pairs from a search | not there |
# | RandAugment | draws per image; shifts both ways, turns to 30° | draws per batch; shifts one way, up to half a turn |
# | RandomErasing | `probability` of 0.25 | a `factor` of 0.25 draws the probability from 0 to 0.25; a pair fixes it |
# | CutMix | share after clipping, from alpha | box at fractions of a pixel; alpha itself drawn, from 0 to `factor` |
# | MixUp | timm: one share a batch | one share an image; both are MixUp |
#
# > **Trap: one draw for a whole batch.** RandAugment in Keras, on a batch of 64 copies of one picture, one operation
# > each. Do all 64 ever come out alike?

# %% tags=["trap"]
copies = np.stack([six[0]] * 64)  # (64, 16, 16, 3)


def different(images):
    return len(np.unique(np.round(np.asarray(images)).reshape(len(copies), -1), axis=0))


layer = keras.layers.RandAugment(num_ops=1, seed=0)
of_layer = [different(layer(copies.astype("float32"), training=True)) for _ in range(30)]
of_course = different([augment.rand_augment(image, rng, num_ops=1) for image in copies])
print(f"Keras, 30 batches: from {min(of_layer)} to {max(of_layer)} different images,", end=" ")
print(f"only one in {of_layer.count(1)} batches; course, one batch: {of_course}")
assert min(of_layer) == 1 and of_course > 15

# %% [markdown]
# Yes, in some batches all 64 come out alike: one operation is drawn for the batch, and some have no strength to draw.
# In others most or all differ, but only in how far they went.
#
# **To catch it:** put copies of one picture through and count the different results, as in notebook 07.
#
# > **Trap: mixing class numbers.** The labels are whole numbers, and the layer wants floats. So they are cast.
#
# **Predict:** a mixture of class 2 and class 8, half and half. Which class is it?

# %% tags=["trap"]
labels = np.array([2, 8, 2, 8], "float32")
layer = keras.layers.MixUp(alpha=0.8, seed=0)
four = np.stack(list(photo.values())).astype("float32")
out = np.asarray(layer({"images": four, "labels": labels})["labels"])
print(f"labels went in as {labels.shape} and came out as {out.shape}:\n{out.round(1)}")
assert out.shape == (4, 4) and np.any((out > 2.5) & (out < 7.5))  # classes of neither

# %% [markdown]
# <details><summary>Answer</summary>
#
# By arithmetic it is class 5, which is in neither picture. The output has several such numbers between 2 and 8.
#
# </details>
#
# Here the shapes go wrong as well, without an error: four shares of the shape (4, 1) times four labels of the shape
# (4,) give (4, 4), every share with every label.
#
# **To catch it:** assert that targets are `(batch, classes)` and that each row adds up to 1.
#
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/10_stronger_training.ipynb).

# %% [markdown]
# ### Exercise: Several views, one answer
#
# *Warm-up, 8 minutes.* A model looked at each image several times: `logits` is `(views, images, classes)`. Logits were
# averaged above; do it the other way. Average the *probabilities* of the views, and return the top-1 accuracy against
# `labels`, `(images,)`, as a number from 0 to 1.
#
# `accuracy_of_views(np.array([[[9.0, 0.0]], [[0.0, 2.0]], [[0.0, 2.0]]]), np.array([1]))` gives `1.0`: the means are
# 0.413 and 0.587. The mean logits, 3 and 1.33, would say class 0.


# %% tags=["exercise"]
def accuracy_of_views(logits, labels):
    return 0.0  # your lines here


cct.check("accuracy_of_views", accuracy_of_views)

# %% [markdown]
# ### Exercise: What an average remembers
#
# *10 minutes.* A moving average with `momentum` starts as the weights after the first step. After `steps` steps it is a
# sum of all weights so far, each with a share. Return the shares, the first step first: `(steps,)`, with the sum 1.
#
# `step_shares(2, 0.75)` gives `[0.75, 0.25]`.


# %% tags=["exercise"]
def step_shares(steps, momentum):
    return np.zeros(steps)  # your lines here


cct.check("step_shares", step_shares)

# %% [markdown]
# ### Exercise: What Muon does to a matrix, without the matrix
#
# *15 minutes.* It needs the section *Muon* of the second reading. Newton and Schulz's iteration, `a x + b (x xᵀ) x + c
# (x xᵀ)² x` with a = 3.4445, b = -4.7750 and c = 2.0315, leaves the singular vectors of `x` as they are. So what it
# does to the singular values can be computed from these alone. Return the singular values of `matrix` after it was
# divided by its norm and `steps` steps were taken, as positive numbers, the largest first: `(min(rows, columns),)`.
# Leave `newton_schulz` out of it, and compare with it afterwards.
#
# `singular_values_after(np.diag([3.0, 4.0]), 1).round(3)` gives `[1.193, 0.976]`: 0.6 becomes the larger one.


# %% tags=["exercise"]
def singular_values_after(matrix, steps):
    return np.zeros(min(matrix.shape))  # your lines here


cct.check("singular_values_after", singular_values_after)

# %% [markdown]
# ### Exercise: CutMix
#
# *20 minutes.* Paste the pixels of `other` into `image`, both `(height, width, channels)`, inside `box = (top, left,
# height, width)`. The box may reach over the edges on any side; `top` and `left` may be negative. Return the picture
# and its target: `target` and `other_target`, both `(classes,)`, by the share of the pixels that each image has in
# the end. Leave the inputs as they were.
#
# `cut_mix(np.zeros((2, 2, 1)), np.ones((2, 2, 1)), np.array([1.0, 0.0]), np.array([0.0, 1.0]), (-1, 0, 2, 1))[1]`
# gives `[0.75, 0.25]`: one pixel of four is pasted.


# %% tags=["exercise"]
def cut_mix(image, other, target, other_target, box):
    return np.zeros(image.shape), np.zeros(target.shape)  # your lines here


cct.check("cut_mix", cut_mix)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(10)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. The live comparison with 40 epochs instead of 8. Does everything at once catch up on the digits?
# 2. A recipe that mixes only in the first half, `mixup_off_epoch`, as the authors do. Does the training accuracy tell?
#
# ## Recap
#
# | trick | changes | 20 epochs: points, seconds | what the record says |
# |---|---|---|---|
# | crop and flip | images | base, 77 s | 4 points over none; each alone does as well, within luck |
# | AutoAugment | images | -2.5, 81 s | costs in a short run |
# | RandAugment | images | -4.1, 90 s | costs in a short run, with its own crop |
# | random erasing | images | -1.0, 75 s | cannot be told |
# | MixUp | images and targets, (batch,) to (batch, classes) | -3.1, 74 s | costs in a short run |
# | CutMix | the same | -5.4, 74 s | costs in a short run |
# | moving average | weights that are judged | +0.1, 77 s | leads in the middle only |
# | Muon | the step | +3.2, 86 s | pays at once; with 40 and 80 epochs its lead is within luck |
# | all of them | | -7.2, 92 s | 40 epochs: -3.8; 80 epochs: +0.9, likely ahead |
# | mirror image | the answer | | +0.3 to +2.9 on test images, all lengths; twice the time to predict |
# | distillation | targets, from a larger model | | +0.9 on test images, 16 epochs, against labels alone |
#
# (Points of validation accuracy against crop and flip, the mean of three seeds; the line is at 1.8. Seconds are the
# median of three runs on one core each, with light work beside.)
#
# - Look at an augmentation before you use it, and measure it before you trust its name.
# - A mixture's target is the share of the pixels, counted after clipping, in one-hot rows.
# - The memory of a moving average must fit the run.
# - In short training a small model underfits when every trick is on. Over 20, 40 and 80 epochs the gap to the plain
#   recipe closes, with Muon and without. At 80 everything together is ahead, within luck on validation images, by two
#   and three standard errors on test images: likely, not certain.
# - Muon gets there sooner. That it gets further cannot be told.
# - The validation loss tells on which side you are; a training accuracy on changed images does not.
# - A second look, at the mirror image, adds to every setting here. Use it where the class survives it.
# - From the second reading: a moving average helps while the rate is high, and a cosine to zero does much the same
#   work. Keras has no AutoAugment, and its RandAugment, RandomErasing and CutMix differ from the papers'.
#
# **Difference from the paper:** it trains for 200 epochs and more on all 50,000 images at full size; the authors' code
# uses AutoAugment, or RandAugment, MixUp and CutMix. Here it is 5,000 images at half the side and 20 to 80 epochs, with
# three seeds and their spread. The paper uses neither Muon nor the mirror image.
#
# **Difference from the [Keras example](https://keras.io/examples/vision/cct/):** it uses a flip only (its crop cuts
# nothing, as in notebook 07), and suggests AutoAugment, MixUp and CutMix as next steps; this notebook takes them.
#
# Links: [paper](https://arxiv.org/abs/2104.05704), [MixUp](https://arxiv.org/abs/1710.09412),
# [CutMix](https://arxiv.org/abs/1905.04899), [AutoAugment](https://arxiv.org/abs/1805.09501),
# [RandAugment](https://arxiv.org/abs/1909.13719), [random erasing](https://arxiv.org/abs/1708.04896),
# [averages of weights](https://arxiv.org/abs/2411.18704), [distillation](https://arxiv.org/abs/1503.02531),
# [Muon](https://kellerjordan.github.io/posts/muon/) and [Muon at scale](https://arxiv.org/abs/2502.16982).
#
# Next: [11 Your own images](11_your_own_images.ipynb). Does it work on my data?
