"""Pictures of notebook 10, stronger training: names and arrays in, a Matplotlib Figure out."""

import numpy as np

from cct_helpers.figures import BLUE, GREEN, GREY, ORANGE, draw_image, new_figure

BAND = "#E8E8E8"


def draw_gallery(rows, title=None):
    """Rows of pictures, each with its name: `rows` maps a name to images (n, height, width, channels)."""
    shapes = {np.shape(images) for images in rows.values()}
    if len(shapes) != 1:
        raise ValueError(f"every row needs as many images of the same size, got {sorted(shapes)}")
    n, height, width, _ = shapes.pop()
    tall = height / width  # every image is one unit wide
    inches = dict(width=0.85 * n + 1.6, height=0.85 * tall * len(rows) + (0.45 if title else 0.05))
    top = 1 - (0.32 if title else 0.02) / inches["height"]
    bottom = (0.12 if title else 0.02) / inches["height"]
    margins = dict(left=1.6 / inches["width"], right=0.995, bottom=bottom, top=top, hspace=0.06)
    figure, axes = new_figure(len(rows), 1, **inches, margins=margins, squeeze=False)
    for ax, (name, images) in zip(axes[:, 0], rows.items(), strict=True):
        for place, image in enumerate(images):
            draw_image(ax, image, extent=(1.06 * place, 1.06 * place + 1, 0, tall))
        ax.set(xlim=(0, 1.06 * n - 0.06), ylim=(0, tall))
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
        ax.spines[:].set_visible(False)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def draw_mix(first, second, mixed, target, names, title):
    """Two pictures, their mixture, and the target of the mixture as two bars.

    first, second, mixed: (height, width, channels). target: two shares. names: two texts.
    """
    margins = dict(left=0.02, right=0.97, bottom=0.2, top=0.78, wspace=0.12)
    figure, axes = new_figure(1, 4, width=9, height=2.7, margins=margins, width_ratios=(1, 1, 1, 1.2))
    for ax, image, name in zip(axes, (first, second, mixed), (*names, "mixture"), strict=False):
        draw_image(ax, image, name)
    bars = axes[3].barh([0, 1], target, color=[BLUE, ORANGE], height=0.55)
    axes[3].bar_label(bars, [f"{name} {share:.2f}" for name, share in zip(names, target, strict=True)], padding=3)
    axes[3].set_yticks([])
    axes[3].invert_yaxis()
    axes[3].set(xlim=(0, 1.6), xlabel="target")
    axes[3].set_xticks([0, 0.5, 1])
    figure.suptitle(title, fontsize=11)
    return figure


def draw_singular_values(values, low, high):
    """Singular values after each step of an iteration, one line each: `values` is (steps + 1, n), the start first.

    low, high: edges of a grey band, where they shall end.
    """
    figure, ax = new_figure(width=6.5, height=3.2)
    steps = np.arange(len(values))
    ax.axhspan(low, high, color=BAND, label=f"from {low:g} to {high:g}")
    ax.plot(steps, values, "-o", color=BLUE, linewidth=1.2, markersize=4)
    ax.set(xlabel="step", ylabel="singular values", yscale="log")
    ax.set_xticks(steps)
    ax.legend(loc="lower right")
    return figure


def draw_settings(names, test, mirrored, training):
    """One row a setting. Left, test accuracy without and with the mirror image; right, training accuracy at the end.

    test, mirrored, training: (settings, seeds), percent. Small dots are seeds, large ones their means; a dotted line
    goes through the mean of the first setting.
    """
    size = dict(width=9, height=0.3 * len(names) + 1.1)
    figure, (left, right) = new_figure(1, 2, **size, sharey=True, width_ratios=(1.6, 1))
    left.axvline(test[0].mean(), color=GREY, linestyle=":", linewidth=1.2)
    columns = [(left, test, BLUE, -0.13, "image"), (left, mirrored, ORANGE, 0.13, "image and mirror image")]
    columns += [(right, training, GREEN, 0, None)]
    for ax, values, colour, shift, label in columns:
        rows = np.arange(len(names)) + shift
        ax.plot(values, rows[:, None] + np.zeros(values.shape), "o", color=colour, markersize=4, alpha=0.5)
        style = dict(color=colour, markersize=8, markeredgecolor="white", label=label)
        ax.plot(values.mean(axis=1), rows, "o", **style)
    left.set_yticks(range(len(names)), names)
    left.invert_yaxis()
    left.set(xlabel="test accuracy (%)")
    right.set(xlabel="training accuracy, last epoch (%)")
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return figure


def draw_lengths(epochs, lines, training):
    """Accuracy over the length of training: on the left test images, on the right the last epoch of training.

    epochs: (n,). lines, training: name -> (n, seeds), percent. Small dots are seeds, the line goes through the means.
    """
    figure, axes = new_figure(1, 2, width=9, height=3.3)
    labels = "test accuracy (%)", "training accuracy, last epoch (%)"
    for ax, curves, label in zip(axes, (lines, training), labels, strict=True):
        for (name, values), colour, mark in zip(curves.items(), (BLUE, ORANGE), "os", strict=False):
            ax.plot(epochs, values.mean(axis=1), f"-{mark}", color=colour, markersize=7, label=name)
            seeds = np.asarray(epochs)[:, None] + np.zeros(values.shape)
            ax.plot(seeds, values, mark, color=colour, markersize=3.5, alpha=0.5)
        ax.set(xlabel="epochs of training", ylabel=label, xscale="log")
        ax.minorticks_off()
        ax.set_xticks(epochs, [str(number) for number in epochs])
    axes[0].legend(loc="lower right")
    return figure
