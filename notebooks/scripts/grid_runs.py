"""The trainings behind notebooks 07, 09 and 10, on CIFAR-10 and a CPU: which part, which fix, which trick pays?

    python notebooks/scripts/grid_runs.py --data cifar10.npz pilots parts ladder top rates stronger

A grid is a dict of settings, each trained with some seeds. One process a core, each on a core of its own; on two quiet
cores pilots takes half an hour, parts some 2 hours, ladder and top 40 minutes, rates 10 minutes, stronger 2 hours. A
record is written to notebooks/results when all its runs are there; until then a file .begun beside it keeps those that
are, so that a stopped grid goes on. Runs of other code are made again.

Small on purpose: 10,000 or 5,000 of the training images (pilots: all 45,000) and few epochs, stated in each record.
1,000 other images choose the epoch, 4,000 more are what settings are compared on ("val_top1" of a run), and all 10,000
test images are read once, by the weights of the best epoch (pilots and rates: never).
"""

import argparse
import dataclasses
import functools
import multiprocessing
import os
import time

import keras
import records
from keras_io_2021 import build_keras_io_2021
from sklearn.model_selection import train_test_split

import cct_helpers as cct
from cct_helpers.images import shrink
from cct_helpers.topics.ablation import PARTS, TWO_PARTS, build_parts

MEAN, STD = (125.31, 122.95, 113.87), (62.99, 62.09, 66.70)  # CIFAR-10, pixel units
CHOOSE_EPOCH = 1000  # validation images; the rest of them compares settings

# Parts: whole images in every epoch, so that every setting is trained on the tokens it is tested on.
PARTS_RECIPE = cct.Recipe(
    epochs=4,
    batch_size=64,
    optimizer="muon",
    learning_rate=4e-3,
    weight_decay=0.05,
    warmup_epochs=1,
    crop_padding=2,
)

# The ladder, on images of 16 x 16 pixels: from the keras.io example of 2021 to the course's model and recipe.
# (name, changed options of the model, changed fields of the recipe); a rung keeps what the rungs below it changed.
IN_2021 = dataclasses.replace(cct.RECIPES["keras_io_2021"], epochs=6, batch_size=64)
RUNGS = [
    ("as_in_2021", {}, {}),
    ("crop", {}, {"crop_padding": 2}),
    ("normalization", {"normalization": [MEAN, STD]}, {}),
    ("schedule", {}, {"schedule": "cosine", "learning_rate": 2e-3, "warmup_epochs": 1}),
    ("weight_decay", {}, {"weight_decay": 5e-2, "decay_all": False}),
    ("head_size", {"head_size": 64}, {}),
    ("position", {"trained_position": True}, {}),
    ("mlp", {"gelu_and_dropout_last": False}, {}),
    ("course_model", {"course": True}, {}),
    ("muon", {}, {"optimizer": "muon", "learning_rate": 4e-3}),
]

# Stronger training, on images of 16 x 16 pixels: the same model throughout, what differs is how it is trained.
BASE = dataclasses.replace(PARTS_RECIPE, epochs=20, optimizer="adamw", learning_rate=2e-3)
MUON = {"optimizer": "muon", "learning_rate": 4e-3}
TOGETHER = {"augment": "auto_augment", "erasing": 0.25, "mixup": 0.8, "cutmix": 1.0, "ema": 0.99, **MUON}
STRONGER = {
    "no_augmentation": {"augment": "none"},
    "flip": {"crop_padding": 0},
    "crop": {"flip": False},
    "crop_and_flip": {},
    "auto_augment": {"augment": "auto_augment"},
    "rand_augment": {"augment": "rand_augment"},
    "random_erasing": {"erasing": 0.25},
    "mixup": {"mixup": 0.8},
    "cutmix": {"cutmix": 1.0},
    "average_of_weights": {"ema": 0.99},
    "muon": MUON,
    "all_together": TOGETHER,
    "longer": {"epochs": 40},
    "longer_muon": {**MUON, "epochs": 40},
    "longer_all_together": {**TOGETHER, "epochs": 40},
    "longest": {"epochs": 80},
    "longest_muon": {**MUON, "epochs": 80},
    "longest_all_together": {**TOGETHER, "epochs": 80},
}

# Could `fast` do with fewer epochs, in smaller batches? One seed, validation alone.
FEWER = dataclasses.replace(PARTS_RECIPE, epochs=6, batch_size=128, image_scales=((0.5, 4), (0.75, 1)))
FIVE = {"batch_size": 64, "epochs": 5, "image_scales": ((0.5, 3), (0.75, 1))}
PILOTS = {
    "batches_of_128": {},
    "batches_of_64": {"batch_size": 64},
    "higher_rate": {"batch_size": 64, "learning_rate": 6e-3},
    "one_epoch_less": FIVE,
    "shorter_warmup": {**FIVE, "warmup_epochs": 0.3},
    "smaller_crop": {**FIVE, "warmup_epochs": 0.3, "crop_padding": 1},
}

# Where the two learning rates of STRONGER come from: the crop and the flip, 20 epochs, one seed, validation alone.
RATES = {
    f"{optimizer}_{rate:g}": {"optimizer": optimizer, "learning_rate": rate}
    for optimizer, rates in {"adamw": (1e-3, 2e-3, 4e-3), "muon": (2e-3, 4e-3, 8e-3)}.items()
    for rate in rates
}


def ladder():
    """The settings of the ladder: {"model": options, "recipe": changed fields}."""
    settings, options, fields = {}, {}, {}
    for rung, (name, option, field) in enumerate(RUNGS):
        options, fields = {**options, **option}, {**fields, **field}
        settings[f"{rung}_{name}"] = {"model": options, "recipe": fields}
    return settings


def from_the_top():
    """The last rung with one fix taken back, as a ladder climbed in another order would meet it last."""
    top = list(ladder().values())[-1]
    taken_back = {"crop": ["crop_padding"], "schedule": ["schedule", "warmup_epochs"]}
    taken_back["weight_decay"] = ["weight_decay", "decay_all"]
    return {
        f"without_{name}": {
            "model": top["model"],
            "recipe": {field: value for field, value in top["recipe"].items() if field not in fields},
        }
        for name, fields in taken_back.items()
    }


@functools.cache
def subset(path, images, scale=1):
    """So many training images of an `.npz`, the classes in proportion, with all validation and test images."""
    data = cct.load_dataset(path, seed=0)
    x_train, _, y_train, _ = train_test_split(
        data.x_train, data.y_train, train_size=images, stratify=data.y_train, random_state=0
    )
    data = data._replace(x_train=x_train, y_train=y_train)
    return data._replace(**{part: shrink(getattr(data, part), scale) for part in ("x_train", "x_val", "x_test")})


def train(data, build, recipe, seed, also=("train", "test"), mirrored=False):
    """Train one model: its scores on validation images and on those of `also`, and its history."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = build()
    choosing = data._replace(x_val=data.x_val[:CHOOSE_EPOCH], y_val=data.y_val[:CHOOSE_EPOCH])
    history = cct.fit(model, choosing, recipe, seed=seed, verbose=False)
    scored = {"val": (data.x_val[CHOOSE_EPOCH:], data.y_val[CHOOSE_EPOCH:])}
    scored |= {part: (getattr(data, f"x_{part}"), getattr(data, f"y_{part}")) for part in also}
    scores = {part: cct.evaluate(model, *arrays) for part, arrays in scored.items()}
    run = {f"{part}_{name}": value for part, found in scores.items() for name, value in found.items()}
    if mirrored:  # test-time augmentation: the mean of the logits of an image and of its mirror image
        logits = cct.predict(model, data.x_test) + cct.predict(model, data.x_test[:, :, ::-1])
        run["test_with_mirrored"] = float((logits.argmax(axis=1) == data.y_test).mean())
    kept = ("loss", "top1", "val_loss", "val_top1", "images_per_second")
    run["history"] = {name: [float(f"{value:.4g}") for value in history[name]] for name in kept}
    run |= {"best_epoch": history["best_epoch"], "seconds": round(sum(history["seconds"]), 1)}
    return {"parameters": model.count_params(), **run}


def train_parts(path, setting, seed):
    build = functools.partial(build_parts, normalization=(MEAN, STD), attention_dropout=0.0, **setting)
    return train(subset(path, 10_000), build, PARTS_RECIPE, seed)


def train_ladder(path, setting, seed):
    options = dict(setting["model"])
    build = functools.partial(build_keras_io_2021, side=16, **options)
    if options.pop("course", False):
        build = functools.partial(cct.build_cct, input_shape=(16, 16, 3), normalization=(MEAN, STD))
    return train(subset(path, 10_000, 0.5), build, dataclasses.replace(IN_2021, **setting["recipe"]), seed)


def train_stronger(path, setting, seed, **scores):
    options = dict(normalization=(MEAN, STD), attention_dropout=0.0, stochastic_depth=0.0)
    build = functools.partial(cct.build_cct, input_shape=(16, 16, 3), **options)
    return train(subset(path, 5000, 0.5), build, dataclasses.replace(BASE, **setting), seed, **scores)


def train_stronger_and_mirror(path, setting, seed):
    return train_stronger(path, setting, seed, mirrored=True)


def train_rates(path, setting, seed):
    return train_stronger(path, setting, seed, also=("train",))


def train_pilots(path, setting, seed):
    options = dict(normalization=(MEAN, STD), attention_dropout=0.0, stochastic_depth=0.0)
    data = cct.load_dataset(path, seed=0)
    return train(data, functools.partial(cct.build_cct, **options), dataclasses.replace(FEWER, **setting), seed, ())


# Grid -> record, function that trains one run, recipe that the settings change, settings, in words.
GRIDS = {
    "parts": (
        "09_parts",
        train_parts,
        PARTS_RECIPE,
        PARTS | TWO_PARTS,
        "CCT-2/3x2 with parts changed; images of 32 x 32 pixels",
    ),
    "ladder": (
        "09_ladder",
        train_ladder,
        IN_2021,
        ladder(),
        "from the example of 2021 upwards; images of 16 x 16 pixels",
    ),
    "top": ("09_from_the_top", train_ladder, IN_2021, from_the_top(), "the last rung of the ladder less one fix"),
    "rates": ("10_rates", train_rates, BASE, RATES, "CCT-2/3x2, three learning rates each; 16 x 16 pixels"),
    "pilots": ("07_pilots", train_pilots, FEWER, PILOTS, "CCT-2/3x2 on growing images: in how few epochs?"),
    "stronger": (
        "10_stronger",
        train_stronger_and_mirror,
        BASE,
        STRONGER,
        "CCT-2/3x2 trained in many ways, no dropout; 16 x 16 pixels",
    ),
}
TRAIN_IMAGES = {"pilots": 45_000, "parts": 10_000, "ladder": 10_000, "top": 10_000, "rates": 5000, "stronger": 5000}
ON_VALIDATION = ("pilots", "rates")  # one seed, no test image read


def seeds_of(grid, name):
    """Five for what every other setting is compared with, one where only the rate is chosen, three otherwise."""
    return range({"as_it_is": 5}.get(name, 1 if grid in ON_VALIDATION else 3))


def one_run(wanted, path):
    """Train one run in a worker process."""
    grid, name, seed = wanted
    _, train_one, _, settings, _ = GRIDS[grid]
    began = time.perf_counter()
    run = {"name": name, "seed": seed, "setting": settings[name], **train_one(path, settings[name], seed)}
    run["made_in_seconds"] = round(time.perf_counter() - began, 1)
    return records.rounded(run)


def on_one_core(counter):
    """Give this worker a processor core of its own, where the system can."""
    with counter.get_lock():
        number = counter.value
        counter.value += 1
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {number % os.cpu_count()})


def begin(grid, note, path):
    """The record of a grid with the runs that there are."""
    name, _, recipe, _, what = GRIDS[grid]
    head = {"what": what, "note": note, "data": records.hash_of_file(path)}
    head |= {"train_images": TRAIN_IMAGES[grid], "recipe": dataclasses.asdict(recipe)}
    head |= {"validation_images": {"choose the epoch": CHOOSE_EPOCH, "compare settings": 5000 - CHOOSE_EPOCH}}
    head |= {"test_images": 0 if grid in ON_VALIDATION else 10_000, "backend": keras.config.backend()}
    return records.begun(name, f"python notebooks/scripts/grid_runs.py --data cifar10.npz {grid}", **head)


def make(grid, pool, note, path):
    """Train what is missing of a grid, and write its record."""
    name, _, _, settings, _ = GRIDS[grid]
    record, file = begin(grid, note, path), records.RESULTS / f"{name}.json"
    done = {(run["name"], run["seed"]) for run in record["runs"]}
    wanted = [(setting, seed) for seed in range(5) for setting in settings if seed in seeds_of(grid, setting)]
    missing = [(grid, *run) for run in wanted if run not in done]
    for run in pool.imap_unordered(functools.partial(one_run, path=path), missing):
        record["runs"].append(run)
        records.keep(record, file, whole=False)
        print(f"{grid} {run['name']} seed {run['seed']}: validation {run['val_top1']:.2%}", flush=True)
    record["runs"].sort(key=lambda run: wanted.index((run["name"], run["seed"])))
    records.keep(record, file, whole=True)
    print(f"{file.name}: {len(record['runs'])} runs", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grids", nargs="+", choices=list(GRIDS), metavar="GRID")
    parser.add_argument("--data", required=True, help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--note", default="", help="what a reader of the record should know of the machine or the data")
    wanted = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(wanted.processes, on_one_core, (spawn.Value("i", 0),)) as pool:
        for grid in wanted.grids:
            make(grid, pool, wanted.note, wanted.data)


if __name__ == "__main__":
    main()
