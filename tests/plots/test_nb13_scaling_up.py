"""The pictures of notebook 13 show what they were given."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from cct_helpers.figures import BLUE, GREY, to_png
from cct_helpers.plots import nb13_scaling_up as pictures


def assert_draws(figure):
    assert to_png(figure).startswith(b"\x89PNG")


def texts(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda part: hasattr(part, "get_text")))


def test_overlap_draws_both_schedules_and_names_their_totals():
    in_turn = np.array([0.0, 0.8]), np.array([0.3, 1.1])
    ahead = np.array([0.0, 0.3]), np.array([0.3, 0.8])
    figure = pictures.draw_overlap({"in turn": in_turn, "ahead": ahead}, prepare=0.3, step=0.5)
    for ax, starts in zip(figure.axes, (in_turn, ahead), strict=True):
        bars = [(bar.get_y() + 0.35, bar.get_x(), bar.get_width()) for bar in ax.patches]
        wanted = [(row, starts[row][batch], (0.3, 0.5)[row]) for batch in range(2) for row in (0, 1)]
        np.testing.assert_allclose(bars, wanted)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["in turn: 1.60 s for 2 batches", "ahead: 1.30 s for 2 batches"]
    assert_draws(figure)


def test_growth_is_a_line_through_the_fitted_points_and_dashed_beyond():
    x, line = np.array([1.0, 2, 4, 8]), np.array([1.0, 2, 4, 9])
    figure = pictures.draw_growth({"blocks": (x, np.array([1.0, 2, 4, 80]), line, 3, "exponent 1.00")}, "seconds")
    (ax,) = figure.axes
    fitted, beyond, points = ax.lines
    assert fitted.get_xydata().tolist() == [[1, 1], [2, 2], [4, 4]] and beyond.get_xydata().tolist() == [[4, 4], [8, 9]]
    assert beyond.get_linestyle() == "--" and points.get_ydata().tolist() == [1, 2, 4, 80]
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == (
        "exponent 1.00", "blocks (log scale)", "seconds (log scale)",
    )  # fmt: skip
    assert_draws(figure)


def test_switches_are_compared_with_the_first():
    figure = pictures.draw_switches({"off": 0.4, "XLA": 0.3})
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["off", "XLA"]
    assert "0.30 s, x 0.75" in texts(figure)
    dots = figure.axes[0].collections[1]
    assert [to_hex(colour) for colour in dots.get_facecolors()] == [GREY.lower(), BLUE.lower()]
    np.testing.assert_allclose(dots.get_offsets(), [[1, 0], [0.75, 1]])
    assert_draws(figure)


def test_number_formats_are_those_of_ieee():
    smallest, full, largest = pictures.NUMBER_FORMATS["bfloat16"]
    assert (full, largest) == pictures.NUMBER_FORMATS["float32"][
        1:
    ] and smallest == full / 2**7  # 7 bits after the first
    for name in ("float32", "float16"):
        smallest, full, largest = pictures.NUMBER_FORMATS[name]
        limits = np.finfo(name)
        assert smallest == limits.smallest_subnormal and full == limits.tiny
        assert largest == pytest.approx(float(limits.max), rel=0.01)
    figure = pictures.draw_number_formats(np.array([1e-9, 1e-5, 1.0]), 2.0**15)
    assert [text.get_text() for text in figure.axes[1].texts] == ["becomes 0 ", " infinity"]  # of float16 alone
    assert_draws(figure)


def test_a_plan_says_whether_it_fits():
    memory = {"weights": 1e9, "activations": 9e9}
    for limit, words in ((12e9, "fits"), (8e9, "does not fit")):
        figure = pictures.draw_plan(memory, limit, 12.34, 56.7, "a plan")
        assert figure.axes[0].get_xlabel().endswith(f": {words}")
        assert figure.axes[0].get_title(loc="left") == "a plan: 12.3 device hours, 57 dollars"
        assert_draws(figure)
