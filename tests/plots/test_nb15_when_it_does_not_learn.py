"""The pictures of sick trainings show the numbers they were given, beside those of the healthy one."""

import numpy as np
import pytest
from records import function_of, source_of

from cct_helpers.figures import BLUE, GREY, to_png
from cct_helpers.plots import nb15_when_it_does_not_learn as pictures
from tests.support.pictures import flaws

GUESS = np.log(10)
HEALTHY = {
    "loss": [2.0, 1.0, 0.4], "val_loss": [1.8, 1.1, 0.6], "top1": [0.3, 0.6, 0.9], "val_top1": [0.4, 0.7, 0.8],
    "test_top1": 0.85, "moved": {"tokenizer": 1e-2, "head": 5e-2},
}  # fmt: skip
SICK = {
    "loss": [2.3, 2.29, 2.28], "val_loss": [2.3, 2.31, 2.32], "top1": [0.1, 0.12, 0.11], "val_top1": [0.1, 0.1, 0.2],
    "test_top1": 0.15, "moved": {"tokenizer": 1e-5, "head": 4e-4},
}  # fmt: skip


def lines_of(axes):
    """Label -> heights of a line of the axes."""
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines}


def test_ward_has_a_panel_a_patient_with_the_healthy_one_in_grey():
    patients = {f"patient {number}": SICK for number in range(1, 6)}
    figure = pictures.draw_ward(patients, HEALTHY, GUESS, "a message")
    shown = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title() for ax in shown] == list(patients) and len(figure.axes) == 8
    for ax in shown:
        lines = lines_of(ax)
        assert lines["training"] == SICK["loss"] and lines["validation"] == SICK["val_loss"]
        assert lines["healthy, training"] == HEALTHY["loss"] and lines["a guess"] == [GUESS, GUESS]
    assert figure.get_suptitle() == "a message"
    to_png(figure)
    assert flaws(figure) == []


def test_chart_of_a_patient_shows_curves_test_and_moves():
    figure = pictures.draw_patient(SICK, HEALTHY, GUESS, "patient 2, seed 0")
    left, middle, right = figure.axes
    assert lines_of(left)["training"] == SICK["loss"] and figure.texts[0].get_text() == "patient 2, seed 0"
    drawn = [list(line.get_ydata()) for line in middle.lines]
    wanted = [100 * np.asarray(values) for values in (HEALTHY["top1"], SICK["top1"], SICK["val_top1"], [0.15])]
    for heights, values in zip(drawn, wanted, strict=True):
        assert heights == pytest.approx(list(values))
    healthy, own = right.lines
    assert list(own.get_xdata()) == [1e-5, 4e-4] and own.get_color() == BLUE
    assert list(healthy.get_xdata()) == [1e-2, 5e-2] and healthy.get_color() == GREY
    assert [label.get_text() for label in right.get_yticklabels()] == ["tokenizer", "head"]
    to_png(figure)
    assert flaws(figure) == []


def test_losses_of_one_batch_beyond_the_scale_are_named():
    figure = pictures.draw_one_batch({"a": [2.3, 1.0, 0.1], "b": [2.3, 45.13, 2.2]}, GUESS, "a message")
    lines = lines_of(figure.axes[0])
    assert figure.axes[0].get_title() == "a message"
    assert lines["a"] == [2.3, 1.0, 0.1]
    assert lines["b: up to 45.1"] == pytest.approx([2.3, np.nan, 2.2], nan_ok=True)
    (triangles,) = [line for line in figure.axes[0].lines if line.get_marker() == "^" and len(line.get_xdata())]
    assert triangles.get_xydata() == pytest.approx(np.array([[1, 1.6 * GUESS]]))
    to_png(figure)
    assert flaws(figure) == []


def test_range_test_draws_every_step_and_what_trainings_came_to():
    rates, losses = np.array([1e-4, 1e-3, 1e-2, 1e-1]), np.array([2.3, 2.0, 1.5, 30.0])
    zones = {"nothing moves": (1e-4, 1e-3), "it learns": (1e-3, 1e-2), "it breaks": (1e-2, 1e-1)}
    scores = {1e-3: [96.0, 97.0], 1e-2: [90.0, 92.0]}
    figure = pictures.draw_range_test(rates, losses, zones, GUESS, scores, "a message")
    above, below = figure.axes
    assert above.get_title() == "a message"
    lines = lines_of(above)
    assert lines["one step of the test"] == [2.3, 2.0, 1.5] and len(lines["beyond the scale"]) == 1
    assert [text.get_text() for text in above.texts] == list(zones)
    heights = sorted(height for line in below.lines for height in line.get_ydata())
    assert heights == [90.0, 91.0, 92.0, 96.0, 96.5, 97.0]  # the seeds and their means
    to_png(figure)
    assert flaws(figure) == []


def test_rates_are_those_that_the_notebook_trained_its_patients_with():
    made = function_of(source_of("15_patients"), "recorded_run").__globals__  # the notebook's names behind a record
    assert len(pictures.RATES) == 5
    for rate, patient in pictures.RATES.items():
        own = made["RECIPES"].get(patient, {"learning_rate": made["recipe"].learning_rate})
        assert own == {"learning_rate": rate}, patient


def test_fits_show_training_and_validation_on_one_scale():
    curves = {"training": [2.0, 1.0], "validation": [2.1, 1.9]}
    turned = {name: values[::-1] for name, values in curves.items()}
    figure = pictures.draw_fits({"one": curves, "two": turned}, GUESS, "a message")
    one, two = figure.axes
    assert figure.get_suptitle() == "a message"
    assert lines_of(one)["training"] == [2.0, 1.0] and lines_of(two)["validation"] == [1.9, 2.1]
    assert one.get_ylim() == two.get_ylim() and (one.get_title(), two.get_title()) == ("one", "two")
    to_png(figure)
    assert flaws(figure) == []


def test_warned_are_blue_beside_grey_ones_that_they_are_compared_with():
    scores = {"healthy": [96.0, 97.0], "one": [93.0, 95.0], "two": [90.0, 91.0]}
    figure = pictures.draw_warned(scores, ("healthy",), "a message")
    ax = figure.axes[0]
    runs = [line for line in ax.lines if line.get_markersize() == 5 and line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in runs] == list(scores.values())
    assert [line.get_color() for line in runs] == [GREY, BLUE, BLUE]
    assert ax.get_title() == "a message" and [label.get_text() for label in ax.get_yticklabels()] == list(scores)
    to_png(figure)
    assert flaws(figure) == []


def test_way_has_a_box_for_every_symptom_test_and_cause():
    figure = pictures.draw_way(pictures.WAYS, "a message")
    assert figure.get_suptitle() == "a message"
    ax = figure.axes[0]
    outcomes = [pair for _, _, pairs in pictures.WAYS for pair in pairs]
    assert len(ax.patches) == 2 * len(pictures.WAYS) + len(outcomes)
    texts = {" ".join(text.get_text().split()) for text in ax.texts}
    assert texts >= {part for symptom, test, _ in pictures.WAYS for part in (symptom, test)}
    assert texts >= {part for pair in outcomes for part in pair}
    to_png(figure)
    assert flaws(figure) == []
    renderer = figure.canvas.get_renderer()
    boxes = [patch.get_window_extent(renderer) for patch in ax.patches]
    for text in ax.texts:  # every text lies in one box, or in none
        place = text.get_window_extent(renderer)
        touched = [box for box in boxes if place.overlaps(box)]
        assert len(touched) < 2
        assert all(
            box.x0 <= place.x0 and place.x1 <= box.x1 and box.y0 <= place.y0 and place.y1 <= box.y1 for box in touched
        )
