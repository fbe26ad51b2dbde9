"""A folder of your own looked through, and a model for it: new head, balanced classes, accuracy by class, a card."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from cct_helpers import images, weights

NEAR = 4  # difference in brightness, of 255, root mean square at 16 x 16 pixels, up to which pictures are near copies


class ImageFile(NamedTuple):
    """One file of a folder, as `survey` found it.

    Args:
        path: str, below the folder, with "/".
        class_name: the name of its class folder.
        height, width: pixels, 0 where they could not be read.
        kind: format and Pillow's mode, such as "JPEG CMYK".
        problem: why the folder cannot be read with this file in it, or "".
        note: what happens to the file when it is read, or "".
    """

    path: str
    class_name: str
    height: int
    width: int
    kind: str
    problem: str
    note: str


def survey(root):
    """List every file in the class folders of `root` with what is wrong with it.

    Unlike `load_dataset` it does not stop at the first file that can't be read. Beside equal pictures it finds near
    copies, such as a photo saved a second time or two frames of a video.

    Args:
        root: a folder in one of the layouts of `images.find_images`.

    Returns:
        A list of `ImageFile`.

    Raises:
        ValueError: when `root` is no folder.
    """
    layout = images.find_images(root)
    root = Path(root).resolve()
    seen, found, small = {}, [], []
    for file in layout.files:
        place = file.path.relative_to(root).as_posix()
        (height, width), kind, problem, note = (0, 0), "", "", ""
        try:
            picture = images.read_picture(file.path)
            (width, height), (kind, note) = picture.size, _describe(file.path)
            twin = seen.setdefault(images.fingerprint(picture), file)
            if twin is file:
                thumbnail = picture.convert("RGB").resize((16, 16), Image.Resampling.BOX)
                small.append((len(found), np.asarray(thumbnail, "float32").ravel()))
            elif (twin.class_name, twin.part) == (file.class_name, file.part):
                note = _joined(note, _as_twin("the same picture as", twin, file, root))
            else:
                problem = _as_twin("the same picture as", twin, file, root)
        except ValueError as error:
            problem = str(error).replace(str(file.path), "").strip()
        found.append(ImageFile(place, file.class_name, height, width, kind, problem, note))
    for i, j in _near_pairs(small):
        near = _as_twin("nearly the same picture as", layout.files[j], layout.files[i], root)
        found[i] = found[i]._replace(note=_joined(found[i].note, near))
    unread = "not read: a folder or a link, not an image by its name, or in no class folder"
    return found + [ImageFile(place, "", 0, 0, "", "", unread) for place in layout.left_out]


def _as_twin(what, twin, file, root):
    """What to say of a file whose picture is there already."""
    where = ", in another class" if twin.class_name != file.class_name else ""
    where = where or (", in another part" if twin.part != file.part else "")
    return f"{what} {twin.path.relative_to(root).as_posix()}{where}"


def _joined(*notes):
    return "; ".join(filter(None, notes))


def _near_pairs(small):
    """(index, index of an earlier one) of pictures that hardly differ: from (index, (768,) pixels) of each."""
    if len(small) < 2:
        return []
    indices, pixels = zip(*small, strict=True)
    pixels = np.stack(pixels)
    finder = NearestNeighbors(radius=NEAR * pixels.shape[1] ** 0.5, algorithm="brute").fit(pixels)
    near = finder.radius_neighbors(return_distance=False)
    return [(indices[i], indices[min(others)]) for i, others in enumerate(near) if len(others) and min(others) < i]


def _describe(path):
    """Format and mode of an image file, and what reading does to it."""
    with images.open_picture(path) as opened:
        notes = []
        if getattr(opened, "n_frames", 1) > 1:
            several = "pages" if opened.format == "TIFF" else "frames"
            notes.append(f"the first of {opened.n_frames} {several} is read")
        if "A" in opened.mode or "transparency" in opened.info:
            notes.append("transparent parts are laid on white")
        if opened.getexif().get(0x0112, 1) != 1:
            notes.append("turned as its camera says")
        return f"{opened.format} {opened.mode}", "; ".join(notes)


def start_from(name, data):
    """A model for `data` that starts with the weights of a shipped model and a new, untrained head.

    Args:
        name: one of `weights.pretrained_names()`.
        data: a `Dataset`; its images decide about the input shape, its class names about the head.

    Images of another size get another grid of tokens, and the learned position table is resized to it. The model takes
    raw pixels, with the normalization that its weights were trained with. Returns a keras.Model.
    Raises ValueError for an unknown name, and for images with another number of channels than the weights.
    """
    trained = weights.load_pretrained(name)
    shape, channels = data.x_train.shape[1:], trained.input_shape[-1]
    if shape[2] != channels:
        raise ValueError(
            f"{name} was trained on {channels} channels, your images have {shape[2]}: load the folder "
            f"with channels={channels}."
        )
    model = weights.build_from_card(trained.card, shape, len(data.class_names))
    return weights.load_reference_weights(model, with_head_of(model, weights.reference_weights(trained)))


def with_head_of(model, state):
    """The arrays of `state`, by the authors' names, but for the head, which is that of `model`.

    Without this a file with as many classes as the model, but other ones, would bring its own head along.
    """
    head = {name: array for name, array in weights.reference_weights(model).items() if name.startswith("classifier.fc")}
    return {**state, **head}


def freeze_all_but_head(model):
    """Let only the last layer learn, and return the model. Compile it afterwards, as `fit` does."""
    for layer in model.layers:
        layer.trainable = layer.name == "head"
    return model


def balanced(data, seed=0):
    """`data` with training images of the rarer classes repeated until every class has as many as the largest.

    Each image of a class is used once before one is used twice. Validation and test images stay as they are: a repeated
    image on both sides of a split would be a leak. Returns a `Dataset`.
    """
    rng = np.random.default_rng(seed)
    counts = np.bincount(data.y_train, minlength=len(data.class_names))
    chosen = []
    for label in np.flatnonzero(counts):
        own = np.flatnonzero(data.y_train == label)
        rounds = -(-counts.max() // len(own))  # rounded up
        chosen.append(np.concatenate([rng.permutation(own) for _ in range(rounds)])[: counts.max()])
    chosen = rng.permutation(np.concatenate(chosen))
    return data._replace(x_train=data.x_train[chosen], y_train=data.y_train[chosen])


def class_accuracies(logits, labels):
    """The share of right answers for each class (its recall): logits (n, classes), labels (n,) -> (classes,).

    A class without an image gets nan. The mean over classes is the *balanced accuracy*: guessing the largest class
    gives 1 / classes, whatever its share.
    """
    right = np.argmax(logits, axis=1) == labels
    counts = np.bincount(labels, minlength=np.shape(logits)[1])
    hits = np.bincount(labels, weights=right, minlength=len(counts))
    return np.where(counts > 0, hits / np.maximum(counts, 1), np.nan)


def model_card(title, *, purpose, data, sources, accuracies, training, limits, files):
    """A short model card in Markdown, after Mitchell et al., Model Cards (https://arxiv.org/abs/1810.03993).

    Args:
        title, purpose, sources, training, limits: texts. What it is called; what it is for and what not; where the
            images come from; how it was trained; where it is known to fail.
        data: the `Dataset`; images are counted by class and part.
        accuracies: (classes,) from `class_accuracies` on the test images.
        files: name -> bytes of each file that is handed out; the card keeps the beginning of its SHA-256.

    Raises ValueError for an empty text: a card that leaves a question open does not say so by itself.
    """
    texts = {"title": title, "purpose": purpose, "sources": sources, "training": training, "limits": limits}
    for name, text in texts.items():
        if not text.strip():
            raise ValueError(f"The model card has no {name}: say at least that it is not known.")
    counts = [np.bincount(y, minlength=len(data.class_names)) for y in (data.y_train, data.y_val, data.y_test)]
    rows = [
        f"| {name} | {' | '.join(map(str, numbers))} | {accuracy:.0%} |"
        for name, accuracy, *numbers in zip(data.class_names, accuracies, *counts, strict=True)
    ]
    height, width, channels = data.x_train.shape[1:]
    hashes = [f"- `{name}`: SHA-256 {hashlib.sha256(content).hexdigest()[:16]}..." for name, content in files.items()]
    return "\n".join(
        [f"# {title}", "", f"**Purpose.** {purpose}", "", f"**Images.** {sources}", "", f"**Training.** {training}", ""]
        + [f"**Input.** {height} x {width} pixels, {channels} channels, raw values 0 to 255.", ""]
        + ["| class | train | validation | test | right on test |", "|---|---|---|---|---|", *rows, ""]
        + [f"Balanced accuracy on the test images: {np.nanmean(accuracies):.1%}.", ""]
        + [f"**Limits.** {limits}", "", "**Files.**", "", *hashes]
    )
