"""Every exercise: its stub is not right, its solution is, common mistakes get their own hint, and nothing cheats."""

import io
import re
import sys
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
from cct_helpers.exercises import all_exercises, difference, examine
from tests.wrong_answers import WRONG

ALL = all_exercises()
EXERCISES = list(ALL.values())
ROOT = Path(__file__).resolve().parents[1]
PATHS = [path for path in lint.sources() if path.parent.name == "notebooks"]
CORE = [path for path in PATHS if path.name[:2] <= "08"]
OF_THE_CORE = {exercise.name for exercise in EXERCISES if exercise.notebook < len(CORE)}
WITH_EXERCISES = [path for path in PATHS if int(path.name[:2]) in {exercise.notebook for exercise in EXERCISES}]
SEEDS = range(3)
LAYERS = {"pooling_layer", "scale_tokens"}  # the answer is a class
WRONG_CASES = [(name, number) for name in WRONG for number in range(len(WRONG[name]))]


def cells_of(path, tag):
    """Exercise name -> source of its cell in the notebook at `path`."""
    notebook = make.to_notebook(path.read_text(encoding="utf-8"))
    return {name: notebook.cells[number].source for number, name in lint.exercises(notebook, tag)}


STUBS = {name: source for path in WITH_EXERCISES for name, source in cells_of(path, "exercise").items()}
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
def empty_score(monkeypatch):
    monkeypatch.setattr(exercises, "SCORE", {})


# The notebooks have every exercise


def test_there_are_enough_exercises():
    assert len(OF_THE_CORE) >= 30
    for number in range(len(CORE)):
        assert 3 <= sum(exercise.notebook == number for exercise in EXERCISES) <= 5


@pytest.mark.parametrize("path", WITH_EXERCISES, ids=[path.stem for path in WITH_EXERCISES])
def test_notebook_and_solutions_have_their_exercises_in_order(path):
    names = [exercise.name for exercise in EXERCISES if exercise.notebook == int(path.name[:2])]
    assert list(cells_of(path, "exercise")) == names
    assert list(cells_of(path.parent / "solutions" / path.name, "solution")) == names
    notebook = make.to_notebook(path.read_text(encoding="utf-8"))
    for number, name in lint.exercises(notebook):
        heading, text = notebook.cells[number - 1].source.split("\n\n", 1)
        assert heading == f"### Exercise: {ALL[name].title}" and len(text) > 40
    assert f"cct.progress({int(path.name[:2])})" in [cell.source for cell in notebook.cells]


def test_every_core_notebook_has_a_trap_and_no_trap_stands_twice():
    titles = {
        path: [trap[1] for trap in lint.traps(make.to_notebook(path.read_text(encoding="utf-8")))] for path in PATHS
    }
    assert all(titles[path] for path in CORE)
    every = sum(titles.values(), [])
    assert len(every) == len(set(every))


# Answers, right and wrong


@pytest.mark.parametrize("name", ALL)
def test_stub_has_the_right_shape_and_is_not_yet_right(name):
    for seed in SEEDS:
        verdict = examine(name, answer_in(STUBS[name]), seed)
        assert not verdict.solved
        assert verdict == ("·", "not yet. The result is still all zeros.")
    exercise, answer = ALL[name], answer_in(STUBS[name])
    for case in cases_of(exercise):
        given, wanted = exercise.call(answer, *case), exercise.truth(*case)
        assert [np.shape(part) for part in _parts(given)] == [np.shape(part) for part in _parts(wanted)]


def _parts(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", ALL)
def test_solution_passes(name):
    for seed in range(8):
        verdict = examine(name, answer_in(SOLUTIONS[name]), seed)
        assert verdict.solved and verdict.text.startswith("right, in "), verdict.text


@pytest.mark.parametrize("name", ALL)
def test_every_hint_has_a_wrong_answer(name):
    given = [[text for text in ALL[name].hints if hint in text] for _, hint in WRONG[name]]
    assert sorted(given) == sorted([text] for text in ALL[name].hints)  # words of one hint only, and none is left
    assert len(given) >= 3


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
@pytest.mark.parametrize("name, number", WRONG_CASES, ids=[f"{name}-{number}" for name, number in WRONG_CASES])
def test_wrong_answer_gets_its_own_hint(name, number):
    exercise, (answer, words) = ALL[name], WRONG[name][number]
    (wrong,) = (function for hint, function in exercise.hints.items() if words in hint)
    for seed in SEEDS:
        verdict = examine(name, answer, seed)
        assert not verdict.solved
        assert words in verdict.text.split("Hint: ")[-1], verdict.text
        for case in cases_of(exercise, seed):  # the mistake is the same in every case, not only where a hint is found
            given, expected = exercises.run(partial(exercise.call, answer), case, ()), exercises.run(wrong, case, ())
            assert exercises._alike(given, expected, exercise) or both_overflow(given.value, expected.value)


def both_overflow(value, other):
    return isinstance(value, np.ndarray) and not np.isfinite([value, other]).any()


def test_a_result_that_never_changes_is_told_from_one_that_does():
    sentence = "The result is the same whatever the arguments are."
    assert examine("honest_accuracy", lambda val, test: 0.25, 0).text.endswith(sentence)
    assert "Hint" not in examine("honest_accuracy", lambda val, test: float(test.min()), 0).text  # no usual mistake


def constant(name, value):
    """An answer that always returns `value`."""
    if name == "pooling_layer":
        return type("Constant", (Pooling,), {"__call__": lambda self, tokens: value})
    if name == "scale_tokens":
        return type("Constant", (Scale,), {"__call__": lambda self, tokens: value[0]})
    return lambda *arguments: value


class Pooling:
    """What the check needs of a pooling layer, without Keras, which would copy the arguments."""

    def build(self, shape):
        pass

    def set_weights(self, weights):
        self.kernel, self.bias = weights[0][:, 0], weights[1]


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
        assert not examine(name, constant(name, exercise.truth(*case)), seed=0).solved


@pytest.mark.parametrize("name", ALL)
def test_echo_does_not_pass(name):
    arguments = len(cases_of(ALL[name])[0])
    if name in LAYERS:
        base = Pooling if name == "pooling_layer" else Scale
        echoes = [type("Echo", (base,), {"__call__": lambda self, tokens: tokens})]
    else:
        echoes = [lambda *given, i=i: given[i] for i in range(arguments)]
        echoes += [lambda *given, i=i: np.copy(given[i]) for i in range(arguments)]
    for echo in echoes:
        for seed in SEEDS:
            assert not examine(name, echo, seed).solved


def mutating(name, position):
    """The right answer, but it overwrites its argument at `position` afterwards."""
    truth = ALL[name].truth

    def answer(*arguments):
        result = truth(*arguments)
        overwrite(arguments[position])
        return result

    def pool(self, tokens):
        return answer(tokens, self.kernel, self.bias[0])

    def scale(self, tokens):
        return answer(tokens, self.factor)[0]

    if name == "pooling_layer":
        return type("Mutating", (Pooling,), {"__call__": pool})
    return type("Mutating", (Scale,), {"__call__": scale}) if name == "scale_tokens" else answer


def overwrite(argument):
    if isinstance(argument, list):
        argument.append(argument[0])
    else:
        argument[...] = ~argument if argument.dtype == bool else argument + 1


@pytest.mark.parametrize("name", ALL)
def test_mutating_answer_does_not_pass(name):
    case = cases_of(ALL[name])[0]
    positions = [i for i, argument in enumerate(case) if isinstance(argument, np.ndarray | list)]
    if name in LAYERS:
        positions = positions[:1]  # the other arguments become the layer's weights
    numbers_only = {"token_grid", "grid_sines", "expected_branches", "cosine_rates"}
    numbers_only |= {"block_parameters", "tokenizer_parameters"}
    assert bool(positions) == (name not in numbers_only) or name not in OF_THE_CORE
    for position in positions:
        verdict = examine(name, mutating(name, position), seed=0)
        assert not verdict.solved
        assert "Your function changes its argument" in verdict.text or name == "scale_tokens", verdict.text


# What the learner reads


def right(tokens, scores, real):
    weights = np.where(real, np.exp(scores), 0)
    return (weights[:, :, None] * tokens).sum(axis=1) / weights.sum(axis=1, keepdims=True)


def text_of(answer, name="pool_some"):
    verdict = examine(name, answer, seed=0)
    assert not verdict.solved
    return verdict.text


def test_smallest_failing_case_is_shown():
    def wrong_for_large_batches(tokens, scores, real):
        return right(tokens, scores, real) + (len(tokens) > 2)

    text = text_of(wrong_for_large_batches)
    assert "2 of 4 cases went wrong" in text and "tokens of shape (3, 2, 8)" in text
    assert re.search(r"index \[0, 0\]: expected -?\d\.\d+, got -?\d\.\d+ \(24 of 24 values differ\)", text)


def test_first_difference_has_its_index():
    def one_is_off(tokens, scores, real):
        result = right(tokens, scores, real)
        result[-1, 1] += 1
        return result

    assert "First difference at index [0, 1]" in text_of(one_is_off)


def test_type_shape_dtype_and_nan_are_told_apart():
    def returns(change):
        return text_of(lambda *arguments: change(right(*arguments)))

    assert "The function returns nothing" in returns(lambda result: None)
    assert "The result is of type list, expected is an array of shape (1, 2)" in returns(lambda result: result.tolist())
    assert "The result is of type str" in returns(str)
    assert "The result has the shape (2, 1), expected is (1, 2)" in returns(np.transpose)
    assert "has the type int64, expected are floating-point" in returns(lambda r: (9 * r).astype("int64"))
    assert "got NaN" in returns(lambda result: np.where(result == result[0, 0], np.nan, result))


def test_whole_numbers_and_pairs():
    truth = ALL["token_grid"].truth
    assert "has the type float64, expected are whole" in text_of(
        lambda *sizes: tuple(float(n) for n in truth(*sizes)), "token_grid"
    )
    assert "expected are 2 results" in text_of(lambda *sizes: truth(*sizes)[0], "token_grid")
    assert "returns 3 results, expected are 2" in text_of(lambda *sizes: (*truth(*sizes), 1), "token_grid")
    assert "Result number 2" in text_of(lambda *sizes: (truth(*sizes)[0], 1), "token_grid")
    assert examine("token_grid", lambda *sizes: list(truth(*sizes))).solved
    assert examine("token_grid", lambda *sizes: np.array(truth(*sizes), "int32")[[0, 1]].tolist()).solved


def test_keras_tensors_are_accepted():
    assert examine("pool_some", lambda *arguments: ops.convert_to_tensor(right(*arguments))).solved
    assert "First difference" in text_of(lambda *arguments: ops.convert_to_tensor(1 + right(*arguments)))


def test_hint_fits_the_case_that_is_shown():
    def two_mistakes(branch, uniform, rate):  # without the division, and another mistake in the smallest case
        return branch * (uniform >= rate)[:, None, None] + 100 * (len(branch) == 1)

    text = text_of(two_mistakes, "drop_branch")
    assert "branch of shape (1, 2, 3)" in text and "Hint" not in text


def test_error_is_shown_with_the_learners_line():
    def broken(tokens, scores, real):
        weights = scores * real
        return weights @ tokns  # noqa: F821

    text = text_of(broken)
    assert "Your code raised NameError: name 'tokns' is not defined" in text
    assert re.search(r"in line \d+: return weights @ tokns", text) and "Traceback" not in text
    assert __file__ not in text and "exercises.py" not in text


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
    assert "takes 1 positional argument" in text_of(lambda tokens: tokens)


def test_error_in_a_layer_is_shown():
    class Broken(keras.layers.Layer):
        def call(self, tokens):
            return ops.reshape(tokens, (7, 7, 7))

    text = text_of(Broken, "pooling_layer")
    assert "Your code raised" in text and "\x1b" not in text


def test_answer_that_is_no_function():
    assert "the answer must be a function, got of type ndarray" in text_of(np.zeros(3))


def test_interruption_passes_through():
    def interrupted(*arguments):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine("pool_some", interrupted)


def test_unknown_name_lists_the_exercises():
    with pytest.raises(ValueError, match="No exercise is called 'patch'.*unpatchify, token_grid"):
        cct.check("patch", right)
    with pytest.raises(ValueError, match="No exercise is called 3"):
        cct.check(3, right)


def test_cases_are_new_each_time_and_of_many_sizes():
    seen = []
    for _ in range(2):
        examine("attention", lambda queries, keys, values: seen.append(queries))
    half = len(seen) // 2
    assert not any(np.array_equal(one, other) for one, other in zip(seen[:half], seen[half:], strict=True))
    shapes = {array.shape for array in seen}
    assert len(shapes) == half and min(shape[0] for shape in shapes) == 1


def test_check_prints_and_progress_remembers(capsys):
    cct.check("pool_some", right)
    cct.check("pool_some", np.zeros)  # a later mistake does not undo it
    cct.check("sequence_pooling", lambda *arguments: 1)
    cct.check("effective_tokens", lambda weights: np.zeros(len(weights)))  # a stub is no attempt
    out = capsys.readouterr().out
    assert out.startswith("✓ pool_some: right") and "✗ sequence_pooling" in out
    assert exercises.solved(5) == {"pool_some"}
    cct.progress(5)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "notebook 05: 1 of 4 solved"
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "✗ sequence_pooling",
        "✓ pool_some",
        "· effective_tokens",
        "· pooling_layer",
    ]
    cct.progress()
    assert len(re.findall(r"^notebook \d\d", capsys.readouterr().out, re.MULTILINE)) == len(WITH_EXERCISES)
    with pytest.raises(ValueError, match="one of the numbers 0, 1, 2, 3, 4, 5, 6, 7, 8.*, got 99"):
        cct.progress(99)


def test_console_without_the_marks(monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    cct.check("pool_some", right)
    console.flush()
    assert console.buffer.getvalue().startswith(b"[right] pool_some: right")


# The notebooks with the solutions put in


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
