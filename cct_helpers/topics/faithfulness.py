"""Does a map mark what a model uses? Remove what it marks, and watch how fast the model's answer goes.

Arrays in, arrays out. The model comes in as `predict`, a function from images (n, height, width, channels) to
probabilities (n, classes). A map has one number a token; a token stands for its square of the image, so that the grid
of tokens must divide the image. The protocol is the deletion test of Petsiuk et al., https://arxiv.org/abs/1806.07421.
"""

import numpy as np
from PIL import Image, ImageFilter


def token_of_pixel(height, width, grid):
    """The number of the token on whose square each pixel lies: (height, width) whole numbers.

    Raises ValueError unless grid = (rows, columns) divides the image.
    """
    if height % grid[0] or width % grid[1]:
        raise ValueError(
            f"A grid of {grid[0]} x {grid[1]} tokens does not divide an image of {height} x {width} pixels."
        )
    numbers = np.arange(grid[0] * grid[1]).reshape(grid)
    return np.kron(numbers, np.ones((height // grid[0], width // grid[1]), int))


def mean_fill(image):
    """What stands for nothing: the mean colour of the image everywhere. (height, width, channels) float32."""
    return np.broadcast_to(image.mean(axis=(0, 1), dtype="float32"), image.shape)


def blurred_fill(image, radius=4):
    """What stands for nothing: the image itself, blurred by a Gaussian of `radius` pixels. uint8 in, float32 out."""
    planes = [Image.fromarray(plane).filter(ImageFilter.GaussianBlur(radius)) for plane in np.moveaxis(image, -1, 0)]
    return np.stack([np.asarray(plane, "float32") for plane in planes], axis=-1)


def order_of(values):
    """Tokens in the order of a map, the largest number first: (..., tokens) -> (..., tokens)."""
    return np.argsort(-np.asarray(values), axis=-1, kind="stable")


def random_orders(count, tokens, rng):
    """Orders that know nothing: (count, tokens)."""
    return rng.permuted(np.tile(np.arange(tokens), (count, 1)), axis=1)


def centre_map(grid):
    """A map that knows one thing, that photographers aim: largest in the middle. (tokens,), a Gaussian, sums to 1."""
    rows, columns = (np.linspace(-1, 1, side) for side in grid)
    values = np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * 0.5**2)).ravel()
    return values / values.sum()


def without(image, order, counts, grid, fill):
    """The image after the squares of the first tokens of `order` were replaced by `fill`, once for each of `counts`.

    image, fill: (height, width, channels). order: (tokens,). Returns (counts, height, width, channels) float32.
    """
    place = np.argsort(order)  # when each token goes
    when = place[token_of_pixel(*image.shape[:2], grid)][None, :, :, None]
    return np.where(when < np.reshape(counts, (-1, 1, 1, 1)), fill, image).astype("float32")


def deletion_curves(predict, image, orders, grid, fill, steps=8):
    """The probability of the class that the model gives the whole image, while its squares go in these orders.

    orders: (orders, tokens). Returns (orders, steps + 1): first with nothing removed, last with everything.
    """
    orders = np.asarray(orders)
    counts = np.rint(np.linspace(0, orders.shape[1], steps + 1)).astype(int)
    between = [without(image, order, counts[1:-1], grid, fill) for order in orders]
    probabilities = predict(np.concatenate([[image, fill], *between]).astype("float32"))
    target = probabilities[0].argmax()
    curves = np.empty((len(orders), steps + 1))
    curves[:, 0], curves[:, -1] = probabilities[:2, target]  # the ends are the same for all orders
    curves[:, 1:-1] = probabilities[2:, target].reshape(len(orders), steps - 1)
    return curves


def area(curves):
    """Mean height of curves over the share removed, by the trapezoid rule: (..., points) -> (...). Low is fast."""
    curves = np.asarray(curves)
    return (curves[..., :-1] + curves[..., 1:]).mean(axis=-1) / 2


def occlusion_map(predict, image, grid, fill):
    """How much the probability of the model's class falls when one square alone is removed: (tokens,), signed."""
    tokens = grid[0] * grid[1]
    alone = np.eye(tokens, dtype=int).argsort(axis=1)[:, ::-1]  # row t: an order that begins with token t
    images = [without(image, order, [1], grid, fill)[0] for order in alone]
    probabilities = predict(np.stack([image.astype("float32"), *images]))
    target = probabilities[0].argmax()
    return probabilities[0, target] - probabilities[1:, target]


def compare_orders(predict, images, maps, grid, fill, rng, random=20, steps=8):
    """Deletion curves of all images, for several maps, for occlusion and for random orders.

    maps: name -> (n, tokens). fill: function from an image to what replaces its squares.

    Returns (curves, occlusion): curves maps each name, "occlusion" and "random" to (n, steps + 1), where random is the
    mean of that many orders an image, drawn anew for each; occlusion is (n, tokens).
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


def ranks(values):
    """Places of numbers in their order along the last axis, from 0; equal numbers share the mean of their places."""
    values = np.asarray(values)
    below = (values[..., None, :] < values[..., :, None]).sum(axis=-1)
    equal = (values[..., None, :] == values[..., :, None]).sum(axis=-1)
    return below + (equal - 1) / 2


def spearman(one, other):
    """Spearman's rank correlation along the last axis: two (..., tokens) -> (...)."""
    one, other = (ranks(values) - ranks(values).mean(axis=-1, keepdims=True) for values in (one, other))
    spread = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    return (one * other).sum(axis=-1) / np.maximum(spread, 1e-12)  # 0 where all numbers of one are equal


def bootstrap_interval(values, rng, resamples=5000, level=0.95):
    """Mean of values, (n,), and the ends of its bootstrap interval: images drawn again with replacement, percentiles.

    Returns (mean, low, high).
    """
    values = np.asarray(values)
    means = values[rng.integers(0, len(values), (resamples, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return values.mean(), low, high
