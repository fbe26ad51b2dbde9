"""What the loop of `cct.fit` saves against Keras's own `model.fit`: four epochs on the digits, each in a fresh process.

    python notebooks/scripts/time_fit.py              # about five minutes on two quiet cores
    python notebooks/scripts/time_fit.py --rounds 5

Three ways to take the same steps (same model, recipe, batches by the same seed): `cct.fit`; `model.fit` on a PyDataset
that yields the batches of `cct.fit`; `model.fit` on the plain arrays, without augmentation. In turns A B C A B C, so
that what else the machine does falls on all. Compiling and validating are counted. The result goes to
notebooks/results/07_time_fit.json.
"""

import argparse
import dataclasses
import datetime
import json
import os
import statistics
import subprocess
import sys
import time

import records

import cct_helpers as cct

NAME = "07_time_fit"
EPOCHS = 4
RECIPE = dataclasses.replace(cct.RECIPES["quick"], epochs=EPOCHS)


def by_fit(model, data):
    """Seconds of each epoch of `cct.fit`."""
    return cct.fit(model, data, RECIPE, verbose=False)["seconds"]


def by_model_fit(model, data, batches):
    """Seconds of each epoch of `model.fit`, on `batches` or, where None, on the arrays."""
    import keras
    import numpy as np

    from cct_helpers.recipes import build_optimizer, learning_rates

    steps = len(data.x_train) // RECIPE.batch_size
    rates, seconds = learning_rates(RECIPE, steps), []

    class Rates(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch, self.started = epoch, time.perf_counter()

        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate = rates[self.epoch * steps + batch]

        def on_epoch_end(self, epoch, logs=None):
            seconds.append(time.perf_counter() - self.started)

    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=RECIPE.label_smoothing)
    model.compile(build_optimizer(RECIPE, model), loss, metrics=[keras.metrics.CategoricalAccuracy(name="top1")])
    one_hot = np.eye(10, dtype="float32")
    validation = data.x_val.astype("float32"), one_hot[data.y_val]
    common = dict(epochs=EPOCHS, validation_data=validation, callbacks=[Rates()], verbose=0)
    if batches is None:
        count = steps * RECIPE.batch_size
        images, targets = data.x_train[:count].astype("float32"), one_hot[data.y_train[:count]]
        model.fit(images, targets, batch_size=RECIPE.batch_size, **common)
    else:
        model.fit(batches(data, steps), **common)
    return seconds


def pydataset(data, steps):
    """The batches of `cct.fit` as a `keras.utils.PyDataset`."""
    import keras

    from cct_helpers.training import epoch_batches

    class Batches(keras.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.epoch = 0
            self.draw()

        def draw(self):
            self.batches = list(epoch_batches(data.x_train, data.y_train, 10, RECIPE, self.epoch))

        def __len__(self):
            return steps

        def __getitem__(self, index):
            return self.batches[index]

        def on_epoch_end(self):
            self.epoch += 1
            if self.epoch < EPOCHS:
                self.draw()

    return Batches()


WAYS = {
    "cct.fit": by_fit,
    "model.fit, PyDataset": lambda model, data: by_model_fit(model, data, pydataset),
    "model.fit, arrays": lambda model, data: by_model_fit(model, data, None),
}


def turn(way):
    """In a process of its own: seconds of the whole call, and of each epoch."""
    import keras

    keras.utils.set_random_seed(0)
    data = cct.load_dataset("digits")
    model = cct.build_cct(input_shape=data.x_train.shape[1:], normalization=(78, 96))
    began = time.perf_counter()
    epochs = WAYS[way](model, data)
    return {"seconds": round(time.perf_counter() - began, 2), "epochs": [round(second, 2) for second in epochs]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turn", choices=WAYS, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.turn:
        print(json.dumps(turn(wanted.turn)))
        return
    runs = {way: [] for way in WAYS}
    for _ in range(wanted.rounds):
        for way in WAYS:
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
            done = subprocess.run(
                [sys.executable, __file__, "--turn", way], cwd=records.ROOT, capture_output=True, text=True, check=True
            )
            runs[way].append(json.loads(done.stdout.splitlines()[-1]) | {"load_before": load and round(load, 1)})
            print(f"{way}: {runs[way][-1]}", flush=True)
    medians = {way: statistics.median(run["seconds"] for run in own) for way, own in runs.items()}
    record = {"command": "python notebooks/scripts/time_fit.py", "fingerprint": records.fingerprint(NAME)}
    record |= {"date": str(datetime.date.today()), "machine": records.machine(), "median_seconds": medians}
    records.write(records.RESULTS / f"{NAME}.json", record | {"runs": runs})
    print(medians)


if __name__ == "__main__":
    main()
