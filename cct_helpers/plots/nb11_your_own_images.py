"""Pictures of notebook 11, your own images: arrays and numbers in, a Matplotlib Figure out."""

import numpy as np

from cct_helpers.figures import BLUE, SEEDS, draw_classes, draw_image, draw_overlay, draw_seeds, name_rows, new_figure


def draw_ways(accuracies, rare, titles=("all classes", "the rare classes")):
    """Ways to train, one row each.

    Args:
        accuracies: way -> (runs, classes), shares from 0 to 1.
        rare: the class numbers of the picture on the right; the one on the left is the mean over all classes.
        titles: of the two.
    """
    figure, axes = new_figure(1, 2, width=8, height=0.45 * len(accuracies) + 1.3, sharey=True)
    for ax, title, classes in zip(axes, titles, (slice(None), list(rare)), strict=True):
        for row, values in enumerate(accuracies.values()):
            draw_seeds(ax, 100 * np.asarray(values)[:, classes].mean(axis=1), row, BLUE)
        name_rows(ax, list(accuracies))
        ax.set(title=title, xlabel=f"right, mean over classes (%)\n{SEEDS}", xlim=(0, 102))
    return figure


def draw_answer(image, seen, probabilities, class_names, weights, grid):
    """What a model makes of an image: the image, the pooling weights over what the model gets, its best classes.

    Args:
        image: (height, width, channels) uint8 of any size.
        seen: the same at the model's size.
        probabilities: (classes,).
        class_names: (classes,) texts.
        weights: (tokens,) that sum to 1.
        grid: (rows, columns) of the tokens.
    """
    margins = dict(left=0.01, right=0.97, bottom=0.17, top=0.88, wspace=0.25)
    figure, (photo, model, bars) = new_figure(1, 3, width=8, height=3.2, margins=margins)
    draw_image(photo, image, f"your image, {image.shape[0]} x {image.shape[1]}")
    draw_overlay(model, seen, weights, grid, f"full orange: {weights.max() * weights.size:.1f} x uniform")
    draw_classes(bars, probabilities, class_names, title="its best classes")
    bars.set_ylabel("class")  # names may be numbers
    return figure
