"""The real trainings behind notebooks 09 and 10, on CIFAR-10 and a CPU: which part, which fix, which trick pays?

    python notebooks/scripts/grid_runs.py --data cifar10.npz --work FOLDER parts ladder stronger
    python notebooks/scripts/grid_runs.py --data cifar10.npz --work FOLDER --collect parts ladder stronger

A grid is a dict of settings, each trained with 3 seeds. One process a core, each on a core of its own; FOLDER keeps a
file a run, so that a stopped grid goes on. --collect writes what FOLDER has to notebooks/results, one record a grid.

Small on purpose: 10,000 or 5,000 of the training images and few epochs, stated in each record. All 10,000 test images
are read, once, by the weights of the best epoch on 1,000 other images.
"""

import argparse
import dataclasses
import functools
import multiprocessing
import os
import pathlib
import platform
import time

import keras
from keras_io_2021 import build_keras_io_2021
from records import RESULTS, write
from sklearn.model_selection import train_test_split

import cct_helpers as cct
from cct_helpers.images import shrink
from cct_helpers.topics.ablation import PARTS, TWO_PARTS, build_parts, run_grid

MEAN, STD = (125.31, 122.95, 113.87), (62.99, 62.09, 66.70)  # CIFAR-10, pixel units
SEEDS = range(3)

# Parts: whole images only in the last epoch, smaller ones before, as in the recipe `fast`.
PARTS_RECIPE = dataclasses.replace(cct.RECIPES["fast"], epochs=5, batch_size=64, image_scales=((0.5, 3), (0.75, 1)))

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
BASE = dataclasses.replace(
    cct.RECIPES["fast"], epochs=20, batch_size=64, image_scales=(), optimizer="adamw", learning_rate=2e-3
)
TOGETHER = {"augment": "auto_augment", "erasing": 0.25, "mixup": 0.8, "cutmix": 1.0, "ema": 0.99, "optimizer": "muon"}
TOGETHER |= {"learning_rate": 4e-3}
STRONGER = {
    "no_augmentation": {"augment": "none"},
    "crop_and_flip": {},
    "auto_augment": {"augment": "auto_augment"},
    "rand_augment": {"augment": "rand_augment"},
    "random_erasing": {"erasing": 0.25},
    "mixup": {"mixup": 0.8},
    "cutmix": {"cutmix": 1.0},
    "average_of_weights": {"ema": 0.99},
    "muon": {"optimizer": "muon", "learning_rate": 4e-3},
    "all_together": TOGETHER,
    "longer": {"epochs": 40},
    "longer_all_together": {**TOGETHER, "epochs": 40},
    "longest": {"epochs": 80},
    "longest_all_together": {**TOGETHER, "epochs": 80},
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


def parts_run(data, setting):
    build = functools.partial(build_parts, normalization=(MEAN, STD), attention_dropout=0.0, **setting)
    return data, build, PARTS_RECIPE


def ladder_run(data, setting):
    options = dict(setting["model"])
    build = functools.partial(build_keras_io_2021, side=16, **options)
    if options.pop("course", False):
        build = functools.partial(cct.build_cct, input_shape=(16, 16, 3), normalization=(MEAN, STD))
    return halved(data), build, dataclasses.replace(IN_2021, **setting["recipe"])


def stronger_run(data, setting):
    build = functools.partial(
        cct.build_cct, input_shape=(16, 16, 3), normalization=(MEAN, STD), attention_dropout=0.0, stochastic_depth=0.0
    )
    return halved(data), build, dataclasses.replace(BASE, **setting)


# grid -> (record, training images, settings, function from (data, setting) to (data, builder, recipe), in words)
GRIDS = {
    "parts": ("09_parts", 10_000, PARTS | TWO_PARTS, parts_run, "CCT-2/3x2 with parts changed; 16, 24, then 32 pixels"),
    "ladder": ("09_ladder", 10_000, ladder(), ladder_run, "from the example of 2021 upwards; images of 16 x 16 pixels"),
    "top": ("09_from_the_top", 10_000, from_the_top(), ladder_run, "the last rung of the ladder less one fix"),
    "stronger": ("10_stronger", 5_000, STRONGER, stronger_run, "CCT-2/3x2 trained in many ways; 16 x 16 pixels"),
}


def halved(data):
    """The same data set with images of half the side."""
    return data._replace(**{part: shrink(getattr(data, part), 0.5) for part in ("x_train", "x_val", "x_test")})


@functools.cache
def subset(path, images):
    """So many training images of an `.npz`, the classes in proportion, 1,000 for validation, and all test images."""
    data = cct.load_dataset(path, seed=0)
    x_train, _, y_train, _ = train_test_split(
        data.x_train, data.y_train, train_size=images, stratify=data.y_train, random_state=0
    )
    return data._replace(x_train=x_train, y_train=y_train, x_val=data.x_val[:1000], y_val=data.y_val[:1000])


def train(grid, path, setting, seed):
    """One run: what a model with this setting scores on the test images, and its history."""
    _, images, _, run, _ = GRIDS[grid]
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    data, build, recipe = run(subset(path, images), setting)
    model = build()
    history = cct.fit(model, data, recipe, seed=seed, verbose=False)
    scores = cct.evaluate(model, data.x_test, data.y_test)
    if grid == "stronger":  # test-time augmentation: the mean of the logits of an image and of its mirror image
        mirrored = (cct.predict(model, data.x_test) + cct.predict(model, data.x_test[:, :, ::-1])) / 2
        scores["with_mirrored"] = float((mirrored.argmax(axis=1) == data.y_test).mean())
    rounded = {
        name: [float(f"{value:.4g}") for value in history[name]]
        for name in ("loss", "top1", "val_loss", "val_top1", "images_per_second")
    }
    return {
        "parameters": model.count_params(),
        **{f"test_{name}": score for name, score in scores.items()},
        "best_epoch": history["best_epoch"],
        "seconds": round(sum(history["seconds"]), 1),
        "history": rounded,
    }


def one_run(wanted, path, work):
    """Train one run in a worker process, unless its file is there."""
    grid, name, seed = wanted
    began = time.perf_counter()
    (run,) = run_grid(functools.partial(train, grid, path), {name: GRIDS[grid][2][name]}, [seed], work / grid)
    return f"{grid} {name} seed {seed}: test {run['test_top1']:.2%} ({time.perf_counter() - began:.0f} s)"


def on_one_core(counter):
    """Give this worker a processor core of its own, where the system can."""
    with counter.get_lock():
        number = counter.value
        counter.value += 1
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {number % os.cpu_count()})


def collect(grid, work, note):
    """Write the runs that there are to the record of a grid."""
    record, images, settings, _, what = GRIDS[grid]
    runs = []
    for name, setting in settings.items():
        seeds = [seed for seed in SEEDS if (work / grid / f"{name}_s{seed}.json").exists()]
        runs += run_grid(None, {name: setting}, seeds, work / grid)
    recipe = {"parts": PARTS_RECIPE, "ladder": IN_2021, "top": IN_2021, "stronger": BASE}[grid]
    whole = {
        "command": f"python notebooks/scripts/grid_runs.py --data cifar10.npz --work FOLDER {grid}",
        "what": what,
        "note": note,
        "train_images": images,
        "validation_images": 1000,
        "test_images": 10_000,
        "recipe": dataclasses.asdict(recipe),
        "machine": f"{os.cpu_count()} CPU cores, one run on each",
        "versions": {"python": platform.python_version(), "keras": keras.__version__},
        "backend": keras.config.backend(),
        "runs": runs,
    }
    path = RESULTS / f"{record}.json"
    write(path, whole)
    print(f"{path.name}: {len(runs)} of {len(settings) * len(SEEDS)} runs")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grids", nargs="+", choices=list(GRIDS), metavar="GRID")
    parser.add_argument("--data", help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for the files of the runs")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--collect", action="store_true", help="train nothing, write the records")
    parser.add_argument("--note", default="", help="what a reader of the record should know of the machine or the data")
    wanted = parser.parse_args()
    if not wanted.collect:
        runs = [(grid, name, seed) for seed in SEEDS for grid in wanted.grids for name in GRIDS[grid][2]]
        spawn = multiprocessing.get_context("spawn")
        counter = spawn.Value("i", 0)
        with spawn.Pool(wanted.processes, on_one_core, (counter,)) as pool:
            for line in pool.imap_unordered(functools.partial(one_run, path=wanted.data, work=wanted.work), runs):
                print(line, flush=True)
    for grid in wanted.grids:
        collect(grid, wanted.work, wanted.note)


if __name__ == "__main__":
    main()
