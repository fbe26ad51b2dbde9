"""Pictures of notebook 11, your own images: arrays and numbers in, a Matplotlib Figure out."""

import numpy as np

from cct_helpers.figures import BLUE, GREY, ORANGE, draw_image, draw_overlay, new_figure


def draw_ways(accuracies, rare, titles=("all classes", "the rare classes")):
    """Ways to train, one row each: a point a run, and the mean as a line.

    accuracies: way -> (runs, classes), shares from 0 to 1. rare: the class numbers of the picture on the right; the one
    on the left is the mean over all classes.
    """
    figure, axes = new_figure(1, 2, width=8, height=0.5 * len(accuracies) + 1.1, sharey=True)
    for ax, title, classes in zip(axes, titles, (slice(None), list(rare)), strict=True):
        for row, values in enumerate(accuracies.values()):
            runs = 100 * np.asarray(values)[:, classes].mean(axis=1)
            ax.plot(runs, np.full(len(runs), row), "o", color=BLUE, fillstyle="none", markersize=8)
            ax.plot([runs.mean()] * 2, [row - 0.3, row + 0.3], color=ORANGE, linewidth=3)
        ax.set(title=title, xlabel="right on test images, mean over classes (%)", xlim=(0, 100))
    axes[0].set_yticks(range(len(accuracies)), list(accuracies))
    axes[0].set_ylim(len(accuracies) - 0.5, -0.5)
    return figure


def draw_answer(image, seen, probabilities, class_names, weights, grid, top=3):
    """What a model makes of an image: the image, the pooling weights over what the model gets, its best classes.

    image: (height, width, channels) uint8 of any size. seen: the same at the model's size. probabilities: (classes,).
    weights: (tokens,) that sum to 1. grid: (rows, columns) of the tokens.
    """
    figure, (photo, model, bars) = new_figure(1, 3, width=8, height=2.7)
    figure.set_layout_engine(None)  # a layout that is worked out anew each time would cost half of a redraw
    figure.subplots_adjust(left=0.02, right=0.98, bottom=0.2, top=0.84, wspace=0.3)
    draw_image(photo, image, f"your image, {image.shape[0]} x {image.shape[1]}")
    draw_overlay(model, seen, weights, grid, f"pooling, up to {weights.max() * weights.size:.1f} x uniform")
    best = np.argsort(-probabilities, kind="stable")[:top]
    bars.barh(range(len(best)), 100 * probabilities[best], color=[ORANGE] + [GREY] * (len(best) - 1))
    for place, share in enumerate(100 * probabilities[best]):
        inside = share > 60
        look = dict(ha="right", color="black" if place == 0 else "white") if inside else dict(ha="left")
        bars.text(share + (-3 if inside else 3), place, f"{share:.0f} %", va="center", fontsize=9, **look)
    bars.set_yticks(range(len(best)), [class_names[label] for label in best])
    bars.set(xlim=(0, 100), ylim=(top - 0.5, -0.5), xlabel="probability (%)", title="classes")
    return figure
