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
# 30 minutes to read, 1 minute to run. Builds on [notebook 07](07_training.ipynb) and
# [notebook 09](09_what_matters.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/10_stronger_training.ipynb)

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
import json

import keras
import numpy as np
from PIL import Image
from skimage import data as photos
from sklearn.datasets import load_sample_image

from cct_helpers import augment, figures
from cct_helpers.plots import nb10_stronger_training as pictures
from cct_helpers.topics.ablation import table

rng = np.random.default_rng(0)

# %% [markdown]
# ## Fourteen ways to train one model
#
# *Why:* the paper's best numbers come from hundreds of epochs with a dozen tricks switched on. Which of them would help
# *you*, with a small model, few images and a CPU? Here is what was tried. The model is CCT-2/3x2, the same throughout;
# only its training changes. The record is read further down.


# %%
def read(path):
    return json.loads(Path(root, path).read_text(encoding="utf-8"))


record = read("notebooks/results/10_stronger.json")
settings = {run["name"]: run["setting"] for run in record["runs"]}
base = record["recipe"]
print(f"base: {base['epochs']} epochs, {base['optimizer']}, {base['augment']}, rate {base['learning_rate']}, cosine")
for name, change in settings.items():
    print(f"{name:20} {change}")
assert settings["crop_and_flip"] == {} and len(settings) >= 12

# %% [markdown]
# `ema` is the momentum of a moving average of the weights. `all_together` switches on everything at once.
#
# **Predict:** 5,000 training images, 20 epochs. Which settings beat `crop_and_flip`? Where does `all_together` end up?
# Write it down.
#
# ## See it before you use it
#
# *Why:* an augmentation is a claim: "the class of this picture is still the same". You can check the claim by eye.
# **Predict:** which of the five rows will be hardest to recognise at 16 x 16 pixels?

# %%
parts = [photos.astronaut()[:256, 96:352], photos.chelsea()[:300, 80:380], photos.coffee()[:400, 100:500]]
parts.append(load_sample_image("flower.jpg")[:420, 150:570])
photo = np.stack([np.asarray(Image.fromarray(part).resize((32, 32))) for part in parts])  # (4, 32, 32, 3)
names = ["astronaut", "cat", "coffee", "flower"]


def each(operation):
    return np.stack([operation(image, rng) for image in photo])


rows = {
    "original": photo,
    "crop and flip": augment.random_flip(augment.random_crop(photo, rng), rng),
    "AutoAugment": each(augment.auto_augment_cifar10),
    "RandAugment": each(augment.rand_augment),
    "erasing": augment.random_erasing(photo, rng, probability=1),
}
assert all(images.shape == photo.shape and images.dtype == np.uint8 for images in rows.values())
cct.show(figures.draw_gallery(rows), alt="Four photos as they are, and below the same after each augmentation")

# %% [markdown]
# - **AutoAugment** draws one of 25 pairs of operations that a search found for CIFAR-10
#   ([paper](https://arxiv.org/abs/1805.09501)).
# - **RandAugment** has no search: two operations out of a list, all at one magnitude
#   ([paper](https://arxiv.org/abs/1909.13719)).
# - **Random erasing** covers a rectangle, so that no single part may carry the whole class
#   ([paper](https://arxiv.org/abs/1708.04896)).
#
# Turn up the strength of one operation and watch where a class gets lost.

# %%
operations = sorted({*augment.POINTWISE, *augment.ENHANCERS, *augment.AFFINE, "Rotate"})


def explore_strength(operation, strength, seed):
    rng = np.random.default_rng(seed)
    changed = np.stack([augment.apply_operation(operation, image, strength, rng) for image in photo])
    return figures.draw_gallery({"original": photo, operation: changed}, f"{operation}, strength {strength:.2f}")


starts = [dict(operation=name, strength=0.9, seed=0) for name in ("Rotate", "Solarize", "Color")]
controls = dict(operation=operations, strength=(0.0, 1.0, 0.05), seed=(0, 20))
strength_box = cct.explore(
    explore_strength, starts, alt="Four photos above, the same turned, solarised, with other colours", **controls
)

# %% [markdown]
# ## Keras has layers with these names. Do they do the same?
#
# *Why:* `keras.layers` has RandAugment, RandomErasing, MixUp and CutMix. A name is a promise that you can measure. The
# course uses plain functions in `cct_helpers/augment.py`, which follow the papers and timm, the library behind the
# authors' training. Below, both are put side by side.
#
# **Predict:** which of the names in this list does Keras have? What does `factor=0.25` mean for random erasing?

# %%
wanted = ["AutoAugment", "RandAugment", "RandomErasing", "MixUp", "CutMix"]
print("Keras has", *[name for name in wanted if hasattr(keras.layers, name)])

grey = np.full((4000, 16, 16, 3), 128, "uint8")
erased = [keras.layers.RandomErasing(factor, seed=0)(grey, training=True) for factor in (0.25, (0.25, 0.25))]
erased.append(augment.random_erasing(grey, rng, 0.25))
once, twice, course = (np.any(np.asarray(images) != grey, axis=(1, 2, 3)).mean() for images in erased)
print(f"erased: Keras, factor=0.25 {once:.1%}; factor=(0.25, 0.25) {twice:.1%}; course, 0.25 {course:.1%}")
assert "AutoAugment" not in dir(keras.layers)
assert abs(once - 0.125) < 0.025 and max(abs(twice - 0.25), abs(course - 0.25)) < 0.025

# %% [markdown]
# AutoAugment is not there. And a single `factor` of 0.25 erases an eighth of the images: Keras draws the *probability*
# between 0 and 0.25. Give it twice and you have what the paper means.
#
# > **Trap: one draw for a whole batch.** RandAugment in Keras, on a batch of 64 copies of one picture.
#
# **Predict:** 64 copies, one operation each. In how many batches do all 64 come out alike?

# %% tags=["trap"]
copies = np.repeat(photo[:1, ::2, ::2], 64, axis=0).astype("float32")  # (64, 16, 16, 3)


def different(images):
    return len(np.unique(np.round(images).reshape(len(images), -1), axis=0))


layer = keras.layers.RandAugment(num_ops=1, seed=0)
of_keras = [different(np.asarray(layer(copies, training=True))) for _ in range(30)]
in_course = [
    different(np.stack([augment.rand_augment(image, rng, num_ops=1) for image in copies.astype("uint8")]))
    for _ in range(5)
]
print("Keras:", sorted(of_keras), "\ncourse:", sorted(in_course))
assert min(of_keras) == 1 and min(in_course) > 15

# %% [markdown]
# In some batches all 64 are alike: one operation is drawn for the batch, and some operations have no strength to draw.
# In others all differ, but only in how far they went. The course draws for each image.
#
# **To catch it:** put copies of one picture through and count the different results, as in notebook 07.
#
# There is more. A picture with one bright pixel shows where a shift takes it. **Predict:** up, down, left and right?

# %%
marked = np.zeros((400, 33, 33, 1), "float32")
marked[:, 16, 16] = 255
inside = keras.layers.RandAugment(seed=0)  # factor 0.5, the default
moved = np.asarray(inside.random_translation(marked, training=True))
moves = np.array([np.unravel_index(image.argmax(), (33, 33)) for image in moved]) - 16  # (400, 2), down and right
print("Keras moves by", moves.min(axis=0), "to", moves.max(axis=0), "pixels of 33 (down, right)")
print("Keras turns by a share of a full turn out of", tuple(inside.random_rotation.factor))
assert moves.min() >= 0 and moves.max() > 10 and inside.random_rotation.factor[1] == 0.5

# %% [markdown]
# Only down and to the right, never back. And a turn may go up to half a circle, where the paper stops at 30 degrees.
# The layers are not wrong: they do something else, and the paper's numbers do not carry over.
#
# ## MixUp and CutMix
#
# *Why:* a model can be sure of every training image and still be wrong on the next one. Mix two images and ask for both
# classes by their shares, and being sure is no longer right. MixUp adds the pixels
# ([paper](https://arxiv.org/abs/1710.09412)); CutMix pastes a box ([paper](https://arxiv.org/abs/1905.04899)).


# %%
def mix_up(first, second, share):
    target = np.array([share, 1 - share])
    return share * first + (1 - share) * second, target


def paste_box(first, second, share, centre=(16, 16)):
    height, width = first.shape[:2]
    sides = [round(side * np.sqrt(1 - share)) for side in (height, width)]  # the box has 1 - share of the area
    top, left = (middle - side // 2 for middle, side in zip(centre, sides, strict=True))
    inside = np.zeros((height, width, 1), bool)
    inside[max(top, 0) : top + sides[0], max(left, 0) : left + sides[1]] = True  # clipped at the border
    kept = 1 - inside.mean()
    return np.where(inside, second, first), np.array([kept, 1 - kept])


# %% [markdown]
# The package mixes a batch with its own reverse, as timm does. Is it the same? MixUp's share can be read off the
# target; with it, the formula must give the same pixels. In CutMix count the pixels.

# %%
one_hot = np.eye(4, dtype="float32")  # each photo is a class of its own, and the last is the first one's partner
mixed, targets = augment.mixup_cutmix(photo, one_hot, rng, mixup_alpha=0.8, cutmix_alpha=0)
by_hand, target = mix_up(photo[0], photo[3], share=float(targets[0, 0]))
np.testing.assert_allclose(mixed[0], by_hand, atol=0.01)
np.testing.assert_allclose(targets[0, [0, 3]], target, atol=1e-6)

black_white = np.stack([np.zeros((32, 32, 3)), np.ones((32, 32, 3))])
for _ in range(200):
    pasted, targets = augment.mixup_cutmix(black_white, one_hot[:2, :2], rng, mixup_alpha=0, cutmix_alpha=1)
    np.testing.assert_allclose(pasted[0].mean(), targets[0, 1], atol=1e-5)  # share of white pixels = share of class 1

# %% [markdown]
# > **Trap: the share before the box was clipped.** Draw a share, cut the box, clip it at the border, and mix the
# > targets with the share that was drawn.
#
# **Predict:** does that err at random, or to one side?

# %% tags=["trap"]
drawn = rng.random(2000)  # Beta(1, 1)
centres = rng.integers(0, 32, size=(2000, 2))
kept = [paste_box(photo[0], photo[1], share, centre)[1][0] for share, centre in zip(drawn, centres, strict=True)]
error = np.array(kept) - drawn
print(f"the target takes {error.mean():.2f} too much from the first image on average, {error.max():.2f} at most")
print(f"it takes over 0.05 too much in {np.mean(error > 0.05):.0%} of the cases, too little never")
assert error.mean() > 0.1 and error.max() > 0.4 and np.mean(error < -0.05) == 0

# %% [markdown]
# To one side. A clipped box is smaller, so the second image gets a target for pixels that are not there.
#
# **To catch it:** mix a black image with a white one. The mean of the pixels must be the target.
#
# Does Keras pass this test? Its CutMix places boxes inside the image, at fractions of a pixel. Its `factor` is not
# alpha: alpha itself is drawn, between 0 and `factor`, once a batch.

# %%
stripes = np.repeat(np.eye(64, dtype="float32")[:, None, None], 256, axis=1).reshape(64, 16, 16, 64)  # own channel
layer = keras.layers.CutMix(factor=1.0, seed=0)
batches = [layer({"images": stripes, "labels": np.eye(64, dtype="float32")}) for _ in range(20)]
pixels = np.concatenate([np.asarray(batch["images"]).mean(axis=(1, 2)) for batch in batches])
asked = np.concatenate([np.asarray(batch["labels"]) for batch in batches])  # (1280, 64)
gap = np.abs(pixels - asked).max(axis=1)
own = asked[np.arange(1280), np.tile(np.arange(64), 20)]
print(f"16 x 16 pixels: target and pixels differ by {gap.mean():.2f} on average, {gap.max():.2f} at most")
assert 0.01 < gap.mean() < 0.05 and gap.max() > 0.08
hardly = np.mean((own < 0.05) | (own > 0.95))  # a share drawn evenly from 0 to 1, alpha 1, is there in 10 % of cases
print(f"hardly mixed: {hardly:.0%} with factor 1 in Keras, 10 % with the paper's alpha of 1")
assert hardly > 0.2

# %% [markdown]
# On small images the rounding shows, a few hundredths of a target. The larger difference is the distribution: with
# Keras's default many images are hardly mixed at all. Alpha decides that: the smaller it is, the more
# shares lie near 0 or 1. MixUp in Keras draws a share for each image, timm and this course one for a batch. Both are
# MixUp.
#
# > **Trap: mixing class numbers.** The labels are whole numbers, and the layer wants floats. So they are cast.
#
# **Predict:** a mixture of class 2 and class 8, half and half. Which class is it?

# %% tags=["trap"]
labels = np.array([2, 8, 2, 8], "float32")
out = keras.layers.MixUp(alpha=0.8, seed=0)({"images": photo.astype("float32"), "labels": labels})["labels"]
print("labels went in as", labels.shape, "and came out as", np.shape(out), "\n", np.asarray(out).round(1))
assert 0.5 * 2 + 0.5 * 8 == 5 and np.shape(out) == (4, 4)

# %% [markdown]
# By arithmetic it is class 5, which is in neither picture. Here the shapes go wrong as well, without an error: each
# share meets each label.
#
# **To catch it:** assert that targets are `(batch, classes)` and that each row adds up to 1.
#
# ## Try it: the mixing explorer
#
# Two pictures, a share, and the target that the mixture gets. In CutMix move the box over the border: the bars answer.

# %%


def explore_mixing(first, second, method, share, down, right):
    if first == second:
        raise ValueError("That mixes a picture with itself, which gives the same picture: choose two.")
    one, other = (photo[names.index(name)] for name in (first, second))
    mixed, target = mix_up(one, other, share) if method == "MixUp" else paste_box(one, other, share, (down, right))
    title = f"{method}, share {share:.2f} drawn, {target[0]:.2f} kept"
    return pictures.draw_mix(one, other, mixed.astype("uint8"), target, [first, second], title)


start = dict(first="cat", second="coffee", method="CutMix", share=0.6, down=16, right=16)
corner = {**start, "share": 0.3, "down": 0, "right": 30}
starts = [start, corner, {**start, "method": "MixUp", "first": "astronaut", "second": "flower"}]
controls = dict(first=names, second=names, method=["MixUp", "CutMix"], share=(0.0, 1.0, 0.05))
controls |= dict(down=(0, 31), right=(0, 31))
mixing_box = cct.explore(
    explore_mixing, starts, alt="Two photos, their mixture and a bar for each class, by CutMix and by MixUp", **controls
)

# %% [markdown]
# ## A moving average of the weights
#
# *Why:* with a high learning rate the weights circle around a good place. Their mean over many steps lies nearer to it
# than most of them. Keep a running mean beside the training, `average = m * average + (1 - m) * weights` after every
# step, and judge that. It costs one more copy of the weights. Keras's optimizers have it: `use_ema=True`.
#
# **Predict:** does the moving average change the training itself?

# %%
weights = keras.Variable(np.array([4.0, -3.0], "float32"))
optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.95)
optimizer.build([weights])
far_from_0 = []
for step in range(300):
    gradient = weights.numpy() + rng.normal(size=2)  # noisy, of half the squared distance to 0
    optimizer.apply([gradient.astype("float32")], [weights])
    now = weights.numpy().copy()
    by_hand = now if step == 0 else 0.95 * by_hand + 0.05 * now  # it starts as the weights after the first step
    far_from_0.append([np.linalg.norm(now), np.linalg.norm(by_hand)])
optimizer.finalize_variable_values([weights])  # puts the average in the place of the weights
print("weights", now.round(3), "their moving average", weights.numpy().round(3))
np.testing.assert_allclose(weights.numpy(), by_hand, rtol=1e-3, atol=1e-5)
of_weights, of_average = np.mean(far_from_0[100:], axis=0)
print(f"mean distance to the good place after 100 steps: weights {of_weights:.2f}, average {of_average:.2f}")
assert of_average < 0.8 * of_weights

# %% [markdown]
# Ours and Keras's agree, and the average is nearer to the good place, 0, than the weights. It is only watched: no step
# of the training reads it. `cct.fit` puts it in place for each validation and takes it out again.
#
# > **Trap: an average that remembers the beginning.** A paper with 100,000 steps uses `m = 0.9999`. You copy it to a
# > run of 200 steps.
#
# **Predict:** which share of the average is still the untrained model?

# %% tags=["trap"]
for momentum in (0.9, 0.99, 0.999, 0.9999):
    back = f"{1 / (1 - momentum):,.0f}"
    print(f"m = {momentum:<6}: looks back {back:>6} steps; {momentum**200:5.1%} of it is the start after 200 steps")
assert 0.999**200 > 0.8 and 0.9999**200 > 0.97 and 0.99**200 < 0.15

# %% [markdown]
# Nearly all of it. **To catch it:** compare `1 / (1 - m)`, the number of steps the average looks back, with the number
# of steps in the run. A tenth or less is safe. The record uses 0.99 and more than 1,500 steps.
#
# ## Muon
#
# *Why:* AdamW scales every number of a weight matrix on its own. Muon looks at the matrix as a whole. A gradient often
# has a few large singular values and many small ones; a step along it moves a few directions far and the rest hardly.
# Muon keeps the directions and makes all singular values about 1 ([Muon](https://kellerjordan.github.io/posts/muon/)).
# No decomposition is needed, only products: Newton and Schulz's iteration, five times.


# %%
def newton_schulz(matrix, steps=5):
    found = [matrix / np.linalg.norm(matrix)]  # now no singular value is above 1
    for _ in range(steps):
        x = found[-1]
        square = x @ x.T
        found.append(3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x)
    return found


matrix = rng.normal(size=(8, 8)) * np.geomspace(1, 0.1, 8)  # columns of very different size
steps = newton_schulz(matrix)
values = np.stack([np.linalg.svd(x, compute_uv=False) for x in steps])  # (6, 8)
print(f"singular values from {values[0].min():.3f} and {values[0].max():.3f} to", values[-1].round(2))
assert values[0].max() / values[0].min() > 10

# %%
figure = pictures.draw_singular_values(values, 0.6, 1.25)
assert np.all((values[-1] > 0.6) & (values[-1] < 1.25))
cct.show(figure, alt="Eight singular values over five steps: far apart at the start, in a band around 1 at the end")

# %% [markdown]
# They do not arrive at 1; the odd numbers 3.4445, -4.7750 and 2.0315 trade that for speed. Muon itself is this step on
# a running mean of gradients, for the matrices inside the network; tables, biases and the last layer stay with AdamW.
#
# Keras has Muon that works on TensorFlow from 3.13 on. With older versions the course trains by AdamW.

# %%
muon_works = tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 13)
if muon_works:
    of_keras = keras.optimizers.Muon().zeropower_via_newtonschulz5(keras.ops.array(matrix, "float32"), 5)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(of_keras), steps[-1], atol=1e-3)
    print("Keras's step is the same")
else:
    print(f"Keras {keras.__version__}: no Muon here, the training below uses AdamW")

# %% [markdown]
# ## All at once, live
#
# *Why:* you have now seen every part. Switch them all on, on the digits, for as long as this notebook may take.
# Mirroring is off, as a mirrored digit is another sign, and so is AutoAugment, which was made for photos of things.
#
# **Predict:** 8 epochs. Which of the two is better on its own training images? Which on test images?

# %%
digits = cct.load_dataset("digits")
plain = dataclasses.replace(cct.RECIPES["quick"], epochs=8)
extra = dict(erasing=0.25, mixup=0.8, cutmix=1.0, ema=0.9)
extra |= dict(optimizer="muon", learning_rate=4e-3) if muon_works else {}
recipes = {"plain": plain, "all at once": dataclasses.replace(plain, **extra)}
models, scores = {}, {}
for name, recipe in recipes.items():
    keras.utils.set_random_seed(0)
    models[name] = cct.build_cct(
        input_shape=(16, 16, 1), normalization=(78, 96), dim=64, hidden_channels=32, stochastic_depth=0.0
    )
    history = cct.fit(models[name], digits, recipe, verbose=False)
    scores[name] = history["top1"][-1], cct.evaluate(models[name], digits.x_test, digits.y_test)["top1"]
    print(f"{name:12} last epoch of training {scores[name][0]:.1%}, test {scores[name][1]:.1%}")
assert scores["all at once"][0] < scores["plain"][0] - 0.1
assert scores["all at once"][1] > scores["all at once"][0] + 0.1

# %% [markdown]
# With everything on, the training accuracy is far lower, and lower than the test accuracy. Nothing is broken: training
# images are mixed, covered and moved, and "right" there means the larger share of a mixture. Test images are clean.
#
# Which of the two is better on test images, one seed on 360 images cannot tell. The record can.
#
# ## Look twice: test-time augmentation
#
# *Why:* a model gives slightly different logits for a picture and its mirror image. Both are opinions about the same
# class. Average the logits and some of the errors cancel. It costs a second prediction and no training.
#
# > **Trap: a view that the class does not survive.** The mirror image is free for photos. Here are digits.
#
# **Predict:** two ways to look twice at a digit: mirrored, and moved by one pixel. Which one is safe?


# %% tags=["trap"]
def accuracy(logits):
    return np.mean(logits.argmax(axis=1) == digits.y_test)


images = digits.x_test
views = {"mirrored": images[:, :, ::-1], "moved by 1 pixel": np.roll(images, 1, axis=2)}
once = cct.predict(models["plain"], images)
both = {name: (once + cct.predict(models["plain"], view)) / 2 for name, view in views.items()}  # (360, 10)
print(f"as it is {accuracy(once):.1%};", "; ".join(f"and {name} {accuracy(both[name]):.1%}" for name in views))
assert accuracy(both["mirrored"]) < accuracy(once) - 0.05
assert abs(accuracy(both["moved by 1 pixel"]) - accuracy(once)) < 0.03

# %% [markdown]
# The mirror image harms. A shift by a pixel, which training had seen, does not.
#
# **To catch it:** use a view at test time only if training could have used it, and measure on validation images.
#
# ## What each adds alone
#
# Now the record. The images are CIFAR-10 at 16 x 16 pixels.

# %%
print(f"{record['what']}; {record['train_images']:,} training images, {record['test_images']:,} test images")
print(f"{len(record['runs'])} runs, {record['machine']}\n{record['note']}")


def percent(measure):
    return dict(zip(*table(record["runs"], lambda run: 100 * measure(run)), strict=True))  # name -> (seeds,)


test = percent(lambda run: run["test_top1"])
mirrored = percent(lambda run: run["test_with_mirrored"])
training = percent(lambda run: run["history"]["top1"][-1])
seeds = len(test["crop_and_flip"])
deviation = np.sqrt(np.mean([values.var(ddof=1) for values in test.values()]))
error = deviation * np.sqrt(2 / seeds)
print(f"pooled standard deviation {deviation:.2f} points; a difference of means ± {error:.2f}, {seeds} seeds")
assert seeds >= 3 and 0.3 < deviation < 0.9

# %% [markdown]
# As in notebook 09, one spread is pooled over all settings, and a difference counts when it is twice its standard
# error. First the settings of 20 epochs.

# %%
short = [name for name in test if settings[name].get("epochs", base["epochs"]) == 20]
short = sorted(short, key=lambda name: name != "crop_and_flip")  # what the others are compared with comes first
cct.show(
    pictures.draw_settings(short, *(np.stack([found[name] for name in short]) for found in (test, mirrored, training))),
    alt="Ten settings. Test accuracy: Muon above crop and flip, all others level or below. Training accuracy: near "
    "100 % without augmentation, 33 % with everything on.",
)
gain = {name: test[name].mean() - test["crop_and_flip"].mean() for name in short[1:]}
for name, points in sorted(gain.items(), key=lambda item: -item[1]):
    print(f"{name:20} {points:+.2f} ± {error:.2f} points, training accuracy {training[name].mean():.0f} %")

# %% [markdown]
# Compare it with what you wrote down.

# %%
clear = {name: points for name, points in gain.items() if abs(points) > 2 * error}
better = [name for name, points in clear.items() if points > 0]
print("clearly better:", better, "| clearly worse:", [name for name in clear if name not in better])
assert better == ["muon"]
assert {"no_augmentation", "auto_augment", "rand_augment", "mixup", "cutmix", "all_together"} <= clear.keys()
assert abs(gain["random_erasing"]) < 2 * error and abs(gain["average_of_weights"]) < error
assert min(gain, key=gain.get) == "all_together"

hard = [name for name in gain if name not in ("no_augmentation", "muon", "average_of_weights")]
link = np.corrcoef([training[name].mean() for name in hard], [gain[name] for name in hard])[0, 1]
print(f"augmentations and mixtures: correlation of training accuracy and gain {link:.2f}")
assert link > 0.8 and training["all_together"].mean() < 40 < 95 < training["no_augmentation"].mean()

# %% [markdown]
# - **No augmentation** learns its 5,000 images by heart and loses four points to crop and flip. That is *over*fitting.
# - **Muon** is the one trick that adds at once, more than two points.
# - **AutoAugment, RandAugment, MixUp and CutMix** all cost points here, and everything together is the worst of all.
#   Look at the training accuracy on the right: the harder the training images, the lower both. These models have not
#   learned what they were shown. That is *under*fitting, and more regularisation is no cure for it. (The training
#   accuracy of mixtures counts the larger share as right, so part of the fall is the mixing itself.)
# - **Random erasing** and the **moving average** show nothing that three seeds could tell.
#
# ## Why the average adds nothing here
#
# The trainings of `crop_and_flip` and `average_of_weights` are the same trainings, step by step. Only what is validated
# differs. So their curves can be compared pair by pair.
#
# **Predict:** in which part of the training does the average help?


# %%
def curve(name, measurement):
    return np.array([run["history"][measurement] for run in record["runs"] if run["name"] == name])  # (seeds, epochs)


assert np.array_equal(curve("crop_and_flip", "loss"), curve("average_of_weights", "loss"))
validation = {
    title: 100 * curve(name, "val_top1").mean(axis=0)
    for title, name in {"weights": "crop_and_flip", "their moving average": "average_of_weights"}.items()
}
lead = validation["their moving average"] - validation["weights"]
print("lead of the average, epoch by epoch:", lead.round(1))
assert lead[3:10].mean() > 1.5 and abs(lead[-3:].mean()) < 1
figure = figures.draw_curves(np.arange(1, 21), validation, "epoch", "validation accuracy (%)")
cct.show(
    figure, alt="Validation accuracy by epoch: the average is ahead of the weights in the middle, level at the end"
)
paired = test["average_of_weights"] - test["crop_and_flip"]
print("test, seed by seed:", paired.round(2), "points")
assert np.abs(paired).max() < 0.5

# %% [markdown]
# In the middle, while the rate is high, the average is ahead by points. At the end the cosine has brought the rate to
# zero, the weights have come to rest by themselves, and a quarter of a point is left at most. An average and a falling
# rate do the same work. The average pays when you stop early, or when you do not know when you will stop.
#
# ## A second look pays
#
# All trainings of the record were tested a second time with the mirror image.
#
# **Predict:** who gains most from it?

# %%
second_look = {name: (mirrored[name] - test[name]) for name in test}  # same model, same images: a paired difference
for name, points in second_look.items():
    print(f"{name:22} {points.mean():+.2f} (by seed: {points.round(2)})")
with_flip = np.concatenate([points for name, points in second_look.items() if name != "no_augmentation"])
print(f"all that were trained with flips: {with_flip.mean():+.2f}, lowest {with_flip.min():+.2f}")
assert all(points.min() > 0 for points in second_look.values())
assert 0.6 < with_flip.mean() < 1.2
assert second_look["no_augmentation"].min() > with_flip.max()

# %% [markdown]
# Every one of these runs gains, about a point, without a step of training. Most gains the model that never saw a mirror
# image in training: its opinions on the two differ most. It still ends below the one that trained with flips.
#
# ## Longer
#
# *Why:* the tricks come from papers with 200 epochs and more. If the models above underfit, time is what they lack.
#
# **Predict:** the plain recipe and everything together, for 20, 40 and 80 epochs. Does the gap close?

# %%
kinds = {"crop and flip": ["crop_and_flip", "longer", "longest"]}
kinds["everything together"] = ["all_together", "longer_all_together", "longest_all_together"]
lengths = [settings[name].get("epochs", base["epochs"]) for name in kinds["crop and flip"]]
lines = {kind: np.stack([test[name] for name in chosen]) for kind, chosen in kinds.items()}  # (lengths, seeds)
learned = {kind: np.stack([training[name] for name in chosen]) for kind, chosen in kinds.items()}
cct.show(
    pictures.draw_lengths(lengths, lines, learned),
    alt="Test accuracy over 20, 40 and 80 epochs: crop and flip flattens out, everything together starts far below and "
    "passes it. Training accuracy: 65 to 95 % against 33 to 43 %.",
)
gaps = lines["everything together"].mean(axis=1) - lines["crop and flip"].mean(axis=1)
for epochs, points in zip(lengths, gaps, strict=True):
    print(f"{epochs} epochs: everything together is ahead by {points:+.2f} ± {error:.2f} points")
assert lengths == [20, 40, 80] and np.all(np.diff(gaps) > 2 * error)

# %%
plain_steps = np.diff(lines["crop and flip"].mean(axis=1))
together_steps = np.diff(lines["everything together"].mean(axis=1))
print(f"each doubling adds {plain_steps.round(1)} points to crop and flip, {together_steps.round(1)} to everything")
val_loss = {name: curve(name, "val_loss")[:, -1].mean() for chosen in kinds.values() for name in chosen}
print("validation loss at the end:", {name: f"{loss:.2f}" for name, loss in val_loss.items()})
assert plain_steps[0] > 2 * error > plain_steps[1] and np.all(together_steps > 2 * error)
assert gaps[0] < -4 * error and gaps[-1] > 2 * error
assert learned["crop and flip"][-1].min() > 90 and learned["everything together"][-1].max() < 50
assert val_loss["longest"] > val_loss["longer"] and val_loss["longest_all_together"] < val_loss["longer_all_together"]

# %% [markdown]
# It closes and turns round. From 20 to 40 epochs both gain. From 40 to 80 the plain recipe gains nothing that can be
# told from luck: it knows nearly all its images by now, and its validation loss rises. Everything together gains at
# each doubling and ends ahead. Its validation loss still falls.
#
# One caution: "everything" includes Muon, which pays at once. Muon may have its part in the lead; no run of 80 epochs
# with crop, flip and Muon alone was made. The *change* of the gap is what the record shows.
#
# So the question "does MixUp help?" has no answer without a length. **More regularisation asks for more epochs.**
#
# ## The far end
#
# These models were trained on nearly all 50,000 images for hundreds of epochs; CCT-2 as Muon trained it and CCT-7 ship
# with the course. CCT-7/3x1 saw images of 24 pixels in the first 45 % of its training, and was trained with Muon and a
# moving average too.

# %%
far = {run["name"]: run for run in read("notebooks/results/cifar10_adamw_muon.json")["runs"]}
recipe_a = [100 * run["test_top1"] for run in read("notebooks/results/cifar10_recipe_a.json")["runs"]]
card = read("cct_helpers/weights/cct_7_3x1_32_cifar10.json")
print(
    f"CCT-2/3x2, authors' short recipe, moving average, 200 epochs: {np.mean(recipe_a):.2f} % ({len(recipe_a)} seeds)"
)
for run in far.values():
    print(f"CCT-2/3x2, {run['job']['optimizer']}, {run['epochs']} epochs: {100 * run['test_top1']:.2f} %")
print(f"CCT-7/3x1, RandAugment, MixUp, CutMix, {card['epochs']} epochs: {100 * card['test_top1']:.2f} %")
adamw, muon = (far[f"cct_2_3x2_32_cifar10_{kind}"]["test_top1"] for kind in ("long", "muon"))
assert 0.005 < muon - adamw < 0.02
assert np.mean(recipe_a) > 76.45 + 10 and muon > 0.9 and card["test_top1"] > 0.95

# %% [markdown]
# The same small model that reached 57 % above reaches over 90 % with nearly ten times the images, four times the pixels
# and ten times the epochs, and with tricks besides: three changes and more at once, so none of them can be credited.
# Muon leads AdamW by about a point there too, with one seed each and equal seconds, each with a rate and decay of its
# own. The authors report 89.17 % for this model, the best of 4 runs and of all epochs on the test images; the 2021
# example reported 76.45 %, for a model of 0.4 million parameters.
#
# What to do with your own data, then:
#
# 1. Look at the training accuracy. Near 100 %: add augmentation. Far below: train longer, or take something away.
# 2. Flip, a cosine to zero and Muon first: they pay in short runs. Add the crop when the training accuracy is high:
#    in the five epochs of notebook 09 it cost points.
# 3. Then lengthen the training, and add one hard augmentation at each doubling as long as it pays.
# 4. At the end the mirror image, where the class survives it.
#
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/10_stronger_training.ipynb).

# %% [markdown]
# ### Exercise: Several views, one answer
#
# *Warm-up, 5 minutes.* A model looked at each image several times: `logits` is `(views, images, classes)`. Average
# the logits of the views, not their probabilities and not their classes, and return the top-1 accuracy against
# `labels`, `(images,)`, as a number from 0 to 1.
#
# `accuracy_of_views(np.array([[[3.0, 0.0]], [[0.0, 1.0]]]), np.array([0]))` gives `1.0`: the means are 1.5 and 0.5.


# %% tags=["exercise"]
def accuracy_of_views(logits, labels):
    return 0.0  # your line here


cct.check("accuracy_of_views", accuracy_of_views)

# %% [markdown]
# ### Exercise: A moving average of weights
#
# *8 minutes.* `weights` is `(steps, n)`, the weights after each step. Return their moving average after the last
# step, `(n,)`: at each step it keeps the share `momentum` of itself. It starts as the first row.
#
# `averaged_weights(np.array([[1.0], [3.0]]), 0.75)` gives `[1.5]`.


# %% tags=["exercise"]
def averaged_weights(weights, momentum):
    return np.zeros(weights.shape[1])  # your lines here


cct.check("averaged_weights", averaged_weights)

# %% [markdown]
# ### Exercise: What Muon does to a matrix, without the matrix
#
# *15 minutes.* Newton and Schulz's iteration, `a x + b (x xᵀ) x + c (x xᵀ)² x` with a = 3.4445, b = -4.7750 and c =
# 2.0315, leaves the singular vectors of `x` as they are. So what it does to the singular values can be computed from
# these alone. Return the singular values of `matrix` after it was divided by its norm and `steps` steps were taken,
# as positive numbers, the largest first: `(min(rows, columns),)`.
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
# - Look at an augmentation before you use it, and measure it before you trust its name. Keras has no AutoAugment, and
#   its RandAugment, RandomErasing and CutMix differ from the papers'.
# - A mixture's target is the share of the pixels, counted after clipping, in one-hot rows.
# - A moving average helps while the rate is high; a cosine to zero does the same work. Its memory must fit the run.
# - Muon makes all directions of a step equally long. It paid at once.
# - The mirror image adds about a point for free, where the class survives it.
# - In short training a small model underfits when every trick is on. Over 20, 40 and 80 epochs the order turned round.
#   The training accuracy tells you on which side you are.
#
# **Difference from the paper:** it trains for 200 epochs and more on all 50,000 images at full size; the authors' code
# uses AutoAugment, or RandAugment, MixUp and CutMix. Here it is 5,000 images at half the side and 20 to 80 epochs, with
# three seeds and their spread. The paper uses neither Muon nor the mirror image.
#
# **Difference from the [Keras example](https://keras.io/examples/vision/cct/):** it uses a flip only, and names
# AutoAugment, MixUp and CutMix as ways on. This notebook walks them.
#
# Links: [paper](https://arxiv.org/abs/2104.05704), [MixUp](https://arxiv.org/abs/1710.09412),
# [CutMix](https://arxiv.org/abs/1905.04899), [AutoAugment](https://arxiv.org/abs/1805.09501),
# [RandAugment](https://arxiv.org/abs/1909.13719), [random erasing](https://arxiv.org/abs/1708.04896),
# [averages of weights](https://arxiv.org/abs/2411.18704),
# [Muon](https://kellerjordan.github.io/posts/muon/) and [Muon at scale](https://arxiv.org/abs/2502.16982).
#
# Next: [11 Your own images](11_your_own_images.ipynb). Does it work on my data?
