"""Every exercise: stub, solution, mistakes and hints; that nothing cheats; what is kept between sessions."""

import ast
import functools
import inspect
import io
import json
import math
import os
import re
import subprocess
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import keras
import lint
import make
import numpy as np
import pytest
from keras import ops

import cct_helpers as cct
from cct_helpers import exercises
from cct_helpers.exercises import __main__ as report
from cct_helpers.exercises import all_exercises, diagnosis, examine, experiments, record, worked
from cct_helpers.exercises.errors import explain_error
from cct_helpers.exercises.marking import close, difference
from tests.wrong_answers import ANSWERS

ALL = all_exercises()
EXERCISES = list(ALL.values())
ROOT = Path(__file__).resolve().parents[1]
PATHS = [path for path in lint.sources() if path.parent.name == "notebooks"]
CORE = [path for path in PATHS if path.name[:2] <= "08"]
WITH_EXERCISES = [path for path in PATHS if int(path.name[:2]) in {exercise.notebook for exercise in EXERCISES}]
SEEDS = range(3)
LAYERS = {exercise.name for exercise in EXERCISES if exercise.call is not exercises.call}  # the answer is a class
TRIED = {name: exercise for name, exercise in ALL.items() if name not in LAYERS}


@functools.cache
def notebook_at(path):
    """The notebook of a .py, without outputs."""
    return make.to_notebook(path.read_text(encoding="utf-8"))


def cells_of(path, tag):
    """Exercise name -> source of its cell in the notebook at `path`."""
    notebook = notebook_at(path)
    return {name: notebook.cells[number].source for number, name in lint.exercises(notebook, tag)}


def statements_of(path):
    """Exercise name -> the text before its stub, in one line."""
    notebook = notebook_at(path)
    return {name: " ".join(notebook.cells[number - 1].source.split()) for number, name in lint.exercises(notebook)}


STUBS = {name: source for path in WITH_EXERCISES for name, source in cells_of(path, "exercise").items()}
STATEMENTS = {name: text for path in WITH_EXERCISES for name, text in statements_of(path).items()}
SOLUTIONS = {
    name: source
    for path in WITH_EXERCISES
    for name, source in cells_of(path.parent / "solutions" / path.name, "solution").items()
}


def answer_in(source):
    """The function or class that a stub or a solution hands to `cct.check`."""
    code, answer = re.match(r"(.*)^cct\.check\(\"\w+\", (\w+)\)$", source, re.MULTILINE | re.DOTALL).groups()
    names = {"np": np, "keras": keras, "ops": ops, "cct": cct}
    exec(code, names)
    return names[answer]


def cases_of(exercise, seed=0):
    return exercise.cases(np.random.default_rng(seed))


@pytest.fixture(autouse=True)
def kept_in(tmp_path, monkeypatch):
    """The file of this test, which keeps what is solved."""
    path = tmp_path / "kept" / "progress.json"
    monkeypatch.setenv("CCT_PROGRESS", str(path))
    monkeypatch.setattr(record, "_memory", {})
    monkeypatch.setattr(record, "_said", set())
    return path


@pytest.fixture(autouse=True)
def rules_are_strict(monkeypatch):
    """A rule that raises an error is a mistake here; for a learner it is silent."""
    monkeypatch.setattr(diagnosis, "apply", lambda rule, marking: rule(marking))


# The notebooks have every exercise


def test_there_are_enough_exercises():
    assert sum(exercise.notebook < len(CORE) for exercise in EXERCISES) >= 30
    for path in WITH_EXERCISES:
        assert 3 <= sum(exercise.notebook == int(path.name[:2]) for exercise in EXERCISES) <= 5


@pytest.mark.parametrize("path", WITH_EXERCISES, ids=[path.stem for path in WITH_EXERCISES])
def test_notebook_and_solutions_have_their_exercises_in_order(path):
    names = [exercise.name for exercise in EXERCISES if exercise.notebook == int(path.name[:2])]
    assert list(cells_of(path, "exercise")) == names
    assert list(cells_of(path.parent / "solutions" / path.name, "solution")) == names
    notebook = notebook_at(path)
    for number, name in lint.exercises(notebook):
        heading, text = notebook.cells[number - 1].source.split("\n\n", 1)
        assert heading == f"### Exercise: {ALL[name].title}" and len(text) > 40
    assert f"cct.progress({int(path.name[:2])})" in [cell.source for cell in notebook.cells]


@pytest.mark.parametrize("path", WITH_EXERCISES, ids=[path.stem for path in WITH_EXERCISES])
def test_exercises_go_from_a_warm_up_to_twenty_minutes(path):
    said = [re.search(r"\*(Warm-up, )?(\d+) minutes\.\*", text) for text in statements_of(path).values()]
    assert all(said) and said[0][1] and not any(match[1] for match in said[1:])
    minutes = [int(match[2]) for match in said]
    assert minutes[0] == min(minutes) or minutes[0] <= 10
    assert max(minutes) <= 20


@pytest.mark.parametrize("name", TRIED)
def test_worked_case_of_the_statement_is_true(name):
    found = re.findall(r"`([^`]+)` gives `([^`]+)`", STATEMENTS[name])
    assert found
    names = {"np": np, name: ALL[name].truth}
    for expression, wanted in found:
        given, wanted = eval(expression, names), eval(wanted, names)
        parts = wanted if isinstance(wanted, tuple) else (wanted,)
        given = given if isinstance(given, tuple) else (given,)
        assert len(given) == len(parts)
        assert all(close(np.asarray(one), np.asarray(other), 1e-6) for one, other in zip(given, parts, strict=True))


def test_every_core_notebook_has_a_trap_and_no_trap_stands_twice():
    titles = {path: [trap[1] for trap in lint.traps(notebook_at(path))] for path in PATHS}
    assert all(titles[path] for path in CORE)
    every = sum(titles.values(), [])
    assert len(every) == len(set(every))


# Answers, right and wrong


@pytest.mark.parametrize("name", ALL)
def test_stub_has_the_right_shape_and_is_not_yet_right(name):
    for seed in SEEDS:
        verdict = examine(name, answer_in(STUBS[name]), seed)
        assert not verdict.solved
        stub = "False" if "return False" in STUBS[name] else "zero"
        assert verdict == ("·", f"not yet. The result is {stub} in every case, as in the stub.")
    exercise, answer = ALL[name], answer_in(STUBS[name])
    for case in cases_of(exercise):
        given, wanted = exercise.call(answer, *case), exercise.truth(*case)
        if name != "shared_masks":  # how many pairs there are is the question
            assert [np.shape(part) for part in _parts(given)] == [np.shape(part) for part in _parts(wanted)]


def _parts(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", ALL)
def test_solution_passes(name):
    for seed in range(8):
        verdict = examine(name, answer_in(SOLUTIONS[name]), seed)
        assert verdict.solved and verdict.text.startswith("right, in "), verdict.text


@pytest.mark.parametrize("name", ALL)
def test_mistakes_get_their_own_hint_and_no_other(name):
    exercise = ALL[name]
    assert len(exercise.mistakes) >= 3 and 2 <= len(exercise.hints) <= 3
    for sentence, function in exercise.mistakes.items():
        if name in LAYERS:  # the mistakes are functions, the answers are classes: see wrong_answers.py
            continue
        for seed in SEEDS:
            verdict = examine(name, function, seed)
            assert verdict.mark == "✗"
            assert verdict.text.split("Hint: ")[-1] == sentence, verdict.text


def test_every_exercise_has_a_wrong_answer_of_another_hand_that_gets_a_hint():
    helped = {name for name, words, _, _ in ANSWERS if words}
    assert set(ALL) - helped == set()


@pytest.mark.parametrize("number", range(len(ANSWERS)), ids=[f"{i}-{answer[0]}" for i, answer in enumerate(ANSWERS)])
def test_wrong_answer_of_another_hand_is_not_ticked_and_not_misled(number):
    name, words, _, answer = ANSWERS[number]
    for seed in SEEDS:
        verdict = examine(name, answer, seed)
        assert verdict.mark != "✓"
        hint = verdict.text.split("\n  ")[-1] if words else verdict.text
        assert words in hint if words else "Hint" not in hint, verdict.text


def functions_of(path):
    """Every function that a notebook defines or imports, apart from its exercises: name -> function."""
    notebook = notebook_at(path)
    names = {"np": np, "keras": keras, "ops": ops, "cct": cct}
    for cell in notebook.cells:
        if cell.cell_type != "code" or {"exercise", "setup"} & set(cell.metadata.get("tags", [])):
            continue
        for node in definitions_in(cell.source):
            try:
                exec(compile(node, str(path), "exec"), names)
            except Exception:  # a definition that needs what another cell has computed
                continue
    modules = [value for value in names.values() if isinstance(value, types.ModuleType)]
    for module in modules:
        if module.__name__.startswith("cct_helpers"):
            names |= {f"{module.__name__}.{name}": value for name, value in vars(module).items()}
    names |= {f"cct.{name}": getattr(cct, name) for name in cct.__all__}
    return {
        name: value
        for name, value in names.items()
        if callable(value) and not name.startswith("_") and not _draws(value)
    }


def definitions_in(source):
    """The imports, functions and classes of a cell, each as a module of its own."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    nodes = [node for node in ast.parse(source).body if isinstance(node, kinds)]
    return [ast.Module([node], []) for node in nodes]


@pytest.mark.parametrize("path", WITH_EXERCISES, ids=[path.stem for path in WITH_EXERCISES])
def test_no_function_of_the_notebook_is_the_answer(path):
    found = functions_of(path)
    assert len(found) > 20  # a notebook imports many
    for exercise in EXERCISES:
        if exercise.notebook != int(path.name[:2]):
            continue
        wanted = len(inspect.signature(exercise.truth).parameters)
        for name, function in found.items():
            if exercise.name in LAYERS or _takes(function, wanted):
                assert not exercises.passes(exercise.name, function, 0), f"{name} is the answer to {exercise.name}"


DRAWING = ("cct_helpers.plots.", "cct_helpers.figures", "cct_helpers.widgets", "cct_helpers.explorer")


def _draws(function):
    """Whether it makes pictures: none is an answer, and one with as many panels as a case has bytes fills memory."""
    return (getattr(function, "__module__", None) or "").startswith(DRAWING)


def _takes(function, count):
    """Whether a function can be called with so many arguments, and is none that would run for long or download."""
    try:
        inspect.signature(function).bind(*range(count))
    except (TypeError, ValueError):
        return False
    name = getattr(function, "__name__", "")
    return name not in {"fit", "show", "explore", "fastest_seconds"} and not name.startswith(("load_", "build_"))


def constant(name, value):
    """An answer that always returns `value`."""
    if name == "query_pooling":
        return type("Constant", (Pooling,), {"__call__": lambda self, tokens: value})
    if name == "scale_tokens":
        return type("Constant", (Scale,), {"__call__": lambda self, tokens: value[0]})
    return lambda *arguments: value


class Pooling:
    """What the check needs of a pooling layer, without Keras, which would copy the arguments."""

    def __init__(self, queries):
        pass

    def build(self, shape):
        pass

    def set_weights(self, weights):
        self.kernel, self.bias = weights


class Scale:
    """What the check needs of a scaling layer, without Keras."""

    def __init__(self, factor, name=""):
        self.factor, self.name = factor, name

    def get_config(self):
        return {"factor": self.factor, "name": self.name}


@pytest.mark.parametrize("name", ALL)
def test_constant_does_not_pass(name):
    exercise = ALL[name]
    for case in cases_of(exercise):
        assert not exercises.passes(name, constant(name, exercise.truth(*case)), 0)


@pytest.mark.parametrize("name", ALL)
def test_echo_does_not_pass(name):
    arguments = len(cases_of(ALL[name])[0])
    if name in LAYERS:
        base = Pooling if name == "query_pooling" else Scale
        echoes = [type("Echo", (base,), {"__call__": lambda self, tokens: tokens})]
    else:
        echoes = [lambda *given, i=i: given[i] for i in range(arguments)]
        echoes += [lambda *given, i=i: np.copy(given[i]) for i in range(arguments)]
    assert not any(exercises.passes(name, echo, seed) for echo in echoes for seed in SEEDS)


def mutating(name, position):
    """The right answer, but it overwrites its argument at `position` afterwards."""
    truth = ALL[name].truth

    def answer(*arguments):
        result = truth(*arguments)
        overwrite(arguments[position])
        return result

    return answer


def overwrite(argument):
    if isinstance(argument, list):
        argument.append(argument[0])
    else:
        argument[...] = ~argument if argument.dtype == bool else argument + 1


@pytest.mark.parametrize("name", TRIED)
def test_mutating_answer_does_not_pass(name):
    case = cases_of(ALL[name])[0]
    for position in [i for i, argument in enumerate(case) if isinstance(argument, np.ndarray | list)]:
        verdict = examine(name, mutating(name, position), seed=0)
        assert not verdict.solved
        assert "Your function changes its argument" in verdict.text, verdict.text


# What the learner reads


def right(tokens, weights, real):
    kept = np.where(real, weights, 0)
    return (kept[:, :, None] * tokens).sum(axis=1) / kept.sum(axis=1, keepdims=True)


def text_of(answer, name="pool_some"):
    verdict = examine(name, answer, seed=0)
    assert not verdict.solved
    return verdict.text


def test_smallest_failing_case_is_shown():
    def wrong_for_large_batches(tokens, scores, real):
        return right(tokens, scores, real) + (len(tokens) > 2)

    text = text_of(wrong_for_large_batches)
    assert "2 of 4 cases went wrong" in text and "tokens of shape (3, 5, 4)" in text
    assert re.search(r"index \[0, 0\]: expected -?\d\.\d+, got -?\d\.\d+ \(12 of 12 values differ\)", text)


def test_first_difference_has_its_index():
    def one_is_off(tokens, scores, real):
        result = right(tokens, scores, real)
        result[-1, 1] += 1
        return result

    assert "First difference at index [1, 1]" in text_of(one_is_off)


def test_type_shape_dtype_and_nan_are_told_apart():
    def returns(change):
        return text_of(lambda *arguments: change(right(*arguments)))

    assert "The function returns nothing" in returns(lambda result: None)
    assert "The result is of type list, expected is an array of shape (2, 4)" in returns(lambda result: result.tolist())
    assert "The result is of type str" in returns(str)
    assert "The result has the shape (4, 2), expected is (2, 4)" in returns(np.transpose)
    assert "has the type int64, expected are floating-point" in returns(lambda r: (9 * r).astype("int64"))
    assert "got NaN" in returns(lambda result: np.where(result == result[0, 0], np.nan, result))


def test_whole_numbers_truths_and_pairs():
    assert "has the type float64, expected are whole" in text_of(
        lambda *sizes: float(ALL["steps_needed"].truth(*sizes)), "steps_needed"
    )
    truth = ALL["paired_difference"].truth
    assert "expected are 2 results" in text_of(lambda *scores: truth(*scores)[0], "paired_difference")
    assert "returns 3 results, expected are 2" in text_of(lambda *scores: (*truth(*scores), 1), "paired_difference")
    assert "Result number 2" in text_of(lambda *scores: (truth(*scores)[0], 1.0), "paired_difference")
    assert examine("paired_difference", lambda *scores: list(truth(*scores))).solved
    sees = ALL["tokens_that_see"].truth
    assert "of True and False" in text_of(lambda *sizes: sees(*sizes).astype(int), "tokens_that_see")
    assert examine("tokens_that_see", lambda *sizes: ops.convert_to_tensor(sees(*sizes))).solved


def test_keras_tensors_are_accepted():
    assert examine("pool_some", lambda *arguments: ops.convert_to_tensor(right(*arguments))).solved
    assert "First difference" in text_of(lambda *arguments: ops.convert_to_tensor(1 + right(*arguments)))


def test_hint_fits_the_case_that_is_shown_and_most_others():
    sentence = next(iter(ALL["pool_some"].mistakes))
    wrong = ALL["pool_some"].mistakes[sentence]

    def on_small(least):
        return lambda tokens, *rest: wrong(tokens, *rest) + 100 * (tokens.size < least)

    assert sentence in text_of(on_small(0))
    assert sentence not in text_of(on_small(25))  # another mistake in the smallest case
    assert sentence not in text_of(lambda tokens, *rest: wrong(tokens, *rest) + 100 * (tokens.size > 25))  # and in most


def test_error_is_shown_with_the_learners_line():
    def broken(tokens, scores, real):
        weights = scores * real
        return weights @ tokns  # noqa: F821

    text = text_of(broken)
    assert "Your code raised NameError: name 'tokns' is not defined" in text
    assert re.search(r"in line \d+: return weights @ tokns", text) and "Traceback" not in text
    assert __file__ not in text and "marking.py" not in text


def test_error_in_a_function_of_the_learners_is_shown_where_it_was_raised():
    def helper(scores):
        return scores / scores.tokens

    text = text_of(lambda tokens, scores, real: helper(scores))
    assert re.findall(r"in line \d+: (.*)", text) == ["return scores / scores.tokens"]


def test_the_tolerance_grows_with_the_largest_value():
    assert difference(np.array([1000.4, 0.4]), np.array([1000.0, 0.0]), 1e-3) is None
    assert "expected 1, got 1.4" in difference(np.array([1.4]), np.array([1.0]), 1e-3)
    assert difference(np.array([0.00009]), np.zeros(1), 1e-3) is None  # but never below a tenth of its share
    assert difference(np.array([0.00011]), np.zeros(1), 1e-3) is not None


def test_error_inside_numpy_is_shown_with_the_learners_line():
    assert "in line" in text_of(lambda tokens, scores, real: np.concatenate([tokens, scores]))


def test_error_in_a_layer_is_shown():
    class Broken(keras.layers.Layer):
        def __init__(self, queries):
            super().__init__()

        def call(self, tokens):
            return ops.reshape(tokens, (7, 7, 7))

    text = text_of(Broken, "query_pooling")
    assert "Your code raised" in text and "\x1b" not in text


def test_answer_that_is_no_function_and_object_that_is_no_class():
    assert "the answer must be a function, got of type ndarray" in text_of(np.zeros(3))
    layer = keras.layers.Dense(1)
    assert "the answer must be a class, got of type Dense" in text_of(layer, "query_pooling")


def test_interruption_passes_through():
    def interrupted(*arguments):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine("pool_some", interrupted)


def test_unknown_name_lists_the_exercises():
    for ask in (partial(cct.check, answer=right), cct.hint, cct.solution):
        with pytest.raises(ValueError, match="No exercise is called 'patch'.*unpatchify, steps_needed"):
            ask("patch")
    with pytest.raises(ValueError, match="No exercise is called 3"):
        cct.check(3, right)


def test_cases_are_new_each_time_and_of_many_sizes():
    seen = []
    for _ in range(2):
        exercises.passes("cross_attention", lambda queries, keys, values: seen.append(queries))
    half = len(seen) // 2
    assert not any(np.array_equal(one, other) for one, other in zip(seen[:half], seen[half:], strict=True))
    assert len({array.shape for array in seen}) == half


def test_what_an_answer_prints_is_not_repeated_by_the_rules(capsys):
    def loud(tokens, scores, real):
        print("here")
        return right(tokens, scores, real) + np.arange(tokens.shape[2]) ** 2

    assert "First difference" in text_of(loud)
    assert capsys.readouterr().out.count("here") == 4  # once a case


# Rules for mistakes that no author foresaw: (a change of the right result, or an answer; words of the hint)


def soft(scores, axis=-1):
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def pooled(tokens, weights):
    return (weights[:, :, None] * tokens).sum(axis=1)


CHANGES = {
    "The sign is turned round everywhere": lambda r: -r,
    "This is 1 minus the right result": lambda r: 1 - r,
    "Every number is 100 times the right one, as percent": lambda r: 100 * r,
    "bits and nats are mixed up": lambda r: r / np.log(2),
    "Every number is 1.7 times the right one, in every case": lambda r: 1.7 * r,
    "This is the square of the right result": lambda r: r**2,
    "Every number is 1 too large: counted from 1": lambda r: r + 1,
    "Every number is off by the same amount, -0.3": lambda r: r - 0.3,
    "with the axes in another order: transpose(1, 0)": lambda r: r.T,
    "an axis of size 1 too many": lambda r: r[:, None],
    "axis 1 runs backwards": lambda r: r[:, ::-1],
    "Shifted by one along axis 1: everything comes one place too late": lambda r: np.roll(r, 1, axis=1),
    "a reshape does not swap axes": lambda r: r.T.reshape(r.shape),
    "The last entry along axis 1 is missing": lambda r: r[:, :-1],
    "The first entry along axis 0 is one too many": lambda r: np.concatenate([r[:1] + 9, r]),
    "You took the sum over an axis too many: axis 1": lambda r: r.sum(axis=1),
    "That is one number for everything": lambda r: r[0, 0] ** 2,
    "Only the last entry along axis 1 is wrong": lambda r: r + np.eye(r.shape[1])[-1] * (1 + r**2),
    "Make an array of the list": lambda r: r.tolist(),
    "NaN comes from 0 / 0": lambda r: np.where(r > r.mean(), np.nan, r),
}


@pytest.mark.parametrize("words", CHANGES)
def test_rule_knows_a_changed_result(words):
    for seed in SEEDS:
        verdict = examine("pool_some", lambda *arguments: CHANGES[words](right(*arguments)), seed)
        assert not verdict.solved and words in verdict.text.split("Hint: ")[-1], verdict.text


SLIPS = {
    "lacks axis 1: index it with [:, None]": ("class_or_none", lambda s, t: (np.exp(s) / np.exp(s).sum(1)).argmax(1)),
    "[:, :, None] or [:, None, :]": ("packed_attention", lambda q, k, v, t: np.where(t == 0, q @ k.swapaxes(1, 2), 0)),
    "the last axis of a must be as long as": ("cross_attention", lambda q, k, v: q @ k),
    "the sizes must multiply to as many": ("unpatchify", lambda t, size, r, c: t.reshape(len(t), r, c)),
    "an axis of n entries ends at n - 1": ("best_of", lambda scores, k: scores[len(scores)]),
    "Sizes and indices must be whole numbers": ("rows_of", lambda p, n, batch: list(range(batch))[p * batch / n :]),
    "want one number. For arrays: np.where": ("class_or_none", lambda s, t: 1 if s.max(axis=1) > t else -1),
    "The functions of math take one number": ("lay_on_white", lambda image: math.exp(image)),
    "The check calls your function with 3 arguments: tokens, weights, real": ("pool_some", lambda tokens: tokens),
    "A mask of True and False picks from the first axes": ("pool_some", lambda t, s, real: t[real[:, :, None]]),
    "This is one of the arguments, unchanged: image": ("lay_on_white", lambda image: image),
    "The result is the same whatever the arguments are": ("honest_accuracy", lambda val, test: 0.25),
    "would be right with `val` and `test` swapped": ("honest_accuracy", lambda val, test: float(val[test.argmax()])),
    "with `steps` backwards": ("tokens_that_see", lambda p, steps, n: ALL["tokens_that_see"].truth(p, steps[::-1], n)),
    "the root of axis 2 of `tokens`": (
        "pool_queries",
        lambda x, kernel, bias: soft((x @ kernel + bias) / x.shape[2] ** 0.5, axis=1).swapaxes(1, 2) @ x,
    ),
    "An entry along axis 0 of your result changes when the other entries of `logits`": (
        "top_classes",
        lambda logits, k: np.argsort(-logits + logits.mean(axis=0), axis=1)[:, :k],
    ),
    "It goes wrong only in cases in which `weights` holds a zero": (
        "effective_tokens",
        lambda w: ALL["effective_tokens"].truth(w) * (1 + np.any(w == 0, axis=1) * w[:, 1]),
    ),
    "All differences lie where `kept` is False": (
        "skip_dropped",
        lambda branch, x, kept, rate: ALL["skip_dropped"].truth(branch, x, kept, rate) + 3 * ~kept[:, None, None],
    ),
    "too small by the factor axis 1 of `tokens`": ("pool_some", lambda t, s, real: right(t, s, real) / t.shape[1]),
    "`smoothing` were always 0.1": (
        "smoothed_loss",
        lambda logits, labels, s: ALL["smoothed_loss"].truth(logits, labels, 0.1),
    ),
    "`weights` plays no part": ("pool_some", lambda tokens, weights, real: right(tokens, 0 * weights + 1, real) ** 3),
    "but whole ones are wanted: int(...)": (
        "rows_of",
        lambda p, n, batch: np.arange(p * batch / n, (p + 1) * batch / n),
    ),
    "Several results are wanted one by one": (
        "paired_difference",
        lambda changed, base: np.array(ALL["paired_difference"].truth(changed, base)),
    ),
    "An array is wanted: np.array(...)": ("class_weights", lambda labels: tuple(ALL["class_weights"].truth(labels))),
    "True and False are wanted": ("leaked", lambda train, test: ALL["leaked"].truth(train, test).astype(int)),
    "The results are right, in another order": ("fold_norm", lambda *given: ALL["fold_norm"].truth(*given)[::-1]),
}


@pytest.mark.parametrize("words", SLIPS)
def test_rule_knows_a_slip(words):
    name, answer = SLIPS[words]
    for seed in SEEDS:
        verdict = examine(name, answer, seed)
        assert not verdict.solved and words in verdict.text.split("Hint: ")[-1], verdict.text


def test_whole_numbers_that_fit_other_arguments_by_chance_are_no_hint():
    def answer(loss, val_loss, classes):
        if val_loss.min() > 0.95 * np.log(classes):
            return 1
        return ALL["diagnose"].truth(0 * loss, val_loss, classes)

    for seed in SEEDS:
        marking = exercises._mark(ALL["diagnose"], answer, seed)
        assert 0 < len(marking.wrong) < 3 and experiments.right_for_other_arguments(marking) is None


def test_error_of_every_backend_is_explained():
    assert "lacks axis 1" in explain_error(ValueError("Incompatible shapes: [2,3] vs. [2]"), ["x"])
    assert "lacks axis 1" in explain_error(
        TypeError("mul got incompatible shapes for broadcasting: (2, 3), (2,)."), ["x"]
    )
    assert explain_error(RuntimeError("something else"), ["x"]) is None


def test_rule_that_fails_costs_no_verdict(monkeypatch):
    monkeypatch.undo()

    def broken(marking):
        raise ValueError("a rule met something that it did not expect")

    monkeypatch.setattr(diagnosis, "RULES", [broken])
    assert "First difference" in text_of(lambda *arguments: right(*arguments) + 1)


# Hints and solutions, one step at a time


def wrong(tokens, scores, real):
    return right(tokens, scores, real) + 1


def test_hints_come_one_at_a_time_and_stay(capsys):
    hints = ALL["pool_some"].hints
    for seen in range(1, len(hints) + 2):
        cct.hint("pool_some")
        lines = capsys.readouterr().out.splitlines()
        shown = min(seen, len(hints))
        assert lines[:shown] == [f"Hint {n} of {len(hints)}: {text}" for n, text in enumerate(hints[:shown], 1)]
        assert len(lines) == shown + (seen >= len(hints))
    assert lines[-1] == 'These are all. cct.solution("pool_some") shows the worked solution.'


@pytest.mark.parametrize("name", ALL)
def test_solution_is_shown_with_its_reason_and_its_code(name, capsys):
    cct.solution(name)
    out = capsys.readouterr().out
    assert out.startswith("## " + ALL[name].title) and "Wrong turn" in out
    assert SOLUTIONS[name].split("\n\n\ncct.check(")[0] in out and "cct.check" not in out


def test_missing_solutions_are_said_in_one_sentence(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(worked, "FOLDER", tmp_path / "nowhere")
    cct.solution("pool_some")
    assert re.fullmatch(r"The worked solutions are not beside this package: .*\n", capsys.readouterr().out)
    assert record.read() == {}  # nothing was seen


def test_check_reminds_after_three_wrong_tries(capsys):
    for tries in range(1, 5):
        cct.check("pool_some", wrong)
        reminded = 'cct.hint("pool_some") helps' in capsys.readouterr().out
        assert reminded == (tries >= 3)
    cct.check("pool_queries", wrong)
    assert "cct.hint" not in capsys.readouterr().out  # each exercise has its own count


# What is remembered


def state(name):
    return record.read().get(name, {}).get("state", "not begun")


def test_states_of_an_exercise(capsys):
    assert state("pool_some") == "not begun"
    cct.check("pool_some", lambda tokens, scores, real: np.zeros((len(tokens), tokens.shape[2])))
    assert state("pool_some") == "not begun"  # a stub is no attempt
    cct.check("pool_some", wrong)
    assert state("pool_some") == "tried"
    cct.check("pool_some", right)
    assert state("pool_some") == "solved"
    cct.check("pool_some", wrong)
    cct.solution("pool_some")
    assert state("pool_some") == "solved"  # what was solved alone stays so
    cct.solution("honest_accuracy")
    assert state("honest_accuracy") == "tried"
    cct.check("honest_accuracy", ALL["honest_accuracy"].truth)
    assert state("honest_accuracy") == "solved with help"
    cct.hint("top_classes")
    cct.check("top_classes", ALL["top_classes"].truth)
    assert state("top_classes") == "solved"  # a hint is no solution


def test_copied_solution_counts_as_help(tmp_path, monkeypatch):
    for name in ("pool_some", "query_pooling"):
        file = tmp_path / f"copied_{name}.py"
        file.write_text("import keras\nimport numpy as np\nfrom keras import ops\n" + SOLUTIONS[name], encoding="utf-8")
        module = types.ModuleType(file.stem)
        module.cct = cct
        monkeypatch.setitem(sys.modules, file.stem, module)
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), vars(module))
        assert state(name) == "solved with help"
    assert not worked.is_copied("pool_some", right)


def test_a_short_solution_that_others_may_write_too_is_no_copy(tmp_path):
    def answer_from(source):
        file = tmp_path / f"answer_{len(source)}.py"
        file.write_text(source, encoding="utf-8")
        names = {"np": np}
        exec(compile(source, str(file), "exec"), names)
        return names["answer"]

    short = "def answer(tokens):\n    return tokens.mean(axis=1)"
    long = "def answer(tokens):\n    total = 0\n    for token in tokens:\n        total += token\n    return total"
    for source, copied in ((short, False), (short + "  # over the tokens", True), (long, True)):
        page = f'# %%\n{source}\n\n\ncct.check("x", answer)\n'
        assert _is_copied_from(page, answer_from(source), tmp_path) == copied
        assert not _is_copied_from(page.replace("tokens", "them"), answer_from(source), tmp_path)


def _is_copied_from(page, answer, folder):
    """`worked.is_copied` beside solutions that hold this page."""
    (folder / "00_page.py").write_text("# %% [markdown]\n# ## X\n" + page, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worked, "FOLDER", folder)
        return worked.is_copied("x", answer)


def test_progress_lists_states_over_sessions(capsys, kept_in):
    cct.check("pool_some", right)
    cct.check("pool_queries", lambda *arguments: 1.0)
    cct.hint("pool_queries")
    capsys.readouterr()
    record._memory.clear()  # another day: nothing is left but the file
    cct.progress(5)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "notebook 05: 1 of 5 solved",
        f"  · effective_tokens: {ALL['effective_tokens'].title}",
        f"  ✓ pool_some: {ALL['pool_some'].title}",
        f"  ✗ pool_queries: {ALL['pool_queries'].title} (1 try, 1 hint)",
        f"  · query_pooling: {ALL['query_pooling'].title}",
        f"  · is_weighted_mean: {ALL['is_weighted_mean'].title}",
    ]
    assert exercises.solved(5) == {"pool_some"}
    cct.progress()
    out = capsys.readouterr().out
    assert len(re.findall(r"^notebook \d\d", out, re.MULTILINE)) == len(WITH_EXERCISES)
    assert f"Kept between sessions in {kept_in}." in out
    with pytest.raises(ValueError, match="one of the numbers 0, 1, 2, 3, 4, 5, 6, 7, 8.*, got 99"):
        cct.progress(99)


def test_file_holds_nothing_about_the_person(kept_in):
    cct.check("pool_some", right)
    data = json.loads(kept_in.read_text(encoding="utf-8"))
    assert data == {
        "version": 1,
        "exercises": {"pool_some": {"state": "solved", "tries": 0, "hints": 0, "shown": False}},
    }
    assert os.listdir(kept_in.parent) == ["progress.json"]  # no lock and no half-written file is left


def test_default_file_is_in_the_users_data_folder(monkeypatch):
    monkeypatch.delenv("CCT_PROGRESS")
    assert record.file().name == "progress.json" and "cct-course" in record.file().parts
    assert ROOT not in record.file().parents
    monkeypatch.setenv("CCT_PROGRESS", "~/mine.json")
    assert record.file() == Path.home() / "mine.json"


def test_off_keeps_the_list_in_memory(monkeypatch, capsys, kept_in):
    monkeypatch.setenv("CCT_PROGRESS", "off")
    cct.check("pool_some", right)
    assert exercises.solved(5) == {"pool_some"} and not kept_in.exists()
    assert record.lasts() == "This list lasts as long as the kernel."


DAMAGED = ["", "{", "[]", '{"version": 1}', '{"version": 1, "exercises": {"pool_some": 3}}', "\x00\x01"]


@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_file_is_set_aside_with_one_sentence(text, kept_in, capsys):
    kept_in.parent.mkdir()
    kept_in.write_text(text, encoding="utf-8")
    cct.check("pool_some", right)
    cct.progress(5)
    out = capsys.readouterr().out
    assert out.count("was damaged: a new one begins") == 1 and "1 of 5 solved" in out
    assert kept_in.with_name("progress.damaged.json").read_text(encoding="utf-8") == text
    assert json.loads(kept_in.read_text(encoding="utf-8"))["exercises"].keys() == {"pool_some"}


def test_file_of_another_version_is_left_alone(kept_in, capsys):
    kept_in.parent.mkdir()
    text = '{"version": 2, "exercises": []}'
    kept_in.write_text(text, encoding="utf-8")
    cct.check("pool_some", right)
    cct.check("pool_queries", wrong)
    cct.progress(5)
    out = capsys.readouterr().out
    assert out.count("another version of the course (format 2, this one knows 1)") == 1 and "1 of 5 solved" in out
    assert kept_in.read_text(encoding="utf-8") == text


def test_file_that_cannot_be_written_costs_one_sentence(kept_in, capsys, monkeypatch):
    cct.check("pool_some", right)
    before = kept_in.read_text(encoding="utf-8")

    def refuse(source, target):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(record, "_replace", refuse)
    cct.check("honest_accuracy", ALL["honest_accuracy"].truth)
    cct.check("pool_queries", ALL["pool_queries"].truth)
    cct.progress(5)
    out = capsys.readouterr().out
    assert out.count("cannot be written (Read-only file system)") == 1 and "2 of 5 solved" in out
    assert kept_in.read_text(encoding="utf-8") == before and os.listdir(kept_in.parent) == ["progress.json"]


def test_folder_that_cannot_be_made_costs_one_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("CCT_PROGRESS", str(tmp_path / "file" / "progress.json"))
    cct.check("pool_some", right)
    assert exercises.solved(5) == {"pool_some"}
    assert capsys.readouterr().out.count("this session's list lasts as long as the kernel") == 1


def test_nothing_is_written_into_the_repository(monkeypatch, capsys):
    path = ROOT / "notebooks" / "progress.json"
    monkeypatch.setenv("CCT_PROGRESS", str(path))
    cct.check("pool_some", right)
    assert not path.exists() and exercises.solved(5) == {"pool_some"}
    assert "lies in the repository" in capsys.readouterr().out


def test_colab_says_how_long_it_lasts(monkeypatch, capsys):
    monkeypatch.delenv("CCT_PROGRESS")
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setattr(record, "read", dict)
    cct.progress(5)
    assert "as long as the runtime" in capsys.readouterr().out


def add_try(entry):
    return {**entry, "tries": entry["tries"] + 1}


def test_threads_at_once_lose_nothing(kept_in):
    names = [f"exercise_{number % 7}" for number in range(70)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: record.update(name, add_try), names))
    assert {name: entry["tries"] for name, entry in record.read().items()} == {f"exercise_{n}": 10 for n in range(7)}


KERNEL = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("record", sys.argv[1])
record = importlib.util.module_from_spec(spec)
spec.loader.exec_module(record)
for number in range(40):
    record.update(f"{sys.argv[2]}_{number}", lambda entry: {**entry, "state": "solved"})
    record.update("both", lambda entry: {**entry, "tries": entry["tries"] + 1})
"""


def test_two_kernels_at_once_lose_nothing():
    command = [sys.executable, "-c", KERNEL, record.__file__]
    kernels = [subprocess.Popen([*command, name]) for name in ("one", "two")]
    assert [kernel.wait(timeout=120) for kernel in kernels] == [0, 0]
    entries = record.read()
    assert entries.pop("both")["tries"] == 80
    assert entries.keys() == {f"{name}_{number}" for name in ("one", "two") for number in range(40)}


def test_lock_of_a_kernel_that_died_is_broken(kept_in):
    kept_in.parent.mkdir()
    lock = kept_in.with_name("progress.json.lock")
    lock.touch()
    os.utime(lock, (time.time() - 60, time.time() - 60))
    cct.check("pool_some", right)
    assert state("pool_some") == "solved" and not lock.exists()


def test_console_without_the_marks(monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    cct.check("pool_some", right)
    console.flush()
    assert console.buffer.getvalue().startswith(b"[right] pool_some: right")


# For teachers


def test_report_of_this_machine(capsys, tmp_path):
    cct.check("pool_some", right)
    cct.solution("honest_accuracy")
    cct.check("honest_accuracy", ALL["honest_accuracy"].truth)
    cct.check("pool_queries", wrong)
    capsys.readouterr()
    file = tmp_path / "ada.json"
    report.main(["report", "--name", "Ada", "--json", str(file)])
    head, ada, legend = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["learner", "all"] and ada.split()[:3] == ["Ada", f"2/{len(ALL)}", "(1)"]
    (learner,) = json.loads(file.read_text(encoding="utf-8"))["learners"]
    assert (learner["name"], learner["solved"], learner["solved with help"], learner["tried"]) == ("Ada", 1, 1, 1)
    assert learner["exercises"].keys() == ALL.keys() and learner["exercises"]["top_classes"] == "not begun"


def test_report_of_a_class(capsys, tmp_path, kept_in):
    cct.check("pool_some", right)
    report.main(["report", "--name", "Ada", "--json", str(tmp_path / "Ada.json")])
    cct.check("honest_accuracy", ALL["honest_accuracy"].truth)
    (tmp_path / "Grace.json").write_text(kept_in.read_text(encoding="utf-8"), encoding="utf-8")  # the record itself
    capsys.readouterr()
    together = tmp_path / "class.json"
    report.main(["report", str(tmp_path / "*.json"), "--json", str(together)])  # as Windows hands it on
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert rows[1:3] == [["Ada", f"1/{len(ALL)}"], ["Grace", f"2/{len(ALL)}"]]
    assert [one["name"] for one in json.loads(together.read_text(encoding="utf-8"))["learners"]] == ["Ada", "Grace"]


@pytest.mark.parametrize("text", ["{", "[1]", '{"learners": 3}', '{"learners": [{"name": "x"}]}'])
def test_report_refuses_what_is_none(text, tmp_path):
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="x.json is no report and no record"):
        report.main(["report", str(tmp_path / "x.json")])
    with pytest.raises(SystemExit, match="No such file"):
        report.main(["report", str(tmp_path / "y.json")])


# The notebooks with the solutions put in


@pytest.mark.whole
@pytest.mark.parametrize("path", CORE, ids=[path.stem for path in CORE])
def test_notebook_runs_with_the_solutions_put_in(path, tmp_path):
    notebook = make.to_notebook(path.read_text(encoding="utf-8"))
    solutions = cells_of(path.parent / "solutions" / path.name, "solution")
    for number, name in lint.exercises(notebook):
        notebook.cells[number].source = solutions[name]
    number = int(path.name[:2])
    end = f"assert cct.exercises.solved({number}) == {set(solutions)}"
    notebook.cells.append(make.nbformat.v4.new_code_cell(end))
    make.execute(notebook, path.parent)
    assert lint.clean_outputs(notebook, path) == []
