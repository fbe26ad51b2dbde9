"""CCT-2/3x2 on 5,000 images of CIFAR-10, from labels alone and with the shipped CCT-7/3x1 as its teacher.

    python notebooks/scripts/distillation_runs.py --data cifar10.npz

About half an hour on 2 CPU cores, six minutes of it for the logits of the teacher. Writes
notebooks/results/10_distillation.json after every run and goes on where it stopped; runs of other code are made again.

The two ways differ in the loss alone: same images, same first weights, same order, same flips. Nothing is chosen, so
no validation image is read, and the test images once, after the last epoch. The shipped teacher has learnt from
47,500 images, nearly all of these among them.
"""

import argparse
import dataclasses
import functools
import time

import keras
import numpy as np
import records
from keras import ops
from sklearn.model_selection import train_test_split

import cct_helpers as cct
from cct_helpers.recipes import build_optimizer, learning_rates

NAME = "10_distillation"
RECORD = records.RESULTS / f"{NAME}.json"
TEACHER = "cct_7_3x1_32_cifar10"
IMAGES, SEEDS, CLASSES = 5000, (0, 1, 2), 10
TEMPERATURE = 4  # neither it nor the share of the teacher was tuned
SHARES = (0.0, 0.9)  # of the teacher in the loss; without one first
RECIPE = cct.Recipe(
    epochs=16,
    batch_size=128,
    optimizer="muon",
    learning_rate=1e-2,
    weight_decay=0.05,
    warmup_epochs=1,
    label_smoothing=0.0,
    crop_padding=0,
)
NORMALIZATION = (125.31, 122.95, 113.87), (62.99, 62.09, 66.70)  # CIFAR-10, pixel units


@functools.cache
def load(path):
    """The data with 5,000 of its training images, the classes in proportion."""
    data = cct.load_dataset(path, seed=0)
    x, _, y, _ = train_test_split(data.x_train, data.y_train, train_size=IMAGES, stratify=data.y_train, random_state=0)
    return data._replace(x_train=x, y_train=y)


@functools.cache
def both_ways(path):
    """The images as they are and mirrored (2, images, 32, 32, 3), and the teacher's logits (2, images, classes)."""
    images = load(path).x_train
    images, teacher = np.stack([images, images[:, :, ::-1]]), cct.load_pretrained(TEACHER)
    return images, np.stack([cct.predict(teacher, each) for each in images])


def loss_with_teacher(share):
    """(1 - share) of the loss on labels and share of that on the teacher; targets are both, side by side."""
    cross_entropy = functools.partial(keras.losses.categorical_crossentropy, from_logits=True)

    def loss(targets, logits):
        labels, of_teacher = targets[:, :CLASSES], targets[:, CLASSES:]
        soft = ops.softmax(of_teacher / TEMPERATURE)
        from_teacher = TEMPERATURE**2 * cross_entropy(soft, logits / TEMPERATURE)
        return (1 - share) * cross_entropy(labels, logits) + share * from_teacher

    return loss


def train(path, share, seed):
    """Train one model and test it."""
    data, (images, of_teacher) = load(path), both_ways(path)
    keras.utils.set_random_seed(seed)
    model = cct.build_cct(normalization=NORMALIZATION, attention_dropout=0.0, stochastic_depth=0.0)
    optimizer = build_optimizer(RECIPE, model)
    model.compile(optimizer, loss_with_teacher(share))
    labels, rng, steps = np.eye(CLASSES)[data.y_train], np.random.default_rng(seed), IMAGES // RECIPE.batch_size
    rates = learning_rates(RECIPE, steps)
    for epoch in range(RECIPE.epochs):
        order, mirrored = rng.permutation(IMAGES), rng.integers(2, size=IMAGES)
        for step in range(steps):
            batch = order[step * RECIPE.batch_size : (step + 1) * RECIPE.batch_size]
            targets = np.concatenate([labels[batch], of_teacher[mirrored[batch], batch]], axis=1)
            optimizer.learning_rate = rates[epoch * steps + step]
            model.train_on_batch(images[mirrored[batch], batch].astype("float32"), targets.astype("float32"))
    scores = {"test": (data.x_test, data.y_test), "train": (data.x_train, data.y_train)}
    scores = {part: cct.evaluate(model, *arrays) for part, arrays in scores.items()}
    return {f"{part}_{name}": value for part, found in scores.items() for name, value in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help=".npz with x_train, y_train, x_test, y_test")
    path = parser.parse_args().data
    command = "python notebooks/scripts/distillation_runs.py --data cifar10.npz"
    settings = {"images": IMAGES, "temperature": TEMPERATURE, "recipe": dataclasses.asdict(RECIPE)}
    record = records.begun(NAME, command, settings=settings)
    done = {(run["share"], run["seed"]) for run in record["runs"]}
    for seed in SEEDS:
        for share in SHARES:
            if (share, seed) in done:
                continue
            both_ways(path)  # not on the clock of the first run
            began = time.perf_counter()
            run = {"share": share, "seed": seed, **train(path, share, seed)}
            run["made_in_seconds"] = time.perf_counter() - began
            record["runs"].append(records.rounded(run))
            records.write(RECORD, record)
            print(run, flush=True)


if __name__ == "__main__":
    main()
