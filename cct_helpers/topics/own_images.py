"""A folder of your own looked through, and a model for it: new head, balanced classes, accuracy by class, a card.

Two folders to try it on come from pictures that ship with scikit-learn and scikit-image: `write_digits` and
`write_frames`.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image
from skimage import data as photos
from sklearn.datasets import load_digits, load_sample_image
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from cct_helpers import images, models, weights

NEAR = 4  # difference in brightness, of 255, root mean square at 16 x 16 pixels, up to which pictures are near copies
KINDS = {"L": ".png", "RGB": ".jpg", "RGBA": ".png", "CMYK": ".jpg", "P": ".gif"}  # Pillow's mode -> suffix
OBJECTS = {  # class -> object -> its photo, and where it is in it: top, left, height, width, in pixels
    "alive": {
        "cat": (photos.chelsea, (20, 90, 270, 300)),
        "person": (photos.astronaut, (0, 110, 260, 230)),
        "flower": (lambda: load_sample_image("flower.jpg"), (60, 150, 300, 300)),
        "grass": (photos.grass, (0, 0, 512, 512)),
    },
    "made": {
        "mug": (photos.coffee, (60, 150, 270, 330)),
        "rocket": (photos.rocket, (0, 180, 427, 300)),
        "motorcycle": (lambda: photos.stereo_motorcycle()[0], (60, 60, 400, 560)),
        "palace": (lambda: load_sample_image("china.jpg"), (30, 120, 320, 400)),
    },
}

# Mean and standard deviation of the pixels, 0 to 255, in the authors' configs/.
IMAGENET = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
FLOWERS = (111.0015, 96.2115, 73.236), (75.633, 62.6025, 68.799)
CIFAR10 = (125.307, 122.961, 113.8575), (62.985, 62.0925, 66.708)
CIFAR100 = (129.3105, 124.1085, 112.404), (68.2125, 65.4075, 70.4055)
CHECKPOINTS = "https://shi-labs.com/projects/cct/checkpoints/"  # where the authors keep them


class AuthorsFile(NamedTuple):
    """One of the authors' checkpoints (model_urls in their src/cct.py). Nothing here fetches it.

    Args:
        variant: a name in `VARIANTS`.
        classes: of its head.
        normalization: (mean, standard deviation) per channel, 0 to 255, of the images that it was trained on.
        trained_on: what and how long.
        folder: below `CHECKPOINTS`.
    """

    variant: str
    classes: int
    normalization: tuple
    trained_on: str
    folder: str = "pretrained"


AUTHORS_FILES = {
    "cct_14_7x2_224_imagenet.pth": AuthorsFile("cct_14_7x2_224", 1000, IMAGENET, "ImageNet, 310 epochs"),
    "cct_14_7x2_384_imagenet.pth": AuthorsFile(
        "cct_14_7x2_384", 1000, IMAGENET, "ImageNet, 310 + 30 epochs", "finetuned"
    ),
    "cct_14_7x2_384_flowers102.pth": AuthorsFile(
        "cct_14_7x2_384", 102, FLOWERS, "ImageNet, then Flowers-102", "finetuned"
    ),
    "cct_7_7x2_224_flowers102.pth": AuthorsFile("cct_7_7x2_224_sine", 102, FLOWERS, "Flowers-102, 300 epochs"),
    "cct_7_3x1_32_cifar10_300epochs.pth": AuthorsFile("cct_7_3x1_32", 10, CIFAR10, "CIFAR-10, 300 epochs"),
    "cct_7_3x1_32_sine_cifar10_5000epochs.pth": AuthorsFile("cct_7_3x1_32_sine", 10, CIFAR10, "CIFAR-10, 5,000 epochs"),
    "cct_7_3x1_32_cifar100_300epochs.pth": AuthorsFile("cct_7_3x1_32", 100, CIFAR100, "CIFAR-100, 300 epochs"),
    "cct_7_3x1_32_sine_cifar100_5000epochs.pth": AuthorsFile(
        "cct_7_3x1_32_sine", 100, CIFAR100, "CIFAR-100, 5,000 epochs"
    ),
}


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


# Folders to try it on


def write_digits(folder, train_counts, test_count, seed=0):
    """Write scikit-learn's handwritten digits as photos of ink on coloured paper, in five kinds of files.

    They become folder/train/0/000.png and so on: 4 high to 3 wide, in several sizes, the kinds of `KINDS` in turn.

    Args:
        folder: is made.
        train_counts: images to learn from, for each class.
        test_count: images to test, the same for each class.
        seed: decides which digits, sizes and colours.

    Returns:
        The folder, a Path.
    """
    folder, digits, rng = Path(folder), load_digits(), np.random.default_rng(seed)
    for label, train_count in enumerate(train_counts):
        chosen = rng.permutation(np.flatnonzero(digits.target == label))[: train_count + test_count]
        for i, digit in enumerate(digits.images[chosen]):
            place = folder / ("train" if i < train_count else "test") / str(label)
            place.mkdir(parents=True, exist_ok=True)
            _write_digit(place / f"{i:03}", digit, rng, list(KINDS)[i % len(KINDS)])
    return folder


def _write_digit(path, digit, rng, kind):
    """Write a digit, (8, 8) from 0 to 16, as a file of this kind."""
    scale = int(rng.integers(4, 9))
    ink = Image.fromarray(np.round(digit[:, 1:7] * 255 / 16).astype("uint8"))
    ink = ink.resize((6 * scale, 8 * scale), Image.Resampling.BICUBIC)  # (8, 6) -> (8 scale, 6 scale)
    dark, pale = (Image.new("RGB", ink.size, tuple(rng.integers(*span, 3))) for span in ((0, 90), (170, 256)))
    photo = Image.composite(dark, pale, ink).convert("RGB" if kind == "RGBA" else kind)
    if kind == "RGBA":
        photo = dark
        photo.putalpha(ink)  # transparent paper: its hidden colour is that of the ink
    photo.save(path.with_suffix(KINDS[kind]))


def write_frames(folder, count=10, seed=0):
    """Write frames of eight objects in two classes, as a phone takes them from a few steps apart.

    They become folder/made/mug/0.jpg and so on. Each is a part of the object's photo, somewhat brighter or darker.

    Args:
        folder: is made.
        count: frames of each object.
        seed: decides where they are cut out, and how bright they are.

    Returns:
        The folder, a Path.
    """
    folder, rng = Path(folder), np.random.default_rng(seed)
    for class_name, objects in OBJECTS.items():
        for name, (read, (top, left, height, width)) in objects.items():
            place = folder / class_name / name
            place.mkdir(parents=True, exist_ok=True)
            photo = Image.fromarray(read()).convert("RGB").crop((left, top, left + width, top + height))
            for i in range(count):
                share, light = rng.uniform(0.6, 0.85), rng.uniform(0.8, 1.2)
                high, wide = int(share * height), int(share * width)
                y, x = rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1)
                frame = photo.crop((x, y, x + wide, y + high)).point(lambda value, by=light: min(int(value * by), 255))
                frame.resize((round(96 * wide / high), 96)).save(place / f"{i}.jpg", quality=90)
    return folder


def write_broken(folder):
    """Write five files into a folder of `write_digits` that do not belong there.

    Args:
        folder: from `write_digits`.

    Returns:
        name -> Path: a photo cut short, a web page, 16 bits a pixel, a single pixel, and a three among the fives.
    """
    good = Path(folder) / "train" / "3" / "001.jpg"
    names = ("cut.jpg", "page.png", "deep.png", "dot.gif", "twin.jpg")
    broken = {name: Path(folder) / "train" / "5" / name for name in names}
    broken["cut.jpg"].write_bytes(good.read_bytes()[:-300])
    broken["page.png"].write_text("<html>404 not found</html>")
    Image.fromarray(np.full((32, 24), 40_000, "uint16")).save(broken["deep.png"])
    Image.new("L", (1, 1)).save(broken["dot.gif"])
    broken["twin.jpg"].write_bytes(good.read_bytes())
    return broken


def object_names():
    """The objects of `write_frames` in the order in which they are read."""
    return [name for class_name in sorted(OBJECTS) for name in sorted(OBJECTS[class_name])]


# The survey


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


def summary(files):
    """What a survey found, as numbers for a picture.

    Args:
        files: from `survey`.

    Returns:
        sizes (n, 2), height and width in pixels of the files that can be read; part -> {class name: such files}; a text
        for each file with a problem.
    """
    sizes = np.array([(file.height, file.width) for file in files if file.height], int).reshape(-1, 2)
    counts = {}
    for file in files:
        if file.class_name:
            own = counts.setdefault(images.part_of(file.path.split("/")[0]), {})
            own[file.class_name] = own.get(file.class_name, 0) + bool(file.height)
    return sizes, counts, [f"{file.path}: {file.problem}" for file in files if file.problem]


def remarks(files, most=10):
    """What to print of a survey: its files with a problem first, then copies and near copies, a list of texts.

    Args:
        files: from `survey`.
        most: texts; where there are more, another one counts them.
    """
    problems = [f"{file.path}: {file.problem}" for file in files if file.problem]
    copies = [f"{file.path}: {file.note}" for file in files if not file.problem and "same" in file.note]
    texts = problems + copies
    return texts[:most] + [f"and {len(texts) - most} more"] * (len(texts) > most)


def opens(path):
    """Whether Pillow's `Image.open`, which reads the head of a file alone, finds nothing wrong with it."""
    try:
        Image.open(path).close()
    except OSError:
        return False
    return True


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


# A model for it


def start_from(name, data):
    """A model for `data` that starts with the weights of a shipped model and a new, untrained head.

    Images of another size get another grid of tokens, and the learned position table is resized to it. The model takes
    raw pixels, with the normalization that its weights were trained with.

    Args:
        name: one of `weights.pretrained_names()`.
        data: a `Dataset`; its images decide about the input shape, its class names about the head.

    Returns:
        A keras.Model.

    Raises:
        ValueError: for an unknown name, and for images with another number of channels than the weights.
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


def start_from_file(path, data, kind=None):
    """A model for `data` that starts with one of the authors' checkpoints and a new, untrained head.

    The variant, and the mean and standard deviation that the model puts in front, are those of the file's training.

    Args:
        path: of the file; fetch it first from `address_of`. A .pth needs the package torch.
        data: a `Dataset` of RGB images; their size may differ from the file's.
        kind: its name in `AUTHORS_FILES`, where the file has another name.

    Returns:
        A keras.Model that takes raw pixels.

    Raises:
        ValueError: for a name that is not known, and for images that are not RGB.
        FileNotFoundError, ImportError: as `read_state_dict`.
    """
    kind = kind or Path(path).name
    if kind not in AUTHORS_FILES:
        raise ValueError(f"kind is {kind!r}, and known are {', '.join(AUTHORS_FILES)}: say which of them the file is.")
    if data.x_train.shape[-1] != 3:
        raise ValueError("The authors' models take RGB images: load the folder with channels=3.")
    file = AUTHORS_FILES[kind]
    shape, classes = data.x_train.shape[1:], len(data.class_names)
    state = weights.bare_names(weights.read_state_dict(path))
    model = models.build_cct(file.variant, input_shape=shape, num_classes=classes, normalization=file.normalization)
    return weights.load_reference_weights(model, with_head_of(model, state))


def address_of(kind):
    """Where the authors keep a file of `AUTHORS_FILES`: its address on the web."""
    return f"{CHECKPOINTS}{AUTHORS_FILES[kind].folder}/{kind}"


def files_table():
    """`AUTHORS_FILES` as a table in Markdown, with a link to each file."""
    rows = ["| file | variant | classes | trained on | mean and deviation of its pixels |", "|---" * 5 + "|"]
    for name, file in AUTHORS_FILES.items():
        mean, std = (", ".join(f"{value:.0f}" for value in part) for part in file.normalization)
        link = f"[{name}]({address_of(name)})"
        rows.append(f"| {link} | {file.variant} | {file.classes:,} | {file.trained_on} | {mean}; {std} |")
    return "\n".join(rows)


def lines_of_choices(runs):
    """The lines of the four pictures of the record of choices: name -> {choice: accuracies of the seeds}.

    Args:
        runs: list of dicts with question, setting (a dict), seed and accuracy.
    """
    many, rate = runs_by_choice(runs, "how many", "each", "start"), runs_by_choice(runs, "which rate", "rate", "frozen")
    freeze = runs_by_choice(runs, "what to freeze", "frozen")[""]
    freeze = {"nothing": many["shipped"][20]} | freeze | {"all but the head": rate["all but the head"][0.01]}
    return many | rate | {"side": runs_by_choice(runs, "how large", "side")[""], "freeze": freeze}


def panels_of_choices(lines):
    """The four pictures of the record of choices as `draw_choices` takes them, from `lines_of_choices`."""
    images_of = {"shipped weights": lines["shipped"], "from scratch": lines["scratch"]}
    rates_of = {"all layers": lines["nothing"], "head alone": lines["all but the head"]}
    return {
        "How many images?": ("images of a class", images_of),
        "How large? (bricks, grass, gravel)": ("side (pixels)", {"": lines["side"]}),
        "Which learning rate?": ("highest rate", rates_of),
        "What to freeze?": ("right (%)", {"": lines["freeze"]}),
    }


def costs_table(costs):
    """What images of several sizes cost, as a table in Markdown.

    Args:
        costs: list of dicts with side, variant, tokens, macs, answer_seconds, train_seconds, train_bytes: of one image.
    """
    names = "side | variant | tokens | MACs (millions) | to answer (ms) | to train (ms) | memory to train (MB)"
    rows = [f"| {names} |", "|---" * 7 + "|"]
    for cost in costs:
        numbers = (
            cost["macs"] / 1e6,
            1e3 * cost["answer_seconds"],
            1e3 * cost["train_seconds"],
            cost["train_bytes"] / 1e6,
        )
        shown = " | ".join(f"{number:,.0f}" for number in numbers)
        rows.append(f"| {cost['side']} | {cost['variant']} | {cost['tokens']:,} | {shown} |")
    return "\n".join(rows)


def accuracies_by_way(runs):
    """way -> (seeds, classes), from a list of dicts with way, seed and class_accuracies."""
    table = {}
    for run in runs:
        table.setdefault(run["way"], []).append(run["class_accuracies"])
    return {way: np.array(values) for way, values in table.items()}


def runs_by_choice(runs, question, choice, line=None):
    """The runs of one question, sorted for a picture.

    Args:
        runs: list of dicts with question, setting (a dict), accuracy.
        question: which of them.
        choice: the setting along the picture.
        line: the setting that tells lines apart, if there is one.

    Returns:
        line -> {choice: accuracies of the seeds}.
    """
    table = {}
    for run in runs:
        if run["question"] == question:
            own = table.setdefault(run["setting"].get(line, ""), {})
            own.setdefault(run["setting"][choice], []).append(run["accuracy"])
    return table


def with_head_of(model, state):
    """The arrays of a file, but for the head, which is that of a model.

    Without this a file with as many classes as the model, but other ones, would bring its own head along.

    Args:
        model: from `build_cct` and its like.
        state: a dict by the authors' names.

    Returns:
        A dict of arrays.
    """
    head = {name: array for name, array in weights.reference_weights(model).items() if name.startswith("classifier.fc")}
    return {**state, **head}


def freeze_all_but_head(model):
    """Let only the last layer learn, and return the model. Compile it afterwards, as `fit` does."""
    for layer in model.layers:
        layer.trainable = layer.name == "head"
    return model


def pooled(model, images):
    """The vector that a model makes of each image before its head.

    Args:
        model: from `build_cct` or `build_cvt`.
        images: (n, height, width, channels), as the model takes them.

    Returns:
        A float32 array (n, dim).
    """
    body = keras.Model(model.input, model.get_layer("pooling").output)
    return keras.ops.convert_to_numpy(body.predict(images.astype("float32"), verbose=0))


def score_heads(vectors, labels, tests):
    """Train a head alone, a logistic regression, for each of several splits: the shares of right answers.

    Args:
        vectors: (n, dim), from `pooled`.
        labels: (n,) whole numbers.
        tests: for each split an array (n,) bool, True for images that are tested; the others are learned from.

    Returns:
        A list of numbers from 0 to 1.
    """
    return [
        LogisticRegression(max_iter=2000).fit(vectors[~tested], labels[~tested]).score(vectors[tested], labels[tested])
        for tested in tests
    ]


def balanced(data, seed=0):
    """`data` with training images of the rarer classes repeated until every class has as many as the largest.

    Each image of a class is used once before one is used twice. Validation and test images stay as they are: a repeated
    image on both sides of a split would be a leak.

    Args:
        data: a `Dataset`.
        seed: decides the order, and which images are used once more.

    Returns:
        A `Dataset`.
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
    """The share of right answers for each class (its recall).

    The mean over classes is the *balanced accuracy*: always saying one class gives 1 / classes, whatever its share.

    Args:
        logits: (n, classes).
        labels: (n,) whole numbers.

    Returns:
        (classes,) from 0 to 1; nan for a class without an image.
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

    Returns:
        The card, a str.

    Raises:
        ValueError: for an empty text: a card that leaves a question open does not say so by itself.
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
