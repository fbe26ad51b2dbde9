"""Reading image files: one picture, a folder of class folders as arrays, and a survey of what such a folder holds."""

import hashlib
import os
import pathlib
import warnings
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")


class ImageFile(NamedTuple):
    """One file of a folder, as `survey` found it.

    path: str, below the folder, with "/". class_name: the name of its folder. height, width: pixels, 0 where they could
    not be read. kind: format and Pillow's mode, such as "JPEG CMYK". problem: why the folder cannot be read with this
    file in it, or "". note: what happens to the file when it is read, or "".
    """

    path: str
    class_name: str
    height: int
    width: int
    kind: str
    problem: str
    note: str


def shrunk_sides(sides, scale):
    """Whole pixels, at least 1, of each side after `shrink`."""
    return tuple(max(round(side * scale), 1) for side in sides)


def shrink(images, scale):
    """Smaller images, each pixel the mean of the area it covers: (n, height, width, 1 or 3) uint8 -> both sides scaled.

    scale: share of each side, above 0 and at most 1.
    """
    if scale == 1:
        return images
    channels = images.shape[3]
    height, width = shrunk_sides(images.shape[1:3], scale)
    pictures = (Image.fromarray(image if channels == 3 else image[..., 0]) for image in images)
    small = [np.asarray(picture.resize((width, height), Image.Resampling.BOX)) for picture in pictures]
    return np.stack(small).reshape(len(images), height, width, channels)


def read_picture(file, name=None):
    """Read one image file as a Pillow image in mode "L" or "RGB", turned as its camera says.

    file: a path or an open binary file. name: what errors call it; the path when None.

    Transparent parts are laid on white, CMYK becomes RGB, of an animation the first frame is taken. The content decides
    about the format, not the suffix. Raises ValueError for a file that is no image of `FORMATS`, is cut short, has more
    than 8 bits a channel, is one pixel high or wide, or has more pixels than Pillow takes without a warning.
    """
    name = name or file
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as opened:
                picture = ImageOps.exif_transpose(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = Image.MAX_IMAGE_PIXELS
        raise ValueError(f"{name} has more than {most:,} pixels: make it smaller, or leave it out") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{name} can't be read as an image: its content is none of {', '.join(FORMATS)}") from error
    except Exception as error:
        raise ValueError(f"{name} can't be read as an image: {error}") from error
    if picture.mode.startswith(("I", "F")):
        raise ValueError(f"{name} has more than 8 bits a channel (Pillow's mode {picture.mode}): save it with 8")
    if min(picture.size) < 2:
        size = f"{picture.height} high, {picture.width} wide"
        raise ValueError(f"{name} is {size}, in pixels: there is nothing to learn from it, leave it out")
    grey = picture.mode in ("1", "L", "LA")
    if "A" in picture.mode or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("L" if grey else "RGB")


def read_class_folders(root, image_size=None, channels=None):
    """Read `root`/class/image, or `root`/train/class/image and `root`/test/class/image, as uint8 arrays.

    Class names are the folders' names, sorted. Images are .png, .jpg, .jpeg, .bmp, .gif or .webp files; `read_picture`
    says how they are read. Not read are hidden files, links to folders, links that lead out of `root` or nowhere, other
    files, folders inside class folders, and folders beside train/ and test/.

    image_size: (height, width) to which images are resized, bilinear; other proportions are stretched. None: they must
    share one size.
    channels: 1 for grey or 3 for RGB. None: RGB, or one channel when all images are grey.

    Returns: x_train (n, height, width, channels), y_train (n,) int64, x_test, y_test, class names; x_test and y_test
    are None for a folder without train/ and test/.
    Raises ValueError for a layout, an image or sizes that don't fit, and for the same picture in two classes, naming
    the folder or the files.
    """
    root = pathlib.Path(root).resolve()
    if image_size is not None and (len(image_size) != 2 or min(image_size) < 1):
        raise ValueError(f"image_size must be (height, width) in pixels, not {image_size}")
    if channels not in (None, 1, 3):
        raise ValueError(f"channels must be 1 for grey, 3 for RGB or None, not {channels!r}")
    halves = _halves(root)
    if len(halves) == 1:
        raise ValueError(f"{root} has {halves[0]}/ alone: it needs train/ and test/, or class folders and neither")
    if not halves:
        class_names, files, labels = _class_files(root, root)
        return _read_images(files, labels, image_size, channels), labels, None, None, class_names
    class_names, files, labels = _class_files(root / "train", root)
    test_names, test_files, test_labels = _class_files(root / "test", root)
    if class_names != test_names:
        only = {"train": sorted(set(class_names) - set(test_names)), "test": sorted(set(test_names) - set(class_names))}
        raise ValueError(f"{root} has other classes in train/ than in test/: only in one of them {only}")
    images = _read_images(files + test_files, np.concatenate([labels, test_labels]), image_size, channels)
    return images[: len(files)], labels, images[len(files) :], test_labels, class_names


def survey(root):
    """List every file in the class folders of `root` with what is wrong with it: a list of `ImageFile`.

    Unlike `read_class_folders` it does not stop at the first file that can't be read. Raises ValueError when `root` is
    no folder.
    """
    root = pathlib.Path(root)
    if not root.is_dir():
        raise ValueError(f"{root} is not a folder")
    root = root.resolve()
    halves = [root / half for half in _halves(root)] or [root]
    folders = [folder for half in halves for folder in _folders(half)]
    seen, found = {}, []
    for path in (path for folder in folders for path in sorted(folder.iterdir()) if not path.name.startswith(".")):
        place, label = path.relative_to(root).as_posix(), path.parent.name
        (height, width), kind, problem, note = (0, 0), "", "", ""
        if not _is_image_file(path, root):
            note = "not read: a folder, a link out of the folder or to nowhere, or not one of " + ", ".join(SUFFIXES)
        else:
            try:
                picture = read_picture(path)
                (width, height), (kind, note) = picture.size, _describe(path)
                twin, twin_label = seen.setdefault(_fingerprint(picture), (place, label))
                if twin_label != label:
                    problem = f"the same picture as {twin}, in another class"
                elif twin != place:
                    note = f"the same picture as {twin}"
            except ValueError as error:
                problem = str(error).replace(str(path), "").strip()
        found.append(ImageFile(place, label, height, width, kind, problem, note))
    return found


def _describe(path):
    """Format and mode of an image file, and what reading does to it."""
    with Image.open(path, formats=FORMATS) as opened:
        notes = []
        if getattr(opened, "n_frames", 1) > 1:
            notes.append(f"an animation: the first of {opened.n_frames} frames is read")
        if "A" in opened.mode or "transparency" in opened.info:
            notes.append("transparent parts are laid on white")
        if opened.getexif().get(0x0112, 1) != 1:
            notes.append("turned as its camera says")
        return f"{opened.format} {opened.mode}", "; ".join(notes)


def _folders(folder):
    """The folders in a folder, sorted, without hidden ones and without links, which may go in circles."""
    paths = sorted(folder.iterdir())
    return [path for path in paths if path.is_dir() and not path.is_symlink() and not path.name.startswith(".")]


def _halves(root):
    return sorted({path.name for path in _folders(root)} & {"train", "test"})


def _is_image_file(path, root):
    """True for a visible file with a suffix of images that lies in `root`, even if a link leads to it."""
    target = pathlib.Path(os.path.realpath(path))  # unlike Path.resolve, no error for a link that goes in a circle
    named = path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    return named and path.is_file() and target.is_relative_to(root)


def _class_files(folder, root):
    """Class names, image files and labels of a folder of class folders."""
    classes = _folders(folder)
    if len(classes) < 2:
        names = [path.name for path in classes]
        raise ValueError(f"{folder} needs a folder for each of two or more classes, but has {names}")
    files = [[path for path in sorted(c.iterdir()) if _is_image_file(path, root)] for c in classes]
    for path, found in zip(classes, files, strict=True):
        if not found:
            raise ValueError(f"the class folder {path} holds no image ({', '.join(SUFFIXES)})")
    labels = np.repeat(np.arange(len(classes)), [len(found) for found in files])
    return [path.name for path in classes], sum(files, []), labels.astype("int64")


def _read_images(files, labels, image_size, channels):
    seen, pictures, first_size = {}, [], None
    for path, label in zip(files, labels, strict=True):
        picture = read_picture(path)
        twin, twin_label = seen.setdefault(_fingerprint(picture), (path, label))
        if twin_label != label:
            raise ValueError(f"{twin} and {path} are the same picture in two classes: delete the wrong one")
        if image_size is not None:  # here, not at the end: a thousand photos at full size do not fit into memory
            picture = picture.resize(tuple(image_size)[::-1], Image.Resampling.BILINEAR)
        first_size = first_size or picture.size
        if picture.size != first_size:
            (width, height), (other_width, other_height) = first_size, picture.size
            raise ValueError(
                f"images differ in size: {files[0]} is {height} high, {width} wide, but {path} is {other_height} high, "
                f"{other_width} wide; pass image_size=(height, width) to resize all"
            )
        pictures.append(picture)
    all_grey = all(picture.mode == "L" for picture in pictures)
    channels = channels or (1 if all_grey else 3)
    images = np.stack([np.asarray(picture.convert("L" if channels == 1 else "RGB")) for picture in pictures])
    return images if channels == 3 else images[..., np.newaxis]


def _fingerprint(picture):
    """The same for pictures with the same pixels, of whatever format."""
    pixels = picture.convert("RGB")
    return hashlib.sha256(repr(pixels.size).encode() + pixels.tobytes()).digest()
