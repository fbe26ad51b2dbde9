"""Does the suite bite? Change one thing in a module, run the module's own tests, and see whether any goes red.

    python -m tests.benchmarks.mutants recipes attention       # of `TESTS`; all of them without a name
    python -m tests.benchmarks.mutants layers --sample 40      # as many mutants, drawn with --seed
    python -m tests.benchmarks.mutants layers --only 12        # one of them again, shown as a change of the source
    python -m tests.benchmarks.mutants layers --survivors      # those of the record again, after a better test

Prints the mutants that live and the share that died, and writes both to mutants.json beside this file. The reason why
one may live is written there by hand, and stays while the same change lives; where no test sees a change of behaviour
it begins with "A gap: ". Each mutant is a copy of the repository with that one change, so that processes which a test
starts see it too. Keras is imported once, and the tests run in forks of that process: this needs Linux or macOS.
Messages are left alone, and how large or thick the parts of a picture are: only what a module does is changed.
"""

import argparse
import ast
import contextlib
import copy
import difflib
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import keras  # noqa: F401  (before the forks: it takes seconds)
import matplotlib.pyplot  # noqa: F401
import numpy as np  # noqa: F401
import pytest
import sklearn.model_selection  # noqa: F401
import tensorflow  # noqa: F401

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("mutants.json")
SECONDS = 300  # for the tests of one mutant
PLOTS = sorted(path.stem for path in (ROOT / "cct_helpers").glob("plots_*.py"))
EXERCISES = {  # module -> the names of its exercises
    path.stem: re.findall(r'Exercise\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "cct_helpers").glob("exercises_*.py"))
}
TESTS = {
    "recipes": ["tests/test_training.py", "-k", "recipe or rate or cosine or field or warm_up or decay or optimizer"],
    "attention": ["tests/test_attention.py", "tests/test_explorer.py::test_votes_and_bias_add_up_to_the_logits"],
    "tokenizers": ["tests/test_layers.py", "-k", "token or position or resiz or pad or config"],
    "layers": ["tests/test_layers.py"],
    "models": ["tests/test_models.py", "-k", "not saved and not mixed"],
    "checkpoint": [
        "tests/test_security.py",
        "tests/test_interruption.py",
        "tests/test_training.py",
        "-k",
        "checkpoint or not killed and not notebook and not security",
    ],
    "costs": ["tests/test_costs.py"],
    "augment": ["tests/test_augment.py"],
    "data": ["tests/test_data.py"],
    "evaluation": ["tests/test_training.py", "-k", "smoothing or scores or predict or top5 or evaluate"],
    "explorer": ["tests/test_explorer.py"],
    "export": ["tests/test_export.py"],
    "faithfulness": ["tests/test_faithfulness.py"],
    "images": ["tests/test_data.py", "tests/test_own_images.py", "-k", "not frozen and not start"],
    "initializers": ["tests/test_layers.py", "-k", "first_weights or normal_refuses or start"],
    "progress_line": ["tests/test_training.py", "-k", "interrupt or output or verbose or terminal or time_left"],
    # with KERAS_BACKEND=jax, and its survivors once more without
    "steps": ["tests/test_training.py", "-k", "steps or learns or learning_rate or moving or growing or resumes"],
    "text": ["tests/test_text.py", "-k", "not reading and not letter and not bar and not confusions"],
    "text_data": ["tests/test_text.py", "-k", "split or languages or shares or babel or encode or reviews"],
    "training": ["tests/test_training.py", "-k", "not killed and not notebook and not recipe and not terminal"],
    "transfer": ["tests/test_own_images.py"],
    "weights": ["tests/test_weights.py", "tests/test_pretrained.py"],
    "widgets": [
        "tests/test_widgets.py",
        "tests/test_own_images.py",
        "-k",
        "test_widgets and not setting_is_drawn or drop",
    ],
    **{name: [f"tests/test_{name}.py"] for name in ("ablation", "environment", "plots")},
    **{name: [f"tests/test_{name}.py"] for name in PLOTS},
    "plots_text": ["tests/test_text.py", "-k", "reading or letter or bar or confusions"],
    **{name: ["tests/test_checks.py", "-k", "not notebook"] for name in ("checks", "exercises")},
    **{
        module: ["tests/test_checks.py", "-k", " or ".join(["in_order", *names])] for module, names in EXERCISES.items()
    },
}
LOOKS = {"width", "height", "margins", "width_ratios", "fontsize", "linewidth", "markersize", "s", "alpha", "shrink"}
LOOKS |= {"pad", "labelpad", "wspace", "hspace", "ncols", "frameon", "rotation", "zorder", "dpi", "xlim", "ylim"}
LOOKS |= {"grid", "set_axisbelow", "set_layout_engine", "subplots_adjust", "set_major_locator", "set_minor_locator"}
LOOKS |= {"set_params", "locator_params", "minorticks_off", "ticklabel_format", "tick_params", "ticks", "yticks"}
SWAPS = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Mod: ast.Mult},
    **{ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr},
}


def is_message(node):
    """Whether a node is a text with values in it."""
    return isinstance(node, ast.JoinedStr)


def draws_cases(node):
    """Whether a node draws the cases of an exercise: a function of `rng` alone. Other sizes would do as well."""
    return isinstance(node, ast.FunctionDef | ast.Lambda) and [one.arg for one in node.args.args] == ["rng"]


def concerns_looks(node):
    """Whether a node only sets how a picture looks, by an argument or a bare call of that name."""
    if isinstance(node, ast.keyword):
        return node.arg in LOOKS or node.arg == "strict"  # of a zip: an assert of the module's own
    call = node.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    return call is not None and isinstance(call.func, ast.Attribute) and call.func.attr in LOOKS


def nodes(tree):
    """All nodes of a tree in the same order, without messages, annotations, decorators, looks and drawn cases."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list", "exc"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST) and not any(f(node) for f in (is_message, concerns_looks, draws_cases)):
                yield node
                yield from nodes(node)


def changes_of(node):
    """The changes that one node allows: functions that make them in place."""
    if isinstance(node, ast.Compare):
        return [lambda n: n.ops.__setitem__(0, SWAPS[type(n.ops[0])]())]
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
        return [lambda n: setattr(n, "op", SWAPS[type(n.op)]())]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return [lambda n: setattr(n, "op", ast.UAdd())]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return [lambda n: setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand))]
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return [lambda n: setattr(n, "value", not n.value)]
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return [lambda n: setattr(n, "value", n.value + 1)]
    if isinstance(node, ast.Return) and node.value is not None:
        return [lambda n: setattr(n, "value", ast.Constant(None))]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return [lambda n: setattr(n, "value", ast.Constant(None))]
    return []


def mutants_of(source):
    """(line, changed source) for every change of a module."""
    tree = ast.parse(source)
    before = ast.unparse(tree)
    places = [(i, k) for i, node in enumerate(nodes(tree)) for k in range(len(changes_of(node)))]
    for i, k in places:
        changed = copy.deepcopy(tree)
        node = next(node for j, node in enumerate(nodes(changed)) if j == i)
        changes_of(node)[k](node)
        text = ast.unparse(changed)
        if text != before:  # a number may be too large to feel 1 more
            yield node.lineno, text


def dies(module, source):
    """Whether the module's tests go red with this source, in a copy of the repository."""
    with tempfile.TemporaryDirectory() as temporary:
        course = Path(temporary) / "course"
        shutil.copytree(ROOT, course, ignore=shutil.ignore_patterns(".*"))
        (course / "cct_helpers" / f"{module}.py").write_text(source, encoding="utf-8")
        return fails_in_a_fork(lambda: run_tests(course, TESTS[module]), SECONDS)


def run_tests(folder, arguments):
    """Leave this process with pytest's exit status in `folder`."""
    os.chdir(folder)
    sys.path[:] = [str(folder), *(path for path in sys.path if path not in ("", str(ROOT)))]
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]  # the copy has its own
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:nbval", "-o", "addopts="]
    os._exit(int(pytest.main([*options, *arguments])))


def fails_in_a_fork(work, seconds):
    """Whether `work` raises an error, takes too long or leaves with a status above 0, in a fork, without a word."""
    child = os.fork()
    if not child:
        signal.alarm(seconds)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
        code = 1
        with open(os.devnull, "w") as nowhere, contextlib.suppress(BaseException):
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            work()
            code = 0
        os._exit(code)
    return os.waitpid(child, 0)[1] != 0


def change_of(before, changed, context=40):
    """A change in words, line before -> line after; of a table over many columns only the place of the change."""
    lines = list(difflib.unified_diff(before.splitlines(), changed.splitlines(), lineterm="", n=0))[3:]
    texts = [line[1:].strip() for line in lines]
    if max(map(len, texts)) > 200:
        start = max(len(os.path.commonprefix(texts)) - context, 0)
        end = max(len(os.path.commonprefix([text[::-1] for text in texts])) - context, 0)
        texts = [text[start : len(text) - end] for text in texts]
    return " -> ".join(texts)


def parser_of(doc, names, sample=None):
    """The command line that this file and notebook_mutants.py have in common."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[], help=names)
    parser.add_argument("--survivors", action="store_true")
    parser.add_argument("--sample", type=int, default=sample)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def read_record():
    """All results so far: name of a module or notebook -> its result."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def choose(possible, name, options):
    """The mutants to try of all possible ones, each of which ends with its change in words, and how many died before.

    With --survivors those that lived are tried, and the others of the record count as they did. The record tells
    changes by their words: where the same one stands at two lines, both are tried and counted once.
    """
    if options.survivors:
        result = read_record()[name]
        chosen = [one for one in possible if one[-1] in result["survivors"]]
        twins = len(chosen) - len({one[-1] for one in chosen})
        return chosen, result["died"] - twins
    count = min(options.sample or len(possible), len(possible))
    return sorted(random.Random(options.seed).sample(possible, count)), 0


def write_down(name, seed, died, alive):
    """Put a result into the record, and print it; the first result and the reasons that stand there are kept."""
    tried = died + len(alive)
    record = read_record()
    before = record.get(name, {})
    survivors = {change: before.get("survivors", {}).get(change, "") for change in alive}
    first = before.get("first", f"{died} of {tried}")
    record[name] = {"first": first, "seed": seed, "tried": tried, "died": died, "survivors": survivors}
    RECORD.write_text(json.dumps(dict(sorted(record.items())), indent=1) + "\n", encoding="utf-8")
    print(f"{name}: {died} of {tried} mutants die, {100 * died / tried:.0f} %", flush=True)


def main():
    parser = parser_of(__doc__, "modules of cct_helpers; all of `TESTS` without a name")
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    os.chdir(ROOT)
    for module in options.names or TESTS:
        source = (ROOT / "cct_helpers" / f"{module}.py").read_text(encoding="utf-8")
        before = ast.unparse(ast.parse(source))
        if dies(module, source):
            sys.exit(f"{module}: its tests are red without a change")
        possible = [
            (number, line, changed, change_of(before, changed))
            for number, (line, changed) in enumerate(mutants_of(source))
        ]
        chosen, died = choose(possible, module, options) if options.only is None else ([possible[options.only]], 0)
        alive = []
        for number, line, changed, change in chosen:
            lives = not dies(module, changed)
            alive += [change] if lives else []
            if lives or options.only is not None:
                print(f"{'lives' if lives else 'dies '} {module}.py:{line} (mutant {number}) {change}", flush=True)
        if options.only is None:
            write_down(module, options.seed, died + len(chosen) - len(alive), alive)


if __name__ == "__main__":
    main()
