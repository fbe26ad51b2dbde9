"""Two pages of HTML that answer without a kernel: the attention explorer, and the live model.

In the attention explorer (`explorer.html`) a reader points at a token and sees where it reads from; the numbers were
computed beforehand. In the live model (`live.html`) the model itself computes, on the picture that the reader changes.
Neither loads anything. This module checks the arrays and puts them into the pages.
"""

import base64
import html
import itertools
import json
import pathlib
import re
import zlib

import keras
import numpy as np

from cct_helpers.attention import attention_maps, attention_rollout, blocks_of, pooling_weights, token_votes
from cct_helpers.layers import ConvTokenizer, PatchTokenizer, resize_positions
from cct_helpers.weights import reference_weights

FOLDER = pathlib.Path(__file__).parent
# Steps of the weights of a row; fewer only where a page would grow too large.
LEVELS = (255, 191, 127, 95, 63, 47, 39, 31, 23, 15)
MOST_TEXT = 1_440_000  # characters of base64; the rest of the page has about 40,000
MOST_WEIGHTS = 5_000_000  # of all live models on a page, about a byte each
MOST_PICTURES = 24


def attention_explorer(model, image, class_names=None):
    """A page that shows what each token of an image reads from, in every layer and head of a model.

    Args:
        model: from `build_cct`, `build_cvt` or `load_pretrained`.
        image: (height, width, channels), as the model takes it. uint8 pixels are shown as they are; other numbers are
            stretched from their smallest to their largest.
        class_names: one text for each logit; those of a shipped model when None, else "class 0" and so on.

    Returns a string of HTML: show it with `IPython.display.HTML`, or write it to a file.
    Raises ValueError for images that do not fit and for models without sequence pooling.
    """
    image = np.asarray(image)
    maps = attention_maps(model, image[None])
    if class_names is None:
        class_names = getattr(model, "card", {}).get("class_names")
    return explorer_html(
        image if image.dtype == np.uint8 else stretched(image),
        grid=model.get_layer("tokenizer").grid(*image.shape[:2]),
        attention=maps[:, 0],
        pooling=pooling_weights(model, image[None])[0],
        rollout=attention_rollout(maps)[0],
        votes=token_votes(model, image[None])[0],
        class_names=class_names,
        logits=keras.ops.convert_to_numpy(model(image[None], training=False))[0],
        title=f"Attention explorer: {model.name}",
    )


def explorer_html(
    image,
    grid,
    attention,
    pooling=None,
    rollout=None,
    votes=None,
    class_names=None,
    logits=None,
    title="Attention explorer",
):
    """The explorer's page from arrays; what is None is left out of it.

    Args:
        image: (height, width, channels) uint8, 1 or 3 channels.
        grid: (rows, columns) of the tokens; rows * columns = tokens.
        attention: (layers, heads, tokens, tokens), rows sum to 1.
        pooling: (tokens,), sums to 1.
        rollout: (tokens, tokens), rows sum to 1.
        votes: (tokens, classes), the signed part of each token in each logit; without the bias.
        class_names: one text for each class.
        logits: (classes,).
        title: the heading.

    Weights are kept as uint8: (code / levels)^2 of the row's largest, off by at most 1 / levels of it, which the page
    says. Levels are 255 unless the page would pass 1.5 MB: then the bytes are deflated, as differences where that is
    shorter, and the levels are as many as fit. Pooling and votes are exact (float32).

    Returns a string of HTML. Raises ValueError, in words, for arrays that do not fit each other.
    """
    grid = check_grid(grid)
    image, tokens = check_image(image), grid[0] * grid[1]
    attention = check_rows("attention", attention, ("layers", "heads", tokens, tokens), grid)
    floats, rows = {}, {"attention": attention}
    if rollout is not None:
        rows["rollout"] = check_rows("rollout", rollout, (tokens, tokens), grid)
    if pooling is not None:
        floats["pooling"] = check_rows("pooling", pooling, (tokens,), grid)
    if votes is not None:
        votes = check_finite("votes", votes, (tokens, "classes"), grid)
        floats["votes"] = votes.T  # a class's votes side by side
    if logits is not None:
        logits = check_finite("logits", logits, ("classes",), grid)
    meta = {
        "title": str(title),
        "grid": grid,
        "image": image.shape,
        "layers": attention.shape[0],
        "heads": attention.shape[1],
        "classes": checked_names(class_names, votes, logits),
        "logits": None if logits is None else logits.tolist(),
        "largest_vote": None if votes is None else float(np.abs(votes).max()),
    }
    layout, text = packed(image, rows, floats)
    return framed(page_of("explorer.html", META=as_json(meta | layout), BLOB=text), str(title))


def packed(image, rows, floats):
    """All arrays as base64, and what the page must know to read them: (dict, text)."""
    for levels, differences in itertools.product(LEVELS, (False, True)):
        parts = dict(floats)
        for name, array in rows.items():
            codes, parts[f"{name}_largest"] = encoded(array, levels)
            parts[name] = differences_of(codes) if differences else codes
        parts["image"] = image
        parts = dict(
            sorted(parts.items(), key=lambda part: part[1].dtype == np.uint8)
        )  # floats must start at 4 n bytes
        layout, offset = [], 0
        for name, array in parts.items():
            layout.append([name, array.dtype.name, offset, array.size])
            offset += array.nbytes
        block = b"".join(
            np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes() for array in parts.values()
        )
        deflate = len(block) * 4 / 3 > MOST_TEXT
        text = base64.b64encode(deflated(block) if deflate else block).decode("ascii")
        if len(text) <= MOST_TEXT:
            break
    return {"levels": levels, "packed": deflate, "differences": differences, "parts": layout}, text


def encoded(rows, levels):
    """Weights as uint8 codes on a square-root scale, and the largest weight of each row (float32).

    Square roots keep the small weights of a peaked row: of a softmax of Gaussian logits with standard deviation 2 over
    256 tokens, linear codes make more than a third 0, these one in a thousand.
    """
    largest = rows.max(axis=-1, keepdims=True)
    share = np.sqrt(rows / np.maximum(largest, np.finfo("float32").tiny))
    return np.rint(share * levels).astype("uint8"), largest


def differences_of(codes):
    """Each code minus its left neighbour, then minus the row above, modulo 256: smaller where maps are smooth."""
    return np.diff(np.diff(codes, axis=-1, prepend=0), axis=-2, prepend=0).astype("uint8")


def deflated(block):
    """Bytes compressed as browsers read them under the name deflate-raw.

    Looking for repetitions makes noise longer, so that codes of fitting lengths alone are tried too.
    """
    tries = []
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY):
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15, 9, strategy)
        tries.append(compressor.compress(block) + compressor.flush())
    return min(tries, key=len)


# The live model


def live_model(model, images=None, class_names=None):
    """A page in which the model itself computes: change the picture, and see what the model makes of it.

    Draw, erase, move, hide squares, open a picture, use the camera; switch off heads, layers and positions. The page
    shows the classes, where each token reads from, the pooling weights and the votes, before and after. It needs no
    kernel and loads nothing. Weights are sent in 8 bits, with one factor a column (`rounded`): a byte of page for a
    parameter. For each shipped model this costs less than 0.1 point of its test accuracy; what it costs and how fast
    it is stands in notebooks/results/00_live_model.json, measured by notebooks/scripts/live_speed.py.

    Args:
        model: from `build_cct`, `build_cvt`, `build_vit_lite` or `load_pretrained`; or a dict from names to such
            models, shown side by side. They must take images of one shape and have the same classes.
        images: pictures to start with, (height, width, channels) or (n, height, width, channels). For a model with its
            normalization in front, or as uint8, they are pixels, 0 to 255. For another model they are the arrays that
            it takes; their smallest and largest number are black and white. None starts with an empty picture.
        class_names: one text for each logit; those of a shipped model when None, else "class 0" and so on.

    Returns:
        A string of HTML: show it with `IPython.display.HTML`, or write it to a file.

    Raises:
        ValueError: for models of another kind, too large for a page or different from each other, for pictures that do
            not fit, and for a model without normalization in front when there is no picture to show its range.
    """
    models = dict(model) if hasattr(model, "items") else {model.name: model}
    check_live(models)
    first = next(iter(models.values()))
    pictures, low, high = live_pictures(first, images)
    if class_names is None:
        class_names = getattr(first, "card", {}).get("class_names")
    names = checked_names(class_names, None, np.zeros(first.output_shape[-1]))
    specs, floats, codes = [], [], []
    for name, one in models.items():
        spec, weights = live_spec(one, low, high)
        spec["name"], spec["arrays"] = str(name), live_layout(weights, floats, codes)
        specs.append(spec)
    parts = [part.astype("<f4").tobytes() for part in floats] + [part.tobytes() for part in [*codes, pictures]]
    codes_at = 4 * sum(part.size for part in floats)
    for entry in (entry for spec in specs for entry in spec["arrays"]):
        entry[4] += codes_at
    meta = {
        "title": "A small model in this page" if len(models) == 1 else "Small models in this page",
        "classes": names,
        "models": specs,
        "pictures": len(pictures),
        "pictures_at": codes_at + sum(part.size for part in codes),
        "grain": grain_of(pictures),
    }
    kernel = base64.b64encode((FOLDER / "live_kernel.wasm").read_bytes()).decode("ascii")
    text = base64.b64encode(deflated(b"".join(parts))).decode("ascii")
    scripts = {"PASS": source("live_pass.js"), "SCRIPT": source("live.js")}
    page = page_of("live.html", META=as_json(meta), KERNEL=kernel, BLOB=text, **scripts)
    return framed(page, f"Live model: {', '.join(models)}")


def rounded(weights):
    """Numbers as int8 codes with one factor for each index of the last axis, as the live model gets them.

    Args:
        weights: an array of two axes or more, finite.

    Returns:
        codes (rows, columns) int8 and factors (columns,) float32: weights are about codes * factors, off by at most
        half a factor.
    """
    matrix = np.reshape(weights, (-1, np.shape(weights)[-1])).astype("float32")
    factors = np.maximum(np.abs(matrix).max(axis=0), np.finfo("float32").tiny) / 127
    return np.rint(matrix / factors).astype("int8"), factors


def live_spec(model, low, high):
    """What the page must know of a model, and its weights by the authors' names in Keras's axis order: (dict, dict)."""
    tokenizer, position = model.get_layer("tokenizer"), model.get_layer("position")
    blocks, shape = blocks_of(model), model.input_shape[1:]
    grid = tokenizer.grid(*shape[:2])
    if isinstance(tokenizer, PatchTokenizer):
        side = tokenizer.patch_size
        convs = [dict(kernel=side, step=side, padding=0, pool=False, bias=True)]
    else:
        sizes = dict(kernel=tokenizer.kernel_size, step=tokenizer.stride, padding=tokenizer.padding)
        convs = [dict(**sizes, pool=True, bias=False)] * tokenizer.num_conv_layers
    weights = {name: keras_axes(array) for name, array in reference_weights(model).items()}
    table, kind = "classifier.positional_emb", position.kind
    if kind != "none" and tuple(position.grid) != tuple(grid):  # a model from at_size
        weights[table], kind = resize_positions(position.table, position.grid, grid), "learned"
    scale, shift = np.full(shape[-1], (high - low) / 255), np.full(shape[-1], low)
    if "normalization" in [layer.name for layer in model.layers]:
        layer = model.get_layer("normalization")
        mean, std = (np.ravel(keras.ops.convert_to_numpy(part)) for part in (layer.mean, np.sqrt(layer.variance)))
        scale, shift = 1 / std, -mean / std
    for name, array in weights.items():
        check_finite(name, array, array.shape, grid)
    spec = {
        "image": list(shape),
        "scale": scale.astype("float64").tolist(),
        "shift": shift.astype("float64").tolist(),
        "convs": convs,
        "grid": list(grid),
        "class_token": "class_token" in [layer.name for layer in model.layers],
        "position": kind,
        "dim": tokenizer.dim,
        "heads": blocks[0].num_heads,
        "layers": len(blocks),
        "classes": model.output_shape[-1],
        "parameters": model.count_params(),
    }
    return spec, weights


def keras_axes(array):
    """An array in PyTorch's axis order in Keras's: (out, in, h, w) -> (h, w, in, out), matrices transposed."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T if array.ndim == 2 else array


def live_layout(weights, floats, codes):
    """Append the weights to the lists of their parts; where each lies: lists of name, rows, columns, bytes, bytes.

    A vector stays float32 and has no rows. The places of codes are counted from the first of all codes.
    """
    layout = []
    for name, array in weights.items():
        floats_at, codes_at = 4 * sum(part.size for part in floats), sum(part.size for part in codes)
        rows = 0
        if array.ndim > 1:
            some, array = rounded(array)
            codes.append(some)
            rows = len(some)
        floats.append(array)
        layout.append([name, rows, len(array), floats_at, codes_at])
    return layout


def live_pictures(model, images):
    """The pictures as (n, height, width, channels) uint8, and the numbers that stand for black and for white."""
    shape = model.input_shape[1:]
    raw = "normalization" in [layer.name for layer in model.layers]
    if images is None:
        if not raw:
            raise ValueError(
                f"{model.name} has no normalization in front, so that its range of numbers is not known here: "
                "give images, as the model takes them."
            )
        return np.zeros((0, *shape), "uint8"), 0.0, 255.0
    images = np.asarray(images)
    images = images[None] if images.ndim == 3 else images
    if images.shape[1:] != shape or len(images) == 0 or images.dtype.kind not in "uifb":
        wanted = ", ".join(map(str, shape))
        raise ValueError(
            f"images must be ({wanted}) or (n, {wanted}) numbers, got shape {images.shape}, {images.dtype}."
        )
    if len(images) > MOST_PICTURES:
        raise ValueError(f"A page takes up to {MOST_PICTURES} pictures, got {len(images)}: choose some.")
    if not np.isfinite(images).all():
        raise ValueError("images has values that are not finite numbers.")
    if images.dtype == np.uint8:
        return images, 0.0, 255.0
    low, high = (0.0, 255.0) if raw else (float(images.min()), float(images.max()))
    if images.min() < low or images.max() > high:
        raise ValueError(
            f"{model.name} takes pixels, 0 to 255, and images has {images.min():.3g} to {images.max():.3g}: "
            "give the images as they are before any normalization."
        )
    return np.rint((images - low) * (255 / max(high - low, 1e-12))).astype("uint8"), low, high


def grain_of(pictures):
    """The side of the equal squares, in pixels, that all pictures consist of: 2 where each pixel was doubled."""
    height, width = pictures.shape[1:3]
    for side in (4, 3, 2):
        if len(pictures) and height % side == 0 and width % side == 0:
            corners = pictures[:, ::side, ::side]
            if np.array_equal(corners.repeat(side, axis=1).repeat(side, axis=2), pictures):
                return side
    return 1


def check_live(models):
    """Raise ValueError unless all models are of this course, fit on a page, and take the same images and classes."""
    if not models:
        raise ValueError("live_model needs a model.")
    for name, model in models.items():
        layers = {layer.name: layer for layer in getattr(model, "layers", [])}
        if not isinstance(layers.get("tokenizer"), (ConvTokenizer, PatchTokenizer)) or "head" not in layers:
            raise ValueError(f"{name} is no model from build_cct, build_cvt or build_vit_lite.")
        if model.input_shape[-1] not in (1, 3):
            raise ValueError(f"{name} takes images of {model.input_shape[-1]} channels: a page draws 1 or 3.")
    shapes = {name: (model.input_shape[1:], model.output_shape[-1]) for name, model in models.items()}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {shape} to {classes}" for name, (shape, classes) in shapes.items())
        raise ValueError(f"Models side by side must take the same images to the same number of classes, got {told}.")
    count = sum(model.count_params() for model in models.values())
    if count > MOST_WEIGHTS:
        raise ValueError(
            f"{', '.join(models)} have {count:,} parameters, and a page takes up to {MOST_WEIGHTS:,}: use a smaller "
            "model, or attention_explorer, whose page holds no weights."
        )


# What both pages share


def page_of(template, **parts):
    """The page `template` with each part in the place of its name, in capitals between two pairs of underscores.

    Both pages share their style and some of their script.
    """
    parts |= {"STYLE": source("page.css"), "SHARED": source("page.js")}
    pieces = re.split(f"__({'|'.join(parts)})__", source(template))
    return "".join(parts[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def as_json(data):
    """JSON for a script: the characters of markup are written as numbers, so that names stay text."""
    text = json.dumps(data)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def source(name):
    """A text file beside this module, without the blanks that indent its lines."""
    return re.sub(r"(?m)^ +", "", (FOLDER / name).read_text(encoding="utf-8"))


def framed(page, title):
    """The page in a frame of its own, where its names meet no others, and a line for where no script runs."""
    return (
        f'<div><iframe title="{html.escape(title)}" srcdoc="{html.escape(page)}" '
        'style="width: 100%; height: 640px; border: 1px solid #8a8a8a; border-radius: 6px"></iframe>'
        "<p>A picture to point at stands here. If you do not see it, open the notebook in Jupyter or Colab and "
        "trust it.</p></div>"
    )


def stretched(image):
    """Numbers of any range as uint8, the smallest as 0 and the largest as 255."""
    low, high = image.min(), image.max()
    return np.rint((image - low) * (255 / max(high - low, 1e-12))).astype("uint8")


def check_image(image):
    """The image as an array; ValueError unless it is (height, width, 1 or 3) uint8."""
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        raise ValueError(
            "image must be (height, width, channels) uint8 with 1 or 3 channels, "
            f"got shape {image.shape}, {image.dtype.name}."
        )
    return image


def check_grid(grid):
    """(rows, columns) as two ints; ValueError unless both are whole numbers of at least 1."""
    if len(np.shape(grid)) != 1 or len(grid) != 2 or any(side != int(side) or side < 1 for side in grid):
        raise ValueError(f"grid must be (rows, columns) of the tokens, two whole numbers of at least 1, got {grid}.")
    return int(grid[0]), int(grid[1])


def check_finite(name, array, shape, grid):
    """The array as float32; ValueError unless it has the shape, where a text stands for any size, and is finite."""
    array = np.asarray(array, "float32")
    fits = array.ndim == len(shape) and all(
        size > 0 if isinstance(want, str) else size == want for size, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(map(str, shape))
        raise ValueError(
            f"{name} must be ({wanted}), for a grid of {grid[0]} x {grid[1]} = {grid[0] * grid[1]} tokens, "
            f"got shape {array.shape}."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has {np.count_nonzero(~np.isfinite(array))} values that are not finite numbers.")
    return array


def check_rows(name, array, shape, grid):
    """As check_finite, for weights: none below 0, rows sum to 1 (within 0.02, which 16-bit numbers need)."""
    array = check_finite(name, array, shape, grid)
    if array.min() < 0:
        raise ValueError(
            f"{name} must not be negative, its smallest value is {array.min():.3g}: it takes weights after softmax."
        )
    sums = array.sum(axis=-1)
    worst = sums.flat[np.abs(sums - 1).argmax()]
    if abs(worst - 1) > 0.02:
        raise ValueError(f"Each row of {name} must sum to 1, one sums to {worst:.3g}: it takes weights after softmax.")
    return array


def checked_names(class_names, votes, logits):
    """One text for each class; ValueError when votes, logits and names speak of different numbers of classes."""
    counts = {
        "votes": None if votes is None else votes.shape[1],
        "logits": None if logits is None else len(logits),
        "class_names": None if class_names is None else len(class_names),
    }
    counts = {name: count for name, count in counts.items() if count is not None}
    if len(set(counts.values())) > 1:
        raise ValueError(f"The numbers of classes differ: {', '.join(f'{n} has {c}' for n, c in counts.items())}.")
    classes = next(iter(counts.values()), 0)
    return [f"class {i}" for i in range(classes)] if class_names is None else [str(name) for name in class_names]
