"""Runs an answer on one case, and says in words how its result differs from the right one."""

import copy
import re
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

PACKAGE = Path(__file__).parents[1]
NOT_THEIRS = (str(PACKAGE), sysconfig.get_paths()["stdlib"], "site-packages", "dist-packages", "<frozen")


class Outcome(NamedTuple):
    """What a function made of one case: its result or its error, and the arguments that it changed."""

    value: Any
    error: Exception | None
    changed: list[str]


def run(function: Callable, arguments, names=()) -> Outcome:
    """Call a function with copies of the arguments; whatever it raises is its own."""
    given = copy.deepcopy(arguments)
    try:
        with np.errstate(all="ignore"):  # what is divided by zero is reported as a wrong number
            value, error = _plain(function(*given)), None
    except Exception as raised:
        value, error = None, raised
    changed = [name for name, old, new in zip(names, arguments, given, strict=False) if not identical(old, new)]
    return Outcome(value, error, changed)


def fault(outcome, truth, tolerance):
    """The lines that say what is wrong with an outcome; none if it is right."""
    if outcome.error is not None:
        return _error_lines(outcome.error)
    text = difference(outcome.value, truth, tolerance)
    return [text] if text else []


def difference(value, expected, tolerance):
    """In words, how a result differs from the expected array, number or tuple; None if it does not."""
    if isinstance(expected, tuple):
        if not isinstance(value, tuple | list):
            return f"The result is {kind(value)}, expected are {len(expected)} results: return a, b"
        if len(value) != len(expected):
            return f"The function returns {len(value)} results, expected are {len(expected)}."
        pairs = enumerate(zip(value, expected, strict=True))
        found = ((number, difference(one, other, tolerance)) for number, (one, other) in pairs)
        return next((f"Result number {number + 1}: {text}" for number, text in found if text), None)
    expected = np.asarray(expected)
    if value is None:
        return "The function returns nothing: it needs a return."
    if expected.dtype.kind == "b":
        return _difference_of_truths(value, expected)
    if isinstance(value, bool) or not isinstance(value, np.ndarray | np.generic | int | float):
        wanted = f"an array of shape {expected.shape}" if expected.shape else "a number"
        return f"The result is {kind(value)}, expected is {wanted}."
    value = np.asarray(value)
    if value.shape != expected.shape:
        return f"The result has the shape {value.shape}, expected is {expected.shape}."
    integral, whole = value.dtype.kind in "iu", expected.dtype.kind in "iu"
    if value.dtype.kind not in "iuf" or (whole and not integral) or (integral and not whole and value.shape):
        return f"The result has the type {value.dtype}, expected are {'whole' if whole else 'floating-point'} numbers."
    value, expected = value.astype("float64"), expected.astype("float64")
    same = _same(value, expected, tolerance)
    if same.all():
        return None
    missing = np.isnan(value) & ~same  # not a number: shown before any other difference
    index = tuple(int(i) for i in np.argwhere(missing if missing.any() else ~same)[0]) if value.shape else ()
    place = f" at index {list(index)}" if index else ""
    count = f" ({(~same).sum()} of {same.size} values differ)" if index else ""
    got = "NaN (not a number)" if np.isnan(value[index]) else f"{value[index]:.6g}"
    return f"First difference{place}: expected {expected[index]:.6g}, got {got}{count}."


def _difference_of_truths(value, expected):
    wanted = f"an array of shape {expected.shape}, of True and False" if expected.shape else "True or False"
    if not isinstance(value, np.ndarray | np.generic | bool | int | float):
        return f"The result is {kind(value)}, expected is {wanted}."
    value = np.asarray(value)
    if value.dtype.kind != "b":
        return f"The result has the type {value.dtype}, expected is {wanted}."
    if value.shape != expected.shape:
        return f"The result has the shape {value.shape}, expected is {wanted}."
    if (value == expected).all():
        return None
    index = tuple(int(i) for i in np.argwhere(value != expected)[0])
    return f"First difference{f' at index {list(index)}' if index else ''}: expected {expected[index]}."


def _same(value, expected, tolerance):
    """Where two arrays of floats and of one shape agree: (...) of True and False."""
    bound = tolerance * max(0.1, np.abs(expected[np.isfinite(expected)]).max(initial=0))
    with np.errstate(invalid="ignore"):
        return (np.abs(value - expected) <= bound) | (value == expected) | (np.isnan(value) & np.isnan(expected))


def places_alike(value, expected, tolerance):
    """`_same` for two arrays of numbers of one shape; all False where they are no such arrays."""
    value, expected = np.asarray(value), np.asarray(expected)
    if value.shape != expected.shape or value.dtype.kind not in "iufb" or expected.dtype.kind not in "iufb":
        return np.zeros(expected.shape, bool)
    return _same(value.astype("float64"), expected.astype("float64"), tolerance)


def close(value, expected, tolerance):
    """Whether two results hold the same numbers, whatever their types are."""
    if isinstance(expected, tuple | list) or isinstance(value, tuple | list):
        both = isinstance(expected, tuple | list) and isinstance(value, tuple | list) and len(value) == len(expected)
        return both and all(close(one, other, tolerance) for one, other in zip(value, expected, strict=True))
    return bool(np.shape(value) == np.shape(expected) and places_alike(value, expected, tolerance).all())


def alike(one, other, tolerance):
    """Whether two outcomes are the same: the same numbers, or the same error."""
    if one.error is not None or other.error is not None:
        return type(one.error) is type(other.error) and _without_names(one.error) == _without_names(other.error)
    return other.value is not None and difference(one.value, other.value, tolerance) is None


def _without_names(error):
    return re.sub(r"^.*\(\) |'[^']*'", "", str(error).split("\n")[0])


def identical(one, other):
    """Whether two values are the same to the last bit, lists and tuples part by part."""
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and one.tobytes() == other.tobytes()
    return type(one) is type(other) and not isinstance(one, np.ndarray) and one == other


def is_zero(value):
    """Whether a result is a stub's: zeros and nothing else."""
    if isinstance(value, tuple | list):
        return len(value) > 0 and all(map(is_zero, value))
    return isinstance(value, np.ndarray | np.generic | int | float) and not np.any(value)


def kind(value):
    """In words, what a value is."""
    return "None" if value is None else f"of type {type(value).__name__}"


def own_line(error):
    """The learner's last line on the way to an error, as (number, text); None if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if not any(part in frame.filename for part in NOT_THEIRS)]
    return (frames[-1].lineno, frames[-1].line) if frames else None


def message(error):
    """The text of an error without colours, at most three lines of it in one."""
    lines = [line for line in re.sub(r"\x1b\[[\d;]*m", "", str(error)).splitlines() if line.strip()]
    return " ".join(lines[:3])[:400]


def _error_lines(error):
    place = own_line(error)
    return [f"Your code raised {type(error).__name__}: {message(error)}"] + (
        [f"in line {place[0]}: {place[1]}"] if place else []
    )


def _plain(value):
    """A result with its tensors as NumPy arrays."""
    if isinstance(value, tuple | list):
        return type(value)(map(_plain, value)) if type(value) in (tuple, list) else tuple(map(_plain, value))
    if keras.ops.is_tensor(value) or isinstance(value, keras.Variable):
        return keras.ops.convert_to_numpy(value)
    return np.asarray(value) if hasattr(value, "__array__") else value
