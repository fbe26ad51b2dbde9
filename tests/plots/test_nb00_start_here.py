"""Pictures of the start: what is drawn stands where the arrays say."""

import numpy as np
from matplotlib.patches import Rectangle

from cct_helpers.figures import to_png
from cct_helpers.plots.nb00_start_here import draw_reads

PLACES = (0, 1), (2, 0)
WEIGHTS = np.arange(-9, 9).reshape(2, 3, 3)  # the largest size is 9, below zero


def test_every_layer_has_its_own_scale_and_both_outputs_share_it():
    figure = draw_reads({"a": WEIGHTS, "b": 100 * np.abs(WEIGHTS)}, PLACES)
    maps = [np.asarray(ax.images[0].get_array()) for ax in figure.axes[:4]]
    assert np.allclose(maps[0], WEIGHTS[0] / 9) and np.allclose(maps[2], WEIGHTS[1] / 9)
    assert np.allclose(maps[1], np.abs(WEIGHTS[0]) / 9) and np.allclose(maps[3], np.abs(WEIGHTS[1]) / 9)
    assert all(ax.images[0].get_clim() == (-1, 1) for ax in figure.axes[:4])


def test_the_two_outputs_are_outlined_and_named():
    figure = draw_reads({"a": WEIGHTS, "b": WEIGHTS}, PLACES)
    for ax, (row, column) in zip(figure.axes[:4], (PLACES[0], PLACES[0], PLACES[1], PLACES[1]), strict=True):
        box = [patch for patch in ax.patches if isinstance(patch, Rectangle)][-1]
        assert np.allclose(box.get_xy(), (column - 0.5, row - 0.5))
    assert [ax.get_title() for ax in figure.axes[:4]] == ["a", "b", "", ""]
    assert [ax.get_ylabel() for ax in figure.axes[:4]] == ["one output", "", "another output", ""]
    assert to_png(figure).startswith(b"\x89PNG")
