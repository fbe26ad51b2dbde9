"""Pictures of notebook 10, stronger training: names and arrays in, a Matplotlib Figure out."""

import numpy as np

from cct_helpers.figures import BLUE, GREEN, GREY, ORANGE, PALE, SEEDS, draw_image, draw_seeds, name_rows, new_figure


def draw_mix(first, second, mixed, target, names, title):
    """Two pictures, their mixture, and the target of the mixture as two bars.

    Args:
        first, second, mixed: (height, width, channels).
        target: two shares.
        names: two texts.
        title: of the Figure.
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
    """Singular values after each step of an iteration, one line each.

    Args:
        values: (steps + 1, n), the start first.
        low, high: edges of a grey band, where they shall end.
    """
    figure, ax = new_figure(width=6.5, height=3.2)
    steps = np.arange(len(values))
    ax.axhspan(low, high, color=PALE, label=f"from {low:g} to {high:g}")
    ax.plot(steps, values, "-o", color=BLUE, linewidth=1.2, markersize=4)
    ax.set(xlabel="step", ylabel="singular values", yscale="log")
    ax.set_xticks(steps)
    ax.legend(loc="lower right")
    return figure


def draw_settings(names, test, mirrored, training):
    """One row a setting. Left, test accuracy without and with the mirror image; right, training accuracy at the end.

    Args:
        names: (settings,) texts; a dotted line goes through the mean of the first.
        test, mirrored, training: (settings, seeds), percent.
    """
    size = dict(width=9, height=0.36 * len(names) + 1.3)
    figure, (left, right) = new_figure(1, 2, **size, sharey=True, width_ratios=(1.6, 1))
    left.axvline(test[0].mean(), color=GREY, linestyle=":", linewidth=1.2)
    rows = np.arange(len(names))[:, None]
    draw_seeds(left, test, rows - 0.17, BLUE, label="image")
    draw_seeds(left, mirrored, rows + 0.17, ORANGE, label="image and mirror image")
    draw_seeds(right, training, rows, GREEN)
    for ax in (left, right):
        name_rows(ax, names)
    left.set(xlabel=f"test accuracy (%)\n{SEEDS}")
    right.set(xlabel="training accuracy, last epoch (%)")
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return figure


def draw_lengths(epochs, lines, training):
    """Accuracy over the length of training: on the left test images, on the right the last epoch of training.

    Args:
        epochs: (n,).
        lines, training: name -> (n, seeds), percent; lines go through the means.
    """
    figure, axes = new_figure(1, 2, width=9, height=3.3)
    labels = "test accuracy (%)", "training accuracy, last epoch (%)"
    for ax, curves, label in zip(axes, (lines, training), labels, strict=True):
        for (name, values), colour, mark in zip(curves.items(), (BLUE, ORANGE), "os", strict=False):
            draw_seeds(ax, np.asarray(epochs)[:, None], values, colour, marker=mark, line="-", label=name)
        ax.set(xlabel=f"epochs of training (log scale)\n{SEEDS}", ylabel=label, xscale="log")
        ax.minorticks_off()
        ax.set_xticks(epochs, [str(number) for number in epochs])
    axes[0].legend(loc="lower right")
    return figure
