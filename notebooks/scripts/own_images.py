"""Small records for notebook 11: ways to start, how many images, how large, which rate, what to freeze, what it costs.

    python notebooks/scripts/own_images.py

About a quarter of an hour on 2 CPU cores. Writes notebooks/results/11_ways_to_start.json and 11_choices.json after
every run and goes on where it stopped; runs of other code than today's are made again.
"""

import ctypes
import dataclasses
import itertools
import os
import tempfile
import time
from pathlib import Path

if __name__ == "__main__":
    os.environ["TF_CPU_ALLOCATOR_USE_BFC"] = "false"  # memory goes back to the system: the next peak can be seen

import keras
import numpy as np
import records
from PIL import Image
from skimage import data as photos

import cct_helpers as cct
from cct_helpers.data import Dataset
from cct_helpers.topics import costs, own_images

COMMAND = "python notebooks/scripts/own_images.py"
START = "cct_2_3x2_32_cifar10"
STEPS, BATCH = 150, 16
SEEDS = (0, 1)
WAYS = ("from scratch", "head alone", "all layers", "not balanced")
CHANGES = dict(epochs=14, warmup_epochs=2, batch_size=BATCH, crop_padding=2, flip=False)  # the notebook's ten lines
RECIPE = dataclasses.replace(cct.RECIPES["quick"], **CHANGES)
EACH = 20  # images of a class, unless it is asked how many
QUESTIONS = {  # question -> the settings that are compared
    "how many": [dict(each=each, start=start) for each in (5, 10, 20, 40) for start in ("shipped", "scratch")],
    "which rate": [
        *(dict(rate=rate, frozen="nothing") for rate in (3e-4, 1e-3, 3e-3, 1e-2)),
        *(dict(rate=rate, frozen="all but the head") for rate in (1e-3, 1e-2, 3e-2)),
    ],
    "what to freeze": [  # beside nothing and all but the head, which are among the rates
        dict(frozen="tokenizer"),
        dict(frozen="all but the last block"),
        dict(frozen="first all but the head, then nothing"),
    ],
    "how large": [dict(side=side) for side in (8, 16, 32, 64)],
}
COSTS = [  # side, variant
    *((side, "cct_2_3x2_32") for side in (32, 64, 96)),
    *((side, "cct_7_3x1_32") for side in (32, 64)),
    *((side, "cct_7_7x2_224") for side in (96, 224)),
    (224, "cct_14_7x2_224"),
    (384, "cct_14_7x2_384"),
]


def digits(each, seed):
    """Handwritten digits as photos, 32 x 24, `each` of a class to learn from and 20 to test."""
    with tempfile.TemporaryDirectory() as folder:
        folder = own_images.write_digits(Path(folder) / "photos", [each] * 10, 20, seed)
        return cct.load_dataset(folder, image_size=(32, 24), channels=3, validation=0.2, seed=seed)


def surfaces(side, seed):
    """Bricks, grass and gravel: squares of 128 pixels made side x side; the lower quarter of each photo is the test."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for part, count, (first, last) in (("train", 20, (0, 256)), ("val", 8, (0, 256)), ("test", 40, (384, 384))):
        pictures = []
        for read in (photos.brick, photos.grass, photos.gravel):
            for top, left in zip(rng.integers(first, last + 1, count), rng.integers(0, 385, count), strict=True):
                square = Image.fromarray(read()[top : top + 128, left : left + 128].astype("uint8"))
                pictures.append(np.asarray(square.resize((side, side), Image.Resampling.BOX).convert("RGB"), float))
        pictures = np.stack(pictures)
        pictures += 128 - pictures.mean(axis=(1, 2, 3), keepdims=True)  # the mean brightness would tell them apart
        arrays |= {f"x_{part}": pictures.clip(0, 255).astype("uint8"), f"y_{part}": np.repeat(np.arange(3), count)}
    return Dataset(**arrays, class_names=["brick", "grass", "gravel"], name="surfaces")


def untrained(data):
    """The shipped model's architecture and normalization for these images, without its weights."""
    build = cct.load_pretrained(START).card["build"]
    return cct.build_cct(
        build["variant"],
        input_shape=data.x_train.shape[1:],
        num_classes=len(data.class_names),
        normalization=(build["mean"], build["std"]),
    )


def freeze(model, what):
    """Choose the layers that learn."""
    learn = {
        "nothing": lambda name: True,
        "tokenizer": lambda name: name != "tokenizer",
        "all but the last block": lambda name: name in ("block_1", "norm", "pooling", "head"),
        "all but the head": lambda name: name == "head",
    }[what]
    for layer in model.layers:
        layer.trainable = learn(layer.name)
    return model


def train(question, setting, seed):
    """One training of STEPS steps: balanced accuracy on the test images, and how long it took."""
    setting = dict(each=EACH, start="shipped", rate=2e-3, frozen="nothing", side=None) | setting
    frozen = setting["frozen"]
    data = surfaces(setting["side"], seed) if setting["side"] else digits(setting["each"], seed)
    keras.utils.set_random_seed(seed)
    model = untrained(data) if setting["start"] == "scratch" else own_images.start_from(START, data)
    batch = min(BATCH, len(data.x_train))
    gradual = frozen.startswith("first")
    phases = ["all but the head", "nothing"] if gradual else [frozen]
    started = time.perf_counter()
    for phase in phases:
        epochs = max(1, round(STEPS / len(phases) / (len(data.x_train) // batch)))
        recipe = dataclasses.replace(
            cct.RECIPES["quick"], epochs=epochs, batch_size=batch, warmup_epochs=0.1 * epochs, crop_padding=2,
            learning_rate=1e-2 if gradual and phase == "all but the head" else setting["rate"],
        )  # fmt: skip
        cct.fit(freeze(model, phase), data, recipe, seed=seed, verbose=False)
    scores = own_images.class_accuracies(cct.predict(model, data.x_test), data.y_test)
    return {"accuracy": scores.mean(), "training_images": len(data.x_train), "seconds": time.perf_counter() - started}


def resident(what="VmRSS"):
    """Bytes of memory that this process holds, or ("VmHWM") held at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(what)).split()[1])


def measure(side, variant, repeats=3):
    """Seconds an image to answer and to train, and the memory of a training step, for one variant and size."""
    batch = {224: 4, 384: 2}.get(side, 8)
    keras.utils.set_random_seed(0)
    model = cct.build_cct(variant, input_shape=(side, side, 3), num_classes=10, normalization=(120, 60))
    images, labels = np.zeros((batch, side, side, 3), "float32"), np.zeros(batch, int)
    model.compile(keras.optimizers.AdamW(), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    found = {"parameters": model.count_params()}
    for name, run in (("answer", model.predict_on_batch), ("train", lambda x: model.train_on_batch(x, labels))):
        run(images)
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what is free goes back to the system
        before = resident()
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here on
        times = []
        for _ in range(repeats):
            started = time.perf_counter()
            run(images)
            times.append((time.perf_counter() - started) / batch)
        found |= {f"{name}_seconds": min(times), f"{name}_bytes": (resident("VmHWM") - before) / batch}
    counted = costs.model_costs(variant, input_shape=(side, side, 3))
    return found | {"tokens": counted["tokens"], "macs": sum(counted["macs"].values())}


def start(way, seed):
    """One training of the notebook's ten lines, or of another way to start: the accuracy of each class."""
    with tempfile.TemporaryDirectory() as folder:
        folder = own_images.write_digits(Path(folder) / "photos", [24] * 7 + [6] * 3, 20)
        data = cct.load_dataset(folder, image_size=(32, 24), channels=3, validation=0.2)
    keras.utils.set_random_seed(seed)
    model = untrained(data) if way == "from scratch" else own_images.start_from(START, data)
    if way == "head alone":
        own_images.freeze_all_but_head(model)
    part = data if way == "not balanced" else own_images.balanced(data, seed)
    steps = RECIPE.epochs * (len(own_images.balanced(data).x_train) // BATCH)
    changes = {
        "head alone": dict(learning_rate=1e-2),
        "not balanced": dict(epochs=steps // (len(data.x_train) // BATCH)),
    }
    run = cct.fit(model, part, dataclasses.replace(RECIPE, **changes.get(way, {})), seed=seed, verbose=False)
    accuracies = own_images.class_accuracies(cct.predict(model, data.x_test), data.y_test)
    steps = len(run["loss"]) * (len(part.x_train) // BATCH)
    return {"steps": steps, "training_images": len(data.x_train), "class_accuracies": accuracies.tolist()}


def add(name, record, key, run, **setting):
    """Make a run and write the record, unless it is there already."""
    if any(setting.items() <= done.items() for done in record[key]):
        return
    record[key].append(setting | records.rounded(run(**setting)))
    records.write(records.RESULTS / f"{name}.json", record)
    print(record[key][-1], flush=True)


def main():
    """Make the runs that the records do not have yet."""
    name = "11_ways_to_start"
    ways = records.begun(name, COMMAND, start=START, seeds=5, recipe=dataclasses.asdict(RECIPE))
    for way, seed in itertools.product(WAYS, range(5)):
        add(name, ways, "runs", start, way=way, seed=seed)
    name = "11_choices"
    choices = records.begun(name, COMMAND, steps=STEPS, batch=BATCH, seeds=len(SEEDS))
    choices.setdefault("costs", [])
    for side, variant in COSTS:
        add(name, choices, "costs", measure, side=side, variant=variant)
    for question, settings in QUESTIONS.items():
        for setting, seed in itertools.product(settings, SEEDS):
            add(name, choices, "runs", train, question=question, setting=setting, seed=seed)


if __name__ == "__main__":
    main()
