"""Finds a hint for a wrong answer: first among the known mistakes of the exercise, then by rules for any exercise.

A rule takes a `Marking` and returns a sentence or None. A rule speaks only if what it says is true of every case that
went wrong, so that it cannot mislead: it says what the numbers show, not what the learner thought.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cct_helpers.exercises import experiments, wrong_numbers, wrong_shapes
from cct_helpers.exercises.errors import explain_error
from cct_helpers.exercises.marking import Outcome, alike, close, identical, run


class Marking(NamedTuple):
    """An answer that went wrong, case by case.

    ask: calls the answer with the arguments of a case. truth: the right function. names: of the arguments.
    cases, truths, outcomes: one of each for a case. wrong: numbers of the cases that went wrong, the smallest first.
    """

    ask: Callable
    truth: Callable
    names: list[str]
    cases: list[tuple]
    truths: list
    outcomes: list[Outcome]
    wrong: list[int]
    tolerance: float


def find_hint(marking: Marking, mistakes: dict[str, Callable], wants_class: bool) -> str | None:
    """A hint for the answer, or None. `mistakes`: sentence -> wrong function."""
    known = known_mistake(marking, mistakes)
    if known:
        return known
    broken = next((number for number in marking.wrong if marking.outcomes[number].error is not None), None)
    if broken is not None:
        return explain_error(marking.outcomes[broken].error, marking.names, wants_class)
    if _results_swapped(marking):
        return "The results are right, in another order."
    part, before = _wrong_part(marking)
    for rule in RULES:
        text = apply(rule, part)
        if text:
            return before + text
    return None


def apply(rule: Callable, marking: Marking) -> str | None:
    """What a rule says. An answer may be stranger than a rule expects: then the rule is silent, and marking goes on."""
    try:
        return rule(marking)
    except (ArithmeticError, AttributeError, IndexError, LookupError, TypeError, ValueError):
        return None


def known_mistake(marking: Marking, mistakes: dict[str, Callable]) -> str | None:
    """The sentence of the mistake that gives the same as the answer: in the case shown and in most that went wrong.

    Whole numbers and truths agree by chance more easily: there it must be all cases, those that went right among them.
    """
    kinds = {np.asarray(part).dtype.kind for truth in marking.truths for part in _parts(truth)}
    best, most = None, 0 if "f" in kinds else len(marking.cases) - 1
    for sentence, function in mistakes.items():
        theirs = [run(function, case) for case in marking.cases]
        same = [alike(one, two, marking.tolerance) for one, two in zip(marking.outcomes, theirs, strict=True)]
        of_wrong = sum(same[number] for number in marking.wrong)
        if same[marking.wrong[0]] and 2 * of_wrong > len(marking.wrong) and sum(same) > most:
            best, most = sentence, sum(same)
    return best


def _parts(truth):
    return truth if isinstance(truth, tuple) else (truth,)


def unchanged_argument(marking: Marking) -> str | None:
    """The answer hands back what it was given."""
    for place, name in enumerate(marking.names):
        given = [marking.cases[number][place] for number in marking.wrong]
        values = [marking.outcomes[number].value for number in marking.wrong]
        pairs = list(zip(values, given, strict=True))
        if all(isinstance(argument, np.ndarray) and identical(value, argument) for value, argument in pairs):
            return f"This is one of the arguments, unchanged: {name}."
    return None


def constant_result(marking: Marking) -> str | None:
    """The answer does not look at its arguments."""
    values = [outcome.value for outcome in marking.outcomes]
    if len(values) > 1 and not _has_nan(values[0]) and all(identical(value, values[0]) for value in values):
        return "The result is the same whatever the arguments are."
    return None


def _has_nan(value):
    if isinstance(value, tuple | list):
        return any(map(_has_nan, value))
    return np.asarray(value).dtype.kind == "f" and bool(np.isnan(value).any())


def _results_swapped(marking):
    pairs = [(marking.outcomes[number].value, marking.truths[number]) for number in marking.wrong]
    return all(
        isinstance(truth, tuple)
        and isinstance(value, tuple | list)
        and len(value) == len(truth)
        and any(close(tuple(order), truth, marking.tolerance) for order in itertools.permutations(value))
        for value, truth in pairs
    )


def _wrong_part(marking):
    """Of an answer with several results the first that is wrong everywhere, as a marking of its own, and its number."""
    first = marking.wrong[0]
    value, expected = marking.outcomes[first].value, marking.truths[first]
    fits = isinstance(expected, tuple) and isinstance(value, tuple | list) and len(value) == len(expected)
    if not fits or any(len(outcome.value) != len(expected) for outcome in marking.outcomes):
        return marking, ""
    right = [close(one, other, marking.tolerance) for one, other in zip(value, expected, strict=True)]
    place = right.index(False) if False in right else 0
    outcomes = [Outcome(outcome.value[place], None, outcome.changed) for outcome in marking.outcomes]
    truths = [truth[place] for truth in marking.truths]
    pairs = zip(outcomes, truths, strict=True)
    wrong = [number for number, (one, other) in enumerate(pairs) if not close(one.value, other, marking.tolerance)]
    part = marking._replace(
        ask=lambda *arguments: marking.ask(*arguments)[place],
        truth=lambda *arguments: marking.truth(*arguments)[place],
        truths=truths,
        outcomes=outcomes,
        wrong=wrong or marking.wrong,
    )
    return part, f"Result number {place + 1} alone is wrong. " if any(right) else f"Result number {place + 1}: "


RULES = [
    unchanged_argument,
    constant_result,
    *wrong_numbers.TYPES,
    *wrong_shapes.RULES,
    wrong_numbers.not_a_number,
    experiments.argument_without_part,
    *wrong_numbers.RULES,
    experiments.right_for_other_arguments,
    experiments.rows_that_meet,
    *wrong_numbers.LAST_RULES,
]
