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
# You will turn a folder of odd image files into a fine-tuned model in ten lines, then hand it out in four file formats
# that all give the same answer.
#
# 20 minutes to read, 1 minute to run. Builds on [notebook 07](07_training.ipynb), on training, and
# [notebook 02](02_positions.ipynb), on resizing positions.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/REPOSITORY/blob/main/notebooks/11_your_own_images.ipynb)

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
import os
import tempfile
from collections import Counter

import keras
import numpy as np
from IPython.display import Markdown, display
from PIL import Image
from sklearn.datasets import load_digits

from cct_helpers import environment, figures, images, widgets
from cct_helpers.layers import resize_positions
from cct_helpers.plots import nb11_your_own_images as pictures
from cct_helpers.topics import export, own_images
from cct_helpers.weights import bare_names, read_state_dict

keras.utils.set_random_seed(0)
START = "cct_2_3x2_32_cifar10"

# %% [markdown]
# ## A folder as you find it
#
# Real folders are a mess: some files are grey, some have an alpha channel, sizes differ, and there are many images of
# one class and few of another. To have such a folder on every machine, we write one. Its pictures are scikit-learn's
# handwritten digits, dark ink on coloured paper, taller than wide.
#
# If you have a folder of your own, with one folder for each class, set `CCT_DATA` to its path before you start Jupyter.
# All trainings and exports below then use your images; the digits only stand in where something is broken on purpose.
# `CCT_SIZE=64x64` sets their height and width; without it a line says which size was taken.


# %%
def photo_of(digit, rng):
    """A digit, (8, 8) from 0 to 16, as ink on paper: RGBA, 4 high to 3 wide, its paper transparent or not."""
    scale = int(rng.integers(4, 9))
    ink = Image.fromarray(np.round(digit[:, 1:7] * 255 / 16).astype("uint8"))
    ink = ink.resize((6 * scale, 8 * scale), Image.Resampling.BICUBIC)  # (8, 6) -> (8 scale, 6 scale)
    dark, pale = (Image.new("RGB", ink.size, tuple(rng.integers(*span, 3))) for span in ((0, 90), (170, 256)))
    return Image.composite(dark, pale, ink), dark, ink


def write_photo(path, digit, rng, kind):
    photo, dark, ink = photo_of(digit, rng)
    if kind == "RGBA":
        dark.putalpha(ink)  # transparent paper: its hidden colour is that of the ink
        dark.save(path.with_suffix(".png"))
    else:
        suffix = {"L": ".png", "P": ".gif", "RGB": ".jpg", "CMYK": ".jpg"}[kind]
        photo.convert(kind).save(path.with_suffix(suffix))


# %%
def write_folder(folder, train_counts, test_count, seed=0):
    """folder/train/0/000.png and so on: `train_counts` images of each class to learn from, `test_count` to test."""
    digits, rng = load_digits(), np.random.default_rng(seed)
    for label, train_count in enumerate(train_counts):
        chosen = rng.permutation(np.flatnonzero(digits.target == label))[: train_count + test_count]
        for i, digit in enumerate(digits.images[chosen]):
            place = folder / ("train" if i < train_count else "test") / str(label)
            place.mkdir(parents=True, exist_ok=True)
            write_photo(place / f"{i:03}", digit, rng, KINDS[i % len(KINDS)])


KINDS = ["L", "RGB", "RGBA", "CMYK", "P"]
workplace = tempfile.TemporaryDirectory()  # it goes when the kernel does
demo = Path(workplace.name) / "photos"
write_folder(demo, train_counts=[24, 24, 24, 24, 24, 24, 24, 6, 6, 6], test_count=20)
mine = Path(environment.chosen_data() or demo).expanduser()
folder = mine if mine.is_dir() else demo
own = folder != demo
print("your folder" if own else "the digits:", *sorted(path.name for path in folder.iterdir())[:5])

# %% [markdown]
# Before anything is trained, look. `survey` opens every file and lists its size, its format and Pillow's mode.

# %%
found = own_images.survey(demo)
print(len(found), "files:", dict(Counter(file.kind for file in found)))
print("height to width:", Counter(file.height / file.width for file in found))
print("training images:", Counter(file.class_name for file in found if file.path.startswith("train/")))
print("problems:", [file.path for file in found if file.problem])
assert len({file.kind for file in found}) == 5 and not any(file.problem for file in found)
assert all(3 * file.height == 4 * file.width for file in found)

# %% [markdown]
# The digits: five kinds of files, all 4 high to 3 wide, in several sizes, and four times as many images of some
# classes as of others. Here is what `survey` has to say of the folder that is trained on.

# %%
surveyed = own_images.survey(folder)
print(len(surveyed), "files,", sum(bool(file.problem) for file in surveyed), "with a problem")
for file in [file for file in surveyed if file.problem or "same picture" in file.note][:10]:
    print(f"{file.path}: {file.problem or file.note}")

# %% [markdown]
# The model needs arrays of one shape. We choose 32 x 24 pixels: the height that the shipped model was trained
# with, and the proportions of the photos. For your own folder `CCT_SIZE` decides.

# %%
size = environment.chosen_size() if own else (32, 24)
data = cct.load_dataset(folder, image_size=size, channels=3, validation=0.2)
print("train", data.x_train.shape, "validation", data.x_val.shape, "test", data.x_test.shape)
shown = [np.flatnonzero(data.y_train == label)[0] for label in range(min(len(data.class_names), 10))]
figure = figures.draw_images(data.x_train[shown], data.class_names, columns=10, side=0.9)
cct.show(
    figure, alt="One photo of each class: handwritten digits in dark ink, some grey, some on coloured or white paper"
)
assert own or data.x_train.shape[1:] == (32, 24, 3)

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
figure, axes = figures.new_figure(1, 2, width=4, height=2.6)
figures.draw_image(axes[0], dropped, "alpha dropped")
figures.draw_image(axes[1], laid_on_white, "laid on white")
cct.show(figure, alt="Left a plain dark rectangle, right a zero in dark ink on white")
assert np.ptp(dropped, axis=(0, 1)).max() == 0 and np.ptp(laid_on_white, axis=(0, 1)).max() > 150

# %% [markdown]
# A rectangle of one colour. A fifth of the images would carry a label and nothing else. `load_dataset` lays transparent
# parts on white.
#
# **To catch it:** after loading, look at a few images *of each kind* of file, not at a few images.
#
# ## When files are broken
#
# Put some broken files in, as they come from broken downloads, wrong clicks and scanners.
#
# **Predict:** `load_dataset` stops at the first. Which of these five would a plain `Image.open` not notice?

# %%
good = demo / "train" / "3" / "001.jpg"
broken = {name: demo / "train" / "5" / name for name in ("cut.jpg", "page.png", "deep.png", "dot.gif", "twin.jpg")}
broken["cut.jpg"].write_bytes(good.read_bytes()[:-300])
broken["page.png"].write_text("<html>404 not found</html>")
Image.fromarray(np.full((32, 24), 40_000, "uint16")).save(broken["deep.png"])
Image.new("L", (1, 1)).save(broken["dot.gif"])
broken["twin.jpg"].write_bytes(good.read_bytes())

found_broken = [file for file in own_images.survey(demo) if file.problem]
for file in found_broken:
    print(f"{Path(file.path).name:9} {file.problem[:105]}")
assert {Path(file.path).name for file in found_broken} == set(broken)

# %%
try:
    cct.load_dataset(demo, image_size=(32, 24))
except ValueError as error:
    print(str(error).replace(f"{demo.resolve()}", "photos"))
    stopped = True
assert stopped
for path in broken.values():
    path.unlink()

# %% [markdown]
# `Image.open` reads only the head of a file. It notices the web page alone; the cut photo raises when its pixels are
# asked for, and the other three are images like any others to Pillow: 16 bits a pixel, a single pixel, and a three
# under the name of five. The last is found because the same pixels stand in two classes. A wrong label on a picture
# that occurs once can't be found this way; notebook 08 looks at the most confident errors for that.
#
# ## Ten lines
#
# Here is everything from the folder to the accuracy. `start_from` takes the shipped CIFAR-10 model, gives it a new head
# for your classes, and fits its position table to your image size. `balanced` repeats images of the rare classes.
#
# **Predict:** the model has seen aeroplanes, cats and ships, and there are 148 images to learn digits from. How many of
# the 200 test images will it get right?

# %%
data = cct.load_dataset(folder, image_size=size, channels=3, validation=0.2)
model = own_images.start_from(START, data)
recipe = dataclasses.replace(cct.RECIPES["quick"], epochs=14, batch_size=16, warmup_epochs=2, crop_padding=2)
part = own_images.balanced(data)
recipe = dataclasses.replace(recipe, batch_size=min(16, len(part.x_train)), flip=own)  # a mirrored 2 is no 2
history = cct.fit(model, part, recipe, verbose=False)
logits = cct.predict(model, data.x_test)
scores = own_images.class_accuracies(logits, data.y_test)
print(f"{len(data.x_train)} training images, mean accuracy of the classes on test images: {scores.mean():.1%}")
assert own or (len(data.x_train) == 148 and scores.mean() > 0.7)  # guessing gives 0.1

# %% [markdown]
# More than 7 in 10, where guessing gives 1 in 10. The recipe is that of the quick profile, with smaller batches since
# there are so few images.
#
# ## What `start_from` did
#
# Four things, and each goes wrong in its own way when you do it by hand.
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
table, grids = "classifier.positional_emb", [m.get_layer("position").grid for m in (shipped, fresh)]
print(f"grid {grids[0]} -> {grids[1]}, table {old[table].shape} -> {new[table].shape}")
assert np.allclose(new[table], resize_positions(old[table], *grids), atol=1e-6)

means = [m.get_layer("normalization").get_config()["mean"] for m in (shipped, fresh)]
changed = [name for name in old if not np.array_equal(old[name], new[name])]
print(f"{len(old)} arrays, changed: {', '.join(changed)}")
head = ["classifier.fc.weight", "classifier.fc.bias"]
assert means[0] == means[1] and changed == ([table] if grids[0] != grids[1] else []) + head
print(inspect.getsource(own_images.start_from).split('"""')[2])

# %% [markdown]
# The same works with a file of weights in the authors' format, such as one of their
# [checkpoints](https://github.com/SHI-Labs/Compact-Transformers) for CIFAR or ImageNet. Build the model as the variant
# that the file was trained as, with the mean and standard deviation of its training images, then load it. We cannot
# give you one of their files, so this cell writes the shipped weights in their format. If you have a file, set
# `CCT_CHECKPOINT` to its path and `variant` to its name.
#
# > **Trap: the right number of classes, the wrong classes.** CIFAR-10 has ten classes, and so have the digits. A
# > loader that compares shapes finds nothing to complain about.
#
# **Predict:** the file is loaded, nothing is trained yet. What does the model say to a handwritten zero?

# %% tags=["trap"]
variant, checkpoint = "cct_2_3x2_32", Path(os.environ.get("CCT_CHECKPOINT", f"{workplace.name}/authors.npz"))
if "CCT_CHECKPOINT" not in os.environ:
    np.savez(checkpoint, **old)
pixels = shipped.card["build"]["mean"], shipped.card["build"]["std"]


def untrained(classes=10):
    return cct.build_cct(variant, input_shape=data.x_train.shape[1:], num_classes=classes, normalization=pixels)


start = untrained()
before = cct.reference_weights(start)["classifier.fc.weight"]
cct.load_reference_weights(start, checkpoint)
answers = cct.predict(start, data.x_test[data.y_test == 0]).argmax(axis=1)
print(f"class {data.class_names[0]}:", dict(Counter(shipped.card["class_names"][label] for label in answers)))
if "CCT_CHECKPOINT" not in os.environ:
    assert not np.array_equal(before, cct.reference_weights(start)["classifier.fc.weight"])  # the new head is gone

# %% [markdown]
# Something that CIFAR-10 knows. The old head came along without a word, and training would first have to undo it.
#
# **To catch it:** compare the head before and after loading. `with_head_of` puts the model's own head among the arrays
# of the file.

# %%
start = untrained()
before = cct.reference_weights(start)["classifier.fc.weight"]
state = bare_names(read_state_dict(checkpoint))
cct.load_reference_weights(start, own_images.with_head_of(start, state))
assert np.array_equal(before, cct.reference_weights(start)["classifier.fc.weight"])
print("the head is the model's own")

# %% [markdown]
# ## Is it worth it?
#
# Four ways to train on the digits, 5 seeds each: from scratch; the new *head alone*, on top of frozen layers; *all
# layers* from the shipped weights, as above; and the same *not balanced*, for more epochs, so that it takes as many
# steps. The head alone has a higher learning rate, which suits it better.
#
# **Predict:** which way is best, and where do the classes with six images stand in each?


# %%
def train(way, seed):
    """Logits for the test images after one training, and the number of its steps."""
    keras.utils.set_random_seed(seed)
    start = untrained() if way == "from scratch" else own_images.start_from(START, data)
    if way == "head alone":
        own_images.freeze_all_but_head(start)
    changes = {"head alone": dict(learning_rate=1e-2), "not balanced": dict(epochs=STEPS // (len(data.x_train) // 16))}
    part = data if way == "not balanced" else own_images.balanced(data, seed)
    run = cct.fit(start, part, dataclasses.replace(recipe, **changes.get(way, {})), seed=seed, verbose=False)
    return cct.predict(start, data.x_test), len(run["loss"]) * (len(part.x_train) // recipe.batch_size)


STEPS = recipe.epochs * (len(own_images.balanced(data).x_train) // recipe.batch_size)
WAYS = ["from scratch", "head alone", "all layers", "not balanced"]

# %% [markdown]
# Twenty trainings take minutes, so there is a record, made by this notebook with
# `python notebooks/11_your_own_images.py --record`. The next cell is how.

# %%
record_path = Path(root) / "notebooks" / "results" / "11_ways_to_start.json"
if "--record" in sys.argv and not own:
    record = {"command": "python notebooks/11_your_own_images.py --record", "keras": keras.__version__, "seeds": 5}
    record |= {"start": START, "sha256": shipped.card["sha256"], "training_images": len(data.x_train)}
    for way in WAYS:
        runs = [train(way, seed) for seed in range(5)]
        accuracies = [own_images.class_accuracies(logits, data.y_test).round(3).tolist() for logits, _ in runs]
        record[way] = {"steps": runs[0][1], "class_accuracies": accuracies}
    record_path.write_text(json.dumps(record) + "\n", encoding="utf-8")
record = json.loads(record_path.read_text(encoding="utf-8"))
assert record["sha256"] == shipped.card["sha256"]  # made with these weights
ways = {way: np.array(record[way]["class_accuracies"]) for way in WAYS}  # (seeds, classes)
means = {way: values.mean(axis=1) for way, values in ways.items()}
rare = {way: values[:, 7:].mean(axis=1) for way, values in ways.items()}
for way in WAYS:
    print(f"{way:13} {means[way].mean():.1%} ± {means[way].std(ddof=1):.1%}, rare classes {rare[way].mean():.1%}")

# %%
alt = "Accuracy of five runs: all layers from shipped weights leads; without balance the rare classes fall far behind"
cct.show(pictures.draw_ways(ways, rare=[7, 8, 9]), alt=alt)
mean, rare_mean = ({way: values.mean() for way, values in by_way.items()} for by_way in (means, rare))
assert mean["all layers"] > 0.8 and mean["all layers"] - max(mean["from scratch"], mean["head alone"]) > 0.2
assert rare_mean["all layers"] - rare_mean["not balanced"] > 0.08
assert max(rare["not balanced"]) > min(rare["all layers"])  # on average, not in every run
common = {way: ways[way][:, :7].mean() for way in ("all layers", "not balanced")}
assert abs(common["all layers"] - common["not balanced"]) < 0.04 and min(common.values()) > 0.94

# %% [markdown]
# Weights that were trained on aeroplanes and cats are worth more than 20 points on digits: edges, strokes and corners
# are needed for both. With the head alone, the old features have to do as they are, and those are features of photos.
# Your own images will tell which of the ways suits them; the less they look like CIFAR-10, the more the layers have to
# move.
#
# Without balance, the seven common classes do as well as with it, up to 4 points, and the three rare ones lose more
# than 8 on average. Not in every run: some balanced ones do worse than some others, and five seeds are few. In an epoch
# the model meets five images of a rare class and nineteen of a common one, and where it is in doubt it says the common
# one. A test set with the same proportions would hide the loss.
#
# > **Trap: accuracy that hides a class.** Take a model for a folder with 95 healthy leaves and 5 sick ones. Which
# > accuracy does it have if it says "healthy" whatever it sees?

# %% tags=["trap"]
labels, always_healthy = np.array([0] * 95 + [1] * 5), np.tile([1.0, 0.0], (100, 1))
accuracy = (always_healthy.argmax(axis=1) == labels).mean()
by_class = own_images.class_accuracies(always_healthy, labels)
print(f"accuracy {accuracy:.0%}, by class {by_class}, their mean (balanced accuracy) {by_class.mean():.0%}")
assert accuracy == 0.95 and by_class.mean() == 0.5

# %% [markdown]
# 95 %, and it misses every sick leaf. The mean over the classes, the *balanced accuracy*, is what guessing gives.
#
# **To catch it:** report each class, with its number of images.
#
# ## Hand it out
#
# A trained model is of use where no notebook runs: in a web service, on a phone, in a program in another language.
# `export` writes four formats, chosen by the suffix. The last two need packages that the course does not install: `pip
# install tf2onnx onnx onnxruntime ai-edge-litert`. Without them the cell below says so and goes on with the first two.
#
# | file | what it is for | what it needs |
# |---|---|---|
# | `.keras` | going on with training | Keras and this package |
# | folder (SavedModel) | TensorFlow programs and servers | TensorFlow |
# | `.onnx` | nearly everything else | onnxruntime, or a runtime of your choice |
# | `.tflite` (LiteRT) | phones and small devices | a LiteRT runtime |
#
# A conversion is a translation of every operation, and translations have mistakes. So each file is opened again with
# its own runtime and must give the logits of the Keras model on 100 images, to 0.0001.
#
# **Predict:** the model has 280,000 parameters of 4 bytes. One of the four files is about three times as large as the
# others need to be. Which, and what is in it?

# %%
images_100, table = data.x_test[:100], []
expected, runners = cct.predict(model, images_100), {}
for name in ("digits.keras", "digits", "digits.onnx", "digits.tflite"):
    path = Path(workplace.name) / name
    try:
        runners[name] = export.load_exported(export.export(model, path))
    except ImportError as error:  # as on Colab, where nothing is installed for this course
        print(error)
        continue
    difference = np.abs(runners[name](images_100) - expected).max()
    assert difference < 1e-4, f"{name} computes something else"
    table.append((name, export.size_on_disk(path), difference))
sizes, weights_size = {name: size for name, size, _ in table}, 4 * model.count_params()
print(f"{weights_size:,} bytes of weights")
assert sizes["digits.keras"] > 3 * weights_size and sizes["digits"] < 2.5 * weights_size
assert all(size < 1.1 * weights_size for name, size in sizes.items() if name not in ("digits.keras", "digits"))

# %%
rows = ["| file | size (kB) | largest difference | one image (ms) | 100 images (ms) |", "|---|---|---|---|---|"]
for name, size, difference in table:
    one, many = (export.milliseconds(runners[name], images_100[:count], repeats=5) for count in (1, 100))
    rows.append(f"| {name} | {size / 1000:,.0f} | {difference:.1e} | {one:.1f} | {many:.0f} |")
display(Markdown("\n".join(rows)))

# %% [markdown]
# The `.keras` file holds the optimizer as well: AdamW keeps two more numbers for every parameter, and training can go
# on with them. The SavedModel holds the weights and a large description of the graph; the other two hold little more
# than the weights.
#
# The sizes are checked, the times are not: they are those of the machine that ran this, busy or not. Run the cell on
# the machine that matters, with as many images at a time as matter there.
#
# The agreement did not come by itself. TensorFlow computes the exact GELU with `erfc`, an operation that ONNX does not
# have, and the converter takes the mean and the deviation of the normalisation for inputs that you would have to supply
# at every call. `export` handles both, and has the finished file checked before it takes the name that you gave. When
# this was written, with Keras 3.15.1 and tf2onnx 1.17, `model.export(..., format="onnx")` logged the first as an error,
# wrote the file all the same, and onnxruntime refused it.
#
# > **Trap: the preparation that stays behind.** The file is handed over, and the other program divides pixels by 255,
# > as it did for its last model. No shape differs, so nothing raises.
#
# **Predict:** what does that do to the accuracy?

# %% tags=["trap"]
run = runners.get("digits.onnx", runners["digits.keras"])
for what, pixels_in in (("pixels 0 to 255", data.x_test), ("pixels 0 to 1", data.x_test / 255)):
    right = own_images.class_accuracies(run(pixels_in), data.y_test).mean()
    print(f"{what}: {right:.1%}")
assert own or right < 0.3

# %% [markdown]
# Down to little more than guessing. In our file the subtraction and the division are inside, so that it takes raw
# pixels and there is one way to call it. What stays outside is the size, the order of the channels, and the white under
# transparent parts.
#
# **To catch it:** hand over one image together with its logits, and let the other side compare.
#
# ## Drop in an image
#
# Write a digit on paper, take a photo, crop it, drop it here. Then drop in something that is no digit.


# %%
def answer(image):
    """What the model makes of an image, (height, width, 3) uint8 of any size."""
    height, width = data.x_train.shape[1:3]
    seen = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    scores = cct.predict(model, seen[None], batch_size=1)[0]
    probabilities = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    weights = cct.pooling_weights(model, seen[None])[0]
    return pictures.draw_answer(image, seen, probabilities, data.class_names, weights, grids[1])


largest = max((file for file in found if file.path.startswith("test/4")), key=lambda file: file.height)
four = np.asarray(images.read_picture(demo / largest.path).convert("RGB"))
box = widgets.drop_image(answer, four, alt="A photo of a four, the pooling weights over it, and the three best classes")

# %% [markdown]
# ## A card to go with it
#
# Who gets the file should know what it was made from, how well it does on each class, and where it fails. A [model
# card](https://arxiv.org/abs/1810.03993) says so on one page. `model_card` fills in what can be counted; the rest is
# yours to write, and it refuses an empty answer.

# %%
sources = "scikit-learn's digits (UCI, 43 writers), coloured by notebook 11. None is a real photo."
limits = "7, 8 and 9 were learned from five images each. Anything that is no digit gets a digit as well."
if own:
    sources, limits = "My own folder; I write here where it is from.", "I write here where it fails."
card = own_images.model_card(
    data.name if own else "Digits in ink",
    purpose="A demonstration: which class a photo is of. Not for cheques, ballots or anything that matters.",
    data=data,
    sources=sources,
    accuracies=scores,
    training=f"From {START}: all layers, {recipe.epochs} epochs, batches of {recipe.batch_size}, classes balanced.",
    limits=limits,
    files={path.name: path.read_bytes() for path in Path(workplace.name).glob("digits.*") if path.is_file()},
)
display(Markdown(card))

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
# The fourth channel is alpha, the share of the stored colour.
#
# `lay_on_white(np.array([[[0.2, 0.4, 0.6, 0.5]]]))` gives `[[[0.6, 0.7, 0.8]]]`.


# %% tags=["exercise"]
def lay_on_white(image):
    return np.zeros((*image.shape[:2], 3))  # your lines here


cct.check("lay_on_white", lay_on_white)

# %% [markdown]
# ### Exercise: Accuracy in which each class counts the same
#
# *10 minutes.* From labels `(n,)` and predicted classes `(n,)` to one number: the mean over the classes that occur
# among the labels of the share that was predicted right. Some classes may not occur.
#
# `balanced_accuracy(np.array([0, 0, 0, 2]), np.array([0, 0, 1, 2])).round(3)` gives `0.833`: the mean of 2/3 and 1.


# %% tags=["exercise"]
def balanced_accuracy(labels, predicted):
    return 0.0  # your lines here


cct.check("balanced_accuracy", balanced_accuracy)

# %% [markdown]
# ### Exercise: Weights instead of repetition
#
# *10 minutes.* Instead of repeating images, a loss can weigh them (`class_weight` in `model.fit`). From labels `(n,)`
# in which every class occurs to `(classes,)`: weights whose sum over the images is the same for each class and whose
# mean over all images is 1.
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
# 1. How many images of a class does it take? Draw the balanced accuracy over 4, 8, 16 and 32 images a class.
# 2. Load the photos as squares of 32 x 32 and compare: does the stretching cost anything? Do the two more columns of
#    tokens gain anything?
# 3. Start from `cct_7_3x1_32_cifar10` or `vit_lite_2_4_32_cifar10`. Is a better model on CIFAR-10 a better start?
#
# ## Recap
#
# - Look at a folder before you train on it: sizes, kinds, counts, broken files. `own_images.survey` lists them all.
# - Weights from other images are a start worth having: resize the position table, keep their normalisation, replace
#   the head even where its shape fits.
# - With rare classes, balance what is trained on, and report each class.
# - An exported file is right when it agrees with the model on real images. Four formats did, to 0.0001.
# - Keep the preparation inside the model, and write the card while you still know the answers.
#
# **The difference from the paper and the 2021 example.** The [paper](https://arxiv.org/abs/2104.05704) fine-tunes a
# larger model, trained on ImageNet, on the 102 flowers of the Oxford set, with square images. The authors'
# [code](https://github.com/SHI-Labs/Compact-Transformers) resizes square position tables only; non-square images are
# ours. The [Keras example of 2021](https://keras.io/examples/vision/cct/) trains from scratch and exports nothing.
#
# Next: [12 Text](12_text.ipynb). Is it only for images?
