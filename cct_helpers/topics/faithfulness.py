"""Does a map mark what a model uses? Remove what it marks, and watch how fast the model's answer goes.

Arrays in, arrays out. The model comes in as `predict`, a function from images (n, height, width, channels) to
probabilities (n, classes). A map has one number a token; a token stands for its square of the image, so that the grid
of tokens must divide the image. The protocol is the deletion test of Petsiuk et al., https://arxiv.org/abs/1806.07421.
"""

import numpy as np
from PIL import Image, ImageFilter
from scipy import stats


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
    rows, columns = (np.linspace(-1, 1, side) for side in grid)
    values = np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * 0.5**2)).ravel()
    return values / values.sum()


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


def deletion_curves(predict, image, orders, grid, fill, steps=8):
    """The probability of the class that the model gives the whole image, while its squares go in these orders.

    Args:
        predict: function from images (n, height, width, channels) to probabilities (n, classes).
        image: (height, width, channels).
        orders: (orders, tokens).
        grid: (rows, columns) of tokens.
        fill: what replaces the squares, the shape of `image`.
        steps: into how many parts the removal is cut.

    Returns:
        An array (orders, steps + 1): first with nothing removed, last with everything.
    """
    orders = np.asarray(orders)
    counts = np.rint(np.linspace(0, orders.shape[1], steps + 1)).astype(int)
    between = [remove_squares(image, order, counts[1:-1], grid, fill) for order in orders]
    probabilities = predict(np.concatenate([[image, fill], *between]).astype("float32"))
    target = probabilities[0].argmax()
    curves = np.empty((len(orders), steps + 1))
    curves[:, 0], curves[:, -1] = probabilities[:2, target]  # the ends are the same for all orders
    curves[:, 1:-1] = probabilities[2:, target].reshape(len(orders), steps - 1)
    return curves


def area(curves):
    """Mean height of curves (..., points) over the share removed, by the trapezoid rule: (...). Low is fast."""
    curves = np.asarray(curves)
    return (curves[..., :-1] + curves[..., 1:]).mean(axis=-1) / 2


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


def compare_orders(predict, images, maps, grid, fill, rng, random=20, steps=8):
    """Deletion curves of all images, for several maps, for occlusion and for random orders.

    Args:
        predict: function from images (n, height, width, channels) to probabilities (n, classes).
        images: (n, height, width, channels).
        maps: dict from a name to an array (n, tokens).
        grid: (rows, columns) of tokens.
        fill: function from an image to what replaces its squares.
        rng: a NumPy Generator.
        random: how many random orders are drawn anew for each image.
        steps: into how many parts the removal is cut.

    Returns:
        curves, a dict from each name, "occlusion" and "random" (the mean of the random orders) to (n, steps + 1); and
        occlusion (n, tokens).
    """
    curves, occlusion = {name: [] for name in [*maps, "occlusion", "random"]}, []
    for i, image in enumerate(images):
        replaced = fill(image)
        occlusion.append(occlusion_map(predict, image, grid, replaced))
        ranked = [order_of(values[i]) for values in maps.values()] + [order_of(occlusion[-1])]
        orders = [*ranked, *random_orders(random, grid[0] * grid[1], rng)]
        found = deletion_curves(predict, image, orders, grid, replaced, steps)
        for name, curve in zip(curves, [*found[: len(ranked)], found[len(ranked) :].mean(axis=0)], strict=True):
            curves[name].append(curve)
    return {name: np.stack(rows) for name, rows in curves.items()}, np.stack(occlusion)


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
