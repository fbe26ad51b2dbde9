"""How long until 76.45 % on CIFAR-10, the keras.io example's accuracy of 2021? `fast` against the example's own recipe.

python notebooks/scripts/race_time.py --data cifar10.npz --work FOLDER fast_0 fast_1 fast_2 keras_io_2021_0
python notebooks/scripts/race_time.py --data cifar10.npz --work FOLDER --epochs 1 keras_io_2021_0

A run is a recipe and a seed. 5,000 of the 50,000 training images are held out; they choose the best epoch, and the test
images are read once, at the end. Seconds are those of `cct.fit`, compiling and validating included. Runs go on after a
stop (FOLDER keeps their checkpoints). With --epochs, the 2021 recipe, whose rate is constant, ends after so many of its
30 epochs, and its record says so. Each run that ends is written to notebooks/results/07_race_time.json at once.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform

import keras
from keras_io_2021 import build_keras_io_2021
from records import RESULTS, write

import cct_helpers as cct

RECORD = RESULTS / "07_race_time.json"
NORMALIZATION = (125.31, 122.95, 113.87), (62.99, 62.09, 66.70)  # CIFAR-10, pixel units
RUNS = [f"{recipe}_{seed}" for recipe in ("fast", "fast_80", "keras_io_2021") for seed in range(3)]


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", choices=RUNS, metavar="RUN")
    parser.add_argument("--data", required=True, help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for the checkpoints")
    parser.add_argument("--epochs", type=int, help="end after so many epochs")
    parser.add_argument("--note", default="", help="what a reader of the record should know of the machine or the data")
    wanted = parser.parse_args()
    data = cct.load_dataset(wanted.data, seed=0)
    for name in wanted.runs:
        entry = run(name, data, wanted.work, wanted.epochs)
        record = json.loads(RECORD.read_text()) if RECORD.exists() else {"runs": []}
        record["runs"] = [other for other in record["runs"] if other["run"] != name] + [entry]
        record |= {
            "how": "python notebooks/scripts/race_time.py --data cifar10.npz --work FOLDER " + " ".join(wanted.runs),
            "train_images": len(data.x_train),
            "validation_images": len(data.x_val),
            "cores": os.cpu_count(),
            "versions": {"python": platform.python_version(), "keras": keras.__version__},
            "backend": keras.config.backend(),
            "note": wanted.note,
        }
        write(RECORD, record)
        print(f"{name}: test {entry['test']['top1']:.2%} after {entry['seconds']:.0f} s, {entry['epochs']} epochs")


if __name__ == "__main__":
    main()
