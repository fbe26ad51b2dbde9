"""How long until 76.45 % on CIFAR-10, the keras.io example's accuracy of 2021? `fast` against the example's own recipe.

    python notebooks/scripts/race_time.py --data cifar10.npz --work FOLDER
    python notebooks/scripts/race_time.py --data cifar10.npz --work FOLDER --epochs 1 keras_io_2021_0

A run is a recipe and a seed. Without a name, those that the record needs and does not have are run: some 80 minutes on
two quiet cores, 54 of them for keras_io_2021_0. 5,000 of the 50,000 training images are held out; they choose the best
epoch, and the test images are read once, at the end. Seconds are those of `cct.fit`, compiling and validating included.
Runs go on after a stop (FOLDER keeps their checkpoints). With --epochs, the 2021 recipe, whose rate is constant, ends
after so many of its 30 epochs, and its record says so. The record goes to notebooks/results/07_race_time.json when all
runs that it needs are there; until then a file .begun beside it keeps those that are. Runs of other code, on other data
or another machine are dropped.
"""

import argparse
import dataclasses
import datetime
import os
import pathlib

import keras
import records
from keras_io_2021 import build_keras_io_2021

import cct_helpers as cct

NAME = "07_race_time"
RECORD = records.RESULTS / f"{NAME}.json"
COMMAND = "python notebooks/scripts/race_time.py --data cifar10.npz --work FOLDER"
NORMALIZATION = (125.31, 122.95, 113.87), (62.99, 62.09, 66.70)  # CIFAR-10, pixel units
RUNS = [f"{recipe}_{seed}" for recipe in ("fast", "fast_80", "keras_io_2021") for seed in range(3)]
NEEDED = ["fast_0", "fast_1", "fast_2", "fast_80_0", "keras_io_2021_0"]  # by the notebooks and the README


def run(name, data, work, epochs):
    """Train one run and return its record."""
    recipe_name, seed = name.rsplit("_", 1)
    recipe = cct.RECIPES[recipe_name]
    if epochs:
        recipe = dataclasses.replace(recipe, epochs=epochs)
    keras.utils.set_random_seed(int(seed))
    if recipe_name == "keras_io_2021":
        model = build_keras_io_2021()
    else:
        model = cct.build_cct(normalization=NORMALIZATION, attention_dropout=0.0, stochastic_depth=0.0)
    load = [round(os.getloadavg()[0], 2)]
    history = cct.fit(model, data, recipe, folder=work / name, seed=int(seed))
    load.append(round(os.getloadavg()[0], 2))
    return {
        "run": name,
        "parameters": model.count_params(),
        "epochs": len(history["loss"]),
        "epochs_of_recipe": cct.RECIPES[recipe_name].epochs,
        "seconds": round(sum(history["seconds"]), 1),
        "test": cct.evaluate(model, data.x_test, data.y_test),
        "load_before_and_after": load,
        "history": history,
    }


def begin(path, note):
    """The record with the runs of today's code on this machine that there are, or a new one.

    Args:
        path: of the .npz.
        note: for the record; the one that it has where this is empty.

    Returns:
        The record, a dict.
    """
    same = {"data": records.hash_of_file(path), "machine": records.machine()}
    same |= {"backend": keras.config.backend()}
    head = {"command": COMMAND, "fingerprint": records.fingerprint(NAME), **same, "cores": os.cpu_count()}
    kept = records.kept(NAME, RECORD, **same)
    head |= {"date": str(datetime.date.today()), "note": note or kept.get("note", "")}
    return kept | head | {"runs": kept.get("runs", [])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="names of runs, anew; those missing without one")
    parser.add_argument("--data", required=True, help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for the checkpoints")
    parser.add_argument("--epochs", type=int, help="end after so many epochs")
    parser.add_argument("--note", default="", help="what a reader of the record should know of the machine or the data")
    wanted = parser.parse_args()
    if unknown := set(wanted.runs) - set(RUNS):
        parser.error(f"no run {', '.join(sorted(unknown))}; there are {', '.join(RUNS)}")
    record = begin(wanted.data, wanted.note)
    for entry in record["runs"] if wanted.epochs else []:
        if entry["run"] in wanted.runs and entry["epochs"] > wanted.epochs:
            parser.error(
                f"The record has {entry['run']} with {entry['epochs']} epochs, which {wanted.epochs} would replace."
            )
    data = cct.load_dataset(wanted.data, seed=0)
    record |= {"train_images": len(data.x_train), "validation_images": len(data.x_val)}
    work = wanted.work / record["fingerprint"]  # a checkpoint of other code is no start
    done = {entry["run"] for entry in record["runs"]}
    for name in wanted.runs or [name for name in NEEDED if name not in done]:
        entry = run(name, data, work, wanted.epochs)
        record["runs"] = [other for other in record["runs"] if other["run"] != name] + [entry]
        done.add(name)
        records.keep(record, RECORD, whole=done.issuperset(NEEDED))
        print(f"{name}: test {entry['test']['top1']:.2%} after {entry['seconds']:.0f} s, {entry['epochs']} epochs")


if __name__ == "__main__":
    main()
