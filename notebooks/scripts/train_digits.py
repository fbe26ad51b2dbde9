"""Train the small model of scikit-learn's digits that ships with the course, in two minutes on two CPU cores.

python notebooks/scripts/train_digits.py FOLDER
python notebooks/scripts/ship_weights.py FOLDER cct_2_3x2_16_digits
"""

import dataclasses
import json
import os
import pathlib
import platform
import sys

import keras
import numpy as np
import records  # noqa: F401  (puts the root of the repository on the path)

import cct_helpers as cct

NAME = "cct_2_3x2_16_digits"


def main(folder):
    data = cct.load_dataset("digits", seed=0)
    mean, std = [round(float(data.x_train.mean()), 2)], [round(float(data.x_train.std()), 2)]
    keras.utils.set_random_seed(0)
    model = cct.build_cct("cct_2_3x2_32", input_shape=(16, 16, 1), normalization=(mean, std))
    history = cct.fit(model, data, "quick", seed=0)
    hits = cct.predict(model, data.x_test).argmax(axis=1) == data.y_test
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{NAME}.npz", **cct.reference_weights(model))
    record = {
        "name": NAME,
        "job": {"builder": "build_cct", "variant": "cct_2_3x2_32", "overrides": {}}
        | dataclasses.asdict(cct.RECIPES["quick"]),
        "data": "scikit-learn's digits, each pixel doubled to 16 x 16; 360 of the 1,797 images for testing",
        "class_names": data.class_names,
        "input_shape": [16, 16, 1],
        "mean": mean,
        "std": std,
        "reproduce": f"python notebooks/scripts/train_digits.py FOLDER && "
        f"python notebooks/scripts/ship_weights.py FOLDER {NAME}",
        "parameters": model.count_params(),
        "weights": f"epoch {history['best_epoch']}, the best on validation",
        "test_top1": float(hits.mean()),
        "test_top1_per_class": [float(hits[data.y_test == label].mean()) for label in range(10)],
        "val_top1": max(history["val_top1"]),
        "train_images": len(data.x_train),
        "val_images": len(data.x_val),
        "epochs": len(history["loss"]),
        "seconds": round(sum(history["seconds"]), 1),
        "device": f"{os.cpu_count()} CPU cores",
        "precision": "float32",
        "versions": {"python": platform.python_version(), "keras": keras.__version__},
        "history": {name: history[name] for name in ("loss", "val_top1", "seconds")},
    }
    (folder / f"{NAME}.json").write_text(json.dumps(record, indent=1))
    print(f"test {record['test_top1']:.4f} after {record['seconds']:.0f} s")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
