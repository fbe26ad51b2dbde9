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
# # 11. Your own images
#
# *Does it work on my data?*
#
# You will turn a folder of odd image files into a fine-tuned model, find out which class it fails on and whether its
# test can be believed, and hand it out in files that all give the same answer.
#
# 105 minutes to read, 1 minute to run. Builds on [notebook 07](07_training.ipynb), on training, and
# [notebook 02](02_positions.ipynb), on resizing positions.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/11_your_own_images.ipynb)

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

# %% [markdown]
# **Do you remember?** Two questions on [notebook 10](10_stronger_training.ipynb).
#
# 1. MixUp blends two images, 70 % of a cat and 30 % of a dog. What is the target?
# 2. With every trick switched on the validation loss still falls when the time is up. Is that overfitting or
#    underfitting, and what does it ask for?
#
# <details><summary>Answers</summary>
#
# 1. The target is blended in the same proportion: 0.7 for cat and 0.3 for dog.
# 2. It is underfitting, and asks for more epochs, or for fewer tricks.
#
# </details>

# %%
import dataclasses
import json
import os
import tempfile
import textwrap
from collections import Counter

import keras
import numpy as np
from IPython.display import HTML, Markdown, display
from PIL import Image
from scipy.special import softmax
from skimage import data as photos

from cct_helpers import environment, figures, images, widgets
from cct_helpers.data import NAMES, find_path
from cct_helpers.layers import resize_positions
from cct_helpers.plots import nb11_your_own_images as pictures
from cct_helpers.topics import costs, export, own_images

keras.utils.set_random_seed(0)
START = "cct_2_3x2_32_cifar10"

# %% [markdown]
# **Which way through?** The main line goes from *Too few images to start from nothing* to *Drop in an image*, about 35
# minutes: a model for a folder, and what it gets wrong; then a good place for a break; and from *Photos, and ten frames
# of one mug* to *A card to go with it*, about 25: can its test be believed, what do larger photos cost, how do others
# get it? What stands under *For a second reading* can wait: odd and broken files until your own folder stops you, *What
# `start_from` did* and *The authors' weights* until you load weights by hand or have large photos, two records of
# choices until you have to choose, and a page with your model in it.
#
# ## Too few images to start from nothing
#
# *Why:* CIFAR-10 has 50,000 training images. You have perhaps 150. That is too few to learn what an edge, a corner or a
# curve is, and then your classes as well. But a model that was trained on other images knows some of that already. So
# you start from its weights and train on: [fine-tuning](glossary.md).
#
# You may know this from Keras as `keras.applications` with `include_top=False` and a new `Dense` layer on top. A CCT is
# no different, but for one part that a convolutional network does not have: its table of
# [positions](glossary.md), which belongs to one size of image.

# %%
alt = """The parts of a CCT in a row. Tokenizer, blocks, norm and pooling are copied from the
trained model, the positions are resized to the new grid, the head is new for the new classes."""
cct.show(pictures.draw_start(old=(32, 32, 10), new=(32, 24, 10)), alt, colours=256)

# %% [markdown]
# ## A folder as you find it
#
# *Why:* data sets for teaching are tidy. Real folders are a mess: some files are grey, some have transparent parts,
# sizes differ, and there are many images of one class and few of another.
#
# To have such a folder on every machine, we write one. Its pictures are scikit-learn's handwritten digits as dark ink
# on coloured paper, taller than wide. Photos follow further down.
#
# If you have a folder of your own, with one folder for each class, set `CCT_DATA` to its path before you start Jupyter,
# and `CCT_SIZE=64x64` to the height and width that you want. All trainings and exports below then use your images, and
# what is *printed* is about them. The text stays: where it gives numbers, they are those of the digits.

# %%
workplace = tempfile.TemporaryDirectory()  # it goes when the kernel does
demo = own_images.write_digits(Path(workplace.name) / "photos", [24] * 7 + [6] * 3, test_count=20)
chosen = environment.chosen_data()
own = chosen is not None and chosen not in NAMES  # not one of the data sets that have names
folder = find_path(chosen) if own else demo
classes = sorted({file.class_name for file in images.find_images(folder).files})
print("your folder," if own else "the digits,", f"{len(classes)} classes:", ", ".join(classes[:10]))

# %% [markdown]
# ## Look before you train
#
# *Why:* much that is odd in a folder stops nothing. It comes out later, as a model that is worse than it need be.
#
# `survey` opens every file and lists its size, its kind and what is wrong with it. A list does not show how many there
# are of each class, or whether one size is far off. A picture does.

# %%
size = environment.chosen_size() if own else (32, 24)
surveyed = own_images.survey(folder)
sizes, counts, problems = own_images.summary(surveyed)
alt = """Left, the sizes of the files as dots on a line: the smallest is what the model gets, four
are larger. Right, bars for ten classes: 44 images for 0 to 6, 26 for 7, 8 and 9; 20 of each are for
testing."""
cct.show(pictures.draw_survey(sizes, counts, problems, size), alt, colours=256)
for remark in own_images.remarks(surveyed):
    print(remark)
if not own:
    assert list(counts["train"].values()) == [24] * 7 + [6] * 3 and not problems
    assert {tuple(each) for each in sizes} == {(8 * scale, 6 * scale) for scale in range(4, 9)}

# %% [markdown]
# The dots lie on a line: all are 4 high to 3 wide, so one size fits them without stretching. The bars show the second
# thing to know: of 7, 8 and 9 there are only 6 images to learn from, of the others 24.
#
# The model needs arrays of one shape. For the digits we take 32 x 24 pixels, the height that the shipped model was
# trained with. What has other proportions is stretched to that shape, so for a folder of your own choose the
# proportions that most of your photos have.

# %%
data = cct.load_dataset(folder, image_size=size, channels=3, validation=0.2)
print("train", data.x_train.shape, "validation", data.x_val.shape, "test", data.x_test.shape)

names = data.class_names[:10]
firsts = [np.flatnonzero(data.y_train == label)[0] for label in range(len(names))]  # one of each class
alt = "One photo of each class: digits in dark ink, some grey, some on coloured or white paper"
cct.show(figures.draw_images(data.x_train[firsts], names, columns=10, side=0.9), alt, colours=256)
assert own or data.x_train.shape == (148, 32, 24, 3)

# %% [markdown]
# All ten look right. If `load_dataset` stops at one of your files, or a picture looks wrong, see *The kinds of files*
# and *When files are broken* in the second reading.
#
# ## Ten lines
#
# *Why:* you want a first number soon. All that you try later is compared with it.
#
# Here is everything from the folder to the accuracy. `start_from` does what the first drawing shows. `balanced` repeats
# images of the rare classes until all have as many. Two settings depend on the images. A mirrored 2 is no 2, but a
# mirrored cat is a cat: `flip=own`. And `crop_padding=2` shifts each image by up to 2 pixels; a large photo stands
# more.
#
# **Predict:** the model has seen aeroplanes, cats and ships, and there are 148 images to learn digits from. How many of
# the 200 test images will it get right?

# %%
keras.utils.set_random_seed(0)
data = cct.load_dataset(folder, image_size=size, channels=3, validation=0.2)
model = own_images.start_from(START, data)
part = own_images.balanced(data)
changes = dict(epochs=14, warmup_epochs=2, batch_size=min(16, len(part.x_train)))
recipe = dataclasses.replace(cct.RECIPES["quick"], **changes, crop_padding=2, flip=own)
history = cct.fit(model, part, recipe, verbose=False)
logits = cct.predict(model, data.x_test)
scores = own_images.class_accuracies(logits, data.y_test)
print(f"{len(data.x_train)} training images; test accuracy, mean of classes: {np.nanmean(scores):.1%}")

if not own:
    assert [len(data.x_train), len(data.x_val), len(data.x_test)] == [148, 38, 200]
    assert np.nanmean(scores) > 0.75
    assert round(100 / len(data.x_val), 1) == 2.6

# %% [markdown]
# <details><summary>Answer</summary>
#
# On the digits it gets more than three quarters of the test images right, where guessing gets one in ten.
#
# </details>
#
# `fit` keeps the weights of the epoch that did best on the validation images. There are 38 of them here, so one image
# more or less is 2.6 points, and the choice among good epochs is in part a matter of luck. Another machine rounds
# differently, and with so few images it can end several points away.
#
# If the validation loss turns up with your photos, add an augmentation of [notebook 10](10_stronger_training.ipynb) to
# the changes, such as `augment="rand_augment"`, and more epochs with it.
#
# ## The class it does worst on
#
# *Why:* one number for all classes is a mean, and a mean hides what it is made of.
#
# **Predict:** you have seen the survey. In which classes do you look for the worst?

# %%
worst = int(np.nanargmin(scores))
worst_name = data.class_names[worst]
learned = np.bincount(data.y_train, minlength=len(data.class_names))
alt = f"""Bars of the accuracy of each class, with the number of its training images below. The bar
of class {worst_name}, in orange, is the lowest. A dashed line is the mean of the classes."""
cct.show(pictures.draw_class_scores(scores, learned, data.class_names), alt)
print(f"class {worst_name}: {scores[worst]:.0%}, mean of the classes {np.nanmean(scores):.0%}")
assert own or (worst in (7, 8, 9) and np.nanmean(scores) - scores[worst] > 0.15)
assert own or learned[7:].tolist() == [5, 5, 5]

# %% [markdown]
# <details><summary>Answer</summary>
#
# In the rare ones. The worst class of the digits is one of the three that were learned from 5 images each, and is more
# than 15 points below the mean.
#
# </details>
#
# Then look at what it does instead. These are the most confident mistakes in its worst class.

# %%
shares, said = softmax(logits, axis=1), logits.argmax(axis=1)  # (images, classes), (images,)
wrong = np.flatnonzero((data.y_test == worst) & (said != worst))
wrong = wrong[np.argsort(-shares[wrong].max(axis=1))][:6]
guesses = [data.class_names[label] for label in said[wrong]]
if len(wrong):
    truths, sure = [worst_name] * len(wrong), shares[wrong].max(axis=1)
    alt = f"{len(wrong)} test photos of the worst class, with what the model says and its probability"
    cct.show(figures.draw_errors(data.x_test[wrong], guesses, truths, sure), alt)
print("it says instead:", dict(Counter(guesses)) or "nothing, it makes no mistake there")
assert own or len(wrong) == 6

# %% [markdown]
# Do they have something in common, such as dark paper, or a stroke like that of another digit? If you see it, you know
# which photos to take next.
#
# ## When one number hides a class
#
# *Why:* most folders have many images of one class and few of another, and the few are often what you look for.
#
# > **Trap: accuracy that hides a class.** Take a model for a folder with 95 healthy leaves and 5 sick ones. Which
# > accuracy does it have if it says "healthy" whatever it sees?
#
# The mean of the accuracies of the classes is the [balanced accuracy](glossary.md): each class counts the same, however
# many images it has. It is what the ten lines printed.

# %% tags=["trap"]
labels = np.array([0] * 95 + [1] * 5)  # (images,): 0 healthy, 1 sick
always_healthy = np.tile([1.0, 0.0], (100, 1))  # (images, classes)
accuracy = (always_healthy.argmax(axis=1) == labels).mean()
by_class = own_images.class_accuracies(always_healthy, labels)
print(f"leaves: accuracy {accuracy:.0%}, by class {by_class}, balanced accuracy {by_class.mean():.0%}")
assert accuracy == 0.95 and by_class.mean() == 0.5

balanced = np.nanmean(scores)
as_often = np.nansum(scores * learned) / learned[~np.isnan(scores)].sum()  # a test like the training
print(f"our model: accuracy {as_often:.0%}, balanced {balanced:.0%}, worst class {scores[worst]:.0%}")
assert own or as_often > balanced + 0.03

# %% [markdown]
# <details><summary>Answer</summary>
#
# It has an accuracy of 95 %, and misses every sick leaf. Its balanced accuracy, on paper (1 + 0) / 2, is what guessing
# gives.
#
# </details>
#
# Our own model is a milder case. In a test with the proportions of the training folder it would look more than 3 points
# better, and even the balanced accuracy says nothing of its worst class.
#
# **To catch it:** report each class, with its number of images.
#
# ## Is it worth it?
#
# *Why:* was it right to start from trained weights, and to repeat the images of the rare classes? One training cannot
# tell.
#
# So here are four ways to train on the digits, 5 seeds each and about as many steps:
#
# - *from scratch*;
# - *head alone*: only the new head, on top of frozen layers, at five times the learning rate of the others;
# - *all layers* from the shipped weights, as above;
# - *not balanced*: the same without repeated images.
#
# Twenty trainings take minutes, so there is a record, made with `python notebooks/scripts/own_images.py`. There,
# *all layers* with seed 0 is what the ten lines above did.
#
# **Predict:** which way is best? And does it lift the three rare classes to repeat their images?

# %%
results = Path(root) / "notebooks" / "results"
record = json.loads((results / "11_ways_to_start.json").read_text(encoding="utf-8"))
ways = own_images.accuracies_by_way(record["runs"])  # way -> (seeds, classes)
titles = ("all 200 test digits", "the 60 of the rare classes")
message = "What trained weights add, and what repeated images add"
figure = pictures.draw_ways(ways, [7, 8, 9], titles, message)
alt = """Accuracy of five runs each. All layers from the shipped weights leads by far, balanced or
not. On the rare classes the two overlap as well, and both are far below their mean over all
classes."""
cct.show(figure, alt, colours=256)

mean = {way: values.mean(axis=1) for way, values in ways.items()}  # (seeds,)
rare = {way: values[:, 7:].mean(axis=1) for way, values in ways.items()}
if not own:  # the run above and those of the record differ by luck alone
    assert abs(np.nanmean(scores) - mean["all layers"].mean()) < 3 * mean["all layers"].std(ddof=1)
    assert record["recipe"] == json.loads(json.dumps(dataclasses.asdict(recipe)))
    assert recipe.learning_rate == 0.01 / 5

# %% [markdown]
# By how many points?

# %%
others = max(mean[way].mean() for way in ("from scratch", "head alone"))
gain = min(mean[way].mean() for way in ("all layers", "not balanced")) - others
by_balance = mean["all layers"].mean() - mean["not balanced"].mean()
for_rare = rare["all layers"].mean() - rare["not balanced"].mean()
print(f"all layers: {100 * gain:.0f} points ahead of the others")
print(f"balance: {100 * by_balance:+.1f} points, on rare classes {100 * for_rare:+.1f}")
assert gain > 0.25 and all(run["steps"] in (153, 154) for run in record["runs"])
assert abs(by_balance) < 0.01 and abs(for_rare) < 0.02 < rare["all layers"].std(ddof=1)
for way in ways:
    assert mean[way].mean() - rare[way].mean() > 0.19 and ways[way].mean(axis=0).argmin() == 9

# %% [markdown]
# <details><summary>Answer</summary>
#
# Training all layers from the shipped weights is best, by more than 25 points, balanced or not. Repeating images
# changed less than one point on average, and less than two on the rare classes, where the seeds differ by more.
#
# </details>
#
# So within 154 steps, weights that were trained on aeroplanes and cats are worth more than 25 points on digits. With
# the head alone, the old features have to do as they are, and those are features of photos.
#
# In every way to train the rare classes are more than 19 points below the mean of all ten, and 9 is the worst of all.
# Five images of a 9 stay five images, however often they are repeated, or weighed in the loss (exercise 2). What adds
# something is another photo of a 9.
#
# ## Drop in an image
#
# *Why:* the test images come from the same folder as the training images. What you give the model tomorrow does not.
#
# Now try your model. Write a digit on paper, take a photo, crop it, drop it here. Then drop in something that is no
# digit.


# %%
def answer(image):
    """What the model makes of an image, (height, width, 3) uint8 of any size."""
    seen = images.resize(image[None], data.x_train.shape[1:3])  # (1, height, width, 3)
    probabilities = softmax(cct.predict(model, seen)[0])  # (classes,)
    weights = cct.pooling_weights(model, seen)[0]  # (tokens,)
    grid = model.get_layer("position").grid
    return pictures.draw_answer(image, seen[0], probabilities, data.class_names, weights, grid)


largest = max(surveyed, key=lambda file: (file.path.startswith("test/"), file.height))
first = np.asarray(images.read_picture(folder / largest.path).convert("RGB"))
alt = "A photo, the pooling weights over it, and the three best classes"
box = widgets.drop_image(answer, first, alt)

# %% [markdown]
# It answers with one of its classes, whatever you show it. And a token with a large pooling weight is one that it reads
# from, which need not be why it answers as it does: notebook 08 tests that.
#
# You have a model, and know where it fails: a good place for a break. What follows asks whether its score can be
# believed.
#
# ## Photos, and ten frames of one mug
#
# *Why:* a test says how the model will do on new things only if the things in it are new.
#
# A phone takes ten photos of a mug in three seconds. They all go into the folder `made`. Eight objects of scikit-image
# and scikit-learn stand in for such a collection: for each, ten parts of its photo were cut out, somewhat brighter or
# darker, as if you had walked around it. Four of the objects are alive, four are made by people.

# %%
mugs = own_images.write_frames(Path(workplace.name) / "frames")
frames = images.read_class_folders(mugs, (32, 32))
print(frames.images.shape, "; ".join(frames.notes))
assert frames.images.shape == (80, 32, 32, 3)

# %% [markdown]
# > **Trap: ten frames of one mug.** A split at random puts some frames of the mug into the test and leaves the others
# > for training. Then the test asks "have you seen this mug?", and you wanted to know "is this made or alive?".
#
# Only the new head is trained here, on top of the vectors that the shipped model pools. That is a logistic regression,
# and takes so little time that we can try every way to hold out one object of each class: 4 times 4.
#
# **Predict:** there are two classes, so guessing gets 50 %. What does the test say after a split at random, and what
# after a split by object?

# %% tags=["trap"]
shipped = cct.load_pretrained(START)
pooled = own_images.pooled(shipped, frames.images)  # (frames, dim)
pairs = [(alive, made) for alive in range(4) for made in range(4, 8)]  # numbers of objects
by_object = [np.isin(frames.groups, pair) for pair in pairs]  # 16 x (frames,): tested or not
rng = np.random.default_rng(0)
at_random = [rng.permutation(tested) for tested in by_object]
tests = {"at random": at_random, "by object": by_object}
heads = {way: own_images.score_heads(pooled, frames.labels, tested) for way, tested in tests.items()}

seen, unseen = np.mean(heads["at random"]), np.mean(heads["by object"])
print(f"random {seen:.0%}, by object {unseen:.0%}")
assert seen > 0.97 and seen - unseen > 0.2

# %%
first_tests = {"split at random": at_random[0], "split by object": by_object[0]}
splits = {title: tested.reshape(8, 10) for title, tested in first_tests.items()}  # (objects, frames)
shown = frames.images.reshape(8, 10, 32, 32, 3)[:, :4]  # (objects, frames, height, width, channels)
alt = """Four of ten frames of each of eight objects. A split at random tests one to five frames of
every object and finds nearly all of them right; a split by object tests all frames of two objects
and finds far fewer right."""
cct.show(pictures.draw_splits(shown, splits, own_images.object_names(), heads), alt, colours=256)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Split at random, the test says more than 97 %. Split by object it says more than 20 points less. The second number is
# what you get for the next mug.
#
# </details>
#
# Nothing was wrong with the model in the first test. The test was wrong: it asked about objects that had been seen, a
# [data leak](glossary.md). The second number is a rough one, as it jumps with the object that is held out. To know
# more, photograph more objects, not the same ones more often.
#
# **To catch it:** split by object. Put the photos of one object, person, place or day into a folder of their own inside
# the class folder, as in `made/mug/3.jpg`: `load_dataset` never parts such a folder, as it printed for the 80 frames.
# If the same picture is in `train/` and `test/`, it stops and names both files; `survey` also reports near copies.
#
# ## Above 32 pixels
#
# *Why:* you choose the size of the images, and no training brings back what a smaller size has lost. So look at what is
# left of a photo before you choose.

# %%
mug = Image.fromarray(photos.coffee()).crop((170, 60, 440, 330))
at_sizes = [np.asarray(mug.resize((side, side))) for side in (32, 64, 96, 224)]
message = "With 32 pixels a side a mug is still a mug, the spoon is a grey smear"
alt = """The same photo of a mug with 32, 64, 96 and 224 pixels a side. At 32 the spoon is a grey
smear, at 64 it is a spoon, at 224 one sees what is mirrored in it."""
cct.show(pictures.draw_at_sizes(at_sizes, message), alt, colours=256)

# %% [markdown]
# If your classes differ in colour and shape, 32 or 64 pixels may do. If they differ in the spoon, 32 pixels are too few
# for any model. And pixels have a price.
#
# **Predict:** twice the side gives four times the pixels. How many times the tokens, and how many times the numbers in
# an attention map?

# %%
choices = json.loads((results / "11_choices.json").read_text(encoding="utf-8"))
priced = [row for row in choices["costs"] if row["side"] <= 224 and "3x1" not in row["variant"]]
display(Markdown(own_images.costs_table(priced)))
counted = [costs.model_costs(row["variant"], (row["side"], row["side"], 3)) for row in priced]
assert [sum(row["macs"].values()) for row in counted] == [row["macs"] for row in priced]
tokens = [row["tokens"] for row in counted]
assert tokens[:4] == [64, 256, 576, 36]  # CCT-2 at 32, 64, 96 pixels, then 7x2 at 96
assert 75 < choices["costs"][-1]["parameters"] / priced[0]["parameters"] < 85  # CCT-14 and CCT-2

# %% [markdown]
# <details><summary>Answer</summary>
#
# Twice the side gives four times the tokens, and sixteen times the numbers in an attention map, since each token reads
# from every other.
#
# </details>
#
# Milliseconds and megabytes are for one image, on the 2 CPU cores of the record; MACs are multiply-adds (notebook 06).
#
# At 96 pixels `3x2` makes 576 tokens and `7x2` makes 36: its tokenizer has two convolutions of 7 x 7 pixels with
# stride 2. Take `3x2` up to 64 pixels and `7x2` from 96 on.
#
# How long will it take you? `fit` has counted the images that your machine trains on in a second. For another size or
# variant, take the table's column *to train* in proportion.

# %%
speed = np.median(history["images_per_second"])  # of the images above
print(f"{speed:.0f} images a second: 20 epochs of 1,000 in {20 * 1000 / speed / 60:.1f} minutes")

# %% [markdown]
# For photos of 96 pixels and more there is also a closer start than the small pictures of CIFAR-10: the CCT-14 that the
# authors trained on ImageNet. *The authors' weights*, in the second reading, says how to use it.
#
# ## Hand it out
#
# *Why:* a trained model is of use where no notebook runs: in a web service, on a phone, in a program in another
# language. `export` writes four formats, chosen by the suffix.
#
# | file | what it is for | what it needs |
# |---|---|---|
# | `.keras` | going on with training | Keras and this package |
# | folder (SavedModel) | TensorFlow programs and servers | TensorFlow |
# | `.onnx` | nearly everything else | onnxruntime, or a runtime of your choice |
# | `.tflite` (LiteRT) | phones and small devices | a LiteRT runtime |
#
# The last two need packages that the course does not install: `pip install tf2onnx onnx onnxruntime ai-edge-litert`.
# Without them the cell below says so and goes on with the first two.
#
# A conversion is a translation of every operation, and translations have mistakes. So each file is opened again with
# its own runtime and must give the logits of the Keras model on 100 images, to 0.0001.

# %%
images_100 = data.x_test[:100]
expected = cct.predict(model, images_100)
runners, differences = {}, {}
for name in ("model.keras", "model", "model.onnx", "model.tflite"):
    try:
        runners[name] = export.load_exported(export.export(model, Path(workplace.name) / name))
    except ImportError as error:  # as on Colab, where nothing is installed for this course
        print(error)
        continue
    differences[name] = np.abs(runners[name](images_100) - expected).max()
    assert differences[name] < 1e-4, f"{name} computes something else"

# %% [markdown]
# All that were written agree with the model. How large are they, and how fast?

# %%
columns = f"size (kB) | largest difference | 1 image (ms) | {len(images_100)} images (ms)"
rows = [f"| file | {columns} |", "|---|---|---|---|---|"]
for name, run in runners.items():
    size_kb = export.size_on_disk(Path(workplace.name) / name) / 1000
    one, many = (export.milliseconds(run, some, repeats=3) for some in (images_100[:1], images_100))
    rows.append(f"| {name} | {size_kb:,.0f} | {differences[name]:.1e} | {one:.1f} | {many:.0f} |")
    assert name != "model.keras" or 3 < size_kb / (4 * model.count_params() / 1000) < 3.2
display(Markdown("\n".join(rows)))

# %% [markdown]
# The `.keras` file is a little more than three times as large as the weights, of 4 bytes each: it also keeps what AdamW
# needs to go on, two running averages for each. The times are those of the machine that ran this; run the cell on the
# machine that matters.
#
# <details><summary>For whoever exports by other means: two things that the converter gets wrong</summary>
#
# TensorFlow computes the exact GELU with `erfc`, which ONNX does not have, and the converter takes the mean and the
# deviation of the normalisation for inputs that you would have to supply at every call. `export` handles both, and has
# the finished file checked. With Keras 3.15.1 and tf2onnx 1.17, `model.export(..., format="onnx")` logged the first as
# an error, wrote the file all the same, and onnxruntime refused it.
#
# </details>
#
# ## What the other side must know
#
# *Why:* a file that computes the same still answers wrongly when it is given other numbers.
#
# > **Trap: the preparation that stays behind.** The file is handed over, and the other program divides pixels by 255,
# > as it did for its last model. No shape differs, so nothing raises.
#
# **Predict:** what does that do to the accuracy?

# %% tags=["trap"]
run = runners.get("model.onnx", runners["model.keras"])
for what, pixels_in in (("pixels 0 to 255", data.x_test), ("pixels 0 to 1", data.x_test / 255)):
    right = np.nanmean(own_images.class_accuracies(run(pixels_in), data.y_test))
    print(f"{what}: {right:.1%}")
assert own or 0.05 < right < 0.15

# %% [markdown]
# <details><summary>Answer</summary>
#
# On the digits the accuracy falls to that of guessing, 10 %, give or take 5 points.
#
# </details>
#
# In our file the subtraction and the division are inside, so that it takes raw pixels and there is one way to call it.
# What stays outside is the size, the order of the channels, and the white under transparent parts.
#
# **To catch it:** hand over one image together with its logits, and let the other side compare.
#
# ## A card to go with it
#
# *Why:* whoever gets the file should know what it was made from, how well it does on each class, and where it fails. A
# model card ([Mitchell et al., 2018](https://arxiv.org/abs/1810.03993)) says so on one page. `model_card` fills in what
# can be counted; the rest is yours to write, and it refuses an empty answer.

# %%
texts = dict(
    purpose="A demonstration: which class a photo is of. Not for cheques or anything that matters.",
    sources="scikit-learn's digits (UCI; 13 people wrote them), coloured here. None is a real photo.",
    training=f"From {START}: all layers, {recipe.epochs} epochs, classes balanced.",
    limits="7, 8, 9: five images each. Tested on hands it has learned from. It cannot say 'no digit'.",
)
if own:
    texts |= dict(sources="My own folder, from ...", limits="I write here where it fails.")
made = sorted(path for path in Path(workplace.name).glob("model.*") if path.is_file())
files = {path.name: path.read_bytes() for path in made}
title = data.name if own else "Digits in ink"
card = own_images.model_card(title, data=data, accuracies=scores, files=files, **texts)
display(Markdown(card))

# %% [markdown]
# The limits say what the table cannot: that this test has the leak of the mug in it. The files do not tell who wrote
# which digit, so there is no split by writer to make. A card is the place to say so.
#
# ## For a second reading
#
# ### The kinds of files
#
# *Why:* a picture of each class looked right, but a mistake in reading may sit in one kind of file alone.
#
# The digits are five kinds of files. Each is named by its format and Pillow's mode: `L` is grey, `RGBA` has alpha.

# %%
found = own_images.survey(demo)
kinds = Counter(file.kind for file in found)
print(f"the digits, {len(found)} files: {', '.join(kinds)}")
assert len(kinds) == 5 and not any(file.problem for file in found)

# %% [markdown]
# > **Trap: transparent pixels have a colour.** An RGBA file keeps three colours and an *alpha* for each pixel. Where
# > alpha is 0 you see nothing, but a colour is stored, and `convert("RGB")` brings it out.
#
# **Predict:** our RGBA files store the colour of the ink everywhere, and the digit in alpha alone. What does a model
# see that reads them with `convert("RGB")`?

# %% tags=["trap"]
path = next(demo / file.path for file in found if file.kind == "PNG RGBA")
dropped = np.asarray(Image.open(path).convert("RGB"))
laid_on_white = np.asarray(images.read_picture(path))
titles = ["alpha dropped", "laid on white"]
figure = figures.draw_images([dropped, laid_on_white], titles, columns=2, side=2)
cct.show(figure, alt="Left a plain dark rectangle, right a zero in dark ink on white")

share = kinds["PNG RGBA"] / len(found)
print(f"{share:.0%} of the digits are such files")
assert np.ptp(dropped, axis=(0, 1)).max() == 0 and np.ptp(laid_on_white).max() > 150
assert round(share, 1) == 0.2

# %% [markdown]
# <details><summary>Answer</summary>
#
# It sees a rectangle of one colour. A fifth of the digits would carry a label and nothing else.
#
# </details>
#
# `load_dataset` lays transparent parts on white. It also turns photos as their camera says, reads CMYK, TIFF and AVIF,
# and, with the package pillow-heif, the HEIC files of iPhones.
#
# **To catch it:** after loading, look at a few images *of each kind* of file, not at a few images.
#
# ### When files are broken
#
# *Why:* a file that can't be read, or does not belong there, stops `load_dataset`, and you have to find it.
#
# Put five such files into the folder of the fives: `cut.jpg`, a photo whose download broke off; `page.png`, a web page
# under the name of an image; `deep.png`, a scan with 16 bits a pixel; `dot.gif`, a single pixel; `twin.jpg`, a three.
#
# **Predict:** Pillow's `Image.open` reads only the head of a file. Which of the five does it refuse?

# %%
broken = own_images.write_broken(demo)
refused = [name for name, path in broken.items() if not own_images.opens(path)]
print("Image.open refuses:", refused)
assert refused == ["page.png"] and len(broken) == 5

# %% [markdown]
# <details><summary>Answer</summary>
#
# `Image.open` refuses the web page alone. The cut photo raises later, when its pixels are asked for. The other three
# are images like any others to Pillow.
#
# </details>
#
# So opening is no test. `survey` reads every pixel and names all that is wrong; `load_dataset` stops at the first file
# that it can't use.

# %%
damaged = [file for file in own_images.survey(demo) if file.problem]
for file in damaged:
    print(textwrap.fill(f"{Path(file.path).name}: {file.problem}", 96, subsequent_indent="    "))
assert {Path(file.path).name for file in damaged} == set(broken)

try:
    cct.load_dataset(demo, image_size=(32, 24))
    raise AssertionError("broken files were read")
except ValueError as error:
    assert "cut.jpg" in str(error)  # the first of them
for path in broken.values():
    path.unlink()

# %% [markdown]
# The three among the fives is found because the same pixels stand in two classes. A wrong label on a picture that
# occurs once can't be found this way; notebook 08 looks at the most confident errors for that.
#
# ### What `start_from` did
#
# *Why:* with weights from elsewhere you do by hand what `start_from` did, and each of four things can go wrong.
#
# 1. **Positions.** 32 x 24 pixels make 8 x 6 tokens, not the 8 x 8 of the shipped model, and the learned table has one
#    row a token. It is resized as if it were an image of 8 x 8 pixels with 128 channels (notebook 02).
# 2. **Normalisation.** The model keeps the mean and the standard deviation of the images that its weights were trained
#    on. Those of your images would be the wrong ones.
# 3. **Head.** It is new, for your classes.
# 4. **All other arrays** are copied.

# %%
fresh, shipped = own_images.start_from(START, data), cct.load_pretrained(START)
old, new = cct.reference_weights(shipped), cct.reference_weights(fresh)  # the authors' names -> arrays
table, head = "classifier.positional_emb", ["classifier.fc.weight", "classifier.fc.bias"]

grids = [each.get_layer("position").grid for each in (shipped, fresh)]
print(f"grid {grids[0]} -> {grids[1]}, table {old[table].shape} -> {new[table].shape}")
assert np.allclose(new[table], resize_positions(old[table], *grids), atol=1e-6)

pixel_means = [each.get_layer("normalization").get_config()["mean"] for each in (shipped, fresh)]
changed = [name for name in old if not np.array_equal(old[name], new[name])]
print(f"{len(old)} arrays, changed: {', '.join(changed)}")
assert pixel_means[0] == pixel_means[1]
assert changed == ([table] if grids[0] != grids[1] else []) + head

# %% [markdown]
# The same works with a file of weights in the authors' format. We write the shipped weights as such a file, and fall
# into a trap on the way.
#
# > **Trap: the right number of classes, the wrong classes.** CIFAR-10 has ten classes, and so have the digits. A
# > loader that compares shapes finds nothing to complain about.
#
# **Predict:** the file is loaded, nothing is trained yet. What does the model say to a handwritten zero?

# %% tags=["trap"]
checkpoint = Path(workplace.name) / "authors.npz"
np.savez(checkpoint, **old)
pixels = shipped.card["build"]["mean"], shipped.card["build"]["std"]
shape = data.x_train.shape[1:]  # (height, width, channels)
taken = cct.build_cct("cct_2_3x2_32", input_shape=shape, num_classes=10, normalization=pixels)
before = cct.reference_weights(taken)[head[0]]
cct.load_reference_weights(taken, checkpoint)
assert not np.array_equal(before, cct.reference_weights(taken)[head[0]])  # the new head is gone

lowest = data.y_test.min()
answers = cct.predict(taken, data.x_test[data.y_test == lowest]).argmax(axis=1)
called = Counter(shipped.card["class_names"][label] for label in answers)
print(f"class {data.class_names[lowest]}:", dict(called))

# %% [markdown]
# <details><summary>Answer</summary>
#
# It says something that CIFAR-10 knows. The old head came along without a word, and training would first have to undo
# it.
#
# </details>
#
# **To catch it:** compare the head before and after loading.
#
# The cure is to put the model's own head among the arrays of the file before they are loaded. `start_from` does that,
# by `own_images.with_head_of(model, arrays)`.

# %% [markdown]
# ### The authors' weights
#
# *Why:* for photos of 96 pixels and more the small pictures of CIFAR-10 are a distant start. The authors trained CCT-14
# on the 1.3 million photos of ImageNet, and keep the files on their site. We can't give them to you, and nothing
# here fetches them. Each needs the variant, and the mean and the standard deviation, that it was trained with. Here are
# the three of ImageNet; `own_images.files_table()` has five more.

# %%
listed = own_images.files_table().splitlines()
imagenet = [row for row in listed if "ImageNet" in row]
display(Markdown("\n".join(listed[:2] + imagenet)))
assert len(imagenet) == 3 and len(listed) == 2 + 3 + 5

# %% [markdown]
# Fetch a file, and set `CCT_CHECKPOINT` to its path. A `.pth` needs PyTorch to be read: `pip install torch`. Then
# `start_from_file` makes it a model for your classes. To have that run here as well, the shipped CCT-7 stands in for
# the authors', in their format.

# %%
fetched = os.environ.get("CCT_CHECKPOINT")
path = Path(fetched or f"{workplace.name}/stand_in.npz")
kind = path.name if fetched else "cct_7_3x1_32_cifar10_300epochs.pth"  # which of the files it is
if not fetched:
    np.savez(path, **cct.reference_weights(cct.load_pretrained("cct_7_3x1_32_cifar10")))

larger = own_images.start_from_file(path, data, kind)
grid = larger.get_layer("position").grid
print(f"{larger.name}: {larger.count_params():,} parameters, grid {grid}")
assert own or fetched or grid == (16, 12)

careful = dataclasses.replace(recipe, learning_rate=5e-5)

# %% [markdown]
# `cct.fit(larger, part, careful)` trains it. The rate of 5e-5 is that of the authors for the flowers of Oxford; from
# ImageNet's 224 pixels to 384 they use 1e-5. For a file of ImageNet, load the folder with `CCT_SIZE=224x224`, or with
# 96x96 on a CPU: the position table is resized.

# %% [markdown]
# ### How many images, and how large?
#
# *Why:* both are choices that you make before you have a result.
#
# Each choice has a small record, made with `python notebooks/scripts/own_images.py`: 150 steps, two seeds, on the
# digits as photos. How large images must be depends on what has to be seen, so that one is about photos: squares of
# bricks, grass and gravel from scikit-image, shrunk.

# %%
lines = own_images.lines_of_choices(choices["runs"])  # line -> {choice: accuracies of the seeds}
panels = list(own_images.panels_of_choices(lines).items())
message = "More images help the shipped weights; 32 pixels do for these photos"
alt = """Two panels. With 5 to 40 images of a class the shipped weights reach 73 to 96 %, a start
from scratch 28 to 60 %. Squares of 8 pixels give 75 %, of 32 and 64 about 100 %."""
cct.show(pictures.draw_choices(dict(panels[:2]), message), alt, colours=256)

percent = {}  # line -> accuracy at each choice, mean of the seeds
for line, choice in lines.items():
    percent[line] = [round(100 * np.mean(runs)) for runs in choice.values()]
shipped_start, scratch = percent["shipped"], percent["scratch"]
assert all(np.diff(shipped_start) > 0) and shipped_start[0] > scratch[-1] + 10
assert (shipped_start[0], shipped_start[-1], min(scratch), max(scratch)) == (73, 96, 28, 60)
missed = [round(240 * (1 - np.mean(runs))) for runs in lines["side"].values()]  # of 120, two seeds
assert missed == [60, 25, 1, 0]

# %% [markdown]
# - **How many?** With the shipped weights, 5 images of a class do better than 40 do from scratch, in 150 steps, and
#   each doubling from 5 to 40 still helps.
# - **How large?** At 8 pixels three in four squares of bricks, grass and gravel are told apart, at 32 all but one of
#   240, at 64 all, for four times as many tokens. Try small first.
#
# ### Which learning rate, and what to freeze?
#
# *Why:* too high a rate destroys what the weights knew.
#
# A layer is *frozen* if training leaves its weights as they are (`layer.trainable = False`). The head alone means that
# all but the head is frozen. The record is that of the section before, with 20 images of a class.
#
# **Predict:** is the best learning rate for the head alone the best for all layers?

# %%
message = "Rates, and frozen layers, with 20 images of a class"
alt = """Two panels. All layers stand a rate of 0.003 and collapse at 0.01, the head alone gains up
to 0.03. Freezing nothing or the tokenizer is best, all but the head by far worst."""
cct.show(pictures.draw_choices(dict(panels[2:]), message), alt, colours=256)

all_layers, head_alone, frozen = percent["nothing"], percent["all but the head"], percent["freeze"]
assert all_layers[0] < 90 <= min(all_layers[1:3]) and all_layers[3] < 30
assert head_alone == sorted(head_alone) and head_alone[2] < 75
assert frozen[0] - frozen[-1] > 20 and abs(frozen[0] - frozen[1]) < 2

# %% [markdown]
# <details><summary>Answer</summary>
#
# The best rates are not the same: all layers do best at 0.001 to 0.003 and collapse at 0.01, the head alone still gains
# at 0.03.
#
# </details>
#
# - **Which rate?** For all layers a tenth of what the head alone can take, or less. The authors train from scratch at
#   5e-4, and fine-tune at 5e-5 and 1e-5.
# - **What to freeze?** Freezing the tokenizer costs less than two points here, freezing all but the head more than 20.
#   Digits are far from CIFAR-10, so the layers have to move.
#
# What holds for digits need not hold for your images. Where we would begin:
#
# | your images | begin with | since |
# |---|---|---|
# | few, and like those of the old training | the head alone, at a high rate | good features need no change |
# | few, and unlike them | all layers, at a low rate | the record above |
# | few, and used later on others, such as of another camera | the head first, then all | good features stay whole |
# | thousands | all layers, and once from scratch | then you know what the old weights are worth |
#
# For the first line: with features of ImageNet, on photos, and with 47 to 800 images in all, [Kornblith et al.,
# 2019](https://arxiv.org/abs/1805.08974) found the head alone as good as all layers, or better. For the third: [Kumar
# et al., 2022](https://arxiv.org/abs/2202.10054) found that order better than either alone.
#
# ### Your own model in a page
#
# *Why:* you want to show your model to somebody who has no Python.
#
# A page of HTML needs no kernel, no server and no package: the model computes in it. Draw, erase, move, open a picture
# or use the camera, and see what it makes of it. The small pictures are test images; one of them it may get wrong.
# Weights are kept in 8 bits, so the page is small enough to send. With images of more than 96 pixels a side it becomes
# slow.

# %%
step = max(len(data.x_test) // 6, 1)
page = cct.live_model(model, data.x_test[::step][:6], data.class_names)
path = Path(workplace.name) / "model.html"  # choose a place of your own
saved = path.write_text(page, encoding="utf-8")
print(f"model.html: {saved / 1000:,.0f} kB")
display(HTML(page))
assert own or saved < 600_000

# %% [markdown]
# ## Exercises
#
# Fill in the stubs and run the cells; each one marks itself. `cct.hint("name")` helps one step at a time,
# `cct.solution("name")` shows the worked solution. All solutions are in
# [solutions](solutions/11_your_own_images.ipynb).

# %% [markdown]
# ### Exercise: Transparent parts on white
#
# *Warm-up, 5 minutes.* Lay an RGBA image `(height, width, 4)`, floats from 0 to 1, on white: `(height, width, 3)`.
# The fourth channel is alpha, the share of the stored colour. *The kinds of files*, in the second reading, shows what
# goes wrong without.
#
# `lay_on_white(np.array([[[0.2, 0.4, 0.6, 0.75]]])).round(2)` gives `[[[0.4, 0.55, 0.7]]]`.


# %% tags=["exercise"]
def lay_on_white(image):
    return np.zeros((*image.shape[:2], 3))  # your lines here


cct.check("lay_on_white", lay_on_white)

# %% [markdown]
# ### Exercise: Weights instead of repetition
#
# *10 minutes.* Instead of repeating images, a loss can weigh them (`class_weight` in `model.fit`). From labels `(n,)`
# in which every class occurs to an array `(classes,)`: weights whose sum over the images is the same for each class and
# whose mean over all images is 1.
#
# `class_weights(np.array([0, 0, 0, 1]))[1]` gives `2.0`, and class 0 gets 2/3.


# %% tags=["exercise"]
def class_weights(labels):
    return np.zeros(labels.max() + 1)  # your lines here


cct.check("class_weights", class_weights)

# %% [markdown]
# ### Exercise: Which test images were in training?
#
# *15 minutes.* A test score is worth nothing if the model has seen the test images. Find the leaks: for `train` `(n,
# height, width, channels)` and `test` `(m, height, width, channels)`, whole numbers from 0 to 255, return for each
# test image whether the same picture stands in `train`, as it is or mirrored left to right: `(m,)` of True and False.
#
# `leaked(np.array([[[[1], [2]]]]), np.array([[[[2], [1]]], [[[3], [1]]]]))` gives `[True, False]`.


# %% tags=["exercise"]
def leaked(train, test):
    return np.zeros(len(test), bool)  # your lines here


cct.check("leaked", leaked)

# %% [markdown]
# ### Exercise: How well does it know objects that it has not seen?
#
# *20 minutes.* You have several photos of each object, and too few objects to put some aside for a test. So each image
# is tested without the other photos of its own object: look for the nearest image among those of *other* objects, the
# one whose vector has the smallest Euclidean distance, and take its class as the answer. From `vectors` `(n, dim)`, a
# row for each image, `labels` `(n,)`, its class, and `objects` `(n,)`, the number of its object, to one number from 0
# to 1: the share of all n images whose answer is right. There are two objects or more.
#
# `score_by_object(np.array([[0.0], [1.0], [3.0], [6.0]]), np.array([0, 0, 1, 1]), np.array([7, 7, 8, 9]))` gives
# `0.25`: only the last image is right. The two photos of object 7 are wrong, though each has the other beside it.
#
# When it is right, give it `pooled`, `frames.labels` and `frames.groups`, the frames from above, or your own folder,
# read in the same way. It trains nothing, so it is a quick first look at a new collection.


# %% tags=["exercise"]
def score_by_object(vectors, labels, objects):
    return 0.0  # your lines here


cct.check("score_by_object", score_by_object)

# %% [markdown]
# ### Where you stand
#
# This list is kept between sessions. `cct.progress()` without a number shows all notebooks.

# %% tags=["exercise"]
cct.progress(11)

# %% [markdown]
# ### More to try
#
# These have no mark, only an answer that you find out.
#
# 1. Load the digits as squares of 32 x 32 and compare: does the stretching cost anything, and do the two more columns
#    of tokens gain anything?
# 2. Take ten photos each of five objects on your desk. How far apart are the two splits on those?
# 3. For a phone, `export.export(model, path, eight_bits=True)` keeps the weights of a `.tflite` in 8 bits, a quarter
#    of the usual. How small is the file, and how many answers on the test images change?
# 4. Start from `cct_7_3x1_32_cifar10` or `vit_lite_2_4_32_cifar10`. Is a better model on CIFAR-10 a better start?
#
# ## Recap
#
# - Look at a folder before you train on it: sizes, kinds, counts, broken files. `own_images.survey` lists them.
# - Report each class, with its number of images. Repeating images of the rare classes gained nothing here.
# - Weights from other images are a start worth having: resize the position table, keep their normalisation, replace
#   the head even where its shape fits.
# - Split by object. A split at random measures whether the model has seen this mug.
# - The price of pixels is paid in tokens, and in attention maps by their square. From 96 pixels on take a tokenizer
#   with strides, and the authors' weights.
# - An exported file is right when it agrees with the model on real images, to 0.0001.
# - Keep the preparation inside the model, and write the card while you still know the answers.
#
# **The difference from the paper and the 2021 example.** The [paper](https://arxiv.org/abs/2104.05704) fine-tunes
# CCT-14/7x2, trained on ImageNet, on the 102 flowers of the Oxford set, at 384 x 384 pixels, and reports 99.76 %. That
# is eighty times our model's parameters, and nothing of that size was trained here. The authors'
# [code](https://github.com/SHI-Labs/Compact-Transformers) resizes square position tables only; non-square images are
# ours. The [Keras example of 2021](https://keras.io/examples/vision/cct/) trains from scratch and exports nothing.
#
# Next: [12 Text](12_text.ipynb). Is it only for images?
