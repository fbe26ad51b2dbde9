"""Exercises that mark themselves: `check` compares an answer with the truth on random cases, `progress` keeps count.

The exercises of notebook NN stand in nbNN_....py beside this file; each module has a tuple EXERCISES of `Exercise`.
"""

import copy
import functools
import importlib
import inspect
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

FOLDER = Path(__file__).parent
NOT_THEIRS = (str(FOLDER.parent), sysconfig.get_paths()["stdlib"], "site-packages", "dist-packages", "<frozen")
SCORE = {}  # name -> "✓" or "✗" for every exercise that somebody worked on; it lasts as long as the kernel


def call(answer, *arguments):
    """How an answer is used unless an exercise says otherwise: as a function."""
    return answer(*arguments)


class Exercise(NamedTuple):
    """One exercise, for `check`.

    name: what the learner passes to `check`. notebook: its number. title: one line.
    truth: the right function. Its results are NumPy arrays, numbers, or a tuple of them.
    cases: from a NumPy Generator to a list of argument tuples, small and large, never all of one size.
    hints: sentence -> wrong function. The sentence is shown to whoever gets the same wrong numbers (or the same error).
    call: how the learner's answer is used on the arguments; a layer needs to be built first.
    tolerance: largest difference from the truth, relative to the largest number in it (or to 0.1, if that is more).
    """

    name: str
    notebook: int
    title: str
    truth: Callable
    cases: Callable
    hints: dict[str, Callable]
    call: Callable = call
    tolerance: float = 1e-4


def normal(rng, *shape):
    """Standard normal numbers, float32."""
    return rng.normal(size=shape).astype("float32")


def softmax(scores, axis=-1):
    """Weights along an axis: positive, with the sum 1."""
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


@functools.cache
def all_exercises():
    """Every `Exercise` of the course by its name, notebook by notebook."""
    modules = [importlib.import_module(f"{__name__}.{path.stem}") for path in sorted(FOLDER.glob("nb[0-9]*.py"))]
    return {exercise.name: exercise for module in modules for exercise in module.EXERCISES}


class Outcome(NamedTuple):
    """What a function made of one case: its result or its error, and the arguments that it changed."""

    value: Any
    error: Exception | None
    changed: list[str]


class Verdict(NamedTuple):
    """The result of an examination, ✓ (right), ✗ (wrong) or · (still the stub), and what to tell the learner."""

    mark: str
    text: str

    @property
    def solved(self):
        """Whether the answer is right."""
        return self.mark == "✓"


def check(name, answer):
    """Mark `answer`, a function (or a layer class, where the exercise asks for one), and print the verdict.

    Right answers get a tick. Otherwise the smallest case that went wrong is shown: the arguments, the first difference,
    and a hint where the mistake is a common one. An error in the answer is shown with its line. The cases are drawn
    anew each time. Raises ValueError for a name that is no exercise.
    """
    verdict = examine(name, answer)
    if verdict.mark != "·" and SCORE.get(name) != "✓":
        SCORE[name] = verdict.mark
    _say(f"{verdict.mark} {name}: {verdict.text}")


def progress(notebook=None):
    """Print what is solved in this kernel: of all notebooks, or of the one with this number."""
    exercises = all_exercises().values()
    numbers = sorted({exercise.notebook for exercise in exercises})
    if notebook is not None and notebook not in numbers:
        raise ValueError(f"notebook must be one of the numbers {', '.join(map(str, numbers))}, got {notebook!r}.")
    for number in numbers if notebook is None else [notebook]:
        own = [exercise for exercise in exercises if exercise.notebook == number]
        _say(f"notebook {number:02}: {len(solved(number))} of {len(own)} solved")
        for exercise in own:
            _say(f"  {SCORE.get(exercise.name, '·')} {exercise.name}: {exercise.title}")


def solved(notebook):
    """The names of the solved exercises of the notebook with this number."""
    return {name for name, mark in SCORE.items() if mark == "✓" and all_exercises()[name].notebook == notebook}


def examine(name, answer, seed=None):
    """The `Verdict` on an answer, with cases drawn from `seed`; None draws other ones every time."""
    if not isinstance(name, str) or name not in all_exercises():
        raise ValueError(f"No exercise is called {name!r}. The exercises are: {', '.join(all_exercises())}.")
    exercise = all_exercises()[name]
    if not callable(answer):
        what = f"got {_kind(answer)}. Give the name without brackets and arguments: cct.check({name!r}, {name})"
        return Verdict("✗", f"the answer must be a function, {what}")
    cases = sorted(exercise.cases(np.random.default_rng(seed)), key=_size)
    truths = [exercise.truth(*case) for case in cases]
    names = list(inspect.signature(exercise.truth).parameters)
    outcomes = [run(functools.partial(exercise.call, answer), case, names) for case in cases]
    wrong = [number for number, outcome in enumerate(outcomes) if _fault(outcome, truths[number], exercise)]
    if not wrong and not any(outcome.changed for outcome in outcomes):
        return Verdict("✓", f"right, in {len(cases)} cases of different sizes.")
    if all(outcome.error is None and _is_zero(outcome.value) for outcome in outcomes):
        return Verdict("·", "not yet. The result is still all zeros.")
    first = wrong[0] if wrong else next(number for number, outcome in enumerate(outcomes) if outcome.changed)
    lines = ["not yet right."]
    if wrong:
        lines = [f"not yet right, {len(wrong)} of {len(cases)} cases went wrong. The smallest of them:"]
        lines += [_describe(cases[first], names), *_fault(outcomes[first], truths[first], exercise)]
    if outcomes[first].changed:
        changed = outcomes[first].changed[0]
        lines += [f"Your function changes its argument {changed!r}. Work on a copy: {changed} = {changed}.copy()"]
    hint = find_hint(exercise, cases, outcomes, first) if wrong else None
    lines += [f"Hint: {hint}"] if hint else []
    return Verdict("✗", "\n  ".join(lines))


def run(function: Callable, arguments, names) -> Outcome:
    """Call a function with copies of the arguments; whatever it raises is its own."""
    given = copy.deepcopy(arguments)
    try:
        with np.errstate(all="ignore"):  # what is divided by zero is reported as a wrong number
            value, error = _plain(function(*given)), None
    except Exception as raised:
        value, error = None, raised
    changed = [name for name, old, new in zip(names, arguments, given, strict=False) if not _identical(old, new)]
    return Outcome(value, error, changed)


def find_hint(exercise, cases, outcomes, first):
    """The hint of the wrong function that agrees with the answer on case `first` and on most others; or None."""
    best, most = None, 0
    for hint, function in exercise.hints.items():
        theirs = [run(function, case, ()) for case in cases]
        alike = [_alike(one, two, exercise) for one, two in zip(outcomes, theirs, strict=True)]
        if alike[first] and sum(alike) > most:
            best, most = hint, sum(alike)
    if best or outcomes[first].error:
        return best
    if any(isinstance(given, np.ndarray) and _identical(outcomes[first].value, given) for given in cases[first]):
        return "This is one of the arguments, unchanged."
    constant = not any(outcome.error for outcome in outcomes) and len(cases) > 1
    if constant and all(_identical(outcome.value, outcomes[0].value) for outcome in outcomes):
        return "The result is the same whatever the arguments are."
    return None


def difference(value, expected, tolerance):
    """In words, how a result differs from the expected array, number or tuple; None if it does not."""
    if isinstance(expected, tuple):
        if not isinstance(value, tuple | list):
            return f"The result is {_kind(value)}, expected are {len(expected)} results: return a, b"
        if len(value) != len(expected):
            return f"The function returns {len(value)} results, expected are {len(expected)}."
        pairs = enumerate(zip(value, expected, strict=True))
        found = ((number, difference(one, other, tolerance)) for number, (one, other) in pairs)
        return next((f"Result number {number + 1}: {text}" for number, text in found if text), None)
    expected = np.asarray(expected)
    if value is None:
        return "The function returns nothing: it needs a return."
    if isinstance(value, bool) or not isinstance(value, np.ndarray | np.generic | int | float):
        wanted = f"an array of shape {expected.shape}" if expected.shape else "a number"
        return f"The result is {_kind(value)}, expected is {wanted}."
    value = np.asarray(value)
    if value.shape != expected.shape:
        return f"The result has the shape {value.shape}, expected is {expected.shape}."
    integral, whole = value.dtype.kind in "iu", expected.dtype.kind in "iu"
    if value.dtype.kind not in "iuf" or (whole and not integral) or (integral and not whole and value.shape):
        return f"The result has the type {value.dtype}, expected are {'whole' if whole else 'floating-point'} numbers."
    value, expected = value.astype("float64"), expected.astype("float64")
    bound = tolerance * max(0.1, np.abs(expected[np.isfinite(expected)]).max(initial=0))
    with np.errstate(invalid="ignore"):
        same = (np.abs(value - expected) <= bound) | (value == expected) | (np.isnan(value) & np.isnan(expected))
    if same.all():
        return None
    missing = np.isnan(value) & ~same  # not a number: shown before any other difference
    index = tuple(int(i) for i in np.argwhere(missing if missing.any() else ~same)[0]) if value.shape else ()
    place = f" at index {list(index)}" if index else ""
    count = f" ({(~same).sum()} of {same.size} values differ)" if index else ""
    got = "NaN (not a number)" if np.isnan(value[index]) else f"{value[index]:.6g}"
    return f"First difference{place}: expected {expected[index]:.6g}, got {got}{count}."


def _fault(outcome, truth, exercise):
    """The lines that say what is wrong with an outcome; none if it is right."""
    if outcome.error is not None:
        return _error_lines(outcome.error)
    text = difference(outcome.value, truth, exercise.tolerance)
    return [text] if text else []


def _error_lines(error):
    text = [line for line in re.sub(r"\x1b\[[\d;]*m", "", str(error)).splitlines() if line.strip()]
    lines = [f"Your code raised {type(error).__name__}: {' '.join(text[:3])[:400]}"]
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if not any(part in frame.filename for part in NOT_THEIRS)]
    return lines + [f"in line {frame.lineno}: {frame.line}" for frame in frames[-1:]]


def _alike(outcome, other, exercise):
    if outcome.error or other.error:
        texts = [
            re.sub(r"^.*\(\) |'[^']*'", "", str(each.error).split("\n")[0]) for each in (outcome, other)
        ]  # no names
        return type(outcome.error) is type(other.error) and texts[0] == texts[1]
    return other.value is not None and difference(outcome.value, other.value, exercise.tolerance) is None


def _plain(value):
    """A result with its tensors as NumPy arrays."""
    if isinstance(value, tuple | list):
        return type(value)(map(_plain, value)) if type(value) in (tuple, list) else tuple(map(_plain, value))
    if keras.ops.is_tensor(value) or isinstance(value, keras.Variable):
        return keras.ops.convert_to_numpy(value)
    return np.asarray(value) if hasattr(value, "__array__") else value


def _identical(one, other):
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_identical, one, other))
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and one.tobytes() == other.tobytes()
    return type(one) is type(other) and not isinstance(one, np.ndarray) and one == other


def _is_zero(value):
    if isinstance(value, tuple | list):
        return len(value) > 0 and all(map(_is_zero, value))
    return isinstance(value, np.ndarray | np.generic | int | float) and not np.any(value)


def _size(arguments):
    given = [argument for argument in arguments if not callable(argument)]
    return sum(abs(each) if isinstance(each, int) else np.size(each) for each in given)


def _describe(arguments, names):
    def words(value):
        if isinstance(value, np.ndarray):
            return f"of shape {value.shape}"
        return value.__name__ if callable(value) else f"= {value:.4g}" if isinstance(value, float) else f"= {value}"

    return ", ".join(f"{name} {words(value)}" for name, value in zip(names, arguments, strict=True))


def _kind(value):
    return "None" if value is None else f"of type {type(value).__name__}"


def _say(text):
    """Print, also on a console that does not know the marks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    plain = {"✓": "[right]", "✗": "[wrong]", "·": "[open]"}
    for mark, words in plain.items():
        try:
            mark.encode(encoding)
        except (UnicodeEncodeError, LookupError):
            text = text.replace(mark, words)
    print(text)
