"""The attention explorer: one page of HTML in which a reader points at a token and sees where it reads from.

The page, `explorer.html`, needs no kernel and loads nothing. This module checks the arrays and puts them into it.
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

from cct_helpers.attention import attention_maps, attention_rollout, pooling_weights, token_votes

TEMPLATE = pathlib.Path(__file__).with_suffix(".html")
# Steps of the weights of a row; fewer only where a page would grow too large.
LEVELS = (255, 191, 127, 95, 63, 47, 39, 31, 23, 15)
MOST_TEXT = 1_440_000  # characters of base64; the rest of the page has about 40,000


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
    return framed(filled(meta, *packed(image, rows, floats)), str(title))


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


def filled(meta, layout, text):
    """The page with its data in place. In JSON the characters of markup are written as numbers: names stay text."""
    data = json.dumps({**meta, **layout})
    for character in "<>&":
        data = data.replace(character, f"\\u{ord(character):04x}")
    before, between, after = re.split("__META__|__BLOB__", TEMPLATE.read_text(encoding="utf-8"))
    return before + data + between + text + after


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
