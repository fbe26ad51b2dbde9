"""Reading a folder of class folders into arrays."""

import pathlib
import warnings

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")


def read_class_folders(root, image_size=None):
    """Read `root`/class/image, or `root`/train/class/image and `root`/test/class/image, as uint8 arrays.

    Class names are the folders' names, sorted. Images are .png, .jpg, .jpeg, .bmp, .gif or .webp files, turned as their
    camera says. They become RGB, or stay one channel when all are grey. Not read are hidden files, links that lead out
    of `root`, other files, and folders beside train/ and test/.

    image_size: (height, width) to which images are resized, bilinear. None: they must share one size.

    Returns: x_train (n, height, width, 1 or 3), y_train (n,) int64, x_test, y_test, class names; x_test and y_test are
    None for a folder without train/ and test/.
    Raises ValueError for a layout, an image or sizes that don't fit, naming the folder or the file.
    """
    root = pathlib.Path(root).resolve()
    if image_size is not None and (len(image_size) != 2 or min(image_size) < 1):
        raise ValueError(f"image_size must be (height, width) in pixels, not {image_size}")
    halves = {path.name for path in _inside(root, root) if path.is_dir()} & {"train", "test"}
    if len(halves) == 1:
        raise ValueError(f"{root} has {halves.pop()}/ alone: it needs train/ and test/, or class folders and neither")
    if not halves:
        class_names, files, labels = _class_files(root, root)
        return _read_images(files, image_size), labels, None, None, class_names
    class_names, files, labels = _class_files(root / "train", root)
    test_names, test_files, test_labels = _class_files(root / "test", root)
    if class_names != test_names:
        only = {"train": sorted(set(class_names) - set(test_names)), "test": sorted(set(test_names) - set(class_names))}
        raise ValueError(f"{root} has other classes in train/ than in test/: only in one of them {only}")
    images = _read_images(files + test_files, image_size)
    return images[: len(files)], labels, images[len(files) :], test_labels, class_names


def _inside(folder, root):
    """What `folder` holds, sorted, without hidden names and without links that lead out of `root`."""
    visible = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [path for path in visible if path.resolve().is_relative_to(root)]


def _class_files(folder, root):
    """Class names, image files and labels of a folder of class folders."""
    classes = [path for path in _inside(folder, root) if path.is_dir()]
    if len(classes) < 2:
        raise ValueError(
            f"{folder} needs a folder for each of two or more classes, but has {[c.name for c in classes]}"
        )
    files = [[path for path in _inside(c, root) if path.suffix.lower() in SUFFIXES] for c in classes]
    for path, found in zip(classes, files, strict=True):
        if not found:
            raise ValueError(f"the class folder {path} holds no image ({', '.join(SUFFIXES)})")
    labels = np.repeat(np.arange(len(classes)), [len(found) for found in files])
    return [path.name for path in classes], sum(files, []), labels.astype("int64")


def _read_images(files, image_size):
    pictures = [_read_image(path) for path in files]
    if image_size is not None:
        pictures = [picture.resize(tuple(image_size)[::-1], Image.Resampling.BILINEAR) for picture in pictures]
    for path, picture in zip(files, pictures, strict=True):
        if picture.size != pictures[0].size:
            (width, height), (other_width, other_height) = pictures[0].size, picture.size
            raise ValueError(
                f"images differ in size: {files[0]} is {height} high, {width} wide, but {path} is {other_height} high, "
                f"{other_width} wide; pass image_size=(height, width) to resize all"
            )
    mode = "L" if all(picture.mode == "L" for picture in pictures) else "RGB"
    images = np.stack([np.asarray(picture.convert(mode)) for picture in pictures])
    return images if mode == "RGB" else images[..., np.newaxis]


def _read_image(path):
    """A Pillow image in mode "L" or "RGB", turned as its camera says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as file:
                picture = ImageOps.exif_transpose(file)
    except Exception as error:
        raise ValueError(f"{path} can't be read as an image: {error}") from error
    if picture.mode.startswith(("I", "F")):
        raise ValueError(f"{path} has more than 8 bits a channel (Pillow's mode {picture.mode}): save it with 8")
    if picture.mode in ("1", "L", "LA"):
        return picture.convert("L")
    return picture.convert("RGBA").convert("RGB") if picture.mode == "P" else picture.convert("RGB")
