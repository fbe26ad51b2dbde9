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


def test_one_batch_ahead_costs_the_longer_of_the_two():
    for prepare, step in ((0.3, 0.5), (0.5, 0.3), (0.4, 0.4)):
        made, trained = pictures.overlapped_starts(prepare, step, 6)
        assert np.all(trained >= made + prepare - 1e-9) and np.all(np.diff(trained) >= step - 1e-9)
        np.testing.assert_allclose(trained[-1] + step, prepare + step + 5 * max(prepare, step))


def test_overlap_names_both_totals():
    figure = pictures.draw_overlap(0.3, 0.5)
    assert "4.00 s" in texts(figure) and "2.80 s" in texts(figure)
    assert_draws(figure)
    made, trained = pictures.overlapped_starts(0.3, 0.5, 5)
    for ax, starts in zip(figure.axes, ((np.arange(5) * 0.8, np.arange(5) * 0.8 + 0.3), (made, trained)), strict=True):
        bars = [(bar.get_y() + 0.35, bar.get_x(), bar.get_width()) for bar in ax.patches]
        wanted = [(row, starts[row][batch], (0.3, 0.5)[row]) for batch in range(5) for row in (0, 1)]
        np.testing.assert_allclose(bars, wanted)
    for prepare, step in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match=f"prepare and step must be seconds above 0, got {prepare} and {step}"):
            pictures.draw_overlap(prepare, step)


def test_a_power_is_found():
    x = np.array([1.0, 2.0, 5.0, 30.0])
    np.testing.assert_allclose(pictures.fit_power(x, 0.3 * x**1.7), (1.7, 0.3))


def test_growth_is_fitted_to_the_first_points_alone():
    x = [1, 2, 4, 8]
    figure = pictures.draw_growth({"blocks": (x, [1, 2, 4, 80], 3), "tokens": (x, [1, 4, 16, 64], 3)}, "seconds")
    assert [ax.get_title() for ax in figure.axes] == ["exponent 1.00", "exponent 2.00"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["blocks", "tokens"]
    assert figure.axes[0].get_ylabel() == "seconds"
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
    smallest, full, largest = pictures.FORMATS["bfloat16"]
    assert (full, largest) == pictures.FORMATS["float32"][1:] and smallest == full / 2**7  # 7 bits after the first
    for name in ("float32", "float16"):
        smallest, full, largest = pictures.FORMATS[name]
        limits = np.finfo(name)
        assert smallest == limits.smallest_subnormal and full == limits.tiny
        assert largest == pytest.approx(float(limits.max), rel=0.01)
    assert_draws(pictures.draw_number_formats(np.array([1e-9, 1e-5, 1.0]), 2.0**15))


def test_a_plan_says_whether_it_fits():
    memory = {"weights": 1e9, "activations": 9e9}
    for limit, words in ((12e9, "fits"), (8e9, "does not fit")):
        figure = pictures.draw_plan(memory, limit, 12.34, 56.7, "a plan")
        assert figure.axes[0].get_xlabel().endswith(f": {words}")
        assert figure.axes[0].get_title(loc="left") == "a plan: 12.3 device hours, 57 dollars"
        assert_draws(figure)
