"""Records of real runs: where they lie, what made them, and which are out of date.

    python notebooks/scripts/records.py                    # list them; the last line is "N records, M stale"
    python notebooks/scripts/records.py --make             # make the stale ones again that have a maker here
    python notebooks/scripts/records.py --make 04 05       # those of 04 and 05, stale or not

A record is a JSON file in notebooks/results; the prose of the notebooks quotes it. Runs on the digits are made here, by
the functions of the notebook that shows them: a reader can call the same function and get the same numbers. Such a
record holds a fingerprint of what decided its numbers: the code of layers, models, training and augmentation, the
functions of the notebook that it calls, the recipes that these name, and the digits themselves. Comments and docstrings
do not count. It is stale when one of these has changed. The other records in SOURCES are made by a script of their own
beside this one, and hold a fingerprint of that, and of the weights and pages that they read. 07_race_fit,
cifar10_adamw_muon and cifar10_recipe_a, which need a GPU, have no fingerprint and are listed as stale. STALE names the
others that are stale: made by older code, and to be made again.

Importing this module puts the root of the repository on the path, so that each script here runs as
`python notebooks/scripts/NAME.py`.
"""

import argparse
import ast
import datetime
import functools
import hashlib
import itertools
import json
import os
import platform
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
RESULTS = NOTEBOOKS / "results"
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

DECIDING = ("layers", "models", "training", "recipes", "augment")  # modules of cct_helpers; of RECIPES, those named

# Record -> the notebook's function that makes one run, and the values of its arguments: all combinations are run.
MAKERS = {
    "01_patch_against_conv": (
        "recorded_run",
        dict(
            seed=(0, 1, 2),
            epochs=(8, 40),
            tokenizer=("patches of 2", "patches of 4", "patches of 8", "convolutions"),
        ),
    ),
    "02_three_positions": (
        "recorded_run",
        dict(seed=(0, 1, 2), tokenizer=("patches", "convolutions"), kind=("none", "sine", "learned")),
    ),
    "04_with_and_without": ("train", dict(seed=(0, 1, 2), rate=(0.0, 0.1, 0.5))),
    "05_three_poolings": (
        "recorded_run",
        dict(seed=(0, 1, 2), kind=("class token", "average", "sequence", "softmax of one")),
    ),
    "07_digits_rivals": ("train_rival", dict(seed=(0, 1, 2), name=("ViT-Lite", "CVT", "CCT"))),
    "15_patients": ("recorded_run", dict(seed=(0, 1, 2), patient=tuple(range(15)))),
    "16_hundred_classes": ("recorded_run", dict(seed=(0, 1, 2), name=("ResNet", "CCT", "CCT without positions"))),
}

# Record -> file -> its functions and values that decide the numbers, besides the modules above and the notebook's own
# functions. What they name counts as well, if it stands before them in the file; what stands after them is listed. Of a
# file that is no Python, such as weights or a script of the page, the list is empty and every byte counts. A record
# that is not among the MAKERS is made by a script of its own.
SHIPPED = ("cct_2_3x2_32_cifar10", "cct_2_3x2_16_digits", "cvt_2_4_32_cifar10", "vit_lite_2_4_32_cifar10")
PAGE = ("live_kernel.wasm", "live_pass.js", "live.js", "live.html", "page.js", "page.css")
LIVE_MODEL = (
    *("live_model", "rounded", "live_spec", "keras_axes", "live_layout", "live_pictures", "grain_of", "check_live"),
    *("page_of", "as_json", "source", "framed", "check_finite", "checked_names"),
)
FAITHFULNESS = (
    *("mean_fill", "blurred_fill", "maps_of", "compare_orders", "removal_counts", "area", "order_of", "spearman"),
    *("largest_shared", "OTHERS"),
)
OF_2021 = {"notebooks/scripts/keras_io_2021.py": ["build_keras_io_2021"]}
SMALLER = {"cct_helpers/images.py": ["shrink", "resize"]}
ABLATION, GRIDS = "cct_helpers/topics/ablation.py", "notebooks/scripts/grid_runs.py"
SCALING = "notebooks/scripts/scaling_runs.py"
START_FROM = "write_digits _write_digit start_from with_head_of freeze_all_but_head balanced class_accuracies".split()
OWN_IMAGES = {"cct_helpers/topics/own_images.py": START_FROM, "cct_helpers/weights/cct_2_3x2_32_cifar10.npz": []}
SOURCES = {
    "00_live_model": {
        "notebooks/scripts/live_speed.py": ["prices", "speeds"],
        "tests/support/browser.py": ["launched"],
        "cct_helpers/explorer.py": LIVE_MODEL,
        "cct_helpers/weights.py": ["load_pretrained", "build_from_card", "reference_weights"],
        "cct_helpers/attention.py": ["blocks_of"],
        "cct_helpers/topics/export.py": ["export", "WRITERS", "_format_of", "_quiet"],
        **{f"cct_helpers/{file}": [] for file in PAGE},
        **{f"cct_helpers/weights/{model}.npz": [] for model in (*SHIPPED, "cct_7_3x1_32_cifar10")},
    },
    "07_pilots": {GRIDS: ["PILOTS", "train_pilots"], "cct_helpers/images.py": ["shrink", "shrunk_sides", "resize"]},
    "07_race_step": {"notebooks/scripts/race_step.py": ["turn", "in_a_process", "summary"], **OF_2021},
    "07_race_time": {
        "notebooks/scripts/race_time.py": ["run", "RUNS"],
        "cct_helpers/images.py": ["shrink", "shrunk_sides", "resize"],
        **OF_2021,
    },
    "07_time_fit": {"notebooks/scripts/time_fit.py": ["turn"]},
    "08_faithfulness_cifar10": {
        "notebooks/scripts/faithfulness_runs.py": "deletion heavy_tokens confidence FILLS NAME IMAGES".split(),
        "notebooks/08_looking_inside.py": ["measure"],
        "cct_helpers/topics/faithfulness.py": FAITHFULNESS,
        "cct_helpers/attention.py": "attention_maps attention_rollout pooling_weights token_votes".split(),
        "cct_helpers/weights.py": ["load_pretrained", "build_from_card"],
        "cct_helpers/weights/cct_2_3x2_32_cifar10.npz": [],
    },
    "09_parts": {ABLATION: ["build_parts", "PARTS", "TWO_PARTS"], GRIDS: ["train_parts"]},
    "09_ladder": {GRIDS: ["ladder", "train_ladder"], **OF_2021, **SMALLER},
    "09_from_the_top": {GRIDS: ["from_the_top", "train_ladder"], **OF_2021, **SMALLER},
    "10_rates": {GRIDS: ["RATES", "train_rates"], **SMALLER},
    "10_stronger": {GRIDS: ["STRONGER", "train_stronger_and_mirror"], **SMALLER},
    "10_distillation": {
        "notebooks/scripts/distillation_runs.py": ["train"],
        "cct_helpers/weights/cct_7_3x1_32_cifar10.npz": [],
    },
    "11_ways_to_start": {"notebooks/scripts/own_images.py": ["start"], **OWN_IMAGES},
    "11_choices": {"notebooks/scripts/own_images.py": ["train", "measure"], **OWN_IMAGES},
    "12_languages": {
        "cct_helpers/topics/text.py": "load_names alphabet encode fill_up build_text_cct compile_text_cct".split(),
        "notebooks/scripts/text_runs.py": ["n_grams", "train_cct"],
    },
    "13_cpu": {SCALING: "one_machine_jobs step_seconds pipeline_seconds timed stored_bytes size_of".split()},
    "14_cpu": {
        SCALING: "many_machines_jobs imagenet_memory stored_bytes size_of process_seconds".split(),
        "notebooks/scripts/many_processes.py": ["main"],
    },
    "16_hundred_classes": {"cct_helpers/topics/convnets.py": ["build_resnet"]},
    "16_against_a_convnet": {
        "cct_helpers/topics/convnets.py": ["build_resnet", "move", "cover"],
        "notebooks/scripts/convnet_runs.py": ["sweep", "race"],
    },
}
# Records that older code made, by name. Whoever makes one again takes it out.
STALE = set()


def processor():
    """The name of the processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def machine(packages=("keras", "tensorflow", "jax", "numpy")):
    """Cores, processor, and the versions of Python and of those packages that are installed: a dict."""
    # The library says its version: on Linux the package of TensorFlow is tensorflow-cpu, and a look-up by name fails.
    installed = {name: import_module(name).__version__ for name in packages if find_spec(name)}
    return {"cores": os.cpu_count(), "processor": processor(), "python": platform.python_version()} | installed


def write(path, record):
    """Replace the file of a record; where that fails, the old one stays."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def source_of(name):
    """The .py of the notebook that a record belongs to, by the number that both begin with."""
    (path,) = NOTEBOOKS.glob(f"{name[:2]}_*.py")
    return path


def bare(node):
    """The code of a syntax tree without comments, docstrings and layout, as text: the same on every Python.

    `ast.unparse` and `ast.dump` would not do: how they write some expressions changes between versions of Python.
    """
    if isinstance(node, list):
        return f"[{', '.join(map(bare, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    first, *rest = fields["body"] if isinstance(fields.get("body"), list) and fields["body"] else [None]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        fields["body"] = rest
    if isinstance(node, ast.JoinedStr):  # Python 3.12 has empty texts in some f-strings
        fields["values"] = [value for value in node.values if getattr(value, "value", None) != ""]
    # An empty field says nothing, and newer versions have more of them.
    said = [f"{name}={bare(value)}" for name, value in fields.items() if value is not None and value != []]
    return f"{type(node).__name__}({', '.join(said)})"


def outer_names(statement):
    """The names that a statement takes from outside: those it reads, without those it gives a value itself."""
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(statement) if isinstance(node, ast.arg)}
    outer = {node.id for node in names if isinstance(node.ctx, ast.Load)} - own
    for default in getattr(getattr(statement, "args", None), "defaults", []):  # train(rate, recipe=recipe): both
        outer |= {node.id for node in ast.walk(default) if isinstance(node, ast.Name)}
    return outer


def statements_behind(path, function):
    """What a top-level function of a notebook's .py needs of it: imports, and functions, classes, values it names."""
    imports, defined = [], {}  # name -> the last statement that gives it a value, and those that change it later
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imports.append(statement)
        elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
            defined[statement.name] = [statement]
        elif isinstance(statement, ast.Assign):
            for node in (node for target in statement.targets for node in ast.walk(target)):
                if isinstance(node, ast.Name):  # x = ... gives a value, x["key"] = ... changes one
                    before = [] if isinstance(node.ctx, ast.Store) else defined.get(node.id, [])
                    defined[node.id] = [*before, statement]
        elif isinstance(statement, ast.AugAssign):
            name = next(node.id for node in ast.walk(statement.target) if isinstance(node, ast.Name))
            defined[name] = [*defined.get(name, []), statement]
        if isinstance(statement, ast.FunctionDef) and statement.name == function:
            break
    needed, waiting = [], [function]
    while waiting:
        for statement in defined.get(waiting.pop(), []):
            if statement not in needed:
                needed.append(statement)
                waiting += outer_names(statement)
    return imports, sorted(needed, key=lambda statement: statement.lineno)


@functools.cache
def hash_of_digits():
    """A hash of the arrays that `load_dataset("digits")` gives."""
    import cct_helpers as cct

    return hashlib.sha256(b"".join(array.tobytes() for array in cct.load_dataset("digits")[:6])).hexdigest()


def is_of_recipes(statement):
    """Whether a statement gives a value to `RECIPES` or to one of its names."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return getattr(getattr(target, "value", target), "id", "") == "RECIPES"


def recipes_named_in(statements):
    """The recipes of `RECIPES` that are named in some code, and those that they are made from: name -> its code."""
    recipes = {}
    for statement in filter(is_of_recipes, ast.parse((ROOT / "cct_helpers/recipes.py").read_text("utf-8")).body):
        if isinstance(statement.value, ast.Dict):
            keys = [key.value for key in statement.value.keys]
            recipes |= dict(zip(keys, statement.value.values, strict=True))
        else:
            recipes[statement.targets[0].slice.value] = statement.value
    named, waiting = {}, list(statements)
    while waiting:
        for node in ast.walk(waiting.pop()):
            name = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
            if name in recipes and name not in named:
                named[name] = recipes[name]
                waiting.append(recipes[name])
    return named


def fingerprint(name):
    """A hash of the code and the data that decide the numbers of a record."""
    texts, own = [], []
    for module in DECIDING:
        code = ast.parse((ROOT / f"cct_helpers/{module}.py").read_text(encoding="utf-8")).body
        texts.append(bare([statement for statement in code if not is_of_recipes(statement)]))
    for path, functions in SOURCES.get(name, {}).items():
        for function in functions:
            own += statements_behind(ROOT / path, function)[1]
        if not functions:
            texts.append(hashlib.sha256((ROOT / path).read_bytes()).hexdigest())
    if name in MAKERS:
        function, settings = MAKERS[name]
        own += statements_behind(source_of(name), function)[1]
        texts += [json.dumps(settings), hash_of_digits()]
    texts += map(bare, own)
    texts += [f"{recipe}={bare(code)}" for recipe, code in sorted(recipes_named_in(own).items())]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def is_stale(name):
    """Whether a record was made by other code than today's, as far as can be told, or not at all."""
    if not (RESULTS / f"{name}.json").exists():
        return True
    record = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return name not in MAKERS | SOURCES or record.get("fingerprint") != fingerprint(name)


def hash_of_file(path):
    """A hash of a file's bytes, by which a record names its images. Packed otherwise, the same images have another."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def kept(name, file, **same):
    """What there is of a record, whole or begun, if today's code made it.

    Args:
        name: of the record.
        file: its path; a file .begun beside it, with a part of its runs, comes first.
        **same: what its head must say, such as the data or the machine of its runs.

    Returns:
        The record as a dict, empty where all of it has to be made.
    """
    for path in (file.with_suffix(".begun"), file):
        record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        of_today = record.get("fingerprint") == fingerprint(name)
        if of_today and all(record.get(key) == value for key, value in same.items()):
            return record
    return {}


def keep(record, file, whole):
    """Write a record: to its file if it is whole, until then to one .begun beside it, which no notebook reads.

    Args:
        record: a dict.
        file: the path of the whole record, which stays as it is until then.
        whole: whether all of its runs are there.
    """
    half = file.with_suffix(".begun")
    write(file if whole else half, record)
    if whole:
        half.unlink(missing_ok=True)


def begun(name, command, **more):
    """The record of a script with the runs that today's code made, or a new one without runs.

    Args:
        name: of the record.
        command: that makes it.
        **more: what else stands in its head. "data", if there, must be that of the runs, or these are made again.
    """
    record = kept(name, RESULTS / f"{name}.json", data=more.get("data"))
    record = record or {"command": command, "fingerprint": fingerprint(name), "runs": []}
    return record | {"date": str(datetime.date.today()), "machine": machine()} | more


def function_of(path, function):
    """A function of a notebook, with what it needs of it and nothing else run."""
    imports, needed = statements_behind(path, function)
    names = {}
    exec(compile(ast.Module([*imports, *needed], []), str(path), "exec"), names)
    return names[function]


def rounded(value):
    """A run with its numbers to 6 digits, its tuples' last dict taken (a function may return a model before it)."""
    value = next(part for part in value if isinstance(part, dict)) if isinstance(value, tuple) else value
    return json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.6g}"))


def make(name):
    """Make a record; runs that were made by today's code are kept, so that a stopped one goes on."""
    function, settings = MAKERS[name]
    path, begun = RESULTS / f"{name}.json", RESULTS / f"{name}.begun"
    os.environ["CCT_PROFILE"] = "quick"
    print_was = fingerprint(name)
    kept = json.loads(begun.read_text(encoding="utf-8")) if begun.exists() else {}
    runs = kept.get("runs", {}) if kept.get("fingerprint") == print_was else {}
    run = function_of(source_of(name), function)
    for values in itertools.product(*settings.values()):
        setting = dict(zip(settings, values, strict=True))
        key = json.dumps(setting)
        if key not in runs:
            started = time.perf_counter()
            runs[key] = setting | rounded(run(**setting))
            runs[key]["made_in_seconds"] = round(time.perf_counter() - started, 1)
            keep({"fingerprint": print_was, "runs": runs}, path, whole=False)
            print(name, setting, f"{runs[key]['made_in_seconds']} s", flush=True)
    record = {"command": f"python notebooks/scripts/records.py --make {name[:2]}", "fingerprint": print_was}
    record |= {"function": f"{function} in notebooks/{source_of(name).name}", "date": str(datetime.date.today())}
    record |= {"machine": machine(), "runs": list(runs.values())}
    keep(record, path, whole=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*", metavar="NN", help="numbers of notebooks; all without one")
    parser.add_argument("--make", action="store_true", help="make the stale records again that have a maker here")
    wanted = parser.parse_args()
    names = sorted({path.stem for path in RESULTS.glob("*.json")} | set(MAKERS))
    names = [name for name in names if not wanted.numbers or name[:2] in wanted.numbers]
    if wanted.make:
        for name in names:
            if name in MAKERS and (wanted.numbers or is_stale(name)):
                make(name)
    for name in names:
        if not (RESULTS / f"{name}.json").exists():
            print(f"{name:35} stale  never made")
            continue
        record = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        runs = record.get("runs", []) if isinstance(record, dict) else record
        seconds = sum(run.get("made_in_seconds", 0) for run in runs if isinstance(run, dict))
        cost = f"{seconds:,.0f} s" if seconds else "-"
        state = "stale" if is_stale(name) else "fresh"
        made = record.get("date", "-") if isinstance(record, dict) else "-"
        print(f"{name:35} {state:6} made {made:11} cost {cost:8} {len(runs)} runs")
    print(f"{len(names)} records, {sum(map(is_stale, names))} stale")


if __name__ == "__main__":
    main()
