"""Rules that try things out: the right function, and the answer, on arguments that were changed."""

import itertools
import math

import numpy as np

from cct_helpers.exercises.marking import close, identical, run
from cct_helpers.exercises.wrong_shapes import sizes_of_cases

FIXED = (0, 1, 0.1, 0.5, 0.9, 0.99, 0.999, 1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 2, 3, 4, 5, 8, 10, 16, 100, 255)


def other_values(value):
    """What may stand for an argument by mistake: list of (words, other value)."""
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int | np.integer):
        return [("{} - 1", value - 1), ("{} + 1", value + 1), ("2 * {}", 2 * value), ("{} // 2", value // 2)]
    if isinstance(value, float):
        others = [("1 - {}", 1 - value), ("{} / 100", value / 100), ("100 * {}", 100 * value), ("-{}", -value)]
        others += [("2 * {}", 2 * value), ("{} / 2", value / 2), ("{} ** 2", value**2)]
        if value > 0:
            others += [("the root of {}", math.sqrt(value)), ("1 / {}", 1 / value)]
        return others
    if isinstance(value, np.ndarray):
        return list(_other_arrays(value))
    if isinstance(value, list | tuple) and len(value) > 1:
        return [("{} backwards", type(value)(value[::-1]))]
    return []


def _other_arrays(array):
    for axis in range(array.ndim):
        if array.shape[axis] > 1:
            yield f"{{}} backwards along axis {axis}", np.flip(array, axis)
            if array.dtype.kind == "f":
                mean = np.broadcast_to(array.mean(axis=axis, keepdims=True), array.shape)
                yield f"the mean of {{}} over axis {axis}", mean.astype(array.dtype)
    yield "the first entry of {}, for all,", np.broadcast_to(array[:1], array.shape).copy()
    if array.ndim >= 2:
        last = array.swapaxes(-1, -2)
        yield "{} with its last two axes swapped", last.copy()
        yield "{} reshaped instead of transposed", array.reshape(last.shape).swapaxes(-1, -2).copy()
    if array.dtype.kind == "b":
        yield "{} with True and False swapped", ~array
        yield "{} without any False", np.ones_like(array)
        return
    if array.ndim == 1 and array.dtype.kind in "iu" and sorted(array.tolist()) == list(range(len(array))):
        yield "the inverse of {} (argsort)", np.argsort(array)
        yield "{} left out", np.arange(len(array))
    yield "{} plus 1", array + 1
    yield "{} minus 1", array - 1
    yield "minus {}", -array
    yield "the absolute value of {}", np.abs(array)
    if array.dtype.kind == "f":
        with np.errstate(all="ignore"):
            for words, changed in (
                ("{} times 255", array * 255),
                ("{} / 255", array / 255),
                ("{} divided by its sum", array / array.sum()),
                ("the square of {}", array**2),
                ("the root of {}", np.sqrt(array)),
                ("exp of {}", np.exp(array)),
                ("the logarithm of {}", np.log(array)),
            ):
                yield words, changed.astype(array.dtype)


POWERS = {"times": 1, "divided by": -1, "times the root of": 0.5, "divided by the root of": -0.5}


def right_for_other_arguments(marking):
    """The answer is what the right function gives for other arguments: one negated, shifted, fixed, or two swapped."""
    discrete = all(np.asarray(truth).dtype.kind in "iub" for truth in marking.truths)
    if discrete and len(marking.wrong) < 3:  # a few whole numbers or truths agree by chance
        return None
    for words, change in _changes(marking):
        if all(_fits(marking, number, change) for number in marking.wrong):
            return f"This would be right with {words}."
    return None


def _changes(marking):
    """(words, function from a case to the changed case) that give the answer in the first case that went wrong."""
    first = marking.wrong[0]
    case = marking.cases[first]
    for place, name in enumerate(marking.names):
        for words, _ in other_values(case[place]):

            def change(case, words=words, place=place):
                other = dict(other_values(case[place])).get(words)
                return None if other is None else (*case[:place], other, *case[place + 1 :])

            if _fits(marking, first, change):
                there = words.format(f"`{name}`")
                yield there if there == f"`{name}` left out" else f"{there} in the place of `{name}`", change
    yield from _scalings(marking)
    for one, two in itertools.combinations(range(len(case)), 2):

        def swap(case, one=one, two=two):
            case = list(case)
            case[one], case[two] = case[two], case[one]
            return tuple(case)

        if type(case[one]) is type(case[two]) and not callable(case[one]) and _fits(marking, first, swap):
            yield f"`{marking.names[one]}` and `{marking.names[two]}` swapped", swap


def _scalings(marking):
    """As `_changes`: an argument multiplied or divided by a size of the case or its root."""
    first = marking.wrong[0]
    for place, name in enumerate(marking.names):
        if np.asarray(marking.cases[first][place]).dtype.kind != "f":
            continue
        for (size, values), (words, power) in itertools.product(sizes_of_cases(marking), POWERS.items()):
            factors = {
                id(case): float(value) ** power for case, value in zip(marking.cases, values, strict=True) if value
            }

            def change(case, place=place, factors=factors):
                if id(case) not in factors:
                    return None
                scaled = np.asarray(case[place]) * factors[id(case)]
                scaled = scaled.astype(case[place].dtype) if isinstance(case[place], np.ndarray) else float(scaled)
                return (*case[:place], scaled, *case[place + 1 :])

            if values[first] > 1 and _fits(marking, first, change):
                yield f"`{name}` {words} {size} in the place of `{name}`", change


def _fits(marking, number, change):
    case = change(marking.cases[number])
    if case is None:
        return False
    outcome = run(marking.truth, case)
    value = marking.outcomes[number].value
    return (
        outcome.error is None and np.shape(value) == np.shape(outcome.value) and _equal(marking, value, outcome.value)
    )


def _equal(marking, value, other):
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.asarray(other, "float64")).all()) and close(value, other, marking.tolerance)


def argument_without_part(marking):
    """An argument that changes the right result and never the answer, in any case.

    Whole numbers and truths often stay the same by chance: there it takes many more trials.
    """
    discrete = all(np.asarray(truth).dtype.kind in "iub" for truth in marking.truths)
    for place, name in enumerate(marking.names):
        trials = [
            (number, (*marking.cases[number][:place], other, *marking.cases[number][place + 1 :]))
            for number in range(len(marking.cases))
            for other in _strangers(marking.cases[number][place]) + _from_other_cases(marking, number, place)
        ]
        telling = [(number, case) for number, case in trials if _changes_the_truth(marking, number, case)]
        enough = len(telling) > 1 and (not discrete or (len(telling) > 9 and len(dict(telling)) > 2))
        if enough and all(_leaves_the_answer(marking, number, case) for number, case in telling):
            fixed = _fixed_value(marking, place)
            if fixed is not None:
                return f"This would be right if `{name}` were always {fixed:g}. Yours does not look at `{name}`."
            return f"`{name}` plays no part: your result stays the same when it changes."
    return None


def _fixed_value(marking, place):
    """The number that gives the answer in every case in the place of an argument; None if there is none."""
    if any(type(case[place]) not in (int, float) for case in marking.cases):
        return None

    def fits(number, value):
        case = marking.cases[number]
        value = type(case[place])(value)
        return _fits(marking, number, lambda case: (*case[:place], value, *case[place + 1 :]))

    every = range(len(marking.cases))
    return next((value for value in FIXED if all(fits(number, value) for number in every)), None)


def _strangers(value):
    """Other values for an argument, near it: the answer is called with them, and its loops must come to an end."""
    if isinstance(value, bool):
        return [not value]
    if value is None or callable(value):
        return []
    if isinstance(value, int | np.integer):
        return [value + 1, value + 2]
    if isinstance(value, float):
        return [value / 2, (1 + value) / 2] if 0 < value < 1 else [value / 2, 2 * value]
    if isinstance(value, list | tuple):
        return [_plus(value, 1), _plus(value, 2), type(value)(value[::-1])]
    others = [np.flip(value, axis) for axis in range(value.ndim)]
    if value.dtype.kind == "b":
        return [*others, ~value]
    if value.dtype.kind == "f":
        others.append((value + 0.1 + np.arange(value.size).reshape(value.shape) % 3).astype(value.dtype))
    return [*others, np.roll(value, 1).astype(value.dtype)]


def _from_other_cases(marking, number, place):
    """Numbers that the argument has in other cases: far away, and still what the exercise asks for."""
    value = marking.cases[number][place]
    others = [case[place] for other, case in enumerate(marking.cases) if other != number]
    return [other for other in others if type(other) is type(value) in (int, float) and other != value]


def _plus(value, amount):
    """A number, or a list or tuple of numbers, however deep, with the amount added to each."""
    return type(value)(_plus(each, amount) for each in value) if isinstance(value, list | tuple) else value + amount


def _changes_the_truth(marking, number, case):
    outcome = run(marking.truth, case)
    return outcome.error is None and not close(outcome.value, marking.truths[number], marking.tolerance)


def _leaves_the_answer(marking, number, case):
    outcome = run(marking.ask, case)
    return outcome.error is None and identical(outcome.value, marking.outcomes[number].value)


def rows_that_meet(marking):
    """Entries along an axis that should not know of each other do: an axis is missing in a sum, mean or maximum."""
    for axis in range(min(np.ndim(truth) for truth in marking.truths)):
        several = [number for number, truth in enumerate(marking.truths) if np.shape(truth)[axis] > 1]
        wrong = [number for number in several if number in marking.wrong]
        if (
            wrong
            and all(_is_apart(marking, marking.truth, number, axis) for number in several)
            and not any(_is_apart(marking, marking.ask, number, axis) for number in wrong)
        ):
            there = _along(marking.cases[marking.wrong[0]], np.shape(marking.truths[marking.wrong[0]]), axis)
            return (
                f"An entry along axis {axis} of your result changes when the other entries of "
                f"`{marking.names[there[0]]}` are taken away. Something runs over that axis that should not, or uses "
                "its size: say the axis of each sum, mean and maximum, with keepdims=True."
            )
    return None


def _along(case, shape, axis):
    """The places of the arguments that have the entries of a result along an axis."""
    return [
        place
        for place, argument in enumerate(case)
        if isinstance(argument, np.ndarray) and argument.ndim > axis and argument.shape[axis] == shape[axis]
    ]


def _is_apart(marking, function, number, axis):
    """Whether the first and the last entry of a result along an axis are the same without the entries beside them."""
    case, right = marking.cases[number], marking.truths[number]
    whole = right if function is marking.truth else marking.outcomes[number].value
    there = _along(case, np.shape(right), axis)
    if not there or np.shape(whole) != np.shape(right):
        return False
    for entry in (0, np.shape(right)[axis] - 1):
        alone = (argument.take([entry], axis) if place in there else argument for place, argument in enumerate(case))
        outcome = run(function, tuple(alone))
        if outcome.error is not None or not close(outcome.value, np.take(whole, [entry], axis), marking.tolerance):
            return False
    return True
