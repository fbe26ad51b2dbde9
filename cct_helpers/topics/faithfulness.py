"""Does a map mark what a model uses? Remove what it marks, and watch how fast the model's answer goes.

Arrays in, arrays out. The model comes in as `predict`, a function from images (n, height, width, channels) to
probabilities (n, classes). A map has one number a token; a token stands for its square of the image, so that the grid
of tokens must divide the image. The protocol is the deletion test of Petsiuk et al., https://arxiv.org/abs/1806.07421.
"""

import keras
import numpy as np
from PIL import Image, ImageFilter
from scipy import stats

from cct_helpers.attention import attention_maps, attention_rollout, pooling_weights, token_votes

OTHERS = 3  # wrong images, and wrong places, that a map is compared with


def token_of_pixel(height, width, grid):
    """The number of the token on whose square each pixel lies.

    Args:
        height: of the image, in pixels.
        width: of the image, in pixels.
        grid: (rows, columns) of tokens.

    Returns:
        Whole numbers (height, width).

    Raises:
        ValueError: unless the grid divides the image.
    """
    if height % grid[0] or width % grid[1]:
        raise ValueError(
            f"A grid of {grid[0]} x {grid[1]} tokens does not divide an image of {height} x {width} pixels."
        )
    numbers = np.arange(grid[0] * grid[1]).reshape(grid)
    return np.kron(numbers, np.ones((height // grid[0], width // grid[1]), int))


def mean_fill(image):
    """What a removed square is filled with: the mean colour of the image. (height, width, channels) float32."""
    return np.broadcast_to(image.mean(axis=(0, 1), dtype="float32"), image.shape)


def blurred_fill(image, radius=4):
    """The other filling: the image itself, blurred by a Gaussian of `radius` pixels. uint8 in, float32 out."""
    planes = [Image.fromarray(plane).filter(ImageFilter.GaussianBlur(radius)) for plane in np.moveaxis(image, -1, 0)]
    return np.stack([np.asarray(plane, "float32") for plane in planes], axis=-1)


def order_of(values):
    """Tokens in the order of a map, the largest number first: (..., tokens) -> (..., tokens)."""
    return np.argsort(-np.asarray(values), axis=-1, kind="stable")


def random_orders(count, tokens, rng):
    """Tokens in random orders, to compare with: (count, tokens)."""
    return rng.permuted(np.tile(np.arange(tokens), (count, 1)), axis=1)


def centre_map(grid):
    """A map that looks at no image: a Gaussian, largest in the middle, where most photos have their subject.

    Args:
        grid: (rows, columns) of tokens.

    Returns:
        An array (tokens,) that sums to 1.
    """
    # From -1 to 1, and as far on either side of the middle to the last bit: which of two squares comes first must not
    # depend on how a processor rounds. (`np.linspace` is off by such a bit.)
    rows, columns = (np.arange(1 - side, side, 2) / max(side - 1, 1) for side in grid)
    values = np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * 0.5**2)).ravel()
    return values / values.sum()


def removal_counts(tokens):
    """How many squares are removed at each point of a curve: in eighths, and finer before the first one."""
    shares = np.concatenate([[0, 1 / 64, 1 / 32, 1 / 16], np.arange(1, 9) / 8])
    return np.unique(np.rint(tokens * shares).astype(int))


def remove_squares(image, order, counts, grid, fill):
    """The image after the squares of the first tokens of an order were replaced, once for each count.

    Args:
        image: (height, width, channels).
        order: (tokens,), the token to go first at the front.
        counts: how many squares are replaced in each result.
        grid: (rows, columns) of tokens.
        fill: what replaces them, the shape of `image`.

    Returns:
        A float32 array (counts, height, width, channels).
    """
    place = np.argsort(order)  # when each token goes
    when = place[token_of_pixel(*image.shape[:2], grid)][None, :, :, None]
    return np.where(when < np.reshape(counts, (-1, 1, 1, 1)), fill, image).astype("float32")


def deletion_curves(predict, image, orders, grid, fill, counts=None):
    """The probability of the class that the model gives the whole image, while its squares go in these orders.

    Args:
        predict: function from images (n, height, width, channels) to probabilities (n, classes).
        image: (height, width, channels).
        orders: (orders, tokens).
        grid: (rows, columns) of tokens.
        fill: what replaces the squares, the shape of `image`.
        counts: how many squares are gone at each point, from 0 to all; those of `removal_counts` when None.

    Returns:
        An array (orders, points).
    """
    orders = np.asarray(orders)
    counts = removal_counts(orders.shape[1]) if counts is None else counts
    between = [remove_squares(image, order, counts[1:-1], grid, fill) for order in orders]
    probabilities = predict(np.concatenate([[image, fill], *between]).astype("float32"))
    target = probabilities[0].argmax()
    curves = np.empty((len(orders), len(counts)))
    curves[:, 0], curves[:, -1] = probabilities[:2, target]  # the ends are the same for all orders
    curves[:, 1:-1] = probabilities[2:, target].reshape(len(orders), len(counts) - 2)
    return curves


def area(curves, counts):
    """Mean height of curves (..., points) over the squares removed, counts (points,): (...). Low is fast."""
    curves, counts = np.asarray(curves), np.asarray(counts)
    widths = np.diff(counts) / (counts[-1] - counts[0])
    return ((curves[..., :-1] + curves[..., 1:]) / 2 * widths).sum(axis=-1)


def occlusion_map(predict, image, grid, fill):
    """How much the probability of the model's class falls when one square alone is removed.

    Args:
        predict: function from images (n, height, width, channels) to probabilities (n, classes).
        image: (height, width, channels).
        grid: (rows, columns) of tokens.
        fill: what replaces the square, the shape of `image`.

    Returns:
        An array (tokens,), signed.
    """
    tokens = grid[0] * grid[1]
    alone = np.eye(tokens, dtype=int).argsort(axis=1)[:, ::-1]  # row t: an order that begins with token t
    images = [remove_squares(image, order, [1], grid, fill)[0] for order in alone]
    probabilities = predict(np.stack([image.astype("float32"), *images]))
    target = probabilities[0].argmax()
    return probabilities[0, target] - probabilities[1:, target]


def moved(maps, grid, rng):
    """Each map moved around the grid, which closes on itself: the same neighbours, at wrong places.

    Args:
        maps: (n, tokens).
        grid: (rows, columns) of tokens, more than one.
        rng: a NumPy Generator.

    Returns:
        An array (n, OTHERS, tokens).
    """
    tokens = grid[0] * grid[1]
    steps = rng.integers(1, tokens, (len(maps), OTHERS))  # never 0, which moves nothing
    rows, columns = np.divmod(np.arange(tokens), grid[1])
    down, right = np.divmod(steps[..., None], grid[1])
    source = (rows - down) % grid[0] * grid[1] + (columns - right) % grid[1]  # (n, OTHERS, tokens)
    return np.take_along_axis(np.asarray(maps)[:, None], source, axis=-1)


def maps_of(model, images, rng, **further):
    """The maps to test, and their controls.

    Args:
        model: from `build_cct` or `build_cvt`.
        images: (n, height, width, channels), more than OTHERS.
        rng: a NumPy Generator.
        **further: other maps of the same images, each (n, tokens).

    Returns:
        A dict from a name to an array (n, tokens), or (n, OTHERS, tokens) for a control of several orders: the map of
        other images, the votes at other places.
    """
    attention, pooling = attention_maps(model, images), pooling_weights(model, images)
    votes = token_votes(model, images)  # (n, tokens, classes)
    predicted = votes.sum(axis=1) + keras.ops.convert_to_numpy(model.get_layer("head").bias)
    grid = model.get_layer("tokenizer").grid(*images.shape[1:3])
    maps = {
        "pooling weights": pooling,
        "last attention": np.einsum("bt,bhtu->bu", pooling, attention[-1]) / attention.shape[2],
        "rollout": np.einsum("bt,btu->bu", pooling, attention_rollout(attention)),
        "votes": votes[np.arange(len(images)), :, predicted.argmax(axis=1)],
        **further,
    }
    others = {
        f"another image's {name}": np.stack([np.roll(values, i + 1, axis=0) for i in range(OTHERS)], axis=1)
        for name, values in maps.items()
    }
    centre = np.tile(centre_map(grid), (len(images), 1))
    return maps | {"centre": centre, "votes, moved": moved(maps["votes"], grid, rng)} | others


def compare_orders(predict, images, maps, grid, fill, rng, random=20, counts=None):
    """Deletion curves of all images, for several maps, for occlusion and for random orders.

    Args:
        predict: function from images (n, height, width, channels) to probabilities (n, classes).
        images: (n, height, width, channels).
        maps: dict from a name to an array (n, tokens), or (n, several, tokens), whose curves are averaged.
        grid: (rows, columns) of tokens.
        fill: function from an image to what replaces its squares.
        rng: a NumPy Generator.
        random: how many random orders are drawn anew for each image.
        counts: how many squares are gone at each point; those of `removal_counts` when None.

    Returns:
        curves, a dict from each name, "occlusion" and "random" (the mean of the random orders) to (n, points); and
        occlusion (n, tokens).
    """
    curves, occlusion = {name: [] for name in [*maps, "occlusion", "random"]}, []
    for i, image in enumerate(images):
        replaced = fill(image)
        occlusion.append(occlusion_map(predict, image, grid, replaced))
        groups = [np.atleast_2d(order_of(values[i])) for values in [*maps.values(), occlusion]]
        groups.append(random_orders(random, grid[0] * grid[1], rng))
        found = deletion_curves(predict, image, np.concatenate(groups), grid, replaced, counts)
        ends = np.cumsum([len(group) for group in groups])[:-1]
        for name, some in zip(curves, np.split(found, ends), strict=True):
            curves[name].append(some.mean(axis=0))
    return {name: np.stack(rows) for name, rows in curves.items()}, np.stack(occlusion)


def largest_shared(one, other, k):
    """How many of the k largest tokens of each row of `one` are among those of `other`: (n, tokens) twice -> (n,)."""
    first, second = (order_of(values)[:, :k] for values in (one, other))
    return (first[:, :, None] == second[:, None, :]).sum(axis=(1, 2))


def spearman(one, other):
    """Spearman's rank correlation along the last axis.

    Args:
        one: (..., tokens).
        other: the same shape.

    Returns:
        An array (...), from -1 to 1; 0 where all numbers of one are equal.
    """
    one, other = (stats.rankdata(values, axis=-1) for values in (one, other))
    one, other = (values - values.mean(axis=-1, keepdims=True) for values in (one, other))
    spread = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    return (one * other).sum(axis=-1) / np.maximum(spread, 1e-12)


def bootstrap_interval(values, rng, resamples=5000, level=0.95):
    """The mean of values and the ends of its bootstrap interval: values drawn again with replacement, percentiles.

    Args:
        values: (n,).
        rng: a NumPy Generator.
        resamples: how many means are drawn.
        level: share of them that the interval holds.

    Returns:
        mean, low, high.
    """
    values = np.asarray(values)
    means = values[rng.integers(0, len(values), (resamples, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return values.mean(), low, high
