"""Labelled images from an .npz file, in the forms that people save."""

import hashlib
import re
from typing import NamedTuple

import numpy as np

NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
PART_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
} | {
    "test": "test",
    "testing": "test",
}
KIND_WORDS = dict.fromkeys(("x", "image", "images", "img", "imgs", "data", "features", "input", "inputs"), "images")
KIND_WORDS |= dict.fromkeys(("y", "label", "labels", "target", "targets"), "labels")
KIND_WORDS |= dict.fromkeys(("class", "classes", "names"), "names")
WORD = re.compile("|".join(sorted([*PART_WORDS, *KIND_WORDS], key=len, reverse=True)))


class Source(NamedTuple):
    """A data set as it comes: part -> (images, labels), "train" always among them; class names; what should be said
    about it, as texts; whether parts were named, so that a missing test part is to be said; for the training part, a
    number for each image that only images of one group share, or None."""

    parts: dict
    class_names: list
    notes: list
    test_expected: bool = False
    groups: np.ndarray | None = None


def read_npz(path):
    """Read an .npz of images and labels, in the forms that people save.

    Keys: x_train, y_train and so on, or other usual names, such as train_images, X_val or test_labels; without parts, x
    and y, or images and labels. class_names is optional.
    Images: uint8 (n, height, width, channels) or (n, height, width); whole numbers or floats from 0 to 255, floats from
        0 to 1, and channels first are converted, and a note says so.
    Labels: whole numbers from 0, (n,) or (n, 1); other numbers, texts and one-hot rows are numbered, and a
        note says so.

    Args:
        path: of the file.

    Returns:
        A `Source`.

    Raises:
        ValueError: for anything else, saying what was found and how to convert it.
    """
    found, named = _npz_arrays(path)
    images = {part: array for (kind, part), array in found.items() if kind == "images"}
    labels = {part: array for (kind, part), array in found.items() if kind == "labels"}
    notes = []
    images = _as_images({part: array for part, array in images.items()}, labels, path, notes)
    for part, array in labels.items():
        what = f"y_{part} of {path}"
        if array.dtype.kind not in "iufbUS" or array.shape[:1] != (len(images[part]),) or array.ndim > 2:
            _refuse_labels(array, len(images[part]), what)
    labels, class_names = _as_labels(labels, found.get(("names", "")), path, notes)
    _note_twins(images, notes)
    return Source({part: (images[part], labels[part]) for part in images}, class_names, notes, named)


def _npz_arrays(path):
    """(kind, part) -> array, for the keys that mean images, labels or names; and whether the parts were named."""
    wanted = ", ".join(NPZ_KEYS)
    try:
        with np.load(path, allow_pickle=False) as file:
            keys = list(file.files)
            meant = {key: role for key in keys if (role := _role(key))}
            arrays = {key: file[key] for key in meant}
    except Exception as error:
        raise ValueError(
            f"{path} can't be read as an .npz of plain arrays, without Python objects: {error}. Where an array has the "
            'dtype object, save texts as array.astype(str), numbers as array.astype("int64"), images of one size as '
            "np.stack(images)"
        ) from error
    found = {}
    for key, role in meant.items():
        if role in found:
            twice = [other for other in meant if meant[other] == role]
            raise ValueError(f"{path} has {' and '.join(twice)}, which mean the same: keep one of them")
        found[role] = arrays[key]
    parts = {part for kind, part in found if kind != "names"}
    named = parts != {""}
    if parts == {""} or ("" in parts and "train" not in parts):  # x and y: all of it, or what is not the test
        found = {(kind, part or ("train" if kind != "names" else "")): array for (kind, part), array in found.items()}
        parts = {part for kind, part in found if kind != "names"}
    missing = [
        f"{letter}_{part}"
        for part in sorted(parts | {"train"})
        for letter, kind in (("x", "images"), ("y", "labels"))
        if (kind, part) not in found
    ]
    if missing or "" in parts:
        raise ValueError(f"{path} lacks {', '.join(missing)}: it has {', '.join(keys)} and needs {wanted}")
    return found, named


def _role(key):
    """(kind, part) that a key means, such as ("images", "train") for "trainX"; None where it means neither."""
    letters = re.sub("[^a-z]", "", key.lower())
    words = WORD.findall(letters)
    kinds = {KIND_WORDS[word] for word in words if word in KIND_WORDS}
    parts = {PART_WORDS[word] for word in words if word in PART_WORDS}
    if "".join(words) != letters or not kinds or len(parts) > 1:
        return None
    kind = "names" if "names" in kinds else "labels" if "labels" in kinds else "images"
    return kind, next(iter(parts), "") if kind != "names" else ""


def _as_images(images, labels, path, notes):
    """part -> uint8 (n, height, width, 1 or 3), for all parts alike."""
    numbers = {part: array.dtype.kind for part, array in images.items()}
    for part, array in images.items():
        what = f"x_{part} of {path}"
        wanted = "(n, height, width, channels) or (n, height, width)"
        if numbers[part] not in "uifb" or array.ndim not in (3, 4) or 0 in array.shape:
            raise ValueError(
                f"{what} must be uint8 images {wanted}, but is {array.dtype} {array.shape}{_hint_for_shape(array)}"
            )
        n = len(labels[part]) if part in labels and np.ndim(labels[part]) else len(array)
        if len(array) != n and array.shape[-1] == n:
            raise ValueError(f"{what} is {array.shape}, its images along the last axis: np.moveaxis(x, -1, 0) turns it")
    images = {part: array if array.ndim == 4 else array[..., np.newaxis] for part, array in images.items()}
    first = {part: array.shape[1] in (1, 3) and array.shape[3] not in (1, 3) for part, array in images.items()}
    if all(first.values()):
        images = {part: array.transpose(0, 2, 3, 1) for part, array in images.items()}
        notes.append("channels came first, and now come last")
    for part, array in images.items():
        if array.shape[3] not in (1, 3):
            raise ValueError(
                f"x_{part} of {path} has images {array.shape[1:]}, so {array.shape[3]} channels: 1 (grey) or 3 (RGB) "
                "can be read, on the last axis; of RGBA, x[..., :3] takes the colours"
            )
        if array.shape[1:] != images["train"].shape[1:]:
            raise ValueError(
                f"{path} has images {images['train'].shape[1:]} in x_train but {array.shape[1:]} in x_{part}"
            )
    return _as_bytes(images, path, notes)


def _hint_for_shape(array):
    if array.ndim != 2 or 0 in array.shape:
        return ""
    side = round(array.shape[1] ** 0.5)
    square = f"{side}, {side}" if side * side == array.shape[1] else "height, width"
    return f": rows of pixels, which x.reshape(-1, {square}) makes images"


def _as_bytes(images, path, notes):
    """The same images as uint8 from 0 to 255."""
    if all(array.dtype == np.uint8 for array in images.values()):
        return images
    low = min(float(array.min()) for array in images.values())  # nan where there is one
    high = max(float(array.max()) for array in images.values())
    kinds = {array.dtype.kind for array in images.values()}
    if not (low >= 0 and high <= 255):
        back = "((x + 1) * 127.5)" if low >= -1 and high <= 1 else "(x * std + mean)"
        cure = (
            f"{back}.round().clip(0, 255)"
            if kinds == {"f"}
            else "(x / 257)"
            if high > 255 and low >= 0
            else "x.clip(0, 255)"
        )
        raise ValueError(
            f"the images of {path} are {images['train'].dtype} from {low:g} to {high:g}, not 0 to 255: give the pixels "
            f'themselves, without a normalisation, as uint8, such as {cure}.astype("uint8")'
        )
    scale = 255 if high <= 1 and kinds <= {"f", "b"} else 1
    notes.append(f"images of type {images['train'].dtype} from {low:g} to {high:g} made 0 to 255")
    return {part: np.round(array.astype("float32") * scale).astype("uint8") for part, array in images.items()}


def _refuse_labels(labels, n, what):
    raise ValueError(
        f"{what} must be {n} integers from 0, one an image, but is {labels.dtype} {labels.shape}: other numbers, texts "
        "and one-hot rows are read too, one for each image"
    )


def _as_labels(labels, names, path, notes):
    """part -> int64 (n,) from 0, and the class names."""
    names = None if names is None else [_text(name) for name in np.ravel(names)]
    rows = {part: array for part, array in labels.items() if array.ndim == 2 and array.shape[1] > 1}
    if rows:
        for part, array in labels.items():
            ones = (
                part in rows
                and array.dtype.kind in "iufb"
                and np.isin(array, (0, 1)).all()
                and (array.sum(axis=1) == 1).all()
            )
            if not ones:
                raise ValueError(
                    f"y_{part} of {path} is {array.dtype} {array.shape}, but its rows are not one-hot, a single 1 "
                    "among zeros: give one class for each image, such as y.argmax(axis=1)"
                )
        labels = {part: array.argmax(axis=1) for part, array in labels.items()}
        notes.append("labels were one-hot rows")
    labels = {part: array.reshape(len(array)) for part, array in labels.items()}
    for part, array in labels.items():
        if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.round(array)).all()):
            raise ValueError(
                f"y_{part} of {path} must be integers from 0, one an image, but is {array.dtype} with values such as "
                f"{array[array != np.round(array)][0]:g}: classes are wanted, not amounts"
            )
    if any(array.dtype.kind in "US" for array in labels.values()):
        labels = {part: np.array([_text(value) for value in array]) for part, array in labels.items()}
    else:
        labels = {part: array.astype("int64") for part, array in labels.items()}
    known = np.unique(labels["train"])
    strangers = [(part, value) for part, array in labels.items() for value in np.setdiff1d(array, known)]
    if known.dtype.kind == "i" and names is not None:
        highest = max(array.max() for array in labels.values())
        lowest = min(array.min() for array in labels.values())
        if lowest >= 1 and highest == len(names):
            labels, lowest, highest = {part: array - 1 for part, array in labels.items()}, lowest - 1, highest - 1
            notes.append(f"labels 1 to {len(names)} made 0 to {len(names) - 1}")
        if highest >= len(names) or lowest < 0:
            wrong = highest if highest >= len(names) else lowest
            raise ValueError(f"{path} has the label {wrong}, but class_names for 0..{len(names) - 1} only")
        return labels, names
    if strangers:
        part, value = strangers[0]
        raise ValueError(f"y_{part} of {path} has the label {value}, which no training image has")
    if len(known) < 2:
        raise ValueError(f"{path} has images of one class, {known[0]}: two or more are needed")
    if known.dtype.kind == "U" and names is not None and set(names) == set(known.tolist()):
        known = np.array(names)  # in the order of the file
    elif known.tolist() != list(range(len(known))):
        shown = ", ".join(map(str, known[:3].tolist())) + (", ..." if len(known) > 3 else "")
        notes.append(f"labels {shown} numbered from 0")
    number = {value: i for i, value in enumerate(known.tolist())}
    labels = {part: np.array([number[value] for value in array.tolist()], "int64") for part, array in labels.items()}
    return labels, [str(value) for value in known.tolist()]


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _note_twins(images, notes):
    """Say how many pictures of a later part are in the training part too; published data sets have a few."""
    train = {_digest(image): i for i, image in reversed(list(enumerate(images["train"])))}
    for part, array in images.items():
        twins = [(i, train[key]) for i, image in enumerate(array) if (key := _digest(image)) in train]
        if part != "train" and twins:
            first, same = twins[0]
            notes.append(
                f"{len(twins)} of the {len(array):,} pictures of x_{part} are in x_train too (x_{part}[{first}] = "
                f"x_train[{same}]), and do not measure what a model does with new pictures"
            )


def _digest(image):
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()
