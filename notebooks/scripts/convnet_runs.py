"""The race of notebook 16: ResNet-20 against CCT-2/3x2 on CIFAR-10, at equal parameters and equal seconds of a CPU.

    python notebooks/scripts/convnet_runs.py --data cifar10.npz --work FOLDER speed    # a minute, first
    python notebooks/scripts/convnet_runs.py --data cifar10.npz --work FOLDER          # all the rest, about 3 hours

Or name the runs: sweep_MODEL_RATE, plan_resnet_PLAN, or MODEL_SHARE_BUDGET_SEED, such as resnet_tenth_261_0. Each run
that ends is written to notebooks/results/16_against_a_convnet.json at once, and what is there is not made again. FOLDER
keeps the checkpoints, so that a stopped run goes on after its last epoch.

Both models have one recipe, but for the highest learning rate, which a sweep chooses on validation images, on a quarter
of the training images, and for the number of epochs at each image size. These make the budget: `speed` times single
steps of both models by turns, and PLANS have as many epochs as the budget pays for. So a race of equal seconds may be
run on a machine that does other things as well. The plan of CCT was chosen on validation images before; the ResNet's is
chosen from three in the same way as its rate, at the best of its rates. 5,000 images of the training part are held out
and choose rate, plan and best epoch; on a tenth, 4,500 images train and 500 choose. The test images are read once, at
the end, and again moved and covered, for which nothing was chosen.
"""

import argparse
import datetime
import functools
import itertools
import json
import pathlib
import time

import keras
import numpy as np
import records
from sklearn.model_selection import train_test_split

import cct_helpers as cct
from cct_helpers.images import shrink
from cct_helpers.models import at_size
from cct_helpers.recipes import build_optimizer
from cct_helpers.topics.convnets import build_resnet, cover, move

NAME = "16_against_a_convnet"
RECORD = records.RESULTS / f"{NAME}.json"
NORMALIZATION = (125.31, 122.95, 113.87), (62.99, 62.09, 66.70)  # CIFAR-10, pixel units
SCALES = (0.5, 0.75, 1)
BUDGETS = {"261": 261, "900": 900}  # seconds of two quiet cores with AVX-512; CCT's plan took 261 of them
PLANS = {  # model -> plan -> budget -> epochs at each of SCALES
    "cct": {"growing": {"261": (4, 2, 1), "900": (13, 8, 3)}},
    "resnet": {
        "growing": {"261": (2, 1, 1), "900": (8, 4, 3)},
        "half": {"261": (4, 0, 1), "900": (15, 0, 3)},
        "whole": {"261": (0, 0, 2), "900": (0, 0, 7)},
    },
}
FIRST = {model: next(iter(plans)) for model, plans in PLANS.items()}  # the plan with which the rates are swept
RATES = {  # highest learning rates, each 2.5 times the one before, until the best has a worse one on either side
    "cct": (1.6e-3, 4e-3, 1e-2, 2.5e-2, 6.25e-2),
    "resnet": (1.6e-3, 4e-3, 1e-2, 2.5e-2, 6.25e-2, 0.15625),
}
SHARES = {"all": 1, "tenth": 10}
MODELS = ("cct", "resnet")
STEPS = 15  # timed for each model and image size
PIXELS_MOVED, SIDES_COVERED, ASKED = (1, 2, 4, 6, 8), (4, 8, 12, 16), 2000


def all_runs():
    """Names of all runs, in order: every setting with one seed before any with the next."""
    sweeps = [f"sweep_{model}_{rate:g}" for model in MODELS for rate in RATES[model]]
    plans = [f"plan_{model}_{plan}" for model in MODELS for plan in PLANS[model] if plan != FIRST[model]]
    races = [f"{model}_{share}_261_{seed}" for seed in range(3) for share in SHARES for model in MODELS]
    longer = [f"{model}_all_900_{seed}" for seed in range(3) for model in MODELS]
    return [*sweeps, *plans, *races, *longer]


@functools.cache
def load(path, share=1, validation=1):
    """The data with one of `share` training images and of `validation` validation images, the classes in proportion."""
    data = cct.load_dataset(path, seed=0)
    for part, divisor in (("train", share), ("val", validation)):
        images, labels = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
        if divisor > 1:
            size = len(images) // divisor
            images, _, labels, _ = train_test_split(images, labels, train_size=size, stratify=labels, random_state=0)
        data = data._replace(**{f"x_{part}": images, f"y_{part}": labels})
    return data


def build(model, seed=0):
    """One of the two models, new, for raw pixels of CIFAR-10."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    if model == "resnet":
        return build_resnet(20, normalization=NORMALIZATION)
    return cct.build_cct(normalization=NORMALIZATION, attention_dropout=0.0, stochastic_depth=0.0)


def recipe_of(epochs, rate, times=1):
    """The recipe of both models with so many epochs at each scale, all of them `times` as many."""
    scales = tuple((scale, times * count) for scale, count in zip(SCALES[:-1], epochs[:-1], strict=True) if count)
    length = dict(epochs=times * sum(epochs), image_scales=scales, warmup_epochs=times)
    return cct.Recipe(batch_size=128, optimizer="muon", learning_rate=rate, weight_decay=0.05, crop_padding=2, **length)


def measure_speed(path):
    """Seconds of a training step of 128 images at each scale, both models by turns: the fastest of STEPS for each.

    By turns and the fastest, so that what else the machine does touches both models alike and as little as it can.
    """
    data, speed = load(path), {model: {"pixels": [], "step_seconds": [], "step_cpu_seconds": []} for model in MODELS}
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    for scale in SCALES:
        side = round(32 * scale)
        images = shrink(data.x_train[:128], scale).astype("float32")
        targets = np.eye(10, dtype="float32")[data.y_train[:128]]
        sized = {}
        for model in MODELS:
            network = build(model)
            sized[model] = network if scale == 1 else at_size(network, side, side)
            sized[model].compile(build_optimizer(recipe_of((1, 1, 1), 1e-3), network), loss)
        taken = {model: [] for model in MODELS}
        for _, model in itertools.product(range(STEPS + 2), MODELS):
            began = time.perf_counter(), time.process_time()
            sized[model].train_on_batch(images, targets)
            taken[model].append((time.perf_counter() - began[0], time.process_time() - began[1]))
        for model in MODELS:
            fastest = np.min(taken[model][2:], axis=0)  # the first two compile and warm up
            speed[model]["pixels"].append(side)
            speed[model]["step_seconds"].append(float(fastest[0]))
            speed[model]["step_cpu_seconds"].append(float(fastest[1]))
    return speed


def seconds_of(speed, model, epochs):
    """Seconds of a training with so many epochs at each scale, on cores on which CCT's plan takes 261."""
    unit = BUDGETS["261"] / np.dot(speed["cct"]["step_seconds"], PLANS["cct"]["growing"]["261"])
    return float(unit * np.dot(speed[model]["step_seconds"], epochs))


def sweep(model, plan, rate, path, work):
    """One run of a sweep: the epochs of 261 seconds on a quarter of the training images, all validation images."""
    recipe = recipe_of(PLANS[model][plan]["261"], rate)
    history = cct.fit(build(model), load(path, 4), recipe, folder=work / f"sweep_{model}_{plan}_{rate:g}")
    return {"model": model, "plan": plan, "rate": rate, "val_top1": history["val_top1"][-1]}


def best_of(sweeps, model, plans):
    """The best run of the sweeps of a model with these plans."""
    own = [run for run in sweeps.values() if run["model"] == model and run["plan"] in plans]
    if len(own) < len(RATES[model]) + len(plans) - 1:
        raise SystemExit(f"The sweeps of {model} are not complete: run its sweep_{model}_RATE and plan_{model}_PLAN.")
    return max(own, key=lambda run: run["val_top1"])


def race(model, share, budget, seed, sweeps, path, work):
    """One run of the race: what the best epoch answers to the test images, as they are, moved and covered."""
    times, best = SHARES[share], best_of(sweeps, model, list(PLANS[model]))
    epochs, rate = PLANS[model][best["plan"]][budget], best["rate"]
    recipe = recipe_of(epochs, rate, times)
    data, network = load(path, times, times), build(model, seed)
    history = cct.fit(network, data, recipe, folder=work / f"{model}_{share}_{budget}_{seed}", seed=seed)
    answers = cct.predict(network, data.x_test).argmax(axis=1)
    scores = cct.evaluate(network, data.x_test, data.y_test)
    images, labels = data.x_test[:ASKED], data.y_test[:ASKED]

    def top1(changed):
        return float(np.mean(cct.predict(network, changed).argmax(axis=1) == labels))

    return {
        **dict(model=model, share=share, budget=budget, seed=seed, rate=rate, plan=best["plan"]),
        "parameters": int(sum(np.prod(variable.shape) for variable in network.trainable_variables)),
        "epochs": [times * count for count in epochs],
        "best_epoch": history["best_epoch"],
        "train_images": len(data.x_train),
        "validation_images": len(data.x_val),
        "seconds_beside_other_work": sum(history["seconds"]),
        **{f"test_{name}": score for name, score in scores.items()},
        "loss": history["loss"],
        "top1": history["top1"],
        "val_loss": history["val_loss"],
        "val_top1": history["val_top1"],
        "moved": {pixels: top1(move(images, pixels)) for pixels in (0, *PIXELS_MOVED)},
        "covered": {side: top1(cover(images, side)) for side in (0, *SIDES_COVERED)},
        "answers": "".join(map(str, answers)),
    }


def begun():
    """The record with what today's code made, or a new one."""
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    if record.get("fingerprint") != records.fingerprint(NAME):
        timed = {key: record.get(key, {}) for key in ("speed", "machine")}  # alone, on a quiet machine
        record = {"fingerprint": records.fingerprint(NAME), **timed, "sweeps": {}, "runs": {}}
    return record


def write(record, note, path):
    """Write the record, the commonplaces first."""
    speed = record["speed"]
    head = {
        "command": "python notebooks/scripts/convnet_runs.py --data cifar10.npz --work FOLDER",
        "fingerprint": record["fingerprint"],
        "date": str(datetime.date.today()),
        "machine": record["machine"],  # on which the steps were timed; a run names its own processor
        "note": note or record.get("note", ""),
        "seconds": {
            f"{model}_{plan}_{budget}": round(seconds_of(speed, model, epochs), 1)
            for model, plans in PLANS.items()
            for plan, budgets in plans.items()
            for budget, epochs in budgets.items()
            if speed
        },
        "labels": "".join(map(str, load(path).y_test)),
    }
    records.write(RECORD, head | {key: record[key] for key in ("speed", "sweeps", "runs")})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="speed, or names of runs; all runs without one")
    parser.add_argument("--data", required=True, help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for the checkpoints")
    parser.add_argument("--note", default="", help="what a reader of the record should know of the machine or the data")
    wanted = parser.parse_args()
    if unknown := set(wanted.runs) - {"speed", *all_runs()}:
        parser.error(f"no run {', '.join(sorted(unknown))}; there are speed, {', '.join(all_runs())}")
    record = begun()
    for name in wanted.runs or all_runs():
        if name == "speed":
            record["speed"], record["machine"] = records.rounded(measure_speed(wanted.data)), records.machine()
            print(json.dumps(record["speed"], indent=1), flush=True)
        elif name.startswith(("sweep", "plan")) and name not in record["sweeps"]:
            kind, model, choice = name.split("_")
            plan = choice if kind == "plan" else FIRST[model]
            rate = float(choice) if kind == "sweep" else best_of(record["sweeps"], model, [FIRST[model]])["rate"]
            run = sweep(model, plan, rate, wanted.data, wanted.work)
            record["sweeps"][name] = records.rounded(run)
            print(f"{name}: validation {run['val_top1']:.2%}", flush=True)
        elif not name.startswith(("sweep", "plan")) and name not in record["runs"]:
            model, share, budget, seed = name.split("_")
            run = race(model, share, budget, int(seed), record["sweeps"], wanted.data, wanted.work)
            record["runs"][name] = records.rounded(run) | {"processor": records.processor()}
            print(f"{name}: test {run['test_top1']:.2%}", flush=True)
        write(record, wanted.note, wanted.data)


if __name__ == "__main__":
    main()
