"""Data sets as NumPy arrays: digits, one of Keras's small data sets, an .npz file, or a folder of class folders."""

import operator
import os
import pathlib
import shutil
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from cct_helpers import images as image_files
from cct_helpers.environment import chosen_data, chosen_size, profile
from cct_helpers.npz import Source, read_npz

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FASHION_CLASSES = (
    *("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
CIFAR100_CLASSES = tuple(
    """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm""".split()
)
DOWNLOADED = {  # name: what errors call it, class names, where Keras keeps it
    "cifar10": ("CIFAR-10", CIFAR10_CLASSES, "cifar-10-batches-py*"),
    "cifar100": ("CIFAR-100", CIFAR100_CLASSES, "cifar-100-python*"),
    "mnist": ("MNIST", tuple("0123456789"), "mnist.npz*"),
    "fashion_mnist": ("Fashion-MNIST", FASHION_CLASSES, "fashion-mnist/*"),
}
NAMES = ("digits", *DOWNLOADED)
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
    """Load a data set in three parts. What is missing is split off, the same for the same seed.

    Where something was changed or left out on the way, one line says so.

    Args:
        name_or_path: one of
            "digits": scikit-learn's 1,797 handwritten digits, each pixel doubled to 16 x 16 x 1. No download.
            "cifar10", "cifar100", "mnist", "fashion_mnist": downloaded once by Keras.
            a path to an .npz with Keras's keys x_train, y_train, x_test, y_test and, if you like, x_val, y_val and
                class_names, or with other usual names for them; `npz.read_npz` has the rest.
            a path to a folder of class folders, with or without train/, val/ and test/;
                `images.find_images` has the layouts.
            None: what the environment's CCT_DATA says; without it "digits" in the quick profile, "cifar10" in the full
                one.
        seed: int, chooses the validation images, where none come with the data. The test part does not depend on it.
        validation: share of the training part that becomes the validation part, between 0 and 1.
        image_size: (height, width) to which images are resized, bilinear. None: with name_or_path None what CCT_SIZE
            says; else images of more than `images.LARGEST_SIDE` pixels a side, or of several sizes, become smaller, by
            `images.default_size`.
        channels: 3 makes images RGB, 1 makes them grey. None: one channel when all are grey, else RGB.

    A data set without a test part gives 20 % of each class to it. Each part gets at least one image of each class.
    Equal pictures of a folder, and those in one folder inside a class folder, stay in one part.

    Returns:
        A `Dataset`.

    Raises:
        FileNotFoundError: for an unknown name or path.
        ConnectionError: when a data set can't be downloaded.
        ValueError: for anything wrong in the data or the arguments, saying what and where.
    """
    image_files.check_size(image_size)
    image_files.check_channels(channels)
    if not 0 < validation < 1:
        raise ValueError(f"validation is a share of the images between 0 and 1, not {validation}")
    name = str(name_or_path or chosen_data() or ("digits" if profile() == "quick" else "cifar10"))
    if name_or_path is None and chosen_data():
        image_size = image_size or chosen_size()
    path = None if name in NAMES else find_path(name)
    if path is None:
        source = _load_digits() if name == "digits" else _load_from_keras(name)
    elif path.is_dir():
        source = _read_folder(path, image_size, channels)
    else:
        source = read_npz(path)
    source = _fitted(source, image_size, channels)
    called = name if path is None else path.resolve().name
    if "test" not in source.parts and source.test_expected:
        source.notes.append(f"no test part, so {TEST_SHARE:.0%} of the training part are kept for it")
    if source.notes:
        print(f"{called}: {'; '.join(source.notes)}")
    return _in_three_parts(source, validation, operator.index(seed), called)


def find_path(name):
    """The Path of an .npz or a folder, also where it is meant from the folder in which Jupyter was started.

    Raises:
        FileNotFoundError: where there is none.
        ValueError: for another kind of file.
    """
    path = pathlib.Path(name).expanduser()
    started_in = [pathlib.Path(), pathlib.Path(os.environ.get("PWD", ".")), pathlib.Path(__file__).parents[1]]
    found = next((folder / path for folder in started_in if (folder / path).exists()), None)
    if found is None:
        places = (
            ""
            if path.is_absolute()
            else f" (looked in {', '.join(dict.fromkeys(str(p.resolve()) for p in started_in))})"
        )
        fetched = "; nothing is fetched from an address" if "://" in name else ""
        raise FileNotFoundError(
            f"no data set {name!r}: give {', '.join(NAMES)}, or the path of an .npz or a folder{places}{fetched}"
        )
    if not found.is_dir() and found.suffix.lower() != ".npz":
        packed = found.name.lower().endswith((".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".xz"))
        hint = ": unpack it, and give the folder" if packed else ""
        raise ValueError(f"{found} is neither an .npz file nor a folder of class folders{hint}")
    return found


def _fitted(source, image_size, channels):
    """The same images with the size and the channels that are wanted."""
    images, _ = source.parts["train"]
    height, width, have = images.shape[1:]
    notes = list(source.notes)
    if image_size is None and max(height, width) > image_files.LARGEST_SIDE:
        image_size = image_files.default_size([(height, width)])
        notes.append(
            f"images of {height} x {width} pixels made {image_size[0]} x {image_size[1]} "
            "(another size: CCT_SIZE=HEIGHTxWIDTH, or image_size=(height, width))"
        )
    resized = image_size is not None and tuple(image_size) != (height, width)
    if not resized and channels in (None, have):
        return source

    def change(images):
        if channels not in (None, have):
            images = images.repeat(3, axis=3) if channels == 3 else _grey(images)
        return image_files.resize(images, image_size) if resized else images

    parts = {part: (change(images), labels) for part, (images, labels) in source.parts.items()}
    return source._replace(parts=parts, notes=notes)


def _grey(images):
    """(n, height, width, 3) -> (n, height, width, 1), by the weights that Pillow and television use (ITU-R 601-2)."""
    return np.round(images @ np.array([0.299, 0.587, 0.114])).astype("uint8")[..., np.newaxis]


# Splits


def _in_three_parts(source, validation, seed, name):
    parts, groups = dict(source.parts), source.groups
    for part, share, chosen_by in (("test", TEST_SHARE, 0), ("val", validation, seed)):
        if part not in parts:
            (images, labels), called = parts["train"], "validation" if part == "val" else part
            keep, away = _split(labels, source.class_names, share, chosen_by, called, groups)
            parts[part], parts["train"] = (images[away], labels[away]), (images[keep], labels[keep])
            groups = None if groups is None else groups[keep]
    arrays = [array for part in ("train", "val", "test") for array in parts[part]]
    return Dataset(*map(np.ascontiguousarray, arrays), list(source.class_names), name)


def _split(labels, class_names, share, seed, part, groups=None):
    """Indices of the two parts of a split; the second, called `part`, gets `share` of the images of each class.

    Images of one group stay together. Where proportions leave a class out of a part, it gets one image, or one group.
    """
    left = 2 if part == "test" else 1  # that the first part needs of each class, to be split again
    uses = "one to learn from, one to choose with" + (", one to test" if left == 2 else "")
    for label, name in enumerate(class_names):
        own = labels == label
        count = own.sum() if groups is None else len(np.unique(groups[own]))
        if count <= left:
            kind = "images" if groups is None else "different images or folders"
            raise ValueError(
                f"class {name!r} has {count} {kind}, but a {part} part needs {left + 1} or more of each class: {uses}"
            )
    size = int(np.ceil(share * len(labels)))
    if groups is None and min(size, len(labels) - size) >= len(class_names):
        keep, away = train_test_split(np.arange(len(labels)), test_size=share, random_state=seed, stratify=labels)
        counts = [np.bincount(labels[chosen], minlength=len(class_names)).min() for chosen in (keep, away)]
        if counts[0] >= left and counts[1] >= 1:
            return keep, away
    return _split_by_class(labels, np.arange(len(labels)) if groups is None else groups, share, seed, left)


def _split_by_class(labels, groups, share, seed, left):
    """As `_split`, class by class: whole groups, drawn one by one until the share is reached."""
    rng = np.random.default_rng(seed)
    away = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        names, counts = np.unique(groups[labels == label], return_counts=True)
        order = rng.permutation(len(names))[: len(names) - left]
        before = np.cumsum(counts[order]) - counts[order]
        taken = order[(before + counts[order] / 2 < share * counts.sum()) | (np.arange(len(order)) == 0)]
        away |= np.isin(groups, names[taken]) & (labels == label)
    return rng.permutation(np.flatnonzero(~away)), rng.permutation(np.flatnonzero(away))


# Where data come from


def _load_digits():
    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype("uint8")
    images = images.repeat(2, axis=1).repeat(2, axis=2)[..., np.newaxis]
    return Source({"train": (images, digits.target.astype("int64"))}, [str(digit) for digit in range(10)], [])


def _load_from_keras(name):
    import keras

    called, class_names, pattern = DOWNLOADED[name]
    before = _downloads(pattern)
    loaded = None
    try:
        loaded = getattr(keras.datasets, name).load_data()
    except Exception as error:
        damaged = f"delete the copy that may be damaged, {', '.join(map(str, sorted(before)))}; " if before else ""
        raise ConnectionError(
            f"{called} could not be downloaded ({error}). Ways on: {damaged}try again with a connection; "
            "set CCT_DATA to the path of an .npz (x_train, y_train, x_test, y_test) or of a folder of class folders; "
            "or use 'digits'"
        ) from error
    finally:  # after an interrupt too
        if loaded is None:
            for path in _downloads(pattern) - before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    parts = {}
    for part, (images, labels) in zip(("train", "test"), loaded, strict=True):
        images = images if images.ndim == 4 else images[..., np.newaxis]
        parts[part] = images, np.ravel(labels).astype("int64")
    return Source(parts, list(class_names), [])


def _downloads(pattern):
    homes = (
        os.environ.get("KERAS_HOME", "~/.keras"),
        "/tmp/.keras",
    )  # Keras takes the second where the first is read-only
    folders = [pathlib.Path(home).expanduser() / "datasets" for home in homes]
    return {path for folder in folders for path in folder.glob(pattern)}


def _read_folder(path, image_size, channels):
    pictures = image_files.read_class_folders(path, image_size, channels)
    named = pictures.parts
    inside = {part: named == part for part in ("train", "val", "test") if (named == part).any()} or {
        "train": named == ""
    }
    parts = {part: (pictures.images[own], pictures.labels[own]) for part, own in inside.items()}
    groups = pictures.groups[inside["train"]]
    alone = len(np.unique(groups)) == len(groups)
    return Source(parts, pictures.class_names, list(pictures.notes), "train" in named, None if alone else groups)
