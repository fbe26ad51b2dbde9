"""Race the training step and inference of CCT-2/3x2, on a CPU: python notebooks/scripts/race_step.py

Ours on TensorFlow, JAX and PyTorch, the keras.io example of 2021, and the authors' PyTorch model (as vit-pytorch has
it: pip install jax torch einops vit-pytorch). About six minutes on two quiet cores. Each turn is a process of its
own, in the order A B C A B C. The result goes to notebooks/results/07_race_step.json when all rounds are there; until
then a file .begun beside it keeps the turns that are, and they are not measured again: stop and start as you like, or
delete the file to measure anew. Turns of other code are dropped.

One step is 128 images forwards, backwards and one update by AdamW, with the loss read at the end. Inference is 128
images to logits. All models get the same images, ready in memory. Times are wall clock, next to the processor time of
all threads together (PyTorch's threads wait busily, so on a loaded machine theirs says little); memory is the
process's peak, libraries included.
"""

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import records

NAME = "07_race_step"
RECORD = records.RESULTS / f"{NAME}.json"
COMMAND = "python notebooks/scripts/race_step.py"
BATCH = 128
OURS, THEIRS, EXAMPLE = "ours, TensorFlow", "authors' PyTorch", "keras.io 2021, TensorFlow"
QUIET, QUIET_THEIRS = f"{OURS}, no dropout", f"{THEIRS}, no dropout"
DEFAULT, NONE = (0.1, 0.1), (0.0, 0.0)  # attention dropout, stochastic depth
RACERS = {  # name -> model, Keras backend, rates
    OURS: ("ours", "tensorflow", DEFAULT),
    THEIRS: ("authors", "torch", DEFAULT),
    EXAMPLE: ("keras_io_2021", "tensorflow", None),
    "ours, PyTorch": ("ours", "torch", DEFAULT),
    "ours, JAX": ("ours", "jax", DEFAULT),
    QUIET: ("ours", "tensorflow", NONE),
    QUIET_THEIRS: ("authors", "torch", NONE),
}
RATIOS = [(OURS, THEIRS), (QUIET, QUIET_THEIRS), (OURS, EXAMPLE)]
PACKAGES = ("keras", "tensorflow", "jax", "torch", "numpy")


def authors_model(rates):
    """The authors' CCT-2/3x2 for 32 x 32 pixels, from vit-pytorch: (model, parameters).

    Its block has the norm in the middle, as the authors' code does. Raises SystemExit where the sizes are not theirs.
    """
    # The file alone: the package as a whole imports torchvision, which its CCT does without.
    found = importlib.util.find_spec("vit_pytorch")
    spec = importlib.util.spec_from_file_location("vit_pytorch_cct", Path(found.origin).with_name("cct.py"))
    cct_module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cct_module)
    attention_dropout, stochastic_depth = rates
    model = cct_module.cct_2(
        img_size=32,
        n_conv_layers=2,
        kernel_size=3,
        positional_embedding="learnable",
        num_classes=10,
        attention_dropout=attention_dropout,
        stochastic_depth_rate=stochastic_depth,
    )
    parameters = sum(p.numel() for p in model.parameters())
    if parameters != 283_723 or not hasattr(model.classifier.blocks[0], "norm1"):
        raise SystemExit(
            f"This vit-pytorch's CCT-2/3x2 is not the authors': {parameters:,} parameters, not 283,723, or no norm in "
            "the middle of a block. The race was written for vit-pytorch 1.26."
        )
    return model, parameters


def example():
    """Random pixels (128, 32, 32, 3) from 0 to 255 and one-hot targets (128, 10), float32."""
    import numpy as np

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH, 32, 32, 3)).astype("float32")
    return images, np.eye(10, dtype="float32")[rng.integers(0, 10, BATCH)]


def authors_turn(rates):
    """Functions that take one training step and infer once, and the number of parameters."""
    import torch

    images, targets = example()
    images = torch.from_numpy(((images - 125) / 63).transpose(0, 3, 1, 2).copy())
    targets = torch.from_numpy(targets)
    model, parameters = authors_model(rates)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=3e-2)

    def train():
        model.train()
        loss = torch.nn.functional.cross_entropy(model(images), targets, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    def infer():
        model.eval()
        with torch.inference_mode():
            return model(images).numpy()

    return train, infer, parameters


def keras_turn(kind, rates):
    """The same for a Keras model, on the backend that KERAS_BACKEND names."""
    import cct_helpers as cct

    if kind == "ours":
        attention_dropout, stochastic_depth = rates
        normalization = ((125.0,) * 3, (63.0,) * 3)
        overrides = dict(attention_dropout=attention_dropout, stochastic_depth=stochastic_depth)
        model = cct.build_cct("cct_2_3x2_32", normalization=normalization, **overrides)
    else:
        from keras_io_2021 import build_keras_io_2021

        model = build_keras_io_2021()
    import keras

    optimizer = keras.optimizers.AdamW(5e-4, weight_decay=3e-2)
    model.compile(optimizer, keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1))
    images, targets = example()
    return (
        lambda: float(model.train_on_batch(images, targets)),
        lambda: keras.ops.convert_to_numpy(model.predict_on_batch(images)),
        model.count_params(),
    )


def timed(work, warm_up, steps):
    """Seconds of each call of `work` by the wall, and mean seconds of processor time."""
    for _ in range(warm_up):
        work()
    taken, processor_began = [], time.process_time()
    for _ in range(steps):
        began = time.perf_counter()
        work()
        taken.append(round(time.perf_counter() - began, 4))
    return taken, round((time.process_time() - processor_began) / steps, 4)


def peak():
    """The most memory that this process has held so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux getrusage begins with the memory of the process that started this one
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        kilobytes = int(line.split()[1])
    else:
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return round(kilobytes * 1024 / 1e6)


def turn(name, warm_up, steps):
    """One turn of one racer, in this process."""
    kind, _, rates = RACERS[name]
    train, infer, parameters = authors_turn(rates) if kind == "authors" else keras_turn(kind, rates)
    result = {"parameters": parameters}
    for part, work in (("inference", infer), ("training", train)):  # training needs more memory, so it comes last
        seconds, processor_seconds = timed(work, warm_up, steps)
        result[part] = {"seconds": seconds, "processor_seconds": processor_seconds, "peak_mb": peak()}
    return result


def in_a_process(name, settings):
    """The same in a process of its own, with the load average around it."""
    before = os.getloadavg()[0]
    environment = os.environ | {"KERAS_BACKEND": RACERS[name][1], "CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, __file__, "--turn", name]
    command += [f"--{option.replace('_', '-')}={settings[option]}" for option in ("warm_up", "steps")]
    done = subprocess.run(command, cwd=records.ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} fell out of the race:\n{done.stderr[-2000:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    return result | {"load": [round(before, 2), round(os.getloadavg()[0], 2)]}


def images_per_second(run, part):
    """Images a second in one turn, by the median step."""
    return BATCH / statistics.median(run[part]["seconds"])


def middle(values, digits):
    """The median of `values` with the lowest and the highest."""
    return {
        "median": round(statistics.median(values), digits),
        "lowest": round(min(values), digits),
        "highest": round(max(values), digits),
    }


def summary(runs):
    """Racer -> images a second and memory over all rounds; and ratios within a round."""
    racers = {}
    for name in RACERS:
        own = [run for run in runs if run["name"] == name]
        if not own:
            continue
        racers[name] = {"parameters": own[0]["parameters"]}
        for part in ("training", "inference"):
            racers[name][part] = {
                "images_per_second": middle([images_per_second(run, part) for run in own], 1),
                "processor_ms_per_image": middle([1000 * run[part]["processor_seconds"] / BATCH for run in own], 3),
                "peak_mb": round(statistics.median(run[part]["peak_mb"] for run in own)),
            }
    turns = {(run["name"], run["round"]): run for run in runs}
    ratios = {}
    for one, other in RATIOS:
        pairs = [
            (run, turns[other, run["round"]]) for run in runs if run["name"] == one and (other, run["round"]) in turns
        ]
        if pairs:
            ratios[f"{one} / {other}"] = {
                "images_per_second": middle(
                    [images_per_second(a, "training") / images_per_second(b, "training") for a, b in pairs], 2
                ),
                "by_processor_time": middle(
                    [b["training"]["processor_seconds"] / a["training"]["processor_seconds"] for a, b in pairs], 2
                ),
            }
    return {"racers": racers, "training_ratios": ratios}


def header(settings):
    """What the record was made with."""
    # Its module has no version, and importing it as a whole would need torchvision.
    machine = records.machine(PACKAGES) | {"vit-pytorch": importlib.metadata.version("vit-pytorch")}
    head = {"command": COMMAND, "fingerprint": records.fingerprint(NAME), "date": str(datetime.date.today())}
    return {**head, "machine": machine, "batch": BATCH, "settings": settings}


def table(record):
    """The summary, in lines to read."""
    lines = [f"{'training step, batch 128':40} images/s  (lowest-highest)   peak MB   inference images/s"]
    for name, racer in record["summary"]["racers"].items():
        rate, memory = racer["training"]["images_per_second"], racer["training"]["peak_mb"]
        spread = f"({rate['lowest']:.0f}-{rate['highest']:.0f})"
        faster = racer["inference"]["images_per_second"]["median"]
        lines.append(f"{name:40} {rate['median']:8.0f}  {spread:17} {memory:9} {faster:20.0f}")
    for pair, ratio in record["summary"]["training_ratios"].items():
        wall, work = ratio["images_per_second"], ratio["by_processor_time"]
        lines.append(f"{pair}: {wall['median']} ({wall['lowest']}-{wall['highest']}), processor time {work['median']}")
    return "\n".join(lines)


def check_packages():
    """Raise SystemExit, saying what to install, where a racer's package is missing."""
    missing = [name for name in ("jax", "torch", "einops", "vit_pytorch") if not importlib.util.find_spec(name)]
    if missing:
        names = " ".join(missing).replace("_", "-")
        raise SystemExit(f"The race runs against PyTorch, JAX and vit-pytorch. Missing here: pip install {names}")


def race(path, settings, rounds, note):
    """Run the turns that `path`, or what is begun of it, does not have yet; write after each.

    Args:
        path: of the record.
        settings: {"warm_up": steps, "steps": timed steps}.
        rounds: how many turns each racer has in a whole record.
        note: for the record, or None.

    Raises:
        SystemExit: where a package is missing, a racer fails, or the record has other settings or another machine.
    """
    check_packages()
    head = header(settings)
    record = head | {"runs": []} | records.kept(NAME, path) | {"date": head["date"]}
    differing = [key for key in ("machine", "settings") if record[key] != head[key]]
    if differing:
        raise SystemExit(
            f"{path}, or the file .begun beside it, was begun with a different {', '.join(differing)}. Move it away to "
            "race anew."
        )
    if note:
        record["note"] = note
    done = {(run["name"], run["round"]) for run in record["runs"]}
    turns = [(name, number) for number in range(1, rounds + 1) for name in RACERS]
    for name, number in turns:
        if (name, number) not in done:
            date = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
            run = {"name": name, "round": number, "date": date} | in_a_process(name, settings)
            record["runs"].append(run)
            done.add((name, number))
            record["summary"] = summary(record["runs"])
            records.keep(record, path, whole=done.issuperset(turns))
            print(f"round {number}, {name}: {images_per_second(run, 'training'):.0f} images/s", flush=True)
    print(table(record))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--warm-up", type=int, default=3, help="steps before the timed ones")
    parser.add_argument("--steps", type=int, default=10, help="timed steps in a turn")
    parser.add_argument("--record", type=Path, default=RECORD, help="where to write the results")
    parser.add_argument("--note", help="what else the machine did, for the record")
    parser.add_argument("--turn", choices=RACERS, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.turn:
        print(json.dumps(turn(wanted.turn, wanted.warm_up, wanted.steps)))
    else:
        settings = {"warm_up": wanted.warm_up, "steps": wanted.steps}
        race(wanted.record, settings, wanted.rounds, wanted.note)


if __name__ == "__main__":
    main()
