"""The pictures of notebook 13 show what they were given."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from cct_helpers.figures import BLUE, GREEN, GREY, ORANGE, to_png
from cct_helpers.plots import nb13_one_machine as pictures


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
    message = "0.3 s to make a batch, 0.5 s to train on it: ahead saves 19 % of the time"
    assert figure.get_suptitle() == message
    assert_draws(figure)


def test_growth_shows_both_guesses_and_by_how_much_they_miss_the_last_point():
    x, y = np.array([1.0, 2, 4, 1000]), np.array([1.0, 2, 4, 2000])
    guesses = (0.0, 2.2), (np.log(0.5), 1.0)  # 2.2 x, and 0.5 x
    figure = pictures.draw_growth({name: (x, y, *guesses) for name in ("blocks", "images", "tokens")})
    ax = figure.axes[0]
    power, arithmetic, fitted, guessed = ax.lines
    np.testing.assert_allclose(power.get_ydata(), 0.5 * power.get_xdata())
    np.testing.assert_allclose(arithmetic.get_ydata(), 2.2 * arithmetic.get_xdata())
    np.testing.assert_allclose(power.get_xdata()[[0, -1]], [1, 1000])
    assert power.get_linestyle() == "--" and arithmetic.get_linestyle() == "-"
    assert fitted.get_ydata().tolist() == [1, 2, 4] and guessed.get_xydata().tolist() == [[1000, 2000]]
    assert ax.get_title() == "at 1,000: arithmetic +10 %,\npower -75 %"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("blocks (log scale)", "seconds a step (log scale)")
    assert_draws(figure)


def test_switches_are_compared_with_the_first_and_a_very_slow_one_is_cut_off():
    panels = {"CPU": {"off": 0.4, "XLA": 0.3, "float16": 0.8, "slow": 80.0}, "GPU": {"XLA": 0.01, "half": 0.02}}
    figure = pictures.draw_switches(panels, "a message")
    cpu, gpu = figure.axes
    assert [label.get_text() for label in cpu.get_yticklabels()] == ["off", "XLA", "float16", "slow"]
    np.testing.assert_allclose([bar.get_width() for bar in cpu.patches], [1, 0.75, 2, pictures.MOST])
    assert [to_hex(bar.get_facecolor()).upper() for bar in cpu.patches] == [GREY, GREEN, ORANGE, ORANGE]
    np.testing.assert_allclose([bar.get_width() for bar in gpu.patches], [1, 2])
    assert "300 ms, x 0.75" in texts(figure) and "off the scale: 80.0 s, x 200" in texts(figure)
    assert (cpu.get_xlabel(), gpu.get_xlabel()) == ("time of an update, off = 1", "time of an update, XLA = 1")
    assert_draws(figure)


def test_number_formats_are_those_of_ieee():
    smallest, full, largest = pictures.NUMBER_FORMATS["bfloat16"]
    assert (full, largest) == pictures.NUMBER_FORMATS["float32"][1:]
    assert smallest == full / 2**7  # 7 bits after the first
    for name in ("float32", "float16"):
        smallest, full, largest = pictures.NUMBER_FORMATS[name]
        limits = np.finfo(name)
        assert smallest == limits.smallest_subnormal and full == limits.tiny
        assert largest == pytest.approx(float(limits.max), rel=0.01)
    figure = pictures.draw_number_formats(np.array([[1e-19, 1e-9, 1e-8], [1e-5, 1e-5, 1.0]]), 2.0**15, "a message")
    for bars in figure.axes[0].containers:  # the smallest lies beyond the picture and is counted at its edge
        assert sum(bar.get_height() for bar in bars) == 6
        assert bars[0].get_x() == pictures.DECADES[0] and bars[0].get_height() == 1
    assert max(bar.get_height() for bar in figure.axes[0].containers[0]) == 2  # both of 1e-5 in one bar
    assert [text.get_text() for text in figure.axes[1].texts] == ["becomes 0 ", " infinity"]  # of float16 alone
    assert figure.axes[0].get_title() == "a message"
    assert_draws(figure)


def test_kept_arrays_are_blue_those_computed_again_orange_and_their_number_is_named():
    figure = pictures.draw_kept(16, (1, 4, 16))
    (ax,) = figure.axes
    squares = np.array([to_hex(square.get_facecolor()).upper() for square in ax.patches]).reshape(3, 17)
    assert (squares == BLUE).sum(axis=1).tolist() == [16, 4, 1]
    assert (squares == ORANGE).sum(axis=1).tolist() == [1, 4, 16]
    assert np.flatnonzero(squares[1] == BLUE).tolist() == [0, 4, 8, 12]
    assert [text.get_text() for text in ax.texts] == ["16 + 1 = 17", "4 + 4 = 8", "1 + 16 = 17"]
    assert_draws(figure)


def test_recomputed_runs_every_block_forward_twice_and_holds_one_inside():
    figure = pictures.draw_recomputed(4)
    plain, plain_memory, again, again_memory = figure.axes
    assert plain.get_title(loc="left") == "as it comes: 12 units of time, at most 4 in memory"
    assert again.get_title(loc="left") == "rematerialised: 16 units of time, at most 1 in memory"
    assert [text.get_text() for text in plain.texts] == list("12344321")
    assert [text.get_text() for text in again.texts] == list("123444332211")
    assert [bar.get_height() for bar in plain_memory.patches] == [1, 2, 3, 4, 4, 3, 2, 1]
    assert {bar.get_height() for bar in again_memory.patches} == {1}
    for work, memory, units in ((plain, plain_memory, 12), (again, again_memory, 16)):
        assert sum(bar.get_width() for bar in work.patches) == units  # one thing at a time, without a pause
        np.testing.assert_allclose([bar.get_x() for bar in work.patches], [bar.get_x() for bar in memory.patches])
    assert_draws(figure)


@pytest.mark.parametrize(("limit", "words"), [(12e9, "fits"), (8e9, "does not fit")])
def test_costs_say_whether_a_step_fits(limit, words):
    macs, memory = {"MLP": 2e9, "attention products": 3e9}, {"weights": 1e9, "kept": 9e9}
    figure = pictures.draw_costs(macs, memory, limit, "a step")
    top, bottom = figure.axes
    message = f"most work: attention products, 60 %; memory: 10.00 of {limit / 1e9:g} GB, {words}"
    assert top.get_title(loc="left") == f"a step\n{message}"
    assert top.get_xlabel() == "share of the 5.0 GMACs of a step (%)"
    np.testing.assert_allclose([(bar.get_x(), bar.get_width()) for bar in top.patches], [(0, 40), (40, 60)])
    np.testing.assert_allclose([(bar.get_x(), bar.get_width()) for bar in bottom.patches], [(0, 1), (1, 9)])
    assert_draws(figure)
