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
# # 15. When it does not learn
#
# *Why does my loss not fall?*
#
# You will build six small instruments, diagnose eleven sick trainings with them before you are told what they have, and
# take home a chart that leads from a symptom to a test to a cause.
#
# 125 minutes to read, 1 minute to run. Builds on [notebook 07](07_training.ipynb).
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/15_when_it_does_not_learn.ipynb)

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
import warnings

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.special import softmax
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from cct_helpers import augment, figures
from cct_helpers.plots import nb15_when_it_does_not_learn as pictures
from cct_helpers.training import copy_values

keras.utils.set_random_seed(0)

# %% [markdown]
# **Which way through?** The main line goes from *A healthy training* to *Instrument 5: two curves*, about 40 minutes;
# then a good place for a break; and from *The ward* to *The way to a diagnosis*, about 35. What stands under *For a
# second reading* can wait: the six patients whose losses look healthy, a sixth instrument, which finds wrong labels,
# the whole chart, and the code that made the patients. Of the exercises only the last but one needs it.
#
# ## Two questions on notebook 07
#
# 1. Which part of the data chooses the best epoch, and which part is read once, at the end?
# 2. The validation accuracy lies above the training accuracy. Does something have to be wrong?
#
# <details><summary>Answers</summary>
#
# 1. The validation part chooses, as often as you like. The test part is read once, after all choices are made.
# 2. No. Training images may be augmented, dropout is on for them, and their accuracy is a mean over an epoch in which
#    the weights still moved. Validation images are clean and come after the epoch.
#
# </details>

# %% [markdown]
# ## A healthy training
#
# *Why:* a training that does not learn raises no error. It prints numbers, and they look like any others. What is wrong
# with them shows beside the numbers of a healthy training, so begin with one: the digits, a small CCT with 4 x 4
# [tokens](glossary.md) and two blocks, AdamW, one epoch of [warm-up](glossary.md).
#
# The instruments that you will point at it stand in the cells below, each a few lines. None of them knows anything of
# transformers: they work for the CNNs that you have trained before.
#
# All but one of them read the loss, not the accuracy. Accuracy only counts for how many images the right class comes
# first. The loss also says how sure the model is of it. So a loss can move while the accuracy stands still, and you
# will meet two illnesses that an accuracy does not show.

# %%
data = cct.load_dataset("digits")
classes = len(data.class_names)
recipe = dataclasses.replace(
    cct.RECIPES["quick"], epochs=8, batch_size=32, label_smoothing=0.0, augment="none"
)


def build(heads=2, normalization=(78.0, 96.0), dropout=0.0):
    """A small CCT for digits of 16 x 16 pixels: two convolutions, 16 tokens, two blocks."""
    sizes = dict(input_shape=(16, 16, 1), dim=64, hidden_channels=32, num_heads=heads)
    rates = dict(dropout=dropout, attention_dropout=dropout, stochastic_depth=0.0)
    return cct.build_cct("cct_2_3x2_32", normalization=normalization, **sizes, **rates)


# %% [markdown]
# ## Instrument 1: the first loss
#
# *Why:* the first loss can be worked out on paper. If yours is another, something may be wrong before you train. Before
# the first step a model knows nothing. The weights of its head are small, so all [logits](glossary.md) are near 0, and
# the [softmax](glossary.md) gives each of $K$ classes the same probability. The loss is minus the logarithm of the
# probability of the right class:
#
# $$L_0 = -\ln \frac{1}{K} = \ln K$$
#
# On paper: 0.69 for 2 classes, 2.30 for 10, 6.91 for 1,000, in [nats](glossary.md). What `fit` prints for the first
# epoch is a mean over all its steps and comes too late. Ask `evaluate` before you train.
#
# **Predict:** what is the first loss of the small CCT on the digits? And is it lower, the same or higher if all weights
# of its head are a hundred times as large?

# %%
fresh = build()
head, guess, first = fresh.get_layer("head"), np.log(classes), []
for times in (1, 100):
    head.kernel.assign(times * head.kernel)
    first.append(cct.evaluate(fresh, data.x_train, data.y_train)["loss"])
    print(f"head weights times {times}: first loss {first[-1]:.3f}, ln({classes}) = {guess:.3f}")
assert abs(first[0] - guess) < 0.01 and first[1] > 3 * guess

# %% [markdown]
# <details><summary>Answer</summary>
#
# The first loss is ln 10. With large weights in the head it is higher, more than three times ln 10: the model is sure
# of random answers, and being sure and wrong is expensive. The first steps are then spent on undoing that.
#
# </details>
#
# The number is worth knowing by heart for your own classes.
# [Somebody](https://github.com/lucidrains/vit-pytorch/issues/35) trained on ImageNet, with 1,000 classes, and asked why
# the loss stayed "around 7". 6.91 is ln 1,000: the model was still guessing.
#
# ## Instrument 2: one batch, again and again
#
# *Why:* can this model learn anything at all, from these inputs, with this loss and this optimizer? Take 32 images and
# train on nothing else. A model with far more weights than images can learn them by heart. If it does not, look for the
# reason first: no larger data set and no other augmentation will help.
#
# The function below also keeps the weights before and after one of its steps, for instrument 3.


# %%
def length(values):
    """The length of all numbers of these arrays in one long vector."""
    return float(np.sqrt(sum(np.sum(np.square(value)) for value in values)))


def one_batch(model, images, labels, rate, steps=60, look_at=10):
    """Train on the same images again and again.

    Returns the losses (steps,), and by how much step `look_at` moves each layer.
    """
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.03), loss)
    learning = [layer for layer in model.layers if layer.trainable_variables]
    losses, kept = [], []
    for _ in range(steps):
        kept.append([copy_values(layer.trainable_variables) for layer in learning])
        model.reset_metrics()  # without it Keras 3.10 returns the mean of all steps so far
        losses.append(float(model.train_on_batch(images, labels)))
    pairs = zip(learning, kept[look_at], kept[look_at + 1], strict=True)
    moved = {
        layer.name: length(map(np.subtract, after, before)) / length(before)
        for layer, before, after in pairs
    }
    return np.array(losses), moved


# %% [markdown]
# **Predict:** after how many of the 60 steps is the loss of the 32 images below 0.1: some 5, some 20 or some 50?

# %%
images, labels = data.x_train[:32].astype("float32"), data.y_train[:32]
losses, moved = one_batch(build(), images, labels, recipe.learning_rate)
below = int(np.flatnonzero(losses < 0.1)[0])
print(f"loss {losses[0]:.2f} at first, below 0.1 after {below} steps")
print(f"loss {losses[-1]:.3f} after {len(losses)} steps")
assert 25 < below < 60

# %% [markdown]
# <details><summary>Answer</summary>
#
# The loss is below 0.1 after some 50 steps (46 when this page was made), which take seconds. From there it goes on
# towards 0.
#
# </details>
#
# ## Instrument 3: what each layer does
#
# *Why:* when a loss does not fall, one layer may be the reason. A layer learns if a gradient reaches it and if its
# weights then move. Two numbers for each layer tell: the length of its gradient, and by what share of their own length
# one step moves its weights.
#
# $$\text{moved}_\ell = \frac{\lVert w_\ell^{\,\text{after}} - w_\ell^{\,\text{before}} \rVert}
# {\lVert w_\ell^{\,\text{before}} \rVert}$$
#
# with $w_\ell$ all weights of layer $\ell$ in one long vector. On paper: weights (3, 4) have the length 5; a step of
# (0.03, 0.04) has the length 0.05 and moves them by 1 %.


# %%
def gradient_norms(model, images, labels):
    """The length of the gradient of each layer: {layer: length}."""
    with tf.GradientTape() as tape:
        outputs = model(images, training=True)
        loss = ops.mean(keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True))
    variables = {
        layer.name: [weight.value for weight in layer.trainable_variables] for layer in model.layers
    }
    gradients = tape.gradient(loss, {name: weights for name, weights in variables.items() if weights})
    return {name: length([gradient.numpy() for gradient in parts]) for name, parts in gradients.items()}


# %% [markdown]
# **Predict:** in a new model the gradient of the head is more than a hundred times as long as that of the position
# table. AdamW moves each by a share of its length, here in the eleventh step on the 32 images. How many times as large
# is the share of the head?

# %%
gradients = gradient_norms(build(), images, labels)
for layer, size in gradients.items():
    print(f"{layer:9} gradient {size:.4f}, one step moves it by {100 * moved[layer]:.1f} %")
assert gradients["head"] > 100 * gradients["position"]
assert 6 * moved["position"] < moved["head"] < 11 * moved["position"]
assert 0.001 < min(moved.values()) < 0.004 and 0.04 < max(moved.values()) < 0.08

# %% [markdown]
# <details><summary>Answer</summary>
#
# The share of the head is some eight times as large, not a hundred times. Adam and AdamW divide each gradient by its
# own usual size, as [notebook 05](05_sequence_pooling.ipynb) saw at the dead bias. So each weight moves by about the
# learning rate, whatever its gradient, and layers of smaller weights move by a larger share. A small gradient is no
# illness by itself; look at what moves.
#
# </details>
#
# A rule of thumb says that a step should move weights by about a thousandth
# ([CS231n](https://cs231n.github.io/neural-networks-3/) has it for plain gradient descent). Here a step of a healthy
# training moves one layer by two thousandths and another by sixty. Do not learn the number; keep those of a healthy
# training of your own and compare.
#
# ## Instrument 4: a range test of the learning rate
#
# *Why:* which learning rate should you take? In [one thread](https://github.com/lucidrains/vit-pytorch/issues/16) on a
# ViT that does not train, the advice goes from 4e-5 to 3e-1. A [range test](glossary.md) of a hundred steps knows more
# ([Smith](https://arxiv.org/abs/1506.01186)): begin with a rate that is far too small, raise it a little at each step,
# and see what the loss does.


# %%
def range_test(model, images, labels, rates, size=32):
    """The loss of each step of a training in which every step has a higher rate: (steps,)."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(rates[0], weight_decay=0.03), loss)
    losses = []
    for step, rate in enumerate(rates):
        model.optimizer.learning_rate = rate
        chosen = np.arange(size * step, size * (step + 1)) % len(images)
        batch = images[chosen].astype("float32")
        model.reset_metrics()
        losses.append(float(model.train_on_batch(batch, labels[chosen])))
    return np.array(losses)


# %% [markdown]
# **Predict:** the test goes from 1e-5 to 1, that is through five powers of ten. Between which two of them does the loss
# fall?

# %%
rates = np.geomspace(1e-5, 1, 121)
tested = range_test(build(), data.x_train, data.y_train, rates)
falls = rates[np.flatnonzero(tested < 0.95 * guess)[0]]
lowest = rates[tested.argmin()]
print(f"the loss falls from {falls:.0e} on, is lowest at {lowest:.0e}, ends at {tested[-1]:.0f}")
assert 1e-3 < falls < 1e-2 and 5e-3 < lowest < 5e-2 and tested[-1] > 2 * guess

# %% [markdown]
# Do whole trainings agree? Those with five rates are on record, three seeds each, and so is all that you will read of
# the patients below. The healthy training has a rate of 2e-3.

# %%
results = Path(root, "notebooks", "results")
record = json.loads((results / "15_patients.json").read_text())
runs = {}
for run in sorted(record["runs"], key=lambda run: run["seed"]):
    runs.setdefault(run["patient"], []).append(run)


def percent(patient, key="test_top1"):
    """What the three seeds of a patient reached, in percent."""
    return np.array([100 * run[key] for run in runs[patient]])


# %%
scores = {rate: percent(number) for rate, number in pictures.RATES.items()}
assert min(*scores[2e-3], *scores[1e-2]) > 93 > max(*scores[1e-5], *scores[3e-2], *scores[0.3])
zones = {"the loss stays": (rates[0], falls), "falls": (falls, lowest), "jumps": (lowest, rates[-1])}
alt = """Losses: a guess up to about 3e-3, lowest near 2e-2, then beyond the scale.
Accuracies: best at 2e-3 and 1e-2."""
title = "Whole trainings learn near the rates at which the loss of a range test falls"
cct.show(pictures.draw_range_test(rates, tested, zones, guess, scores, title), alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Between 1e-3 and 1e-1: it begins to fall at a few thousandths, is lowest near 2e-2, and then jumps.
#
# </details>
#
# The test does not name the best rate, it names the range. A common choice is a tenth to a third of the rate with the
# lowest loss, that is 2e-3 to 7e-3 for a lowest point at 2e-2, reached by a warm-up. In the lower panel all seeds at
# 2e-3 and 1e-2 reach more than 93 %, and none at 1e-5, 3e-2 or 0.3 does. At 2e-3 the loss of the test has hardly begun
# to fall. A whole training has many more steps at its rate than the test, so a somewhat lower rate serves it as well.
#
# ## Instrument 5: two curves
#
# *Why:* the losses of training and validation, epoch by epoch, tell apart what accuracy hides. So after the short
# tests, train.

# %%
keras.utils.set_random_seed(0)
model = build()
history = cct.fit(model, data, recipe, seed=0)
healthy = cct.evaluate(model, data.x_test, data.y_test)["top1"]
print(f"test top-1 {100 * healthy:.1f} %, on record {percent(0)[0]:.1f} %")
assert abs(100 * healthy - percent(0)[0]) < 4
assert np.allclose(history["loss"], runs[0][0]["loss"], atol=0.3)

# %% [markdown]
# The digits are soon learnt, so look at two pairs of curves that say more: CCT-2/3x2 on 5,000 images of CIFAR-10, from
# the record of [notebook 10](10_stronger_training.ipynb), once without any augmentation and once with all that the
# notebook has.
#
# **Predict:** one of these overfits and the other underfits. Which one has the lower training loss?

# %%
stronger = json.loads((results / "10_stronger.json").read_text())["runs"]


def mean_curve(name, curve):
    """The mean over the seeds of one curve of that record: (epochs,)."""
    return np.mean([run["history"][curve] for run in stronger if run["name"] == name], axis=0)


def two_curves(name):
    """The mean losses of training and validation: two arrays (epochs,)."""
    return {"training": mean_curve(name, "loss"), "validation": mean_curve(name, "val_loss")}


panels = {
    "without augmentation": two_curves("no_augmentation"),
    "with everything": two_curves("all_together"),
}
title = "Two pairs of curves that part in two ways"
alt = """Left, the training loss falls and the validation loss turns at epoch 10 and rises.
Right, the training loss lies above the validation loss, which falls to the end."""
cct.show(pictures.draw_fits(panels, guess, title), alt=alt)

# %% [markdown]
# The same in numbers, with the accuracy beside the loss, and with a training that went on for 80 epochs.

# %%
(seen, val), (mixed, clean) = (curves.values() for curves in panels.values())
turn, accuracy = val.argmin(), mean_curve("no_augmentation", "val_top1")
assert (turn + 1, len(val)) == (10, 20) and seen[-1] < 0.7 and val[-1] > 1.1 * val[turn]
assert accuracy[-1] > accuracy[turn]  # while the validation loss rises
assert mixed[-1] > clean[-1] and clean.argmin() == len(clean) - 1
longer = mean_curve("longest_all_together", "val_loss")
assert len(longer) == 80 and longer[-1] < clean[-1] - 0.2
print(f"without augmentation: loss {val[turn]:.2f} at the turn, {val[-1]:.2f} at the end;", end=" ")
print(f"top-1 {100 * accuracy[turn]:.1f} % and {100 * accuracy[-1]:.1f} %")
print(f"with everything: {clean[-1]:.2f} after 20 epochs, {longer[-1]:.2f} after 80")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The training without augmentation has the lower training loss, and overfits. It learns its 5,000 images by heart: the
# training loss falls below 0.7, while the validation loss turns after 10 of 20 epochs and then rises. That is
# [overfitting](glossary.md). The accuracy does not show it: it is higher at the end than at the turn. The model is not
# wrong more often, but more and more sure where it is wrong.
#
# With everything the training loss stays above the validation loss, as its images are mixed and harder, and the
# validation loss still falls when the 20 epochs are over. That is [underfitting](glossary.md), and the cure is to go
# on: after 80 epochs the validation loss lies more than 0.2 lower.
#
# </details>
#
# Overfitting asks for more images, augmentation or a smaller model. Underfitting asks for more steps, a higher rate, a
# larger model or less augmentation. Each of these makes the other illness worse.
#
# ## The ward
#
# *Why:* a sick training of your own comes without a diagnosis. So practise where there is one to compare with. Here are
# eleven trainings of the same small CCT. Each has one thing wrong with it that people have asked about, or something
# that people call wrong. Between them they have eight faults: the learning rate, the size of the heads, the warm-up,
# the range of the pixels, the labels, the last layer, something left on at the test, and a leak.
#
# First the losses of one seed. The healthy training has the first panel, and its training loss stands in grey in every
# other.

# %%
chosen = {"healthy": runs[0][0]}
chosen |= {f"patient {number}": runs[number][0] for number in range(1, 12)}
title = "Of eleven losses four stay at a guess, one stops high, and six fall like the healthy one"
alt = """Losses of a healthy training and of eleven patients beside it:
2, 5, 7 and 10 stay at a guess, 4 stops near 1.5, six fall."""
cct.show(pictures.draw_ward(chosen, runs[0][0], guess, title), alt=alt)

# %% [markdown]
# Then what the instruments say, as means of three seeds: the first loss, and the last number of each curve. Losses are
# in nats, accuracies are shares. 0 is the healthy training.

# %%
ends = ("first_loss", "one_batch", "loss", "val_loss", "top1", "val_top1", "test_top1")
print("patient" + "".join(f"{key:>11}" for key in ends))
for number in range(12):
    last = [[np.ravel(run[key])[-1] for key in ends] for run in runs[number]]  # (seeds, columns)
    print(f"{number:7}" + "".join(f"{value:11.3f}" for value in np.mean(last, axis=0)))

# %% [markdown]
# Then the chart of each, which you can leaf through. A move of a layer is measured in the eleventh step on one batch.
#
# **Predict:** write down for each of the eleven what you suspect, and which instrument would tell. The next two
# sections answer for 2, 4, 5, 7 and 10, *For a second reading* for the others.


# %%
def chart(patient, seed):
    run = runs[patient][seed]
    title = f"patient {patient}, seed {seed}: first loss {run['first_loss']:.2f}, "
    title += f"one batch {run['one_batch'][-1]:.2f} after 60 steps"
    return pictures.draw_patient(run, runs[0][seed], guess, title)


alt = """Charts of patients 2 and 6: losses, accuracies, how far a step moves each layer.
Patient 2 stays at a guess, though its layers move. Patient 6 looks healthy but for its test."""
stills = [dict(patient=2, seed=0), dict(patient=6, seed=0)]
box = cct.explore(chart, stills, alt=alt, patient=(1, 11), seed=(0, 2))

# %% [markdown]
# ## Stuck at a guess: patients 2, 5, 7 and 10
#
# *Why:* four losses end where they began, and what cures one need not cure another. Instrument 1 does not tell them
# apart: all four begin near 2.30, as they should. Instrument 2 does; its last numbers are in the table, and the curves
# say more.
#
# **Predict:** one of the four learns 32 images by heart. Which kinds of curve will the other three have?

# %%
stuck = 2, 5, 7, 10
batches = {number: np.array([run["one_batch"] for run in runs[number]]) for number in stuck}
for number, curves in batches.items():  # (seeds, steps)
    print(f"patient {number:2}: after 60 steps", curves[:, -1].round(2), end=", ")
    print("highest", curves.max().round(1))
title = "Four trainings that end at a guess, told apart by one batch"
shown = {f"patient {number}": curves[0] for number, curves in batches.items()}
alt = """Losses on one batch: 2 falls to 0, 5 hardly moves, 7 stops at 2.16,
10 jumps beyond the scale and comes back."""
cct.show(pictures.draw_one_batch(shown, guess, title), alt=alt)
assert batches[2][:, -1].max() < 0.2 and batches[5][:, -1].min() > 2.2
assert batches[10][:, -1].min() > 1.9 and batches[10].max(axis=1).min() > 20
assert np.abs(batches[7][:, 30:] - 2.16).max() < 0.02 and batches[10][:, -1].max() < guess
firsts = [run["first_loss"] for number in stuck for run in runs[number]]
assert np.abs(np.array(firsts) - guess).max() < 0.02

# %% [markdown]
# <details><summary>Answer</summary>
#
# Patient 2 learns the batch. The loss of patient 5 falls by a hair. That of patient 10 jumps to more than 20 and comes
# back to a little less than that of a guess. That of patient 7 falls a little at once and then stops dead, with all
# three seeds at 2.16.
#
# </details>
#
# One instrument has split four equal curves into four illnesses. Patients 5 and 10 look like a matter of step size.
#
# **Predict:** how many times less does a step move the layers of patient 5 than those of the healthy one?

# %%
step = {
    number: np.array([list(run["moved"].values()) for run in runs[number]])  # (seeds, layers)
    for number in (0, 5, 10)
}
slow, wild = np.median(step[0] / step[5]), np.median(step[10] / step[0])
print(f"patient 5 moves {slow:.0f} times less than the healthy one, 10 moves {wild:.1f} times more")
assert 120 < slow < 200 and 1.5 < wild < 10

# %% [markdown]
# <details><summary>Answer</summary>
#
# More than a hundred times less. Its learning rate is 1e-5; the healthy one's is 2e-3, 200 times as much.
#
# </details>
#
# Patient 10 has a learning rate of 0.3. In the eleventh step its layers move only a few times farther than the healthy
# ones: a move is measured as a share, and its weights have grown by then. What gives it away is the loss, which jumps
# far above that of a guess in the first steps. At the end of the whole training it sits at a guess as quietly as
# patient 5. **The cure** for both is a rate from instrument 4.
#
# Patient 7 is stranger. Its layers move, its loss falls for a few steps, and then nothing. Train a new model on one
# batch of its inputs and look at what comes out.
#
# **Predict:** after the 60 steps, how different are its answers to the 32 images?

# %%
small = images / 255  # what patient 7 was given
keras.utils.set_random_seed(0)
blind = build()
one_batch(blind, small, labels, recipe.learning_rate)
answers = softmax(ops.convert_to_numpy(blind(small)), axis=1)  # (images, classes)
spread = answers.std(axis=0).max()
for name, pixels in (("healthy", images), ("patient 7", small)):
    seen = ops.convert_to_numpy(blind.get_layer("normalization")(pixels))
    print(f"{name:10} the first layer sees numbers from {seen.min():.3f} to {seen.max():.3f}")
print(f"probabilities differ between the images by {spread:.4f} at most (standard deviation)")
assert spread < 0.01 and np.allclose((seen.min(), seen.max()), (-0.81, -0.80), atol=0.005)
assert np.isclose((images.max() - 78) / 96, 1.84, atol=0.005)  # as `build` normalises

# %% [markdown]
# <details><summary>Answer</summary>
#
# Its answers hardly differ: it says the same of every image. The best it can do is to learn how frequent each class is
# among the 32, and there its loss stops, at 2.16. Where that number comes from is the first exercise.
#
# </details>
#
# The pixels were divided by 255, and then the model, which normalises by itself, did so once more. Images that should
# go from -0.81 to 1.84 go from -0.81 to -0.80. Keras's own EfficientNet takes raw pixels too, and
# [people](https://github.com/tensorflow/tensorflow/issues/48412) normalise twice. **The cure:** print the range of what
# the first layer with weights sees, and normalise once.
#
# In notebook 07 a *trained* model was given such pixels and lost accuracy. Here the model had eight epochs to get used
# to them, and could not.
#
# That leaves patient 2, which learns a batch by heart and nothing else. Look at the images with the labels it was
# given.


# %% tags=["trap"]
def shuffled(seed):
    """The labels of training and validation in another order than the images."""
    rng = np.random.default_rng(seed)
    return data._replace(y_train=rng.permutation(data.y_train), y_val=rng.permutation(data.y_val))


def neighbours_agree(part):
    """The share of validation images that have the label of the most similar training image."""
    known, asked = (x.reshape(len(x), -1) for x in (part.x_train, part.x_val))  # (images, pixels)
    return KNeighborsClassifier(n_neighbors=1).fit(known, part.y_train).score(asked, part.y_val)


mixed = shuffled(0)
agree = {"healthy": neighbours_agree(data), "patient 2": neighbours_agree(mixed)}
print("the nearest neighbour agrees:", {name: f"{100 * part:.0f} %" for name, part in agree.items()})
assert agree["healthy"] > 0.95 and agree["patient 2"] < 0.2 and batches[2][:, -1].max() < 0.2
assert np.sum(mixed.y_train[:10] == data.y_train[:10]) < 3
names = [f"label {label}" for label in mixed.y_train[:10]]
figure = figures.draw_images(mixed.x_train[:10], names, columns=10, side=1.0)
figure.suptitle("The labels of patient 2 do not belong to its images")
cct.show(figure, alt="Ten digits with labels, most of which do not fit.")

# %% [markdown]
# The labels were shuffled against the images, as happens where two lists of files are read
# [in different orders](https://github.com/NoahVl/Explaining-In-Style-Reproducibility-Study/issues/9). Nothing about the
# model, the loss or the optimizer is wrong, so 32 wrong labels are learnt as readily as 32 right ones.
#
# > **Trap: "it learnt a batch by heart, so the pipeline is right".** The test is passed by any model that can learn.
# > Does it show whether what is learnt is true?
#
# It does not: a wrong label is as good as a right one there.
#
# **To catch it:** look at twenty images with their labels before the first training. And ask the nearest neighbour:
# with right labels it agrees far more often than one time in ten, and no network is needed for it.
#
# **The cure:** keep an image and its label in one place, and shuffle pairs.

# %% [markdown]
# ## It learns, but the loss stops: patient 4
#
# *Why:* the model answers well, and the loss does not say so. Which of them do you believe? Patient 4 learns: more than
# nine in ten test images are right with every seed. But its loss stops at 1.5. Do model and loss fit together? Its
# model puts out probabilities; its loss is Keras's `CategoricalCrossentropy(from_logits=True)`.
#
# **Predict:** a perfect answer has probability 1 for the right class and 0 for the others. Does this loss return 0 for
# it?

# %%
perfect = np.eye(classes, dtype="float32")  # (images, classes): one image of each class, all right
crossentropy = keras.losses.CategoricalCrossentropy(from_logits=True)
of_probabilities = float(crossentropy(perfect, perfect))
of_logits = float(crossentropy(perfect, 100 * perfect))
final = np.array([run["loss"][-1] for run in runs[4]])
print(f"perfect probabilities {of_probabilities:.3f}, logits of 100 and 0 {of_logits:.3f}")
print("patient 4 ends at", final.round(3))
assert round(of_probabilities, 3) == 1.461 < final.min() and final.max() < 1.55
assert of_logits < 1e-6 and round(float(softmax(perfect[0])[0]), 2) == 0.23
assert percent(4).min() > 90 and abs(percent(0).mean() - percent(4).mean()) < 2

# %% [markdown]
# <details><summary>Answer</summary>
#
# No, it returns 1.461. The loss takes the ten probabilities for logits, and logits of 1 and 0 are not far apart. No
# answer that is made of probabilities can get below that.
#
# </details>
#
# > **Trap: a softmax before a loss that expects logits.** The accuracy is nearly that of a healthy model, since a
# > softmax does not change which class is first. But whoever takes a softmax of the outputs once more, as one does with
# > logits, reads at most 0.23, however sure the model is.
#
# **Predict:** does Keras notice?

# %% tags=["trap"]
some = np.random.default_rng(0).normal(size=(classes, classes)).astype("float32")  # logits
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from_layer = float(crossentropy(perfect, keras.layers.Softmax()(some)))
right = float(crossentropy(perfect, some))
by_hand = float(crossentropy(perfect, softmax(some, axis=1)))
print(f"logits {right:.3f}; Keras's softmax {from_layer:.3f}, {len(caught)} warning", end="; ")
print(f"SciPy's softmax {by_hand:.3f}")
assert abs(from_layer - right) < 1e-5 and len(caught) == 1 and abs(by_hand - right) > 0.1

# %% [markdown]
# Keras notices, sometimes. On TensorFlow it recognises the output of its own softmax, warns once, and goes back to the
# logits: a model that ends in `keras.layers.Softmax` gets the right loss. A softmax written by hand, as that of patient
# 4, passes in silence.
#
# **To catch it:** feed the loss a perfect answer of the kind that your model gives: probabilities of 1 and 0, or logits
# of 100 and 0. If the loss is not near 0, output and loss do not fit together.
#
# **The cure:** let the model end in logits, and say `from_logits=True`. With label smoothing or mixed labels even a
# perfect answer has a loss above 0; know yours.
#
# ## The way to a diagnosis
#
# *Why:* of a training of your own you see a symptom, and want to know what to test first. Read the chart from the left:
# what you see, the test that splits it, what came out, the cause. It holds what you have met so far. Patients 6 and 9,
# and the four without a symptom (1, 3, 8 and 11), stand under *For a second reading*, and so does the whole chart,
# which names the causes of 6 and 9.

# %%
title = "A symptom does not name its cause; a test does"
alt = "Five symptoms, a test for each, and arrows to eight causes, as in the text."
cct.show(pictures.draw_way(pictures.WAYS[:5], title), alt=alt)

# %% [markdown]
# ## For a second reading
#
# ### Good curves, and a doubt: patients 6 and 9
#
# *Why:* your test is worse than your validation, or two people read different numbers from one model.
#
# The curves of both are good, in training and in validation. In the test patient 6 is worse than in validation by more
# than four points, with every seed. Patient 9 is worse with some seeds and better with another. It is here because a
# colleague, with the same model and the same test images, got another number.
#
# **Predict:** read the same test images several times with the same model. What will each of the two say?

# %%
for number in (6, 9):
    val = np.array([100 * run["val_top1"][-1] for run in runs[number]])
    print(f"patient {number}: validation {val.round(1)}, test {percent(number).round(1)}")
    worse = val - percent(number)
    assert worse.min() > 4 if number == 6 else worse.min() < 0 < worse.max()
again = 100 * np.array([run["readings"] for run in runs[9]])  # (seeds, readings of the same images)
print("patient 9, five readings:", again[0].round(1), end=", ")
print("as it should be:", percent(9, "test_off").round(1)[0])
costs = percent(9, "test_off") - again.mean(axis=1)  # points, seed by seed
assert np.ptp(again, axis=1).min() > 2 and 2 < costs.min() < costs.max() < 5

# %% [markdown]
# <details><summary>Answer</summary>
#
# Patient 6 says the same every time. Patient 9 says something else each time.
#
# </details>
#
# A trained model is a function: the same images give the same answers. Whoever gets two answers has left something
# random on. Here it is [dropout](glossary.md) with a rate of 0.5. It costs patient 9 between 2 and 5 points, and no
# curve shows it: `cct.fit` switches dropout off for its validation, the script that reads the test does not.
#
# > **Trap: dropout left on when the model is used.** In Keras `model.predict` and `evaluate` switch it off, but
# > `model(images, training=True)` does not, and in PyTorch everything depends on a call of `model.eval()`. It has
# > [reached published results](https://github.com/ipolharvard/ethos-ares/issues/20). Can a new, untrained model show
# > it?

# %% tags=["trap"]
dropping = build(dropout=0.5)
once, twice = (ops.convert_to_numpy(dropping(images, training=True)) for _ in range(2))
off = [ops.convert_to_numpy(dropping(images, training=False)) for _ in range(2)]
print(f"two readings differ by {np.abs(once - twice).max():.3f}", end=", ")
print(f"without dropout by {np.abs(off[0] - off[1]).max()}")
assert np.abs(once - twice).max() > 1e-3 and np.array_equal(*off)

# %% [markdown]
# Yes, an untrained model is enough.
#
# **To catch it:** ask twice and compare, before you believe a number.
#
# Augmentation that was left on is found in the same way. Here the healthy model reads random crops of the test images,
# five times.

# %%
cropped = []
for number in range(5):
    crops = augment.random_crop(data.x_test, np.random.default_rng(number), padding=2)
    cropped.append(100 * cct.evaluate(model, crops, data.y_test)["top1"])
print(f"healthy model: test {100 * healthy:.1f} %, on random crops", np.round(cropped, 1))
assert np.mean(cropped) < 100 * healthy - 10

# %% [markdown]
# The crops cost the healthy model more than ten points, as it was trained on digits that fill the frame.
#
# Patient 6 answers the same each time. Its model is sound. What about its images?
#
# **Predict:** how far is a validation image from the most similar training image, and how far is a test image?


# %%
def copied(seed, count=260, copies=4):
    """Few images, each with copies moved by up to a pixel, and only then split at random."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(data.x_train))[:count]
    moved = [augment.random_crop(data.x_train[chosen], rng, padding=1) for _ in range(copies)]
    images = np.concatenate([data.x_train[chosen], *moved])
    labels = np.tile(data.y_train[chosen], 1 + copies)
    val, train = np.split(rng.permutation(len(images)), [len(images) // 5])
    return data._replace(
        x_train=images[train], y_train=labels[train], x_val=images[val], y_val=labels[val]
    )


# %%
def flat(images):
    """(images, height, width, 1) -> (images, pixels)."""
    return images.reshape(len(images), -1).astype("float32")


leaky = copied(0)
nearest = NearestNeighbors(n_neighbors=1).fit(flat(leaky.x_train))
far = {}
for name, asked in (("validation", leaky.x_val), ("test", leaky.x_test)):
    far[name] = nearest.kneighbors(flat(asked))[0][:, 0]  # (images, 1) -> (images,)
    same = 100 * np.mean(far[name] == 0)
    print(f"{name:10} median distance {np.median(far[name]):4.0f}, identical {same:.0f} %")
assert 0.3 < np.mean(far["validation"] == 0) < 0.4 and far["test"].min() > 0
assert np.median(far["validation"]) > 0.8 * np.median(far["test"])

# %% [markdown]
# <details><summary>Answer</summary>
#
# More than three in ten validation images have an identical twin in the training part; no test image has one. The
# median distance, on the other hand, is much the same.
#
# </details>
#
# The script of patient 6 took 260 digits, made four copies of each that are moved by up to a pixel, and split the lot
# at random. So nearly every validation image has a copy in training. This is a [data leak](glossary.md). The model has
# only ever seen 260 digits, and only the test says so.
#
# The distance finds the copies that happened not to move, and hardly the others: pixel by pixel, a thin stroke that
# moved by one is nearly as far away as another digit. The last exercise but one finds those.
#
# It happens to data sets as well. In [one](https://github.com/stefyste/RIAWELC/issues/2) all test images were copies of
# training images: over 93 % had been reported, and a model on parts without copies reached 82 %. The test part of
# [Fashion-MNIST](https://github.com/zalandoresearch/fashion-mnist/issues/44) has ten such images. **The cure:** split
# first, by the thing that was photographed, and make copies only then.
#
# ### No symptom: patients 1, 3, 8 and 11
#
# *Why:* nothing looks ill, but somebody warned you of your pixels, your heads or your warm-up.
#
# Four of the eleven do not look ill. Here is what people would warn them of:
#
# | patient | what was done | the warning |
# |---|---|---|
# | 1 | raw pixels from 0 to 255, no normalisation | inputs should lie around 0 |
# | 3 | one head of 64 numbers in place of two of 32 | several heads see more |
# | 8 | no warm-up | transformers need it |
# | 11 | 64 heads of one number each | [32 at least, 64 at best](https://github.com/lucidrains/vit-pytorch/issues/45) |
#
# **Predict:** which of the four is worse than the healthy training on the digits?

# %%
who = {0: "healthy", 1: "1: not normalised", 3: "3: one head", 8: "8: no warm-up"}
who |= {11: "11: heads of size 1", 12: "rate 1e-2", 13: "rate 1e-2, no warm-up"}
tests = {name: percent(number) for number, name in who.items()}
for name, values in tests.items():
    print(f"{name:22} mean {values.mean():.1f} %, seeds {values.round(1)}")
title = "Four warnings put to the test, and below them warm-up at a higher rate"
alt = """Three seeds each. Raw pixels lie below the healthy training, the heads beside it;
no warm-up hurts at 1e-2."""
cct.show(pictures.draw_warned(tests, (who[0], who[12]), title), alt=alt)

# %% [markdown]
# The same as differences, seed by seed, and by how many times raw pixels shorten one gradient.

# %%
means = {number: percent(number).mean() for number in (0, 3, 8, 11)}
assert max(abs(means[0] - means[number]) for number in (3, 8, 11)) < 1
raw_costs = percent(0) - percent(1)  # points, seed by seed
cold_costs = percent(12) - percent(13)  # of no warm-up, at 1e-2
print(f"points lost: raw pixels {raw_costs.round(1)}, no warm-up {cold_costs.round(1)}")
assert 1 < raw_costs.min() and raw_costs.max() < 7
assert 2 < cold_costs.min() and cold_costs.max() < 20
of_table = [np.array([run["gradients"]["position"] for run in runs[number]]) for number in (0, 1)]
weaker = of_table[0] / of_table[1]
print("gradient of the position table, healthy over raw pixels:", weaker.round())
assert 80 < weaker.min() and weaker.max() < 100

# %% [markdown]
# <details><summary>Answer</summary>
#
# Patient 1 is worse: with each seed it lies 1 to 7 points below the healthy one. The means of the other three differ
# from that of the healthy training by less than a point.
#
# </details>
#
# **The heads do not matter here.** One head or 64 heads of a single number do as well as two heads of 32, within a
# point. The advice comes from larger models and harder data, where it may well be right. The digits do not show it, so
# this notebook cannot confirm it. If your loss does not fall at all, look for another cause first.
#
# **Warm-up matters at a higher rate.** At 2e-3 nothing is lost without it. At 1e-2 each seed loses 2 to 20 points. At
# its first steps Adam has seen few gradients and moves each weight by its full rate, while the model is still random
# ([Xiong et al.](https://arxiv.org/abs/2002.04745) on warm-up and the place of the norms). So here a high rate needs
# the warm-up, and a low one does not.
#
# **Raw pixels cost something,** and do not stop the training. The layer norms in the blocks bring every token to the
# same size again. But before that the position table, of numbers around 0.2, is added to tokens that are a hundred
# times as large as usual: at the first step its gradient is some 90 times smaller than in the healthy training.
#
# So a warning tells you what to test. Whether it matters in your training, only a test can tell.
#
# ### Instrument 6: the worst images
#
# *Why:* some of your labels may be wrong, and you cannot look at all of them.
#
# A loss that stops a little too high may come from a few images alone. One number over all images hides them. Sort them
# by loss and look at the first ones. To see what that finds, ten of the 360 test labels are made wrong on purpose. The
# losses are those of the healthy model of *Instrument 5*.
#
# **Predict:** how many of the ten are among the twelve images with the highest loss?

# %%
rng = np.random.default_rng(0)
planted = rng.choice(len(data.y_test), 10, replace=False)
given = data.y_test.copy()
given[planted] = (given[planted] + rng.integers(1, classes, 10)) % classes
logits = cct.predict(model, data.x_test)
losses = keras.losses.sparse_categorical_crossentropy(given, logits, from_logits=True)
worst = np.argsort(-ops.convert_to_numpy(losses))[:12]  # (images,) -> (12,)
found = np.isin(worst, planted)
print(f"{found.sum()} of 10 wrong labels among the 12 images with the highest loss")
assert found.sum() >= 7

# %% [markdown]
# Here are the twelve.

# %%
said = [f"says {logits[i].argmax()}\nlabel {given[i]}" for i in worst]
said = [text + (", planted" if wrong else "") for text, wrong in zip(said, found, strict=True)]
figure = figures.draw_images(data.x_test[worst], said, columns=6, side=1.5)
figure.suptitle("Most of the twelve largest losses belong to wrong labels")
alt = """Twelve digits, each with what the model says and what its label says.
Most of the labels were planted."""
cct.show(figure, alt=alt)

# %% [markdown]
# <details><summary>Answer</summary>
#
# At least seven of the ten (all ten when this page was made). The others of the twelve are digits that are hard to
# read, which is worth knowing too.
#
# </details>
#
# ### The whole chart
#
# *Why:* you want one page that has every symptom of this notebook.
#
# The last two symptoms are new: a test far below the validation, as with patient 6 and two seeds of patient 9, and a
# few images with a large loss.

# %%
alt = "Seven symptoms, a test for each, and arrows to eleven causes, as in the text."
cct.show(pictures.draw_way(pictures.WAYS, "Each symptom, the test that splits it, the cause"), alt=alt)

# %% [markdown]
# ### How the patients were made
#
# *Why:* you want to run a patient yourself, or make up another.
#
# Here is what each patient has, and the function that made the record, one call for each patient and seed. 0 is the
# healthy one; 12 to 14 are other rates, to compare with.


# %%
def scaled(seed):
    """Pixels from 0 to 1, for a model that takes 0 to 255."""
    return data._replace(
        **{part: getattr(data, part) / np.float32(255) for part in ("x_train", "x_val", "x_test")}
    )


def with_softmax(model):
    """The same model, with probabilities in place of its logits."""
    powers = ops.exp(model.output - ops.max(model.output, axis=1, keepdims=True))
    return keras.Model(model.input, powers / ops.sum(powers, axis=1, keepdims=True))


MODELS = {1: dict(normalization=None), 3: dict(heads=1), 9: dict(dropout=0.5), 11: dict(heads=64)}
RECIPES = {5: dict(learning_rate=1e-5), 8: dict(warmup_epochs=0), 10: dict(learning_rate=0.3)} | {
    12: dict(learning_rate=1e-2),
    13: dict(learning_rate=1e-2, warmup_epochs=0),
    14: dict(learning_rate=3e-2),
}
DATA = {2: shuffled, 6: copied, 7: scaled}


# %%
def left_on(model):
    """How patient 9 was read: five times with dropout; and with it off, as it should be."""
    outputs = [
        ops.convert_to_numpy(model(data.x_test.astype("float32"), training=True)) for _ in range(5)
    ]
    readings = [float(np.mean(one.argmax(axis=1) == data.y_test)) for one in outputs]
    off = cct.evaluate(model, data.x_test, data.y_test)["top1"]
    return {"test_top1": readings[0], "readings": readings, "test_off": off}


# %%
def recorded_run(patient, seed):
    """One run of the record: what the instruments say of a patient."""
    keras.utils.set_random_seed(seed)
    model = build(**MODELS.get(patient, {}))
    model = with_softmax(model) if patient == 4 else model
    own = DATA[patient](seed) if patient in DATA else data
    changed = dataclasses.replace(recipe, **RECIPES.get(patient, {}))
    pixels, digits, start = own.x_train[:32].astype("float32"), own.y_train[:32], model.get_weights()
    run = {"first_loss": cct.evaluate(model, own.x_train, own.y_train)["loss"]}
    run["gradients"] = gradient_norms(model, pixels, digits)
    losses, run["moved"] = one_batch(model, pixels, digits, changed.learning_rate)
    model.set_weights(start)
    history = cct.fit(model, own, changed, seed=seed, verbose=False)
    run |= {curve: history[curve] for curve in ("loss", "top1", "val_loss", "val_top1")}
    run |= {
        "one_batch": losses.tolist(),
        "test_top1": cct.evaluate(model, own.x_test, own.y_test)["top1"],
    }
    return run | (left_on(model) if patient == 9 else {})


# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/15_when_it_does_not_learn.ipynb).

# %% [markdown]
# ### Exercise: What may the first loss be?
#
# *Warm-up, 8 minutes.* `counts` `(classes,)` says how many images each class has. Return two losses in nats: that of a
# model which gives every class the same probability, and the lowest one that a model can reach which says the same of
# every image. A class without images stays one of the classes. The second number is where patient 7 stopped.
#
# `guess_losses(np.array([3, 1]))` gives `(np.log(2), 2 * np.log(2) - 0.75 * np.log(3))`, about 0.693 and 0.562.


# %% tags=["exercise"]
def guess_losses(counts):
    return 0.0, 0.0  # your lines here


cct.check("guess_losses", guess_losses)

# %% [markdown]
# ### Exercise: How low can that loss go?
#
# *8 minutes.* A model ends in a softmax, and its loss takes what comes out for logits, as with patient 4. Return the
# loss of a perfect answer, 1 for the right class and 0 for the others, with so many classes and label smoothing: the
# target of the right class is `1 - smoothing + smoothing / classes`, that of each other class `smoothing / classes`.
#
# `lowest_loss(2, 0.0)` gives `np.log(1 + np.exp(-1))`, about 0.313.


# %% tags=["exercise"]
def lowest_loss(classes, smoothing):
    return 0.0  # your line here


cct.check("lowest_loss", lowest_loss)

# %% [markdown]
# ### Exercise: Read a range test without eyes
#
# *12 minutes.* One lucky batch makes a low point where no valley is. Take the means of the loss over all windows of
# `width` steps, an odd number, that lie inside the test. Return a tenth of the rate in the middle of the window with
# the lowest mean. After a breakdown losses may be NaN; windows with such a step do not count.
#
# `pick_rate(np.array([1.0, 2.0, 4.0, 8.0, 16.0]), np.array([3.0, 0.0, 3.0, 1.0, 1.0]), 3)` gives `0.4`: the means are
# 2, 4/3 and 5/3.


# %% tags=["exercise"]
def pick_rate(rates, losses, width):
    return 0.0  # your lines here


cct.check("pick_rate", pick_rate)

# %% [markdown]
# ### Exercise: Find the copies that were moved
#
# *15 minutes.* It goes with patient 6, in *Good curves, and a doubt* under *For a second reading*. Equal pixels find
# twins, but not copies that were moved. For `train` `(n, height, width, channels)` and `test` `(m, height, width,
# channels)`, both uint8, return which test images are a training image moved by up to one pixel, down, up, left, right
# or aslant, or not at all: `(m,)` of True and False. A move brings other pixels in at the border, so compare without
# the outermost pixels of the test image.
#
# On paper: a training image has the rows 0 1 2, 3 4 5 and 6 7 8, and a test image a 1 in its middle, whatever its
# border. `moved_copies(np.arange(9).reshape(1, 3, 3, 1), np.ones((1, 3, 3, 1), int))` gives `[True]`: the 1 has moved
# down from the first row.


# %% tags=["exercise"]
def moved_copies(train, test):
    return np.zeros(len(test), bool)  # your lines here


cct.check("moved_copies", moved_copies)

# %% [markdown]
# ### Exercise: Diagnose from a history
#
# *12 minutes.* Write three symptoms of the chart as code. `loss` and `val_loss` `(epochs,)` are in nats. Return the
# number of the first sentence that holds, or 0:
#
# 1. Nothing learnt: the lowest training loss is more than 95 % of that of a guess.
# 2. Overfits: the last validation loss is more than 10 % above the lowest one.
# 3. Not finished: the last validation loss is more than 3 % below the one before it.
#
# `diagnose(np.array([1.5, 1.0, 0.7]), np.array([1.6, 1.2, 1.4]), 10)` gives `2`.


# %% tags=["exercise"]
def diagnose(loss, val_loss, classes):
    return 0  # your lines here


cct.check("diagnose", diagnose)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(15)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. Point the first four instruments at a CNN of your own that learns well, and keep the numbers. They are what you
#    compare with when the next one does not learn.
# 2. Give the healthy training a fault that nobody has here, and let somebody else diagnose it from its curves and one
#    batch.
# 3. Plant wrong labels among the training images, train anew, and sort the training images by loss. Does instrument 6
#    still find them, or were they learnt by heart?
#
# ## Recap
#
# - Before training: the first loss is ln(classes), and one batch can be learnt by heart. Both take seconds.
# - A loss that stays at a guess has at least four causes. One batch again and again tells them apart.
# - A range test shows at which rates the loss stays, at which it falls, and at which it jumps.
# - By how much a step moves a layer says more than the length of its gradient, which AdamW divides out.
# - The loss of a perfect answer tells whether output and loss fit together.
# - Accuracy alone is not enough. It still rose where the model overfitted, and it was nearly that of a healthy model
#   where a softmax stood before the loss.
# - From *For a second reading*: the same test read twice tells whether something random was left on, and a search for
#   copies of training images tells of leaks. Not every warning applies: on the digits the size of the heads made no
#   difference, and warm-up only at the higher rate.
#
# | instrument | asks | takes |
# |---|---|---|
# | first loss | is it ln(classes)? | one `evaluate` |
# | one batch | can the model learn at all? | 60 steps |
# | gradients and moves | does each layer learn? | one step |
# | range test | which rates? | 120 steps |
# | two curves | by heart, or not enough? | a training |
# | worst images | are the labels right? | one `predict` |
#
# **The difference from the paper and the 2021 example.** Neither says what to do when training fails. The
# [paper](https://arxiv.org/abs/2104.05704) trains with 5 to 10 epochs of warm-up and heads of 64 numbers; the [Keras
# example](https://keras.io/examples/vision/cct/) has neither, trains at a constant 1e-3, and learns all the same.
#
# Next: [16 Against a ConvNet](16_against_a_convnet.ipynb). Why not a ResNet?
