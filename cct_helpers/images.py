"""Image files: one picture, and a folder of class folders, in the layouts that people have, as arrays."""

import hashlib
import os
import pathlib
import re
import unicodedata
import warnings
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"),
    *(".avif", ".heic", ".heif"),
)
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "AVIF", "HEIF")
PLUGINS = {"AVIF": "pillow-avif-plugin", "HEIF": "pillow-heif"}  # what Pillow needs where it can't read them itself
BRANDS = {b"avif": "AVIF", b"avis": "AVIF"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), "HEIF"
)
LARGEST_SIDE = 64  # pixels, where nobody chose a size
JUNK = {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "thumbs.db", "desktop.ini"}
PARTS = {
    "train": re.compile(r"(train|training)([ _-]?(set|data|images))?"),
    "val": re.compile(r"(val|valid|validation|dev)([ _-]?(set|data|images))?"),
    "test": re.compile(r"(test|testing)([ _-]?(set|data|images))?"),
}


class FoundFile(NamedTuple):
    """An image file of a folder. part: "train", "val", "test", or "" in a folder without parts. group: the folder
    inside the class folder in which it lies, such as one object's, or ""."""

    path: pathlib.Path
    class_name: str
    part: str
    group: str


class Layout(NamedTuple):
    """What a folder holds: the `FoundFile`s; part -> {class name: its folder}; what is left out, and what else is to be
    said, as texts."""

    files: list
    classes: dict
    left_out: list
    notes: list


class Pictures(NamedTuple):
    """A folder as arrays: images (n, height, width, channels) uint8, labels (n,) int64, parts (n,) as in `FoundFile`;
    groups (n,) int64, equal for images that must stay in one part; class names; notes, as texts."""

    images: np.ndarray
    labels: np.ndarray
    parts: np.ndarray
    groups: np.ndarray
    class_names: list
    notes: list


# One picture, and arrays of pictures


def shrunk_sides(sides, scale):
    """Whole pixels, at least 1, of each side after `shrink`."""
    return tuple(max(round(side * scale), 1) for side in sides)


def shrink(images, scale):
    """Smaller images, each pixel the mean of the area it covers.

    Args:
        images: (n, height, width, 1 or 3) uint8.
        scale: share of each side, above 0 and at most 1.

    Returns:
        (n, scaled height, scaled width, 1 or 3) uint8.
    """
    return images if scale == 1 else resize(images, shrunk_sides(images.shape[1:3], scale), Image.Resampling.BOX)


def resize(images, size, method=Image.Resampling.BILINEAR):
    """Images of another size; other proportions are stretched.

    Args:
        images: (n, height, width, 1 or 3) uint8.
        size: (height, width) in pixels.
        method: one of Pillow's `Image.Resampling`.

    Returns:
        (n, *size, the same channels) uint8.
    """
    channels = images.shape[3]
    pictures = (Image.fromarray(image if channels == 3 else image[..., 0]) for image in images)
    resized = [np.asarray(picture.resize(tuple(size)[::-1], method)) for picture in pictures]
    return np.stack(resized).reshape(len(images), *size, channels)


def read_picture(file, name=None):
    """Read one image file as a Pillow image in mode "L" or "RGB", turned as its camera says.

    Transparent parts are laid on white, CMYK becomes RGB, of an animation or of several pages the first is taken. The
    content decides about the format, not the suffix. HEIC needs the package pillow-heif, AVIF a Pillow that has it.

    Args:
        file: a path or an open binary file.
        name: what errors call it; the path when None.

    Raises:
        ValueError: for a file that is no image of `FORMATS` or is cut short, for more than 8 bits a channel, one pixel
            of height or width, or more pixels than Pillow takes without a warning.
    """
    name = name or file
    try:
        with open_picture(file) as opened:
            picture = ImageOps.exif_transpose(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = Image.MAX_IMAGE_PIXELS
        raise ValueError(f"{name} has more than {most:,} pixels: make it smaller, or leave it out") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{name} can't be read as an image: {_why_not(file)}") from error
    except Exception as error:
        raise ValueError(f"{name} can't be read as an image: {error}") from error
    if picture.mode.startswith(("I", "F")):
        raise ValueError(f"{name} has more than 8 bits a channel (Pillow's mode {picture.mode}): save it with 8")
    if min(picture.size) < 2:
        size = f"{picture.height} high, {picture.width} wide"
        raise ValueError(f"{name} is {size}, in pixels: there is nothing to learn from it, leave it out")
    return _plain(picture)


def open_picture(file):
    """Pillow's `Image.open` for the formats read here; its warning of too many pixels is an error."""
    _register_plugins()
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        known = [format for format in FORMATS if format in Image.OPEN]
        return Image.open(file, formats=known)


def _register_plugins():
    """Let Pillow read HEIC and AVIF where the packages for it are installed."""
    Image.init()
    if "HEIF" not in Image.OPEN:
        try:
            import pillow_heif

            pillow_heif.register_heif_opener()
        except ImportError:
            pass
    if "AVIF" not in Image.OPEN:
        try:
            import pillow_avif  # noqa: F401  (importing it is enough)
        except ImportError:
            pass


def _plain(picture):
    """A Pillow image in mode "L" or "RGB"."""
    grey = picture.mode in ("1", "L", "LA", "La")
    if picture.mode in ("La", "RGBa"):
        picture = picture.convert(picture.mode.upper())
    if "A" in picture.mode.replace("LAB", "") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("L" if grey else "RGB")


def _why_not(file):
    """Why Pillow can't read a file, from its first bytes."""
    if hasattr(file, "read"):
        file.seek(0)
        start = file.read(12)
    else:
        with open(file, "rb") as opened:
            start = opened.read(12)
    kind = BRANDS.get(start[8:12]) if start[4:8] == b"ftyp" else None
    if kind and kind not in Image.OPEN:
        called = "HEIC, the format of iPhones" if kind == "HEIF" else "AVIF"
        return f"it is {called}; pip install {PLUGINS[kind]} and start again, or save it as JPEG"
    if start[:4] in (b"II*\0", b"MM\0*"):
        return "it is a TIFF or a raw photo that Pillow can't read; save it as PNG or JPEG, 8 bits a channel"
    return f"its content is none of {', '.join(FORMATS)}"


# The layout of a folder


def part_of(name):
    """ "train", "val" or "test" for the name of a folder that means one of them, such as "Training"; else ""."""
    return next((part for part, names in PARTS.items() if names.fullmatch(name.lower())), "")


def find_images(root):
    """Find the image files of a folder, in any of these layouts; names of parts may be written as people do.

        class/image                     pets/cat/1.jpg
        part/class/image                pets/Train/cat/1.jpg, pets/validation/cat/7.jpg
        class/part/image                pets/cat/train/1.jpg
        any of these, with folders inside a class folder (class/object/image), or some folders too deep

    Not read are hidden files, links to folders, links that lead out of `root` or nowhere, and what has another suffix
    than `SUFFIXES`. All of it but the hidden files is listed in what is left out.

    Returns:
        A `Layout`, its files sorted by part, class and name.

    Raises:
        ValueError: for no folder, and for two folders that mean the same part.
    """
    root = pathlib.Path(root)
    if not root.is_dir():
        raise ValueError(f"{root} is not a folder: give the one that has a folder for each class")
    root = root.resolve()
    left_out, notes = [], []
    top = _descend(root, root, left_out)
    if top != root:
        notes.append(f"read from {top.relative_to(root).as_posix()}/")
    files, classes = [], {}
    for part, folder in (_part_folders(top, root, left_out) or {"": top}).items():
        folder = _descend(folder, root, left_out) if part else folder
        _list_files(folder, root, left_out)
        # macOS and others write an umlaut differently
        named = {unicodedata.normalize("NFC", path.name): path for path in _folders(folder, root, left_out)}
        parts_inside = [{part_of(inner.name) for inner in _folders(path)} for path in named.values()]
        turned = not part and parts_inside and all(inner and "" not in inner for inner in parts_inside)
        if not turned:
            classes[part] = named
        for name, path in named.items():
            for file in _walk(path, root, left_out):
                between = file.relative_to(path).parts[:-1]
                group = "/".join(between[1:] if turned else between)
                files.append(FoundFile(file, name, part_of(between[0]) if turned and between else part, group))
    order = {"train": 0, "val": 1, "test": 2, "": 3}
    files.sort(key=lambda file: (order[file.part], file.class_name, file.path))
    return Layout(files, classes, sorted(set(left_out)), notes)


def _part_folders(top, root, left_out):
    """part -> folder, for a folder whose folders are parts with class folders; else {}."""
    folders = _folders(top)
    named = [path for path in folders if part_of(path.name)]
    parts = [path for path in named if _folders(path)]
    others = [path for path in folders if path not in named]
    if not parts or (len(parts) == 1 and len(named) == 1 and any(_walk(path, root) for path in others)):
        return {}  # without parts; a single folder "train" among classes is the class of trains
    for path in parts:
        same = [other.name for other in parts if part_of(other.name) == part_of(path.name)]
        if len(same) > 1:
            raise ValueError(f"{top} has {same[0]}/ and {same[1]}/, which mean the same part: keep one of them")
    _list_files(top, root, left_out)
    left_out += [f"{path.relative_to(root).as_posix()}/" for path in others]
    left_out += [f"{path.relative_to(root).as_posix()}/ (no class folders)" for path in named if path not in parts]
    return {part_of(path.name): path for path in parts}


def _descend(folder, root, left_out):
    """The folder itself, or the one inside it that holds the class folders or the parts."""
    while True:
        inner = _folders(folder, root, left_out)
        alone = len(inner) == 1 and not part_of(inner[0].name) and _folders(inner[0])
        if not alone or any(_is_image_file(path, root) for path in folder.iterdir()):
            return folder
        folder = inner[0]


def _folders(folder, root=None, left_out=None):
    """The folders in a folder, sorted, without hidden ones, junk, and links, which may go in circles."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_dir():
            continue
        if path.is_symlink() or path.name.lower() in JUNK:
            if left_out is not None:
                left_out.append(f"{path.relative_to(root).as_posix()}/")
        else:
            found.append(path)
    return found


def _list_files(folder, root, left_out):
    """Add the visible files beside the class folders to what is left out."""
    for path in folder.iterdir():
        if not path.name.startswith(".") and not path.is_dir():
            left_out.append(path.relative_to(root).as_posix())


def _walk(folder, root, left_out=None):
    """The image files in a folder and in the folders inside it; the rest goes to what is left out."""
    files = [path for inner in _folders(folder, root, left_out) for path in _walk(inner, root, left_out)]
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_dir():
            continue
        if _is_image_file(path, root):
            files.append(path)
        elif left_out is not None:
            left_out.append(path.relative_to(root).as_posix())
    return files


def _is_image_file(path, root):
    """True for a visible file with a suffix of images that lies in `root`, even if a link leads to it."""
    target = pathlib.Path(os.path.realpath(path))  # unlike Path.resolve, no error for a link that goes in a circle
    named = path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    return named and path.is_file() and target.is_relative_to(root)


# A folder as arrays


def read_class_folders(root, image_size=None, channels=None):
    """Read a folder of class folders as uint8 arrays; `find_images` has the layouts, `read_picture` the formats.

    Class names are the folders' names, sorted. Pictures that are equal get the same group, as do those in one folder
    inside a class folder: whoever splits the images must not part them.

    Args:
        root: the folder.
        image_size: (height, width) to which images are resized, bilinear; other proportions are stretched. None:
            `default_size` of their sizes.
        channels: 1 for grey or 3 for RGB. None: RGB, or one channel when all images are grey.

    Returns:
        `Pictures`.

    Raises:
        ValueError: for a layout or an image that can't be read, and for the same picture in two classes or in two
            parts, naming the folder or the files.
    """
    check_size(image_size)
    check_channels(channels)
    root = pathlib.Path(root).resolve()
    layout = find_images(root)
    class_names = _checked_classes(root, layout)
    notes = list(layout.notes)
    if image_size is None:
        image_size = _announced_size(layout.files, notes)
    images, groups = _read_images(root, layout.files, image_size, channels, notes)
    number = {name: i for i, name in enumerate(class_names)}
    labels = np.array([number[file.class_name] for file in layout.files], "int64")
    if layout.left_out:
        some = ", ".join(layout.left_out[:3]) + (", ..." if len(layout.left_out) > 3 else "")
        notes.append(f"left out: {some}" + (f" ({len(layout.left_out)} in all)" if len(layout.left_out) > 3 else ""))
    return Pictures(images, labels, np.array([file.part for file in layout.files]), groups, class_names, notes)


def check_size(image_size):
    """Raise ValueError unless it is None or (height, width) in whole pixels."""
    whole = image_size is None or (
        np.shape(image_size) == (2,) and all(isinstance(side, (int, np.integer)) and side > 0 for side in image_size)
    )
    if not whole:
        raise ValueError(f"image_size must be (height, width) in pixels, not {image_size}")


def check_channels(channels):
    """Raise ValueError unless it is None, 1 or 3."""
    if channels not in (None, 1, 3):
        raise ValueError(f"channels must be 1 for grey, 3 for RGB or None, not {channels!r}")


def default_size(sizes):
    """The size that images get when nobody says one.

    One size of at most `LARGEST_SIDE` pixels a side is kept. Larger ones, and several, become `LARGEST_SIDE` pixels on
    the longer side, the other a multiple of 4 that keeps the proportions where all share them, else a square: twice
    the side is four times the tokens, and sixteen times the numbers in each attention map.

    Args:
        sizes: (height, width) of each image.

    Returns:
        (height, width).
    """
    sizes = np.unique(np.asarray(sizes), axis=0)
    if len(sizes) == 1 and sizes.max() <= LARGEST_SIDE:
        return tuple(sizes[0].tolist())
    ratios = sizes[:, 0] / sizes[:, 1]
    ratio = np.median(ratios) if ratios.max() < 1.02 * ratios.min() else 1
    sides = LARGEST_SIDE * min(ratio, 1), LARGEST_SIDE * min(1 / ratio, 1)
    return tuple(max(4 * round(side / 4), 4) for side in sides)


def _announced_size(files, notes):
    """The default size for these files, which is said where it is not their own."""
    sizes = [size for size in map(_size_of, files) if size]
    size = default_size(sizes) if sizes else (LARGEST_SIDE, LARGEST_SIDE)
    if set(sizes) - {size}:
        stretch = np.array([(height / width) * (size[1] / size[0]) for height, width in sizes])
        worst = max(stretch.max(), 1 / stretch.min())
        own = f"{len(set(sizes))} sizes" if len(set(sizes)) > 1 else "{} x {} pixels".format(*sizes[0])
        notes.append(
            f"{len(files)} images of {own} made {size[0]} x {size[1]} pixels"
            + (f", stretched up to {worst:.1f} times" if worst > 1.05 else "")
            + " (another size: CCT_SIZE=HEIGHTxWIDTH, or image_size=(height, width))"
        )
    return size


def _size_of(file):
    """(height, width) from the head of an image file, as `read_picture` turns it; None where it can't be read."""
    try:
        with open_picture(file.path) as opened:
            turned = opened.getexif().get(0x0112, 1) >= 5
            return opened.size if turned else opened.size[::-1]
    except Exception:  # whatever it is, reading the pixels will name it
        return None


def _checked_classes(root, layout):
    """The class names, sorted, when every part has the same two or more, with images in each."""
    by_part = {}
    for file in layout.files:
        by_part.setdefault(file.part, set()).add(file.class_name)
    for part, names in layout.classes.items():
        empty = sorted(set(names) - by_part.get(part, set()))
        if len(names) >= 2 and empty:
            known = ", ".join(SUFFIXES)
            raise ValueError(f"the class folder {names[empty[0]]} holds no image ({known}): fill it or move it away")
    if not by_part or max(map(len, by_part.values())) < 2:
        raise ValueError(_no_classes(root, layout, sorted(set().union(*layout.classes.values(), *by_part.values()))))
    if "train" not in by_part and "" not in by_part:
        raise ValueError(f"{root} has {'/, '.join(by_part)}/ but no train/: there is nothing to learn from")
    every = set().union(*by_part.values())
    if any(names != every for names in by_part.values()):
        only = {part: sorted(every - names) for part, names in by_part.items() if names != every}
        lacks = "; ".join(f"{part}/ lacks {', '.join(names)}" for part, names in only.items())
        raise ValueError(f"{root} has not the same classes in each part: {lacks}")
    return sorted(every)


def _no_classes(root, layout, names):
    """What is wrong with a folder that has fewer than two classes."""
    text = f"{root} needs a folder for each of two or more classes, but has {names}"
    loose = sum(pathlib.Path(name).suffix.lower() in SUFFIXES for name in layout.left_out)
    tables = [name for name in layout.left_out if name.lower().endswith((".csv", ".tsv", ".json", ".xlsx", ".xml"))]
    if loose:
        text += f"; {loose} images lie beside: move each into a folder with the name of its class"
    if tables:
        text += f"; labels are read from folders, not from a table such as {tables[0]}"
    return text


def _read_images(root, files, image_size, channels, notes):
    """The images of the files, all of one size, and their groups."""
    seen, pictures, groups, twins = {}, [], {}, 0
    for i, file in enumerate(files):
        picture = read_picture(file.path)
        first = seen.setdefault(fingerprint(picture), i)
        if first != i:
            _check_twins(root, files[first], file)
            twins += 1
        own = (file.part, file.class_name, file.group) if file.group else i
        joined = _root_of(groups, own), _root_of(groups, ("same", first))
        groups[joined[0]] = joined[1]
        # Here, not at the end: a thousand photos at full size do not fit into memory.
        pictures.append(picture.resize(tuple(image_size)[::-1], Image.Resampling.BILINEAR))
    if twins:
        notes.append(f"{twins} pictures are there twice; equal ones stay in one part")
    own_folders = {(file.part, file.class_name, file.group) for file in files if file.group}
    if own_folders:
        notes.append(f"{len(own_folders)} folders inside class folders, each kept whole in one part")
    mode = "L" if channels == 1 or (channels is None and all(p.mode == "L" for p in pictures)) else "RGB"
    images = np.stack([np.asarray(picture.convert(mode)) for picture in pictures])
    owners = [_root_of(groups, (f.part, f.class_name, f.group) if f.group else i) for i, f in enumerate(files)]
    numbers = {owner: n for n, owner in enumerate(dict.fromkeys(owners))}
    return images if mode == "RGB" else images[..., np.newaxis], np.array([numbers[owner] for owner in owners])


def _root_of(groups, name):
    """The name that stands for a group, in a forest of name -> name."""
    while groups.setdefault(name, name) != name:
        name = groups[name]
    return name


def _check_twins(root, one, other):
    """Raise ValueError for two files with the same picture in two classes or in two parts."""
    names = " and ".join(file.path.relative_to(root).as_posix() for file in (one, other))
    if one.class_name != other.class_name:
        raise ValueError(f"{names} are the same picture in two classes: delete the wrong one")
    if one.part != other.part:
        raise ValueError(
            f"{names} are the same picture in two parts: delete one of them, or {other.part}/ does not measure what "
            "the model does with new pictures"
        )


def fingerprint(picture):
    """The same for pictures with the same pixels, of whatever format."""
    pixels = picture.convert("RGB")
    return hashlib.sha256(repr(pixels.size).encode() + pixels.tobytes()).digest()
