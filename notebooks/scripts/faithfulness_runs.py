"""Which maps survive the deletion test, on CIFAR-10: python notebooks/scripts/faithfulness_runs.py CIFAR10.npz

CIFAR10.npz has Keras's keys (x_test, y_test). Runs the function `measure` of notebook 08 with the shipped CCT-2 on the
first 200 test images, right or wrong, none chosen, once for each way to fill a removed square; then its confidence on
all test images. Writes notebooks/results/08_faithfulness_cifar10.json when all of it is there; until then a file .begun
beside it keeps the parts that are, so that a stopped run goes on. Parts of other code or other images are dropped.
About ten minutes on two cores.
"""

import argparse
import datetime
from pathlib import Path

import numpy as np
import records
from scipy.special import softmax

import cct_helpers as cct
from cct_helpers.topics import faithfulness

RECORD = records.RESULTS / "08_faithfulness_cifar10.json"
NAME, IMAGES, LARGEST = "cct_2_3x2_32_cifar10", 200, 8
FILLS = {"mean colour": faithfulness.mean_fill, "blur": faithfulness.blurred_fill}


def agreement(one, other):
    """Rank correlation of two kinds of map, image by image, and how many of their 8 largest squares they share."""
    shared = faithfulness.largest_shared(one, other, LARGEST)
    return {"rank": np.round(faithfulness.spearman(one, other), 4).tolist(), "shared": shared.tolist()}


def deletion(model, images, fill):
    """Areas for each image, mean curves, and what occlusion says to the maps; beside it occlusion itself."""
    curves, maps, occlusion = records.function_of(records.source_of("08"), "measure")(model, images, fill)
    counts = faithfulness.removal_counts(occlusion.shape[1])
    own = [name for name, values in maps.items() if values.ndim == 2]
    strongest = {name: np.take_along_axis(occlusion, faithfulness.order_of(maps[name])[:, :LARGEST], 1) for name in own}
    return occlusion, {
        "mean_curve": {name: np.round(curve.mean(axis=0), 4).tolist() for name, curve in curves.items()},
        "area": {name: np.round(faithfulness.area(curve, counts), 4).tolist() for name, curve in curves.items()},
        "against_occlusion": {name: agreement(maps[name], occlusion) for name in own},
        "occlusion_of_the_8_largest": {name: float(effects.mean()) for name, effects in strongest.items()},
        "occlusion_mean": float(occlusion.mean()),
        "occlusion_below_0.01": float((np.abs(occlusion) < 0.01).mean()),
        "occlusion_negative": float((occlusion < 0).mean()),
    }


def heavy_tokens(model, images):
    """Of the tokens with more than three times the uniform weight, those that vote for the second class."""
    weights, votes = cct.pooling_weights(model, images), cct.token_votes(model, images)
    best = np.argsort(-cct.predict(model, images), axis=1)
    each = np.arange(len(images))
    difference = votes[each, :, best[:, 0]] - votes[each, :, best[:, 1]]  # (images, tokens)
    heavy = weights * weights.shape[1] > 3
    return {
        "tokens": int(heavy.sum()),
        "for_the_second_class": int((heavy & (difference < 0)).sum()),
        "images_with_one": int((heavy & (difference < 0)).any(axis=1).sum()),
        "mean_over_classes_of_votes": float(np.abs(votes.mean(axis=2)).mean() / np.abs(votes).mean()),
    }


def confidence(model, images, labels):
    """How often the model is right where it is so sure, in tenths, and its surest errors."""
    probabilities = softmax(cct.predict(model, images), axis=1)
    said, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right, tenth = said == labels, np.minimum((10 * sure).astype(int), 9)
    wrong = np.flatnonzero(~right)
    surest, names = wrong[np.argsort(-sure[wrong])][:12], model.card["class_names"]
    return {
        "images": len(labels),
        "right": int(right.sum()),
        "mean_confidence": float(sure.mean()),
        "mean_confidence_where_wrong": float(sure[wrong].mean()),
        "tenths": [
            {
                "from": i / 10,
                "images": int(some.sum()),
                "right": int(right[some].sum()),
                "confidence": float(sure[some].mean()),
            }
            for i in range(10)
            if (some := tenth == i).any()
        ],
        "surest_errors": [
            {"image": int(i), "says": names[said[i]], "is": names[labels[i]], "confidence": round(float(sure[i]), 4)}
            for i in surest
        ],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cifar10", type=Path, help=".npz with x_test and y_test of CIFAR-10")
    path = parser.parse_args().cifar10
    with np.load(path) as arrays:
        images, labels = arrays["x_test"], np.ravel(arrays["y_test"])
    model = cct.load_pretrained(NAME)
    data = records.hash_of_file(path)
    record = records.kept(RECORD.stem, RECORD, data=data)
    if "confidence" in record:  # whole: made again from the first part on
        record = {}
    record |= {"command": "python notebooks/scripts/faithfulness_runs.py CIFAR10.npz", "model": NAME}
    record |= {"fingerprint": records.fingerprint(RECORD.stem), "date": str(datetime.date.today()), "data": data}
    record |= {"machine": records.machine(), "sha256": model.card["sha256"]}
    record |= {"images": IMAGES, "random_orders": 20, "others": faithfulness.OTHERS, "seed": 0}
    record["counts"] = faithfulness.removal_counts(64).tolist()
    for name, fill in FILLS.items():
        if name not in record:
            occlusion, record[name] = deletion(model, images[:IMAGES], fill)
            record[name]["occlusion"] = np.round(occlusion, 4).tolist()
            records.keep(record, RECORD, whole=False)
            print(name, "done", flush=True)
    one, other = (np.array(record[name].pop("occlusion")) for name in FILLS)
    record["occlusion_of_both_fills"] = agreement(one, other)
    record["heavy_tokens"] = heavy_tokens(model, images[:IMAGES])
    record["confidence"] = confidence(model, images, labels)
    records.keep(record, RECORD, whole=True)


if __name__ == "__main__":
    main()
