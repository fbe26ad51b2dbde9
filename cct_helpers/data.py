"""Data sets as NumPy arrays: scikit-learn's digits, CIFAR-10, an .npz file, or a folder of class folders."""

import operator
import os
import pathlib
import shutil
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from cct_helpers.environment import profile
from cct_helpers.images import read_class_folders

NAMES = ("digits", "cifar10")
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
TEST_SHARE = 0.2  # of a data set that comes without a test part


class Dataset(NamedTuple):
    """Images (n, height, width, channels) uint8 and labels (n,) int64, contiguous, in three parts; class names."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: list
    name: str


def load_dataset(name_or_path=None, *, seed=0, validation=0.1, image_size=None, channels=None):
    """Load a data set and split off a validation part, the same for the same seed, with the classes in proportion.

    name_or_path: one of
        "digits": scikit-learn's 1,797 handwritten digits, each pixel doubled to 16 x 16 x 1. No download.
        "cifar10": 60,000 photos of 32 x 32 x 3, downloaded once by Keras.
        a path to an .npz with Keras's keys x_train, y_train, x_test, y_test and, if you like, class_names: images uint8
            (n, height, width, channels) or (n, height, width), labels integers from 0, (n,) or (n, 1).
        a path to a folder of class folders, or of train/ and test/ with class folders each; see `read_class_folders`.
        None: what the environment's CCT_DATA says; without it "digits" in the quick profile, "cifar10" in the full one.
    seed: int, chooses the validation images. The test part does not depend on it.
    validation: share of the training part that becomes the validation part, between 0 and 1.
    image_size: (height, width) to which the images of a folder are resized, bilinear. None: they must share one size.
    channels: 3 makes the images of a folder RGB, 1 makes them grey. None: one channel when all are grey, else RGB.

    "digits" and a folder without train/ and test/ give 20 % of each class to the test part.

    Returns: a `Dataset`.
    Raises: FileNotFoundError for an unknown name or path; ConnectionError when CIFAR-10 can't be downloaded; ValueError
    for anything wrong in the data or the arguments, saying what and where.
    """
    name = str(name_or_path or os.environ.get("CCT_DATA") or ("digits" if profile() == "quick" else "cifar10"))
    path = pathlib.Path(name).expanduser()
    for option, value in (("image_size", image_size), ("channels", channels)):
        if value is not None and (name in NAMES or not path.is_dir()):
            raise ValueError(f"{option} changes the images of a folder; {name} is none, leave {option} out")
    if name == "digits":
        arrays = _load_digits()
    elif name == "cifar10":
        arrays = _load_cifar10()
    elif path.is_dir():
        arrays = read_class_folders(path, image_size, channels)
    elif path.suffix == ".npz" and path.is_file():
        arrays = _load_npz(path)
    elif path.exists():
        raise ValueError(f"{path} is neither an .npz file nor a folder of class folders")
    else:
        raise FileNotFoundError(f"no data set {name!r}: give {' or '.join(NAMES)}, or the path of an .npz or a folder")
    x_train, y_train, x_test, y_test, class_names = arrays
    if x_test is None:
        train, test = _split(y_train, class_names, TEST_SHARE, 0, "test")
        x_train, y_train, x_test, y_test = x_train[train], y_train[train], x_train[test], y_train[test]
    keep, held_out = _split(y_train, class_names, validation, operator.index(seed), "validation")
    parts = (x_train[keep], y_train[keep], x_train[held_out], y_train[held_out], x_test, y_test)
    return Dataset(*map(np.ascontiguousarray, parts), class_names, name if name in NAMES else path.resolve().name)


def _split(labels, class_names, share, seed, part):
    """Indices of the two parts of a stratified split; the second, called `part`, gets `share` of the images."""
    if not 0 < share < 1:
        raise ValueError(f"{part} is a share of the images between 0 and 1, not {share}")
    counts = np.bincount(labels, minlength=len(class_names))
    if counts.min() < 2:
        rare = class_names[counts.argmin()]
        raise ValueError(f"class {rare!r} has {counts.min()} images, but a {part} part needs 2 or more of each class")
    size = int(np.ceil(share * len(labels)))
    if min(size, len(labels) - size) < len(class_names):
        raise ValueError(
            f"a {part} share of {share} parts {len(labels)} images into {len(labels) - size} and {size}; both parts "
            f"need one for each of the {len(class_names)} classes: add images or choose another share"
        )
    return train_test_split(np.arange(len(labels)), test_size=share, random_state=seed, stratify=labels)


def _load_digits():
    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype("uint8")
    images = images.repeat(2, axis=1).repeat(2, axis=2)[..., np.newaxis]
    return images, digits.target.astype("int64"), None, None, [str(digit) for digit in range(10)]


def _load_cifar10():
    import keras

    before = _cifar10_downloads()
    loaded = None
    try:
        loaded = keras.datasets.cifar10.load_data()
    except Exception as error:
        damaged = f"delete the copy that may be damaged, {', '.join(map(str, sorted(before)))}; " if before else ""
        raise ConnectionError(
            f"CIFAR-10 could not be downloaded ({error}). Ways on: {damaged}try again with a connection; "
            "set CCT_DATA to the path of an .npz (x_train, y_train, x_test, y_test) or of a folder of class folders; "
            "or use 'digits'"
        ) from error
    finally:  # after an interrupt too
        if loaded is None:
            for path in _cifar10_downloads() - before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    (x_train, y_train), (x_test, y_test) = loaded
    return x_train, y_train[:, 0].astype("int64"), x_test, y_test[:, 0].astype("int64"), list(CIFAR10_CLASSES)


def _cifar10_downloads():
    homes = (
        os.environ.get("KERAS_HOME", "~/.keras"),
        "/tmp/.keras",
    )  # Keras takes the second where the first is read-only
    return {path for home in homes for path in pathlib.Path(home).expanduser().glob("datasets/cifar-10-batches-py*")}


def _load_npz(path):
    try:
        with np.load(path, allow_pickle=False) as file:
            found = file.files
            arrays = {key: file[key] for key in (*NPZ_KEYS, "class_names") if key in found}
    except Exception as error:
        raise ValueError(f"{path} can't be read as an .npz of plain arrays, without Python objects: {error}") from error
    missing = [key for key in NPZ_KEYS if key not in found]
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}: it has {', '.join(found)} and needs {', '.join(NPZ_KEYS)}"
        )
    x_train, x_test = (_checked_images(arrays[key], f"{key} of {path}") for key in ("x_train", "x_test"))
    if x_train.shape[1:] != x_test.shape[1:]:
        raise ValueError(f"{path} has images {x_train.shape[1:]} in x_train but {x_test.shape[1:]} in x_test")
    y_train = _checked_labels(arrays["y_train"], len(x_train), f"y_train of {path}")
    y_test = _checked_labels(arrays["y_test"], len(x_test), f"y_test of {path}")
    highest = max(y_train.max(), y_test.max())
    class_names = np.ravel(arrays.get("class_names", np.arange(highest + 1))).astype(str).tolist()
    if highest >= len(class_names):
        raise ValueError(f"{path} has the label {highest}, but class_names for 0..{len(class_names) - 1} only")
    return x_train, y_train, x_test, y_test, class_names


def _checked_images(images, what):
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or 0 in images.shape:
        wanted = "(n, height, width, channels) or (n, height, width)"
        raise ValueError(f"{what} must be uint8 images {wanted}, but is {images.dtype} {images.shape}")
    return images if images.ndim == 4 else images[..., np.newaxis]


def _checked_labels(labels, n, what):
    if labels.dtype.kind not in "iu" or labels.shape not in ((n,), (n, 1)) or labels.min() < 0:
        lowest = f", lowest {labels.min()}" if labels.size and labels.dtype.kind in "iuf" else ""
        raise ValueError(
            f"{what} must be {n} integers from 0, one an image, but is {labels.dtype} {labels.shape}{lowest}"
        )
    return labels.reshape(n).astype("int64")
