"""Turn trained weights (from `train_weights.py`) into what the course ships: a float16 file and its card.

python notebooks/scripts/ship_weights.py FOLDER NAME [SHIPPED_NAME]   # writes into cct_helpers/weights/
python notebooks/scripts/ship_weights.py --check --data cifar10.npz   # recomputes every card's test accuracy
"""

import argparse
import hashlib
import json
import pathlib

import numpy as np
import records  # noqa: F401  (puts the root of the repository on the path)

import cct_helpers as cct
from cct_helpers.data import CIFAR10_CLASSES
from cct_helpers.models import REGULARIZATION
from cct_helpers.weights import CARD_FORMAT, SHIPPED, pretrained_names

SCRIPT = "notebooks/scripts/train_weights.py"


def fixed_images(shape, count=4):
    """Images that need no data set: (count, *shape) uint8, always the same, smooth enough to excite a trained model."""
    rng = np.random.default_rng(20)
    coarse = rng.integers(0, 256, (count, 4, 4, shape[-1]))
    return np.kron(coarse, np.ones((1, shape[0] // 4, shape[1] // 4, 1))).astype("uint8")


def ship(folder, name, shipped_name):
    record = json.loads((folder / f"{name}.json").read_text())
    with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
        half = {key: arrays[key].astype("float16") for key in arrays.files}
    SHIPPED.mkdir(exist_ok=True)
    path = SHIPPED / f"{shipped_name}.npz"
    np.savez_compressed(path, **half)
    job, epochs = record.pop("job"), record["epochs"]
    card = {
        "format": CARD_FORMAT,
        "name": shipped_name,
        "data": record.pop("data", "CIFAR-10"),
        "class_names": record.pop("class_names", list(CIFAR10_CLASSES)),
        "build": {
            "builder": job["builder"],
            "variant": job["variant"],
            "overrides": {key: job["overrides"][key] for key in job["overrides"] if key not in REGULARIZATION},
            "input_shape": record.pop("input_shape", [32, 32, 3]),
            "mean": record.pop("mean", [125.31, 122.95, 113.87]),
            "std": record.pop("std", [62.99, 62.09, 66.70]),
        },
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "reproduce": record.pop(
            "reproduce", f"KERAS_BACKEND=jax python {SCRIPT} --data cifar10.npz --epochs {epochs} {name}"
        ),
        "training": job,
        **{key: value for key, value in record.items() if key != "name"},
    }
    card_path = SHIPPED / f"{shipped_name}.json"
    card_path.write_text(json.dumps(card, indent=1) + "\n")
    shape = tuple(card["build"]["input_shape"])
    logits = cct.load_pretrained(shipped_name).predict(fixed_images(shape), verbose=0)
    card["logits_of_fixed_images"] = np.round(logits.astype(float), 4).tolist()
    card_path.write_text(json.dumps(card, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, test {card['test_top1']:.2%}")


def check(data):
    with np.load(data, allow_pickle=False) as arrays:
        images, labels = arrays["x_test"], arrays["y_test"].ravel()
    for name in pretrained_names():
        model = cct.load_pretrained(name)
        if model.input_shape[1:] != images.shape[1:]:
            continue
        top1 = (model.predict(images, batch_size=500, verbose=0).argmax(axis=1) == labels).mean()
        print(f"{name}: test {top1:.2%} from the file, {model.card['test_top1']:.2%} on its card")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("name", nargs="?")
    parser.add_argument("shipped_name", nargs="?")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--data", type=pathlib.Path)
    wanted = parser.parse_args()
    if wanted.check:
        check(wanted.data)
    else:
        ship(wanted.folder, wanted.name, wanted.shipped_name or wanted.name)


if __name__ == "__main__":
    main()
