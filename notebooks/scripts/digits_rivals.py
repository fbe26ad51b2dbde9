"""Notebook 07's record of three CCTs against three ViT-Lites of equal size on scikit-learn's digits.

python notebooks/scripts/digits_rivals.py   # some minutes; writes notebooks/results/07_digits_cct_against_vit_lite.json
"""

import dataclasses
import os

import keras
from records import RESULTS, machine, write

import cct_helpers as cct

RECORD = RESULTS / "07_digits_cct_against_vit_lite.json"
RIVALS = {"CCT": (cct.build_cct, "cct_2_3x2_32", {}), "ViT-Lite": (cct.build_vit_lite, "vit_2_4_32", {"mlp_ratio": 2})}


def train_rival(name, seed, data):
    """Train one rival with the recipe `quick`; return its entry in the record."""
    build, variant, sizes = RIVALS[name]
    sample = data.x_train.astype("float32")
    normalization = sample.mean(axis=(0, 1, 2)), sample.std(axis=(0, 1, 2))
    keras.utils.set_random_seed(seed)
    model = build(variant, input_shape=sample.shape[1:], normalization=normalization, **sizes)
    before = sum(os.times()[:2])  # CPU seconds of this process, user and system
    history = cct.fit(model, data, "quick", seed=seed, verbose=False)
    return {
        "model": name,
        "variant": variant,
        "overrides": sizes,
        "seed": seed,
        "parameters": model.count_params(),
        "seconds": round(sum(history["seconds"]), 1),
        "cpu_seconds": round(sum(os.times()[:2]) - before, 1),
        "val_top1": max(history["val_top1"]),
        "test_top1": cct.evaluate(model, data.x_test, data.y_test)["top1"],
        "val_top1_by_epoch": history["val_top1"],
    }


def main():
    data = cct.load_dataset("digits")
    record = {"command": "python notebooks/scripts/digits_rivals.py", "cores": os.cpu_count()}
    record |= {package: machine()[package] for package in ("keras", "tensorflow", "numpy")}
    record |= {"recipe": dataclasses.asdict(cct.RECIPES["quick"])}
    record |= {"runs": [train_rival(name, seed, data) for seed in range(3) for name in RIVALS]}
    write(RECORD, record)


if __name__ == "__main__":
    main()
