"""Exercises that mark themselves, help one step at a time, and remember what is solved.

An exercise stands in four places:

    notebooks/NN_name.py            heading, statement with shapes and a worked case, stub; tag "exercise"
    exercises/nbNN_name.py          an `Exercise` in EXERCISES: truth, cases, known mistakes, hints
    notebooks/solutions/NN_name.py  the worked solution and its wrong turns; tag "solution"
    tests/wrong_answers.py          wrong answers that are not among the known mistakes

The engine: marking.py runs an answer, tells how it differs. diagnosis.py looks for a hint: errors.py, wrong_shapes.py,
wrong_numbers.py and experiments.py hold rules for mistakes that no author foresaw. record.py keeps what is solved,
worked.py reads the solutions. `python -m cct_helpers.exercises report` is for teachers.
"""

import contextlib
import functools
import importlib
import inspect
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cct_helpers.exercises import record, worked
from cct_helpers.exercises.diagnosis import Marking, find_hint
from cct_helpers.exercises.marking import fault, is_zero, kind, run

FOLDER = Path(__file__).parent
TRIES = 3  # after so many wrong ones `check` reminds of `hint` and `solution`


def call(answer, *arguments):
    """How an answer is used unless an exercise says otherwise: as a function."""
    return answer(*arguments)


class Exercise(NamedTuple):
    """One exercise, for `check`.

    name: what the learner passes to `check`. notebook: its number. title: one line.
    truth: the right function. Its results are NumPy arrays, numbers, truths, or a tuple of them.
    cases: from a NumPy Generator to a list of argument tuples, small and large. The smallest tells mistakes apart: a
        batch of 2 or more, no two sizes equal, no argument for which two formulas agree.
    mistakes: sentence -> wrong function. The sentence is shown to whoever gets the same wrong numbers (or error).
    hints: two or three sentences for `hint`, from the idea to the line.
    call: how the learner's answer is used on the arguments; a layer needs to be built first.
    tolerance: largest difference from the truth, relative to the largest number in it (or to 0.1, if that is more).
    """

    name: str
    notebook: int
    title: str
    truth: Callable
    cases: Callable
    mistakes: dict[str, Callable]
    hints: tuple[str, ...] = ()
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
    and a hint where the mistake can be told. An error in the answer is shown with its line. The cases are drawn anew
    each time. After three wrong tries it reminds of `hint` and `solution`.

    Args:
        name: of the exercise, as in its cell.
        answer: your function or class, without brackets.

    Raises:
        ValueError: for a name that is no exercise.
    """
    verdict = examine(name, answer)
    _say(f"{verdict.mark} {name}: {verdict.text}")
    if verdict.mark == "·":
        return
    copied = verdict.solved and worked.is_copied(name, answer)
    entry = record.update(name, functools.partial(_after_a_try, solved=verdict.solved, copied=copied))
    if not verdict.solved and entry["tries"] >= TRIES:
        _say(f'  cct.hint("{name}") helps one step at a time, cct.solution("{name}") shows the worked solution.')


def _after_a_try(entry, solved, copied):
    if entry["state"] != "tried":
        return entry
    if solved:
        return {**entry, "state": "solved with help" if entry["shown"] or copied else "solved"}
    return {**entry, "tries": entry["tries"] + 1}


def hint(name):
    """Print the hints of an exercise that were seen before, and the next one: from the idea to the line.

    Args:
        name: of the exercise.

    Raises:
        ValueError: for a name that is no exercise.
    """
    hints = _exercise(name).hints
    seen = record.update(name, lambda entry: {**entry, "hints": min(entry["hints"] + 1, len(hints))})["hints"]
    for number, text in enumerate(hints[:seen], 1):
        _say(f"Hint {number} of {len(hints)}: {text}")
    if seen == len(hints):
        _say(f'These are all. cct.solution("{name}") shows the worked solution.')


def solution(name):
    """Print the worked solution of an exercise, with its reason and its wrong turns.

    An exercise that is solved later counts as solved with help.

    Args:
        name: of the exercise.

    Raises:
        ValueError: for a name that is no exercise.
    """
    _exercise(name)
    found = worked.solution_of(name)
    if found is None:
        _say(
            "The worked solutions are not beside this package: they stand in notebooks/solutions of the course's "
            f'repository. cct.hint("{name}") still helps.'
        )
        return
    record.update(name, lambda entry: {**entry, "shown": True})
    _say(f"{found.text}\n\n{found.code}")


def progress(notebook=None):
    """Print what is solved, in this session and before.

    Args:
        notebook: its number; None for all notebooks.

    Raises:
        ValueError: for a number that no notebook with exercises has.
    """
    exercises = all_exercises().values()
    numbers = sorted({exercise.notebook for exercise in exercises})
    if notebook is not None and notebook not in numbers:
        raise ValueError(f"notebook must be one of the numbers {', '.join(map(str, numbers))}, got {notebook!r}.")
    entries = record.read()
    for number in numbers if notebook is None else [notebook]:
        own = [exercise for exercise in exercises if exercise.notebook == number]
        states = [_state(entries.get(exercise.name)) for exercise in own]
        count = sum(mark == "✓" for mark, _ in states)
        _say(f"notebook {number:02}: {count} of {len(own)} solved")
        for exercise, (mark, words) in zip(own, states, strict=True):
            _say(f"  {mark} {exercise.name}: {exercise.title}{words}")
    if notebook is None or record.on_colab():
        _say(record.lasts())


def _state(entry):
    """The mark of an entry of the record, and what is to be said beside it."""
    if entry is None:
        return "·", ""
    if entry["state"] == "solved with help":
        return "✓", " (with help)"
    if entry["state"] == "solved":
        return "✓", ""
    words = {"tries": ("try", "tries"), "hints": ("hint", "hints")}
    seen = [f"{entry[key]} {words[key][entry[key] > 1]}" for key in words if entry[key]]
    seen += ["solution seen"] if entry["shown"] else []
    return "✗", f" ({', '.join(seen)})" if seen else ""


def solved(notebook):
    """The names of the solved exercises of the notebook with this number, with help or without."""
    done = {name for name, entry in record.read().items() if entry["state"] != "tried"}
    return {name for name in done & set(all_exercises()) if all_exercises()[name].notebook == notebook}


def examine(name, answer, seed=None):
    """The `Verdict` on an answer, with cases drawn from `seed`; None draws other ones every time."""
    exercise = _exercise(name)
    wants_class = exercise.call is not call
    if not callable(answer) or (wants_class and not isinstance(answer, type)):
        wanted = "a class" if wants_class else "a function"
        what = f"got {kind(answer)}. Give the name without brackets and arguments: cct.check({name!r}, NAME)"
        return Verdict("✗", f"the answer must be {wanted}, {what}")
    marking = _mark(exercise, answer, seed)
    if not marking.wrong and not any(outcome.changed for outcome in marking.outcomes):
        return Verdict("✓", f"right, in {len(marking.cases)} cases of different sizes.")
    if all(outcome.error is None and is_zero(outcome.value) for outcome in marking.outcomes):
        truth_value = all(isinstance(outcome.value, bool | np.bool_) for outcome in marking.outcomes)
        return Verdict(
            "·", f"not yet. The result is {'False' if truth_value else 'zero'} in every case, as in the stub."
        )
    return Verdict("✗", "\n  ".join(_explain(marking, exercise.mistakes, wants_class)))


def passes(name, answer, seed=None):
    """Whether an answer is right, without a word about why it is not."""
    marking = _mark(_exercise(name), answer, seed)
    return not marking.wrong and not any(outcome.changed for outcome in marking.outcomes)


def _mark(exercise, answer, seed):
    """The answer case by case, the smallest case first, as a `Marking`."""
    cases = sorted(exercise.cases(np.random.default_rng(seed)), key=_size)
    truths = [exercise.truth(*case) for case in cases]
    names = list(inspect.signature(exercise.truth).parameters)
    ask = functools.partial(exercise.call, answer)
    outcomes = [run(ask, case, names) for case in cases]
    wrong = [number for number, outcome in enumerate(outcomes) if fault(outcome, truths[number], exercise.tolerance)]
    return Marking(ask, exercise.truth, names, cases, truths, outcomes, wrong, exercise.tolerance)


def _explain(marking, mistakes, wants_class):
    """What the learner reads about an answer that is not right, line by line."""
    changed = [number for number, outcome in enumerate(marking.outcomes) if outcome.changed]
    if not marking.wrong:
        return ["not yet right.", _about_changes(marking.outcomes[changed[0]])]
    first = marking.wrong[0]
    count = f"{len(marking.wrong)} of {len(marking.cases)} cases went wrong"
    lines = [f"not yet right, {count}. The smallest of them:", _describe(marking.cases[first], marking.names)]
    lines += fault(marking.outcomes[first], marking.truths[first], marking.tolerance)
    if first in changed:
        lines.append(_about_changes(marking.outcomes[first]))
    with contextlib.redirect_stdout(
        io.StringIO()
    ):  # the rules call the answer many times: what it prints is printed once
        found = find_hint(marking, mistakes, wants_class)
    return lines + ([f"Hint: {found}"] if found else [])


def _about_changes(outcome):
    name = outcome.changed[0]
    return f"Your function changes its argument {name!r}. Work on a copy: {name} = {name}.copy()"


def _exercise(name):
    if not isinstance(name, str) or name not in all_exercises():
        raise ValueError(f"No exercise is called {name!r}. The exercises are: {', '.join(all_exercises())}.")
    return all_exercises()[name]


def _size(arguments):
    given = [argument for argument in arguments if not callable(argument)]
    return sum(abs(each) if isinstance(each, int) else np.size(each) for each in given)


def _describe(arguments, names):
    def words(value):
        if isinstance(value, np.ndarray):
            return f"of shape {value.shape}"
        return value.__name__ if callable(value) else f"= {value:.4g}" if isinstance(value, float) else f"= {value}"

    return ", ".join(f"{name} {words(value)}" for name, value in zip(names, arguments, strict=True))


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
