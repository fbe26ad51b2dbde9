"""Pictures of the start: what one output of a layer reads from. Arrays in, a Matplotlib Figure out."""

import numpy as np

from cct_helpers.figures import draw_map, new_figure, outline_token


def draw_reads(weights, places):
    """What two outputs of a layer read from, a column for each kind of layer.

    Args:
        weights: kind of layer -> (2, rows, columns), the weight that each place has for either output.
        places: the two outputs, (row, column) each; outlined.
    """
    width = max(7.0, 2.6 * len(weights) + 1.2)  # the title fits
    figure, axes = new_figure(2, len(weights), width=width, height=5.0, squeeze=False)
    for column, (name, maps) in enumerate(weights.items()):
        shares = np.asarray(maps) / np.abs(maps).max()
        for row, (values, place) in enumerate(zip(shares, places, strict=True)):
            drawn = draw_map(axes[row, column], values, name if row == 0 else None, signed=True, high=1)
            outline_token(axes[row, column], place, values.shape, *values.shape)
    for ax, words in zip(axes[:, 0], ("one output", "another output"), strict=True):
        ax.set_ylabel(words)
    figure.suptitle("A convolution reads from its neighbours, attention from where the content says", fontsize=12)
    figure.colorbar(drawn, ax=axes, label="weight, share of the layer's largest", shrink=0.7)
    return figure
